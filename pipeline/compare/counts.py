"""Passages of each subject by circle (a table, or a document away from tables), and their sums by territory.

In:   passages of subjects, and circle and territory of every passage that says something
Out:  Counts

Lafon's specificity and the smoothed log-odds of Monroe et al.

Correspondence analysis of a table of counts (Benzécri 1973, Greenacre 2007), by the singular values of its standardised residuals.

Descending hierarchical classification of passages by their lemmas (Reinert 1983, 1990), as IRaMuTeQ and rainette read a corpus.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.stats import hypergeom

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """`said`, (n_circles, n_subjects), passages of a subject in a circle; `sizes`, (n_circles,), all its passages that say something.

    `place`, (n_circles,), is the territory's index. Sums over circles are (n_subjects, n_territories).
    """

    subject_ids: list[str]
    territories: list[str]
    place: NDArray[np.intp]
    sizes: Numbers
    said: Numbers

    @property
    def n_units(self) -> Numbers:
        """Passages of each subject in each territory."""
        return self.by_territory(self.said).T

    @property
    def n_here(self) -> Numbers:
        """Passages of each territory: (1, n_territories)."""
        return self.by_territory(self.sizes[:, None]).T

    @property
    def n_subject(self) -> Numbers:
        """Passages of each subject: (n_subjects, 1)."""
        return np.asarray(self.said.sum(axis=0)[:, None], dtype=np.float64)

    @property
    def n_all(self) -> float:
        """All passages that say something."""
        return float(self.sizes.sum())

    def by_territory(self, rows: Numbers) -> Numbers:
        """Sums of `rows`, one a circle, by territory: (n_territories, n_columns)."""
        sums = np.zeros((len(self.territories), rows.shape[1]))
        np.add.at(sums, self.place, rows)
        return sums


def count_subjects(
    rows: pd.DataFrame, places: pd.DataFrame, subject_ids: Sequence[str], territories: Sequence[str]
) -> Counts:
    """Return the counts of `rows` (subject_id, circle_id), over the circles of `places` (unit_id, circle_id, territory)."""
    sizes = places.groupby(["circle_id", "territory"], sort=True).size().reset_index(name="size")
    circles = pd.Index(sizes["circle_id"])
    said = np.zeros((len(circles), len(subject_ids)))
    np.add.at(
        said,
        (
            circles.get_indexer(pd.Index(rows["circle_id"])),
            pd.Index(subject_ids).get_indexer(pd.Index(rows["subject_id"])),
        ),
        1,
    )
    place = np.asarray(
        pd.Index(territories).get_indexer(pd.Index(sizes["territory"])), dtype=np.intp
    )
    return Counts(
        list(subject_ids), list(territories), place, sizes["size"].to_numpy(dtype=np.float64), said
    )


def specificity(n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: float) -> Numbers:
    """-log10 P(X ≥ n_units) where the subject is at least as present as chance would have it, else log10 P(X ≤ n_units).

    X is hypergeometric: `n_here` passages drawn from `n_all`, of which `n_subject` are the subject's. Exact tails, never infinite.
    """
    is_over = n_units * n_all >= n_subject * n_here
    over = -log10_tail(n_units, n_subject, n_here, n_all, upper=True)
    under = log10_tail(n_units, n_subject, n_here, n_all, upper=False)
    return np.where(is_over, over, under) + 0.0  # + 0.0 turns -0.0 into 0.0


def log10_tail(
    n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: Numbers | float, *, upper: bool
) -> Numbers:
    """log10 of P(X ≥ n_units) or of P(X ≤ n_units); where the tail is too small for a float, its logarithm is summed term by term."""
    counts = [
        np.asarray(column, dtype=np.int64)
        for column in np.broadcast_arrays(n_units, n_all, n_subject, n_here)
    ]
    at, law = counts[0] - upper, counts[1:]
    tail = np.asarray((hypergeom.sf if upper else hypergeom.cdf)(at, *law))
    with np.errstate(divide="ignore"):
        logs = np.log10(tail)
    tiny = ~(tail > 1e-280)
    if tiny.any():
        slow = (hypergeom.logsf if upper else hypergeom.logcdf)(
            at[tiny], *(column[tiny] for column in law)
        )
        logs[tiny] = slow / np.log(10)
    return np.asarray(logs, dtype=np.float64)


def log_odds(counts: Counts, prior_units: float) -> tuple[Numbers, Numbers]:
    """Log-odds of each subject here against elsewhere, and their z-scores, (n_subjects, n_territories).

    Monroe, Colaresi and Quinn (2008): each side is first given `prior_units` passages that say what everybody says, so that a few
    passages are drawn to the common talk. A single territory has no elsewhere and gets zeros.
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


