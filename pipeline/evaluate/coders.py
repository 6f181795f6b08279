"""Agreement of the coders over the gold passages: the gold, other readers beside it, the machine.

In:   gold, tags, alignment, grid
Out:  by pair of coders and axis: F1, kappa, alpha with their intervals
"""

from typing import Any

import pandas as pd

from pipeline.agreement import MACHINE, WHOLE_AXIS, Coding, measure_agreement
from pipeline.evaluate.alignment import Alignment
from pipeline.evaluate.gold import Gold, gold_codes
from pipeline.grid import Grid

_GOLD = "référence"
_SHOWN = ("n_units", "f1", "f1_low", "f1_high", "samples_f1", "macro_f1", "kappa", "alpha", "alpha_low", "alpha_high")

Put = frozenset[tuple[str, str]]


def agreement_figures(gold: Gold, tags: pd.DataFrame, aligned: Alignment, grid: Grid) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the whole-axis figures of each pair of coders, such as {"référence et annotateur2": {"rubrique": {"f1": …}}}."""
    codings = [Coding(_GOLD, {passage["unit_id"]: _codes(passage, grid) for passage in gold.passages})]
    codings += [Coding(name, {row["unit_id"]: _codes(row, grid) for row in rows}) for name, rows in gold.readers.items()]
    codings.append(Coding(MACHINE, _of_machine(gold, tags, aligned, grid)))
    found = measure_agreement(codings, grid)
    figures: dict[str, dict[str, dict[str, Any]]] = {}
    for row in found[found["code"] == WHOLE_AXIS].to_dict("records"):
        pair = figures.setdefault(f"{row['first_coder']} et {row['second_coder']}", {})
        pair[str(row["axis"])] = {name: row[name] for name in _SHOWN if not pd.isna(row[name])}
    return figures


def _codes(row: dict[str, Any], grid: Grid) -> Put:
    return frozenset((axis.axis, code) for axis in grid.axes for code in gold_codes(row, axis.axis))


def _of_machine(gold: Gold, tags: pd.DataFrame, aligned: Alignment, grid: Grid) -> dict[str, Put]:
    """The codes of the units that answer for each passage that was read; of an exclusive axis, that of the one with most of its words."""
    put: dict[str, set[tuple[str, str]]] = {}
    for unit_id, axis, code in tags.loc[tags["is_assigned"].astype(bool), ["unit_id", "axis", "code"]].itertuples(index=False):
        put.setdefault(unit_id, set()).add((axis, code))
    read = [passage["unit_id"] for passage in gold.passages if passage["unit_id"] in aligned.best]
    return {
        passage: frozenset(
            {entry for unit in aligned.over[passage] for entry in put.get(unit, set()) if entry[0] not in grid.exclusive}
            | {entry for entry in put.get(aligned.best[passage], set()) if entry[0] in grid.exclusive}
        )
        for passage in read
    }
