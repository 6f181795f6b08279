"""Who was met in a workshop's files, before pseudonymisation: raw personal data, for the vault only, never written to tables/.

In:   names and mail addresses from the attendance list, the manifest, forms, mail headers and transcripts
Out:  people   one row a person, in the order met
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.files import data_path
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

_SAME_NAME = 90  # rapidfuzz score over which two whole names are one person's


@dataclass(frozen=True)
class Participant:
    """A person as first met, completed by what is met later; None where not known."""

    first_name: str | None
    last_name: str | None
    email: str | None = None
    phone: str | None = None
    origin: str = "attendance"

    @property
    def full_name(self) -> str | None:
        """First and last name, or the one that is known."""
        return " ".join(filter(None, (self.first_name, self.last_name))) or None

    @property
    def key(self) -> tuple[str, ...]:
        """The words of the name in alphabetical order, so that swapped names agree."""
        return tuple(sorted(fold(self.full_name or "").split()))


@dataclass
class WorkshopPeople:
    """The people of one workshop in the order met; a person met twice stays one."""

    workshop_id: str
    people: list[Participant] = field(default_factory=list)
    _index: "_Index" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._index = _Index()
        for place, person in enumerate(self.people):
            self._index.add(place, person)

    def add(self, person: Participant) -> str:
        """Return the participant_id of `person`, known already or added."""
        if person.first_name and all(
            word in lexicon("people")["particules"] for word in fold(person.first_name).split()
        ):
            person = replace(
                person, first_name=None, last_name=person.full_name
            )  # a name cut in its middle
        place = self._find(person)
        if place is None:
            place = len(self.people)
            self.people.append(person)
        else:
            known = self.people[place]
            self.people[place] = replace(
                known, email=known.email or person.email, phone=known.phone or person.phone
            )
        self._index.add(place, self.people[place])
        return self._id(place)

    def find_name(self, name: str) -> str | None:
        """The participant_id of the one person whom `name` fits ("Mme Ouali", "Karim", "F. Delattre"); None where nobody or several do."""
        words = [word for word in fold(name).split() if word not in lexicon("people")["civilites"]]
        fitting = [
            place for place in self._index.with_a_word(words) if _fits(words, self.people[place])
        ]
        return self._id(fitting[0]) if len(fitting) == 1 else None

    def find_email(self, email: str) -> str | None:
        """The participant_id of the first person with this address, or None."""
        places = self._index.with_email(email)
        return self._id(places[0]) if places else None

    def table(self) -> pd.DataFrame:
        """The people table."""
        return PEOPLE.build(
            {
                "participant_id": self._id(place),
                "workshop_id": self.workshop_id,
                "full_name": person.full_name,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "phone": person.phone,
                "origin": person.origin,
            }
            for place, person in enumerate(self.people)
        )

    def _id(self, place: int) -> str:
        return f"{self.workshop_id}-p{place + 1:02d}"

    def _find(self, person: Participant) -> int | None:
        exact = self._index.with_key(person.key)
        if exact is not None:
            return exact
        near = sorted({*self._index.spelt_like(person.key), *self._index.with_email(person.email)})
        return next((place for place in near if _are_one(self.people[place], person)), None)


class _Index:
    """The places of people by what two mentions of one person have in common, so that a list of thousands is not compared with itself."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, ...], int] = {}
        self._by_length: dict[int, dict[str, int]] = defaultdict(
            dict
        )  # names of as many words, each with the first who bears it
        self._by_email: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, list[int]] = defaultdict(list)

    def add(self, place: int, person: Participant) -> None:
        """Enter `person`, or what is known more of the one at `place`."""
        if person.key and self._by_key.setdefault(person.key, place) == place:
            self._by_length[len(person.key)][" ".join(person.key)] = place
        if person.email and place not in (places := self._by_email[person.email.lower()]):
            places.append(place)
            places.sort()
        for word in dict.fromkeys(
            fold(f"{person.first_name or ''} {person.last_name or ''}").split()
        ):
            if place not in self._by_word[word][-1:]:
                self._by_word[word].append(place)

    def with_key(self, key: tuple[str, ...]) -> int | None:
        """The first who bears exactly these words."""
        return self._by_key.get(key)

    def spelt_like(self, key: tuple[str, ...]) -> list[int]:
        """Those whose name has as many words and nearly the same letters."""
        alike = process.extract(
            " ".join(key),
            self._by_length.get(len(key), {}).keys(),
            scorer=fuzz.ratio,
            score_cutoff=_SAME_NAME,
            limit=None,
        )
        return [self._by_length[len(key)][name] for name, *_ in alike]

    def with_email(self, email: str | None) -> list[int]:
        """Those with this address, in order."""
        return self._by_email.get(email.lower(), []) if email else []

    def with_a_word(self, words: Iterable[str]) -> list[int]:
        """Those whose name has any of these words, in order."""
        return sorted({place for word in words for place in self._by_word.get(word, ())})


