"""A passage to search for names, and its words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.roster import NOBODY, Roster
from pipeline.pseudonymise.words import (
    LETTER,
    UPPER,
    acronym_of,
    famous_people,
    is_common_word,
    is_first_name,
    is_place,
    is_rare_first_name,
    is_surname,
    is_usual_first_name,
    terms,
)
from pipeline.text import fold_same_length

_WORD = re.compile(rf"{LETTER}+(?:[-‐'’]{LETTER}+)*")
_ELISION = re.compile(r"(?:(?i:[cdjlmst]|qu|jusqu|lorsqu|puisqu)|[nNqQ](?=['’][^A-ZÀ-Þ]))['’](?=.)")
_NAME_AFTER = re.compile(rf"[ \u00a0]({UPPER}[\w\-]+)")
_LINKS, _COMMAS = ("et", "ou"), (", ", "/", " / ")
_SHORT, _LONG = 4, 7  # letters: shorter acronyms are nicknames too, longer words no acronyms
_ENTRY = re.compile(r"[,;|/=:\t→]")
_HEX = re.compile(r"#[0-9a-f]{3,8}(?!\w)")
_BREAK = re.compile(r"[.!?…:;•\n«“\"(\[–—|>*]\s*$|\s[-/]\s*$")


@dataclass(frozen=True)
class Passage:
    """A block or a cell; `entities` are (start, end, label): PER, LOC, ORG, MISC."""

    text: str
    entities: tuple[tuple[int, int, str], ...] = ()
    roster: Roster = NOBODY

    @cached_property
    def words(self) -> list["TextWord"]:
        """Return the words in order; Jean-Luc and Le Floc'h's Floc'h are one word each."""
        words: list[TextWord] = []
        previous, last_end = NO_WORD, 0
        for match in _WORD.finditer(self.text):
            elision = _ELISION.match(match.group())
            start = match.start() + (elision.end() if elision else 0)
            is_break = not words or bool(_BREAK.search(self.text[last_end : match.start()]))
            word = TextWord(
                self,
                start,
                match.end(),
                index=len(words),
                opens=is_break and not elision,
                gap=self.text[last_end:start],
            )
            word.previous, word.next = previous, NO_WORD
            if words:
                previous.next = word
            words.append(word)
            previous, last_end = word, match.end()
        return words

    @cached_property
    def folded(self) -> str:
        """Return the folded text, offsets unchanged."""
        return fold_same_length(self.text)

    @cached_property
    def is_shouted(self) -> bool:
        """Whether the text is all in capitals."""
        return _is_shouted(self.text)

    @cached_property
    def protected(self) -> list[tuple[int, int]]:
        """Return the spans of structures' names and of words to keep."""
        return [
            match.span()
            for match in self.roster.protected.finditer(self.folded)
            if not self._is_living_namesake(match)
        ]

    def _is_living_namesake(self, match: re.Match[str]) -> bool:
        """Aimé Césaire Kouassi."""
        after = _NAME_AFTER.match(self.text, match.end())
        return (
            match.group() in famous_people()
            and after is not None
            and is_surname(fold_same_length(after[1]))
        )


@lru_cache(maxsize=256)  # asked again for each word of a line
def _is_shouted(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return len(letters) > 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters)


