"""Let passages lean on what was said just before and after them: notes of one talk stay on a subject for a while.

In:   vectors (n, d) of a study's units, whose mean is near 0; units with document_id, table_number, question and unit_order
Out:  vectors (n, d), each moved towards those of its neighbours

How far is measured on the study itself: as far as neighbours are closer to each other than any two passages are. Notes that jump from
one subject to the next, as post-its do, stay where they are (models/cards/themes.md).
"""

import numpy as np
import pandas as pd

from models.rows import Labels, Rows, blocks, each_block, new_rows, slices, unit_rows

STRENGTH = 2.0  # chosen on labelled files left out
_PLACE = ["document_id", "table_number", "question"]  # neighbours share them


def lean_on_neighbours(vectors: Rows, units: pd.DataFrame) -> Rows:
    """Return the vectors of `units`, one a row, leaning on the neighbours'; the same ones where these are no closer than others."""
    return lean(vectors, *neighbours(units))


def lean(vectors: Rows, first: Labels, second: Labels) -> Rows:
    """The same for pairs of neighbours, rows `first` (m,) and `second` (m,); a row is in one pair of each side at most."""
    if not len(first):
        return vectors
    between = np.concatenate(
        [(unit_rows(vectors[first[some]]) * unit_rows(vectors[second[some]])).sum(axis=1, dtype=np.float64) for some in slices(len(first))]
    )
    towards, lengths = np.zeros(vectors.shape[1]), np.zeros(len(vectors))
    for block, rows in blocks(vectors):
        towards += unit_rows(rows).sum(axis=0)
        lengths[block] = np.linalg.norm(rows, axis=1)
    closeness = float(between.mean() - ((towards / len(vectors)) ** 2).sum())
    if closeness <= 0:
        return vectors
    step = STRENGTH * closeness * float(lengths.mean())
    leaning = new_rows(*vectors.shape)
    following, previous = np.full(len(vectors), -1), np.full(len(vectors), -1)
    following[first], previous[second] = second, first

    def move(block: slice) -> None:
        rows = np.array(vectors[block], dtype=np.float64)
        for beside in (following[block], previous[block]):
            has = beside >= 0
            rows[has] += step * unit_rows(np.asarray(vectors[beside[has]], dtype=np.float64))
        leaning[block] = rows

    each_block(len(vectors), move)
    return leaning


def neighbours(units: pd.DataFrame) -> tuple[Labels, Labels]:
    """Rows of the units that come just one after the other, at one table and under one question of one document: (m,) and (m,)."""
    in_order = units.reset_index(drop=True).sort_values(["document_id", "unit_order"], kind="stable")
    rows = in_order.index.to_numpy(dtype=np.int64)
    place = in_order[_PLACE].astype("string").fillna("")
    is_next = (place[1:].to_numpy() == place[:-1].to_numpy()).all(axis=1)
    return rows[:-1][is_next], rows[1:][is_next]
