"""Read the numbers of a French text, and which of them quantify something that exists.

In:   a text: « 4 000 », « 1,2 M€ », « une quinzaine », « cinquante-huit », « entre 30 et 40 »
Out:  numbers, quantities with their units, and totals
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from typing import Any

from spacy.tokens import Doc, Token

from pipeline.text import fold
from pipeline.text import lexicon as read_lexicon

_ORDINAL = r"(?!(?:er?|re|ère|i?ème|i?eme|nde?|h)(?![^\W\d_]))"  # « 2e », « 1re », but also « 19h »
_DIGITS = re.compile(
    rf"(?<![\w,.°])\d{{1,3}}(?:[ \u00a0\u202f\u2009.]\d{{3}})+(?:,\d+)?(?!\d){_ORDINAL}"
    rf"|(?<![\w,.°])\d+(?:[.,]\d+)?(?![\d,.]*\d){_ORDINAL}"
)
_SUFFIX = re.compile(r"\s?(M|k|K|Md)(?=\s?€)")
_WORD = re.compile(r"[^\W\d_]+")
_NEXT_WORD = re.compile(r"\s([^\W\d_]+)")
_GLUE = re.compile(r"[\s-]{1,2}")
_RANGE = re.compile(r"\s?(?:à|a|-|–|et|ou)\s?")
_SUFFIXES = {"k": 1_000, "K": 1_000, "M": 1_000_000, "Md": 1_000_000_000}
_CLAUSE_END = re.compile(r"[.;!?…]\s|\bmais\b|→|->")
_UNIT_WORD = re.compile(r"\s?(?:d'|d’|de |des )?([^\W\d_]+[²³]?\d?|€)(?![\w'’])")
_IS_PRICE = re.compile(r"\b(à|contre|pour)\s*$", re.IGNORECASE)
_YEARS = range(1900, 2101)
_BEFORE_YEAR = re.compile(r"\b(en|depuis|des|de|fin|debut|ete|hiver|rentree|avant|apres|jusqu'en)$")
_MAX_ADJECTIVES = 2
_CONDITIONAL = ("rait", "raient", "rions", "riez")  # often parsed as an imperfect
_NEAR = 40  # characters from « budget » or « ventes » to its amount


@dataclass(frozen=True)
class Number:
    """A number at [start, end); that of a range is its mean."""

    start: int
    end: int
    value: float
    bounds: tuple[float, float] | None = None  # of a range


lexicon = partial(read_lexicon, "quantites")


def find_numbers(text: str) -> list[Number]:
    """Return the numbers in order; « un », « une » and « quelques dizaines » are none."""
    numbers = sorted([*_in_digits(text), *_in_letters(text)], key=lambda number: number.start)
    return _with_ranges([_multiplied(number, text) for number in numbers], text)


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
    words = [(match, fold(match[0], keep_signs=True)) for match in _WORD.finditer(text)]
    collectives = lexicon()["ensembles"]
    i = 0
    while i < len(words):
        match, word = words[i]
        run = _run_from(words, i, text)
        if run:
            end = words[i + len(run) - 1][0].end()
            yield Number(match.start(), end, float(_value_of(run)))
        elif word in collectives and _is_counted(words, i):
            first = words[i - 1][0] if words[i - 1][1] == "une" else match
            value = float(collectives[word])
            yield Number(first.start(), match.end(), value)
        i += max(1, len(run))


def _run_from(words: list[tuple[re.Match[str], str]], i: int, text: str) -> list[str]:
    """The number words from `i`; « un », « une », « et » only between or after others."""
    numbers, links = lexicon()["nombres"], lexicon()["liaisons"]
    first = words[i][1]
    is_percentage = first == "cent" and i > 0 and words[i - 1][1] == "pour"
    if first not in numbers or is_percentage:
        return []
    run = [first]
    for (before, _), (after, word) in pairwise(words[i:]):
        is_number = word in numbers or word in links
        is_glued = _GLUE.fullmatch(text, before.end(), after.start())
        if not (is_number and is_glued and _adds_up(run, word)):
            break
        run.append(word)
    while run[-1] == "et":
        run.pop()
    return run


def _adds_up(run: list[str], word: str) -> bool:
    """Whether `word` continues the number: « vingt deux », not « deux trois » or « dix cinq »."""
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
    if last == "dix":
        return word in ("sept", "huit", "neuf")
    return bool(numbers[last] > numbers[word] and numbers[last] >= 20)


def _value_of(run: list[str]) -> int:
    """« quatre-vingt-dix-sept mille deux cents » is 97200."""
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


def _is_counted(words: list[tuple[re.Match[str], str]], i: int) -> bool:
    """Whether « une » or « une bonne » precedes a collective; « chaque quinzaine » is none."""
    before = [word for _, word in words[max(0, i - 2) : i]]
    return before[-1:] == ["une"] or before in (["une", "bonne"], ["une", "petite"])


def _multiplied(number: Number, text: str) -> Number:
    """« deux douzaines », « 3 millions »: the next word multiplies."""
    match = _NEXT_WORD.match(text, number.end)
    if match is None:
        return number
    word = fold(match[1], keep_signs=True)
    factor = lexicon()["multiples"].get(word) or lexicon()["ensembles"].get(word.removesuffix("s"))
    if factor is None:
        return number
    return replace(number, end=match.end(), value=number.value * factor)


def _with_ranges(numbers: list[Number], text: str) -> list[Number]:
    merged: list[Number] = []
    for number in numbers:
        last = merged[-1] if merged else None
        if last and last.value < number.value and _is_range(last, number, text):
            bounds = (last.value, number.value)
            middle = sum(bounds) / 2
            merged[-1] = Number(last.start, number.end, middle, bounds=bounds)
        else:
            merged.append(number)
    return merged


def _is_range(first: Number, second: Number, text: str) -> bool:
    """Whether `first` and `second` make a range; « passé de 10 à 20 » does not."""
    if not _RANGE.fullmatch(text, first.end, second.start):
        return False
    before = fold(text[: first.start], keep_signs=True).rstrip()
    if text[first.end : second.start].strip() == "et":
        return before.endswith("entre")
    if re.search(r"\b(pass|mont|augment|grimp|tomb|descend|baiss)\w* (de|d')$", before):
        return False
    return second.value <= 10 * max(first.value, 1)


@dataclass(frozen=True)
class Quantity:
    """A number that counts `unit`; `kind` is mesure, personne or chose."""

    number: Number
    value: float
    unit: str
    kind: str
    noun_start: int
    noun_end: int


def quantities_of(passage: Doc, *, is_offer: bool) -> Iterator[Quantity]:
    """Yield the quantities of `passage`; nouns outside the lexicon count only in an offer."""
    text = passage.text
    for number in find_numbers(text):
        quantity = _counted(passage, number)
        if quantity is None or (quantity.kind == "chose" and not is_offer):
            continue
        if _exists(text, quantity) and not _is_to_come(passage, quantity):
            yield quantity


def _counted(passage: Doc, number: Number) -> Quantity | None:
    """What `number` counts: a listed compound, measure or person just after, else a near noun."""
    text = passage.text
    rest = fold(text[number.end :], keep_signs=True)
    for pattern, unit in _compounds():
        match = pattern.match(rest)
        if match:
            start, end = (number.end + offset for offset in match.span(1))
            return Quantity(number, number.value, unit, "chose", start, end)
    word = _UNIT_WORD.match(text, number.end)
    if word:
        for kind, units in (("mesure", lexicon()["mesures"]), ("personne", lexicon()["personnes"])):
            unit = units.get(fold(word[1], keep_signs=True))
            if unit and (kind == "personne" or word[1] not in ("L", "T")):
                return Quantity(number, number.value, unit, kind, *word.span(1))
    noun = _noun_after(passage, number)
    if noun is None or number.value <= 1:
        return None
    folded = fold(noun.text, keep_signs=True)
    if folded in lexicon()["nombres"]:
        return None
    unit = lexicon()["personnes"].get(folded)
    kind = "personne" if unit else "chose"
    written = noun.text if noun.text.isupper() else noun.text.lower()
    end = noun.idx + len(noun.text)
    return Quantity(number, number.value, unit or written, kind, noun.idx, end)


@cache
def _compounds() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(rf"\s?(?:de |d')?({pattern})\b"), unit)
        for pattern, unit in lexicon()["composes"].items()
    ]


def _noun_after(passage: Doc, number: Number) -> Token | None:
    """The first noun; a lone plural adjective is one unknown to the parser (« 3 agentes, »)."""
    adjectives: list[Token] = []
    for token in passage:
        if token.idx < number.end or token.is_space:
            continue
        plain = fold(token.text, keep_signs=True)
        if plain in ("de", "d'", "des"):
            continue
        if plain in lexicon()["jamais"] or plain.removesuffix(".") in lexicon()["jamais"]:
            return None
        if plain.isalpha() and _may_be_noun(token, plain):
            return None if token.text.istitle() else token
        if not (token.pos_ == "ADJ" or _is_participle(token)) or len(adjectives) == _MAX_ADJECTIVES:
            break
        adjectives.append(token)
    if len(adjectives) != 1 or number.value < 2:
        return None
    text = adjectives[0].text
    is_noun = len(text) > 3 and text.endswith(("s", "x")) and text.isalpha()
    return adjectives[0] if is_noun else None


def _may_be_noun(token: Token, plain: str) -> bool:
    is_noun = token.pos_ == "NOUN" and len(plain) > 2
    return is_noun or (token.is_upper and len(plain) > 1)


def _is_participle(token: Token) -> bool:
    """Whether it is a plural past participle, as the parser takes « 50 habitués »."""
    return bool(
        token.pos_ == "VERB"
        and token.morph.get("VerbForm", []) == ["Part"]
        and fold(token.text, keep_signs=True).endswith("s")
    )


def _exists(text: str, quantity: Quantity) -> bool:
    """Whether the clause says that it exists, as a whole, and is no price, distance or year."""
    before = fold(text[: quantity.number.start], keep_signs=True).rstrip()
    after = fold(text[quantity.noun_end :], keep_signs=True)
    if re.search("|".join(lexicon()["avant_jamais"]), " ".join(before.split()[-5:])):
        return False
    if re.search(lexicon()["apres_jamais"], " ".join(after.split()[:4])):
        return False
    left, right = _clause_bounds(text, quantity.number.start, quantity.noun_end)
    clause = fold(text[left:right], keep_signs=True)
    if re.search("|".join(lexicon()["annule"]), clause):
        return False
    if quantity.unit in lexicon()["monnaies"]:
        is_of_whole = re.search(lexicon()["montants"], f"{before[-_NEAR:]} {after[:_NEAR]}")
        return bool(is_of_whole) and not _IS_PRICE.search(text, 0, quantity.number.start)
    if quantity.unit in lexicon()["longueurs"]:
        is_distance = re.search(lexicon()["avant_distance"], before)
        return not is_distance and bool(re.match(r"\s*(de |d'|/)", after))
    return not (quantity.number.value in _YEARS and _is_written_as_year(text, quantity.number))


def _is_written_as_year(text: str, number: Number) -> bool:
    if text[number.start : number.end] != str(int(number.value)):
        return False
    before = fold(text[: number.start], keep_signs=True).rstrip()
    return bool(_BEFORE_YEAR.search(before))


def _is_to_come(passage: Doc, quantity: Quantity) -> bool:
    left, right = _clause_bounds(passage.text, quantity.number.start, quantity.noun_end)
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
    left = max((match.end() for match in _CLAUSE_END.finditer(text, 0, start)), default=0)
    right = _CLAUSE_END.search(text, end)
    return left, right.start() if right else len(text)


@dataclass(frozen=True)
class Total:
    """The sum of `n_added` quantities of one unit; if 0, the different ones, largest first."""

    unit: str
    ranges: tuple[tuple[float, float], ...]
    n_added: int


def total_quantities(offers: Iterable[Any]) -> list[Total]:
    """Return one total a unit, the most frequent first; a line (offer_id) counts once.

    `offers` are rows of the table, blank cells None. The same number of one structure, or with and
    without one, counts once. Different structures add up where they count things: 112 paniers and
    40 make 152. Others may be told twice and stay side by side, as do people, whom two structures
    may help, and measures, of fish and of vegetables.
    """
    lines_of: dict[str, dict[str, list[Any]]] = {}
    for offer in offers:
        if offer.quantity is not None and offer.quantity_unit is not None:
            lines = lines_of.setdefault(offer.quantity_unit, {})
            lines.setdefault(offer.offer_id, []).append(offer)
    totals = []
    for unit, lines in sorted(lines_of.items()):
        offered = {
            (
                line[0].structure_id or line[0].structure_name,
                min(low for low, _ in map(bounds, line)),
                max(high for _, high in map(bounds, line)),
            )
            for line in lines.values()
        }
        totals.append((sum(map(len, lines.values())), _total(unit, offered)))
    totals.sort(key=lambda entry: (-entry[0], -entry[1].ranges[0][1]))
    return [total for _, total in totals]


def bounds(offer: Any) -> tuple[float, float]:
    """Return the range of a quantity: twice its number where none is said."""
    low, high = offer.quantity_low, offer.quantity_high
    return offer.quantity if low is None else low, offer.quantity if high is None else high


def _total(unit: str, offered: Collection[tuple[str | None, float, float]]) -> Total:
    named = [structure_id for structure_id, _, _ in offered if structure_id is not None]
    of_named = [(low, high) for structure_id, low, high in offered if structure_id is not None]
    unnamed = {(low, high) for structure_id, low, high in offered if structure_id is None}
    counts_things = unit.partition(" par ")[0] not in {
        *lexicon()["personnes"].values(),
        *lexicon()["mesures"].values(),
    }
    is_one_each = len(set(named)) == len(named) > 1 and counts_things
    if is_one_each and unnamed <= set(of_named):
        total = (sum(low for low, _ in of_named), sum(high for _, high in of_named))
        return Total(unit, (total,), len(named))
    ranges = sorted({*of_named, *unnamed}, key=lambda bounds: (-bounds[1], -bounds[0]))
    return Total(unit, tuple(ranges), 0)
