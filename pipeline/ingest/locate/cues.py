"""What `where` is told and what it tells.

What a short text says of table and question: numbers, and what it asks, weighed with data/lexicon/questions.yaml.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from pipeline.ingest.words import number_pattern, to_number
from pipeline.tables.schema import QUESTIONS
from pipeline.text import fold, lexicon


@dataclass(frozen=True)
class Location:
    """Where something was said; None is what could not be told."""

    table_number: int | None = None
    question: str | None = None
    channel: str | None = None
    is_numbered: bool = False  # the question was given by number or by the person who filed it: a label inside does not change it
    is_perhaps: bool = False  # a restitution only by the word "plénière", which may be a place: a question said inside wins

    def over(self, other: "Location") -> "Location":
        """What this place tells, and `other` where it tells nothing."""
        told = self if self.question else other
        table = self.table_number if self.table_number is not None else other.table_number
        return Location(
            table, told.question, self.channel or other.channel, told.is_numbered, told.is_perhaps
        )


@dataclass(frozen=True)
class LocatedBlock:
    """A block with where it was said; `text` is without the prefix that told it, `speaker` as written in the file."""

    text: str
    kind: str
    level: int | None = None
    table_number: int | None = None
    question: str | None = None
    channel: str = "notes"
    speaker: str | None = None


_MAX_WORDS = 45  # of a text that names a table or question
ENOUGH, MARGIN = 2, 1  # a meaning is told by this total, this far ahead of the next
_TYPO, _WORDING = (
    0.83,
    88,
)  # similarities over which a word is a misspelt cue (0..1), and a text the grid's own wording (0..100)
_ENUMERATOR = re.compile(
    r"^\s*(?:[IVX]{1,4}|[A-Fa-f])\s?[.)/–-]\s+"
)  # "III. Les difficultés", "B) Ce qui marche"
_NAMED = re.compile(
    r"\(?\b(?:rapporteu|animat|secr[ée]taire|scribe|preneu)\w*\s*:[^)]*\)?", re.IGNORECASE
)  # "Table 2 (rapporteur : Maud)"
_SIGNS = (
    (re.compile(r"(?<!\S)\+(?!\S)"), "plus"),
    (re.compile(r"(?<!\S)[-–](?=\s*$)"), "moins"),
)  # "les + et les -"
_MONTHS = "janv|f[ée]v|mars|avr|mai|juin|juil|ao[uû]t|sept|oct|nov|d[ée]c"
_PAIR = re.compile(
    rf"(?<![\d/.-])(\d{{1,2}})\s?[-–/&+,]\s?(?=\d{{1,2}}(?![\d/.-]))(?! ?\d+ ?(?:{_MONTHS}))"
)


@dataclass(frozen=True)
class TextCues:
    """What a text says; `scores` weighs each question by meaning, best first."""

    table: int | None = None
    number: int | None = None  # of the question or round, as numbered
    lead: int | None = (
        None  # a number that opens the text ("2 - ce qui marche"): of a question or of anything else
    )
    has_tables: bool = False  # names a table, or several
    has_numbers: bool = False  # numbers a question, or several
    scores: tuple[tuple[str, int], ...] = ()
    n_words: int = 0
    n_other: int = 0  # words that are neither cue nor neutral

    @property
    def meaning(self) -> str | None:
        """The question that the words ask, where they are clear."""
        if not self.scores or self.scores[0][1] < ENOUGH:
            return None
        second = self.scores[1][1] if len(self.scores) > 1 else 0
        return self.scores[0][0] if self.scores[0][1] - second >= MARGIN else None

    @property
    def numbered(self) -> str | None:
        """The question that the number names; `autre` for a fifth."""
        if self.number is None:
            return None
        return f"q{self.number}" if f"q{self.number}" in QUESTIONS else "autre"

    @property
    def question(self) -> str | None:
        """The question, by clear words (beside a number: very clear), else by number, else by an opening number and weak words."""
        if self.meaning or self.numbered:
            is_outweighed = self.meaning is None or (
                self.numbered is not None and self.scores[0][1] <= ENOUGH
            )
            return self.numbered if is_outweighed else self.meaning
        return f"q{self.lead}" if f"q{self.lead}" in dict(self.scores) else None

    @property
    def is_mostly_cues(self) -> bool:
        """True where cues and neutral words outweigh all others: a title that mentions needs in passing asks nothing."""
        return self.n_other <= self.n_words // 2

    @property
    def is_label(self) -> bool:
        """True where every word is a number, a cue or neutral, and something is said of a table or a question."""
        return self.n_other == 0 and (self.has_tables or self.has_numbers or bool(self.scores))


@lru_cache(maxsize=8192)
def read_cues(text: str) -> TextCues:
    """Return the cues of `text`; a blank one has none, and neither has one too long to name anything."""
    n_words = len(text.split())
    if n_words > _MAX_WORDS:
        return TextCues(n_words=n_words, n_other=n_words)
    text = _NAMED.sub("", _ENUMERATOR.sub("", text))
    for sign, word in _SIGNS:
        text = sign.sub(word, text)
    folded = fold(_PAIR.sub(r"\1 et ", text))
    lead = re.match(r"0?(\d)(?!\d| et \d)\b", folded)
    rest, tables = _take_numbers(folded, _patterns()[0])
    rest, numbers = _take_numbers(rest, _patterns()[1])
    rest, scores = _weigh(rest, fold(text))
    other = [
        word for word in rest.split() if word not in _neutral() and not (lead and word == lead[0])
    ]
    return TextCues(
        table=tables[0] if len(set(tables)) == 1 else None,
        number=numbers[0] if len(set(numbers)) == 1 else None,
        lead=int(lead[1]) if lead else None,
        has_tables=bool(tables),
        has_numbers=bool(numbers),
        scores=scores,
        n_words=len(folded.split()),
        n_other=len(other),
    )


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Tables, then questions: a word and a number or several ("tables 1 et 2"), or an ordinal and a word ("3e table")."""
    return _numbered("tables", "t ?"), _numbered("questions", "q ?")


