"""One theme as it stands now: who said it where, what it is made of, its quotes.

In:   the themes of now, a snapshot, the journal
Out:  counts by workshop and table, by type of actor, by code; quotes
"""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.grid import Axis, Code, Grid
from pipeline.review.journal import Decision, Journal
from pipeline.review.live import Themes
from pipeline.review.snapshot import Snapshot, Unit

_PINS = frozenset(("pin_quote", "unpin_quote"))


@dataclass(frozen=True)
class Said:
    """How much of a theme was said at a workshop: `tables` number → passages; `n_elsewhere`, without table; `n_held`, tables held."""

    workshop: dict[str, Any]
    n_units: int
    tables: dict[int, int]
    n_elsewhere: int
    n_held: int | None


@dataclass(frozen=True)
class Actor:
    """A type of actor: passages and people known to say the theme, and people of it in the room where it was said."""

    structure_type: str
    n_units: int
    n_speakers: int
    n_present: int


@dataclass(frozen=True)
class Bar:
    """How many passages of a theme bear a code; `share` of them, 0..1."""

    code: Code
    n_units: int
    share: float


@dataclass(frozen=True)
class Quote:
    """A quote of a theme; `pinned_by` whoever pinned it, `is_opposed` where it says the contrary of most."""

    unit: Unit
    pinned_by: str
    is_opposed: bool


def by_workshop(unit_ids: Sequence[str], snapshot: Snapshot) -> list[Said]:
    """Return where the passages were said, workshops in order of territory and date."""
    units: dict[str, list[Unit]] = defaultdict(list)
    for unit_id in unit_ids:
        units[snapshot.units[unit_id].workshop_id].append(snapshot.units[unit_id])
    found = []
    for workshop_id, workshop in snapshot.workshops.items():
        if mine := units.get(workshop_id):
            tables = Counter(int(unit.table_number) for unit in mine if unit.table_number is not None)
            held = workshop["n_tables"]
            n_held = None if held is None else max(int(held), len(tables))
            found.append(Said(workshop, len(mine), dict(sorted(tables.items())), len(mine) - tables.total(), n_held))
    return found


def by_actor(unit_ids: Sequence[str], snapshot: Snapshot) -> tuple[list[Actor], int]:
    """Return the types of actor known to say the passages or present where they were said, and how many passages have a known speaker."""
    attendance = snapshot.tables["attendance"]
    known = attendance.dropna(subset=["structure_type"])
    type_of = dict(zip(known["participant_id"], known["structure_type"], strict=True))
    units = [snapshot.units[unit_id] for unit_id in unit_ids]
    speakers = [unit.speaker for unit in units if unit.speaker in type_of]
    said, people = Counter(type_of[name] for name in speakers), Counter(type_of[name] for name in set(speakers))
    is_here = known["workshop_id"].isin(list({unit.workshop_id for unit in units}))
    present = Counter(known.loc[is_here].drop_duplicates(["participant_id"])["structure_type"].astype(str))
    listed = [Actor(str(name), said[name], people[name], present[name]) for name in {*said, *present}]
    return sorted(listed, key=lambda actor: (-actor.n_units, -actor.n_present, actor.structure_type)), len(speakers)


def profile(unit_ids: Sequence[str], snapshot: Snapshot, grid: Grid) -> list[tuple[Axis, list[Bar]]]:
    """Return the codes of the passages on each axis, as reviewed at the last run, the most frequent first."""
    counts = Counter(code for unit_id in unit_ids for code in snapshot.assigned.get(unit_id, ()))
    found = []
    for axis in grid.axes:
        bars = [Bar(code, n, n / len(unit_ids)) for code in grid.axis(axis.axis) if (n := counts[(code.axis, code.code)])]
        found.append((axis, sorted(bars, key=lambda bar: -bar.n_units)))
    return found


def quotes(theme_id: str, listed: str, now: Themes, snapshot: Snapshot, journal: Journal) -> list[Quote]:
    """Return the theme's quotes (`listed`, JSON), the pinned first, then the one that says the contrary unless somebody removed it."""
    pins = pins_in(now.of_theme.get(theme_id, ()), journal)
    chosen = [str(unit_id) for unit_id in json.loads(listed)]
    rows = snapshot.tables["theme_quotes"]
    opposed = rows.loc[(rows["theme_id"] == theme_id) & (rows["role"] == "contraire"), "unit_id"].tolist()
    left = [name for name in opposed if now.theme_of.get(name) == theme_id and not _is_removed(pins.get(name))]
    order = sorted(dict.fromkeys([*chosen, *left]), key=lambda name: not _is_pinned(pins.get(name)))
    return [Quote(snapshot.units[name], _pinner(pins.get(name)), name in opposed) for name in order if name in snapshot.units]


def pins_in(unit_ids: Sequence[str], journal: Journal) -> dict[str, Decision]:
    """The last decision that pins or unpins each of `unit_ids` as a quote, where there is one."""
    wanted = set(unit_ids)
    return {str(row.unit_id): row for row in journal.standing(_PINS) if row.unit_id in wanted}


def _is_pinned(row: Decision | None) -> bool:
    return row is not None and row.action == "pin_quote"


def _is_removed(row: Decision | None) -> bool:
    return row is not None and row.action == "unpin_quote"


def _pinner(row: Decision | None) -> str:
    return row.author if row is not None and row.action == "pin_quote" else ""
