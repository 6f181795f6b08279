"""Tell who of a workshop's list is whom in the study: one person has one number over all workshops.

In:   people and attendance of a workshop, raw; the registry
Out:  the number of each provisional participant_id, and who of them is forgotten; the registry grows

The same name is the same person unless mail, structure and department all differ; another spelling is, where mail, telephone or structure
confirm it. What remains unsure carries a doubt for a person to look at.
"""

import re
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.pseudonymise.vault import Facts, Forgotten, Person, Registry
from pipeline.pseudonymise.words import fold

HOMONYM = "même nom, mais autre courriel, autre structure et autre département : comptés comme deux personnes"
PERHAPS_TWO = "même nom, mais autre courriel et autre structure : comptés comme une seule personne"
PERHAPS_ONE = "deux écritures proches, sans rien d'autre en commun : comptées comme deux personnes"
_ALIKE = 90  # rapidfuzz score over which two names may be one misspelt
_SIZE_OF_CODE = 5  # an INSEE code; a slug stands where the commune could not be told


@dataclass
class Identified:
    """`numbers`: by provisional participant_id; `forgotten`: those who have none, and whether their words go too."""

    numbers: dict[str, int] = field(default_factory=dict)
    forgotten: dict[str, Forgotten] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        """The provisional ids."""
        return {*self.numbers, *self.forgotten}

    @property
    def final(self) -> dict[str, str | None]:
        """The pseudonym by provisional id; None for somebody forgotten."""
        return {provisional: f"personne-{number}" for provisional, number in self.numbers.items()} | dict.fromkeys(self.forgotten)

    def has_no_words(self, speakers: Iterable[object]) -> list[bool]:
        """Which of `speakers` are forgotten with what they said."""
        gone = {provisional for provisional, entry in self.forgotten.items() if entry.has_no_words}
        return [speaker in gone for speaker in speakers]


def identify_people(people: pd.DataFrame, attendance: pd.DataFrame, registry: Registry, *, folder: str) -> Identified:
    """Give each of `people` its number in `registry`, which learns what they tell."""
    found, index = Identified(), _Index(registry, folder)
    rows: list[dict[Any, Any]] = people.to_dict("records")
    lines: dict[Any, pd.DataFrame] = dict(list(attendance.groupby("participant_id")))
    known = [(row, _facts(row, lines.get(row["participant_id"]))) for row in rows]
    names = [facts.names for _, facts in known]
    for row, facts in known:
        provisional = str(row["participant_id"])
        hashed = facts.hashed(registry.secret) if registry.forgotten else facts
        forgotten = next((entry for entry in registry.forgotten if entry.is_person(hashed)), None)
        if forgotten is not None:
            found.forgotten[provisional] = forgotten
            continue
        person = index.find(facts, names) or registry.add(is_listed=True)
        _complete(person, row, facts, folder)
        index.enter(person)
        found.numbers[provisional] = person.number
    return found


class _Index:
    """The registry's persons by what identifies them."""

    def __init__(self, registry: Registry, folder: str) -> None:
        self._registry, self._folder = registry, folder
        self._unlisted = registry.met_in(folder, is_listed=False)
        self._by: dict[tuple[str, str], dict[int, Person]] = {}
        self._names: list[str] = []  # sorted
        for _, person in sorted(registry.persons.items()):
            self.enter(person)

    def enter(self, person: Person) -> None:
        """Enter a person, or what was learnt of it."""
        for kind, facts in person.facts._asdict().items():
            for fact in facts:
                if kind == "names" and (kind, fact) not in self._by:
                    insort(self._names, fact)
                self._by.setdefault((kind, fact), {})[person.number] = person

    def find(self, facts: Facts, listed: Sequence[frozenset[str]]) -> Person | None:
        """The person whose facts these are; None for a new one whom nothing makes doubtful. `listed` are the list's names."""
        namesakes = self._having("names", facts.names)
        here = [person for person in namesakes if self._folder in person.folders]
        if here:
            return here[0]
        if _is_whole(facts) and namesakes:
            agreeing = [person for person in namesakes if not facts.contradicts(person.facts)]
            if not agreeing:
                return self._new(HOMONYM)
            return min(agreeing, key=lambda person: (not person.is_listed, not facts.shares(person.facts), person.number))
        misspelt = self._misspelt(facts)
        reached = self._having("emails", facts.emails) + self._having("phones", facts.phones)
        confirmed = [person for person in reached if _may_be(facts, person)] + [person for person in misspelt if facts.shares(person.facts)]
        if confirmed:
            return confirmed[0]
        unlisted = [person for person in self._unlisted if not person.is_listed]
        adopted = _named_in_texts(facts, unlisted, listed)
        return self._new(PERHAPS_ONE) if adopted is None and misspelt else adopted

    def _having(self, kind: str, facts: frozenset[str]) -> list[Person]:
        found = {number: person for fact in facts for number, person in self._by.get((kind, fact), {}).items()}
        return [person for _, person in sorted(found.items())]

    def _misspelt(self, facts: Facts) -> list[Person]:
        """Listed persons whose whole name is nearly this one, of as many words."""
        near: set[str] = set()
        for name in facts.names if _is_whole(facts) else ():
            alike = process.extract(name, self._names, scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=None)
            near |= {other for other, *_ in alike if len(other.split()) == len(name.split())}
        return [person for person in self._having("names", frozenset(near)) if person.is_listed]

    def _new(self, doubt: str) -> Person:
        person = self._registry.add(is_listed=True)
        person.doubt = doubt
        return person


