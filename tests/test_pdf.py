"""The PDF: the same words and figures as the other formats, nothing read as markup, the same bytes twice, nothing fetched."""

import re
from ctypes import c_int, create_string_buffer
from pathlib import Path
from typing import Any

import docx
import pypdfium2
import pytest
from lxml import html
from pypdfium2 import raw

from pipeline.publish.docx import write_page
from pipeline.publish.html import write_web_page
from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import Page, PageParagraph, Section, Terms
from pipeline.publish.pdf import print_page
from pipeline.publish.text import typography
from pipeline.study import Study
from pipeline.tables import TABLES
from pipeline.tables.results import THEMES
from support.invented import said
from support.published import report, tables
from support.report_text import pdf_text, sections_of, squeezed, words_of

HOSTILE = [
    '#import "@preview/tout:1.0.0": *',
    "#panic[1] #{7*7} #sys",
    "$x^2$ et $",
    "@renvoi <etiquette>",
    "\\input{/etc/passwd} \\",
    "= Titre\n- puce + 1. // fin /* ouvert",
    "`brut` *gras* _italique_ ~ -- --- ...",
    "<script>alert(1)</script> {{ 7*7 }} =HYPERLINK(1)",
    "Pneumonoultramicroscopic" * 16,
]


def write_pdf(made: Any, path: Path) -> None:
    path.write_bytes(print_page(lay_out(made)))


def shown_by(made: Any, folder: Path) -> dict[str, str]:
    """What each format of a report shows, squeezed."""
    whole = lay_out(made)
    write_web_page(whole, folder / "rapport.html")
    write_page(whole, folder / "rapport.docx")
    (folder / "rapport.pdf").write_bytes(print_page(whole))
    page = html.fromstring((folder / "rapport.html").read_bytes()).text_content()
    word = "".join(docx.Document(str(folder / "rapport.docx")).element.body.xpath(".//w:t/text()"))
    return {
        "html": squeezed(page),
        "docx": squeezed(word),
        "pdf": squeezed(pdf_text(folder / "rapport.pdf")),
    }


@pytest.mark.slow
def test_every_word_and_figure_is_the_same_in_every_format(tmp_path: Path) -> None:
    made = report()
    shown = shown_by(made, tmp_path)
    wanted = [
        text
        for section in sections_of(lay_out(made))
        for block in section.blocks
        for text in (section.title, *words_of(block))
    ]
    assert len(wanted) > 50
    for kind, text in shown.items():
        assert [words for words in wanted if squeezed(words) not in text] == [], kind


def test_what_looks_like_markup_stays_text(tmp_path: Path) -> None:
    made = tables(*(said("cars", place % 4 + 1, text=words) for place, words in enumerate(HOSTILE)))
    made["themes"] = THEMES.check(
        made["themes"].assign(label=" ".join(HOSTILE), description=" ".join(HOSTILE))
    )
    (tmp_path / "rapport.pdf").write_bytes(print_page(lay_out(report(made, n_quotes=len(HOSTILE)))))
    shown = squeezed(pdf_text(tmp_path / "rapport.pdf"))
    assert squeezed(typography(" ".join(HOSTILE))) in shown
    assert [words for words in HOSTILE if squeezed(words) not in shown] == []


@pytest.mark.slow
def test_emoji_and_other_scripts_are_printed_in_a_font_that_has_them(tmp_path: Path) -> None:
    usual = fonts_of(report(tables(said("cars", 1, text="le car du 5"), said("cars", 2))), tmp_path)
    assert not any("Noto" in font for font in usual)
    for text, font in (
        ("le car 🚍 du 5", "NotoEmoji"),
        ("مرحبا", "NotoSansArabic"),
        ("שלום", "LibertinusSerif"),
    ):
        fonts = fonts_of(report(tables(said("cars", 1, text=text))), tmp_path)
        assert font in {name.partition("+")[2].partition("-")[0] for name in fonts}


def fonts_of(made: Any, folder: Path) -> set[str]:
    """The fonts that the first page is printed in."""
    (folder / "rapport.pdf").write_bytes(print_page(lay_out(made)))
    text = pypdfium2.PdfDocument(folder / "rapport.pdf")[0].get_textpage()
    name, fonts = create_string_buffer(100), set()
    for index in range(text.count_chars()):
        raw.FPDFText_GetFontInfo(text, index, name, 100, c_int())
        fonts.add(name.value.decode())
    return fonts


