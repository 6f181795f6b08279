"""Open the files that give reports and slides their look: ours, or those a study names.

In:   paths of etude.toml, relative to the study's folder
Out:  SlideLook, or the path of a .docx; a `SettingsError` says what a template lacks

A template comes from people: it is read without running anything in it.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docx
from docx.document import Document
from docx.shared import Cm
from docxtpl import DocxTemplate
from jinja2 import TemplateError
from lxml.etree import XMLSyntaxError

from pipeline.errors import SettingsError
from pipeline.publish.text import number

_OURS = Path(__file__).with_name("templates")
OUR_SLIDES, OUR_REPORT = _OURS / "restitution.pptx", _OURS / "rapport.docx"
REPORT_WIDTH_CM = 17.0  # of tables and figures
_MAX_MB, _MAX_UNZIPPED_MB = 30, 300
_NOT_ZIP = (zipfile.BadZipFile, KeyError, ValueError, XMLSyntaxError, AttributeError)

COVER, TEXT, TWO_TEXTS, PICTURE = (
    "Couverture",
    "Titre et texte",
    "Titre et deux textes",
    "Titre seul",
)
# as PowerPoint calls them in its files, whatever its language, and how many texts they hold
_KINDS = {
    COVER: (("title",), 1),
    TEXT: (("obj", "tx"), 1),
    TWO_TEXTS: (("twoObj",), 2),
    PICTURE: (("titleOnly",), 0),
}
_LAYOUTS_WANTED = (
    "quatre dispositions : « Couverture » (titre et sous-titre), « Titre et texte », « Titre et "
    "deux textes », « Titre seul » (ou celles de PowerPoint : Diapositive de titre, Titre et "
    "contenu, Deux contenus, Titre seul)"
)
_TITLES, _TEXTS = ("title", "ctrTitle"), (None, "obj", "body", "subTitle")
_STANDARD_STYLES = (
    "Title",
    "Subtitle",
    "Heading 1",
    "Heading 2",
    "Heading 3",
    "Caption",
    "Quote",
    "List Bullet",
)


@dataclass(frozen=True)
class SlideLayout:
    """A layout, and the idx of its title, then of its texts from left to right."""

    layout: Any
    places: tuple[int, ...]


@dataclass(frozen=True)
class SlideLook:
    """An empty presentation, and its layouts by kind."""

    presentation: Any
    layouts: dict[str, SlideLayout]


def check_own_templates(slides: Path | None, report: Path | None) -> None:
    """Open the templates that a study names; raise `SettingsError` for the first that fails."""
    if slides:
        open_slide_look(slides)
    if report:
        check_report_template(report)


def open_slide_look(path: Path | None = None) -> SlideLook:
    """Return a template of slides, without the slides that it shows as examples."""
    import pptx  # a report needs none of it

    template = path or OUR_SLIDES
    _check_file(template, "un fichier .pptx", "l'ouvrir dans PowerPoint, l'enregistrer en .pptx")
    try:
        made = pptx.Presentation(str(template))
    except _NOT_ZIP as error:
        raise _unreadable(template, "diaporama .pptx") from error
    _drop_slides(made)
    layouts = {kind: _layout_of(made, kind) for kind in _KINDS}
    missing = [kind for kind, layout in layouts.items() if layout is None]
    if missing:
        raise SettingsError(
            f"[publish] slides_template : « {template.name} » n'a pas de disposition "
            + ", ".join(f"« {kind} »" for kind in missing),
            _LAYOUTS_WANTED,
            "les ajouter au masque des diapositives, ou partir d'une copie de restitution.pptx",
        )
    return SlideLook(made, {kind: layout for kind, layout in layouts.items() if layout})


def _drop_slides(made: Any) -> None:
    from pptx.oxml.ns import qn

    slides = made.slides._sldIdLst  # noqa: SLF001  (python-pptx removes no slide itself)
    for entry in list(slides):
        made.part.drop_rel(entry.rId)
        slides.remove(entry)
    sections = made.element.find(qn("p:extLst"))  # may list slides that are gone
    if sections is not None:
        made.element.remove(sections)


def _layout_of(made: Any, kind: str) -> SlideLayout | None:
    """Return the layout of our name, else the first of PowerPoint's kind, that has its texts."""
    types, n_texts = _KINDS[kind]
    layouts = [layout for master in made.slide_masters for layout in master.slide_layouts]
    named = [layout for layout in layouts if layout.name.strip().casefold() == kind.casefold()]
    alike = [layout for layout in layouts if layout.element.get("type") in types]
    for layout in (*named, *alike):
        places = _places(layout)
        if places and len(places) > n_texts:
            return SlideLayout(layout, places[: n_texts + 1])
    return None


