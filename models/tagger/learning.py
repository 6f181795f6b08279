"""Learn a tagger's model from labelled passages, and score each group by a fit without it.

In:   units, targets (n_units, n_codes), the group of each unit
Out:  LearntModel, and the held-out scores that set its thresholds
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import EmbedderSource
from models.tagger.decision import (
    Axes,
    Calibration,
    Scores,
    Thresholds,
    blocks_of,
    calibrate,
    choose_thresholds,
    code_outputs,
    exclusive_blocks,
    fit_calibration,
    micro_f1,
)
from models.tagger.features import (
    Array,
    FeatureExtractor,
    Mask,
    Span,
    TermIndex,
    explain,
    fit_features,
)
from models.tagger.regression import (
    ExclusiveWeights,
    Neighbours,
    Weights,
    fit_exclusive,
    fit_weights,
)
from models.tagger.storage import Arrays, array_fingerprint
from pipeline.grid.codes import POSTURE

# Weight of passages without a rubrique when learning exclusive axes: they matter less.
_WITHOUT_RUBRIQUE = 0.5

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSet:
    """`targets` (0 or 1) and `judged` are (n_units, n_codes).

    `groups` are left out together; a unit counts `counts` times; the model stores it if `is_kept`.
    `rows` (n_units, d) are of `encoders`, made if None.
    """

    units: pd.DataFrame
    targets: Array
    groups: NDArray[np.int64]
    judged: Mask
    counts: NDArray[np.int64]
    is_kept: Mask
    encoders: tuple[str, ...]
    rows: Array | None


@dataclass(frozen=True)
class LearntModel:
    """`exclusive_weights` and `calibrations` are by block, in the order of `blocks_of`.

    `counts` are labelled passages a code, `neighbours` the stored passages.
    """

    axes: Axes
    features: FeatureExtractor
    weights: Weights
    exclusive_weights: dict[str, ExclusiveWeights]
    calibrations: dict[str, Calibration]
    thresholds: Thresholds
    counts: NDArray[np.float64]
    neighbours: Neighbours | None = None

    def scores(self, units: pd.DataFrame, source: EmbedderSource | None = None) -> Scores:
        """Return calibrated scores; each unit's depend on it alone."""
        features = self.features.transform(units, source)
        outputs = self.weights.outputs(features)
        if self.neighbours is not None:
            outputs = self.neighbours.blend(outputs, features)
        final = outputs.copy()
        for block in exclusive_blocks(self.axes):
            weights = self.exclusive_weights[block.name]
            final[:, block.outputs] = weights.logits(outputs, features.questions)
        return calibrate(final, self.axes, self.calibrations)

    def remembered_rows(self) -> Array:
        """Return the encoders' rows (n, d) of the stored passages, as rounded in the file."""
        vectors = self.neighbours.rounded_vectors() if self.neighbours else np.zeros((0, 1))
        return np.asarray(vectors / self.features.factors + self.features.centre)

    def weight_arrays(self) -> Arrays:
        """Return the arrays of weights and neighbours, by name in the file."""
        arrays: Arrays = {f"weights.{name}": array for name, array in vars(self.weights).items()}
        for block, weights in self.exclusive_weights.items():
            arrays |= {f"{block}.{name}": array for name, array in vars(weights).items()}
        if self.neighbours is not None:
            kept = self.neighbours.arrays()
            arrays |= {f"neighbours.{name}": array for name, array in kept.items()}
        return arrays

    def fingerprint(self) -> str:
        """Return eight hex digits of everything learnt."""
        slopes = [[each.slope, each.shift] for each in self.calibrations.values()]
        decided = {
            "codes": self.thresholds.codes,
            "gate": self.thresholds.no_code,
            "calibrations": np.array(slopes),
        }
        return array_fingerprint(self.weight_arrays() | decided)

    def explain(self, texts: list[str], mask: Mask) -> list[dict[int, list[Span]]]:
        """Return each text's spans by code in `mask`."""
        vectorizers = self.features.vectorizers
        characters = vectorizers.get("characters")
        vocabulary = characters.vocabulary_ if characters else {}
        index = TermIndex(
            characters.build_analyzer() if characters else lambda _word: (),
            vocabulary,
            vectorizers["lemmas"].vocabulary_,
            len(vocabulary),
        )
        return explain(texts, self.features.terms(texts), self._term_weights, index, mask)

    @cached_property
    def _term_weights(self) -> Array:
        """On exclusive axes, less the axis's mean: (n_terms, n_codes)."""
        weights = self.weights.terms.copy()
        for block in exclusive_blocks(self.axes):
            if block.outputs.stop > block.outputs.start:
                added = self.weights.terms @ self.exclusive_weights[block.name].outputs
                weights[:, block.outputs] = added - added.mean(axis=1, keepdims=True)
        return np.asarray(weights[:, code_outputs(blocks_of(self.axes))])


