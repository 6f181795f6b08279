"""Read the workshop's maps: where structures are and how far they reach.

Pins come from GeoJSON, uMap, or tables with coordinates in any French system. A drawn zone comes
before a radius, a radius before named communes.
"""

import json
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from pipeline.communes import centre_of
from pipeline.communes.tables import (
    codes_of_department,
    department_names,
    epci_of,
    members_of,
    outline,
)
from pipeline.geometry import count_points, crosses_itself, is_drawn, is_pair, thinned
from pipeline.ingest.columns import ZONES, Rows, find_header, meaning_of
from pipeline.ingest.people import WorkshopCommunes
from pipeline.tables.material import CATCHMENTS
from pipeline.text import counted, fold, lexicon

log = logging.getLogger(__name__)

Pair = tuple[float, float]

_COLUMNS = ZONES | {"structure", "last_name", "structure_type", "commune", "commune_code"}
_POINTS = ("Point", "MultiPoint")
_AREAS = ("Polygon", "MultiPolygon", "LineString", "MultiLineString")
_GEOMETRIES = (*_AREAS, "GeometryCollection")
_ZONE_NAME = re.compile(
    r"^(?:zones?|aires?|p[eé]rim[eè]tre|secteur|rayon|catchment)\b"
    r"(?:\s+(?:de\s+chalandise|d['’]intervention|d['’]action|d['’]influence))?"
    r"\s*(?:[-–:]|de\b|du\b|des\b|d['’])?\s*",
    re.IGNORECASE,
)
_ZONE_END = re.compile(
    r"\s*[-–:(]\s*(?:zone|aire|p[eé]rim[eè]tre|secteur|rayon)\b[^()]{0,40}\)?$", re.IGNORECASE
)
_BACKGROUND = re.compile(  # layers and lines that show no structure
    r"\b(?:fonds?|limites?|contours?|communes|epci|d[eé]partements?|itin[eé]raires?|trac[eé]s?"
    r"|parcours|balades?|sentiers?)\b",
    re.IGNORECASE,
)
_UNNAMED = re.compile(r"(?:calque|layer|untitled|sans titre)\b.*", re.IGNORECASE)
_MAX_DEPTH = 12  # of nested coordinates
_NAMES = ("structure", "last_name", "full_name", "title")
_TITLES = ("titre", "libelle")  # of a feature; in a sheet, a function or passage
_MAX_NAME_WORDS, _DISTINCT = 10, 0.7

# multiples of the limit, tried in turn where the outline crosses itself
_FINER = (1, 2, 4)
_DRAW_AGAIN = "tracer la zone comme un polygone, puis exporter la carte de nouveau en .geojson"
_LIGHTER = (
    "rien à faire si la carte convient ; sinon y déposer des contours plus légers, "
    "ou relever « max_outline_points » dans etude.toml, section [ingest]"
)


@dataclass(frozen=True)
class Pin:
    """A structure on a map; None or "" where unknown."""

    name: str
    type_text: str = ""
    commune: str = ""
    commune_code: str = ""
    lat: float | None = None
    lon: float | None = None
    geometry: str | None = None
    radius_km: float | None = None
    reach: str = ""  # the catchment in words: communes, an authority, a department


def read_map_rows(rows: Rows) -> list[Pin]:
    """Return the pins of a sheet, in order, skipping rows without a name."""
    header = find_header(rows, wanted=_COLUMNS, at_least=2)
    if header is None:
        return []
    pins: list[Pin] = []
    for row in rows[header.index + 1 :]:
        name = header.cell(row, "structure", "last_name")
        if not fold(name) or fold(name).split()[0] in lexicon("attendance")["totaux"]:
            continue
        fields = {column: header.cell(row, column) for column in (*_COLUMNS, "postal_code")}
        point = to_degrees(_number(fields["longitude"]), _number(fields["latitude"]))
        pins.append(_pin(name, fields, point, _geometry_of_cell(fields["geometry"])))
    return pins


def _pin(
    name: str,
    fields: Mapping[str, str],
    point: Pair | None,
    geometry: str | None,
) -> Pin:
    cell = fields.get("radius", "")
    return Pin(
        name,
        type_text=fields.get("structure_type", ""),
        commune=" ".join(filter(None, (fields.get("postal_code"), fields.get("commune")))),
        commune_code=fields.get("commune_code", ""),
        lat=point[1] if point else None,
        lon=point[0] if point else None,
        geometry=geometry,
        radius_km=read_km(cell),
        reach=words_of_reach(cell),
    )


