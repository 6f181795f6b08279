"""Prepare the pages on themes."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from pipeline.counting import sure_tables
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

_AS_COUNTED = (  # columns of themes that a summary has as they are
    *("theme_id", "label", "description", "kind", "is_signed_off"),
    *("n_units", "n_tables_high", "n_workshops"),
)
_SAME_NAME = ("même nom", "Un autre thème porte ce nom.")


@dataclass(frozen=True)
class WorkshopCount:
    """A theme's passages at a workshop, by table or `n_elsewhere` (summaries too).

    `n_tables` are said there surely, `n_tables_high` perhaps, as the report says.
    """

    workshop: dict[str, Any]
    n_units: int
    tables: dict[int, int]
    n_elsewhere: int
    n_tables: int
    n_tables_high: int
    n_workshop_tables: int | None


@dataclass(frozen=True)
class ActorCount:
    """A type of actor: passages, speakers, people present."""

    structure_type: str
    n_units: int
    n_speakers: int
    n_present: int


@dataclass(frozen=True)
class CodeCount:
    """A theme's passages with a code; `share` is 0..1."""

    code: Code
    n_units: int
    share: float


@dataclass(frozen=True)
class ThemeQuote:
    """A quote, who pinned it if anybody, and whether it says a disagreement."""

    unit: Unit
    pinned_by: str
    is_opposed: bool


def workshop_counts(
    unit_ids: Sequence[str], now: Themes, snapshot: Snapshot
) -> list[WorkshopCount]:
    """Return the counts, by territory and date."""
    units: dict[str, list[Unit]] = defaultdict(list)
    for unit_id in unit_ids:
        units[snapshot.units[unit_id].workshop_id].append(snapshot.units[unit_id])
    return [
        _workshop_count(workshop, units[workshop_id], now, snapshot)
        for workshop_id, workshop in snapshot.workshops.items()
        if workshop_id in units
    ]


def _workshop_count(
    workshop: dict[str, Any], units: list[Unit], now: Themes, snapshot: Snapshot
) -> WorkshopCount:
    tables = Counter(
        int(unit.table_number)
        for unit in units
        if unit.table_number is not None and unit.unit_id in snapshot.table_of
    )
    n_tables = workshop["n_tables"]
    return WorkshopCount(
        workshop,
        len(units),
        dict(sorted(tables.items())),
        len(units) - tables.total(),
        n_sure_tables([unit.unit_id for unit in units], now, snapshot),
        snapshot.n_tables(unit.unit_id for unit in units),
        None if n_tables is None else max(int(n_tables), len(tables)),
    )


def n_sure_tables(unit_ids: Iterable[str], now: Themes, snapshot: Snapshot) -> int:
    """Return at how many tables passages of a theme are said, as the report counts them."""
    said = [name for name in unit_ids if name in snapshot.table_of]
    return sure_tables(
        (
            (snapshot.table_of[name], now.probabilities[name], name not in now.to_check)
            for name in said
        ),
        is_exact=all(now.theme_of[name] in now.signed_ids for name in said),
    )


def actor_counts(unit_ids: Sequence[str], snapshot: Snapshot) -> tuple[list[ActorCount], int]:
    """Return the types of actor who spoke or came, and how many passages have a known speaker."""
    people = snapshot.tables["attendance"].dropna(subset=["structure_type"])
    type_of = dict(zip(people["participant_id"], people["structure_type"], strict=True))
    units = [snapshot.units[unit_id] for unit_id in unit_ids]
    speakers = [unit.speaker for unit in units if unit.speaker in type_of]
    n_units = Counter(type_of[name] for name in speakers)
    n_speakers = Counter(type_of[name] for name in set(speakers))
    is_present = people["workshop_id"].isin(list({unit.workshop_id for unit in units}))
    n_present = Counter(
        people.loc[is_present].drop_duplicates(["participant_id"])["structure_type"].astype(str)
    )
    counts = [
        ActorCount(str(name), n_units[name], n_speakers[name], n_present[name])
        for name in {*n_units, *n_present}
    ]
    counts.sort(key=lambda actor: (-actor.n_units, -actor.n_present, actor.structure_type))
    return counts, len(speakers)


def code_profile(
    unit_ids: Sequence[str], snapshot: Snapshot, grid: Grid
) -> list[tuple[Axis, list[CodeCount]]]:
    """Return the passages' codes by axis, the most frequent first."""
    counts = Counter(code for unit_id in unit_ids for code in snapshot.assigned.get(unit_id, ()))
    profile = []
    for axis in grid.axes:
        rows = [
            CodeCount(code, n, n / len(unit_ids))
            for code in grid.axis(axis.axis)
            if (n := counts[(code.axis, code.code)])
        ]
        profile.append((axis, sorted(rows, key=lambda row: -row.n_units)))
    return profile


