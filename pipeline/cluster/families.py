"""Group themes into families: a second level, so that twenty themes can be held in mind.

In:   the units' places in the joined space, their themes, phrases that may name a group
Out:  Family, one or more themes each; too few themes make none

How many families: of 3 to 8, the number after which themes have to be joined from farther off, by Ward's heights, the most where several
are nearly alike; only groupings that come back when themes are made of four in five of their units, or the one that does best. Those in
which families hold several themes each, and none holds most of them, go first.

What a person should look at first: themes that may be one, and themes that hold a bit of everything.

Place passages on a map: those of a theme lie together, and themes lie the nearer the more they are alike.
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

FEWEST_THEMES = 6  # under which a second level tells nothing
LEAST, MOST = 3, 8  # families
_N_DRAWS, _DRAWN = 20, 0.8  # resamples, and the share of a theme's units in each
_COMES_BACK = 0.65  # adjusted Rand index from which a grouping is recovered at least moderately (Steinley 2004)
_ALIKE = 0.1  # between two ratios of successive heights
_SPREAD = 0.1  # score for a phrase said in e times more of a family's themes
_ALONE, _LARGEST = (
    0.3,
    0.5,
)  # shares of the themes: those in families of one, and the largest family, that a useful grouping keeps within

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Family:
    """The numbers of its themes, its name, and the share of resamples in which two of its themes stay together; None for one theme."""

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
) -> list[Family]:
    """Return the families of themes 0..n − 1, in the order of their first themes; `labels` (n_units,) is −1 for a unit set aside.

    They are named by the units that were read, numbered by `read`: `readings`, `strengths`, `space` and `tables` are theirs.
    """
    n_themes = len(theme_labels)
    if n_themes < FEWEST_THEMES:
        return []
    family_of, together = group_themes(vectors, labels, n_themes, seed=seed)
    groups = [
        tuple(int(theme) for theme in np.flatnonzero(family_of == family))
        for family in range(family_of.max() + 1)
    ]
    of_unit = np.where(labels[read] >= 0, family_of[labels[read]], -1)
    words = [[word for theme in group for word in topic_words[theme]] for group in groups]
    candidates = find_candidates(readings, of_unit, strengths, words, space, tables)
    spread = Support(readings, of_unit, [str(theme) for theme in labels[read]])
    said = [_by_spread(found, family, spread) for family, found in enumerate(candidates)]
    rows = (unit_rows(space.rows[of_unit == family]) for family in range(len(groups)))
    names = label_themes(said, rows, others=theme_labels)
    return [
        Family(group, name, _kept_together(together, group))
        for group, name in zip(groups, names, strict=True)
    ]


def _by_spread(found: Sequence[Candidate], family: int, spread: Support) -> list[Candidate]:
    """The candidates, those before that several themes of the family say: what they share names it better than what is one theme's."""
    scored = [
        replace(candidate, score=candidate.score + _SPREAD * log(spread.of(candidate.key, family)))
        for candidate in found
    ]
    return sorted(scored, key=lambda candidate: (-round(candidate.score, 6), candidate.surface))


def group_themes(
    vectors: Rows, labels: Numbers, n_themes: int, *, seed: int
) -> tuple[Numbers, Matrix]:
    """Return the family of each theme, numbered by first theme, and how often two themes were together over resamples, (n, n) 0..1.

    `vectors` (n_units, d) count by their direction. Ward's method on the themes' centres.
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
    """The number of families, among those of `jumps`, that comes back and whose jump is about the highest; the most stable if none does."""
    lasting = [size for size in jumps if agreement[size] >= _COMES_BACK]
    if not lasting:
        return max(jumps, key=lambda size: (agreement[size], size))
    highest = max(jumps[size] for size in lasting)
    return max(size for size in lasting if jumps[size] >= highest - _ALIKE)


def _jumps(centres: Matrix, sizes: Sequence[int]) -> dict[int, float]:
    """How many times farther off two of so many families are joined than the two joined before."""
    heights = linkage(centres, method="ward")[:, 2]
    return {size: float(heights[-size + 1] / max(heights[-size], 1e-9)) for size in sizes}


def _resampled(labels: Numbers, n_themes: int, rng: np.random.Generator) -> Numbers:
    """`labels` with a part of each theme's units set aside; every theme keeps one at least."""
    drawn = np.full_like(labels, -1)
    for theme in range(n_themes):
        units = np.flatnonzero(labels == theme)
        drawn[rng.choice(units, size=max(1, round(_DRAWN * len(units))), replace=False)] = theme
    return drawn


