"""Write the slides of a restitution: real layouts, charts that people can edit, maps as vectors, evidence in the notes.

In:   Report
Out:  a .pptx file, the same for the same report
"""

import copy
import datetime
import io
from math import ceil
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_TICK_LABEL_POSITION
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.util import Emu, Inches, Pt

from pipeline.publish.charts import draw_png, draw_svg
from pipeline.publish.layout.slides import Bars, Line, Slide, lay_out_slides
from pipeline.publish.report.content import Report
from pipeline.publish.text import fix_times, shortened

_TEMPLATE = Path(__file__).with_name("templates") / "restitution.pptx"
_COVER, _TEXT, _TEXT_AND_CHART, _CHART, _PICTURES = range(5)  # layouts of the template
_SIZES, _TITLE_SIZES = (24, 22, 20, 18, 16, 14), (28, 24, 20)
_LETTER, _LEADING, _GAP = (
    0.56,
    1.25,
    8,
)  # mean width in ems, on the wide side; height of a line in ems; points between lines
_SOFT = RGBColor(0x4D, 0x5D, 0x5B)
_SVG = "{96DAC541-7B7A-43D3-8B79-37D633B846F1}"  # the extension by which PowerPoint draws an SVG in the place of its picture


def write_slides(report: Report, path: Path) -> None:
    """Write the slides at `path`; a file that is there is replaced."""
    shown = Presentation(str(_TEMPLATE))
    for place, slide in enumerate(lay_out_slides(report)):
        _add(shown, slide, is_cover=not place)
    properties, day = shown.core_properties, datetime.datetime.fromisoformat(report.made_at)
    properties.title, properties.language, properties.keywords, properties.comments = (
        report.title,
        "fr-FR",
        "",
        "",
    )
    properties.author = properties.last_modified_by = "Ateliers Territoires"
    properties.created = properties.modified = day
    properties.revision = 1
    shown.save(str(path))
    fix_times(path)


def _add(shown: Any, slide: Slide, *, is_cover: bool) -> None:
    layout = (
        _COVER
        if is_cover
        else _PICTURES
        if slide.pictures
        else _TEXT
        if not slide.bars
        else _TEXT_AND_CHART
        if slide.lines
        else _CHART
    )
    made = shown.slides.add_slide(shown.slide_layouts[layout])
    boxes = {shape.placeholder_format.idx: shape for shape in made.placeholders}
    _write(boxes[0], (Line(slide.title),), _TITLE_SIZES)
    if slide.lines:
        _write(boxes[1], slide.lines, _SIZES)
    if slide.bars:
        _draw_bars(boxes[2 if slide.lines else 1], slide.bars, has_legend=not slide.lines)
    if slide.pictures:
        _add_pictures(shown, made, slide)
    made.notes_slide.notes_text_frame.text = "\n".join(slide.notes)
    if not is_cover:
        _number(made, shown.slide_layouts[layout])


