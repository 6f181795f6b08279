"""Tell passages in which people insist from those that only mention: words, capitals and punctuation of data/lexicon/insistence.yaml.

In:   passages with document_id and text
Out:  one boolean a passage
"""

import re
from dataclasses import dataclass
from functools import cache

import pandas as pd
import yaml

from pipeline.french import fold
from pipeline.resources import data_path

_CAPITALISED = re.compile(r"(?<![^\W\d_])[^\W\d_a-zà-ÿ]{2,}(?![^\W\d_])")
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class _Cues:
    """The lexicon, compiled."""

    words: re.Pattern[str]
    cancelling: re.Pattern[str]
    capitals: frozenset[str]
    signs: re.Pattern[str]
    style_share: float


def insisting(passages: pd.DataFrame) -> pd.Series:
    """Whether each passage insists, aligned on `passages`; a sign that its author puts nearly everywhere is a style, not a sign."""
    cues = _cues()
    says = passages["text"].map(lambda text: _says_so(text, cues)).astype(bool)
    shows = passages["text"].map(lambda text: _shows_it(text, cues)).astype(bool)
    habit = shows.groupby(passages["document_id"]).agg(["mean", "sum"])
    is_style = passages["document_id"].map((habit["mean"] > cues.style_share) & (habit["sum"] > 2)).astype(bool)
    return says | (shows & ~is_style)


@cache
def _cues() -> _Cues:
    lexicon = yaml.safe_load(data_path("lexicon", "insistence.yaml").read_text(encoding="utf-8"))
    return _Cues(
        words=_either(lexicon["mots"]),
        cancelling=_either(lexicon["annule"]),
        capitals=frozenset(lexicon["capitales"]),
        signs=re.compile("|".join(lexicon["signes"])),
        style_share=float(lexicon["part_de_style"]),
    )


def _either(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(fold(pattern) for pattern in patterns) + ")")


def _says_so(text: str, cues: _Cues) -> bool:
    """A cue in words, outside any turn that cancels it."""
    plain = fold(text)
    cancelled = [match.span() for match in cues.cancelling.finditer(plain)]
    return any(not any(start < match.end() and match.start() < end for start, end in cancelled) for match in cues.words.finditer(plain))


def _shows_it(text: str, cues: _Cues) -> bool:
    """A cue in writing: repeated signs, or a listed word in capitals amid small letters."""
    if cues.signs.search(text):
        return True
    capitalised = _CAPITALISED.findall(text)
    is_amid_small_letters = 2 * sum(map(len, capitalised)) < len(_LETTERS.findall(text))
    return is_amid_small_letters and any(fold(word).upper() in cues.capitals for word in capitalised)
