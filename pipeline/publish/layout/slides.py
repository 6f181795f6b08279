"""Lay out the slides of a restitution: statements, quotes, maps, questions to the room.

In:   Report
Out:  Slide; what a slide says rests on its notes

No score and no rank: what a room needs is what was said, where, and what to discuss.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.publish.layout.blocks import PageDraft, told_workshops
from pipeline.publish.layout.catchments import map_alt
from pipeline.publish.layout.opening import lists_note
from pipeline.publish.layout.priorities import cited
from pipeline.publish.layout.questions import room_questions
from pipeline.publish.layout.without_themes import joined_place, notice
from pipeline.publish.maps import map_spec
from pipeline.publish.report.content import (
    Priority,
    Report,
    ReportQuote,
    Scope,
    TerritoryMap,
    WithoutThemes,
)
from pipeline.publish.text import (
    capitalised,
    count,
    joined,
    plain_name,
    quoted,
    sentence,
    shortened,
    some_of,
    word,
)
from pipeline.tables.columns import rows_of

_N_COMMON, _N_STATEMENTS, _N_TERRITORIES, _N_MAPS = 5, 3, 6, 4
_N_QUOTES, _N_OWN, _N_LINES = 2, 1, 4
_TOLD = ("difficulte",), ("force",), ("demande", "proposition")  # postures, a line each
_TITLE_CHARS, _QUOTE_CHARS, _OPINION_CHARS, _LIST_CHARS = 110, 170, 130, 200


@dataclass(frozen=True)
class SlideLine:
    """A line, with a `label` over it and a `source` under it."""

    text: str
    source: str = ""
    label: str = ""
    is_strong: bool = False
    is_quote: bool = False


@dataclass(frozen=True)
class Slide:
    """One slide; `aside` is its second column, `picture` a chart and its description."""

    title: str
    notes: tuple[str, ...]
    lines: tuple[SlideLine, ...] = ()
    aside: tuple[SlideLine, ...] = ()
    picture: tuple[Mapping[str, Any], str] | None = None


def lay_out_slides(report: Report) -> tuple[Slide, ...]:
    """Return the slides in order, cover first; skip a slide without content."""
    return tuple(_slides(report, PageDraft()))


def _slides(report: Report, draft: PageDraft) -> Iterator[Slide]:
    yield _cover(report)
    yield _essential(report)
    if report.without_themes:
        yield from _passages(report, report.without_themes)
    else:
        told = told_workshops(report)[:_N_TERRITORIES] if len(report.scopes) > 1 else ()
        scopes = [report.scopes[i + 1] for i in told]
        yield from (_territory(scope, draft) for scope in scopes if scope.priorities)
        for priority in report.scopes[0].priorities[:_N_COMMON]:
            yield _priority(priority, draft)
    yield from map(_map, report.reading.maps[:_N_MAPS])
    yield _questions(report, draft)


def _cover(report: Report) -> Slide:
    met = [
        f"{one.territory} ({one.date})" if one.date else one.territory for one in report.workshops
    ]
    texts = met if len(met) <= _N_LINES else [some_of(met, _LIST_CHARS)]
    if report.commissioner:
        texts.append(sentence("diapos.commande", commanditaire=report.commissioner))
    texts.append(sentence("diapos.sous_titre", date=report.made_on))
    lines = tuple(SlideLine(text) for text in texts if text)
    return Slide(shortened(report.title, _TITLE_CHARS), (notice(report),), lines)


def _essential(report: Report) -> Slide:
    """Say how many met, what comes back most, what one territory alone says."""
    lines, notes = [SlideLine(text) for text in _met(report)], [notice(report)]
    if report.without_themes:
        lines.append(SlideLine(report.without_themes.why))
        return Slide(sentence("diapos.essentiel"), tuple(notes), tuple(lines))
    for i, priority in enumerate(report.scopes[0].priorities[:_N_STATEMENTS]):
        label = "" if i else sentence("diapos.partout")
        said = f"{capitalised(priority.said)}."
        lines.append(SlideLine(_statement(priority), said, label, is_strong=True))
        notes += [_statement(priority), said]
    statements = report.material.tables["themes"].set_index("theme_id")["statement"].dropna()
    own = report.material.tables["theme_reach"]
    own = own[own["only_in"].notna() & own["theme_id"].isin(statements.index)]
    for row in rows_of(own.sort_values("chance").head(_N_OWN)):
        text, territory = plain_name(statements[row.theme_id]), plain_name(str(row.only_in))
        label = sentence("diapos.propre", territoire=territory)
        lines.append(SlideLine(text, label=label, is_strong=True))
        notes += [text, f"{territory}, {row.rests_on}."]
    if not report.scopes[0].priorities:
        lines.append(SlideLine(sentence("priorites.aucune")))
    else:
        lines.append(SlideLine("", source=sentence("diapos.candidates")))
    return Slide(sentence("diapos.essentiel"), tuple(notes), tuple(lines))


def _met(report: Report) -> list[str]:
    """Return « 3 ateliers, 18 tables et 84 personnes. », without what is not known."""
    n_tables = sum(one.n_tables for one in report.workshops)
    counts = [report.counted.count_workshops(len(report.workshops))] if report.workshops else []
    counts.append(count(n_tables, "table") if n_tables else _documents(report))
    if isinstance(report.n_people, int) and report.n_people:
        counts.append(count(report.n_people, "personne") + lists_note(report))
    if isinstance(report.n_structures, int) and report.n_structures:
        counts.append(count(report.n_structures, "structure"))
    return [f"{capitalised(joined(counts))}."]


def _documents(report: Report) -> str:
    return count(report.documents.n_all, "document lu", "documents lus")


def _statement(priority: Priority) -> str:
    return priority.statement or priority.label


def _territory(scope: Scope, draft: PageDraft) -> Slide:
    """Tell a territory's first statements, the first with a quote."""
    lines: list[SlideLine] = []
    notes: list[str] = []
    for i, priority in enumerate(scope.priorities[:_N_STATEMENTS]):
        said = f"{capitalised(priority.said)}."
        lines.append(SlideLine(_statement(priority), said, is_strong=True))
        notes += _evidence(priority)
        if not i:
            shortest = sorted(priority.quotes, key=lambda quote: len(quote.text) > _QUOTE_CHARS)
            lines += map(_quote_line, draft.quote(shortest, 1))
    title = sentence("diapos.territoire", territoire=scope.title)
    return Slide(shortened(title, _TITLE_CHARS), tuple(notes), tuple(lines))


