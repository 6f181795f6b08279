"""Put coordinates in degrees, WGS 84, longitude and latitude: from French projections, and the right way round.

In:   two numbers, and the code of their system where it is declared
Out:  (longitude, latitude), None and None where they lie nowhere on the globe

Keep the zones of a map to what can be drawn, and to as many points as a map needs.

Read the rows of a sheet of structures.

Read the features of a GeoJSON object, or of the layers of a uMap export, whatever their properties are called.
"""

import json
import logging
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.geometry import count_points, crosses_itself, is_drawn, is_pair, thinned
from pipeline.ingest.columns import find_header, meaning_of
from pipeline.text import counted, fold, lexicon

log = logging.getLogger(__name__)

Pair = tuple[float, float]

# Latitudes and longitudes around metropolitan France, the West Indies, Guiana, Réunion, Mayotte, Saint-Pierre and the Pacific.
_FRANCE = (
    (41.0, 51.6, -5.6, 10.0),
    (14.2, 18.3, -63.4, -60.6),
    (2.0, 6.0, -54.8, -51.4),
    (-21.6, -20.7, 55.0, 56.0),
    (-13.2, -12.4, 44.8, 45.5),
    (46.6, 47.3, -56.6, -56.0),
    (-23.2, -19.3, 163.0, 169.0),
    (-28.0, -7.5, -155.0, -134.0),
    (-14.6, -13.0, -178.4, -176.0),
)
_DEGREES = frozenset({4326, 84, 4171, 4258, 4627, 4979})
_MERCATOR = frozenset({3857, 900913, 3785})
_UTM = {
    32630: 30,
    32631: 31,
    32632: 32,
    25830: 30,
    25831: 31,
    25832: 32,
    32620: 20,
    5490: 20,
    32622: 22,
    2972: 22,
    2975: -40,
    4471: -38,
}
_RADIUS, _FLATTENING = 6378137.0, 1 / 298.257222101  # of the ellipsoid GRS 80
_ECCENTRICITY = math.sqrt(_FLATTENING * (2 - _FLATTENING))
_LAMBERT_93 = (
    46.5,
    44.0,
    49.0,
    700_000.0,
    6_600_000.0,
)  # latitude of origin, parallels, false easting and northing
_L93_X, _L93_Y = (0.0, 1_350_000.0), (5_990_000.0, 7_200_000.0)


def place(
    x: float | None, y: float | None, epsg: int | None = None
) -> tuple[float | None, float | None]:
    """Return (longitude, latitude) of two numbers in the system `epsg`; undeclared, Lambert 93 is known by its size.

    A pair that lies in France only the other way round is turned, and logged.
    """
    if x is None or y is None or not (math.isfinite(x) and math.isfinite(y)):
        return None, None
    lon, lat = _degrees(x, y, epsg)
    if abs(lat) <= 180 and abs(lon) <= 90 and not is_in_france(lon, lat) and is_in_france(lat, lon):
        log.info("map: a point with latitude and longitude swapped")
        lon, lat = lat, lon
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else (None, None)


def is_in_france(lon: float, lat: float) -> bool:
    """True within the boxes around France and its overseas territories."""
    return any(
        south <= lat <= north and west <= lon <= east for south, north, west, east in _FRANCE
    )


def _degrees(x: float, y: float, epsg: int | None) -> Pair:
    if epsg == 2154 or (
        epsg in (None, *_DEGREES) and _L93_X[0] <= x <= _L93_X[1] and _L93_Y[0] <= y <= _L93_Y[1]
    ):
        return _from_lambert(x, y, *_LAMBERT_93)
    if epsg is not None and 3942 <= epsg <= 3950:
        middle = epsg - 3900
        return _from_lambert(
            x,
            y,
            middle,
            middle - 0.75,
            middle + 0.75,
            1_700_000.0,
            (middle - 41) * 1_000_000.0 + 200_000.0,
        )
    if epsg in _MERCATOR:
        return _rounded(
            math.degrees(x / _RADIUS),
            math.degrees(2 * math.atan(math.exp(y / _RADIUS)) - math.pi / 2),
        )
    if epsg in _UTM:
        return _from_utm(x, y, _UTM[epsg])
    return x, y


def _from_lambert(
    x: float, y: float, origin: float, south: float, north: float, x0: float, y0: float
) -> Pair:
    """Inverse of Lambert's conformal conic projection with two parallels, central meridian 3° E (IGN, NT/G 71)."""
    n = math.log(_parallel(north) / _parallel(south)) / (_isometric(south) - _isometric(north))
    c = _parallel(south) * math.exp(n * _isometric(south)) / n
    pole = y0 + c * math.exp(-n * _isometric(origin))
    radius, angle = math.hypot(x - x0, y - pole), math.atan2(x - x0, pole - y)
    return _rounded(3 + math.degrees(angle / n), _latitude(-math.log(radius / c) / n))


