"""Write the slides of a restitution, with editable charts and the evidence in the notes.

In:   Report
Out:  a .pptx of 10 to 15 slides, the same for the same report
"""

import copy
import datetime
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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

from pipeline.publish.charts import CRITERIA_COLOURS, draw_png, draw_svg, posture_colour
from pipeline.publish.layout.annexes import counted_by
from pipeline.publish.layout.crossings import map_alt, presence_cells
from pipeline.publish.layout.opening import facts_of, lists_note
from pipeline.publish.layout.without_themes import joined_place, notice
from pipeline.publish.report.content import Priority, Report, ReportQuote, WithoutThemes
from pipeline.publish.territory_charts import map_spec
from pipeline.publish.text import (
    NBSP,
    capitalised,
    count,
    fix_times,
    joined,
    points,
    quoted,
    sentence,
    shortened,
    some_of,
)

_N_PRIORITIES, _N_QUOTES, _N_CODES, _N_WORKSHOPS, _N_MAPS, _N_LINES = 5, 2, 6, 4, 3, 4
_TITLE_CHARS, _LABEL_CHARS, _QUOTE_CHARS, _LINE_CHARS = 90, 44, 200, 260


@dataclass(frozen=True)
class SlideLine:
    """A line; `source` says where a quote comes from."""

    text: str
    source: str = ""


@dataclass(frozen=True)
class BarChart:
    """Editable horizontal bars, stacked, or side by side for shares of 0..1."""

    categories: tuple[str, ...]
    series: tuple[tuple[str, str, tuple[float, ...]], ...]  # (name, colour, values)
    alt: str
    is_share: bool = False


@dataclass(frozen=True)
class Slide:
    """One slide; each picture comes with its description."""

    title: str
    notes: tuple[str, ...]
    lines: tuple[SlideLine, ...] = ()
    bars: BarChart | None = None
    pictures: tuple[tuple[Mapping[str, Any], str], ...] = ()


def write_slides(report: Report, path: Path) -> None:
    """Write the slides; replace any file at `path`."""
    shown = Presentation(str(_TEMPLATE))
    for i, slide in enumerate(lay_out_slides(report)):
        _add(shown, slide, is_cover=i == 0)
    properties, day = shown.core_properties, datetime.datetime.fromisoformat(report.made_at)
    properties.title, properties.language = report.title, "fr-FR"
    properties.keywords = properties.comments = ""
    properties.author = properties.last_modified_by = "Ateliers Territoires"
    properties.created = properties.modified = day
    properties.revision = 1
    shown.save(str(path))
    fix_times(path)


def lay_out_slides(report: Report) -> tuple[Slide, ...]:
    """Return the slides in order, cover first; skip a slide without content."""
    return tuple(_slides(report))


def _slides(report: Report) -> Iterator[Slide]:
    first = report.scopes[0].priorities[:_N_PRIORITIES]
    yield _cover(report)
    yield _figures(report)
    if report.without_themes:
        yield from _passages(report, report.without_themes)
    else:
        yield from _themes(report, first)
    if report.reading.maps:
        yield _maps(report)
    if report.attendance:
        yield _presence(report)
    if report.scopes[0].actions:
        yield _actions(report.scopes[0].actions)
    key = "diapos.completer" if report.without_themes else "diapos.corriger"
    lines = SlideLine(sentence("diapos.discuter")), SlideLine(sentence(key))
    yield Slide(sentence("atelier.suite"), (notice(report).text,), lines)


def _themes(report: Report, first: tuple[Priority, ...]) -> Iterator[Slide]:
    yield _priority_list(first)
    if first:
        yield _scores(report, first)
    yield from map(_priority, first)
    yield from _codes(report)
    if len(report.territories) > 1:
        yield _shared(report)


