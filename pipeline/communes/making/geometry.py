"""Points and outlines as databases write them (WKB in hexadecimal), on a grid of a ten thousandth of a degree, about 10 m.

In:   hexadecimal text, `\\N` for none
Out:  latitude and longitude in degrees; rings on the grid; the middle and the surface of a ring
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from math import isnan

GRID = 10_000  # steps a degree

GridPoint = tuple[int, int]  # longitude, latitude
Ring = list[GridPoint]  # closed: its last point is its first

_NONE = ("", "\\N")
_POINT, _POLYGON, _MULTI_POLYGON = 1, 3, 6


def read_point(wkb: str) -> tuple[float, float] | None:
    """Latitude and longitude of a point, rounded to about a metre; None where there is none, or an empty one."""
    if wkb in _NONE:
        return None
    kind, lon, lat = struct.unpack("<xIdd", bytes.fromhex(wkb))
    _expect(kind, _POINT)
    return None if isnan(lat) or isnan(lon) else (round(lat, 5), round(lon, 5))


def read_rings(wkb: str) -> list[Ring]:
    """The outer rings of a multipolygon, in their order, without repeated points; [] where there is none."""
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
    points = [(round(lon * GRID), round(lat * GRID)) for lon, lat in zip(numbers[::2], numbers[1::2], strict=True)]
    return [point for number, point in enumerate(points) if number == 0 or point != points[number - 1]]


def middle_of(rings: Sequence[Ring]) -> tuple[float, float] | None:
    """Latitude and longitude of the middle of the box around the most detailed ring; None without rings."""
    if not rings:
        return None
    lons, lats = zip(*max(rings, key=len), strict=True)
    return round((min(lats) + max(lats)) / 2 / GRID, 5), round((min(lons) + max(lons)) / 2 / GRID, 5)


def surface_of(ring: Ring) -> float:
    """The surface of a ring in square steps of the grid."""
    return abs(sum(lon * next_lat - next_lon * lat for (lon, lat), (next_lon, next_lat) in pairwise(ring))) / 2
