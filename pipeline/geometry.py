"""Measure and mend areas on a map, in degrees WGS 84 and kilometres; slow steps are bounded.

In:   GeoJSON geometries, points (latitude, longitude)
Out:  what an area holds, whether its outline crosses itself, a lighter outline, a circle
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, pairwise
from math import asin, atan2, cos, degrees, pi, radians, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # latitude, longitude
Ring = list[tuple[float, float]]  # longitude, latitude, as GeoJSON writes them
EARTH_KM = 6371.0088
# Half a second; a hand-drawn outline compares a few pairs a side.
MAX_PAIRS = 5_000_000
_SWEEP = (0.7937, 0.6083)  # no street grid or straight border runs this way
_FINEST = 1e-6  # degrees (a tenth of a metre): the first grid
_LEAST = 4  # points of a closed ring
_FARTHEST = 1e9  # above any coordinate, in degrees or metres
# Nesting of lists around the points.
_DEPTHS = {"LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def holds(geometry: Mapping[str, Any], point: Point) -> bool:
    """Return whether a (Multi)Polygon holds `point` (even-odd rule); others hold nothing."""
    return any(
        _is_inside(polygon[0], point) and not any(_is_inside(hole, point) for hole in polygon[1:])
        for polygon in _polygons(geometry)
        if polygon
    )


def box_of(geometry: Mapping[str, Any]) -> tuple[Point, Point]:
    """Return the south-west and north-east corners; other geometries get an empty box."""
    points = [point for polygon in _polygons(geometry) for point in (polygon[0] if polygon else ())]
    lats, lons = [point[1] for point in points], [point[0] for point in points]
    low = (min(lats, default=1), min(lons, default=1))
    return low, (max(lats, default=0), max(lons, default=0))


def crosses_itself(geometry: Mapping[str, Any]) -> bool | None:
    """Return whether two non-adjacent sides of one ring cross; None above `MAX_PAIRS` pairs.

    Only sides that overlap in one direction are compared: n log n steps.
    """
    swept = [_swept(ring) for polygon in _polygons(geometry) for ring in polygon]
    if sum(int(n_later.sum()) for _, _, n_later in swept) > MAX_PAIRS:
        return None
    return any(_cross(*ring) for ring in swept)


def is_drawn(geometry: Any) -> bool:
    """Return whether `geometry` holds lines or areas, with numbers at GeoJSON's depth."""
    if not isinstance(geometry, Mapping):
        return False
    is_collection = geometry.get("type") == "GeometryCollection"
    parts = geometry.get("geometries") if is_collection else [geometry]
    return isinstance(parts, list) and bool(parts) and all(map(_has_lines, parts))


def count_points(geometry: Mapping[str, Any]) -> int:
    """Count the points of a geometry that `is_drawn`, or of a collection."""
    if geometry["type"] == "GeometryCollection":
        return sum(map(count_points, geometry["geometries"]))
    return sum(len(line) for part in _parts(geometry) for line in part)


def thinned(geometry: Mapping[str, Any], max_points: int) -> dict[str, Any] | None:
    """Return a geometry that `is_drawn` with at most `max_points`, the first in each grid cell.

    A ring or line of a few cells is removed; None where nothing is left.
    """
    if geometry["type"] == "GeometryCollection":
        share = max_points // len(geometry["geometries"])
        thin_parts = [part for one in geometry["geometries"] if (part := thinned(one, share))]
        return {**geometry, "geometries": thin_parts} if thin_parts else None
    if count_points(geometry) <= max_points:
        return dict(geometry)
    kind = geometry["type"]
    parts = _thinned(_parts(geometry), max_points, _LEAST if kind.endswith("Polygon") else 2)
    if not parts:
        return None
    coordinates: Any = {
        "MultiPolygon": parts,
        "MultiLineString": [part[0] for part in parts],
        "Polygon": parts[0],
        "LineString": parts[0][0],
    }[kind]
    return {**geometry, "coordinates": coordinates}


def circle(centre: Point, radius_km: float, n_sides: int = 48) -> Ring:
    """Return a closed ring at `radius_km` of `centre`."""
    lat, lon, angle = radians(centre[0]), radians(centre[1]), radius_km / EARTH_KM
    ring = []
    for side in range(n_sides + 1):
        bearing = 2 * pi * (side % n_sides) / n_sides
        other = asin(sin(lat) * cos(angle) + cos(lat) * sin(angle) * cos(bearing))
        turn = atan2(sin(bearing) * sin(angle) * cos(lat), cos(angle) - sin(lat) * sin(other))
        ring.append((round(degrees(lon + turn), 6), round(degrees(other), 6)))
    return ring


def rings(geometry: Mapping[str, Any]) -> Iterator[Ring]:
    """Yield the outer rings of a Polygon or MultiPolygon."""
    for polygon in _polygons(geometry):
        if polygon:
            yield [(float(point[0]), float(point[1])) for point in polygon[0]]


def cut(
    ring: Sequence[tuple[float, float]], low: tuple[float, float], high: tuple[float, float]
) -> Ring:
    """Return a closed ring cut to a box (longitude, latitude); [] outside."""
    inside = list(ring)
    for axis in (0, 1):
        for bound, side in ((low[axis], 1), (high[axis], -1)):
            inside = _cut_side(inside, axis, bound, side)
    return inside


