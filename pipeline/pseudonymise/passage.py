"""A passage in which names are looked for: its words, its entities, and where it must not be touched.

In:   a text, spaCy's entities, the roster of the workshop
Out:  Passage
"""

import re
from dataclasses import dataclass
from functools import cached_property

from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.words import UPPER, Word, celebrated, fold, is_surname, words_of


@dataclass(frozen=True)
class Passage:
    """A block of a document, or a cell of a table."""

    text: str
    entities: tuple[tuple[int, int, str], ...]  # start, end, label (PER, LOC, ORG, MISC)
    roster: Roster

    @cached_property
    def words(self) -> list[Word]:
        """Its words in order."""
        return words_of(self.text)

    @cached_property
    def folded(self) -> str:
        """Its text folded, offsets unchanged."""
        return fold(self.text)

    @cached_property
    def is_shouted(self) -> bool:
        """Whether it is all in capitals, so that a capital proves nothing."""
        return _is_shouted(self.text)

    def is_shouted_at(self, word: Word) -> bool:
        """Whether the line that `word` stands in is."""
        start, end = self.text.rfind("\n", 0, word.start) + 1, self.text.find("\n", word.end)
        return _is_shouted(self.text[start : end if end >= 0 else None])

    @cached_property
    def kept(self) -> list[tuple[int, int]]:
        """Spans of structures' names and of words that the settings keep."""
        return [match.span() for match in self.roster.kept.finditer(self.folded) if not self._goes_on(match)]

    def _goes_on(self, match: re.Match[str]) -> bool:
        """Whether a surname follows a famous name, which is then a living person's: Aimé Césaire Kouassi."""
        after = re.match(rf"[ \u00a0]({UPPER}[\w\-]+)", self.text[match.end() :])
        return match.group() in celebrated() and after is not None and is_surname(fold(after[1]))

    def is_kept(self, word: Word) -> bool:
        """Whether `word` lies in a name to leave."""
        return any(start <= word.start and word.end <= end for start, end in self.kept)

    def label(self, word: Word) -> str:
        """spaCy's label of the entity that covers `word`, or nothing."""
        return next((label for start, end, label in self.entities if start <= word.start and word.end <= end), "")


def _is_shouted(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return len(letters) > 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters)
