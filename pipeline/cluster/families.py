"""Group themes into families: a second level, so that twenty themes can be held in mind.

In:   the units' places in the joined space, their themes, phrases that may name a group
Out:  Family, one or more themes each; too few themes make none

How many families: of 3 to 8, the number after which themes have to be joined from farther off, by Ward's heights, the most where several
are nearly alike; only groupings that come back when themes are made of four in five of their units, or the one that does best. Those in
which families hold several themes each, and none holds most of them, go first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from models.reading import Reading
from models.rows import Matrix, Rows, sums_by_group, unit_rows
from models.views import SubjectSpace
from pipeline.cluster.candidates import Candidate, Support, find_candidates
from pipeline.cluster.labels import label_themes

FEWEST_THEMES = 6  # under which a second level tells nothing
LEAST, MOST = 3, 8  # families
_N_DRAWS, _DRAWN = 20, 0.8  # resamples, and the share of a theme's units in each
_COMES_BACK = 0.65  # adjusted Rand index from which a grouping is recovered at least moderately (Steinley 2004)
_ALIKE = 0.1  # between two ratios of successive heights
_SPREAD = 0.1  # score for a phrase said in e times more of a family's themes
_ALONE, _LARGEST = 0.3, 0.5  # shares of the themes: those in families of one, and the largest family, that a useful grouping keeps within

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
    groups = [tuple(int(theme) for theme in np.flatnonzero(family_of == family)) for family in range(family_of.max() + 1)]
    of_unit = np.where(labels[read] >= 0, family_of[labels[read]], -1)
    words = [[word for theme in group for word in topic_words[theme]] for group in groups]
    candidates = find_candidates(readings, of_unit, strengths, words, space, tables)
    spread = Support(readings, of_unit, [str(theme) for theme in labels[read]])
    said = [_by_spread(found, family, spread) for family, found in enumerate(candidates)]
    rows = (unit_rows(space.rows[of_unit == family]) for family in range(len(groups)))
    names = label_themes(said, rows, others=theme_labels)
    return [Family(group, name, _kept_together(together, group)) for group, name in zip(groups, names, strict=True)]


def _by_spread(found: Sequence[Candidate], family: int, spread: Support) -> list[Candidate]:
    """The candidates, those before that several themes of the family say: what they share names it better than what is one theme's."""
    scored = [replace(candidate, score=candidate.score + _SPREAD * log(spread.of(candidate.key, family))) for candidate in found]
    return sorted(scored, key=lambda candidate: (-round(candidate.score, 6), candidate.surface))


def group_themes(vectors: Rows, labels: Numbers, n_themes: int, *, seed: int) -> tuple[Numbers, Matrix]:
    """Return the family of each theme, numbered by first theme, and how often two themes were together over resamples, (n, n) 0..1.

    `vectors` (n_units, d) count by their direction. Ward's method on the themes' centres.
    """
    rng = np.random.default_rng(seed)
    sizes = range(LEAST, min(MOST, n_themes // 2) + 1)
    labellings = np.stack([labels, *(_resampled(labels, n_themes, rng) for _ in range(_N_DRAWS))])
    centres, *resampled = map(unit_rows, sums_by_group(vectors, labellings, n_themes))
    whole, *drawn = (_groupings(some, sizes) for some in (centres, *resampled))
    agreement = {size: float(np.mean([adjusted_rand_score(whole[size], draw[size]) for draw in drawn])) for size in sizes}
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
    return bool((sizes == 1).sum() <= _ALONE * len(family_of) and sizes.max() <= _LARGEST * len(family_of))


def _kept_together(together: Matrix, group: Sequence[int]) -> float | None:
    if len(group) == 1:
        return None
    pairs = [together[one, other] for place, one in enumerate(group) for other in group[place + 1 :]]
    return round(float(np.mean(pairs)), 6)
