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
from models.tagger.postures import PostureWeights, read_again
from models.tagger.storage import array_fingerprint
from models.tagger.views import Array, Views, fit_views

_OF_UNCODED = 0.5  # weight of a passage without a rubrique when postures are read again: they matter less there

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How to learn; the defaults were chosen by leaving whole files of data/training out."""

    encoders: tuple[str, ...]
    penalty: float
    n_terms: tuple[int, int]  # n-grams of characters and of lemmas kept


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
    posture_weights: PostureWeights
    calibrations: Calibrations
    thresholds: Thresholds
    counts: NDArray[np.float64]

    def scores(self, units: pd.DataFrame) -> Scores:
        """Return calibrated scores; each unit's depend on it alone."""
        inputs = self.views.transform(units)
        outputs = self.weights.outputs(inputs)
        outputs[:, _blocks(self.axes)[3]] = self.posture_weights.logits(outputs, inputs.questions)
        return calibrate(outputs, self.axes, self.calibrations)

    def fingerprint(self) -> str:
        """Eight hex digits of all that was learnt."""
        weights = {f"weights.{name}": values for name, values in vars(self.weights).items()}
        weights |= {f"postures.{name}": values for name, values in vars(self.posture_weights).items()}
        decided = {"codes": self.thresholds.codes, "gate": np.array(self.thresholds.no_code)}
        slopes = np.array([[calibration.slope, calibration.shift] for calibration in self.calibrations])
        return array_fingerprint(weights | decided | {"calibrations": slopes})

    def explain(self, texts: list[str], asked: NDArray[np.bool_]) -> list[dict[int, list[Span]]]:
        """Return, for each text, the telling spans of each code that `asked` (n_texts, n_codes) marks."""
        characters, lemmas = self.views.vectorizers["characters"], self.views.vectorizers["lemmas"]
        index = TermIndex(characters.build_analyzer(), characters.vocabulary_, lemmas.vocabulary_, len(characters.vocabulary_))
        return explain(texts, self.views.terms(texts), self._term_weights, index, asked)

    @cached_property
    def _term_weights(self) -> Array:
        """What an n-gram adds to each code's output, to a posture's beside the mean of all postures: (n_terms, n_codes)."""
        weights = self.weights.terms.copy()
        postures = _blocks(self.axes)[3]
        if postures.stop > postures.start:
            read_again = self.weights.terms @ self.posture_weights.outputs
            weights[:, postures] = read_again - read_again.mean(axis=1, keepdims=True)
        return np.asarray(weights[:, _output_places(self.axes)])


@dataclass(frozen=True)
class Lesson:
    """What is learnt from: `targets` 0 or 1 and `judged`, both (n_units, n_codes);
    `groups` that are left out together and how often each unit `counts`, both (n_units).
    """

    units: pd.DataFrame
    targets: Array
    groups: NDArray[np.int64]
    judged: NDArray[np.bool_]
    counts: NDArray[np.int64]


def learn(lesson: Lesson, axes: Axes, recipe: Recipe) -> tuple[LearntModel, Scores]:
    """Return the model fitted on all units, and each unit's scores by the fit that left its group out."""
    units, targets = lesson.units, lesson.targets
    views = fit_views(units, encoders=recipe.encoders, n_terms=dict(zip(("characters", "lemmas"), recipe.n_terms, strict=True)))
    wanted, known = _outputs(targets, axes), _known(lesson, axes)
    inputs = views.transform(units)
    weights, outputs = fit_weights(inputs, wanted, known, lesson.groups, penalty=recipe.penalty, counts=lesson.counts)
    _LOG.info("fitted on %d units, %d groups left out in turn", len(units), len(np.unique(lesson.groups)))
    repeated = np.repeat(np.arange(len(units)), lesson.counts)

    def calibrated(block: slice, *, exclusive: bool = False) -> Calibration:
        rows = repeated[known[repeated, block].all(axis=1)]
        return fit_calibration(outputs[rows, block], wanted[rows, block], exclusive=exclusive)

    rubriques, piliers, no_code, postures = _blocks(axes)
    matters = np.where(wanted[:, no_code].any(axis=1), _OF_UNCODED, 1.0)
    matters = np.where(known[:, postures].all(axis=1), matters * lesson.counts, 0.0)
    posture_weights, outputs[:, postures] = read_again(outputs, inputs, wanted[:, postures], matters, lesson.groups)
    calibrations = Calibrations(calibrated(rubriques), calibrated(piliers), calibrated(no_code), calibrated(postures, exclusive=True))
    held_out = calibrate(outputs, axes, calibrations)
    thresholds = choose_thresholds(_where_judged(held_out, lesson.judged).take(repeated), targets[repeated], axes)
    return LearntModel(axes, views, weights, posture_weights, calibrations, thresholds, targets.sum(axis=0)), held_out


def _known(lesson: Lesson, axes: Axes) -> NDArray[np.bool_]:
    """Which outputs somebody judged (n_units, n_outputs); a unit without a posture teaches none."""
    judged = lesson.judged
    has_posture = lesson.targets[:, axes.postures].any(axis=1, keepdims=True)
    no_code = judged[:, axes.rubriques].all(axis=1, keepdims=True)
    return np.hstack([judged[:, axes.rubriques], judged[:, axes.piliers], no_code, judged[:, axes.postures] & has_posture])


def _where_judged(scores: Scores, judged: NDArray[np.bool_]) -> Scores:
    """Scores without chances for what nobody judged, so that no threshold is blamed or praised for it."""
    return Scores(np.where(judged, scores.probabilities, 0.0), scores.no_code)


def calibrate(outputs: Array, axes: Axes, calibrations: Calibrations) -> Scores:
    """Outputs to scores in the order of the grid's codes."""
    rubriques, piliers, no_code, postures = _blocks(axes)
    chances = [
        calibrations.rubriques.apply(outputs[:, rubriques]),
        calibrations.postures.apply(outputs[:, postures], exclusive=True),
        calibrations.piliers.apply(outputs[:, piliers]),
    ]
    return Scores(np.hstack(chances), calibrations.no_code.apply(outputs[:, no_code])[:, 0])


def fold_groups(groups: list[str]) -> NDArray[np.int64]:
    """Number the groups; units of one single group are dealt into five."""
    names = sorted(set(groups))
    if len(names) < 2:
        return np.arange(len(groups)) % min(5, max(2, len(groups)))
    number = {name: place for place, name in enumerate(names)}
    return np.array([number[group] for group in groups])


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