@pytest.mark.slow
def test_the_same_report_is_the_same_file_and_tells_no_other_day(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(print_page(lay_out(report())))
    content = (tmp_path / "a.pdf").read_bytes()
    assert content == (tmp_path / "b.pdf").read_bytes()
    assert set(re.findall(rb"D:(\d{8})", content)) == {b"20250601"}


@pytest.mark.slow
def test_pages_are_numbered_in_french_and_the_contents_lead_to_them(tmp_path: Path) -> None:
    (tmp_path / "rapport.pdf").write_bytes(print_page(lay_out(report())))
    document = pypdfium2.PdfDocument(tmp_path / "rapport.pdf")
    for place, page in enumerate(document, start=1):
        assert f"{place} / {len(document)}" in page.get_textpage().get_text_range()
    outline = {entry.get_title() for entry in document.get_toc()}
    assert {section.title for section in lay_out(report()).sections} <= outline
    assert "Sommaire" in document[0].get_textpage().get_text_range()


def test_the_first_priority_and_what_was_said_of_it_are_on_the_first_two_pages(
    tmp_path: Path,
) -> None:
    made = report()
    (tmp_path / "rapport.pdf").write_bytes(print_page(lay_out(made)))
    document = pypdfium2.PdfDocument(tmp_path / "rapport.pdf")
    first_pages = squeezed(
        "".join(document[place].get_textpage().get_text_range() for place in (0, 1))
    )
    first = made.scopes[0].priorities[0]
    assert all(
        squeezed(text) in first_pages
        for text in (first.statement or first.label, first.said[1:], first.quotes[0].text)
    )


def test_no_page_is_empty_and_an_empty_study_has_its_pages(tmp_path: Path) -> None:
    for name, made in (
        ("a", report()),
        ("b", report({table: schema.empty() for table, schema in TABLES.items()})),
    ):
        (tmp_path / f"{name}.pdf").write_bytes(print_page(lay_out(made)))
        for page in pypdfium2.PdfDocument(tmp_path / f"{name}.pdf"):
            assert len(page.get_textpage().get_text_range()) > 60


NAMES = ("Saint-Martin-lez-Tatinghem", "anticonstitutionnellement", "l’intercommunalité")


def test_no_sign_is_put_within_a_word(tmp_path: Path) -> None:
    texts = (f"{name} {'et encore ' * n}{name} demande un car" for n in range(12) for name in NAMES)
    made = report(tables(*(said("cars", 1, text=text) for text in texts)))
    shown_by(made, tmp_path)
    page = html.fromstring((tmp_path / "rapport.html").read_bytes()).text_content()
    word = docx.Document(str(tmp_path / "rapport.docx")).element.body
    pdf = pypdfium2.PdfDocument(tmp_path / "rapport.pdf")
    printed = " ".join(sheet.get_textpage().get_text_range() for sheet in pdf)
    for text in (page, "".join(word.xpath(".//w:t/text()")), printed):
        assert not set(text) & set("\u200b\u00ad\u2060\ufeff")
    # a hyphen at the end of a line, which pdfium marks so, is one of the word's own
    cut = re.findall(r"[\w’]*\ufffe[\w’]*", printed)
    assert [one for one in cut if one.replace("\ufffe", "-") not in page] == []


@pytest.mark.parametrize("n_lines", [43, 44, 45, 46, 88])
def test_no_page_holds_a_line_or_two(n_lines: int) -> None:
    lines = tuple(PageParagraph(f"Ligne {i} de ce qui est dit.") for i in range(n_lines))
    sections = (
        Section("Un territoire", "un", lines),
        Section("Un autre", "autre", lines[:20], starts_page=True),
    )
    printed = print_page(Page("Rapport", "Essai", "2026-05-12", "", sections))
    with pypdfium2.PdfDocument(printed) as document:
        n_of_pages = [page.get_textpage().get_text_range().count("Ligne") for page in document]
    assert sum(n_of_pages) == n_lines + 20
    assert min(n_of_pages) > 2, n_of_pages


@pytest.mark.parametrize(
    ("n_needs", "n_on_first"),
    [(20, 20), (24, 24), (26, 26), (27, 27), pytest.param(60, 24, id="more than a page")],
)
def test_what_is_essential_is_one_page_where_closer_lines_can_make_it_so(
    n_needs: int, n_on_first: int
) -> None:
    said = "Au moins 3 tables sur 6 en parlent. « le car de 19 h ne passe plus, on rentre à pied"
    needs = tuple(
        (f"Besoin {i}.", f"{said} le long de la départementale »") for i in range(n_needs)
    )
    sections = (
        Section("L’essentiel", "essentiel", (Terms(needs),)),
        Section("La suite", "suite", (PageParagraph("Une phrase."),) * 9),
    )
    printed = print_page(Page("Rapport", "Essai", "2026-05-12", "Provisoire.", sections))
    with pypdfium2.PdfDocument(printed) as document:
        assert document[0].get_textpage().get_text_range().count("Besoin") == n_on_first


def test_what_is_essential_of_the_example_is_one_page(demo_study: Study) -> None:
    [path] = demo_study.root.glob("publications/*/rapport.pdf")
    with pypdfium2.PdfDocument(path) as document:
        first, second = (squeezed(document[i].get_textpage().get_text_range()) for i in (0, 1))
    title = squeezed(demo_study.settings.etude.title)
    assert "Ensembledel’étude" in first
    assert second.removeprefix(title).startswith("Sommaire"), second[:200]
