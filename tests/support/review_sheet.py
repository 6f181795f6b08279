"""The review sheet as a person fills it."""

import io
from typing import Any

import pandas as pd
import xlsxwriter
from python_calamine import CalamineWorkbook

from pipeline.exchange.review_sheet import sheet_file
from support.exchanged import GRID, Tables

Rows = list[list[Any]]


def rows_of_sheet(content: bytes, name: str = "relecture") -> Rows:
    return (
        CalamineWorkbook.from_filelike(io.BytesIO(content))
        .get_sheet_by_name(name)
        .to_python(skip_empty_area=False)
    )


def filled(
    tables: Tables, changes: dict[tuple[str, str], str], *, author: str = "Lise", saved: str = ""
) -> bytes:
    """The sheet of `tables` as a person fills it: (unit_id, title) → content."""
    content = sheet_file(tables, GRID)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False}) as workbook:
        workbook.set_properties({"created": pd.Timestamp(saved or "1980-01-01").to_pydatetime()})
        for name in ("relecture", "lisez-moi", "listes"):
            sheet, rows = workbook.add_worksheet(name), rows_of_sheet(content, name)
            if name == "relecture":
                rows[0][1] = author
                for (unit_id, title), value in changes.items():
                    (row,) = [
                        row for row in rows[2:] if row[rows[1].index("Identifiant")] == unit_id
                    ]
                    row[rows[1].index(title)] = value
            for place, row in enumerate(rows):
                for column, value in enumerate(row):
                    if value != "":
                        sheet.write(place, column, value)
    return out.getvalue()
