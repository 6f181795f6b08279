"""Find passages by their words, and rank them by words and meaning together."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.files import data_path
from pipeline.review.snapshot import Snapshot
from pipeline.text import fold, fold_same_length

_SHORTEST_STEM = 4
_LONGEST_ENDING, _LONGEST_SHORT_ENDING = 4, 1
_WORD = re.compile(r"[a-z0-9]+")
Scores = NDArray[np.float64]


_PHRASE = re.compile(r"[\"«“]\s*([^\"»”]+?)\s*[\"»”]|(\S+)")


class SearchQuery:
    """Words and quoted phrases, all required.

    Accents, case and ligatures do not count; a word matches as a prefix.
    """

    def __init__(self, typed: str) -> None:
        read = _PHRASE.findall(typed)
        self.has_phrase = any(phrase for phrase, _word in read)
        parts = [phrase or word for phrase, word in read]
        words = [" ".join(fold(part, keep_signs=True).split()) for part in parts]
        self._words = [word for word in words if any(letter.isalnum() for letter in word)]
        self._patterns = [re.compile(r"(?<!\w)" + re.escape(word)) for word in self._words]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    @property
    def longest(self) -> str:
        """Return the longest of the words and phrases, folded."""
        return max(self._words, key=len, default="")

    def weight(self, folded: str) -> int:
        """Return how often the words occur; 0 if one is missing."""
        counts = [len(pattern.findall(folded)) for pattern in self._patterns]
        return sum(counts) if all(counts) else 0

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the words' half-open spans."""
        letters = [fold(letter, keep_signs=True) for letter in text]
        folded = "".join(letters)
        starts = [i for i, letter in enumerate(letters) for _ in letter]
        ends = [*starts[1:], len(text)] if starts else []
        matches = [match.span() for pattern in self._patterns for match in pattern.finditer(folded)]
        return sorted(
            (starts[start], max(ends[end - 1], starts[end - 1] + 1))
            for start, end in matches
            if end > start
        )


def naming(name: str) -> str:
    """Return what to type to find the passages that have this name."""
    return '"' + " ".join(re.sub(r'["«“»”]', " ", name).split()) + '"'


class SearchIndex:
    """The passages' folded texts and their words."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.unit_ids = list(snapshot.units)
        self.row_of = {unit_id: i for i, unit_id in enumerate(self.unit_ids)}
        self._folded = [fold(unit.text, keep_signs=True) for unit in snapshot.units.values()]

    def count_naming(self, name: str) -> int:
        """Count the passages that `naming` this finds."""
        return len(self.rows_with(SearchQuery(naming(name))))

    def find(self, query: SearchQuery) -> list[str]:
        """Return the passages with every word, most occurrences first."""
        return [self.unit_ids[i] for i in self.rows_with(query)]

    def rows_with(self, query: SearchQuery) -> list[int]:
        """Return the places of the passages with every word, most occurrences first."""
        if not query:
            return []
        longest = query.longest  # quick to look for, and leaves few
        near = [i for i, folded in enumerate(self._folded) if longest in folded]
        weights = {i: query.weight(self._folded[i]) for i in near}
        return sorted((i for i in near if weights[i]), key=lambda i: -weights[i])

    def word_shares(self, typed: str) -> Scores:
        """Return the share of a question's words that each passage has, (n,) in 0..1.

        Words without meaning of their own do not count, and rare words count more.
        """
        n_units = len(self._folded)
        shares, total = np.zeros(n_units), 0.0
        for stem in dict.fromkeys(map(_stem, content_words(typed))):
            has_word = np.zeros(n_units, dtype=bool)
            for word in self._words_like(stem):
                has_word[self._rows_of[word]] = True
            n_with = int(has_word.sum())
            rarity = math.log(1 + (n_units - n_with + 0.5) / (n_with + 0.5))  # as in BM25
            shares += rarity * has_word
            total += rarity
        return shares / total if total else shares

    def _words_like(self, stem: str) -> Iterator[str]:
        return (word for word in self._rows_of if _is_form(word, stem))

    @cached_property
    def _rows_of(self) -> dict[str, NDArray[np.int32]]:
        """Return the passages (by index) of each word."""
        rows: dict[str, list[int]] = defaultdict(list)
        for i, folded in enumerate(self._folded):
            for word in set(_WORD.findall(folded)):
                rows[word].append(i)
        return {word: np.array(found, dtype=np.int32) for word, found in rows.items()}


def content_words(typed: str) -> list[str]:
    """Return the folded words of a question that say what it is about.

    >>> content_words("Qui parle du manque de bus le soir ?")
    ['parle', 'manque', 'bus', 'soir']
    """
    words = _WORD.findall(fold(typed, keep_signs=True))
    return [word for word in words if len(word) > 1 and word not in _function_words()]


@cache
def _function_words() -> frozenset[str]:
    lines = data_path("lexicon", "mots_outils.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line) for line in lines if line and not line.startswith("#"))


def word_spans(typed: str, text: str) -> list[tuple[int, int]]:
    """Return the half-open spans of the forms of a question's words."""
    stems = {_stem(word) for word in content_words(typed)}
    folded = fold_same_length(text, accents="none")
    return [
        match.span()
        for match in _WORD.finditer(folded)
        if any(_is_form(match.group(), stem) for stem in stems)
    ]


def _is_form(word: str, stem: str) -> bool:
    """Whether a word may be a form of the stem: « chers » is one of « cher », « cherche » none."""
    longest = _LONGEST_ENDING if len(stem) > _SHORTEST_STEM else _LONGEST_SHORT_ENDING
    return word.startswith(stem) and len(word) <= len(stem) + longest


def _stem(word: str) -> str:
    """Return the beginning that the forms of a word share: « logements » and « logement »."""
    if len(word) <= _SHORTEST_STEM:
        return word
    for ending in ("aux", "s", "x", "e"):
        if word.endswith(ending):
            return word[: max(len(word) - len(ending), _SHORTEST_STEM)]
    return word


def find_themes(query: SearchQuery, themes: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the theme_id of `themes` (theme_id, label, description) with every word."""
    return [
        theme_id
        for theme_id, label, description in themes
        if query and query.weight(fold(f"{label} {description}", keep_signs=True))
    ]


@lru_cache(maxsize=2)
def search_index(snapshot: Snapshot) -> SearchIndex:
    """Return what searches in the passages of the run."""
    return SearchIndex(snapshot)
