"""Passages that people labelled, in a study or in a gold file, and one line about each kind of fault that was left out.

In:   units and tags; a .jsonl (or its folder) or a .csv with text and a column an axis: rubriques, posture, piliers, the grid's own by name
Out:  Labelled

Refit the tagger for a study, from what people decided there and from gold passages; keep the old one where the new one is no better.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.registry import file_hashes, labelled_rows, load_tagger, save_tagger, training_files
from models.tagger.decision import Assigned, Axes, choose_thresholds, micro_f1
from models.tagger.estimator import GridTagger
from models.tagger.learning import where_judged
from models.tagger.storage import grid_fingerprint, read_description
from models.tagger.views import Array
from pipeline.errors import ModelError
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, STANDARD, Grid
from pipeline.settings.stages import TagSettings
from pipeline.text import plain_texts

LABELS = ("rubriques", "piliers")
PASSAGE_COLUMNS = ("unit_id", "file", "text", "question", "channel", "theme_large")
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


def reviewed_units(
    units: pd.DataFrame, tags: pd.DataFrame, grid: Grid, *, confirmed: Collection[str] = ()
) -> Labelled:
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
    return Labelled(
        kept.reindex(columns=_CONTEXT),
        labels,
        whole,
        [str(group) for group in kept["workshop_id"]],
        notes,
    )


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
        raise ModelError(
            f"{file.name} illisible comme passages étiquetés",
            expected,
            "vérifier le chemin donné à --gold",
        ) from error
    rows, notes = (
        _csv_rows(content, columns.values())
        if file.suffix.lower() == ".csv"
        else _json_rows(content)
    )
    texts = [row for row in rows if isinstance(row.get("text"), str) and row["text"].strip()]
    if len(texts) < len(rows):
        notes.append(_left_out(len(rows) - len(texts), "ligne", "sans « text »", "laissée"))
    labelled = [row for row in texts if any(name in row for name in columns.values())]
    if not labelled:
        raise ModelError(
            f"{file.name} : aucun passage étiqueté", expected, "vérifier les colonnes du fichier"
        )
    if len(labelled) < len(texts):
        notes.append(_left_out(len(texts) - len(labelled), "passage", "sans étiquette", "laissé"))
    for name in columns.values():
        n_blank = sum(name not in row for row in labelled)
        if n_blank:
            notes.append(
                f"« {name} » manque à {n_blank} passages : rien n'en est appris sur cet axe"
            )
    notes += _refuse_several(
        labelled, [columns[axis] for axis in columns if axis in grid.exclusive]
    )
    labels, unknown = _known_codes([_codes_of(row, columns.values()) for row in labelled], grid)
    ordered = [columns[code.axis] for code in grid.by_axis]
    judged = np.array([[name in row for name in ordered] for row in labelled], dtype=bool).reshape(
        len(labelled), len(ordered)
    )
    units = pd.DataFrame(
        [{name: row.get(name) or None for name in _CONTEXT} for row in labelled]
    ).reindex(columns=_CONTEXT)
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
    return rows, [
        f"ligne {broken[0]} : pas un objet JSON{_others(len(broken))}, laissée de côté"
    ] if broken else []


def _csv_rows(content: str, columns: Collection[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of a table, the cells of `columns` as lists of the codes that ";" or "," part in them."""
    head = content.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(content), delimiter=max(";,\t", key=head.count))
    rows: list[dict[str, Any]] = []
    for row in reader:
        cells = {
            str(name).strip().lower(): value
            for name, value in row.items()
            if name is not None and isinstance(value, str)
        }
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
            notes.append(
                f"« {name} » : plusieurs codes, quand il en faut un seul, sur {n} : laissés de côté"
            )
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


COUNTS = 4  # a passage of the study weighs as much as four of other territories; chosen on styles left out (models/cards/tagger.md)
_LEAST_LABELLED = 20
_STUDY = "étude : "
_DECIDING = ("micro_f1", "accuracy")  # of the grid's first axis: says which tagger is better


@dataclass(frozen=True)
class _Refit:
    """A tagger fitted on the shipped passages and the study's, whose `put` (n_labelled, n_codes) had not seen each passage's group."""

    tagger: GridTagger
    put: Assigned
    n_shipped: int


def train_on_study(
    tables: Mapping[str, pd.DataFrame],
    grid: Grid,
    *,
    gold: Path | None = None,
    out: Path,
    settings: TagSettings | None = None,
    registered: Path | None = None,
    confirmed: Collection[str] = (),
) -> dict[str, Any]:
    """Refit from what people decided on the study's units, and from the passages of `gold` where given; register the better tagger.

    `confirmed` are the units whose codes, none perhaps, somebody confirmed as being all.

    Raises `ModelError` when fewer than 20 passages are labelled or the gold file cannot be read at all; faults inside it are notes.
    """
    labelled = reviewed_units(
        plain_texts(tables["units"]), tables["tags"], grid, confirmed=confirmed
    )
    if gold is not None:
        labelled = labelled.beside(read_labels(gold, grid))
    return refit_tagger(grid, labelled, out=out, settings=settings, registered=registered)


