"""Place passages on a map: those of a theme lie together, and themes lie the nearer the more they are alike.

In:   vectors (n, d) that the themes were made with, theme number of each unit
Out:  unit_places   one row a unit, set aside or not; x and y on one scale

Themes are laid out by classical multidimensional scaling of their centres, then by stress majorization: some twenty themes that are nearly
as far from each other as any would else lie on top of each other in a plane. The axes mean nothing, only what is near does.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.rows import Matrix, Rows, sums_by_group, unit_blocks, unit_rows
from pipeline.tables import UNIT_PLACES

_PULL = 8.0  # how many times e a member's own theme draws it more than the next one, as the median member has it
_SHARPEST = 200.0  # per unit of cosine, where no theme stands out from the next one
_RADIUS = 0.4  # of a theme's distance to the next one: passages of two themes that are only theirs stay apart
_N_STEPS = 100  # of stress majorization
_MIDDLE = 0.5

Numbers = NDArray[np.int64]


def place_units(unit_ids: pd.Series, vectors: Rows, labels: Numbers) -> pd.DataFrame:
    """Return unit_places, a row a row of `vectors`; `labels` (n,) is −1 for a unit set aside. The same units give the same places."""
    with threadpool_limits(1):
        rays = _Rays(vectors, labels)
        places = _scaled(rays.places(_laid_out(rays.centres)))
    return _table(unit_ids, places)


def place_late(unit_ids: pd.Series, vectors: Rows, labels: Numbers, known: pd.DataFrame) -> pd.DataFrame:
    """Return `known` unit_places, then those of the other `unit_ids`, among the middles of the themes' known units.

    `labels` (n,) tells the themes of known units, −1 for every other.
    """
    there = known.set_index("unit_id")[["x", "y"]].reindex(unit_ids).to_numpy()
    is_new = np.isnan(there[:, 0])
    themes = range(int(labels.max(initial=-1)) + 1)
    middles = np.stack([there[labels == theme].mean(axis=0) for theme in themes]) if themes else np.full((1, 2), _MIDDLE)
    with threadpool_limits(1):
        places = _Rays(vectors, labels).places(middles)
    late = _table(unit_ids[is_new], np.clip(places[is_new], 0, 1))
    return UNIT_PLACES.check(pd.concat([known, late], ignore_index=True))


def _table(unit_ids: pd.Series, places: Matrix) -> pd.DataFrame:
    return UNIT_PLACES.check(pd.DataFrame({"unit_id": list(unit_ids), "x": places[:, 0].round(6), "y": places[:, 1].round(6)}))


class _Rays:
    """Units and the `centres` (n_themes, d) of their themes, one for all where no unit has a theme, a block of units at a time."""

    def __init__(self, vectors: Rows, labels: Numbers) -> None:
        self._vectors = vectors
        self._labels = labels if labels.max(initial=-1) >= 0 else np.zeros(len(labels), dtype=np.int64)
        n_themes = int(self._labels.max(initial=0)) + 1
        self.centres = unit_rows(sums_by_group(vectors, self._labels, n_themes))

    def places(self, at: Matrix) -> Matrix:
        """Each unit between the themes, which are `at` (n_themes, 2), as it is drawn to each, and off that point along what is its own."""
        sides = np.random.default_rng(0).normal(size=(self._vectors.shape[1], 2))
        directions = np.hstack([self.centres.T, sides])
        seen = np.vstack([np.zeros((0, directions.shape[1])), *(rows @ directions for _, rows in unit_blocks(self._vectors))])
        closeness, aside = seen[:, :-2], seen[:, -2:]
        nearest = closeness.argmax(axis=1)
        pull = np.exp(_sharpness(closeness, self._labels) * (closeness - closeness.max(axis=1, keepdims=True)))
        pull /= pull.sum(axis=1, keepdims=True)
        apart = _own(aside - closeness.max(axis=1)[:, None] * (self.centres @ sides)[nearest])
        return np.asarray(pull @ at + (pull @ _radii(at))[:, None] * apart)


def _own(seen: Matrix) -> Matrix:
    """What of each unit its nearest theme does not tell, as seen from two fixed sides, (n, 2), drawn within the unit circle."""
    length = np.linalg.norm(seen, axis=1, keepdims=True)
    usual = float(np.median(length)) if len(length) else 0.0
    return np.asarray(unit_rows(seen) * np.tanh(length / usual)) if usual > 0 else np.zeros_like(seen)


def _sharpness(closeness: Matrix, labels: Numbers) -> float:
    """How much a nearer theme draws more: by what the median member's own theme is nearer than the next."""
    if closeness.shape[1] < 2:
        return 1.0
    members = np.flatnonzero(labels >= 0)
    others = closeness[members]
    own = others[np.arange(len(members)), labels[members]].copy()
    others[np.arange(len(members)), labels[members]] = -np.inf
    lead = float(np.median(own - others.max(axis=1)))
    return min(_PULL / lead, _SHARPEST) if lead > 0 else _SHARPEST


def _radii(at: Matrix) -> Matrix:
    """How far a theme's units may lie from its point; up to the border where it is the only one."""
    if len(at) < 2:
        return np.full(len(at), _MIDDLE)
    distances = np.linalg.norm(at[:, None] - at[None, :], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(_RADIUS * distances.min(axis=1))


def _laid_out(centres: Matrix) -> Matrix:
    """A point (n_themes, 2) a theme, as far from each other as the centres are, as well as a plane can."""
    distances = np.sqrt(np.maximum(2 - 2 * centres @ centres.T, 0))
    points = _classical(distances)
    for _ in range(_N_STEPS):
        apart = np.linalg.norm(points[:, None] - points[None, :], axis=2)
        ratio = np.divide(distances, apart, out=np.zeros_like(apart), where=apart > 1e-9)
        np.fill_diagonal(ratio, 0)
        points = (ratio.sum(axis=1)[:, None] * points - ratio @ points) / len(points)
    return points


def _classical(distances: Matrix) -> Matrix:
    """Classical scaling; each axis points to where its farthest theme is."""
    squared = distances**2
    inner = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean())
    values, axes = np.linalg.eigh(inner)
    points = np.zeros((len(distances), 2))
    n_axes = min(2, len(distances))
    points[:, :n_axes] = axes[:, ::-1][:, :n_axes] * np.sqrt(np.maximum(values[::-1][:n_axes], 0))
    farthest = points[np.abs(points).round(9).argmax(axis=0), [0, 1]]
    return points * np.where(farthest < 0, -1, 1)


def _scaled(places: Matrix) -> Matrix:
    """The places within 0..1, both axes on the scale of the longer one and about the middle."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max())
    return _MIDDLE + (places - (low + high) / 2) / span if span > 0 else np.full_like(places, _MIDDLE)
