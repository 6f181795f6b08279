"""The review sheet (.xlsx): passages with their codes in cells that an analyst corrects offline, from lists.

In:   tables as reviewed, grid
Out:  a .xlsx; `import_sheet` reads it back

The cells hold words; what they stand for is in the sheet of lists, and what a passage bore when it was written in a hidden column.

A review sheet that came back filled, as decisions.
"""

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from pipeline.errors import StudyError, UsageError
from pipeline.exchange.codebook import THEME, Entry, build_codebook, walk
from pipeline.exchange.import_project import (
    Decision,
    Taken,
    counted_reasons,
    settled_time,
    take_new,
)
from pipeline.exchange.xml import Archive, one_line
from pipeline.grid.codes import Axis, Grid
from pipeline.ingest.sandbox import read_files
from pipeline.publish.report.passages import gather_passages, rows_of
from pipeline.publish.text import printable, texts, undated
from pipeline.settings.stages import IngestSettings
from pipeline.text import fold

NO_THEME = ""  # the theme_id of a passage set aside
WRITTEN_AT = datetime(1980, 1, 1)  # what the file says until a spreadsheet saves it
_CELL_CHARS = 32_767
_MIN_CELLS = (
    3  # of an axis of several codes: one more than the fullest passage bears, at least so many
)
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
    with xlsxwriter.Workbook(
        out, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    ) as workbook:
        workbook.set_properties({"created": WRITTEN_AT, "author": "Ateliers Territoires"})
        _add_passages(workbook, rows, lists, dict(_columns_of(rows, grid)), titles)
        _add_notice(workbook)
        _add_lists(workbook, lists, titles)
    return undated(out.getvalue())


def sheet_titles(grid: Grid) -> dict[str, str]:
    """Axis, or `theme`, → what heads its cells, in the order of the columns."""
    words = texts()["relecture"]
    return {
        axis.axis: words[axis.axis] if axis.is_standard else axis.label for axis in grid.axes
    } | {THEME: words[THEME]}


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
    queue = (
        {row.unit_id: row for row in rows_of(tables["review_queue"])}
        if "review_queue" in tables
        else {}
    )
    codes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for unit_id, axis, code in passages.tags.itertuples(index=False, name=None):
        if code in lists.get(axis, {}):
            codes[unit_id][axis].append(code)
    rows = []
    for place, unit in enumerate(units):
        before, after = (
            units[near] if 0 <= near < len(units) else None for near in (place - 1, place + 1)
        )
        near = [
            other.text if other is not None and other.document_id == unit.document_id else ""
            for other in (before, after)
        ]
        bears = {
            axis: sorted(codes[unit.unit_id][axis], key=list(lists[axis]).index)
            for axis in lists
            if axis != THEME
        }
        bears[THEME] = [NO_THEME if pd.isna(unit.theme_id) else unit.theme_id]
        named = unit._replace(workshop_id=passages.names[unit.workshop_id])
        rows.append(
            _Row(
                named,
                near[0],
                near[1],
                queue[unit.unit_id].reason if unit.unit_id in queue else "",
                bears,
            )
        )
    return sorted(
        rows,
        key=lambda row: (
            queue[row.unit.unit_id].place if row.unit.unit_id in queue else len(units) + 1
        ),
    )


def _columns_of(rows: Sequence[_Row], grid: Grid) -> "list[tuple[str, str]]":
    """The columns in order: a key of their own → what they hold (a column of words, or an axis)."""
    columns = [(name, name) for name in ("numero", "atelier", "lieu", "avant", "passage", "apres")]
    for axis in (*grid.axes, Axis(THEME, THEME, is_exclusive=True)):
        fullest = max((len(row.codes[axis.axis]) for row in rows), default=0)
        n_cells = max(1, fullest) if axis.is_exclusive else max(_MIN_CELLS, fullest + 1)
        columns += [(f"{axis.axis} {n}", axis.axis) for n in range(1, n_cells + 1)]
    return columns + [
        (name, name) for name in ("relu", "remarque", "raison", "identifiant", "propose")
    ]