def refit_tagger(
    grid: Grid,
    labelled: Labelled,
    *,
    out: Path,
    settings: TagSettings | None = None,
    registered: Path | None = None,
) -> dict[str, Any]:
    """Fit on `labelled`, beside the shipped passages where the grid is theirs, and register the tagger in `out` unless it is worse.

    Returns the number of passages, figures before and after, by workshop after, notes on what was left out, and the file if registered.
    Raises `ModelError` when fewer than 20 passages are labelled.
    """
    n_units = len(labelled.units)
    if n_units < _LEAST_LABELLED:
        raise ModelError(
            f"{n_units} passages étiquetés",
            f"{_LEAST_LABELLED} au moins",
            "relire et étiqueter d'autres passages",
        )
    axes, targets = Axes.of(grid), GridTagger(grid).targets(labelled.labels)
    in_use = load_tagger(grid, settings=settings or TagSettings(), registered=registered)
    before = figures_of(_put_before(in_use, labelled, registered), targets, axes)
    refit = _refit(grid, labelled)
    after = figures_of(refit.put, targets, axes)
    names = [f"{axis.axis}_{_DECIDING[axis.is_exclusive]}" for axis in grid.axes]
    deciding = next((name for name in names if name in after), None)
    is_better = deciding is None or after[deciding] >= before.get(deciding, 0.0)
    figures: dict[str, Any] = {
        "n_units": n_units,
        "n_shipped_passages": refit.n_shipped,
        "before": before,
        "after": after,
        "held_out": _by_group(refit.put, targets, axes, labelled.groups),
        "notes": [*labelled.notes, *_without_example(grid, targets)],
        "is_registered": is_better,
    }
    if is_better:
        entry = _register(refit, labelled, out)
        figures |= {"file": entry[0], "version": entry[1]}
    return figures


def _refit(grid: Grid, labelled: Labelled) -> _Refit:
    passages, passage_labels = _shipped_passages(grid)
    n_shipped, n_own = len(passages), len(labelled.units)
    columns = ["text", "question", "channel"]
    together = pd.concat(
        [passages[columns].astype(object), labelled.units[columns].astype(object)],
        ignore_index=True,
    )
    labels = [*passage_labels, *labelled.labels]
    own_groups = _groups(labelled.groups)
    groups = np.array([*passages["file"], *own_groups])
    tagger = GridTagger(grid)
    is_standard = np.array(
        [code.axis in STANDARD for code in grid.by_axis], dtype=bool
    )  # the shipped passages tell nothing of other axes
    judged = np.vstack([np.tile(is_standard, (n_shipped, 1)), labelled.judged])
    is_shipped = (
        np.arange(n_shipped + n_own) < n_shipped
    )  # of the study's passages, which name people, no model keeps any
    tagger.fit(
        together,
        labels,
        list(groups),
        judged=judged,
        counts=[1] * n_shipped + [COUNTS] * n_own,
        remembered=is_shipped,
    )
    targets, axes = tagger.targets(labels), Axes.of(grid)
    counts = np.array([1] * n_shipped + [COUNTS] * n_own)
    scores = where_judged(tagger.held_out_, judged, axes)
    put = np.zeros((n_own, targets.shape[1]), dtype=bool)
    for group in sorted(set(own_groups)):
        asked = np.flatnonzero(groups == group)
        known = np.repeat(np.flatnonzero(groups != group), counts[groups != group])
        known = known if len(known) else asked
        thresholds = choose_thresholds(scores.take(known), targets[known], axes)
        put[asked - n_shipped] = thresholds.decide(tagger.held_out_.take(asked), axes)
    return _Refit(tagger, put, n_shipped)


def _groups(groups: Sequence[str]) -> list[str]:
    """The study's workshops, so that each is judged by the others; one alone is dealt into five."""
    if len(set(groups)) > 1:
        return [f"{_STUDY}{group}" for group in groups]
    return [f"{_STUDY}{group} {place % 5}" for place, group in enumerate(groups)]


def _put_before(in_use: GridTagger, labelled: Labelled, registered: Path | None) -> Assigned:
    """What the tagger in use puts on each passage; on one that it learnt from, what it put before it had seen it."""
    put = in_use.tag(labelled.units).is_assigned
    if registered is None or not in_use.is_learnt:
        return put
    seen = read_description(registered).get("held_out", {})
    place = {str(code): column for column, code in enumerate(in_use.classes_)}
    for row, text in enumerate(labelled.units["text"]):
        codes = seen.get(_mark(text))
        if codes is not None:
            put[row] = False
            put[row, [place[code] for code in codes if code in place]] = True
    return put


