"""The themes as they stand now: the machine's of the last run, with every decision taken since on top.

Replayed again only when a decision on themes or families has come, so that tagging passages never waits for it.
"""

import threading
from dataclasses import dataclass

import pandas as pd

from pipeline.decisions import apply_decisions
from pipeline.review import state
from pipeline.review.journal import TAG_ACTIONS, Journal
from pipeline.review.snapshot import Snapshot

_lock = threading.Lock()
_held: dict[tuple[str, int], "Themes"] = {}


@dataclass(frozen=True)
class Themes:
    """`themes`, `families` and `members` as reviewed now (tables of the data dictionary); `last_id`, the last decision counted."""

    themes: pd.DataFrame
    families: pd.DataFrame
    members: pd.DataFrame
    last_id: int


def themes() -> Themes:
    """Return the themes of now; the same object until a decision on one of them has come."""
    snapshot, journal = state.snapshot(), state.journal()
    last_id = journal.last_on_themes
    key = (snapshot.run_id, last_id)
    with _lock:
        if key not in _held:
            found = _replayed(snapshot, journal, last_id)
            _held.clear()
            _held[key] = found
        return _held[key]


def _replayed(snapshot: Snapshot, journal: Journal, last_id: int) -> Themes:
    decisions = journal.store.read()
    decisions = decisions[~decisions["action"].isin(TAG_ACTIONS)]
    tables = {
        "units": snapshot.tables["units"],
        "tags": snapshot.machine["tags"].iloc[:0],
        **{name: snapshot.machine[name] for name in ("themes", "theme_families", "theme_members")},
    }
    reviewed = apply_decisions(tables, decisions, axes=state.study().grid.axes)
    return Themes(reviewed["themes"], reviewed["theme_families"], reviewed["theme_members"], last_id)


def labels() -> dict[str, str]:
    """Names of themes and families, those of now, and of the last run's machine for what people merged or rejected."""
    now, snapshot = themes(), state.snapshot()
    named = [(snapshot.machine["themes"], "theme_id"), (snapshot.machine["theme_families"], "family_id")]
    named += [(now.themes, "theme_id"), (now.families, "family_id")]
    return {str(name): str(label) for table, key in named for name, label in zip(table[key], table["label"], strict=True)}
