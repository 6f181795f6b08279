"""Find tables drawn with lines on a PDF page, with pdfplumber; only pages that draw enough lines are looked at.

In:   the bytes of a PDF and the words of a page
Out:  the tables' boxes and cells, and the words outside them
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pdfplumber
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pdfminer.pdfexceptions import PDFException
from pdfplumber.utils.exceptions import PdfminerException

from pipeline.ingest.readers.pdf.page_words import PageWords, Word

_MIN_DRAWN, _MAX_DRAWN = 4, 3000  # shapes on a page: below no table, above a drawing
_MAX_PAGES = 60  # pages of one file looked at: pdfplumber takes a second for each
_TOLERANCE = 2.0  # points
_ALIKE = 6.0  # points by which the left edges of a column may differ from page to page
Box = tuple[float, float, float, float]  # x0, top, x1, bottom
TableRow = tuple[tuple[tuple[float, float], tuple[Word, ...]], ...]


@dataclass(frozen=True)
class RuledTable:
    """A table: its box, and the cells of each row as their left and right edges and words; a cell that a merged one covers is empty."""

    box: Box
    rows: tuple[TableRow, ...]
    is_continued: bool = False  # its first row, the header, stands on a page before


def is_drawn(page: pdfium.PdfPage) -> bool:
    """True where the page draws about as many lines as a table does."""
    n_drawn = sum(1 for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_PATH,), max_depth=3))
    return _MIN_DRAWN <= n_drawn <= _MAX_DRAWN


def tables_of_pages(content: bytes, pages: dict[int, PageWords]) -> dict[int, list[RuledTable]]:
    """Return the tables of the numbered `pages`, those of two rows and columns or more that hold words."""
    found: dict[int, list[RuledTable]] = {}
    try:
        with pdfplumber.open(io.BytesIO(content), pages=[number + 1 for number in sorted(pages)[:_MAX_PAGES]]) as document:
            for number, page in zip(sorted(pages), document.pages, strict=False):
                tables = [_table(table.bbox, [row.cells for row in table.rows], pages[number].words) for table in page.find_tables()]
                found[number] = [table for table in tables if _holds_words(table)]
                page.close()
    except (PDFException, PdfminerException, KeyError, ValueError, TypeError, IndexError, AttributeError, struct.error):
        return found  # pdfminer trips over files that pdfium reads: their tables are then read as lines
    return found


def _table(box: Box, rows: Sequence[Sequence[Box | None]], words: Sequence[Word]) -> RuledTable:
    inside = [word for word in words if _is_in(word, box)]
    return RuledTable(box, tuple(tuple(_cell(cell, inside) for cell in row) for row in rows))


def _cell(box: Box | None, words: Sequence[Word]) -> tuple[tuple[float, float], tuple[Word, ...]]:
    return ((box[0], box[2]), tuple(word for word in words if _is_in(word, box))) if box else ((0.0, 0.0), ())


def _is_in(word: Word, box: Box) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.top + word.bottom) / 2
    return box[0] - _TOLERANCE <= x <= box[2] + _TOLERANCE and box[1] - _TOLERANCE <= y <= box[3] + _TOLERANCE


def _holds_words(table: RuledTable) -> bool:
    n_filled = [sum(bool(words) for _, words in row) for row in table.rows]
    return sum(map(bool, n_filled)) >= 2 and max(n_filled) >= 2


def with_headers(pages: dict[int, list[RuledTable]]) -> dict[int, list[RuledTable]]:
    """The tables by page, those that go on from the page before with its header put above their first row."""
    found: dict[int, list[RuledTable]] = {}
    for number in sorted(pages):
        tables = sorted(pages[number], key=lambda table: table.box[1])
        before = found.get(number - 1, [])
        if before and tables and _goes_on(before[-1], tables[0]):
            tables[0] = replace(tables[0], rows=(before[-1].rows[0], *tables[0].rows), is_continued=True)
        found[number] = tables
    return found


def _goes_on(above: RuledTable, table: RuledTable) -> bool:
    """True where `table`, on the next page, has the columns of `above` at the same places and does not repeat its header."""
    edges, others = ([edge for edge, _ in entry.rows[0]] for entry in (above, table))
    is_alike = len(edges) == len(others) and all(abs(one[0] - other[0]) < _ALIKE for one, other in zip(edges, others, strict=True))
    texts, repeated = ([[word.text for word in words] for _, words in entry.rows[0]] for entry in (above, table))
    return is_alike and texts != repeated


def outside(words: Sequence[Word], tables: Sequence[RuledTable]) -> list[Word]:
    """The words that lie in no table."""
    return [word for word in words if not any(_is_in(word, table.box) for table in tables)]
