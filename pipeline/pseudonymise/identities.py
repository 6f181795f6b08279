"""Number persons over the study: those of a workshop's lists, then those whom only texts name.

In:   people and attendance of a workshop, raw; the registry, which grows
Out:  the number of each provisional participant_id and of each name

The same name is the same person unless mail, structure and department all differ; another spelling
is, where mail, telephone or structure confirm it. What remains unsure carries a doubt.
"""

import re
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.pseudonymise.vault import Facts, Forgotten, Person, Registry
from pipeline.pseudonymise.words import terms
from pipeline.text import fold_same_length

HOMONYM = (
    "même nom, mais autre courriel, autre structure et autre département : comptés comme "
    "deux personnes"
)
PERHAPS_TWO = "même nom, mais autre courriel et autre structure : comptés comme une seule personne"
PERHAPS_ONE = "deux écritures proches, sans rien d'autre en commun : comptées comme deux personnes"
_ALIKE = 90  # rapidfuzz score over which two names may be one misspelt
_SIZE_OF_CODE = 5  # an INSEE code; a slug stands where the commune could not be told


@dataclass
class Identified:
    """`numbers`: by provisional participant_id; `forgotten`: those who have none, and whether their
    words go too.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    forgotten: dict[str, Forgotten] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        """The provisional ids."""
        return {*self.numbers, *self.forgotten}

    @property
    def final(self) -> dict[str, str | None]:
        """The pseudonym by provisional id; None for somebody forgotten."""
        return {
            provisional: f"personne-{number}" for provisional, number in self.numbers.items()
        } | dict.fromkeys(self.forgotten)

    def has_no_words(self, speakers: Iterable[object]) -> list[bool]:
        """Which of `speakers` are forgotten with what they said."""
        gone = {provisional for provisional, entry in self.forgotten.items() if entry.has_no_words}
        return [speaker in gone for speaker in speakers]


def identify_people(
    people: pd.DataFrame, attendance: pd.DataFrame, registry: Registry, *, folder: str
) -> Identified:
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
        """The person whose facts these are; None for a new one whom nothing makes doubtful.
        `listed` are the list's names.
        """
        namesakes = self._having("names", facts.names)
        here = [person for person in namesakes if self._folder in person.folders]
        if here:
            return here[0]
        if _is_whole(facts) and namesakes:
            agreeing = [person for person in namesakes if not facts.contradicts(person.facts)]
            if not agreeing:
                return self._new(HOMONYM)
            return min(
                agreeing,
                key=lambda person: (
                    not person.is_listed,
                    not facts.shares(person.facts),
                    person.number,
                ),
            )
        misspelt = self._misspelt(facts)
        reached = self._having("emails", facts.emails) + self._having("phones", facts.phones)
        confirmed = [person for person in reached if _may_be(facts, person)] + [
            person for person in misspelt if facts.shares(person.facts)
        ]
        if confirmed:
            return confirmed[0]
        unlisted = [person for person in self._unlisted if not person.is_listed]
        adopted = _named_in_texts(facts, unlisted, listed)
        return self._new(PERHAPS_ONE) if adopted is None and misspelt else adopted

    def _having(self, kind: str, facts: frozenset[str]) -> list[Person]:
        found = {
            number: person
            for fact in facts
            for number, person in self._by.get((kind, fact), {}).items()
        }
        return [person for _, person in sorted(found.items())]

    def _misspelt(self, facts: Facts) -> list[Person]:
        """Listed persons whose whole name is nearly this one, of as many words."""
        near: set[str] = set()
        for name in facts.names if _is_whole(facts) else ():
            alike = process.extract(
                name, self._names, scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=None
            )
            near |= {other for other, *_ in alike if len(other.split()) == len(name.split())}
        return [person for person in self._having("names", frozenset(near)) if person.is_listed]

    def _new(self, doubt: str) -> Person:
        person = self._registry.add(is_listed=True)
        person.doubt = doubt
        return person


def name_words(text: str) -> str:
    """The folded words of a name in alphabetical order, so that swapped names agree."""
    return " ".join(sorted(fold_same_length(text).replace("-", " ").split()))


def digits_of(phone: str) -> str:
    """The last nine digits of a telephone, alike however it is written; "" for fewer."""
    digits = re.sub(r"\D", "", phone)
    return digits[-9:] if len(digits) >= 9 else ""


def _facts(row: dict[Any, Any], own: pd.DataFrame | None) -> Facts:
    """What a list tells of a person, `own` being the person's lines of attendance."""
    facts = {
        name: str(row[name]).strip()
        for name in ("first_name", "last_name", "full_name", "email", "phone")
        if pd.notna(row[name])
    }
    name = " ".join(
        facts[part] for part in ("first_name", "last_name") if facts.get(part)
    ) or facts.get("full_name", "")
    structures = (
        [] if own is None else [str(structure) for structure in own["structure_id"].dropna()]
    )
    communes = [] if own is None else [str(code) for code in own["commune_code"].dropna()]
    has_human_context = any(facts.get(kind) for kind in ("email", "phone")) or name
    return Facts(
        _set(name_words(name) if has_human_context else str(row["participant_id"])),
        _set(facts.get("email", "").casefold()),
        _set(digits_of(facts.get("phone", ""))),
        frozenset(structures),
        frozenset(
            code[: 3 if code.startswith("97") else 2]
            for code in communes
            if len(code) == _SIZE_OF_CODE and code[2:].isdigit()
        ),
    )


