"""Read a grid from a spreadsheet: one row per code or axis.

In:   .xlsx or .csv
Out:  Entries
"""

import csv
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import python_calamine

from pipeline.errors import GridError
from pipeline.files import csv_rows
from pipeline.grid.codes import (
    RUBRIQUE,
    STANDARD,
    AxisEntry,
    Entries,
    Entry,
    axis_key,
    choice_of,
    standard_axis,
)
from pipeline.text import fold, slug

QUESTION, AXIS = "question", "axe"  # rows that are no code
_ALIKE = 0.7  # from which an axis with a single code is likely another axis, misspelt


def kind_of(written: str) -> str:
    """Return "" for the row of a code, else the other kind."""
    return next((kind for kind in (QUESTION, AXIS) if axis_key(written) == kind), "")


class SheetAxes:
    """Gathers the axes of a sheet; `name` is its file's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._axes: dict[str, AxisEntry] = {}  # by the folded cell of the column of axes
        self._declared: list[AxisEntry] = []

    @property
    def entries(self) -> list[AxisEntry]:
        """Return the axes that are not standard, in the sheet's order."""
        return sorted(
            dict.fromkeys((*self._declared, *self._axes.values())),
            key=lambda axis: int(axis.where.split()[1]),
        )

    def declare(self, name: str, row: Mapping[str, str], order: int) -> None:
        """Add an axis; call it before `of` for the axis's codes."""
        definition = " ".join(row.get("definition", "").split())
        entry = AxisEntry(
            name, row.get("label") or name, definition, row.get("choice", ""), f"ligne {order}"
        )
        self._declared.append(entry)
        for key in {axis_key(name), axis_key(entry.label)}:
            self._axes[key] = entry

    def of(self, row: Mapping[str, str], order: int) -> str:
        """Return the axis of a code, rubrique for a blank cell.

        Raises `GridError` if two rows of one axis have different choices.
        """
        written, choice = " ".join(row.get("axis", "").split()), row.get("choice", "")
        standard = standard_axis(written) if fold(written) else RUBRIQUE
        if standard is not None:
            if choice and choice_of(choice) is not STANDARD[standard].is_exclusive:
                found = (
                    f"{self._name}, ligne {order} : choix « {choice} » pour l'axe « {standard} »"
                )
                raise GridError(
                    found,
                    "un seul code pour posture, plusieurs pour rubrique et pilier",
                    "vider la case, ou nommer un autre axe",
                )
            return standard
        key = axis_key(written)
        known = self._axes.setdefault(
            key, AxisEntry(slug(written), written, "", choice, f"ligne {order}")
        )
        if choice and not known.choice:
            known = self._with_choice(known, choice)
        elif choice and choice_of(choice) != choice_of(known.choice):
            found = (
                f"{self._name}, ligne {order} : choix « {choice} » pour l'axe « {written} », « "
                f"{known.choice} » plus haut"
            )
            raise GridError(
                found,
                "un seul choix par axe",
                "écrire le même sur toutes ses lignes, ou une seule fois",
            )
        return known.axis

    def refuse_misspelt(self, axes_of_codes: Sequence[str]) -> None:
        """Raise `GridError` for an undeclared axis of one code, nearly another's name."""
        counts = Counter(axes_of_codes)
        for axis in self.entries:
            if counts[axis.axis] != 1 or axis in self._declared:
                continue
            others = [
                name
                for name in (*STANDARD, *(other.axis for other in self.entries))
                if name != axis.axis
            ]
            near = get_close_matches(axis.axis, others, n=1, cutoff=_ALIKE)
            if near:
                found = f"{self._name}, {axis.where} : axe « {axis.label} » pour un seul code"
                raise GridError(
                    found,
                    f"« {near[0]} », ou un axe de plusieurs codes",
                    "corriger la colonne axe, ou déclarer l'axe sur une ligne « axe »",
                )

    def _with_choice(self, known: AxisEntry, choice: str) -> AxisEntry:
        chosen = replace(known, choice=choice)
        self._declared = [chosen if axis is known else axis for axis in self._declared]
        self._axes = {key: chosen if axis is known else axis for key, axis in self._axes.items()}
        return chosen


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
_HEAD_ROWS = 15  # where the titles may be
_LIST_SIGNS = str.maketrans({"\n": ";", "|": ";"})

Row = dict[str, str]


def read_sheet(path: Path) -> Entries:
    """Return the entries of the first sheet with a column of definitions.

    Raises `GridError` for an unreadable file, missing titles, or an axis that is likely misspelt.
    """
    for rows in _csv_sheets(path) if path.suffix.lower() == ".csv" else _workbook_sheets(path):
        found = _head(rows)
        if found is not None:
            order, columns = found
            return _entries(rows, order, columns, path)
    expected = "une ligne de titres : code, axe, libellé, définition"
    raise GridError(
        f"{path.name} : pas de colonne « définition »",
        expected,
        "ajouter cette ligne en tête de la feuille",
    )


def _csv_sheets(path: Path) -> list[list[list[str]]]:
    try:
        return [csv_rows(path.read_bytes(), n_head=_HEAD_ROWS)]
    except csv.Error as error:
        raise GridError(
            f"{path.name} illisible", "un fichier .csv", "l'enregistrer en .xlsx depuis un tableur"
        ) from error


def _workbook_sheets(path: Path) -> list[list[list[str]]]:
    try:
        workbook = python_calamine.load_workbook(str(path))
        return [
            [
                [str(cell) for cell in row]
                for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
            ]
            for name in workbook.sheet_names
        ]
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError) as error:
        raise GridError(
            f"{path.name} illisible",
            "un classeur .xlsx",
            "l'ouvrir dans un tableur et l'enregistrer en .xlsx",
        ) from error


def _head(rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]] | None:
    for order, row in enumerate(rows[:_HEAD_ROWS]):
        columns: dict[str, int] = {}
        for place, title in enumerate(row):
            meaning = _MEANINGS.get(fold(title))
            if meaning is not None:
                columns.setdefault(meaning, place)
        if "definition" in columns and columns.keys() & {"code", "label"}:
            return order, columns
    return None


def _entries(
    rows: Sequence[Sequence[str]], head: int, columns: dict[str, int], path: Path
) -> Entries:
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


def _filled(
    rows: Sequence[Sequence[str]], head: int, columns: dict[str, int]
) -> Iterator[tuple[int, Row, str, str]]:
    """Line, cells, kind and identifier of each row that is not blank."""
    for order, cells in enumerate(rows[head + 1 :], start=head + 2):
        row = {
            name: cells[place].strip() if place < len(cells) else ""
            for name, place in columns.items()
        }
        if any(row.values()):
            yield (
                order,
                row,
                kind_of(row.get("axis", "")),
                row.get("code") or slug(row.get("label", "")),
            )


def _entry(row: Row, name: str, axis: str, family: str | None, where: str) -> Entry:
    def text(column: str) -> str:
        return " ".join(row.get(column, "").split())

    def several(column: str) -> tuple[str, ...]:
        parts = row.get(column, "").translate(_LIST_SIGNS).split(";")
        return tuple(" ".join(part.split()) for part in parts if part.strip())

    return Entry(
        name,
        axis,
        label=text("label"),
        definition=text("definition"),
        include=text("include"),
        exclude=text("exclude"),
        examples=several("examples"),
        lexicon=several("lexicon"),
        parent_id=family,
        where=where,
    )
