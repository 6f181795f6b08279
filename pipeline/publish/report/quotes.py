"""Choose what a report quotes: of each theme, of each posture, and proposals; nothing twice.

In:   Passages, theme_opinions
Out:  ReportQuote, ReportOpinion
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from pipeline.grid.codes import POSTURE
from pipeline.publish.report.content import Priority, ReportOpinion, ReportQuote
from pipeline.publish.report.passages import (
    Passages,
    are_among,
    is_scrap,
    n_tables_of,
    roughness,
    rows_of,
)
from pipeline.publish.text import sentence
from pipeline.tables.results import OPINION_POSTURES
from pipeline.text import fold, groups_in

_PROPOSAL = "proposition"
_NEED = ("difficulte", "demande")
POSTURES_OF_KIND = {
    "besoin": _NEED,
    "mixte": _NEED,
    "réponse": ("force",),
    "proposition": (_PROPOSAL,),
}  # of a theme's kind
_N_ACTIONS = 6
_LIKELY = 0.7  # probability of a membership; 0.68 to 0.77 do as well on the two example studies
_DISAGREEMENT = "desaccord"  # a list of words


@dataclass(frozen=True)
class Quoter:
    """Quotes `passages`; `said` are the folded texts that the report quotes elsewhere."""

    passages: Passages
    theme_opinions: pd.DataFrame
    n_quotes: int
    naming: frozenset[str] = frozenset()  # unit_ids of passages that name a structure at work
    sure: frozenset[str] = frozenset()  # unit_ids of passages whose posture is sure

    def quotes(
        self,
        members: pd.DataFrame,
        central: list[str],
        scope: str,
        said: frozenset[str],
        *,
        kind: str,
    ) -> tuple[ReportQuote, ...]:
        """Quote the most central passages, from as many workshops and circles as possible.

        Those that the theme most likely holds come first; among them those surely of its `kind`,
        said in the room: they say what its statement says.
        """
        members = _not_said(members, said)
        is_wanted = self.passages.has_code(members, POSTURE, POSTURES_OF_KIND.get(kind, ()))
        is_wanted &= are_among(members["unit_id"], self.sure)
        rank = members["unit_id"].map({unit_id: i for i, unit_id in enumerate(central)})
        ordered = members.assign(
            is_short=is_scrap(members) & rank.isna(),
            is_unsure=members["probability"] < _LIKELY,
            is_other=~(is_wanted & members["is_said"]),
            roughness=roughness(members["text"]),
            central=rank.fillna(len(central)),
        ).sort_values(
            ["is_short", "is_unsure", "is_other", "roughness", "central", "strength", "unit_id"],
            ascending=[True, True, True, True, True, False, True],
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
        rank = {theme_id: i for i, theme_id in enumerate(theme_ids)}
        rows = rows[rows["theme_id"].isin(theme_ids)]
        rows = rows[self.passages.has_code(rows, POSTURE, [_PROPOSAL])]
        rows = rows.assign(
            theme_rank=rows["theme_id"].map(rank),
            is_rough=(roughness(rows["text"]) > 1) | ~are_among(rows["unit_id"], self.sure),
        ).sort_values(
            ["theme_rank", "is_rough", "strength", "unit_id"], ascending=[True, True, False, True]
        )
        rows = _not_said(rows[~is_scrap(rows)], said)
        turn = rows.groupby("theme_id").cumcount()
        rows = rows.assign(turn=turn).sort_values(["turn", "theme_rank"], kind="stable")
        return self._quoted(rows.head(_N_ACTIONS), scope)

    def opinions(self, members: pd.DataFrame, said: frozenset[str]) -> tuple[ReportOpinion, ...]:
        """Return an opinion of each posture that is not quoted already, then a disagreement.

        Those of most tables come first, then answers that name who does them, then those that read
        well. One that several tables say is told in the words of another of them.
        """
        rows = self.theme_opinions
        rows = rows[rows["unit_id"].isin(members["unit_id"])]
        texts = dict(zip(members["unit_id"], members["text"], strict=True))
        ordered = rows.assign(
            is_nameless=~rows["unit_id"].isin(self.naming),
            is_rough=roughness(rows["unit_id"].map(texts).astype(str)) > 1,
        ).sort_values(
            ["n_tables", "is_nameless", "is_rough", "opinion_order"],
            ascending=[False, True, True, True],
        )
        opinions: dict[str, ReportOpinion] = {}
        for row in rows_of(ordered):
            unit_ids = [name for name in json.loads(row.unit_ids) if name in texts]
            fresh = [name for name in unit_ids if fold(texts[name]) not in said]
            n_tables = n_tables_of(members[members["unit_id"].isin(unit_ids)])
            is_new = len(fresh) == len(unit_ids) or (fresh and n_tables > 1)
            if is_new and row.posture not in opinions:
                quote = self._quoted(members[members["unit_id"] == fresh[0]], "study")[0]
                if n_tables > 1:
                    where = sentence(
                        "opinions.ailleurs", ou=quote.where, n=self.passages.words().count(n_tables)
                    )
                    quote = replace(quote, where=where)
                opinions[row.posture] = ReportOpinion(row.posture, quote)
        told = [opinions[name] for name in OPINION_POSTURES if name in opinions]
        said |= {fold(opinion.quote.text) for opinion in told}
        return *told, *self._debate(members, said)

    def _debate(self, members: pd.DataFrame, said: frozenset[str]) -> tuple[ReportOpinion, ...]:
        """Return the first passage that says a disagreement, if any."""
        fresh = members[~members["text"].map(fold).isin(said) & ~is_scrap(members)]
        disagrees = fresh["text"].map(lambda text: bool(groups_in(text, _DISAGREEMENT)))
        quotes = self._quoted(fresh[disagrees.astype(bool)].head(1), "study")
        return tuple(ReportOpinion("debat", quote) for quote in quotes)

    def _quoted(self, rows: pd.DataFrame, scope: str) -> tuple[ReportQuote, ...]:
        is_study = scope == "study"
        return tuple(
            ReportQuote(row.text, self.passages.place_of(row) if is_study else row.where)
            for row in rows_of(rows)
        )


def texts_of(priorities: Iterable[Priority]) -> frozenset[str]:
    """Return the folded texts that priorities quote."""
    said: set[str] = set()
    for priority in priorities:
        said.update(fold(quote.text) for quote in priority.quotes)
        said.update(fold(opinion.quote.text) for opinion in priority.opinions)
    return frozenset(said)


def _not_said(rows: pd.DataFrame, said: frozenset[str]) -> pd.DataFrame:
    """Return the passages not quoted elsewhere; all of them where there is no other."""
    fresh = rows[~rows["text"].map(fold).isin(said)]
    return rows if fresh.empty else fresh
