"""Read PDF files with pdfium, and pdfplumber where a page draws tables.

In:   the bytes of a PDF
Out:  one part: headings, paragraphs and bullets in reading order, cells of tables, comments, filled fields; a scan is refused by name,
      a page that was scanned among others is a part with an error
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import Draft, settle
from pipeline.ingest.readers.grids import Cell, blocks_of_rows
from pipeline.ingest.readers.pdf.page_words import (
    PageWords,
    Word,
    annotations_of_page,
    words_of_page,
)
from pipeline.ingest.readers.pdf.reading_order import (
    Line,
    drafts_of_lines,
    lines_of_words,
    usual_height,
    without_furniture,
)
from pipeline.ingest.readers.pdf.tables import (
    RuledTable,
    aligned_tables,
    is_drawn,
    outside,
    tables_of_pages,
    with_headers,
)
from pipeline.ingest.readers.source import Source, corrupt, no_text, protected

_MAX_PAGES = 3000
_MAX_SCANNED = 20  # pages told one by one
_SCAN = (
    "PDF sans texte (scan)",
    "faire reconnaître le texte (OCR), ou déposer le document d'origine",
)
_FORMS = (raw.FORMTYPE_ACRO_FORM, raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND)
_MIN_WORDS_A_PAGE = 3  # fewer words, on average, on pages that hold pictures, are a scan


@dataclass(frozen=True)
class _Page:
    """A page: its words, the comments on it, whether it holds a picture and whether it draws lines as tables do."""

    held: PageWords
    remarks: tuple[RawBlock, ...]
    has_picture: bool
    is_drawn: bool


def read_pdf(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part, and one with an error for each page that is a scan among pages with text.

    Raises `ReadError` for a damaged or protected file, for a scan, and for pages without text.
    """
    pages = _pages(source)
    n_words = sum(len(page.held.words) for page in pages)
    if n_words < _MIN_WORDS_A_PAGE * len(pages) and any(page.has_picture for page in pages):
        raise ReadError(_SCAN[0], "un PDF dont on peut copier le texte", _SCAN[1])
    if not n_words and not any(page.remarks for page in pages):
        raise no_text("PDF")
    tables = _tables(source, pages)
    lines = [
        lines_of_words(
            outside(page.held.words, tables.get(number, [])),
            bounds=(0.0, page.held.width),
            page=number,
        )
        for number, page in enumerate(pages)
    ]
    kept, furniture = without_furniture(lines, [page.held.height for page in pages])
    body = usual_height([word for page in pages for word in page.held.words])
    drafts = _drafts(kept, tables, [page.remarks for page in pages], body)
    blocks = [
        *(RawBlock(text, "meta") for text in furniture if any(letter.isalpha() for letter in text)),
        *settle(drafts),
    ]
    return (RawPart(tuple(blocks)), *_scanned(pages))


def _scanned(pages: Sequence[_Page]) -> Iterator[RawPart]:
    """A part with an error for each page that holds a picture and hardly a word; one for all where they are many."""
    numbers = [
        number
        for number, page in enumerate(pages, start=1)
        if page.has_picture and len(page.held.words) < _MIN_WORDS_A_PAGE
    ]
    if len(numbers) > _MAX_SCANNED:
        yield RawPart(
            (),
            name=f"pages-{numbers[0]}-{numbers[-1]}",
            error=(f"{len(numbers)} pages sans texte (scan)", _SCAN[1]),
        )
    else:
        yield from (
            RawPart((), name=f"page-{number}", error=("page sans texte (scan)", _SCAN[1]))
            for number in numbers
        )


def _pages(source: Source) -> list[_Page]:
    try:
        document = pdfium.PdfDocument(source.content)
        if len(document) > _MAX_PAGES:
            raise ReadError(
                f"PDF de {len(document)} pages",
                f"{_MAX_PAGES} pages au plus",
                "n'en garder que les pages utiles",
            )
        if document.get_formtype() in _FORMS:
            document.init_forms()
        return [_page(page, document.formenv) for page in document]
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise protected("PDF") from error
        raise corrupt("le PDF") from error


def _page(page: pdfium.PdfPage, forms: pdfium.PdfFormEnv | None) -> _Page:
    held = words_of_page(page)
    remarks, typed = annotations_of_page(page, height=held.height, forms=forms)
    held = replace(held, words=tuple(word for word in (*held.words, *typed) if word.is_placed))
    has_picture = any(True for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3))
    drawn = bool(held.words) and not held.is_turned and is_drawn(page)
    page.close()
    return _Page(held, tuple(remarks), has_picture, drawn)


def _tables(source: Source, pages: Sequence[_Page]) -> dict[int, list[RuledTable]]:
    """The tables of each page, drawn with lines or laid out by white space."""
    drawn = {number: page.held for number, page in enumerate(pages) if page.is_drawn}
    ruled = tables_of_pages(source.content, drawn) if drawn else {}
    tables = {
        number: [
            *ruled.get(number, []),
            *aligned_tables(outside(page.held.words, ruled.get(number, []))),
        ]
        for number, page in enumerate(pages)
    }
    return with_headers(tables)


def _drafts(
    pages: list[list[Line]],
    tables: dict[int, list[RuledTable]],
    remarks: Sequence[Sequence[RawBlock]],
    body: float,
) -> list[Draft]:
    """The drafts of all pages; a paragraph runs on over pages, a table stands where it was laid out, comments follow their page."""
    drafts: list[Draft] = []
    flow: list[Line] = []
    for number, lines in enumerate(pages):
        for table in tables.get(number, []):
            above = [line for line in lines if line.bottom <= table.box[1] + 1]
            drafts += drafts_of_lines(flow + above, body=body)
            drafts += [Draft(block.text, block) for block in _blocks(table)]
            flow, lines = [], [line for line in lines if line not in above]
        flow += lines
        if remarks[number]:
            drafts += [
                *drafts_of_lines(flow, body=body),
                *(Draft(block.text, block) for block in remarks[number]),
            ]
            flow = []
    return drafts + drafts_of_lines(flow, body=body)


def _blocks(table: RuledTable) -> Iterator[RawBlock]:
    blocks = blocks_of_rows([[_cell(words, edges) for edges, words in row] for row in table.rows])
    n_repeated = (
        sum(1 for _ in takewhile(lambda block: block.kind == "meta", blocks))
        if table.is_continued
        else 0
    )
    yield from blocks[n_repeated:]


def _cell(words: tuple[Word, ...], edges: tuple[float, float]) -> Cell:
    return settle(drafts_of_lines(lines_of_words(words, bounds=edges)), has_headings=False)
