"""Tell passages in which people insist from those that only mention: words, capitals and punctuation of data/lexicon/insistence.yaml.

In:   passages with document_id and text
Out:  one boolean a passage
"""

import re

import pandas as pd

from pipeline.french import fold
from pipeline.rank.cues import load_cues
from pipeline.words import lexicon

_LEXICON = "insistence"
_CAPITALISED = re.compile(r"(?<![^\W\d_])[^\W\d_a-zà-ÿ]{2,}(?![^\W\d_])")
_LETTERS = re.compile(r"[^\W\d_]")
_FEWEST_FOR_A_STYLE = 3  # signs in a document


def insisting(passages: pd.DataFrame) -> pd.Series:
    """Whether each passage insists, aligned on `passages`; a sign that its author puts nearly everywhere is a style, not a sign.

    A style is told from a document's distinct texts: writing a passage twice changes nothing.
    """
    says = passages["text"].map(load_cues(_LEXICON).are_in).astype(bool)
    shows = passages["text"].map(_shows_it).astype(bool)
    distinct = passages.assign(shows=shows).drop_duplicates(["document_id", "text"])
    habit = distinct.groupby("document_id")["shows"].agg(["mean", "sum"])
    is_style = (habit["mean"] > float(lexicon(_LEXICON)["part_de_style"])) & (habit["sum"] >= _FEWEST_FOR_A_STYLE)
    return says | (shows & ~passages["document_id"].map(is_style).astype(bool))


def _shows_it(text: str) -> bool:
    """A cue in writing: repeated signs, or a listed word in capitals amid small letters."""
    listed = lexicon(_LEXICON)
    if any(re.search(sign, text) for sign in listed["signes"]):
        return True
    capitalised = _CAPITALISED.findall(text)
    is_amid_small_letters = 2 * sum(map(len, capitalised)) < len(_LETTERS.findall(text))
    return is_amid_small_letters and any(fold(word).upper() in listed["capitales"] for word in capitalised)
