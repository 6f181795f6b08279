"""Replay people's decisions over the machine's tables: reviewed tables = machine tables + decisions that stand.

Pure, and safe to run again: replaying over reviewed tables changes nothing. The last decision on a subject wins; decisions on
different subjects may come in any order. A decision whose passage or theme is gone is reported as void with its reason, never lost: it
stays in the store and applies again when its subject comes back.

In:   units, tags, themes, theme_families, theme_members of the machine; decisions; decision_grounds
Out:  the same tables as reviewed; units as they were; decision_effects
"""

import logging
from collections.abc import Sequence

import pandas as pd

from pipeline.decisions.effects import APPLIED, Effects
from pipeline.decisions.grounds import decisions_to_review, note_grounds
from pipeline.decisions.on_families import review_families
from pipeline.decisions.on_tags import review_tags
from pipeline.decisions.on_themes import Replay, left_proposals, refused_merges, split_id
from pipeline.decisions.weightings import (
    Weighting,
    saved_weightings,
    weighting_value,
    weights_in_use,
)
from pipeline.grid.codes import STANDARD, Axis
from pipeline.standing import confirmed_units, judgements, standing
from pipeline.tables.material import DECISION_EFFECTS

__all__ = [
    "Weighting",
    "apply_decisions",
    "left_proposals",
    "note_grounds",
    "refused_merges",
    "saved_weightings",
    "split_id",
    "standing",
    "weighting_value",
    "weights_in_use",
]

log = logging.getLogger(__name__)


def apply_decisions(
    tables: dict[str, pd.DataFrame],
    decisions: pd.DataFrame,
    *,
    axes: Sequence[Axis] = tuple(STANDARD.values()),
    grounds: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Return units, tags, themes, theme_families and theme_members as people reviewed them, and decision_effects.

    `axes` are the grid's; a decision on another one is void. `grounds`, decision_grounds, tells what themes held when people decided on
    them: a decision on a theme that became another is not applied, and awaits a review.
    """
    units, said = tables["units"], standing(decisions)
    to_review = (
        {} if grounds is None else decisions_to_review(grounds, tables["theme_members"], units)
    )
    said = said[~said["decision_id"].isin(list(to_review))]
    exclusive = frozenset(axis.axis for axis in axes if axis.is_exclusive)
    judged = judgements(said, tables["tags"])
    known = judged[judged["axis"].isin([axis.axis for axis in axes])]
    tags = review_tags(tables["tags"], units, known, exclusive, confirmed=confirmed_units(said))
    replay = Replay(tables["themes"], tables["theme_members"], units, said)
    reviewed = review_families(tables["theme_families"], replay, units, said)
    effects = DECISION_EFFECTS.build(
        Effects.of(replay, reviewed, tags, axes, said).rows(decisions, to_review)
    )
    if len(decisions):
        log.info(
            "décisions rejouées : %d, dont appliquées : %d",
            len(decisions),
            int((effects["state"] == APPLIED).sum()),
        )
    themes = {
        "themes": reviewed.themes,
        "theme_families": reviewed.families,
        "theme_members": replay.members,
    }
    return {"units": units, "tags": tags, **themes, "decision_effects": effects}
