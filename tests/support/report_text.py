"""The text of a report as its formats show it, and as its pages hold it."""

import itertools
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2

from pipeline.publish.layout.blocks import (
    Page,
    PageFigure,
    PageParagraph,
    PageTable,
    Quotes,
    Section,
    Terms,
)


def pdf_text(path: Path) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path))


def squeezed(text: str) -> str:
    """`text` without what a line end may add or take: spaces, hyphens, marks of joining."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKC", text)
        if not letter.isspace()
        and unicodedata.category(letter) not in ("Cf", "Cc", "Pd", "So", "Co")
    ).replace("\ufffe", "")


def sections_of(page: Page) -> Iterator[Section]:
    for section in page.sections:
        yield section
        yield from section.sections


def words_of(block: Any) -> list[str]:
    """All that a block shows as text."""
    match block:
        case PageParagraph():
            return [block.text]
        case Terms():
            return list(itertools.chain(*block.entries))
        case PageTable():
            return [block.caption, *block.columns, *itertools.chain(*block.rows)]
        case PageFigure():
            return [f"{block.label} {block.number}. {block.caption}"]
        case Quotes():
            return [text for quote in block.quotes for text in (quote.text, quote.where)]
    raise TypeError(type(block))
