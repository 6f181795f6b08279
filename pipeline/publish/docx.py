"""Write a report as an editable Word document, and two pages for each workshop.

In:   a page, or a report
Out:  .docx files, the same for the same report; a .pdf beside each workshop's

docxtpl fills the template and python-docx adds the blocks, see docs/decisions/0004.
"""

import datetime
import io
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pypdfium2
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Cm, Emu, Pt
from docx.text.paragraph import Paragraph
from docxtpl import DocxTemplate
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from pipeline.publish.charts import Drawings, draw_png
from pipeline.publish.layout.blocks import (
    INTRODUCED,
    Block,
    Page,
    PageFigure,
    PageParagraph,
    PageTable,
    Quotes,
    Section,
    Terms,
)
from pipeline.publish.layout.sheets import ROOMS, lay_out_workshop
from pipeline.publish.own_templates import OUR_REPORT, REPORT_WIDTH_CM, broken_fields
from pipeline.publish.pdf import print_page
from pipeline.publish.report.content import Report
from pipeline.publish.text import NBSP, fix_times, quoted, sentence
from pipeline.text import slug

_CONTENTS = ("TOC Heading", "toc 1")
_WIDTH_CM, _WIDTH_TWIPS = REPORT_WIDTH_CM, round(REPORT_WIDTH_CM * 1440 / 2.54)
_STYLES = {"body": "Normal", "lead": "Chapeau", "note": "Précision"}
_W = nsdecls("w")
_GAP = Pt(12)  # more could leave an empty page after a table


def write_page(
    page: Page, path: Path, *, template: Path | None = None, drawings: Drawings | None = None
) -> None:
    """Write `page`, if brief without cover or contents, in the look of `template` (default: ours).

    Replaces any file at `path`. Raises `SettingsError` for a template that cannot be filled.
    """
    document = _filled(template or OUR_REPORT, page)
    contents = [
        paragraph.paragraph_format.element
        for paragraph in document.paragraphs
        if paragraph.style is not None and paragraph.style.name in _CONTENTS
    ]
    if page.is_brief:
        _put_title_alone(document, page)
    for i, section in enumerate(page.sections):
        _add_section(document, section, 2 if page.is_brief else 1, drawings)
        if i == 0 and not page.is_brief:
            for line in contents:
                document.element.body.insert_element_before(line, "w:sectPr")
    properties, day = document.core_properties, datetime.datetime.fromisoformat(page.made_at)
    properties.title, properties.subject = page.title, page.subtitle
    properties.author = properties.last_modified_by = "Ateliers Territoires"
    properties.created = properties.modified = day
    properties.comments = properties.keywords = ""
    properties.language, properties.revision = "fr-FR", 1
    document.save(str(path))
    fix_times(path)


def _filled(template: Path, page: Page) -> Document:
    """Fill cover, contents, headers and footers; a template that people made runs no code."""
    contents = [{"title": one.title, "anchor": _bookmark(one)} for one in page.sections]
    values = {
        "title": page.title,
        "subtitle": page.subtitle,
        "notice": page.notice,
        "contents_title": sentence("rapport.sommaire"),
        "contents": contents,
    }
    filled = DocxTemplate(template)
    try:
        filled.render(values, SandboxedEnvironment(), autoescape=True)
    except TemplateError as error:
        raise broken_fields(template, error) from error
    document: Document = filled.docx
    return document


def _put_title_alone(document: Document, page: Page) -> None:
    for block in [*document.element.body]:
        if not block.tag.endswith("sectPr"):
            document.element.body.remove(block)
    title = _line(document, "Title", page.title)
    title.paragraph_format.space_before, title.runs[0].font.size = Pt(0), Pt(20)
    subtitle = _line(document, "Subtitle", page.subtitle)
    subtitle.paragraph_format.space_after, subtitle.runs[0].font.size = Pt(4), Pt(11)
    if page.notice:
        _line(document, "Avis", page.notice)


def _add_section(
    document: Document, section: Section, level: int, drawings: Drawings | None
) -> None:
    heading = _line(document, f"Heading {level}")
    number = len(document.element.body.xpath("//w:bookmarkStart"))
    name = quoteattr(_bookmark(section))
    _append(heading, f'<w:bookmarkStart {_W} w:id="{number}" w:name={name}/>')
    heading.add_run(section.title)
    if section.starts_page:
        heading.paragraph_format.page_break_before = True
    _append(heading, f'<w:bookmarkEnd {_W} w:id="{number}"/>')
    for block, after in zip_longest(section.blocks, section.blocks[1:]):
        if isinstance(block, PageFigure):
            _add_figure(document, block, drawings)
            continue
        last = _ADDERS[type(block)](document, block)
        if last is not None and isinstance(after, INTRODUCED):
            last.paragraph_format.keep_with_next = True
    for inner in section.sections:
        _add_section(document, inner, level + 1, drawings)


def _line(document: Document, style: str, text: str = "") -> Paragraph:
    """Add a paragraph in a style of the template."""
    line = document.add_paragraph(text)
    line.paragraph_format.element.style = _paragraph_style_id(document.part, style)
    return line


@lru_cache(maxsize=32)
def _paragraph_style_id(part: Any, name: str) -> str | None:
    """Return the id of a style, which python-docx looks for in the whole template each time.

    None for the template's default, which needs none.
    """
    style_id: str | None = part.get_style_id(name, WD_STYLE_TYPE.PARAGRAPH)
    return style_id


def _bookmark(section: Section) -> str:
    return section.anchor.replace("-", "_")


