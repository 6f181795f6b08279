"""Lay out the first page, the priorities, the prospects, and a workshop on two pages."""

from dataclasses import dataclass, replace

from pipeline.publish.charts import posture_colour, priorities_spec, profile_spec, shares_spec
from pipeline.publish.layout.blocks import (
    Block,
    CaptionNumbering,
    KeyFigures,
    Page,
    PageParagraph,
    PageTable,
    PriorityCard,
    Quotes,
    Section,
    body,
    extent_note,
    lead,
    make_section,
    note,
    told_workshops,
)
from pipeline.publish.layout.crossings import presence_cells
from pipeline.publish.layout.without_themes import question_table, why_sentence
from pipeline.publish.report.content import (
    Heat,
    Priority,
    Prospect,
    Report,
    ReportQuote,
    Scope,
    WithoutThemes,
)
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
    word,
)

_N_QUOTES = 2  # so that the page holds them
_N_NAMED = 3  # themes of a workshop that is a line
_N_PROSPECTS = 40  # rows; the exports have the others


def opening_section(report: Report, numbering: CaptionNumbering) -> Section:
    """Return the first page."""
    blocks: list[Block] = [_key_figures(report)]
    if report.without_themes:
        blocks.append(PageParagraph(why_sentence(report.without_themes), "lead"))
    priorities = report.scopes[0].priorities
    if priorities:
        first = priorities[0]
        rows = [
            (f"{item.rank}. {item.label}", item.why, capitalised(item.interval))
            for item in priorities
        ]
        columns = {"theme": 2.6, "pourquoi": 5.4, "intervalle": 2.4}
        blocks.append(numbering.table("titres.priorites_page", columns, rows))
        if first.quotes:
            blocks.append(body("priorites.dit", theme=first.label))
            blocks.append(Quotes(first.quotes[:_N_QUOTES]))
    if report.workshops:
        blocks += [_workshops(report, numbering), *extent_note(report, where="ateliers")]
    return make_section("titres.page", "essentiel", *blocks)


def _key_figures(report: Report) -> KeyFigures:
    n_tables = sum(workshop.n_tables for workshop in report.workshops)
    counts = {
        "ateliers": len(report.workshops),
        "tables": n_tables,
        "documents": 0 if n_tables else report.documents.n_all,
        "personnes": report.n_people,
        "structures": report.n_structures,
        "passages": report.coverage.n_units,
        "themes": len(report.themes),
    }
    entries = []
    for name, n in counts.items():
        if isinstance(n, int) and (n or name in ("ateliers", "passages")):
            head = texts()["chiffres"][name].split("|")[n > 1]
            entries.append((number(n), head + (lists_note(report) if name == "personnes" else "")))
    return KeyFigures(tuple(entries))


def lists_note(report: Report) -> str:
    """« (1 atelier sur 2 avec une liste d'émargement) »"""
    total = len(report.workshops)
    if report.n_lists == total:
        return ""
    return f" ({sentence('voix.listes', n=count(report.n_lists, 'atelier'), total=total)})"


def _workshops(report: Report, numbering: CaptionNumbering) -> PageTable:
    workshops = [report.workshops[i] for i in told_workshops(report)]
    columns: dict[str, float] = {"atelier": 3, "date": 2.1}
    if any(workshop.n_tables for workshop in workshops):
        columns["tables"] = 1.3
    if any(workshop.n_people is not None for workshop in workshops):
        columns["personnes"] = 1.8
    if any(workshop.n_structures is not None for workshop in workshops):
        columns["structures"] = 1.9
    columns |= {"documents": 2, "passages": 1.7}
    least, rows = report.least_count, []
    for workshop in workshops:
        cells = {
            "atelier": ", ".join(filter(None, (workshop.name, workshop.place))),
            "date": workshop.date,
            "tables": number(workshop.n_tables) if workshop.n_tables else "–",
            "personnes": tally(workshop.n_people, least=least),
            "structures": tally(workshop.n_structures, least=least),
            "documents": number(workshop.n_documents),
            "passages": number(workshop.n_units),
        }
        rows.append([cells[name] for name in columns])
    return numbering.table("legendes.ateliers", columns, rows, list(columns)[2:])


def priority_section(report: Report, numbering: CaptionNumbering) -> Section:
    """Return one subsection for each scope told; the others share a table."""
    told = {0, *(i + 1 for i in told_workshops(report))}
    sections = [
        _scope(scope, f"priorites-{i}", numbering, is_first=i == 0)
        for i, scope in enumerate(report.scopes)
        if i in told
    ]
    rows = []
    for scope in (scope for i, scope in enumerate(report.scopes) if i not in told):
        first = " ; ".join(f"{rank}. {label}" for rank, label in scope.named[:_N_NAMED])
        rows.append((scope.title, number(scope.n_units), first or "–"))
    if rows:
        columns = {"atelier": 2.4, "passages": 1.0, "premieres": 6.0}
        table = numbering.table("legendes.autres_ateliers", columns, rows, ("passages",))
        anchor = f"priorites-{len(report.scopes)}"
        sections.append(make_section("titres.autres_ateliers", anchor, table))
    blocks = (lead("priorites.intro"), *extent_note(report, where="pages"))
    return make_section("titres.priorites", "priorites", *blocks, sections=sections)


