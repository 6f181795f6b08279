"""Load the reference tables of data/reference/, once a process, in about a tenth of a second.

In:   communes.parquet, epci.parquet, departements.csv, contours.json.gz
Out:  communes by code, slug and postal code; intercommunal authorities (EPCI) and their members;
      outlines of communes and of groups of them, simplified to about 250 m
"""

import csv
import gzip
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import pyarrow.parquet as pq
from pydantic_core import from_json

from pipeline.files import data_path
from pipeline.text import fold, lexicon

# Distinct communes, and their share in one authority, for certainty.
_MIN_COMMUNES, _MOST = 4, 0.8
_MIN_ACRONYM = 3
Point = tuple[float, float]
T = TypeVar("T")
_ARTICLES = ("le-", "la-", "les-", "l-")
# Before a river, a region or a neighbour.
LINKS = frozenset(
    ["de", "du", "des", "d", "en", "sur", "sous", "les", "lez", "pres", "a", "au", "aux"]
)


class NamedCommune(NamedTuple):
    """A commune, or a present or former part of one; `current_code` is today's commune."""

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
def named_communes() -> tuple[NamedCommune, ...]:
    """Return all communes, ordered by code."""
    columns = pq.read_table(data_path("reference", "communes.parquet")).to_pydict()
    points = [
        None if lat is None else (round(lat, 5), round(lon, 5))
        for lat, lon in zip(columns.pop("lat"), columns.pop("lon"), strict=True)
    ]
    served = [tuple(codes.split()) for codes in columns.pop("postal_codes")]
    counts = [population or 0 for population in columns.pop("population")]
    return tuple(map(NamedCommune, *columns.values(), counts, served, points))


@cache
def by_code() -> dict[str, NamedCommune]:
    """Return the communes by code; today's come before former ones."""
    ranked = sorted(named_communes(), key=lambda commune: commune.kind == "commune")
    return {commune.code: commune for commune in ranked}


@cache
def by_slug() -> dict[str, tuple[NamedCommune, ...]]:
    """Return the communes by the slug of their name."""
    return _grouped((commune.slug, commune) for commune in named_communes())


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


@cache
def sorted_slugs() -> tuple[str, ...]:
    """Return the sorted slugs, for search by beginning."""
    return tuple(sorted(by_slug()))


@cache
def reversed_slugs() -> tuple[str, ...]:
    """Return the sorted reversed slugs, for search by ending."""
    return tuple(sorted(slug[::-1] for slug in by_slug()))


def _exact(slug: str) -> Iterable[NamedCommune]:
    namesakes = by_slug().get(slug, ())
    return [commune for commune in namesakes if commune.kind in ("commune", "arrondissement")]


def _with_article(slug: str) -> Iterable[NamedCommune]:
    article = next((article for article in _ARTICLES if slug.startswith(article)), "")
    bare = slug.removeprefix(article)
    others = [bare, *(f"{article}{bare}" for article in _ARTICLES)]
    return [commune for other in others if other != slug for commune in _exact(other)]


def _former(slug: str) -> Iterable[NamedCommune]:
    namesakes = by_slug().get(slug, ())
    return [commune for commune in namesakes if commune.kind not in ("commune", "arrondissement")]


def _longer(slug: str) -> Iterable[NamedCommune]:
    """Names that begin with these words ("La Seyne"), or cut short ("Villeneuve d'A.")."""
    longer = [commune for name in slugs_with(f"{slug}-") for commune in by_slug()[name]]
    return [commune for commune in longer if commune.kind != "ancienne"] or _cut_short(slug)


def _cut_short(slug: str) -> list[NamedCommune]:
    words = slug.split("-")
    if len(words) < 2 or len(words[0]) < 3:
        return []
    cut_words = re.compile(r"[^-]*-".join(map(re.escape, words)))
    names = [name for name in slugs_with(words[0]) if cut_words.match(name)]
    return [commune for name in names for commune in by_slug()[name] if commune.kind == "commune"]


def ending_with(slug: str) -> Iterable[NamedCommune]:
    """Return the communes whose name ends so, not after a link word ("Aubry-du-Hainaut")."""
    ending = f"-{slug}"
    slugs = sorted(backwards[::-1] for backwards in _beginning(reversed_slugs(), ending[::-1]))
    names = [name for name in slugs if name.removesuffix(ending).split("-")[-1] not in LINKS]
    return [commune for name in names for commune in by_slug()[name] if commune.kind == "commune"]


TIERS: tuple[tuple[str, Callable[[str], Iterable[NamedCommune]]], ...] = (
    ("exact", _exact),
    ("former", _former),
    ("article", _with_article),
    ("short", _longer),
    ("part", ending_with),
)


def slugs_with(beginning: str) -> Sequence[str]:
    """Return the slugs with this beginning."""
    return _beginning(sorted_slugs(), beginning)


