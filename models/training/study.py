"""Refit the tagger for a study, from what people decided there and from gold passages; keep the old one where the new one is no better.

In:   the study's units and tags, decisions applied; a gold file
Out:  a registered tagger, and how both do on the labelled passages, each judged by a fit that had not seen them
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.registry import load_tagger, save_tagger
from models.tagger import GridTagger
from models.tagger.decision import Assigned, Axes, choose_thresholds
from models.tagger.learning import where_judged
from models.tagger.storage import grid_fingerprint, read_description
from models.tagger.views import Array
from models.training.gold_labels import Labelled, read_labels, reviewed_units
from models.training.labelled import file_hashes
from models.training.tagger import PASSAGE_COLUMNS, figures_of, load_passages
from pipeline.errors import ModelError
from pipeline.grid import STANDARD, Grid, load_grid
from pipeline.resources import data_path
from pipeline.settings import TagSettings
from pipeline.tokens import plain_texts

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
    labelled = reviewed_units(plain_texts(tables["units"]), tables["tags"], grid, confirmed=confirmed)
    if gold is not None:
        labelled = labelled.beside(read_labels(gold, grid))
    return refit_tagger(grid, labelled, out=out, settings=settings, registered=registered)


def refit_tagger(
    grid: Grid, labelled: Labelled, *, out: Path, settings: TagSettings | None = None, registered: Path | None = None
) -> dict[str, Any]:
    """Fit on `labelled`, beside the shipped passages where the grid is theirs, and register the tagger in `out` unless it is worse.

    Returns the number of passages, figures before and after, by workshop after, notes on what was left out, and the file if registered.
    Raises `ModelError` when fewer than 20 passages are labelled.
    """
    n_units = len(labelled.units)
    if n_units < _LEAST_LABELLED:
        raise ModelError(f"{n_units} passages étiquetés", f"{_LEAST_LABELLED} au moins", "relire et étiqueter d'autres passages")
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
    together = pd.concat([passages[columns].astype(object), labelled.units[columns].astype(object)], ignore_index=True)
    labels = [*passage_labels, *labelled.labels]
    own_groups = _groups(labelled.groups)
    groups = np.array([*passages["file"], *own_groups])
    tagger = GridTagger(grid)
    is_standard = np.array([code.axis in STANDARD for code in grid.by_axis], dtype=bool)  # the shipped passages tell nothing of other axes
    judged = np.vstack([np.tile(is_standard, (n_shipped, 1)), labelled.judged])
    is_shipped = np.arange(n_shipped + n_own) < n_shipped  # of the study's passages, which name people, no model keeps any
    tagger.fit(together, labels, list(groups), judged=judged, counts=[1] * n_shipped + [COUNTS] * n_own, remembered=is_shipped)
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
    data = hashlib.sha256("\n".join([*labelled.units["text"], *(" ".join(sorted(put)) for put in labelled.labels)]).encode()).hexdigest()
    names = refit.tagger.classes_
    held_out = {_mark(text): names[row].tolist() for text, row in zip(labelled.units["text"], refit.put, strict=True)}
    made_from = {"étude": data} | (file_hashes() if refit.n_shipped else {})
    entry = save_tagger(refit.tagger, path, name="etude", made_from=made_from, held_out=held_out)
    return path.name, entry.version


def _mark(text: str) -> str:
    """Names a passage without holding a word of it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _by_group(put: Assigned, targets: Array, axes: Axes, groups: Sequence[str]) -> dict[str, dict[str, float]]:
    names = np.array(groups)
    return {group: figures_of(put[names == group], targets[names == group], axes) for group in sorted(set(groups))}


def _without_example(grid: Grid, targets: Array) -> list[str]:
    codes = [str(code) for code, column in zip(GridTagger(grid).classes_, targets.T, strict=True) if not column.any()]
    if not codes:
        return []
    return [f"aucun passage étiqueté {', '.join(f'« {code} »' for code in codes)} : ce que la machine en sait ne change guère"]


def _shipped_passages(grid: Grid) -> tuple[pd.DataFrame, list[set[str]]]:
    """The passages of data/training where `grid` defines the same rubriques, postures and piliers, else none."""
    standard = replace(grid, codes=tuple(code for code in grid.codes if code.axis in STANDARD), own_axes=())
    if grid_fingerprint(standard) == grid_fingerprint(load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))):
        return load_passages()
    return pd.DataFrame(columns=list(PASSAGE_COLUMNS)), []
