"""Group vectors by consensus of nearest-neighbour communities over many resamples.

In:   vectors (n, d), compared by their dot product
Out:  labels_ (n,), −1 where a vector fits nowhere; stability_ (n_groups,); agreement of groupings
      with another seed or with part of the vectors
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from sklearn.base import BaseEstimator, ClusterMixin
from threadpoolctl import threadpool_limits

from models.rows import Labels, Matrix, Rows, drawn_rows, slices, unit_rows
from pipeline.parallel import ParallelMap
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store, by_text

LookCloser = Callable[[Labels], Matrix]

MOST_AT_ONCE = 2500  # vectors in the consensus; the others join the nearest group
FEWEST_TO_SPLIT = 12  # fewer vectors make one group
FEWEST_GROUPS, MOST_GROUPS = 5, 30
_NEARLY = 0.8  # of the best separation
_FULL_RANGE = 200  # vectors below which resolutions and thresholds shrink
# Of the communities, over the resamples. At 2 to 4, of eight studies by other authors, one subject
# in five of those said at two tables was melted with another; now one in eight.
_RESOLUTIONS = (3.5, 7.0)
_FEWER = 1.5  # how much faster than their number small studies have fewer communities
_RESAMPLES_AT_ONCE = 64  # whose communities are in memory
_ALL_RESAMPLES = 300  # vectors up to which every resample of the settings is made
_MIN_RESAMPLES = 60  # for many more vectors, if the settings ask for as many
# Mean co-association below which members of a dissolved group are set aside.
_MIN_CO_ASSOCIATION = 0.10

AGREEMENT_SHARE = 0.8  # of the vectors, in a subsample
AGREEMENT_FEWEST = 30  # vectors below which nothing is measured
AGREEMENT_MOST = 600  # vectors measured; of more, a draw
_AGREEMENT_RESAMPLES = 20  # of each consensus: fewer can only lower agreement
_NOT_DRAWN = -9


@dataclass(frozen=True)
class Draw:
    """The `rows` drawn, and the seed of their communities."""

    rows: Labels
    seed: int

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Resample(Draw):
    """A draw, and its communities' resolution."""

    resolution: float


