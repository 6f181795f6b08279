"""The review sheet (.xlsx): passages with their codes in cells that an analyst corrects offline, from lists.

In:   tables as reviewed, grid
Out:  a .xlsx; `import_sheet` reads it back

The cells hold words; what they stand for is in the sheet of lists, and what a passage bore when it was written in a hidden column.
"""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from pipeline.exchange.codebook import THEME, Entry, build_codebook, walk
from pipeline.grid import Axis, Grid
from pipeline.publish.report.passages import gather_passages, rows_of
from pipeline.publish.text import printable, texts
from pipeline.publish.zipped import undated

NO_THEME = ""  # the theme_id of a passage set aside
WRITTEN_AT = datetime(1980, 1, 1)  # what the file says until a spreadsheet saves it
_CELL_CHARS = 32_767
_MIN_CELLS = 3  # of an axis of several codes: one more than the fullest passage bears, at least so many
_WIDTHS = {"numero": 6, "atelier": 18, "lieu": 24, "avant": 30, "passage": 60, "apres": 30, "raison": 20, "relu": 7, "remarque": 30}
_HIDDEN = ("identifiant", "propose")
_HEAD_ROW = 1  # under the reviewer's name
_FIRST_ROW = 2

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class _Row:
    """A passage, its neighbours, and the codes that it bears, by axis or `theme`."""

    unit: Any
    before: str
    after: str
    reason: str
    codes: dict[str, list[str]]


def sheet_file(tables: Tables, grid: Grid) -> bytes:
    """The content of the sheet: passages in the order of review, those not in the queue after them, in reading order."""
    lists = _lists(build_codebook(grid, tables["themes"], tables["theme_families"]), grid)
    titles = sheet_titles(grid)
    rows = _rows(tables, lists)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}) as workbook:
        workbook.set_properties({"created": WRITTEN_AT, "author": "Ateliers Territoires"})
        _add_passages(workbook, rows, lists, dict(_columns_of(rows, grid)), titles)
        _add_notice(workbook)
        _add_lists(workbook, lists, titles)
    return undated(out.getvalue())


def sheet_titles(grid: Grid) -> dict[str, str]:
    """Axis, or `theme`, → what heads its cells, in the order of the columns."""
    words = texts()["relecture"]
    return {axis.axis: words[axis.axis] if axis.is_standard else axis.label for axis in grid.axes} | {THEME: words[THEME]}


def _lists(entries: tuple[Entry, ...], grid: Grid) -> dict[str, dict[str, str]]:
    """code → the words that stand for it, by axis and for `theme`."""
    lists: dict[str, dict[str, str]] = {axis: {} for axis in sheet_titles(grid)}
    for entry in walk(entries):
        if entry.is_codable:
            lists[entry.axis][entry.code] = entry.name
    lists[THEME][NO_THEME] = texts()["relecture"]["aucun"]
    return lists


def _rows(tables: Tables, lists: Mapping[str, Mapping[str, str]]) -> list[_Row]:
    passages = gather_passages(tables)
    units = list(rows_of(passages.rows))
    queue = {row.unit_id: row for row in rows_of(tables["review_queue"])} if "review_queue" in tables else {}
    codes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for unit_id, axis, code in passages.tags.itertuples(index=False, name=None):
        if code in lists.get(axis, {}):
            codes[unit_id][axis].append(code)
    rows = []
    for place, unit in enumerate(units):
        before, after = (units[near] if 0 <= near < len(units) else None for near in (place - 1, place + 1))
        near = [other.text if other is not None and other.document_id == unit.document_id else "" for other in (before, after)]
        bears = {axis: sorted(codes[unit.unit_id][axis], key=list(lists[axis]).index) for axis in lists if axis != THEME}
        bears[THEME] = [NO_THEME if pd.isna(unit.theme_id) else unit.theme_id]
        named = unit._replace(workshop_id=passages.names[unit.workshop_id])
        rows.append(_Row(named, near[0], near[1], queue[unit.unit_id].reason if unit.unit_id in queue else "", bears))
    return sorted(rows, key=lambda row: queue[row.unit.unit_id].place if row.unit.unit_id in queue else len(units) + 1)


def _columns_of(rows: Sequence[_Row], grid: Grid) -> "list[tuple[str, str]]":
    """The columns in order: a key of their own → what they hold (a column of words, or an axis)."""
    columns = [(name, name) for name in ("numero", "atelier", "lieu", "avant", "passage", "apres")]
    for axis in (*grid.axes, Axis(THEME, THEME, is_exclusive=True)):
        fullest = max((len(row.codes[axis.axis]) for row in rows), default=0)
        n_cells = max(1, fullest) if axis.is_exclusive else max(_MIN_CELLS, fullest + 1)
        columns += [(f"{axis.axis} {n}", axis.axis) for n in range(1, n_cells + 1)]
    return columns + [(name, name) for name in ("relu", "remarque", "raison", "identifiant", "propose")]


