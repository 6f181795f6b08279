"""French text made comparable, the shipped word lists, counted nouns, and the tokens that stand for
persons.

`fold` and `fold_same_length` are the only two foldings of the project: compare texts through one of
them.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import pandas as pd

from pipeline.files import data_path, load_yaml

_SPELLED_OUT = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "’": "'"})
_IN_WORDS = str.maketrans({"º": "°", "&": " et "})
_NUMERO = re.compile(r"\bn\s*°\s*|\bno\s(?=\d)", re.IGNORECASE)
_MARKS = dict.fromkeys(
    code for code in range(0x20000) if unicodedata.combining(chr(code))
)  # accents once detached from their letter; none lies beyond
_SAME_LENGTH = {"’": "'", "‐": "-", "‑": "-"}
_NO_ACCENT = {"đ": "d", "Đ": "d", "ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "ı": "i", "ß": "s"}


def fold(text: str, *, keep_signs: bool = False) -> str:
    """Return `text` in lower case without accents or ligatures: "L'Œuvre n° 4" gives "l oeuvre no
    4".

    Only Latin letters and digits stay, one blank between words. With `keep_signs` everything else
    stays too, apostrophes made plain: "l'oeuvre n° 4".
    """
    if keep_signs and text.isascii():
        return text.lower()
    spelled = text.translate(_SPELLED_OUT)
    if not keep_signs:
        spelled = _NUMERO.sub("no ", spelled.translate(_IN_WORDS))
    plain = unicodedata.normalize("NFKD", spelled).translate(_MARKS).lower()
    return plain if keep_signs else " ".join(re.findall(r"[a-z0-9]+", plain))


def fold_same_length(text: str, *, accents: Literal["à", "all", "none"] = "à") -> str:
    """Return `text` in lower case, apostrophes and hyphens plain, with as many characters: offsets
    hold.

    `accents` says which stay: that of "à", which is another word than "a"; "all" of them; or
    "none".
    """
    return "".join([_fold_letter(letter, accents) for letter in text])


@cache
def _fold_letter(letter: str, accents: str) -> str:
    if sign := _SAME_LENGTH.get(letter):
        return sign
    if accents == "all" or (accents == "à" and letter in "àÀ"):
        lowered = letter.lower()
    else:
        lowered = _NO_ACCENT.get(letter) or unicodedata.normalize("NFKD", letter)[0].lower()
    return lowered if len(lowered) == 1 else letter


def slug(text: str) -> str:
    """`text` folded, its words joined by hyphens; empty where it has no letter or digit."""
    return fold(text).replace(" ", "-")


@cache
def lexicon(name: str) -> Any:
    """The content of data/lexicon/`name`.yaml."""
    return load_yaml(data_path("lexicon", f"{name}.yaml"))


def groups_in(text: str, name: str) -> tuple[str, ...]:
    """The groups of the lexicon `name` that `text` says, most often said first, then in the
    lexicon's order; () where it says none.
    """
    folded = fold(text)
    counts = {group: len(pattern.findall(folded)) for group, pattern in word_groups(name).items()}
    return tuple(
        sorted((group for group, n in counts.items() if n), key=lambda group: -counts[group])
    )


@cache
def word_groups(name: str) -> dict[str, re.Pattern[str]]:
    """Every group of a lexicon of words' beginnings, in its order: a short word or an expression is
    whole, a longer word may go on.
    """
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
    """A number that its noun agrees with in a sentence: `"{n:fichier lu|fichiers
    lus}".format(n=Count(1))` is 1 fichier lu.

    A mark before the first word leaves the number out: `{n:=arrive|arrivent}` is arrive. In French
    0 and 1 are singular.
    """

    space = " "

    def __format__(self, spec: str) -> str:
        """The number and the word that agrees with it, or the number as any other where `spec` is
        no pair of words.
        """
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
    counts = (
        "{workshops:atelier|ateliers}, {documents:document|documents}, {units:passage"
        "|passages}, {themes:thème|thèmes}"
    )
    return counts.format(**{name: Count(n) for name, n in n_rows.items()})


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
    """A text without its numbers, and how its offsets and the numbered text's follow from each
    other.
    """

    def __init__(self, numbered: str) -> None:
        self.text = without_numbers(numbered)
        # where numbers start and end in the numbered text, and what was cut up to each
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._cuts = [0]
        for match in _NUMBERED.finditer(numbered):
            self._starts.append(match.start() + len(PERSON) - 1)
            self._ends.append(match.end() - 1)
            self._cuts.append(self._cuts[-1] + len(match.group()) - len(PERSON))
        self._plain = [start - cut for start, cut in zip(self._starts, self._cuts, strict=False)]

    def to_plain(self, offset: int) -> int:
        """Where an offset of the numbered text lies in the plain one; inside a number, where it was
        cut.
        """
        passed = bisect_right(self._ends, offset)
        if passed < len(self._starts) and self._starts[passed] < offset:
            offset = self._starts[passed]
        return offset - self._cuts[passed]

    def to_numbered(self, offset: int) -> int:
        """Where an offset of the plain text lies in the numbered one."""
        return offset + self._cuts[bisect_left(self._plain, offset)]
