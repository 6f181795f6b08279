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
    set_aside_section,
    theme_section,
)
from pipeline.publish.layout.blocks import Page, PageDraft, Section, told_names
from pipeline.publish.layout.crossings import (
    contrast_section,
    map_section,
    problem_section,
    reading_section,
    rubrique_section,
    voice_section,
)
from pipeline.publish.layout.gaps import gap_section
from pipeline.publish.layout.information import information_section
from pipeline.publish.layout.offers import offer_list, offer_section
from pipeline.publish.layout.opening import (
    opening_section,
    workshop_section,
)
from pipeline.publish.layout.priorities import priority_section, rank_section
from pipeline.publish.layout.territories import territory_section
from pipeline.publish.layout.without_themes import notice, passage_section, repeat_section
from pipeline.publish.report.content import Report
from pipeline.publish.text import NBSP, sentence, some_of

_SUBTITLE_CHARS = 120
Part = Literal["rapport", "annexe", "territoires"]
_Maker = Callable[[Report, PageDraft], Section]

_REPORT: tuple[_Maker, ...] = (
    opening_section,
    priority_section,
    territory_section,
    information_section,
    offer_section,
    gap_section,
)
_TERRITORIES: tuple[_Maker, ...] = (
    rubrique_section,
    contrast_section,
    reading_section,
    information_section,
    offer_section,
    gap_section,
    voice_section,
    map_section,
)
_WITHOUT_THEMES: tuple[_Maker, ...] = (
    opening_section,
    passage_section,
    repeat_section,
    territory_section,
    offer_section,
)
_TECHNICAL: tuple[_Maker, ...] = (
    workshop_section,
    method_section,
    rank_section,
    theme_section,
    rubrique_section,
    contrast_section,
    reading_section,
    voice_section,
    problem_section,
    code_section,
    offer_list,
    set_aside_section,
    document_section,
)


def lay_out(report: Report, part: Part = "rapport") -> Page:
    """Return the page of `report`: what people read, its technical annex, or its territories.

    Figures and tables are numbered from 1 in reading order. Without themes the page is brief.
    """
    draft, is_brief = PageDraft(), report.without_themes is not None
    makers = {"annexe": _TECHNICAL, "territoires": _TERRITORIES}.get(part, _REPORT)
    if part == "rapport" and is_brief:
        makers = _WITHOUT_THEMES
    sections = [make(report, draft) for make in makers]
    return Page(
        title=report.title,
        subtitle=_subtitle(report, part),
        made_at=report.made_at,
        notice=_notice(report, part),
        sections=tuple(one for one in sections if one.blocks or one.sections),
        is_brief=is_brief or (part == "rapport" and len(report.workshops) == 1),
    )


def _subtitle(report: Report, part: Part) -> str:
    """Return « Retz et Albret · du 2 avril au 19 mai 2026 · rapport du 1er juin 2026 »."""
    key = "rapport.sous_titre_annexe" if part == "annexe" else "rapport.sous_titre"
    days = list(dict.fromkeys(one.date for one in report.workshops if one.date))
    held = days[0] if len(days) == 1 else ""
    if len(days) > 1:
        year = days[-1].rpartition(NBSP)[2]  # said once
        first = days[0].removesuffix(f"{NBSP}{year}")
        held = sentence("rapport.entre", debut=first, fin=days[-1])
    territories = some_of(report.territories or tuple(told_names(report)), _SUBTITLE_CHARS)
    made = sentence(key, date=report.made_on)
    if report.commissioner:
        made += f", {sentence('rapport.commande', commanditaire=report.commissioner)}"
    return " · ".join(filter(None, [territories, held, made]))


def _notice(report: Report, part: Part) -> str:
    where = [sentence("rapport.voir_annexe")] if part == "rapport" else []
    has_counts = part == "rapport" and not report.without_themes
    at_least = [report.counted.sentence("essentiel.environ")] if has_counts else []
    return " ".join([notice(report), *at_least, *where])
