"""Find masks as people decided them: words to leave readable, words to hide, names of those who asked to be forgotten.

In:   a Masker, the decisions taken on doubtful cases, the registry
Out:  the masker's masks, corrected
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.pseudonyms import is_forgotten, spelt
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.vault import Registry
from pipeline.pseudonymise.words import Word, fold, is_sure_surname, words_of

_MOST_WORDS = 5  # of a forgotten name


@dataclass(frozen=True)
class Choices:
    """Words as people decided them, whole words in any case and accents; what is hidden wins over what is kept."""

    keep: frozenset[str] = frozenset()
    hide: frozenset[str] = frozenset()


class DecidedMasker(Masker):
    """A masker that people's decisions correct; `folder` is the workshop's."""

    def __init__(self, roster: Roster, *, name_match: int, choices: Choices, registry: Registry, folder: str) -> None:
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
        return mask._replace(is_kept=(words in self._keep and not mask.is_sure) or (mask.is_kept and words not in self._hide))

    def _added(self, text: str) -> Iterable[Mask]:
        """Masks of the words to hide and of the names forgotten, wherever they stand."""
        masks = [Mask(*match.span(), PERSON) for match in _any_of(self._hide).finditer(fold(text))] if self._hide else []
        return masks + (self._forgotten(text) if self._hidden else [])

    def _forgotten(self, text: str) -> list[Mask]:
        words = words_of(text)
        masks: list[Mask] = []
        for place, word in enumerate(words):
            for last in range(min(place + _MOST_WORDS, len(words)) - 1, place - 1, -1):
                if self._is_forgotten(text, word, words[last]):
                    masks.append(Mask(word.start, words[last].end, PERSON))
                    break
        return masks

    def _is_forgotten(self, text: str, first: Word, last: Word) -> bool:
        name = text[first.start : last.end]
        is_name = first.has_capital or first is not last or (is_sure_surname(first.folded) and not first.is_common)
        return is_name and "\n" not in name and self._hash_is_known(spelt(name))

    def _hash_is_known(self, name: str) -> bool:
        if name not in self._known_hashes:
            self._known_hashes[name] = is_forgotten(name, self._registry, self._folder, self._hidden)
        return self._known_hashes[name]


def _key(words: str) -> str:
    return " ".join(fold(words).split())


@cache
def _any_of(words: frozenset[str]) -> re.Pattern[str]:
    """Whole words, longest first."""
    forms = [r"\s+".join(map(re.escape, form.split())) for form in sorted(words, key=lambda form: (-len(form), form))]
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)")
