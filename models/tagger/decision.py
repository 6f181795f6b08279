"""Calibrate probabilities, and decide the codes of a unit.

Calibration and thresholds are chosen on passages that the weights had not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.rows import softmax
from models.tagger.features import Array, Mask
from models.tagger.regression import sigmoid
from pipeline.grid.codes import PILIER, RUBRIQUE, STANDARD, Grid

# If targets are too alike to fit a calibration, an output of a half is an even chance.
USUAL_SLOPE, USUAL_SHIFT = 7.0, -3.5
DEFAULT_THRESHOLD, DEFAULT_NO_CODE = 0.4, 0.3
_MIN_UNITS = 60  # below, thresholds are the default ones
_OWN_SHARE = 0.3  # of a code's own best threshold beside its axis's: codes are too rare for more
_CANDIDATES = np.round(np.arange(0.10, 0.71, 0.01), 2)
_MOVES = np.round(np.arange(-0.10, 0.16, 0.01), 2)
_GATES = np.round(np.arange(0.05, 0.96, 0.05), 2)
_EXCLUSIVE_NAME = "postures"
_OWN_PREFIX = "axe."  # before the name of a grid's own axis


@dataclass(frozen=True)
class OwnAxis:
    """The columns of a grid's own axis."""

    axis: str
    columns: slice
    is_exclusive: bool


@dataclass(frozen=True)
class Axes:
    """The columns of each axis: standard ones, then the grid's own."""

    rubriques: slice
    postures: slice
    piliers: slice
    own: tuple[OwnAxis, ...] = ()

    @classmethod
    def of(cls, grid: Grid) -> "Axes":
        """Return the axes of `grid` in column order."""
        names = [*STANDARD, *(axis.axis for axis in grid.own_axes)]
        ends = list(accumulate(len(grid.axis(name)) for name in names))
        columns = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        own = tuple(
            OwnAxis(axis.axis, axis_columns, axis.is_exclusive)
            for axis, axis_columns in zip(grid.own_axes, columns[len(STANDARD) :], strict=True)
        )
        rubriques, postures, piliers = columns[: len(STANDARD)]
        return cls(rubriques, postures, piliers, own)

    @property
    def exclusive(self) -> tuple[slice, ...]:
        """The axes with exactly one code a unit."""
        return (self.postures, *(axis.columns for axis in self.own if axis.is_exclusive))

    @property
    def several(self) -> dict[str, slice]:
        """By name, the axes with any number of codes a unit."""
        own = {axis.axis: axis.columns for axis in self.own if not axis.is_exclusive}
        return {RUBRIQUE: self.rubriques, PILIER: self.piliers} | own

    @property
    def gated(self) -> dict[str, slice]:
        """By name, axes with a chance of no code: all of several codes but piliers."""
        return {name: columns for name, columns in self.several.items() if name != PILIER}


@dataclass(frozen=True)
class Scores:
    """`probabilities` (n_units, n_codes) and the chance of `no_code` (n_units, n_gated)."""

    probabilities: Array
    no_code: Array

    def take(self, rows: NDArray[np.int64]) -> "Scores":
        """Return the scores of `rows`, in order."""
        return Scores(self.probabilities[rows], self.no_code[rows])

    def where_judged(self, judged: Mask, axes: Axes) -> "Scores":
        """Return scores of what was judged, to choose thresholds."""
        gated = [judged[:, columns].all(axis=1) for columns in axes.gated.values()]
        return Scores(
            np.where(judged, self.probabilities, 0.0),
            np.where(np.stack(gated, axis=1), self.no_code, 1.0),
        )


@dataclass(frozen=True)
class Calibration:
    """Slope and shift from a block's outputs to log-odds (Platt)."""

    slope: float = USUAL_SLOPE
    shift: float = USUAL_SHIFT

    def apply(self, outputs: Array, *, exclusive: bool = False) -> Array:
        """Return probabilities of outputs; if `exclusive`, rows sum to 1."""
        scaled = self.slope * outputs + self.shift
        return softmax(scaled) if exclusive and scaled.shape[1] else sigmoid(scaled)


