"""Replay people's decisions over the machine's tables: reviewed tables = machine tables + decisions.

Pure, and safe to run again: replaying over reviewed tables changes nothing. The last decision on a subject wins; decisions on
different subjects may come in any order. A decision whose passage or theme is gone is skipped and counted, never lost: it stays in
the store and applies again when its subject comes back.

In:   units, tags, themes, theme_members of the machine; decisions
Out:  the same tables as reviewed; units as they were
"""

import logging

import pandas as pd

from pipeline.decisions.on_tags import TAG_ACTIONS, review_tags
from pipeline.decisions.on_themes import review_themes

__all__ = ["apply_decisions"]

log = logging.getLogger(__name__)


def apply_decisions(tables: dict[str, pd.DataFrame], decisions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return units, tags, themes and theme_members as people reviewed them."""
    units = tables["units"]
    in_order = decisions.sort_values("decision_id")
    is_on_tags = in_order["action"].isin(TAG_ACTIONS)
    tags, n_tags_skipped = review_tags(tables["tags"], units, in_order[is_on_tags])
    themes, members, n_themes_skipped = review_themes(tables["themes"], tables["theme_members"], units, in_order[~is_on_tags])
    if len(decisions):
        log.info("décisions rejouées : %d, dont sans objet : %d", len(decisions), n_tags_skipped + n_themes_skipped)
    return {"units": units, "tags": tags, "themes": themes, "theme_members": members}
