"""Find passages and themes by words and quoted phrases, all required."""

import re
from functools import cached_property, lru_cache

import pandas as pd

from models.words import WordIndex
from pipeline.review.snapshot import Snapshot
from pipeline.text import fold

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

    @cached_property
    def words(self) -> WordIndex:
        """Return the index of the passages' words."""
        return WordIndex(self._folded)


def find_themes(query: SearchQuery, themes: pd.DataFrame) -> list[str]:
    """Return the theme_id of `themes` with every word in the label or the description."""
    cells = themes[["theme_id", "label", "description"]].itertuples(index=False, name=None)
    return [
        theme_id
        for theme_id, label, description in cells
        if query and query.weight(fold(f"{label} {description}", keep_signs=True))
    ]


@lru_cache(maxsize=2)
def search_index(snapshot: Snapshot) -> SearchIndex:
    """Return what searches in the passages of the run."""
    return SearchIndex(snapshot)
