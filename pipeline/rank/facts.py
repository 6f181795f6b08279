"""What each themed passage counts for: where it was said, by whom, as a need, an answer or a lever, how gravely, how insistently.

In:   units, tags, themes, theme_members, circles, attendance
Out:  facts   one row a unit with a theme: workshop_id, circle_id, theme_id, is_table, is_said, is_away, is_summary, actor_type (blank
              where unknown), is_need, is_answer, is_lever, is_severe, emphasis (0, 0.5, 1)
"""

import pandas as pd

from pipeline.counting import Circles
from pipeline.grid import POSTURE, RUBRIQUE, Grid
from pipeline.rank.cues import load_cues
from pipeline.rank.insistence import insisting

_NEED = frozenset({"difficulte", "demande"})
_ANSWER_POSTURE, _ANSWER_RUBRIQUE = "force", "offre"
_LEVER_POSTURE, _LEVER_RUBRIQUES = "proposition", frozenset({"opportunites", "partenariats.developpement"})
READ_CODES = {  # what tells each fact, by axis; a grid that has none of them tells nothing of it
    "is_need": {POSTURE: _NEED},
    "is_answer": {POSTURE: frozenset({_ANSWER_POSTURE}), RUBRIQUE: frozenset({_ANSWER_RUBRIQUE})},
    "is_lever": {POSTURE: frozenset({_LEVER_POSTURE}), RUBRIQUE: _LEVER_RUBRIQUES},
}
_NO_LEVER_POSTURE = "difficulte"  # a partnership that is missed
_BROUGHT_UP, _INSISTED = 0.5, 1.0


def facts_of(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    circles: Circles,
    attendance: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row a unit that belongs to a known theme, sorted by unit_id."""
    members = theme_members[theme_members["theme_id"].isin(themes["theme_id"])]
    facts = (
        members[["unit_id", "theme_id"]]
        .merge(units[["unit_id", "document_id", "speaker", "text"]], on="unit_id", validate="one_to_one")
        .merge(circles.of_unit, on="unit_id", validate="one_to_one")
        .sort_values("unit_id", ignore_index=True)
    )
    facts["circle_id"] = facts["circle_id"].where(~(facts["is_away"] & facts["speaker"].notna()), _person(facts))
    facts["actor_type"] = _actor_types(facts, attendance)
    facts = _with_stances(facts, tags)
    insists = insisting(facts)
    facts["is_severe"] = facts["is_said"] & (insists | facts["text"].map(load_cues("gravite").are_in).astype(bool))
    facts["emphasis"] = facts["is_summary"] * (_BROUGHT_UP + insists * (_INSISTED - _BROUGHT_UP))
    return facts.drop(columns=["text", "document_id", "speaker"])


def untold_facts(grid: Grid) -> frozenset[str]:
    """The facts of `READ_CODES` that no code of `grid` tells."""
    known = {(code.axis, code.code) for code in grid.codes}
    return frozenset(
        fact for fact, read in READ_CODES.items() if not any((axis, code) in known for axis, codes in read.items() for code in codes)
    )


def _person(facts: pd.DataFrame) -> pd.Series:
    """Whoever writes twice after a workshop is one voice."""
    return facts["workshop_id"].astype(str) + "|" + facts["speaker"].astype("string").fillna("")


def _actor_types(facts: pd.DataFrame, attendance: pd.DataFrame) -> pd.Series:
    """Type of the structure that the speaker came for; the first by name where it came for several."""
    known = attendance.dropna(subset=["structure_type"]).sort_values(["participant_id", "structure_type"])
    of_person = known.drop_duplicates("participant_id").set_index("participant_id")["structure_type"]
    return facts["speaker"].map(of_person)


def _with_stances(facts: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """`facts` with is_need, is_answer and is_lever, all of them at a table during the questions."""
    posture = facts["unit_id"].map(_postures(tags)).astype(object)
    rubriques = tags[(tags["axis"] == RUBRIQUE) & tags["is_assigned"].astype(bool)]
    is_offer = facts["unit_id"].isin(rubriques.loc[rubriques["code"] == _ANSWER_RUBRIQUE, "unit_id"])
    is_chance = facts["unit_id"].isin(rubriques.loc[rubriques["code"].isin(_LEVER_RUBRIQUES), "unit_id"])
    is_need, said = posture.isin(_NEED), facts["is_said"]
    return facts.assign(
        is_need=is_need & said,
        is_answer=((posture == _ANSWER_POSTURE) | is_offer) & ~is_need & said,
        is_lever=((posture == _LEVER_POSTURE) | (is_chance & (posture != _NO_LEVER_POSTURE))) & said,
    )


def _postures(tags: pd.DataFrame) -> pd.Series:
    """The posture of each unit that has one, by unit_id: a person's before the machine's."""
    postures = tags[(tags["axis"] == POSTURE) & tags["is_assigned"].astype(bool)].sort_values(["unit_id", "source", "code"])
    return postures.drop_duplicates("unit_id", keep="last").set_index("unit_id")["code"]
