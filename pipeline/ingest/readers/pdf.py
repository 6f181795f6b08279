"""Read PDF files with pdfium, and with pdfplumber where a page draws tables.

Tables are drawn, or aligned by white space: short titles above cells in columns.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from statistics import median

import pdfplumber
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pdfminer.pdfexceptions import PDFException
from pdfplumber.utils.exceptions import PdfminerException

from pipeline.errors import ReadError
from pipeline.ingest.parts import (
    NO_TEXT_LAYER,
    READ_BY_MACHINE,
    FileContent,
    RawBlock,
    RawPart,
    corrupt,
    no_text,
    protected,
)
from pipeline.ingest.readers.blocks import (
    Cell,
    Draft,
    blocks_of_drafts,
    blocks_of_rows,
    drafts_of_blocks,
    furniture_blocks,
)
from pipeline.ingest.readers.pdf_lines import (
    PageWords,
    PdfLine,
    PdfWord,
    annotations_of_page,
    drafts_of_lines,
    lines_of_words,
    segments_of_words,
    usual_height,
    without_furniture,
    words_of_page,
)
from pipeline.ingest.readers.pictures import LineReader, blocks_of_picture
from pipeline.ingest.words import bullet_of, is_finished

_MIN_DRAWN, _MAX_DRAWN = 4, 3000  # shapes on a page: fewer are no table, more a drawing
_MAX_DRAWN_PAGES = 60  # pages of one file: pdfplumber takes a second for each
_TOLERANCE = 2.0  # points around a drawn cell
_ALIGNED_TOLERANCE = 1.0  # points around an aligned cell
_SAME_EDGE = 6.0  # points between a column's left edges on two pages
_MIN_COLUMNS, _MIN_ROWS = 3, 3  # of an aligned table, titles included
_MAX_TITLE_WORDS = 5
_MAX_LABEL_WORDS = 2.0  # median words of a table's label column, more in running text
_MAX_GAP = 4.0  # heights between rows
_MIN_STRIP = 0.6  # of the height, between columns
_NEAR = 0.8  # of the usual row distance: a nearer line continues the cells above

# pdfminer fails on some files that pdfium reads: their tables become lines.
_PDFMINER_ERRORS = (
    PDFException,
    PdfminerException,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    struct.error,
)

Box = tuple[float, float, float, float]  # x0, top, x1, bottom
Span = tuple[float, float]  # left and right edges
PdfCell = tuple[Span, tuple[PdfWord, ...]]

_MAX_PAGES = 3000
_MAX_SCANNED = 20  # reported one by one
_MIN_WORDS_A_PAGE = 3  # a lower average, on pages with pictures, is a scan
_SCAN_ADVICE = f"{READ_BY_MACHINE}, ou déposer le document d'origine"
_TAKEN_FOR = "PDF numérisé, lu par machine"
_RENDERED = 2000  # pixels of the long side of a page that is read as a picture
_MAX_SCALE = 300 / 72  # pixels a point
_FORMS = (raw.FORMTYPE_ACRO_FORM, raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND)
_LOCKED = (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)


@dataclass(frozen=True)
class PdfTable:
    """A table's box and its cells by row; a cell covered by a merge is empty."""

    box: Box
    rows: tuple[tuple[PdfCell, ...], ...]
    is_continued: bool = False  # its header is on a page before


def is_drawn(page: pdfium.PdfPage) -> bool:
    """Whether the page draws about as many lines as a table does."""
    n_drawn = sum(1 for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_PATH,), max_depth=3))
    return _MIN_DRAWN <= n_drawn <= _MAX_DRAWN


def drawn_tables(content: bytes, pages: dict[int, PageWords]) -> dict[int, list[PdfTable]]:
    """Return the drawn tables by page, with words in two rows and columns or more."""
    tables: dict[int, list[PdfTable]] = {}
    numbers = sorted(pages)[:_MAX_DRAWN_PAGES]
    with (
        suppress(*_PDFMINER_ERRORS),
        pdfplumber.open(io.BytesIO(content), pages=[n + 1 for n in numbers]) as document,
    ):
        for number, page in zip(numbers, document.pages, strict=False):
            drawn = [_drawn_table(table, pages[number].words) for table in page.find_tables()]
            tables[number] = [table for table in drawn if _holds_words(table)]
            page.close()
    return tables


def _drawn_table(table: "pdfplumber.table.Table", words: Sequence[PdfWord]) -> PdfTable:
    inside = [word for word in words if _is_in(word, table.bbox, _TOLERANCE)]
    rows = tuple(tuple(_drawn_cell(box, inside) for box in row.cells) for row in table.rows)
    return PdfTable(table.bbox, rows)


