"""Lay out a workshop's two pages for those who were there.

In:   Report
Out:  Page: what was said and where, what works, what is proposed, who was there, what comes next

Inhabitants read them: no score, no rank, no share, and no need that nobody is known to answer.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.grid.codes import POSTURE
from pipeline.publish.layout.blocks import (
    Block,
    Page,
    PageDraft,
    PageParagraph,
    Quotes,
    Section,
    body,
    make_section,
    note,
)
from pipeline.publish.layout.gaps import confirmed_lines
from pipeline.publish.layout.without_themes import question_table
from pipeline.publish.report.content import Report, ReportQuote, Scope, WithoutThemes
from pipeline.publish.report.passages import is_scrap
from pipeline.publish.text import (
    capitalised,
    count,
    joined,
    sentence,
    shortened,
    some_of,
    typography,
)
from pipeline.tables.schema import STRUCTURE_TYPES


@dataclass(frozen=True)
class Room:
    """How much is shown of long content."""

    n_statements: int = 5
    n_quotes: int = 2
    n_strengths: int = 4
    n_actions: int = 6
    n_passages: int = 28


# the last always fits
ROOMS = (
    Room(),
    Room(5, 1, 4, 6, 24),
    Room(5, 1, 3, 4, 20),
    Room(4, 1, 2, 3, 16),
    Room(3, 1, 2, 3, 12),
    Room(1, 1, 1, 1, 5),
)
_TITLE_CHARS, _QUOTE_CHARS, _LIST_CHARS = 110, 320, 260
_TYPES = {typography(name) for name in STRUCTURE_TYPES if name != "autre"}
_WORKS, _ASKED = "force", "q2"  # posture and question of what works already


def lay_out_workshop(report: Report, index: int, room: Room) -> Page:
    """Return a workshop's two pages for its participants."""
    facts, draft = report.workshops[index], PageDraft()
    scope = report.scopes[index + 1] if len(report.scopes) > 1 else report.scopes[0]
    here = report.without_themes
    if here:
        first = [_passages(report, here, facts.name, room)]
        second: list[Section] = []
    else:
        proposed = _proposed(scope, room, draft)  # before statements quote the same
        first = [_statements(scope, room, draft), _other_subjects(scope, room)]
        second = [_what_works(report, index, room, draft), proposed]
    second = [
        one for one in (*second, _who_came(report, index), _next(report, index)) if one.blocks
    ]
    second[0] = replace(second[0], starts_page=True)
    subtitle = facts.date, shortened(facts.place, _TITLE_CHARS), report.title
    return Page(
        title=sentence("atelier.titre", atelier=shortened(facts.name, _TITLE_CHARS)),
        subtitle=" · ".join(filter(None, subtitle)),
        made_at=report.made_at,
        notice="",
        sections=(*(one for one in first if one.blocks), *second),
        is_brief=True,
    )


def _statements(scope: Scope, room: Room, draft: PageDraft) -> Section:
    """Return the first statements, each with where it was said and a quote."""
    if not scope.priorities:
        return make_section("atelier.dit", "dit", body("priorites.aucune"))
    sections = []
    for i, priority in enumerate(scope.priorities[: room.n_statements]):
        quotes = draft.quote(_shortened(priority.quotes), room.n_quotes)
        title = shortened(priority.statement or priority.label, _TITLE_CHARS)
        said = PageParagraph(f"{capitalised(priority.said)}.", "note")
        blocks: tuple[Block, ...] = (said, Quotes(quotes)) if quotes else (said,)
        sections.append(Section(title, f"dit-{i}", blocks))
    return make_section("atelier.dit", "dit", body("atelier.intro"), sections=sections)


def _other_subjects(scope: Scope, room: Room) -> Section:
    labels = [label for _, label in scope.named[room.n_statements :]]
    more = [PageParagraph(f"{some_of(labels, _LIST_CHARS)}.")] if labels else []
    return make_section("atelier.aussi", "aussi", *more)


def _passages(report: Report, here: WithoutThemes, workshop: str, room: Room) -> Section:
    """Return why there is no theme, then the first passages of each question."""
    draft, n_left = PageDraft(), room.n_passages
    blocks: list[Block] = [PageParagraph(here.why)]
    for question in here.questions:
        said = [passage for passage in question.passages if passage.workshop == workshop]
        if said and n_left > 0:
            told = replace(question, passages=tuple(said[:n_left]))
            blocks.append(question_table(told, report, draft, n_chars=_QUOTE_CHARS))
        n_left -= len(said)
    if n_left < 0:
        blocks.append(note("sans_theme.suite"))
    return make_section("atelier.dit", "dit", *blocks)


def _shortened(quotes: Iterable[ReportQuote]) -> tuple[ReportQuote, ...]:
    return tuple(replace(quote, text=shortened(quote.text, _QUOTE_CHARS)) for quote in quotes)


def _what_works(report: Report, index: int, room: Room, draft: PageDraft) -> Section:
    """Quote what was said to work already, one quote a table first."""
    passages = report.material.passages
    works = passages.units_with(POSTURE, [_WORKS])
    said = [
        one
        for one in passages.of_scope(list(passages.names)[index])
        if one.question == _ASKED and one.is_said and one.unit_id in works
    ]
    turns: Counter[str] = Counter()
    ordered = []
    for one in sorted(said, key=lambda one: one.unit_id):
        if not is_scrap(one.text):
            turns[one.circle_id] += 1
            ordered.append((turns[one.circle_id], -one.strength, one.unit_id, one))
    quotes = _shortened(ReportQuote(one.text, one.where) for *_, one in sorted(ordered))
    chosen = draft.quote(quotes, room.n_strengths)
    return make_section("atelier.marche", "marche", *([Quotes(chosen)] if chosen else []))


def _proposed(scope: Scope, room: Room, draft: PageDraft) -> Section:
    chosen = draft.quote(_shortened(scope.actions), room.n_actions)
    return make_section("atelier.propose", "propose", *([Quotes(chosen)] if chosen else []))


def _who_came(report: Report, index: int) -> Section:
    """Say in words who was there, and who was expected and is not recognised."""
    facts = report.workshops[index]
    if facts.n_people is None:
        blocks = [body("voix.aucune_liste")]
    else:
        counts = {"personne": facts.n_people, "structure": facts.n_structures}
        came = [count(n, name) for name, n in counts.items() if isinstance(n, int) and n]
        if facts.n_tables:
            came.append(count(facts.n_tables, "table"))
        blocks = [body("atelier.venus", comptes=joined(came))] if came else []
        types = [row.structure_type for row in report.attendance if row.cells[index][1] != 0]
        types = [name for name in types if name in _TYPES]
        if types:
            blocks.append(body("atelier.types", types=joined(types)))
    for row in report.absent:
        missing = [*row.structure_types, *row.communes]
        if row.workshop == facts.name and missing:
            blocks.append(body("atelier.absents", absents=some_of(missing, _LIST_CHARS)))
    return make_section("atelier.presents", "presents", *blocks)


def _next(report: Report, index: int) -> Section:
    """Say what becomes of the notes, and whom to write to."""
    others = [one.name for i, one in enumerate(report.workshops) if i != index]
    key = "atelier.devenir" if others else "atelier.devenir_seul"
    blocks = [
        *confirmed_lines(report, report.workshops[index].name),
        body(key, ateliers=some_of(others, _LIST_CHARS)),
    ]
    if not report.without_themes:
        blocks.append(body("atelier.candidates"))
    contact = report.contact or sentence("atelier.equipe")
    blocks.append(body("atelier.repondre", contact=contact))
    return make_section("atelier.suite", "suite", *blocks)
