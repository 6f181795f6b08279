"""Outlines of communes and of groups of communes, simplified to about 250 m, for maps.

In:   INSEE codes
Out:  GeoJSON geometries in degrees, WGS 84
"""

import gzip
from collections import Counter
from collections.abc import Collection
from functools import cache
from typing import Any

from pydantic_core import from_json

from pipeline.resources import data_path

Point = tuple[float, float]


def outline(codes: Collection[str]) -> dict[str, Any] | None:
    """The outline of the union of communes, their common borders dissolved; None where the contours know none of `codes`."""
    arcs = [number for code in sorted(set(codes)) for ring in _rings().get(code, ()) for number in ring]
    uses = Counter(number if number >= 0 else ~number for number in arcs)
    border = [number for number in arcs if uses[number if number >= 0 else ~number] == 1]
    closed = [ring for ring in _closed(border) if len(ring) > 3]
    if not closed:
        return None
    return {"type": "MultiPolygon", "coordinates": [[[[lon, lat] for lon, lat in ring]] for ring in closed]}


def has_contour(code: str) -> bool:
    """True for a commune that the contours know: those of today, but for a few that came back since and the overseas collectivities."""
    return code in _rings()


def _closed(border: list[int]) -> list[list[Point]]:
    """The arcs of a border, each in its direction, joined end to start into closed rings."""
    waiting: dict[Point, list[int]] = {}
    for number in border:
        waiting.setdefault(_line(number)[0], []).append(number)
    rings: list[list[Point]] = []
    for number in border:
        start = _line(number)[0]
        if number not in waiting.get(start, ()):
            continue
        ring = [start]
        while following := waiting.get(ring[-1]):
            ring += _line(following.pop(0))[1:]
            if ring[-1] == start:
                break
        rings.append(ring)
    return rings


def _line(number: int) -> list[Point]:
    """The points of an arc, backwards for a ones' complement."""
    return _arc(number) if number >= 0 else _arc(~number)[::-1]


@cache
def _topology() -> Any:
    with gzip.open(data_path("reference", "contours.json.gz")) as packed:
        return from_json(packed.read())  # the country's arcs, in a third of the time of the standard library


@cache
def _rings() -> dict[str, list[list[int]]]:
    """The outer rings of each commune, as numbers of arcs."""
    shapes = _topology()["objects"]["communes"]["geometries"]
    return {shape["id"]: [ring for polygon in shape["arcs"] for ring in polygon] for shape in shapes}


@cache
def _arc(number: int) -> list[Point]:
    scale = _topology()["transform"]["scale"][0]
    lon = lat = 0
    line = []
    for step_lon, step_lat in _topology()["arcs"][number]:
        lon, lat = lon + step_lon, lat + step_lat
        line.append((round(lon * scale, 4), round(lat * scale, 4)))
    return line