def _drawn_cell(box: Box | None, words: Sequence[PdfWord]) -> PdfCell:
    if not box:
        return (0.0, 0.0), ()
    return (box[0], box[2]), tuple(word for word in words if _is_in(word, box, _TOLERANCE))


def _is_in(word: PdfWord, box: Box, tolerance: float) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.top + word.bottom) / 2
    return (
        box[0] - tolerance <= x <= box[2] + tolerance
        and box[1] - tolerance <= y <= box[3] + tolerance
    )


def _holds_words(table: PdfTable) -> bool:
    n_filled = [sum(bool(words) for _, words in row) for row in table.rows]
    return sum(map(bool, n_filled)) >= 2 and max(n_filled) >= 2


def outside(words: Sequence[PdfWord], tables: Sequence[PdfTable]) -> list[PdfWord]:
    """Return the words outside `tables`."""
    boxes = [table.box for table in tables]
    return [word for word in words if not any(_is_in(word, box, _TOLERANCE) for box in boxes)]


def with_headers(tables_by_page: dict[int, list[PdfTable]]) -> dict[int, list[PdfTable]]:
    """Return the tables by page; one continued from the page before gets its header."""
    completed: dict[int, list[PdfTable]] = {}
    for number in sorted(tables_by_page):
        tables = sorted(tables_by_page[number], key=lambda table: table.box[1])
        before = completed.get(number - 1, [])
        if before and tables and _goes_on(before[-1], tables[0]):
            rows = (before[-1].rows[0], *tables[0].rows)
            tables[0] = replace(tables[0], rows=rows, is_continued=True)
        completed[number] = tables
    return completed


def _goes_on(above: PdfTable, table: PdfTable) -> bool:
    """Whether `table` has the columns of `above`, a page before, and another first row."""
    header, first = above.rows[0], table.rows[0]
    is_alike = len(header) == len(first) and all(
        abs(one[0] - other[0]) < _SAME_EDGE
        for (one, _), (other, _) in zip(header, first, strict=True)
    )
    return is_alike and _texts(header) != _texts(first)


def _texts(row: Sequence[PdfCell]) -> list[list[str]]:
    return [[word.text for word in words] for _, words in row]


@dataclass(frozen=True)
class _Row:
    segments: tuple[PdfLine, ...]

    @property
    def top(self) -> float:
        return min(segment.top for segment in self.segments)

    @property
    def bottom(self) -> float:
        return max(segment.bottom for segment in self.segments)


def aligned_tables(words: Sequence[PdfWord]) -> list[PdfTable]:
    """Return aligned tables of three columns or more, from top to bottom."""
    rows = _rows(words)
    tables: list[PdfTable] = []
    start = 0
    while start < len(rows):
        end = _end(rows, start) if _is_header(rows[start]) else start
        table = _aligned_table(rows[start:end], words) if end - start >= _MIN_ROWS else None
        if table is None:
            start += 1
        else:
            tables.append(table)
            start = end
    return tables


def _rows(words: Sequence[PdfWord]) -> list[_Row]:
    rows: list[list[PdfLine]] = []
    segments = segments_of_words(words)
    for segment in sorted(segments, key=lambda line: ((line.top + line.bottom) / 2, line.x0)):
        first = rows[-1][0] if rows else segment
        overlap = min(first.bottom, segment.bottom) - max(first.top, segment.top)
        if rows and overlap > 0.5 * segment.height:
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return [_Row(tuple(sorted(row, key=lambda line: line.x0))) for row in rows]


def _is_header(row: _Row) -> bool:
    texts = [segment.text for segment in row.segments]
    return (
        len(texts) >= _MIN_COLUMNS
        and len(set(texts)) == len(texts)
        and all(
            len(text.split()) <= _MAX_TITLE_WORDS
            and not text[:1].isdigit()
            and not is_finished(text)
            and not bullet_of(text)
            for text in texts
        )
    )


def _end(rows: Sequence[_Row], start: int) -> int:
    """Return the index of the first row that crosses a column gap or is far below."""
    n_columns = len(rows[start].segments)
    end = start + 1
    while end < len(rows):
        height = median(segment.height for segment in rows[end].segments)
        is_far = rows[end].top - rows[end - 1].bottom > _MAX_GAP * height
        if is_far or len(_strips(rows[start : end + 1])) != n_columns:
            break
        end += 1
    while end > start + 1 and len(rows[end - 1].segments) == 1 and _is_apart(rows[start:end]):
        end -= 1  # a lone line below the table
    return end


