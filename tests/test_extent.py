"""A large study: the report tells some workshops one by one, names all, and says where the others are; nothing else loses any."""

import re
from pathlib import Path

import pytest

from pipeline.publish.docx import write_workshop_pages
from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import PageParagraph
from pipeline.publish.pdf import print_page
from pipeline.publish.report.content import Report
from support.invented import said, workshops
from support.published import report, tables
from support.report_text import pdf_text, sections_of, squeezed, words_of

PLACES = tuple(f"atelier{letter}-2025-02-0{day}" for day, letter in enumerate("abcdef", start=1))


def large(**settings: int) -> Report:
    """Six workshops, the third with most passages."""
    heard = [
        said("cars", 1 + n % 4, workshop_id=place)
        for place in PLACES
        for n in range(9 if place == PLACES[2] else 3)
    ]
    return report(tables(*heard) | {"workshops": workshops(*PLACES)}, **settings)


def shown(made: Report) -> str:
    page = lay_out(made)
    return " ".join(
        text
        for section in sections_of(page)
        for block in section.blocks
        for text in (section.title, *words_of(block))
    ).replace("\u00a0", " ")


def test_a_small_study_is_told_whole_and_says_nothing_of_it() -> None:
    assert "un par un" not in shown(large())


def test_of_a_large_study_the_workshops_of_most_passages_are_told_and_all_are_named() -> None:
    made = large(n_workshops=2)
    page, text = lay_out(made), shown(made)
    (priorities,) = [section for section in page.sections if section.anchor == "priorites"]
    assert priorities.sections[-1].title == "Les autres ateliers, en une ligne"
    (opening, *_) = page.sections
    assert [section.title for section in opening.sections] == [
        "ateliera",
        "atelierc",
        made.scopes[0].title,
    ]
    assert all(workshop.name in text for workshop in made.workshops)
    assert "L’étude compte 6 ateliers : ce rapport en montre 2 un par un" in text
    assert len(re.findall("un par un", text)) >= 3


@pytest.mark.slow
def test_figures_of_the_whole_stay_those_of_all_workshops() -> None:
    for made in (large(), large(n_workshops=2)):
        facts = lay_out(made).sections[0].blocks[0]
        assert isinstance(facts, PageParagraph) and facts.text.startswith("6\u00a0ateliers · ")


def test_every_workshop_has_its_pages_all_the_same(tmp_path: Path) -> None:
    made = large(n_workshops=1)
    assert (
        len([path for path in write_workshop_pages(made, tmp_path) if path.suffix == ".pdf"]) == 6
    )
    (tmp_path / "rapport.pdf").write_bytes(print_page(lay_out(made)))
    assert squeezed("Les autres ateliers, en une ligne") in squeezed(
        pdf_text(tmp_path / "rapport.pdf")
    )
