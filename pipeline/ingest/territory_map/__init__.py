"""Tell where structures are and how far they reach, by the workshop's maps.

A drawn zone comes before a radius, a radius before named communes.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
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
from pipeline.geometry import count_points, crosses_itself, is_drawn, thinned
from pipeline.ingest.structures import WorkshopCommunes
from pipeline.ingest.territory_map.shapes import Pin, compact_json
from pipeline.tables.material import CATCHMENTS
from pipeline.text import counted, fold, lexicon

# multiples of the limit, tried in turn where the outline crosses itself
_FINER = (1, 2, 4)
_DRAW_AGAIN = "tracer la zone comme un polygone, puis exporter la carte de nouveau en .geojson"
_LIGHTER = (
    "rien à faire si la carte convient ; sinon y déposer des contours plus légers, "
    "ou relever « max_outline_points » dans etude.toml, section [ingest]"
)


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
