"""Read the placemarks of KML (Google My Maps, Google Earth; a KMZ is a zip of it) and the waypoints of GPX as rows of a map.

In:   the bytes of an XML file
Out:  one part whose rows hold, for each placemark, its name, coordinates, zone and whatever else it tells
"""

import json
import re
from collections.abc import Iterator

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.container import parse_xml
from pipeline.ingest.readers.source import Source

_HEADER = ("structure", "latitude", "longitude", "geometry")
_PROSE = frozenset({"description", "desc", "notes", "gx_media_links"})
_TOLD = re.compile(r"^\s*([^:<>]{2,30}?)\s*:\s*(\S[^<>]*?)\s*$")

_MAX_TOLD = 500  # characters of a line of a description that may tell something

Row = dict[str, str]


def read_kml(source: Source) -> tuple[RawPart, ...]:
    """Return the placemarks as rows under a header; of a description, only lines such as "Commune : Guéret" are kept.

    Raises `ReadError` for malformed XML, for any DTD, and where nothing is placed.
    """
    root = parse_xml(source.content, "fichier KML ou GPX")
    rows = [*_placemarks(root), *_waypoints(root)]
    if not rows:
        raise ReadError(
            "carte KML ou GPX sans repère",
            "au moins un repère nommé",
            "l'exporter de nouveau depuis l'outil de cartographie",
        )
    header = (*_HEADER, *dict.fromkeys(key for row in rows for key in row if key not in _HEADER))
    return (
        RawPart((), rows=(header, *(tuple(row.get(key, "") for key in header) for row in rows))),
    )


def _placemarks(root: etree._Element) -> Iterator[Row]:
    for mark in root.iter("{*}Placemark"):
        row = {"structure": _text(mark, "{*}name")}
        for told in mark.iter("{*}Data", "{*}SimpleData"):
            value = _text(told, "{*}value") or (told.text or "").strip()
            if value and told.get("name") and str(told.get("name")).lower() not in _PROSE:
                row.setdefault(str(told.get("name")), value)
        row |= {
            key: value
            for key, value in _told_in(mark.findtext("{*}description") or "")
            if key not in row
        }
        point = mark.find(".//{*}Point/{*}coordinates")
        if point is not None:
            row["longitude"], row["latitude"] = next(iter(_pairs(point.text)), ("", ""))
        rings = [_ring(ring) for ring in mark.iterfind(".//{*}outerBoundaryIs//{*}coordinates")]
        if any(rings):
            row["geometry"] = json.dumps(
                {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings if ring]},
                separators=(",", ":"),
            )
        yield row


def _told_in(description: str) -> Iterator[tuple[str, str]]:
    """The lines of a description that read "Commune : Guéret"."""
    for line in re.split(r"<br\s*/?>|\n|</p>", description):
        found = _TOLD.match(re.sub(r"<[^<>]*>", "", line[:_MAX_TOLD]))
        if found and found[1].lower() not in ("http", "https"):
            yield found[1], found[2]


def _waypoints(root: etree._Element) -> Iterator[Row]:
    for point in root.iter("{*}wpt"):
        yield {
            "structure": _text(point, "{*}name"),
            "latitude": point.get("lat", ""),
            "longitude": point.get("lon", ""),
        }


def _text(element: etree._Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())


def _pairs(text: str | None) -> list[tuple[str, str]]:
    """(Longitude, latitude) of each "lon,lat,height"."""
    return [
        (numbers[0], numbers[1])
        for entry in (text or "").split()
        if len(numbers := entry.split(",")) >= 2
    ]


def _ring(coordinates: etree._Element) -> list[list[float]]:
    """The pairs of a ring as numbers; [] where one is none."""
    try:
        return [[float(lon), float(lat)] for lon, lat in _pairs(coordinates.text)]
    except ValueError:
        return []
