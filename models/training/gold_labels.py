"""Passages that people labelled, in a study or in a gold file, and one line about each kind of fault that was left out.

In:   units and tags; a .jsonl (or its folder) or a .csv with text and a column an axis: rubriques, posture, piliers, the grid's own by name
Out:  Labelled
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.grid import PILIER, RUBRIQUE, Grid

_LISTS = {RUBRIQUE: "rubriques", PILIER: "piliers"}
_CONTEXT = ("text", "question", "channel")

Judged = NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """`units` (text, question, channel), their codes, what was `judged` (n_units, n_codes), their workshops, notes on what was left out."""

    units: pd.DataFrame
    labels: list[set[str]]
    judged: Judged
    groups: list[str]
    notes: tuple[str, ...] = ()

    def beside(self, others: "Labelled") -> "Labelled":
        """Return these and `others`, whose word counts where both labelled a text."""
        again = set(others.units["text"])
        kept = [place for place, text in enumerate(self.units["text"]) if text not in again]
        return Labelled(
            pd.concat([self.units.iloc[kept], others.units], ignore_index=True),
            [self.labels[place] for place in kept] + others.labels,
            np.vstack([self.judged[kept], others.judged]),
            [self.groups[place] for place in kept] + others.groups,
            self.notes + others.notes,
        )


def label_columns(grid: Grid) -> dict[str, str]:
    """Axis → the column of a gold file that holds its codes, in the grid's order."""
    return {axis.axis: _LISTS.get(axis.axis, axis.axis) for axis in grid.axes}


def reviewed_units(units: pd.DataFrame, tags: pd.DataFrame, grid: Grid, *, confirmed: Collection[str] = ()) -> Labelled:
    """Return the units on which a person put or refused a code, or that are `confirmed`, and the codes that stand on them."""
    judged = set(tags.loc[tags["source"] == "person", "unit_id"]) | set(confirmed)
    kept = units[units["unit_id"].isin(judged)].reset_index(drop=True)
    against = tags[(tags["source"] == "person") & ~tags["is_assigned"]]
    refused = set(zip(against["unit_id"], against["code"], strict=True))
    standing: dict[str, set[str]] = {unit_id: set() for unit_id in kept["unit_id"]}
    put = tags[tags["is_assigned"] & tags["unit_id"].isin(judged)]
    for unit_id, code in zip(put["unit_id"], put["code"], strict=True):
        if unit_id in standing and (unit_id, code) not in refused:
            standing[unit_id].add(code)
    labels, notes = _known_codes([standing[unit_id] for unit_id in kept["unit_id"]], grid)
    whole = np.ones((len(kept), len(grid.codes)), dtype=bool)
    return Labelled(kept.reindex(columns=_CONTEXT), labels, whole, [str(group) for group in kept["workshop_id"]], notes)


def read_labels(path: Path, grid: Grid) -> Labelled:
    """Return the labelled passages of a gold file.

    Raises `ModelError` when it is missing, holds no passage, or labels none of the grid's axes.
    """
    file = path / "units.jsonl" if path.is_dir() else path
    columns = label_columns(grid)
    expected = f"un .jsonl ou un .csv avec text, {', '.join(columns.values())}"
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{file.name} illisible comme passages étiquetés", expected, "vérifier le chemin donné à --gold") from error
    rows, notes = _csv_rows(content, columns.values()) if file.suffix.lower() == ".csv" else _json_rows(content)
    texts = [row for row in rows if isinstance(row.get("text"), str) and row["text"].strip()]
    if len(texts) < len(rows):
        notes.append(_left_out(len(rows) - len(texts), "ligne", "sans « text »", "laissée"))
    labelled = [row for row in texts if any(name in row for name in columns.values())]
    if not labelled:
        raise ModelError(f"{file.name} : aucun passage étiqueté", expected, "vérifier les colonnes du fichier")
    if len(labelled) < len(texts):
        notes.append(_left_out(len(texts) - len(labelled), "passage", "sans étiquette", "laissé"))
    for name in columns.values():
        n_blank = sum(name not in row for row in labelled)
        if n_blank:
            notes.append(f"« {name} » manque à {n_blank} passages : rien n'en est appris sur cet axe")
    notes += _refuse_several(labelled, [columns[axis] for axis in columns if axis in grid.exclusive])
    labels, unknown = _known_codes([_codes_of(row, columns.values()) for row in labelled], grid)
    ordered = [columns[code.axis] for code in grid.by_axis]
    judged = np.array([[name in row for name in ordered] for row in labelled], dtype=bool).reshape(len(labelled), len(ordered))
    units = pd.DataFrame([{name: row.get(name) or None for name in _CONTEXT} for row in labelled]).reindex(columns=_CONTEXT)
    named = [f"{file.name} : {note}" for note in (*notes, *unknown)]
    return Labelled(units, labels, judged, [_workshop(row) for row in labelled], tuple(named))