def _places(layout: Any) -> tuple[int, ...]:
    """Return the idx of the layout's title, then of its texts; nothing without a title."""
    shapes = [shape for shape in layout.placeholders if shape.width and shape.height]
    titles = [shape for shape in shapes if shape.element.ph.get("type") in _TITLES]
    texts = [shape for shape in shapes if shape.element.ph.get("type") in _TEXTS]
    texts.sort(key=lambda shape: (shape.left, shape.top))
    return tuple(shape.placeholder_format.idx for shape in (*titles[:1], *texts) if titles)


def check_report_template(path: Path) -> None:
    """Raise `SettingsError` where a .docx lacks a style or the place of the title."""
    _check_file(path, "un fichier .docx", "l'ouvrir dans Word, l'enregistrer en .docx")
    try:
        document = docx.Document(str(path))
        fields = DocxTemplate(str(path)).get_undeclared_template_variables()
    except _NOT_ZIP as error:
        raise _unreadable(path, "document .docx") from error
    except TemplateError as error:
        raise broken_fields(path, error) from error
    names = {style.name for style in document.styles}
    missing = [name for name in _styles_wanted() if name not in names]
    if missing:
        raise SettingsError(
            f"[publish] report_template : « {path.name} » n'a pas "
            f"{'le style' if len(missing) == 1 else 'les styles'} "
            + ", ".join(f"« {name} »" for name in missing),
            "tous les styles de rapport.docx",
            "partir d'une copie de rapport.docx, ou y créer ces styles",
        )
    page = document.sections[0]
    margins = (page.left_margin or Cm(0)) + (page.right_margin or Cm(0))
    width_cm = ((page.page_width or Cm(21)) - margins) / Cm(1)
    if width_cm < REPORT_WIDTH_CM - 0.05:
        raise SettingsError(
            f"[publish] report_template : « {path.name} » a des lignes de {number(width_cm)} cm",
            f"{number(REPORT_WIDTH_CM)} cm au moins, comme une page A4 à marges de 2 cm",
            "réduire ses marges",
        )
    if "title" not in fields:
        raise SettingsError(
            f"[publish] report_template : « {path.name} » ne dit pas où va le titre",
            "le mot {{ title }} dans la page",
            "partir d'une copie de rapport.docx",
        )


@cache
def _styles_wanted() -> Sequence[str]:
    ours: Document = docx.Document(str(OUR_REPORT))
    return (*_STANDARD_STYLES, *(style.name for style in ours.styles if not style.builtin))


def broken_fields(path: Path, error: TemplateError) -> SettingsError:
    """Return the error of a .docx whose fields between braces cannot be filled."""
    return SettingsError(
        f"[publish] report_template : « {path.name} », champs entre accolades : {error.message}",
        "les champs de rapport.docx",
        "partir d'une copie de rapport.docx",
    )


def _check_file(path: Path, expected: str, do: str) -> None:
    """Refuse a missing file, one that is no zip, and one too large to be a template."""
    if not path.is_file():
        raise SettingsError(f"[publish] : « {path.name} » n'existe pas", expected, "le déposer là")
    n_mb = path.stat().st_size / 1e6
    if n_mb <= _MAX_MB:
        try:
            with zipfile.ZipFile(path) as archive:
                n_mb = sum(entry.file_size for entry in archive.infolist()) / 1e6
        except zipfile.BadZipFile as error:
            raise SettingsError(
                f"[publish] : « {path.name} » n'en est pas un", expected, do
            ) from error
        if n_mb <= _MAX_UNZIPPED_MB:
            return
    raise SettingsError(
        f"[publish] : « {path.name} » est trop lourd ({n_mb:.0f} Mo)",
        f"{_MAX_MB} Mo au plus",
        "alléger ses images",
    )


def _unreadable(path: Path, kind: str) -> SettingsError:
    return SettingsError(
        f"[publish] : « {path.name} » ne se lit pas", f"un {kind}", "l'enregistrer de nouveau"
    )