def _groupings(centres: Matrix, sizes: Sequence[int]) -> dict[int, Numbers]:
    """The grouping into each number of families, each family numbered by its first theme."""
    tree = linkage(centres, method="ward")
    return {size: _numbered(fcluster(tree, size, criterion="maxclust")) for size in sizes}


def _numbered(groups: Numbers) -> Numbers:
    order = {group: place for place, group in enumerate(dict.fromkeys(groups.tolist()))}
    return np.array([order[group] for group in groups.tolist()], dtype=np.int64)


def _is_useful(family_of: Numbers) -> bool:
    sizes = np.bincount(family_of)
    return bool(
        (sizes == 1).sum() <= _ALONE * len(family_of) and sizes.max() <= _LARGEST * len(family_of)
    )


def _kept_together(together: Matrix, group: Sequence[int]) -> float | None:
    if len(group) == 1:
        return None
    pairs = [
        together[one, other] for place, one in enumerate(group) for other in group[place + 1 :]
    ]
    return round(float(np.mean(pairs)), 6)


CLOSE_CENTRES = 0.4  # cosine of two centres from which themes may be one
MIXED_UNITS = 0.15  # share of the units of both that lie as close to the other's centre
_NEARLY = 0.02  # difference of cosine under which a unit is as close to the other
_LARGE = 1.5  # times the median size of themes
_LOOSE = 0.25  # quantile of the themes' cohesion under which a large one is a catch-all


@dataclass(frozen=True)
class Geometry:
    """Themes as places: `closeness` (n_units, n_themes) of the themed units to each centre, their own theme left out of its centre."""

    labels: NDArray[np.int64]
    closeness: Matrix
    centres: Matrix

    @classmethod
    def of(cls, vectors: Rows, labels: NDArray[np.int64]) -> "Geometry":
        """Place the units that have a theme, `labels` ≥ 0."""
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
        """Mean closeness of each theme's units to their centre."""
        own = self.closeness[np.arange(len(self.labels)), self.labels]
        return np.array([own[self.labels == theme].mean() for theme in range(len(self.centres))])

    def near_duplicates(self) -> list[tuple[int, int, float, float]]:
        """Pairs of themes that may be one, with cosine and overlap, the closest first."""
        found = []
        for first, second in combinations(range(len(self.centres)), 2):
            cosine, overlap = (
                float(self.centres[first] @ self.centres[second]),
                self._overlap(first, second),
            )
            if cosine >= CLOSE_CENTRES or overlap >= MIXED_UNITS:
                found.append((first, second, round(cosine, 6), round(overlap, 6)))
        return sorted(found, key=lambda pair: (-pair[3], -pair[2], pair[:2]))

    def catch_alls(self) -> list[int]:
        """Themes both much larger and looser than the others."""
        if len(self.centres) < 4:
            return []
        sizes, cohesion = np.bincount(self.labels), self.cohesion
        is_large, is_loose = (
            sizes >= _LARGE * np.median(sizes),
            cohesion <= np.quantile(cohesion, _LOOSE),
        )
        return [int(theme) for theme in np.flatnonzero(is_large & is_loose)]

    def _overlap(self, first: int, second: int) -> float:
        """Share of the units of both that lie at least nearly as close to the other's centre as to their own."""
        mixed = [
            self.closeness[self.labels == own, other]
            >= self.closeness[self.labels == own, own] - _NEARLY
            for own, other in ((first, second), (second, first))
        ]
        return float(np.concatenate(mixed).mean())


