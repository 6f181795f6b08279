"""What themes held when people decided on them: a decision holds as long as its theme is still about the same passages.

In:   decisions; the machine's theme_members that people decided on, and those of now; decision_grounds of earlier runs
Out:  decision_grounds   one row a decision and theme; for decisions whose theme became another, why they await a review
"""

import json
from typing import Any

import pandas as pd

from pipeline.decisions.on_themes import text
from pipeline.tables.material import DECISION_GROUNDS

STILL = 0.5  # share of the passages of then, among those that are still there, from which a theme is what was decided on
_ON_THEMES = ("rename_theme", "describe_theme", "merge_theme", "reject_theme", "move_theme")
_INTO_THEMES = ("merge_theme", "move_unit")  # value is a theme


def note_grounds(
    decisions: pd.DataFrame, before: pd.DataFrame, earlier: pd.DataFrame
) -> pd.DataFrame:
    """Return decision_grounds: the rows of `earlier`, and for decisions taken since, what their themes held in `before`.

    `before` are the machine's theme_members of the last run, which people had before their eyes. A theme that is not among them, as one
    that people split off, has no row: nothing but the decision itself says what it holds.
    """
    noted = set(earlier["decision_id"])
    units_of = (
        before.groupby("theme_id")["unit_id"].agg(list) if len(before) else pd.Series(dtype=object)
    )
    rows = [
        {
            "decision_id": row.decision_id,
            "theme_id": theme_id,
            "unit_ids": json.dumps(sorted(units_of[theme_id])),
        }
        for row in decisions.sort_values("decision_id").itertuples(index=False)
        if row.decision_id not in noted
        for theme_id in _themes_of(row)
        if theme_id in units_of.index
    ]
    kept = earlier[earlier["decision_id"].isin(decisions["decision_id"])]
    return DECISION_GROUNDS.check(
        pd.concat([kept, DECISION_GROUNDS.build(rows)], ignore_index=True)
    )


def decisions_to_review(
    grounds: pd.DataFrame, members: pd.DataFrame, units: pd.DataFrame
) -> dict[int, str]:
    """Return why each decision whose theme became another awaits a review, by its number; `members` and `units` are those of now.

    A theme is what was decided on if it holds half of the passages of then that are still in the study; one that is no more is told as
    gone, not here.
    """
    known = set(units["unit_id"])
    held = (
        {str(name): set(rows) for name, rows in members.groupby("theme_id")["unit_id"]}
        if len(members)
        else {}
    )
    reasons: dict[int, str] = {}
    for number, theme_id, unit_ids in zip(
        *(grounds[name].tolist() for name in ("decision_id", "theme_id", "unit_ids")), strict=True
    ):
        then = set(json.loads(unit_ids))
        left, now = then & known, held.get(theme_id)
        if now is not None and len(left & now) < max(STILL * len(left), 1):
            reasons.setdefault(number, _reason(len(left & now), len(then)))
    return reasons


def _reason(n_still: int, n_then: int) -> str:
    told = "Le thème est devenu un autre : il garde {still} des {then} passages qu'il avait. Décider de nouveau, ou annuler cette décision."
    return told.format(still=n_still, then=n_then)


def _themes_of(row: Any) -> list[str]:
    """The themes that a decision is about, each once."""
    named = [row.theme_id] if row.action in _ON_THEMES else []
    named += [row.value] if row.action in _INTO_THEMES else []
    return list(dict.fromkeys(name for value in named if (name := text(value))))