@dataclass(frozen=True)
class Thresholds:
    """A code is assigned from its probability in `codes` (n_codes) on.

    Without any code of a gated axis, a unit gets the best one if the chance that none fits is below
    the axis's `no_code` (n_gated).
    """

    codes: Array
    no_code: Array

    def shifted(self, shift: float) -> "Thresholds":
        """Return thresholds stricter by `shift`."""
        return Thresholds(self.codes + shift, self.no_code - shift)

    def decide(self, scores: Scores, axes: Axes) -> Mask:
        """Return the codes (n_units, n_codes), exactly one of each exclusive axis."""
        assigned = scores.probabilities >= self.codes
        all_units = np.ones(len(assigned), dtype=bool)
        for columns in axes.exclusive:
            assigned[:, columns] = False
            _put_best(assigned, scores.probabilities, columns, all_units)
        gates = zip(axes.gated.values(), scores.no_code.T, self.no_code, strict=True)
        for columns, chance, threshold in gates:
            must_fit = ~assigned[:, columns].any(axis=1) & (chance < threshold)
            _put_best(assigned, scores.probabilities, columns, must_fit)
        return assigned


def _put_best(assigned: Mask, probabilities: Array, columns: slice, rows: Mask) -> None:
    """An axis may have no code."""
    if columns.stop > columns.start:
        best = columns.start + probabilities[:, columns].argmax(axis=1)
        assigned[np.flatnonzero(rows), best[rows]] = True


def fit_calibration(outputs: Array, targets: Array, *, exclusive: bool = False) -> Calibration:
    """Return the calibration of held-out `outputs` (n, k); the default if targets are equal."""
    if not outputs.size or targets.min() == targets.max():
        return Calibration()

    def loss(parameters: Array) -> float:
        scaled = parameters[0] * outputs + parameters[1]
        if exclusive:
            return float(-(targets * np.log(np.maximum(softmax(scaled), 1e-12))).sum(axis=1).mean())
        return float((np.logaddexp(0, scaled) - targets * scaled).mean())

    slope, shift = minimize(
        loss,
        np.array([USUAL_SLOPE, 0.0 if exclusive else USUAL_SHIFT]),
        method="L-BFGS-B",
        bounds=[(0.1, 40), (0, 0) if exclusive else (-20, 5)],
    ).x
    return Calibration(round(float(slope), 6), round(float(shift), 6))


def choose_thresholds(scores: Scores, targets: Array, axes: Axes) -> Thresholds:
    """Return the thresholds of best micro-F1 by axis; the defaults under 60 units."""
    thresholds = Thresholds(
        np.full(targets.shape[1], DEFAULT_THRESHOLD), np.full(len(axes.gated), DEFAULT_NO_CODE)
    )
    if len(targets) < _MIN_UNITS:
        return thresholds
    for columns in axes.several.values():
        if targets[:, columns].any():
            thresholds.codes[columns] = _axis_thresholds(
                scores.probabilities[:, columns], targets[:, columns]
            )
    for gate, columns in enumerate(axes.gated.values()):
        if targets[:, columns].any():
            thresholds = _with_gate(scores, targets, axes, thresholds, gate)
    return thresholds


def micro_f1(assigned: Mask, targets: Array) -> float:
    """Return micro-averaged F1 of two (n, k) tables; 0 if both are empty."""
    both = float((assigned * targets).sum())
    return 2 * both / max(1.0, float(assigned.sum() + targets.sum()))


def _axis_thresholds(probabilities: Array, targets: Array) -> Array:
    common = _best_threshold(probabilities, targets)
    own = np.full(targets.shape[1], common)
    for column in np.flatnonzero(targets.any(axis=0)):
        own[column] = _best_threshold(probabilities[:, [column]], targets[:, [column]])
    return np.asarray(np.round((1 - _OWN_SHARE) * common + _OWN_SHARE * own, 4))


