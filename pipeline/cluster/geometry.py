"""Flag the themes to check first, and place passages on a map.

In:   the units' vectors and themes
Out:  near-duplicates and catch-alls; one point a unit
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.rows import Matrix, Rows, sums_by_group, unit_blocks, unit_rows
from pipeline.tables.results import UNIT_PLACES

Numbers = NDArray[np.int64]
CLOSE_CENTRES = 0.4  # cosine of centres
MIXED_UNITS = 0.15  # share of both themes' units as close to the other's centre
_NEARLY = 0.02  # difference of cosine that counts as equal
_LARGE = 1.5  # times the median size of themes
_LOOSE = 0.25  # quantile of cohesion below which a large theme is a catch-all
# Log of how much more its own theme attracts the median member than the next one.
_PULL = 8.0
_SHARPEST = 200.0  # per unit of cosine, where no theme stands out
# Share of a theme's distance to the next, so that their passages stay apart.
_RADIUS = 0.4
_N_STEPS = 100  # of stress majorization
_MIDDLE = 0.5


@dataclass(frozen=True)
class Geometry:
    """`closeness` (n_units, n_themes) to each centre, without the unit in its own."""

    labels: NDArray[np.int64]
    closeness: Matrix
    centres: Matrix

    @classmethod
    def of(cls, vectors: Rows, labels: NDArray[np.int64]) -> "Geometry":
        """Measure the units with a theme, `labels` ≥ 0."""
        sums = sums_by_group(vectors, labels, int(labels.max(initial=-1)) + 1)
        centres = unit_rows(sums)
        closeness = np.zeros((len(labels), len(centres)))
        for block, rows in unit_blocks(vectors):
            near = rows @ centres.T
            themed = np.flatnonzero(labels[block] >= 0)
            own = labels[block][themed]
            near[themed, own] = (unit_rows(sums[own] - rows[themed]) * rows[themed]).sum(axis=1)
            closeness[block] = near
        return cls(labels[labels >= 0], closeness[labels >= 0], centres)

    @property
    def cohesion(self) -> Matrix:
        """Return each theme's mean closeness."""
        own = self.closeness[np.arange(len(self.labels)), self.labels]
        return np.array([own[self.labels == theme].mean() for theme in range(len(self.centres))])

    def near_duplicates(self) -> list[tuple[int, int, float, float]]:
        """Return pairs of close themes, with cosine and overlap, the closest first."""
        pairs = []
        for first, second in combinations(range(len(self.centres)), 2):
            cosine = float(self.centres[first] @ self.centres[second])
            overlap = self._overlap(first, second)
            if cosine >= CLOSE_CENTRES or overlap >= MIXED_UNITS:
                pairs.append((first, second, round(cosine, 6), round(overlap, 6)))
        return sorted(pairs, key=lambda pair: (-pair[3], -pair[2], pair[:2]))

    def catch_alls(self) -> list[int]:
        """Return the themes both much larger and looser than the others."""
        if len(self.centres) < 4:
            return []
        sizes, cohesion = np.bincount(self.labels), self.cohesion
        is_large = sizes >= _LARGE * np.median(sizes)
        is_loose = cohesion <= np.quantile(cohesion, _LOOSE)
        return [int(theme) for theme in np.flatnonzero(is_large & is_loose)]

    def _overlap(self, first: int, second: int) -> float:
        mixed = []
        for own, other in ((first, second), (second, first)):
            units = self.closeness[self.labels == own]
            mixed.append(units[:, other] >= units[:, own] - _NEARLY)
        return float(np.concatenate(mixed).mean())


def place_units(unit_ids: pd.Series, vectors: Rows, labels: Numbers) -> pd.DataFrame:
    """Return unit_places; `labels` (n,) is −1 for a unit set aside."""
    with threadpool_limits(1):
        attraction = _Attraction(vectors, labels)
        points = _scaled(attraction.points(_laid_out(attraction.centres)))
    return _table(unit_ids, points)


def place_late(
    unit_ids: pd.Series, vectors: Rows, labels: Numbers, known: pd.DataFrame
) -> pd.DataFrame:
    """Return `known` unit_places, then those of the other `unit_ids`, between the themes.

    `labels` (n,) is −1 for all but known units with a theme.
    """
    placed = known.set_index("unit_id")[["x", "y"]].reindex(unit_ids).to_numpy()
    is_new = np.isnan(placed[:, 0])
    themes = range(int(labels.max(initial=-1)) + 1)
    middles = np.full((1, 2), _MIDDLE)
    if themes:
        middles = np.stack([placed[labels == theme].mean(axis=0) for theme in themes])
    with threadpool_limits(1):
        points = _Attraction(vectors, labels).points(middles)
    late = _table(unit_ids[is_new], np.clip(points[is_new], 0, 1))
    return UNIT_PLACES.check(pd.concat([known, late], ignore_index=True))


