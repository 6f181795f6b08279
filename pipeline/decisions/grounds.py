"""Remember what decisions on themes were taken on, and find those whose theme is another now.

In:   decisions; the machine's themes and theme_members that people saw, and those of this run
Out:  decision_grounds; why decisions await a review
"""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from pipeline.decisions.kinds import Decision, text
from pipeline.tables.material import DECISION_GROUNDS

Passages = dict[int, tuple[str, str]]  # document_id and text, by decision

_LEAST_LOST = 1 / 3  # of a theme's passages: the theme is another


def note_grounds(
    decisions: Iterable[Decision],
    themes: pd.DataFrame,
    members: pd.DataFrame,
    earlier: pd.DataFrame,
) -> pd.DataFrame:
    """Return decision_grounds: `earlier`, and what the themes of later decisions were.

    `themes` and `members` are the machine's that people saw; a split theme has no row.
    """
    every = list(decisions)
    noted = set(earlier["decision_id"])
    units_of = members.groupby("theme_id")["unit_id"].agg(list).to_dict() if len(members) else {}
    names, subjects = _texts(themes, "label"), _texts(themes, "subject_id")
    rows = [
        {
            "decision_id": row.decision_id,
            "theme_id": theme_id,
            "unit_ids": json.dumps(sorted(units_of[theme_id])),
            "label": names.get(theme_id),
            "subject_id": subjects.get(theme_id),
        }
        for row in every
        if row.decision_id not in noted
        for theme_id in row.rests_on()
        if theme_id in units_of
    ]
    still_there = earlier[earlier["decision_id"].isin([row.decision_id for row in every])]
    return DECISION_GROUNDS.check(
        pd.concat([still_there, DECISION_GROUNDS.build(rows)], ignore_index=True)
    )


def note_passages(
    decisions: Iterable[Decision], units: pd.DataFrame, earlier: pd.DataFrame
) -> Passages:
    """Return the document and the text of the passage that each decision was taken on.

    `units` are those that people saw, `earlier` the decision_effects of then.
    """
    noted = earlier.dropna(subset=["passage"])
    passages = zip(noted["document_id"], noted["passage"], strict=True)
    known = dict(zip(noted["decision_id"].tolist(), passages, strict=True))
    wanted = {row.decision_id: str(getattr(row, "unit_id", "")) for row in decisions}
    rows = units[units["unit_id"].isin(set(wanted.values()))]
    seen = dict(
        zip(rows["unit_id"], zip(rows["document_id"], rows["text"], strict=True), strict=True)
    )
    found = {number: known.get(number) or seen.get(unit_id) for number, unit_id in wanted.items()}
    return {number: passage for number, passage in found.items() if passage}


def decisions_to_review(
    grounds: pd.DataFrame, themes: pd.DataFrame, members: pd.DataFrame, units: pd.DataFrame
) -> dict[int, str]:
    """Return why each decision whose theme changed awaits a review, by its number.

    A theme is another once a third of its former passages that are still in the study have left
    it, or the catalogue gives it another subject. What joined it does not count: each workshop
    adds passages. Themes that are gone are left out.
    """
    unit_ids = set(units["unit_id"])
    units_of = members.groupby("theme_id")["unit_id"].agg(set).to_dict() if len(members) else {}
    names, subjects = _texts(themes, "label"), _texts(themes, "subject_id")
    reasons: dict[int, str] = {}
    for ground in grounds.to_dict("records"):
        theme_id = str(ground["theme_id"])
        then, now = set(json.loads(ground["unit_ids"])), units_of.get(theme_id)
        if now is None:
            continue
        left, before, subject = then & unit_ids, text(ground["label"]), text(ground["subject_id"])
        if len(left - now) >= _LEAST_LOST * len(left):
            reason = _members_reason(before, len(left & now), len(then))
        elif subject and subjects.get(theme_id) not in (None, subject):
            reason = _subject_reason(before, names.get(theme_id))
        else:
            continue
        reasons.setdefault(int(ground["decision_id"]), reason)
    return reasons


def _texts(themes: pd.DataFrame, column: str) -> dict[str, str | None]:
    cells: Iterable[Any] = themes[column].tolist()
    return {str(name): text(cell) for name, cell in zip(themes["theme_id"], cells, strict=True)}


def _members_reason(before: str | None, n_still: int, n_then: int) -> str:
    message = (
        "Le thème est devenu un autre : {theme} garde {still} des {then} passages qu'il avait. "
        "Décider de nouveau, ou annuler cette décision."
    )
    return message.format(theme=f"« {before} »" if before else "il", still=n_still, then=n_then)


def _subject_reason(before: str | None, now: str | None) -> str:
    message = (
        "Le thème a changé de sujet : c'était « {before} », c'est « {now} ». "
        "Décider de nouveau, ou annuler cette décision."
    )
    return message.format(before=before, now=now)
