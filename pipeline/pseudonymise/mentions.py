"""Number the names in a workshop's texts, of persons listed or not.

In:   hidden names in the order met; the people they may mean; the registry, which grows
Out:  the number of each name; a name that fits several persons is a new one, in doubt
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from pipeline.pseudonymise.identities import MISSPELT, name_words
from pipeline.pseudonymise.vault import Person, Registry
from pipeline.pseudonymise.words import terms
from pipeline.text import fold_same_length

AMBIGUOUS = "plusieurs personnes de l'atelier portent ce nom : compté comme une personne de plus"
_LETTERS = re.compile(r"[^\W\d_]+")
_LONGEST_INITIALS = 3
_EXACT, _CONTAINED, _INITIALS, _MISSPELT = range(4)  # how well a name fits a person, best first


@dataclass(frozen=True)
class PossiblePerson:
    """Folded words of a first and last name; a forgotten person has no `number`."""

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
        """Return the candidate; a full name alone may be first or last."""
        first, last, full = (
            spelt(name or "").split() for name in (first_name, last_name, full_name)
        )
        return cls(
            number, tuple(first or ([] if last else full)), tuple(last or ([] if first else full))
        )

    @property
    def words(self) -> frozenset[str]:
        """Return all words of the name."""
        return frozenset((*self.first, *self.last))


def spelt(name: str) -> str:
    """Return the folded words of a name, without hyphens, points or apostrophes."""
    return " ".join(_LETTERS.findall(fold_same_length(name).replace("'", "")))


def number_names(
    names: Iterable[str],
    people: Sequence[PossiblePerson],
    registry: Registry,
    *,
    folder: str,
    name_match: int,
) -> dict[str, int | None]:
    """Return the number of each `spelt` name in the order met, None for a forgotten person."""
    numbers: dict[str, int | None] = {}
    new: list[str] = []
    earlier, hidden = registry.mentioned(folder), registry.forgotten_mentions()
    for name in dict.fromkeys(filter(None, names)):
        if name in earlier:
            numbers[name] = earlier[name]
        elif is_forgotten(name, registry, folder, hidden):
            numbers[name] = None
        else:
            new.append(name)
    candidates = _candidates(new, people, registry, folder=folder, name_match=name_match)
    groups = _UnlistedNames(registry, folder, name_match)
    # whole names first, so that parts find them
    for name in sorted(new, key=lambda name: not _is_whole(name)):
        if name not in candidates:
            groups.add(name)
    for name in new:
        fitting = candidates.get(name, ())
        number = fitting[0] if len(fitting) == 1 else groups.number(name)
        numbers[name] = number
        if number is not None:
            _note(registry.persons[number], folder, name)
    return numbers


def is_forgotten(name: str, registry: Registry, folder: str, hidden: frozenset[str]) -> bool:
    """Whether a `spelt` name belongs to a forgotten person."""
    return bool(hidden) and any(
        registry.hash_mention(where, form) in hidden
        for where in (folder, "")
        for form in (name, name_words(name))
    )


def _candidates(
    names: Sequence[str],
    people: Sequence[PossiblePerson],
    registry: Registry,
    *,
    folder: str,
    name_match: int,
) -> dict[str, tuple[int | None, ...]]:
    """A whole name may be any listed person's, a part only one of the workshop's."""
    elsewhere: dict[str, list[int]] = {}
    for number, person in sorted(registry.persons.items()):
        if person.is_listed and folder not in person.folders:
            for words in person.names:
                elsewhere.setdefault(words, []).append(number)
    candidates: dict[str, tuple[int | None, ...]] = {}
    for name in names:
        numbers = best_fits(name, people, name_match)
        if not numbers and _is_whole(name):
            numbers = tuple(elsewhere.get(name_words(name), ()))
        if numbers:
            candidates[name] = numbers
    return candidates


def best_fits(
    name: str, people: Sequence[PossiblePerson], name_match: int
) -> tuple[int | None, ...]:
    """Return the numbers of the `people` that a `spelt` name fits best."""
    fits = [(_fit(name.split(), person, name_match), person.number) for person in people]
    best = min((fit for fit, _ in fits if fit is not None), default=None)
    return tuple(dict.fromkeys(number for fit, number in fits if fit is not None and fit == best))


def _fit(words: Sequence[str], person: PossiblePerson, name_match: int) -> int | None:
    others = [word for word in words if word not in person.words]
    has_name_word = any(word in person.words - terms("particules") for word in words)
    if not others:
        fit = _EXACT if set(words) == person.words else _CONTAINED
        return fit if has_name_word else None
    if has_name_word and all(_are_initials(word, person) for word in others):
        return _INITIALS
    if _are_nearly_equal(words, sorted(person.words)):
        return _MISSPELT
    unlike = [
        word
        for word in others
        if not any(_is_near(word, other, name_match) for other in person.words)
    ]
    is_misspelt = len(unlike) < len(others) and all(_are_initials(word, person) for word in unlike)
    return _MISSPELT if is_misspelt else None


def _are_initials(word: str, person: PossiblePerson) -> bool:
    """J and m, or jm, of Jean-Marc."""
    if len(word) > _LONGEST_INITIALS:
        return False
    initials = ["".join(part[0] for part in parts) for parts in (person.first, person.last)]
    return any(
        word in letters if len(word) == 1 else letters.startswith(word) for letters in initials
    )


def _are_nearly_equal(words: Sequence[str], others: Sequence[str]) -> bool:
    return (
        len(words) == len(others) > 1
        and fuzz.ratio(" ".join(sorted(words)), " ".join(sorted(others))) >= MISSPELT
    )


def _is_near(word: str, other: str, name_match: int) -> bool:
    is_long = min(len(word), len(other)) > 4
    return is_long and word[0] == other[0] and fuzz.ratio(word, other) >= name_match


def _is_whole(name: str) -> bool:
    """Two words are longer than an initial."""
    return sum(len(word) > 1 and word not in terms("particules") for word in name.split()) > 1


def _note(person: Person, folder: str, name: str) -> None:
    mentions = person.mentions.setdefault(folder, [])
    if name not in mentions:
        mentions.append(name)
    if folder not in person.folders:
        person.folders.append(folder)


class _UnlistedNames:
    def __init__(self, registry: Registry, folder: str, name_match: int) -> None:
        self._registry, self._name_match, self._folder = registry, name_match, folder
        self._persons: list[Person | None] = [
            person for person in registry.met_in(folder, is_listed=False) if not person.doubt
        ]
        self._names: list[list[str]] = [
            list(person.mentions.get(folder, ())) for person in self._persons if person
        ]
        self._group_of: dict[str, int] = {}  # a name that fits several has none

    def add(self, name: str) -> None:
        """Group `name` with its one person, else alone; add whole names first."""
        words = set(name.split())
        fitting = [group for group, names in enumerate(self._names) if self._fits(name, names)]
        same = [
            group
            for group in fitting
            if any(words == set(other.split()) for other in self._names[group])
        ]
        fitting = same or fitting
        if not fitting:
            self._group_of[name] = len(self._names)
            self._names.append([name])
            self._persons.append(None)
        elif len(fitting) == 1:
            self._group_of[name] = fitting[0]
            self._names[fitting[0]].append(name)

    def number(self, name: str) -> int:
        """Return the person's number; a name of several persons is a new one in doubt."""
        group = self._group_of.get(name)
        if group is None:
            person = self._enter(name)
            person.doubt = AMBIGUOUS
            return person.number
        person = self._persons[group] or self._enter(name)
        self._persons[group] = person
        if name_words(name) not in person.names:
            person.names.append(name_words(name))
        return person.number

    def _enter(self, name: str) -> Person:
        person = self._registry.add(is_listed=False)
        person.full_name, person.names, person.folders = name, [name_words(name)], [self._folder]
        return person

    def _fits(self, name: str, names: list[str]) -> bool:
        whole = [other for other in names if _is_whole(other)]
        return any(self._are_one(name, other) for other in whole or names)

    def _are_one(self, name: str, other: str) -> bool:
        forms = sorted((name, other), key=lambda form: (_is_whole(form), len(form.split())))
        shorter, longer = (form.split() for form in forms)
        if _is_whole(forms[0]) and len(shorter) == len(longer):
            return set(shorter) == set(longer) or _are_nearly_equal(shorter, longer)
        person = PossiblePerson(None, tuple(longer[:1]), tuple(longer[1:]))
        return _fit(shorter, person, self._name_match) is not None
