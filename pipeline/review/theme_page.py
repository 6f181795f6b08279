"""Prepare the pages on themes."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from pipeline.counting import Told, estimate_tables, n_counted, sure_tables
from pipeline.decisions.themes import (
    DescribeTheme,
    PinQuote,
    RenameTheme,
    ThemeDecision,
    UnpinQuote,
    refused_merges,
)
from pipeline.grid.codes import Axis, Grid
from pipeline.publish.text import stability
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.state import Themes
from pipeline.text import fold

ThemeSummary = dict[Any, Any]  # a row of themes, with what a card shows beside
_RANK = ["rank", "rank_low", "rank_high"]
_SAME_NAME = ("même nom", "Un autre thème porte ce nom.")


def workshop_counts(theme_id: str, now: Themes, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return a theme's passages at each workshop, by territory and date.

    They are counted by table or `n_elsewhere` (summaries too); it is said there at
    `n_tables_expected`, between `n_tables_low` and `n_tables_high`, as the report says.
    """
    units: dict[str, list[Unit]] = defaultdict(list)
    for unit_id in now.of_theme.get(theme_id, ()):
        units[snapshot.units[unit_id].workshop_id].append(snapshot.units[unit_id])
    said: dict[str, list[Told]] = defaultdict(list)
    for unit_id, probability, counts in now.said.get(theme_id, ()):
        if circle_id := snapshot.table_of.get(unit_id):
            workshop_id = snapshot.units[unit_id].workshop_id
            said[workshop_id].append((circle_id, probability, counts))
    is_exact = theme_id in now.signed_ids
    return [
        _workshop_count(workshop, units[workshop_id], said[workshop_id], snapshot)
        | {"is_signed_off": is_exact}
        for workshop_id, workshop in snapshot.workshops.items()
        if workshop_id in units
    ]


def _workshop_count(
    workshop: dict[str, Any],
    units: list[Unit],
    said: list[Told],
    snapshot: Snapshot,
) -> dict[str, Any]:
    tables = Counter(
        int(unit.table_number)
        for unit in units
        if unit.table_number is not None and unit.unit_id in snapshot.table_of
    )
    n_tables = workshop["n_tables"]
    about = estimate_tables(said, snapshot.n_heard[workshop["workshop_id"]])
    return {
        "workshop": workshop,
        "n_units": len(units),
        "tables": dict(sorted(tables.items())),
        "n_elsewhere": len(units) - tables.total(),
        "n_tables": n_counted(said),
        "n_tables_expected": about.expected,
        "n_tables_low": about.low,
        "n_tables_high": about.high,
        "n_workshop_tables": None if n_tables is None else max(int(n_tables), len(tables)),
    }


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


def actor_counts(unit_ids: Sequence[str], snapshot: Snapshot) -> tuple[list[dict[str, Any]], int]:
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
    columns = {"n_units": n_units, "n_speakers": n_speakers, "n_present": n_present}
    names = sorted(
        {*n_units, *n_present}, key=lambda name: (-n_units[name], -n_present[name], str(name))
    )
    counts = [
        {"structure_type": name} | {column: counted[name] for column, counted in columns.items()}
        for name in names
    ]
    return counts, len(speakers)


def code_profile(
    unit_ids: Sequence[str], snapshot: Snapshot, grid: Grid
) -> list[tuple[Axis, list[dict[str, Any]]]]:
    """Return the passages' codes by axis, the most frequent first; `share` is 0..1."""
    counts = Counter(code for unit_id in unit_ids for code in snapshot.assigned.get(unit_id, ()))
    profile = []
    for axis in grid.axes:
        rows: list[dict[str, Any]] = [
            {"code": code, "n_units": n, "share": n / len(unit_ids)}
            for code in grid.axis(axis.axis)
            if (n := counts[(code.axis, code.code)])
        ]
        profile.append((axis, sorted(rows, key=lambda row: -row["n_units"])))
    return profile


def theme_quotes(
    theme_id: str, quotes_json: str, now: Themes, snapshot: Snapshot, journal: Journal
) -> list[dict[str, Any]]:
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
        {
            "unit": snapshot.units[name],
            "pinned_by": pinned_by.get(name, ""),
            "is_opposed": name in opposed,
        }
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


@lru_cache(maxsize=2)  # what is, and what a merger would make
def theme_summaries(now: Themes, snapshot: Snapshot) -> dict[str, ThemeSummary]:
    """Return each theme's row by theme_id, with what is to be checked first in its `flags`.

    It is said at about `n_tables_expected`, surely at `n_tables`; `proposals` are titles and
    statements of subjects, `rank` the row of the last run's priorities.
    """
    priorities = snapshot.tables["priorities"]
    rows = priorities[priorities["scope"] == "study"].astype(dict.fromkeys(_RANK, int))
    ranks = rows.set_index("theme_id")[_RANK].to_dict("index")
    return {
        str(row["theme_id"]): _summary(row, now, snapshot) | {"rank": ranks.get(row["theme_id"])}
        for row in now.themes.to_dict("records")
    }


