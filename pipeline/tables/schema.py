"""The schema of a table: typed columns, a key and bounds.

In:   rows or frames of any origin
Out:  frames whose columns, order, types, bounds and key are those of the dictionary
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from pipeline.errors import TableError

Kind = Literal["text", "json", "int", "float", "bool"]

_DTYPES: dict[Kind, Any] = {
    "text": pd.StringDtype(na_value=float("nan")),
    "json": pd.StringDtype(na_value=float("nan")),
    "int": pd.Int64Dtype(),
    "float": "float64",
    "bool": "bool",
}


@dataclass(frozen=True)
class Column:
    """One column; `kind` is its type, `unit` that of its numbers.

    A pattern column stands for every name that matches. `earlier` is what older tables, which lack
    the column, are read as.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    nullable: bool = False
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    is_pattern: bool = False
    earlier: str | float | bool | None = None

    @property
    def dtype(self) -> Any:
        """Return the pandas type of the column."""
        return _DTYPES[self.kind]

    @property
    def is_free(self) -> bool:
        """Whether every cell of the type is allowed."""
        return self.nullable and not self.values and self.low is None and self.high is None

    def failures(self, cells: ExtensionArray) -> Iterator[tuple[str, int]]:
        """Yield each broken rule and its number of cells."""
        if not self.nullable and (n := int(cells.isna().sum())):
            yield "non vide", n
        if self.values and not set(cells.dropna().unique()) <= set(self.values):
            n = sum(cell not in self.values for cell in cells.dropna())
            yield f"un de {', '.join(self.values)}", n
        if self.low is None and self.high is None:
            return
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        if self.low is not None and (n := int((numbers < self.low).sum())):
            yield f"au moins {self.low:g}", n
        if self.high is not None and (n := int((numbers > self.high).sum())):
            yield f"au plus {self.high:g}", n


def _kind(kind: Kind, unit: str = "", **bounds: Any) -> Callable[..., Column]:
    """Return what makes the columns of a kind, from a name, a meaning, a unit and other rules."""

    def column(name: str, meaning: str, unit: str = unit, **rules: Any) -> Column:
        return Column(name, kind, meaning, unit, **bounds | rules)

    return column


text, json, flag = _kind("text"), _kind("json"), _kind("bool")
whole, count = _kind("int"), _kind("int", low=0)
number, share = _kind("float"), _kind("float", "0..1", low=0, high=1)


