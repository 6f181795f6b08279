"""Tell which numbers of a passage quantify something that exists, and in what unit.

In:   one passage, parsed
Out:  Quantity(value, unit, …); ages, dates, ratios, prices, distances, sub-counts, losses and wishes are none
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from spacy.tokens import Doc, Token

from pipeline.french import fold
from pipeline.offer.numbers import Number, find_numbers, lexicon

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
        if found is None or (found.kind == "chose" and not is_offer) or not _exists(text, found) or _is_to_come(passage, found):
            continue
        yield found


def _counted(passage: Doc, number: Number) -> Quantity | None:
    """The noun that `number` counts: a listed compound, measure or person word right after it, else a noun within three words."""
    text = passage.text
    rest = fold(text[number.end :])
    for pattern, unit in _compounds():
        match = pattern.match(rest)
        if match:
            return Quantity(number, number.value, unit, "chose", number.end + match.start(1), number.end + match.end(1))
    word = _UNIT_WORD.match(text, number.end)
    if word:
        for kind, units in (("mesure", lexicon()["mesures"]), ("personne", lexicon()["personnes"])):
            unit = units.get(fold(word[1]))
            if unit and (kind == "personne" or word[1] not in ("L", "T")):
                return Quantity(number, number.value, unit, kind, word.start(1), word.end(1))
    noun = _noun_after(passage, number)
    if noun is None or _is_plain_one(number, noun):
        return None
    unit = lexicon()["personnes"].get(fold(noun.text))
    kind = "personne" if unit else "chose"
    written = noun.text if noun.text.isupper() else noun.text.lower()
    return Quantity(number, number.value, unit or written, kind, noun.idx, noun.idx + len(noun.text))


@cache
def _compounds() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(rf"\s?(?:de |d')?({pattern})\b"), unit) for pattern, unit in lexicon()["composes"].items()]


def _noun_after(passage: Doc, number: Number) -> Token | None:
    """The first noun after `number`, adjectives, plural participles and « de » skipped; None where another word is first.

    An adjective in the plural that no noun follows is itself the noun, which the parser did not know (« 3 agentes, »).
    """
    adjectives: list[Token] = []
    for token in passage:
        if token.idx < number.end or token.is_space:
            continue
        plain = fold(token.text)
        if plain in ("de", "d'", "des"):
            continue
        if plain in lexicon()["jamais"] or plain.removesuffix(".") in lexicon()["jamais"]:
            return None
        if ((token.pos_ == "NOUN" and len(plain) > 2) or (token.is_upper and len(plain) > 1)) and plain.isalpha():
            return None if token.text.istitle() else token
        if not (token.pos_ == "ADJ" or _is_participle(token)) or len(adjectives) == _MAX_ADJECTIVES:
            break
        adjectives.append(token)
    is_noun = len(adjectives) == 1 and len(adjectives[0].text) > 3 and adjectives[0].text.endswith(("s", "x")) and number.value >= 2
    return adjectives[0] if is_noun and adjectives[0].text.isalpha() else None


def _is_participle(token: Token) -> bool:
    """Whether it is a past participle in the plural, which « 50 habitués » is to the parser."""
    return bool(token.pos_ == "VERB" and token.morph.get("VerbForm", []) == ["Part"] and fold(token.text).endswith("s"))


def _is_plain_one(number: Number, noun: Token) -> bool:
    return number.value <= 1 or fold(noun.text) in lexicon()["nombres"]


def _exists(text: str, found: Quantity) -> bool:
    """Whether the clause says that the quantity is there, and speaks of the whole rather than of one, of a price or of a distance."""
    before, after = fold(text[: found.number.start]).rstrip(), fold(text[found.noun_end :])
    if re.search("|".join(lexicon()["avant_jamais"]), " ".join(before.split()[-5:])):
        return False
    if re.search(lexicon()["apres_jamais"], " ".join(after.split()[:4])):
        return False
    left, right = _clause_bounds(text, found.number.start, found.noun_end)
    clause = fold(text[left:right])
    if re.search("|".join(lexicon()["annule"]), clause):
        return False
    if found.unit in lexicon()["monnaies"]:
        is_of_whole = re.search(lexicon()["montants"], f"{before[-_NEAR:]} {after[:_NEAR]}")
        return bool(is_of_whole) and not _IS_PRICE.search(text, 0, found.number.start)
    if found.unit in lexicon()["longueurs"]:
        return not re.search(lexicon()["avant_distance"], before) and bool(re.match(r"\s*(de |d'|/)", after))
    return not (found.number.value in _YEARS and _is_written_as_year(text, found.number))


def _is_written_as_year(text: str, number: Number) -> bool:
    return text[number.start : number.end] == str(int(number.value)) and bool(
        re.search(r"\b(en|depuis|des|de|fin|debut|ete|hiver|rentree|avant|apres|jusqu'en)$", fold(text[: number.start]).rstrip())
    )


def _is_to_come(passage: Doc, found: Quantity) -> bool:
    """Whether a verb of the clause stands in the future or the conditional."""
    left, right = _clause_bounds(passage.text, found.number.start, found.noun_end)
    verbs = [token for token in passage if left <= token.idx < right and token.pos_ in ("VERB", "AUX")]
    return any(
        token.morph.get("Mood", []) == ["Cnd"] or token.morph.get("Tense", []) == ["Fut"] or fold(token.text).endswith(_CONDITIONAL)
        for token in verbs
    )


def _clause_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """The clause around [start, end): up to a full stop, a semicolon, « mais » or an arrow on either side."""
    left = max((match.end() for match in _CLAUSE_END.finditer(text, 0, start)), default=0)
    right = _CLAUSE_END.search(text, end)
    return left, right.start() if right else len(text)
