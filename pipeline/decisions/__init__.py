"""Replay people's decisions over the machine's tables: reviewed tables = machine tables + decisions.

Pure, and safe to run again: replaying over reviewed tables changes nothing. The last decision on a subject wins; decisions on
different subjects may come in any order. A decision whose passage or theme is gone is reported as void with its reason, never lost: it
stays in the store and applies again when its subject comes back.

In:   units, tags, themes, theme_families, theme_members of the machine; decisions
Out:  the same tables as reviewed; units as they were; decision_effects
"""

import logging
from collections.abc import Sequence

import pandas as pd

from pipeline.decisions.effects import APPLIED, Effects
from pipeline.decisions.on_families import review_families
from pipeline.decisions.on_tags import TAG_ACTIONS, review_tags
from pipeline.decisions.on_themes import Replay, split_id
from pipeline.grid import STANDARD, Axis
from pipeline.tables import DECISION_EFFECTS

__all__ = ["apply_decisions", "split_id"]

log = logging.getLogger(__name__)


def apply_decisions(
    tables: dict[str, pd.DataFrame], decisions: pd.DataFrame, *, axes: Sequence[Axis] = tuple(STANDARD.values())
) -> dict[str, pd.DataFrame]:
    """Return units, tags, themes, theme_families and theme_members as people reviewed them, and decision_effects.

    `axes` are the grid's; a decision on another one is void.
    """
    units = tables["units"]
    in_order = decisions.sort_values("decision_id")
    is_on_tags = in_order["action"].isin(TAG_ACTIONS)
    exclusive = frozenset(axis.axis for axis in axes if axis.is_exclusive)
    is_known = in_order["axis"].isin([axis.axis for axis in axes])
    tags = review_tags(tables["tags"], units, in_order[is_on_tags & is_known], exclusive)
    replay = Replay(tables["themes"], tables["theme_members"], units, in_order[~is_on_tags])
    reviewed = review_families(tables["theme_families"], replay, units, in_order)
    effects = DECISION_EFFECTS.build(Effects.of(replay, reviewed, tags, axes).rows(in_order))
    if len(decisions):
        log.info("décisions rejouées : %d, dont appliquées : %d", len(decisions), int((effects["state"] == APPLIED).sum()))
    themes = {"themes": reviewed.themes, "theme_families": reviewed.families, "theme_members": replay.members}
    return {"units": units, "tags": tags, **themes, "decision_effects": effects}
