"""Measure how far coders agree: people, the machine, a second machine.

F1, Cohen's kappa and Krippendorff's alpha (nominal; MASI distance of Passonneau 2006 for a whole
axis of several codes), on units of both coders, with 95 % intervals from resampled units.

In:   codings, one a coder: the codes of each unit
Out:  agreement, one row a pair of coders and code used by either, and one for each whole axis
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.decisions.kinds import Decision
from pipeline.decisions.tags import (
    TagDecision,
    by_unit,
    coded_units,
    codes_after,
    is_arbitration,
    machine_codes,
)
from pipeline.grid.codes import POSTURE, RUBRIQUE, Grid
from pipeline.tables.material import AGREEMENT

Codes = frozenset[tuple[str, str]]  # axis and code
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Row = dict[str, object]

MACHINE = "machine"
READER = "relecteur"
WHOLE_AXIS = "tous"
_N_DRAWS, _BOUNDS = 300, (2.5, 97.5)
# Shares of the Jaccard index for disjoint, overlapping, nested and equal sets.
_MASI = (0.0, 1 / 3, 2 / 3, 1.0)


@dataclass(frozen=True)
class CoderCodes:
    """A coder's codes on each unit; an empty set for a coded unit without any."""

    coder: str
    codes: Mapping[str, Codes]


def machine_coding(tags: pd.DataFrame, unit_ids: Sequence[str], coder: str = MACHINE) -> CoderCodes:
    """Return the codes of `unit_ids` in the machine's `tags`."""
    codes = machine_codes(tags, unit_ids)
    return CoderCodes(coder, {unit_id: frozenset(codes.get(unit_id, ())) for unit_id in unit_ids})


def codings_of_people(
    tags: pd.DataFrame, active: Iterable[Decision], *, exclusive: Collection[str] = (POSTURE,)
) -> list[CoderCodes]:
    """Return one coding an author, by name: the machine's `tags` as corrected.

    A unit counts once all its codes are decided (`pipeline.decisions.tags.is_coded`). On an
    `exclusive` axis the last code counts. Arbitrations are left out: who settles a disagreement has
    seen both sides.
    """
    own = [row for row in active if isinstance(row, TagDecision) and not is_arbitration(row)]
    coded = coded_units(own, tags, exclusive=exclusive)
    put = machine_codes(tags, set().union(*coded.values()))
    codings = []
    for author in sorted(name for name, units in coded.items() if units):
        decisions = by_unit(row for row in own if row.author == author)
        codes = {}
        for unit_id in sorted(coded[author]):
            before = put.get(unit_id, ())
            codes[unit_id] = codes_after(decisions[unit_id], before, exclusive).borne(before)
        codings.append(CoderCodes(author, codes))
    return codings


def unnamed(codings: Sequence[CoderCodes], decisions: Iterable[Decision]) -> list[CoderCodes]:
    """Return `codings` with numbers, by first decision, instead of names."""
    authors = list(dict.fromkeys(decision.author for decision in decisions))
    ordered = sorted(codings, key=lambda coding: authors.index(coding.coder))
    return [
        replace(coding, coder=f"{READER} {authors.index(coding.coder) + 1}") for coding in ordered
    ]


def measure_agreement(codings: Sequence[CoderCodes], grid: Grid, *, seed: int = 0) -> pd.DataFrame:
    """Return the agreement of every two coders that share a unit, by axis and code of `grid`."""
    rows: list[Row] = []
    for first, second in combinations(codings, 2):
        rows += _pair_rows(first, second, grid, seed)
    return AGREEMENT.build(rows)


def _pair_rows(first: CoderCodes, second: CoderCodes, grid: Grid, seed: int) -> list[Row]:
    """Postures count on units that either coder gave a rubrique."""
    shared = sorted(first.codes.keys() & second.codes.keys())
    either = {unit: first.codes[unit] | second.codes[unit] for unit in shared}
    with_rubrique = [unit for unit in shared if any(axis == RUBRIQUE for axis, _ in either[unit])]
    rows: list[Row] = []
    for axis in dict.fromkeys(code.axis for code in grid.codes):
        names = [code.code for code in grid.axis(axis)]
        units = with_rubrique if axis == POSTURE and grid.axis(RUBRIQUE) else shared
        if not units:
            continue
        n_units = len(units)
        tables = []
        for coding in (first, second):
            put = [[(axis, name) in coding.codes[unit] for name in names] for unit in units]
            tables.append(np.array(put))
        draws = np.random.default_rng(seed).multinomial(
            n_units, np.full(n_units, 1 / n_units), _N_DRAWS
        )
        weights = np.vstack([np.ones(n_units), draws]).astype(np.float64)
        pair = {
            "first_coder": first.coder,
            "second_coder": second.coder,
            "axis": axis,
            "n_units": n_units,
        }
        is_exclusive = axis in grid.exclusive
        axis_rows = _axis_rows(tables[0], tables[1], weights, names, is_exclusive)
        rows += [pair | row for row in axis_rows]
    return rows