def _table(unit_ids: pd.Series, points: Matrix) -> pd.DataFrame:
    x, y = points.round(6).T
    return UNIT_PLACES.check(pd.DataFrame({"unit_id": list(unit_ids), "x": x, "y": y}))


class _Attraction:
    """The pull of the themes' `centres` (n_themes, d) on units; one where no unit has a theme."""

    def __init__(self, vectors: Rows, labels: Numbers) -> None:
        has_themes = labels.max(initial=-1) >= 0
        self._vectors = vectors
        self._labels = labels if has_themes else np.zeros(len(labels), dtype=np.int64)
        n_themes = int(self._labels.max(initial=0)) + 1
        self.centres = unit_rows(sums_by_group(vectors, self._labels, n_themes))

    def points(self, theme_points: Matrix) -> Matrix:
        sides = np.random.default_rng(0).normal(size=(self._vectors.shape[1], 2))
        directions = np.hstack([self.centres.T, sides])
        blocks = [rows @ directions for _, rows in unit_blocks(self._vectors)]
        projected = np.vstack([np.zeros((0, directions.shape[1])), *blocks])
        closeness, aside = projected[:, :-2], projected[:, -2:]
        closest = closeness.max(axis=1, keepdims=True)
        pull = np.exp(_sharpness(closeness, self._labels) * (closeness - closest))
        pull /= pull.sum(axis=1, keepdims=True)
        of_theme = (self.centres @ sides)[closeness.argmax(axis=1)]
        apart = _within_unit_circle(aside - closest * of_theme)
        return np.asarray(pull @ theme_points + (pull @ _radii(theme_points))[:, None] * apart)


def _within_unit_circle(points: Matrix) -> Matrix:
    length = np.linalg.norm(points, axis=1, keepdims=True)
    usual = float(np.median(length)) if len(length) else 0.0
    if usual <= 0:
        return np.zeros_like(points)
    return np.asarray(unit_rows(points) * np.tanh(length / usual))


def _sharpness(closeness: Matrix, labels: Numbers) -> float:
    if closeness.shape[1] < 2:
        return 1.0
    members = np.flatnonzero(labels >= 0)
    others = closeness[members]
    own = others[np.arange(len(members)), labels[members]].copy()
    others[np.arange(len(members)), labels[members]] = -np.inf
    lead = float(np.median(own - others.max(axis=1)))
    return min(_PULL / lead, _SHARPEST) if lead > 0 else _SHARPEST


def _radii(points: Matrix) -> Matrix:
    """How far units may lie from their theme's point; up to the border for a single theme."""
    if len(points) < 2:
        return np.full(len(points), _MIDDLE)
    distances = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(_RADIUS * distances.min(axis=1))


def _laid_out(centres: Matrix) -> Matrix:
    """Place themes, (n_themes, 2), at about the distances of their centres."""
    distances = np.sqrt(np.maximum(2 - 2 * centres @ centres.T, 0))
    points = _classical(distances)
    for _ in range(_N_STEPS):
        apart = np.linalg.norm(points[:, None] - points[None, :], axis=2)
        ratio = np.divide(distances, apart, out=np.zeros_like(apart), where=apart > 1e-9)
        np.fill_diagonal(ratio, 0)
        points = (ratio.sum(axis=1)[:, None] * points - ratio @ points) / len(points)
    return points


def _classical(distances: Matrix) -> Matrix:
    squared = distances**2
    inner = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean())
    values, axes = np.linalg.eigh(inner)
    points = np.zeros((len(distances), 2))
    n_axes = min(2, len(distances))
    points[:, :n_axes] = axes[:, ::-1][:, :n_axes] * np.sqrt(np.maximum(values[::-1][:n_axes], 0))
    farthest = points[np.abs(points).round(9).argmax(axis=0), [0, 1]]
    return points * np.where(farthest < 0, -1, 1)


def _scaled(points: Matrix) -> Matrix:
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max())
    if span <= 0:
        return np.full_like(points, _MIDDLE)
    return np.asarray(_MIDDLE + (points - (low + high) / 2) / span)
