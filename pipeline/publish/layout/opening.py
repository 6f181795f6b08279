"""The first page: the study in figures, its workshops, and the first priorities."""

from pipeline.publish.layout.blocks import Block, Facts, Paragraph, Quotes, Section
from pipeline.publish.layout.extent import extent_note, told_workshops
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.content import Priority, Report
from pipeline.publish.text import capitalised, count, number, sentence, tally, texts

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
        name: n for name, n in counts.items() if isinstance(n, int) and (n or name in ("ateliers", "passages"))
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
    widths = {"atelier": 3, "date": 2.1, "tables": 1.3, "personnes": 1.8, "structures": 1.9, "documents": 2, "passages": 1.7}
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
    rows = [(f"{item.rank}. {item.label}", item.why, capitalised(item.interval)) for item in report.scopes[0].priorities]
    return numbering.table(sentence("titres.priorites_page"), {"theme": 2.6, "pourquoi": 5.4, "intervalle": 2.4}, rows)


def _evidence(first: Priority) -> tuple[Block, ...]:
    """What was said of the first priority: whoever reads one page reads people's own words."""
    if not first.quotes:
        return ()
    return Paragraph(sentence("priorites.dit", theme=first.label)), Quotes(first.quotes[:_N_QUOTES])
