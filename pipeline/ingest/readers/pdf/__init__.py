"""Read PDF files with pdfium, and with pdfplumber where a page draws tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import (
    Draft,
    blocks_of_drafts,
    drafts_of_blocks,
    furniture_blocks,
)
from pipeline.ingest.readers.grids import Cell, blocks_of_rows
from pipeline.ingest.readers.pdf.page_words import (
    PageWords,
    PdfWord,
    annotations_of_page,
    words_of_page,
)
from pipeline.ingest.readers.pdf.reading_order import (
    PdfLine,
    drafts_of_lines,
    lines_of_words,
    usual_height,
    without_furniture,
)
from pipeline.ingest.readers.pdf.tables import (
    PdfTable,
    aligned_tables,
    drawn_tables,
    is_drawn,
    outside,
    with_headers,
)
from pipeline.ingest.readers.pictures import LineReader, blocks_of_picture
from pipeline.ingest.readers.source import (
    NO_TEXT_LAYER,
    READ_BY_MACHINE,
    FileContent,
    corrupt,
    no_text,
    protected,
)

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