def _passages(report: Report, here: WithoutThemes) -> Iterator[Slide]:
    workshops = {workshop.name for workshop in report.workshops}
    if here.repeats:
        lines = tuple(
            SlideLine(
                quoted(shortened(repeat.texts[0], _QUOTE_CHARS)),
                joined([repeat.said, count(repeat.n_units, "passage")]),
            )
            for repeat in here.repeats[:_N_LINES]
        )
        notes = (sentence("sans_theme.revient_intro"), *map(quoted, here.repeats[0].texts))
        yield Slide(sentence("sans_theme.revient"), notes, lines)
    for question in here.questions:
        quotes = [
            ReportQuote(said.text, joined_place(said.workshop, said.where, workshops))
            for said in question.passages
        ]
        lines = tuple(map(_quote_line, quotes[:_N_LINES]))
        yield Slide(question.title, tuple(map(_quote_note, quotes)), lines)


def _cover(report: Report) -> Slide:
    names = joined([workshop.name for workshop in report.workshops])
    lines = (
        SlideLine(sentence("diapos.sous_titre", date=report.made_on)),
        SlideLine(shortened(names, _LINE_CHARS)),
    )
    return Slide(shortened(report.title, _TITLE_CHARS), (notice(report).text,), lines)


def _figures(report: Report) -> Slide:
    counts = (
        (len(report.workshops), "atelier", ""),
        (sum(workshop.n_tables for workshop in report.workshops), "table", ""),
        (report.n_people, "personne", lists_note(report)),
        (report.n_structures, "structure", ""),
    )
    came = [count(n, name) + more for n, name, more in counts if isinstance(n, int) and n]
    documents = count(report.documents.n_all, "document lu", "documents lus")
    aside = count(report.coverage.n_aside, "passage mis à part", "passages mis à part")
    passages = count(report.coverage.n_units, "passage")
    themes = count(len(report.themes), "thème")
    read = sentence("diapos.lu", documents=documents, passages=passages)
    grouped = [
        sentence("diapos.themes", themes=themes, passages=aside),
        sentence("diapos.candidates"),
    ]
    notes = [counted_by(report)]
    if report.without_themes:
        grouped, notes = [report.without_themes.why], []
    texts = (*filter(None, [capitalised(joined(came))]), read, *grouped)
    lines = tuple(map(SlideLine, texts))
    return Slide(sentence("diapos.essentiel"), (*notes, notice(report).text), lines)


def _priority_list(first: tuple[Priority, ...]) -> Slide:
    lines, notes = [], []
    for item in first:
        theme = shortened(item.label, _LABEL_CHARS * 2)
        text = sentence("diapos.ligne", rang=item.rank, theme=theme, tables=item.said)
        lines.append(SlideLine(text))
        notes.append(f"{item.rank}. {item.label} – {facts_of(item)}")
    lines = lines or [SlideLine(sentence("priorites.aucune"))]
    return Slide(sentence("diapos.premieres"), tuple(notes), tuple(lines))


def _scores(report: Report, first: tuple[Priority, ...]) -> Slide:
    series = tuple(
        (
            criterion.label,
            CRITERIA_COLOURS[i % len(CRITERIA_COLOURS)],
            tuple(round(100 * item.criteria[i].contribution, 1) for item in first),
        )
        for i, criterion in enumerate(first[0].criteria)
    )
    names = tuple(f"{item.rank}. {shortened(item.label, _LABEL_CHARS)}" for item in first)
    scores = zip(names, [points(item.score) for item in first], strict=True)
    alt = sentence("alt.priorites", barres=" ; ".join(f"{name}{NBSP}: {n}" for name, n in scores))
    criteria = [f"{label} ({weight}){NBSP}: {why}" for label, weight, why in report.criteria]
    notes = (sentence("methode.score"), *criteria, *report.scopes[0].checks)
    return Slide(sentence("diapos.score"), notes, bars=BarChart(names, series, alt))


def _priority(item: Priority) -> Slide:
    lines = (SlideLine(item.why), *map(_quote_line, item.quotes[:_N_QUOTES]))
    bars = None
    if item.postures:
        names = tuple(share.label for share in item.postures)
        parts = joined([f"{share.label} {share.n_units}" for share in item.postures])
        series = []
        for i, share in enumerate(item.postures):
            values = [0.0] * len(names)
            values[i] = float(share.n_units)
            series.append((share.label, posture_colour(share), tuple(values)))
        bars = BarChart(names, tuple(series), sentence("alt.profil", parts=parts))
    title = f"{item.rank}. {shortened(item.label, _TITLE_CHARS)}"
    notes = (item.label, facts_of(item), *map(_quote_note, item.quotes))
    return Slide(title, notes, lines, bars)


