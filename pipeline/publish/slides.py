"""Write the slides of a restitution in our look, or in that of a study's own template.

In:   Report, perhaps a .pptx
Out:  a .pptx, the same for the same report; the evidence in the notes
"""

import copy
import datetime
import io
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

from pptx.dml.color import MSO_THEME_COLOR
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.util import Emu, Inches, Pt

from pipeline.publish.charts import draw_png, draw_svg
from pipeline.publish.layout.slides import Slide, SlideLine, lay_out_slides
from pipeline.publish.own_templates import (
    COVER,
    PICTURE,
    TEXT,
    TWO_TEXTS,
    SlideLook,
    open_slide_look,
)
from pipeline.publish.report.content import Report
from pipeline.publish.text import fix_times, shortened

_SIZES = (32, 30, 28, 26, 24, 22, 20, 18)  # a room's last row reads 18 points
_COVER_LINE_SIZES = (26, 24, 22, 20, 18, 16, 14)
_TITLE_SIZES, _COVER_SIZES = (32, 30, 28, 26, 24, 22, 20), (44, 40, 36, 32, 28, 24)
_SMALL, _LEAST = 0.7, 14  # of a label or source: its share of the size, its points
_SOURCE_BRIGHTNESS = 0.25  # lighter than the text, still easy to read
_LETTER, _LEADING = 0.54, 1.22  # mean width in ems, on the wide side; height of a line in ems
_GAP = 0.4  # between lines, in ems
_SVG_EXTENSION = (  # PowerPoint draws the SVG instead of its picture
    '<a:extLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
    '<a:ext uri="{{96DAC541-7B7A-43D3-8B79-37D633B846F1}}"><asvg:svgBlip '
    'xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'r:embed="{relation}"/></a:ext></a:extLst>'
)


def write_slides(report: Report, path: Path, *, template: Path | None = None) -> None:
    """Write the slides; replace any file at `path`.

    Raises `SettingsError` where `template` lacks a layout.
    """
    look = open_slide_look(template)
    for i, slide in enumerate(lay_out_slides(report)):
        _add(look, slide, is_cover=i == 0)
    properties = look.presentation.core_properties
    day = datetime.datetime.fromisoformat(report.made_at)
    properties.title, properties.language = report.title, "fr-FR"
    properties.subject = properties.category = properties.keywords = properties.comments = ""
    properties.author = properties.last_modified_by = "Ateliers Territoires"
    properties.created = properties.modified = day
    properties.revision = 1
    look.presentation.save(str(path))
    fix_times(path)


def _add(look: SlideLook, slide: Slide, *, is_cover: bool) -> None:
    kind = COVER if is_cover else _kind(slide)
    layout = look.layouts[kind]
    made = look.presentation.slides.add_slide(layout.layout)
    boxes = {shape.placeholder_format.idx: shape for shape in made.placeholders}
    title, *texts = (boxes.pop(index) for index in layout.places)
    _write(title, (SlideLine(slide.title),), _COVER_SIZES if is_cover else _TITLE_SIZES)
    for box, lines in zip(texts, (slide.lines, slide.aside), strict=False):
        _write(box, lines, _COVER_LINE_SIZES if is_cover else _SIZES)
    for unused in boxes.values():  # an empty one would show its prompt
        _element(unused).getparent().remove(_element(unused))
    if slide.picture:
        _add_picture(look, made, title, slide)
    made.notes_slide.notes_text_frame.text = "\n".join(slide.notes)
    if not is_cover:
        _add_number(made, layout.layout)


def _kind(slide: Slide) -> str:
    if slide.picture:
        return PICTURE
    return TWO_TEXTS if slide.aside else TEXT


