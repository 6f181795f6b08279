"""Number the persons whom texts name: whose name it is among the workshop's people, else in the study, else somebody only texts know.

In:   the names masked in a workshop's texts, in the order met; its people; the registry
Out:  the number of each name, None for somebody forgotten; the registry grows

A name keeps the number that it first had in a workshop. One that fits several persons gets a number of its own, and a doubt.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from pipeline.pseudonymise.identities import name_words
from pipeline.pseudonymise.vault import Person, Registry
from pipeline.pseudonymise.words import fold, listed

AMBIGUOUS = "plusieurs personnes de l'atelier portent ce nom : compté comme une personne de plus"
_LETTERS = re.compile(r"[^\W\d_]+")
_LONGEST_INITIALS = 3
_ALIKE = 90  # rapidfuzz score over which two whole names may be one misspelt
_EXACT, _CONTAINED, _INITIALS, _MISSPELT = range(4)  # how well a name fits a person, best first


@dataclass(frozen=True)
class Candidate:
    """Somebody whom a name may mean: folded words of first and last name; `number` is None for somebody forgotten."""

    number: int | None
    first: tuple[str, ...]
    last: tuple[str, ...]

    @classmethod
    def of(cls, number: int | None, first_name: str | None, last_name: str | None, full_name: str | None) -> "Candidate":
        """The candidate with these names; a full name alone may be either."""
        first, last, full = (spelt(name or "").split() for name in (first_name, last_name, full_name))
        return cls(number, tuple(first or ([] if last else full)), tuple(last or ([] if first else full)))

    @property
    def words(self) -> frozenset[str]:
        """All words of the name."""
        return frozenset((*self.first, *self.last))


def spelt(name: str) -> str:
    """A name as it is compared: its folded words, hyphens and points as blanks, apostrophes as nothing."""
    return " ".join(_LETTERS.findall(fold(name).replace("'", "")))


def number_names(
    names: Iterable[str], people: Sequence[Candidate], registry: Registry, *, folder: str, name_match: int
) -> dict[str, int | None]:
    """Return the number of each of `names` (as `spelt`), which are in the order met; new ones are entered in `registry`."""
    order = list(dict.fromkeys(name for name in names if name))
    known = registry.mentioned(folder)
    numbers: dict[str, int | None] = {name: known[name] for name in order if name in known}
    hidden = registry.forgotten_mentions()
    numbers |= {name: None for name in order if name not in numbers and is_forgotten(name, registry, folder, hidden)}
    new = [name for name in order if name not in numbers]
    meant = _meant(new, people, registry, folder=folder, name_match=name_match)
    groups = _Groups(registry, folder, name_match)
    unlisted = [name for name in new if name not in meant]
    for name in sorted(unlisted, key=lambda name: not _is_whole(name)):  # whole names first, so that parts find them
        groups.place(name)
    ambiguous = {name for name, fitting in meant.items() if len(fitting) > 1}
    for name in new:
        fitting = meant.get(name, ())
        numbers[name] = fitting[0] if len(fitting) == 1 else groups.number(name, is_ambiguous=name in ambiguous)
    for name, number in numbers.items():
        if number is not None and name in new:
            _note(registry.persons[number], folder, name)
    return numbers


def is_forgotten(name: str, registry: Registry, folder: str, hidden: frozenset[str]) -> bool:
    """Whether a name, as `spelt`, was somebody's who is forgotten."""
    forms = {name, name_words(name)}
    return bool(hidden) and any(registry.hash_mention(place, form) in hidden for place in (folder, "") for form in sorted(forms))


def _meant(
    names: Sequence[str], people: Sequence[Candidate], registry: Registry, *, folder: str, name_match: int
) -> dict[str, tuple[int | None, ...]]:
    """Whom each name may mean among the workshop's people, or among all listed persons where it is whole; absent where nobody."""
    elsewhere: dict[str, list[int]] = {}
    for number, person in sorted(registry.persons.items()):
        if person.is_listed and folder not in person.folders:
            for words in person.names:
                elsewhere.setdefault(words, []).append(number)
    meant: dict[str, tuple[int | None, ...]] = {}
    for name in names:
        fitting: tuple[int | None, ...] = best_fits(name, people, name_match)
        if not fitting and _is_whole(name):
            fitting = tuple(elsewhere.get(name_words(name), ()))
        if fitting:
            meant[name] = fitting
    return meant