def _cut_side(ring: Ring, axis: int, bound: float, side: int) -> Ring:
    inside: Ring = []
    for start, end in pairwise(ring):
        is_in, ends_in = (side * (point[axis] - bound) >= 0 for point in (start, end))
        inside += [start] if is_in else []
        if is_in != ends_in:
            part = (bound - start[axis]) / (end[axis] - start[axis])
            crossing = [start[i] + part * (end[i] - start[i]) for i in (0, 1)]
            crossing[axis] = bound
            inside.append((crossing[0], crossing[1]))
    return [*inside, inside[0]] if inside else []


def _polygons(geometry: Mapping[str, Any]) -> list[Any]:
    if geometry.get("type") == "Polygon":
        return [geometry.get("coordinates") or []]
    return list(geometry.get("coordinates") or []) if geometry.get("type") == "MultiPolygon" else []


def _is_inside(ring: Any, point: Point) -> bool:
    lat, lon = point
    is_inside = False
    for i, (end_lon, end_lat, *_) in enumerate(ring):
        start_lon, start_lat, *_ = ring[i - 1]
        if (start_lat > lat) == (end_lat > lat):
            continue
        if lon < (end_lon - start_lon) * (lat - start_lat) / (end_lat - start_lat) + start_lon:
            is_inside = not is_inside
    return is_inside


def _has_lines(geometry: Any) -> bool:
    depth = _DEPTHS.get(str(geometry.get("type"))) if isinstance(geometry, Mapping) else None
    return depth is not None and _is_nested(geometry.get("coordinates"), depth)


def _is_nested(value: Any, depth: int) -> bool:
    if not isinstance(value, list | tuple):
        return False
    if not depth:
        return is_pair(value)
    return bool(value) and all(_is_nested(part, depth - 1) for part in value)


def is_pair(value: Any) -> bool:
    """Return whether `value` starts with two possible coordinates, in degrees or metres."""
    if not isinstance(value, list | tuple) or len(value) < 2:
        return False
    return all(
        isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < _FARTHEST
        for number in value[:2]
    )


def _parts(geometry: Mapping[str, Any]) -> list[list[Any]]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind == "MultiPolygon":
        return list(coordinates)
    if kind == "MultiLineString":
        return [[line] for line in coordinates]
    return [[coordinates] if kind == "LineString" else coordinates]


def _thinned(parts: list[list[Any]], max_points: int, least: int) -> list[list[Any]]:
    """Thin the parts; a line of fewer than `least` points goes, an outline with its part."""
    lines = [line for part in parts for line in part]
    lengths = [len(line) for line in lines]
    of_line = np.repeat(np.arange(len(lines)), lengths)
    points = np.concatenate([_points(line) for line in lines])
    points -= points.min(axis=0)
    changes_line = of_line[1:] != of_line[:-1]
    is_last, cell = np.append(changes_line, True), _FINEST
    while True:
        # Rounded: successive grids share no line, so lines along a cell's side are thinned too.
        cells = np.round(points / cell)
        is_new = np.append(True, (cells[1:] != cells[:-1]).any(axis=1) | changes_line)
        is_kept = is_new | is_last  # a line keeps its end, a ring stays closed
        is_kept &= (np.bincount(of_line, is_kept) >= least)[of_line]
        if is_kept.sum() <= max_points:
            break
        cell *= 2
    flags = np.split(is_kept, np.cumsum(lengths)[:-1])
    thin = iter(list(compress(line, is_in)) for line, is_in in zip(lines, flags, strict=True))
    drawn = [[next(thin) for _ in part] for part in parts]
    return [list(filter(None, part)) for part in drawn if part[0]]


def _points(ring: Any) -> NDArray[np.float64]:
    return np.array([(point[0], point[1]) for point in ring], dtype=float).reshape(-1, 2)


def _swept(ring: Any) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Return a ring's sides (n, 2, 2), their order along a sweep line, and how many next overlap.

    The sides that follow one in that order overlap it in the line's direction, up to that number.
    """
    points = _points(ring)
    if len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
    sides = np.stack([points, np.roll(points, -1, axis=0)], axis=1)
    along = np.sort(sides @ np.array(_SWEEP), axis=1)
    order = np.argsort(along[:, 0], kind="stable")
    met = np.searchsorted(along[order, 0], along[order, 1], side="right")
    return sides, order, met - np.arange(1, len(met) + 1)


def _cross(sides: NDArray[np.float64], order: NDArray[np.intp], n_later: NDArray[np.intp]) -> bool:
    """Whether two sides that overlap in one direction and share no point cross."""
    for place, some in enumerate(n_later.tolist()):
        side, later = order[place], order[place + 1 : place + 1 + some]
        gap = np.abs(side - later)
        (start, end), others = sides[side], sides[later[(gap > 1) & (gap < len(order) - 1)]]
        starts, ends = others[:, 0], others[:, 1]
        are_parted = _turn(start, end, starts) * _turn(start, end, ends) < 0
        if (are_parted & (_turn(starts, ends, start) * _turn(starts, ends, end) < 0)).any():
            return True
    return False


def _turn(
    first: NDArray[np.float64], second: NDArray[np.float64], third: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Positive where the path over three points (…, 2) turns left."""
    to_second, to_third = second - first, third - first
    return np.asarray(to_second[..., 0] * to_third[..., 1] - to_second[..., 1] * to_third[..., 0])
