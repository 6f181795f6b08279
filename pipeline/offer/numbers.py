"""Read the numbers of a French text: « 4 000 », « 1,2 M€ », « une quinzaine », « cinquante-huit », « entre 30 et 40 ».

In:   a text
Out:  Number(start, end, value), half-open in the text; a range is one number, its mean; « quelques dizaines » is none
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from pipeline.french import fold
from pipeline.words import lexicon as read_lexicon

_ORDINAL = r"(?!(?:er?|re|ère|i?ème|i?eme|nde?|h)(?![^\W\d_]))"  # « 2e », « 1re », but also « 19h »
_DIGITS = re.compile(
    rf"(?<![\w,.°])\d{{1,3}}(?:[ \u00a0\u202f\u2009.]\d{{3}})+(?:,\d+)?(?!\d){_ORDINAL}|(?<![\w,.°])\d+(?:[.,]\d+)?(?![\d,.]*\d){_ORDINAL}"
)
_SUFFIX = re.compile(r"\s?(M|k|K|Md)(?=\s?€)")
_WORD = re.compile(r"[^\W\d_]+")
_GLUE = re.compile(r"[\s-]{1,2}")
_RANGE = re.compile(r"\s?(?:à|a|-|–|et|ou)\s?")
_SUFFIXES = {"k": 1_000, "K": 1_000, "M": 1_000_000, "Md": 1_000_000_000}


@dataclass(frozen=True)
class Number:
    """A number and where it is written; `is_approximate` for « une trentaine »."""

    start: int
    end: int
    value: float
    is_approximate: bool = False
    bounds: tuple[float, float] | None = None  # of a range


@cache
def lexicon() -> dict[str, Any]:
    """data/lexicon/quantites.yaml, read once."""
    content: dict[str, Any] = read_lexicon("quantites")
    return content


def find_numbers(text: str) -> list[Number]:
    """Return the numbers of `text` in reading order; the articles « un » and « une » are none."""
    found = sorted([*_in_digits(text), *_in_letters(text)], key=lambda number: number.start)
    multiplied = [_multiplied(number, text) for number in found]
    return _with_ranges(multiplied, text)


def _in_digits(text: str) -> Iterator[Number]:
    for match in _DIGITS.finditer(text):
        plain = re.sub(r"\s", "", match[0])
        grouped = re.fullmatch(r"\d{1,3}(\.\d{3})+(,\d+)?", plain)
        value = float((plain.replace(".", "") if grouped else plain).replace(",", "."))
        suffix = _SUFFIX.match(text, match.end())
        if suffix:
            yield Number(match.start(), suffix.end(), value * _SUFFIXES[suffix[1]])
        else:
            yield Number(match.start(), match.end(), value)


def _in_letters(text: str) -> Iterator[Number]:
    """Runs of number words, and collectives (« une vingtaine », « trois douzaines »)."""
    words = [(match, fold(match[0])) for match in _WORD.finditer(text)]
    place = 0
    while place < len(words):
        run = _run_from(words, place, text)
        if run:
            yield Number(words[place][0].start(), words[place + len(run) - 1][0].end(), float(_value_of(run)))
        elif words[place][1] in lexicon()["ensembles"] and _is_counted(words, place):
            start = words[place - 1][0].start() if words[place - 1][1] == "une" else words[place][0].start()
            yield Number(start, words[place][0].end(), float(lexicon()["ensembles"][words[place][1]]), is_approximate=True)
        place += max(1, len(run))


def _run_from(words: list[tuple[re.Match[str], str]], place: int, text: str) -> list[str]:
    """The number words that start at `place`; « un », « une », « et » only between or after others."""
    numbers, links = lexicon()["nombres"], lexicon()["liaisons"]
    if words[place][1] not in numbers or (words[place][1] == "cent" and place and words[place - 1][1] == "pour"):
        return []
    run = [words[place][1]]
    for (before, _), (after, word) in pairwise(words[place:]):
        if not (word in numbers or word in links) or not _GLUE.fullmatch(text, before.end(), after.start()) or not _adds_up(run, word):
            break
        run.append(word)
    while run[-1] == "et":
        run.pop()
    return run


def _adds_up(run: list[str], word: str) -> bool:
    """Whether `word` goes on with the same number: « vingt deux », but not « deux trois » or « dix cinq »."""
    numbers = lexicon()["nombres"] | lexicon()["liaisons"]
    last = run[-1]
    if word == "et":
        return last in ("vingt", "trente", "quarante", "cinquante", "soixante")
    if last == "et":
        return word in ("un", "une", "onze")
    if word in ("un", "une"):
        return last in ("mille", "cent", "vingt")
    if word == "mille" and last in ("un", "une"):
        return True
    if word in ("cent", "cents", "mille"):
        return 2 <= numbers[last] <= 999 and not (word != "mille" and numbers[last] >= 10)
    if word in ("vingt", "vingts") and last == "quatre":
        return True
    return bool(numbers[last] > numbers[word] and numbers[last] >= 20) or (last == "dix" and word in ("sept", "huit", "neuf"))


def _value_of(run: list[str]) -> int:
    """Value of number words in order: « quatre-vingt-dix-sept mille deux cents » is 97200."""
    numbers = lexicon()["nombres"] | lexicon()["liaisons"]
    total = current = 0
    for word in run:
        value = numbers[word]
        if value == 1000:
            total, current = total + max(1, current) * 1000, 0
        elif value == 100:
            current = max(1, current) * 100
        elif value == 20 and current % 100 == 4:
            current += 76
        else:
            current += value
    return total + current


def _is_counted(words: list[tuple[re.Match[str], str]], place: int) -> bool:
    """Whether « une », or a « bonne », stands before a collective: « chaque quinzaine » and « des centaines » count nothing."""
    before = [word for _, word in words[max(0, place - 2) : place]]
    return before[-1:] == ["une"] or (before[:1] == ["une"] and before[-1:] in (["bonne"], ["petite"]))


def _multiplied(number: Number, text: str) -> Number:
    """« deux douzaines », « 3 millions »: the word that follows multiplies."""
    match = _WORD.match(text, number.end + 1) if number.end < len(text) and text[number.end].isspace() else None
    word = fold(match[0]) if match else ""
    factor = lexicon()["multiples"].get(word) or lexicon()["ensembles"].get(word.removesuffix("s"))
    if match is None or factor is None:
        return number
    return replace(number, end=match.end(), value=number.value * factor)


def _with_ranges(numbers: list[Number], text: str) -> list[Number]:
    """Two numbers joined by « à », « ou », a dash, or « entre … et » become one, their mean."""
    merged: list[Number] = []
    for number in numbers:
        last = merged[-1] if merged else None
        if last and _RANGE.fullmatch(text, last.end, number.start) and last.value < number.value and _is_range(last, number, text):
            middle = (last.value + number.value) / 2
            merged[-1] = Number(last.start, number.end, middle, is_approximate=True, bounds=(last.value, number.value))
        else:
            merged.append(number)
    return merged


def _is_range(first: Number, second: Number, text: str) -> bool:
    """« et » joins a range only after « entre »; « à » and the others between numbers of a like size, unless one became the other."""
    before = fold(text[: first.start]).rstrip()
    if text[first.end : second.start].strip() == "et":
        return before.endswith("entre")
    if re.search(r"\b(pass|mont|augment|grimp|tomb|descend|baiss)\w* (de|d')$", before):
        return False
    return second.value <= 10 * max(first.value, 1)
