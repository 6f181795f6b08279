"""A review sheet that came back filled, as decisions.

In:   a .xlsx that `sheet_file` wrote and a person filled; tables as reviewed, grid, decisions already taken
Out:  Taken; each line that could not be read is named by its number
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.errors import StudyError, UsageError
from pipeline.exchange.archive import Archive
from pipeline.exchange.codebook import THEME, build_codebook, walk
from pipeline.exchange.review_sheet import NO_THEME, WRITTEN_AT, sheet_titles
from pipeline.exchange.taken import Decision, Taken, counted_reasons, settled_time, take_new
from pipeline.exchange.xml_text import one_line
from pipeline.grid import Grid
from pipeline.ingest.sandbox import read_files
from pipeline.publish.text import texts
from pipeline.settings import IngestSettings
from pipeline.words import fold

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
                return Sheet(path.name, rows[head:], head + 1, _author_above(rows[:head]), codes, _saved_at(path))
    return None


def take_sheet(
    sheet: Sheet, tables: Mapping[str, pd.DataFrame], grid: Grid, *, decisions: pd.DataFrame, author: str | None = None
) -> Taken:
    """Return what the lines marked as read decide, by `author` or else by the name in the sheet.

    What stays in the cells of a line is accepted or added, what went from them is rejected; a line with an unknown word decides nothing.
    Raises `UsageError` where nobody is named.
    """
    who = one_line(author or sheet.author)[:_AUTHOR_CHARS]
    if not who:
        raise UsageError(f"« {sheet.name} » ne dit pas qui a relu", "un nom à côté de « Relu par »", "l'y écrire, ou ajouter --author NOM")
    reader = _Reader(sheet, tables, grid, who)
    for number, cells in enumerate(sheet.rows[1:], start=sheet.head + 1):
        reader.read(number, dict(reader.pairs(cells)))
    new, n_known = take_new(reader.decisions, decisions, tables["tags"])
    return Taken(
        new, n_known, counted_reasons(reason for _, reason, _ in reader.refused), tuple(_line(*refused) for refused in reader.refused)
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
                lists[axis] = {_key(row[place - 1]): row[place] for row in rows[1:] if place < len(row) and row[place - 1]}
    return lists


def _saved_at(path: Path) -> str:
    """When a spreadsheet last saved the file, "" where none did."""
    with Archive(path, _EXPECTED) as archive:
        found = _SAVED.search(archive.read("docProps/core.xml")) if "docProps/core.xml" in archive.names else None
    written = found[1].decode("ascii", "replace") if found else ""
    return "" if written.startswith(WRITTEN_AT.date().isoformat()) else written


class _Reader:
    """Reads a sheet line by line into `decisions`, and into `refused` what it cannot: (line, reason, detail)."""

    def __init__(self, sheet: Sheet, tables: Mapping[str, pd.DataFrame], grid: Grid, author: str) -> None:
        words = texts()["relecture"]
        self._titles = list(sheet.rows[0])
        self._names = {name: words[name] for name in ("relu", "remarque", "identifiant", "propose")}
        self._axis_of = {fold(title): axis for axis, title in sheet_titles(grid).items()}
        self._exclusive = grid.exclusive
        self._units = set(tables["units"]["unit_id"])
        tags = tables["tags"]
        proposed = tags[(tags["source"] == "machine") & tags["is_assigned"]]
        self._proposed = set(proposed[["unit_id", "axis", "code"]].itertuples(index=False, name=None))
        self._known = {axis.axis: {code.code for code in grid.axis(axis.axis)} for axis in grid.axes}
        self._known[THEME] = {*tables["themes"]["theme_id"], NO_THEME}
        self._codes: dict[str, dict[str, str]] = {axis: {} for axis in self._known}
        for entry in walk(build_codebook(grid, tables["themes"], tables["theme_families"])):
            if entry.is_codable:
                self._codes[entry.axis] |= {_key(entry.code): entry.code, _key(entry.name): entry.code}
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
        own = {name: cells.get(self._titles.index(title), "") if title in self._titles else "" for name, title in self._names.items()}
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

    def _decide(self, number: int, unit_id: str, bore: Mapping[str, list[str]], bears: Mapping[str, list[str]], remark: str) -> None:
        """What a line says: its codes, one by one, and its theme where that is another than before."""
        common = {"author": self._author, "unit_id": unit_id, "why": one_line(remark)[:_WHY_CHARS] or None, "decided_at": self._decided_at}
        for axis in (axis for axis in self._known if axis != THEME):
            left = [code for code in bore[axis] if code not in bears[axis]]
            gone = [] if axis in self._exclusive else left  # of an exclusive axis, another code takes its place
            for code in (*bears[axis], *gone):
                if code not in self._known[axis]:
                    self.refused.append((number, UNKNOWN_CODE, code))
                    continue
                word = "accept_tag" if (unit_id, axis, code) in self._proposed else "add_tag"
                self.decisions.append(common | {"action": "reject_tag" if code in gone else word, "axis": axis, "code": code})
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
