"""Descending hierarchical classification of passages by their lemmas (Reinert 1983, 1990), as IRaMuTeQ and rainette read a corpus.

Each step cuts the largest class in two: passages are ordered on the first axis of a correspondence analysis, cut where chi-square is
highest, then moved one by one as long as chi-square grows; each half keeps the lemmas that are not the other's.

In:   presence of lemmas in passages, (n_units, n_lemmas), 0 or 1
Out:  a class a passage
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from pipeline.compare.counts import Numbers

Indices = NDArray[np.intp]
_LARGEST_COEFFICIENT, _FEWEST = 0.3, 3  # a lemma over this contingency coefficient is one half's own; one said less often is dropped


@dataclass(frozen=True)
class Halves:
    """Rows of the table in each half, and the chi-square of the halves by lemmas."""

    first: Indices
    second: Indices
    chi_square: float


def classify(presence: Numbers, n_classes: int, *, min_members: int = 5, min_half: int = 1) -> Indices:
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
        if len(units) < max(3, min_members, 2 * min_half) or len(used) < 2 * min_half or len(used) < 3 or len(kept) < 3:
            break
        table = table[np.ix_(used, kept)]
        halves = split(table, min_half)
        if not len(halves.first) or not len(halves.second):
            break
        nearest = np.setdiff1d(np.arange(len(units)), used)  # passages whose lemmas were all dropped stay with the larger half
        keeps = select_lemmas(table, halves)
        parts = [used[halves.first], used[halves.second]]
        parts[int(len(parts[1]) > len(parts[0]))] = np.concatenate([max(parts, key=len), nearest])
        leaves[largest : largest + 1] = [(np.sort(units[part]), lemmas[kept[chosen]]) for part, chosen in zip(parts, keeps, strict=True)]
    found = np.full(len(presence), -1, dtype=np.intp)
    for place, (units, _) in enumerate(leaves):
        found[units] = place
    return found


def split(table: Numbers, min_half: int = 1) -> Halves:
    """The two halves, of `min_half` rows at least, of a table without empty row or column."""
    order = np.argsort(first_axis(table), kind="stable")
    sums = np.cumsum(table[order], axis=0)[:-1]
    cut = min_half - 1 + int(_chi_squares(sums, table.sum(axis=0))[min_half - 1 : len(table) - min_half].argmax())
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
    held = csr_array(table)  # a passage holds some of hundreds of lemmas, and each move asks all of them
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
    return _from_squares((firsts**2 / columns).sum(axis=1), firsts.sum(axis=1), float(columns.sum()))


def _from_squares(squares: Numbers, n_first: Numbers, n_all: float) -> Numbers:
    """n²/(n₁n₂) · (Σ t₁ⱼ²/cⱼ - n₁²/n), which is chi-square for two rows."""
    both = n_first * (n_all - n_first)
    return np.where(both > 0, n_all**2 / np.where(both > 0, both, 1) * (squares - n_first**2 / n_all), 0.0)