def _is_apart(rows: Sequence[_Row]) -> bool:
    gaps = [below.top - above.top for above, below in pairwise(rows)]
    return len(gaps) > 1 and gaps[-1] > 1.3 * median(gaps[:-1])


def _strips(rows: Sequence[_Row]) -> list[Span]:
    """Return the edges of the areas between white strips that no row crosses."""
    segments = [segment for row in rows for segment in row.segments]
    spans = sorted((segment.x0, segment.x1, segment.height) for segment in segments)
    strips: list[Span] = []
    for left, right, height in spans:
        if strips and left - strips[-1][1] < _MIN_STRIP * height:
            strips[-1] = (strips[-1][0], max(strips[-1][1], right))
        else:
            strips.append((left, right))
    return strips


def _aligned_table(rows: Sequence[_Row], words: Sequence[PdfWord]) -> PdfTable | None:
    """Return None where the cells are running text or mostly blank."""
    strips = _strips(rows)
    tolerance = _ALIGNED_TOLERANCE
    box = (
        strips[0][0] - tolerance,
        rows[0].top - tolerance,
        strips[-1][1] + tolerance,
        rows[-1].bottom + tolerance,
    )
    inside = [word for word in words if _is_in(word, box, 0.0)]
    cells = [
        tuple(_aligned_cell(strip, top, bottom, inside) for strip in strips)
        for top, bottom in _merged(rows)
    ]
    columns = [
        [len(words) for _, words in column if words] for column in zip(*cells[1:], strict=True)
    ]
    has_labels = any(median(column) <= _MAX_LABEL_WORDS for column in columns if len(column) > 1)
    n_filled = sum(map(len, columns))
    is_full = n_filled >= 0.5 * len(strips) * (len(cells) - 1) and all(columns)
    is_table = has_labels and is_full and len(cells) >= _MIN_ROWS
    return PdfTable(box, tuple(cells)) if is_table else None


def _aligned_cell(strip: Span, top: float, bottom: float, words: Sequence[PdfWord]) -> PdfCell:
    box = (strip[0], top, strip[1], bottom)
    return strip, tuple(word for word in words if _is_in(word, box, _ALIGNED_TOLERANCE))


