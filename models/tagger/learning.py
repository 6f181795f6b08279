"""Learn a tagger's model from labelled passages, and see how it does on groups of passages left out.

In:   units, targets (n_units, n_codes), the group of each unit
Out:  LearntModel, and the held-out scores that its thresholds were chosen on
"""

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.tagger.decision import (
    Axes,
    Calibration,
    Scores,
    Thresholds,
    blocks_of,
    calibrate,
    choose_thresholds,
    exclusive_blocks,
    fit_calibration,
    output_places,
)
from models.tagger.regression import Neighbours, PostureWeights, Weights, fit_weights, read_again
from models.tagger.storage import array_fingerprint
from models.tagger.views import Array, Span, TermIndex, Views, explain, fit_views

_OF_UNCODED = 0.5  # weight of a passage without a rubrique when postures and the like are read again: they matter less there

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How to learn; the defaults were chosen by leaving whole files of data/training out."""

    encoders: tuple[str, ...]
    penalty: float
    n_terms: tuple[int, int]  # n-grams of characters and of lemmas kept


@dataclass(frozen=True)
class LearntModel:
    """Outputs lie as `blocks_of` says; `exclusive_weights` and `calibrations` are by block, `counts` the labelled passages of each code;
    `neighbours` are the passages that it remembers, if any.
    """

    axes: Axes
    views: Views
    weights: Weights
    exclusive_weights: dict[str, PostureWeights]
    calibrations: dict[str, Calibration]
    thresholds: Thresholds
    counts: NDArray[np.float64]
    neighbours: Neighbours | None = None

    def scores(self, units: pd.DataFrame) -> Scores:
        """Return calibrated scores; each unit's depend on it alone."""
        inputs = self.views.transform(units)
        outputs = self.weights.outputs(inputs)
        if self.neighbours is not None:
            outputs = self.neighbours.beside(outputs, inputs)
        read = outputs.copy()
        for block in exclusive_blocks(self.axes):
            read[:, block.places] = self.exclusive_weights[block.name].logits(
                outputs, inputs.questions
            )
        return calibrate(read, self.axes, self.calibrations)

    def fingerprint(self) -> str:
        """Eight hex digits of all that was learnt."""
        weights = {f"weights.{name}": values for name, values in vars(self.weights).items()}
        weights |= {
            f"{block}.{name}": values
            for block, read in self.exclusive_weights.items()
            for name, values in vars(read).items()
        }
        if self.neighbours is not None:
            weights |= {
                f"neighbours.{name}": values for name, values in self.neighbours.arrays().items()
            }
        decided = {"codes": self.thresholds.codes, "gate": self.thresholds.no_code}
        slopes = np.array(
            [[calibration.slope, calibration.shift] for calibration in self.calibrations.values()]
        )
        return array_fingerprint(weights | decided | {"calibrations": slopes})

    def explain(self, texts: list[str], asked: NDArray[np.bool_]) -> list[dict[int, list[Span]]]:
        """Return, for each text, the telling spans of each code that `asked` (n_texts, n_codes) marks."""
        characters, lemmas = self.views.vectorizers["characters"], self.views.vectorizers["lemmas"]
        index = TermIndex(
            characters.build_analyzer(),
            characters.vocabulary_,
            lemmas.vocabulary_,
            len(characters.vocabulary_),
        )
        return explain(texts, self.views.terms(texts), self._term_weights, index, asked)

    @cached_property
    def _term_weights(self) -> Array:
        """What an n-gram adds to each code's output, to an exclusive one's beside the mean of its axis: (n_terms, n_codes)."""
        weights = self.weights.terms.copy()
        for block in exclusive_blocks(self.axes):
            if block.places.stop > block.places.start:
                read_again = self.weights.terms @ self.exclusive_weights[block.name].outputs
                weights[:, block.places] = read_again - read_again.mean(axis=1, keepdims=True)
        return np.asarray(weights[:, output_places(blocks_of(self.axes))])


