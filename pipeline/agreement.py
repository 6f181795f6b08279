"""How far coders agree: people with one another, with the machine, with a second machine.

In:   codings, one a coder: what codes it put on which units
Out:  agreement, one row a pair of coders and code, and one for each whole axis

Over both coders' units: F1, Cohen's kappa, Krippendorff's alpha (nominal; over a whole axis of several codes with the MASI distance of
Passonneau 2006), each with a 95 % interval from resampled units. Nothing is said of a code that neither coder uses.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.grid.codes import POSTURE, RUBRIQUE, Grid
from pipeline.standing import CODE_ACTIONS, arbitrated, coded_units, judgements
from pipeline.tables.material import AGREEMENT

Codes = frozenset[tuple[str, str]]  # axis and code
Array = NDArray[np.float64]

MACHINE = "machine"
READER = "relecteur"
WHOLE_AXIS = "tous"
_N_DRAWS, _BOUNDS = 300, (2.5, 97.5)
_MASI = (
    0.0,
    1 / 3,
    2 / 3,
    1.0,
)  # shares of the Jaccard index: disjoint, overlapping, one in the other, equal


@dataclass(frozen=True)
class Coding:
    """What one coder put on each unit that it coded; a unit without any code has an empty set."""

    coder: str
    codes: Mapping[str, Codes]


def machine_coding(tags: pd.DataFrame, unit_ids: Sequence[str], coder: str = MACHINE) -> Coding:
    """Return what the machine's rows of `tags` put on `unit_ids`."""
    put = tags[(tags["source"] == "machine") & tags["is_assigned"].astype(bool)]
    return Coding(coder, _gathered(unit_ids, put))


def codings_of_people(
    tags: pd.DataFrame, decisions: pd.DataFrame, *, exclusive: Collection[str] = (POSTURE,)
) -> list[Coding]:
    """Return one coding an author of decisions on tags, in order of name: on the units that it coded, the machine's codes as it left them.

    A unit counts once its author said all its codes (`pipeline.standing.is_coded`), not from the first code that he or she refused.

    `tags` are those of the machine, before any decision; of an `exclusive` axis a unit bears one code, the last one put. Decisions that
    arbitrate are left out: who settles a disagreement has seen both sides, and to count it would measure nothing but itself.
    """
    is_settling = decisions["action"].isin(CODE_ACTIONS) & decisions["value"].map(
        arbitrated
    ).astype(bool)
    decisions = decisions[~is_settling]
    coded, judged = coded_units(decisions, tags, exclusive=exclusive), judgements(decisions, tags)
    put = tags[(tags["source"] == "machine") & tags["is_assigned"].astype(bool)]
    codings = []
    for author in sorted(name for name, units in coded.items() if units):
        unit_ids = sorted(coded[author])
        codes = {unit_id: set(found) for unit_id, found in _gathered(unit_ids, put).items()}
        for row in judged[
            (judged["author"] == author) & judged["unit_id"].isin(unit_ids)
        ].itertuples():
            left, code = codes[str(row.unit_id)], (str(row.axis), str(row.code))
            if row.action == "reject_tag":
                left.discard(code)
                continue
            if code[0] in exclusive:
                left -= {entry for entry in left if entry[0] == code[0]}
            left.add(code)
        codings.append(
            Coding(author, {unit_id: frozenset(left) for unit_id, left in codes.items()})
        )
    return codings


def unnamed(codings: Sequence[Coding], decisions: pd.DataFrame) -> list[Coding]:
    """Return people's `codings` under numbers, in the order in which they first decided: their names stay with their decisions."""
    authors = [str(author) for author in decisions.sort_values("decision_id")["author"].unique()]
    ordered = sorted(codings, key=lambda coding: authors.index(coding.coder))
    return [
        replace(coding, coder=f"{READER} {authors.index(coding.coder) + 1}") for coding in ordered
    ]


def measure_agreement(codings: Sequence[Coding], grid: Grid, *, seed: int = 0) -> pd.DataFrame:
    """Return the agreement of every two coders that share a unit, in the order given, by axis and code of `grid`."""
    rows = [
        row
        for first, second in combinations(codings, 2)
        for row in _pair(first, second, grid, seed)
    ]
    return AGREEMENT.build(rows)


