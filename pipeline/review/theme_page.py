"""One theme as it stands now: who said it where, what it is made of, its quotes.

In:   the themes of now, a snapshot, the journal
Out:  counts by workshop and table, by type of actor, by code; quotes

The themes by family, as a list shows them: how much was said, how sure the group is, what to look at first.

What the machine and a language model propose for themes and nobody answered yet: mergers, names, descriptions.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from pipeline.decisions.themes import (
    DescribeTheme,
    PinQuote,
    RenameTheme,
    ThemeDecision,
    UnpinQuote,
    refused_merges,
)
from pipeline.grid.codes import Axis, Code, Grid
from pipeline.publish.text import stability
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.state import Themes
from pipeline.text import fold


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
            tables = Counter(
                int(unit.table_number) for unit in mine if unit.table_number is not None
            )
            held = workshop["n_tables"]
            n_held = None if held is None else max(int(held), len(tables))
            found.append(
                Said(
                    workshop,
                    len(mine),
                    dict(sorted(tables.items())),
                    len(mine) - tables.total(),
                    n_held,
                )
            )
    return found


def by_actor(unit_ids: Sequence[str], snapshot: Snapshot) -> tuple[list[Actor], int]:
    """Return the types of actor known to say the passages or present where they were said, and how many passages have a known speaker."""
    attendance = snapshot.tables["attendance"]
    known = attendance.dropna(subset=["structure_type"])
    type_of = dict(zip(known["participant_id"], known["structure_type"], strict=True))
    units = [snapshot.units[unit_id] for unit_id in unit_ids]
    speakers = [unit.speaker for unit in units if unit.speaker in type_of]
    said, people = (
        Counter(type_of[name] for name in speakers),
        Counter(type_of[name] for name in set(speakers)),
    )
    is_here = known["workshop_id"].isin(list({unit.workshop_id for unit in units}))
    present = Counter(
        known.loc[is_here].drop_duplicates(["participant_id"])["structure_type"].astype(str)
    )
    listed = [
        Actor(str(name), said[name], people[name], present[name]) for name in {*said, *present}
    ]
    return sorted(
        listed, key=lambda actor: (-actor.n_units, -actor.n_present, actor.structure_type)
    ), len(speakers)


def profile(
    unit_ids: Sequence[str], snapshot: Snapshot, grid: Grid
) -> list[tuple[Axis, list[Bar]]]:
    """Return the codes of the passages on each axis, as reviewed at the last run, the most frequent first."""
    counts = Counter(code for unit_id in unit_ids for code in snapshot.assigned.get(unit_id, ()))
    found = []
    for axis in grid.axes:
        bars = [
            Bar(code, n, n / len(unit_ids))
            for code in grid.axis(axis.axis)
            if (n := counts[(code.axis, code.code)])
        ]
        found.append((axis, sorted(bars, key=lambda bar: -bar.n_units)))
    return found


def quotes(
    theme_id: str, listed: str, now: Themes, snapshot: Snapshot, journal: Journal
) -> list[Quote]:
    """Return the theme's quotes (`listed`, JSON), the pinned first, then the one that says the contrary unless somebody removed it."""
    pins = pins_in(now.of_theme.get(theme_id, ()), journal)
    chosen = [str(unit_id) for unit_id in json.loads(listed)]
    rows = snapshot.tables["theme_quotes"]
    opposed = rows.loc[
        (rows["theme_id"] == theme_id) & (rows["role"] == "contraire"), "unit_id"
    ].tolist()
    left = [
        name
        for name in opposed
        if now.theme_of.get(name) == theme_id and not isinstance(pins.get(name), UnpinQuote)
    ]
    order = sorted(
        dict.fromkeys([*chosen, *left]), key=lambda name: not isinstance(pins.get(name), PinQuote)
    )
    return [
        Quote(snapshot.units[name], _pinner(pins.get(name)), name in opposed)
        for name in order
        if name in snapshot.units
    ]


def pins_in(unit_ids: Sequence[str], journal: Journal) -> dict[str, PinQuote | UnpinQuote]:
    """The last decision that pins or unpins each of `unit_ids` as a quote, where there is one."""
    wanted = set(unit_ids)
    return {
        str(row.unit_id): row
        for row in journal.active(ThemeDecision)
        if isinstance(row, PinQuote | UnpinQuote) and row.unit_id in wanted
    }


def _pinner(row: PinQuote | UnpinQuote | None) -> str:
    return row.author if isinstance(row, PinQuote) else ""


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
    rows = [
        {str(name): cell for name, cell in row.items()} for row in now.themes.to_dict("records")
    ]
    return {str(row["theme_id"]): _card(row, ranks, flags) for row in rows}


