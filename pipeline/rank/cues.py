"""Find in a text what a lexicon of cues lists, outside the turns that cancel it.

In:   text; the name of a file of data/lexicon/ whose `mots` and `annule` are regular expressions, read from the beginning of a word
Out:  a boolean
"""

import re
from dataclasses import dataclass
from functools import cache

from pipeline.french import fold
from pipeline.words import lexicon


@dataclass(frozen=True)
class Cues:
    """A lexicon, compiled for folded text."""

    words: re.Pattern[str]
    cancelling: re.Pattern[str]

    def are_in(self, text: str) -> bool:
        """Whether `text` holds a cue that no cancelling turn overlaps."""
        plain = fold(text)
        found = list(self.words.finditer(plain))
        cancelled = [match.span() for match in self.cancelling.finditer(plain)] if found else []
        return any(not any(start < match.end() and match.start() < end for start, end in cancelled) for match in found)


@cache
def load_cues(name: str) -> Cues:
    """The cues of data/lexicon/`name`.yaml."""
    listed = lexicon(name)
    return Cues(_either(listed["mots"]), _either(listed["annule"]))


def _either(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(fold(pattern) for pattern in patterns) + ")")
