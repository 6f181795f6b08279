"""Group themes into families, flag themes to check first, and place passages on a map.

In:   the units' vectors and themes, phrases that may name a group
Out:  families of themes; near-duplicates and catch-alls; one point a unit

There are 3 to 8 families: the largest jump of Ward's heights among stable, balanced groupings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from models.reading import Reading
from models.rows import Matrix, Rows, sums_by_group, unit_blocks, unit_rows
from models.views import SubjectSpace
from pipeline.cluster.names import Candidate, Support, find_candidates, label_themes
from pipeline.tables.results import UNIT_PLACES

FEWEST_THEMES = 6  # fewer need no second level
LEAST, MOST = 3, 8
_N_DRAWS, _DRAWN = 20, 0.8  # resamples, share of units
# Adjusted Rand index of at least moderate recovery (Steinley 2004).
_COMES_BACK = 0.65
_ALIKE = 0.1  # difference of two ratios of heights
_SHARED = 0.1  # score of a phrase in e times more of a family's themes
# Largest shares of themes in families of one, and in the largest family.
_ALONE, _LARGEST = 0.3, 0.5

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
class ThemeFamily:
    """A family; `stability` is the share of resamples in which two of its themes stay together."""

    themes: tuple[int, ...]
    label: str
    stability: float | None


def find_families(
    vectors: Rows,
    labels: Numbers,
    theme_labels: Sequence[str],
    *,
    read: Numbers,
    readings: Sequence[Reading],
    strengths: Matrix,
    topic_words: Sequence[Sequence[str]],
    space: SubjectSpace,
    tables: Sequence[str],
    seed: int,
) -> list[ThemeFamily]:
    """Return the families of themes 0..n − 1, in the order of their first themes.

    `labels` (n_units,) is −1 for a unit set aside; `read` numbers the units of `readings`,
    `strengths`, `space` and `tables`.
    """
    n_themes = len(theme_labels)
    if n_themes < FEWEST_THEMES:
        return []
    family_of, together = group_themes(vectors, labels, n_themes, seed=seed)
    groups = [
        tuple(np.flatnonzero(family_of == family).tolist()) for family in range(family_of.max() + 1)
    ]
    of_unit = np.where(labels[read] >= 0, family_of[labels[read]], -1)
    words = [[word for theme in group for word in topic_words[theme]] for group in groups]
    candidates = find_candidates(readings, of_unit, strengths, words, space, tables)
    n_themes_of = Support(readings, of_unit, list(map(str, labels[read])))
    shared_first = [
        _shared_first(phrases, family, n_themes_of) for family, phrases in enumerate(candidates)
    ]
    rows = (unit_rows(space.rows[of_unit == family]) for family in range(len(groups)))
    names = label_themes(shared_first, rows, others=theme_labels)
    return [
        ThemeFamily(group, name, _stability(together, group))
        for group, name in zip(groups, names, strict=True)
    ]


def _shared_first(
    candidates: Sequence[Candidate], family: int, n_themes_of: Support
) -> list[Candidate]:
    scored = [
        replace(phrase, score=phrase.score + _SHARED * log(n_themes_of.of(phrase.key, family)))
        for phrase in candidates
    ]
    return sorted(scored, key=lambda phrase: (-round(phrase.score, 6), phrase.surface))


def group_themes(
    vectors: Rows, labels: Numbers, n_themes: int, *, seed: int
) -> tuple[Numbers, Matrix]:
    """Return the family of each theme, and how often two were together over resamples, (n, n) 0..1.

    Ward's method groups the themes' centres.
    """
    rng = np.random.default_rng(seed)
    sizes = range(LEAST, min(MOST, n_themes // 2) + 1)
    labellings = np.stack([labels, *(_resampled(labels, n_themes, rng) for _ in range(_N_DRAWS))])
    centres, *resampled = map(unit_rows, sums_by_group(vectors, labellings, n_themes))
    whole, *drawn = (_groupings(some, sizes) for some in (centres, *resampled))
    agreement = {
        size: float(np.mean([adjusted_rand_score(whole[size], draw[size]) for draw in drawn]))
        for size in sizes
    }
    useful = [size for size in sizes if _is_useful(whole[size])] or list(sizes)
    chosen = _how_many(agreement, _jumps(centres, useful))
    together = np.mean([draw[chosen][:, None] == draw[chosen][None, :] for draw in drawn], axis=0)
    return whole[chosen], together


def _how_many(agreement: dict[int, float], jumps: dict[int, float]) -> int:
    """The stable number with about the highest jump; else the most stable one."""
    lasting = [size for size in jumps if agreement[size] >= _COMES_BACK]
    if not lasting:
        return max(jumps, key=lambda size: (agreement[size], size))
    highest = max(jumps[size] for size in lasting)
    return max(size for size in lasting if jumps[size] >= highest - _ALIKE)


def _jumps(centres: Matrix, sizes: Sequence[int]) -> dict[int, float]:
    """The ratio of each of Ward's heights to the one before, by number of families."""
    heights = linkage(centres, method="ward")[:, 2]
    return {size: float(heights[-size + 1] / max(heights[-size], 1e-9)) for size in sizes}


def _resampled(labels: Numbers, n_themes: int, rng: np.random.Generator) -> Numbers:
    drawn = np.full_like(labels, -1)
    for theme in range(n_themes):
        units = np.flatnonzero(labels == theme)
        drawn[rng.choice(units, size=max(1, round(_DRAWN * len(units))), replace=False)] = theme
    return drawn


def _groupings(centres: Matrix, sizes: Sequence[int]) -> dict[int, Numbers]:
    tree = linkage(centres, method="ward")
    return {size: _numbered(fcluster(tree, size, criterion="maxclust")) for size in sizes}


def _numbered(groups: Numbers) -> Numbers:
    return pd.factorize(groups)[0].astype(np.int64)


def _is_useful(family_of: Numbers) -> bool:
    sizes = np.bincount(family_of)
    n_alone, largest = (sizes == 1).sum(), sizes.max()
    return bool(n_alone <= _ALONE * len(family_of) and largest <= _LARGEST * len(family_of))


def _stability(together: Matrix, group: Sequence[int]) -> float | None:
    if len(group) == 1:
        return None
    return round(float(np.mean([together[pair] for pair in combinations(group, 2)])), 6)


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