def theme_quotes(
    theme_id: str, quotes_json: str, now: Themes, snapshot: Snapshot, journal: Journal
) -> list[ThemeQuote]:
    """Return the quotes: pinned, chosen, then opposed ones unless removed."""
    pins = pin_decisions(now.of_theme.get(theme_id, ()), journal)
    rows = snapshot.tables["theme_quotes"]
    is_opposed = (rows["theme_id"] == theme_id) & (rows["role"] == "contraire")
    opposed = rows.loc[is_opposed, "unit_id"].tolist()
    quoted = [str(unit_id) for unit_id in json.loads(quotes_json)] + [
        name
        for name in opposed
        if now.theme_of.get(name) == theme_id and not isinstance(pins.get(name), UnpinQuote)
    ]
    pinned_by = {name: pin.author for name, pin in pins.items() if isinstance(pin, PinQuote)}
    return [
        ThemeQuote(snapshot.units[name], pinned_by.get(name, ""), name in opposed)
        for name in sorted(dict.fromkeys(quoted), key=lambda name: name not in pinned_by)
        if name in snapshot.units
    ]


def pin_decisions(unit_ids: Sequence[str], journal: Journal) -> dict[str, PinQuote | UnpinQuote]:
    """Return the last decision that pins or unpins each passage."""
    wanted = set(unit_ids)
    return {
        str(row.unit_id): row
        for row in journal.active(ThemeDecision)
        if isinstance(row, PinQuote | UnpinQuote) and row.unit_id in wanted
    }


@dataclass(frozen=True)
class PriorityRank:
    """A theme's rank at the last run, and its 90 % interval."""

    rank: int
    low: int
    high: int


@dataclass(frozen=True)
class ThemeSummary:
    """A theme; `flags` are what to check first, `proposals` titles and statements of subjects.

    It is said surely at `n_tables`, perhaps at `n_tables_high`.
    """

    theme_id: str
    label: str
    statement: str
    awaits_name: bool
    proposals: tuple[tuple[str, str], ...]
    description: str
    kind: str
    is_signed_off: bool
    n_units: int
    n_tables: int
    n_tables_high: int
    n_workshops: int
    stability: str
    family_id: str | None
    flags: tuple[tuple[str, str], ...]
    rank: PriorityRank | None


@dataclass(frozen=True)
class FamilySummary:
    """A family's themes, the largest first; a blank id is no family."""

    family_id: str
    label: str
    n_units: int
    n_tables: int
    n_tables_high: int
    n_workshops: int
    cards: tuple[ThemeSummary, ...]


@lru_cache(maxsize=2)  # what is, and what a merger would make
def theme_summaries(now: Themes, snapshot: Snapshot) -> dict[str, ThemeSummary]:
    """Return each theme's summary, by theme_id."""
    priorities = snapshot.tables["priorities"]
    rows = priorities[priorities["scope"] == "study"]
    cells = zip(rows["theme_id"], rows["rank"], rows["rank_low"], rows["rank_high"], strict=True)
    ranks = {str(name): PriorityRank(*map(int, numbers)) for name, *numbers in cells}
    return {
        str(row["theme_id"]): _summary(row, ranks, now, snapshot)
        for row in now.themes.to_dict("records")
    }


def _summary(
    row: dict[Any, Any], ranks: dict[str, PriorityRank], now: Themes, snapshot: Snapshot
) -> ThemeSummary:
    theme_id, flags = str(row["theme_id"]), snapshot.tables["theme_flags"]
    own = flags.loc[flags["theme_id"] == theme_id, ["flag", "sentence"]].astype(str)
    flagged: list[tuple[str, str]] = list(own.itertuples(index=False, name=None))
    if theme_id in now.shared_labels:
        flagged.append(_SAME_NAME)
    return ThemeSummary(
        **{name: row[name] for name in _AS_COUNTED},
        statement="" if pd.isna(row["statement"]) else str(row["statement"]),
        awaits_name=pd.isna(row["subject_id"]) and row["name_source"] != "person",
        proposals=tuple(
            (proposal["title"], proposal["statement"]) for proposal in json.loads(row["proposals"])
        ),
        n_tables=n_sure_tables(now.of_theme.get(theme_id, ()), now, snapshot),
        stability=stability(
            None if pd.isna(row["stability"]) else float(row["stability"]), float(row["unity"])
        ),
        family_id=None if pd.isna(row["parent_id"]) else str(row["parent_id"]),
        flags=tuple(flagged),
        rank=ranks.get(theme_id),
    )


