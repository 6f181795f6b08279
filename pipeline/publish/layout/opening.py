"""The first page: the study in figures, its workshops, and the first priorities.

The priorities of the study and of each workshop, with the chart of what makes their scores.

What could be created, and what support structures ask for.

A workshop on two pages, for those who took part: the first priorities and what was said of them; then the rest, who came, what next.
"""

from dataclasses import dataclass, replace

from pipeline.publish.charts import posture_colour, priorities_spec, profile_spec, shares_spec
from pipeline.publish.layout.blocks import (
    Block,
    Callout,
    Facts,
    Numbering,
    Page,
    Paragraph,
    PriorityCard,
    Quotes,
    Section,
    extent_note,
    told_workshops,
)
from pipeline.publish.layout.crossings import presence_cells
from pipeline.publish.report.content import Heat, Priority, Prospect, Report, Scope
from pipeline.publish.report.passages import Places
from pipeline.publish.text import (
    NBSP,
    capitalised,
    count,
    joined,
    number,
    ordinal,
    percent,
    points,
    quoted,
    sentence,
    shortened,
    shown_rows,
    tally,
    texts,
)

_N_QUOTES = 2  # of the first priority, so that the page holds them


def opening_section(report: Report, numbering: Numbering) -> Section:
    """Key figures, one row a priority, what was said of the first one, one row a workshop."""
    blocks: list[Block] = [_figures(report)]
    if report.scopes[0].priorities:
        blocks += [_priorities(report, numbering), *_evidence(report.scopes[0].priorities[0])]
    if report.workshops:
        blocks += [_workshops(report, numbering), *extent_note(report, where="ateliers")]
    return Section(sentence("titres.page"), "essentiel", tuple(blocks))


def _figures(report: Report) -> Facts:
    counts = {
        "ateliers": len(report.workshops),
        "tables": (n_tables := sum(workshop.n_tables for workshop in report.workshops)),
        "documents": 0 if n_tables else report.documents.n_all,
        "personnes": report.n_people,
        "structures": report.n_structures,
        "passages": report.coverage.n_units,
        "themes": len(report.themes),
    }
    words = {name: texts()["chiffres"][name].split("|") for name in counts}
    shown = {  # what nobody knows or may not be told is left out
        name: n
        for name, n in counts.items()
        if isinstance(n, int) and (n or name in ("ateliers", "passages"))
    }
    heads = {name: words[name][n > 1] for name, n in shown.items()}
    if "personnes" in heads:
        heads["personnes"] += lists_note(report)
    return Facts(tuple((number(n), heads[name]) for name, n in shown.items()))


def lists_note(report: Report) -> str:
    """« (1 atelier sur 2 avec une liste d'émargement) » where a count of people is not of all workshops; else nothing."""
    if report.n_lists == len(report.workshops):
        return ""
    return f" ({sentence('voix.listes', n=count(report.n_lists, 'atelier'), total=len(report.workshops))})"


def _workshops(report: Report, numbering: Numbering) -> Block:
    """One row a workshop; a column that no workshop can fill is left out."""
    widths = {
        "atelier": 3,
        "date": 2.1,
        "tables": 1.3,
        "personnes": 1.8,
        "structures": 1.9,
        "documents": 2,
        "passages": 1.7,
    }
    told = [report.workshops[place] for place in told_workshops(report)]
    is_filled = {
        "tables": any(workshop.n_tables for workshop in told),
        "personnes": any(workshop.n_people is not None for workshop in told),
        "structures": any(workshop.n_structures is not None for workshop in told),
    }
    columns = {name: width for name, width in widths.items() if is_filled.get(name, True)}
    cells = [
        {
            "atelier": f"{workshop.name}, {workshop.place}" if workshop.place else workshop.name,
            "date": workshop.date,
            "tables": number(workshop.n_tables) if workshop.n_tables else "–",
            "personnes": tally(workshop.n_people, least=report.least_count),
            "structures": tally(workshop.n_structures, least=report.least_count),
            "documents": number(workshop.n_documents),
            "passages": number(workshop.n_units),
        }
        for workshop in told
    ]
    rows = [tuple(row[name] for name in columns) for row in cells]
    return numbering.table(sentence("legendes.ateliers"), columns, rows, numbers=list(columns)[2:])


def _priorities(report: Report, numbering: Numbering) -> Block:
    rows = [
        (f"{item.rank}. {item.label}", item.why, capitalised(item.interval))
        for item in report.scopes[0].priorities
    ]
    return numbering.table(
        sentence("titres.priorites_page"), {"theme": 2.6, "pourquoi": 5.4, "intervalle": 2.4}, rows
    )