def _set(fact: str) -> frozenset[str]:
    return frozenset({fact}) if fact else frozenset()


def _is_whole(facts: Facts) -> bool:
    """Whether the name has two words at least: Josiane here is not Josiane there."""
    return any(" " in name for name in facts.names)


def _may_be(facts: Facts, person: Person) -> bool:
    """Whether no two names without a common word tell two persons at one address apart."""
    mine, theirs = (
        {word for name in names for word in name.split()}
        for names in (facts.names, person.facts.names)
    )
    return not mine or not theirs or bool(mine & theirs)


def _named_in_texts(
    facts: Facts, unlisted: list[Person], listed: Sequence[frozenset[str]]
) -> Person | None:
    """The person whom texts named by a part of this name before a list did, where nobody else of
    the list has that part.
    """
    for person in unlisted:
        part = {word for name in person.names for word in name.split()}
        fits = any(part <= set(name.split()) for name in facts.names)
        if (
            part
            and fits
            and not person.doubt
            and _n_with(part, listed) == _n_with(part, [facts.names])
        ):
            return person
    return None


def _n_with(part: set[str], listed: Iterable[frozenset[str]]) -> int:
    """How many names have all words of `part`."""
    return sum(part <= set(name.split()) for names in listed for name in names)


def _complete(person: Person, row: dict[Any, Any], facts: Facts, folder: str) -> None:
    """Fill what is not known of the person yet, and doubt whether it is one where mail and
    structure differ.
    """
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


AMBIGUOUS = "plusieurs personnes de l'atelier portent ce nom : compté comme une personne de plus"
_LETTERS = re.compile(r"[^\W\d_]+")
_LONGEST_INITIALS = 3
_EXACT, _CONTAINED, _INITIALS, _MISSPELT = range(4)  # how well a name fits a person, best first


@dataclass(frozen=True)
class PossiblePerson:
    """Somebody whom a name may mean: folded words of first and last name; `number` is None for
    somebody forgotten.
    """

    number: int | None
    first: tuple[str, ...]
    last: tuple[str, ...]

    @classmethod
    def of(
        cls,
        number: int | None,
        first_name: str | None,
        last_name: str | None,
        full_name: str | None,
    ) -> "PossiblePerson":
        """The candidate with these names; a full name alone may be either."""
        first, last, full = (
            spelt(name or "").split() for name in (first_name, last_name, full_name)
        )
        return cls(
            number, tuple(first or ([] if last else full)), tuple(last or ([] if first else full))
        )

    @property
    def words(self) -> frozenset[str]:
        """All words of the name."""
        return frozenset((*self.first, *self.last))


