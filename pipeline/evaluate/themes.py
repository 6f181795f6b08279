"""How well the study's themes and first priorities agree with the analyst's.

In:   gold, theme_members, priorities, alignment
Out:  AMI, ARI and passages left out; hits among the analyst's five priorities, by workshop
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from pipeline.evaluate.alignment import Alignment
from pipeline.evaluate.gold import Gold

_LEFT_OUT = "-none-"
_N_FIRST = 5


def theme_figures(passages: Sequence[dict[str, Any]], theme_members: pd.DataFrame, aligned: Alignment) -> dict[str, Any]:
    """Return agreement over passages that have a gold theme; those left out by the study count as one more theme."""
    truth, said = _themes_of(passages, theme_members, aligned)
    return {
        "ami": round(float(adjusted_mutual_info_score(truth, said)), 3),
        "ari": round(float(adjusted_rand_score(truth, said)), 3),
        "k_gold": len(set(truth)),
        "k_study": len(set(said) - {_LEFT_OUT}),
        "left_out": round(said.count(_LEFT_OUT) / max(1, len(said)), 3),
    }


def priority_figures(gold: Gold, theme_members: pd.DataFrame, priorities: pd.DataFrame, aligned: Alignment) -> dict[str, Any] | None:
    """Return, by workshop, how many of the analyst's first five the study's first five name; None where either has no ranking.

    A theme goes by the name of the gold theme of most of its passages.
    """
    if gold.priorities is None or priorities.empty:
        return None
    names = _names(gold.passages, theme_members, aligned)
    scopes = sorted(set(priorities["scope"]) - {"study"})
    figures = {}
    for workshop, wanted in gold.priorities.items():
        mine = priorities[priorities["scope"].isin([scope for scope in scopes if _is_same_place(workshop, scope)])]
        first = [names.get(theme_id) for theme_id in mine.sort_values("rank", kind="stable").head(_N_FIRST)["theme_id"]]
        hits = set(first) & set(wanted[:_N_FIRST])
        figures[workshop] = {"hits_of_5": len(hits), "named": first, "wanted": wanted[:_N_FIRST]}
    return figures


def _themes_of(passages: Sequence[dict[str, Any]], theme_members: pd.DataFrame, aligned: Alignment) -> tuple[list[str], list[str]]:
    """Gold theme and study's theme of each passage that has a gold theme."""
    theme_of = dict(zip(theme_members["unit_id"], theme_members["theme_id"], strict=True))
    themed = [passage for passage in passages if passage["theme"]]
    said = [str(theme_of.get(aligned.best.get(passage["unit_id"], ""), _LEFT_OUT)) for passage in themed]
    return [passage["theme"] for passage in themed], said


def _names(passages: Sequence[dict[str, Any]], theme_members: pd.DataFrame, aligned: Alignment) -> dict[str, str]:
    """Gold theme that gives each of the study's themes most of its passages."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for gold_theme, theme_id in zip(*_themes_of(passages, theme_members, aligned), strict=True):
        votes[theme_id][gold_theme] += 1
    return {theme_id: votes[theme_id].most_common(1)[0][0] for theme_id in votes if theme_id != _LEFT_OUT}


def _is_same_place(workshop: str, scope: str) -> bool:
    """Whether a scope (a workshop_id) and the gold's name of a workshop mean the same place: one holds the other, dates apart."""
    name, other = _slug(workshop), _slug(scope)
    return name in other or other in name or any(len(word) > 5 and word in other for word in re.findall(r"[a-z]+", name))


def _slug(text: str) -> str:
    return re.sub(r"\W+", "", unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()).lower()