def _write(box: Any, lines: tuple[SlideLine, ...], sizes: tuple[int, ...]) -> None:
    """Write in the largest size that fits; cut the longest lines where none does."""
    width, height = Emu(box.width).pt - 20, Emu(box.height).pt - 10
    size = next((size for size in sizes if text_height(lines, size, width) <= height), sizes[-1])
    longest = max(len(line.text) for line in lines)
    while text_height(lines, size, width) > height and longest > 20:
        n_chars = max(20, longest * 4 // 5)
        lines = tuple(replace(line, text=shortened(line.text, n_chars)) for line in lines)
        longest = max(len(line.text) for line in lines)
    frame = box.text_frame
    frame.word_wrap = True
    for i, line in enumerate(lines):
        paragraph = frame.add_paragraph() if i else frame.paragraphs[0]
        _write_line(paragraph, line, size)


def _write_line(paragraph: Any, line: SlideLine, size: int) -> None:
    paragraph.space_after = Pt(size * _GAP)
    small = _small(size)
    if line.label:
        label = _add_run(paragraph, line.label, small)
        label.font.bold, label.font.color.theme_color = True, MSO_THEME_COLOR.ACCENT_1
        paragraph.add_line_break()
    if line.text:
        run = _add_run(paragraph, line.text, size)
        run.font.bold, run.font.italic = line.is_strong or None, line.is_quote or None
    if line.text and line.source:
        paragraph.add_line_break()
    if line.source:
        colour = _add_run(paragraph, line.source, small).font.color
        colour.theme_color, colour.brightness = MSO_THEME_COLOR.TEXT_1, _SOURCE_BRIGHTNESS


def _small(size: int) -> int:
    return max(_LEAST, round(size * _SMALL))


def _add_run(paragraph: Any, text: str, size: int) -> Any:
    run = paragraph.add_run()
    run.text, run.font.size = text, Pt(size)
    _element(run, "_r").get_or_add_rPr().set("lang", "fr-FR")
    return run


def _element(shape: Any, attribute: str = "_element") -> Any:
    """Return the XML of a shape or run, which python-pptx keeps private."""
    return getattr(shape, attribute)


def text_height(lines: tuple[SlideLine, ...], size: int, width: float) -> float:
    """Return an upper bound, in points, of the height of `lines` at `size` and `width` (points)."""
    height = 0.0
    for line in lines:
        wide = 1.1 if line.is_strong else 1.05
        height += _n_rows(len(line.text) * wide, size, width) * size * _LEADING + size * _GAP
        for text in (line.label, line.source):
            height += _n_rows(len(text), _small(size), width) * _small(size) * _LEADING
    return height


def _n_rows(n_chars: float, size: int, width: float) -> int:
    return ceil(n_chars / max(1, int((width - 1.5 * size) / (_LETTER * size))))


def _add_picture(look: SlideLook, made: Any, title: Any, slide: Slide) -> None:
    """Draw the picture as large as the slide lets it be, under the title."""
    assert slide.picture
    spec, alt = slide.picture
    left, width, top = title.left, title.width, title.top + title.height + Inches(0.1)
    height = look.presentation.slide_height - top - Inches(0.3)
    picture = made.shapes.add_picture(io.BytesIO(draw_png(spec)), left, top)
    scale = min(width / picture.width, height / picture.height)
    picture.width, picture.height = round(picture.width * scale), round(picture.height * scale)
    picture.left = left + (width - picture.width) // 2
    picture.top = top + (height - picture.height) // 2
    _element(picture).nvPicPr.cNvPr.set("descr", alt)
    picture.name = "Carte"
    package = look.presentation.part.package
    name = PackURI(f"/ppt/media/carte{len(look.presentation.slides)}.svg")
    svg = Part(name, "image/svg+xml", package, draw_svg(spec).encode())
    relation = made.part.relate_to(svg, RELATIONSHIP_TYPE.IMAGE)
    blip = _element(picture).blipFill.find(qn("a:blip"))
    blip.append(parse_xml(_SVG_EXTENSION.format(relation=relation)))


def _add_number(made: Any, layout: Any) -> None:
    for shape in layout.placeholders:
        if _element(shape).ph.get("type") == "sldNum":
            number = copy.deepcopy(_element(shape))
            for properties in number.iter(qn("a:rPr"), qn("a:endParaRPr")):
                properties.set("lang", "fr-FR")
            _element(made.shapes, "_spTree").append(number)
