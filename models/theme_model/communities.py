"""Group vectors by consensus: communities of nearest-neighbour graphs over many resamples, then what most of them agree on.

In:   vectors (n, d), compared by their dot product
Out:  labels_ (n,), −1 where a vector fits nowhere; stability_ (n_groups,); a scikit-learn clusterer, as BERTopic expects

How much the groups owe to chance: how alike they come out when they are made again, with another seed or with a part of the vectors.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import nsmallest
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from sklearn.base import BaseEstimator, ClusterMixin
from threadpoolctl import threadpool_limits

from models.rows import Labels, Matrix, Rows, slices
from pipeline.settings.stages import ClusterSettings
from pipeline.spreading import Mapper

LookCloser = Callable[[Labels], Matrix]

MOST_AT_ONCE = 2500  # vectors that the consensus sees; the others join the nearest group
FEWEST_TO_SPLIT = 12  # fewer vectors make one group
FEWEST_GROUPS, MOST_GROUPS = 5, 30
_RESOLUTIONS = (
    2.0,
    4.0,
)  # of the communities, spread over the resamples; nearer to 1 under `_FULL_RANGE_FROM` vectors
_FULL_RANGE_FROM = 200
_COUNTED_AT_ONCE = 64  # resamples whose communities are held, however many are asked for
_ALL_RESAMPLES_TO = 300  # vectors up to which every resample of the settings is made
_FEWEST_RESAMPLES = 60  # for many more vectors, where the settings ask for as many
_FITS_SOMEWHERE = 0.10  # mean co-association under which the members of a dissolved group are set aside; less under `_FULL_RANGE_FROM`


@dataclass(frozen=True)
class Consensus:
    """Labels of some vectors, and the share of resamples (n, n) that put two of them together among those that drew both."""

    labels: Labels
    together: Matrix


class CommunityClusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Communities by consensus; with the same vectors and settings, the same labels whatever the number of threads."""

    labels_: Labels
    stability_: Matrix

    def __init__(self, settings: ClusterSettings | None = None, spread: Mapper = map) -> None:
        self.settings = settings
        self.spread = spread

    def fit(self, X: Matrix, y: Any = None) -> "CommunityClusters":  # noqa: N803
        """Group the rows of `X`; no row gives no group, fewer than `FEWEST_TO_SPLIT` one group of stability 0."""
        return self.fit_rows(np.asarray(X), np.arange(len(X)))

    def fit_rows(
        self,
        vectors: Rows,
        rows: Labels,
        look_closer: LookCloser | None = None,
        names: Sequence[str] | None = None,
    ) -> "CommunityClusters":
        """Group the `rows` of `vectors`, one label a row of those; a large matrix is not copied.

        `look_closer` gives, of some rows, vectors that tell groups apart better: asked for those alone that the consensus sees. These are
        drawn among many by their `names`, one a row: a few rows more change few of those drawn.
        """
        settings = self.settings or ClusterSettings()
        if len(rows) < FEWEST_TO_SPLIT:
            self.labels_, self.stability_ = (
                np.zeros(len(rows), dtype=np.int64),
                np.zeros(min(len(rows), 1)),
            )
            return self
        sampled = np.arange(len(rows))
        if len(rows) > MOST_AT_ONCE:
            sampled = _drawn([str(row) for row in rows] if names is None else names, settings.seed)
        seen = look_closer(rows[sampled]) if look_closer else vectors[rows[sampled]]
        with threadpool_limits(1):
            consensus = _consensus(seen.astype(np.float64), settings, self.spread)
            self.labels_, self.stability_ = consensus.labels, _stability(consensus)
            if len(sampled) < len(rows):
                self.labels_ = _spread(consensus.labels, sampled, vectors, rows)
        return self

    def predict(self, X: Matrix) -> Labels:  # noqa: N803
        """Refuse: a new vector needs a new consensus, and `theme_id`s are kept by `pipeline.cluster`."""
        raise NotImplementedError("fit again with all vectors")


def _drawn(names: Sequence[str], seed: int) -> Labels:
    """The places, in order, of `MOST_AT_ONCE` names, as if by chance: those whose hashes come first."""

    def rank(place: int) -> bytes:
        return hashlib.sha256(f"{seed} {names[place]}".encode()).digest()

    return np.array(sorted(nsmallest(MOST_AT_ONCE, range(len(names)), key=rank)))


def mean_by_group(values: Matrix, labels: Labels) -> Matrix:
    """Mean of the columns of `values` (n, n) over each group: (n, n_groups); a row's own column is left out of its group's mean."""
    member = np.eye(int(labels.max()) + 1)[labels] * (labels >= 0)[:, None]
    sums = values @ member - values.diagonal()[:, None] * member
    return np.asarray(sums / np.maximum(member.sum(axis=0)[None, :] - member, 1))


