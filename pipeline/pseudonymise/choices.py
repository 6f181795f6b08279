"""Apply people's choices: words to hide or keep, persons to find or forget."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pipeline.french import is_word
from pipeline.pseudonymise.identities import digits_of, name_words
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.mentions import is_forgotten, spelt
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.vault import Facts, Person, Registry
from pipeline.pseudonymise.words import is_first_name, is_sure_surname, terms
from pipeline.text import fold_same_length, longest_first

_MOST_WORDS = 5  # of a forgotten name


@dataclass(frozen=True)
class Choices:
    """Words to hide or keep, in any case and accents; hiding wins. Names of one same person.

    `same` holds names of lists, as `name_words` gives them, that are another person's too.
    """

    keep: frozenset[str] = frozenset()
    hide: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset()


class DecidedMasker(Masker):
    """Applies people's decisions to a masker; `folder` is the workshop's, "" all."""

    def __init__(
        self, roster: Roster, *, name_match: int, choices: Choices, registry: Registry, folder: str
    ) -> None:
        super().__init__(roster, name_match=name_match)
        self._hide = frozenset(map(_key, choices.hide))
        self._to_hide = any_of(self._hide)
        self._keep = frozenset(map(spelt, choices.keep)) - frozenset(map(spelt, choices.hide))
        self._registry, self._folders = registry, [folder] if folder else registry.folders or [""]
        self._hidden = registry.forgotten_mentions()
        self._is_hidden_name = cache(self._is_hidden)

    def find(self, texts: list[tuple[str, list[tuple[int, int]]]]) -> list[list[Mask]]:
        """Return the masks of each (text, block spans)."""
        return [
            [*(self._decided(mask, text) for mask in masks), *self._added(text)]
            for (text, _), masks in zip(texts, super().find(texts), strict=True)
        ]

    def _decided(self, mask: Mask, text: str) -> Mask:
        if mask.token != PERSON:
            return mask
        words = text[mask.start : mask.end]
        return mask._replace(
            is_readable=(spelt(words) in self._keep and not mask.is_sure)
            or (mask.is_readable and _key(words) not in self._hide)
        )

    def _added(self, text: str) -> Iterable[Mask]:
        masks = self._forgotten(text) if self._hidden else []
        matches = self._to_hide.finditer(fold_same_length(text))
        return masks + [Mask(*match.span(), PERSON) for match in matches]

    def _forgotten(self, text: str) -> list[Mask]:
        words = Passage(text).words
        masks: list[Mask] = []
        for word in words:
            for last in reversed(words[word.index : word.index + _MOST_WORDS]):
                if self._is_forgotten(text, word, last):
                    masks.append(Mask(word.start, last.end, PERSON))
                    break
        return masks

    def _is_forgotten(self, text: str, first: TextWord, last: TextWord) -> bool:
        name = text[first.start : last.end]
        is_name = (
            first.has_capital
            or first is not last
            or (is_sure_surname(first.folded) and not first.is_common)
        )
        return is_name and "\n" not in name and self._is_hidden_name(spelt(name))

    def _is_hidden(self, name: str) -> bool:
        return any(
            is_forgotten(name, self._registry, folder, self._hidden) for folder in self._folders
        )


def _key(words: str) -> str:
    return " ".join(fold_same_length(words).split())


def any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Match folded names; their blanks match hyphens, points and apostrophes too."""
    forms = longest_first(r"[\s\-.'’]+".join(map(re.escape, name.split())) for name in names)
    return re.compile(rf"(?<!\w)(?:{forms or '(?!)'})(?!\w)")


_ID = re.compile(r"\[?personne[- ](\d+)\]?", re.IGNORECASE)


def find_people(registry: Registry, wanted: str) -> list[Person]:
    """Return the persons with the whole name, else those with a part of it."""
    everybody = [person for _, person in sorted(registry.persons.items())]
    text = wanted.strip()
    number, phone = _ID.fullmatch(text), digits_of(text)
    if number:
        return [person for person in everybody if person.number == int(number[1])]
    if "@" in text:
        return [person for person in everybody if text.casefold() in person.emails]
    if phone:
        return [person for person in everybody if phone in person.phones]
    words = set(name_words(spelt(text)).split())
    whole, partial = [], []
    for person in everybody:
        names = [set(spelt(name).split()) for name in person.names]
        if words in names:
            whole.append(person)
        elif words and any(words <= name for name in names):
            partial.append(person)
    return whole or partial


def is_forgotten_person(registry: Registry, wanted: str) -> bool:
    """Whether `wanted` names an erased person, or is a participant_id ever given."""
    text, number = wanted.strip(), _ID.fullmatch(wanted.strip())
    if number:
        return 0 < int(number[1]) <= registry.last_number
    facts = Facts(
        *(
            frozenset(filter(None, fact))
            for fact in ((name_words(text),), (text.casefold(),), (digits_of(text),), (), ())
        )
    )
    hashed, hidden = facts.hashed(registry.secret), registry.forgotten_mentions()
    forms = {registry.hash_mention("", form) for form in (spelt(text), name_words(spelt(text)))}
    return bool(forms & hidden) or any(entry.is_person(hashed) for entry in registry.forgotten)


def lasting_forms(person: Person) -> list[tuple[str, str]]:
    """Return the (folder, name as `spelt`) pairs of a person; "" stands for every folder."""
    wholes = {spelt(name) for name in person.names if len(name.split()) > 1}
    first, last = (spelt(name or "") for name in (person.first_name, person.last_name))
    if first and last:
        wholes |= {f"{first} {last}", f"{last} {first}", f"{first[0]} {last}"}
    parts = {(folder, name) for folder, names in person.mentions.items() for name in names}
    if last and is_telling(last):
        parts |= {(folder, last) for folder in person.folders}
    return sorted({("", whole) for whole in wholes} | parts)


def every_name(person: Person) -> set[str]:
    """Return each form of a person's name, `spelt`."""
    whole = " ".join(filter(None, (person.first_name, person.last_name)))
    met = (name for names in person.mentions.values() for name in names)
    written = (whole, person.first_name, person.last_name, person.full_name)
    return {spelt(name) for name in (*written, *person.names, *met) if name}


def is_name_word(word: str) -> bool:
    """Whether a `spelt` word is no initial, particle or function word."""
    return len(word) > 2 and word not in terms("particules") | terms("jamais") | terms("civilites")


def is_telling(name: str) -> bool:
    """Whether a name alone identifies a person: no first name, no common word."""
    return len(name) > 2 and not is_first_name(name) and not is_word(name)