def _add_passages(
    workbook: Any,
    rows: Sequence[_Row],
    lists: Mapping[str, Mapping[str, str]],
    columns: Mapping[str, str],
    titles: Mapping[str, str],
) -> None:
    words = texts()["relecture"]
    sheet = workbook.add_worksheet(words["feuille"])
    head, wrapped = (
        workbook.add_format({"bold": True, "bg_color": "#E8F1F1", "bottom": 1}),
        {"text_wrap": True, "valign": "top"},
    )
    plain, filled = (
        workbook.add_format(wrapped),
        workbook.add_format(
            wrapped | {"bg_color": "#FFF8E1", "border": 1, "border_color": "#D9D2BC"}
        ),
    )
    sheet.write_string(0, 0, words["relu_par"], head)
    sheet.write_blank(0, 1, None, filled)
    for place, (key, kind) in enumerate(columns.items()):
        is_list = kind in lists
        number = key.rpartition(" ")[2] if is_list and f"{kind} 2" in columns else ""
        sheet.write_string(
            _HEAD_ROW, place, f"{titles.get(kind) or words[kind]} {number}".strip(), head
        )
        is_hidden = kind in _HIDDEN
        sheet.set_column(
            place, place, 24 if is_list else _WIDTHS.get(kind, 12), None, {"hidden": is_hidden}
        )
        if is_list or kind == "relu":
            source = (
                f"={words['listes']}!{_range(list(lists).index(kind), len(lists[kind]))}"
                if is_list
                else [words["oui"]]
            )
            sheet.data_validation(
                _FIRST_ROW,
                place,
                max(_FIRST_ROW, len(rows) + 1),
                place,
                {"validate": "list", "source": source, "error_type": "warning"},
            )
    for nth, row in enumerate(rows, start=1):
        for place, (key, kind) in enumerate(columns.items()):
            cell = _cell(row, key, kind, nth, lists)
            is_open = kind in lists or kind in ("relu", "remarque")
            if isinstance(cell, int):
                sheet.write_number(_HEAD_ROW + nth, place, cell, plain)
            else:
                sheet.write_string(
                    _HEAD_ROW + nth,
                    place,
                    printable(cell)[:_CELL_CHARS],
                    filled if is_open else None if kind in _HIDDEN else plain,
                )
    sheet.freeze_panes(_FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.set_paper(8)  # A3
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_HEAD_ROW)
    sheet.autofilter(_HEAD_ROW, 0, max(_FIRST_ROW, len(rows) + 1), len(columns) - 1)


def _cell(
    row: _Row, key: str, kind: str, number: int, lists: Mapping[str, Mapping[str, str]]
) -> str | int:
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
        "propose": " ".join(
            f"{axis}:{code}" for axis, codes in row.codes.items() for code in codes
        ),
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


def _add_lists(
    workbook: Any, lists: Mapping[str, Mapping[str, str]], titles: Mapping[str, str]
) -> None:
    sheet = workbook.add_worksheet(texts()["relecture"]["listes"])
    for column, (axis, words) in enumerate(lists.items()):
        sheet.write_string(0, 2 * column, titles[axis])
        sheet.write_string(0, 2 * column + 1, axis)
        for place, (code, name) in enumerate(words.items(), start=1):
            sheet.write_string(place, 2 * column, printable(name))
            sheet.write_string(place, 2 * column + 1, code)
    sheet.set_column(0, 2 * len(lists), 30)


_EXPECTED = "la feuille de relecture exportée, remplie"
_HEAD_ROWS = 15  # in which the titles are looked for
_AUTHOR_CHARS, _WHY_CHARS = 80, 500
_YES = ("oui", "x", "o", "ok", "vrai", "1")
_SAVED = re.compile(rb"<dcterms:modified[^>]*>([^<]+)<")
UNKNOWN_UNIT = "passage qui n'est plus dans l'étude"
UNKNOWN_CODE = "code inconnu de la grille"
UNKNOWN_THEME = "thème inconnu de l'étude"
NOT_READ = "ligne changée sans « oui » dans la colonne « Relu »"

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Sheet:
    """What a file holds: `rows` from the titles on, `head` the line of the titles, `codes` what words stand for, by axis."""

    name: str
    rows: Rows
    head: int
    author: str
    codes: Mapping[str, Mapping[str, str]]
    saved_at: str