def _beginning(texts: Sequence[str], letters: str) -> Sequence[str]:
    return texts[bisect_left(texts, letters) : bisect_left(texts, f"{letters}\uffff")]


@cache
def by_postal_code() -> dict[str, tuple[NamedCommune, ...]]:
    """Return communes and arrondissements by postal code."""
    return _grouped((code, one) for one in named_communes() for code in one.postal_codes)


@cache
def epci_names() -> dict[str, str]:
    """Return the names of EPCI and territorial bodies of Greater Paris, by SIREN."""
    columns = pq.read_table(data_path("reference", "epci.parquet")).to_pydict()
    return dict(zip(columns["epci_code"], columns["name"], strict=True))


@cache
def department_names() -> dict[str, str]:
    """Return the names of departments by code."""
    return {row["department"]: row["name"] for row in _departments()}


@cache
def region_names() -> tuple[str, ...]:
    """Return the sorted names of regions."""
    return tuple(sorted({row["region"] for row in _departments()}))


def _departments() -> list[dict[str, str]]:
    with data_path("reference", "departements.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def find_epci(name: str, *, communes: Collection[str] = ()) -> str | None:
    """Return the SIREN of the authority of this name or acronym; `communes` settle namesakes."""
    words = _telling_words(name)
    exact = [code for code, telling in _words_by_epci().items() if words and telling == words]
    acronym = fold(name).replace(" ", "")
    if not exact and len(acronym) >= _MIN_ACRONYM:
        exact = [code for code, initials in _acronyms().items() if acronym in initials]
    home = {epci for code in communes if (epci := epci_of(code))}
    candidates = [code for code in exact if code in home] if home else exact
    return candidates[0] if len(candidates) == 1 else None


def epci_of_most(communes: Collection[str]) -> str | None:
    """Return the authority of most of `communes`; None where they are few or scattered."""
    counts = Counter(epci for code in set(communes) if (epci := epci_of(code)))
    if not counts or counts.total() < _MIN_COMMUNES:
        return None
    code, n_in = min(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return code if n_in / counts.total() >= _MOST else None


def epci_of(code: str) -> str | None:
    """Return the authority of a commune."""
    commune = by_code().get(code)
    return commune.epci_code if commune else None


def members_of(epci_code: str) -> tuple[str, ...]:
    """Return the sorted INSEE codes of an authority's communes; () for an unknown code."""
    return _members().get(epci_code, ())


@cache
def _members() -> dict[str, tuple[str, ...]]:
    return _grouped(
        (group, commune.code)
        for commune in named_communes()
        for group in (commune.epci_code, commune.ept_code)
        if commune.kind == "commune" and group
    )


@cache
def _words_by_epci() -> dict[str, frozenset[str]]:
    return {code: _telling_words(name) for code, name in epci_names().items()}


@cache
def _acronyms() -> dict[str, frozenset[str]]:
    """With and without small words: CAPSO of "CA du Pays de Saint-Omer"."""
    initials = {}
    for code, name in epci_names().items():
        kind, *words = fold(name).split()
        kinds = lexicon("territories")["sigles_epci"].get(kind, [kind])
        small_words = lexicon("structures")["vides"]
        letters = "".join(word[0] for word in words if word not in small_words)
        initials[code] = frozenset(f"{kind}{letters}" for kind in kinds)
    return initials


def _telling_words(name: str) -> frozenset[str]:
    forms = {str(word) for word in lexicon("territories")["formes_epci"]}
    return frozenset(word for word in fold(name).split() if word not in forms)


def codes_of_department(department: str) -> tuple[str, ...]:
    """Return the sorted INSEE codes of a department's communes."""
    return tuple(
        commune.code
        for commune in named_communes()
        if commune.kind == "commune" and commune.department == department
    )


def outline(codes: Collection[str]) -> dict[str, Any] | None:
    """Return the union of communes as GeoJSON, borders dissolved; None without any contour."""
    arcs = [
        number for code in sorted(set(codes)) for ring in _rings().get(code, ()) for number in ring
    ]
    uses = Counter(max(number, ~number) for number in arcs)
    border = [number for number in arcs if uses[max(number, ~number)] == 1]
    polygons = [[list(map(list, ring))] for ring in _closed(border) if len(ring) > 3]
    return {"type": "MultiPolygon", "coordinates": polygons} if polygons else None


def has_contour(code: str) -> bool:
    """Whether the commune has one: not a few restored since, nor the overseas collectivities."""
    return code in _rings()


def _closed(border: list[int]) -> list[list[Point]]:
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
    return _arc(number) if number >= 0 else _arc(~number)[::-1]


@cache
def _topology() -> Any:
    with gzip.open(data_path("reference", "contours.json.gz")) as packed:
        return from_json(packed.read())  # in a third of the time of the standard library


@cache
def _rings() -> dict[str, list[list[int]]]:
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
