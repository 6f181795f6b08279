"""Learn a tagger's model from labelled passages, and see how it does on groups of passages left out.

In:   units, targets (n_units, n_codes), the group of each unit
Out:  LearntModel, and the held-out scores that its thresholds were chosen on
"""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.tagger.decision import Axes, Calibration, Scores, Thresholds, choose_thresholds, fit_calibration
from models.tagger.evidence import Span, TermIndex, explain
from models.tagger.linear import Weights, fit_weights
from models.tagger.storage import array_fingerprint
from models.tagger.views import Array, Inputs, Views, fit_views

_LOG = logging.getLogger(__name__)
_MOST_FOLDS = 12


@dataclass(frozen=True)
class Recipe:
    """How to learn; the defaults were chosen by leaving whole files of data/training out."""

    encoders: tuple[str, ...]
    inverse_penalty: float
    context_dropout: float  # weight of a copy of each unit without question and channel, so that a missing one does no harm
    n_terms: tuple[int, int]  # character and word n-grams kept


class Calibrations(NamedTuple):
    """One calibration a block of outputs."""

    rubriques: Calibration
    piliers: Calibration
    no_code: Calibration
    postures: Calibration


@dataclass(frozen=True)
class LearntModel:
    """Outputs are rubriques, piliers, "no code", then postures (one softmax); `counts` are the labelled passages of each code."""

    axes: Axes
    views: Views
    weights: Weights
    calibrations: Calibrations
    thresholds: Thresholds
    counts: NDArray[np.float64]

    def scores(self, units: pd.DataFrame) -> Scores:
        """Return calibrated scores; each unit's depend on it alone."""
        return calibrate(self.weights.logits(self.views.transform(units)), self.axes, self.calibrations)

    def fingerprint(self) -> str:
        """Eight hex digits of all that was learnt."""
        weights = {"dense": self.weights.dense, "terms": self.weights.terms, "intercepts": self.weights.intercepts}
        decided = {"codes": self.thresholds.codes, "gate": np.array(self.thresholds.no_code)}
        slopes = np.array([[calibration.slope, calibration.shift] for calibration in self.calibrations])
        return array_fingerprint(weights | decided | {"calibrations": slopes})

    def explain(self, texts: list[str], asked: NDArray[np.bool_]) -> list[dict[int, list[Span]]]:
        """Return, for each text, the telling spans of each code that `asked` (n_texts, n_codes) marks."""
        characters, words = self.views.vectorizers["characters"], self.views.vectorizers["words"]
        index = TermIndex(characters.build_analyzer(), characters.vocabulary_, words.vocabulary_, len(characters.vocabulary_))
        return explain(texts, self.views.terms(texts), self._term_weights, index, asked)

    @cached_property
    def _term_weights(self) -> Array:
        """What an n-gram adds to each code's log-odds, to a posture's beside the mean of all postures: (n_terms, n_codes)."""
        weights = self.weights.terms.copy()
        postures = _blocks(self.axes)[3]
        if postures.stop > postures.start:
            weights[:, postures] -= weights[:, postures].mean(axis=1, keepdims=True)
        return np.asarray(weights[:, _output_places(self.axes)])


def learn(units: pd.DataFrame, targets: Array, groups: NDArray[np.int64], axes: Axes, recipe: Recipe) -> tuple[LearntModel, Scores]:
    """Return the model fitted on all units, and each unit's scores from the fit that left its group out."""
    logits = np.zeros((len(units), targets.shape[1] + 1))
    for group in np.unique(groups):
        known, asked = np.flatnonzero(groups != group), np.flatnonzero(groups == group)
        if not len(known):
            continue
        views, weights = _fit(units.iloc[known], targets[known], axes, recipe)
        logits[asked] = weights.logits(views.transform(units.iloc[asked]))
        _LOG.info("fitted without group %d: %d units, %d left out", group, len(known), len(asked))
    wanted = _outputs(targets, axes)
    rubriques, piliers, no_code, postures = _blocks(axes)
    calibrations = Calibrations(
        rubriques=fit_calibration(logits[:, rubriques], wanted[:, rubriques]),
        piliers=fit_calibration(logits[:, piliers], wanted[:, piliers]),
        no_code=fit_calibration(logits[:, no_code], wanted[:, no_code]),
        postures=fit_calibration(logits[:, postures], wanted[:, postures], exclusive=True),
    )
    held_out = calibrate(logits, axes, calibrations)
    views, weights = _fit(units, targets, axes, recipe)
    thresholds = choose_thresholds(held_out, targets, axes)
    return LearntModel(axes, views, weights, calibrations, thresholds, targets.sum(axis=0)), held_out


def calibrate(logits: Array, axes: Axes, calibrations: Calibrations) -> Scores:
    """Outputs' logits to scores in the order of the grid's codes."""
    rubriques, piliers, no_code, postures = _blocks(axes)
    chances = [
        calibrations.rubriques.apply(logits[:, rubriques]),
        calibrations.postures.apply(logits[:, postures], exclusive=True),
        calibrations.piliers.apply(logits[:, piliers]),
    ]
    return Scores(np.hstack(chances), calibrations.no_code.apply(logits[:, no_code])[:, 0])


def fold_groups(groups: list[str]) -> NDArray[np.int64]:
    """Number the groups, small neighbours together where they are more than twelve; units of one single group are dealt into five."""
    names = sorted(set(groups))
    if len(names) < 2:
        return np.arange(len(groups)) % min(5, max(2, len(groups)))
    number = {name: place * min(len(names), _MOST_FOLDS) // len(names) for place, name in enumerate(names)}
    return np.array([number[group] for group in groups])


def _fit(units: pd.DataFrame, targets: Array, axes: Axes, recipe: Recipe) -> tuple[Views, Weights]:
    views = fit_views(units, encoders=recipe.encoders, n_terms=dict(zip(("characters", "words"), recipe.n_terms, strict=True)))
    inputs, outputs = views.transform(units), _outputs(targets, axes)
    kept = np.full(len(units), 1.0)
    if recipe.context_dropout:
        inputs, outputs = _with_copies(inputs), np.vstack([outputs, outputs])
        kept = np.concatenate([kept * (1 - recipe.context_dropout), kept * recipe.context_dropout])
    n_postures = axes.postures.stop - axes.postures.start
    return views, fit_weights(inputs, outputs, kept, inverse_penalty=recipe.inverse_penalty, n_exclusive=n_postures)


def _with_copies(inputs: Inputs) -> Inputs:
    return inputs.without_context().below(inputs)


def _outputs(targets: Array, axes: Axes) -> Array:
    """Targets in the order of the outputs."""
    no_code = ~targets[:, axes.rubriques].any(axis=1, keepdims=True)
    return np.hstack([targets[:, axes.rubriques], targets[:, axes.piliers], no_code.astype(np.float64), targets[:, axes.postures]])


def _blocks(axes: Axes) -> tuple[slice, slice, slice, slice]:
    """Where rubriques, piliers, "no code" and postures lie among the outputs."""
    n_rubriques, n_piliers = axes.rubriques.stop, axes.piliers.stop - axes.piliers.start
    free = n_rubriques + n_piliers
    return slice(0, n_rubriques), slice(n_rubriques, free), slice(free, free + 1), slice(free + 1, axes.piliers.stop + 1)


def _output_places(axes: Axes) -> NDArray[np.int64]:
    """The output of each of the grid's codes."""
    rubriques, piliers, _, postures = _blocks(axes)
    return np.concatenate([np.arange(block.start, block.stop) for block in (rubriques, postures, piliers)])