def _write(box: Any, lines: tuple[Line, ...], sizes: tuple[int, ...]) -> None:
    """Write `lines` in the largest letters in which they fit, cut where even the smallest do not do."""
    width, height = Emu(box.width).pt - 20, Emu(box.height).pt - 10
    size = next((size for size in sizes if text_height(lines, size, width) <= height), sizes[-1])
    while text_height(lines, size, width) > height and max(len(line.text) for line in lines) > 20:
        longest = max(len(line.text) for line in lines)
        lines = tuple(
            Line(shortened(line.text, max(20, longest * 4 // 5)), line.source) for line in lines
        )
    frame = box.text_frame
    frame.word_wrap = True
    for place, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if not place else frame.add_paragraph()
        paragraph.space_after = Pt(_GAP)
        _run(paragraph, line.text, size)
        if line.source:
            paragraph.add_line_break()
            _run(paragraph, line.source, size * 3 // 4).font.color.rgb = _SOFT


def _run(paragraph: Any, text: str, size: int) -> Any:
    run = paragraph.add_run()
    run.text, run.font.size = text, Pt(size)
    run._r.get_or_add_rPr().set("lang", "fr-FR")
    return run


def text_height(lines: tuple[Line, ...], size: int, width: float) -> float:
    """Points that `lines` take in letters of `size` points, `width` points wide; rather more than less."""
    per_line = max(1, int((width - 1.5 * size) / (_LETTER * size)))
    rows = sum(
        ceil(len(line.text) * 1.05 / per_line) * size
        + ceil(len(line.source) / per_line) * size * 3 // 4
        for line in lines
    )
    return rows * _LEADING + _GAP * len(lines)


def _draw_bars(box: Any, bars: Bars, *, has_legend: bool) -> None:
    """A chart of PowerPoint's own, first category on top, its numbers in the sheet behind it."""
    table = CategoryChartData(number_format="0%" if bars.is_share else "General")
    table.categories = bars.categories
    for name, _, values in bars.series:
        table.add_series(name, values)
    kind = XL_CHART_TYPE.BAR_STACKED if bars.is_stacked else XL_CHART_TYPE.BAR_CLUSTERED
    frame = box.insert_chart(kind, table)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", bars.alt)
    chart = frame.chart
    chart.font.size, chart.has_title = Pt(14), False
    chart.has_legend = has_legend and len(bars.series) > 1
    if chart.has_legend:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    chart.category_axis.reverse_order = True
    chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    chart.category_axis.format.line.fill.background()
    chart.value_axis.has_major_gridlines, chart.value_axis.minimum_scale = False, 0
    chart.value_axis.visible = False
    plot = chart.plots[0]
    plot.gap_width, plot.overlap = 45, 100 if bars.is_stacked else -5
    for series, (_, colour, values) in zip(plot.series, bars.series, strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = RGBColor.from_string(colour.lstrip("#").upper())
        if not has_legend or bars.is_share:
            _label(series, values, is_share=bars.is_share)


def _label(series: Any, values: tuple[float, ...], *, is_share: bool) -> None:
    """The number on each bar, none on an empty one."""
    labels = series.data_labels
    labels.show_value, labels.number_format_is_linked = True, False
    labels.number_format = "0%;;" if is_share else "0;;"
    labels.font.size = Pt(12)


def _add_pictures(shown: Any, made: Any, slide: Slide) -> None:
    """Drawings side by side, each as an SVG with a picture for programmes that know none."""
    left, top, width, height = Inches(0.6), Inches(1.6), Inches(12.1), Inches(5.2)
    each = width // len(slide.pictures)
    for place, (spec, alt) in enumerate(slide.pictures):
        picture = made.shapes.add_picture(io.BytesIO(draw_png(spec)), left, top)
        scale = min((each - Inches(0.2)) / picture.width, height / picture.height)
        picture.width, picture.height = round(picture.width * scale), round(picture.height * scale)
        picture.left, picture.top = (
            left + each * place + (each - picture.width) // 2,
            top + (height - picture.height) // 2,
        )
        picture._element.nvPicPr.cNvPr.set("descr", alt)
        picture.name = f"Carte {place + 1}"
        name = PackURI(f"/ppt/media/carte{len(shown.slides)}-{place + 1}.svg")
        relation = made.part.relate_to(
            Part(name, "image/svg+xml", shown.part.package, draw_svg(spec).encode()),
            RELATIONSHIP_TYPE.IMAGE,
        )
        blip = picture._element.blipFill.find(qn("a:blip"))
        blip.append(
            parse_xml(
                f'<a:extLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:ext uri="{_SVG}"><asvg:svgBlip '
                'xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main" '
                f'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:embed="{relation}"/></a:ext></a:extLst>'
            )
        )


def _number(made: Any, layout: Any) -> None:
    """The slide's number, which python-pptx leaves to the layout."""
    for shape in layout.placeholders:
        if shape._element.ph.get("type") == "sldNum":
            number = copy.deepcopy(shape._element)
            for properties in number.iter(qn("a:rPr"), qn("a:endParaRPr")):
                properties.set("lang", "fr-FR")
            made.shapes._spTree.append(number)