@dataclass(frozen=True)
class Correspondence:
    """Principal coordinates, (n, n_axes); `inertia`, (n_axes,), the axes' own; `masses`, (n,).

    Contributions sum to 1 an axis; qualities (cos²), summed over all axes, to 1 a point. An axis points so that the row that
    contributes most to it lies on its positive side.
    """

    rows: Numbers
    columns: Numbers
    inertia: Numbers
    row_masses: Numbers
    column_masses: Numbers
    row_contributions: Numbers
    column_contributions: Numbers
    row_qualities: Numbers
    column_qualities: Numbers

    @property
    def shares(self) -> Numbers:
        """Share of the total inertia on each axis."""
        return np.asarray(self.inertia / max(self.inertia.sum(), 1e-300))


def correspondence(counts: Numbers) -> Correspondence:
    """Return all the axes of `counts`, at most one fewer than its rows or columns."""
    shares = counts / counts.sum()
    row_masses, column_masses = shares.sum(axis=1), shares.sum(axis=0)
    expected = np.outer(row_masses, column_masses)
    left, values, right = np.linalg.svd(
        (shares - expected) / np.sqrt(expected), full_matrices=False
    )
    n_axes = int((values > 1e-9).sum())
    left, values, right = left[:, :n_axes], values[:n_axes], right[:n_axes].T
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(n_axes)])
    left, right = left * signs, right * signs
    rows = left * values / np.sqrt(row_masses)[:, None]
    columns = right * values / np.sqrt(column_masses)[:, None]
    return Correspondence(
        rows=rows,
        columns=columns,
        inertia=values**2,
        row_masses=row_masses,
        column_masses=column_masses,
        row_contributions=left**2,
        column_contributions=right**2,
        row_qualities=_qualities(rows),
        column_qualities=_qualities(columns),
    )


def _qualities(points: Numbers) -> Numbers:
    squares = points**2
    total = squares.sum(axis=1, keepdims=True)
    return np.asarray(squares / np.where(total > 0, total, 1.0))


Indices = NDArray[np.intp]
_LARGEST_COEFFICIENT, _FEWEST = (
    0.3,
    3,
)  # a lemma over this contingency coefficient is one half's own; one said less often is dropped


@dataclass(frozen=True)
class Halves:
    """Rows of the table in each half, and the chi-square of the halves by lemmas."""

    first: Indices
    second: Indices
    chi_square: float


def classify(
    presence: Numbers, n_classes: int, *, min_members: int = 5, min_half: int = 1
) -> Indices:
    """Return the class of each passage, from 0 in the order of the cuts; -1 where it holds none of the lemmas.

    Fewer classes than asked where the largest has fewer than `min_members` passages, or three lemmas, left. A cut leaves at least
    `min_half` passages on each side: 1 is Reinert's own rule, more keeps a handful of passages from being a class.
    """
    filled = np.flatnonzero(presence.sum(axis=1) > 0)
    leaves: list[tuple[Indices, Indices]] = [(filled, np.arange(presence.shape[1]))]
    while len(leaves) < n_classes:
        largest = max(range(len(leaves)), key=lambda place: (len(leaves[place][0]), -place))
        units, lemmas = leaves[largest]
        table = presence[np.ix_(units, lemmas)]
        used, kept = np.flatnonzero(table.sum(axis=1) > 0), np.flatnonzero(table.sum(axis=0) > 0)
        if (
            len(units) < max(3, min_members, 2 * min_half)
            or len(used) < 2 * min_half
            or len(used) < 3
            or len(kept) < 3
        ):
            break
        table = table[np.ix_(used, kept)]
        halves = split(table, min_half)
        if not len(halves.first) or not len(halves.second):
            break
        nearest = np.setdiff1d(
            np.arange(len(units)), used
        )  # passages whose lemmas were all dropped stay with the larger half
        keeps = select_lemmas(table, halves)
        parts = [used[halves.first], used[halves.second]]
        parts[int(len(parts[1]) > len(parts[0]))] = np.concatenate([max(parts, key=len), nearest])
        leaves[largest : largest + 1] = [
            (np.sort(units[part]), lemmas[kept[chosen]])
            for part, chosen in zip(parts, keeps, strict=True)
        ]
    found = np.full(len(presence), -1, dtype=np.intp)
    for place, (units, _) in enumerate(leaves):
        found[units] = place
    return found