class ClusterEstimator(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """The settings and the results that both estimators of groups have."""

    labels_: Labels
    stability_: Matrix

    def __init__(
        self,
        settings: ClusterSettings | None = None,
        spread: ParallelMap = map,
        most_at_once: int = MOST_AT_ONCE,
        cache: Store | None = None,
    ) -> None:
        self.settings = settings
        self.spread = spread
        self.most_at_once = most_at_once
        self.cache = cache


class CommunityClusters(ClusterEstimator):
    """Communities by consensus; labels do not depend on the number of threads.

    It groups `most_at_once` vectors, drawn if there are more; the others join the nearest group.
    """

    def fit(self, X: Matrix, y: Any = None) -> "CommunityClusters":  # noqa: N803  scikit-learn's
        """Group the rows of `X`; fewer than `FEWEST_TO_SPLIT` make one group of stability 0."""
        return self.fit_rows(np.asarray(X), np.arange(len(X)))

    def fit_rows(
        self,
        vectors: Rows,
        rows: Labels,
        look_closer: LookCloser | None = None,
        names: Sequence[str] | None = None,
    ) -> "CommunityClusters":
        """Label the `rows` of `vectors`, without copying a large matrix.

        `look_closer` gives better vectors for the consensus. It is drawn by `names`, all rows of
        one name together: a few more names mostly change nothing, and the cache has it.
        """
        settings, n_rows = self.settings or ClusterSettings(), len(rows)
        if n_rows < FEWEST_TO_SPLIT:
            self.labels_ = np.zeros(n_rows, dtype=np.int64)
            self.stability_ = np.zeros(min(n_rows, 1))
            return self
        drawn = np.arange(n_rows)
        if n_rows > self.most_at_once:
            names = [str(row) for row in rows] if names is None else names
            drawn = drawn_rows(names, self.most_at_once, settings.seed)
        closest = look_closer(rows[drawn]) if look_closer else vectors[rows[drawn]]
        closest = closest.astype(np.float64)
        consensus = _once(
            closest,
            lambda: self._consensus(closest, settings),
            kind="consensus",
            cache=self.cache,
            depends_on=settings.model_dump_json(),
        )
        labels = np.array(consensus["labels"], dtype=np.int64)
        self.stability_ = np.array(consensus["stability"])
        self.labels_ = labels
        if len(drawn) < n_rows:
            with threadpool_limits(1):
                self.labels_ = _label_others(labels, drawn, vectors, rows)
        return self

    def _consensus(self, closest: Matrix, settings: ClusterSettings) -> dict[str, Any]:
        with threadpool_limits(1):
            together = co_association(closest @ closest.T, settings, self.spread)
            labels = _dissolve_small(_finest_cut(together), together, settings.min_theme_size)
            labels = to_nearest(labels, closest, settings.min_theme_size)
            means = mean_by_group(together, labels)
        groups = range(labels.max() + 1)
        stability = [float(means[labels == group, group].mean()) for group in groups]
        return {"labels": labels.tolist(), "stability": stability}


def _once(
    vectors: Matrix,
    compute: Callable[[], dict[str, Any]],
    *,
    kind: str,
    cache: Store | None,
    depends_on: str,
) -> dict[str, Any]:
    """Return what `compute` makes of `vectors`, from the cache where it has seen them."""
    seen = hashlib.sha256(vectors.tobytes()).hexdigest()
    values: list[dict[str, Any]] = by_text(
        [seen], lambda _seen: [compute()], kind=kind, cache=cache, depends_on=depends_on
    )
    return values[0]


def co_association(
    similarity: Matrix,
    settings: ClusterSettings,
    spread: ParallelMap,
    *,
    n_at_once: int = _RESAMPLES_AT_ONCE,
) -> Matrix:
    """Return the share (n, n) of resamples that group two vectors, among those with both.

    Overwrites the diagonal of `similarity`.
    """
    np.fill_diagonal(similarity, -np.inf)
    nearest_first = np.argsort(-similarity, axis=1, kind="stable")
    function = partial(
        communities_of,
        similarity=similarity,
        nearest_first=nearest_first,
        n_neighbours=settings.n_neighbours,
    )
    together, drawn = (np.zeros(similarity.shape, dtype=np.float32) for _ in range(2))
    results = iter(spread(function, resamples_of(len(similarity), settings)))
    while batch := list(islice(results, n_at_once)):
        member, is_drawn = _members(batch, len(similarity))
        together += member @ member.T  # whole numbers, exact in single precision
        drawn += is_drawn @ is_drawn.T
    return np.asarray(together.astype(np.float64) / np.maximum(drawn, 1))


def _members(
    results: Sequence[tuple[Labels, Labels]], n: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    starts = np.cumsum([0, *(int(communities.max()) + 1 for _, communities in results)])
    member = np.zeros((n, starts[-1]), dtype=np.float32)
    is_drawn = np.zeros((n, len(results)), dtype=np.float32)
    for i, (rows, communities) in enumerate(results):
        member[rows, starts[i] + communities] = 1
        is_drawn[rows, i] = 1
    return member, is_drawn


def resamples_of(n: int, settings: ClusterSettings) -> Iterator[Resample]:
    """Yield the resamples of `n` vectors, fewer for many vectors, as each costs more."""
    generator = np.random.default_rng(settings.seed)
    n_drawn = max(2, round(settings.resample_share * n))
    finer = _scale(n) ** _FEWER
    lowest, highest = (1 + finer * (resolution - 1) for resolution in _RESOLUTIONS)
    wanted = round(settings.n_resamples * min(1.0, _ALL_RESAMPLES / n))
    n_resamples = max(min(settings.n_resamples, _MIN_RESAMPLES), wanted)
    for i in range(n_resamples):
        rows = np.sort(generator.choice(n, n_drawn, replace=False))
        share = (i + 0.5) / n_resamples
        yield Resample(rows, settings.seed + i, lowest + share * (highest - lowest))


def _scale(n: int) -> float:
    return min(1.0, n / _FULL_RANGE)


def communities_of(
    resample: Resample, *, similarity: Matrix, nearest_first: Labels, n_neighbours: int
) -> tuple[Labels, Labels]:
    """Return a resample's rows and Louvain communities.

    `nearest_first` (n, n) is sorted once for all resamples.
    """
    from sknetwork.clustering import Louvain

    rows = resample.rows
    n = len(rows)
    n_neighbours = min(n_neighbours, max(3, n // 4))
    number = np.full(len(similarity), -1)
    number[rows] = np.arange(n)
    for n_looked_at in (4 * n_neighbours, len(similarity)):  # enough neighbours are drawn, or all
        numbers = number[nearest_first[rows, :n_looked_at]]
        n_found = (numbers >= 0).cumsum(axis=1)
        if n_found[:, -1].min() >= n_neighbours:
            break
    nearest = numbers[(numbers >= 0) & (n_found <= n_neighbours)]
    weights = np.maximum(similarity[rows.repeat(n_neighbours), rows[nearest]], 1e-6)
    ends = np.arange(0, n * n_neighbours + 1, n_neighbours)
    graph = sparse.csr_matrix((weights, nearest, ends), shape=(n, n))
    louvain = Louvain(
        resolution=resample.resolution,
        random_state=resample.seed,
        return_probs=False,
        return_aggregate=False,
    )
    return rows, louvain.fit_predict(graph.maximum(graph.T)).astype(np.int64)


def _finest_cut(together: Matrix) -> Labels:
    """Cut the average-linkage tree into as many groups as still stand out nearly as well as any.

    It tries about 0.5 √n to 1.6 √n groups for n vectors. Taking those that stand out best gave
    fewer and looser groups: on nine studies the same AMI, 0.03 fewer units in a theme of their own.
    """
    distances = 1 - together
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    root = len(together) ** 0.5
    fewest, most = round(0.5 * root), round(1.6 * root)
    fewest = max(2, min(fewest, FEWEST_GROUPS), min(fewest, MOST_GROUPS // 2))
    cuts = cut_tree(tree, list(range(fewest, max(3, min(most, MOST_GROUPS)) + 1)))
    separations = [_separation(together, labels) for labels in cuts.astype(np.int64).T]
    enough = _NEARLY * max(separations)
    finest = max(i for i, separation in enumerate(separations) if separation >= enough)
    return np.asarray(cuts[:, finest], dtype=np.int64)


def _separation(together: Matrix, labels: Labels) -> float:
    """Mean co-association with the own group minus the next; a single vector counts 0."""
    means = mean_by_group(together, labels)
    rows = np.arange(len(labels))
    own = means[rows, labels]
    means[rows, labels] = -1
    is_alone = np.bincount(labels)[labels] < 2
    return round(float(np.where(is_alone, 0, own - means.max(axis=1)).mean()), 9)


def mean_by_group(values: Matrix, labels: Labels) -> Matrix:
    """Return means of `values` (n, n) over each group, own row left out: (n, n_groups)."""
    member = np.eye(int(labels.max()) + 1)[labels] * (labels >= 0)[:, None]
    sums = values @ member - values.diagonal()[:, None] * member
    return np.asarray(sums / np.maximum(member.sum(axis=0)[None, :] - member, 1))


def _dissolve_small(labels: Labels, together: Matrix, min_size: int) -> Labels:
    """Members of small groups join the group they co-occur with most, or none if rarely."""
    sizes = np.bincount(labels)
    large = np.flatnonzero(sizes >= min_size)
    if not len(large):
        return np.zeros(len(labels), dtype=np.int64)
    remaining = np.where(sizes[labels] >= min_size, labels, -1)
    means = mean_by_group(together, remaining)[:, large]
    is_near = means.max(axis=1) >= _MIN_CO_ASSOCIATION * _scale(len(labels))
    nearest = np.where(is_near, large[means.argmax(axis=1)], -1)
    return _numbered(np.where(remaining >= 0, remaining, nearest))


def to_nearest(labels: Labels, vectors: Matrix, min_size: int) -> Labels:
    """Move each grouped vector to the nearest group centre.

    Small groups join others; groups are renumbered, largest first; −1 stays.
    """
    rows = unit_rows(vectors)
    groups = range(labels.max() + 1)
    centres = unit_rows(np.stack([rows[labels == group].mean(axis=0) for group in groups]))
    closeness = rows @ centres.T
    sizes = np.bincount(closeness.argmax(axis=1)[labels >= 0], minlength=len(centres))
    if (sizes >= min_size).any():
        closeness[:, sizes < min_size] = -np.inf
    return _numbered(np.where(labels >= 0, closeness.argmax(axis=1), -1))


def _numbered(labels: Labels) -> Labels:
    """Number the largest first, then the first to appear; −1 stays."""
    groups, firsts, counts = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    number = np.full(max(int(labels.max()), 0) + 2, -1, dtype=np.int64)  # the last one is −1's
    number[groups[np.lexsort((firsts, -counts))]] = np.arange(len(groups))
    return np.asarray(number[labels])


def _label_others(labels: Labels, drawn: Labels, vectors: Rows, rows: Labels) -> Labels:
    centres = unit_rows(
        np.stack(
            [
                vectors[rows[drawn[labels == group]]].astype(np.float64).mean(axis=0)
                for group in range(labels.max() + 1)
            ]
        )
    )
    nearest = [
        (np.asarray(vectors[rows[some]], dtype=np.float64) @ centres.T).argmax(axis=1)
        for some in slices(len(rows))
    ]
    all_labels: Labels = np.concatenate(nearest).astype(np.int64)
    all_labels[drawn] = labels
    return all_labels


@dataclass(frozen=True)
class GroupingAgreement:
    """Mean pairwise index of `n_runs` groupings of `n_vectors`, over seeds and subsamples.

    Two subsamples are compared on what they share.
    """

    over_seeds: float
    over_subsamples: float
    n_runs: int
    n_vectors: int


def measure_agreement(
    vectors: Rows,
    settings: ClusterSettings,
    *,
    spread: ParallelMap = map,
    most: int = AGREEMENT_MOST,
    cache: Store | None = None,
) -> GroupingAgreement | None:
    """Return how alike `settings.n_repeats` groupings of at most `most` vectors are.

    None under two groupings or `AGREEMENT_FEWEST` vectors.
    """
    n_runs, n = settings.n_repeats, len(vectors)
    if n_runs < 2 or n < AGREEMENT_FEWEST:
        return None
    generator = np.random.default_rng(settings.seed)
    rows = np.arange(n)
    if n > most:
        rows = np.sort(generator.choice(n, most, replace=False))
        n = most
    drawn: NDArray[Any] = vectors[rows]
    measured = _once(
        drawn,
        lambda: _agreement(drawn, generator, settings, spread),
        kind="agreement",
        cache=cache,
        depends_on=f"{len(vectors)} {settings.model_dump_json()}",
    )
    return GroupingAgreement(**measured, n_runs=n_runs, n_vectors=n)


def _agreement(
    vectors: NDArray[Any],
    generator: np.random.Generator,
    settings: ClusterSettings,
    spread: ParallelMap,
) -> dict[str, float]:
    n, n_runs = len(vectors), settings.n_repeats
    n_resamples = min(settings.n_resamples, _AGREEMENT_RESAMPLES)
    quick = settings.model_copy(update={"n_resamples": n_resamples})
    trials = [Draw(np.arange(n), settings.seed + 1 + run) for run in range(n_runs)]
    for _ in range(n_runs):
        subsample = generator.choice(n, round(AGREEMENT_SHARE * n), replace=False)
        trials.append(Draw(np.sort(subsample), settings.seed))
    runs = list(spread(partial(_trial_labels, vectors=vectors, settings=quick), trials))
    return {"over_seeds": mean_index(runs[:n_runs]), "over_subsamples": mean_index(runs[n_runs:])}


def mean_index(runs: Sequence[Labels]) -> float:
    """Return the mean adjusted Rand index of pairs of runs, on vectors that both drew."""
    from sklearn.metrics import adjusted_rand_score

    indices = []
    for first, other in combinations(runs, 2):
        in_both = (first != _NOT_DRAWN) & (other != _NOT_DRAWN)
        indices.append(adjusted_rand_score(first[in_both], other[in_both]))
    return float(np.mean(indices))


def _trial_labels(trial: Draw, *, vectors: NDArray[Any], settings: ClusterSettings) -> Labels:
    seeded = settings.model_copy(update={"seed": trial.seed})
    labels = np.full(len(vectors), _NOT_DRAWN)
    labels[trial.rows] = CommunityClusters(seeded).fit(vectors[trial.rows]).labels_
    return labels
