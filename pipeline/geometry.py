"""Areas on a map: what lies in them, whether their outline crosses itself, a lighter outline, a circle as a polygon.

Degrees WGS 84, kilometres. What takes long on a large outline is bounded, and says so.

In:   GeoJSON geometries, points (latitude, longitude)
Out:  booleans, distances, rings, geometries
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, atan2, cos, degrees, pi, radians, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # latitude, longitude
Ring = list[tuple[float, float]]  # longitude, latitude, as GeoJSON writes them
EARTH_KM = 6371.0088
MAX_PAIRS = 5_000_000  # pairs of sides compared for one geometry: half a second; what a person draws takes a few a side
_PAIRS_AT_ONCE = 1_000_000
_SWEEP = (0.7937, 0.6083)  # a direction in which no street grid or straight border runs
_FINEST = 1e-6  # degrees, a tenth of a metre: the first step at which a large outline is thinned
_LEAST = 4  # points of a closed ring
_FARTHEST = 1e9  # no coordinate is as large, in degrees or metres; neither is what is no number
_DEPTHS = {
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}  # of lists around the points


def great_circle_km(first: Point, second: Point) -> float:
    """Kilometres between two points over the sphere."""
    (lat, lon), (other_lat, other_lon) = (tuple(map(radians, point)) for point in (first, second))
    half = (
        sin((other_lat - lat) / 2) ** 2
        + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    )
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


def holds(geometry: Mapping[str, Any], point: Point) -> bool:
    """Whether a Polygon or MultiPolygon holds `point`, holes left out, by the even-odd rule; other geometries hold nothing."""
    return any(
        _is_inside(polygon[0], point) and not any(_is_inside(hole, point) for hole in polygon[1:])
        for polygon in _polygons(geometry)
        if polygon
    )


def box_of(geometry: Mapping[str, Any]) -> tuple[Point, Point]:
    """The corners, south-west and north-east, of the box around a Polygon or MultiPolygon; of others, a box that holds nothing."""
    points = [point for polygon in _polygons(geometry) for point in (polygon[0] if polygon else ())]
    lats, lons = [point[1] for point in points], [point[0] for point in points]
    return (min(lats, default=1), min(lons, default=1)), (
        max(lats, default=0),
        max(lons, default=0),
    )


def crosses_itself(geometry: Mapping[str, Any]) -> bool | None:
    """Whether two sides of one ring, neighbours apart, cross; None where that would take more than `MAX_PAIRS` comparisons to tell.

    Sides are compared only where their extents overlap in one direction, so that an outline of n points takes n log n steps.
    """
    sweeps = [_Sweep.of(ring) for polygon in _polygons(geometry) for ring in polygon]
    if sum(sweep.n_pairs for sweep in sweeps) > MAX_PAIRS:
        return None
    return any(sweep.has_crossing() for sweep in sweeps)


def is_drawn(geometry: Any) -> bool:
    """Whether lines or areas, or a collection of them, are drawn by numbers at the depth that GeoJSON wants."""
    if not isinstance(geometry, Mapping):
        return False
    is_collection = geometry.get("type") == "GeometryCollection"
    parts = geometry.get("geometries") if is_collection else [geometry]
    return isinstance(parts, list) and bool(parts) and all(map(_has_lines, parts))


def count_points(geometry: Mapping[str, Any]) -> int:
    """How many points draw a geometry that `is_drawn`, those of a collection together."""
    if geometry["type"] == "GeometryCollection":
        return sum(map(count_points, geometry["geometries"]))
    return sum(len(line) for part in _parts(geometry) for line in part)


def thinned(geometry: Mapping[str, Any], max_points: int) -> dict[str, Any] | None:
    """Return a geometry that `is_drawn` with `max_points` at most: of its own points, the first of each run inside one cell of a grid.

    The grid is the finest of those that double from a tenth of a metre. A ring or line that fits into a few cells goes; None where
    nothing is left, as of a scribble.
    """
    if geometry["type"] == "GeometryCollection":
        share = max_points // len(geometry["geometries"])
        kept = [part for one in geometry["geometries"] if (part := thinned(one, share))]
        return {**geometry, "geometries": kept} if kept else None
    if count_points(geometry) <= max_points:
        return dict(geometry)
    parts = _thinned(
        _parts(geometry), max_points, _LEAST if geometry["type"].endswith("Polygon") else 2
    )
    if not parts:
        return None
    if geometry["type"].startswith("Multi"):
        return {
            **geometry,
            "coordinates": [part[0] for part in parts]
            if geometry["type"] == "MultiLineString"
            else parts,
        }
    return {**geometry, "coordinates": parts[0] if geometry["type"] == "Polygon" else parts[0][0]}


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


def cut(
    ring: Sequence[tuple[float, float]], low: tuple[float, float], high: tuple[float, float]
) -> Ring:
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
        if (start_lat > lat) != (end_lat > lat) and lon < (end_lon - start_lon) * (
            lat - start_lat
        ) / (end_lat - start_lat) + start_lon:
            is_inside = not is_inside
    return is_inside


def _has_lines(geometry: Any) -> bool:
    depth = _DEPTHS.get(str(geometry.get("type"))) if isinstance(geometry, Mapping) else None
    return depth is not None and _is_nested(geometry.get("coordinates"), depth)


def _is_nested(value: Any, depth: int) -> bool:
    if not isinstance(value, list | tuple):
        return False
    return (
        all(_is_nested(part, depth - 1) for part in value) and bool(value)
        if depth
        else is_pair(value)
    )


def is_pair(value: Any) -> bool:
    """Whether `value` begins with two numbers that may be coordinates, in degrees or metres."""
    return (
        isinstance(value, list | tuple)
        and len(value) >= 2
        and all(
            isinstance(number, int | float)
            and not isinstance(number, bool)
            and abs(number) < _FARTHEST
            for number in value[:2]
        )
    )


def _parts(geometry: Mapping[str, Any]) -> list[list[Any]]:
    """The lines of each part: an outline and its holes, or one line."""
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind == "MultiPolygon":
        return list(coordinates)
    return (
        [[line] for line in coordinates]
        if kind == "MultiLineString"
        else [[coordinates] if kind == "LineString" else coordinates]
    )


def _thinned(parts: list[list[Any]], max_points: int, least: int) -> list[list[Any]]:
    """The parts drawn by fewer points; a line of fewer than `least` goes, and its part with it where it is the first, the outline."""
    lines = [line for part in parts for line in part]
    of_line = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    points = np.concatenate([_points(line) for line in lines])
    points -= points.min(axis=0)
    is_last, cell = np.append(of_line[1:] != of_line[:-1], True), _FINEST
    while True:
        cells = np.round(
            points / cell
        )  # no side of a cell is one of the next grid's: what runs along it is thinned there
        is_new = np.append(
            True, (cells[1:] != cells[:-1]).any(axis=1) | (of_line[1:] != of_line[:-1])
        )
        is_kept = is_new | is_last  # a line keeps its end, a ring stays closed
        is_kept &= (np.bincount(of_line, is_kept) >= least)[of_line]
        if is_kept.sum() <= max_points:
            break
        cell *= 2
    flags = iter(np.split(is_kept, np.cumsum([len(line) for line in lines])[:-1]))
    drawn = [
        [[point for point, is_in in zip(line, next(flags), strict=True) if is_in] for line in part]
        for part in parts
    ]
    return [[line for line in part if line] for part in drawn if part[0]]


def _points(ring: Any) -> NDArray[np.float64]:
    """Longitudes and latitudes, (n, 2)."""
    return np.array([(point[0], point[1]) for point in ring], dtype=float).reshape(-1, 2)


@dataclass(frozen=True)
class _Sweep:
    """The sides of a ring in the order in which a line that sweeps the plane meets them, and where each begins to be past."""

    starts: NDArray[np.float64]  # (n, 2), by side as drawn
    ends: NDArray[np.float64]
    order: NDArray[np.intp]  # of the sides, as met
    past: NDArray[
        np.intp
    ]  # how many sides are met before the one at this place of `order` is passed

    @classmethod
    def of(cls, ring: Any) -> "_Sweep":
        points = _points(ring)
        if len(points) > 1 and (points[0] == points[-1]).all():
            points = points[:-1]
        ends = np.roll(points, -1, axis=0)
        along, along_ends = points @ np.array(_SWEEP), ends @ np.array(_SWEEP)
        order = np.argsort(np.minimum(along, along_ends), kind="stable")
        met = np.minimum(along, along_ends)[order]
        return cls(
            points,
            ends,
            order,
            np.searchsorted(met, np.maximum(along, along_ends)[order], side="right"),
        )

    @property
    def n_pairs(self) -> int:
        """How many pairs of sides overlap in the direction of the sweep."""
        return int((self.past - np.arange(1, len(self.past) + 1)).sum())

    def has_crossing(self) -> bool:
        """Whether any of those pairs cross."""
        counts = self.past - np.arange(1, len(self.past) + 1)
        blocks = np.searchsorted(
            np.cumsum(counts), np.arange(0, self.n_pairs, _PAIRS_AT_ONCE), side="right"
        )
        return any(
            self._crosses(low, high, counts)
            for low, high in pairwise([*blocks.tolist(), len(counts)])
        )

    def _crosses(self, low: int, high: int, counts: NDArray[np.intp]) -> bool:
        """Whether a side met from `low` to `high` crosses one that is met before it is past."""
        some = counts[low:high]
        first = np.repeat(np.arange(low, high), some)
        second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(some) - some, some)
        one, other = self.order[first], self.order[second]
        apart = (np.abs(one - other) > 1) & (
            np.abs(one - other) < len(self.order) - 1
        )  # neighbours share a point
        one, other = one[apart], other[apart]
        start, end, other_start, other_end = (
            self.starts[one],
            self.ends[one],
            self.starts[other],
            self.ends[other],
        )
        are_parted = _turn(start, end, other_start) * _turn(start, end, other_end) < 0
        return bool(
            (
                are_parted
                & (_turn(other_start, other_end, start) * _turn(other_start, other_end, end) < 0)
            ).any()
        )


def _turn(
    first: NDArray[np.float64], second: NDArray[np.float64], third: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Positive where the way over three points turns left, (n,)."""
    turned: NDArray[np.float64] = (second[:, 0] - first[:, 0]) * (third[:, 1] - first[:, 1]) - (
        second[:, 1] - first[:, 1]
    ) * (third[:, 0] - first[:, 0])
    return turned
