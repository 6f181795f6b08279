"""Read the numbers of a French text: « 4 000 », « 1,2 M€ », « une quinzaine », « cinquante-huit », « entre 30 et 40 ».

In:   a text
Out:  Number(start, end, value), half-open in the text; a range is one number, its mean; « quelques dizaines » is none

Tell which numbers of a passage quantify something that exists, and in what unit.

Add quantities up only where they are certainly not the same one told twice.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import pandas as pd
from spacy.tokens import Doc, Token

from pipeline.text import fold
from pipeline.text import lexicon as read_lexicon

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
    words = [(match, fold(match[0], keep_signs=True)) for match in _WORD.finditer(text)]
    place = 0
    while place < len(words):
        run = _run_from(words, place, text)
        if run:
            yield Number(
                words[place][0].start(), words[place + len(run) - 1][0].end(), float(_value_of(run))
            )
        elif words[place][1] in lexicon()["ensembles"] and _is_counted(words, place):
            start = (
                words[place - 1][0].start()
                if words[place - 1][1] == "une"
                else words[place][0].start()
            )
            yield Number(
                start,
                words[place][0].end(),
                float(lexicon()["ensembles"][words[place][1]]),
                is_approximate=True,
            )
        place += max(1, len(run))


def _run_from(words: list[tuple[re.Match[str], str]], place: int, text: str) -> list[str]:
    """The number words that start at `place`; « un », « une », « et » only between or after others."""
    numbers, links = lexicon()["nombres"], lexicon()["liaisons"]
    if words[place][1] not in numbers or (
        words[place][1] == "cent" and place and words[place - 1][1] == "pour"
    ):
        return []
    run = [words[place][1]]
    for (before, _), (after, word) in pairwise(words[place:]):
        if (
            not (word in numbers or word in links)
            or not _GLUE.fullmatch(text, before.end(), after.start())
            or not _adds_up(run, word)
        ):
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
    return bool(numbers[last] > numbers[word] and numbers[last] >= 20) or (
        last == "dix" and word in ("sept", "huit", "neuf")
    )


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
    return before[-1:] == ["une"] or (
        before[:1] == ["une"] and before[-1:] in (["bonne"], ["petite"])
    )


def _multiplied(number: Number, text: str) -> Number:
    """« deux douzaines », « 3 millions »: the word that follows multiplies."""
    match = (
        _WORD.match(text, number.end + 1)
        if number.end < len(text) and text[number.end].isspace()
        else None
    )
    word = fold(match[0], keep_signs=True) if match else ""
    factor = lexicon()["multiples"].get(word) or lexicon()["ensembles"].get(word.removesuffix("s"))
    if match is None or factor is None:
        return number
    return replace(number, end=match.end(), value=number.value * factor)


def _with_ranges(numbers: list[Number], text: str) -> list[Number]:
    """Two numbers joined by « à », « ou », a dash, or « entre … et » become one, their mean."""
    merged: list[Number] = []
    for number in numbers:
        last = merged[-1] if merged else None
        if (
            last
            and _RANGE.fullmatch(text, last.end, number.start)
            and last.value < number.value
            and _is_range(last, number, text)
        ):
            middle = (last.value + number.value) / 2
            merged[-1] = Number(
                last.start,
                number.end,
                middle,
                is_approximate=True,
                bounds=(last.value, number.value),
            )
        else:
            merged.append(number)
    return merged


def _is_range(first: Number, second: Number, text: str) -> bool:
    """« et » joins a range only after « entre »; « à » and the others between numbers of a like size, unless one became the other."""
    before = fold(text[: first.start], keep_signs=True).rstrip()
    if text[first.end : second.start].strip() == "et":
        return before.endswith("entre")
    if re.search(r"\b(pass|mont|augment|grimp|tomb|descend|baiss)\w* (de|d')$", before):
        return False
    return second.value <= 10 * max(first.value, 1)


_CLAUSE_END = re.compile(r"[.;!?…]\s|\bmais\b|→|->")
_UNIT_WORD = re.compile(r"\s?(?:d'|d’|de |des )?([^\W\d_]+[²³]?\d?|€)(?![\w'’])")
_IS_PRICE = re.compile(r"\b(à|contre|pour)\s*$", re.IGNORECASE)
_YEARS = range(1900, 2101)
_MAX_ADJECTIVES = 2
_CONDITIONAL = ("rait", "raient", "rions", "riez")  # which the parser often takes for an imperfect
_NEAR = 40  # characters within which « budget » or « ventes » tells what an amount is


@dataclass(frozen=True)
class Quantity:
    """A number that counts `unit`; the counted noun lies at [noun_start, noun_end) of the passage; `kind` is mesure, personne or chose."""

    number: Number
    value: float
    unit: str
    kind: str
    noun_start: int
    noun_end: int


def quantities_of(passage: Doc, *, is_offer: bool) -> Iterator[Quantity]:
    """Yield the quantities of `passage` in order; nouns outside the lexicon count only where the passage is tagged as an offer."""
    text = passage.text
    for number in find_numbers(text):
        found = _counted(passage, number)
        if (
            found is None
            or (found.kind == "chose" and not is_offer)
            or not _exists(text, found)
            or _is_to_come(passage, found)
        ):
            continue
        yield found


def _counted(passage: Doc, number: Number) -> Quantity | None:
    """The noun that `number` counts: a listed compound, measure or person word right after it, else a noun within three words."""
    text = passage.text
    rest = fold(text[number.end :], keep_signs=True)
    for pattern, unit in _compounds():
        match = pattern.match(rest)
        if match:
            return Quantity(
                number,
                number.value,
                unit,
                "chose",
                number.end + match.start(1),
                number.end + match.end(1),
            )
    word = _UNIT_WORD.match(text, number.end)
    if word:
        for kind, units in (("mesure", lexicon()["mesures"]), ("personne", lexicon()["personnes"])):
            unit = units.get(fold(word[1], keep_signs=True))
            if unit and (kind == "personne" or word[1] not in ("L", "T")):
                return Quantity(number, number.value, unit, kind, word.start(1), word.end(1))
    noun = _noun_after(passage, number)
    if noun is None or _is_plain_one(number, noun):
        return None
    unit = lexicon()["personnes"].get(fold(noun.text, keep_signs=True))
    kind = "personne" if unit else "chose"
    written = noun.text if noun.text.isupper() else noun.text.lower()
    return Quantity(
        number, number.value, unit or written, kind, noun.idx, noun.idx + len(noun.text)
    )


@cache
def _compounds() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(rf"\s?(?:de |d')?({pattern})\b"), unit)
        for pattern, unit in lexicon()["composes"].items()
    ]


def _noun_after(passage: Doc, number: Number) -> Token | None:
    """The first noun after `number`, adjectives, plural participles and « de » skipped; None where another word is first.

    An adjective in the plural that no noun follows is itself the noun, which the parser did not know (« 3 agentes, »).
    """
    adjectives: list[Token] = []
    for token in passage:
        if token.idx < number.end or token.is_space:
            continue
        plain = fold(token.text, keep_signs=True)
        if plain in ("de", "d'", "des"):
            continue
        if plain in lexicon()["jamais"] or plain.removesuffix(".") in lexicon()["jamais"]:
            return None
        if (
            (token.pos_ == "NOUN" and len(plain) > 2) or (token.is_upper and len(plain) > 1)
        ) and plain.isalpha():
            return None if token.text.istitle() else token
        if not (token.pos_ == "ADJ" or _is_participle(token)) or len(adjectives) == _MAX_ADJECTIVES:
            break
        adjectives.append(token)
    is_noun = (
        len(adjectives) == 1
        and len(adjectives[0].text) > 3
        and adjectives[0].text.endswith(("s", "x"))
        and number.value >= 2
    )
    return adjectives[0] if is_noun and adjectives[0].text.isalpha() else None


def _is_participle(token: Token) -> bool:
    """Whether it is a past participle in the plural, which « 50 habitués » is to the parser."""
    return bool(
        token.pos_ == "VERB"
        and token.morph.get("VerbForm", []) == ["Part"]
        and fold(token.text, keep_signs=True).endswith("s")
    )


def _is_plain_one(number: Number, noun: Token) -> bool:
    return number.value <= 1 or fold(noun.text, keep_signs=True) in lexicon()["nombres"]


def _exists(text: str, found: Quantity) -> bool:
    """Whether the clause says that the quantity is there, and speaks of the whole rather than of one, of a price or of a distance."""
    before, after = (
        fold(text[: found.number.start], keep_signs=True).rstrip(),
        fold(text[found.noun_end :], keep_signs=True),
    )
    if re.search("|".join(lexicon()["avant_jamais"]), " ".join(before.split()[-5:])):
        return False
    if re.search(lexicon()["apres_jamais"], " ".join(after.split()[:4])):
        return False
    left, right = _clause_bounds(text, found.number.start, found.noun_end)
    clause = fold(text[left:right], keep_signs=True)
    if re.search("|".join(lexicon()["annule"]), clause):
        return False
    if found.unit in lexicon()["monnaies"]:
        is_of_whole = re.search(lexicon()["montants"], f"{before[-_NEAR:]} {after[:_NEAR]}")
        return bool(is_of_whole) and not _IS_PRICE.search(text, 0, found.number.start)
    if found.unit in lexicon()["longueurs"]:
        return not re.search(lexicon()["avant_distance"], before) and bool(
            re.match(r"\s*(de |d'|/)", after)
        )
    return not (found.number.value in _YEARS and _is_written_as_year(text, found.number))


def _is_written_as_year(text: str, number: Number) -> bool:
    return text[number.start : number.end] == str(int(number.value)) and bool(
        re.search(
            r"\b(en|depuis|des|de|fin|debut|ete|hiver|rentree|avant|apres|jusqu'en)$",
            fold(text[: number.start], keep_signs=True).rstrip(),
        )
    )


def _is_to_come(passage: Doc, found: Quantity) -> bool:
    """Whether a verb of the clause stands in the future or the conditional."""
    left, right = _clause_bounds(passage.text, found.number.start, found.noun_end)
    verbs = [
        token for token in passage if left <= token.idx < right and token.pos_ in ("VERB", "AUX")
    ]
    return any(
        token.morph.get("Mood", []) == ["Cnd"]
        or token.morph.get("Tense", []) == ["Fut"]
        or fold(token.text, keep_signs=True).endswith(_CONDITIONAL)
        for token in verbs
    )


def _clause_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """The clause around [start, end): up to a full stop, a semicolon, « mais » or an arrow on either side."""
    left = max((match.end() for match in _CLAUSE_END.finditer(text, 0, start)), default=0)
    right = _CLAUSE_END.search(text, end)
    return left, right.start() if right else len(text)


Range = tuple[float, float]


@dataclass(frozen=True)
class Total:
    """Quantities of one unit: their one sum where `n_added` are added, else the different ones (`n_added` is 0), the largest first."""

    unit: str
    ranges: tuple[Range, ...]
    n_added: int


def total_quantities(offers: pd.DataFrame) -> list[Total]:
    """Return a total a unit, those told most often first.

    The same number told of one structure, or once with a structure and once without, is one. Quantities are added where each is told of
    another structure: 112 paniers of one and 40 of another make 152. Nothing tells 112 and 40 apart where a structure is not named, or
    where both are told of one structure: they stay side by side.
    """
    known = offers.dropna(subset=["quantity", "quantity_unit"])
    low, high = (
        known["quantity_low"].fillna(known["quantity"]),
        known["quantity_high"].fillna(known["quantity"]),
    )
    known = known.assign(
        low=low,
        high=high,
        structure_id=known["structure_id"]
        .astype(object)
        .where(known["structure_id"].notna(), None),
    )
    totals = [
        (
            len(rows),
            _total(
                str(unit),
                set(rows[["structure_id", "low", "high"]].itertuples(index=False, name=None)),
            ),
        )
        for unit, rows in known.groupby("quantity_unit", sort=True)
    ]
    return [total for _, total in sorted(totals, key=lambda one: (-one[0], -one[1].ranges[0][1]))]


def _total(unit: str, told: Iterable[tuple[str | None, float, float]]) -> Total:
    named = [
        (structure_id, (low, high)) for structure_id, low, high in told if structure_id is not None
    ]
    of_named = [quantity for _, quantity in named]
    unnamed = [
        (low, high)
        for structure_id, low, high in told
        if structure_id is None and (low, high) not in of_named
    ]
    is_one_each = max(Counter(structure_id for structure_id, _ in named).values(), default=0) == 1
    if not unnamed and is_one_each and len(named) > 1:
        return Total(
            unit,
            ((sum(low for low, _ in of_named), sum(high for _, high in of_named)),),
            len(named),
        )
    return Total(unit, tuple(sorted({*of_named, *unnamed}, key=lambda one: (-one[1], -one[0]))), 0)
