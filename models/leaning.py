"""Let passages lean on what was said just before and after them: notes of one talk stay on a subject for a while.

In:   vectors (n, d) of a study's units, whose mean is near 0; units with document_id, table_number, question and unit_order
Out:  vectors (n, d), each moved towards those of its neighbours

How far is measured on the study itself: as far as neighbours are closer to each other than any two passages are. Notes that jump from
one subject to the next, as post-its do, stay where they are (models/cards/themes.md).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.views import unit_rows

STRENGTH = 2.0  # chosen on labelled files left out
_AT_ONCE = 10_000  # pairs, or vectors
_PLACE = ["document_id", "table_number", "question"]  # neighbours share them


def lean_on_neighbours(vectors: NDArray[Any], units: pd.DataFrame) -> NDArray[Any]:
    """Return the vectors of `units`, one a row, leaning on the neighbours'; the same ones where these are no closer than others."""
    first, second = neighbours(units)
    if not len(first):
        return vectors
    between = np.concatenate([(unit_rows(vectors[one]) * unit_rows(vectors[other])).sum(axis=1) for one, other in _blocks(first, second)])
    closeness = float(between.mean() - (_mean_direction(vectors) ** 2).sum())
    if closeness <= 0:
        return vectors
    step = STRENGTH * closeness * float(np.linalg.norm(vectors, axis=1).mean())
    leaning = vectors.copy()
    for one, other in _blocks(first, second):
        leaning[one] += step * unit_rows(vectors[other])
    for one, other in _blocks(first, second):
        leaning[other] += step * unit_rows(vectors[one])
    return leaning


def _mean_direction(vectors: NDArray[Any]) -> NDArray[Any]:
    """Mean of the unit rows, a few thousand at once."""
    sums = [unit_rows(vectors[start : start + _AT_ONCE]).sum(axis=0) for start in range(0, len(vectors), _AT_ONCE)]
    return np.asarray(np.sum(sums, axis=0) / len(vectors))


def _blocks(first: NDArray[np.int64], second: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The pairs, a few thousand at once: those of a large study would fill a gigabyte."""
    for start in range(0, len(first), _AT_ONCE):
        yield first[start : start + _AT_ONCE], second[start : start + _AT_ONCE]


def neighbours(units: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the units that come just one after the other, at one table and under one question of one document: (m,) and (m,)."""
    in_order = units.reset_index(drop=True).sort_values(["document_id", "unit_order"], kind="stable")
    rows = in_order.index.to_numpy(dtype=np.int64)
    place = in_order[_PLACE].astype("string").fillna("")
    is_next = (place[1:].to_numpy() == place[:-1].to_numpy()).all(axis=1)
    return rows[:-1][is_next], rows[1:][is_next]