def _json_rows(content: str) -> tuple[list[dict[str, Any]], list[str]]:
    rows, broken = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            broken.append(number)
    return rows, [f"ligne {broken[0]} : pas un objet JSON{_others(len(broken))}, laissée de côté"] if broken else []


def _csv_rows(content: str, columns: Collection[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of a table, the cells of `columns` as lists of the codes that ";" or "," part in them."""
    head = content.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(content), delimiter=max(";,\t", key=head.count))
    rows: list[dict[str, Any]] = []
    for row in reader:
        cells = {str(name).strip().lower(): value for name, value in row.items() if name is not None and isinstance(value, str)}
        rows.append(cells | {name: _listed(cells[name]) for name in columns if name in cells})
    return rows, []


def _listed(cell: str) -> list[str]:
    return [code.strip() for code in re.split(r"[;,|\s]+", cell) if code.strip()]


def _codes_of(row: dict[str, Any], columns: Collection[str]) -> set[str]:
    return {code for name in columns for code in _in_cell(row, name)}


def _in_cell(row: dict[str, Any], name: str) -> list[str]:
    """The codes of one column, given as a list or alone."""
    found = row.get(name) or []
    return [str(code) for code in found] if isinstance(found, list) else [str(found)]


def _refuse_several(rows: list[dict[str, Any]], exclusive: Collection[str]) -> list[str]:
    """Empty the cells of exclusive columns that hold several codes; one line a column about how many were."""
    notes = []
    for name in exclusive:
        crowded = [row for row in rows if len(set(_in_cell(row, name))) > 1]
        for row in crowded:
            row[name] = []
        if crowded:
            n = f"{len(crowded)} passage{'s' if len(crowded) > 1 else ''}"
            notes.append(f"« {name} » : plusieurs codes, quand il en faut un seul, sur {n} : laissés de côté")
    return notes


def _known_codes(labels: Iterable[set[str]], grid: Grid) -> tuple[list[set[str]], tuple[str, ...]]:
    """The codes that the grid knows, and one line about the others."""
    known = {code.code for code in grid.codes}
    listed = list(labels)
    unknown = Counter(code for put in listed for code in put - known)
    kept = [put & known for put in listed]
    if not unknown:
        return kept, ()
    told = ", ".join(f"« {code} » ({n})" for code, n in sorted(unknown.items()))
    return kept, (f"codes que la grille ne connaît pas, laissés de côté : {told}",)


def _workshop(row: dict[str, Any]) -> str:
    return re.sub(r"\W+", "-", str(row.get("workshop") or "gold").lower())


def _left_out(n: int, noun: str, why: str, verb: str) -> str:
    s = "" if n == 1 else "s"
    return f"{n} {noun}{s} {why}, {verb}{s} de côté"


def _others(n: int) -> str:
    return "" if n == 1 else f" (et {n - 1} autre{'s' if n > 2 else ''})"
