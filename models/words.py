"""Say which texts have the words of a question, in any of their forms.

In:   texts, once; what people type
Out:  the share of its words that each text has; where these words are
"""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from pipeline.text import fold, fold_same_length, lexicon_lines

_SHORTEST_STEM = 4
_LONGEST_ENDING, _LONGEST_SHORT_ENDING = 4, 1
_WORD = re.compile(r"[a-z0-9]+")
Scores = NDArray[np.float64]


class WordIndex:
    """Which texts, folded, have each word."""

    def __init__(self, folded: Iterable[str]) -> None:
        rows: dict[str, list[int]] = defaultdict(list)
        self._n_texts = 0
        for i, text in enumerate(folded):
            self._n_texts = i + 1
            for word in set(_WORD.findall(text)):
                rows[word].append(i)
        self._rows_of = {word: np.array(rows[word], dtype=np.int32) for word in sorted(rows)}
        self._words = list(self._rows_of)

    def shares(self, typed: str) -> Scores:
        """Return the share of a question's words that each text has, (n_texts,) in 0..1.

        Words without meaning of their own do not count, and rare words count more.
        """
        shares, total = np.zeros(self._n_texts), 0.0
        for stem in dict.fromkeys(map(_stem, content_words(typed))):
            has_word = np.zeros(self._n_texts, dtype=bool)
            for word in self._words_like(stem):
                has_word[self._rows_of[word]] = True
            n_with = int(has_word.sum())
            rarity = math.log(1 + (self._n_texts - n_with + 0.5) / (n_with + 0.5))  # as in BM25
            shares += rarity * has_word
            total += rarity
        return shares / total if total else shares

    def _words_like(self, stem: str) -> Iterator[str]:
        first = bisect_left(self._words, stem)
        follow = (self._words[i] for i in range(first, len(self._words)))
        begun = takewhile(lambda word: word.startswith(stem), follow)
        return (word for word in begun if _is_form(word, stem))


def content_words(typed: str) -> list[str]:
    """Return the folded words of a question that say what it is about.

    >>> content_words("Qui parle du manque de bus le soir ?")
    ['parle', 'manque', 'bus', 'soir']
    """
    words = _WORD.findall(fold(typed, keep_signs=True))
    return [word for word in words if len(word) > 1 and word not in _function_words()]


@cache
def _function_words() -> frozenset[str]:
    return frozenset(map(fold, lexicon_lines("mots_outils")))


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