def name_zones(pins: Sequence[Pin]) -> list[Pin]:
    """Return the pins, "Zone de chalandise de La Criée" renamed "La Criée" if on the map."""
    names = {fold(pin.name): pin.name for pin in pins if _without_zone(pin.name) == pin.name}
    return [
        replace(pin, name=names.get(fold(_without_zone(pin.name)), pin.name))
        if pin.geometry
        else pin
        for pin in pins
    ]


def _without_zone(name: str) -> str:
    return _ZONE_END.sub("", _ZONE_NAME.sub("", name))


def read_km(cell: str) -> float | None:
    """Return the kilometres of a cell ("12 km", "17,5", "800 m"; "10-15 km" gives 15).

    None for a blank, words or a negative number.
    """
    lower = cell.lower()
    bare = re.sub(r"(?<=\d)[\s\u202f](?=\d{3}\b)", "", cell)
    numbers = [float(number.replace(",", ".")) for number in re.findall(r"\d+(?:[.,]\d+)?", bare)]
    things = r"communes?|villages?|d[eé]partements?|cantons?|min(?:utes?)?\b|mn\b|h\b|heures?|\("
    is_count = re.search(rf"\d\s*(?:{things})", lower)
    if not numbers or is_count or re.search(r"(?<![\w\d])[-−]\s?\d", cell):
        return None
    in_metres = re.search(r"\d\s*m(?:[eè]tres?)?\b", lower)
    return max(numbers) / 1000 if in_metres else max(numbers)


def words_of_reach(cell: str) -> str:
    """Return the words of a cell without kilometres ("tout le département"), else ""."""
    return "" if read_km(cell) is not None or not fold(cell) or cell.startswith("{") else cell


def _number(cell: str) -> float | None:
    """Read "48,73", "-3.46", "48.73° N", "3°27' O" (degrees, minutes)."""
    cell = cell.strip()
    decimal = re.fullmatch(r"([-−]?\d[\d\s\u202f]*(?:[.,]\d+)?)\s*°?\s*([NSEWO])?", cell)
    if decimal:
        number, side = decimal.groups()
        value = float(re.sub(r"[\s\u202f]", "", number).replace("−", "-").replace(",", "."))
        return -value if side in ("S", "W", "O") and value > 0 else value
    seconds = r"(?:(\d+(?:[.,]\d+)?)\s*(?:[\"”″]|'')\s*)?"
    sexagesimal = re.fullmatch(rf"(\d+)\s*°\s*(\d+)\s*['’′]\s*{seconds}([NSEWO])", cell)
    if not sexagesimal:
        return None
    degrees, minutes, fraction, side = sexagesimal.groups()
    value = int(degrees) + int(minutes) / 60 + float((fraction or "0").replace(",", ".")) / 3600
    return -value if side in ("S", "W", "O") else value


def _geometry_of_cell(cell: str) -> str | None:
    if not cell.startswith("{"):
        return None
    try:
        content = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    is_zone = isinstance(content, dict) and content.get("type") in _GEOMETRIES
    return compact_json(content) if is_zone else None


def compact_json(geometry: Any) -> str:
    """Return GeoJSON without blanks."""
    return json.dumps(geometry, separators=(",", ":"), ensure_ascii=False)


def read_features(content: Any) -> list[Pin]:
    """Return the pins of a GeoJSON or uMap object, skipping unnamed features."""
    pins: list[Pin] = []
    for features, epsg, layer in _collections(content):
        known = [feature for feature in features if isinstance(feature, dict)]
        title = _name_property(known)
        found = (_read_feature(feature, title, epsg) for feature in known if _is_place(feature))
        pins += [_typed_by_layer(pin, layer) for pin in found if pin]
    return pins


def _is_place(feature: dict[str, Any]) -> bool:
    """Whether a feature is no line of the background, such as a boundary or a walk."""
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else ""
    is_line = kind in ("LineString", "MultiLineString")
    properties = feature.get("properties")
    name = _text(properties.get("name")) if isinstance(properties, dict) else ""
    return not (is_line and _BACKGROUND.search(name))


def _typed_by_layer(pin: Pin, layer: str) -> Pin:
    """Give a point the name of its layer as its type: « Associations », not « Calque 1 »."""
    is_type = layer and not (_ZONE_NAME.match(layer) or _UNNAMED.match(layer))
    return replace(pin, type_text=layer) if is_type and not (pin.type_text or pin.geometry) else pin