def _axis_rows(
    first: Mask, second: Mask, weights: Array, names: list[str], is_exclusive: bool
) -> list[Row]:
    """The axis, then each code that either coder uses. `weights` has all units first."""
    cells = (first & second, first & ~second, ~first & second)
    both, only_first, only_second = (weights @ cell.astype(np.float64) for cell in cells)
    n_units = weights.sum(axis=1, keepdims=True)
    n_codes = 2 * both + only_first + only_second
    f1 = _ratio(2 * both, n_codes)
    n_by_unit = first.sum(axis=1) + second.sum(axis=1)
    f1_by_unit = 2 * (first & second).sum(axis=1) / np.maximum(1, n_by_unit)
    samples_f1 = np.where(n_by_unit > 0, f1_by_unit, 1)
    whole: Row = {
        "code": WHOLE_AXIS,
        **_counts(first, second),
        "samples_f1": round(float(samples_f1.mean()), 3),
        "macro_f1": _rounded(float(np.nanmean(f1[0])) if np.isfinite(f1[0]).any() else np.nan),
        **_bounded("f1", _ratio(2 * both.sum(axis=1), n_codes.sum(axis=1))),
        **_bounded("alpha", _set_alpha(first, second, weights)),
    }
    if is_exclusive:
        whole |= _bounded("kappa", _kappa(first, second, weights))
    rows = [whole]
    observed = 1 - (only_first + only_second) / n_units
    share_first, share_second = (both + only_first) / n_units, (both + only_second) / n_units
    chance = share_first * share_second + (1 - share_first) * (1 - share_second)
    kappa = _ratio(observed - chance, 1 - chance)
    used = n_codes / (2 * n_units)
    expected = 2 * used * (1 - used) * 2 * n_units / (2 * n_units - 1)
    alpha = 1 - _ratio(1 - observed, expected)
    for i, name in enumerate(names):
        if (first | second)[:, i].any():
            row: Row = {"code": name, **_counts(first[:, i], second[:, i])}
            for figure, values in (("f1", f1), ("kappa", kappa), ("alpha", alpha)):
                row |= _bounded(figure, values[:, i])
            rows.append(row)
    return rows


def _counts(first: Mask, second: Mask) -> Row:
    return {
        "n_first": int(first.sum()),
        "n_second": int(second.sum()),
        "n_both": int((first & second).sum()),
    }


def _kappa(first: Mask, second: Mask, weights: Array) -> Array:
    n_units = weights.sum(axis=1)
    observed = weights @ (first & second).any(axis=1).astype(np.float64) / n_units
    products = (weights @ first.astype(np.float64)) * (weights @ second.astype(np.float64))
    chance = products.sum(axis=1) / n_units**2
    return _ratio(observed - chance, 1 - chance)


def _set_alpha(first: Mask, second: Mask, weights: Array) -> Array:
    sets, numbers = np.unique(np.vstack([first, second]), axis=0, return_inverse=True)
    of_first, of_second = numbers[: len(first)], numbers[len(first) :]
    distances = _masi_distances(sets)
    n_units = weights.sum(axis=1)
    observed = weights @ distances[of_first, of_second] / n_units
    counts = np.stack(
        [weights @ ((of_first == i).astype(float) + (of_second == i)) for i in range(len(sets))],
        axis=1,
    )
    expected = ((counts @ distances) * counts).sum(axis=1) / (2 * n_units * (2 * n_units - 1))
    return np.asarray(1 - _ratio(observed, expected))


def _masi_distances(sets: Mask) -> Array:
    """Two empty sets are equal."""
    sizes = sets.sum(axis=1)
    common = sets.astype(int) @ sets.T.astype(int)
    union = sizes[:, None] + sizes - common
    smaller = np.minimum(sizes[:, None], sizes)
    kind = np.select([common == union, common == 0, common == smaller], [3, 0, 2], default=1)
    jaccard = np.where(union > 0, common / np.maximum(union, 1), 1.0)
    return np.asarray(1 - jaccard * np.array(_MASI)[kind])


def _ratio(part: Array, whole: Array) -> Array:
    blank = np.full(np.shape(part), np.nan)
    return np.asarray(np.divide(part, whole, out=blank, where=np.asarray(whole) > 0))


def _bounded(name: str, values: Array) -> Row:
    """The figure of all units is first in `values`."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(drawn, _BOUNDS) if len(drawn) else (np.nan, np.nan)
    return {name: _rounded(values[0]), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
