"""Count what territories say, and compute four statistics on the counts.

In:   passages of subjects; circle (a table, or a document away from tables) and territory of each
Out:  Counts; Lafon's specificity and the log-odds of Monroe et al.; correspondence analysis
      (Benzécri 1973, Greenacre 2007); descending classification by lemmas (Reinert 1983, 1990)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.stats import hypergeom

from models.rows import slices

Numbers = NDArray[np.float64]
Indices = NDArray[np.intp]
# Above this contingency coefficient a lemma is specific to one half; rarer ones are dropped.
_LARGEST_COEFFICIENT, _FEWEST = 0.3, 3


@dataclass(frozen=True)
class Counts:
    """Passages `by_circle` (n_circles, n_subjects); `sizes` counts all those with a subject.

    Sums over circles are (n_subjects, n_territories).
    """

    subject_ids: list[str]
    territories: list[str]
    territory_index: NDArray[np.intp]
    sizes: Numbers
    by_circle: Numbers

    @property
    def n_units(self) -> Numbers:
        """Passages by subject and territory, (n_subjects, n_territories)."""
        return self.by_territory(self.by_circle).T

    @property
    def n_here(self) -> Numbers:
        """Passages of each territory, (1, n_territories)."""
        return self.by_territory(self.sizes[:, None]).T

    @property
    def n_subject(self) -> Numbers:
        """Passages of each subject, (n_subjects, 1)."""
        return np.asarray(self.by_circle.sum(axis=0)[:, None], dtype=np.float64)

    @property
    def n_all(self) -> float:
        """All passages with a subject."""
        return float(self.sizes.sum())

    def by_territory(self, rows: Numbers) -> Numbers:
        """Sum `rows`, one a circle, by territory: (n_territories, n_columns)."""
        sums = np.zeros((len(self.territories), rows.shape[1]))
        np.add.at(sums, self.territory_index, rows)
        return sums


def count_subjects(
    rows: pd.DataFrame,
    circle_of_unit: pd.DataFrame,
    subject_ids: Sequence[str],
    territories: Sequence[str],
) -> Counts:
    """Count `rows` (subject_id, circle_id); `circle_of_unit` has unit_id, circle_id, territory."""
    sizes = (
        circle_of_unit.groupby(["circle_id", "territory"], sort=True)
        .size()
        .reset_index(name="size")
    )
    circles = pd.Index(sizes["circle_id"])
    by_circle = np.zeros((len(circles), len(subject_ids)))
    np.add.at(
        by_circle,
        (
            circles.get_indexer(pd.Index(rows["circle_id"])),
            pd.Index(subject_ids).get_indexer(pd.Index(rows["subject_id"])),
        ),
        1,
    )
    territory_index = np.asarray(
        pd.Index(territories).get_indexer(pd.Index(sizes["territory"])), dtype=np.intp
    )
    return Counts(
        list(subject_ids),
        list(territories),
        territory_index,
        sizes["size"].to_numpy(dtype=np.float64),
        by_circle,
    )


def specificity(n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: float) -> Numbers:
    """Return -log10 P(X ≥ n_units) if the subject exceeds chance, else log10 P(X ≤ n_units).

    X is hypergeometric: `n_here` draws from `n_all` passages, `n_subject` of them the subject's.
    Tails are exact, never infinite.
    """
    is_over = n_units * n_all >= n_subject * n_here
    over = -log10_tail(n_units, n_subject, n_here, n_all, upper=True)
    under = log10_tail(n_units, n_subject, n_here, n_all, upper=False)
    return np.where(is_over, over, under) + 0.0  # + 0.0 turns -0.0 into 0.0


def log10_tail(
    n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: Numbers | float, *, upper: bool
) -> Numbers:
    """Return log10 of P(X ≥ n_units), or of P(X ≤ n_units) without `upper`.

    A tail too small for a float is summed term by term in logarithms.
    """
    counts = [
        np.asarray(column, dtype=np.int64)
        for column in np.broadcast_arrays(n_units, n_all, n_subject, n_here)
    ]
    bound, law = counts[0] - upper, counts[1:]
    tail = np.asarray((hypergeom.sf if upper else hypergeom.cdf)(bound, *law))
    with np.errstate(divide="ignore"):
        logs = np.log10(tail)
    tiny = ~(tail > 1e-280)
    if tiny.any():
        slow = (hypergeom.logsf if upper else hypergeom.logcdf)(
            bound[tiny], *(column[tiny] for column in law)
        )
        logs[tiny] = slow / np.log(10)
    return np.asarray(logs, dtype=np.float64)


def log_odds(counts: Counts, prior_units: float) -> tuple[Numbers, Numbers]:
    """Return log-odds here against elsewhere, and z-scores, (n_subjects, n_territories).

    Monroe, Colaresi and Quinn (2008): `prior_units` passages of the common talk shrink small
    counts. A single territory gets zeros.
    """
    here, all_here = counts.n_units, counts.n_here
    there, all_there = counts.n_subject - here, counts.n_all - all_here
    prior = prior_units * np.clip(counts.n_subject / max(1.0, counts.n_all), 1e-9, 1 - 1e-9)
    sides = [
        np.log(n + prior) - np.log(total + prior_units - n - prior)
        for n, total in ((here, all_here), (there, all_there))
    ]
    odds = np.where(all_there > 0, sides[0] - sides[1], 0.0)
    return odds, odds / np.sqrt(1 / (here + prior) + 1 / (there + prior))


class Points(NamedTuple):
    """Rows or columns: masses, (n,); the rest (n, n_axes), in principal coordinates.

    Contributions sum to 1 by axis, qualities (cos²) by point.
    """

    masses: Numbers
    coordinates: Numbers
    contributions: Numbers
    qualities: Numbers


@dataclass(frozen=True)
class Correspondence:
    """Two clouds of points; `inertia`, (n_axes,). The main row of an axis is positive."""

    rows: Points
    columns: Points
    inertia: Numbers

    @property
    def shares(self) -> Numbers:
        """Share of the total inertia on each axis."""
        return np.asarray(self.inertia / max(self.inertia.sum(), 1e-300))


def correspondence(counts: Numbers) -> Correspondence:
    """Return all axes of `counts`, at most one fewer than its rows or columns."""
    shares = counts / counts.sum()
    row_masses, column_masses = shares.sum(axis=1), shares.sum(axis=0)
    expected = np.outer(row_masses, column_masses)
    left, values, right = np.linalg.svd(
        (shares - expected) / np.sqrt(expected), full_matrices=False
    )
    n_axes = int((values > 1e-9).sum())
    left, values, right = left[:, :n_axes], values[:n_axes], right[:n_axes].T
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(n_axes)])
    return Correspondence(
        _points(row_masses, left * signs, values),
        _points(column_masses, right * signs, values),
        values**2,
    )


def _points(masses: Numbers, vectors: Numbers, values: Numbers) -> Points:
    coordinates = vectors * values / np.sqrt(masses)[:, None]
    squares = coordinates**2
    total = squares.sum(axis=1, keepdims=True)
    qualities = squares / np.where(total > 0, total, 1.0)
    return Points(masses, coordinates, vectors**2, qualities)


@dataclass(frozen=True)
class Halves:
    """Rows of each half of a table, and its chi-square."""

    first: Indices
    second: Indices
    chi_square: float


def classify(
    presence: csr_array, n_classes: int, *, min_members: int = 5, min_half: int = 1
) -> Indices:
    """Return the class of each passage, in the order of the cuts; -1 for one without lemma.

    `presence` (n_passages, n_lemmas) is 1 where a passage holds a lemma: a few of hundreds.
    Cuts stop where the largest class has fewer than `min_members` passages or three lemmas. Both
    sides keep `min_half` passages: 1 is Reinert's rule, more prevents tiny classes.
    """
    filled = np.flatnonzero(presence.sum(axis=1) > 0)
    leaves: list[tuple[Indices, Indices]] = [(filled, np.arange(presence.shape[1]))]
    while len(leaves) < n_classes:
        largest = max(range(len(leaves)), key=lambda i: (len(leaves[i][0]), -i))
        units, lemmas = leaves[largest]
        table = presence[units][:, lemmas]
        used, filled_lemmas = (
            np.flatnonzero(table.sum(axis=1) > 0),
            np.flatnonzero(table.sum(axis=0) > 0),
        )
        is_small = len(units) < max(3, min_members, 2 * min_half)
        if is_small or len(used) < max(3, 2 * min_half) or len(filled_lemmas) < 3:
            break
        table = table[used][:, filled_lemmas]
        halves = split(table, min_half)
        if not len(halves.first) or not len(halves.second):
            break
        # Passages without a lemma left stay with the larger half.
        dropped = np.setdiff1d(np.arange(len(units)), used)
        keeps = select_lemmas(table, halves)
        parts = [used[halves.first], used[halves.second]]
        parts[int(len(parts[1]) > len(parts[0]))] = np.concatenate([max(parts, key=len), dropped])
        leaves[largest : largest + 1] = [
            (np.sort(units[part]), lemmas[filled_lemmas[chosen]])
            for part, chosen in zip(parts, keeps, strict=True)
        ]
    class_of = np.full(presence.shape[0], -1, dtype=np.intp)
    for i, (units, _) in enumerate(leaves):
        class_of[units] = i
    return class_of


def split(table: csr_array, min_half: int = 1) -> Halves:
    """Return two halves of at least `min_half` rows; no row or column of `table` may be empty."""
    order = np.argsort(first_axis(table), kind="stable")
    columns = table.sum(axis=0)
    above, chi_squares = np.zeros(len(columns)), []
    for rows in _dense_blocks(table[order]):
        sums = above + np.cumsum(rows, axis=0)
        chi_squares.append(_chi_squares(sums, columns))
        above = sums[-1]
    cuts = np.concatenate(chi_squares)[min_half - 1 : len(order) - min_half]
    cut = min_half - 1 + int(cuts.argmax())
    is_first = np.zeros(len(order), dtype=bool)
    is_first[order[: cut + 1]] = True
    return _move_passages(table, is_first, min_half)


def first_axis(table: csr_array) -> Numbers:
    """Return the coordinates of rows on the first axis, up to a positive factor."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    scaled = table.toarray()
    scaled /= np.sqrt(rows)[:, None]
    scaled /= np.sqrt(columns)
    trivial = np.sqrt(columns / columns.sum())
    products = scaled.T @ scaled - np.outer(trivial, trivial)
    axis = eigh(products, subset_by_index=[len(products) - 1] * 2)[1][:, 0]
    coordinates = np.asarray(scaled @ axis / np.sqrt(rows))
    side = np.sign(coordinates[np.abs(coordinates.round(12)).argmax()]) or 1.0
    return np.asarray(coordinates * side)


