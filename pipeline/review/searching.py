"""Find passages and themes by words: accents, case and ligatures do not count, and a word finds those that it begins.

In:   a snapshot, what a person typed
Out:  unit_ids, the fullest matches first; spans to highlight
"""

import re
import unicodedata
from collections.abc import Sequence

from pipeline.review.snapshot import Snapshot

_LIGATURES = {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss"}
_PHRASE = re.compile(r"[\"«“]\s*([^\"»”]+?)\s*[\"»”]|(\S+)")


def folded(text: str) -> tuple[str, list[int]]:
    """Return `text` without accents and case, and the place in `text` of each of its characters."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        plain = _LIGATURES.get(letter) or "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
        plain = plain.replace("’", "'").lower()
        letters.append(plain)
        places += [place] * len(plain)
    return "".join(letters), places


class Query:
    """What was typed: words, and phrases between quotation marks; all of them must be found."""

    def __init__(self, typed: str) -> None:
        parts = [phrase or word for phrase, word in _PHRASE.findall(typed)]
        self._words = [word for part in parts if (word := " ".join(folded(part)[0].split())) and any(letter.isalnum() for letter in word)]
        self._patterns = [re.compile(r"(?<!\w)" + re.escape(word)) for word in self._words]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def weight(self, plain: str) -> int:
        """How often the words occur in a folded text; 0 where one is missing."""
        counts = [len(pattern.findall(plain)) for pattern in self._patterns]
        return sum(counts) if all(counts) else 0

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the words are in `text`, half-open."""
        plain, places = folded(text)
        ends = [*places[1:], len(text)] if places else []
        found = [match.span() for pattern in self._patterns for match in pattern.finditer(plain)]
        return sorted((places[start], max(ends[end - 1], places[end - 1] + 1)) for start, end in found if end > start)


class Index:
    """The folded texts of a run's passages."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.run_id = snapshot.run_id
        self._plain = [(unit_id, folded(unit.text)[0]) for unit_id, unit in snapshot.units.items()]

    def find(self, query: Query) -> list[str]:
        """Return the passages with every word, those with most occurrences first, then in reading order."""
        if not query:
            return []
        weighed = [(query.weight(plain), unit_id) for unit_id, plain in self._plain]
        return [unit_id for weight, unit_id in sorted(weighed, key=lambda entry: -entry[0]) if weight]


def find_themes(query: Query, themes: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the theme_id of those of `themes` (theme_id, label, description) that have every word."""
    return [theme_id for theme_id, label, description in themes if query and query.weight(folded(f"{label} {description}")[0])]