def best_fits(name: str, people: Sequence[Candidate], name_match: int) -> tuple[int | None, ...]:
    """The numbers of those whom `name` fits best, each once."""
    fits = [(how, candidate.number) for candidate in people if (how := fit(name.split(), candidate, name_match)) is not None]
    best = min((how for how, _ in fits), default=None)
    return tuple(dict.fromkeys(number for how, number in fits if how == best))


def fit(words: Sequence[str], candidate: Candidate, name_match: int) -> int | None:
    """How well the words of a name fit a person: all of them, some, with initials, misspelt; None where they do not."""
    rest = [word for word in words if word not in candidate.words]
    telling = [word for word in words if word in candidate.words and word not in listed("particules")]
    if not rest:
        return None if not telling else _EXACT if set(words) == candidate.words else _CONTAINED
    if telling and all(_are_initials(word, candidate) for word in rest):
        return _INITIALS
    if _are_nearly_equal(words, sorted(candidate.words)):
        return _MISSPELT
    near = [word for word in rest if any(_is_near(word, other, name_match) for other in candidate.words)]
    others = [word for word in rest if word not in near]
    return _MISSPELT if near and all(_are_initials(word, candidate) for word in others) else None


def _are_initials(word: str, candidate: Candidate) -> bool:
    """Whether `word` is an initial of the name, or the first ones of it in a row: j and m, or jm, of Jean-Marc."""
    initials = ["".join(part[0] for part in parts) for parts in (candidate.first, candidate.last)]
    return any(word in letters if len(word) == 1 else letters.startswith(word) for letters in initials if len(word) <= _LONGEST_INITIALS)


def _are_nearly_equal(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two whole names are one misspelt."""
    return len(words) == len(others) > 1 and fuzz.ratio(" ".join(sorted(words)), " ".join(sorted(others))) >= _ALIKE


def _is_near(word: str, other: str, name_match: int) -> bool:
    return min(len(word), len(other)) > 4 and word[0] == other[0] and fuzz.ratio(word, other) >= name_match


def _is_whole(name: str) -> bool:
    """Whether a name has two words that are more than an initial."""
    return sum(len(word) > 1 and word not in listed("particules") for word in name.split()) > 1


def _note(person: Person, folder: str, name: str) -> None:
    known = person.mentions.setdefault(folder, [])
    known += [] if name in known else [name]
    if folder not in person.folders:
        person.folders.append(folder)


class _Groups:
    """The names of one workshop that no list knows, those of one person together."""

    def __init__(self, registry: Registry, folder: str, name_match: int) -> None:
        self._registry, self._name_match = registry, name_match
        self._persons: list[Person | None] = [person for person in registry.met_in(folder, is_listed=False) if not person.doubt]
        self._names: list[list[str]] = [list(person.mentions.get(folder, ())) for person in self._persons if person]
        self._group_of: dict[str, int | None] = {}  # None: fits several
        self._folder = folder

    def place(self, name: str) -> None:
        """Put `name` with the names of the one person that it fits, else alone; whole names are to be placed first."""
        fitting = [group for group, names in enumerate(self._names) if self._fits(name, names)]
        same = [group for group in fitting if any(set(name.split()) == set(other.split()) for other in self._names[group])]
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
        """Whether `name` may be that of the person with `names`, of which the whole ones tell most."""
        whole = [other for other in names if _is_whole(other)]
        return any(self._are_one(name, other) for other in whole or names)

    def _are_one(self, name: str, other: str) -> bool:
        """Whether two names may be one person's: one holds the other, perhaps misspelt or by initials."""
        shorter, longer = sorted((name, other), key=lambda form: (_is_whole(form), len(form.split())))
        if _is_whole(shorter) and len(shorter.split()) == len(longer.split()):
            return set(shorter.split()) == set(longer.split()) or _are_nearly_equal(shorter.split(), longer.split())
        words = tuple(longer.split())
        return fit(shorter.split(), Candidate(None, words[:1], words[1:]), self._name_match) is not None
