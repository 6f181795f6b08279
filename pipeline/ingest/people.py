"""List the people and the structures named in a workshop's files, whatever their spelling.

The table `people` is raw personal data, before pseudonymisation: for the vault only, never in
tables/.
"""

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.communes import centre_of, name_of
from pipeline.communes.gazetteer import CommuneMatch, Gazetteer, around
from pipeline.communes.tables import epci_of, epci_of_most, find_epci, members_of
from pipeline.ingest.words import first_key, word_pattern
from pipeline.ingest.workshop import Commune
from pipeline.structure_names import (
    NameIndex,
    StructureName,
    are_one,
    fullest_name,
    telling_words,
    word_group,
)
from pipeline.tables.material import STRUCTURES
from pipeline.tables.schema import Column, Table
from pipeline.text import fold, fold_same_length, lexicon, slug

ORIGINS = ("attendance", "manifest", "mail", "transcript", "form")

PEOPLE = Table(
    "people",
    "A person met in a workshop's files; never leaves memory but for the vault.",
    ("participant_id",),
    (
        Column(
            "participant_id",
            "text",
            "Provisional: workshop_id, `-p` and the order met; pseudonymise maps it to the vault's",
        ),
        Column("workshop_id", "text", "Workshop whose files name the person"),
        Column("full_name", "text", "First and last name, or what is known of them", nullable=True),
        Column("first_name", "text", "First name", nullable=True),
        Column("last_name", "text", "Last name", nullable=True),
        Column("email", "text", "Mail address", nullable=True),
        Column("phone", "text", "Telephone, as written", nullable=True),
        Column("origin", "text", "Where the person was met first", values=ORIGINS),
    ),
)

_SAME_NAME = 90  # rapidfuzz score from which two whole names are one person's

