"""A workshop on two pages, for those who took part: the first priorities and what was said of them; then the rest, who came, what next.

In:   Report, the place of a workshop in it
Out:  Page
"""

from dataclasses import dataclass, replace

from pipeline.publish.charts import shares_spec
from pipeline.publish.layout.blocks import Block, Callout, Facts, Page, Paragraph, PriorityCard, Quotes, Section
from pipeline.publish.layout.crossings import presence_cells
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.layout.priorities import facts_of
from pipeline.publish.report.content import Heat, Priority, Report, Scope
from pipeline.publish.text import count, joined, number, percent, sentence, shortened, tally, texts


@dataclass(frozen=True)
class Room:
    """How much is shown of what may be long."""

    n_cards: int = 3
    n_quotes: int = 2
    n_rubriques: int = 6
    n_actions: int = 3


ROOMS = (Room(), Room(3, 1, 5, 2), Room(2, 1, 4, 1), Room(1, 1, 3, 1))  # from the most to what fits whatever was said
_LABEL_CHARS, _QUOTE_CHARS = 90, 320


def lay_out_workshop(report: Report, place: int, room: Room) -> Page:
    """Return the two pages of the workshop at `place` in the report."""
    facts = report.workshops[place]
    scope = report.scopes[place + 1] if len(report.scopes) > 1 else report.scopes[0]
    numbering = Numbering()
    sections = (
        _priorities(scope, room),
        replace(_said(report, place, room, numbering), starts_page=True),
        _presence(report, place),
        _next(scope, room),
    )
    return Page(
        title=sentence("atelier.titre", atelier=shortened(facts.name, _LABEL_CHARS)),
        subtitle=" · ".join(filter(None, (facts.date, shortened(facts.place, _LABEL_CHARS), report.title))),
        made_at=report.made_at,
        notice=Callout(sentence("rapport.avis_titre"), sentence("rapport.avis")),
        sections=tuple(section for section in sections if section.blocks),
        is_brief=True,
    )


def _priorities(scope: Scope, room: Room) -> Section:
    """The first ones with their evidence, the names of the others."""
    title = sentence("atelier.priorites")
    if not scope.priorities:
        return Section(title, "priorites", (Paragraph(sentence("priorites.aucune")),))
    intro = sentence(
        "atelier.intro", themes=count(scope.n_ranked, "thème classé", "thèmes classés"), passages=count(scope.n_units, "passage")
    )
    blocks: list[Block] = [Paragraph(intro)]
    blocks += [_card(priority, room) for priority in scope.priorities[: room.n_cards]]
    others = scope.priorities[room.n_cards :]
    if others:
        blocks.append(Paragraph(sentence("atelier.ensuite", themes=" ; ".join(map(_title, others)))))
    return Section(title, "priorites", tuple(blocks))


def _card(priority: Priority, room: Room) -> PriorityCard:
    quotes = tuple(replace(quote, text=shortened(quote.text, _QUOTE_CHARS)) for quote in priority.quotes[: room.n_quotes])
    shown = replace(priority, label=shortened(priority.label, _LABEL_CHARS), quotes=quotes)
    return PriorityCard(shown, facts_of(priority), None, "", ())


def _title(priority: Priority) -> str:
    return f"{priority.rank}. {shortened(priority.label, _LABEL_CHARS)}"


def _said(report: Report, place: int, room: Room, numbering: Numbering) -> Section:
    """What the workshop spoke of: the codes most present on the first axis that has any."""
    title, name = sentence("atelier.dit"), report.workshops[place].name
    for heat in report.heats:
        shares = most_present(heat, name, room.n_rubriques)
        if shares:
            alt = sentence("atelier.alt_rubriques", parts=joined([f"{label} {percent(share)}" for label, share in shares]))
            caption = "atelier.legende_codes" if heat.axis else "atelier.legende_rubriques"
            shown = sentence(caption, axe=heat.axis.label if heat.axis else "")
            return Section(title, "dit", (numbering.figure(shown, alt, shares_spec(shares)),))
    return Section(title, "dit", (Paragraph(sentence("rubriques.aucune")),))


def most_present(heat: Heat, workshop: str, n_codes: int) -> tuple[tuple[str, float], ...]:
    """The codes that most passages of `workshop` carry, with their share; none where it has no passage."""
    if workshop not in heat.workshops:
        return ()
    column = heat.workshops.index(workshop)
    shares = [(label, row[column]) for label, row in zip(heat.rubriques, heat.shares, strict=True) if row[column] > 0]
    return tuple(sorted(shares, key=lambda one: -one[1])[:n_codes])


def _presence(report: Report, place: int) -> Section:
    facts, least = report.workshops[place], report.least_count
    counts = {
        "tables": facts.n_tables or None,
        "documents": None if facts.n_tables else facts.n_documents,
        "personnes": facts.n_people,
        "structures": facts.n_structures,
        "passages": facts.n_units,
    }
    known = {name: n for name, n in counts.items() if n is not None}
    heads = {name: texts()["chiffres"][name].split("|") for name in known}
    shown = {name: (tally(n, least=least), heads[name][not isinstance(n, int) or n > 1]) for name, n in known.items()}
    shown["passages"] = number(facts.n_units), heads["passages"][facts.n_units > 1]
    blocks: list[Block] = [Facts(tuple(shown.values()))]
    alike: dict[str, list[str]] = {}
    for name, cells in presence_cells(report)[:-1]:
        alike.setdefault(cells[place], []).append(name)
    types = [f"{joined(names)} ({told})" for told, names in alike.items() if told != "–"]
    missing_list = sentence("voix.aucune_liste") if facts.n_people is None else ""
    told_types = sentence("atelier.types", types=" ; ".join(types)) if types else missing_list
    blocks += [Paragraph(told_types, "note")] if told_types else []
    absent = [row for row in report.absent if row.workshop == facts.name]
    if absent and (missing := [*absent[0].structure_types, *absent[0].communes]):
        blocks.append(Paragraph(sentence("atelier.absents", absents=", ".join(missing))))
    return Section(sentence("atelier.presents"), "presents", tuple(blocks))


def _next(scope: Scope, room: Room) -> Section:
    """What people proposed, and how to answer this page."""
    blocks: list[Block] = []
    if scope.actions and room.n_actions:
        actions = tuple(replace(quote, text=shortened(quote.text, _QUOTE_CHARS)) for quote in scope.actions[: room.n_actions])
        blocks += [Paragraph(sentence("atelier.pistes")), Quotes(actions)]
    return Section(sentence("atelier.suite"), "suite", (*blocks, Paragraph(sentence("atelier.repondre"))))