def spelt(name: str) -> str:
    """A name as it is compared: its folded words, hyphens and points as blanks, apostrophes as
    nothing.
    """
    return " ".join(_LETTERS.findall(fold_same_length(name).replace("'", "")))


def number_names(
    names: Iterable[str],
    people: Sequence[PossiblePerson],
    registry: Registry,
    *,
    folder: str,
    name_match: int,
) -> dict[str, int | None]:
    """Return the number of each of `names` (as `spelt`), which are in the order met; new ones are
    entered in `registry`.
    """
    order = list(dict.fromkeys(name for name in names if name))
    known = registry.mentioned(folder)
    numbers: dict[str, int | None] = {name: known[name] for name in order if name in known}
    hidden = registry.forgotten_mentions()
    numbers |= {
        name: None
        for name in order
        if name not in numbers and is_forgotten(name, registry, folder, hidden)
    }
    new = [name for name in order if name not in numbers]
    meant = _meant(new, people, registry, folder=folder, name_match=name_match)
    groups = _Groups(registry, folder, name_match)
    unlisted = [name for name in new if name not in meant]
    for name in sorted(
        unlisted, key=lambda name: not _is_whole_name(name)
    ):  # whole names first, so that parts find them
        groups.place(name)
    ambiguous = {name for name, fitting in meant.items() if len(fitting) > 1}
    for name in new:
        fitting = meant.get(name, ())
        numbers[name] = (
            fitting[0] if len(fitting) == 1 else groups.number(name, is_ambiguous=name in ambiguous)
        )
    for name, number in numbers.items():
        if number is not None and name in new:
            _note(registry.persons[number], folder, name)
    return numbers


def is_forgotten(name: str, registry: Registry, folder: str, hidden: frozenset[str]) -> bool:
    """Whether a name, as `spelt`, was somebody's who is forgotten."""
    forms = {name, name_words(name)}
    return bool(hidden) and any(
        registry.hash_mention(place, form) in hidden
        for place in (folder, "")
        for form in sorted(forms)
    )


def _meant(
    names: Sequence[str],
    people: Sequence[PossiblePerson],
    registry: Registry,
    *,
    folder: str,
    name_match: int,
) -> dict[str, tuple[int | None, ...]]:
    """Whom each name may mean among the workshop's people, or among all listed persons where it is
    whole; absent where nobody.
    """
    elsewhere: dict[str, list[int]] = {}
    for number, person in sorted(registry.persons.items()):
        if person.is_listed and folder not in person.folders:
            for words in person.names:
                elsewhere.setdefault(words, []).append(number)
    meant: dict[str, tuple[int | None, ...]] = {}
    for name in names:
        fitting: tuple[int | None, ...] = best_fits(name, people, name_match)
        if not fitting and _is_whole_name(name):
            fitting = tuple(elsewhere.get(name_words(name), ()))
        if fitting:
            meant[name] = fitting
    return meant


def best_fits(
    name: str, people: Sequence[PossiblePerson], name_match: int
) -> tuple[int | None, ...]:
    """The numbers of those whom `name` fits best, each once."""
    fits = [
        (how, candidate.number)
        for candidate in people
        if (how := fit(name.split(), candidate, name_match)) is not None
    ]
    best = min((how for how, _ in fits), default=None)
    return tuple(dict.fromkeys(number for how, number in fits if how == best))


def fit(words: Sequence[str], candidate: PossiblePerson, name_match: int) -> int | None:
    """How well the words of a name fit a person: all of them, some, with initials, misspelt; None
    where they do not.
    """
    rest = [word for word in words if word not in candidate.words]
    telling = [
        word for word in words if word in candidate.words and word not in terms("particules")
    ]
    if not rest:
        return None if not telling else _EXACT if set(words) == candidate.words else _CONTAINED
    if telling and all(_are_initials(word, candidate) for word in rest):
        return _INITIALS
    if _are_nearly_equal(words, sorted(candidate.words)):
        return _MISSPELT
    near = [
        word for word in rest if any(_is_near(word, other, name_match) for other in candidate.words)
    ]
    others = [word for word in rest if word not in near]
    return _MISSPELT if near and all(_are_initials(word, candidate) for word in others) else None