def _collections(content: Any) -> Iterator[tuple[list[Any], int | None, str]]:
    """Yield the features, projection and name of each layer, without those of the background."""
    if not isinstance(content, dict):
        return
    if isinstance(content.get("layers"), list):
        for layer in content["layers"]:
            yield from _collections(layer)
        return
    features = content.get("features") if content.get("type") == "FeatureCollection" else [content]
    if isinstance(features, list):
        declared = json.dumps(content.get("crs")) if content.get("crs") else ""
        match = re.search(r"EPSG\D{0,4}(\d{4,6})|CRS(84)", declared)
        options = content.get("_umap_options")
        layer = _text(options.get("name")) if isinstance(options, dict) else ""
        if not _BACKGROUND.search(layer):
            yield features, int(match[1] or match[2]) if match else None, layer


def _read_feature(feature: dict[str, Any], title: str | None, epsg: int | None) -> Pin | None:
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    fields = _fields(properties)
    named = (fields[meaning] for meaning in _NAMES if fields.get(meaning))
    name = next(named, "") or _text(properties.get(title or ""))
    if not fold(name):
        return None
    point, zone = _read_geometry(feature.get("geometry"), epsg)
    if zone is not None:
        fields.pop("radius", None)
    return _pin(name, fields, point, zone)


def _fields(properties: dict[str, Any]) -> dict[str, str]:
    """Properties come before the lines of a description ("Commune : Guéret")."""
    pairs = [(str(key).strip(), _text(value)) for key, value in properties.items()]
    described: list[tuple[str, str]] = []
    for _, text in pairs:
        for line in re.split(r"<br\s*/?>|\n|\s\|\s", text):
            key, _, value = line.partition(":")
            if 0 < line.find(":") < 30:
                described.append((re.sub(r"<[^>]*>|[*_]", "", key).strip(), value))
    fields: dict[str, str] = {}
    for key, value in pairs + described:
        meaning = "title" if fold(key) in _TITLES else meaning_of(key)
        if meaning and value.strip():
            fields.setdefault(meaning, " ".join(re.sub(r"<[^>]*>|\*\*", " ", value).split()))
    return fields


def _text(value: Any) -> str:
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_plain else ""


def _name_property(features: Sequence[dict[str, Any]]) -> str | None:
    properties = [feature.get("properties") for feature in features]
    tables = [table for table in properties if isinstance(table, dict)]
    if len(tables) < 2:
        return None
    keys = dict.fromkeys(key for table in tables for key in table)
    for key in keys:
        texts = [_text(table.get(key)) for table in tables]
        is_free = meaning_of(str(key)) is None and not str(key).startswith("_")
        if is_free and all(map(_is_short, texts)) and len(set(texts)) >= _DISTINCT * len(texts):
            return str(key)
    return None


def _is_short(text: str) -> bool:
    has_letter = any(map(str.isalpha, text))
    return has_letter and len(text.split()) <= _MAX_NAME_WORDS and "://" not in text


def _read_geometry(geometry: Any, epsg: int | None) -> tuple[Pair | None, str | None]:
    if not isinstance(geometry, dict) or not _is_shallow(geometry):
        return None, None
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        parts = [part for part in geometry.get("geometries") or [] if isinstance(part, dict)]
        points = [part for part in parts if part.get("type") in _POINTS]
        point = _first_point(points[0], epsg) if points else None
        areas = [_in_degrees(part, epsg) for part in parts if part.get("type") in _AREAS]
        whole = areas[0] if len(areas) == 1 else {"type": kind, "geometries": areas}
        return point, compact_json(whole) if areas else None
    if kind in _POINTS:
        return _first_point(geometry, epsg), None
    return None, compact_json(_in_degrees(geometry, epsg)) if kind in _AREAS else None


def _first_point(geometry: dict[str, Any], epsg: int | None) -> Pair | None:
    numbers = geometry.get("coordinates") or []
    if isinstance(numbers, list) and numbers and isinstance(numbers[0], list):
        numbers = numbers[0]
    return to_degrees(float(numbers[0]), float(numbers[1]), epsg) if is_pair(numbers) else None


def _in_degrees(geometry: dict[str, Any], epsg: int | None) -> dict[str, Any]:
    if "coordinates" not in geometry:
        return geometry
    return geometry | {"coordinates": _pairs_in_degrees(geometry["coordinates"], epsg)}


def _pairs_in_degrees(value: Any, epsg: int | None) -> Any:
    if is_pair(value):
        point = to_degrees(float(value[0]), float(value[1]), epsg)
        return value if point is None or point == (value[0], value[1]) else list(point)
    return [_pairs_in_degrees(part, epsg) for part in value] if isinstance(value, list) else value


