"""Two pages a workshop, for inhabitants: what was said and where, what comes next; the same words in both formats, however long."""

import re
from dataclasses import replace
from pathlib import Path

import docx
import pypdfium2
import pytest

from pipeline.publish.docx import write_workshop_pages
from pipeline.publish.layout.sheets import ROOMS, lay_out_workshop
from pipeline.publish.report.content import Report
from pipeline.publish.text import shortened, some_of
from pipeline.tables import TABLES
from support.invented import said
from support.published import report, tables
from support.report_text import pdf_text, squeezed


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, list[Path]]:
    made = report()
    return made, write_workshop_pages(made, tmp_path_factory.mktemp("ateliers"))


def word_text(path: Path) -> str:
    return "".join(docx.Document(str(path)).element.body.xpath(".//w:t/text()"))


def test_there_is_a_pdf_and_a_word_document_a_workshop_of_two_pages(pages) -> None:
    _, paths = pages
    assert [path.name for path in paths] == [
        "01-orthez.pdf",
        "01-orthez.docx",
        "02-die.pdf",
        "02-die.docx",
    ]
    assert [len(pypdfium2.PdfDocument(path)) for path in paths if path.suffix == ".pdf"] == [2, 2]
    assert all(
        docx.Document(str(path)).element.xml.count("pageBreakBefore") == 1
        for path in paths
        if path.suffix == ".docx"
    )


def test_the_first_page_tells_statements_with_where_and_a_quote(pages) -> None:
    made, paths = pages
    for scope, path in zip(made.scopes[1:], paths[::2], strict=True):
        shown = squeezed(pypdfium2.PdfDocument(path)[0].get_textpage().get_text_range())
        first = scope.priorities[0]
        where = first.said[:1].upper() + first.said[1:] + "."
        assert [text for text in (first.label, where) if squeezed(text) not in shown] == []
        quotes = [one for one in first.quotes if squeezed(one.text) in shown]
        assert quotes and all(squeezed(one.where) in shown for one in quotes)


def test_the_second_page_tells_who_came_what_was_proposed_and_nothing_that_finds_a_person(
    pages,
) -> None:
    made, paths = pages
    shown = re.sub(r"\s+", " ", pypdfium2.PdfDocument(paths[0])[1].get_textpage().get_text_range())
    assert made.scopes[1].actions[0].text == "un minibus le samedi, porté par les communes"
    assert made.scopes[1].actions[0].text in shown
    assert "D’après la liste d’émargement : 3 personnes et 4 tables." in shown
    assert "Types de structure présents : coopérative" in shown
    assert "N’ont pas été reconnus parmi les présents" in shown and "collectivité" in shown


def test_inhabitants_read_no_score_no_rank_and_no_share(pages) -> None:
    for path in pages[1][::2]:
        found = re.findall(
            r".*(?:score|sur 100|tirages|\brang\b|candidates?|stabilité|%|thème|\bpassages?\b).*",
            pdf_text(path),
            re.IGNORECASE,
        )
        assert found == []


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ("", "À qui le dire : l’équipe qui a animé l’atelier."),
        ("ateliers@exemple.fr", "À qui le dire : ateliers@exemple.fr."),
    ],
)
def test_the_last_lines_say_what_comes_next_and_whom_to_tell(
    pages, contact: str, expected: str
) -> None:
    page = lay_out_workshop(replace(pages[0], contact=contact), 0, ROOMS[0])
    assert page.sections[-1].title == "Et maintenant"
    texts = [block.text.replace("\u00a0", " ") for block in page.sections[-1].blocks]
    assert texts[0].startswith("Ce qui a été dit ici rejoint ce qui a été dit ailleurs (die)")
    assert texts[-1].endswith(expected)


def test_both_formats_say_the_same(pages) -> None:
    for pdf, word in zip(pages[1][::2], pages[1][1::2], strict=True):
        printed = squeezed(pdf_text(pdf))
        lines = [
            "".join(paragraph.xpath(".//w:t/text()"))
            for paragraph in docx.Document(str(word)).element.body.xpath(".//w:p")
        ]
        assert [line for line in lines if squeezed(line) not in printed] == []


def test_the_same_report_gives_the_same_bytes(pages, tmp_path: Path) -> None:
    again = write_workshop_pages(pages[0], tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in pages[1]]


def test_long_names_and_long_passages_still_hold_on_two_pages(tmp_path: Path) -> None:
    long = "les cars du soir #{7*7} $x$ ont disparu de la vallée et personne ne sait pourquoi, " * 5
    made = tables(
        *(
            said(f"theme {name} " + "mot " * 90, table, text=f"{name} {table} {long}")
            for name in "abcdef"
            for table in (1, 2, 3)
        )
    )
    (path, _) = write_workshop_pages(
        report(made | {"workshops": made["workshops"].head(1)}), tmp_path
    )
    assert len(pypdfium2.PdfDocument(path)) == 2
    assert "#{7*7} $x$" in pdf_text(path)


def test_a_workshop_without_passages_has_its_pages_all_the_same(tmp_path: Path) -> None:
    made = {name: table.empty() for name, table in TABLES.items()} | {
        "workshops": tables()["workshops"]
    }
    paths = write_workshop_pages(report(made), tmp_path)
    assert "Aucun passage n’a été lu" in word_text(paths[1]).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [
        ("les cars", 8, "les cars"),
        ("les cars du soir", 10, "les cars…"),
        ("anticonstitutionnellement", 8, "anticon…"),
        ("", 5, ""),
    ],
)
def test_a_text_is_cut_between_words_where_it_can_be(text: str, n: int, expected: str) -> None:
    assert shortened(text, n) == expected


def test_a_long_list_of_names_keeps_whole_names_and_counts_the_others() -> None:
    names = ["cars", "lait", "haies", "loyers"]
    assert [some_of(names, n) for n in (40, 12, 5)] == [
        "cars, lait, haies et loyers",
        "cars, lait et 2 autres",
        "cars et 3 autres",
    ]
    assert some_of([], 5) == "" and some_of(["anticonstitutionnellement"], 8) == "anticon…"
