"""Why a theme ranks where it does, as a sentence that can be checked against the notes.

In:   the theme's passages in a scope, all passages of the scope, how far each criterion lifts it above the scope's other themes
Out:  a sentence in French
"""

from collections.abc import Mapping

import pandas as pd

from pipeline.counting import WORLD_CAFE
from pipeline.publish.report.passages import Passages
from pipeline.publish.text import capitalised, count, joined, sentence

_NEED, _PROPOSAL = ("difficulte", "demande"), ("proposition",)
_N_REASONS = 3  # after where it was said


def reasons(
    members: pd.DataFrame, heard: pd.DataFrame, passages: Passages, of_tables: int, of_workshops: int, lifts: Mapping[str, float]
) -> str:
    """Return where it was said, then the criteria that lift it above the average theme, strongest first; `lifts` by criterion's column."""
    said = [_said(members, of_tables)]
    if of_workshops > 1:
        said.append(sentence("raisons.workshops", n=count(members["workshop_id"].nunique(), "atelier"), total=of_workshops))
    postures = passages.tags[passages.tags["axis"] == "posture"].set_index("unit_id")["code"]
    members = members.assign(posture=members["unit_id"].map(postures[~postures.index.duplicated()]))
    worded = {
        "c_questions": _questions(members, heard),
        "c_insistence": _insistence(members),
        "c_need": _need(members),
        "c_proposals": _proposals(members),
    }
    above = sorted((name for name in worded if worded[name] and lifts.get(name, 0.0) > 0), key=lambda name: -lifts[name])
    return capitalised(" ; ".join([joined(said), *(worded[name] for name in above[:_N_REASONS])]).replace(" ;", "\u202f;")) + "."


def _said(members: pd.DataFrame, of_tables: int) -> str:
    n_tables = members.loc[members["is_said"], "circle_id"].nunique()
    return sentence("raisons.tables", n=count(n_tables, "table"), total=of_tables) if n_tables else sentence("raisons.aucune_table")


def _questions(members: pd.DataFrame, heard: pd.DataFrame) -> str:
    asked = set(heard["question"].dropna()) & set(WORLD_CAFE)
    n_questions = len(set(members["question"].dropna()) & asked)
    return sentence("raisons.questions", n=count(n_questions, "question"), total=len(asked)) if n_questions else ""


def _insistence(members: pd.DataFrame) -> str:
    summaries = members[members["is_summary"]]
    n_tables = summaries.loc[summaries["is_table"], "circle_id"].nunique()
    n_away = members.loc[members["is_away"], "circle_id"].nunique()
    parts = [sentence("raisons.insistence_tables", n=count(n_tables, "rapporteur"))] if n_tables else []
    if len(summaries) and not n_tables:
        parts.append(sentence("raisons.insistence_restitution"))
    if n_away:
        parts.append(sentence("raisons.insistence_distance", n=count(n_away, "contribution")))
    return joined(parts)


def _need(members: pd.DataFrame) -> str:
    n_needs = int(members["posture"].isin(_NEED).sum())
    key = "raisons.need_un" if n_needs == 1 else "raisons.need"
    return sentence(key, n=count(n_needs, "passage"), total=len(members)) if n_needs else ""


def _proposals(members: pd.DataFrame) -> str:
    n_tables = members.loc[members["posture"].isin(_PROPOSAL) & members["is_said"], "circle_id"].nunique()
    return sentence("raisons.proposals", n=count(n_tables, "table")) if n_tables else ""
