"""From outputs to calibrated probabilities, and from those to the codes that are put on a unit.

In:   held-out outputs and what people coded
Out:  Calibration, Thresholds; both chosen on passages that the weights had not seen

How the outputs that are learnt together lie side by side, and what they are of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.tagger.regression import sigmoid, softmax
from models.tagger.views import Array
from pipeline.grid.codes import RUBRIQUE, STANDARD, Grid

Assigned = NDArray[np.bool_]

USUAL_SLOPE, USUAL_SHIFT = (
    7.0,
    -3.5,
)  # where targets are too alike to fit them: an output of a half is an even chance
DEFAULT_THRESHOLD, DEFAULT_NO_CODE = 0.4, 0.3  # where there is too little material to choose
_ENOUGH_UNITS = 60
_OWN_SHARE = 0.3  # of a code's own best threshold, beside its axis's: codes are too rare for more
_CANDIDATES = np.round(np.arange(0.10, 0.71, 0.01), 2)
_MOVES = np.round(np.arange(-0.10, 0.16, 0.01), 2)
_GATES = np.round(np.arange(0.05, 0.96, 0.05), 2)


@dataclass(frozen=True)
class OwnAxis:
    """Where an axis that the grid brings lies among the columns."""

    axis: str
    columns: slice
    is_exclusive: bool


@dataclass(frozen=True)
class Axes:
    """Where each axis lies among the columns: the standard ones, then the grid's own in its order."""

    rubriques: slice
    postures: slice
    piliers: slice
    own: tuple[OwnAxis, ...] = ()

    @classmethod
    def of(cls, grid: Grid) -> "Axes":
        """The axes of `grid`, in the order of its columns."""
        ends = list(accumulate(len(grid.axis(axis)) for axis in STANDARD))
        rubriques, postures, piliers = (
            slice(first, last) for first, last in zip([0, *ends], ends, strict=False)
        )
        own, first = [], ends[-1]
        for axis in grid.own_axes:
            last = first + len(grid.axis(axis.axis))
            own.append(OwnAxis(axis.axis, slice(first, last), axis.is_exclusive))
            first = last
        return cls(rubriques, postures, piliers, tuple(own))

    @property
    def exclusive(self) -> tuple[slice, ...]:
        """The axes of which a unit bears exactly one code."""
        return (self.postures, *(axis.columns for axis in self.own if axis.is_exclusive))

    @property
    def several(self) -> tuple[slice, ...]:
        """The axes of which a unit bears any number of codes."""
        return (
            self.rubriques,
            self.piliers,
            *(axis.columns for axis in self.own if not axis.is_exclusive),
        )

    @property
    def gated(self) -> dict[str, slice]:
        """By name, the axes of which it is asked whether any code fits: the rubriques, then the grid's own of several codes."""
        return {RUBRIQUE: self.rubriques} | {
            axis.axis: axis.columns for axis in self.own if not axis.is_exclusive
        }


@dataclass(frozen=True)
class Scores:
    """`probabilities` (n_units, n_codes), and `no_code` (n_units, n_gated): the chance that no code of each gated axis fits."""

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
    """A code is put on a unit from `codes` (n_codes) on; where the chance that no code of a gated axis fits is below its `no_code`
    (n_gated), its best code is put.
    """

    codes: Array
    no_code: Array

    def shifted(self, by: float) -> "Thresholds":
        """Stricter by `by` everywhere: codes need more, and a best code is put less easily."""
        return Thresholds(self.codes + by, self.no_code - by)

    def decide(self, scores: Scores, axes: Axes) -> Assigned:
        """Return (n_units, n_codes); of each exclusive axis exactly one code is true."""
        assigned = scores.probabilities >= self.codes
        every = np.ones(len(assigned), dtype=bool)
        for axis in axes.exclusive:
            assigned[:, axis] = False
            _put_best(assigned, scores.probabilities, axis, every)
        for axis, chance, gate in zip(
            axes.gated.values(), scores.no_code.T, self.no_code, strict=True
        ):
            _put_best(
                assigned,
                scores.probabilities,
                axis,
                ~assigned[:, axis].any(axis=1) & (chance < gate),
            )
        return assigned


def _put_best(
    assigned: Assigned, probabilities: Array, axis: slice, where: NDArray[np.bool_]
) -> None:
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
    slope, shift = minimize(
        loss,
        np.array([USUAL_SLOPE, 0.0 if exclusive else USUAL_SHIFT]),
        method="L-BFGS-B",
        bounds=bounds,
    ).x
    return Calibration(round(float(slope), 6), round(float(shift), 6))


def choose_thresholds(scores: Scores, targets: Array, axes: Axes) -> Thresholds:
    """Return the thresholds with the best micro-F1 by axis on held-out scores; the defaults below 60 units."""
    thresholds = Thresholds(
        np.full(targets.shape[1], DEFAULT_THRESHOLD), np.full(len(axes.gated), DEFAULT_NO_CODE)
    )
    if len(targets) < _ENOUGH_UNITS:
        return thresholds
    for axis in axes.several:
        if targets[:, axis].any():
            thresholds.codes[axis] = _axis_thresholds(
                scores.probabilities[:, axis], targets[:, axis]
            )
    for place, axis in enumerate(axes.gated.values()):
        if targets[:, axis].any():
            thresholds = _gated_thresholds(scores, targets, axes, thresholds, place)
    return thresholds