def _evidence(first: Priority) -> tuple[Block, ...]:
    """What was said of the first priority: whoever reads one page reads people's own words."""
    if not first.quotes:
        return ()
    return Paragraph(sentence("priorites.dit", theme=first.label)), Quotes(first.quotes[:_N_QUOTES])


_N_NAMED = 3  # themes of a workshop that is a line


def priority_section(report: Report, numbering: Numbering) -> Section:
    """One subsection a scope that is told; the others in a table of their first themes."""
    told = {0, *(place + 1 for place in told_workshops(report))}
    scopes = [
        _scope(scope, place, numbering)
        for place, scope in enumerate(report.scopes)
        if place in told
    ]
    others = tuple(scope for place, scope in enumerate(report.scopes) if place not in told)
    if others:
        scopes.append(_others(others, len(report.scopes), numbering))
    intro = Paragraph(sentence("priorites.intro"), "lead")
    return Section(
        sentence("titres.priorites"),
        "priorites",
        (intro, *extent_note(report, where="pages")),
        tuple(scopes),
    )


def _scope(scope: Scope, place: int, numbering: Numbering) -> Section:
    anchor = f"priorites-{place}"
    if not scope.priorities:
        return Section(scope.title, anchor, (Paragraph(sentence("priorites.aucune")),))
    reach = sentence(
        "priorites.portee",
        themes=count(scope.n_ranked, "thème classé", "thèmes classés"),
        passages=count(scope.n_units, "passage"),
    )
    caption = sentence("legendes.priorites", portee=scope.title)
    figure = numbering.figure(caption, _alt(scope), priorities_spec(scope))
    checks = [Paragraph(" ".join(scope.checks), "note")] if scope.checks else []
    blocks: list[Block] = [Paragraph(reach, "note"), figure, *checks, *map(_card, scope.priorities)]
    return Section(scope.title, anchor, tuple(blocks))


def _others(scopes: tuple[Scope, ...], n_scopes: int, numbering: Numbering) -> Section:
    """A line a workshop that is not told in full."""
    rows = [
        (
            scope.title,
            number(scope.n_units),
            " ; ".join(f"{rank}. {label}" for rank, label in scope.named[:_N_NAMED]) or "–",
        )
        for scope in scopes
    ]
    columns = {"atelier": 2.4, "passages": 1.0, "premieres": 6.0}
    table = numbering.table(
        sentence("legendes.autres_ateliers"), columns, rows, numbers=("passages",)
    )
    return Section(sentence("titres.autres_ateliers"), f"priorites-{n_scopes}", (table,))


def _alt(scope: Scope) -> str:
    """The chart in words: every bar with its parts."""
    bars = [
        sentence(
            "alt.priorites_barre",
            rang=ordinal(priority.rank),
            theme=priority.label,
            score=points(priority.score),
            parts=joined(
                [
                    f"{part.label} {points(part.contribution)}"
                    for part in priority.criteria
                    if part.contribution > 0.005
                ]
            ),
        )
        for priority in scope.priorities
    ]
    return sentence("alt.priorites", barres=" ; ".join(bars))


def facts_of(priority: Priority) -> str:
    """A priority's figures on one line."""
    facts = sentence(
        "priorites.faits",
        intervalle=capitalised(priority.interval),
        certitude=priority.sureness,
        score=points(priority.score),
        passages=count(priority.n_units, "passage"),
        stabilite=priority.stability,
    )
    return " · ".join([facts, *priority.profile])


def _card(priority: Priority) -> PriorityCard:
    parts = tuple(
        (posture_colour(share), f"{share.label}{NBSP}: {number(share.n_units)}")
        for share in priority.postures
    )
    said = sentence("alt.profil", parts=joined([text for _, text in parts]))
    family = [sentence("themes.famille", famille=priority.family)] if priority.family else []
    facts = " · ".join([facts_of(priority), *family])
    return PriorityCard(
        priority, facts, profile_spec(priority.postures) if parts else None, said, parts
    )


_MOST = 40  # rows; the least spoken of are left to the exports


def prospect_section(report: Report, numbering: Numbering) -> Section:
    """Opportunities by theme, then support needs by type."""
    parts = (
        ("opportunites", "theme", report.opportunities),
        ("accompagnement", "appui", report.supports),
    )
    sections = tuple(
        _part(name, first, rows, report.places, numbering) for name, first, rows in parts if rows
    )
    return Section(sentence("titres.prospects"), "prospects", (), sections)


