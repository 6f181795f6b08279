"""Write and read the review sheet (.xlsx), where an analyst corrects codes offline.

In:   tables as reviewed, grid; a sheet that came back filled
Out:  a .xlsx; Taken: what its lines decide

Cells hold words; a sheet of lists gives their codes, a hidden column the codes at writing.
"""

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from pipeline.decisions import Decision
from pipeline.decisions.tags import RejectTag, put_code
from pipeline.decisions.themes import MoveUnit
from pipeline.errors import StudyError, UsageError
from pipeline.exchange.codebook import THEME, build_codebook, walk
from pipeline.exchange.import_project import (
    Taken,
    counted_reasons,
    proposed_codes,
    settled_time,
    take_new,
)
from pipeline.exchange.xml import Archive, one_line
from pipeline.grid.codes import Grid
from pipeline.ingest.sandbox import read_files
from pipeline.publish.report.passages import Tables, gather_passages
from pipeline.publish.text import printable, texts, undated
from pipeline.settings.sections import IngestSettings
from pipeline.tables.columns import rows_of
from pipeline.text import fold

NO_THEME = ""  # the theme_id of a passage set aside
WRITTEN_AT = datetime(1980, 1, 1)  # until a spreadsheet saves the file
_CELL_CHARS = 32_767
_MIN_CELLS = 3  # of an axis of several codes
_BEFORE_CODES = ("numero", "atelier", "lieu", "avant", "passage", "apres")
_AFTER_CODES = ("relu", "remarque", "raison", "identifiant", "propose")
_WIDTHS = {
    "numero": 6,
    "atelier": 18,
    "lieu": 24,
    "avant": 30,
    "passage": 60,
    "apres": 30,
    "raison": 20,
    "relu": 7,
    "remarque": 30,
}
_HIDDEN = ("identifiant", "propose")
_HEAD_ROW, _FIRST_ROW = 1, 2  # under the reviewer's name

WordsByCode = Mapping[str, Mapping[str, str]]  # axis, or `theme`, → code → words
CodesByAxis = dict[str, list[str]]


@dataclass(frozen=True)
class _SheetRow:
    unit: Any
    before: str
    after: str
    reason: str
    codes: CodesByAxis


def sheet_file(tables: Tables, grid: Grid) -> bytes:
    """Return the sheet: passages to review first, then in reading order."""
    lists, titles = _lists(tables, grid), sheet_titles(grid)
    rows = _rows(tables, lists)
    out = io.BytesIO()
    options = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    with xlsxwriter.Workbook(out, dict.fromkeys(options, False)) as workbook:
        workbook.set_properties({"created": WRITTEN_AT, "author": "Ateliers Territoires"})
        _add_passages(workbook, rows, lists, _columns(rows, grid), titles)
        _add_notice(workbook)
        _add_lists(workbook, lists, titles)
    return undated(out.getvalue())


def sheet_titles(grid: Grid) -> dict[str, str]:
    """Map each axis, or `theme`, to its column title."""
    words = texts()["relecture"]
    titles = {axis.axis: words[axis.axis] if axis.is_standard else axis.label for axis in grid.axes}
    return titles | {THEME: words[THEME]}


def _lists(tables: Tables, grid: Grid) -> dict[str, dict[str, str]]:
    lists: dict[str, dict[str, str]] = {axis: {} for axis in sheet_titles(grid)}
    for entry in walk(build_codebook(grid, tables["themes"], tables["theme_families"])):
        if entry.is_codable:
            lists[entry.axis][entry.code] = entry.name
    lists[THEME][NO_THEME] = texts()["relecture"]["aucun"]
    return lists


def _rows(tables: Tables, lists: WordsByCode) -> list[_SheetRow]:
    passages = gather_passages(tables)
    units = list(rows_of(passages.rows))
    queue = (
        {row.unit_id: row for row in rows_of(tables["review_queue"])}
        if "review_queue" in tables
        else {}
    )
    codes: dict[str, CodesByAxis] = defaultdict(lambda: defaultdict(list))
    for unit_id, axis, code in passages.tags.itertuples(index=False, name=None):
        if code in lists.get(axis, {}):
            codes[unit_id][axis].append(code)
    befores = ["", *(_neighbour(before, after) for before, after in pairwise(units))]
    afters = [*(_neighbour(after, before) for before, after in pairwise(units)), ""]
    rows = []
    for unit, before, after in zip(units, befores, afters, strict=False):
        bears = {
            axis: sorted(codes[unit.unit_id][axis], key=list(lists[axis]).index)
            for axis in lists
            if axis != THEME
        }
        bears[THEME] = [NO_THEME if pd.isna(unit.theme_id) else unit.theme_id]
        reason = queue[unit.unit_id].reason if unit.unit_id in queue else ""
        named = unit._replace(workshop_id=passages.names[unit.workshop_id])
        rows.append(_SheetRow(named, before, after, reason, bears))
    n_rows = len(rows)
    rank = {unit_id: row.place for unit_id, row in queue.items()}
    return sorted(rows, key=lambda row: rank.get(row.unit.unit_id, n_rows + 1))


