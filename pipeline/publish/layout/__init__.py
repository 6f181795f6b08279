"""Lay a report out as sections of blocks, in the order it is read; every format renders the same blocks.

In:   Report
Out:  Page
"""

from collections.abc import Callable

from pipeline.publish.layout.annexes import code_section, document_section, offer_section, set_aside_section, theme_section
from pipeline.publish.layout.blocks import Callout, Page, Section
from pipeline.publish.layout.crossings import rubrique_section, territory_section, voice_section
from pipeline.publish.layout.method import method_section
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.layout.opening import opening_section
from pipeline.publish.layout.priorities import priority_section
from pipeline.publish.report.content import Report
from pipeline.publish.text import number, sentence

__all__ = ["lay_out"]

_SECTIONS: tuple[Callable[[Report, Numbering], Section], ...] = (
    opening_section,
    method_section,
    priority_section,
    rubrique_section,
    territory_section,
    offer_section,
    voice_section,
    theme_section,
    set_aside_section,
    code_section,
    document_section,
)


def lay_out(report: Report) -> Page:
    """Return the page of `report`; figures and tables are numbered from 1 in reading order."""
    numbering = Numbering()
    return Page(
        title=report.title,
        subtitle=sentence("rapport.sous_titre", date=report.made_on),
        made_at=report.made_at,
        notice=Callout(sentence("rapport.avis_titre"), f"{sentence('rapport.avis')} {_review(report)}"),
        sections=tuple(make(report, numbering) for make in _SECTIONS),
    )


def _review(report: Report) -> str:
    n_reviewed = report.coverage.n_reviewed_tags
    if not n_reviewed:
        return sentence("rapport.avis_sans_relecture")
    return sentence("rapport.avis_avec_relecture", n=number(n_reviewed))