def read_sheet_file(path: Path) -> Sheet | None:
    """Return the sheet of review in `path`; None where the workbook holds none.

    Raises `StudyError` for a file that cannot be read.
    """
    words = texts()["relecture"]
    (reading,) = read_files([path], settings=IngestSettings())
    if reading.error:
        raise StudyError(f"« {path.name} » : {reading.error[0]}", _EXPECTED, reading.error[1])
    sheets = {fold(part.title or ""): part.rows for part in reading.parts}
    for rows in sheets.values():
        for head, row in enumerate(rows[:_HEAD_ROWS]):
            if {words["identifiant"], words["propose"], words["relu"]} <= set(row):
                codes = _codes_of(sheets.get(fold(words["listes"]), ()))
                return Sheet(
                    path.name,
                    rows[head:],
                    head + 1,
                    _author_above(rows[:head]),
                    codes,
                    _saved_at(path),
                )
    return None


def take_sheet(
    sheet: Sheet,
    tables: Mapping[str, pd.DataFrame],
    grid: Grid,
    *,
    decisions: pd.DataFrame,
    author: str | None = None,
) -> Taken:
    """Return what the lines marked as read decide, by `author` or else by the name in the sheet.

    What stays in the cells of a line is accepted or added, what went from them is rejected; a line with an unknown word decides nothing.
    Raises `UsageError` where nobody is named.
    """
    who = one_line(author or sheet.author)[:_AUTHOR_CHARS]
    if not who:
        raise UsageError(
            f"« {sheet.name} » ne dit pas qui a relu",
            "un nom à côté de « Relu par »",
            "l'y écrire, ou ajouter --author NOM",
        )
    reader = _Reader(sheet, tables, grid, who)
    for number, cells in enumerate(sheet.rows[1:], start=sheet.head + 1):
        reader.read(number, dict(reader.pairs(cells)))
    new, n_known = take_new(reader.decisions, decisions, tables["tags"])
    return Taken(
        new,
        n_known,
        counted_reasons(reason for _, reason, _ in reader.refused),
        tuple(_line(*refused) for refused in reader.refused),
    )


def _author_above(rows: Rows) -> str:
    """The name beside « Relu par »."""
    wanted = fold(texts()["relecture"]["relu_par"])
    for row in rows:
        for place, cell in enumerate(row[:-1]):
            if fold(cell) == wanted:
                return next((name for name in row[place + 1 :] if name.strip()), "")
    return ""


def _codes_of(rows: Rows) -> dict[str, dict[str, str]]:
    """The words of each list, folded → what they stand for, by axis."""
    lists: dict[str, dict[str, str]] = {}
    if rows:
        for place, axis in enumerate(rows[0]):
            if place:
                lists[axis] = {
                    _key(row[place - 1]): row[place]
                    for row in rows[1:]
                    if place < len(row) and row[place - 1]
                }
    return lists


def _saved_at(path: Path) -> str:
    """When a spreadsheet last saved the file, "" where none did."""
    with Archive(path, _EXPECTED) as archive:
        found = (
            _SAVED.search(archive.read("docProps/core.xml"))
            if "docProps/core.xml" in archive.names
            else None
        )
    written = found[1].decode("ascii", "replace") if found else ""
    return "" if written.startswith(WRITTEN_AT.date().isoformat()) else written