@dataclass(frozen=True)
class Lesson:
    """What is learnt from: `targets` 0 or 1 and `judged`, both (n_units, n_codes);
    `groups` that are left out together, how often each unit `counts` and whether it is `remembered`, all (n_units).
    """

    units: pd.DataFrame
    targets: Array
    groups: NDArray[np.int64]
    judged: NDArray[np.bool_]
    counts: NDArray[np.int64]
    remembered: NDArray[np.bool_]


def learn(lesson: Lesson, axes: Axes, recipe: Recipe) -> tuple[LearntModel, Scores]:
    """Return the model fitted on all units, and each unit's scores by the fit that left its group out."""
    units, targets = lesson.units, lesson.targets
    views = fit_views(
        units,
        encoders=recipe.encoders,
        n_terms=dict(zip(("characters", "lemmas"), recipe.n_terms, strict=True)),
    )
    blocks = blocks_of(axes)
    wanted = np.hstack([block.targets(targets) for block in blocks])
    known = np.hstack([block.known(lesson.judged, targets) for block in blocks])
    inputs = views.transform(units)
    weights, outputs = fit_weights(
        inputs, wanted, known, lesson.groups, penalty=recipe.penalty, counts=lesson.counts
    )
    _LOG.info(
        "fitted on %d units, %d groups left out in turn", len(units), len(np.unique(lesson.groups))
    )
    neighbours = None
    if lesson.remembered.any():
        kept = np.flatnonzero(lesson.remembered)
        neighbours = Neighbours.remember(inputs.take(kept), wanted[kept], known[kept])
        outputs = neighbours.beside(
            outputs, inputs, apart=lesson.groups[:, None] == lesson.groups[kept]
        )
    exclusive_weights, read = {}, outputs.copy()
    for block in exclusive_blocks(axes):
        matters = np.where(known[:, block.places].all(axis=1), _weights_of_units(lesson, axes), 0.0)
        exclusive_weights[block.name], read[:, block.places] = read_again(
            outputs, inputs, wanted[:, block.places], matters, lesson.groups
        )
    repeated = np.repeat(np.arange(len(units)), lesson.counts)
    calibrations = {}
    for block in blocks:
        rows = repeated[known[repeated, block.places].all(axis=1)]
        calibrations[block.name] = fit_calibration(
            read[rows, block.places], wanted[rows, block.places], exclusive=block.is_exclusive
        )
    held_out = calibrate(read, axes, calibrations)
    thresholds = choose_thresholds(
        where_judged(held_out, lesson.judged, axes).take(repeated), targets[repeated], axes
    )
    return LearntModel(
        axes,
        views,
        weights,
        exclusive_weights,
        calibrations,
        thresholds,
        targets.sum(axis=0),
        neighbours,
    ), held_out


def _weights_of_units(lesson: Lesson, axes: Axes) -> NDArray[np.float64]:
    """How much each unit matters where an exclusive axis is read again, (n_units)."""
    rubriques = lesson.targets[:, axes.rubriques]
    is_bare = ~rubriques.any(axis=1) if rubriques.shape[1] else np.zeros(len(rubriques), dtype=bool)
    return np.asarray(np.where(is_bare, _OF_UNCODED, 1.0) * lesson.counts)


def where_judged(scores: Scores, judged: NDArray[np.bool_], axes: Axes) -> Scores:
    """Scores without chances for what nobody judged, so that no threshold is blamed or praised for it."""
    wholly = np.stack([judged[:, axis].all(axis=1) for axis in axes.gated.values()], axis=1)
    return Scores(
        np.where(judged, scores.probabilities, 0.0), np.where(wholly, scores.no_code, 1.0)
    )


def fold_groups(groups: list[str]) -> NDArray[np.int64]:
    """Number the groups; units of one single group are dealt into five."""
    names = sorted(set(groups))
    if len(names) < 2:
        return np.arange(len(groups)) % min(5, max(2, len(groups)))
    number = {name: place for place, name in enumerate(names)}
    return np.array([number[group] for group in groups])