def _best_threshold(probabilities: Array, targets: Array) -> float:
    return float(
        max(_CANDIDATES, key=lambda threshold: micro_f1(probabilities >= threshold, targets))
    )


def _with_gate(
    scores: Scores, targets: Array, axes: Axes, start: Thresholds, gate: int
) -> Thresholds:
    """Choose a gated axis's shift of codes and its gate jointly."""
    columns = tuple(axes.gated.values())[gate]
    best_score, best = -1.0, start
    for move in _MOVES:
        codes = start.codes.copy()
        codes[columns] = np.round(start.codes[columns] + move, 4)
        for chance in _GATES:
            no_code = start.no_code.copy()
            no_code[gate] = chance
            thresholds = Thresholds(codes, no_code)
            assigned = thresholds.decide(scores, axes)
            score = micro_f1(assigned[:, columns], targets[:, columns])
            if score > best_score:
                best_score, best = score, thresholds
    return best


@dataclass(frozen=True)
class Block:
    """Adjacent `outputs` of `columns`; with `is_no_code`, one for "none fits"."""

    name: str
    outputs: slice
    columns: slice
    is_exclusive: bool = False
    is_no_code: bool = False

    def targets(self, targets: Array) -> Array:
        """Return true outputs from `targets` (n_units, n_codes)."""
        own = targets[:, self.columns]
        if self.is_no_code:
            return np.asarray(~own.any(axis=1, keepdims=True), dtype=np.float64)
        return own

    def judged(self, judged: Mask, targets: Array) -> Mask:
        """Return the judged outputs; an exclusive axis without a code teaches nothing."""
        own = judged[:, self.columns]
        if self.is_no_code:
            return np.asarray(own.all(axis=1, keepdims=True))
        if self.is_exclusive:
            return np.asarray(own & targets[:, self.columns].any(axis=1, keepdims=True))
        return own


def blocks_of(axes: Axes) -> tuple[Block, ...]:
    """Return the blocks in output order."""
    parts = [
        ("rubriques", axes.rubriques, False, False),
        ("piliers", axes.piliers, False, False),
        ("no_code", axes.rubriques, False, True),
        (_EXCLUSIVE_NAME, axes.postures, True, False),
    ]
    for axis in axes.own:
        name = f"{_OWN_PREFIX}{axis.axis}"
        parts.append((name, axis.columns, axis.is_exclusive, False))
        if not axis.is_exclusive:
            parts.append((f"{name}.no_code", axis.columns, False, True))
    blocks, start = [], 0
    for name, columns, is_exclusive, is_no_code in parts:
        end = start + (1 if is_no_code else columns.stop - columns.start)
        blocks.append(Block(name, slice(start, end), columns, is_exclusive, is_no_code))
        start = end
    return tuple(blocks)


def exclusive_blocks(axes: Axes) -> tuple[Block, ...]:
    """Return the blocks with one true output, postures first."""
    return tuple(block for block in blocks_of(axes) if block.is_exclusive)


def code_outputs(blocks: Sequence[Block]) -> NDArray[np.int64]:
    """Return the output index of each code."""
    of_codes = sorted(
        (block for block in blocks if not block.is_no_code),
        key=lambda block: (block.columns.start, block.columns.stop),
    )
    return np.concatenate([np.arange(b.outputs.start, b.outputs.stop) for b in of_codes])


def calibrate(outputs: Array, axes: Axes, calibrations: dict[str, Calibration]) -> Scores:
    """Return scores in code order from outputs; `calibrations` are by block."""
    blocks = blocks_of(axes)
    n_codes = max(block.columns.stop for block in blocks)
    probabilities, no_code = np.zeros((len(outputs), n_codes)), []
    for block in blocks:
        chances = calibrations[block.name].apply(
            outputs[:, block.outputs], exclusive=block.is_exclusive
        )
        if block.is_no_code:
            no_code.append(chances[:, 0])
        else:
            probabilities[:, block.columns] = chances
    return Scores(probabilities, np.stack(no_code, axis=1))