def _neighbour(other: Any, unit: Any) -> str:
    return str(other.text) if other.document_id == unit.document_id else ""


def _columns(rows: Sequence[_SheetRow], grid: Grid) -> dict[str, str]:
    axes = {axis.axis: axis.is_exclusive for axis in grid.axes} | {THEME: True}
    columns = {name: name for name in _BEFORE_CODES}
    for axis, is_exclusive in axes.items():
        fullest = max((len(row.codes[axis]) for row in rows), default=0)
        n_cells = max(1, fullest) if is_exclusive else max(_MIN_CELLS, fullest + 1)
        columns |= {f"{axis} {n}": axis for n in range(1, n_cells + 1)}
    return columns | {name: name for name in _AFTER_CODES}


def _add_passages(
    workbook: Any,
    rows: Sequence[_SheetRow],
    lists: WordsByCode,
    columns: Mapping[str, str],
    titles: Mapping[str, str],
) -> None:
    words = texts()["relecture"]
    sheet = workbook.add_worksheet(words["feuille"])
    head = workbook.add_format({"bold": True, "bg_color": "#E8F1F1", "bottom": 1})
    wrapped = {"text_wrap": True, "valign": "top"}
    plain = workbook.add_format(wrapped)
    coloured = {"bg_color": "#FFF8E1", "border": 1, "border_color": "#D9D2BC"}
    filled = workbook.add_format(wrapped | coloured)
    sheet.write_string(0, 0, words["relu_par"], head)
    sheet.write_blank(0, 1, None, filled)
    last_row = max(_FIRST_ROW, len(rows) + 1)
    for column, (key, kind) in enumerate(columns.items()):
        is_list = kind in lists
        number = key.rpartition(" ")[2] if is_list and f"{kind} 2" in columns else ""
        title = f"{titles.get(kind) or words[kind]} {number}".strip()
        sheet.write_string(_HEAD_ROW, column, title, head)
        width = 24 if is_list else _WIDTHS.get(kind, 12)
        sheet.set_column(column, column, width, None, {"hidden": kind in _HIDDEN})
        if is_list or kind == "relu":
            source = _source(kind, lists) if is_list else [words["oui"]]
            rule = {"validate": "list", "source": source, "error_type": "warning"}
            sheet.data_validation(_FIRST_ROW, column, last_row, column, rule)
    for n, row in enumerate(rows, start=1):
        for column, (key, kind) in enumerate(columns.items()):
            cell = _cell(row, key, kind, n, lists)
            style = filled if kind in lists or kind in ("relu", "remarque") else plain
            if isinstance(cell, int):
                sheet.write_number(_HEAD_ROW + n, column, cell, plain)
            else:
                text = printable(cell)[:_CELL_CHARS]
                sheet.write_string(_HEAD_ROW + n, column, text, None if kind in _HIDDEN else style)
    sheet.freeze_panes(_FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.set_paper(8)  # A3
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_HEAD_ROW)
    sheet.autofilter(_HEAD_ROW, 0, last_row, len(columns) - 1)


def _source(kind: str, lists: WordsByCode) -> str:
    """Refer to the words of a list, every other column; codes come between."""
    letter = xl_col_to_name(2 * list(lists).index(kind))
    last_row = max(2, len(lists[kind]) + 1)
    return f"={texts()['relecture']['listes']}!${letter}$2:${letter}${last_row}"


def _cell(row: _SheetRow, key: str, kind: str, number: int, lists: WordsByCode) -> str | int:
    if kind in lists:
        codes, n = row.codes[kind], int(key.rpartition(" ")[2])
        return lists[kind][codes[n - 1]] if n <= len(codes) else ""
    bears = [f"{axis}:{code}" for axis, codes in row.codes.items() for code in codes]
    cells: dict[str, str | int] = {
        "numero": number,
        "atelier": row.unit.workshop_id,
        "lieu": row.unit.where,
        "avant": row.before,
        "passage": row.unit.text,
        "apres": row.after,
        "raison": row.reason,
        "identifiant": row.unit.unit_id,
        "propose": " ".join(bears),
    }
    return cells.get(kind, "")


def _add_notice(workbook: Any) -> None:
    words = texts()["relecture"]
    sheet = workbook.add_worksheet(words["notice"])
    sheet.set_column(0, 0, 120)
    sheet.write_column(0, 0, words["mode_d_emploi"])