def _quote_line(quote: ReportQuote) -> SlideLine:
    return SlideLine(quoted(shortened(quote.text, _QUOTE_CHARS)), quote.where)


def _quote_note(quote: ReportQuote) -> str:
    return f"{quoted(quote.text)} ({quote.where})"


def _codes(report: Report) -> Iterator[Slide]:
    for heat in [heat for heat in report.heats if heat.rubriques][:1]:
        order = sorted(range(len(heat.rubriques)), key=lambda row: -sum(heat.shares[row]))
        order = order[:_N_CODES]
        series = tuple(
            (
                shortened(name, _LABEL_CHARS),
                CRITERIA_COLOURS[i],
                tuple(heat.shares[row][i] for row in order),
            )
            for i, name in enumerate(heat.workshops[:_N_WORKSHOPS])
        )
        names = tuple(shortened(heat.rubriques[row], _LABEL_CHARS) for row in order)
        alt = sentence("atelier.alt_rubriques", parts=joined(names))
        bars = BarChart(names, series, alt, is_share=True)
        yield Slide(sentence("titres.rubriques"), (sentence("rubriques.intro"),), bars=bars)


def _shared(report: Report) -> Slide:
    reading, nothing = report.reading, sentence("lectures.aucun")
    shared = some_of(reading.shared, _LINE_CHARS) or nothing
    own = some_of(reading.own, _LINE_CHARS) or nothing
    lines = (
        SlideLine(f"{sentence('lectures.partages')}{NBSP}: {shared}"),
        SlideLine(f"{sentence('lectures.propres')}{NBSP}: {own}"),
    )
    notes = tuple(map(report.counted.sentence, ("lectures.intro", "territoires.intro")))
    return Slide(sentence("titres.territoires"), notes, lines)


def _maps(report: Report) -> Slide:
    """Leave needs out: nobody has confirmed that they have no answer."""
    maps = [replace(drawn, needs=()) for drawn in report.reading.maps[:_N_MAPS]]
    notes = (*map(map_alt, maps), sentence("cartes.source"))
    pictures = tuple((map_spec(drawn), map_alt(drawn)) for drawn in maps)
    return Slide(sentence("titres.cartes"), notes, pictures=pictures)


def _presence(report: Report) -> Slide:
    names = [workshop.name for workshop in report.workshops]
    *types, (_, totals) = presence_cells(report)
    pairs = list(zip(names, totals, strict=True))[:_N_LINES]
    lines = [SlideLine(f"{name}{NBSP}: {cell}") for name, cell in pairs]
    absent = [
        f"{row.workshop} ({', '.join((*row.structure_types, *row.communes)[:5])})"
        for row in report.absent
        if row.structure_types or row.communes
    ]
    if absent:
        text = shortened(" ; ".join(absent), _LINE_CHARS)
        lines.append(SlideLine(f"{sentence('voix.absentes')}{NBSP}: {text}"))
    notes = [sentence("voix.intro")]
    for kind, cells in types:
        parts = [f"{name}, {cell}" for name, cell in zip(names, cells, strict=True)]
        notes.append(f"{kind}{NBSP}: {' ; '.join(parts)}")
    return Slide(sentence("titres.voix"), tuple(notes), tuple(lines))


def _actions(actions: tuple[ReportQuote, ...]) -> Slide:
    lines = tuple(map(_quote_line, actions[:_N_LINES]))
    return Slide(sentence("diapos.pistes"), tuple(map(_quote_note, actions)), lines)