def _is_shallow(value: Any, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return False
    parts = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return True
    return all(_is_shallow(part, depth + 1) for part in parts)


# South, north, west, east of metropolitan France, the West Indies, Guiana, Réunion, Mayotte,
# Saint-Pierre and the Pacific.
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
_DEGREES = (None, 4326, 84, 4171, 4258, 4627, 4979)
_MERCATOR = (3857, 900913, 3785)
# UTM zone by system; a negative one lies south
_UTM_FRANCE = {32630: 30, 32631: 31, 32632: 32, 25830: 30, 25831: 31, 25832: 32}
_UTM = _UTM_FRANCE | {32620: 20, 5490: 20, 32622: 22, 2972: 22, 2975: -40, 4471: -38}
_RADIUS, _FLATTENING = 6378137.0, 1 / 298.257222101  # of the ellipsoid GRS 80
_ECCENTRICITY = math.sqrt(_FLATTENING * (2 - _FLATTENING))
# latitude of origin, parallels, false easting and northing; extent of France
_LAMBERT_93 = (46.5, 44.0, 49.0, 700_000.0, 6_600_000.0)
_L93_X, _L93_Y = (0.0, 1_350_000.0), (5_990_000.0, 7_200_000.0)


def to_degrees(x: float | None, y: float | None, epsg: int | None = None) -> Pair | None:
    """Return (longitude, latitude) from system `epsg`, None off the globe.

    Lambert 93 is recognised by its size. A pair in France only when swapped is swapped, and logged.
    """
    if x is None or y is None or not (math.isfinite(x) and math.isfinite(y)):
        return None
    lon, lat = _project(x, y, epsg)
    if (
        abs(lat) <= 180
        and abs(lon) <= 90
        and not _is_in_france(lon, lat)
        and _is_in_france(lat, lon)
    ):
        log.info("map: a point with latitude and longitude swapped")
        lon, lat = lat, lon
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None


def _is_in_france(lon: float, lat: float) -> bool:
    return any(
        south <= lat <= north and west <= lon <= east for south, north, west, east in _FRANCE
    )


def _project(x: float, y: float, epsg: int | None) -> Pair:
    is_french = _L93_X[0] <= x <= _L93_X[1] and _L93_Y[0] <= y <= _L93_Y[1]
    if epsg == 2154 or (epsg in _DEGREES and is_french):
        lon, lat = _from_lambert(x, y, *_LAMBERT_93)
    elif epsg is not None and 3942 <= epsg <= 3950:
        middle = epsg - 3900
        y0 = (middle - 41) * 1_000_000.0 + 200_000.0
        lon, lat = _from_lambert(x, y, middle, middle - 0.75, middle + 0.75, 1_700_000.0, y0)
    elif epsg in _MERCATOR:
        lon = math.degrees(x / _RADIUS)
        lat = math.degrees(2 * math.atan(math.exp(y / _RADIUS)) - math.pi / 2)
    elif epsg in _UTM:
        lon, lat = _from_utm(x, y, _UTM[epsg])
    else:
        return x, y
    return round(lon, 6), round(lat, 6)


def _from_lambert(
    x: float, y: float, origin: float, south: float, north: float, x0: float, y0: float
) -> Pair:
    """Invert Lambert's conformal projection, central meridian 3° E (IGN, NT/G 71)."""
    n = math.log(_parallel(north) / _parallel(south)) / (_isometric(south) - _isometric(north))
    c = _parallel(south) * math.exp(n * _isometric(south)) / n
    pole = y0 + c * math.exp(-n * _isometric(origin))
    radius, angle = math.hypot(x - x0, y - pole), math.atan2(x - x0, pole - y)
    return 3 + math.degrees(angle / n), _latitude(-math.log(radius / c) / n)


def _parallel(latitude: float) -> float:
    sine = math.sin(math.radians(latitude))
    return _RADIUS * math.cos(math.radians(latitude)) / math.sqrt(1 - (_ECCENTRICITY * sine) ** 2)


def _isometric(latitude: float) -> float:
    sine = math.sin(math.radians(latitude))
    return math.atanh(sine) - _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine)


def _latitude(isometric: float) -> float:
    """Six rounds give a tenth of a mm."""
    sine = math.tanh(isometric)
    for _ in range(6):
        sine = math.tanh(isometric + _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine))
    return math.degrees(math.asin(sine))


