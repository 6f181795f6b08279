"""Structures named on lists and maps: one row a structure, however its name is written, with its type in the fiche's terms.

In:   mentions of structures, in the order met
Out:  structures   one row a structure; the structure_id of each mention
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import pandas as pd
from rapidfuzz import fuzz

from pipeline.ingest.places import Places
from pipeline.ingest.words import fold, lexicon, slug
from pipeline.tables import STRUCTURES

_JOINED = 90  # rapidfuzz score over which two names written in one word are the same ("Bon Train", "Bontrain")
_MIN_ACRONYM = 3


@dataclass(frozen=True)
class Mention:
    """A structure as written on a list or map."""

    name: str
    type_text: str = ""
    commune_code: str | None = None
    is_on_map: bool = False
    lat: float | None = None
    lon: float | None = None

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The folded words of the name, without articles, remarks in brackets and synonyms."""
        bare = fold(re.sub(r"\([^)]*\)", " ", self.name)) or fold(self.name)
        words = [word for word in bare.split() if word not in _words("vides")] or bare.split()
        return (lexicon("structures")["synonymes"].get(words[0], words[0]), *words[1:]) if words else ()


def join_structures(mentions: Sequence[Mention], places: Places, *, territory: str, name_match: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the structures table and each mention's structure_id; `name_match` is the rapidfuzz score (0..100) of a word misspelt."""
    groups: list[list[Mention]] = []
    group_of: list[int] = []
    for mention in mentions:
        place = next(
            (place for place, group in enumerate(groups) if any(are_one(mention, known, places, name_match) for known in group)),
            len(groups),
        )
        if place == len(groups):
            groups.append([])
        groups[place].append(mention)
        group_of.append(place)
    ids = _identify(groups, places, territory)
    table = STRUCTURES.build(_row(structure_id, group) for structure_id, group in zip(ids, groups, strict=True))
    return table, [ids[place] for place in group_of]


def are_one(first: Mention, second: Mention, places: Places, name_match: int) -> bool:
    """True where two mentions name one structure: the same telling words, misspelt or not, and no words that say different kinds."""
    if _in_digits(first) == _in_digits(second):
        return not _is_generic(first, places) or _may_share_commune(first, second)
    if _is_acronym(first, second) or _is_acronym(second, first):
        return True
    left, right = _telling(first, places), _telling(second, places)
    if not left or not right:
        return _are_one_generic(first, second)
    alike = len(left) == len(right) and all(max(fuzz.ratio(word, other) for other in right) >= name_match for word in left)
    alike = alike or fuzz.ratio("".join(left), "".join(right)) >= max(_JOINED, name_match)
    return alike and not _differ_in_kind(first, second)


def type_of(type_text: str, name: str = "") -> str | None:
    """The type in the fiche's terms, from the list's own, else from how the name begins; `autre` for an unknown type, None for none."""
    for text in (re.sub(r"\([^)]*\)", " ", type_text), type_text):
        folded = fold(text)
        for kind, pattern in _type_patterns():
            if folded and pattern.search(folded):
                return kind
    by_name = next((kind for kind, pattern in _name_patterns() if pattern.match(fold(name))), None)
    return by_name or ("autre" if fold(type_text) else None)


def is_elected(type_text: str, role: str, structure_type: str | None) -> bool:
    """True where the type or the role says that the person is an elected official."""
    folded = fold(role)
    if re.search(r"\belue?s?\b", fold(type_text)) or _role_pattern("fonctions_elues").fullmatch(folded):
        return bool(folded or fold(type_text))
    return structure_type in ("collectivité", "élu") and bool(_role_pattern("fonctions_elues_en_collectivite").fullmatch(folded))


def is_lone_person(name: str, type_text: str = "") -> bool:
    """True where what stands in the structure column is nobody's structure ("particulier", "éleveur", "maraîcher retraité")."""
    pattern = _role_pattern("personnes_seules")
    return not fold(name) or bool(pattern.fullmatch(fold(name))) or bool(re.match(r"particulier|habitant", fold(type_text)))


def _in_digits(mention: Mention) -> list[str]:
    """The words of a name with its numbers in digits: "Trois-Rivières" and "3 Rivières" are one."""
    cardinals = lexicon("numbers")["cardinaux"]
    return [str(cardinals.get(word, word)) for word in mention.words]


def _row(structure_id: str, group: Sequence[Mention]) -> dict[str, object]:
    placed = next((mention for mention in group if mention.lat is not None), None)
    stated = [kind for mention in group if (kind := type_of(mention.type_text))]
    kinds = stated or [kind for mention in group if (kind := type_of("", mention.name))]
    own = [kind for kind in kinds if kind != "élu"] or (["collectivité"] if kinds else [])
    told = [kind for kind in own if kind != "autre"] or own
    return {
        "structure_id": structure_id,
        "name": _fullest(group),
        "structure_type": max(dict.fromkeys(told), key=told.count) if told else None,
        "commune_code": next(
            (mention.commune_code for mention in sorted(group, key=lambda m: not m.is_on_map) if mention.commune_code), None
        ),
        "lat": placed.lat if placed else None,
        "lon": placed.lon if placed else None,
        "is_on_map": any(mention.is_on_map for mention in group),
        "is_in_attendance": any(not mention.is_on_map for mention in group),
    }


def _fullest(group: Sequence[Mention]) -> str:
    """The most complete spelling: the most letters without brackets ("&" is two), then the most accents, then the first met."""
    names = list(dict.fromkeys(" ".join(re.sub(r"\s*\([^)]*\)", "", mention.name).split()) or mention.name for mention in group))
    return max(
        names,
        key=lambda name: (sum(map(str.isalpha, name.replace("&", "et"))), sum(not letter.isascii() for letter in name), not name.isupper()),
    )


def _identify(groups: Sequence[Sequence[Mention]], places: Places, territory: str) -> list[str]:
    """A slug a structure; a name common to many territories gets its commune or territory, and so does a slug taken twice."""
    ids: list[str] = []
    for group in groups:
        words = Mention(_fullest(group)).words
        own = "-".join(words) or "structure"
        where = next((mention.commune_code for mention in group if mention.commune_code), None) or slug(territory)
        if not set(words) - _words("generiques") - _words("descripteurs") or own in ids:
            own = f"{own}-{where}"
        number = 2
        unique = own
        while unique in ids:
            unique, number = f"{own}-{number}", number + 1
        ids.append(unique)
    return ids


def _telling(mention: Mention, places: Places) -> list[str]:
    """The words that tell this structure from others of its kind and place."""
    return [word for word in mention.words if word not in _words("descripteurs") | _words("generiques") | places.words]


def _is_generic(mention: Mention, places: Places) -> bool:
    return not _telling(mention, places)


def _are_one_generic(first: Mention, second: Mention) -> bool:
    """True for a common name and the same with the commune of the other ("Comité des fêtes", at Plomion; "Comité des fêtes de Plomion")."""
    short, long = sorted((first, second), key=lambda mention: len(mention.words))
    more = [word for word in long.words if word not in short.words]
    is_contained = set(short.words) <= set(long.words)
    commune = set((short.commune_code or "").split("-"))
    return is_contained and bool(more) and set(more) <= commune and bool(short.words)


def _may_share_commune(first: Mention, second: Mention) -> bool:
    return (
        first.commune_code is None
        or second.commune_code is None
        or first.commune_code == second.commune_code
        or first.is_on_map == second.is_on_map
    )


def _is_acronym(short: Mention, long: Mention) -> bool:
    """True where the one word of `short` is the initials of `long`, as "CAPSO" of "Communauté d'agglomération du Pays de Saint-Omer"."""
    if len(short.words) != 1 or len(long.words) < _MIN_ACRONYM or len(short.words[0]) < _MIN_ACRONYM:
        return False
    return short.words[0] == "".join(word[0] for word in long.words)


def _differ_in_kind(first: Mention, second: Mention) -> bool:
    """True where both names say what they are, but not the same ("Jardin Lacordaire", "École Lacordaire"); legal forms don't count."""
    kinds = [set(mention.words) & (_words("descripteurs") | _words("generiques")) - _words("formes") for mention in (first, second)]
    if not kinds[0] or not kinds[1] or kinds[0] & kinds[1]:
        return False
    initials = ["".join(word[0] for word in mention.words if word in kind) for mention, kind in zip((first, second), kinds, strict=True)]
    return initials[0] not in second.words and initials[1] not in first.words


@cache
def _words(group: str) -> frozenset[str]:
    return frozenset(str(word) for word in lexicon("structures")[group])


@cache
def _type_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(rf"\b(?:{'|'.join(patterns)})\b")) for kind, patterns in lexicon("structures")["types"].items())


@cache
def _name_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile(rf"(?:la |le |les |l )?(?:{'|'.join(words)})\b")) for kind, words in lexicon("structures")["noms"].items()
    )


@cache
def _role_pattern(group: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in lexicon("structures")[group]))
