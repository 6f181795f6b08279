"""Write a report, or its maps, as one web page that loads nothing from outside.

In:   a page, or a report
Out:  an .html file, the same for the same report
"""

import re
from functools import cache, partial
from itertools import starmap
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from pipeline.publish.charts import Drawings, Spec, draw_svg
from pipeline.publish.layout.blocks import Page
from pipeline.publish.layout.catchments import cover_sentences, map_alt, reach_sentence
from pipeline.publish.maps import (
    UNCOVERED,
    colour_legend,
    commune_colours,
    frame_of,
    mark_places,
    named_towns,
)
from pipeline.publish.report.content import Report, Ring, TerritoryMap
from pipeline.publish.text import capitalised, count, quoted, sentence

_TEMPLATES = Path(__file__).with_name("templates")
_SIZE = re.compile(r'<svg ([^>]*?)width="[\d.]+" height="[\d.]+"')
_WIDTH, _TALLEST = 1000.0, 800.0  # units of the drawing of a map
_SHORT = 120  # characters of communes in a list
_RADIUS, _ZOOM = 14.0, 1.5  # of the marks, of the communes' letters (12 units)


def write_web_page(page: Page, path: Path, *, drawings: Drawings | None = None) -> None:
    """Write `page` without scripts; replace any file at `path`."""
    # our own file, nothing of the study in it
    css = Markup((_TEMPLATES / "rapport.css").read_text(encoding="utf-8"))
    draw = partial(_draw, drawings=drawings)
    _render("rapport.html.j2", path, page=page, css=css, draw=draw, quoted=quoted)


def _render(template: str, path: Path, **values: Any) -> None:
    page = _templates()[template].render(say=sentence, **values)
    path.write_text(page, encoding="utf-8", newline="\n")


@cache
def _templates() -> dict[str, Template]:
    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return {name: pages.get_template(name) for name in ("rapport.html.j2", "carte.html.j2")}


def _draw(
    spec: Spec, alt: str, stretched: bool = False, *, drawings: Drawings | None = None
) -> Markup:
    shape = ' preserveAspectRatio="none"' if stretched else ""
    svg = _SIZE.sub(r"<svg \1", draw_svg(spec, drawings), count=1)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}"{shape} ', 1))


def write_map_page(report: Report, path: Path) -> bool:
    """Write the maps with layers, zoom and names.

    Return False, and write nothing, where no workshop has a map.
    """
    if not report.reading.maps:
        return False
    _render(
        "carte.html.j2", path, title=report.title, maps=list(map(map_drawing, report.reading.maps))
    )
    return True


def map_drawing(drawn: TerritoryMap) -> dict[str, Any]:
    """Return the paths, marks and words of a map, for a page that draws it."""
    frame = frame_of(drawn, width=_WIDTH, tallest=_TALLEST)
    marks = mark_places(drawn, frame, _RADIUS)
    colours = commune_colours(drawn)
    km, length = frame.scale

    def path(ring: Ring) -> str:
        return "M" + "L".join(f"{x:g},{y:g}" for x, y in starmap(frame.spot, ring)) + "Z"

    structures = []
    for i, (point, (x, y)) in enumerate(zip(drawn.structures, marks, strict=True)):
        true_x, true_y = frame.spot(point.lon, point.lat)
        line = f"M{true_x:g},{true_y:g}L{x:.1f},{y:.1f}"
        kind = f"{capitalised(point.detail)}. " if point.detail else ""
        covered = [town.name for town in drawn.towns if point.name in town.covered_by]
        structures.append(
            {
                "number": i + 1,
                "name": point.name,
                "detail": kind + reach_sentence(drawn, point),
                "short": kind + reach_sentence(drawn, point, n_chars=_SHORT),
                "covered": covered,
                "x": round(x, 1),
                "y": round(y, 1),
                "line": line,
            }
        )
    width, height = frame.size
    unplaced = sentence("cartes.non_places", n=count(drawn.n_unplaced, "structure"))
    return {
        "name": drawn.name,
        "n_covering": {town.name: len(town.covered_by) for town in drawn.towns},
        "alt": map_alt(drawn),
        "said": " ".join(cover_sentences(drawn)),
        "box": f"0 0 {width:g} {height:g}",
        "scale": {"km": km, "width": round(length, 1), "y": height - 18},
        "radius": _RADIUS,
        "legend": colour_legend(drawn),
        "letters": 11.5 * _ZOOM,
        "communes": [
            (name, path(ring), colours.get(name, UNCOVERED)) for name, ring in drawn.communes
        ],
        "towns": [
            (town.name.split("\n"), town.place, town.leader)
            for town in named_towns(drawn, frame, marks, _RADIUS, zoom=_ZOOM)
        ],
        "areas": [(name, path(ring)) for name, ring in drawn.areas],
        "structures": structures,
        "unplaced": unplaced if drawn.n_unplaced else "",
    }