def krippendorff_alpha(values: Sequence[Sequence[str | None]]) -> float | None:
    """Return the nominal alpha of coders' `values`, one sequence a coder and None where it did not code; None where nothing varies.

    Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", by coincidences.
    """
    known = sorted({value for row in values for value in row if value is not None})
    place = {value: order for order, value in enumerate(known)}
    coincidences = np.zeros((len(known), len(known)))
    for unit in zip(*values, strict=True):
        said = np.bincount(
            [place[value] for value in unit if value is not None], minlength=len(known)
        ).astype(float)
        if said.sum() > 1:
            coincidences += (np.outer(said, said) - np.diag(said)) / (said.sum() - 1)
    totals, n_values = coincidences.sum(axis=1), coincidences.sum()
    expected = n_values**2 - (totals**2).sum()
    if n_values <= 1 or expected <= 0:
        return None
    return float(1 - (n_values - 1) * (n_values - np.trace(coincidences)) / expected)


def _gathered(unit_ids: Sequence[str], put: pd.DataFrame) -> dict[str, Codes]:
    codes: dict[str, set[tuple[str, str]]] = {unit_id: set() for unit_id in unit_ids}
    for unit_id, axis, code in zip(put["unit_id"], put["axis"], put["code"], strict=True):
        if unit_id in codes:
            codes[unit_id].add((axis, code))
    return {unit_id: frozenset(found) for unit_id, found in codes.items()}


def _pair(first: Coding, second: Coding, grid: Grid, seed: int) -> list[dict[str, object]]:
    """The rows of two coders; postures only where one of them put a rubrique, since noise has none."""
    shared = sorted(first.codes.keys() & second.codes.keys())
    has_rubriques = bool(grid.axis(RUBRIQUE))
    rows: list[dict[str, object]] = []
    for axis in dict.fromkeys(code.axis for code in grid.codes):
        names = [code.code for code in grid.axis(axis)]
        unit_ids = shared
        if axis == POSTURE and has_rubriques:
            unit_ids = [
                unit
                for unit in shared
                if any(entry[0] == RUBRIQUE for entry in first.codes[unit] | second.codes[unit])
            ]
        if not unit_ids:
            continue
        put = [
            np.array([[(axis, name) in coding.codes[unit] for name in names] for unit in unit_ids])
            for coding in (first, second)
        ]
        draws = np.random.default_rng(seed).multinomial(
            len(unit_ids), np.full(len(unit_ids), 1 / len(unit_ids)), _N_DRAWS
        )
        weights = np.vstack([np.ones(len(unit_ids)), draws]).astype(np.float64)
        pair = {
            "first_coder": first.coder,
            "second_coder": second.coder,
            "axis": axis,
            "n_units": len(unit_ids),
        }
        rows += [
            pair | row
            for row in _axis_rows(
                put[0], put[1], weights, names, is_exclusive=axis in grid.exclusive
            )
        ]
    return rows