def micro_f1(assigned: Assigned, targets: Array) -> float:
    """Micro-averaged F1 of two (n, k) tables; 0 where both are empty."""
    both = float((assigned * targets).sum())
    return 2 * both / max(1.0, float(assigned.sum() + targets.sum()))


def _axis_thresholds(probabilities: Array, targets: Array) -> Array:
    """The axis's best common threshold, each code's own mixed in."""
    common = _best(probabilities, targets)
    own = [
        _best(probabilities[:, [place]], targets[:, [place]]) if targets[:, place].any() else common
        for place in range(targets.shape[1])
    ]
    return np.asarray(np.round((1 - _OWN_SHARE) * common + _OWN_SHARE * np.array(own), 4))


def _best(probabilities: Array, targets: Array) -> float:
    return float(
        max(_CANDIDATES, key=lambda threshold: micro_f1(probabilities >= threshold, targets))
    )


def _gated_thresholds(
    scores: Scores, targets: Array, axes: Axes, start: Thresholds, place: int
) -> Thresholds:
    """`start` with the thresholds of a gated axis moved together, and its gate, as they are best jointly."""
    axis = tuple(axes.gated.values())[place]
    best, kept = -1.0, start
    for move in _MOVES:
        codes, gates = start.codes.copy(), start.no_code.copy()
        codes[axis] = np.round(start.codes[axis] + move, 4)
        for gate in _GATES:
            gates[place] = gate
            thresholds = Thresholds(codes, gates.copy())
            score = micro_f1(thresholds.decide(scores, axes)[:, axis], targets[:, axis])
            if score > best:
                best, kept = score, thresholds
    return kept


POSTURES = "postures"
_OWN = "axe."  # before the name of an axis that a grid brings


@dataclass(frozen=True)
class Block:
    """Neighbouring outputs, at `places`, of the codes in `columns`; the single one of a block that `is_no_code` says that none fits."""

    name: str
    places: slice
    columns: slice
    is_exclusive: bool = False
    is_no_code: bool = False

    def targets(self, targets: Array) -> Array:
        """What the outputs should be, from `targets` (n_units, n_codes)."""
        here = targets[:, self.columns]
        return (
            np.asarray(~here.any(axis=1, keepdims=True), dtype=np.float64)
            if self.is_no_code
            else here
        )

    def known(self, judged: NDArray[np.bool_], targets: Array) -> NDArray[np.bool_]:
        """Which outputs somebody judged; a unit without a code of an exclusive axis teaches none."""
        here = judged[:, self.columns]
        if self.is_no_code:
            return np.asarray(here.all(axis=1, keepdims=True))
        return (
            np.asarray(here & targets[:, self.columns].any(axis=1, keepdims=True))
            if self.is_exclusive
            else here
        )


def blocks_of(axes: Axes) -> tuple[Block, ...]:
    """Return the blocks in the order of the outputs."""
    parts = [
        ("rubriques", axes.rubriques, False, False),
        ("piliers", axes.piliers, False, False),
        ("no_code", axes.rubriques, False, True),
        (POSTURES, axes.postures, True, False),
    ]
    for axis in axes.own:
        parts.append((f"{_OWN}{axis.axis}", axis.columns, axis.is_exclusive, False))
        if not axis.is_exclusive:
            parts.append((f"{_OWN}{axis.axis}.no_code", axis.columns, False, True))
    blocks, first = [], 0
    for name, columns, is_exclusive, is_no_code in parts:
        last = first + (1 if is_no_code else columns.stop - columns.start)
        blocks.append(Block(name, slice(first, last), columns, is_exclusive, is_no_code))
        first = last
    return tuple(blocks)


def exclusive_blocks(axes: Axes) -> tuple[Block, ...]:
    """Return the blocks of which one output is true: postures first."""
    return tuple(block for block in blocks_of(axes) if block.is_exclusive)


def output_places(blocks: Sequence[Block]) -> NDArray[np.int64]:
    """The output of each of the grid's codes."""
    listed = sorted(
        (block for block in blocks if not block.is_no_code),
        key=lambda block: (block.columns.start, block.columns.stop),
    )
    return np.concatenate([np.arange(block.places.start, block.places.stop) for block in listed])


def calibrate(outputs: Array, axes: Axes, calibrations: dict[str, Calibration]) -> Scores:
    """Outputs to scores in the order of the grid's codes; `calibrations` by block."""
    blocks = blocks_of(axes)
    n_codes = max(block.columns.stop for block in blocks)
    probabilities, no_code = np.zeros((len(outputs), n_codes)), []
    for block in blocks:
        chances = calibrations[block.name].apply(
            outputs[:, block.places], exclusive=block.is_exclusive
        )
        if block.is_no_code:
            no_code.append(chances[:, 0])
        else:
            probabilities[:, block.columns] = chances
    return Scores(probabilities, np.stack(no_code, axis=1))