def _consensus(vectors: Matrix, settings: ClusterSettings, spread: Mapper) -> Consensus:
    together = _co_association(vectors @ vectors.T, settings, spread)
    labels = _dissolve_small(
        _best_cut(together),
        together,
        settings.min_theme_size,
        _FITS_SOMEWHERE * _scale(len(vectors)),
    )
    return Consensus(_to_nearest(labels, vectors, settings.min_theme_size), together)


def _to_nearest(labels: Labels, vectors: Matrix, min_size: int) -> Labels:
    """Give each vector of a group to the group whose centre is nearest: what was put with others by way of others goes where it belongs.

    A group that this leaves under `min_size` goes to the others. Groups are numbered again, the largest first.
    """
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    centres = np.stack([rows[labels == group].mean(axis=0) for group in range(labels.max() + 1)])
    closeness = (
        rows @ (centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)).T
    )
    sizes = np.bincount(closeness.argmax(axis=1)[labels >= 0], minlength=len(centres))
    if (sizes >= min_size).any():
        closeness[:, sizes < min_size] = -np.inf
    return _numbered(np.where(labels >= 0, closeness.argmax(axis=1), -1))


@dataclass(frozen=True)
class _Resample:
    """The vectors `kept`, and how finely and under which seed they are to be put in communities."""

    kept: Labels
    resolution: float
    seed: int

    def __len__(self) -> int:
        return len(self.kept)


def _co_association(similarity: Matrix, settings: ClusterSettings, spread: Mapper) -> Matrix:
    """Share of resamples (n, n) in which two vectors fall in one community, among those that drew both."""
    np.fill_diagonal(similarity, -np.inf)
    nearest_first = np.argsort(-similarity, axis=1, kind="stable")
    function = partial(
        _communities,
        similarity=similarity,
        nearest_first=nearest_first,
        n_neighbours=settings.n_neighbours,
    )
    together, drawn = (np.zeros(similarity.shape, dtype=np.float32) for _ in range(2))
    found = iter(spread(function, _resamples(len(similarity), settings)))
    while some := list(islice(found, _COUNTED_AT_ONCE)):
        member, was_kept = _members(some, len(similarity))
        together += member @ member.T  # whole numbers, which single precision holds exactly
        drawn += was_kept @ was_kept.T
    return np.asarray(together.astype(np.float64) / np.maximum(drawn, 1))