def _summary(row: ThemeSummary, now: Themes, snapshot: Snapshot) -> ThemeSummary:
    theme_id, flags = row["theme_id"], snapshot.tables["theme_flags"]
    own = flags.loc[flags["theme_id"] == theme_id, ["flag", "sentence"]].astype(str)
    flagged: list[tuple[str, str]] = list(own.itertuples(index=False, name=None))
    if theme_id in now.shared_labels:
        flagged.append(_SAME_NAME)
    return row | {
        "statement": "" if pd.isna(row["statement"]) else row["statement"],
        "awaits_name": pd.isna(row["subject_id"]) and row["name_source"] != "person",
        "proposals": [
            (proposal["title"], proposal["statement"]) for proposal in json.loads(row["proposals"])
        ],
        "n_tables": n_sure_tables(now.of_theme.get(theme_id, ()), now, snapshot),
        "stability": stability(
            None if pd.isna(row["stability"]) else float(row["stability"]), float(row["unity"])
        ),
        "family_id": None if pd.isna(row["parent_id"]) else row["parent_id"],
        "flags": flagged,
    }


def family_summaries(now: Themes, snapshot: Snapshot) -> list[dict[Any, Any]]:
    """Return the families with their `cards`, the largest first, then themes without family."""
    summaries = theme_summaries(now, snapshot).values()
    families = []
    for row in now.families.to_dict("records"):
        cards = _by_size(theme for theme in summaries if theme["family_id"] == row["family_id"])
        members = [name for card in cards for name in now.of_theme.get(card["theme_id"], ())]
        n_high = snapshot.n_tables(members)
        tables = {"n_tables": n_sure_tables(members, now, snapshot), "n_tables_high": n_high}
        families.append(row | tables | {"cards": cards})
    family_ids = {family["family_id"] for family in families}
    alone = _by_size(theme for theme in summaries if theme["family_id"] not in family_ids)
    return [*families, {"family_id": "", "cards": alone}] if alone else families


def _by_size(summaries: Iterable[ThemeSummary]) -> list[ThemeSummary]:
    return sorted(summaries, key=lambda theme: (-theme["n_units"], theme["label"]))


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


_MERGER = ["theme_id", "other_id", "sentence", "by_model", "quotes"]
_ANSWERS = {"nom": RenameTheme, "description": DescribeTheme}


def merge_proposals(now: Themes, snapshot: Snapshot, journal: Journal) -> list[dict[str, Any]]:
    """Return the open mergers of `theme_id` and `other_id` once each, the machine's first."""
    refused = refused_merges(journal.active(ThemeDecision))
    near, asked = snapshot.tables["merge_proposals"], snapshot.tables["theme_proposals"]
    asked = asked[asked["subject"] == "réunion"].fillna({"reason": ""})
    of_machine = near[["theme_id", "other_theme_id", "sentence"]].assign(by=False, told="[]")
    of_model = asked[["value", "theme_id", "reason"]].assign(by=True, told=asked["quotes"])
    tables = (table.set_axis(_MERGER, axis=1) for table in (of_machine, of_model))
    proposals: dict[frozenset[str], dict[str, Any]] = {}
    for row in (row for table in tables for row in table.to_dict("records")):
        pair = frozenset((row["theme_id"], row["other_id"]))
        if len(pair) == 2 and pair <= now.labels.keys() and pair not in refused:
            proposals.setdefault(pair, _with_quotes(row))
    return list(proposals.values())


def wording_proposals(
    now: Themes, snapshot: Snapshot, journal: Journal, *, theme_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the language model's unanswered wordings, for one theme if given."""
    answered = {
        (row.theme_id, RenameTheme if row.given_name else type(row))
        for row in journal.active(ThemeDecision)
    }
    rows = snapshot.tables["theme_proposals"]
    rows = rows[rows["subject"].isin(list(_ANSWERS)) & rows["theme_id"].isin(list(now.labels))]
    return [
        _with_quotes(row)
        for row in rows.to_dict("records")
        if (row["theme_id"], _ANSWERS[row["subject"]]) not in answered
        and theme_id in (None, row["theme_id"])
    ]


def _with_quotes(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row with its quotes read: pairs of a unit_id and words."""
    return row | {"quotes": json.loads(row["quotes"])}
