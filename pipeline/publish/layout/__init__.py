"""Lay a report out as sections of blocks, in the order it is read; every format renders the same blocks.

In:   Report
Out:  Page
"""

from collections.abc import Callable
from typing import Literal

from pipeline.publish.layout.annexes import (
    code_section,
    document_section,
    method_section,
    offer_section,
    set_aside_section,
    theme_section,
)
from pipeline.publish.layout.blocks import Callout, Numbering, Page, Section
from pipeline.publish.layout.crossings import (
    map_section,
    rubrique_section,
    territory_section,
    voice_section,
)
from pipeline.publish.layout.opening import opening_section, priority_section, prospect_section
from pipeline.publish.report.content import Report
from pipeline.publish.text import number, sentence

__all__ = ["Part", "lay_out"]

Part = Literal["tout", "territoires"]

_SECTIONS: tuple[Callable[[Report, Numbering], Section], ...] = (
    opening_section,
    method_section,
    priority_section,
    rubrique_section,
    territory_section,
    offer_section,
    prospect_section,
    voice_section,
    map_section,
    theme_section,
    set_aside_section,
    code_section,
    document_section,
)

_TERRITORIES = (
    rubrique_section,
    territory_section,
    offer_section,
    prospect_section,
    voice_section,
    map_section,
)


def lay_out(report: Report, part: Part = "tout") -> Page:
    """Return the page of `report`, or of its part on territories; figures and tables are numbered from 1 in reading order."""
    numbering = Numbering()
    sections = _SECTIONS if part == "tout" else _TERRITORIES
    return Page(
        title=report.title,
        subtitle=sentence("rapport.sous_titre", date=report.made_on),
        made_at=report.made_at,
        notice=Callout(
            sentence("rapport.avis_titre"), f"{sentence('rapport.avis')} {_review(report)}"
        ),
        sections=tuple(
            section
            for make in sections
            if (section := make(report, numbering)).blocks or section.sections
        ),
    )


def _review(report: Report) -> str:
    n_reviewed = report.coverage.n_reviewed_tags
    if not n_reviewed:
        return sentence("rapport.avis_sans_relecture")
    return sentence("rapport.avis_avec_relecture", n=number(n_reviewed))