_ABBREVIATIONS = {"st": "saint", "ste": "sainte", "sts": "saints", "s": "sur", "ss": "sous"}
_CERTAIN = ("code", "exact")
_NAME_START = r"^(?:la |le |les |l )?{}\b"
_ELECTED_AND = re.compile(
    r"(?P<elected>(?:[ée]lue?s?|maires?|(?:\d\w*\s)?adjointe?s?|conseill\w+)\b[^,;/]*?)"
    r"\s*(?:,|;|/|\bet\b|\+)\s*"
    r"(?P<role>(?:vice-)?pr[ée]sidente?|membre|direct\w+|b[ée]n[ée]voles?|tr[ée]sori\w+"
    r"|administrat\w+|salari[ée]e?)\s+"
    r"(?:de\s+l['’]|de\s+la\s|de\s|du\s|des\s|d['’]|[àa]\s(?:la\s|l['’])?|au\s)\s*"
    r"(?P<structure>.+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Participant:
    """A person, completed at each mention; None where unknown."""

    first_name: str | None
    last_name: str | None
    email: str | None = None
    phone: str | None = None
    origin: str = "attendance"

    @property
    def full_name(self) -> str | None:
        """Return first and last name, or the known one."""
        return " ".join(filter(None, (self.first_name, self.last_name))) or None

    @property
    def key(self) -> tuple[str, ...]:
        """Return the name's words in alphabetical order, so that swapped names agree."""
        return tuple(sorted(fold(self.full_name or "").split()))


def without_represented(person: Participant) -> Participant:
    """Return a deputy without whom they stand for; unnamed ones of a person are one deputy.

    « Claire Morel (suppléante de Mme Roux) » is Claire Morel; « p/o Mme Roux », Roux's deputy.
    """
    first, last = person.first_name or "", person.last_name or ""
    # a name may be cut at what links the two
    for parts in ((first, last), ("", f"{first} {last}"), ("", f"{last} {first}")):
        halves = [_stands_for().split(fold_same_length(part), maxsplit=1) for part in parts]
        if any(len(half) > 1 for half in halves):
            break
    else:
        return person
    own = [part[: len(half[0])].strip() or None for part, half in zip(parts, halves, strict=True)]
    if any(own):
        return replace(person, first_name=own[0], last_name=own[1])
    others = [part[-len(half[1]) :] for part, half in zip(parts, halves, strict=True) if half[1:]]
    words = others[0].rstrip(" )").split()
    names = [word for word in words if fold(word) not in lexicon("people")["civilites"]]
    return replace(person, first_name=None, last_name=f"suppléance de {' '.join(names)}")


@cache
def _stands_for() -> re.Pattern[str]:
    links = "|".join(lexicon("people")["remplacements"])
    return re.compile(rf"(?:^|[\s,(–-]+)(?:l[ae]\s)?(?:{links})(?:\s+|['’])(?=\S)")


@dataclass
class WorkshopPeople:
    """The people of one workshop, each once, in the order met."""

    workshop_id: str
    people: list[Participant] = field(default_factory=list)
    _index: "_PeopleIndex" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._index = _PeopleIndex()
        for i, person in enumerate(self.people):
            self._index.add(i, person)

    def add(self, person: Participant) -> str:
        """Return the participant_id of `person`, adding it if new."""
        person = without_represented(person)
        particles = lexicon("people")["particules"]
        first_words = fold(person.first_name or "").split()
        if person.first_name and all(word in particles for word in first_words):
            # a name cut in its middle
            person = replace(person, first_name=None, last_name=person.full_name)
        i = self._find(person)
        if i is None:
            i = len(self.people)
            self.people.append(person)
        else:
            met = self.people[i]
            email, phone = met.email or person.email, met.phone or person.phone
            self.people[i] = replace(met, email=email, phone=phone)
        self._index.add(i, self.people[i])
        return self._id(i)

    def find_name(self, name: str) -> str | None:
        """Return the participant_id of the person that "Mme Ouali", "Karim" or "F. Delattre" fits.

        None where nobody or several fit.
        """
        words = [word for word in fold(name).split() if word not in lexicon("people")["civilites"]]
        candidates = self._index.with_a_word(words)
        fitting = [i for i in candidates if fits_name(words, self.people[i])]
        return self._id(fitting[0]) if len(fitting) == 1 else None

    def find_email(self, email: str) -> str | None:
        """Return the participant_id of the first person with this address, or None."""
        indexes = self._index.with_email(email)
        return self._id(indexes[0]) if indexes else None

    def table(self) -> pd.DataFrame:
        """Return the people table."""
        return PEOPLE.build(
            {
                "participant_id": self._id(i),
                "workshop_id": self.workshop_id,
                "full_name": person.full_name,
                **vars(person),
            }
            for i, person in enumerate(self.people)
        )

    def _id(self, i: int) -> str:
        return f"{self.workshop_id}-p{i + 1:02d}"

    def _find(self, person: Participant) -> int | None:
        exact = self._index.with_key(person.key)
        if exact is not None:
            return exact
        near = sorted({*self._index.spelt_like(person.key), *self._index.with_email(person.email)})
        return next((i for i in near if are_one_person(self.people[i], person)), None)


class _PeopleIndex:
    """Indexes that make comparing thousands of people fast."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, ...], int] = {}
        self._by_length: dict[int, dict[str, int]] = defaultdict(dict)
        self._by_email: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, list[int]] = defaultdict(list)

    def add(self, i: int, person: Participant) -> None:
        if person.key and self._by_key.setdefault(person.key, i) == i:
            self._by_length[len(person.key)][" ".join(person.key)] = i
        if person.email and i not in (indexes := self._by_email[person.email.lower()]):
            indexes.append(i)
            indexes.sort()
        for word in set(person.key):
            if i not in self._by_word[word][-1:]:
                self._by_word[word].append(i)

    def with_key(self, key: tuple[str, ...]) -> int | None:
        return self._by_key.get(key)

    def spelt_like(self, key: tuple[str, ...]) -> list[int]:
        names = self._by_length.get(len(key), {})
        alike = process.extract(
            " ".join(key), names.keys(), scorer=fuzz.ratio, score_cutoff=_SAME_NAME, limit=None
        )
        return [names[name] for name, *_ in alike]

    def with_email(self, email: str | None) -> list[int]:
        return self._by_email.get(email.lower(), []) if email else []

    def with_a_word(self, words: Iterable[str]) -> list[int]:
        return sorted({i for word in words for i in self._by_word.get(word, ())})


def are_one_person(first: Participant, second: Participant) -> bool:
    """Whether a name is misspelt, or an address shared where a name is missing or alike."""
    email = (first.email or "").lower()
    is_same_mail = bool(email) and email == (second.email or "").lower()
    if not first.key or not second.key:
        return is_same_mail
    last_names = [set(fold(person.last_name or "").split()) for person in (first, second)]
    if is_same_mail and last_names[0] & last_names[1]:
        return True
    score = fuzz.token_sort_ratio(" ".join(first.key), " ".join(second.key))
    return len(first.key) == len(second.key) and score >= _SAME_NAME


def fits_name(words: list[str], person: Participant) -> bool:
    """Whether each of `words` is in the name, or is initials of the first name."""
    first, last = fold(person.first_name or "").split(), fold(person.last_name or "").split()
    initials = "".join(word[0] for word in first)
    rest = [word for word in words if word not in first and word not in last]
    are_initials = all(len(word) <= 2 and initials.startswith(word) for word in rest)
    return not rest or (len(words) > len(rest) and are_initials)


class WorkshopCommunes:
    """A workshop's communes, with INSEE codes where certain.

    `epci_codes` are the manifest's authorities, `written` the communes of lists and maps.
    """

    def __init__(
        self,
        communes: Sequence[Commune],
        territory: str,
        written: Iterable[str] = (),
        *,
        epci_codes: Sequence[str] = (),
    ) -> None:
        names = sorted(set(written) - {""})
        self._codes: dict[str, str] = {}
        for commune in communes:
            if commune.name and commune.code:
                self._codes[_name_slug(commune.name)] = commune.code
        if len(communes) == 1 and communes[0].code and not communes[0].name:
            # a workshop of one commune bears its name
            self._codes[_name_slug(territory)] = communes[0].code
        self.own_codes = _own_communes(communes, territory, epci_codes)
        self._gazetteer = _settled(names, self.own_codes)
        self._matches: dict[tuple[str, str], CommuneMatch] = {}
        self._slugs = sorted({_name_slug(name) for name in names} | set(self._codes) - {""})
        codes = [self._find(name, "").code for name in names]
        official = [slug(name_of(code)) for code in codes if code]
        words = "-".join([*self._slugs, *official, slug(territory)]).split("-")
        self.words = frozenset(word for word in words if len(word) > 2)
        self.epci_code = self._authority(territory, epci_codes)

    def code_of(self, commune: str, code: str = "") -> str | None:
        """Return a commune's code from its name, code or both.

        An uncertain name gives its slug, an empty one None.
        """
        match = self._find(commune, code)
        if match.code:
            return match.code
        name = _name_slug(commune)
        if not name:
            given = re.search(r"\b(?:\d{5}|2[ABab]\d{3})\b", code)
            return given[0].upper() if given else None
        full = self._full_slug(name)
        return self._codes.get(full) or full

    def point_of(self, commune: str, code: str = "") -> tuple[float, float] | None:
        """Return latitude and longitude of the commune's town hall, or of its named part."""
        match = self._find(commune, code)
        return centre_of(match.part_code) if match.part_code else None

    @property
    def n_unsettled(self) -> int:
        """Return the number of names without code: unknown, or shared."""
        return len(
            {
                _name_slug(commune)
                for (commune, _), match in self._matches.items()
                if match.how in ("ambiguous", "unknown")
            }
        )

    def find_codes(self, text: str) -> tuple[str, ...]:
        """Return the codes of communes that `text` surely lists; an authority gives its members."""
        group = find_epci(text, communes=self.own_codes) or find_epci(text)
        if group:
            return members_of(group)
        parts = [part.strip() for part in re.split(r"[,;+/|\n]|\bet\b|\s-\s", text)]
        codes = [self._gazetteer.find(part).code for part in parts if part]
        return tuple(dict.fromkeys(code for code in codes if code))

    def _find(self, commune: str, code: str) -> CommuneMatch:
        given = self._codes.get(_name_slug(commune))
        if given and not code:
            return CommuneMatch(given, given, "code")
        key = (commune, code)
        if key not in self._matches:
            self._matches[key] = self._gazetteer.find(commune, code)
        return self._matches[key]

    def _full_slug(self, name: str) -> str:
        """Extend "Le Nouvion" to "Le Nouvion-en-Thiérache" where no other name fits."""
        first = bisect_left(self._slugs, f"{name}-")
        longer = [own for own in self._slugs[first : first + 2] if own.startswith(f"{name}-")]
        return longer[0] if len(longer) == 1 else name

    def _authority(self, territory: str, epci_codes: Sequence[str]) -> str | None:
        if epci_codes:
            return epci_codes[0]
        authorities = {epci_of(code) for code in self.own_codes}
        named = find_epci(territory, communes=self.own_codes)
        if named or len(authorities) == 1:
            return named or authorities.pop()
        codes = [match.code for match in self._matches.values() if match.code]
        return epci_of_most(codes) if not authorities else None


def _own_communes(
    communes: Sequence[Commune], territory: str, epci_codes: Sequence[str]
) -> frozenset[str]:
    members = {member for code in epci_codes for member in members_of(code)}
    view = around(members, own_codes=members)
    codes = [view.find(commune.name or "", commune.code or "").code for commune in communes]
    given = {code for code in codes if code} or members
    if given:
        return frozenset(given)
    group = find_epci(territory)
    if group:
        return frozenset(members_of(group))
    alone = Gazetteer().find(territory)
    is_certain = alone.code is not None and alone.how in _CERTAIN
    return frozenset({alone.code} if alone.code and is_certain else ())


def _settled(written: Sequence[str], own: frozenset[str]) -> Gazetteer:
    view = around((), own_codes=own)
    matches = [view.find(name) for name in written]
    return around([m.code for m in matches if m.code and m.how in _CERTAIN], own_codes=own)


@cache
def _name_slug(commune: str | None) -> str:
    beside = r"\b\d{2} ?\d{3}\b|\([^)]{0,200}\)|\bcedex\b.*"
    words = slug(re.sub(beside, " ", commune or "", flags=re.IGNORECASE)).split("-")
    return "-".join(_ABBREVIATIONS.get(word, word) for word in words if word)


@dataclass(frozen=True)
class Mention(StructureName):
    """A structure as written on a list or map; `point` is its commune's centre."""

    type_text: str = ""
    is_on_map: bool = False
    lat: float | None = None
    lon: float | None = None
    point: tuple[float, float] | None = None  # latitude and longitude


def join_structures(
    mentions: Sequence[Mention],
    communes: WorkshopCommunes,
    *,
    territory: str,
    name_match: int,
    workshop_id: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the structures table and each mention's structure_id.

    `name_match` is the rapidfuzz score (0..100) of a misspelt word.
    """
    groups: list[list[Mention]] = []
    group_of: list[int] = []
    index = NameIndex(mentions, communes.words, name_match)
    for mention in mentions:
        near = (
            i for i, other in index.near(mention) if _are_one(mention, other, communes, name_match)
        )
        group = next(near, len(groups))
        if group == len(groups):
            groups.append([])
        groups[group].append(mention)
        group_of.append(group)
        index.add(mention, group)
    ids = _identify(groups, territory)
    rows = map(_row, ids, groups, [workshop_id] * len(ids))
    return STRUCTURES.build(rows), [ids[group] for group in group_of]


def _are_one(
    first: Mention, second: StructureName, communes: WorkshopCommunes, name_match: int
) -> bool:
    """A common name twice on the map, or twice on lists, is one structure too."""
    if are_one(first, second, communes.words, name_match):
        return True
    is_same_kind = isinstance(second, Mention) and first.is_on_map == second.is_on_map
    return is_same_kind and first.words == second.words and not telling_words(first, communes.words)


def _row(structure_id: str, group: Sequence[Mention], workshop_id: str) -> dict[str, object]:
    map_first = sorted(group, key=lambda mention: not mention.is_on_map)
    is_on_map = map_first[0].is_on_map
    points = [(mention.lat, mention.lon) for mention in group if mention.lat is not None]
    lat, lon = next(
        iter([*points, *(mention.point for mention in map_first if mention.point)]), (None, None)
    )
    return {
        "structure_id": structure_id,
        "name": fullest_name([mention.name for mention in group]),
        "structure_type": _common_type(group),
        "commune_code": _first_code(map_first),
        "lat": lat,
        "lon": lon,
        "is_on_map": is_on_map,
        "map_workshop_ids": json.dumps([workshop_id]) if is_on_map else None,
        "is_in_attendance": not map_first[-1].is_on_map,
    }


def _common_type(group: Sequence[Mention]) -> str | None:
    """Stated types come before names; an elected official's is an authority."""
    stated = filter(None, (type_of(mention.type_text) for mention in group))
    types = list(stated) or list(filter(None, (type_of("", mention.name) for mention in group)))
    others = [kind for kind in types if kind != "élu"] or ["collectivité"] * bool(types)
    candidates = [kind for kind in others if kind != "autre"] or others
    return max(dict.fromkeys(candidates), key=candidates.count) if candidates else None


def _first_code(group: Sequence[Mention]) -> str | None:
    return next((mention.commune_code for mention in group if mention.commune_code), None)


def _identify(groups: Sequence[Sequence[Mention]], territory: str) -> list[str]:
    """Commune or territory follows a common or duplicate name."""
    ids: dict[str, None] = {}
    last: dict[str, int] = {}  # last number of each duplicate name
    for group in groups:
        words = StructureName(fullest_name([mention.name for mention in group])).words
        own = "-".join(words) or "structure"
        is_common = not set(words) - word_group("generiques") - word_group("descripteurs")
        if is_common or own in ids:
            code = _first_code(group)
            own = f"{own}-{slug(name_of(code) if code else territory)}"
        unique = own
        while unique in ids:
            last[own] = last.get(own, 1) + 1
            unique = f"{own}-{last[own]}"
        ids[unique] = None
    return list(ids)


def type_of(type_text: str, name: str = "") -> str | None:
    """Return the type in the fiche's terms, from the list's type, else the name.

    An unknown type gives `autre`, an empty one None.
    """
    for text in (re.sub(r"\([^)]{0,200}\)", " ", type_text), type_text):
        if fold(text) and (kind := first_key("structures", "types", fold(text), r"\b{}\b")):
            return kind
    folded = fold(name)
    by_name = first_key("structures", "noms", folded, _NAME_START)
    # a legal form tells anywhere: "Menuiserie du Port SCOP"
    forms = lexicon("structures")["formes_dans_le_nom"].items()
    by_form = next((str(kind) for kind, words in forms if set(folded.split()) & set(words)), None)
    return by_name or by_form or ("autre" if fold(type_text) else None)


def is_elected(type_text: str, role: str, structure_type: str | None) -> bool:
    """Whether the type or role is an elected official's."""
    folded = fold(role)
    is_role = word_pattern("structures", "fonctions_elues").fullmatch(folded)
    if is_role or re.search(r"\belue?s?\b", fold(type_text)):
        return bool(folded or fold(type_text))
    in_authority = word_pattern("structures", "fonctions_elues_en_collectivite")
    return structure_type in ("collectivité", "élu") and bool(in_authority.fullmatch(folded))


def is_lone_person(name: str, type_text: str = "") -> bool:
    """Whether the entry is a person without structure ("particulier", "maraîcher retraité")."""
    is_lone = word_pattern("structures", "personnes_seules").fullmatch(fold(name))
    return not fold(name) or bool(is_lone or re.match(r"particulier|habitant", fold(type_text)))


def type_of_role(role: str) -> str | None:
    """Return the type that a function names ("président de l'association"), or None."""
    return first_key("structures", "roles", fold(role), r"\b{}\b")


def split_structures(cell: str) -> list[tuple[str, str]]:
    """Return (structure, function) of each structure in a cell; an "élue" has none.

    "A/B" and "A et B" are two only where both say what they are; "élu et président de B" is an
    elected official, and B.
    """
    double = _ELECTED_AND.fullmatch(cell.strip())
    if double:
        elected, role, structure = map(str.strip, double.groups())
        return [(elected, elected), (structure, role)]
    spaced = [part.strip() for part in re.split(r"\s+/\s+|\s*[;+]\s*|\s*\n\s*", cell) if fold(part)]
    if len(spaced) > 1:
        return [(part, "") for part in spaced]
    tight = [part.strip() for part in re.split(r"/|\bet\b", cell) if fold(part)]
    are_two = len(tight) == 2 and all(map(_says_what_it_is, tight))
    return [(part, "") for part in tight] if are_two else [(cell, "")]


def _says_what_it_is(name: str) -> bool:
    words = [word for word in fold(name).split() if word not in word_group("vides")]
    if len(words) > 1 and words[0] in word_group("descripteurs"):
        return True
    is_kind = first_key("structures", "noms", fold(name), _NAME_START) is not None
    return bool(words) and is_kind
