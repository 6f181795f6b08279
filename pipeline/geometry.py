"""Areas on a map: what lies in them, whether their outline crosses itself, a circle as a polygon. Degrees WGS 84, kilometres.

In:   GeoJSON geometries, points (latitude, longitude)
Out:  booleans, distances, rings
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import asin, atan2, cos, degrees, pi, radians, sin, sqrt
from typing import Any

Point = tuple[float, float]  # latitude, longitude
Ring = list[tuple[float, float]]  # longitude, latitude, as GeoJSON writes them
EARTH_KM = 6371.0088


def great_circle_km(first: Point, second: Point) -> float:
    """Kilometres between two points over the sphere."""
    (lat, lon), (other_lat, other_lon) = (tuple(map(radians, point)) for point in (first, second))
    half = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


def holds(geometry: Mapping[str, Any], point: Point) -> bool:
    """Whether a Polygon or MultiPolygon holds `point`, holes left out, by the even-odd rule; other geometries hold nothing."""
    return any(
        _is_inside(polygon[0], point) and not any(_is_inside(hole, point) for hole in polygon[1:])
        for polygon in _polygons(geometry)
        if polygon
    )


def crosses_itself(geometry: Mapping[str, Any]) -> bool:
    """Whether two sides of one ring, neighbours apart, cross."""
    return any(_ring_crosses(ring) for polygon in _polygons(geometry) for ring in polygon)


def circle(centre: Point, radius_km: float, n_sides: int = 48) -> Ring:
    """A closed ring at `radius_km` of `centre`."""
    lat, lon, angle = radians(centre[0]), radians(centre[1]), radius_km / EARTH_KM
    ring = []
    for side in range(n_sides + 1):
        bearing = 2 * pi * (side % n_sides) / n_sides
        other = asin(sin(lat) * cos(angle) + cos(lat) * sin(angle) * cos(bearing))
        turn = atan2(sin(bearing) * sin(angle) * cos(lat), cos(angle) - sin(lat) * sin(other))
        ring.append((round(degrees(lon + turn), 6), round(degrees(other), 6)))
    return ring


def rings(geometry: Mapping[str, Any]) -> Iterator[Ring]:
    """The outer rings of a Polygon or MultiPolygon."""
    for polygon in _polygons(geometry):
        if polygon:
            yield [(float(point[0]), float(point[1])) for point in polygon[0]]


def cut(ring: Sequence[tuple[float, float]], low: tuple[float, float], high: tuple[float, float]) -> Ring:
    """The part of a closed ring inside the box from `low` to `high` (longitude, latitude), closed along the box's sides; [] outside."""
    kept = list(ring)
    for axis in (0, 1):
        for bound, side in ((low[axis], 1), (high[axis], -1)):
            kept = _cut_side(kept, axis, bound, side)
    return kept


def _cut_side(ring: Ring, axis: int, bound: float, side: int) -> Ring:
    """The part of a closed ring where `side` times the coordinate is at least `side` times `bound`."""
    kept: Ring = []
    for start, end in pairwise(ring):
        is_in, ends_in = (side * (point[axis] - bound) >= 0 for point in (start, end))
        kept += [start] if is_in else []
        if is_in != ends_in:
            part = (bound - start[axis]) / (end[axis] - start[axis])
            crossing = [start[at] + part * (end[at] - start[at]) for at in (0, 1)]
            crossing[axis] = bound
            kept.append((crossing[0], crossing[1]))
    return [*kept, kept[0]] if kept else []


def _polygons(geometry: Mapping[str, Any]) -> list[Any]:
    if geometry.get("type") == "Polygon":
        return [geometry.get("coordinates") or []]
    return list(geometry.get("coordinates") or []) if geometry.get("type") == "MultiPolygon" else []


def _is_inside(ring: Any, point: Point) -> bool:
    lat, lon = point
    is_inside = False
    for place, (end_lon, end_lat, *_) in enumerate(ring):
        start_lon, start_lat, *_ = ring[place - 1]
        if (start_lat > lat) != (end_lat > lat) and lon < (end_lon - start_lon) * (lat - start_lat) / (end_lat - start_lat) + start_lon:
            is_inside = not is_inside
    return is_inside


def _ring_crosses(ring: Any) -> bool:
    points = [(float(point[0]), float(point[1])) for point in ring]
    points = points[:-1] if len(points) > 1 and points[0] == points[-1] else points
    sides = [(points[place], points[(place + 1) % len(points)]) for place in range(len(points))]
    return any(
        _sides_cross(*sides[one], *sides[other])
        for one in range(len(sides))
        for other in range(one + 2, len(sides))
        if not (one == 0 and other == len(sides) - 1)
    )


def _sides_cross(start: Point, end: Point, other_start: Point, other_end: Point) -> bool:
    def turn(first: Point, second: Point, third: Point) -> float:
        return (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0])

    return (
        turn(start, end, other_start) * turn(start, end, other_end) < 0
        and turn(other_start, other_end, start) * turn(other_start, other_end, end) < 0
    )
