"""Write tables as sheets of an .xlsx: texts as texts, dates as dates, the same bytes each time.

In:   tables by the name of their sheet
Out:  a .xlsx
"""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from pipeline.publish.text import fix_times, printable

SHEET_ROWS = 1_048_575  # under the header
_CELL_CHARS = 32_767  # a spreadsheet's limit
_NARROWEST, _WIDEST, _N_MEASURED = 10, 60, 200  # characters; rows that a width is measured on
_CREATED = datetime.datetime(1980, 1, 1)
_SHADED = {"bold": True, "bg_color": "#E8F1F1", "bottom": 1, "text_wrap": True, "valign": "top"}
_TOP = {"valign": "top"}


class Book:
    """A workbook being written, a sheet after the other."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._head = workbook.add_format(_SHADED)
        self._text = workbook.add_format(_TOP | {"text_wrap": True})
        self._number = workbook.add_format(_TOP)
        self._date = workbook.add_format(_TOP | {"num_format": "dd/mm/yyyy", "align": "left"})

    def add_lines(self, name: str, lines: list[str], table: pd.DataFrame) -> None:
        """Add a sheet of sentences, the first one as its title, then a table."""
        sheet = self._workbook.add_worksheet(name)
        sheet.hide_gridlines(2)
        for column, width in enumerate((26, 70, 50, 10)):
            sheet.set_column(column, column, width)
        title = self._workbook.add_format({"bold": True, "font_size": 14})
        for n, line in enumerate(lines):
            if n:
                sheet.merge_range(n, 0, n, 3, "", self._text)
                sheet.set_row(n, 15 * (1 + len(line) // 150))
            sheet.write_string(n, 0, line, self._text if n else title)
        self._add_rows(sheet, table, first_row=len(lines) + 1)

    def add_table(self, name: str, table: pd.DataFrame) -> None:
        """Add a sheet with a header that stays in sight, filters and wrapped texts."""
        sheet = self._workbook.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for i, column in enumerate(table.columns):
            sheet.set_column(i, i, _width(str(column), table.iloc[:, i]))
        self._add_rows(sheet, table.head(SHEET_ROWS))
        sheet.autofilter(0, 0, min(len(table), SHEET_ROWS), max(0, len(table.columns) - 1))
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)

    def _add_rows(self, sheet: Any, table: pd.DataFrame, first_row: int = 0) -> None:
        for i, name in enumerate(table.columns):
            sheet.write_string(first_row, i, str(name), self._head)
        columns = [_cells(table.iloc[:, i]) for i in range(len(table.columns))]
        for n_row, row in enumerate(zip(*columns, strict=True), start=first_row + 1):
            for i, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(n_row, i, printable(cell)[:_CELL_CHARS], self._text)
                elif isinstance(cell, datetime.date):
                    sheet.write_datetime(n_row, i, cell, self._date)
                elif cell is not None:
                    sheet.write(n_row, i, cell, self._number)


def _width(heading: str, cells: pd.Series) -> int:
    longest = max((len(str(cell)) for cell in _cells(cells.head(_N_MEASURED))), default=0)
    # a heading wraps; its longest word, and the arrow of its filter, must not
    return min(_WIDEST, max(_NARROWEST, longest + 1, *(len(one) + 4 for one in heading.split())))


def _cells(column: pd.Series) -> list[Any]:
    cells: list[Any] = column.to_numpy(dtype=object, na_value=None).tolist()  # type: ignore[call-overload]  # stubs lack None
    return cells


@contextmanager
def new_book(path: Path) -> Iterator[Book]:
    """Give a workbook to fill; it is at `path` once the block ends."""
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "constant_memory": True,
        "default_date_format": "dd/mm/yyyy",
    }
    with xlsxwriter.Workbook(str(path), options) as workbook:
        workbook.set_properties({"created": _CREATED, "author": "Ateliers Territoires"})
        yield Book(workbook)
    fix_times(path)
