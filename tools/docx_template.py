"""Make rapport.docx, the template of the Word report: page, styles, cover and table of contents.
Anyone may then change it in Word.

In:   nothing
Out:  rapport.docx beside this file; `python -m tools.docx_template` writes it again
"""

import re
import unicodedata
from pathlib import Path
from xml.sax.saxutils import escape

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from pipeline.publish.text import fix_times

_INK, _SOFT, _ACCENT = "22302F", "4D5D5B", "0B5563"
_BODY, _HEADINGS = "Calibri", "Georgia"
# name, base, size in points, colour, bold, space before and after, kept with the next paragraph
_STYLES = (
    ("Title", None, 20, _INK, True, 0, 4, False),
    ("Subtitle", None, 11.5, _SOFT, False, 0, 8, False),
    ("Heading 1", None, 17, _ACCENT, True, 14, 6, True),
    ("Heading 2", None, 13, _INK, True, 10, 4, True),
    ("Heading 3", None, 12.5, _ACCENT, True, 14, 4, True),
    ("Caption", None, 10, _INK, True, 10, 4, True),
    ("Quote", None, 10.5, _INK, False, 4, 0, True),
    ("List Bullet", None, 10.5, _INK, False, 0, 2, False),
    ("TOC Heading", None, 13, _ACCENT, True, 14, 4, True),
    ("toc 1", "Normal", 10.5, _INK, False, 2, 0, False),
    ("Chapeau", "Normal", 11.5, _INK, False, 0, 8, False),
    ("Précision", "Normal", 9.5, _SOFT, False, 0, 5, False),
    ("Source de citation", "Normal", 9, _SOFT, False, 0, 5, False),
    ("Avis", "Normal", 10.5, _INK, False, 0, 8, False),
    ("Graphique", "Normal", 10.5, _INK, False, 0, 8, False),
    ("Cellule", "Normal", 9, _INK, False, 1, 1, False),
    ("Cellule nombre", "Cellule", 9, _INK, False, 1, 1, False),
)
_TABLE_STYLE = f"""
<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="TableauRapport">
<w:name w:val="Tableau de rapport"/><w:basedOn w:val="TableNormal"/>
<w:tblPr><w:tblBorders><w:bottom w:val="single" w:sz="4" w:color="D5DCDA"/>
<w:insideH w:val="single" w:sz="4" w:color="D5DCDA"/></w:tblBorders>
<w:tblCellMar><w:top w:w="40" w:type="dxa"/><w:left w:w="85" w:type="dxa"/>
<w:bottom w:w="40" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr>
<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr>
<w:tcPr><w:tcBorders><w:bottom w:val="single" w:sz="12" w:color="{_ACCENT}"/></w:tcBorders>
<w:shd w:val="clear" w:color="auto" w:fill="E8F1F1"/>
<w:vAlign w:val="bottom"/></w:tcPr></w:tblStylePr>
<w:tblStylePr w:type="firstCol"><w:rPr><w:b/></w:rPr></w:tblStylePr></w:style>"""
_MARKS = ("begin", "separate", "end")


def make_template(path: Path) -> None:
    """Write the template at `path`; the same bytes every time."""
    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2)
    section.different_first_page_header_footer = True
    _set_styles(document)
    _add_cover(document)
    _add_contents(document)
    header, footer = section.header.paragraphs[0], section.footer.paragraphs[0]
    header.text, header.style = "{{ title }}", document.styles["Précision"]
    footer.alignment, footer.style = WD_ALIGN_PARAGRAPH.RIGHT, document.styles["Précision"]
    _add_fields(footer, "PAGE", "1")
    document.save(str(path))
    fix_times(path)