def _scope(scope: Scope, anchor: str, numbering: CaptionNumbering, *, is_first: bool) -> Section:
    if not scope.priorities:
        return Section(scope.title, anchor, (body("priorites.aucune"),))
    spec = priorities_spec(scope)
    figure = numbering.figure("legendes.priorites", _alt(scope), spec, portee=scope.title)
    blocks: list[Block] = [note("priorites.portee", **_extent(scope)), figure]
    if scope.checks:
        blocks.append(PageParagraph(" ".join(scope.checks), "note"))
    cards = map(_card, _not_on_first_page(scope) if is_first else scope.priorities)
    return Section(scope.title, anchor, (*blocks, *cards))


def _not_on_first_page(scope: Scope) -> tuple[Priority, ...]:
    """Return the study's priorities; the first one quotes what the first page does not, if any."""
    first, *others = scope.priorities
    return replace(first, quotes=first.quotes[_N_QUOTES:] or first.quotes), *others


def _extent(scope: Scope) -> dict[str, str]:
    return {
        "themes": count(scope.n_ranked, "thème classé", "thèmes classés"),
        "passages": count(scope.n_units, "passage"),
    }


def _alt(scope: Scope) -> str:
    bars = []
    for priority in scope.priorities:
        parts = [
            f"{part.label} {points(part.contribution)}"
            for part in priority.criteria
            if part.contribution > 0.005
        ]
        bar = {"rang": ordinal(priority.rank), "theme": priority.label}
        score = points(priority.score)
        bars.append(sentence("alt.priorites_barre", **bar, score=score, parts=joined(parts)))
    return sentence("alt.priorites", barres=" ; ".join(bars))


def facts_of(priority: Priority) -> str:
    """Return a priority's figures on one line."""
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
    legend = tuple(
        (posture_colour(share), f"{share.label}{NBSP}: {number(share.n_units)}")
        for share in priority.postures
    )
    alt = sentence("alt.profil", parts=joined([text for _, text in legend]))
    facts = facts_of(priority)
    if priority.family:
        facts += f" · {sentence('themes.famille', famille=priority.family)}"
    profile = profile_spec(priority.postures) if legend else None
    return PriorityCard(priority, facts, profile, alt, legend, opinion_lines(priority))


def opinion_lines(priority: Priority) -> tuple[str, ...]:
    """Return « Ce qui marche : « … » (3 tables) », a line a posture."""
    return tuple(
        f"{word('opinions', opinion.posture)}{NBSP}: {quoted(opinion.text)}"
        + (f" ({opinion.where})" if opinion.where else "")
        for opinion in priority.opinions
    )


def prospect_section(report: Report, numbering: CaptionNumbering) -> Section:
    """Return opportunities, then support needs."""
    parts = (
        ("opportunites", "theme", report.opportunities),
        ("accompagnement", "appui", report.supports),
    )
    sections = [
        _prospects(name, column, rows, report, numbering) for name, column, rows in parts if rows
    ]
    return make_section("titres.prospects", "prospects", sections=sections)


def _prospects(
    name: str,
    column: str,
    rows: tuple[Prospect, ...],
    report: Report,
    numbering: CaptionNumbering,
) -> Section:
    words = report.counted
    cells = [
        (
            row.name,
            number(row.n_tables),
            number(row.n_units),
            f"{quoted(row.quote.text)}\n{row.quote.where}",
        )
        for row in rows[:_N_PROSPECTS]
    ]
    columns = {column: 2.4, words.column: 1.2, "passages": 1.15, "exemple": 5.0}
    numbers = (words.column, "passages")
    blocks: list[Block] = [
        PageParagraph(words.sentence(f"prospects.{name}_intro")),
        numbering.table(f"legendes.{name}", columns, cells, numbers),
    ]
    if len(rows) > _N_PROSPECTS:
        shown, total = shown_rows(_N_PROSPECTS), number(len(rows))
        blocks.append(note("prospects.coupe", montres=shown, total=total))
    return make_section(f"prospects.{name}", name, *blocks)


@dataclass(frozen=True)
class Room:
    """How much is shown of long content."""

    n_cards: int = 3
    n_quotes: int = 2
    n_rubriques: int = 6
    n_actions: int = 3
    n_passages: int = 28


# the last always fits
ROOMS = (Room(), Room(3, 1, 5, 2, 20), Room(2, 1, 4, 1, 12), Room(1, 1, 3, 1, 5))
_LABEL_CHARS, _QUOTE_CHARS = 90, 320


def lay_out_workshop(report: Report, index: int, room: Room) -> Page:
    """Return a workshop's two pages for its participants."""
    facts = report.workshops[index]
    scope = report.scopes[index + 1] if len(report.scopes) > 1 else report.scopes[0]
    subtitle = facts.date, shortened(facts.place, _LABEL_CHARS), report.title
    first = _workshop_priorities(scope, room)
    subjects = replace(_subjects(report, facts.name, room), starts_page=True)
    if report.without_themes:
        first = _workshop_passages(report, report.without_themes, facts.name, room)
        subjects = replace(subjects, blocks=())
    sections = (first, subjects, _presence(report, index), _next(report, scope, room))
    return Page(
        title=sentence("atelier.titre", atelier=shortened(facts.name, _LABEL_CHARS)),
        subtitle=" · ".join(filter(None, subtitle)),
        made_at=report.made_at,
        notice=None,
        sections=tuple(one for one in sections if one.blocks),
        is_brief=True,
    )


