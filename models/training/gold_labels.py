"""Passages that people labelled, in a study or in a gold file, and one line about each kind of fault that was left out.

In:   units and tags; a .jsonl (or its folder) or a .csv with text, rubriques, posture, piliers
Out:  Labelled
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.grid import Grid
from pipeline.tables import AXES

_COLUMNS = {"rubrique": "rubriques", "posture": "posture", "pilier": "piliers"}
_CONTEXT = ("text", "question", "channel")
_EXPECTED = "un .jsonl ou un .csv avec text, rubriques, posture et piliers"

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


def reviewed_units(units: pd.DataFrame, tags: pd.DataFrame, grid: Grid) -> Labelled:
    """Return the units on which a person put or refused a code, and the codes that stand on them."""
    judged = set(tags.loc[tags["source"] == "person", "unit_id"])
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
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{file.name} illisible comme passages étiquetés", _EXPECTED, "vérifier le chemin donné à --gold") from error
    rows, notes = _csv_rows(content) if file.suffix.lower() == ".csv" else _json_rows(content)
    texts = [row for row in rows if isinstance(row.get("text"), str) and row["text"].strip()]
    if len(texts) < len(rows):
        notes.append(_left_out(len(rows) - len(texts), "ligne", "sans « text »", "laissée"))
    labelled = [row for row in texts if any(_COLUMNS[axis] in row for axis in AXES if grid.axis(axis))]
    if not labelled:
        raise ModelError(f"{file.name} : aucun passage étiqueté", _EXPECTED, "vérifier les colonnes du fichier")
    if len(labelled) < len(texts):
        notes.append(_left_out(len(texts) - len(labelled), "passage", "sans étiquette", "laissé"))
    for axis in AXES:
        n_blank = sum(_COLUMNS[axis] not in row for row in labelled)
        if grid.axis(axis) and n_blank:
            notes.append(f"« {_COLUMNS[axis]} » manque à {n_blank} passages : rien n'en est appris sur cet axe")
    labels, unknown = _known_codes([_codes_of(row) for row in labelled], grid)
    ordered = [code.axis for code in grid.by_axis]
    judged = np.array([[_COLUMNS[axis] in row for axis in ordered] for row in labelled], dtype=bool).reshape(len(labelled), len(ordered))
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


def _csv_rows(content: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of a table whose cells hold codes parted by ";" or ","."""
    head = content.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(content), delimiter=max(";,\t", key=head.count))
    rows: list[dict[str, Any]] = []
    for row in reader:
        cells = {str(name).strip().lower(): value for name, value in row.items() if name is not None and isinstance(value, str)}
        rows.append(cells | {name: _listed(cells[name]) for name in ("rubriques", "piliers") if name in cells})
    return rows, []


def _listed(cell: str) -> list[str]:
    return [code.strip() for code in re.split(r"[;,|\s]+", cell) if code.strip()]


def _codes_of(row: dict[str, Any]) -> set[str]:
    listed = [row.get(name) or [] for name in ("rubriques", "piliers")]
    codes = {str(code) for codes in listed for code in (codes if isinstance(codes, list) else [codes])}
    return codes | ({str(row["posture"])} if row.get("posture") else set())


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