def _set_styles(document: Document) -> None:
    styles = document.styles
    normal = styles["Normal"]
    normal.font.name, normal.font.size, normal.font.color.rgb = (
        _BODY,
        Pt(10.5),
        RGBColor.from_string(_INK),
    )
    normal.paragraph_format.space_after, normal.paragraph_format.line_spacing = Pt(6), 1.12
    for language in styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "fr-FR")
    for name, base, size, colour, bold, before, after, is_kept in _STYLES:
        style = (
            styles[name]
            if base is None
            else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH, builtin=name.startswith("toc"))
        )
        if base is not None:
            style.base_style, style.quick_style = styles[base], True
            style.element.set(
                qn("w:styleId"),
                re.sub(r"\W", "", unicodedata.normalize("NFD", name), flags=re.ASCII),
            )
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.attrib.clear()  # the theme's fonts would win over ours
        style.font.name = _HEADINGS if name in ("Title", "Heading 1") or name == "Quote" else _BODY
        style.font.size, style.font.color.rgb, style.font.bold, style.font.italic = (
            Pt(size),
            RGBColor.from_string(colour),
            bold or None,
            None,
        )
        style.paragraph_format.space_before, style.paragraph_format.space_after = (
            Pt(before),
            Pt(after),
        )
        style.paragraph_format.keep_with_next = is_kept
    _finish_styles(document)


def _finish_styles(document: Document) -> None:
    """What a table of sizes cannot say: tabs, indents, borders, shading."""
    styles = document.styles
    styles["Quote"].font.italic = False
    styles["toc 1"].paragraph_format.tab_stops.add_tab_stop(
        Cm(17), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS
    )
    styles["Cellule nombre"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    for name in ("Quote", "Source de citation"):
        styles[name].paragraph_format.left_indent = Cm(0.6)
    title = styles["Title"].element.get_or_add_pPr()
    for border in title.findall(qn("w:pBdr")):
        title.remove(border)
    properties = styles["Avis"].element.get_or_add_pPr()
    border = (
        f'<w:pBdr {nsdecls("w")}><w:left w:val="single" w:sz="36" w:space="8" '
        'w:color="A86A00"/></w:pBdr>'
    )
    properties.insert_element_before(parse_xml(border), "w:shd", "w:spacing", "w:ind", "w:jc")
    shading = parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="FDF4E3"/>')
    properties.insert_element_before(shading, "w:spacing", "w:ind", "w:jc")
    styles.element.append(parse_xml(_TABLE_STYLE))


def _add_cover(document: Document) -> None:
    document.add_paragraph("{{ title }}", style="Title")
    document.add_paragraph("{{ subtitle }}", style="Subtitle")
    document.add_paragraph("{{ notice }}", style="Avis")


def _add_contents(document: Document) -> None:
    """A line a section, with its page number.

    Each number is a field of its own: LibreOffice keeps the old numbers of a whole table of
    contents, and computes these when it opens the file, as Word does for a field that is dirty.
    """
    document.add_paragraph("{{ contents_title }}", style="TOC Heading")
    document.add_paragraph("{%p for entry in contents %}")
    line = document.add_paragraph(style="toc 1")
    _add_fields(line, r'HYPERLINK \l "{{ entry.anchor }}"', "{{ entry.title }}")
    line.add_run("\t")
    _add_fields(line, r"PAGEREF {{ entry.anchor }} \h", "–")
    document.add_paragraph("{%p endfor %}")


def _add_fields(paragraph: Paragraph, code: str, shown: str) -> None:
    """A field and what it shows until it is made again."""
    _append(paragraph, "begin", code, "separate")
    paragraph.add_run(shown)
    _append(paragraph, "end")


def _append(paragraph: Paragraph, *parts: str) -> None:
    """Marks (begin, separate, end) and codes of a field, in order."""
    dirty = ' w:dirty="true"' if any(part.startswith("PAGEREF") for part in parts) else ""
    for part in parts:
        mark = (
            f'<w:fldChar w:fldCharType="{part}"{dirty if part == "begin" else ""}/>'
            if part in _MARKS
            else f'<w:instrText xml:space="preserve"> {escape(part)} </w:instrText>'
        )
        run = parse_xml(f"<w:r {nsdecls('w')}>{mark}</w:r>")
        paragraph.paragraph_format.element.append(run)


if __name__ == "__main__":
    make_template(Path(__file__).parents[1] / "pipeline" / "publish" / "templates" / "rapport.docx")