def _dense_blocks(table: csr_array) -> Iterator[Numbers]:
    return (table[some].toarray() for some in slices(table.shape[0], large=0))


def select_lemmas(table: csr_array, halves: Halves) -> tuple[Indices, Indices]:
    """Return each half's lemmas: frequent there, and not specific to the other."""
    counts = np.stack([table[halves.first].sum(axis=0), table[halves.second].sum(axis=0)])
    total = counts.sum(axis=0)
    expected = np.outer(counts.sum(axis=1), total / total.sum())
    chi_square = ((counts - expected) ** 2 / np.where(expected > 0, expected, 1)).sum(axis=0)
    is_common = np.sqrt(chi_square / (chi_square + total)) <= _LARGEST_COEFFICIENT
    keeps = (counts >= _FEWEST) & (is_common | (counts > expected))
    return np.flatnonzero(keeps[0]), np.flatnonzero(keeps[1])


def _move_passages(table: csr_array, is_first: NDArray[np.bool_], min_half: int) -> Halves:
    columns, lengths = table.sum(axis=0), table.sum(axis=1)
    squares_of = [(rows**2 / columns).sum(axis=1) for rows in _dense_blocks(table)]
    own = np.concatenate(squares_of)
    first = table[is_first].sum(axis=0)
    best = float(_chi_squares(first[None, :], columns)[0])
    for _ in range(len(lengths)):
        toward = np.where(is_first, -1.0, 1.0)
        squares = (first**2 / columns).sum() + toward * 2 * (table @ (first / columns)) + own
        values = _from_squares(squares, first.sum() + toward * lengths, float(columns.sum()))
        for half in (is_first, ~is_first):
            if half.sum() <= min_half:
                values[half] = -1
        row = int(values.argmax())
        if values[row] <= best * (1 + 1e-12):
            break
        first = first + toward[row] * table[[row]].toarray()[0]
        is_first[row], best = not is_first[row], float(values[row])
    return Halves(np.flatnonzero(is_first), np.flatnonzero(~is_first), best)


def _chi_squares(firsts: Numbers, columns: Numbers) -> Numbers:
    return _from_squares(
        (firsts**2 / columns).sum(axis=1), firsts.sum(axis=1), float(columns.sum())
    )


def _from_squares(squares: Numbers, n_first: Numbers, n_all: float) -> Numbers:
    """n²/(n₁n₂) · (Σ t₁ⱼ²/cⱼ - n₁²/n): the chi-square of two rows."""
    both = n_first * (n_all - n_first)
    return np.where(
        both > 0, n_all**2 / np.where(both > 0, both, 1) * (squares - n_first**2 / n_all), 0.0
    )
