"""Structures named on lists and maps: one row a structure, however its name is written, with its type in the fiche's terms.

In:   mentions of structures, in the order met
Out:  structures   one row a structure; the structure_id of each mention

Communes of a workshop: one INSEE code a commune where it can be told, however its name is written.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd

from pipeline.communes import centre_of, name_of
from pipeline.communes.gazetteer import Found, Gazetteer, around
from pipeline.communes.tables import epci_of, epci_of_most, find_epci, members_of
from pipeline.ingest.workshop import Commune
from pipeline.structure_names import (
    Named,
    NameIndex,
    are_one,
    fullest_name,
    telling_words,
    word_group,
)
from pipeline.tables.material import STRUCTURES
from pipeline.text import fold, lexicon, slug

_SHORTENED = {"st": "saint", "ste": "sainte", "sts": "saints", "s": "sur", "ss": "sous"}
_CERTAIN = ("code", "exact")


class WorkshopCommunes:
    """The communes known to one workshop; `epci_codes` are the manifest's authorities."""

    def __init__(
        self,
        communes: Sequence[Commune],
        territory: str,
        written: Iterable[str] = (),
        *,
        epci_codes: Sequence[str] = (),
    ) -> None:
        self._written = sorted(set(written) - {""})
        self._codes = {
            _name_slug(commune.name): commune.code
            for commune in communes
            if commune.name and commune.code
        }
        if len(communes) == 1 and communes[0].code and not communes[0].name:
            self._codes[_name_slug(territory)] = communes[
                0
            ].code  # a workshop of one commune bears its name
        self._own = _own_communes(communes, territory, epci_codes)
        self._gazetteer = _settled(self._written, self._own)
        self._found: dict[tuple[str, str], Found] = {}
        self._names = sorted({_name_slug(name) for name in self._written} | set(self._codes) - {""})
        named = [
            slug(name_of(found.code))
            for name in self._written
            if (found := self._find(name, "")).code
        ]
        self.words = frozenset(
            word
            for name in (*self._names, *named, slug(territory))
            for word in name.split("-")
            if len(word) > 2
        )
        self.epci_code = self._authority(territory, epci_codes)

    def code_of(self, commune: str, code: str = "") -> str | None:
        """The code of a commune from its name, its code or both; its name's slug where it can't be told, None where nothing is written."""
        found = self._find(commune, code)
        if found.code:
            return found.code
        given = re.search(r"\b(?:\d{5}|2[ABab]\d{3})\b", code)
        name = _name_slug(commune)
        if not name:
            return given[0].upper() if given else None
        full = self._full(name)
        return self._codes.get(full) or full

    def point_of(self, commune: str, code: str = "") -> tuple[float, float] | None:
        """Latitude and longitude of the town hall of the commune, or of the part of it that is named; None where it can't be told."""
        found = self._find(commune, code)
        return centre_of(found.place_code) if found.place_code else None

    @property
    def n_unsettled(self) -> int:
        """Names of communes asked for that stay without code: unknown, or borne by several and nothing tells which."""
        return len(
            {
                _name_slug(commune)
                for (commune, _), found in self._found.items()
                if found.how in ("ambiguous", "unknown")
            }
        )

    @property
    def own_codes(self) -> frozenset[str]:
        """The communes that the manifest or the territory's name tell as the territory's."""
        return self._own

    def epci_of(self, code: str | None) -> str | None:
        """The authority of a commune."""
        return epci_of(code) if code else None

    def find_codes(self, text: str) -> tuple[str, ...]:
        """The communes that `text` lists, each where certain ("Nérac, Mézin et Barbaste"); of an authority, its members; () for none."""
        group = find_epci(text, communes=self._own) or find_epci(text)
        if group:
            return members_of(group)
        parts = [part for part in re.split(r"[,;+/|\n]|\bet\b|\s-\s", text) if part.strip()]
        return tuple(
            dict.fromkeys(
                found.code for part in parts if (found := self._gazetteer.find(part.strip())).code
            )
        )

    def _find(self, commune: str, code: str) -> Found:
        known = self._codes.get(_name_slug(commune))
        if known and not code:
            return Found(known, known, "code")
        key = (commune, code)
        if key not in self._found:
            self._found[key] = self._gazetteer.find(commune, code)
        return self._found[key]

    def _full(self, name: str) -> str:
        """The one longer name that `name` shortens ("Le Nouvion" of "Le Nouvion-en-Thiérache"), else itself."""
        first = bisect_left(self._names, f"{name}-")
        longer = [known for known in self._names[first : first + 2] if known.startswith(f"{name}-")]
        return longer[0] if len(longer) == 1 else name

    def _authority(self, territory: str, epci_codes: Sequence[str]) -> str | None:
        """The manifest's first authority, else the one that the territory names, that its communes share, or that holds most named."""
        if epci_codes:
            return epci_codes[0]
        homes = {epci_of(code) for code in self._own}
        named = find_epci(territory, communes=self._own)
        if named or len(homes) == 1:
            return named or next(iter(homes))
        return (
            epci_of_most([found.code for found in self._found.values() if found.code])
            if not homes
            else None
        )


