"""The reference tables of data/reference/, loaded once a process, in about a tenth of a second.

In:   communes.parquet, epci.parquet, departements.csv
Out:  Place rows by code and by slug; names of EPCI and departments
"""

import csv
from functools import cache
from typing import NamedTuple

import pyarrow.parquet as pq

from pipeline.resources import data_path


class Place(NamedTuple):
    """A commune, or one that lies or lay in it; `code` is its own, `current_code` that of the commune of today."""

    code: str
    kind: str  # commune, arrondissement, déléguée, associée, ancienne
    name: str
    slug: str
    current_code: str
    department: str
    epci_code: str | None
    ept_code: str | None
    population: int
    postal_codes: tuple[str, ...]
    point: tuple[float, float] | None  # latitude and longitude of the town hall


@cache
def places() -> tuple[Place, ...]:
    """All places, ordered by code."""
    columns = pq.read_table(data_path("reference", "communes.parquet")).to_pydict()
    points = [
        None if lat is None else (round(lat, 5), round(lon, 5)) for lat, lon in zip(columns.pop("lat"), columns.pop("lon"), strict=True)
    ]
    served = [tuple(codes.split()) for codes in columns.pop("postal_codes")]
    counts = [population or 0 for population in columns.pop("population")]
    return tuple(map(Place, *columns.values(), counts, served, points))


@cache
def by_code() -> dict[str, Place]:
    """The places by code; a commune of today before those that bore its code."""
    ranked = sorted(places(), key=lambda place: place.kind == "commune")
    return {place.code: place for place in ranked}


@cache
def by_slug() -> dict[str, tuple[Place, ...]]:
    """The places by the slug of their name."""
    found: dict[str, list[Place]] = {}
    for place in places():
        found.setdefault(place.slug, []).append(place)
    return {slug: tuple(named) for slug, named in found.items()}


@cache
def sorted_slugs() -> tuple[str, ...]:
    """The slugs in alphabetical order, to find those that begin alike."""
    return tuple(sorted(by_slug()))


@cache
def reversed_slugs() -> tuple[str, ...]:
    """The slugs read backwards, in alphabetical order, to find those that end alike."""
    return tuple(sorted(slug[::-1] for slug in by_slug()))


@cache
def by_postal_code() -> dict[str, tuple[Place, ...]]:
    """Communes and arrondissements by postal code."""
    found: dict[str, list[Place]] = {}
    for place in places():
        for postal_code in place.postal_codes:
            found.setdefault(postal_code, []).append(place)
    return {code: tuple(served) for code, served in found.items()}


@cache
def epci_names() -> dict[str, str]:
    """The names of EPCI and of the territorial bodies of Greater Paris, by SIREN."""
    columns = pq.read_table(data_path("reference", "epci.parquet")).to_pydict()
    return dict(zip(columns["epci_code"], columns["name"], strict=True))


@cache
def department_names() -> dict[str, str]:
    """The names of departments by code."""
    with data_path("reference", "departements.csv").open(encoding="utf-8", newline="") as lines:
        return {row["department"]: row["name"] for row in csv.DictReader(lines)}


@cache
def region_names() -> tuple[str, ...]:
    """The names of regions, in order."""
    with data_path("reference", "departements.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(sorted({row["region"] for row in csv.DictReader(lines)}))