def _parallel(latitude: float) -> float:
    """The radius of a parallel, in metres."""
    sine = math.sin(math.radians(latitude))
    return _RADIUS * math.cos(math.radians(latitude)) / math.sqrt(1 - (_ECCENTRICITY * sine) ** 2)


def _isometric(latitude: float) -> float:
    sine = math.sin(math.radians(latitude))
    return math.atanh(sine) - _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine)


def _latitude(isometric: float) -> float:
    """The latitude, in degrees, of an isometric latitude; six rounds give a tenth of a millimetre."""
    sine = math.tanh(isometric)
    for _ in range(6):
        sine = math.tanh(isometric + _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine))
    return math.degrees(math.asin(sine))


def _from_utm(x: float, y: float, zone: int) -> Pair:
    """Inverse of the universal transverse Mercator projection; a negative zone lies south (Krüger's series, to a millimetre)."""
    n = _FLATTENING / (2 - _FLATTENING)
    scale = 0.9996 * _RADIUS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    northing = y - (10_000_000.0 if zone < 0 else 0.0)
    xi, eta = northing / scale, (x - 500_000.0) / scale
    betas = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    xi0 = xi - sum(
        beta * math.sin(2 * k * xi) * math.cosh(2 * k * eta) for k, beta in enumerate(betas, 1)
    )
    eta0 = eta - sum(
        beta * math.cos(2 * k * xi) * math.sinh(2 * k * eta) for k, beta in enumerate(betas, 1)
    )
    chi = math.asin(math.sin(xi0) / math.cosh(eta0))
    middle = (abs(zone) - 1) * 6 - 180 + 3
    return _rounded(
        middle + math.degrees(math.atan2(math.sinh(eta0), math.cos(xi0))),
        _latitude(math.atanh(math.sin(chi))),
    )


def _rounded(lon: float, lat: float) -> Pair:
    return round(lon, 6), round(lat, 6)


_COLUMNS = frozenset(
    {
        "structure",
        "last_name",
        "structure_type",
        "commune",
        "commune_code",
        "radius",
        "geometry",
        "latitude",
        "longitude",
    }
)
ZONES = frozenset(
    {"Polygon", "MultiPolygon", "GeometryCollection", "LineString", "MultiLineString"}
)
_ZONE_NAME = re.compile(
    r"^(?:zones?|aires?|p[eé]rim[eè]tre|secteur|rayon|catchment)\b(?:\s+(?:de\s+chalandise|d['’]intervention|d['’]action|d['’]influence))?"
    r"\s*(?:[-–:]|de\b|du\b|des\b|d['’])?\s*",
    re.IGNORECASE,
)


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
    reach: str = ""  # the catchment in words: communes, an authority, a department


def read_map_rows(rows: Sequence[Sequence[str]]) -> list[Pin]:
    """Return the pins of a sheet, in order; rows without a structure's name are left out."""
    header = find_header(rows, wanted=_COLUMNS, at_least=2)
    if header is None:
        return []
    pins: list[Pin] = []
    for row in rows[header.order + 1 :]:
        name = header.cell(row, "structure", "last_name")
        if not fold(name) or fold(name).split()[0] in lexicon("attendance")["totaux"]:
            continue
        lon, lat = place(
            _number(header.cell(row, "longitude")), _number(header.cell(row, "latitude"))
        )
        cell = header.cell(row, "radius")
        kind, code = header.cell(row, "structure_type"), header.cell(row, "commune_code")
        commune = " ".join(
            filter(None, (header.cell(row, "postal_code"), header.cell(row, "commune")))
        )
        pins.append(
            Pin(
                name,
                kind,
                commune,
                code,
                lat,
                lon,
                _geometry_of_cell(header.cell(row, "geometry")),
                read_km(cell),
                words_of_reach(cell),
            )
        )
    return pins


def name_zones(pins: Sequence[Pin]) -> list[Pin]:
    """The pins, those of a zone drawn apart ("Zone de chalandise de La Criée") under the name of the structure that is on the map too."""
    names = {fold(pin.name): pin.name for pin in pins if not _ZONE_NAME.match(pin.name)}
    return [
        replace(pin, name=names.get(fold(_ZONE_NAME.sub("", pin.name)), pin.name))
        if pin.geometry
        else pin
        for pin in pins
    ]


