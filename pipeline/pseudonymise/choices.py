"""People's choices on names: words to hide or to keep, and persons of the vault to find or forget.

In:   a Masker, the choices on doubtful cases, the registry
Out:  the masker's masks, corrected; the persons that a request means
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pipeline.french import is_word
from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.identities import digits_of, is_forgotten, name_words, spelt
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.vault import Facts, Person, Registry
from pipeline.pseudonymise.words import TextWord, is_first_name, is_sure_surname, terms, words_of
from pipeline.text import fold_same_length

_MOST_WORDS = 5  # of a forgotten name


@dataclass(frozen=True)
class Choices:
    """Words as people decided them, whole words in any case and accents; what is hidden wins over
    what is kept.
    """

    keep: frozenset[str] = frozenset()
    hide: frozenset[str] = frozenset()


class DecidedMasker(Masker):
    """A masker that people's decisions correct; `folder` is the workshop's."""

    def __init__(
        self, roster: Roster, *, name_match: int, choices: Choices, registry: Registry, folder: str
    ) -> None:
        super().__init__(roster, name_match=name_match)
        self._hide = frozenset(map(_key, choices.hide))
        self._keep = frozenset(map(_key, choices.keep)) - self._hide
        self._registry, self._folder, self._hidden = registry, folder, registry.forgotten_mentions()
        self._known_hashes: dict[str, bool] = {}

    def find(self, texts: list[tuple[str, list[tuple[int, int]]]]) -> list[list[Mask]]:
        """Return the masks of each (text, block spans)."""
        return [
            [*(self._decided(mask, text) for mask in masks), *self._added(text)]
            for (text, _), masks in zip(texts, super().find(texts), strict=True)
        ]

    def _decided(self, mask: Mask, text: str) -> Mask:
        if mask.token != PERSON:
            return mask
        words = _key(text[mask.start : mask.end])
        return mask._replace(
            is_kept=(words in self._keep and not mask.is_sure)
            or (mask.is_kept and words not in self._hide)
        )

    def _added(self, text: str) -> Iterable[Mask]:
        """Masks of the words to hide and of the names forgotten, wherever they stand."""
        masks = (
            [
                Mask(*match.span(), PERSON)
                for match in _any_of(self._hide).finditer(fold_same_length(text))
            ]
            if self._hide
            else []
        )
        return masks + (self._forgotten(text) if self._hidden else [])

    def _forgotten(self, text: str) -> list[Mask]:
        words = words_of(text)
        masks: list[Mask] = []
        for i, word in enumerate(words):
            for last in range(min(i + _MOST_WORDS, len(words)) - 1, i - 1, -1):
                if self._is_forgotten(text, word, words[last]):
                    masks.append(Mask(word.start, words[last].end, PERSON))
                    break
        return masks

    def _is_forgotten(self, text: str, first: TextWord, last: TextWord) -> bool:
        name = text[first.start : last.end]
        is_name = (
            first.has_capital
            or first is not last
            or (is_sure_surname(first.folded) and not first.is_common)
        )
        return is_name and "\n" not in name and self._hash_is_known(spelt(name))

    def _hash_is_known(self, name: str) -> bool:
        if name not in self._known_hashes:
            self._known_hashes[name] = is_forgotten(
                name, self._registry, self._folder, self._hidden
            )
        return self._known_hashes[name]


def _key(words: str) -> str:
    return " ".join(fold_same_length(words).split())


@cache
def _any_of(words: frozenset[str]) -> re.Pattern[str]:
    """Whole words, longest first."""
    forms = [
        r"\s+".join(map(re.escape, form.split()))
        for form in sorted(words, key=lambda form: (-len(form), form))
    ]
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)")


_ID = re.compile(r"\[?personne[- ](\d+)\]?", re.IGNORECASE)


def find_people(registry: Registry, wanted: str) -> list[Person]:
    """Return whom `wanted` may mean, in order of number: those with the whole name before those
    with a part of it.
    """
    everybody = [person for _, person in sorted(registry.persons.items())]
    number, text = _ID.fullmatch(wanted.strip()), wanted.strip()
    if number:
        return [person for person in everybody if person.number == int(number[1])]
    if "@" in text:
        return [person for person in everybody if text.casefold() in person.emails]
    if digits_of(text):
        return [person for person in everybody if digits_of(text) in person.phones]
    words = set(name_words(spelt(text)).split())
    exact = [
        person
        for person in everybody
        if any(set(spelt(name).split()) == words for name in person.names)
    ]
    return exact or [
        person
        for person in everybody
        if words and any(words <= set(spelt(name).split()) for name in person.names)
    ]


def is_forgotten_person(registry: Registry, wanted: str) -> bool:
    """Whether `wanted` names somebody erased; of a participant_id, whether it was ever given."""
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
    """(folder, name as `spelt`) pairs that mean this person: "" for its whole names, which do
    anywhere; a folder for parts of them.
    """
    wholes = {spelt(name) for name in person.names if len(name.split()) > 1}
    first, last = (spelt(name or "") for name in (person.first_name, person.last_name))
    if first and last:
        wholes |= {f"{first} {last}", f"{last} {first}", f"{first[0]} {last}"}
    parts = {(folder, name) for folder, names in person.mentions.items() for name in names}
    if last and is_telling(last):
        parts |= {(folder, last) for folder in person.folders}
    return sorted({("", whole) for whole in wholes} | parts)


def is_name_word(word: str) -> bool:
    """Whether a word of a name, as `spelt`, is no initial, particle or function word."""
    return len(word) > 2 and word not in terms("particules") | terms("jamais") | terms("civilites")


def is_telling(name: str) -> bool:
    """Whether a name alone tells its person: no first name, no common word."""
    return len(name) > 2 and not is_first_name(name) and not is_word(name)