_PULL = 8.0  # how many times e a member's own theme draws it more than the next one, as the median member has it
_SHARPEST = 200.0  # per unit of cosine, where no theme stands out from the next one
_RADIUS = 0.4  # of a theme's distance to the next one: passages of two themes that are only theirs stay apart
_N_STEPS = 100  # of stress majorization
_MIDDLE = 0.5


def place_units(unit_ids: pd.Series, vectors: Rows, labels: Numbers) -> pd.DataFrame:
    """Return unit_places, a row a row of `vectors`; `labels` (n,) is −1 for a unit set aside. The same units give the same places."""
    with threadpool_limits(1):
        rays = _Rays(vectors, labels)
        places = _scaled(rays.places(_laid_out(rays.centres)))
    return _table(unit_ids, places)


def place_late(
    unit_ids: pd.Series, vectors: Rows, labels: Numbers, known: pd.DataFrame
) -> pd.DataFrame:
    """Return `known` unit_places, then those of the other `unit_ids`, among the middles of the themes' known units.

    `labels` (n,) tells the themes of known units, −1 for every other.
    """
    there = known.set_index("unit_id")[["x", "y"]].reindex(unit_ids).to_numpy()
    is_new = np.isnan(there[:, 0])
    themes = range(int(labels.max(initial=-1)) + 1)
    middles = (
        np.stack([there[labels == theme].mean(axis=0) for theme in themes])
        if themes
        else np.full((1, 2), _MIDDLE)
    )
    with threadpool_limits(1):
        places = _Rays(vectors, labels).places(middles)
    late = _table(unit_ids[is_new], np.clip(places[is_new], 0, 1))
    return UNIT_PLACES.check(pd.concat([known, late], ignore_index=True))


def _table(unit_ids: pd.Series, places: Matrix) -> pd.DataFrame:
    return UNIT_PLACES.check(
        pd.DataFrame(
            {"unit_id": list(unit_ids), "x": places[:, 0].round(6), "y": places[:, 1].round(6)}
        )
    )


class _Rays:
    """Units and the `centres` (n_themes, d) of their themes, one for all where no unit has a theme, a block of units at a time."""

    def __init__(self, vectors: Rows, labels: Numbers) -> None:
        self._vectors = vectors
        self._labels = (
            labels if labels.max(initial=-1) >= 0 else np.zeros(len(labels), dtype=np.int64)
        )
        n_themes = int(self._labels.max(initial=0)) + 1
        self.centres = unit_rows(sums_by_group(vectors, self._labels, n_themes))

    def places(self, at: Matrix) -> Matrix:
        """Each unit between the themes, which are `at` (n_themes, 2), as it is drawn to each, and off that point along what is its own."""
        sides = np.random.default_rng(0).normal(size=(self._vectors.shape[1], 2))
        directions = np.hstack([self.centres.T, sides])
        seen = np.vstack(
            [
                np.zeros((0, directions.shape[1])),
                *(rows @ directions for _, rows in unit_blocks(self._vectors)),
            ]
        )
        closeness, aside = seen[:, :-2], seen[:, -2:]
        nearest = closeness.argmax(axis=1)
        pull = np.exp(
            _sharpness(closeness, self._labels) * (closeness - closeness.max(axis=1, keepdims=True))
        )
        pull /= pull.sum(axis=1, keepdims=True)
        apart = _own(aside - closeness.max(axis=1)[:, None] * (self.centres @ sides)[nearest])
        return np.asarray(pull @ at + (pull @ _radii(at))[:, None] * apart)


def _own(seen: Matrix) -> Matrix:
    """What of each unit its nearest theme does not tell, as seen from two fixed sides, (n, 2), drawn within the unit circle."""
    length = np.linalg.norm(seen, axis=1, keepdims=True)
    usual = float(np.median(length)) if len(length) else 0.0
    return (
        np.asarray(unit_rows(seen) * np.tanh(length / usual)) if usual > 0 else np.zeros_like(seen)
    )


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
    return (
        _MIDDLE + (places - (low + high) / 2) / span if span > 0 else np.full_like(places, _MIDDLE)
    )
