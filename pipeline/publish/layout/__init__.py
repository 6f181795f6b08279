"""Lay a report out as sections of blocks that every format renders.

In:   Report
Out:  Page
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from pipeline.publish.layout.annexes import (
    code_section,
    document_section,
    method_section,
    offer_section,
    set_aside_section,
    theme_section,
)
from pipeline.publish.layout.blocks import CaptionNumbering, Page, Section
from pipeline.publish.layout.crossings import (
    map_section,
    rubrique_section,
    territory_section,
    voice_section,
)
from pipeline.publish.layout.opening import opening_section, priority_section, prospect_section
from pipeline.publish.layout.without_themes import notice, passage_section, repeat_section
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
_WITHOUT_THEMES: tuple[_Maker, ...] = (
    opening_section,
    passage_section,
    repeat_section,
    offer_section,
    voice_section,
    map_section,
    method_section,
    code_section,
    document_section,
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

    Figures and tables are numbered from 1 in reading order. Without themes the page is brief.
    """
    numbering, is_brief = CaptionNumbering(), report.without_themes is not None
    makers = _TERRITORIES
    if part == "tout":
        makers = _WITHOUT_THEMES if is_brief else _SECTIONS
    sections = [make(report, numbering) for make in makers]
    n = report.coverage.n_reviewed_tags
    review = sentence("rapport.avis_avec_relecture", n=number(n))
    if not n:
        review = sentence("rapport.avis_sans_relecture")
    warning = notice(report)
    return Page(
        title=report.title,
        subtitle=sentence("rapport.sous_titre", date=report.made_on),
        made_at=report.made_at,
        notice=replace(warning, text=f"{warning.text} {review}"),
        sections=tuple(one for one in sections if one.blocks or one.sections),
        is_brief=is_brief,
    )
