"""Propose two halves of a theme, for a person to correct: 2-means over the passages' places on the map.

In:   places (n, 2)
Out:  which half each passage is in; the same places give the same halves
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_N_STEPS = 50


def halves(places: Sequence[tuple[float, float]]) -> list[bool]:
    """Return whether each of `places` is in the smaller half; all in one where no two places differ."""
    points = np.asarray(places, dtype=float).reshape(-1, 2)
    if len(points) < 2 or not np.ptp(points, axis=0).any():
        return [False] * len(points)
    is_second = _first_cut(points)
    for _ in range(_N_STEPS):
        centres = points[~is_second].mean(axis=0), points[is_second].mean(axis=0)
        nearer = ((points - centres[1]) ** 2).sum(axis=1) < ((points - centres[0]) ** 2).sum(axis=1)
        if nearer.all() or not nearer.any() or (nearer == is_second).all():
            break
        is_second = nearer
    is_smaller = is_second if is_second.sum() * 2 <= len(points) else ~is_second
    return [bool(found) for found in is_smaller]


def _first_cut(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Both sides of the middle along the direction in which the points differ most."""
    centred = points - points.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return np.asarray(along > 0 if (along > 0).any() and (along <= 0).any() else along >= 0)
