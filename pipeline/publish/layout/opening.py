"""Lay out the first page, and a line of figures a workshop."""

from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    PageTable,
    Section,
    Terms,
    extent_note,
    make_section,
    told_workshops,
)
from pipeline.publish.layout.given import given_paragraph
from pipeline.publish.layout.priorities import cited
from pipeline.publish.layout.without_themes import why_sentence
from pipeline.publish.report.content import (
    Priority,
    Report,
    Scope,
    WorkshopFacts,
)
from pipeline.publish.text import (
    capitalised,
    count,
    number,
    sentence,
    tally,
    texts,
)

# statements of a territory and of the whole study: a page holds them
_N_STATEMENTS, _N_EVERYWHERE = 3, 2
_NOT_NEEDS = {"réponse": "reponse", "proposition": "proposition"}  # kinds of themes


def opening_section(report: Report, draft: PageDraft) -> Section:
    """Return the first page: what each territory needs, in statements.

    The priorities of a study of one workshop follow at once, and are not said twice.
    """
    blocks: list[Block] = [PageParagraph(figures_line(report)), *given_paragraph(report)]
    if report.without_themes:
        blocks.append(PageParagraph(why_sentence(report.without_themes), "lead"))
    blocks += extent_note(report, where="ateliers")
    sections = []
    if len(report.scopes) > 1:
        for i in told_workshops(report):
            scope, facts = report.scopes[i + 1], report.workshops[i]
            sections.append(_essential(scope, _N_STATEMENTS, f"essentiel-{i + 1}", draft, facts))
        sections.append(_essential(report.scopes[0], _N_EVERYWHERE, "essentiel-0", draft))
    return make_section(
        "titres.page", "essentiel", *blocks, sections=[one for one in sections if one.blocks]
    )


def _essential(
    scope: Scope,
    n_statements: int,
    anchor: str,
    draft: PageDraft,
    facts: WorkshopFacts | None = None,
) -> Section:
    """The first priorities of a scope, each with who says it and a quote, then a proposal."""
    entries = [_statement(one, draft) for one in scope.priorities[:n_statements]]
    actions = draft.quote(scope.actions, 1) if facts else ()
    entries += [(sentence("essentiel.propose"), cited(quote) + ".") for quote in actions]
    blocks: list[Block] = [Terms(tuple(entries))] if entries else []
    if facts and entries:
        blocks.insert(0, PageParagraph(_held(facts), "note"))
    return Section(scope.title, anchor, tuple(blocks))


def _statement(priority: Priority, draft: PageDraft) -> tuple[str, str]:
    statement = (priority.statement or priority.label).removesuffix(".") + "."
    said = capitalised(", ".join(filter(None, [priority.said, priority.workshops]))) + "."
    quotes = [f"{cited(quote)}." for quote in draft.quote(priority.quotes, 1)]
    key = _NOT_NEEDS.get(priority.kind)
    kind = [sentence(f"essentiel.{key}")] if key else []
    return statement, " ".join([*kind, said, *quotes])


def _held(facts: WorkshopFacts) -> str:
    """Return « 2 avril 2026, Arques · 6 tables · 28 personnes présentes »."""
    counts = {"tables": facts.n_tables, "personnes": facts.n_people}
    parts = [", ".join(filter(None, (facts.date, facts.place)))]
    parts += [
        count(n, *texts()["chiffres"][name].split("|"))
        for name, n in counts.items()
        if isinstance(n, int) and n
    ]
    return " · ".join(filter(None, parts))


def figures_line(report: Report) -> str:
    """Return « 3 ateliers · 18 tables · 84 personnes présentes · … »."""
    words, n_tables = report.counted, sum(workshop.n_tables for workshop in report.workshops)
    counts = {
        "ateliers": len(report.workshops),
        "tables": n_tables,
        "documents": 0 if n_tables or words.is_of_people else report.documents.n_all,
        **({words.column: n_counted(report)} if words.is_of_people else {}),
        "personnes": report.n_people,
        "structures": report.n_structures,
        "passages": report.coverage.n_units,
        "themes": len(report.themes),
    }
    parts = []
    for name, n in counts.items():
        if isinstance(n, int) and (n or name in ("ateliers", "passages")):
            part = words.count_workshops(n)
            if name != "ateliers":
                part = count(n, *texts()["chiffres"][name].split("|"))
            parts.append(part + (lists_note(report) if name == "personnes" else ""))
    return " · ".join(parts)


def n_counted(report: Report) -> int:
    """Return how many tables, documents or people the study counts."""
    return sum(report.material.passages.n_tables.values())


def lists_note(report: Report) -> str:
    """« (1 atelier sur 2 avec une liste d'émargement) »"""
    total = len(report.workshops)
    if report.n_lists == total:
        return ""
    n = report.counted.count_workshops(report.n_lists)
    return f" ({sentence('voix.listes', n=n, total=total)})"


def workshop_section(report: Report, draft: PageDraft) -> Section:
    """Return a line of figures a workshop."""
    title = report.counted.sentence("titres.ateliers")
    if not report.workshops:
        return Section(title, "ateliers", ())
    table = _workshops(report, draft)
    return Section(title, "ateliers", (table, *extent_note(report, where="ateliers")))


def _workshops(report: Report, draft: PageDraft) -> PageTable:
    workshops = [report.workshops[i] for i in told_workshops(report)]
    words = report.counted
    columns: dict[str, float] = {words.atelier: 3, "date": 2.1}
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
            words.atelier: ", ".join(filter(None, (workshop.name, workshop.place))),
            "date": workshop.date,
            "tables": number(workshop.n_tables) if workshop.n_tables else "–",
            "personnes": tally(workshop.n_people, least=least),
            "structures": tally(workshop.n_structures, least=least),
            "documents": number(workshop.n_documents),
            "passages": number(workshop.n_units),
        }
        rows.append([cells[name] for name in columns])
    numbers = list(columns)[2:]
    return draft.table("legendes.ateliers", columns, rows, numbers, ateliers=words.ateliers)
