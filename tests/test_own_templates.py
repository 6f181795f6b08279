"""A study's own look: what its templates must hold, what is said where they do not, and that they run nothing."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.shared import Cm
from pptx import Presentation
from pptx.util import Inches

from pipeline.errors import SettingsError
from pipeline.publish.docx import write_page
from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import Page
from pipeline.publish.own_templates import OUR_REPORT, OUR_SLIDES, check_own_templates
from pipeline.publish.report.content import Report
from pipeline.publish.slides import write_slides
from pipeline.settings import load_settings
from pipeline.study import Study
from support.published import report

# ---- slides ----


def of_powerpoint(path: Path) -> Path:
    """A .pptx as PowerPoint makes one, with an example slide."""
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[0])
    slide.shapes.title.text = "Diapositive d'exemple"
    made.save(str(path))
    return path


@pytest.fixture(scope="module")
def made() -> Report:
    return report()


def test_a_template_of_powerpoint_is_filled_and_its_example_slides_are_gone(
    made: Report, tmp_path: Path
) -> None:
    template = of_powerpoint(tmp_path / "cress.pptx")
    write_slides(made, tmp_path / "ours.pptx")
    write_slides(made, tmp_path / "theirs.pptx", template=template)
    ours, theirs = (Presentation(str(tmp_path / name)) for name in ("ours.pptx", "theirs.pptx"))
    titles = [[slide.shapes.title.text for slide in one.slides] for one in (ours, theirs)]
    assert titles[0] == titles[1] and len(titles[0]) > 4
    assert theirs.slide_width == Inches(10)
    names = {slide.slide_layout.name for slide in theirs.slides}
    assert {"Title Slide", "Title and Content"} <= names
    prompts = [shape for slide in theirs.slides for shape in slide.placeholders if not shape.text]
    assert prompts == []
    with zipfile.ZipFile(tmp_path / "theirs.pptx") as archive:
        slides = [name for name in archive.namelist() if re.match(r"ppt/slides/slide\d", name)]
        assert len(slides) == len(titles[1])


@pytest.mark.parametrize(
    ("layout", "kind"),
    [
        ("Title Slide", "Couverture"),
        ("Title and Content", "Titre et texte"),
        ("Two Content", "Titre et deux textes"),
        ("Title Only", "Titre seul"),
    ],
)
def test_a_missing_layout_is_named(tmp_path: Path, layout: str, kind: str) -> None:
    template = of_powerpoint(tmp_path / "cress.pptx")
    made = Presentation(str(template))
    for one in [one for one in made.slide_layouts if one.name == layout]:
        one.element.set("type", "cust")
    made.save(str(template))
    with pytest.raises(SettingsError, match=rf"« cress.pptx » n'a pas de disposition « {kind} »"):
        check_own_templates(template, None)


# ---- Word ----


def changed_report(path: Path, change: Callable[[Any], None]) -> Path:
    document = docx.Document(str(OUR_REPORT))
    change(document)
    document.save(str(path))
    return path


def test_a_report_takes_the_look_of_a_template_and_keeps_its_header(
    made: Report, tmp_path: Path
) -> None:
    def green(document: Any) -> None:
        document.styles["Heading 1"].font.name = "Marianne"
        document.sections[0].header.add_paragraph("CRESS d'ici")

    template = changed_report(tmp_path / "cress.docx", green)
    check_own_templates(None, template)
    short = Page("Titre", "Sous-titre", made.made_at, None, ())
    for is_brief in (False, True):
        write_page(replace(short, is_brief=is_brief), tmp_path / "a.docx", template=template)
        filled = docx.Document(str(tmp_path / "a.docx"))
        assert filled.styles["Heading 1"].font.name == "Marianne"
        header = [paragraph.text for paragraph in filled.sections[0].header.paragraphs]
        assert header[0] and "{{" not in header[0] and header[1] == "CRESS d'ici"


def without_style(document: Any) -> None:
    for name in ("Chapeau", "Avis"):
        style = document.styles[name].element
        style.getparent().remove(style)


def without_title(document: Any) -> None:
    document.sections[0].header.paragraphs[0].text = ""
    document.paragraphs[0].text = "Rapport"


def narrow(document: Any) -> None:
    document.sections[0].left_margin = Cm(4)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without_style, "n'a pas les styles « Chapeau », « Avis » ; attendu : tous les styles"),
        (without_title, "ne dit pas où va le titre ; attendu : le mot {{ title }}"),
        (narrow, "a des lignes de 15 cm ; attendu : 17 cm au moins"),
        (lambda document: document.add_paragraph("{% if %}"), "champs entre accolades"),
    ],
)
def test_what_a_report_template_lacks_is_said(tmp_path: Path, change: Any, expected: str) -> None:
    template = changed_report(tmp_path / "cress.docx", change)
    with pytest.raises(SettingsError, match=re.escape(expected)):
        check_own_templates(None, template)


def test_a_template_runs_no_code(made: Report, tmp_path: Path) -> None:
    escape = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    template = changed_report(
        tmp_path / "cress.docx", lambda document: document.add_paragraph(escape)
    )
    with pytest.raises(SettingsError, match="champs entre accolades"):
        write_page(lay_out(made), tmp_path / "a.docx", template=template)


# ---- files ----


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "n'existe pas"),
        (b"%PDF-1.7", "n'en est pas un ; attendu : un fichier"),
        ("empty", "ne se lit pas ; attendu"),
        ("other", "ne se lit pas ; attendu"),
    ],
)
@pytest.mark.parametrize("name", ["cress.pptx", "cress.docx"])
def test_a_file_of_another_kind_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes | str | None, expected: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "empty":
        zipfile.ZipFile(path, "w").close()
    elif content == "other":
        path.write_bytes((OUR_REPORT if name.endswith("pptx") else OUR_SLIDES).read_bytes())
    chosen = (path, None) if name.endswith("pptx") else (None, path)
    with pytest.raises(SettingsError, match=expected) as error:
        check_own_templates(*chosen)
    assert name in str(error.value) and "\n" not in str(error.value)


def test_our_own_templates_pass() -> None:
    check_own_templates(OUR_SLIDES, OUR_REPORT)


@pytest.mark.parametrize(
    "line",
    [
        'slides_template = "../ailleurs.pptx"',
        'slides_template = "/etc/a.pptx"',
        'slides_template = "C:\\\\a.pptx"',
        'slides_template = "cress.docx"',
        'report_template = "cress.pptx"',
        'report_template = "modeles/../../a.docx"',
    ],
)
def test_a_path_out_of_the_study_or_another_kind_of_file_is_refused(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "etude.toml").write_text(f"[publish]\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="depuis le dossier de l'étude"):
        load_settings(tmp_path / "etude.toml")


def test_a_template_is_found_in_the_study_and_a_link_elsewhere_is_refused(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    text = '[publish]\nslides_template = "modeles/cress.pptx"\n'
    study.settings_path.write_text(text, encoding="utf-8")
    study = Study.open(study.root)
    (study.root / "modeles").mkdir()
    assert study.slides_template == study.root / "modeles" / "cress.pptx"
    assert study.report_template is None
    (tmp_path / "cress.pptx").write_bytes(OUR_SLIDES.read_bytes())
    (study.root / "modeles" / "cress.pptx").symlink_to(tmp_path / "cress.pptx")
    with pytest.raises(SettingsError, match="raccourci vers un autre dossier"):
        _ = study.slides_template
