"""Choose what a report quotes: of each theme, of each posture, and proposals; nothing twice.

In:   Passages, theme_opinions
Out:  ReportQuote, ReportOpinion
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from pipeline.grid.codes import POSTURE
from pipeline.publish.report.content import Priority, ReportOpinion, ReportQuote
from pipeline.publish.report.passages import Passages, is_scrap, n_tables_of, rows_of
from pipeline.text import fold

_PROPOSAL = "proposition"
_N_ACTIONS = 6


@dataclass(frozen=True)
class Quoter:
    """Quotes `passages`; `said` are the folded texts that the report quotes elsewhere."""

    passages: Passages
    theme_opinions: pd.DataFrame
    n_quotes: int

    def quotes(
        self, members: pd.DataFrame, central: list[str], scope: str, said: frozenset[str]
    ) -> tuple[ReportQuote, ...]:
        """Quote the most central passages, from as many workshops and circles as possible."""
        members = _not_said(members, said)
        rank = members["unit_id"].map({unit_id: i for i, unit_id in enumerate(central)})
        ordered = members.assign(
            is_short=is_scrap(members) & rank.isna(), central=rank.fillna(len(central))
        ).sort_values(
            ["is_short", "central", "strength", "unit_id"], ascending=[True, True, False, True]
        )
        ordered = ordered[~ordered["text"].map(fold).duplicated()]
        for whole in ("circle_id", "workshop_id"):
            turn = ordered.groupby(whole).cumcount()
            ordered = ordered.assign(turn=turn).sort_values("turn", kind="stable")
        return self._quoted(ordered.head(self.n_quotes), scope)

    def actions(
        self, rows: pd.DataFrame, theme_ids: list[str], scope: str, said: frozenset[str]
    ) -> tuple[ReportQuote, ...]:
        """Quote proposals, one a theme by rank, then the next of each."""
        tags = self.passages.tags
        is_proposal = (tags["axis"] == POSTURE) & (tags["code"] == _PROPOSAL)
        proposals = tags.loc[is_proposal, "unit_id"]
        rank = {theme_id: i for i, theme_id in enumerate(theme_ids)}
        rows = rows[rows["unit_id"].isin(proposals) & rows["theme_id"].isin(theme_ids)]
        rows = rows.assign(theme_rank=rows["theme_id"].map(rank)).sort_values(
            ["theme_rank", "strength", "unit_id"], ascending=[True, False, True]
        )
        rows = _not_said(rows[~is_scrap(rows)], said)
        turn = rows.groupby("theme_id").cumcount()
        rows = rows.assign(turn=turn).sort_values(["turn", "theme_rank"], kind="stable")
        return self._quoted(rows.head(_N_ACTIONS), scope)

    def opinions(self, members: pd.DataFrame, said: frozenset[str]) -> tuple[ReportOpinion, ...]:
        """Return the first opinion of each posture that is not quoted already.

        One that several tables say is told in the words of another of them.
        """
        rows = self.theme_opinions
        rows = rows[rows["unit_id"].isin(members["unit_id"])].sort_values("opinion_order")
        texts = dict(zip(members["unit_id"], members["text"], strict=True))
        words = self.passages.words()
        opinions: dict[str, ReportOpinion] = {}
        for row in rows_of(rows):
            unit_ids = [name for name in json.loads(row.unit_ids) if name in texts]
            fresh = [name for name in unit_ids if fold(texts[name]) not in said]
            n_tables = n_tables_of(members[members["unit_id"].isin(unit_ids)])
            is_new = len(fresh) == len(unit_ids) or (fresh and n_tables > 1)
            if is_new and row.posture not in opinions:
                where = words.count(n_tables) if n_tables else ""
                opinions[row.posture] = ReportOpinion(row.posture, texts[fresh[0]], where)
        return tuple(opinions.values())

    def _quoted(self, rows: pd.DataFrame, scope: str) -> tuple[ReportQuote, ...]:
        names = self.passages.names if scope == "study" else {}
        return tuple(
            ReportQuote(
                row.text,
                f"{names[row.workshop_id]}, {row.where}" if scope == "study" else row.where,
            )
            for row in rows_of(rows)
        )


def texts_of(priorities: Iterable[Priority]) -> frozenset[str]:
    """Return the folded texts that priorities quote."""
    said: set[str] = set()
    for priority in priorities:
        said.update(fold(quote.text) for quote in priority.quotes)
        said.update(fold(opinion.text) for opinion in priority.opinions)
    return frozenset(said)


def _not_said(rows: pd.DataFrame, said: frozenset[str]) -> pd.DataFrame:
    """Return the passages not quoted elsewhere; all of them where there is no other."""
    fresh = rows[~rows["text"].map(fold).isin(said)]
    return rows if fresh.empty else fresh
