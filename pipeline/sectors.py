"""Which sectors of activity a French text names, by the beginnings of its words.

In:   a text; data/lexicon/secteurs.yaml
Out:  names of sectors
"""

import re
from functools import cache

from pipeline.words import fold, lexicon


def sectors_of(text: str) -> tuple[str, ...]:
    """The sectors that `text` names, most often named first, then in the lexicon's order; () where it names none."""
    folded = fold(text)
    counts = {sector: len(pattern.findall(folded)) for sector, pattern in _patterns().items()}
    named = [sector for sector, n in counts.items() if n]
    return tuple(sorted(named, key=lambda sector: -counts[sector]))


def all_sectors() -> tuple[str, ...]:
    """Every sector, in the lexicon's order."""
    return tuple(_patterns())


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """A short word is whole; a longer one may go on."""
    return {
        str(sector): re.compile(r"\b(?:" + "|".join(_as_pattern(fold(str(word))) for word in words) + ")")
        for sector, words in lexicon("secteurs").items()
    }


def _as_pattern(word: str) -> str:
    return rf"{word}s?\b" if len(word) <= 5 or " " in word else word
