"""Add quantities up only where they are certainly not the same one told twice.

In:   offers
Out:  what may be said of each unit: one sum, or the quantities one by one
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

Range = tuple[float, float]


@dataclass(frozen=True)
class Total:
    """Quantities of one unit: their one sum where `n_added` are added, else the different ones (`n_added` is 0), the largest first."""

    unit: str
    ranges: tuple[Range, ...]
    n_added: int


def total_quantities(offers: pd.DataFrame) -> list[Total]:
    """Return a total a unit, those told most often first.

    The same number told of one structure, or once with a structure and once without, is one. Quantities are added where each is told of
    another structure: 112 paniers of one and 40 of another make 152. Nothing tells 112 and 40 apart where a structure is not named, or
    where both are told of one structure: they stay side by side.
    """
    known = offers.dropna(subset=["quantity", "quantity_unit"])
    low, high = known["quantity_low"].fillna(known["quantity"]), known["quantity_high"].fillna(known["quantity"])
    known = known.assign(low=low, high=high, structure_id=known["structure_id"].astype(object).where(known["structure_id"].notna(), None))
    totals = [
        (len(rows), _total(str(unit), set(rows[["structure_id", "low", "high"]].itertuples(index=False, name=None))))
        for unit, rows in known.groupby("quantity_unit", sort=True)
    ]
    return [total for _, total in sorted(totals, key=lambda one: (-one[0], -one[1].ranges[0][1]))]


def _total(unit: str, told: Iterable[tuple[str | None, float, float]]) -> Total:
    named = [(structure_id, (low, high)) for structure_id, low, high in told if structure_id is not None]
    of_named = [quantity for _, quantity in named]
    unnamed = [(low, high) for structure_id, low, high in told if structure_id is None and (low, high) not in of_named]
    is_one_each = max(Counter(structure_id for structure_id, _ in named).values(), default=0) == 1
    if not unnamed and is_one_each and len(named) > 1:
        return Total(unit, ((sum(low for low, _ in of_named), sum(high for _, high in of_named)),), len(named))
    return Total(unit, tuple(sorted({*of_named, *unnamed}, key=lambda one: (-one[1], -one[0]))), 0)
