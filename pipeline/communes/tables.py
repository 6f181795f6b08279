"""The reference tables of data/reference/, loaded once a process, in about a tenth of a second.

In:   communes.parquet, epci.parquet, departements.csv
Out:  Place rows by code and by slug; names of EPCI and departments

Tell the intercommunal authority of a territory, and its members.

Outlines of communes and of groups of communes, simplified to about 250 m, for maps.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from pydantic_core import from_json

from pipeline.files import data_path
from pipeline.text import fold, lexicon


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
        None if lat is None else (round(lat, 5), round(lon, 5))
        for lat, lon in zip(columns.pop("lat"), columns.pop("lon"), strict=True)
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


_MIN_COMMUNES, _MOST = (
    4,
    0.8,
)  # distinct communes, and the share of them in one authority that make it certain
_MIN_ACRONYM = 3


def find_epci(name: str, *, communes: Collection[str] = ()) -> str | None:
    """The SIREN of the authority that `name` names alone by all its telling words or its acronym, if need be with its `communes`."""
    telling = _telling(name)
    exact = (
        [code for code, words in _telling_names().items() if words == telling] if telling else []
    )
    acronym = fold(name).replace(" ", "")
    exact = exact or [
        code
        for code, initials in _acronyms().items()
        if len(acronym) >= _MIN_ACRONYM and acronym in initials
    ]
    home = {epci for code in communes if (epci := epci_of(code))}
    near = [code for code in exact if code in home]
    return (
        near[0]
        if len(near) == 1
        else exact[0]
        if len(exact) == 1 and (not home or exact[0] in home)
        else None
    )


def epci_of_most(communes: Collection[str]) -> str | None:
    """The authority that holds most of `communes`, each counted once; None where they are few or scattered."""
    counts = Counter(epci for code in set(communes) if (epci := epci_of(code)))
    if not counts or counts.total() < _MIN_COMMUNES:
        return None
    code, n_in = min(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return code if n_in / counts.total() >= _MOST else None


def epci_of(code: str) -> str | None:
    """The authority of a commune."""
    place = by_code().get(code)
    return place.epci_code if place else None


def members_of(epci_code: str) -> tuple[str, ...]:
    """The INSEE codes of an authority's communes, in order; () for a code that is none."""
    return _members().get(epci_code, ())


@cache
def _members() -> dict[str, tuple[str, ...]]:
    members: dict[str, list[str]] = {}
    for place in places():
        if place.kind == "commune":
            for group in filter(None, (place.epci_code, place.ept_code)):
                members.setdefault(group, []).append(place.code)
    return {group: tuple(codes) for group, codes in members.items()}


@cache
def _telling_names() -> dict[str, frozenset[str]]:
    return {code: _telling(name) for code, name in epci_names().items()}


@cache
def _acronyms() -> dict[str, frozenset[str]]:
    """The acronyms of an authority's name, with and without its small words: CAPSO of "CA du Pays de Saint-Omer"."""
    initials = {}
    for code, name in epci_names().items():
        written = [
            str(word)
            for kind in fold(name).split()[:1]
            for word in lexicon("territories")["sigles_epci"].get(kind, [kind])
        ]
        words = [
            word for word in fold(name).split()[1:] if word not in lexicon("structures")["vides"]
        ]
        initials[code] = frozenset(
            f"{kind}{''.join(word[0] for word in words)}" for kind in written
        )
    return initials


def _telling(name: str) -> frozenset[str]:
    """The words that tell an authority from others, without those that say its form."""
    forms = {str(word) for word in lexicon("territories")["formes_epci"]}
    return frozenset(word for word in fold(name).split() if word not in forms)


def codes_of_department(department: str) -> tuple[str, ...]:
    """The INSEE codes of a department's communes, in order; () for a code that is none."""
    return tuple(
        place.code
        for place in places()
        if place.kind == "commune" and place.department == department
    )


Point = tuple[float, float]


def outline(codes: Collection[str]) -> dict[str, Any] | None:
    """The outline of the union of communes, their common borders dissolved; None where the contours know none of `codes`."""
    arcs = [
        number for code in sorted(set(codes)) for ring in _rings().get(code, ()) for number in ring
    ]
    uses = Counter(number if number >= 0 else ~number for number in arcs)
    border = [number for number in arcs if uses[number if number >= 0 else ~number] == 1]
    closed = [ring for ring in _closed(border) if len(ring) > 3]
    if not closed:
        return None
    return {
        "type": "MultiPolygon",
        "coordinates": [[[[lon, lat] for lon, lat in ring]] for ring in closed],
    }


def has_contour(code: str) -> bool:
    """True for a commune that the contours know: those of today, but for a few that came back since and the overseas collectivities."""
    return code in _rings()


def _closed(border: list[int]) -> list[list[Point]]:
    """The arcs of a border, each in its direction, joined end to start into closed rings."""
    waiting: dict[Point, list[int]] = {}
    for number in border:
        waiting.setdefault(_line(number)[0], []).append(number)
    rings: list[list[Point]] = []
    for number in border:
        start = _line(number)[0]
        if number not in waiting.get(start, ()):
            continue
        ring = [start]
        while following := waiting.get(ring[-1]):
            ring += _line(following.pop(0))[1:]
            if ring[-1] == start:
                break
        rings.append(ring)
    return rings


def _line(number: int) -> list[Point]:
    """The points of an arc, backwards for a ones' complement."""
    return _arc(number) if number >= 0 else _arc(~number)[::-1]


@cache
def _topology() -> Any:
    with gzip.open(data_path("reference", "contours.json.gz")) as packed:
        return from_json(
            packed.read()
        )  # the country's arcs, in a third of the time of the standard library


@cache
def _rings() -> dict[str, list[list[int]]]:
    """The outer rings of each commune, as numbers of arcs."""
    shapes = _topology()["objects"]["communes"]["geometries"]
    return {
        shape["id"]: [ring for polygon in shape["arcs"] for ring in polygon] for shape in shapes
    }


@cache
def _arc(number: int) -> list[Point]:
    scale = _topology()["transform"]["scale"][0]
    lon = lat = 0
    line = []
    for step_lon, step_lat in _topology()["arcs"][number]:
        lon, lat = lon + step_lon, lat + step_lat
        line.append((round(lon * scale, 4), round(lat * scale, 4)))
    return line