def _own_communes(
    communes: Sequence[Commune], territory: str, epci_codes: Sequence[str]
) -> frozenset[str]:
    """The territory's communes: those of the manifest, else of its authorities, else of what the territory's name tells."""
    members = {member for code in epci_codes for member in members_of(code)}
    view = around(members, own_codes=members)
    given = {
        code
        for commune in communes
        if (code := view.find(commune.name or "", commune.code or "").code)
    }
    if given or members:
        return frozenset(given or members)
    group = find_epci(territory)
    alone = Gazetteer().find(territory)
    if group:
        return frozenset(members_of(group))
    if alone.code is None or alone.how not in _CERTAIN:
        return frozenset()
    return frozenset({alone.code})


def _settled(written: Sequence[str], own: frozenset[str]) -> Gazetteer:
    """The view from the territory and from the communes named without doubt on lists and maps."""
    first = around((), own_codes=own)
    sure = [
        found.code for name in written if (found := first.find(name)).code and found.how in _CERTAIN
    ]
    return around([code for code in sure if code], own_codes=own)


@cache
def _name_slug(commune: str | None) -> str:
    """The slug of a commune's name, without postal code, its usual abbreviations written out."""
    words = slug(
        re.sub(r"\b\d{2} ?\d{3}\b|\([^)]*\)|\bcedex\b.*", " ", commune or "", flags=re.IGNORECASE)
    ).split("-")
    return "-".join(_SHORTENED.get(word, word) for word in words if word)


