"""Find tables laid out by white space alone on a PDF page: a row of short titles above cells that keep to their columns.

In:   the words of a page that lie in no drawn table
Out:  tables of three columns or more, as those that are drawn

Find tables drawn with lines on a PDF page, with pdfplumber; only pages that draw enough lines are looked at.
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import pdfplumber
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pdfminer.pdfexceptions import PDFException
from pdfplumber.utils.exceptions import PdfminerException

from pipeline.ingest.readers.pdf.page_words import PageWords, Word
from pipeline.ingest.readers.pdf.reading_order import Line, segments_of_words
from pipeline.ingest.readers.wording import bullet_of, is_finished

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
        with pdfplumber.open(
            io.BytesIO(content), pages=[number + 1 for number in sorted(pages)[:_MAX_PAGES]]
        ) as document:
            for number, page in zip(sorted(pages), document.pages, strict=False):
                tables = [
                    _table(table.bbox, [row.cells for row in table.rows], pages[number].words)
                    for table in page.find_tables()
                ]
                found[number] = [table for table in tables if _holds_words(table)]
                page.close()
    except (
        PDFException,
        PdfminerException,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        struct.error,
    ):
        return found  # pdfminer trips over files that pdfium reads: their tables are then read as lines
    return found


def _table(box: Box, rows: Sequence[Sequence[Box | None]], words: Sequence[Word]) -> RuledTable:
    inside = [word for word in words if _is_in(word, box)]
    return RuledTable(box, tuple(tuple(_cell(cell, inside) for cell in row) for row in rows))


def _cell(box: Box | None, words: Sequence[Word]) -> tuple[tuple[float, float], tuple[Word, ...]]:
    return (
        ((box[0], box[2]), tuple(word for word in words if _is_in(word, box)))
        if box
        else ((0.0, 0.0), ())
    )


def _is_in(word: Word, box: Box) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.top + word.bottom) / 2
    return (
        box[0] - _TOLERANCE <= x <= box[2] + _TOLERANCE
        and box[1] - _TOLERANCE <= y <= box[3] + _TOLERANCE
    )


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
            tables[0] = replace(
                tables[0], rows=(before[-1].rows[0], *tables[0].rows), is_continued=True
            )
        found[number] = tables
    return found


def _goes_on(above: RuledTable, table: RuledTable) -> bool:
    """True where `table`, on the next page, has the columns of `above` at the same places and does not repeat its header."""
    edges, others = ([edge for edge, _ in entry.rows[0]] for entry in (above, table))
    is_alike = len(edges) == len(others) and all(
        abs(one[0] - other[0]) < _ALIKE for one, other in zip(edges, others, strict=True)
    )
    texts, repeated = (
        [[word.text for word in words] for _, words in entry.rows[0]] for entry in (above, table)
    )
    return is_alike and texts != repeated


def outside(words: Sequence[Word], tables: Sequence[RuledTable]) -> list[Word]:
    """The words that lie in no table."""
    return [word for word in words if not any(_is_in(word, table.box) for table in tables)]


_MIN_COLUMNS, _MIN_ROWS = 3, 3  # the row of titles counted
_MAX_TITLE_WORDS = 5
_MAX_LABEL_WORDS = 2.0  # median words of the column that tells a table from columns of running text
_MAX_GAP = 4.0  # heights between the rows of one table
_MIN_STRIP = 0.6  # of the height: white between two columns
_NEAR = 0.8  # of the usual distance of rows: a line nearer than this goes on with the cells above


@dataclass(frozen=True)
class _Row:
    """The segments that stand on one line, from left to right."""

    segments: tuple[Line, ...]

    @property
    def top(self) -> float:
        """Its upper edge."""
        return min(segment.top for segment in self.segments)

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return max(segment.bottom for segment in self.segments)


def aligned_tables(words: Sequence[Word]) -> list[RuledTable]:
    """Return the tables among `words`, from top to bottom."""
    rows = _rows(words)
    tables: list[RuledTable] = []
    place = 0
    while place < len(rows):
        end = _end(rows, place) if _is_head(rows[place]) else place
        table = _aligned_tables_table(rows[place:end], words) if end - place >= _MIN_ROWS else None
        if table is None:
            place += 1
        else:
            tables.append(table)
            place = end
    return tables


def _rows(words: Sequence[Word]) -> list[_Row]:
    rows: list[list[Line]] = []
    for segment in sorted(
        segments_of_words(words), key=lambda line: ((line.top + line.bottom) / 2, line.x0)
    ):
        above = rows[-1] if rows else None
        if (
            above
            and min(above[0].bottom, segment.bottom) - max(above[0].top, segment.top)
            > 0.5 * segment.height
        ):
            above.append(segment)
        else:
            rows.append([segment])
    return [_Row(tuple(sorted(row, key=lambda line: line.x0))) for row in rows]


def _is_head(row: _Row) -> bool:
    """True for three short titles or more, side by side."""
    texts = [segment.text for segment in row.segments]
    is_short = all(
        len(text.split()) <= _MAX_TITLE_WORDS and not is_finished(text) and not bullet_of(text)
        for text in texts
    )
    return (
        len(texts) >= _MIN_COLUMNS
        and is_short
        and len(set(texts)) == len(texts)
        and not any(text[:1].isdigit() for text in texts)
    )


def _end(rows: Sequence[_Row], start: int) -> int:
    """Where the table that `rows[start]` heads ends: before the first row that crosses the white between its columns, or lies far below."""
    n_columns = len(rows[start].segments)
    end = start + 1
    while end < len(rows):
        above, row = rows[end - 1], rows[end]
        height = median(segment.height for segment in row.segments)
        if (
            row.top - above.bottom > _MAX_GAP * height
            or len(_strips(rows[start : end + 1])) != n_columns
        ):
            break
        end += 1
    while end > start + 1 and len(rows[end - 1].segments) == 1 and _is_apart(rows[start:end]):
        end -= 1  # a lone line below the table
    return end


def _is_apart(rows: Sequence[_Row]) -> bool:
    """True where the last row is further from the one above than rows usually are."""
    gaps = [below.top - above.top for above, below in pairwise(rows)]
    return len(gaps) > 1 and gaps[-1] > 1.3 * median(gaps[:-1])


def _strips(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """The left and right edges of what the rows cover, parted by white that no row crosses."""
    spans = sorted(
        (segment.x0, segment.x1, segment.height) for row in rows for segment in row.segments
    )
    strips: list[tuple[float, float]] = []
    for left, right, height in spans:
        if strips and left - strips[-1][1] < _MIN_STRIP * height:
            strips[-1] = (strips[-1][0], max(strips[-1][1], right))
        else:
            strips.append((left, right))
    return strips


def _aligned_tables_table(rows: Sequence[_Row], words: Sequence[Word]) -> RuledTable | None:
    """The table of `rows`, None where its cells are running text or mostly blank."""
    strips = _strips(rows)
    box = (strips[0][0] - 1, rows[0].top - 1, strips[-1][1] + 1, rows[-1].bottom + 1)
    inside = [
        word
        for word in words
        if box[0] <= (word.x0 + word.x1) / 2 <= box[2]
        and box[1] <= (word.top + word.bottom) / 2 <= box[3]
    ]
    merged = _merged(rows)
    cells = [
        tuple(
            (
                strip,
                tuple(word for word in inside if _aligned_tables_is_in(word, strip, top, bottom)),
            )
            for strip in strips
        )
        for top, bottom in merged
    ]
    columns = [
        [len(row[place][1]) for row in cells[1:] if row[place][1]] for place in range(len(strips))
    ]
    has_labels = any(median(column) <= _MAX_LABEL_WORDS for column in columns if len(column) > 1)
    n_filled = sum(map(len, columns))
    is_full = n_filled >= 0.5 * len(columns) * (len(cells) - 1) and all(columns)
    return (
        RuledTable(box, tuple(cells))
        if has_labels and is_full and len(cells) >= _MIN_ROWS
        else None
    )


def _merged(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Top and bottom of each row of cells: a line nearer than usual, that leaves the first column blank, goes on with the one above."""
    first = rows[0].segments[0].x0
    gaps = [
        below.top - above.top
        for above, below in pairwise(rows)
        if below.segments[0].x0 - first < below.segments[0].height
    ]
    usual = median(gaps) if gaps else 0.0
    merged: list[tuple[float, float]] = []
    for place, row in enumerate(rows):
        is_more = (
            place > 1
            and row.segments[0].x0 - first >= row.segments[0].height
            and row.top - rows[place - 1].top < _NEAR * usual
        )
        if is_more:
            merged[-1] = (merged[-1][0], row.bottom)
        else:
            merged.append((row.top, row.bottom))
    return merged


def _aligned_tables_is_in(
    word: Word, strip: tuple[float, float], top: float, bottom: float
) -> bool:
    return (
        strip[0] - 1 <= (word.x0 + word.x1) / 2 <= strip[1] + 1
        and top - 1 <= (word.top + word.bottom) / 2 <= bottom + 1
    )
