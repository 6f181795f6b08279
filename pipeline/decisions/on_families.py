"""Families of themes as people renamed them and moved themes between them.

In:   the machine's theme_families, the reviewed themes and theme_members, units, decisions in order
Out:  themes with their reviewed parent_id, and the families that are left, counted again
"""

from dataclasses import dataclass

import pandas as pd

from pipeline.counting import count_families
from pipeline.decisions.on_themes import Replay, text
from pipeline.tables.results import THEMES

FAMILY_ACTIONS = ("rename_family", "move_theme")


@dataclass(frozen=True)
class Families:
    """The reviewed `themes` and `families`; `known` are the ids of the machine's families, whether or not a theme is left in them."""

    themes: pd.DataFrame
    families: pd.DataFrame
    known: frozenset[str]

    @property
    def parents(self) -> dict[str, str | None]:
        """The family of each theme."""
        return {
            str(name): text(parent)
            for name, parent in zip(self.themes["theme_id"], self.themes["parent_id"], strict=True)
        }

    @property
    def labels(self) -> dict[str, str]:
        """The name of each family."""
        return dict(zip(self.families["family_id"], self.families["label"], strict=True))


def review_families(
    families: pd.DataFrame, replay: Replay, units: pd.DataFrame, decisions: pd.DataFrame
) -> Families:
    """Return what `decisions` make of `families`; one whose family or theme is gone changes nothing."""
    known = frozenset(families["family_id"])
    renamed: dict[str, str] = {}
    moved: dict[str, str | None] = {}
    for row in decisions[decisions["action"].isin(FAMILY_ACTIONS)].itertuples(index=False):
        subject, value = text(row.theme_id), text(row.value)
        if row.action == "rename_family" and subject in known and value:
            renamed[str(subject)] = value
        elif row.action == "move_theme" and (value is None or value in known):
            moved[str(subject)] = value
    parents = (
        replay.themes["theme_id"]
        .map(moved)
        .where(replay.themes["theme_id"].isin(moved), replay.themes["parent_id"])
    )
    themes = THEMES.check(replay.themes.assign(parent_id=parents))
    named = families.assign(label=families["family_id"].map(renamed).fillna(families["label"]))
    return Families(themes, count_families(named, themes, replay.members, units), known)