def _axis_rows(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    weights: Array,
    names: list[str],
    *,
    is_exclusive: bool,
) -> list[dict[str, object]]:
    """The whole axis, then each of its codes that one of the coders uses."""
    both, only_first, only_second = (
        weights @ cells.astype(np.float64)
        for cells in (first & second, first & ~second, ~first & second)
    )
    n_units = weights.sum(axis=1, keepdims=True)
    f1 = _ratio(2 * both, 2 * both + only_first + only_second)
    by_unit = np.where(
        (first | second).any(axis=1),
        2 * (first & second).sum(axis=1) / np.maximum(1, first.sum(axis=1) + second.sum(axis=1)),
        1,
    )
    micro = _ratio(2 * both.sum(axis=1), (2 * both + only_first + only_second).sum(axis=1))
    whole: dict[str, object] = {
        "code": WHOLE_AXIS,
        "n_first": int(first.sum()),
        "n_second": int(second.sum()),
        "n_both": int((first & second).sum()),
        "samples_f1": round(float(by_unit.mean()), 3),
        "macro_f1": _rounded(float(np.nanmean(f1[0])) if np.isfinite(f1[0]).any() else np.nan),
    }
    whole |= _bounded("f1", micro) | _bounded("alpha", _set_alpha(first, second, weights))
    whole |= _bounded("kappa", _kappa(first, second, weights)) if is_exclusive else {}
    rows = [whole]
    observed, chance = (
        1 - (only_first + only_second) / n_units,
        _chance_agreement(both + only_first, both + only_second, n_units),
    )
    kappa = _ratio(observed - chance, 1 - chance)
    used = (2 * both + only_first + only_second) / (2 * n_units)
    alpha = 1 - _ratio(1 - observed, 2 * used * (1 - used) * 2 * n_units / (2 * n_units - 1))
    for at, name in enumerate(names):
        if (first | second)[:, at].any():
            counts = {
                "n_first": int(first[:, at].sum()),
                "n_second": int(second[:, at].sum()),
                "n_both": int((first & second)[:, at].sum()),
            }
            figures = (
                _bounded("f1", f1[:, at])
                | _bounded("kappa", kappa[:, at])
                | _bounded("alpha", alpha[:, at])
            )
            rows.append({"code": name, **counts, **figures})
    return rows


def _chance_agreement(n_first: Array, n_second: Array, n_units: Array) -> Array:
    share_first, share_second = n_first / n_units, n_second / n_units
    return np.asarray(share_first * share_second + (1 - share_first) * (1 - share_second))


def _kappa(first: NDArray[np.bool_], second: NDArray[np.bool_], weights: Array) -> Array:
    """Cohen's kappa of an axis with exactly one code a unit, for each row of `weights`."""
    n_units = weights.sum(axis=1)
    observed = weights @ (first & second).any(axis=1).astype(np.float64) / n_units
    chance = ((weights @ first.astype(np.float64)) * (weights @ second.astype(np.float64))).sum(
        axis=1
    ) / n_units**2
    return _ratio(observed - chance, 1 - chance)


def _set_alpha(first: NDArray[np.bool_], second: NDArray[np.bool_], weights: Array) -> Array:
    """Krippendorff's alpha of the sets of codes, for each row of `weights`."""
    sets, places = np.unique(np.vstack([first, second]), axis=0, return_inverse=True)
    here, there = places[: len(first)], places[len(first) :]
    distances = _masi_distances(sets)
    n_units = weights.sum(axis=1)
    observed = weights @ distances[here, there] / n_units
    counts = np.stack(
        [weights @ ((here == at).astype(float) + (there == at)) for at in range(len(sets))], axis=1
    )
    expected = ((counts @ distances) * counts).sum(axis=1) / (2 * n_units * (2 * n_units - 1))
    return np.asarray(1 - _ratio(observed, expected))


def _masi_distances(sets: NDArray[np.bool_]) -> Array:
    """One less MASI between every two rows of `sets`; two empty sets are equal."""
    sizes = sets.sum(axis=1)
    common = sets.astype(int) @ sets.T.astype(int)
    union = sizes[:, None] + sizes[None, :] - common
    smaller, larger = (
        np.minimum(sizes[:, None], sizes[None, :]),
        np.maximum(sizes[:, None], sizes[None, :]),
    )
    kind = np.select(
        [union == 0, (common == smaller) & (smaller == larger), common == smaller, common > 0],
        [3, 3, 2, 1],
        default=0,
    )
    kind[(common == 0) & (union > 0)] = 0
    return np.asarray(
        1 - np.where(union > 0, common / np.maximum(union, 1), 1.0) * np.array(_MASI)[kind]
    )


def _ratio(part: Array, whole: Array) -> Array:
    """`part` / `whole`, not a number where `whole` is 0."""
    return np.asarray(
        np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
    )


def _bounded(name: str, values: Array) -> dict[str, object]:
    """The figure of all units, first of `values`, and the interval of the draws."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(drawn, _BOUNDS) if len(drawn) else (np.nan, np.nan)
    return {name: _rounded(values[0]), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