def _add_passages(
    workbook: Any, rows: Sequence[_Row], lists: Mapping[str, Mapping[str, str]], columns: Mapping[str, str], titles: Mapping[str, str]
) -> None:
    words = texts()["relecture"]
    sheet = workbook.add_worksheet(words["feuille"])
    head, wrapped = workbook.add_format({"bold": True, "bg_color": "#E8F1F1", "bottom": 1}), {"text_wrap": True, "valign": "top"}
    plain, filled = (
        workbook.add_format(wrapped),
        workbook.add_format(wrapped | {"bg_color": "#FFF8E1", "border": 1, "border_color": "#D9D2BC"}),
    )
    sheet.write_string(0, 0, words["relu_par"], head)
    sheet.write_blank(0, 1, None, filled)
    for place, (key, kind) in enumerate(columns.items()):
        is_list = kind in lists
        number = key.rpartition(" ")[2] if is_list and f"{kind} 2" in columns else ""
        sheet.write_string(_HEAD_ROW, place, f"{titles.get(kind) or words[kind]} {number}".strip(), head)
        is_hidden = kind in _HIDDEN
        sheet.set_column(place, place, 24 if is_list else _WIDTHS.get(kind, 12), None, {"hidden": is_hidden})
        if is_list or kind == "relu":
            source = f"={words['listes']}!{_range(list(lists).index(kind), len(lists[kind]))}" if is_list else [words["oui"]]
            sheet.data_validation(
                _FIRST_ROW, place, max(_FIRST_ROW, len(rows) + 1), place, {"validate": "list", "source": source, "error_type": "warning"}
            )
    for nth, row in enumerate(rows, start=1):
        for place, (key, kind) in enumerate(columns.items()):
            cell = _cell(row, key, kind, nth, lists)
            is_open = kind in lists or kind in ("relu", "remarque")
            if isinstance(cell, int):
                sheet.write_number(_HEAD_ROW + nth, place, cell, plain)
            else:
                sheet.write_string(
                    _HEAD_ROW + nth, place, printable(cell)[:_CELL_CHARS], filled if is_open else None if kind in _HIDDEN else plain
                )
    sheet.freeze_panes(_FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.set_paper(8)  # A3
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_HEAD_ROW)
    sheet.autofilter(_HEAD_ROW, 0, max(_FIRST_ROW, len(rows) + 1), len(columns) - 1)


def _cell(row: _Row, key: str, kind: str, number: int, lists: Mapping[str, Mapping[str, str]]) -> str | int:
    if kind in lists:
        codes, nth = row.codes[kind], int(key.rpartition(" ")[2])
        return lists[kind][codes[nth - 1]] if nth <= len(codes) else ""
    held: dict[str, str | int] = {
        "numero": number,
        "atelier": row.unit.workshop_id,
        "lieu": row.unit.where,
        "avant": row.before,
        "passage": row.unit.text,
        "apres": row.after,
        "raison": row.reason,
        "identifiant": row.unit.unit_id,
        "propose": " ".join(f"{axis}:{code}" for axis, codes in row.codes.items() for code in codes),
    }
    return held.get(kind, "")


def _range(column: int, n_rows: int) -> str:
    """The cells of a list: its words stand in every other column, each before its codes."""
    letter = xl_col_to_name(2 * column)
    return f"${letter}$2:${letter}${max(2, n_rows + 1)}"


def _add_notice(workbook: Any) -> None:
    words = texts()["relecture"]
    sheet = workbook.add_worksheet(words["notice"])
    sheet.set_column(0, 0, 120)
    for place, line in enumerate(words["mode_d_emploi"]):
        sheet.write_string(place, 0, line)


def _add_lists(workbook: Any, lists: Mapping[str, Mapping[str, str]], titles: Mapping[str, str]) -> None:
    sheet = workbook.add_worksheet(texts()["relecture"]["listes"])
    for column, (axis, words) in enumerate(lists.items()):
        sheet.write_string(0, 2 * column, titles[axis])
        sheet.write_string(0, 2 * column + 1, axis)
        for place, (code, name) in enumerate(words.items(), start=1):
            sheet.write_string(place, 2 * column, printable(name))
            sheet.write_string(place, 2 * column + 1, code)
    sheet.set_column(0, 2 * len(lists), 30)