def _priority(priority: Priority, draft: PageDraft) -> Slide:
    """Tell what is missing, what works and what is asked, beside people's own words."""
    draft.quote([one.quote for one in priority.opinions], len(priority.opinions))
    quotes = draft.quote(priority.quotes, _N_QUOTES)
    by_posture = {opinion.posture: opinion for opinion in priority.opinions}
    told = [next((by_posture[one] for one in ones if one in by_posture), None) for ones in _TOLD]
    lines = tuple(
        SlideLine(
            cited(replace(opinion.quote, text=shortened(opinion.quote.text, _OPINION_CHARS))),
            label=word("opinions", opinion.posture),
        )
        for opinion in told
        if opinion
    )
    said = SlideLine("", source=f"{capitalised(priority.said)}.")
    aside = tuple(map(_quote_line, quotes))
    title = shortened(_statement(priority), _TITLE_CHARS)
    if not lines:
        return Slide(title, tuple(_evidence(priority)), (said, *aside))
    return Slide(title, tuple(_evidence(priority)), (said, *lines), aside)


def _evidence(priority: Priority) -> list[str]:
    opinions = [
        f"{word('opinions', one.posture)} : {cited(one.quote)}" for one in priority.opinions
    ]
    said = f"{capitalised(priority.said)}."
    return [_statement(priority), said, *opinions, *map(cited, priority.quotes)]


def _quote_line(quote: ReportQuote) -> SlideLine:
    return SlideLine(quoted(shortened(quote.text, _QUOTE_CHARS)), quote.where, is_quote=True)


def _passages(report: Report, here: WithoutThemes) -> Iterator[Slide]:
    workshops = {workshop.name for workshop in report.workshops}
    if here.repeats:
        lines = tuple(
            SlideLine(
                quoted(shortened(repeat.texts[0], _QUOTE_CHARS)),
                joined([repeat.said, count(repeat.n_units, "passage")]),
                is_quote=True,
            )
            for repeat in here.repeats[:_N_LINES]
        )
        notes = (sentence("sans_theme.revient_intro"), *map(quoted, here.repeats[0].texts))
        yield Slide(sentence("sans_theme.revient"), notes, lines)
    for question in here.questions:
        quotes = [
            ReportQuote(said.text, joined_place(said.workshop, said.where, workshops))
            for said in question.passages
        ]
        lines = tuple(map(_quote_line, quotes[:_N_LINES]))
        yield Slide(question.title, tuple(map(cited, quotes)), lines)


def _map(drawn: TerritoryMap) -> Slide:
    title = sentence("diapos.carte", territoire=drawn.name)
    notes = map_alt(drawn), sentence("cartes.source")
    return Slide(shortened(title, _TITLE_CHARS), notes, picture=(map_spec(drawn), map_alt(drawn)))


def _questions(report: Report, draft: PageDraft) -> Slide:
    asked = room_questions(report, draft)
    texts = [question.text for question in asked]
    if len(texts) > 1:
        texts = [f"{i}. {text}" for i, text in enumerate(texts, start=1)]
    lines = [SlideLine(text, is_strong=True) for text in texts]
    contact = report.contact or sentence("atelier.equipe")
    lines.append(SlideLine("", source=sentence("diapos.completer", contact=contact)))
    notes = []
    for question in asked:
        notes += [question.text, *map(cited, question.evidence)]
    return Slide(sentence("diapos.questions"), (*notes, notice(report)), tuple(lines))