def read_km(cell: str) -> float | None:
    """The kilometres of a cell ("12 km", "17,5", "800 m", "10-15 km" as the larger); None for a blank, words or a negative number."""
    bare = re.sub(r"(?<=\d)[\s\u202f](?=\d{3}\b)", "", cell)
    numbers = [float(number.replace(",", ".")) for number in re.findall(r"\d+(?:[.,]\d+)?", bare)]
    is_count = re.search(
        r"\d\s*(?:communes?|villages?|d[eé]partements?|cantons?|min(?:utes?)?\b|mn\b|h\b|heures?|\()",
        cell.lower(),
    )
    if not numbers or is_count or re.search(r"(?<![\w\d])[-−]\s?\d", cell):
        return None
    in_metres = re.search(r"\d\s*m(?:[eè]tres?)?\b", cell.lower()) is not None
    return max(numbers) / 1000 if in_metres else max(numbers)


def words_of_reach(cell: str) -> str:
    """The words of a cell of reach that gives no kilometres ("tout le département", "Guéret et Ahun"); "" for none."""
    return "" if read_km(cell) is not None or not fold(cell) or cell.startswith("{") else cell


def _number(cell: str) -> float | None:
    """The number of a coordinate: "48,73", "-3.46", "48.73° N", "3°27' O" as degrees and minutes; None for anything else."""
    found = re.fullmatch(r"([-−]?\d[\d\s\u202f]*(?:[.,]\d+)?)\s*°?\s*([NSEWO])?", cell.strip())
    if found:
        value = float(re.sub(r"[\s\u202f]", "", found[1]).replace("−", "-").replace(",", "."))
        return -value if found[2] in ("S", "W", "O") and value > 0 else value
    parts = re.fullmatch(
        r"(\d+)\s*°\s*(\d+)\s*['’′]\s*(?:(\d+(?:[.,]\d+)?)\s*(?:[\"”″]|'')\s*)?([NSEWO])",
        cell.strip(),
    )
    if not parts:
        return None
    value = int(parts[1]) + int(parts[2]) / 60 + float((parts[3] or "0").replace(",", ".")) / 3600
    return -value if parts[4] in ("S", "W", "O") else value


def _geometry_of_cell(cell: str) -> str | None:
    """GeoJSON text of a geometry column, or None for anything else."""
    if not cell.startswith("{"):
        return None
    try:
        content = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    is_zone = isinstance(content, dict) and content.get("type") in ZONES
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False) if is_zone else None


_FINER = (
    1,
    2,
    4,
)  # times the limit, tried in turn where the lighter outline crosses itself and the one drawn does not
_DRAW_AGAIN = "tracer la zone comme un polygone, puis exporter la carte de nouveau en .geojson"
_LIGHTER = (
    "rien à faire si la carte convient ; sinon y déposer des contours plus légers, "
    "ou relever « max_outline_points » dans etude.toml, section [ingest]"
)


def lighten_zones(pins: Sequence[Pin], max_points: int) -> tuple[list[Pin], list[tuple[str, str]]]:
    """Return the pins, large outlines drawn by fewer points and zones that are not drawn left out, with (reason, advice) of each kind."""
    kept: list[Pin] = []
    counts: list[int] = []
    n_lost = 0
    for pin in pins:
        zone: Any = json.loads(pin.geometry) if pin.geometry else None
        n_points = count_points(zone) if is_drawn(zone) else 0
        if n_points > max_points:
            counts.append(n_points)
            zone = _lighter(zone, max_points)
            n_lost += zone is None
            pin = replace(
                pin,
                geometry=json.dumps(zone, separators=(",", ":"), ensure_ascii=False)
                if zone
                else None,
            )
        elif pin.geometry and not n_points:
            pin = replace(pin, geometry=None)
            n_lost += 1
        kept.append(pin)
    return kept, _told(counts, max_points, n_lost)


def _lighter(zone: dict[str, Any], max_points: int) -> dict[str, Any] | None:
    """The zone drawn by fewer points, which do not make it cross itself where it did not."""
    zones = (thinned(zone, times * max_points) for times in _FINER)
    lighter = next(zones)
    if lighter is None or not crosses_itself(lighter) or crosses_itself(zone):
        return lighter
    return next((other for other in zones if other and not crosses_itself(other)), lighter)


def _told(counts: Sequence[int], max_points: int, n_lost: int) -> list[tuple[str, str]]:
    told = []
    if counts:
        outlines = counted(len(counts), "contour allégé", "contours allégés")
        told.append((f"{outlines} : plus de {max_points} points (jusqu'à {max(counts)})", _LIGHTER))
    if n_lost:
        told.append(
            (
                counted(
                    n_lost,
                    "zone sans tracé lisible, laissée de côté",
                    "zones sans tracé lisible, laissées de côté",
                ),
                _DRAW_AGAIN,
            )
        )
    return told


