"""Number the persons of a workshop's lists over the study.

In:   the raw people and attendance of a workshop; the registry, which grows
Out:  the number of each provisional participant_id

One name is one person unless mail, structure and department all differ. Another spelling is the
same person if mail, telephone or structure confirms it. Unsure cases carry a doubt.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.pseudonymise.vault import Facts, Forgotten, Person, Registry
from pipeline.pseudonymise.words import is_first_name
from pipeline.text import fold_same_length

HOMONYM = (
    "même nom, mais autre courriel, autre structure et autre département : comptés comme "
    "deux personnes"
)
PERHAPS_TWO = "même nom, mais autre courriel et autre structure : comptés comme une seule personne"
PERHAPS_ONE = "deux écritures proches, sans rien d'autre en commun : comptées comme deux personnes"
UNLISTED = "écrit devant des propos, mais sur aucune liste : compté comme une personne"
_APART = (HOMONYM, PERHAPS_ONE)
MISSPELT = 90  # rapidfuzz score above which two names may be one, misspelt
_SIZE_OF_CODE = 5  # an INSEE code; a slug stands for an unknown commune


@dataclass
class Identified:
    """Numbers by provisional participant_id; forgotten people have none."""

    numbers: dict[str, int] = field(default_factory=dict)
    forgotten: dict[str, Forgotten] = field(default_factory=dict)

    @property
    def final(self) -> dict[str, str | None]:
        """Return the pseudonym by provisional id, None for a forgotten person."""
        return {
            provisional: f"personne-{number}" for provisional, number in self.numbers.items()
        } | dict.fromkeys(self.forgotten)

    def has_no_words(self, speakers: Iterable[object]) -> list[bool]:
        """Whether each speaker is forgotten together with their words."""
        gone = {provisional for provisional, entry in self.forgotten.items() if entry.has_no_words}
        return [speaker in gone for speaker in speakers]


def identify_people(
    people: pd.DataFrame,
    attendance: pd.DataFrame,
    registry: Registry,
    *,
    folder: str,
    same: frozenset[str] = frozenset(),
) -> Identified:
    """Number `people` in `registry`, and add their facts to it.

    A person decided that whoever has a name of `same` is the one it was doubted to be.
    """
    identified, index = Identified(), _PersonIndex(registry, folder, same)
    rows: list[dict[Any, Any]] = people.to_dict("records")
    attended: dict[Any, pd.DataFrame] = dict(list(attendance.groupby("participant_id")))
    facts_of_rows = [_facts(row, attended.get(row["participant_id"])) for row in rows]
    names = [facts.names for facts in facts_of_rows]
    for row, facts in zip(rows, facts_of_rows, strict=True):
        provisional = str(row["participant_id"])
        hashed = facts.hashed(registry.secret) if registry.forgotten else facts
        forgotten = next((entry for entry in registry.forgotten if entry.is_person(hashed)), None)
        if forgotten is not None:
            identified.forgotten[provisional] = forgotten
            continue
        person = index.find(facts, names) or registry.add(is_listed=True)
        _complete(person, row, facts, folder, is_sure=bool(same & facts.names))
        index.enter(person)
        identified.numbers[provisional] = person.number
    return identified


def _facts(row: dict[Any, Any], attended: pd.DataFrame | None) -> Facts:
    columns = ("first_name", "last_name", "full_name", "email", "phone")
    cells = {column: str(row[column]).strip() for column in columns if pd.notna(row[column])}
    parts = [cells[part] for part in ("first_name", "last_name") if cells.get(part)]
    name = " ".join(parts) or cells.get("full_name", "")
    is_somebody = name or cells.get("email") or cells.get("phone")
    structures: list[str] = []
    codes: list[str] = []
    if attended is not None:
        structures = [str(structure) for structure in attended["structure_id"].dropna()]
        codes = [str(code) for code in attended["commune_code"].dropna()]
    return Facts(
        _set(name_words(name) if is_somebody else str(row["participant_id"])),
        _set(cells.get("email", "").casefold()),
        _set(digits_of(cells.get("phone", ""))),
        frozenset(structures),
        frozenset(
            code[: 3 if code.startswith("97") else 2]
            for code in codes
            if len(code) == _SIZE_OF_CODE and code[2:].isdigit()
        ),
    )


def _set(fact: str) -> frozenset[str]:
    return frozenset({fact}) if fact else frozenset()


def name_words(text: str) -> str:
    """Return the folded words of a name, sorted so that swapped names agree."""
    return " ".join(sorted(fold_same_length(text).replace("-", " ").split()))


def digits_of(phone: str) -> str:
    """Return the last nine digits of a telephone, "" for fewer."""
    digits = re.sub(r"\D", "", phone)
    return digits[-9:] if len(digits) >= 9 else ""


def _complete(
    person: Person, row: dict[Any, Any], facts: Facts, folder: str, *, is_sure: bool
) -> None:
    """Doubt the identity where mail and structure differ, unless a person said who it is."""
    is_met = folder in person.folders
    if row["origin"] != "transcript" and person.doubt == UNLISTED:
        person.doubt = ""
    if row["origin"] == "transcript" and not person.folders and not _holds_first_name(facts):
        person.doubt = UNLISTED
    if not is_sure and not person.doubt and not is_met and facts.is_elsewhere(person.facts):
        person.doubt = PERHAPS_TWO
    for column in ("first_name", "last_name", "full_name"):
        if getattr(person, column) is None and pd.notna(row[column]):
            setattr(person, column, str(row[column]))
    person.is_listed = True
    person.learn(folder, facts)


def _holds_first_name(facts: Facts) -> bool:
    return any(is_first_name(word) for name in facts.names for word in name.split())


class _PersonIndex:
    def __init__(self, registry: Registry, folder: str, same: frozenset[str]) -> None:
        self._registry, self._folder, self._same = registry, folder, same
        self._unlisted = registry.met_in(folder, is_listed=False)
        # by kind and fact, then by number
        self._persons_by: dict[str, dict[str, dict[int, Person]]] = {
            kind: {} for kind in Facts._fields
        }
        for _, person in sorted(registry.persons.items()):
            self.enter(person)

    def enter(self, person: Person) -> None:
        """Index a person, or its new facts."""
        for kind in Facts._fields:
            for fact in getattr(person, kind):
                self._persons_by[kind].setdefault(fact, {})[person.number] = person

    def find(self, facts: Facts, list_names: Sequence[frozenset[str]]) -> Person | None:
        """Return the person with these facts, or a new doubtful one, or None."""
        namesakes = self._having("names", facts.names)
        if self._same & facts.names and (joined := self._joined(facts, namesakes)):
            return joined
        here = [person for person in namesakes if self._folder in person.folders]
        if here:
            return here[0]
        if _is_whole(facts) and namesakes:
            agreeing = [person for person in namesakes if not facts.contradicts(person.facts)]
            if not agreeing:
                return self._new(HOMONYM)
            return min(
                agreeing, key=lambda person: (not person.is_listed, not facts.shares(person.facts))
            )
        misspelt = self._misspelt(facts)
        reached = self._having("emails", facts.emails) + self._having("phones", facts.phones)
        confirmed = [person for person in reached if _may_be(facts, person)] + [
            person for person in misspelt if facts.shares(person.facts)
        ]
        if confirmed:
            return confirmed[0]
        unlisted = [person for person in self._unlisted if not person.is_listed]
        adopted = _named_in_texts(facts, unlisted, list_names)
        return self._new(PERHAPS_ONE) if adopted is None and misspelt else adopted

    def _joined(self, facts: Facts, namesakes: list[Person]) -> Person | None:
        """Return the person who was there first, and drop the one doubted to be another."""
        alike = {person.number: person for person in [*namesakes, *self._misspelt(facts)]}
        sure = [person for _, person in sorted(alike.items()) if person.doubt not in _APART]
        if not sure:
            return None
        for person in namesakes:
            if person.doubt in _APART:
                del self._registry.persons[person.number]
                for persons in chain.from_iterable(map(dict.values, self._persons_by.values())):
                    persons.pop(person.number, None)
        return sure[0]

    def _having(self, kind: str, facts: frozenset[str]) -> list[Person]:
        persons: dict[int, Person] = {}
        for fact in facts:
            persons |= self._persons_by[kind].get(fact, {})
        return [person for _, person in sorted(persons.items())]

    def _misspelt(self, facts: Facts) -> list[Person]:
        near: set[str] = set()
        for name in facts.names if _is_whole(facts) else ():
            alike = process.extract(
                name,
                self._persons_by["names"].keys(),
                scorer=fuzz.ratio,
                score_cutoff=MISSPELT,
                limit=None,
            )
            near |= {other for other, *_ in alike if len(other.split()) == len(name.split())}
        return [person for person in self._having("names", frozenset(near)) if person.is_listed]

    def _new(self, doubt: str) -> Person:
        person = self._registry.add(is_listed=True)
        person.doubt = doubt
        return person


def _is_whole(facts: Facts) -> bool:
    """Josiane here is not Josiane there."""
    return any(" " in name for name in facts.names)


def _may_be(facts: Facts, person: Person) -> bool:
    """Names without a common word are two persons at one address."""
    mine, theirs = _words(facts.names), _words(person.names)
    return not mine or not theirs or bool(mine & theirs)


def _words(names: Iterable[str]) -> set[str]:
    return {word for name in names for word in name.split()}


def _named_in_texts(
    facts: Facts, unlisted: list[Person], list_names: Sequence[frozenset[str]]
) -> Person | None:
    """Texts use a part of this name that is unique on the list."""
    for person in unlisted:
        part = _words(person.names)
        n_own = _n_with(part, [facts.names])
        if part and n_own and not person.doubt and n_own == _n_with(part, list_names):
            return person
    return None


def _n_with(part: set[str], list_names: Iterable[frozenset[str]]) -> int:
    return sum(part <= set(name.split()) for names in list_names for name in names)
