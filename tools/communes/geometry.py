"""Points and outlines as databases write them (WKB in hexadecimal), on a grid of a ten thousandth
of a degree, about 10 m.

In:   hexadecimal text, `\\N` for none
Out:  latitude and longitude in degrees; rings on the grid; the middle and the surface of a ring,
      how far it is
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from math import cos, isnan, radians

GRID = 10_000  # steps a degree

GridPoint = tuple[int, int]  # longitude, latitude
Ring = list[GridPoint]  # closed: its last point is its first
FlatPoint = tuple[float, float]  # to the east, to the north, in degrees of latitude

_KM_A_DEGREE = 111.2  # of latitude
_NONE = ("", "\\N")
_POINT, _POLYGON, _MULTI_POLYGON = 1, 3, 6


def read_point(wkb: str) -> tuple[float, float] | None:
    """Latitude and longitude of a point, rounded to about a metre; None where there is none, or an
    empty one.
    """
    if wkb in _NONE:
        return None
    kind, lon, lat = struct.unpack("<xIdd", bytes.fromhex(wkb))
    _expect(kind, _POINT)
    return None if isnan(lat) or isnan(lon) else (round(lat, 5), round(lon, 5))


def read_rings(wkb: str) -> list[Ring]:
    """The outer rings of a multipolygon, in their order, without repeated points; [] where there is
    none.
    """
    if wkb in _NONE:
        return []
    packed = bytes.fromhex(wkb)
    kind, n_polygons = struct.unpack_from("<xII", packed)
    _expect(kind, _MULTI_POLYGON)
    rings, at = [], 9
    for _ in range(n_polygons):
        kind, n_rings = struct.unpack_from("<xII", packed, at)
        _expect(kind, _POLYGON)
        at += 9
        for number in range(n_rings):
            (n_points,) = struct.unpack_from("<I", packed, at)
            if number == 0:
                rings.append(_on_grid(struct.unpack_from(f"<{2 * n_points}d", packed, at + 4)))
            at += 4 + 16 * n_points
    return rings


def _expect(kind: int, expected: int) -> None:
    if kind != expected:
        raise ValueError(f"geometry of kind {kind}, expected {expected}")


def _on_grid(numbers: Sequence[float]) -> Ring:
    points = [
        (round(lon * GRID), round(lat * GRID))
        for lon, lat in zip(numbers[::2], numbers[1::2], strict=True)
    ]
    return [
        point for number, point in enumerate(points) if number == 0 or point != points[number - 1]
    ]


def middle_of(rings: Sequence[Ring]) -> tuple[float, float] | None:
    """Latitude and longitude of the middle of the box around the most detailed ring; None without
    rings.
    """
    if not rings:
        return None
    lons, lats = zip(*max(rings, key=len), strict=True)
    return round((min(lats) + max(lats)) / 2 / GRID, 5), round(
        (min(lons) + max(lons)) / 2 / GRID, 5
    )


def surface_of(ring: Ring) -> float:
    """The surface of a ring in square steps of the grid."""
    return (
        abs(
            sum(
                lon * next_lat - next_lon * lat
                for (lon, lat), (next_lon, next_lat) in pairwise(ring)
            )
        )
        / 2
    )


def km_outside(point: tuple[float, float], rings: Sequence[Ring]) -> float:
    """Kilometres from `point` (latitude, longitude) to the nearest of `rings`, one at least; 0
    inside one of them.
    """
    lat, lon = point
    shrink = cos(radians(lat))
    away = []
    for ring in rings:
        seen = [
            ((east / GRID - lon) * shrink, north / GRID - lat) for east, north in ring
        ]  # from the point
        if sum(_is_crossed(begin, end) for begin, end in pairwise(seen)) % 2:
            return 0.0
        away += [off_segment((0.0, 0.0), begin, end) for begin, end in pairwise(seen)]
    return min(away) * _KM_A_DEGREE


def _is_crossed(begin: FlatPoint, end: FlatPoint) -> bool:
    """True where who goes east from (0, 0) crosses the segment."""
    return (begin[1] > 0) != (end[1] > 0) and begin[0] - begin[1] * (end[0] - begin[0]) / (
        end[1] - begin[1]
    ) > 0


def off_segment(point: FlatPoint, begin: FlatPoint, end: FlatPoint) -> float:
    """The distance of a point to a segment."""
    along, up = end[0] - begin[0], end[1] - begin[1]
    length = along * along + up * up
    share = (
        max(0.0, min(1.0, ((point[0] - begin[0]) * along + (point[1] - begin[1]) * up) / length))
        if length
        else 0.0
    )
    return float(
        ((point[0] - begin[0] - share * along) ** 2 + (point[1] - begin[1] - share * up) ** 2)
        ** 0.5
    )