def learn(
    training: TrainingSet, axes: Axes, *, penalty: float, n_terms: tuple[int, int]
) -> tuple[LearntModel, Scores]:
    """Return the model of all units, and each unit's scores by the fit without its group.

    `n_terms` are the most n-grams of characters and of lemmas.
    """
    groups, counts = training.groups, training.counts
    extractor = fit_features(
        training.units,
        n_terms=dict(zip(("characters", "lemmas"), n_terms, strict=True)),
        encoders=training.encoders,
        rows=training.rows,
    )
    blocks = blocks_of(axes)
    targets = np.hstack([block.targets(training.targets) for block in blocks])
    judged = np.hstack([block.judged(training.judged, training.targets) for block in blocks])
    features = extractor.transform(training.units, rows=training.rows)
    weights, outputs = fit_weights(
        features, targets, judged, groups, penalty=penalty, counts=counts
    )
    _LOG.info("fitted on %d units, %d groups left out", len(groups), len(np.unique(groups)))
    neighbours = None
    if training.is_kept.any():
        kept = np.flatnonzero(training.is_kept)
        neighbours = Neighbours.of_passages(features.take(kept), targets[kept], judged[kept])
        same_group = groups[:, None] == groups[kept]
        outputs = neighbours.blend(outputs, features, excluded=same_group)
    exclusive_weights, final = {}, outputs.copy()
    unit_weights = _unit_weights(training, axes)
    for block in exclusive_blocks(axes):
        row_weights = np.where(judged[:, block.outputs].all(axis=1), unit_weights, 0.0)
        exclusive_weights[block.name], final[:, block.outputs] = fit_exclusive(
            outputs, features, targets[:, block.outputs], row_weights, groups
        )
    repeated = np.repeat(np.arange(len(groups)), counts)
    calibrations = {}
    for block in blocks:
        rows = repeated[judged[repeated, block.outputs].all(axis=1)]
        calibrations[block.name] = fit_calibration(
            final[rows, block.outputs], targets[rows, block.outputs], exclusive=block.is_exclusive
        )
    held_out = calibrate(final, axes, calibrations)
    thresholds = choose_thresholds(
        held_out.where_judged(training.judged, axes).take(repeated),
        training.targets[repeated],
        axes,
    )
    model = LearntModel(
        axes,
        extractor,
        weights,
        exclusive_weights,
        calibrations,
        thresholds,
        training.targets.sum(axis=0),
        neighbours,
    )
    return model, held_out


def _unit_weights(training: TrainingSet, axes: Axes) -> Array:
    rubriques = training.targets[:, axes.rubriques]
    if not rubriques.shape[1]:
        return training.counts.astype(np.float64)
    without = ~rubriques.any(axis=1)
    return np.asarray(np.where(without, _WITHOUT_RUBRIQUE, 1.0) * training.counts)


def fold_groups(groups: list[str]) -> NDArray[np.int64]:
    """Return group numbers; units of a single group are dealt into five."""
    names = sorted(set(groups))
    if len(names) < 2:
        return np.arange(len(groups)) % min(5, max(2, len(groups)))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[group] for group in groups])


def assigned_held_out(
    held_out: Scores,
    targets: Array,
    groups: Sequence[str],
    axes: Axes,
    *,
    asked: Iterable[str],
    judged: Mask | None = None,
    counts: NDArray[np.int64] | None = None,
) -> Mask:
    """Return codes (n_units, n_codes) of `asked` groups, by thresholds that never saw them."""
    names = np.array(groups)
    scores = held_out if judged is None else held_out.where_judged(judged, axes)
    counts = np.ones(len(names), dtype=np.int64) if counts is None else counts
    assigned = np.zeros(targets.shape, dtype=bool)
    for group in asked:
        rows = np.flatnonzero(names == group)
        others = np.repeat(np.flatnonzero(names != group), counts[names != group])
        others = others if len(others) else rows
        thresholds = choose_thresholds(scores.take(others), targets[others], axes)
        assigned[rows] = thresholds.decide(held_out.take(rows), axes)
    return assigned


def figures_of(assigned: Mask, targets: Array, axes: Axes) -> dict[str, float]:
    """Return micro, macro and samples F1 of axes of several codes, accuracy of exclusive ones.

    Postures count on units with a rubrique, if the grid has any; other exclusive axes on units with
    a code.
    """
    figures: dict[str, float] = {"n_units": float(len(targets))}
    for name, columns in axes.several.items():
        if columns.stop > columns.start:
            put, wanted = assigned[:, columns], targets[:, columns]
            by_code = [
                micro_f1(put[:, [i]], wanted[:, [i]]) for i in np.flatnonzero(wanted.any(axis=0))
            ]
            both, sizes = (put * wanted).sum(axis=1), put.sum(axis=1) + wanted.sum(axis=1)
            by_unit = np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1))
            figures[f"{name}_micro_f1"] = micro_f1(put, wanted)
            figures[f"{name}_macro_f1"] = float(np.mean(by_code)) if by_code else 0.0
            figures[f"{name}_samples_f1"] = float(by_unit.mean())
    own = {axis.axis: axis.columns for axis in axes.own if axis.is_exclusive}
    for name, columns in {POSTURE: axes.postures, **own}.items():
        has_rubriques = axes.rubriques.stop > axes.rubriques.start
        asked = axes.rubriques if name == POSTURE and has_rubriques else columns
        rows = targets[:, asked].any(axis=1)
        if columns.stop > columns.start and rows.any():
            right = np.any(assigned[rows, columns] * targets[rows, columns], axis=1)
            figures[f"{name}_accuracy"] = float(right.mean())
    return {name: round(value, 3) for name, value in figures.items()}