def families(now: Themes, snapshot: Snapshot) -> list[Family]:
    """Return the families that hold a theme, the largest first, then the themes that have none."""
    listed = list(cards(now, snapshot).values())
    found = []
    for row in now.families.to_dict("records"):
        mine = _by_size(card for card in listed if card.family_id == row["family_id"])
        n_units, n_tables, n_workshops = (
            int(row[name]) for name in ("n_units", "n_tables", "n_workshops")
        )
        found.append(
            Family(str(row["family_id"]), str(row["label"]), n_units, n_tables, n_workshops, mine)
        )
    known = {family.family_id for family in found}
    alone = _by_size(card for card in listed if card.family_id not in known)
    return [*found, Family("", "", 0, 0, 0, alone)] if alone else found


def family_labels(now: Themes, snapshot: Snapshot) -> dict[str, str]:
    """The families that a theme can be put in, those of the machine, under their names of now, in order of name."""
    machine = snapshot.machine["theme_families"]
    named = {
        str(name): str(label)
        for name, label in zip(machine["family_id"], machine["label"], strict=True)
    }
    named |= {
        str(name): str(label)
        for name, label in zip(now.families["family_id"], now.families["label"], strict=True)
    }
    return dict(sorted(named.items(), key=lambda entry: fold(entry[1], keep_signs=True)))


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
    return {
        str(theme_id): Rank(int(rank), int(low), int(high)) for theme_id, rank, low, high in listed
    }


def _by_size(found: Any) -> tuple[Card, ...]:
    listed: Sequence[Card] = list(found)
    return tuple(sorted(listed, key=lambda card: (-card.n_units, card.label)))


_ANSWERS = {"nom": RenameTheme, "description": DescribeTheme}


@dataclass(frozen=True)
class Merger:
    """Two themes that may be one: `other_id` would join `theme_id`; `by_model` where a language model says so, with its words."""

    theme_id: str
    other_id: str
    sentence: str
    by_model: bool
    quotes: tuple[tuple[str, str], ...] = ()  # unit_id, words


@dataclass(frozen=True)
class Wording:
    """A name or a description that a language model proposes; `subject` is nom or description."""

    theme_id: str
    subject: str
    value: str
    quotes: tuple[tuple[str, str], ...]


def mergers(now: Themes, snapshot: Snapshot, journal: Journal) -> list[Merger]:
    """Return the mergers whose two themes are left and that nobody refused, the machine's first; a pair that both propose comes once."""
    answered = refused_merges(journal.active(ThemeDecision))
    found: dict[frozenset[str], Merger] = {}
    for row in (*_of_machine(snapshot), *_of_model(snapshot)):
        pair = frozenset((row.theme_id, row.other_id))
        if len(pair) == 2 and pair <= now.labels.keys() and pair not in answered:
            found.setdefault(pair, row)
    return list(found.values())


def wordings(
    now: Themes, snapshot: Snapshot, journal: Journal, *, theme_id: str | None = None
) -> list[Wording]:
    """Return the names and descriptions proposed for themes that are left, or for one, and that nobody named or described since."""
    answered = {(row.theme_id, type(row)) for row in journal.active(ThemeDecision)}
    rows = snapshot.tables["theme_proposals"]
    listed = rows[rows["subject"].isin(list(_ANSWERS)) & (rows["theme_id"].isin(list(now.labels)))]
    return [
        Wording(str(name), str(subject), str(value), _quotes(str(quotes)))
        for name, subject, value, quotes in zip(
            listed["theme_id"], listed["subject"], listed["value"], listed["quotes"], strict=True
        )
        if (name, _ANSWERS[str(subject)]) not in answered and theme_id in (None, name)
    ]


def _of_machine(snapshot: Snapshot) -> list[Merger]:
    rows = snapshot.tables["merge_proposals"]
    listed = zip(rows["theme_id"], rows["other_theme_id"], rows["sentence"], strict=True)
    return [
        Merger(str(theme_id), str(other), str(sentence), by_model=False)
        for theme_id, other, sentence in listed
    ]


def _of_model(snapshot: Snapshot) -> list[Merger]:
    rows = snapshot.tables["theme_proposals"]
    rows = rows[rows["subject"] == "réunion"]
    listed = zip(
        rows["theme_id"], rows["value"], rows["reason"].fillna(""), rows["quotes"], strict=True
    )
    return [
        Merger(str(value), str(name), str(reason), by_model=True, quotes=_quotes(str(quotes)))
        for name, value, reason, quotes in listed
    ]


def _quotes(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(unit_id), str(words)) for unit_id, words in json.loads(text))
