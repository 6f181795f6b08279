"""Ask the room two or three questions, made of what was said.

In:   Report
Out:  RoomQuestion: a priority that divides, what one territory alone says, a proposal to take up,
      else who was not there

>>> [question.text for question in room_questions(report, PageDraft())]
['Les cantines : 4 tables disent ce qui marche, 3 ce qui manque. Que reprendre de ce qui marche…']
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pandas as pd

from pipeline.grid.codes import POSTURE
from pipeline.publish.layout.blocks import PageDraft
from pipeline.publish.report.content import Report, ReportQuote
from pipeline.publish.report.passages import ReportPassage, grouped, is_scrap, n_sure_tables
from pipeline.publish.text import (
    number,
    plain_name,
    plain_text,
    quoted,
    sentence,
    shortened,
    some_of,
)

_N_QUESTIONS, _N_THEMES = 3, 12  # themes asked about, by rank
_WORKS, _LACKS, _PROPOSED = "force", "difficulte", "proposition"
_LEAST_SIDE = 2  # tables on each side of what divides
_LEAST_ALONE = 3  # tables of what one territory alone says
_PROPOSAL_CHARS = range(30, 170)
_QUOTE_CHARS, _TYPES_CHARS = 150, 70


@dataclass(frozen=True)
class RoomQuestion:
    """A question, and the passages that it comes from."""

    text: str
    evidence: tuple[ReportQuote, ...] = ()


def room_questions(report: Report, draft: PageDraft) -> tuple[RoomQuestion, ...]:
    """Return at most three questions; the common one only where the material gives none."""
    makers: tuple[Callable[[Report, PageDraft], Iterator[RoomQuestion]], ...] = (
        _what_divides,
        _what_one_territory_says,
        _what_is_proposed,
        _what_returns,
        _who_was_missing,
    )
    kinds = [make(report, draft) for make in makers]
    asked: list[RoomQuestion] = []
    for _ in range(_N_QUESTIONS):  # one of each kind first
        for kind in kinds:
            asked += islice(kind, 1 if len(asked) < _N_QUESTIONS else 0)
    return tuple(asked) or (RoomQuestion(sentence("questions_salle.sans_matiere")),)


def _ranked(report: Report) -> pd.DataFrame:
    """Return the first themes of the study, by rank, indexed by theme_id."""
    ranked = report.material.tables["priorities"]
    ranked = ranked[ranked["scope"] == "study"][["theme_id", "rank"]]
    themes = report.material.tables["themes"]
    merged = themes.merge(ranked, on="theme_id", validate="one_to_one").sort_values("rank")
    return merged.head(_N_THEMES).set_index("theme_id")


def _said(report: Report, posture: str) -> list[ReportPassage]:
    """Return the counted passages said in a room in a posture, central ones first."""
    passages = report.material.passages.of_code(POSTURE, posture)
    said = [one for one in passages if one.is_counted and one.is_said and not is_scrap(one.text)]
    return sorted(said, key=lambda one: (-one.strength, one.unit_id))


def _what_divides(report: Report, draft: PageDraft) -> Iterator[RoomQuestion]:
    """Ask of the theme where most tables say both that it works and that it lacks."""
    ranked, words = _ranked(report), report.counted
    works = grouped(_said(report, _WORKS), lambda one: one.theme_id)
    lacks = grouped(_said(report, _LACKS), lambda one: one.theme_id)
    sides = []
    for theme_id in ranked.index:
        pair = works.get(theme_id, []), lacks.get(theme_id, [])
        counts = [n_sure_tables(passages) for passages in pair]
        if min(counts) >= _LEAST_SIDE:
            sides.append((min(counts), theme_id, pair, counts))
    for _, theme_id, pair, counts in sorted(sides, key=lambda side: -side[0])[:1]:
        evidence = [quote for side in pair for quote in draft.quote(_quotes(report, side), 1)]
        yield RoomQuestion(
            sentence(
                "questions_salle.partage",
                sujet=plain_name(ranked["label"][theme_id]),
                force=words.count(counts[0]),
                manque=number(counts[1]),
            ),
            tuple(evidence),
        )


def _what_one_territory_says(report: Report, draft: PageDraft) -> Iterator[RoomQuestion]:
    """Ask whether what three tables of one territory say, and nobody elsewhere, is true there."""
    territories = report.material.tables["workshops"].set_index("workshop_id")["territory"]
    if territories.nunique() < 2:
        return
    ranked, alone = _ranked(report), []
    members_of = grouped(report.material.passages.every, lambda one: one.theme_id)
    for theme_id in ranked.index:
        members = members_of.get(theme_id, [])  # with those to be checked
        n_tables, where = n_sure_tables(members), {territories[one.workshop_id] for one in members}
        if len(where) == 1 and n_tables >= _LEAST_ALONE:
            alone.append((n_tables, theme_id, *where))
    for n_tables, theme_id, territory in sorted(alone, key=lambda theme: -theme[0])[:1]:
        theme = ranked.loc[theme_id]
        said = [one for one in members_of[theme_id] if one.is_counted and one.is_said]
        is_named = isinstance(theme["statement"], str)
        statement = plain_text(theme["statement"]) if is_named else f"{plain_name(theme['label'])}."
        yield RoomQuestion(
            report.counted.sentence(
                "questions_salle.un_seul",
                enonce=statement,
                n=report.counted.count(n_tables),
                territoire=plain_name(str(territory)),
            ),
            draft.quote(_quotes(report, (one for one in said if not is_scrap(one.text))), 1),
        )


def _what_is_proposed(report: Report, draft: PageDraft) -> Iterator[RoomQuestion]:
    """Ask whether a proposal of a workshop is for others too, once a workshop."""
    ranked, passages = _ranked(report), report.material.passages
    proposed = [
        one
        for one in _said(report, _PROPOSED)
        if one.theme_id in ranked.index and len(one.text) in _PROPOSAL_CHARS
    ]
    proposed.sort(key=lambda one: (one.question != "q4", ranked["rank"][one.theme_id]))
    asked_of: set[str] = set()
    for one in proposed:
        if one.workshop_id in asked_of:
            continue
        chosen = draft.quote([ReportQuote(one.text, passages.place_of(one))], 1)
        if not chosen:
            continue
        asked_of.add(one.workshop_id)
        values = {"atelier": passages.names[one.workshop_id], "proposition": quoted(one.text)}
        key = "proposition" if len(report.workshops) > 1 else "proposition_ici"
        yield RoomQuestion(sentence(f"questions_salle.{key}", **values), chosen)


def _what_returns(report: Report, draft: PageDraft) -> Iterator[RoomQuestion]:
    """Ask of what two tables say in the same words, where there is no theme."""
    for repeat in report.without_themes.repeats if report.without_themes else ():
        if repeat.n_tables >= _LEAST_SIDE:
            text = quoted(shortened(repeat.texts[0], _QUOTE_CHARS))
            values = {"citation": text, "n": repeat.said}
            yield RoomQuestion(report.counted.sentence("questions_salle.revient", **values))


def _who_was_missing(report: Report, draft: PageDraft) -> Iterator[RoomQuestion]:
    """Ask how to hear those who were expected; the workshop that missed most of them."""
    for row in sorted(report.absent, key=lambda row: -len(row.structure_types))[:1]:
        if row.structure_types:
            values = {"atelier": row.workshop, "types": some_of(row.structure_types, _TYPES_CHARS)}
            yield RoomQuestion(sentence("questions_salle.absents", **values))


def _quotes(report: Report, passages: Iterable[ReportPassage]) -> list[ReportQuote]:
    place_of = report.material.passages.place_of
    return [ReportQuote(one.text, place_of(one)) for one in passages]
