"""Read which table and question a short text names, by numbers and by words.

data/lexicon/questions.yaml gives the words' weights.
"""

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import (
    longest_first,
    number_pattern,
    numbered_letters,
    ordinal_pattern,
    to_number,
)
from pipeline.tables.schema import QUESTIONS
from pipeline.text import fold, lexicon

_MAX_WORDS = 45
ENOUGH, MARGIN = 2, 1  # a meaning needs this total, and this lead
_WORDED = 9  # weight of the grid's own wording
_TYPO, _WORDING = 0.83, 88  # similarity of a misspelt cue (0..1), of the grid's wording (0..100)
# "III. Les difficultés", "B) Ce qui marche"
_ENUMERATOR = re.compile(r"^\s*(?:[IVX]{1,4}|[A-Fa-f])\s?[.)/–-]\s+")
# "Table 2 (rapporteur : Maud)"
_NAMED = re.compile(
    r"\(?\b(?:rapporteu|animat|secr[ée]taire|scribe|preneu)\w*\s*:[^)]*\)?", re.IGNORECASE
)
# "les + et les -"
_PLUS, _MINUS = re.compile(r"(?<!\S)\+(?!\S)"), re.compile(r"(?<!\S)[-–](?=\s*$)")
_MONTHS = "janv|f[ée]v|mars|avr|mai|juin|juil|ao[uû]t|sept|oct|nov|d[ée]c"
_PAIR = re.compile(
    rf"(?<![\d/.-])(\d{{1,2}})\s?[-–/&+,]\s?(?=\d{{1,2}}(?![\d/.-]))(?! ?\d+ ?(?:{_MONTHS}))"
)

Scores = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Location:
    """Where something was said; None where unknown."""

    table_number: int | None = None
    question: str | None = None
    channel: str | None = None
    # the question came by number or filing: a label inside does not change it
    is_numbered: bool = False
    # a restitution only by "plénière", which may be a room: a question inside wins
    is_perhaps: bool = False

    def over(self, other: "Location") -> "Location":
        """Return this location, its gaps filled from `other`."""
        asked = self if self.question else other
        table = self.table_number if self.table_number is not None else other.table_number
        channel = self.channel or other.channel
        return Location(table, asked.question, channel, asked.is_numbered, asked.is_perhaps)


@dataclass(frozen=True)
class LocatedBlock:
    """A block with its location; the prefix that told it is a block of its own."""

    text: str
    kind: str
    level: int | None = None
    table_number: int | None = None
    question: str | None = None
    channel: str = "notes"
    speaker: str | None = None  # as written in the file
    reason: str = ""  # of a `meta` block, a key of pipeline.tables.schema.ASIDES
    n_votes: int | None = None
    proposed_question: str | None = None  # by headings, where `question` is None

    @classmethod
    def at(cls, block: RawBlock, location: Location, kind: str = "") -> "LocatedBlock":
        """Return `block` at `location`, of its own kind by default."""
        return cls(
            block.text,
            kind or block.kind,
            block.level,
            location.table_number,
            location.question,
            block.channel or location.channel or "notes",
            block.speaker,
            block.reason,
            block.n_votes,
        )


def aside(block: RawBlock, location: Location, reason: str) -> LocatedBlock:
    """Return `block` as no passage, for its own reason, if it has one, else for `reason`."""
    located = LocatedBlock.at(block, location, "meta")
    return replace(located, reason=block.reason or reason)


@dataclass(frozen=True)
class TextCues:
    """The cues of a text; `scores` weighs each question by meaning, best first."""

    table: int | None = None
    number: int | None = None  # of the question or round
    lead: int | None = None  # a number that opens the text, of anything
    has_tables: bool = False
    has_numbers: bool = False
    scores: Scores = ()
    n_words: int = 0
    n_other: int = 0  # words neither cue nor neutral

    @property
    def meaning(self) -> str | None:
        """Return the question that the words clearly ask, or None."""
        totals = [total for _, total in self.scores] + [0, 0]
        is_clear = totals[0] >= ENOUGH and totals[0] - totals[1] >= MARGIN
        return self.scores[0][0] if is_clear else None

    @property
    def numbered(self) -> str | None:
        """Return the question of the number; `autre` for a fifth."""
        return None if self.number is None else question_of_number(self.number)

    @property
    def question(self) -> str | None:
        """Return the question by very clear words, by number, by clear words, or by hints."""
        if self.numbered and (self.meaning is None or self.scores[0][1] <= ENOUGH):
            return self.numbered
        if self.meaning:
            return self.meaning
        return f"q{self.lead}" if f"q{self.lead}" in dict(self.scores) else None

    @property
    def is_mostly_cues(self) -> bool:
        """Whether at most half of the words are neither cue nor neutral."""
        return self.n_other <= self.n_words // 2

    @property
    def is_label(self) -> bool:
        """Whether all words are numbers, cues or neutral, but not all neutral."""
        return self.n_other == 0 and (self.has_tables or self.has_numbers or bool(self.scores))


def question_of_number(number: int) -> str:
    """Return the question of a number, `autre` beyond the four."""
    return f"q{number}" if f"q{number}" in QUESTIONS else "autre"


