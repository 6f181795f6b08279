"""The first page: the study in figures, its workshops, and the first priorities."""

from pipeline.publish.layout.blocks import Block, Facts, Paragraph, Quotes, Section
from pipeline.publish.layout.extent import extent_note, told_workshops
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.content import Priority, Report
from pipeline.publish.text import capitalised, number, sentence, tally, texts

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
        "tables": sum(workshop.n_tables for workshop in report.workshops),
        "personnes": report.n_people,
        "structures": report.n_structures,
        "passages": report.coverage.n_units,
        "themes": len(report.themes),
    }
    words = {name: texts()["chiffres"][name].split("|") for name in counts}
    shown = {  # without an attendance list, nobody is counted; what may not be told is left out
        name: n for name, n in counts.items() if isinstance(n, int) and (n or name in ("ateliers", "passages"))
    }
    return Facts(tuple((number(n), words[name][n > 1]) for name, n in shown.items()))


def _workshops(report: Report, numbering: Numbering) -> Block:
    columns = {"atelier": 3, "date": 2.1, "tables": 1.3, "personnes": 1.8, "structures": 1.9, "documents": 2, "passages": 1.7}
    rows = [
        (
            f"{workshop.name}, {workshop.place}" if workshop.place else workshop.name,
            workshop.date,
            number(workshop.n_tables),
            *(tally(n, least=report.least_count) for n in (workshop.n_people, workshop.n_structures)),
            number(workshop.n_documents),
            number(workshop.n_units),
        )
        for workshop in (report.workshops[place] for place in told_workshops(report))
    ]
    return numbering.table(sentence("legendes.ateliers"), columns, rows, numbers=list(columns)[2:])


def _priorities(report: Report, numbering: Numbering) -> Block:
    rows = [(f"{item.rank}. {item.label}", item.why, capitalised(item.interval)) for item in report.scopes[0].priorities]
    return numbering.table(sentence("titres.priorites_page"), {"theme": 2.6, "pourquoi": 5.4, "intervalle": 2.4}, rows)


def _evidence(first: Priority) -> tuple[Block, ...]:
    """What was said of the first priority: whoever reads one page reads people's own words."""
    if not first.quotes:
        return ()
    return Paragraph(sentence("priorites.dit", theme=first.label)), Quotes(first.quotes[:_N_QUOTES])
