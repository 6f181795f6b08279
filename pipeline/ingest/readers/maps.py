"""Read KML placemarks and GPX waypoints as rows.

A KMZ is a zip of KML, from Google My Maps or Google Earth.
"""

import json
import re
from collections.abc import Iterator

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.container import parse_xml
from pipeline.ingest.readers.source import FileContent

_HEADER = ("structure", "latitude", "longitude", "geometry")
_PROSE = frozenset({"description", "desc", "notes", "gx_media_links"})
_PAIR = re.compile(r"^\s*([^:<>]{2,30}?)\s*:\s*(\S[^<>]*?)\s*$")
_MAX_LINE = 500  # of a description
_EXPORT_AGAIN = "l'exporter de nouveau depuis l'outil de cartographie"

Row = dict[str, str]


def read_kml(file: FileContent) -> tuple[RawPart, ...]:
    """Return the placemarks as rows: name, coordinates, zone, other data.

    A description keeps only lines such as « Commune : Guéret ». Raises `ReadError` for malformed
    XML, any DTD, or no placemark.
    """
    root = parse_xml(file.content, "fichier KML ou GPX")
    rows = [*map(_placemark, root.iter("{*}Placemark")), *map(_waypoint, root.iter("{*}wpt"))]
    if not rows:
        expected = "au moins un repère nommé"
        raise ReadError("carte KML ou GPX sans repère", expected, _EXPORT_AGAIN)
    header = tuple(dict.fromkeys([*_HEADER, *(key for row in rows for key in row)]))
    return (
        RawPart((), rows=(header, *(tuple(row.get(key, "") for key in header) for row in rows))),
    )


def _placemark(mark: etree._Element) -> Row:
    row = {"structure": _text(mark, "{*}name")}
    for data in mark.iter("{*}Data", "{*}SimpleData"):
        text = _text(data, "{*}value") or (data.text or "").strip()
        name = str(data.get("name") or "")
        if text and name and name.lower() not in _PROSE:
            row.setdefault(name, text)
    pairs = _pairs_in(mark.findtext("{*}description") or "")
    row |= {key: text for key, text in pairs if key not in row}
    point = mark.find(".//{*}Point/{*}coordinates")
    if point is not None:
        row["longitude"], row["latitude"] = next(iter(_coordinates(point.text)), ("", ""))
    outlines = mark.iterfind(".//{*}outerBoundaryIs//{*}coordinates")
    rings = [ring for outline in outlines if (ring := _ring(outline))]
    if rings:
        geometry = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
        row["geometry"] = json.dumps(geometry, separators=(",", ":"))
    return row


def _waypoint(point: etree._Element) -> Row:
    row = {
        "structure": _text(point, "{*}name"),
        "latitude": point.get("lat", ""),
        "longitude": point.get("lon", ""),
    }
    kind = _text(point, "{*}type")
    return row | ({"type": kind} if kind else {})


def _text(element: etree._Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())


def _pairs_in(description: str) -> Iterator[tuple[str, str]]:
    for line in re.split(r"<br\s*/?>|\n|</p>", description):
        pair = _PAIR.match(re.sub(r"<[^<>]*>", "", line[:_MAX_LINE]))
        if pair and pair[1].lower() not in ("http", "https"):
            yield pair[1], pair[2]


def _coordinates(text: str | None) -> list[tuple[str, str]]:
    entries = (entry.split(",") for entry in (text or "").split())
    return [(numbers[0], numbers[1]) for numbers in entries if len(numbers) >= 2]


def _ring(outline: etree._Element) -> list[list[float]]:
    try:
        return [[float(lon), float(lat)] for lon, lat in _coordinates(outline.text)]
    except ValueError:
        return []
