"""Read the features of a GeoJSON object, or of the layers of a uMap export, whatever their properties are called.

In:   a parsed JSON object
Out:  one Pin a feature that names a structure
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.geometry import is_pair
from pipeline.ingest.columns import meaning_of
from pipeline.ingest.territory_map.coordinates import place
from pipeline.ingest.territory_map.pins import ZONES, Pin, read_km, words_of_reach
from pipeline.ingest.words import fold

_POINTS = frozenset({"Point", "MultiPoint"})
_AREAS = ("Polygon", "MultiPolygon", "LineString", "MultiLineString")
_MAX_DEPTH = 12  # of nested coordinates; more is no geometry
_NAMES = ("structure", "last_name", "full_name", "title")
_TITLES = frozenset({"titre", "libelle"})  # of a feature, where a sheet would mean a function or a passage
_MAX_NAME_WORDS, _DISTINCT = 10, 0.7


def read_features(content: Any) -> list[Pin]:
    """Return the pins of a GeoJSON or uMap object, features without a structure's name left out; anything else gives none."""
    collections = _collections(content)
    return [pin for features, epsg in collections for pin in _read_collection(features, epsg)]


def is_geojson(content: Any) -> bool:
    """True for an object that GeoJSON defines with features, and for a uMap export."""
    return isinstance(content, dict) and (content.get("type") in ("FeatureCollection", "Feature") or _is_umap(content))


def _is_umap(content: dict[str, Any]) -> bool:
    """True for an object with layers, as uMap exports them; older ones lack the type."""
    layers = content.get("layers")
    if not isinstance(layers, list):
        return False
    return content.get("type") == "umap" or any(is_geojson(layer) for layer in layers)


def _collections(content: Any) -> list[tuple[list[Any], int | None]]:
    """The features of each collection, with the coordinate system that it declares."""
    if not isinstance(content, dict):
        return []
    if _is_umap(content):
        return [found for layer in content["layers"] for found in _collections(layer)]
    features = content.get("features") if content.get("type") == "FeatureCollection" else [content]
    return [(features, _epsg(content))] if isinstance(features, list) else []


def _epsg(content: dict[str, Any]) -> int | None:
    """The EPSG code of a declared coordinate system ("urn:ogc:def:crs:EPSG::2154"), or None."""
    declared = json.dumps(content.get("crs")) if content.get("crs") else ""
    found = re.search(r"EPSG\D{0,4}(\d{4,6})|CRS(84)", declared)
    return int(found[1] or found[2]) if found else None


def _read_collection(features: Sequence[Any], epsg: int | None) -> Iterator[Pin]:
    known = [feature for feature in features if isinstance(feature, dict)]
    title = _name_property(known)
    for feature in known:
        pin = _read_feature(feature, title, epsg)
        if pin:
            yield pin


def _read_feature(feature: dict[str, Any], title: str | None, epsg: int | None) -> Pin | None:
    properties = feature.get("properties") if isinstance(feature.get("properties"), dict) else {}
    fields = _fields(properties)
    name = next((fields[meaning] for meaning in _NAMES if fields.get(meaning)), "") or _text((properties or {}).get(title or ""))
    if not fold(name):
        return None
    lon, lat, zone = _geometry(feature.get("geometry"), epsg)
    reach = fields.get("radius", "")
    commune = " ".join(filter(None, (fields.get("postal_code"), fields.get("commune"))))
    return Pin(
        name,
        fields.get("structure_type", ""),
        commune,
        fields.get("commune_code", ""),
        lat,
        lon,
        zone,
        read_km(reach) if zone is None else None,
        words_of_reach(reach) if zone is None else "",
    )


def _fields(properties: Any) -> dict[str, str]:
    """The properties by meaning, the first of each; those of a description written as "Commune : Guéret" after them."""
    pairs = [(str(key), _text(value)) for key, value in (properties if isinstance(properties, dict) else {}).items()]
    told = [line.split(":", 1) for _, value in pairs for line in re.split(r"<br\s*/?>|\n|\s\|\s", value) if 0 < line.find(":") < 30]
    fields: dict[str, str] = {}
    for key, value in [*pairs, *((re.sub(r"<[^>]*>|[*_]", "", key), value) for key, value in told)]:
        meaning = "title" if fold(key) in _TITLES else meaning_of(key.strip())
        if meaning and value.strip():
            fields.setdefault(meaning, " ".join(re.sub(r"<[^>]*>|\*\*", " ", value).split()))
    return fields


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _name_property(features: Sequence[dict[str, Any]]) -> str | None:
    """The first property that could name structures where none is called so: short texts, nearly all different."""
    tables = [feature["properties"] for feature in features if isinstance(feature.get("properties"), dict)]
    for key in dict.fromkeys(key for table in tables for key in table):
        texts = [_text(table.get(key)) for table in tables]
        short = [
            text for text in texts if text and len(text.split()) <= _MAX_NAME_WORDS and any(map(str.isalpha, text)) and "://" not in text
        ]
        is_free = meaning_of(str(key)) is None and not str(key).startswith("_")
        if is_free and len(texts) > 1 and len(short) == len(texts) and len(set(short)) >= _DISTINCT * len(short):
            return str(key)
    return None


def _geometry(geometry: Any, epsg: int | None) -> tuple[float | None, float | None, str | None]:
    """(Longitude, latitude) of the first point, and the rest as GeoJSON text in degrees; a collection gives both."""
    if not isinstance(geometry, dict) or not _is_shallow(geometry):
        return None, None, None
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        parts = [part for part in geometry.get("geometries") or [] if isinstance(part, dict)]
        point = next((_point(part, epsg) for part in parts if part.get("type") in _POINTS), (None, None))
        areas = [_placed(part, epsg) for part in parts if part.get("type") in _AREAS]
        whole = areas[0] if len(areas) == 1 else {"type": kind, "geometries": areas}
        return (*point, _packed(whole) if areas else None)
    if kind in _POINTS:
        return (*_point(geometry, epsg), None)
    return None, None, _packed(_placed(geometry, epsg)) if kind in ZONES else None


def _packed(geometry: Any) -> str:
    return json.dumps(geometry, separators=(",", ":"), ensure_ascii=False)


def _point(geometry: Any, epsg: int | None) -> tuple[float | None, float | None]:
    """(Longitude, latitude) of a point, or of the first of several; blank where it lies off the globe."""
    numbers = geometry.get("coordinates") or []
    first = numbers[0] if isinstance(numbers, list) and numbers and isinstance(numbers[0], list) else numbers
    return place(float(first[0]), float(first[1]), epsg) if is_pair(first) else (None, None)


def _placed(geometry: dict[str, Any], epsg: int | None) -> dict[str, Any]:
    """The geometry with each pair of its coordinates in degrees, longitude first."""
    return geometry | {"coordinates": _placed_pairs(geometry.get("coordinates"), epsg)} if "coordinates" in geometry else geometry


def _placed_pairs(value: Any, epsg: int | None) -> Any:
    if is_pair(value):
        lon, lat = place(float(value[0]), float(value[1]), epsg)
        return [lon, lat] if lon is not None and lat is not None and (lon, lat) != (value[0], value[1]) else value
    return [_placed_pairs(part, epsg) for part in value] if isinstance(value, list) else value


def _is_shallow(value: Any, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return False
    children: Iterator[Any] = iter(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    return all(_is_shallow(child, depth + 1) for child in children)