def split_name(full_name: str) -> tuple[str | None, str | None]:
    """Return (first name, last name) of a name in one cell: capitals or a comma mark the last name, else known first names tell.

    A particle opens a last name, never a first name: "de Sousa Kelly" is Kelly.
    """
    particles = lexicon("people")["particules"]
    bare = " ".join(
        word
        for word in re.sub(r"\([^)]*\)", " ", full_name).split()
        if fold(word) not in lexicon("people")["civilites"]
    )
    if "," in bare:
        last, first = (part.strip() or None for part in bare.split(",", 1))
        return first, last
    words = bare.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    if capitals and len(capitals) < len(words):
        firsts = [word for word in words if word not in capitals and fold(word) not in particles]
        return " ".join(firsts) or None, " ".join(
            word for word in words if word not in firsts
        ) or None
    if len(words) < 2:
        return (bare, None) if is_first_name(bare) else (None, bare or None)
    if fold(words[0]) in particles and not is_first_name(words[0]):
        is_whole = all(fold(word) in particles for word in words[:-1])
        return (None, bare) if is_whole else (words[-1], " ".join(words[:-1]))
    if is_first_name(words[-1]) and not is_first_name(words[0]):
        return words[-1], " ".join(words[:-1])
    return words[0], " ".join(words[1:])


def is_person_name(name: str) -> bool:
    """True for a name that a person may bear, False for a service's or a structure's ("Ateliers CRESS", "contact")."""
    words = fold(name).split()
    return 1 <= len(words) <= 5 and not any(
        word in lexicon("people")["services"] or word.isdigit() for word in words
    )


def is_first_name(name: str) -> bool:
    """True where every word of `name` is a first name borne in France."""
    words = fold(name).split()
    return bool(words) and all(word in _first_names() for word in words)


@cache
def _first_names() -> frozenset[str]:
    lines = data_path("lexicon", "prenoms.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(
        word for line in lines if not line.startswith("#") for word in fold(line).split()
    )


def _are_one(known: Participant, person: Participant) -> bool:
    """True for one name misspelt, or for the same address where one name is missing or alike."""
    if known.key and person.key:
        alike = fuzz.token_sort_ratio(" ".join(known.key), " ".join(person.key))
        same_mail = (
            bool(known.email and person.email)
            and (known.email or "").lower() == (person.email or "").lower()
        )
        same_last = bool(
            set(fold(known.last_name or "").split()) & set(fold(person.last_name or "").split())
        )
        return (len(known.key) == len(person.key) and alike >= _SAME_NAME) or (
            same_mail and same_last
        )
    return (
        bool(known.email and person.email)
        and (known.email or "").lower() == (person.email or "").lower()
    )


def _fits(words: list[str], person: Participant) -> bool:
    """True where each of `words` is a word of the person's name, or the initials of the first name."""
    first, last = fold(person.first_name or "").split(), fold(person.last_name or "").split()
    initials = "".join(word[0] for word in first)
    rest = [word for word in words if word not in first and word not in last]
    return not rest or (
        len(words) > len(rest)
        and all(len(word) <= 2 and initials.startswith(word) for word in rest)
    )
