"""French words as people type them: those of pipeline.words, and numbers in words.

In:   text
Out:  integers, and text without double blanks
"""

import re
from functools import cache

from pipeline.words import fold, lexicon, slug

__all__ = ["blank_to_none", "fold", "lexicon", "number_pattern", "slug", "to_number"]


def blank_to_none(text: str | None) -> str | None:
    """`text` with single blanks, or None where nothing is left."""
    return " ".join((text or "").split()) or None


@cache
def _values() -> dict[str, int]:
    entries = lexicon("numbers")
    return {str(word): int(value) for group in ("romains", "ordinaux", "cardinaux") for word, value in entries[group].items()}


def to_number(word: str) -> int | None:
    """The value of a folded number ("3", "03", "trois", "troisieme", "3e", "iii"), or None."""
    digits = re.fullmatch(r"(\d{1,2})(?:e|eme|er|ere|re|nd|nde)?", word)
    return int(digits[1]) if digits else _values().get(word)


def number_pattern(*groups: str) -> str:
    """A regular expression, for folded text, of digits or of the number words of `groups` (cardinaux, ordinaux, romains)."""
    words = [re.escape(str(word)) for group in groups for word in lexicon("numbers")[group]]
    return "|".join([r"\d{1,2}", *sorted(words, key=len, reverse=True)])
