"""The slides of a restitution: real placeholders, charts that can be edited, evidence in the notes, no overflow and no id."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from pptx.util import Emu

from pipeline.publish.report.content import Report
from pipeline.publish.slides import SlideLine, text_height, write_slides
from pipeline.tables import TABLES
from pipeline.tables.results import THEMES
from support.invented import ORTHEZ, said
from support.published import report, tables
from tools.slides_template import make_template


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    path = tmp_path_factory.mktemp("diapos") / "restitution.pptx"
    placed = tables()["structures"].assign(map_workshop_ids=json.dumps([ORTHEZ]))
    made = report(tables(structures=placed))
    write_slides(made, path)
    return made, path


def text_of(slide: Any) -> str:
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def charts_of(path: Path) -> list[Any]:
    return [
        shape.chart
        for slide in Presentation(str(path)).slides
        for shape in slide.shapes
        if shape.has_chart
    ]


def test_every_slide_has_a_title_of_its_own_and_no_empty_placeholder(shown) -> None:
    slides = list(Presentation(str(shown[1])).slides)
    assert 10 <= len(slides) <= 15
    titles = [slide.shapes.title.text_frame.text for slide in slides]
    assert len(set(titles)) == len(titles) and all(titles)
    assert all(
        shape.has_chart or shape.text_frame.text.strip()
        for slide in slides
        for shape in slide.placeholders
    )


def test_the_first_priority_and_its_evidence_are_told_and_the_notes_hold_all_of_it(shown) -> None:
    made, path = shown
    slides = list(Presentation(str(path)).slides)
    first = made.scopes[0].priorities[0]
    (slide,) = [
        slide for slide in slides if slide.shapes.title.text_frame.text == f"1. {first.label}"
    ]
    assert (
        first.why in text_of(slide)
        and first.quotes[0].text in text_of(slide)
        and first.quotes[0].where in text_of(slide)
    )
    notes = slide.notes_slide.notes_text_frame.text
    assert all(quote.text in notes and quote.where in notes for quote in first.quotes)
    assert f"1. {first.label} : dit à 3 tables sur 8" in text_of(slides[2]).replace("\u00a0", " ")


def test_charts_are_editable_and_their_numbers_are_those_of_the_report(shown) -> None:
    made, path = shown
    scores, *_ = charts_of(path)
    first = made.scopes[0].priorities
    totals = [
        sum(values)
        for values in zip(*(series.values for series in scores.plots[0].series), strict=True)
    ]
    assert totals == pytest.approx([100 * item.score for item in first], abs=0.5)
    with zipfile.ZipFile(path) as archive:
        assert (
            len([name for name in archive.namelist() if name.startswith("ppt/embeddings/")])
            == len(charts_of(path))
            >= 3
        )


def test_a_map_is_a_drawing_with_words_for_who_cannot_see_it(shown) -> None:
    with zipfile.ZipFile(shown[1]) as archive:
        drawings = [name for name in archive.namelist() if name.endswith(".svg")]
        slides = "".join(
            archive.read(name).decode()
            for name in archive.namelist()
            if re.fullmatch(r"ppt/slides/slide\d+\.xml", name)
        )
    assert len(drawings) == slides.count("asvg:svgBlip") >= 1
    described = re.findall(r'<p:cNvPr [^>]*name="(?:Carte|Graphique)[^"]*"[^>]*>', slides)
    assert described and all('descr="' in tag for tag in described)


def overflowing(path: Path) -> list[str]:
    """Titles of the slides where a text is higher than its place."""
    return [
        slide.shapes.title.text_frame.text
        for slide in Presentation(str(path)).slides
        for shape in slide.placeholders
        if shape.has_text_frame
        and shape.text_frame.paragraphs[0].runs
        and _height(shape) > Emu(shape.height).pt
    ]


def _height(shape: Any) -> float:
    size = int(shape.text_frame.paragraphs[0].runs[0].font.size.pt)
    lines = [
        SlideLine(paragraph.runs[0].text, "".join(run.text for run in paragraph.runs[1:]))
        for paragraph in shape.text_frame.paragraphs
    ]
    return text_height(tuple(lines), size, Emu(shape.width).pt - 20)


def test_nothing_overflows_whatever_its_length_and_markup_stays_text(shown, tmp_path: Path) -> None:
    assert overflowing(shown[1]) == []
    label = (
        '<a:t>#{7*7} =HYPERLINK("x") {{ 7*7 }} \\input 🚍 مرحبا '
        + "Anticonstitutionnellement " * 15
    )
    made = tables(*(said("cars", n, text=f"{n} {label} " * 4) for n in (1, 2, 3)))
    made["themes"] = THEMES.check(made["themes"].assign(label=label))
    write_slides(report(made), tmp_path / "a.pptx")
    assert overflowing(tmp_path / "a.pptx") == []
    slides = Presentation(str(tmp_path / "a.pptx")).slides
    assert '<a:t>#{7*7} =HYPERLINK("x") {{ 7*7 }} \\input 🚍 مرحبا' in "".join(map(text_of, slides))
    with zipfile.ZipFile(tmp_path / "a.pptx") as archive:
        books = [
            zipfile.ZipFile(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
            if name.endswith(".xlsx")
        ]
    assert books and all(
        b"<f>" not in book.read(name) for book in books for name in book.namelist()
    )


def test_nothing_internal_or_english_is_shown(shown) -> None:
    words = " ".join(
        text_of(slide) + "\n" + slide.notes_slide.notes_text_frame.text
        for slide in Presentation(str(shown[1])).slides
    )
    words += " ".join(layout.name for layout in Presentation(str(shown[1])).slide_layouts)
    ids = [
        *tables()["units"]["unit_id"],
        *tables()["workshops"]["workshop_id"],
        "coop-lait",
        "c_tables",
        "q1",
        "enjeux.social",
        "None",
        "nan",
    ]
    english = ["Title", "Click", "Chart", "Slide", "Content", "Series", "the", "and"]
    assert [
        word for word in ids + english if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", words)
    ] == []


def test_the_same_report_is_the_same_file_that_tells_no_other_day(shown, tmp_path: Path) -> None:
    write_slides(shown[0], tmp_path / "a.pptx")
    assert (tmp_path / "a.pptx").read_bytes() == shown[1].read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pptx") as archive:
        assert set(
            re.findall(r"(\d{4}-\d\d-\d\d)T", archive.read("docProps/core.xml").decode())
        ) == {"2025-06-01"}


def test_an_empty_study_has_slides_that_say_so(tmp_path: Path) -> None:
    write_slides(
        report({name: table.empty() for name, table in TABLES.items()}), tmp_path / "a.pptx"
    )
    assert "Aucun passage n’a été lu" in "".join(
        map(text_of, Presentation(str(tmp_path / "a.pptx")).slides)
    ).replace("\u00a0", " ")


def test_the_template_is_the_one_its_maker_makes(tmp_path: Path) -> None:
    make_template(tmp_path / "a.pptx")
    shipped = (
        Path(__file__).parent.parent / "pipeline" / "publish" / "templates" / "restitution.pptx"
    )
    with zipfile.ZipFile(tmp_path / "a.pptx") as made, zipfile.ZipFile(shipped) as kept:
        assert [name for name in made.namelist() if made.read(name) != kept.read(name)] == []
