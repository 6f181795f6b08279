"""The themes by family, as a list shows them: how much was said, how sure the group is, what to look at first.

In:   the themes of now, a snapshot
Out:  families with one card a theme; passages set aside
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from pipeline.publish.text import stability
from pipeline.review.live import Themes
from pipeline.review.searching import folded
from pipeline.review.snapshot import Snapshot, Unit


@dataclass(frozen=True)
class Rank:
    """A theme's place among the study's priorities at the last run, and its 90 % interval."""

    rank: int
    low: int
    high: int


@dataclass(frozen=True)
class Card:
    """One theme; `flags` are what to look at first, with the machine's sentence."""

    theme_id: str
    label: str
    description: str
    kind: str
    n_units: int
    n_tables: int
    n_workshops: int
    stability: str
    family_id: str | None
    flags: tuple[tuple[str, str], ...]
    rank: Rank | None


@dataclass(frozen=True)
class Family:
    """A family and its themes, the most spoken of first; blank id and label hold the themes without family."""

    family_id: str
    label: str
    n_units: int
    n_tables: int
    n_workshops: int
    cards: tuple[Card, ...]


@lru_cache(maxsize=1)
def cards(now: Themes, snapshot: Snapshot) -> dict[str, Card]:
    """Return the card of each theme that is left, by theme_id."""
    ranks, flags = _ranks(snapshot.tables["priorities"]), snapshot.tables["theme_flags"]
    rows = [{str(name): cell for name, cell in row.items()} for row in now.themes.to_dict("records")]
    return {str(row["theme_id"]): _card(row, ranks, flags) for row in rows}


def families(now: Themes, snapshot: Snapshot) -> list[Family]:
    """Return the families that hold a theme, the largest first, then the themes that have none."""
    listed = list(cards(now, snapshot).values())
    found = []
    for row in now.families.to_dict("records"):
        mine = _by_size(card for card in listed if card.family_id == row["family_id"])
        n_units, n_tables, n_workshops = (int(row[name]) for name in ("n_units", "n_tables", "n_workshops"))
        found.append(Family(str(row["family_id"]), str(row["label"]), n_units, n_tables, n_workshops, mine))
    known = {family.family_id for family in found}
    alone = _by_size(card for card in listed if card.family_id not in known)
    return [*found, Family("", "", 0, 0, 0, alone)] if alone else found


def family_labels(now: Themes, snapshot: Snapshot) -> dict[str, str]:
    """The families that a theme can be put in, those of the machine, under their names of now, in order of name."""
    machine = snapshot.machine["theme_families"]
    named = {str(name): str(label) for name, label in zip(machine["family_id"], machine["label"], strict=True)}
    named |= {str(name): str(label) for name, label in zip(now.families["family_id"], now.families["label"], strict=True)}
    return dict(sorted(named.items(), key=lambda entry: folded(entry[1])[0]))


def set_aside(now: Themes, snapshot: Snapshot) -> list[Unit]:
    """Return the passages without theme, in reading order."""
    return [unit for unit in snapshot.units.values() if unit.unit_id not in now.theme_of]


def _card(row: dict[str, Any], ranks: dict[str, Rank], flags: pd.DataFrame) -> Card:
    theme_id = str(row["theme_id"])
    flagged = flags[flags["theme_id"] == theme_id]
    return Card(
        theme_id=theme_id,
        label=str(row["label"]),
        description=str(row["description"]),
        kind=str(row["kind"]),
        n_units=int(row["n_units"]),
        n_tables=int(row["n_tables"]),
        n_workshops=int(row["n_workshops"]),
        stability=stability(None if pd.isna(row["stability"]) else float(row["stability"])),
        family_id=None if pd.isna(row["parent_id"]) else str(row["parent_id"]),
        flags=tuple(zip(flagged["flag"].astype(str), flagged["sentence"].astype(str), strict=True)),
        rank=ranks.get(theme_id),
    )


def _ranks(priorities: pd.DataFrame) -> dict[str, Rank]:
    rows = priorities[priorities["scope"] == "study"]
    listed = zip(rows["theme_id"], rows["rank"], rows["rank_low"], rows["rank_high"], strict=True)
    return {str(theme_id): Rank(int(rank), int(low), int(high)) for theme_id, rank, low, high in listed}


def _by_size(found: Any) -> tuple[Card, ...]:
    listed: Sequence[Card] = list(found)
    return tuple(sorted(listed, key=lambda card: (-card.n_units, card.label)))
