"""Write a report as a PDF by typst: contents, captions, numbered pages, charts as vectors, and nothing fetched.

The words reach typst as strings of a JSON file, so that none is read as markup. Only the compiler's own fonts and those of
templates/fonts/ (emoji, Arabic) are used, so that the same report is the same file on any machine.

In:   Report
Out:  a .pdf file
"""

import dataclasses
import datetime
import itertools
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import typst

from pipeline.publish.charts import FONTS, Spec, draw_png, draw_svg
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.layout.blocks import (
    Block,
    Figure,
    Page,
    Paragraph,
    PriorityCard,
    Quotes,
    Section,
    Table,
    Terms,
)
from pipeline.publish.report.content import Quote, Report
from pipeline.publish.text import quoted, sentence

_TEMPLATE = Path(__file__).with_name("templates") / "rapport.typ"
_WIDTH_PT = 481.0  # of the text on a page
_PT_A_UNIT = 0.75  # 96 units of a drawing an inch
# typst draws a text of an SVG in one font: a name in two scripts would be boxes, so that its drawing is a picture
_OTHER_SCRIPT = re.compile("[\u0590-\u08ff\u2600-\uffff\U00010000-\U0010ffff]")
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)"')


def write_pdf(report: Report, path: Path, *, part: Part = "tout") -> None:
    """Write `report`, or its part on territories, at `path`; a file that is there is replaced."""
    path.write_bytes(print_page(lay_out(report, part)))


def print_page(page: Page, *, size: float = 1.0) -> bytes:
    """The PDF of `page`, its letters `size` times as large as usual."""
    with tempfile.TemporaryDirectory(prefix="ateliers-") as scratch:
        folder = Path(scratch)
        (folder / "page.json").write_text(
            json.dumps(_Writer(folder).page(page) | {"size": size}, ensure_ascii=False),
            encoding="utf-8",
        )
        main = folder / "page.typ"
        main.write_bytes(_TEMPLATE.read_bytes())
        day = datetime.datetime.fromisoformat(page.made_at).replace(tzinfo=datetime.UTC)
        printed = typst.Compiler(
            main, root=folder, font_paths=[FONTS], ignore_system_fonts=True
        ).compile(format="pdf", timestamp=day)
    assert isinstance(printed, bytes)
    return printed


class _Writer:
    """Turns blocks into what the template reads; drawings are files beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._n_drawings = folder, 0

    def page(self, page: Page) -> dict[str, Any]:
        day = datetime.date.fromisoformat(page.made_at)
        return {
            "title": page.title,
            "subtitle": page.subtitle,
            "made": {"year": day.year, "month": day.month, "day": day.day},
            "notice": dataclasses.asdict(page.notice),
            "contents_title": sentence("rapport.sommaire"),
            "is_long": not page.is_brief,
            "sections": [
                written for section in page.sections for written in self._sections(section, 1)
            ],
        }

    def _sections(self, section: Section, level: int) -> list[dict[str, Any]]:
        """The section, then those within it."""
        followed = itertools.zip_longest(section.blocks, section.blocks[1:])
        blocks = [
            self._block(block, is_sticky=isinstance(after, Figure | Table | Terms | Quotes))
            for block, after in followed
        ]
        mine = {
            "title": section.title,
            "level": level,
            "starts_page": section.starts_page,
            "blocks": blocks,
        }
        return [
            mine,
            *(
                written
                for inner in section.sections
                for written in self._sections(inner, level + 1)
            ),
        ]

    def _block(self, block: Block, *, is_sticky: bool) -> dict[str, Any]:
        kind = {"kind": type(block).__name__}
        if isinstance(block, Paragraph):
            return kind | {"text": block.text, "style": block.style, "sticky": is_sticky}
        if isinstance(block, Table):
            return kind | dataclasses.asdict(block) | {"label": block.label}
        if isinstance(block, Figure):
            return kind | {
                "label": block.label,
                "caption": block.caption,
                "drawing": self._drawing(block.spec, block.alt, _WIDTH_PT),
            }
        if isinstance(block, PriorityCard):
            return kind | self._card(block)
        if isinstance(block, Quotes):
            return kind | {"quotes": _quotes(block.quotes)}
        return kind | dataclasses.asdict(block)

    def _card(self, block: PriorityCard) -> dict[str, Any]:
        priority = block.priority
        return {
            "title": f"{priority.rank}. {priority.label}",
            "why": priority.why,
            "facts": block.facts,
            "drawing": None
            if block.profile is None
            else self._drawing(block.profile, block.profile_alt, _WIDTH_PT / 2),
            "legend": block.legend,
            "quotes": _quotes(priority.quotes),
            "is_breakable": sum(len(quote.text) for quote in priority.quotes) > 2000,
        }

    def _drawing(self, spec: Spec, alt: str, widest_pt: float) -> dict[str, Any]:
        svg = draw_svg(spec)
        self._n_drawings += 1
        is_mixed = _OTHER_SCRIPT.search(svg)
        name = f"{self._n_drawings}.{'png' if is_mixed else 'svg'}"
        (self._folder / name).write_bytes(draw_png(spec) if is_mixed else svg.encode())
        size = _SIZE.search(svg)
        return {
            "file": name,
            "alt": alt,
            "width": min(widest_pt, _PT_A_UNIT * float(size[1]) if size else widest_pt),
        }


def _quotes(quotes: tuple[Quote, ...]) -> list[tuple[str, str]]:
    return [(quoted(quote.text), quote.where) for quote in quotes]
