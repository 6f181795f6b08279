"""Print a report's page as a PDF with typst.

In:   a page
Out:  the bytes of a .pdf file

Texts reach typst as JSON strings, so that none is read as markup. Only the compiler's fonts and
templates/fonts/ are used, so that the file is the same on any machine.
"""

import dataclasses
import datetime
import json
import re
import tempfile
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pypdfium2
import typst

from pipeline.publish.charts import FONTS, Drawings, Spec, draw_png, draw_svg
from pipeline.publish.layout.blocks import (
    INTRODUCED,
    Block,
    Page,
    PageFigure,
    Quotes,
    Section,
)
from pipeline.publish.text import quoted, sentence

_TEMPLATE = Path(__file__).with_name("templates") / "rapport.typ"
_WIDTH_PT = 481.0  # of the text on a page
_MARGIN_PT = 45.0  # above and below, where header and footer are
_LEAST_FILLED_PT = 60.0  # four lines
_SIZES = (1.0, 0.98, 0.96, 0.94, 1.02)  # tried in turn
_PT_A_UNIT = 0.75  # 96 units of a drawing an inch
# typst draws an SVG text in one font: a name in two scripts is drawn as PNG instead
_OTHER_SCRIPT = re.compile("[\u0590-\u08ff\u2600-\uffff\U00010000-\U0010ffff]")
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)"')


def print_page(page: Page, *, size: float = 1.0, drawings: Drawings | None = None) -> bytes:
    """Return the PDF of `page`; `size` scales its letters.

    A page that would hold a line or two is spared by letters a little smaller.
    """
    with tempfile.TemporaryDirectory(prefix="ateliers-") as scratch:
        folder = Path(scratch)
        content = _PageWriter(folder, drawings).page(page)
        main = folder / "page.typ"
        main.write_bytes(_TEMPLATE.read_bytes())
        day = datetime.datetime.fromisoformat(page.made_at).replace(tzinfo=datetime.UTC)
        printed: list[bytes] = []
        for share in _SIZES:
            text = json.dumps(content | {"size": size * share}, ensure_ascii=False)
            (folder / "page.json").write_text(text, encoding="utf-8")
            compiler = typst.Compiler(main, root=folder, font_paths=_fonts())
            made = compiler.compile(format="pdf", timestamp=day)
            assert isinstance(made, bytes)
            printed.append(made)
            if not _has_page_of_few_lines(printed[-1]):
                return printed[-1]
    return printed[0]


def _has_page_of_few_lines(printed: bytes) -> bool:
    """Whether a page is filled for less than `_LEAST_FILLED_PT`, header and footer left out."""
    with pypdfium2.PdfDocument(printed) as document:
        for page in document:
            least, most = _MARGIN_PT, page.get_height() - _MARGIN_PT
            bounds = [one.get_bounds() for one in page.get_objects(max_depth=1)]
            within = [
                (bottom, top)
                for _left, bottom, _right, top in bounds
                if least < top and bottom < most
            ]
            if within:
                bottoms, tops = zip(*within, strict=True)
                if max(tops) - min(bottoms) < _LEAST_FILLED_PT:
                    return True
    return False


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=[FONTS])


class _PageWriter:
    def __init__(self, folder: Path, drawings: Drawings | None) -> None:
        self._folder, self._n_drawings, self._drawings = folder, 0, drawings or Drawings()

    def page(self, page: Page) -> dict[str, Any]:
        day = datetime.date.fromisoformat(page.made_at)
        sections: list[dict[str, Any]] = []
        for section in page.sections:
            self._add_section(sections, section, 1)
        return {
            "title": page.title,
            "subtitle": page.subtitle,
            "made": {"year": day.year, "month": day.month, "day": day.day},
            "notice": page.notice,
            "contents_title": sentence("rapport.sommaire"),
            "is_long": not page.is_brief,
            "sections": sections,
        }

    def _add_section(self, sections: list[dict[str, Any]], section: Section, level: int) -> None:
        blocks = [
            self._block(block) | {"sticky": isinstance(after, INTRODUCED)}
            for block, after in zip_longest(section.blocks, section.blocks[1:])
        ]
        own = {"title": section.title, "level": level, "starts_page": section.starts_page}
        sections.append(own | {"blocks": blocks})
        for inner in section.sections:
            self._add_section(sections, inner, level + 1)

    def _block(self, block: Block) -> dict[str, Any]:
        kind = {"kind": type(block).__name__}
        if isinstance(block, PageFigure):
            drawing = self._drawing(block.spec, block.alt)
            return kind | {"label": block.label, "caption": block.caption, "drawing": drawing}
        if isinstance(block, Quotes):
            quotes = [(quoted(quote.text), quote.where) for quote in block.quotes]
            return kind | {"quotes": quotes, "is_compact": block.is_compact}
        return kind | dataclasses.asdict(block)

    def _drawing(self, spec: Spec, alt: str) -> dict[str, Any]:
        svg = draw_svg(spec, self._drawings)
        self._n_drawings += 1
        is_mixed = _OTHER_SCRIPT.search(svg)
        name = f"{self._n_drawings}.{'png' if is_mixed else 'svg'}"
        (self._folder / name).write_bytes(
            draw_png(spec, self._drawings) if is_mixed else svg.encode()
        )
        size = _SIZE.search(svg)
        width = min(_WIDTH_PT, _PT_A_UNIT * float(size[1])) if size else _WIDTH_PT
        return {"file": name, "alt": alt, "width": width}
