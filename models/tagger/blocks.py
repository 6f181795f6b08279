"""How the outputs that are learnt together lie side by side, and what they are of.

In:   Axes
Out:  Block: rubriques, piliers, whether there is no rubrique, postures; then for each own axis its codes, and whether there is none
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.tagger.decision import Axes, Calibration, Scores
from models.tagger.views import Array

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
        return np.asarray(~here.any(axis=1, keepdims=True), dtype=np.float64) if self.is_no_code else here

    def known(self, judged: NDArray[np.bool_], targets: Array) -> NDArray[np.bool_]:
        """Which outputs somebody judged; a unit without a code of an exclusive axis teaches none."""
        here = judged[:, self.columns]
        if self.is_no_code:
            return np.asarray(here.all(axis=1, keepdims=True))
        return np.asarray(here & targets[:, self.columns].any(axis=1, keepdims=True)) if self.is_exclusive else here


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
    listed = sorted((block for block in blocks if not block.is_no_code), key=lambda block: (block.columns.start, block.columns.stop))
    return np.concatenate([np.arange(block.places.start, block.places.stop) for block in listed])


def calibrate(outputs: Array, axes: Axes, calibrations: dict[str, Calibration]) -> Scores:
    """Outputs to scores in the order of the grid's codes; `calibrations` by block."""
    blocks = blocks_of(axes)
    n_codes = max(block.columns.stop for block in blocks)
    probabilities, no_code = np.zeros((len(outputs), n_codes)), []
    for block in blocks:
        chances = calibrations[block.name].apply(outputs[:, block.places], exclusive=block.is_exclusive)
        if block.is_no_code:
            no_code.append(chances[:, 0])
        else:
            probabilities[:, block.columns] = chances
    return Scores(probabilities, np.stack(no_code, axis=1))
