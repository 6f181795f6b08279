"""A passage in which names are looked for: its words, its entities, and where it must not be touched.

In:   a text, spaCy's entities, the roster of the workshop
Out:  Passage
"""

from dataclasses import dataclass
from functools import cached_property

from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.words import Word, fold, words_of


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
        letters = [letter for letter in self.text if letter.isalpha()]
        return len(letters) > 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters)

    @cached_property
    def kept(self) -> list[tuple[int, int]]:
        """Spans of structures' names and of words that the settings keep."""
        return [match.span() for match in self.roster.kept.finditer(self.folded)]

    def is_kept(self, word: Word) -> bool:
        """Whether `word` lies in a name to leave."""
        return any(start <= word.start and word.end <= end for start, end in self.kept)

    def label(self, word: Word) -> str:
        """spaCy's label of the entity that covers `word`, or nothing."""
        return next((label for start, end, label in self.entities if start <= word.start and word.end <= end), "")