def name_words(text: str) -> str:
    """The folded words of a name in alphabetical order, so that swapped names agree."""
    return " ".join(sorted(fold(text).replace("-", " ").split()))


def digits_of(phone: str) -> str:
    """The last nine digits of a telephone, alike however it is written; "" for fewer."""
    digits = re.sub(r"\D", "", phone)
    return digits[-9:] if len(digits) >= 9 else ""


def _facts(row: dict[Any, Any], own: pd.DataFrame | None) -> Facts:
    """What a list tells of a person, `own` being the person's lines of attendance."""
    facts = {name: str(row[name]).strip() for name in ("first_name", "last_name", "full_name", "email", "phone") if pd.notna(row[name])}
    name = " ".join(facts[part] for part in ("first_name", "last_name") if facts.get(part)) or facts.get("full_name", "")
    structures = [] if own is None else [str(structure) for structure in own["structure_id"].dropna()]
    communes = [] if own is None else [str(code) for code in own["commune_code"].dropna()]
    is_told = any(facts.get(kind) for kind in ("email", "phone")) or name
    return Facts(
        _set(name_words(name) if is_told else str(row["participant_id"])),
        _set(facts.get("email", "").casefold()),
        _set(digits_of(facts.get("phone", ""))),
        frozenset(structures),
        frozenset(code[: 3 if code.startswith("97") else 2] for code in communes if len(code) == _SIZE_OF_CODE and code[2:].isdigit()),
    )


def _set(fact: str) -> frozenset[str]:
    return frozenset({fact}) if fact else frozenset()


def _is_whole(facts: Facts) -> bool:
    """Whether the name has two words at least: Josiane here is not Josiane there."""
    return any(" " in name for name in facts.names)


def _may_be(facts: Facts, person: Person) -> bool:
    """Whether no two names without a common word tell two persons at one address apart."""
    mine, theirs = ({word for name in names for word in name.split()} for names in (facts.names, person.facts.names))
    return not mine or not theirs or bool(mine & theirs)


def _named_in_texts(facts: Facts, unlisted: list[Person], listed: Sequence[frozenset[str]]) -> Person | None:
    """The person whom texts named by a part of this name before a list did, where nobody else of the list has that part."""
    for person in unlisted:
        part = {word for name in person.names for word in name.split()}
        fits = any(part <= set(name.split()) for name in facts.names)
        if part and fits and not person.doubt and _n_with(part, listed) == _n_with(part, [facts.names]):
            return person
    return None


def _n_with(part: set[str], listed: Iterable[frozenset[str]]) -> int:
    """How many names have all words of `part`."""
    return sum(part <= set(name.split()) for names in listed for name in names)


def _complete(person: Person, row: dict[Any, Any], facts: Facts, folder: str) -> None:
    """Fill what is not known of the person yet, and doubt whether it is one where mail and structure differ."""
    if not person.doubt and folder not in person.folders and _may_be_two(facts, person.facts):
        person.doubt = PERHAPS_TWO
    for name in ("first_name", "last_name", "full_name"):
        if getattr(person, name) is None and pd.notna(row[name]):
            setattr(person, name, str(row[name]))
    person.is_listed = True
    person.learn(folder, facts)


def _may_be_two(facts: Facts, other: Facts) -> bool:
    pairs = ((facts.emails, other.emails), (facts.structures, other.structures))
    return all(mine and theirs and not mine & theirs for mine, theirs in pairs)