class _Reader:
    """Reads a sheet line by line into `decisions`, and into `refused` what it cannot: (line, reason, detail)."""

    def __init__(
        self, sheet: Sheet, tables: Mapping[str, pd.DataFrame], grid: Grid, author: str
    ) -> None:
        words = texts()["relecture"]
        self._titles = list(sheet.rows[0])
        self._names = {name: words[name] for name in ("relu", "remarque", "identifiant", "propose")}
        self._axis_of = {fold(title): axis for axis, title in sheet_titles(grid).items()}
        self._exclusive = grid.exclusive
        self._units = set(tables["units"]["unit_id"])
        tags = tables["tags"]
        proposed = tags[(tags["source"] == "machine") & tags["is_assigned"]]
        self._proposed = set(
            proposed[["unit_id", "axis", "code"]].itertuples(index=False, name=None)
        )
        self._known = {
            axis.axis: {code.code for code in grid.axis(axis.axis)} for axis in grid.axes
        }
        self._known[THEME] = {*tables["themes"]["theme_id"], NO_THEME}
        self._codes: dict[str, dict[str, str]] = {axis: {} for axis in self._known}
        for entry in walk(build_codebook(grid, tables["themes"], tables["theme_families"])):
            if entry.is_codable:
                self._codes[entry.axis] |= {
                    _key(entry.code): entry.code,
                    _key(entry.name): entry.code,
                }
        for axis, listed in sheet.codes.items():
            if axis in self._codes:
                self._codes[axis] |= listed
        self._author, self._decided_at = author, settled_time(sheet.saved_at)
        self.decisions: list[Decision] = []
        self.refused: list[tuple[int, str, str]] = []

    def pairs(self, cells: Sequence[str]) -> "list[tuple[int, str]]":
        """The place and content of each cell."""
        return [(place, cell.strip()) for place, cell in enumerate(cells[: len(self._titles)])]

    def read(self, number: int, cells: Mapping[int, str]) -> None:
        """Take line `number` in."""
        own = {
            name: cells.get(self._titles.index(title), "") if title in self._titles else ""
            for name, title in self._names.items()
        }
        if not own["identifiant"]:
            return
        bore, unknown = _before(own["propose"], self._known), ""
        bears: dict[str, list[str]] = {axis: [] for axis in self._known}
        for place, cell in cells.items():
            title = fold(self._titles[place])
            axis = self._axis_of.get(title) or self._axis_of.get(re.sub(r" \d+$", "", title))
            if axis and cell:
                code = self._codes[axis].get(_key(cell))
                unknown = unknown or (f"{axis}:{cell}" if code is None else "")
                bears[axis] += [code] if code is not None and code not in bears[axis] else []
        if fold(own["relu"]) not in _YES:
            if unknown or any(set(bears[axis]) != set(bore[axis]) for axis in bears):
                self.refused.append((number, NOT_READ, ""))
        elif own["identifiant"] not in self._units:
            self.refused.append((number, UNKNOWN_UNIT, own["identifiant"]))
        elif unknown:
            axis, _, cell = unknown.partition(":")
            self.refused.append((number, UNKNOWN_THEME if axis == THEME else UNKNOWN_CODE, cell))
        else:
            self._decide(number, own["identifiant"], bore, bears, own["remarque"])

    def _decide(
        self,
        number: int,
        unit_id: str,
        bore: Mapping[str, list[str]],
        bears: Mapping[str, list[str]],
        remark: str,
    ) -> None:
        """What a line says: its codes, one by one, and its theme where that is another than before."""
        common = {
            "author": self._author,
            "unit_id": unit_id,
            "why": one_line(remark)[:_WHY_CHARS] or None,
            "decided_at": self._decided_at,
        }
        for axis in (axis for axis in self._known if axis != THEME):
            left = [code for code in bore[axis] if code not in bears[axis]]
            gone = (
                [] if axis in self._exclusive else left
            )  # of an exclusive axis, another code takes its place
            for code in (*bears[axis], *gone):
                if code not in self._known[axis]:
                    self.refused.append((number, UNKNOWN_CODE, code))
                    continue
                word = "accept_tag" if (unit_id, axis, code) in self._proposed else "add_tag"
                self.decisions.append(
                    common
                    | {"action": "reject_tag" if code in gone else word, "axis": axis, "code": code}
                )
        theme_id = bears[THEME][0] if bears[THEME] else NO_THEME
        if theme_id not in bore[THEME]:
            if theme_id in self._known[THEME]:
                self.decisions.append(common | {"action": "move_unit", "value": theme_id or None})
            else:
                self.refused.append((number, UNKNOWN_THEME, theme_id))


def _before(written: str, axes: Iterable[str]) -> dict[str, list[str]]:
    """What a passage bore when the sheet was written, by axis."""
    bore: dict[str, list[str]] = {axis: [] for axis in axes}
    for axis, _, code in (part.partition(":") for part in written.split(" ")):
        if axis in bore:
            bore[axis].append(code)
    return bore


def _key(words: str) -> str:
    """Words as they are compared; as they are where they hold no letter."""
    return fold(words) or words.strip()


def _line(number: int, reason: str, detail: str) -> str:
    return f"ligne {number} : {reason}" + (f" « {detail[:60]} »" if detail else "")
