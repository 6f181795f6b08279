"""How much the groups owe to chance: how alike they come out when they are made again, with another seed or with a part of the vectors.

In:   vectors (n, d), compared by their dot product
Out:  Agreement, mean adjusted Rand indices: 1 where groups are always the same, 0 where they are as alike as by chance
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.rows import Labels, Rows
from models.theme_model.communities import CommunityClusters
from pipeline.settings import ClusterSettings
from pipeline.spreading import Mapper

SHARE = 0.8  # of the vectors, in a subsample
FEWEST = 30  # vectors under which it says nothing
MOST_AT_ONCE = 600  # vectors that it is measured on; more are drawn from
_RESAMPLES = 20  # of each consensus: fewer than the groups themselves take, which can but make them less alike
_NOT_DRAWN = -9


@dataclass(frozen=True)
class Agreement:
    """Mean pairwise index over `n_runs` seeds, and over as many subsamples on what two of them share; told from `n_vectors`."""

    over_seeds: float
    over_subsamples: float
    n_runs: int
    n_vectors: int


@dataclass(frozen=True)
class _Trial:
    """A grouping to be made: of which rows, under which seed."""

    rows: Labels
    seed: int

    def __len__(self) -> int:
        return len(self.rows)


def measure_agreement(vectors: Rows, settings: ClusterSettings, *, spread: Mapper = map) -> Agreement | None:
    """Return how alike `settings.n_repeats` groupings of `vectors` (n, d) are, None under two of them or under `FEWEST` vectors."""
    n_runs, rows = settings.n_repeats, np.arange(len(vectors))
    if n_runs < 2 or len(rows) < FEWEST:
        return None
    draw = np.random.default_rng(settings.seed)
    if len(rows) > MOST_AT_ONCE:
        rows = rows[np.sort(draw.choice(len(rows), MOST_AT_ONCE, replace=False))]
    drawn: NDArray[Any] = vectors[rows]
    quick = settings.model_copy(update={"n_resamples": min(settings.n_resamples, _RESAMPLES)})
    n_drawn = round(SHARE * len(drawn))
    seeds = [_Trial(np.arange(len(drawn)), settings.seed + 1 + run) for run in range(n_runs)]
    subsamples = [_Trial(np.sort(draw.choice(len(drawn), n_drawn, replace=False)), settings.seed) for _ in range(n_runs)]
    runs = list(spread(partial(_labels, vectors=drawn, settings=quick), [*seeds, *subsamples]))
    return Agreement(mean_index(runs[:n_runs]), mean_index(runs[n_runs:]), n_runs, len(drawn))


def mean_index(runs: Sequence[Labels]) -> float:
    """Mean adjusted Rand index of all pairs of runs, each on the vectors that both drew."""
    from sklearn.metrics import adjusted_rand_score

    indices = []
    for first, other in combinations(runs, 2):
        both = (first != _NOT_DRAWN) & (other != _NOT_DRAWN)
        indices.append(adjusted_rand_score(first[both], other[both]))
    return float(np.mean(indices))


def _labels(trial: _Trial, *, vectors: NDArray[Any], settings: ClusterSettings) -> Labels:
    labels = np.full(len(vectors), _NOT_DRAWN)
    labels[trial.rows] = CommunityClusters(settings.model_copy(update={"seed": trial.seed})).fit(vectors[trial.rows]).labels_
    return labels