_POINTS = frozenset({"Point", "MultiPoint"})
_AREAS = ("Polygon", "MultiPolygon", "LineString", "MultiLineString")
_MAX_DEPTH = 12  # of nested coordinates; more is no geometry
_NAMES = ("structure", "last_name", "full_name", "title")
_TITLES = frozenset(
    {"titre", "libelle"}
)  # of a feature, where a sheet would mean a function or a passage
_MAX_NAME_WORDS, _DISTINCT = 10, 0.7


def read_features(content: Any) -> list[Pin]:
    """Return the pins of a GeoJSON or uMap object, features without a structure's name left out; anything else gives none."""
    collections = _collections(content)
    return [pin for features, epsg in collections for pin in _read_collection(features, epsg)]


def is_geojson(content: Any) -> bool:
    """True for an object that GeoJSON defines with features, and for a uMap export."""
    return isinstance(content, dict) and (
        content.get("type") in ("FeatureCollection", "Feature") or _is_umap(content)
    )


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
    name = next((fields[meaning] for meaning in _NAMES if fields.get(meaning)), "") or _text(
        (properties or {}).get(title or "")
    )
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
    pairs = [
        (str(key), _text(value))
        for key, value in (properties if isinstance(properties, dict) else {}).items()
    ]
    told = [
        line.split(":", 1)
        for _, value in pairs
        for line in re.split(r"<br\s*/?>|\n|\s\|\s", value)
        if 0 < line.find(":") < 30
    ]
    fields: dict[str, str] = {}
    for key, value in [*pairs, *((re.sub(r"<[^>]*>|[*_]", "", key), value) for key, value in told)]:
        meaning = "title" if fold(key) in _TITLES else meaning_of(key.strip())
        if meaning and value.strip():
            fields.setdefault(meaning, " ".join(re.sub(r"<[^>]*>|\*\*", " ", value).split()))
    return fields


def _text(value: Any) -> str:
    return (
        str(value).strip()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
        else ""
    )


def _name_property(features: Sequence[dict[str, Any]]) -> str | None:
    """The first property that could name structures where none is called so: short texts, nearly all different."""
    tables = [
        feature["properties"] for feature in features if isinstance(feature.get("properties"), dict)
    ]
    for key in dict.fromkeys(key for table in tables for key in table):
        texts = [_text(table.get(key)) for table in tables]
        short = [
            text
            for text in texts
            if text
            and len(text.split()) <= _MAX_NAME_WORDS
            and any(map(str.isalpha, text))
            and "://" not in text
        ]
        is_free = meaning_of(str(key)) is None and not str(key).startswith("_")
        if (
            is_free
            and len(texts) > 1
            and len(short) == len(texts)
            and len(set(short)) >= _DISTINCT * len(short)
        ):
            return str(key)
    return None


def _geometry(geometry: Any, epsg: int | None) -> tuple[float | None, float | None, str | None]:
    """(Longitude, latitude) of the first point, and the rest as GeoJSON text in degrees; a collection gives both."""
    if not isinstance(geometry, dict) or not _is_shallow(geometry):
        return None, None, None
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        parts = [part for part in geometry.get("geometries") or [] if isinstance(part, dict)]
        point = next(
            (_point(part, epsg) for part in parts if part.get("type") in _POINTS), (None, None)
        )
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
    first = (
        numbers[0]
        if isinstance(numbers, list) and numbers and isinstance(numbers[0], list)
        else numbers
    )
    return place(float(first[0]), float(first[1]), epsg) if is_pair(first) else (None, None)


def _placed(geometry: dict[str, Any], epsg: int | None) -> dict[str, Any]:
    """The geometry with each pair of its coordinates in degrees, longitude first."""
    return (
        geometry | {"coordinates": _placed_pairs(geometry.get("coordinates"), epsg)}
        if "coordinates" in geometry
        else geometry
    )


def _placed_pairs(value: Any, epsg: int | None) -> Any:
    if is_pair(value):
        lon, lat = place(float(value[0]), float(value[1]), epsg)
        return (
            [lon, lat]
            if lon is not None and lat is not None and (lon, lat) != (value[0], value[1])
            else value
        )
    return [_placed_pairs(part, epsg) for part in value] if isinstance(value, list) else value


def _is_shallow(value: Any, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return False
    children: Iterator[Any] = iter(
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    return all(_is_shallow(child, depth + 1) for child in children)
