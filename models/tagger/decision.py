"""From outputs to calibrated probabilities, and from those to the codes put on a unit.

Calibration and thresholds are both chosen on passages that the weights had not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.tagger.features import Array, Mask
from models.tagger.regression import sigmoid, softmax
from pipeline.grid.codes import PILIER, RUBRIQUE, STANDARD, Grid

# Where targets are too alike to fit a calibration: an output of a half is an even chance.
USUAL_SLOPE, USUAL_SHIFT = 7.0, -3.5
DEFAULT_THRESHOLD, DEFAULT_NO_CODE = 0.4, 0.3
_MIN_UNITS = 60  # under which thresholds are the default ones
_OWN_SHARE = 0.3  # of a code's own best threshold beside its axis's: codes are too rare for more
_CANDIDATES = np.round(np.arange(0.10, 0.71, 0.01), 2)
_MOVES = np.round(np.arange(-0.10, 0.16, 0.01), 2)
_GATES = np.round(np.arange(0.05, 0.96, 0.05), 2)
_EXCLUSIVE_NAME = "postures"
_OWN_PREFIX = "axe."  # before the name of an axis that a grid brings


@dataclass(frozen=True)
class OwnAxis:
    """Where an axis that the grid brings lies among the columns."""

    axis: str
    columns: slice
    is_exclusive: bool


@dataclass(frozen=True)
class Axes:
    """Where each axis lies among the columns: the standard ones, then the grid's own."""

    rubriques: slice
    postures: slice
    piliers: slice
    own: tuple[OwnAxis, ...] = ()

    @classmethod
    def of(cls, grid: Grid) -> "Axes":
        """The axes of `grid`, in the order of its columns."""
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
        """The axes of which a unit bears exactly one code."""
        return (self.postures, *(axis.columns for axis in self.own if axis.is_exclusive))

    @property
    def several(self) -> dict[str, slice]:
        """By name, the axes of which a unit bears any number of codes."""
        own = {axis.axis: axis.columns for axis in self.own if not axis.is_exclusive}
        return {RUBRIQUE: self.rubriques, PILIER: self.piliers} | own

    @property
    def gated(self) -> dict[str, slice]:
        """By name, the axes with a chance that no code fits: all of several codes but piliers."""
        return {name: columns for name, columns in self.several.items() if name != PILIER}


@dataclass(frozen=True)
class Scores:
    """`probabilities` (n_units, n_codes), and `no_code` (n_units, n_gated).

    `no_code` is the chance that no code of each gated axis fits.
    """

    probabilities: Array
    no_code: Array

    def take(self, rows: NDArray[np.int64]) -> "Scores":
        """The units of `rows`, in their order."""
        return Scores(self.probabilities[rows], self.no_code[rows])

    def where_judged(self, judged: Mask, axes: Axes) -> "Scores":
        """The scores without chances for what nobody judged, on which no threshold is chosen."""
        gated = [judged[:, columns].all(axis=1) for columns in axes.gated.values()]
        return Scores(
            np.where(judged, self.probabilities, 0.0),
            np.where(np.stack(gated, axis=1), self.no_code, 1.0),
        )


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
    """A code is put from the probability in `codes` (n_codes) on.

    A unit without a code of a gated axis gets the best one where the chance that none fits is
    under the axis's threshold in `no_code` (n_gated).
    """

    codes: Array
    no_code: Array

    def shifted(self, shift: float) -> "Thresholds":
        """Stricter by `shift`: codes need more, and a best code is put less easily."""
        return Thresholds(self.codes + shift, self.no_code - shift)

    def decide(self, scores: Scores, axes: Axes) -> Mask:
        """Return (n_units, n_codes); of each exclusive axis exactly one code is true."""
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
    """Put the likeliest code of an axis on the units in `rows`; an axis may have no code."""
    if columns.stop > columns.start:
        best = columns.start + probabilities[:, columns].argmax(axis=1)
        assigned[np.flatnonzero(rows), best[rows]] = True


def fit_calibration(outputs: Array, targets: Array, *, exclusive: bool = False) -> Calibration:
    """Return the calibration of held-out `outputs` (n, k); the usual one for equal targets."""
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
    """Return the thresholds with the best micro-F1 by axis; the default ones under 60 units."""
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
    """Micro-averaged F1 of two (n, k) tables; 0 where both are empty."""
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
    """`start` with the codes of a gated axis moved together and its gate, best jointly."""
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
    """Neighbouring `outputs` of the codes in `columns`; `is_no_code`: one output, none fits."""

    name: str
    outputs: slice
    columns: slice
    is_exclusive: bool = False
    is_no_code: bool = False

    def targets(self, targets: Array) -> Array:
        """The block's outputs as they should be, from `targets` (n_units, n_codes)."""
        own = targets[:, self.columns]
        if self.is_no_code:
            return np.asarray(~own.any(axis=1, keepdims=True), dtype=np.float64)
        return own

    def judged(self, judged: Mask, targets: Array) -> Mask:
        """The outputs that somebody judged; without a code, an exclusive axis teaches nothing."""
        own = judged[:, self.columns]
        if self.is_no_code:
            return np.asarray(own.all(axis=1, keepdims=True))
        if self.is_exclusive:
            return np.asarray(own & targets[:, self.columns].any(axis=1, keepdims=True))
        return own


def blocks_of(axes: Axes) -> tuple[Block, ...]:
    """Return the blocks in the order of the outputs."""
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
    """Return the blocks of which one output is true: postures first."""
    return tuple(block for block in blocks_of(axes) if block.is_exclusive)


def code_outputs(blocks: Sequence[Block]) -> NDArray[np.int64]:
    """The number of the output of each of the grid's codes."""
    of_codes = sorted(
        (block for block in blocks if not block.is_no_code),
        key=lambda block: (block.columns.start, block.columns.stop),
    )
    return np.concatenate([np.arange(b.outputs.start, b.outputs.stop) for b in of_codes])


def calibrate(outputs: Array, axes: Axes, calibrations: dict[str, Calibration]) -> Scores:
    """Outputs to scores in the order of the grid's codes; `calibrations` by block."""
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
