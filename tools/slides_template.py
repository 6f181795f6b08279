"""Make restitution.pptx, the template of the slides: wide pages, four layouts, their fonts,
colours and places. Anyone may change it in PowerPoint.

In:   nothing
Out:  restitution.pptx; `python -m tools.slides_template` writes it again
"""

import re
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches

from pipeline.publish.own_templates import COVER, OUR_SLIDES, PICTURE, TEXT, TWO_TEXTS
from pipeline.publish.text import fix_times

Box = tuple[float, float, float, float]  # left, top, width, height, in inches

_WIDTH, _HEIGHT = 13.333, 7.5
# the colours of the report; a slide names them by these, so that another theme replaces them
_COLOURS = {
    "dk1": "22302F",
    "lt1": "FFFFFF",
    "dk2": "0B5563",
    "lt2": "EAF2F2",
    "accent1": "0B5563",
    "accent2": "A86A00",
    "accent3": "0072B2",
    "accent4": "009E73",
    "accent5": "CC79A7",
    "accent6": "4D5D5B",
    "hlink": "0B5563",
    "folHlink": "4D5D5B",
}
_FONTS = {"major": "Georgia", "minor": "Calibri"}
_TITLE_BOX: Box = (0.75, 0.45, 11.85, 1.25)
_WHOLE: Box = (0.75, 1.95, 11.85, 4.95)
_LEFT: Box = (0.75, 1.95, 6.75, 4.95)
_RIGHT: Box = (8.05, 2.15, 4.55, 4.55)
_PANEL: Box = (7.8, 1.95, 5.05, 4.95)  # behind the right column
_LOW_TITLE_BOX: Box = (0.75, 0.3, 11.85, 0.8)  # leaves room for a map
_BAR: Box = (0.0, 0.55, 0.28, 1.05)  # beside the title
_LOW_BAR: Box = (0.0, 0.35, 0.28, 0.7)
_NUMBER_BOX: Box = (12.0, 6.98, 0.8, 0.35)
# place among the layouts of python-pptx, name, kind and box of each placeholder by idx
_LAYOUTS: tuple[tuple[int, str, dict[int, tuple[str, Box]]], ...] = (
    (
        0,
        COVER,
        {0: ("ctrTitle", (1.0, 1.5, 11.3, 2.5)), 1: ("subTitle", (1.0, 4.45, 11.3, 2.3))},
    ),
    (1, TEXT, {0: ("title", _TITLE_BOX), 1: ("body", _WHOLE)}),
    (3, TWO_TEXTS, {0: ("title", _TITLE_BOX), 1: ("body", _LEFT), 2: ("body", _RIGHT)}),
    (5, PICTURE, {0: ("title", _LOW_TITLE_BOX)}),
)
_NUMBER = 12  # idx of the slide's number
_NAMES = {"body": "Texte", "subTitle": "Sous-titre"}


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
        if name != COVER:
            bar = _LOW_BAR if name == PICTURE else _BAR
            _add_rectangle(layouts[place], bar, "accent1")
        if name == TWO_TEXTS:
            _add_rectangle(layouts[place], _PANEL, "bg2")
    _set_cover(layouts[0])
    _set_master(made.slide_master)
    _set_theme(made.slide_master)
    made.save(str(path))
    fix_times(path)


def _set_layout(layout: Any, boxes: dict[int, tuple[str, Box]]) -> None:
    for shape in list(layout.placeholders):
        index = shape.placeholder_format.idx
        if index in boxes:
            kind, box = boxes[index]
            shape.element.ph.set("type", kind)
            shape.name = _NAMES.get(kind, "Titre")
            _place(shape, box)
            if kind == "title":
                _anchor(shape, "ctr")
        elif index == _NUMBER:
            shape.name = "Numéro"
            _place(shape, _NUMBER_BOX)
        else:
            shape.element.getparent().remove(shape.element)


def _place(shape: Any, box: Box) -> None:
    shape.left, shape.top, shape.width, shape.height = map(Inches, box)


def _anchor(shape: Any, side: str) -> None:
    shape.text_frame._txBody.bodyPr.set("anchor", side)  # noqa: SLF001  (not in python-pptx)