def _add_lists(workbook: Any, lists: WordsByCode, titles: Mapping[str, str]) -> None:
    sheet = workbook.add_worksheet(texts()["relecture"]["listes"])
    for i, (axis, words) in enumerate(lists.items()):
        sheet.write_string(0, 2 * i, titles[axis])
        sheet.write_string(0, 2 * i + 1, axis)
        for row, (code, name) in enumerate(words.items(), start=1):
            sheet.write_string(row, 2 * i, printable(name))
            sheet.write_string(row, 2 * i + 1, code)
    sheet.set_column(0, 2 * len(lists), 30)


_EXPECTED = "la feuille de relecture exportée, remplie"
_HEAD_ROWS = 15  # where the titles may be
_AUTHOR_CHARS, _WHY_CHARS = 80, 500
_YES = ("oui", "x", "o", "ok", "vrai", "1")
_SAVED = re.compile(rb"<dcterms:modified[^>]*>([^<]+)<")
UNKNOWN_UNIT = "passage qui n'est plus dans l'étude"
UNKNOWN_CODE = "code inconnu de la grille"
UNKNOWN_THEME = "thème inconnu de l'étude"
NOT_READ = "ligne changée sans « oui » dans la colonne « Relu »"

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class ReviewSheet:
    """A file's content: `head` is the line of titles, `rows` follow from it.

    `codes` map words to codes, by axis.
    """

    name: str
    rows: Rows
    head: int
    author: str
    codes: WordsByCode
    saved_at: str


def read_sheet_file(path: Path) -> ReviewSheet | None:
    """Return the review sheet in `path`, None where there is none.

    Raises `StudyError` for an unreadable file.
    """
    words = texts()["relecture"]
    (reading,) = read_files([path], settings=IngestSettings())
    if reading.error:
        raise StudyError(f"« {path.name} » : {reading.error[0]}", _EXPECTED, reading.error[1])
    sheets = {fold(part.title or ""): part.rows for part in reading.parts}
    for rows in sheets.values():
        for head, row in enumerate(rows[:_HEAD_ROWS]):
            if {words["identifiant"], words["propose"], words["relu"]} <= set(row):
                codes = _codes_in(sheets.get(fold(words["listes"]), ()))
                author = _author_in(rows[:head])
                return ReviewSheet(path.name, rows[head:], head + 1, author, codes, _saved_at(path))
    return None


def _author_in(rows: Rows) -> str:
    title = fold(texts()["relecture"]["relu_par"])
    for row in rows:
        for column, cell in enumerate(row[:-1]):
            if fold(cell) == title:
                return next((name for name in row[column + 1 :] if name.strip()), "")
    return ""


def _codes_in(rows: Rows) -> dict[str, dict[str, str]]:
    lists: dict[str, dict[str, str]] = {}
    for column, axis in enumerate(rows[0] if rows else ()):
        if column:
            lists[axis] = {
                _key(row[column - 1]): row[column]
                for row in rows[1:]
                if column < len(row) and row[column - 1]
            }
    return lists


def _saved_at(path: Path) -> str:
    name = "docProps/core.xml"
    with Archive(path, _EXPECTED) as archive:
        match = _SAVED.search(archive.read(name)) if name in archive.names else None
    written = match[1].decode("ascii", "replace") if match else ""
    return "" if written.startswith(WRITTEN_AT.date().isoformat()) else written


def take_sheet(
    sheet: ReviewSheet,
    tables: Tables,
    grid: Grid,
    *,
    decisions: pd.DataFrame,
    author: str | None = None,
) -> Taken:
    """Return the decisions of lines marked as read, by `author` or the name in the sheet.

    Codes still in a line are accepted or added, missing ones rejected; a line with an unknown word
    decides nothing. Raises `UsageError` without a name.
    """
    coder = one_line(author or sheet.author)[:_AUTHOR_CHARS]
    if not coder:
        raise UsageError(
            f"« {sheet.name} » ne dit pas qui a relu",
            "un nom à côté de « Relu par »",
            "l'y écrire, ou ajouter --author NOM",
        )
    reader = _SheetReader(sheet, tables, grid, coder)
    for number, cells in enumerate(sheet.rows[1:], start=sheet.head + 1):
        reader.read(number, cells)
    new, n_known = take_new(reader.decisions, decisions, tables["tags"], tables["units"])
    reasons = counted_reasons(reason for _, reason, _ in reader.refused)
    return Taken(new, n_known, reasons, tuple(_line(*refused) for refused in reader.refused))


def _line(number: int, reason: str, detail: str) -> str:
    return f"ligne {number} : {reason}" + (f" « {detail[:60]} »" if detail else "")


