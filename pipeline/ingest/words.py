"""French words as people type them, made comparable: folded text, slugs, number words, and the lexicons that hold them.

In:   text, or the name of a file of data/lexicon/
Out:  folded text, slugs, integers, lexicon entries
"""

import re
import unicodedata
from functools import cache
from typing import Any

import yaml

from pipeline.resources import data_path

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "’": "'", "º": "°", "&": " et "})
_NUMERO = re.compile(r"\bn\s*°\s*|\bno\s(?=\d)", re.IGNORECASE)


def fold(text: str) -> str:
    """`text` in lower case without accents or punctuation, one blank between words; "n° 4" gives "no 4"."""
    plain = unicodedata.normalize("NFKD", _NUMERO.sub("no ", text.translate(_LIGATURES)))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()
    return " ".join(re.findall(r"[a-z0-9]+", letters))


def slug(text: str) -> str:
    """`text` folded, its words joined by hyphens; empty where it has no letter or digit."""
    return fold(text).replace(" ", "-")


def blank_to_none(text: str | None) -> str | None:
    """`text` with single blanks, or None where nothing is left."""
    return " ".join((text or "").split()) or None


@cache
def lexicon(name: str) -> Any:
    """The content of data/lexicon/`name`.yaml."""
    return yaml.safe_load(data_path("lexicon", f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def _values() -> dict[str, int]:
    entries = lexicon("numbers")
    return {str(word): int(value) for group in ("romains", "ordinaux", "cardinaux") for word, value in entries[group].items()}


def to_number(word: str) -> int | None:
    """The value of a folded number ("3", "03", "trois", "troisieme", "3e", "iii"), or None."""
    digits = re.fullmatch(r"(\d{1,2})(?:e|eme|er|ere|re|nd|nde)?", word)
    return int(digits[1]) if digits else _values().get(word)


def number_pattern(*groups: str) -> str:
    """A regular expression, for folded text, of digits or of the number words of `groups` (cardinaux, ordinaux, romains)."""
    words = [re.escape(str(word)) for group in groups for word in lexicon("numbers")[group]]
    return "|".join([r"\d{1,2}", *sorted(words, key=len, reverse=True)])
