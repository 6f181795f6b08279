"""Lay a report out as sections of blocks that every format renders.

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
from pipeline.publish.layout.blocks import Callout, CaptionNumbering, Page, Section
from pipeline.publish.layout.crossings import (
    map_section,
    rubrique_section,
    territory_section,
    voice_section,
)
from pipeline.publish.layout.opening import opening_section, priority_section, prospect_section
from pipeline.publish.report.content import Report
from pipeline.publish.text import number, sentence

Part = Literal["tout", "territoires"]
_Maker = Callable[[Report, CaptionNumbering], Section]

_TERRITORIES: tuple[_Maker, ...] = (
    rubrique_section,
    territory_section,
    offer_section,
    prospect_section,
    voice_section,
    map_section,
)
_SECTIONS: tuple[_Maker, ...] = (
    opening_section,
    method_section,
    priority_section,
    *_TERRITORIES,
    theme_section,
    set_aside_section,
    code_section,
    document_section,
)


def lay_out(report: Report, part: Part = "tout") -> Page:
    """Return the page of `report`, or of its part on territories.

    Figures and tables are numbered from 1 in reading order.
    """
    numbering = CaptionNumbering()
    sections = [make(report, numbering) for make in (_SECTIONS if part == "tout" else _TERRITORIES)]
    n = report.coverage.n_reviewed_tags
    review = sentence("rapport.avis_avec_relecture", n=number(n))
    if not n:
        review = sentence("rapport.avis_sans_relecture")
    return Page(
        title=report.title,
        subtitle=sentence("rapport.sous_titre", date=report.made_on),
        made_at=report.made_at,
        notice=Callout(sentence("rapport.avis_titre"), f"{sentence('rapport.avis')} {review}"),
        sections=tuple(one for one in sections if one.blocks or one.sections),
    )