def _merged(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Return the top and bottom of each row of cells.

    A near line with a blank first column continues the row above.
    """
    left = rows[0].segments[0].x0
    is_indented = [row.segments[0].x0 - left >= row.segments[0].height for row in rows]
    gaps = [
        below.top - above.top
        for (above, below), indented in zip(pairwise(rows), is_indented[1:], strict=True)
        if not indented
    ]
    usual = median(gaps) if gaps else 0.0
    merged: list[tuple[float, float]] = []
    for i, row in enumerate(rows):
        if i > 1 and is_indented[i] and row.top - rows[i - 1].top < _NEAR * usual:
            merged[-1] = (merged[-1][0], row.bottom)
        else:
            merged.append((row.top, row.bottom))
    return merged


@dataclass(frozen=True)
class _Page:
    text: PageWords
    comments: list[RawBlock]
    has_picture: bool  # that is not read
    is_drawn: bool
    is_machine_read: bool = False


def read_pdf(file: FileContent) -> tuple[RawPart, ...]:
    """Return the document as one part, and a part with an error for each scanned page left unread.

    Pages without text are read as pictures where `file.read_lines` is given.

    Raises `ReadError` for a damaged or protected file, a full scan, and pages without text.
    """
    pages = _pages(file)
    words = [word for page in pages for word in page.text.words]
    if len(words) < _MIN_WORDS_A_PAGE * len(pages) and any(page.has_picture for page in pages):
        expected = "un PDF dont on peut copier le texte"
        raise ReadError(f"PDF {NO_TEXT_LAYER}", expected, _SCAN_ADVICE)
    if not words and not any(page.comments for page in pages):
        raise no_text("PDF")
    tables = _tables(file, pages)
    lines = [
        lines_of_words(
            outside(page.text.words, tables[number]), bounds=(0.0, page.text.width), page=number
        )
        for number, page in enumerate(pages)
    ]
    body_lines, furniture = without_furniture(lines, [page.text.height for page in pages])
    drafts = _drafts(
        body_lines, tables, [page.comments for page in pages], body=usual_height(words)
    )
    blocks = [*furniture_blocks(furniture), *blocks_of_drafts(drafts)]
    if any(page.is_machine_read for page in pages):
        part = RawPart(tuple(blocks), taken_for=_TAKEN_FOR, is_machine_read=True)
    else:
        part = RawPart(tuple(blocks))
    return (part, *_scanned(pages))


def _pages(file: FileContent) -> list[_Page]:
    try:
        document = pdfium.PdfDocument(file.content)
        if len(document) > _MAX_PAGES:
            raise ReadError(
                f"PDF de {len(document)} pages",
                f"{_MAX_PAGES} pages au plus",
                "n'en garder que les pages utiles",
            )
        if document.get_formtype() in _FORMS:
            document.init_forms()
        return [_page(page, document.formenv, file.read_lines) for page in document]
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in _LOCKED:
            raise protected("PDF") from error
        raise corrupt("le PDF") from error


def _page(
    page: pdfium.PdfPage, forms: pdfium.PdfFormEnv | None, read_lines: LineReader | None
) -> _Page:
    text = words_of_page(page)
    comments, typed = annotations_of_page(page, height=text.height, forms=forms)
    words = tuple(word for word in (*text.words, *typed) if word.is_visible)
    has_picture = any(True for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3))
    if has_picture and len(words) < _MIN_WORDS_A_PAGE and read_lines:
        scale = min(_RENDERED / max(page.get_size()), _MAX_SCALE)
        pixels = page.render(scale=scale, rev_byteorder=True).to_numpy()
        comments = [*blocks_of_picture(pixels[..., :3], read_lines), *comments]
        page.close()
        return _Page(replace(text, words=()), comments, False, False, is_machine_read=True)
    draws_tables = bool(words) and not text.is_turned and is_drawn(page)
    page.close()
    return _Page(replace(text, words=words), comments, has_picture, draws_tables)


def _tables(file: FileContent, pages: Sequence[_Page]) -> dict[int, list[PdfTable]]:
    drawn_pages = {number: page.text for number, page in enumerate(pages) if page.is_drawn}
    drawn = drawn_tables(file.content, drawn_pages) if drawn_pages else {}
    tables: dict[int, list[PdfTable]] = {}
    for number, page in enumerate(pages):
        own = drawn.get(number, [])
        tables[number] = [*own, *aligned_tables(outside(page.text.words, own))]
    return with_headers(tables)


def _drafts(
    pages: list[list[PdfLine]],
    tables: dict[int, list[PdfTable]],
    comments: Sequence[list[RawBlock]],
    *,
    body: float,
) -> list[Draft]:
    drafts: list[Draft] = []
    flow: list[PdfLine] = []
    for number, lines in enumerate(pages):
        for table in tables[number]:
            above = [line for line in lines if line.bottom <= table.box[1] + 1]
            drafts += drafts_of_lines(flow + above, body=body)
            drafts += drafts_of_blocks(_table_blocks(table))
            flow, lines = [], [line for line in lines if line not in above]
        flow += lines
        if comments[number]:
            drafts += drafts_of_lines(flow, body=body)
            drafts += drafts_of_blocks(comments[number])
            flow = []
    return drafts + drafts_of_lines(flow, body=body)


def _table_blocks(table: PdfTable) -> list[RawBlock]:
    """Return a table's blocks without a header repeated from the page before."""
    blocks = blocks_of_rows([[_cell(words, edges) for edges, words in row] for row in table.rows])
    header = takewhile(lambda block: block.kind == "meta", blocks)
    return blocks[sum(1 for _ in header) :] if table.is_continued else blocks


def _cell(words: tuple[PdfWord, ...], edges: tuple[float, float]) -> Cell:
    lines = lines_of_words(words, bounds=edges)
    return blocks_of_drafts(drafts_of_lines(lines), has_headings=False)


def _scanned(pages: Sequence[_Page]) -> Iterator[RawPart]:
    """Yield an error for each page with a picture and hardly a word, or one for many pages."""
    numbers = [
        number
        for number, page in enumerate(pages, start=1)
        if page.has_picture and len(page.text.words) < _MIN_WORDS_A_PAGE
    ]
    if len(numbers) > _MAX_SCANNED:
        error = (f"{len(numbers)} pages {NO_TEXT_LAYER}", _SCAN_ADVICE)
        yield RawPart((), name=f"pages-{numbers[0]}-{numbers[-1]}", error=error)
        return
    for number in numbers:
        error = (f"page {NO_TEXT_LAYER}", _SCAN_ADVICE)
        yield RawPart((), name=f"page-{number}", error=error)
