"""Write outlines so that a common border stands once and is simplified once: what two neighbours
share stays shared.

In:   rings of each commune, on the grid
Out:  TopoJSON: arcs, each from one junction of borders to the next, and the arcs of each commune
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tools.communes.geometry import GRID, GridPoint, Ring, off_segment, surface_of

_STEP = 5  # steps of the grid in one of the file's: 0.0005 degree
_TOLERANCE = 0.0022  # degrees of latitude, about 250 m
_SHRINK = 0.69  # a degree of longitude against one of latitude, in the middle of France
# square steps of the grid, about 0.15 km²: a smaller islet is left out, unless a commune has no
# other ring
_LEAST_SURFACE = 2_000

Arc = tuple[GridPoint, ...]


def build_topology(outlines: Mapping[str, Sequence[Ring]]) -> dict[str, Any]:
    """Return the TopoJSON of `outlines` by INSEE code, in the order of codes; a commune without
    rings is left out.
    """
    kept = {code: _worth_drawing(outlines[code]) for code in sorted(outlines) if outlines[code]}
    junctions = _junctions([ring for rings in kept.values() for ring in rings])
    numbers: dict[Arc, int] = {}
    shapes = [
        {
            "type": "MultiPolygon",
            "id": code,
            "arcs": [[_numbered(_cut(ring, junctions), numbers)] for ring in rings],
        }
        for code, rings in kept.items()
    ]
    return {
        "type": "Topology",
        "transform": {"scale": [_STEP / GRID, _STEP / GRID], "translate": [0, 0]},
        "objects": {"communes": {"type": "GeometryCollection", "geometries": shapes}},
        "arcs": [_in_steps(_simplified(arc)) for arc in numbers],
    }


def _worth_drawing(rings: Sequence[Ring]) -> list[Ring]:
    """The rings, largest first, without islets."""
    largest_first = sorted(rings, key=surface_of, reverse=True)
    return [
        ring
        for number, ring in enumerate(largest_first)
        if number == 0 or surface_of(ring) >= _LEAST_SURFACE
    ]


def _junctions(rings: Sequence[Ring]) -> set[GridPoint]:
    """The points where borders meet or end: those that do not have two neighbours."""
    neighbours = defaultdict(set)
    for ring in rings:
        for point, following in pairwise(ring):
            neighbours[point].add(following)
            neighbours[following].add(point)
    return {point for point, beside in neighbours.items() if len(beside) != 2}


def _cut(ring: Ring, junctions: set[GridPoint]) -> list[Arc]:
    """The ring in arcs from junction to junction; one arc, from its first point in order, where it
    has none.
    """
    points = ring[:-1]
    start = next((number for number, point in enumerate(points) if point in junctions), None)
    start = points.index(min(points)) if start is None else start
    turned = [*points[start:], *points[: start + 1]]
    cuts = [
        0,
        *(
            number
            for number, point in enumerate(turned)
            if point in junctions and 0 < number < len(points)
        ),
        len(points),
    ]
    return [tuple(turned[begin : end + 1]) for begin, end in pairwise(cuts)]


def _numbered(arcs: Sequence[Arc], numbers: dict[Arc, int]) -> list[int]:
    """The numbers of arcs, new ones added to `numbers`; the ones' complement for an arc known in
    the other direction.
    """
    return [
        ~numbers[arc[::-1]]
        if arc not in numbers and arc[::-1] in numbers
        else numbers.setdefault(arc, len(numbers))
        for arc in arcs
    ]


def _simplified(arc: Arc) -> Arc:
    """The arc without the points that lie within the tolerance of the line without them (Douglas
    and Peucker).
    """
    flat = [(lon / GRID * _SHRINK, lat / GRID) for lon, lat in arc]
    kept, waiting = {0, len(arc) - 1}, [(0, len(arc) - 1)]
    while waiting:
        begin, end = waiting.pop()
        offs = [off_segment(point, flat[begin], flat[end]) for point in flat[begin + 1 : end]]
        if offs and max(offs) > _TOLERANCE:
            farthest = begin + 1 + offs.index(max(offs))
            kept.add(farthest)
            waiting += [(begin, farthest), (farthest, end)]
    return tuple(arc[number] for number in sorted(kept))


def _in_steps(arc: Arc) -> list[list[int]]:
    """The arc on the file's grid, each point as its difference to the one before; two points at
    least.
    """
    points = [(round(lon / _STEP), round(lat / _STEP)) for lon, lat in arc]
    told = [points[0], *(point for before, point in pairwise(points) if point != before)]
    told = told if len(told) > 1 else [points[0], points[0]]
    return [
        list(told[0]),
        *([lon - last_lon, lat - last_lat] for (last_lon, last_lat), (lon, lat) in pairwise(told)),
    ]
