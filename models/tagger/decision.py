"""From outputs to calibrated probabilities, and from those to the codes that are put on a unit.

In:   held-out outputs and what people coded
Out:  Calibration, Thresholds; both chosen on passages that the weights had not seen
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.tagger.linear import sigmoid, softmax
from models.tagger.views import Array
from pipeline.grid import Grid

Assigned = NDArray[np.bool_]

USUAL_SLOPE, USUAL_SHIFT = 7.0, -3.5  # where targets are too alike to fit them: an output of a half is an even chance
DEFAULT_THRESHOLD, DEFAULT_NO_CODE = 0.4, 0.3  # where there is too little material to choose
_ENOUGH_UNITS = 60
_OWN_SHARE = 0.3  # of a code's own best threshold, beside its axis's: codes are too rare for more
_CANDIDATES = np.round(np.arange(0.10, 0.71, 0.01), 2)
_MOVES = np.round(np.arange(-0.10, 0.16, 0.01), 2)
_GATES = np.round(np.arange(0.05, 0.96, 0.05), 2)


@dataclass(frozen=True)
class Axes:
    """Where each axis lies among the columns."""

    rubriques: slice
    postures: slice
    piliers: slice

    @classmethod
    def of(cls, grid: Grid) -> "Axes":
        """The axes of `grid`, in the order rubriques, postures, piliers."""
        first = len(grid.axis("rubrique"))
        second = first + len(grid.axis("posture"))
        return cls(slice(0, first), slice(first, second), slice(second, second + len(grid.axis("pilier"))))


@dataclass(frozen=True)
class Scores:
    """`probabilities` (n_units, n_codes), and `no_code` (n_units): the chance that no rubrique fits."""

    probabilities: Array
    no_code: Array

    def take(self, rows: NDArray[np.int64]) -> "Scores":
        """The rows given, in their order."""
        return Scores(self.probabilities[rows], self.no_code[rows])


@dataclass(frozen=True)
class Calibration:
    """Slope and shift that make log-odds of a block of outputs (Platt)."""

    slope: float = USUAL_SLOPE
    shift: float = USUAL_SHIFT

    def apply(self, outputs: Array, *, exclusive: bool = False) -> Array:
        """Outputs to probabilities; rows of `exclusive` ones sum to 1."""
        scaled = self.slope * outputs + self.shift
        return softmax(scaled) if exclusive and scaled.shape[1] else sigmoid(scaled)


@dataclass(frozen=True)
class Thresholds:
    """A code is put on a unit from `codes` (n_codes) on; where the chance that no rubrique fits is below `no_code`, the best one is put."""

    codes: Array
    no_code: float

    def shifted(self, by: float) -> "Thresholds":
        """Stricter by `by` everywhere: codes need more, and the best rubrique is put less easily."""
        return Thresholds(self.codes + by, self.no_code - by)

    def decide(self, scores: Scores, axes: Axes) -> Assigned:
        """Return (n_units, n_codes); of the postures exactly one is true."""
        assigned = scores.probabilities >= self.codes
        assigned[:, axes.postures] = False
        every = np.ones(len(assigned), dtype=bool)
        _put_best(assigned, scores.probabilities, axes.postures, every)
        _put_best(
            assigned, scores.probabilities, axes.rubriques, ~assigned[:, axes.rubriques].any(axis=1) & (scores.no_code < self.no_code)
        )
        return assigned


def _put_best(assigned: Assigned, probabilities: Array, axis: slice, where: NDArray[np.bool_]) -> None:
    """Mark the likeliest code of `axis` on the units that `where` marks; an axis without codes is left alone."""
    if axis.stop > axis.start:
        best = axis.start + probabilities[:, axis].argmax(axis=1)
        assigned[np.flatnonzero(where), best[where]] = True


def fit_calibration(outputs: Array, targets: Array, *, exclusive: bool = False) -> Calibration:
    """Return the calibration that makes held-out `outputs` (n, k) good log-odds of `targets`; the usual one where all targets are alike."""
    if not outputs.size or targets.min() == targets.max():
        return Calibration()

    def loss(parameters: Array) -> float:
        scaled = parameters[0] * outputs + parameters[1]
        if exclusive:
            return float(-(targets * np.log(np.maximum(softmax(scaled), 1e-12))).sum(axis=1).mean())
        return float((np.logaddexp(0, scaled) - targets * scaled).mean())

    bounds = [(0.1, 40), (0, 0) if exclusive else (-20, 5)]
    slope, shift = minimize(loss, np.array([USUAL_SLOPE, 0.0 if exclusive else USUAL_SHIFT]), method="L-BFGS-B", bounds=bounds).x
    return Calibration(round(float(slope), 6), round(float(shift), 6))


def choose_thresholds(scores: Scores, targets: Array, axes: Axes) -> Thresholds:
    """Return the thresholds with the best micro-F1 by axis on held-out scores; the defaults below 60 units."""
    codes, gate = np.full(targets.shape[1], DEFAULT_THRESHOLD), DEFAULT_NO_CODE
    if len(targets) < _ENOUGH_UNITS:
        return Thresholds(codes, gate)
    for axis in (axes.rubriques, axes.piliers):
        if targets[:, axis].any():
            codes[axis] = _axis_thresholds(scores.probabilities[:, axis], targets[:, axis])
    if targets[:, axes.rubriques].any():
        return _gated_thresholds(scores, targets, axes, codes)
    return Thresholds(codes, gate)


def micro_f1(assigned: Assigned, targets: Array) -> float:
    """Micro-averaged F1 of two (n, k) tables; 0 where both are empty."""
    both = float((assigned * targets).sum())
    return 2 * both / max(1.0, float(assigned.sum() + targets.sum()))


def _axis_thresholds(probabilities: Array, targets: Array) -> Array:
    """The axis's best common threshold, each code's own mixed in."""
    common = _best(probabilities, targets)
    own = [
        _best(probabilities[:, [place]], targets[:, [place]]) if targets[:, place].any() else common for place in range(targets.shape[1])
    ]
    return np.asarray(np.round((1 - _OWN_SHARE) * common + _OWN_SHARE * np.array(own), 4))


def _best(probabilities: Array, targets: Array) -> float:
    return float(max(_CANDIDATES, key=lambda threshold: micro_f1(probabilities >= threshold, targets)))


def _gated_thresholds(scores: Scores, targets: Array, axes: Axes, codes: Array) -> Thresholds:
    """The rubriques' thresholds moved together, and the no-code gate, that are best jointly."""
    best, kept = -1.0, Thresholds(codes, DEFAULT_NO_CODE)
    for move in _MOVES:
        moved = codes.copy()
        moved[axes.rubriques] = np.round(codes[axes.rubriques] + move, 4)
        for gate in _GATES:
            thresholds = Thresholds(moved, float(gate))
            score = micro_f1(thresholds.decide(scores, axes)[:, axes.rubriques], targets[:, axes.rubriques])
            if score > best:
                best, kept = score, thresholds
    return kept
