"""Write a report as one web page that needs nothing else: style and charts are inside, and there is no script.

In:   Report
Out:  an .html file, the same for the same report

Write the maps of a study as one page that can be looked into offline: layers, zoom, the name behind each point.
"""

import re
from collections.abc import Sequence
from math import cos, radians
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.publish.charts import Spec, draw_svg
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.layout.crossings import map_alt
from pipeline.publish.report.content import Place, Report, TerritoryMap
from pipeline.publish.territory_charts import frame_of, scale_of
from pipeline.publish.text import count, quoted, sentence

_TEMPLATES = Path(__file__).with_name("templates")
_SIZE = re.compile(r'<svg ([^>]*?)width="[\d.]+" height="[\d.]+"')


def write_html(report: Report, path: Path, *, part: Part = "tout") -> None:
    """Write `report`, or its part on territories, at `path`, in UTF-8; a file that is there is replaced."""
    page = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    template = page.get_template("rapport.html.j2")
    css = Markup(
        (_TEMPLATES / "rapport.css").read_text(encoding="utf-8")
    )  # our own file, nothing of the study in it
    shown = template.render(
        page=lay_out(report, part),
        css=css,
        draw=_draw,
        say=sentence,
        quoted=quoted,
        kind_of=_kind_of,
    )
    path.write_text(shown, encoding="utf-8", newline="\n")


def _draw(spec: Spec, alt: str, stretched: bool = False) -> Markup:
    """The chart as inline SVG that a screen reader reads as `alt`; it takes the width it is given, and its height too when `stretched`."""
    shape = ' preserveAspectRatio="none"' if stretched else ""
    svg = _SIZE.sub(r"<svg \1", draw_svg(spec), count=1)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}"{shape} ', 1))


def _kind_of(block: Any) -> str:
    return type(block).__name__


_MAP_PAGE_TEMPLATES = Path(__file__).with_name("templates")
_WIDTH = 1000.0  # units of the drawing
_RADIUS = 7.0


def write_map_page(report: Report, path: Path) -> bool:
    """Write the page at `path` and return True, or return False where no workshop has a map."""
    if not report.reading.maps:
        return False
    pages = Environment(
        loader=FileSystemLoader(_MAP_PAGE_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    maps = [_drawn(shown) for shown in report.reading.maps]
    shown = pages.get_template("carte.html.j2").render(title=report.title, maps=maps, say=sentence)
    path.write_text(shown, encoding="utf-8", newline="\n")
    return True


def _drawn(shown: TerritoryMap) -> dict[str, Any]:
    """The map in units of the drawing, x to the east and y to the south."""
    (west, south), (east, north) = frame_of(shown)
    scale = _WIDTH / (east - west)
    stretch = scale / cos(radians((south + north) / 2))

    def spot(lon: float, lat: float) -> tuple[float, float]:
        return round((lon - west) * scale, 1), round((north - lat) * stretch, 1)

    km, degrees = scale_of(shown)

    def path(ring: Sequence[tuple[float, float]]) -> str:
        return (
            "M" + "L".join(f"{x:g},{y:g}" for x, y in (spot(lon, lat) for lon, lat in ring)) + "Z"
        )

    def dot(place: Place) -> dict[str, Any]:
        x, y = spot(place.lon, place.lat)
        triangle = f"M{x:g},{y - 1.6 * _RADIUS:g}L{x + 1.5 * _RADIUS:g},{y + _RADIUS:g}L{x - 1.5 * _RADIUS:g},{y + _RADIUS:g}Z"
        return {"name": place.name, "detail": place.detail, "x": x, "y": y, "path": triangle}

    return {
        "name": shown.name,
        "alt": map_alt(shown),
        "box": f"0 0 {_WIDTH:g} {round((north - south) * stretch, 1):g}",
        "scale": {
            "km": km,
            "width": round(degrees * scale, 1),
            "y": round((north - south) * stretch - 18, 1),
        },
        "radius": _RADIUS,
        "communes": [(name, path(ring)) for name, ring in shown.communes],
        "areas": [(name, path(ring)) for name, ring in shown.areas],
        "structures": [dot(place) for place in shown.structures],
        "needs": [dot(place) for place in shown.needs],
        "unplaced": sentence("cartes.non_places", n=count(shown.n_unplaced, "structure"))
        if shown.n_unplaced
        else "",
    }