def _workshop_priorities(scope: Scope, room: Room) -> Section:
    blocks: list[Block] = [body("priorites.aucune")]
    if scope.priorities:
        blocks = [body("atelier.intro", **_extent(scope))]
    for priority in scope.priorities[: room.n_cards]:
        label, quotes = shortened(priority.label, _LABEL_CHARS), priority.quotes[: room.n_quotes]
        brief = replace(priority, label=label, quotes=_shortened(quotes))
        blocks.append(PriorityCard(brief, facts_of(priority)))
    others = [
        f"{priority.rank}. {shortened(priority.label, _LABEL_CHARS)}"
        for priority in scope.priorities[room.n_cards :]
    ]
    if others:
        blocks.append(body("atelier.ensuite", themes=" ; ".join(others)))
    return make_section("atelier.priorites", "priorites", *blocks)


def _workshop_passages(report: Report, here: WithoutThemes, workshop: str, room: Room) -> Section:
    """Return why there is no theme, then the first passages of each question."""
    numbering, n_left = CaptionNumbering(), room.n_passages
    blocks: list[Block] = [PageParagraph(here.why)]
    for question in here.questions:
        said = [passage for passage in question.passages if passage.workshop == workshop]
        if said and n_left > 0:
            told = replace(question, passages=tuple(said[:n_left]))
            blocks.append(question_table(told, report, numbering, n_chars=_QUOTE_CHARS))
        n_left -= len(said)
    if n_left < 0:
        blocks.append(note("sans_theme.suite"))
    return make_section("atelier.dit", "dit", *blocks)


def _shortened(quotes: tuple[ReportQuote, ...]) -> tuple[ReportQuote, ...]:
    return tuple(replace(quote, text=shortened(quote.text, _QUOTE_CHARS)) for quote in quotes)


def _subjects(report: Report, workshop: str, room: Room) -> Section:
    block: Block = body("rubriques.aucune")
    for heat in report.heats:
        shares = most_present(heat, workshop, room.n_rubriques)
        if shares:
            parts = joined([f"{label} {percent(share)}" for label, share in shares])
            alt = sentence("atelier.alt_rubriques", parts=parts)
            key = "atelier.legende_codes" if heat.axis else "atelier.legende_rubriques"
            axis = heat.axis.label if heat.axis else ""
            block = CaptionNumbering().figure(key, alt, shares_spec(shares), axe=axis)
            break
    return make_section("atelier.dit", "dit", block)


def most_present(heat: Heat, workshop: str, n_codes: int) -> tuple[tuple[str, float], ...]:
    """Return the codes of most passages of `workshop`, with their share."""
    if workshop not in heat.workshops:
        return ()
    column = heat.workshops.index(workshop)
    shares = [
        (label, row[column])
        for label, row in zip(heat.rubriques, heat.shares, strict=True)
        if row[column] > 0
    ]
    return tuple(sorted(shares, key=lambda share: -share[1])[:n_codes])


def _presence(report: Report, index: int) -> Section:
    facts, least = report.workshops[index], report.least_count
    counts = {
        "tables": facts.n_tables or None,
        "documents": None if facts.n_tables else facts.n_documents,
        "personnes": facts.n_people,
        "structures": facts.n_structures,
        "passages": facts.n_units,
    }
    entries = []
    for name, n in counts.items():
        if n is not None:
            one, several = texts()["chiffres"][name].split("|")
            entries.append(
                (tally(n, least=least), one if isinstance(n, int) and n < 2 else several)
            )
    blocks: list[Block] = [KeyFigures(tuple(entries))]
    names_by_cell: dict[str, list[str]] = {}
    for name, cells in presence_cells(report)[:-1]:
        names_by_cell.setdefault(cells[index], []).append(name)
    types = [f"{joined(names)} ({cell})" for cell, names in names_by_cell.items() if cell != "–"]
    if types:
        blocks.append(note("atelier.types", types=" ; ".join(types)))
    elif facts.n_people is None:
        blocks.append(note("voix.aucune_liste"))
    for row in report.absent:
        missing = [*row.structure_types, *row.communes]
        if row.workshop == facts.name and missing:
            blocks.append(body("atelier.absents", absents=", ".join(missing)))
    return make_section("atelier.presents", "presents", *blocks)


def _next(report: Report, scope: Scope, room: Room) -> Section:
    blocks: list[Block] = []
    if scope.actions:
        actions = _shortened(scope.actions[: room.n_actions])
        blocks = [body("atelier.pistes"), Quotes(actions)]
    answer = "atelier.ecrire" if report.without_themes else "atelier.repondre"
    return make_section("atelier.suite", "suite", *blocks, body(answer))
