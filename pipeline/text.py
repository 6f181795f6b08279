"""French words as people type them, made comparable: folded text, slugs, and the lexicons that hold word lists.

In:   text, or the name of a file of data/lexicon/
Out:  folded text, slugs, lexicon entries

The tokens that stand for persons in pseudonymised texts: `[personne 12]`, or `[personne]` where nobody may be told from another.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from pipeline.files import data_path, load_yaml
from pipeline.i18n import _

_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "’": "'", "º": "°", "&": " et "}
)
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


def groups_in(text: str, name: str) -> tuple[str, ...]:
    """The groups of the lexicon `name` that `text` says, most often said first, then in the lexicon's order; () where it says none."""
    folded = fold(text)
    counts = {group: len(pattern.findall(folded)) for group, pattern in word_groups(name).items()}
    return tuple(
        sorted((group for group, n in counts.items() if n), key=lambda group: -counts[group])
    )


@cache
def word_groups(name: str) -> dict[str, re.Pattern[str]]:
    """Every group of a lexicon of words' beginnings, in its order: a short word or an expression is whole, a longer word may go on."""
    return {
        str(group): re.compile(
            r"\b(?:" + "|".join(_as_pattern(fold(str(word))) for word in words) + ")"
        )
        for group, words in lexicon(name).items()
    }


def _as_pattern(word: str) -> str:
    return rf"{word}s?\b" if len(word) <= 5 or " " in word else word


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """`n` and its noun: 0 passage, 1 passage, 2 passages."""
    return f"{n} {singular if n < 2 else plural or singular + 's'}"


class Count(int):
    """A number that its noun agrees with in a sentence: `"{n:fichier lu|fichiers lus}".format(n=Count(1))` is 1 fichier lu.

    A mark before the first word leaves the number out: `{n:=arrive|arrivent}` is arrive. In French 0 and 1 are singular.
    """

    space = " "

    def __format__(self, spec: str) -> str:
        """The number and the word that agrees with it, or the number as any other where `spec` is no pair of words."""
        one, bar, several = spec.removeprefix("=").partition("|")
        if not bar:
            return format(int(self), spec) if spec else self.written()
        agreed = one if abs(self) < 2 else several
        return agreed if spec.startswith("=") else f"{self.written()}{self.space}{agreed}"

    def written(self) -> str:
        """The number by itself."""
        return str(int(self))


def study_counts(n_rows: Mapping[str, int]) -> str:
    """« 3 ateliers, 1 document, 0 passage, 2 thèmes », from the rows of these tables."""
    told = _(
        "{workshops:atelier|ateliers}, {documents:document|documents}, {units:passage|passages}, {themes:thème|thèmes}"
    )
    return told.format(**{name: Count(n) for name, n in n_rows.items()})


PERSON = "[personne]"
_NUMBERED = re.compile(r"\[personne \d+\]")


def person_token(number: int | None) -> str:
    """The token of a person; None is a person without a number."""
    return PERSON if number is None else f"[personne {number}]"


def without_numbers(text: str) -> str:
    """`text` with every `[personne 12]` made `[personne]`."""
    return _NUMBERED.sub(PERSON, text)


def plain_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with their `text` column without numbers; blanks stay."""
    return rows.assign(
        text=rows["text"].map(without_numbers, na_action="ignore").astype(rows["text"].dtype)
    )


class PlainText:
    """A text without its numbers, and how its offsets and the numbered text's follow from each other."""

    def __init__(self, numbered: str) -> None:
        self.text = without_numbers(numbered)
        self._starts, self._ends, self._cuts = (
            [],
            [],
            [0],
        )  # where numbers start and end in the numbered text; what was cut so far
        for match in _NUMBERED.finditer(numbered):
            self._starts.append(match.start() + len(PERSON) - 1)
            self._ends.append(match.end() - 1)
            self._cuts.append(self._cuts[-1] + len(match.group()) - len(PERSON))
        self._plain = [start - cut for start, cut in zip(self._starts, self._cuts, strict=False)]

    def to_plain(self, offset: int) -> int:
        """Where an offset of the numbered text lies in the plain one; inside a number, where it was cut."""
        passed = bisect_right(self._ends, offset)
        if passed < len(self._starts) and self._starts[passed] < offset:
            offset = self._starts[passed]
        return offset - self._cuts[passed]

    def to_numbered(self, offset: int) -> int:
        """Where an offset of the plain text lies in the numbered one."""
        return offset + self._cuts[bisect_left(self._plain, offset)]