def family_summaries(now: Themes, snapshot: Snapshot) -> list[FamilySummary]:
    """Return the families, the largest first, then themes without family."""
    summaries = theme_summaries(now, snapshot).values()
    families = []
    for row in now.families.to_dict("records"):
        cards = _by_size(theme for theme in summaries if theme.family_id == row["family_id"])
        members = [name for card in cards for name in now.of_theme.get(card.theme_id, ())]
        tables = n_sure_tables(members, now, snapshot), snapshot.n_tables(members)
        counts = int(row["n_units"]), *tables, int(row["n_workshops"])
        families.append(FamilySummary(str(row["family_id"]), str(row["label"]), *counts, cards))
    family_ids = {family.family_id for family in families}
    alone = _by_size(theme for theme in summaries if theme.family_id not in family_ids)
    return [*families, FamilySummary("", "", 0, 0, 0, 0, alone)] if alone else families


def _by_size(summaries: Iterable[ThemeSummary]) -> tuple[ThemeSummary, ...]:
    return tuple(sorted(summaries, key=lambda theme: (-theme.n_units, theme.label)))


def family_labels(now: Themes, snapshot: Snapshot) -> dict[str, str]:
    """Return the families that a theme can join, by name."""
    labels = {
        str(family_id): str(label)
        for table in (snapshot.machine["theme_families"], now.families)
        for family_id, label in zip(table["family_id"], table["label"], strict=True)
    }
    return by_label(labels)


def by_label(labels: dict[str, str]) -> dict[str, str]:
    """Return `labels` in alphabetical order."""
    return dict(sorted(labels.items(), key=lambda entry: fold(entry[1], keep_signs=True)))


_ANSWERS = {"nom": RenameTheme, "description": DescribeTheme}


@dataclass(frozen=True)
class MergeProposal:
    """A proposal that `other_id` joins `theme_id`."""

    theme_id: str
    other_id: str
    sentence: str
    by_model: bool
    quotes: tuple[tuple[str, str], ...] = ()  # unit_id, words


@dataclass(frozen=True)
class WordingProposal:
    """A language model's nom or description."""

    theme_id: str
    subject: str
    value: str
    quotes: tuple[tuple[str, str], ...]


def merge_proposals(now: Themes, snapshot: Snapshot, journal: Journal) -> list[MergeProposal]:
    """Return the open mergers once each, the machine's first."""
    refused = refused_merges(journal.active(ThemeDecision))
    near, asked = snapshot.tables["merge_proposals"], snapshot.tables["theme_proposals"]
    asked = asked[asked["subject"] == "réunion"].fillna({"reason": ""})
    of_machine = near[["theme_id", "other_theme_id", "sentence"]].assign(by_model=False, told="[]")
    of_model = asked[["value", "theme_id", "reason"]].assign(by_model=True, told=asked["quotes"])
    cells = [of_machine.to_numpy(dtype=object), of_model.to_numpy(dtype=object)]
    proposals: dict[frozenset[str], MergeProposal] = {}
    for theme_id, other_id, why, by_model, told in np.concatenate(cells):
        row = MergeProposal(str(theme_id), str(other_id), str(why), by_model, _quotes(told))
        pair = frozenset((row.theme_id, row.other_id))
        if len(pair) == 2 and pair <= now.labels.keys() and pair not in refused:
            proposals.setdefault(pair, row)
    return list(proposals.values())


def wording_proposals(
    now: Themes, snapshot: Snapshot, journal: Journal, *, theme_id: str | None = None
) -> list[WordingProposal]:
    """Return the unanswered wordings, for one theme if given."""
    answered = {
        (row.theme_id, RenameTheme if row.given_name else type(row))
        for row in journal.active(ThemeDecision)
    }
    rows = snapshot.tables["theme_proposals"]
    rows = rows[rows["subject"].isin(list(_ANSWERS)) & rows["theme_id"].isin(list(now.labels))]
    cells = zip(rows["theme_id"], rows["subject"], rows["value"], rows["quotes"], strict=True)
    return [
        WordingProposal(str(name), str(subject), str(value), _quotes(quotes))
        for name, subject, value, quotes in cells
        if (name, _ANSWERS[str(subject)]) not in answered and theme_id in (None, name)
    ]


def _quotes(quotes_json: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(unit_id), str(words)) for unit_id, words in json.loads(str(quotes_json)))