_ELECTED_AND = re.compile(
    r"(?P<elected>(?:[ée]lue?s?|maires?|(?:\d\w*\s)?adjointe?s?|conseill\w+)\b[^,;/]*?)\s*(?:,|;|/|\bet\b|\+)\s*"
    r"(?P<role>(?:vice-)?pr[ée]sidente?|membre|direct\w+|b[ée]n[ée]voles?|tr[ée]sori\w+|administrat\w+|salari[ée]e?)\s+"
    r"(?:de\s+l['’]|de\s+la\s|de\s|du\s|des\s|d['’]|[àa]\s(?:la\s|l['’])?|au\s)\s*(?P<structure>.+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mention(Named):
    """A structure as written on a list or map; `point` is where the map, or else its commune, puts it."""

    type_text: str = ""
    is_on_map: bool = False
    lat: float | None = None
    lon: float | None = None
    point: tuple[float, float] | None = None  # latitude and longitude of the commune's centre


def join_structures(
    mentions: Sequence[Mention],
    places: WorkshopCommunes,
    *,
    territory: str,
    name_match: int,
    workshop_id: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the structures table and each mention's structure_id; `name_match` is the rapidfuzz score (0..100) of a word misspelt."""
    groups: list[list[Mention]] = []
    group_of: list[int] = []
    index = NameIndex(mentions, places.words, name_match)
    for mention in mentions:
        near = (
            place
            for place, known in index.near(mention)
            if _are_one(mention, known, places, name_match)
        )
        place = next(near, len(groups))
        if place == len(groups):
            groups.append([])
        groups[place].append(mention)
        group_of.append(place)
        index.add(mention, place)
    ids = _identify(groups, territory)
    table = STRUCTURES.build(
        _row(structure_id, group, workshop_id)
        for structure_id, group in zip(ids, groups, strict=True)
    )
    return table, [ids[place] for place in group_of]


def type_of(type_text: str, name: str = "") -> str | None:
    """The type in the fiche's terms, from the list's own, else from how the name begins; `autre` for an unknown type, None for none."""
    for text in (re.sub(r"\([^)]*\)", " ", type_text), type_text):
        folded = fold(text)
        for kind, pattern in _type_patterns():
            if folded and pattern.search(folded):
                return kind
    by_name = next((kind for kind, pattern in _name_patterns() if pattern.match(fold(name))), None)
    return by_name or _type_of_form(name) or ("autre" if fold(type_text) else None)


def _type_of_form(name: str) -> str | None:
    """The type that a legal form gives, wherever it stands in the name ("Menuiserie du Port SCOP", "Le Fil (association)")."""
    words = set(fold(name).split())
    return next(
        (
            str(kind)
            for kind, forms in lexicon("structures")["formes_dans_le_nom"].items()
            if words & set(forms)
        ),
        None,
    )


def is_elected(type_text: str, role: str, structure_type: str | None) -> bool:
    """True where the type or the role says that the person is an elected official."""
    folded = fold(role)
    if re.search(r"\belue?s?\b", fold(type_text)) or _role_pattern("fonctions_elues").fullmatch(
        folded
    ):
        return bool(folded or fold(type_text))
    return structure_type in ("collectivité", "élu") and bool(
        _role_pattern("fonctions_elues_en_collectivite").fullmatch(folded)
    )


def is_lone_person(name: str, type_text: str = "") -> bool:
    """True where what stands in the structure column is nobody's structure ("particulier", "éleveur", "maraîcher retraité")."""
    pattern = _role_pattern("personnes_seules")
    return (
        not fold(name)
        or bool(pattern.fullmatch(fold(name)))
        or bool(re.match(r"particulier|habitant", fold(type_text)))
    )


def type_of_role(role: str) -> str | None:
    """The type that a function names by itself ("président de l'association", "sociétaire"), or None."""
    return next((kind for kind, pattern in _role_types() if pattern.search(fold(role))), None)


def split_structures(cell: str) -> list[tuple[str, str]]:
    """(Structure, function) of each structure that a cell names; a function alone ("élue") has none.

    "A / B" are two, and so are "A/B" and "A et B" where both say what they are; "élu et président de B" is an elected official, and B.
    """
    double = _ELECTED_AND.fullmatch(cell.strip())
    if double:
        return [
            (double["elected"].strip(), double["elected"].strip()),
            (double["structure"].strip(), double["role"].strip()),
        ]
    spaced = [part.strip() for part in re.split(r"\s+/\s+|\s*[;+]\s*|\s*\n\s*", cell) if fold(part)]
    if len(spaced) > 1:
        return [(part, "") for part in spaced]
    tight = [part.strip() for part in re.split(r"/|\bet\b", cell) if fold(part)]
    is_each_told = len(tight) == 2 and all(_says_what_it_is(part) for part in tight)
    return [(part, "") for part in tight] if is_each_told else [(cell, "")]


def _says_what_it_is(name: str) -> bool:
    """True for a name that opens with a kind of structure, and goes on or stands for itself ("CCAS", "association Le Fil")."""
    words = [word for word in fold(name).split() if word not in word_group("vides")]
    return (bool(words) and any(pattern.match(fold(name)) for _, pattern in _name_patterns())) or (
        len(words) > 1 and words[0] in word_group("descripteurs")
    )


def _are_one(first: Mention, second: Named, places: WorkshopCommunes, name_match: int) -> bool:
    """`are_one`; a common name met twice on the map, or twice on lists, is one structure whatever the communes beside it."""
    is_alike = (
        isinstance(second, Mention)
        and first.is_on_map == second.is_on_map
        and first.words == second.words
    )
    return are_one(first, second, places.words, name_match) or (
        is_alike and not telling_words(first, places.words)
    )


def _row(structure_id: str, group: Sequence[Mention], workshop_id: str) -> dict[str, object]:
    lat, lon = _where(group)
    stated = [kind for mention in group if (kind := type_of(mention.type_text))]
    kinds = stated or [kind for mention in group if (kind := type_of("", mention.name))]
    own = [kind for kind in kinds if kind != "élu"] or (["collectivité"] if kinds else [])
    told = [kind for kind in own if kind != "autre"] or own
    return {
        "structure_id": structure_id,
        "name": fullest_name([mention.name for mention in group]),
        "structure_type": max(dict.fromkeys(told), key=told.count) if told else None,
        "commune_code": next(
            (
                mention.commune_code
                for mention in sorted(group, key=lambda m: not m.is_on_map)
                if mention.commune_code
            ),
            None,
        ),
        "lat": lat,
        "lon": lon,
        "is_on_map": any(mention.is_on_map for mention in group),
        "map_workshop_ids": json.dumps([workshop_id])
        if any(mention.is_on_map for mention in group)
        else None,
        "is_in_attendance": any(not mention.is_on_map for mention in group),
    }


def _where(group: Sequence[Mention]) -> tuple[float | None, float | None]:
    """Latitude and longitude: a point of the map, else the centre of the commune that the map names, else of one that a list names."""
    points = [(mention.lat, mention.lon) for mention in group if mention.lat is not None]
    centres = [
        mention.point
        for mention in sorted(group, key=lambda mention: not mention.is_on_map)
        if mention.point
    ]
    return next(iter([*points, *centres]), (None, None))


def _identify(groups: Sequence[Sequence[Mention]], territory: str) -> list[str]:
    """A slug a structure; a name common to many territories gets its commune or territory, and so does a slug taken twice."""
    ids: dict[str, None] = {}
    last: dict[str, int] = {}  # number given to the last of each name taken twice
    for group in groups:
        words = Named(fullest_name([mention.name for mention in group])).words
        own = "-".join(words) or "structure"
        code = next((mention.commune_code for mention in group if mention.commune_code), None)
        where = slug(name_of(code)) if code else slug(territory)
        if not set(words) - word_group("generiques") - word_group("descripteurs") or own in ids:
            own = f"{own}-{where}"
        unique = own
        while unique in ids:
            last[own] = last.get(own, 1) + 1
            unique = f"{own}-{last[own]}"
        ids[unique] = None
    return list(ids)


@cache
def _role_types() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile(rf"\b(?:{'|'.join(patterns)})\b"))
        for kind, patterns in lexicon("structures")["roles"].items()
    )


@cache
def _type_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile(rf"\b(?:{'|'.join(patterns)})\b"))
        for kind, patterns in lexicon("structures")["types"].items()
    )


@cache
def _name_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile(rf"(?:la |le |les |l )?(?:{'|'.join(words)})\b"))
        for kind, words in lexicon("structures")["noms"].items()
    )


@cache
def _role_pattern(group: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in lexicon("structures")[group]))
