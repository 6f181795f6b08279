"""A grid as a spreadsheet: a row a code, columns recognised by their titles.

In:   .xlsx or .csv; columns code, axe, libellé, définition, inclure, exclure, exemples, lexique, famille, choix, in any order
Out:  Entries; a row of axis "question" is a question, a row of axis "axe" declares an axis; other axes are those that rows name
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import python_calamine

from pipeline.errors import GridError
from pipeline.grid.checks import Entries, Entry
from pipeline.grid.sheet_axes import AXIS, QUESTION, SheetAxes, kind_of
from pipeline.words import fold, slug

_TITLES = {
    "code": ("code", "id", "identifiant", "nom court"),
    "axis": ("axe", "axis", "type"),
    "label": ("libelle", "label", "nom", "name", "intitule"),
    "definition": ("definition", "description", "memo"),
    "include": ("inclure", "inclusion", "inclusions", "inclut", "include"),
    "exclude": ("exclure", "exclusion", "exclusions", "exclut", "exclude"),
    "examples": ("exemples", "exemple", "examples", "example"),
    "lexicon": ("lexique", "mots", "mots cles", "lexicon"),
    "family": ("famille", "parent", "rubrique mere", "categorie", "groupe"),
    "choice": ("choix", "un ou plusieurs", "nombre de codes"),
}
_MEANINGS = {title: column for column, titles in _TITLES.items() for title in titles}
_HEAD_ROWS = 15  # in which the titles are looked for
_LIST_SIGNS = str.maketrans({"\n": ";", "|": ";"})

Row = dict[str, str]


def read_sheet(path: Path) -> Entries:
    """Return the entries of the first sheet with a column of definitions.

    Raises `GridError` when the file cannot be read, no row names its columns, or an axis is likely misspelt.
    """
    for rows in _csv_sheets(path) if path.suffix.lower() == ".csv" else _workbook_sheets(path):
        found = _head(rows)
        if found is not None:
            order, columns = found
            return _entries(rows, order, columns, path)
    expected = "une ligne de titres : code, axe, libellé, définition"
    raise GridError(f"{path.name} : pas de colonne « définition »", expected, "ajouter cette ligne en tête de la feuille")


def _csv_sheets(path: Path) -> list[list[list[str]]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")  # as French spreadsheets save .csv
    separator = max(";\t,", key=lambda sign: max(line.count(sign) for line in text.split("\n")[:_HEAD_ROWS]))
    try:
        return [[*csv.reader(io.StringIO(text), delimiter=separator)]]
    except csv.Error as error:
        raise GridError(f"{path.name} illisible", "un fichier .csv", "l'enregistrer en .xlsx depuis un tableur") from error


def _workbook_sheets(path: Path) -> list[list[list[str]]]:
    try:
        workbook = python_calamine.load_workbook(str(path))
        return [
            [[str(cell) for cell in row] for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)]
            for name in workbook.sheet_names
        ]
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError) as error:
        raise GridError(f"{path.name} illisible", "un classeur .xlsx", "l'ouvrir dans un tableur et l'enregistrer en .xlsx") from error


def _head(rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]] | None:
    """The order of the row of titles, and the place of each column that it names."""
    for order, row in enumerate(rows[:_HEAD_ROWS]):
        columns: dict[str, int] = {}
        for place, title in enumerate(row):
            meaning = _MEANINGS.get(fold(title))
            if meaning is not None:
                columns.setdefault(meaning, place)
        if "definition" in columns and columns.keys() & {"code", "label"}:
            return order, columns
    return None


def _entries(rows: Sequence[Sequence[str]], head: int, columns: dict[str, int], path: Path) -> Entries:
    axes = SheetAxes(path.name)
    codes: list[Entry] = []
    families: dict[str, tuple[str, str, str]] = {}
    questions: list[tuple[str, str]] = []
    filled = list(_filled(rows, head, columns))
    for order, row, kind, name in filled:
        if kind == AXIS:
            axes.declare(name, row, order)
    for order, row, kind, name in filled:
        if kind == QUESTION:
            questions.append((name, row.get("label") or name))
        elif kind != AXIS:
            family = slug(row.get("family", "")) or None
            if family:
                families.setdefault(family, (family, row["family"], f"ligne {order}"))
            codes.append(_entry(row, name, axes.of(row, order), family, f"ligne {order}"))
    axes.refuse_misspelt([code.axis for code in codes])
    return Entries(codes, list(families.values()), questions, axes=axes.entries)


def _filled(rows: Sequence[Sequence[str]], head: int, columns: dict[str, int]) -> Iterator[tuple[int, Row, str, str]]:
    """Line, cells, kind and identifier of each row below the titles that holds anything."""
    for order, cells in enumerate(rows[head + 1 :], start=head + 2):
        row = {name: cells[place].strip() if place < len(cells) else "" for name, place in columns.items()}
        if any(row.values()):
            yield order, row, kind_of(row.get("axis", "")), row.get("code") or slug(row.get("label", ""))


def _entry(row: Row, name: str, axis: str, family: str | None, where: str) -> Entry:
    def text(column: str) -> str:
        return " ".join(row.get(column, "").split())

    def several(column: str) -> tuple[str, ...]:
        parts = row.get(column, "").translate(_LIST_SIGNS).split(";")
        return tuple(" ".join(part.split()) for part in parts if part.strip())

    lists = several("examples"), several("lexicon")
    return Entry(name, axis, text("label"), text("definition"), text("include"), text("exclude"), *lists, family, where)