def _from_utm(x: float, y: float, zone: int) -> Pair:
    """Invert transverse Mercator (Krüger's series, to a mm)."""
    n = _FLATTENING / (2 - _FLATTENING)
    scale = 0.9996 * _RADIUS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    northing = y - (10_000_000.0 if zone < 0 else 0.0)
    xi, eta = northing / scale, (x - 500_000.0) / scale
    betas = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    xi0, eta0 = xi, eta
    for k, beta in enumerate(betas, 1):
        xi0 -= beta * math.sin(2 * k * xi) * math.cosh(2 * k * eta)
        eta0 -= beta * math.cos(2 * k * xi) * math.sinh(2 * k * eta)
    chi = math.asin(math.sin(xi0) / math.cosh(eta0))
    middle = (abs(zone) - 1) * 6 - 180 + 3
    lon = middle + math.degrees(math.atan2(math.sinh(eta0), math.cos(xi0)))
    return lon, _latitude(math.atanh(math.sin(chi)))


def build_catchments(
    pins: Sequence[Pin], structure_ids: Sequence[str], communes: WorkshopCommunes | None = None
) -> pd.DataFrame:
    """Return one row a structure with a known zone or radius, each the first given.

    A zone in words is its communes' outline, or their centres (MultiPoint).
    """
    rows: dict[str, dict[str, Any]] = {}
    for pin, structure_id in zip(pins, structure_ids, strict=True):
        blank = {"structure_id": structure_id, "geometry": None, "radius_km": None}
        row = rows.setdefault(structure_id, blank)
        row["geometry"] = row["geometry"] or pin.geometry
        if not row["geometry"] and pin.reach and communes:
            row["geometry"] = _zone_in_words(pin, communes)
        row["radius_km"] = pin.radius_km if row["radius_km"] is None else row["radius_km"]
    return CATCHMENTS.build(
        row for row in rows.values() if row["geometry"] or row["radius_km"] is not None
    )


def _zone_in_words(pin: Pin, communes: WorkshopCommunes) -> str | None:
    codes = _communes_in_words(pin, communes)
    shape = outline(codes) if codes else None
    if shape is None:
        points = sorted(point for code in codes if (point := centre_of(code)))
        if not points:
            return None
        shape = {"type": "MultiPoint", "coordinates": [[lon, lat] for lat, lon in points]}
    return compact_json(shape)


def _communes_in_words(pin: Pin, communes: WorkshopCommunes) -> tuple[str, ...]:
    """Read "tout le département", "la CC", a name or a list; () if unsure."""
    listed = communes.find_codes(pin.reach)
    if listed:
        return listed
    extents = lexicon("territories")["portees"]
    department, authority, commune = (set(extents[k]) for k in ("departement", "epci", "commune"))
    small, words = set(extents["mots"]), set(fold(pin.reach).split())
    rest = words - small - department - authority - commune
    if rest:
        names = department_names().items()
        codes = [code for code, name in names if set(fold(name).split()) - small == rest]
        return codes_of_department(codes[0]) if codes else ()
    home = communes.code_of(pin.commune, pin.commune_code) or ""
    if words & department:
        return codes_of_department(home[:3] if home.startswith("97") else home[:2])
    if words & authority:
        return members_of((home and epci_of(home)) or communes.epci_code or "")
    return (home,) if words & commune and home[:1].isdigit() else ()


def lighten_zones(pins: Sequence[Pin], max_points: int) -> tuple[list[Pin], list[tuple[str, str]]]:
    """Return the pins with outlines over `max_points` simplified and unreadable zones removed.

    The second value is (reason, advice) of each kind of change.
    """
    lighter_pins: list[Pin] = []
    counts: list[int] = []
    n_lost = 0
    for pin in pins:
        zone: Any = json.loads(pin.geometry) if pin.geometry else None
        n_points = count_points(zone) if is_drawn(zone) else 0
        if n_points > max_points:
            counts.append(n_points)
            zone = _lighter(zone, max_points)
            pin = replace(pin, geometry=compact_json(zone) if zone else None)
            n_lost += zone is None
        elif pin.geometry and not n_points:
            pin = replace(pin, geometry=None)
            n_lost += 1
        lighter_pins.append(pin)
    changes: list[tuple[str, str]] = []
    if counts:
        outlines = counted(len(counts), "contour allégé", "contours allégés")
        reason = f"{outlines} : plus de {max_points} points (jusqu'à {max(counts)})"
        changes.append((reason, _LIGHTER))
    if n_lost:
        one = "zone sans tracé lisible, laissée de côté"
        several = "zones sans tracé lisible, laissées de côté"
        changes.append((counted(n_lost, one, several), _DRAW_AGAIN))
    return lighter_pins, changes


def _lighter(zone: dict[str, Any], max_points: int) -> dict[str, Any] | None:
    zones = (thinned(zone, times * max_points) for times in _FINER)
    lighter = next(zones)
    if lighter is None or not crosses_itself(lighter) or crosses_itself(zone):
        return lighter
    return next((other for other in zones if other and not crosses_itself(other)), lighter)
