"""What each themed passage counts for: where it was said, as a need or a proposal, and how much people insist.

In:   units, tags, themes, theme_members, circles
Out:  facts   one row a unit with a theme: workshop_id, circle_id, theme_id, question, is_table, is_said, is_need, is_proposal, emphasis
"""

import pandas as pd

from pipeline.counting import Circles
from pipeline.rank.insistence import insisting

_NEED = {"difficulte", "demande"}
_PROPOSAL = {"proposition"}
_BROUGHT_UP, _INSISTED = 0.5, 1.0


def facts_of(units: pd.DataFrame, tags: pd.DataFrame, themes: pd.DataFrame, theme_members: pd.DataFrame, circles: Circles) -> pd.DataFrame:
    """Return one row a unit that belongs to a known theme, sorted by unit_id."""
    members = theme_members[theme_members["theme_id"].isin(themes["theme_id"])]
    facts = (
        members[["unit_id", "theme_id"]]
        .merge(units[["unit_id", "document_id", "question", "text"]], on="unit_id", validate="one_to_one")
        .merge(circles.of_unit, on="unit_id", validate="one_to_one")
        .merge(_postures(tags), on="unit_id", how="left", validate="one_to_one")
        .sort_values("unit_id", ignore_index=True)
    )
    facts["is_need"] = facts["posture"].isin(_NEED) & facts["is_said"]
    facts["is_proposal"] = facts["posture"].isin(_PROPOSAL) & facts["is_said"]
    facts["emphasis"] = _emphasis(facts)
    return facts.drop(columns=["text", "document_id", "posture"])


def _postures(tags: pd.DataFrame) -> pd.DataFrame:
    """The posture of each unit that has one: a person's before the machine's."""
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"]].sort_values(["unit_id", "source", "code"])
    latest = postures.drop_duplicates("unit_id", keep="last")
    return latest[["unit_id", "code"]].rename(columns={"code": "posture"})


def _emphasis(facts: pd.DataFrame) -> pd.Series:
    """0 at a table; 0.5 in a summary, a mail or a call, or with insistence at a table; 1 in a summary, mail or call that insists."""
    is_apart = facts["is_summary"] | facts["is_away"]
    return is_apart * _BROUGHT_UP + insisting(facts) * (_INSISTED - _BROUGHT_UP)