@lru_cache(maxsize=8192)
def read_cues(text: str) -> TextCues:
    """Return the cues of `text`, none where it is blank or too long."""
    n_words = len(text.split())
    if n_words > _MAX_WORDS:
        return TextCues(n_words=n_words, n_other=n_words)
    text = _NAMED.sub("", _ENUMERATOR.sub("", numbered_letters(text)))
    text = _MINUS.sub("moins", _PLUS.sub("plus", text))
    folded = fold(_PAIR.sub(r"\1 et ", text))
    lead = re.match(r"0?(\d)(?!\d| et \d)\b", folded)
    rest, tables = _take_numbers(folded, _numbered("tables", "t ?"))
    if not tables and (apart := _numbered_apart().match(folded)):
        number = to_number(apart["number"])
        rest, tables = apart["name"], [number] if number is not None else []
    rest, numbers = _take_numbers(rest, _numbered("questions", "q ?"))
    rest, scores = _weigh(rest, fold(text))
    ignored = _neutral() | {lead[0]} if lead else _neutral()
    return TextCues(
        table=tables[0] if len(set(tables)) == 1 else None,
        number=numbers[0] if len(set(numbers)) == 1 else None,
        lead=int(lead[1]) if lead else None,
        has_tables=bool(tables),
        has_numbers=bool(numbers),
        scores=scores,
        n_words=len(folded.split()),
        n_other=sum(word not in ignored for word in rest.split()),
    )


def without_tables(text: str) -> str:
    """Return `text` folded, without its numbered tables."""
    folded = fold(numbered_letters(text))
    return " ".join(_take_numbers(folded, _numbered("tables", "t ?"))[0].split())


def telling_words(text: str) -> frozenset[str]:
    """Return the words of `text` that are not neutral, in the singular."""
    words = without_tables(text).split()
    return frozenset(word.rstrip("sx") for word in words if word not in _neutral())


@cache
def _numbered(group: str, letter: str) -> re.Pattern[str]:
    """Match "tables 1 et 2" or "3e table"."""
    nouns, ordinal = longest_first("locate", group), ordinal_pattern()
    number = number_pattern("romains", "cardinaux")
    more = rf"(?P<more>(?: (?:et|a|ou|puis) (?:(?:{nouns})s? ?|{letter})?(?:{number})\b)*)"
    word = rf"(?:{nouns})s?(?: (?:no )?| ?(?=\d))|{letter}(?=\d)"
    day = rf"(?! (?:{_MONTHS}))"  # "soirée des tablées, 3 juin"
    return re.compile(
        rf"\b(?:(?:{word})(?P<a>{number})\b{day}{more}|(?P<b>{ordinal}) (?:{nouns})\b)"
    )


@cache
def _numbered_apart() -> re.Pattern[str]:
    """Match a table that has a name and, last, its number: "Table des jeunes (la n°5)"."""
    nouns = longest_first("locate", "tables")
    number = number_pattern("romains", "cardinaux")
    return re.compile(
        rf"(?P<name>(?:la |notre )?(?:{nouns})\b(?: \w+){{1,5}}?) (?:la )?(?:no|numero) ?"
        rf"(?P<number>{number})$"
    )


def _take_numbers(folded: str, pattern: re.Pattern[str]) -> tuple[str, list[int]]:
    numbers: list[int] = []
    for match in pattern.finditer(folded):
        words = [match["a"] or match["b"], *re.split(r" |(?<=[a-z])(?=\d)", match["more"] or "")]
        numbers += [value for value in map(to_number, words) if value is not None]
    return pattern.sub(" ", folded), numbers


def _weigh(rest: str, whole: str) -> tuple[str, Scores]:
    """The grid's own wording outweighs any word."""
    worded = _worded(whole)
    if worded:
        return "", ((worded, _WORDED),)
    totals = dict.fromkeys(QUESTIONS, 0)
    for pattern, question, weight in _expressions():
        rest, n_hits = pattern.subn(" ", rest)
        totals[question] += weight if n_hits else 0
    others: list[str] = []
    for word in rest.split():
        cues = _cues_of(word)
        for question, weight in cues:
            totals[question] += weight
        others += [] if cues else [word]
    scores = [(question, total) for question, total in totals.items() if total]
    return " ".join(others), tuple(sorted(scores, key=lambda score: -score[1]))


def _worded(whole: str) -> str | None:
    if len(whole.split()) < 5:
        return None
    best = process.extractOne(whole, _wordings(), scorer=fuzz.ratio, score_cutoff=_WORDING)
    return best[2] if best else None


@cache
def _wordings() -> dict[str, str]:
    entries = _entries().items()
    return {q: fold(entry["formulation"]) for q, entry in entries if "formulation" in entry}


@cache
def _expressions() -> tuple[tuple[re.Pattern[str], str, int], ...]:
    expressions = [
        (pattern, question, weight)
        for question, entry in _entries().items()
        for pattern, weight in (entry.get("expressions") or {}).items()
    ]
    expressions.sort(key=lambda entry: (-entry[2], -len(entry[0]), entry[0]))
    return tuple(
        (re.compile(rf"\b(?:{pattern})(?!\w)"), question, weight)
        for pattern, question, weight in expressions
    )


@cache
def _cues_of(word: str) -> Scores:
    """A word may be plural or misspelt."""
    weights = _listed_words()
    for form in (word, word.removesuffix("s"), word.removesuffix("x"), word.removesuffix("es")):
        if form in weights:
            return weights[form]
    if len(word) < 6 or word in _neutral():
        return ()
    alike = [other for other in weights if len(other) > 4 and other[0] == word[0]]
    best = process.extractOne(
        word.removesuffix("s"), alike, scorer=OSA.normalized_similarity, score_cutoff=_TYPO
    )
    return weights[best[0]] if best else ()


@cache
def _listed_words() -> dict[str, Scores]:
    words: dict[str, Scores] = {}
    for question, entry in _entries().items():
        for word, weight in (entry.get("mots") or {}).items():
            words[word] = (*words.get(word, ()), (question, weight))
    return words


@cache
def _entries() -> dict[str, dict[str, Any]]:
    entries = lexicon("questions").items()
    return {question: entry for question, entry in entries if question in QUESTIONS}


@cache
def _neutral() -> frozenset[str]:
    return frozenset(lexicon("questions")["neutres"].split())