def _append(paragraph: Any, xml: str) -> None:
    paragraph.paragraph_format.element.append(parse_xml(xml))


def _add_paragraph(document: Document, block: PageParagraph) -> Paragraph:
    return _line(document, _STYLES[block.style], block.text)


def _add_terms(document: Document, block: Terms) -> Paragraph | None:
    line = None
    for term, meaning in block.entries:
        line = _line(document, "List Bullet")
        line.add_run(term).bold = True
        line.add_run(f"\u2002{meaning}")
    return line


def _add_table(document: Document, block: PageTable) -> None:
    """Build the table as text: python-docx takes a second for a hundred rows."""
    _add_caption(document, block)
    properties = (
        '<w:tblLook w:val="06A0" w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0"'
        f' w:noHBand="1" w:noVBand="1"/><w:tblCaption w:val={quoteattr(block.caption)}/>'
    )
    widths = [round(_WIDTH_TWIPS * width) for width in block.widths]
    names = ["Cellule nombre" if is_number else "Cellule" for is_number in block.is_number]
    styles = [_style_id(document.part, name) for name in names]
    rows: list[str] = []
    for row in (block.columns, *block.rows):
        cells = [_cell(*cell) for cell in zip(widths, map(_text, row, styles), strict=True)]
        head = "" if rows else "<w:tblHeader/>"
        rows.append(f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>{''.join(cells)}</w:tr>")
    layout = (
        f'<w:tblStyle w:val="{_style_id(document.part, "Tableau de rapport")}"/>'
        f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblLayout w:type="fixed"/>'
    )
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    table = (
        f"<w:tbl {_W}><w:tblPr>{layout}{properties}</w:tblPr>"
        f"<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )
    document.element.body.insert_element_before(parse_xml(table), "w:sectPr")
    gap = _line(document, "Graphique").paragraph_format  # keeps the next table apart
    gap.space_after, gap.line_spacing = Pt(0), _GAP


def _cell(width: int, paragraphs: str) -> str:
    return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{paragraphs}</w:tc>'


def _text(text: str, style_id: str) -> str:
    lines = [f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\n")]
    run = f"<w:r>{'<w:br/>'.join(lines)}</w:r>"
    return f'<w:p><w:pPr><w:pStyle w:val="{style_id}"/></w:pPr>{run}</w:p>'


@lru_cache(maxsize=32)
def _style_id(part: Any, name: str) -> str:
    return str(part.styles[name].style_id)


def _add_figure(document: Document, block: PageFigure, drawings: Drawings | None) -> None:
    _add_caption(document, block)
    run = _line(document, "Graphique").add_run()
    picture = run.add_picture(io.BytesIO(draw_png(block.spec, drawings)))
    scale = min(72 / 96, Cm(_WIDTH_CM) / picture.width)
    picture.height = Emu(round(picture.height * scale))
    picture.width = Emu(round(picture.width * scale))
    (inline,) = run.font.element.xpath(".//wp:inline")
    for side in "TBLR":
        inline.set(f"dist{side}", "0")  # LibreOffice adds a margin where none is said
    inline.docPr.set("descr", block.alt)
    inline.docPr.set("name", f"Graphique {inline.docPr.get('id')}")


def _add_caption(document: Document, block: PageTable | PageFigure) -> None:
    """Number the caption with a field, so that Word renumbers and lists it."""
    caption = _line(document, "Caption", f"{block.label}{NBSP}")
    field = f'<w:fldSimple {_W} w:instr=" SEQ {block.label} \\* ARABIC ">'
    _append(caption, f"{field}<w:r><w:t>{block.number}</w:t></w:r></w:fldSimple>")
    caption.add_run(f". {block.caption}")


def _add_quotes(document: Document, block: Quotes) -> None:
    for quote in block.quotes:
        if block.is_compact:
            line = _line(document, "Quote")
            line.paragraph_format.space_after = Pt(1)
            line.add_run(f"{quoted(quote.text)} ({quote.where})").font.size = Pt(9.5)
            continue
        _line(document, "Quote", quoted(quote.text))
        _line(document, "Source de citation", quote.where)


# each returns the last line of a text, which what it introduces follows on the same page
_ADDERS: dict[type[Block], Callable[[Document, Any], Paragraph | None]] = {
    PageParagraph: _add_paragraph,
    Terms: _add_terms,
    PageTable: _add_table,
    Quotes: _add_quotes,
}

_N_PAGES = 2
_PRINTED_SIZE = 1.1  # read at arm's length, or on a wall
_TRIED_SIZE = 1.2  # Word's fonts are wider than typst's


def write_workshop_pages(
    report: Report, folder: Path, *, template: Path | None = None
) -> list[Path]:
    """Write two pages a workshop into `folder`, as .pdf and .docx; make the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for i, workshop in enumerate(report.workshops):
        page = _fitted(report, i)
        name = page_name(i, workshop.name)
        paths += [folder / f"{name}.pdf", folder / f"{name}.docx"]
        paths[-2].write_bytes(print_page(page, size=_PRINTED_SIZE))
        write_page(page, paths[-1], template=template)
    return paths


def page_name(index: int, name: str) -> str:
    """Return the name, without ending, of the pages of the workshop at `index`, by date."""
    return f"{index + 1:02d}-{slug(name)[:60]}"


def _fitted(report: Report, index: int) -> Page:
    for room in ROOMS:
        page = lay_out_workshop(report, index, room)
        printed = print_page(page, size=_TRIED_SIZE)
        if len(pypdfium2.PdfDocument(io.BytesIO(printed))) <= _N_PAGES:
            break
    return page