@dataclass(frozen=True)
class Table:
    """A table; the `key` columns identify a row."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def build(self, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """Return `rows` as a checked frame; missing values become allowed blanks."""
        listed = list(rows)
        names = self._names({name for row in listed for name in row})
        cells = {name: pd.Series([row.get(name) for row in listed], dtype=object) for name in names}
        return self.check(self._typed(cells))

    def empty(self) -> pd.DataFrame:
        """Return the table without rows."""
        return self._empty.copy()

    @cached_property
    def _empty(self) -> pd.DataFrame:
        return self.build([])

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame` with the table's column order and types and a fresh index.

        Raises `TableError` for wrong columns, types, bounds or a key that is not unique.
        """
        names = self._names(set(frame.columns))
        missing = [name for name in names if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in names]
        if missing or unknown:
            raise TableError(
                f"table {self.name} : colonnes manquantes {missing or 'aucune'}, inconnues "
                f"{unknown or 'aucune'}",
                f"les colonnes {', '.join(names)}",
                "relancer le traitement avec la version qui a écrit cette table, ou "
                "effacer tables/ et relancer",
            )
        columns = {name: self._column(name) for name in names}
        typed = frame if list(frame.columns) == names else frame[names]
        typed = typed.reset_index(drop=True)
        if any(dtype != columns[str(name)].dtype for name, dtype in typed.dtypes.items()):
            typed = self._typed({name: typed[name] for name in names})
        failure = next(self._failures(typed, columns), None)
        if failure:
            raise self._refused(failure)
        return typed

    def adapt(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return another version's table in this version's form, checked.

        Unknown columns go, optional ones and those with an earlier value are added; without another
        one the table is empty.
        """
        names = self._names(set(frame.columns))
        missing = [self._column(name) for name in names if name not in frame.columns]
        if any(not column.nullable and column.earlier is None for column in missing):
            return self.empty()
        added = {
            column.name: pd.Series(
                pd.NA if column.earlier is None else column.earlier,
                index=frame.index,
                dtype=column.dtype,
            )
            for column in missing
        }
        return self.check(frame.assign(**added)[names] if added else frame[names])

    def _failures(self, typed: pd.DataFrame, columns: Mapping[str, Column]) -> Iterator[str]:
        """Faults never quote a value: cells may hold what people said."""
        if typed.empty:
            return
        for name, column in columns.items():
            if column.is_free:
                continue
            for rule, n_cells in column.failures(typed[name].array):
                yield f"colonne {name}, règle « {rule} », {n_cells} cas"
        if n_rows := int(typed.duplicated(list(self.key)).sum()):
            yield f"clé {', '.join(self.key)} en double, {n_rows} cas"

    def _typed(self, cells: Mapping[str, pd.Series]) -> pd.DataFrame:
        """Give each column its type, one by one: twice quicker than a whole frame."""
        try:
            typed = {name: cells[name].astype(self._column(name).dtype) for name in cells}
            return pd.DataFrame(typed, copy=False)
        except (TypeError, ValueError) as error:
            raise self._refused(type(error).__name__) from error

    def _refused(self, what: str) -> TableError:
        return TableError(
            f"table {self.name} : {what}",
            "les types et bornes de docs/dictionnaire.md",
            "signaler ce défaut avec le fichier runs/ du traitement",
        )

    def _column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name or (
                column.is_pattern and name.startswith(column.name.rstrip(".*"))
            ):
                return column
        raise KeyError(name)

    def _names(self, present: set[str]) -> list[str]:
        names: list[str] = []
        for column in self.columns:
            if column.is_pattern:
                names += sorted(
                    str(name) for name in present if str(name).startswith(column.name.rstrip(".*"))
                )
            else:
                names.append(column.name)
        return names


def table(name: str, meaning: str, key: tuple[str, ...], *columns: Column) -> Table:
    """Return the table of `columns`."""
    return Table(name, meaning, key, columns)


QUESTIONS = ("q1", "q2", "q3", "q4", "resume", "distance", "autre")
CHANNELS = ("notes", "postit", "transcript", "resume", "mail", "telephone", "consultation")
AXIS_MEANING = (
    "Axis of the study's grid: rubrique, posture, pilier, or one that the grid brings; "
    "checked when a study writes the table"
)
STRUCTURE_TYPES = (
    "coopérative",
    "association",
    "groupe d'acteurs",
    "entreprise sociale",
    "mouvement citoyen",
    "réseau d'accompagnement",
    "collectivité",
    "élu",
    "autre",
)
ANONYMOUS_SPEAKER = "intervenant"  # a speaker whose name is hidden, not always the same one
RESPONDENT = "répondant"  # with a number, who sent a row of a survey
BLOCK_KINDS = ("heading", "paragraph", "bullet", "cell", "cue", "meta")
OUT_OF_ROOM = ("mail", "telephone", "consultation")  # channels that answer no table's question
LEDGER_KINDS = (
    "passage",
    "heading",
    "circumstance",
    "speaker",
    "furniture",
    "noise",
    "person data",
)
# why a `meta` block is no passage: the ledger's kind, and the reason in French
ASIDES: dict[str, tuple[str, str]] = {
    "circumstance": ("circumstance", "circonstances (lieu, date, déroulement, envoi)"),
    "list of persons": ("person data", "liste de personnes"),
    "person": ("person data", "nom ou coordonnées d'une personne"),
    "signature": ("person data", "signature d'un message"),
    "speaker": ("speaker", "qui parle, ou qui rapporte"),
    "location": ("circumstance", "table, question ou canal"),
    "page furniture": ("furniture", "en-tête ou pied de page, menu, liens"),
    "application": ("furniture", "message de l'application"),
    "column header": ("furniture", "titre de colonne"),
    "mark": ("furniture", "puce, numéro, espace ou ponctuation"),
    "identifier": ("furniture", "identifiant ou numéro de ligne"),
    "date": ("furniture", "date ou heure"),
    "status": ("furniture", "état, présence ou modération"),
    "closed answer": ("furniture", "réponse fermée (oui/non, note, choix)"),
    "votes": ("furniture", "votes ou soutiens"),
    "category": ("furniture", "catégorie, mot-clé ou couleur"),
    "place": ("furniture", "commune, adresse ou coordonnées d'un lieu"),
    "structure": ("furniture", "nom de structure"),
    "settings": ("furniture", "réglage ou mode d'emploi"),
    "web address": ("noise", "adresse web ou nom de fichier"),
    "markup": ("noise", "balises ou code"),
    "encoded": ("noise", "données encodées (base64, image)"),
    "repeated": ("noise", "déjà dit plus haut, à l'identique"),
    "no answer": ("noise", "sans réponse (« RAS », « néant »)"),
    "unsure reading": ("noise", "lu par machine sans certitude"),
    "struck out": ("noise", "texte barré par qui l'a écrit"),
    "comment": ("noise", "commentaire en marge"),
    "robot": ("noise", "message envoyé par une machine"),
    "unknown column": ("furniture", "colonne non comprise"),
    "other": ("furniture", "ne dit rien par soi-même"),
}
CHANGES = ("nouveau", "grandi", "réduit", "remanié", "réuni", "partagé", "disparu", "inchangé")
GAP_STATES = ("à vérifier", "confirmé", "écarté")
LIKENESS = (
    "comme des tables tirées au sort",
    "plus éloignés que le hasard",
    "trop peu de matière pour conclure",
)
REACHES = (
    "partagé",
    "propre à un territoire",
    "contrasté",
    "ni partagé ni propre",
    "trop peu de matière pour conclure",
)
TRENDS = ("en hausse", "en baisse", "sans changement visible", "trop peu de matière pour conclure")
VERDICTS = (
    "plus présent ici",
    "moins présent",
    "comme ailleurs",
    "trop peu de matière pour conclure",
)
# what screens show of a cell instead of its verdict: one that is_lead, a theme of one territory
LEAD = "semble plus présent ici, à vérifier"
OWN_HERE, OWN_ELSEWHERE = "propre à ce territoire", "propre à un autre territoire"