def _register(refit: _Refit, labelled: Labelled, out: Path) -> tuple[str, str]:
    """Write the tagger as the next of `out`; return its file's name and its version."""
    path = out / f"tagger-{len(list(out.glob('tagger-*.json'))) + 1:04d}.json"
    data = hashlib.sha256(
        "\n".join(
            [*labelled.units["text"], *(" ".join(sorted(put)) for put in labelled.labels)]
        ).encode()
    ).hexdigest()
    names = refit.tagger.classes_
    held_out = {
        _mark(text): names[row].tolist()
        for text, row in zip(labelled.units["text"], refit.put, strict=True)
    }
    made_from = {"étude": data} | (file_hashes() if refit.n_shipped else {})
    entry = save_tagger(refit.tagger, path, name="etude", made_from=made_from, held_out=held_out)
    return path.name, entry.version


def _mark(text: str) -> str:
    """Names a passage without holding a word of it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _by_group(
    put: Assigned, targets: Array, axes: Axes, groups: Sequence[str]
) -> dict[str, dict[str, float]]:
    names = np.array(groups)
    return {
        group: figures_of(put[names == group], targets[names == group], axes)
        for group in sorted(set(groups))
    }


def _without_example(grid: Grid, targets: Array) -> list[str]:
    codes = [
        str(code)
        for code, column in zip(GridTagger(grid).classes_, targets.T, strict=True)
        if not column.any()
    ]
    if not codes:
        return []
    return [
        f"aucun passage étiqueté {', '.join(f'« {code} »' for code in codes)} : ce que la machine en sait ne change guère"
    ]


def _shipped_passages(grid: Grid) -> tuple[pd.DataFrame, list[set[str]]]:
    """The passages of data/training where `grid` defines the same rubriques, postures and piliers, else none."""
    standard = replace(
        grid, codes=tuple(code for code in grid.codes if code.axis in STANDARD), own_axes=()
    )
    if grid_fingerprint(standard) == grid_fingerprint(
        load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    ):
        return load_passages()
    return pd.DataFrame(columns=list(PASSAGE_COLUMNS)), []


def load_passages() -> tuple[pd.DataFrame, list[set[str]]]:
    """Return the passages of data/training (text, question, channel, file, theme_large) and their codes."""
    rows = [row for file in training_files() for row in labelled_rows(file)]
    return pd.DataFrame(rows)[list(PASSAGE_COLUMNS)], [codes_of(row) for row in rows]


def codes_of(row: Mapping[str, Any]) -> set[str]:
    """Return the codes of a labelled row, all axes in one set."""
    return {code for name in LABELS for code in row[name]} | (
        {row["posture"]} if row.get("posture") else set()
    )


def figures_of(assigned: Assigned, targets: Array, axes: Axes) -> dict[str, float]:
    """Return micro, macro and samples F1 of each axis of several codes, and the share of units found right on each exclusive one.

    Postures are asked of the units with a rubrique, where the grid has rubriques; others of the units that somebody gave a code.
    """
    figures: dict[str, float] = {"n_units": float(len(targets))}
    own = {axis.axis: axis.columns for axis in axes.own}
    exclusive = {axis.axis for axis in axes.own if axis.is_exclusive}
    for name, axis in {RUBRIQUE: axes.rubriques, PILIER: axes.piliers, **own}.items():
        if name in exclusive:
            continue
        if axis.stop > axis.start:
            put, wanted = assigned[:, axis], targets[:, axis]
            each = [
                micro_f1(put[:, [code]], wanted[:, [code]])
                for code, is_used in enumerate(wanted.sum(axis=0) > 0)
                if is_used
            ]
            figures[f"{name}_micro_f1"] = micro_f1(put, wanted)
            figures[f"{name}_macro_f1"] = float(np.mean(each)) if each else 0.0
            figures[f"{name}_samples_f1"] = _samples_f1(put, wanted)
    for name, axis in {
        POSTURE: axes.postures,
        **{name: own[name] for name in own if name in exclusive},
    }.items():
        asks_rubriques = name == POSTURE and axes.rubriques.stop > axes.rubriques.start
        asked = targets[:, axes.rubriques if asks_rubriques else axis].any(axis=1)
        if axis.stop > axis.start and asked.any():
            figures[f"{name}_accuracy"] = float(
                np.any(assigned[asked, axis] * targets[asked, axis], axis=1).mean()
            )
    return {name: round(value, 3) for name, value in figures.items()}


def _samples_f1(put: Assigned, wanted: Array) -> float:
    """Mean F1 of the units; 1 for a unit that rightly has no code."""
    both, sizes = (put * wanted).sum(axis=1), put.sum(axis=1) + wanted.sum(axis=1)
    return float(np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1)).mean())