def _are_initials(word: str, candidate: PossiblePerson) -> bool:
    """Whether `word` is an initial of the name, or the first ones of it in a row: j and m, or jm,
    of Jean-Marc.
    """
    initials = ["".join(part[0] for part in parts) for parts in (candidate.first, candidate.last)]
    return any(
        word in letters if len(word) == 1 else letters.startswith(word)
        for letters in initials
        if len(word) <= _LONGEST_INITIALS
    )


def _are_nearly_equal(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two whole names are one misspelt."""
    return (
        len(words) == len(others) > 1
        and fuzz.ratio(" ".join(sorted(words)), " ".join(sorted(others))) >= _ALIKE
    )


def _is_near(word: str, other: str, name_match: int) -> bool:
    return (
        min(len(word), len(other)) > 4
        and word[0] == other[0]
        and fuzz.ratio(word, other) >= name_match
    )


def _is_whole_name(name: str) -> bool:
    """Whether a name has two words that are more than an initial."""
    return sum(len(word) > 1 and word not in terms("particules") for word in name.split()) > 1


def _note(person: Person, folder: str, name: str) -> None:
    known = person.mentions.setdefault(folder, [])
    known += [] if name in known else [name]
    if folder not in person.folders:
        person.folders.append(folder)


class _Groups:
    """The names of one workshop that no list knows, those of one person together."""

    def __init__(self, registry: Registry, folder: str, name_match: int) -> None:
        self._registry, self._name_match = registry, name_match
        self._persons: list[Person | None] = [
            person for person in registry.met_in(folder, is_listed=False) if not person.doubt
        ]
        self._names: list[list[str]] = [
            list(person.mentions.get(folder, ())) for person in self._persons if person
        ]
        self._group_of: dict[str, int | None] = {}  # None: fits several
        self._folder = folder

    def place(self, name: str) -> None:
        """Put `name` with the names of the one person that it fits, else alone; whole names are to
        be placed first.
        """
        fitting = [group for group, names in enumerate(self._names) if self._fits(name, names)]
        same = [
            group
            for group in fitting
            if any(set(name.split()) == set(other.split()) for other in self._names[group])
        ]
        fitting = same or fitting
        if len(fitting) > 1:
            self._group_of[name] = None
        elif fitting:
            self._group_of[name] = fitting[0]
            self._names[fitting[0]].append(name)
        else:
            self._group_of[name] = len(self._names)
            self._names.append([name])
            self._persons.append(None)

    def number(self, name: str, *, is_ambiguous: bool) -> int:
        """The number of the person whose `name` it is, given now where it has none."""
        group = None if is_ambiguous else self._group_of[name]
        if group is None:
            person = self._enter(name)
            person.doubt = AMBIGUOUS
            return person.number
        person = self._persons[group] or self._enter(name)
        self._persons[group] = person
        person.names += [words for words in [name_words(name)] if words not in person.names]
        return person.number

    def _enter(self, name: str) -> Person:
        person = self._registry.add(is_listed=False)
        person.full_name, person.names, person.folders = name, [name_words(name)], [self._folder]
        return person

    def _fits(self, name: str, names: list[str]) -> bool:
        """Whether `name` may be one of `names`; whole ones tell most."""
        whole = [other for other in names if _is_whole_name(other)]
        return any(self._are_one(name, other) for other in whole or names)

    def _are_one(self, name: str, other: str) -> bool:
        """Whether two names may be one person's: one holds the other, perhaps misspelt or by
        initials.
        """
        shorter, longer = sorted(
            (name, other), key=lambda form: (_is_whole_name(form), len(form.split()))
        )
        if _is_whole_name(shorter) and len(shorter.split()) == len(longer.split()):
            return set(shorter.split()) == set(longer.split()) or _are_nearly_equal(
                shorter.split(), longer.split()
            )
        words = tuple(longer.split())
        return (
            fit(shorter.split(), PossiblePerson(None, words[:1], words[1:]), self._name_match)
            is not None
        )