@dataclass(eq=False)
class TextWord:
    """A word of a passage without its elision (`d'`); `NO_WORD` stands at both ends.

    `opens` marks the start of a sentence; `gap` is the text since the previous word.
    """

    passage: Passage = field(repr=False)
    start: int
    end: int
    index: int
    opens: bool
    gap: str
    previous: "TextWord" = field(init=False, repr=False)
    next: "TextWord" = field(init=False, repr=False)

    def __bool__(self) -> bool:
        return self is not NO_WORD

    @cached_property
    def text(self) -> str:
        """Return the word as written."""
        return self.passage.text[self.start : self.end]

    @cached_property
    def folded(self) -> str:
        """Return the word folded."""
        return fold_same_length(self.text)

    @property
    def roster(self) -> Roster:
        """Return the passage's roster."""
        return self.passage.roster

    @property
    def has_capital(self) -> bool:
        """Whether the word starts with a capital."""
        return self.text[:1].isupper()

    @property
    def is_upper(self) -> bool:
        """Whether the word is all in capitals."""
        return self.text.isupper() and len(self.text) > 1

    @cached_property
    def is_common(self) -> bool:
        """Whether the word, or every part of a compound, is common; numbers count."""
        return is_common_word(self.text.lower())

    @property
    def is_place(self) -> bool:
        """Whether the word is a place's name, among other meanings."""
        return is_place(self.folded)

    @property
    def is_first_name(self) -> bool:
        """Whether the lexicon has this first name."""
        return is_first_name(self.folded)

    @property
    def is_usual_first_name(self) -> bool:
        """Whether the first name is frequent in France."""
        return is_usual_first_name(self.folded)

    @property
    def is_rare_first_name(self) -> bool:
        """Whether the first name may be a brand or an acronym."""
        return is_rare_first_name(self.folded)

    @property
    def is_surname(self) -> bool:
        """Whether the lexicon has this surname."""
        return is_surname(self.folded)

    @property
    def is_on_roster(self) -> bool:
        """Whether the roster has this first or last name."""
        return self.folded in self.roster.first or self.folded in self.roster.last

    @cached_property
    def is_protected(self) -> bool:
        """Whether the word is in a name to leave readable, an acronym or a colour."""
        if any(start <= self.start and self.end <= end for start, end in self.passage.protected):
            return True
        is_person = self.is_on_roster or self.previous.is_in("civilites")
        return not is_person and (_names_structures(self) or _is_colour(self))

    @property
    def label(self) -> str:
        """Return spaCy's entity label for the word, or ""."""
        for start, end, label in self.passage.entities:
            if start <= self.start and self.end <= end:
                return label
        return ""

    @property
    def is_in_shouted_line(self) -> bool:
        """Whether the line is all in capitals."""
        text = self.passage.text
        start, end = text.rfind("\n", 0, self.start) + 1, text.find("\n", self.end)
        return _is_shouted(text[start : end if end >= 0 else None])

    def is_in(self, *lists: str) -> bool:
        """Whether one of these lists of personnes.yaml has the word."""
        return any(self.folded in terms(name) for name in lists)

    def is_masked(self, masks: Iterable[Mask]) -> bool:
        """Whether a mask hides the word's start."""
        return any(mask.start <= self.start < mask.end for mask in masks)

    def as_name(self, doubt: str = "") -> Mask:
        """Return a mask of this word alone, as a person's name."""
        return Mask(self.start, self.end, PERSON, doubt)

    def folded_before(self, size: int) -> str:
        """Return at most `size` folded characters before the word."""
        return self.passage.folded[max(0, self.start - size) : self.start]

    def folded_after(self, size: int) -> str:
        """Return at most `size` folded characters after the word."""
        return self.passage.folded[self.end : self.end + size]


def _names_structures(word: TextWord) -> bool:
    """Les Scops, la Caf, une Cuma; Gedear beside Civam. Short ones may be nicknames: Mel, Pat."""
    before, after = word.previous, word.next
    is_name = word.is_first_name or word.is_rare_first_name or word.is_surname
    if acronym := acronym_of(word.folded):
        is_whole_name = is_name and after.has_capital and after.gap == " "
        is_short = len(acronym) < _SHORT
        is_told = _is_beside_network(word) or (word.gap == " " and before.is_in("articles"))
        return word.has_capital and not is_whole_name and (is_told or not is_short)
    may_be_acronym = 2 < len(word.text) <= _LONG and not is_name
    return (may_be_acronym or _is_network(word)) and word.has_capital and _is_beside_network(word)


def _is_beside_network(word: TextWord) -> bool:
    """Whether « et », « ou », a comma or a slash ties the word to the name of a network."""
    before, after = word.previous, word.next
    left = before.previous if before.folded in _LINKS else before
    right = after.next if after.folded in _LINKS else after
    is_after = (left is not before or word.gap in _COMMAS) and _is_network(left)
    return is_after or ((right is not after or after.gap in _COMMAS) and _is_network(right))


def _is_network(word: TextWord) -> bool:
    """Civam, les Scops, Garrigue; not la Cuma, beside which a person may stand."""
    is_network = len(acronym_of(word.folded)) >= _SHORT or word.is_in("reseaux_noms")
    return is_network and word.has_capital and not word.previous.is_in("articles_singuliers")


def _is_colour(word: TextWord) -> bool:
    """Rose = frein, Bleu = levier; Rose | #F4A261; la gommette Violette."""
    if not word.is_in("couleurs"):
        return False
    start = word.passage.folded.rfind("\n", 0, word.start) + 1
    line = word.passage.folded[start:].partition("\n")[0]
    entries = {entry.strip(" -•") for entry in _ENTRY.split(line)}
    others = entries & terms("couleurs") - {word.folded}
    is_legend = _HEX.search(line) is not None or not all(map(is_first_name, others))
    return (word.folded in entries and is_legend) or word.previous.is_in("choses_colorees")


NO_WORD = TextWord(Passage(""), -1, -1, index=-1, opens=False, gap="")
NO_WORD.previous = NO_WORD.next = NO_WORD