def _add_rectangle(layout: Any, box: Box, colour: str) -> None:
    """Draw a rectangle of a theme's colour behind the texts."""
    left, top, width, height = (int(Inches(size)) for size in box)
    number = len(layout.shapes) + 40
    tree = layout.shapes._spTree  # noqa: SLF001  (python-pptx adds no shape to a layout)
    tree.insert(
        2,
        parse_xml(
            f'<p:sp {nsdecls("p", "a")}><p:nvSpPr><p:cNvPr id="{number}" name="Aplat {number}"/>'
            f'<p:cNvSpPr/><p:nvPr userDrawn="1"/></p:nvSpPr><p:spPr><a:xfrm>'
            f'<a:off x="{left}" y="{top}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'
            f'<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>{_fill(colour)}'
            "<a:ln><a:noFill/></a:ln></p:spPr></p:sp>"
        ),
    )


def _fill(colour: str) -> str:
    return f'<a:solidFill><a:schemeClr val="{colour}"/></a:solidFill>'


def _set_cover(layout: Any) -> None:
    """White on the accent's colour, with a line between title and subtitle."""
    background = (
        f"<p:bg {nsdecls('p', 'a')}><p:bgPr>{_fill('accent1')}<a:effectLst/></p:bgPr></p:bg>"
    )
    layout.element.cSld.insert(0, parse_xml(background))
    _add_rectangle(layout, (1.1, 4.15, 2.2, 0.06), "accent2")
    for shape in layout.placeholders:
        kind = shape.element.ph.get("type")
        _anchor(shape, "b" if kind == "ctrTitle" else "t")
        style = shape.element.find(f".//{qn('a:lstStyle')}")
        for level in [*style]:
            style.remove(level)
        style.append(
            parse_xml(
                f'<a:lvl1pPr {nsdecls("a")} marL="0" indent="0" algn="l"><a:buNone/>'
                f"<a:defRPr>{_fill('bg1')}</a:defRPr></a:lvl1pPr>"
            )
        )


def _set_master(master: Any) -> None:
    """French, no bullet, and no text that shrinks by itself."""
    for shape in list(master.placeholders):
        kind = shape.element.ph.get("type")
        if kind in ("dt", "ftr"):
            shape.element.getparent().remove(shape.element)
        else:
            _place(shape, {"title": _TITLE_BOX, "sldNum": _NUMBER_BOX}.get(kind, _WHOLE))
            shape.name = {"title": "Titre", "sldNum": "Numéro"}.get(kind, "Texte")
    styles = master.element.find(qn("p:txStyles"))
    for name, colour, font in (("p:titleStyle", "tx2", "+mj-lt"), ("p:bodyStyle", "tx1", "+mn-lt")):
        for level in styles.find(qn(name)):
            level.set("algn", "l")
            _remove_bullet(level)
            for properties in level.iter(qn("a:defRPr")):
                for child in list(properties):
                    properties.remove(child)
                properties.append(parse_xml(_fill(colour).replace(">", f" {nsdecls('a')}>", 1)))
                properties.append(properties.makeelement(qn("a:latin"), {"typeface": font}))
                properties.set("lang", "fr-FR")
                properties.attrib.pop("b", None)
    for tree in (master, *master.slide_layouts):
        _clear_texts(tree)


def _remove_bullet(level: Any) -> None:
    for name in ("a:buFont", "a:buChar", "a:buNone"):
        for bullet in level.findall(qn(name)):
            level.remove(bullet)
    level.set("marL", "0")
    level.set("indent", "0")
    spaces = [child for name in ("a:lnSpc", "a:spcBef") for child in level.findall(qn(name))]
    level.insert(len(spaces), parse_xml(f"<a:buNone {nsdecls('a')}/>"))


def _set_theme(master: Any) -> None:
    part = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    text = part.blob.decode("utf-8")
    for name, colour in _COLOURS.items():
        text = re.sub(
            rf"<a:{name}>.*?</a:{name}>",
            f'<a:{name}><a:srgbClr val="{colour}"/></a:{name}>',
            text,
            flags=re.DOTALL,
        )
    for name, font in _FONTS.items():
        text = re.sub(
            rf'(<a:{name}Font>\s*<a:latin typeface=")[^"]*', rf"\g<1>{font}", text, count=1
        )
    part._blob = text.encode("utf-8")  # noqa: SLF001  (python-pptx keeps the theme as it is)


def _clear_texts(tree: Any) -> None:
    for fit in [*tree.element.iter(qn("a:normAutofit"))]:
        fit.getparent().remove(fit)
    for text in tree.element.iter(qn("a:t")):
        text.text = text.text if text.text == "‹#›" else "Texte"


if __name__ == "__main__":
    make_template(OUR_SLIDES)
