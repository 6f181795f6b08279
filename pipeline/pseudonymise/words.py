"""French word lists: first names, surnames, places, common words, and the terms around names."""

import re
from functools import cache, lru_cache
from itertools import product

from pipeline.communes.tables import department_names, named_communes
from pipeline.french import is_word
from pipeline.text import fold_same_length, lexicon, lexicon_lines, longest_first

LETTER, UPPER = r"[^\W\d_]", r"[^\W\d_a-zà-öø-ÿœ]"
_WITH_PRONOUN = re.compile(r"[-‐](?:je|tu|ils?|elles?|on|nous|vous|ce|moi|toi|les?|la|lui|y)$")
_ACCENTED = 12  # first letters of a word in capitals where lost accents are tried
_STEMS_OF_SHORT = ("jean", "marie", "anne", "pierre", "paul", "rose", "claude")


@lru_cache(maxsize=50_000)
def is_common_word(lowered: str) -> bool:
    """Whether the lemmatiser knows the word, or each part of it; numbers count."""
    if (
        is_word(lowered)
        or lowered in _function_words()
        or fold_same_length(lowered) in terms("nombres")
        or _WITH_PRONOUN.search(lowered)
    ):
        return True
    return all(is_word(part) for part in re.split(r"[-‐]", lowered))


@cache
def _function_words() -> frozenset[str]:
    """Words that the lemmatiser lacks, with their accents: plusieurs, selon."""
    return frozenset(lexicon_lines("mots_outils"))


@lru_cache(maxsize=10_000)
def is_word_in_capitals(folded: str) -> bool:
    """Whether a word without accents is common: PREFERE is préfère."""
    vowels = [
        ("e", "é", "è") if letter == "e" and n < _ACCENTED else (letter,)
        for n, letter in enumerate(folded)
    ]
    return any(is_common_word("".join(letters)) for letters in product(*vowels))


def is_first_name(folded: str) -> bool:
    """Whether it is a first name, whole or shortened: anne-lise, jean-phi."""
    names = _first_names()
    if folded in names:
        return True
    parts = folded.split("-")
    return len(parts) > 1 and (all(part in names for part in parts) or is_shortened(folded))


def is_shortened(folded: str) -> bool:
    """Whether it is a shortened compound: jean-phi, marie-do."""
    parts = folded.split("-")
    return len(parts) == 2 and parts[0] in _STEMS_OF_SHORT and len(parts[1]) < 5


def is_usual_first_name(folded: str) -> bool:
    """Whether it is frequent enough to be a name even in small letters."""
    names = _usual_first_names()
    return folded in names or ("-" in folded and all(part in names for part in folded.split("-")))


@lru_cache(maxsize=10_000)
def is_misspelt_first_name(folded: str) -> bool:
    """Whether doubled letters alone tell it from a frequent first name: franckk, chantall."""
    squeezed = _squeezed(folded)
    is_doubled = 4 < len(squeezed) < len(folded)
    return is_doubled and squeezed in _squeezed_first_names() and not is_first_name(folded)


@cache
def _squeezed_first_names() -> frozenset[str]:
    return frozenset(_squeezed(name) for name in _usual_first_names())


def _squeezed(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def is_rare_first_name(folded: str) -> bool:
    """Whether it is so rare that it may be a brand or an acronym."""
    return folded in _names_of("prenoms_rares")


def is_surname(folded: str) -> bool:
    """Whether the lexicon has this surname, evidence beside a first name only."""
    return _is_listed_surname(folded) or (
        "-" in folded and all(map(_is_listed_surname, folded.split("-")))
    )


def _is_listed_surname(folded: str) -> bool:
    return folded in _names_of("noms") or folded in _names_of("noms_courants")


def is_sure_surname(folded: str) -> bool:
    """Whether a surname alone shows a person, even in small letters."""
    return len(folded) > 3 and not (is_common_word(folded) or is_first_name(folded))


@lru_cache(maxsize=10_000)
def acronym_of(folded: str) -> str:
    """Return the acronym that it is, also in the plural, if nobody's name: scop for scops."""
    listed = terms("acronymes") | terms("formes_d_entreprises")
    singular = folded if folded in listed else folded.removesuffix("s")
    return singular if singular in listed and not is_first_name(singular) else ""


def is_place(folded: str) -> bool:
    """Whether it is a commune, department, region, river or country."""
    return folded in _locality_names()


def famous_people() -> frozenset[str]:
    """Return folded names of dead persons whose names places bear."""
    return _names_of("celebres")


def brands() -> frozenset[str]:
    """Return folded names of well-known shops, brands and organisations."""
    return _names_of("enseignes")


@cache
def terms(name: str) -> frozenset[str]:
    """Return the folded entries of a list of personnes.yaml, with œ and with oe."""
    entries = frozenset(map(fold_same_length, lexicon("personnes")[name]))
    return entries | {entry.replace("oe", "œ") for entry in entries}


@lru_cache(maxsize=20_000)
def lists_of(folded: str) -> tuple[str, ...]:
    """Return the names of the lists of personnes.yaml that have the word."""
    return tuple(name for name in lexicon("personnes") if folded in terms(name))


@cache
def alternatives(*names: str) -> str:
    """Return lists of personnes.yaml as a pattern, longest entry first in each."""
    return "|".join(longest_first(map(re.escape, terms(name))) for name in names)


@cache
def _first_names() -> frozenset[str]:
    return _usual_first_names() | _names_of("prenoms_du_monde")


@cache
def _usual_first_names() -> frozenset[str]:
    return _names_of("prenoms") | _names_of("prenoms_courants") | _names_of("surnoms")


@cache
def _locality_names() -> frozenset[str]:
    others = [word for line in lexicon_lines("lieux") for word in line.split()]
    communes = [commune.name for commune in named_communes()]
    return frozenset(map(fold_same_length, (*communes, *department_names().values(), *others)))


@cache
def _names_of(file: str) -> frozenset[str]:
    return frozenset(map(fold_same_length, lexicon_lines(file)))
