"""French words as people type them, made comparable: folded text, slugs, and the lexicons that hold word lists.

In:   text, or the name of a file of data/lexicon/
Out:  folded text, slugs, lexicon entries
"""

import re
import unicodedata
from functools import cache
from typing import Any

from pipeline.resources import data_path, load_yaml

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


@cache
def lexicon(name: str) -> Any:
    """The content of data/lexicon/`name`.yaml."""
    return load_yaml(data_path("lexicon", f"{name}.yaml"))


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """`n` and its noun: 0 passage, 1 passage, 2 passages."""
    return f"{n} {singular if n < 2 else plural or singular + 's'}"
