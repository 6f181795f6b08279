"""Read maps of the territory: where structures are and how far they reach.

In:   GeoJSON features, or the rows of a sheet of structures
Out:  one Pin a structure as written, with its point, zone or radius
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.ingest.columns import find_header, meaning_of
from pipeline.ingest.words import fold
from pipeline.tables import CATCHMENTS

_COLUMNS = frozenset({"structure", "last_name", "structure_type", "commune", "commune_code", "radius", "geometry", "latitude", "longitude"})
_POINTS = frozenset({"Point", "MultiPoint"})
_ZONES = frozenset({"Polygon", "MultiPolygon", "GeometryCollection", "LineString", "MultiLineString"})
_MAX_DEPTH = 12  # of nested coordinates; more is no geometry


@dataclass(frozen=True)
class Pin:
    """What a map says of a structure; None or "" where it is silent."""

    name: str
    type_text: str = ""
    commune: str = ""
    commune_code: str = ""
    lat: float | None = None
    lon: float | None = None
    geometry: str | None = None  # GeoJSON text
    radius_km: float | None = None


def read_features(content: Any) -> list[Pin]:
    """Return the pins of a GeoJSON object, features without a structure's name left out; anything else gives none."""
    features = content.get("features") if isinstance(content, dict) and content.get("type") == "FeatureCollection" else [content]
    return [pin for feature in features or [] if isinstance(feature, dict) and (pin := _read_feature(feature))]


def is_geojson(content: Any) -> bool:
    """True for an object that GeoJSON defines with features."""
    return isinstance(content, dict) and content.get("type") in ("FeatureCollection", "Feature")


def read_map_rows(rows: Sequence[Sequence[str]]) -> list[Pin]:
    """Return the pins of a sheet, in order; rows without a structure's name are left out."""
    header = find_header(rows, wanted=_COLUMNS, at_least=2)
    if header is None:
        return []
    pins: list[Pin] = []
    for row in rows[header.order + 1 :]:
        name = header.cell(row, "structure", "last_name")
        lat, lon = _degrees(header.cell(row, "latitude"), 90), _degrees(header.cell(row, "longitude"), 180)
        if fold(name):
            radius, geometry = read_km(header.cell(row, "radius")), _geometry_of_cell(header.cell(row, "geometry"))
            if lat is None or lon is None:
                lat = lon = None
            kind, commune, code = (header.cell(row, meaning) for meaning in ("structure_type", "commune", "commune_code"))
            pins.append(Pin(name, kind, commune, code, lat, lon, geometry, radius))
    return pins


def build_catchments(pins: Sequence[Pin], structure_ids: Sequence[str]) -> pd.DataFrame:
    """Return one row a structure whose zone or radius is known, each the first given; the others are on the map without a catchment."""
    known: dict[str, dict[str, Any]] = {}
    for pin, structure_id in zip(pins, structure_ids, strict=True):
        row = known.setdefault(structure_id, {"structure_id": structure_id, "geometry": None, "radius_km": None})
        row["geometry"] = row["geometry"] or pin.geometry
        row["radius_km"] = pin.radius_km if row["radius_km"] is None else row["radius_km"]
    return CATCHMENTS.build(row for row in known.values() if row["geometry"] or row["radius_km"] is not None)


def read_km(cell: str) -> float | None:
    """The kilometres of a cell ("12 km", "17,5", "800 m", "10-15 km" as the larger); None for a blank, words or a negative number."""
    numbers = [
        float(number.replace(",", ".")) for number in re.findall(r"\d+(?:[.,]\d+)?", re.sub(r"(?<=\d)[\s\u202f](?=\d{3}\b)", "", cell))
    ]
    if not numbers or re.search(r"(?<![\w\d])[-−]\s?\d", cell):
        return None
    in_metres = re.search(r"\d\s*m(?:[eè]tres?)?\b", cell.lower()) is not None
    return max(numbers) / 1000 if in_metres else max(numbers)


def _read_feature(feature: dict[str, Any]) -> Pin | None:
    fields = _fields(feature.get("properties"))
    name = fields.get("structure") or fields.get("last_name") or fields.get("full_name") or ""
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not fold(name):
        return None
    lon, lat = _point(geometry) if kind in _POINTS else (None, None)
    zone = json.dumps(geometry, separators=(",", ":"), ensure_ascii=False) if kind in _ZONES and _is_shallow(geometry) else None
    radius = read_km(fields.get("radius", "")) if zone is None else None
    return Pin(name, fields.get("structure_type", ""), fields.get("commune", ""), fields.get("commune_code", ""), lat, lon, zone, radius)


def _fields(properties: Any) -> dict[str, str]:
    """The properties by meaning, the first of each."""
    fields: dict[str, str] = {}
    for key, value in (properties if isinstance(properties, dict) else {}).items():
        meaning = meaning_of(str(key))
        if meaning and isinstance(value, str | int | float) and str(value).strip():
            fields.setdefault(meaning, " ".join(str(value).split()))
    return fields


def _point(geometry: Any) -> tuple[float | None, float | None]:
    """(Longitude, latitude) of a point, or of the first of several; blank where it lies off the globe."""
    numbers = geometry.get("coordinates") or []
    first = numbers[0] if numbers and isinstance(numbers[0], list) else numbers
    if len(first) < 2 or not all(isinstance(number, int | float) and not isinstance(number, bool) for number in first[:2]):
        return None, None
    lon, lat = float(first[0]), float(first[1])
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else (None, None)


def _is_shallow(value: Any, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return False
    children: Iterator[Any] = iter(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    return all(_is_shallow(child, depth + 1) for child in children)


def _geometry_of_cell(cell: str) -> str | None:
    """GeoJSON text of a geometry column, or None for anything else."""
    if not cell.startswith("{"):
        return None
    try:
        content = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return (
        json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        if isinstance(content, dict) and content.get("type") in _ZONES
        else None
    )


def _degrees(cell: str, limit: int) -> float | None:
    found = re.fullmatch(r"-?\d+(?:[.,]\d+)?", cell.replace(" ", ""))
    value = float(found[0].replace(",", ".")) if found else None
    return value if value is not None and abs(value) <= limit else None
