"""Choose what a report quotes: of each theme, of each posture, and proposals; nothing twice.

In:   Passages, theme_opinions
Out:  ReportQuote, ReportOpinion
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.grid.codes import POSTURE
from pipeline.publish.report.content import Priority, ReportOpinion, ReportQuote
from pipeline.publish.report.passages import (
    Passages,
    ReportPassage,
    by_turns,
    grouped,
    is_scrap,
    n_tables_of,
    roughness,
)
from pipeline.publish.text import sentence
from pipeline.tables.columns import rows_of
from pipeline.tables.results import OPINION_POSTURES
from pipeline.text import fold, load_cues

_PROPOSAL = "proposition"
_NEED = ("difficulte", "demande")
POSTURES_OF_KIND = {
    "besoin": _NEED,
    "proposition": (_PROPOSAL,),
    "réponse": ("force",),
}  # what a theme's statement says
_N_ACTIONS = 6
# Strengths; of eight labelled studies, 29 in 100 printed quotes were of another subject, then 23.
_NEAR = 0.15  # under the closest passage: its kind matters more
_FAR = 0.5  # quoted where nothing else is


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
        members: Sequence[ReportPassage],
        central: list[str],
        scope: str,
        said: frozenset[str],
        *,
        kind: str,
    ) -> tuple[ReportQuote, ...]:
        """Quote the closest passages, from as many workshops and circles as possible.

        Among those as close as any come first those surely of the `kind` that the theme's statement
        says, in the room, then others of it; no proposal illustrates a need. What was `said`
        elsewhere is left out, unless it opens the quotes and nothing else reads as well.
        """
        of_kind = self.passages.units_with(POSTURE, POSTURES_OF_KIND.get(kind, ()))
        proposals = self.passages.units_with(POSTURE, [_PROPOSAL] if kind == "besoin" else ())
        told = [one for one in members if not (one.unit_id in proposals or _disagrees(one))]
        closest = max((one.strength for one in told), default=0.0)

        def is_near(one: ReportPassage, least: float) -> bool:
            return one.strength >= least or one.probability == 1  # placed by a person

        def quality(one: ReportPassage) -> tuple[Any, ...]:
            is_wanted = one.is_said and one.unit_id in of_kind and one.unit_id in self.sure
            return (
                is_scrap(one.text) and one.unit_id not in central,
                not is_near(one, closest - _NEAR),
                not is_wanted,
                one.unit_id not in of_kind,
                roughness(one.text),
            )

        def order(one: ReportPassage) -> tuple[Any, ...]:
            is_first = one.unit_id in central[:1]  # the most central, or pinned
            return *quality(one), not is_first, -one.strength, one.unit_id

        different: dict[str, ReportPassage] = {}
        for one in sorted(told, key=order):
            different.setdefault(fold(one.text), one)
        readable = list(different.values())
        fresh = _not_said(readable, said)
        ordered = by_turns(fresh, lambda one: one.circle_id)
        ordered = by_turns(ordered, lambda one: one.workshop_id)
        if readable and quality(readable[0]) < quality(ordered[0]):
            ordered = [readable[0], *ordered]
        chosen = ordered[:1] + [one for one in ordered[1:] if is_near(one, _FAR)]
        return self._quoted(chosen[: self.n_quotes], scope)

    def actions(
        self, rows: Iterable[ReportPassage], theme_ids: list[str], scope: str, said: frozenset[str]
    ) -> tuple[ReportQuote, ...]:
        """Quote proposals, one a theme by rank, then the next of each."""
        rank = {theme_id: i for i, theme_id in enumerate(theme_ids)}
        proposals = self.passages.units_with(POSTURE, [_PROPOSAL])

        def order(one: ReportPassage) -> tuple[Any, ...]:
            is_rough = roughness(one.text) > 1 or one.unit_id not in self.sure
            return rank[one.theme_id], is_rough, -one.strength, one.unit_id

        told = [one for one in rows if one.theme_id in rank and one.unit_id in proposals]
        fresh = _not_said([one for one in told if not is_scrap(one.text)], said)
        ordered = by_turns(sorted(fresh, key=order), lambda one: one.theme_id)
        return self._quoted(ordered[:_N_ACTIONS], scope)

    def opinions(
        self, members: Sequence[ReportPassage], said: frozenset[str]
    ) -> tuple[ReportOpinion, ...]:
        """Return an opinion of each posture that is not quoted already, then a disagreement.

        Those of most tables come first, then answers that name who does them, then those that read
        well. One that several tables say is told in the words of another of them.
        """
        by_id = {one.unit_id: one for one in members}

        def order(row: Any) -> tuple[Any, ...]:
            is_rough = roughness(by_id[row.unit_id].text) > 1
            return -row.n_tables, row.unit_id not in self.naming, is_rough, row.opinion_order

        rows = [row for one in members for row in self._opinions_by_unit.get(one.unit_id, ())]
        opinions: dict[str, ReportOpinion] = {}
        for row in sorted(rows, key=order):
            same = [by_id[name] for name in json.loads(row.unit_ids) if name in by_id]
            fresh = [one for one in same if not (fold(one.text) in said or _disagrees(one))]
            n_tables = n_tables_of(same)
            is_new = len(fresh) == len(same) or (fresh and n_tables > 1)
            if is_new and row.posture not in opinions:
                quote = self._quoted(fresh[:1], "study")[0]
                if n_tables > 1:
                    where = sentence(
                        "opinions.ailleurs", ou=quote.where, n=self.passages.words().count(n_tables)
                    )
                    quote = replace(quote, where=where)
                opinions[row.posture] = ReportOpinion(row.posture, quote)
        told = [opinions[name] for name in OPINION_POSTURES if name in opinions]
        said |= {fold(opinion.quote.text) for opinion in told}
        return *told, *self._debate(members, said)

    @cached_property
    def _opinions_by_unit(self) -> dict[str, list[Any]]:
        return grouped(rows_of(self.theme_opinions), lambda row: row.unit_id)

    def _debate(
        self, members: Iterable[ReportPassage], said: frozenset[str]
    ) -> tuple[ReportOpinion, ...]:
        """Return the first passage that says a disagreement, if any."""
        fresh = (one for one in members if not is_scrap(one.text) and fold(one.text) not in said)
        first = [one for one in fresh if _disagrees(one)][:1]
        return tuple(ReportOpinion("debat", quote) for quote in self._quoted(first, "study"))

    def _quoted(self, passages: Iterable[ReportPassage], scope: str) -> tuple[ReportQuote, ...]:
        is_study = scope == "study"
        return tuple(
            ReportQuote(one.text, self.passages.place_of(one) if is_study else one.where)
            for one in passages
        )


def kind_of(passages: Passages, unit_ids: Collection[str]) -> str:
    """Return what most of the passages are: a need, a proposal or an answer; "" for none."""
    counts = {
        kind: sum(unit_id in passages.units_with(POSTURE, codes) for unit_id in unit_ids)
        for kind, codes in POSTURES_OF_KIND.items()
    }
    return max(counts, key=lambda kind: counts[kind]) if any(counts.values()) else ""


def _disagrees(one: ReportPassage) -> bool:
    return load_cues("desaccord").are_in(one.text)


def texts_of(priorities: Iterable[Priority]) -> frozenset[str]:
    """Return the folded texts that priorities quote."""
    quotes = [quote for priority in priorities for quote in priority.quotes]
    quotes += [opinion.quote for priority in priorities for opinion in priority.opinions]
    return frozenset(fold(quote.text) for quote in quotes)


def _not_said(passages: Sequence[ReportPassage], said: frozenset[str]) -> Sequence[ReportPassage]:
    """Return the passages not quoted elsewhere; all of them where there is no other."""
    return [one for one in passages if fold(one.text) not in said] or passages