def _members(
    found: Sequence[tuple[Labels, Labels]], n: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """1 where a vector fell in a community (n, n_communities), and where a resample kept it (n, n_resamples); else 0."""
    firsts = np.cumsum([0, *(int(communities.max()) + 1 for _, communities in found)])
    member, was_kept = (
        np.zeros((n, firsts[-1]), dtype=np.float32),
        np.zeros((n, len(found)), dtype=np.float32),
    )
    for resample, (kept, communities) in enumerate(found):
        member[kept, firsts[resample] + communities] = 1
        was_kept[kept, resample] = 1
    return member, was_kept


def _resamples(n: int, settings: ClusterSettings) -> Iterator[_Resample]:
    draw = np.random.default_rng(settings.seed)
    n_drawn = max(2, round(settings.resample_share * n))
    lowest, highest = (1 + _scale(n) * (resolution - 1) for resolution in _RESOLUTIONS)
    n_resamples = _n_resamples(n, settings)
    for resample in range(n_resamples):
        kept = np.sort(draw.choice(n, n_drawn, replace=False))
        share = (resample + 0.5) / n_resamples
        yield _Resample(kept, lowest + share * (highest - lowest), settings.seed + resample)


def _n_resamples(n: int, settings: ClusterSettings) -> int:
    """How many resamples `n` vectors are worth: more vectors cost more each, and owe less to the draw."""
    return max(
        min(settings.n_resamples, _FEWEST_RESAMPLES),
        round(settings.n_resamples * min(1.0, _ALL_RESAMPLES_TO / n)),
    )


def _scale(n: int) -> float:
    """How much of a study's usual spread `n` vectors have, 0..1."""
    return min(1.0, n / _FULL_RANGE_FROM)


def _communities(
    resample: _Resample, *, similarity: Matrix, nearest_first: Labels, n_neighbours: int
) -> tuple[Labels, Labels]:
    """The vectors kept, and the Louvain communities of the graph that joins each of them to its nearest neighbours among them.

    `nearest_first` (n, n) holds, for each vector, all of them from the most similar to itself: sorted once for all resamples.
    """
    from sknetwork.clustering import Louvain

    kept = resample.kept
    n = len(kept)
    n_neighbours = min(n_neighbours, max(3, n // 4))
    place = np.full(len(similarity), -1)
    place[kept] = np.arange(n)
    places = place[nearest_first[kept]]
    is_nearest = (places >= 0) & ((places >= 0).cumsum(axis=1) <= n_neighbours)
    nearest = places[is_nearest]
    weights = np.maximum(similarity[kept.repeat(n_neighbours), kept[nearest]], 1e-6)
    graph = sparse.csr_matrix(
        (weights, nearest, np.arange(0, n * n_neighbours + 1, n_neighbours)), shape=(n, n)
    )
    louvain = Louvain(resolution=resample.resolution, random_state=resample.seed)
    return kept, louvain.fit_predict(graph.maximum(graph.T)).astype(np.int64)


def _best_cut(together: Matrix) -> Labels:
    """Cut the average-linkage tree of the co-association where its groups stand out best, within the range for that many vectors."""
    distances = 1 - together
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    cuts = cut_tree(tree, list(_range_of_groups(len(together)))).astype(np.int64)
    return max(cuts.T, key=lambda labels: _separation(together, labels))


def _range_of_groups(n: int) -> range:
    """How many groups are tried: about half to 1.3 times the root of the number of vectors."""
    fewest, most = round(0.5 * n**0.5), round(1.3 * n**0.5)
    return range(
        max(2, min(fewest, FEWEST_GROUPS), min(fewest, MOST_GROUPS // 2)),
        max(3, min(most, MOST_GROUPS)) + 1,
    )


def _separation(together: Matrix, labels: Labels) -> float:
    """Mean over vectors of their co-association with their group minus that with the next one; a group of one counts 0."""
    means = mean_by_group(together, labels)
    rows = np.arange(len(labels))
    own = means[rows, labels]
    means[rows, labels] = -1
    alone = np.bincount(labels)[labels] < 2
    return round(float(np.where(alone, 0, own - means.max(axis=1)).mean()), 9)


def _dissolve_small(labels: Labels, together: Matrix, min_size: int, fits: float) -> Labels:
    """Give the members of groups under `min_size` to the group they were most often with, or set them aside under `fits`.

    Groups are numbered again, the largest first.
    """
    sizes = np.bincount(labels)
    big = np.flatnonzero(sizes >= min_size)
    if not len(big):
        return np.zeros(len(labels), dtype=np.int64)
    kept = np.where(sizes[labels] >= min_size, labels, -1)
    means = mean_by_group(together, kept)[:, big]
    best = np.where(means.max(axis=1) >= fits, big[means.argmax(axis=1)], -1)
    moved = np.where(kept >= 0, kept, best)
    return _numbered(moved)


def _numbered(labels: Labels) -> Labels:
    """Groups numbered from 0, the largest first, then the one that comes first; −1 stays."""
    groups = [int(group) for group in np.unique(labels[labels >= 0])]
    order = sorted(
        groups,
        key=lambda group: (-int((labels == group).sum()), int(np.flatnonzero(labels == group)[0])),
    )
    number = {group: rank for rank, group in enumerate(order)} | {-1: -1}
    return np.array([number[int(group)] for group in labels], dtype=np.int64)


def _stability(consensus: Consensus) -> Matrix:
    """Mean co-association of each group's pairs."""
    labels = consensus.labels
    means = mean_by_group(consensus.together, labels)
    return np.array([means[labels == group, group].mean() for group in range(labels.max() + 1)])


def _spread(labels: Labels, sampled: Labels, vectors: Rows, rows: Labels) -> Labels:
    """Labels of all `rows`: those of the `sampled` ones, and for the others the group whose centre is nearest."""
    centres = np.stack(
        [
            vectors[rows[sampled[labels == group]]].astype(np.float64).mean(axis=0)
            for group in range(labels.max() + 1)
        ]
    )
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    closeness = [
        np.asarray(vectors[rows[some]], dtype=np.float64) @ centres.T for some in slices(len(rows))
    ]
    spread: Labels = np.vstack(closeness).argmax(axis=1).astype(np.int64)
    spread[sampled] = labels
    return spread


SHARE = 0.8  # of the vectors, in a subsample
FEWEST = 30  # vectors under which it says nothing
AGREEMENT_MOST_AT_ONCE = 600  # vectors that it is measured on; more are drawn from
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


def measure_agreement(
    vectors: Rows, settings: ClusterSettings, *, spread: Mapper = map
) -> Agreement | None:
    """Return how alike `settings.n_repeats` groupings of `vectors` (n, d) are, None under two of them or under `FEWEST` vectors."""
    n_runs, rows = settings.n_repeats, np.arange(len(vectors))
    if n_runs < 2 or len(rows) < FEWEST:
        return None
    draw = np.random.default_rng(settings.seed)
    if len(rows) > AGREEMENT_MOST_AT_ONCE:
        rows = rows[np.sort(draw.choice(len(rows), AGREEMENT_MOST_AT_ONCE, replace=False))]
    drawn: NDArray[Any] = vectors[rows]
    quick = settings.model_copy(update={"n_resamples": min(settings.n_resamples, _RESAMPLES)})
    n_drawn = round(SHARE * len(drawn))
    seeds = [_Trial(np.arange(len(drawn)), settings.seed + 1 + run) for run in range(n_runs)]
    subsamples = [
        _Trial(np.sort(draw.choice(len(drawn), n_drawn, replace=False)), settings.seed)
        for _ in range(n_runs)
    ]
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
    labels[trial.rows] = (
        CommunityClusters(settings.model_copy(update={"seed": trial.seed}))
        .fit(vectors[trial.rows])
        .labels_
    )
    return labels
