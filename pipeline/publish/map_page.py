"""Write the maps of a study as one page that can be looked into offline: layers, zoom, the name behind each point.

In:   Report
Out:  an .html file, the same for the same report; none where there is no map
"""

from collections.abc import Sequence
from math import cos, radians
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.publish.layout.territories import map_alt
from pipeline.publish.report.content import Report
from pipeline.publish.report.territory_content import Place, TerritoryMap
from pipeline.publish.territory_charts import frame_of, scale_of
from pipeline.publish.text import count, sentence

_TEMPLATES = Path(__file__).with_name("templates")
_WIDTH = 1000.0  # units of the drawing
_RADIUS = 7.0


def write_map_page(report: Report, path: Path) -> bool:
    """Write the page at `path` and return True, or return False where no workshop has a map."""
    if not report.reading.maps:
        return False
    pages = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
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
        return "M" + "L".join(f"{x:g},{y:g}" for x, y in (spot(lon, lat) for lon, lat in ring)) + "Z"

    def dot(place: Place) -> dict[str, Any]:
        x, y = spot(place.lon, place.lat)
        triangle = f"M{x:g},{y - 1.6 * _RADIUS:g}L{x + 1.5 * _RADIUS:g},{y + _RADIUS:g}L{x - 1.5 * _RADIUS:g},{y + _RADIUS:g}Z"
        return {"name": place.name, "detail": place.detail, "x": x, "y": y, "path": triangle}

    return {
        "name": shown.name,
        "alt": map_alt(shown),
        "box": f"0 0 {_WIDTH:g} {round((north - south) * stretch, 1):g}",
        "scale": {"km": km, "width": round(degrees * scale, 1), "y": round((north - south) * stretch - 18, 1)},
        "radius": _RADIUS,
        "communes": [(name, path(ring)) for name, ring in shown.communes],
        "areas": [(name, path(ring)) for name, ring in shown.areas],
        "structures": [dot(place) for place in shown.structures],
        "needs": [dot(place) for place in shown.needs],
        "unplaced": sentence("cartes.non_places", n=count(shown.n_unplaced, "structure")) if shown.n_unplaced else "",
    }
