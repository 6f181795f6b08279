"""The slides of a restitution: statements, quotes and questions in real placeholders, evidence in the notes, no overflow, no score and no id."""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from pptx.util import Emu

from pipeline.publish.layout.slides import SlideLine, lay_out_slides
from pipeline.publish.report.content import Report
from pipeline.publish.slides import text_height, write_slides
from pipeline.tables import TABLES
from pipeline.tables.results import THEMES
from support.invented import DIE, ORTHEZ, said, workshops
from support.published import report, tables
from tools.slides_template import make_template


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    path = tmp_path_factory.mktemp("diapos") / "restitution.pptx"
    placed = tables()["structures"].assign(map_workshop_ids=json.dumps([ORTHEZ]))
    made = replace(
        report(tables(structures=placed)),
        commissioner="la CRESS",
        contact="ateliers@exemple.fr",
    )
    write_slides(made, path)
    return made, path


def text_of(slide: Any) -> str:
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def titles_of(path: Path) -> list[str]:
    slides = Presentation(str(path)).slides
    return [slide.shapes.title.text_frame.text.replace("\u00a0", " ") for slide in slides]


def test_slides_come_in_order_and_fill_every_placeholder(shown) -> None:
    assert titles_of(shown[1]) == [
        "Étude d’essai",
        "L’essentiel",
        "orthez : ce qui a été dit",
        "die : ce qui a été dit",
        "Cars",
        "Lait",
        "orthez : la carte",
        "À discuter ensemble",
    ]
    slides = Presentation(str(shown[1])).slides
    assert all(shape.text_frame.text.strip() for slide in slides for shape in slide.placeholders)


def test_the_cover_says_where_when_and_for_whom(shown) -> None:
    cover = text_of(Presentation(str(shown[1])).slides[0]).replace("\u00a0", " ")
    assert cover.split("\n")[1:] == [
        "orthez (4 février 2025)",
        "die (11 mars 2025)",
        "À la demande de la CRESS",
        "Restitution du 1er juin 2025",
    ]


def test_a_territory_and_a_priority_say_where_it_was_said_and_the_notes_hold_the_evidence(
    shown,
) -> None:
    made, path = shown
    slides = list(Presentation(str(path)).slides)
    first = made.scopes[0].priorities[0]
    text = text_of(slides[4]).replace("\u00a0", " ")
    assert "Environ 3 tables sur 8 en parlent." in text and any(
        quote.where.replace("\u00a0", " ") in text for quote in first.quotes
    )
    assert "Environ 2 tables sur 4 en parlent." in text_of(slides[2]).replace("\u00a0", " ")
    notes = slides[4].notes_slide.notes_text_frame.text
    assert all(quote.text in notes and quote.where in notes for quote in first.quotes)


def test_no_passage_is_quoted_twice(shown) -> None:
    quotes = [
        line.text
        for slide in lay_out_slides(shown[0])
        for line in (*slide.lines, *slide.aside)
        if line.is_quote
    ]
    assert quotes and len(set(quotes)) == len(quotes)


def test_no_score_no_rank_and_no_share_is_told(shown) -> None:
    words = "\n".join(_everything(shown[1]))
    assert re.findall(r".*(?:score|sur 100|tirages|\brang\b|TOPSIS|%).*", words, re.I) == []
    assert not [
        shape
        for slide in Presentation(str(shown[1])).slides
        for shape in slide.shapes
        if shape.has_chart
    ]


def _everything(path: Path) -> Iterator[str]:
    for slide in Presentation(str(path)).slides:
        yield from (text_of(slide), slide.notes_slide.notes_text_frame.text)


@pytest.mark.slow
def test_a_large_study_tells_some_territories_and_few_maps() -> None:
    places = [f"atelier{letter}-2025-02-0{day}" for day, letter in enumerate("abcdefgh", start=1)]
    heard = [said("cars", 1 + n, workshop_id=place) for place in places for n in range(3)]
    slides = lay_out_slides(report(tables(*heard) | {"workshops": workshops(*places)}))
    assert sum("ce qui a été dit" in slide.title for slide in slides) == 6


def test_a_map_is_a_drawing_with_words_for_who_cannot_see_it(shown) -> None:
    with zipfile.ZipFile(shown[1]) as archive:
        drawings = [name for name in archive.namelist() if name.endswith(".svg")]
        slides = "".join(
            archive.read(name).decode()
            for name in archive.namelist()
            if re.fullmatch(r"ppt/slides/slide\d+\.xml", name)
        )
    assert len(drawings) == slides.count("asvg:svgBlip") == 1
    described = re.findall(r'<p:cNvPr [^>]*name="Carte"[^>]*>', slides)
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
    paragraphs = shape.text_frame.paragraphs
    runs = [run for paragraph in paragraphs for run in paragraph.runs]
    size = max(int(run.font.size.pt) for run in runs)
    lines = []
    for paragraph in paragraphs:
        sizes = {int(run.font.size.pt) for run in paragraph.runs}
        large = [run.text for run in paragraph.runs if run.font.size.pt == size]
        small = [run.text for run in paragraph.runs if run.font.size.pt < size]
        assert sizes and min(sizes) >= 14
        lines.append(SlideLine("".join(large), " ".join(small)))
    return text_height(tuple(lines), size, Emu(shape.width).pt - 20)


def test_nothing_overflows_whatever_its_length_and_markup_stays_text(shown, tmp_path: Path) -> None:
    assert overflowing(shown[1]) == []
    label = (
        '<a:t>#{7*7} =HYPERLINK("x") {{ 7*7 }} \\input 🚍 مرحبا '
        + "Anticonstitutionnellement " * 15
    )
    heard = [
        said("cars", n, text=f"{n} {label} " * 4, posture=posture, workshop_id=workshop_id)
        for n in (1, 2, 3)
        for posture in ("force", "difficulte", "proposition")
        for workshop_id in (ORTHEZ, DIE)
    ]
    made = tables(*heard)
    made["themes"] = THEMES.check(made["themes"].assign(label=label, statement=label))
    write_slides(report(made), tmp_path / "a.pptx")
    assert overflowing(tmp_path / "a.pptx") == []
    slides = Presentation(str(tmp_path / "a.pptx")).slides
    assert '<a:t>#{7*7} =HYPERLINK("x") {{ 7*7 }} \\input 🚍 مرحبا' in "".join(map(text_of, slides))


def test_nothing_internal_or_english_is_shown(shown) -> None:
    words = "\n".join(_everything(shown[1]))
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
    text = "".join(map(text_of, Presentation(str(tmp_path / "a.pptx")).slides))
    assert "Aucun passage n’a été lu" in text.replace("\u00a0", " ")
    assert "par quoi commencer" in text  # no material gives a question


def test_the_template_is_the_one_its_maker_makes(tmp_path: Path) -> None:
    make_template(tmp_path / "a.pptx")
    shipped = (
        Path(__file__).parent.parent / "pipeline" / "publish" / "templates" / "restitution.pptx"
    )
    with zipfile.ZipFile(tmp_path / "a.pptx") as made, zipfile.ZipFile(shipped) as kept:
        assert [name for name in made.namelist() if made.read(name) != kept.read(name)] == []
