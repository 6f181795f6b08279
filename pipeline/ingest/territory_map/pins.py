"""Read the rows of a sheet of structures.

In:   the rows of a sheet
Out:  one Pin a structure
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.ingest.columns import find_header
from pipeline.ingest.territory_map.coordinates import place
from pipeline.ingest.words import fold, lexicon

_COLUMNS = frozenset({"structure", "last_name", "structure_type", "commune", "commune_code", "radius", "geometry", "latitude", "longitude"})
ZONES = frozenset({"Polygon", "MultiPolygon", "GeometryCollection", "LineString", "MultiLineString"})
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
        lon, lat = place(_number(header.cell(row, "longitude")), _number(header.cell(row, "latitude")))
        cell = header.cell(row, "radius")
        kind, code = header.cell(row, "structure_type"), header.cell(row, "commune_code")
        commune = " ".join(filter(None, (header.cell(row, "postal_code"), header.cell(row, "commune"))))
        pins.append(
            Pin(name, kind, commune, code, lat, lon, _geometry_of_cell(header.cell(row, "geometry")), read_km(cell), words_of_reach(cell))
        )
    return pins


def name_zones(pins: Sequence[Pin]) -> list[Pin]:
    """The pins, those of a zone drawn apart ("Zone de chalandise de La Criée") under the name of the structure that is on the map too."""
    names = {fold(pin.name): pin.name for pin in pins if not _ZONE_NAME.match(pin.name)}
    return [replace(pin, name=names.get(fold(_ZONE_NAME.sub("", pin.name)), pin.name)) if pin.geometry else pin for pin in pins]


def read_km(cell: str) -> float | None:
    """The kilometres of a cell ("12 km", "17,5", "800 m", "10-15 km" as the larger); None for a blank, words or a negative number."""
    bare = re.sub(r"(?<=\d)[\s\u202f](?=\d{3}\b)", "", cell)
    numbers = [float(number.replace(",", ".")) for number in re.findall(r"\d+(?:[.,]\d+)?", bare)]
    is_count = re.search(r"\d\s*(?:communes?|villages?|d[eé]partements?|cantons?|min(?:utes?)?\b|mn\b|h\b|heures?|\()", cell.lower())
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
    parts = re.fullmatch(r"(\d+)\s*°\s*(\d+)\s*['’′]\s*(?:(\d+(?:[.,]\d+)?)\s*(?:[\"”″]|'')\s*)?([NSEWO])", cell.strip())
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
