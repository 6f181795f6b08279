"""The themes as they stand now: the machine's of the last run, with every decision taken since on top.

Replayed again only when a decision on themes or families has come, so that tagging passages never waits for it.
"""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from pipeline.decisions.on_families import review_families
from pipeline.decisions.on_themes import Replay
from pipeline.review import state
from pipeline.review.journal import TAG_ACTIONS, Journal
from pipeline.review.snapshot import Snapshot
from pipeline.standing import standing

_lock = threading.Lock()
_held: dict[tuple[str, Journal, int], "Themes"] = {}


@dataclass(frozen=True, eq=False)
class Themes:
    """`themes`, `families` and `members` as reviewed now (tables of the data dictionary); `last_id`, the last decision counted."""

    themes: pd.DataFrame
    families: pd.DataFrame
    members: pd.DataFrame
    last_id: int
    named: dict[str, str] = field(
        default_factory=dict
    )  # what people called themes and families, those that are gone too

    @cached_property
    def theme_of(self) -> dict[str, str]:
        """The theme of each passage that has one."""
        return dict(
            zip(self.members["unit_id"].tolist(), self.members["theme_id"].tolist(), strict=True)
        )

    @cached_property
    def of_theme(self) -> dict[str, tuple[str, ...]]:
        """The passages of each theme, those that people put there and then the most central first."""
        rows = self.members.sort_values(
            ["strength", "unit_id"], ascending=[False, True], kind="stable"
        )
        found: dict[str, list[str]] = defaultdict(list)
        for unit_id, theme_id in zip(
            rows["unit_id"].tolist(), rows["theme_id"].tolist(), strict=True
        ):
            found[theme_id].append(unit_id)
        return {theme_id: tuple(unit_ids) for theme_id, unit_ids in found.items()}

    @cached_property
    def labels(self) -> dict[str, str]:
        """The name of each theme, in the order of the table."""
        return dict(
            zip(self.themes["theme_id"].tolist(), self.themes["label"].tolist(), strict=True)
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of themes and families."""
        return self.labels | dict(
            zip(self.families["family_id"].tolist(), self.families["label"].tolist(), strict=True)
        )


def themes() -> Themes:
    """Return the themes of now; the same object until a decision on one of them has come."""
    return _at(state.snapshot(), state.journal())


def _at(snapshot: Snapshot, journal: Journal) -> Themes:
    last_id = journal.last_on_themes
    key = (snapshot.run_id, journal, last_id)  # the journal is another once somebody was forgotten
    with _lock:
        if key not in _held:
            found = _replayed(snapshot, journal, last_id)
            _held.clear()
            _held[key] = found
        return _held[key]


def _replayed(snapshot: Snapshot, journal: Journal, last_id: int) -> Themes:
    decisions = journal.store.read()
    said = standing(decisions[~decisions["action"].isin(TAG_ACTIONS)])
    said = said[~said["decision_id"].isin(list(snapshot.to_review))]
    machine, units = snapshot.machine, snapshot.places
    replay = Replay(machine["themes"], machine["theme_members"], units, said)
    reviewed = review_families(machine["theme_families"], replay, units, said)
    renamed = said[
        said["action"].isin(("rename_theme", "rename_family"))
        & said["theme_id"].notna()
        & said["value"].notna()
    ]
    named = dict(zip(renamed["theme_id"].tolist(), renamed["value"].tolist(), strict=True))
    return Themes(reviewed.themes, reviewed.families, replay.members, last_id, named)


def labels() -> dict[str, str]:
    """Names of themes and families, those that the page shows and, for what people merged or rejected, the last that they had."""
    snapshot = state.snapshot()
    now = _at(snapshot, state.journal_of_page())
    return {**snapshot.theme_names, **now.named, **now.names}
