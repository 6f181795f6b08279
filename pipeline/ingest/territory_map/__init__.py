"""Read maps of the territory: where structures are and how far they reach.

In:   GeoJSON features (uMap's exports too), or the rows of a sheet of structures
Out:  one Pin a structure as written, with its point, zone or radius; catchments

Write the catchment of each structure: the zone that is drawn, else the radius, else the communes that are named.
"""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.communes import centre_of
from pipeline.communes.tables import codes_of_department, department_names, members_of, outline
from pipeline.ingest.structures import WorkshopCommunes
from pipeline.ingest.territory_map.shapes import (
    Pin,
    is_geojson,
    lighten_zones,
    name_zones,
    read_features,
    read_km,
    read_map_rows,
)
from pipeline.tables.material import CATCHMENTS
from pipeline.text import fold, lexicon


def build_catchments(
    pins: Sequence[Pin], structure_ids: Sequence[str], places: WorkshopCommunes | None = None
) -> pd.DataFrame:
    """Return one row a structure whose zone or radius is known, each the first given; the others are on the map without a catchment.

    A zone in words is the outline of its communes, or a MultiPoint of their centres where no contour knows them.
    """
    known: dict[str, dict[str, Any]] = {}
    for pin, structure_id in zip(pins, structure_ids, strict=True):
        row = known.setdefault(
            structure_id, {"structure_id": structure_id, "geometry": None, "radius_km": None}
        )
        row["geometry"] = (
            row["geometry"]
            or pin.geometry
            or (_zone_in_words(pin, places) if pin.reach and places else None)
        )
        row["radius_km"] = pin.radius_km if row["radius_km"] is None else row["radius_km"]
    return CATCHMENTS.build(
        row for row in known.values() if row["geometry"] or row["radius_km"] is not None
    )


def _zone_in_words(pin: Pin, places: WorkshopCommunes) -> str | None:
    codes = _communes_in_words(pin, places)
    shape = outline(codes) if codes else None
    if shape is None:
        points = sorted(point for code in codes if (point := centre_of(code)))
        shape = (
            {"type": "MultiPoint", "coordinates": [[lon, lat] for lat, lon in points]}
            if points
            else None
        )
    return json.dumps(shape, separators=(",", ":")) if shape else None


def _communes_in_words(pin: Pin, places: WorkshopCommunes) -> tuple[str, ...]:
    """The communes of "tout le département", "la CC", "la commune", a department's or authority's name, or a list; () where unsure."""
    extents = lexicon("territories")["portees"]
    words, small = set(fold(pin.reach).split()), set(extents["mots"])
    rest = (
        words
        - small
        - {word for group in ("departement", "epci", "commune") for word in extents[group]}
    )
    listed = places.find_codes(pin.reach)
    if listed:
        return listed
    if rest:
        return next(
            (
                codes_of_department(code)
                for code, name in department_names().items()
                if set(fold(name).split()) - small == rest
            ),
            (),
        )
    home = places.code_of(pin.commune, pin.commune_code) or ""
    if words & set(extents["departement"]):
        return codes_of_department(home[:3] if home.startswith("97") else home[:2])
    if words & set(extents["epci"]):
        return members_of(places.epci_of(home) or places.epci_code or "")
    return (home,) if words & set(extents["commune"]) and home[:1].isdigit() else ()


__all__ = [
    "Pin",
    "build_catchments",
    "is_geojson",
    "lighten_zones",
    "name_zones",
    "read_features",
    "read_km",
    "read_map_rows",
]