def _part(
    name: str, first: str, rows: tuple[Prospect, ...], places: Places, numbering: Numbering
) -> Section:
    columns = {first: 2.4, places.column: 1.2, "passages": 1.15, "exemple": 5.0}
    cells = [
        (
            row.name,
            number(row.n_tables),
            number(row.n_units),
            f"{quoted(row.quote.text)}\n{row.quote.where}",
        )
        for row in rows[:_MOST]
    ]
    table = numbering.table(
        sentence(f"legendes.{name}"), columns, cells, numbers=(places.column, "passages")
    )
    cut = sentence("prospects.coupe", montres=shown_rows(_MOST), total=number(len(rows)))
    note = (Paragraph(cut, "note"),) if len(rows) > _MOST else ()
    return Section(
        sentence(f"prospects.{name}"),
        name,
        (Paragraph(sentence(f"prospects.{name}_intro", **places.words)), table, *note),
    )


@dataclass(frozen=True)
class Room:
    """How much is shown of what may be long."""

    n_cards: int = 3
    n_quotes: int = 2
    n_rubriques: int = 6
    n_actions: int = 3


ROOMS = (
    Room(),
    Room(3, 1, 5, 2),
    Room(2, 1, 4, 1),
    Room(1, 1, 3, 1),
)  # from the most to what fits whatever was said
_LABEL_CHARS, _QUOTE_CHARS = 90, 320


def lay_out_workshop(report: Report, place: int, room: Room) -> Page:
    """Return the two pages of the workshop at `place` in the report."""
    facts = report.workshops[place]
    scope = report.scopes[place + 1] if len(report.scopes) > 1 else report.scopes[0]
    numbering = Numbering()
    sections = (
        _workshop_priorities(scope, room),
        replace(_said(report, place, room, numbering), starts_page=True),
        _presence(report, place),
        _next(scope, room),
    )
    return Page(
        title=sentence("atelier.titre", atelier=shortened(facts.name, _LABEL_CHARS)),
        subtitle=" · ".join(
            filter(None, (facts.date, shortened(facts.place, _LABEL_CHARS), report.title))
        ),
        made_at=report.made_at,
        notice=Callout(sentence("rapport.avis_titre"), sentence("rapport.avis")),
        sections=tuple(section for section in sections if section.blocks),
        is_brief=True,
    )


def _workshop_priorities(scope: Scope, room: Room) -> Section:
    """The first ones with their evidence, the names of the others."""
    title = sentence("atelier.priorites")
    if not scope.priorities:
        return Section(title, "priorites", (Paragraph(sentence("priorites.aucune")),))
    intro = sentence(
        "atelier.intro",
        themes=count(scope.n_ranked, "thème classé", "thèmes classés"),
        passages=count(scope.n_units, "passage"),
    )
    blocks: list[Block] = [Paragraph(intro)]
    blocks += [_workshop_card(priority, room) for priority in scope.priorities[: room.n_cards]]
    others = scope.priorities[room.n_cards :]
    if others:
        blocks.append(
            Paragraph(sentence("atelier.ensuite", themes=" ; ".join(map(_title, others))))
        )
    return Section(title, "priorites", tuple(blocks))


def _workshop_card(priority: Priority, room: Room) -> PriorityCard:
    quotes = tuple(
        replace(quote, text=shortened(quote.text, _QUOTE_CHARS))
        for quote in priority.quotes[: room.n_quotes]
    )
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
            alt = sentence(
                "atelier.alt_rubriques",
                parts=joined([f"{label} {percent(share)}" for label, share in shares]),
            )
            caption = "atelier.legende_codes" if heat.axis else "atelier.legende_rubriques"
            shown = sentence(caption, axe=heat.axis.label if heat.axis else "")
            return Section(title, "dit", (numbering.figure(shown, alt, shares_spec(shares)),))
    return Section(title, "dit", (Paragraph(sentence("rubriques.aucune")),))


def most_present(heat: Heat, workshop: str, n_codes: int) -> tuple[tuple[str, float], ...]:
    """The codes that most passages of `workshop` carry, with their share; none where it has no passage."""
    if workshop not in heat.workshops:
        return ()
    column = heat.workshops.index(workshop)
    shares = [
        (label, row[column])
        for label, row in zip(heat.rubriques, heat.shares, strict=True)
        if row[column] > 0
    ]
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
    shown = {
        name: (tally(n, least=least), heads[name][not isinstance(n, int) or n > 1])
        for name, n in known.items()
    }
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
        actions = tuple(
            replace(quote, text=shortened(quote.text, _QUOTE_CHARS))
            for quote in scope.actions[: room.n_actions]
        )
        blocks += [Paragraph(sentence("atelier.pistes")), Quotes(actions)]
    return Section(
        sentence("atelier.suite"), "suite", (*blocks, Paragraph(sentence("atelier.repondre")))
    )
