"""Make restitution.pptx, the template of the slides: wide pages, five layouts, their fonts and
places. Anyone may change it in PowerPoint.

In:   nothing
Out:  restitution.pptx beside this file; `python -m tools.slides_template` writes it again
"""

from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.oxml.ns import qn
from pptx.util import Inches

from pipeline.publish.text import fix_times

_WIDTH, _HEIGHT = 13.333, 7.5
_INK, _ACCENT = "22302F", "0B5563"
_TITLE_BOX = (0.6, 0.35, 12.1, 1.15)
_WHOLE, _LEFT, _RIGHT = (0.6, 1.6, 12.1, 5.3), (0.6, 1.6, 6.9, 5.3), (7.7, 1.6, 5.0, 5.3)
# place among the layouts of python-pptx, name, kind and box of each placeholder by idx
_LAYOUTS: tuple[tuple[int, str, dict[int, tuple[str, tuple[float, float, float, float]]]], ...] = (
    (
        0,
        "Couverture",
        {0: ("ctrTitle", (0.9, 2.0, 11.5, 2.0)), 1: ("subTitle", (0.9, 4.2, 11.5, 1.6))},
    ),
    (1, "Titre et texte", {0: ("title", _TITLE_BOX), 1: ("body", _WHOLE)}),
    (
        3,
        "Titre, texte et graphique",
        {0: ("title", _TITLE_BOX), 1: ("body", _LEFT), 2: ("chart", _RIGHT)},
    ),
    (4, "Titre et graphique", {0: ("title", _TITLE_BOX), 1: ("chart", _WHOLE)}),
    (5, "Titre et images", {0: ("title", _TITLE_BOX)}),
)
_NUMBER = 12  # idx of the slide's number


def make_template(path: Path) -> None:
    """Write the template at `path`; the same bytes every time."""
    made = Presentation()
    made.slide_width, made.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
    layouts = {place: made.slide_layouts[place] for place, _, _ in _LAYOUTS}
    for layout in [layout for layout in made.slide_layouts if layout not in layouts.values()]:
        made.slide_layouts.remove(layout)
    for place, name, boxes in _LAYOUTS:
        layouts[place].name = name
        _set_layout(layouts[place], boxes)
    _set_master(made.slide_master)
    made.save(str(path))
    fix_times(path)


def _set_layout(
    layout: Any, boxes: dict[int, tuple[str, tuple[float, float, float, float]]]
) -> None:
    for shape in list(layout.placeholders):
        index = shape.placeholder_format.idx
        if index in boxes:
            kind, box = boxes[index]
            shape.element.ph.set("type", kind)
            shape.name = {"chart": "Graphique", "body": "Texte", "subTitle": "Sous-titre"}.get(
                kind, "Titre"
            )
            _place(shape, box)
        elif index == _NUMBER:
            shape.name = "Numéro"
            _place(shape, (12.0, 6.95, 0.8, 0.35))
        else:
            shape.element.getparent().remove(shape.element)


def _place(shape: Any, box: tuple[float, float, float, float]) -> None:
    shape.left, shape.top, shape.width, shape.height = map(Inches, box)


def _set_master(master: Any) -> None:
    """Fonts, colours, French, and no text that shrinks by itself."""
    for shape in list(master.placeholders):
        kind = shape.element.ph.get("type")
        if kind in ("dt", "ftr"):
            shape.element.getparent().remove(shape.element)
        else:
            _place(
                shape, {"title": _TITLE_BOX, "sldNum": (12.0, 6.95, 0.8, 0.35)}.get(kind, _WHOLE)
            )
            shape.name = {"title": "Titre", "sldNum": "Numéro"}.get(kind, "Texte")
    styles = master.element.find(qn("p:txStyles"))
    for name, colour, font in (
        ("p:titleStyle", _ACCENT, "Georgia"),
        ("p:bodyStyle", _INK, "Calibri"),
    ):
        for properties in styles.find(qn(name)).iter(qn("a:defRPr")):
            for child in list(properties):
                properties.remove(child)
            fill = properties.makeelement(qn("a:solidFill"), {})
            fill.append(fill.makeelement(qn("a:srgbClr"), {"val": colour}))
            properties.append(fill)
            properties.append(properties.makeelement(qn("a:latin"), {"typeface": font}))
            properties.set("lang", "fr-FR")
    first_levels = master.slide_layouts[0].element.iter(qn("a:lvl1pPr"))
    for level in (*styles.find(qn("p:titleStyle")), *first_levels):
        level.set("algn", "l")
    for tree in (master, *master.slide_layouts):
        _clear_texts(tree)


def _clear_texts(tree: Any) -> None:
    for fit in [*tree.element.iter(qn("a:normAutofit"))]:
        fit.getparent().remove(fit)
    for text in tree.element.iter(qn("a:t")):
        text.text = text.text if text.text == "‹#›" else "Texte"


if __name__ == "__main__":
    make_template(
        Path(__file__).parents[1] / "pipeline" / "publish" / "templates" / "restitution.pptx"
    )
