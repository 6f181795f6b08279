"""Structures and their catchment areas as GeoJSON (RFC 7946): longitude before latitude, WGS 84, outer rings counterclockwise.

In:   structures, catchments
Out:  the text of a .geojson
"""

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from pipeline.communes import name_of

_DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def geojson(structures: pd.DataFrame, catchments: pd.DataFrame) -> str:
    """A FeatureCollection: each structure that is placed, as a point with its radius where one is known, then each area that is drawn."""
    radius = dict(catchments[["structure_id", "radius_km"]].itertuples(index=False, name=None))
    points = [
        _feature(
            row | {"radius_km": radius.get(row["structure_id"])}, {"type": "Point", "coordinates": [row["lon"], row["lat"]]}, "structure"
        )
        for row in structures.dropna(subset=["lat", "lon"]).to_dict("records")
    ]
    drawn = catchments.dropna(subset=["geometry"]).merge(structures, on="structure_id", validate="one_to_one")
    areas = [
        _feature(row, geometry, "zone de chalandise")
        for row in drawn.to_dict("records")
        if (geometry := oriented(json.loads(row["geometry"]))) is not None
    ]
    return json.dumps({"type": "FeatureCollection", "features": points + areas}, ensure_ascii=False, indent=1, allow_nan=False)


def oriented(geometry: Any) -> dict[str, Any] | None:
    """A geometry with its rings closed and turned by the right-hand rule; None for what is no geometry on the globe."""
    if not isinstance(geometry, Mapping):
        return None
    if geometry.get("type") == "GeometryCollection":
        within = geometry.get("geometries")
        parts = [part for one in within if (part := oriented(one))] if isinstance(within, list) else []
        return {"type": "GeometryCollection", "geometries": parts} if parts else None
    depth = _DEPTH.get(str(geometry.get("type")))
    if depth is None or not _is_placed(geometry.get("coordinates"), depth):
        return None
    coordinates = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        coordinates = _turned(coordinates)
    elif geometry["type"] == "MultiPolygon":
        coordinates = [_turned(polygon) for polygon in coordinates]
    return {"type": geometry["type"], "coordinates": coordinates}


def _is_placed(coordinates: Any, depth: int) -> bool:
    """Whether `coordinates` are positions on the globe, nested `depth` deep."""
    if not isinstance(coordinates, list) or not coordinates:
        return False
    if depth:
        return all(_is_placed(inner, depth - 1) for inner in coordinates)
    numbers = [number for number in coordinates if isinstance(number, int | float) and math.isfinite(number)]
    return len(numbers) == len(coordinates) >= 2 and abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90


def _turned(rings: list[list[list[float]]]) -> list[list[list[float]]]:
    """The rings of a polygon, closed: the outer one counterclockwise, holes clockwise."""
    closed = [ring if ring[0] == ring[-1] else [*ring, ring[0]] for ring in rings]
    return [ring if (_area(ring) >= 0) == (place == 0) else ring[::-1] for place, ring in enumerate(closed)]


def _area(ring: list[list[float]]) -> float:
    """Twice the signed area, positive where the ring turns counterclockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))


def _feature(row: Mapping[Any, Any], geometry: object, kind: str) -> dict[str, object]:
    wanted = ("structure_id", "name", "structure_type", "commune_code", "radius_km")
    properties = {"kind": kind} | {name: row[name] for name in wanted if row.get(name) is not None and not pd.isna(row[name])}
    if "commune_code" in properties:
        properties["commune"] = name_of(str(properties["commune_code"]))
    return {"type": "Feature", "properties": properties, "geometry": geometry}
