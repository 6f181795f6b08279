"""Words of a passage as names are looked for in them, and the French word lists of data/lexicon/personnes.yaml and prenoms.txt.

In:   a passage
Out:  its words with their place, folded form and the capital they carry
"""

import importlib.util
import re
import runpy
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product
from pathlib import Path

from pipeline.french import is_word
from pipeline.resources import data_path
from pipeline.words import lexicon

LETTER, UPPER = r"[^\W\d_]", r"[^\W\d_a-zà-öø-ÿœ]"
_WORD = re.compile(rf"{LETTER}+(?:[-‐'’]{LETTER}+)*")
_ELISION = re.compile(r"(?:[cdjlmst]|n(?=['’][^A-ZÀ-Þ])|qu|jusqu|lorsqu|puisqu)['’](?=.)", re.IGNORECASE)
_BREAK = re.compile(r"[.!?…:;•\n«“\"(\[–—|>*]\s*$|\s[-/]\s*$")
_SIGNS = str.maketrans("’‐‑", "'--")
_BARE = {"đ": "d", "Đ": "d", "ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "ı": "i", "ß": "s", "à": "à", "À": "à"}  # what no accent explains
_WITH_PRONOUN = re.compile(r"[-‐](?:je|tu|ils?|elles?|on|nous|vous|ce|moi|toi|les?|la|lui|y)$")
_ACCENTED = 12  # first letters of a word in capitals among which lost accents are tried
_STEMS_OF_SHORT = ("jean", "marie", "anne", "pierre", "paul", "rose", "claude")  # Jean-Phi, Marie-Do


@dataclass(frozen=True)
class Word:
    """A word of a passage, without its elision (`d'`); `opens` tells a word that starts a sentence, where a capital proves nothing."""

    start: int
    end: int
    text: str
    opens: bool
    before: str  # what lies between the previous word and this one, elision included

    @cached_property
    def folded(self) -> str:
        """Lower case without accents."""
        return fold(self.text)

    @property
    def has_capital(self) -> bool:
        """Whether it starts with a capital."""
        return self.text[0].isupper()

    @property
    def is_upper(self) -> bool:
        """Whether it is all in capitals."""
        return self.text.isupper() and len(self.text) > 1

    @cached_property
    def is_common(self) -> bool:
        """Whether the French lemmatiser knows it, or every part of a compound, as a common word; numbers count."""
        return is_common_word(self.text.lower())


def words_of(passage: str) -> list[Word]:
    """The words of `passage` in order; a compound (Jean-Luc, Le Floc'h's Floc'h) is one word."""
    words: list[Word] = []
    last = 0
    for match in _WORD.finditer(passage):
        elided = _ELISION.match(match.group())
        start = match.start() + (elided.end() if elided else 0)
        opens = not elided and (not words or bool(_BREAK.search(passage[last : match.start()])))
        words.append(Word(start, match.end(), passage[start : match.end()], opens, passage[last:start]))
        last = match.end()
    return words


@lru_cache(maxsize=50_000)
def is_common_word(lowered: str) -> bool:
    """Whether the French lemmatiser knows `lowered`, or every part of a compound; numbers count."""
    if is_word(lowered) or is_function_word(lowered) or fold(lowered) in listed("nombres") or _WITH_PRONOUN.search(lowered):
        return True
    return all(is_word(part) for part in re.split(r"[-‐]", lowered))


@lru_cache(maxsize=10_000)
def is_word_in_capitals(folded: str) -> bool:
    """Whether a word, folded from capitals that often lose their accents, is a common one: PREFERE is préfère."""
    vowels = [("e", "é", "è") if letter == "e" and n < _ACCENTED else (letter,) for n, letter in enumerate(folded)]
    return any(is_common_word("".join(letters)) for letters in product(*vowels))


@cache
def _function_words() -> frozenset[str]:
    # Its file alone: importing it would make all of spaCy's French, which takes seconds.
    spacy = Path(str(importlib.util.find_spec("spacy").origin)).parent  # type: ignore[union-attr]
    return frozenset(runpy.run_path(str(spacy / "lang" / "fr" / "stop_words.py"))["STOP_WORDS"])


def is_function_word(lowered: str) -> bool:
    """Whether `lowered` is one of French's function words, which the lemmatiser leaves out: plusieurs, selon."""
    return lowered in _function_words()


def fold(text: str) -> str:
    """`text` in lower case, apostrophes and hyphens made plain, without accents but that of "à" (no verb): as many characters as before."""
    return "".join(_fold_letter(letter) for letter in text).translate(_SIGNS)


@cache
def _fold_letter(letter: str) -> str:
    if letter in _BARE:
        return _BARE[letter]
    base = unicodedata.normalize("NFKD", letter)[0].lower()
    return base if len(base) == 1 else letter


def is_first_name(folded: str) -> bool:
    """Whether `folded` is a first name of the lexicon, a compound of them (anne-lise), or a shortened one (jean-phi)."""
    names = _first_names()
    if folded in names:
        return True
    parts = folded.split("-")
    return len(parts) > 1 and (all(part in names for part in parts) or is_shortened(folded))


def is_shortened(folded: str) -> bool:
    """Whether `folded` is a compound first name cut short: jean-phi, marie-do."""
    parts = folded.split("-")
    return len(parts) == 2 and parts[0] in _STEMS_OF_SHORT and len(parts[1]) < 5


def is_usual_first_name(folded: str) -> bool:
    """Whether `folded` is a first name often met in France: in small letters, only such a one is taken for a name."""
    return folded in _usual_first_names() or ("-" in folded and all(part in _usual_first_names() for part in folded.split("-")))


def is_rare_first_name(folded: str) -> bool:
    """Whether `folded` is a first name so rare that it may be a brand or an acronym: the words around must tell a person."""
    return folded in _lines_of("prenoms_rares.txt")


def is_surname(folded: str) -> bool:
    """Whether `folded` is a surname of the lexicon, which is evidence beside a first name only."""
    return folded in _lines_of("noms.txt") or folded in _lines_of("noms_courants.txt")


def is_sure_surname(folded: str) -> bool:
    """Whether a surname tells its person by itself, even in small letters: no common word, no first name, not too short."""
    return len(folded) > 3 and not (is_common_word(folded) or is_first_name(folded))


def celebrated() -> frozenset[str]:
    """Folded names of dead persons after whom places are named."""
    return _lines_of("celebres.txt")


def known_brands() -> frozenset[str]:
    """Folded names of shops, brands and organisations that everybody knows."""
    return _lines_of("enseignes.txt")


@cache
def listed(name: str) -> frozenset[str]:
    """The folded entries of a list of personnes.yaml."""
    return frozenset(fold(entry) for entry in _lexicon()[name])


@cache
def alternatives(name: str) -> str:
    """The folded entries of a list of personnes.yaml as a regular expression, longest first."""
    return "|".join(re.escape(entry) for entry in sorted(listed(name), key=lambda entry: (-len(entry), entry)))


@cache
def _first_names() -> frozenset[str]:
    return _usual_first_names() | _lines_of("prenoms_du_monde.txt")


@cache
def _usual_first_names() -> frozenset[str]:
    return _lines_of("prenoms.txt") | _lines_of("prenoms_courants.txt") | _lines_of("surnoms.txt")


@cache
def _lines_of(name: str) -> frozenset[str]:
    """The folded lines of a lexicon, comments left out."""
    lines = data_path("lexicon", name).read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line.strip()) for line in lines if line.strip() and not line.startswith("#"))


@cache
def _lexicon() -> dict[str, list[str]]:
    content: dict[str, list[str]] = lexicon("personnes")
    return content
