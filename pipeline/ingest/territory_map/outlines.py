"""Keep the zones of a map to what can be drawn, and to as many points as a map needs.

In:   pins as their readers made them
Out:  the same pins, each zone drawn by numbers and by no more than so many points; what was changed, in French
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.geometry import count_points, crosses_itself, is_drawn, thinned
from pipeline.ingest.territory_map.pins import Pin
from pipeline.words import counted

_FINER = (1, 2, 4)  # times the limit, tried in turn where the lighter outline crosses itself and the one drawn does not
_DRAW_AGAIN = "tracer la zone comme un polygone, puis exporter la carte de nouveau en .geojson"
_LIGHTER = (
    "rien à faire si la carte convient ; sinon y déposer des contours plus légers, "
    "ou relever « max_outline_points » dans etude.toml, section [ingest]"
)


def lighten_zones(pins: Sequence[Pin], max_points: int) -> tuple[list[Pin], list[tuple[str, str]]]:
    """Return the pins, large outlines drawn by fewer points and zones that are not drawn left out, with (reason, advice) of each kind."""
    kept: list[Pin] = []
    counts: list[int] = []
    n_lost = 0
    for pin in pins:
        zone: Any = json.loads(pin.geometry) if pin.geometry else None
        n_points = count_points(zone) if is_drawn(zone) else 0
        if n_points > max_points:
            counts.append(n_points)
            zone = _lighter(zone, max_points)
            n_lost += zone is None
            pin = replace(pin, geometry=json.dumps(zone, separators=(",", ":"), ensure_ascii=False) if zone else None)
        elif pin.geometry and not n_points:
            pin = replace(pin, geometry=None)
            n_lost += 1
        kept.append(pin)
    return kept, _told(counts, max_points, n_lost)


def _lighter(zone: dict[str, Any], max_points: int) -> dict[str, Any] | None:
    """The zone drawn by fewer points, which do not make it cross itself where it did not."""
    zones = (thinned(zone, times * max_points) for times in _FINER)
    lighter = next(zones)
    if lighter is None or not crosses_itself(lighter) or crosses_itself(zone):
        return lighter
    return next((other for other in zones if other and not crosses_itself(other)), lighter)


def _told(counts: Sequence[int], max_points: int, n_lost: int) -> list[tuple[str, str]]:
    told = []
    if counts:
        outlines = counted(len(counts), "contour allégé", "contours allégés")
        told.append((f"{outlines} : plus de {max_points} points (jusqu'à {max(counts)})", _LIGHTER))
    if n_lost:
        told.append(
            (counted(n_lost, "zone sans tracé lisible, laissée de côté", "zones sans tracé lisible, laissées de côté"), _DRAW_AGAIN)
        )
    return told