class _SheetReader:
    def __init__(self, sheet: ReviewSheet, tables: Tables, grid: Grid, author: str) -> None:
        words = texts()["relecture"]
        self._titles = list(sheet.rows[0])
        self._names = {name: words[name] for name in ("relu", "remarque", "identifiant", "propose")}
        self._axis_of = {fold(title): axis for axis, title in sheet_titles(grid).items()}
        self._exclusive = grid.exclusive
        self._unit_ids = set(tables["units"]["unit_id"])
        self._proposed = proposed_codes(tables["tags"])
        lists = _lists(tables, grid)
        self._codes_of = {axis: set(names) for axis, names in lists.items()}
        self._meanings: dict[str, dict[str, str]] = {}
        for axis, names in lists.items():
            self._meanings[axis] = {_key(code): code for code in names if code}
            self._meanings[axis] |= {_key(name): code for code, name in names.items() if code}
            self._meanings[axis] |= sheet.codes.get(axis, {})
        self._author, self._decided_at = author, settled_time(sheet.saved_at)
        self.decisions: list[Decision] = []
        self.refused: list[tuple[int, str, str]] = []

    def read(self, number: int, cells: Sequence[str]) -> None:
        filled = [(title, cell.strip()) for title, cell in zip(self._titles, cells, strict=False)]
        first = dict(reversed(filled))  # of columns of one title, the first
        own = {name: first.get(title, "") for name, title in self._names.items()}
        if not own["identifiant"]:
            return
        before = _codes_before(own["propose"], self._codes_of)
        codes, unknown = self._codes_in_cells(filled)
        if fold(own["relu"]) not in _YES:
            if unknown or any(set(codes[axis]) != set(before[axis]) for axis in codes):
                self.refused.append((number, NOT_READ, ""))
        elif own["identifiant"] not in self._unit_ids:
            self.refused.append((number, UNKNOWN_UNIT, own["identifiant"]))
        elif unknown:
            axis, cell = unknown
            self.refused.append((number, UNKNOWN_THEME if axis == THEME else UNKNOWN_CODE, cell))
        else:
            why = one_line(own["remarque"])[:_WHY_CHARS] or None
            unit_id = own["identifiant"]
            decisions = self._code_decisions(number, unit_id, before, codes)
            decisions += self._theme_decisions(number, unit_id, before[THEME], codes[THEME])
            by: dict[str, Any] = {
                "author": self._author,
                "decided_at": self._decided_at,
                "why": why,
            }
            self.decisions += [replace(decision, **by) for decision in decisions]

    def _codes_in_cells(
        self, filled: Iterable[tuple[str, str]]
    ) -> tuple[CodesByAxis, tuple[str, str] | None]:
        codes: CodesByAxis = {axis: [] for axis in self._codes_of}
        unknown = None
        for title, cell in filled:
            key = fold(title)
            axis = self._axis_of.get(key) or self._axis_of.get(re.sub(r" \d+$", "", key))
            if axis and cell:
                code = self._meanings[axis].get(_key(cell))
                if code is None:
                    unknown = unknown or (axis, cell)
                elif code not in codes[axis]:
                    codes[axis].append(code)
        return codes, unknown

    def _code_decisions(
        self, number: int, unit_id: str, before: CodesByAxis, codes: CodesByAxis
    ) -> list[Decision]:
        """Return one decision a code added or removed.

        An exclusive axis rejects nothing: the new code replaces the old.
        """
        decisions: list[Decision] = []
        for axis in (axis for axis in codes if axis != THEME):
            gone = [code for code in before[axis] if code not in codes[axis]]
            for code in (*codes[axis], *([] if axis in self._exclusive else gone)):
                if code not in self._codes_of[axis]:
                    self.refused.append((number, UNKNOWN_CODE, code))
                    continue
                is_proposed = (unit_id, axis, code) in self._proposed
                if code in gone:
                    decisions.append(RejectTag(unit_id, axis, code))
                else:
                    decisions.append(put_code(unit_id, (axis, code), is_proposed=is_proposed))
        return decisions

    def _theme_decisions(
        self, number: int, unit_id: str, before: list[str], themes: list[str]
    ) -> list[Decision]:
        theme_id = themes[0] if themes else NO_THEME
        if theme_id in before:
            return []
        if theme_id in self._codes_of[THEME]:
            return [MoveUnit(unit_id, None, theme_id or None)]
        self.refused.append((number, UNKNOWN_THEME, theme_id))
        return []


def _codes_before(written: str, axes: Iterable[str]) -> CodesByAxis:
    codes: CodesByAxis = {axis: [] for axis in axes}
    for axis, _, code in (part.partition(":") for part in written.split(" ")):
        if axis in codes:
            codes[axis].append(code)
    return codes


def _key(words: str) -> str:
    """Fold words for comparison, except those without a letter."""
    return fold(words) or words.strip()