def split(table: Numbers, min_half: int = 1) -> Halves:
    """The two halves, of `min_half` rows at least, of a table without empty row or column."""
    order = np.argsort(first_axis(table), kind="stable")
    sums = np.cumsum(table[order], axis=0)[:-1]
    cut = (
        min_half
        - 1
        + int(_chi_squares(sums, table.sum(axis=0))[min_half - 1 : len(table) - min_half].argmax())
    )
    is_first = np.zeros(len(table), dtype=bool)
    is_first[order[: cut + 1]] = True
    return _moved(table, is_first, min_half)


def first_axis(table: Numbers) -> Numbers:
    """Coordinates of the rows on the first axis, up to a positive factor, through the smaller matrix of lemmas by lemmas."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    scaled = table / np.sqrt(rows)[:, None] / np.sqrt(columns)
    trivial = np.sqrt(columns / columns.sum())
    products = scaled.T @ scaled - np.outer(trivial, trivial)
    axis = eigh(products, subset_by_index=[len(products) - 1] * 2)[1][:, 0]
    coordinates = np.asarray(scaled @ axis / np.sqrt(rows))
    side = np.sign(coordinates[np.abs(coordinates.round(12)).argmax()]) or 1.0
    return np.asarray(coordinates * side)


def select_lemmas(table: Numbers, halves: Halves) -> tuple[Indices, Indices]:
    """The lemmas that each half keeps for its own cuts: frequent enough there, and not the other half's own."""
    counts = np.stack([table[halves.first].sum(axis=0), table[halves.second].sum(axis=0)])
    total = counts.sum(axis=0)
    expected = np.outer(counts.sum(axis=1), total / total.sum())
    chi_square = ((counts - expected) ** 2 / np.where(expected > 0, expected, 1)).sum(axis=0)
    is_common = np.sqrt(chi_square / (chi_square + total)) <= _LARGEST_COEFFICIENT
    keeps = (counts >= _FEWEST) & (is_common | (counts > expected))
    return np.flatnonzero(keeps[0]), np.flatnonzero(keeps[1])


def _moved(table: Numbers, is_first: NDArray[np.bool_], min_half: int) -> Halves:
    """The halves once no passage can change sides and raise chi-square."""
    columns, lengths = table.sum(axis=0), table.sum(axis=1)
    own = (table**2 / columns).sum(axis=1)
    held = csr_array(
        table
    )  # a passage holds some of hundreds of lemmas, and each move asks all of them
    first = table[is_first].sum(axis=0)
    best = float(_chi_squares(first[None, :], columns)[0])
    for _ in range(len(table)):
        toward = np.where(is_first, -1.0, 1.0)
        squares = (first**2 / columns).sum() + toward * 2 * (held @ (first / columns)) + own
        values = _from_squares(squares, first.sum() + toward * lengths, float(columns.sum()))
        for half in (is_first, ~is_first):
            if half.sum() <= min_half:
                values[half] = -1
        place = int(values.argmax())
        if values[place] <= best * (1 + 1e-12):
            break
        first = first + toward[place] * table[place]
        is_first[place], best = not is_first[place], float(values[place])
    return Halves(np.flatnonzero(is_first), np.flatnonzero(~is_first), best)


def _chi_squares(firsts: Numbers, columns: Numbers) -> Numbers:
    """Chi-square of two halves by lemmas, one for each row of `firsts`, the first half's sums."""
    return _from_squares(
        (firsts**2 / columns).sum(axis=1), firsts.sum(axis=1), float(columns.sum())
    )


def _from_squares(squares: Numbers, n_first: Numbers, n_all: float) -> Numbers:
    """n²/(n₁n₂) · (Σ t₁ⱼ²/cⱼ - n₁²/n), which is chi-square for two rows."""
    both = n_first * (n_all - n_first)
    return np.where(
        both > 0, n_all**2 / np.where(both > 0, both, 1) * (squares - n_first**2 / n_all), 0.0
    )