_TEMPLATE = Path(__file__).with_name("templates") / "restitution.pptx"
_COVER, _TEXT, _TEXT_AND_CHART, _CHART, _PICTURES = range(5)  # layouts of the template
_SIZES, _TITLE_SIZES = (24, 22, 20, 18, 16, 14), (28, 24, 20)
_LETTER, _LEADING = 0.56, 1.25  # mean width in ems, on the wide side; height of a line in ems
_GAP = 8  # points between lines
_SOFT = RGBColor(0x4D, 0x5D, 0x5B)
_SVG_EXTENSION = (  # PowerPoint draws the SVG instead of its picture
    '<a:extLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
    '<a:ext uri="{{96DAC541-7B7A-43D3-8B79-37D633B846F1}}"><asvg:svgBlip '
    'xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'r:embed="{relation}"/></a:ext></a:extLst>'
)


def _add(shown: Any, slide: Slide, *, is_cover: bool) -> None:
    layout = shown.slide_layouts[_COVER if is_cover else _layout(slide)]
    made = shown.slides.add_slide(layout)
    boxes = {shape.placeholder_format.idx: shape for shape in made.placeholders}
    _write(boxes[0], (SlideLine(slide.title),), _TITLE_SIZES)
    if slide.lines:
        _write(boxes[1], slide.lines, _SIZES)
    if slide.bars:
        _draw_bars(boxes[2 if slide.lines else 1], slide.bars, has_legend=not slide.lines)
    if slide.pictures:
        _add_pictures(shown, made, slide)
    made.notes_slide.notes_text_frame.text = "\n".join(slide.notes)
    if not is_cover:
        _add_number(made, layout)


def _layout(slide: Slide) -> int:
    if slide.pictures:
        return _PICTURES
    if not slide.bars:
        return _TEXT
    return _TEXT_AND_CHART if slide.lines else _CHART


def _write(box: Any, lines: tuple[SlideLine, ...], sizes: tuple[int, ...]) -> None:
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
        paragraph.space_after = Pt(_GAP)
        _add_run(paragraph, line.text, size)
        if line.source:
            paragraph.add_line_break()
            _add_run(paragraph, line.source, size * 3 // 4).font.color.rgb = _SOFT


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
    per_line = max(1, int((width - 1.5 * size) / (_LETTER * size)))
    rows = sum(
        ceil(len(line.text) * 1.05 / per_line) * size
        + ceil(len(line.source) / per_line) * size * 3 // 4
        for line in lines
    )
    return rows * _LEADING + _GAP * len(lines)


def _draw_bars(box: Any, bars: BarChart, *, has_legend: bool) -> None:
    table = CategoryChartData(number_format="0%" if bars.is_share else "General")
    table.categories = bars.categories
    for name, _, values in bars.series:
        table.add_series(name, values)
    kind = XL_CHART_TYPE.BAR_CLUSTERED if bars.is_share else XL_CHART_TYPE.BAR_STACKED
    frame = box.insert_chart(kind, table)
    _element(frame).nvGraphicFramePr.cNvPr.set("descr", bars.alt)
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
    plot.gap_width, plot.overlap = 45, -5 if bars.is_share else 100
    for series, (_, colour, _values) in zip(plot.series, bars.series, strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = RGBColor.from_string(colour.lstrip("#").upper())
        if not has_legend or bars.is_share:
            labels = series.data_labels
            labels.show_value, labels.number_format_is_linked = True, False
            labels.number_format = "0%;;" if bars.is_share else "0;;"  # none on an empty bar
            labels.font.size = Pt(12)


def _add_pictures(shown: Any, made: Any, slide: Slide) -> None:
    left, top, width, height = Inches(0.6), Inches(1.6), Inches(12.1), Inches(5.2)
    each = width // len(slide.pictures)
    for i, (spec, alt) in enumerate(slide.pictures):
        picture = made.shapes.add_picture(io.BytesIO(draw_png(spec)), left, top)
        scale = min((each - Inches(0.2)) / picture.width, height / picture.height)
        picture.width, picture.height = round(picture.width * scale), round(picture.height * scale)
        picture.left = left + each * i + (each - picture.width) // 2
        picture.top = top + (height - picture.height) // 2
        _element(picture).nvPicPr.cNvPr.set("descr", alt)
        picture.name = f"Carte {i + 1}"
        name = PackURI(f"/ppt/media/carte{len(shown.slides)}-{i + 1}.svg")
        svg = Part(name, "image/svg+xml", shown.part.package, draw_svg(spec).encode())
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
