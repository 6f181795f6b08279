"""List the people named in a workshop's files, before pseudonymisation: raw personal data.

The table `people` is for the vault only, never in tables/.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.files import data_path
from pipeline.ingest.words import word_pattern
from pipeline.tables.schema import Column, Table
from pipeline.text import fold, lexicon

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
_MAX_NAME_WORDS = 5


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


def split_name(full_name: str) -> tuple[str | None, str | None]:
    """Return (first name, last name) by capitals or a comma, else by known first names.

    A particle opens a last name: "de Sousa Kelly" is Kelly.
    """
    particles, civilities = lexicon("people")["particules"], lexicon("people")["civilites"]
    words = re.sub(r"\([^)]*\)", " ", full_name).split()
    bare = " ".join(word for word in words if fold(word) not in civilities)
    if "," in bare:
        last, first = (part.strip() or None for part in bare.split(",", 1))
        return first, last
    words = bare.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    if capitals and len(capitals) < len(words):
        firsts = [word for word in words if word not in capitals and fold(word) not in particles]
        lasts = [word for word in words if word not in firsts]
        return " ".join(firsts) or None, " ".join(lasts) or None
    if len(words) < 2:
        return (bare, None) if is_first_name(bare) else (None, bare or None)
    is_particle_first = fold(words[0]) in particles and not is_first_name(words[0])
    if is_particle_first and all(fold(word) in particles for word in words[:-1]):
        return None, bare
    if is_particle_first or (is_first_name(words[-1]) and not is_first_name(words[0])):
        return words[-1], " ".join(words[:-1])
    return words[0], " ".join(words[1:])


def is_whole_name(text: str) -> bool:
    """Whether a civility or known first name stands beside 1–3 capitalised words."""
    bare = re.sub(r"\([^)]*\)", "", text).replace(",", " ")
    words = bare.split()
    if not 2 <= len(words) <= _MAX_NAME_WORDS or any(letter.isdigit() for letter in bare):
        return False
    civilities, particles = lexicon("people")["civilites"], lexicon("people")["particules"]
    names = [word for word in words if fold(word) not in civilities and fold(word) not in particles]
    has_civility = len(names) < len(words) and fold(words[0]) in civilities
    is_capitalised = bool(names) and all(word[:1].isupper() for word in names)
    return is_capitalised and (has_civility or any(map(is_first_name, names)))


def is_person_name(name: str) -> bool:
    """Whether a name can be a person's, not a service's or structure's ("contact")."""
    words, services = fold(name).split(), lexicon("people")["services"]
    is_service = any(word in services or word.isdigit() for word in words)
    return 1 <= len(words) <= _MAX_NAME_WORDS and not is_service


def is_first_name(name: str) -> bool:
    """Whether every word of `name` is a first name borne in France."""
    words = fold(name).split()
    return bool(words) and all(word in _first_names() for word in words)


@cache
def _first_names() -> frozenset[str]:
    lines = data_path("lexicon", "prenoms.txt").read_text(encoding="utf-8").splitlines()
    names = " ".join(fold(line) for line in lines if not line.startswith("#"))
    return frozenset(names.split())


def is_anonymous(name: str) -> bool:
    """Whether a cell of names hides who it is: "Anonyme", "Participant 4".

    >>> is_anonymous("Participant 4"), is_anonymous("Karim")
    (True, False)
    """
    return word_pattern("columns", "anonymes").fullmatch(fold(name)) is not None