def without_tables(text: str) -> str:
    """`text` folded, without the tables that it numbers: "Rapporteur de la table 2" is "rapporteur de la"."""
    return " ".join(_take_numbers(fold(text), _patterns()[0])[0].split())


def telling_words(text: str) -> frozenset[str]:
    """The words of `text` that are not neutral, in the singular: "Nos atouts et nos fragilités" has "atout" and "fragilite"."""
    return frozenset(
        word.rstrip("sx") for word in without_tables(text).split() if word not in _neutral()
    )


def _numbered(group: str, letter: str) -> re.Pattern[str]:
    nouns = "|".join(sorted(lexicon("where")[group], key=len, reverse=True))
    number, ordinal = (
        number_pattern("romains", "cardinaux"),
        number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}(?:e|eme|er|ere|re|nd|nde)"),
    )
    more = rf"(?P<more>(?: (?:et|a|ou|puis) (?:(?:{nouns})s? ?|{letter})?(?:{number})\b)*)"
    return re.compile(
        rf"\b(?:(?:(?:{nouns})s?(?: (?:no )?| ?(?=\d))|{letter}(?=\d))(?P<a>{number})\b{more}|(?P<b>{ordinal}) (?:{nouns})\b)"
    )


def _take_numbers(folded: str, pattern: re.Pattern[str]) -> tuple[str, list[int]]:
    """`folded` without the numbered words of `pattern`, and the numbers."""
    numbers: list[int] = []
    for match in pattern.finditer(folded):
        words = [match["a"] or match["b"], *re.split(r" |(?<=[a-z])(?=\d)", match["more"] or "")]
        numbers += [value for value in map(to_number, words) if value is not None]
    return pattern.sub(" ", folded), numbers


def _weigh(rest: str, whole: str) -> tuple[str, tuple[tuple[str, int], ...]]:
    """`rest` without its cue words, and each question's total, best first; the grid's own wording outweighs any word."""
    totals: dict[str, int] = {}
    for pattern, question, weight in _expressions():
        rest, n_hits = pattern.subn(" ", rest)
        if n_hits:
            totals[question] = totals.get(question, 0) + weight
    left: list[str] = []
    for word in rest.split():
        cues = _cues_of(word)
        for question, weight in cues:
            totals[question] = totals.get(question, 0) + weight
        left += [] if cues else [word]
    worded = _worded(whole)
    if worded:
        return "", ((worded, 9),)
    order = {question: rank for rank, question in enumerate(QUESTIONS)}
    return " ".join(left), tuple(
        sorted(totals.items(), key=lambda entry: (-entry[1], order[entry[0]]))
    )


def _worded(whole: str) -> str | None:
    """The question whose wording in the grid `whole` repeats, misspellings allowed."""
    wordings = {
        question: fold(entry["formulation"])
        for question, entry in _asked().items()
        if "formulation" in entry
    }
    if len(whole.split()) < 5:
        return None
    best = process.extractOne(whole, wordings, scorer=fuzz.ratio, score_cutoff=_WORDING)
    return best[2] if best else None


@cache
def _expressions() -> tuple[tuple[re.Pattern[str], str, int], ...]:
    """Every expression as (pattern, question, weight), the heaviest first, then the longest."""
    entries = [
        (pattern, question, weight)
        for question, entry in _asked().items()
        for pattern, weight in (entry.get("expressions") or {}).items()
    ]
    entries.sort(key=lambda entry: (-entry[2], -len(entry[0]), entry[0]))
    return tuple(
        (re.compile(rf"\b(?:{pattern})(?!\w)"), question, weight)
        for pattern, question, weight in entries
    )


@cache
def _cues_of(word: str) -> tuple[tuple[str, int], ...]:
    """The questions that one word points to, with its weights: as listed, in the plural, or misspelt."""
    listed = _listed_words()
    for form in (word, word.removesuffix("s"), word.removesuffix("x"), word.removesuffix("es")):
        if form in listed:
            return listed[form]
    if len(word) < 6 or word in _neutral():
        return ()
    alike = [known for known in listed if len(known) > 4 and known[0] == word[0]]
    best = process.extractOne(
        word.removesuffix("s"), alike, scorer=OSA.normalized_similarity, score_cutoff=_TYPO
    )
    return listed[best[0]] if best else ()


@cache
def _listed_words() -> dict[str, tuple[tuple[str, int], ...]]:
    words: dict[str, tuple[tuple[str, int], ...]] = {}
    for question, entry in _asked().items():
        for word, weight in (entry.get("mots") or {}).items():
            words[word] = (*words.get(word, ()), (question, weight))
    return words


@cache
def _asked() -> dict[str, dict[str, Any]]:
    return {
        question: entry for question, entry in lexicon("questions").items() if question in QUESTIONS
    }


@cache
def _neutral() -> frozenset[str]:
    return frozenset(lexicon("questions")["neutres"].split())
