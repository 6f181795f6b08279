"""Write a report, or its maps, as one web page that loads nothing from outside.

In:   Report
Out:  an .html file, the same for the same report
"""

import re
from collections.abc import Sequence
from functools import partial
from math import cos, radians
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.publish.charts import Drawings, Spec, draw_svg
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.layout.crossings import map_alt
from pipeline.publish.report.content import MapPoint, Report, TerritoryMap
from pipeline.publish.territory_charts import frame_of, scale_of
from pipeline.publish.text import count, quoted, sentence

_TEMPLATES = Path(__file__).with_name("templates")
_SIZE = re.compile(r'<svg ([^>]*?)width="[\d.]+" height="[\d.]+"')
_WIDTH = 1000.0  # units of the drawing of a map
_RADIUS = 7.0


def write_html(
    report: Report, path: Path, *, part: Part = "tout", drawings: Drawings | None = None
) -> None:
    """Write `report`, or its part on territories, without scripts; replace any file at `path`."""
    # our own file, nothing of the study in it
    css = Markup((_TEMPLATES / "rapport.css").read_text(encoding="utf-8"))
    draw = partial(_draw, drawings=drawings)
    values = {"css": css, "draw": draw, "quoted": quoted, "kind_of": _kind_of}
    _render("rapport.html.j2", path, page=lay_out(report, part), **values)


def _render(template: str, path: Path, **values: Any) -> None:
    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = pages.get_template(template).render(say=sentence, **values)
    path.write_text(page, encoding="utf-8", newline="\n")


def _draw(
    spec: Spec, alt: str, stretched: bool = False, *, drawings: Drawings | None = None
) -> Markup:
    shape = ' preserveAspectRatio="none"' if stretched else ""
    svg = _SIZE.sub(r"<svg \1", draw_svg(spec, drawings), count=1)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}"{shape} ', 1))


def _kind_of(block: Any) -> str:
    return type(block).__name__


def write_map_page(report: Report, path: Path) -> bool:
    """Write the maps with layers, zoom and names.

    Return False, and write nothing, where no workshop has a map.
    """
    if not report.reading.maps:
        return False
    _render("carte.html.j2", path, title=report.title, maps=list(map(_drawn, report.reading.maps)))
    return True


def _drawn(drawn: TerritoryMap) -> dict[str, Any]:
    (west, south), (east, north) = frame_of(drawn)
    scale = _WIDTH / (east - west)
    stretch = scale / cos(radians((south + north) / 2))
    height = round((north - south) * stretch, 1)
    km, degrees = scale_of(drawn)

    def spot(lon: float, lat: float) -> tuple[float, float]:
        return round((lon - west) * scale, 1), round((north - lat) * stretch, 1)

    def path(ring: Sequence[tuple[float, float]]) -> str:
        spots = [spot(lon, lat) for lon, lat in ring]
        return "M" + "L".join(f"{x:g},{y:g}" for x, y in spots) + "Z"

    def dot(point: MapPoint) -> dict[str, Any]:
        x, y = spot(point.lon, point.lat)
        corners = ((0, -1.6), (1.5, 1), (-1.5, 1))
        triangle = "L".join(f"{x + dx * _RADIUS:g},{y + dy * _RADIUS:g}" for dx, dy in corners)
        return {"name": point.name, "detail": point.detail, "x": x, "y": y, "path": f"M{triangle}Z"}

    unplaced = sentence("cartes.non_places", n=count(drawn.n_unplaced, "structure"))
    return {
        "name": drawn.name,
        "alt": map_alt(drawn),
        "box": f"0 0 {_WIDTH:g} {height:g}",
        "scale": {
            "km": km,
            "width": round(degrees * scale, 1),
            "y": round((north - south) * stretch - 18, 1),
        },
        "radius": _RADIUS,
        "communes": [(name, path(ring)) for name, ring in drawn.communes],
        "areas": [(name, path(ring)) for name, ring in drawn.areas],
        "structures": list(map(dot, drawn.structures)),
        "needs": list(map(dot, drawn.needs)),
        "unplaced": unplaced if drawn.n_unplaced else "",
    }
