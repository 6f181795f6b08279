"""Read PDF files with pdfium, and pdfplumber where a page draws tables.

In:   the bytes of a PDF
Out:  one part: headings, paragraphs and bullets in reading order, cells of ruled tables; a scan is refused by name
"""

from collections.abc import Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.grids import Cell, blocks_of_rows
from pipeline.ingest.readers.pdf.flow import drafts_of_lines, without_furniture
from pipeline.ingest.readers.pdf.page_words import PageWords, Word, words_of_page
from pipeline.ingest.readers.pdf.reading_order import Line, lines_of_words
from pipeline.ingest.readers.pdf.ruled_tables import RuledTable, is_drawn, outside, tables_of_pages
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.source import Source, corrupt, no_text, protected

_MAX_PAGES = 3000
_MIN_WORDS_A_PAGE = 3  # fewer words, on average, on pages that hold pictures, are a scan


def read_pdf(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged or protected file, for a scan, and for pages without text.
    """
    pages, has_pictures, drawn = _pages(source)
    n_words = sum(len(page.words) for page in pages)
    if n_words < _MIN_WORDS_A_PAGE * len(pages) and has_pictures:
        raise ReadError(
            "PDF sans texte (scan)",
            "un PDF dont on peut copier le texte",
            "faire reconnaître le texte (OCR), ou déposer le document d'origine",
        )
    if not n_words:
        raise no_text("PDF")
    tables = tables_of_pages(source.content, {number: pages[number] for number in drawn}) if drawn else {}
    lines = [
        lines_of_words(outside(page.words, tables.get(number, [])), bounds=(0.0, page.width), page=number)
        for number, page in enumerate(pages)
    ]
    kept, furniture = without_furniture(lines, [page.height for page in pages])
    blocks = [*(RawBlock(text, "meta") for text in furniture if any(letter.isalpha() for letter in text)), *settle(_drafts(kept, tables))]
    n_blank = sum(not page.words for page in pages)
    warnings = (f"{n_blank} page{'s' if n_blank > 1 else ''} sans texte (image ?)",) if n_blank and has_pictures else ()
    return (RawPart(tuple(blocks), warnings=warnings),)


def _pages(source: Source) -> tuple[list[PageWords], bool, list[int]]:
    """The words of every page, whether any page holds a picture, and the numbers of the pages that draw lines."""
    try:
        document = pdfium.PdfDocument(source.content)
        if len(document) > _MAX_PAGES:
            raise ReadError(f"PDF de {len(document)} pages", f"{_MAX_PAGES} pages au plus", "n'en garder que les pages utiles")
        pages, drawn, has_pictures = [], [], False
        for number, page in enumerate(document):
            pages.append(words_of_page(page))
            has_pictures = has_pictures or any(True for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3))
            if pages[-1].words and not pages[-1].is_turned and is_drawn(page):
                drawn.append(number)
            page.close()
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise protected("PDF") from error
        raise corrupt("le PDF") from error
    return pages, has_pictures, drawn


def _drafts(pages: list[list[Line]], tables: dict[int, list[RuledTable]]) -> list[Draft]:
    """The drafts of all pages; a paragraph runs on over pages, a table stands where it was drawn."""
    drafts: list[Draft] = []
    flow: list[Line] = []
    for number, lines in enumerate(pages):
        for table in sorted(tables.get(number, []), key=lambda table: table.box[1]):
            above = [line for line in lines if line.bottom <= table.box[1] + 1]
            drafts += drafts_of_lines(flow + above)
            drafts += [Draft(block.text, block) for block in _blocks(table)]
            flow, lines = [], [line for line in lines if line not in above]
        flow += lines
    return drafts + drafts_of_lines(flow)


def _blocks(table: RuledTable) -> Iterator[RawBlock]:
    yield from blocks_of_rows([[_cell(words, edges) for edges, words in row] for row in table.rows])


def _cell(words: tuple[Word, ...], edges: tuple[float, float]) -> Cell:
    return settle(drafts_of_lines(lines_of_words(words, bounds=edges)), has_headings=False)
