"""A grid as a spreadsheet: a row a code, columns recognised by their titles.

In:   .xlsx or .csv; columns code, axe, libellé, définition, inclure, exclure, exemples, lexique, famille, in any order
Out:  Entries; a row of axis "question" is a question
"""

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import python_calamine

from pipeline.errors import GridError
from pipeline.grid.checks import Entries, Entry
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
}
_MEANINGS = {title: column for column, titles in _TITLES.items() for title in titles}
_AXES = {"rubrique": "rubrique", "posture": "posture", "pilier": "pilier", "question": "question"}
_HEAD_ROWS = 15  # in which the titles are looked for
_LIST_SIGNS = str.maketrans({"\n": ";", "|": ";"})

Row = dict[str, str]


def read_sheet(path: Path) -> Entries:
    """Return the entries of the first sheet with a column of definitions.

    Raises `GridError` when the file cannot be read, no row names its columns, or an axis is unknown.
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
    codes: list[Entry] = []
    families: list[tuple[str, str, str]] = []
    questions: list[tuple[str, str]] = []
    for order, cells in enumerate(rows[head + 1 :], start=head + 2):
        row = {name: cells[place].strip() if place < len(cells) else "" for name, place in columns.items()}
        if not any(row.values()):
            continue
        axis = _axis(row.get("axis", ""), order, path)
        name = row.get("code") or slug(row.get("label", ""))
        if axis == "question":
            questions.append((name, row.get("label") or name))
            continue
        family = slug(row.get("family", "")) or None
        if family:
            families.append((family, row["family"], f"ligne {order}"))
        codes.append(_entry(row, name, axis, family, f"ligne {order}"))
    return Entries(codes, list({family: (family, label, where) for family, label, where in reversed(families)}.values())[::-1], questions)


def _axis(written: str, order: int, path: Path) -> str:
    """The axis that a cell names, in the singular or the plural; rubrique where it is blank."""
    if not fold(written):
        return "rubrique"
    axis = _AXES.get(fold(written).removesuffix("s"))
    if axis is None:
        raise GridError(f"{path.name}, ligne {order} : axe « {written} »", f"un de : {', '.join(_AXES)}", "corriger la colonne axe")
    return axis


def _entry(row: Row, name: str, axis: str, family: str | None, where: str) -> Entry:
    def text(column: str) -> str:
        return " ".join(row.get(column, "").split())

    def several(column: str) -> tuple[str, ...]:
        parts = row.get(column, "").translate(_LIST_SIGNS).split(";")
        return tuple(" ".join(part.split()) for part in parts if part.strip())

    lists = several("examples"), several("lexicon")
    return Entry(name, axis, text("label"), text("definition"), text("include"), text("exclude"), *lists, family, where)
