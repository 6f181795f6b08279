"""Words as segmentation counts and compares them, and its lexicon.

In:   passages; data/lexicon/segmentation.yaml
Out:  counts, folded text, alternatives of a regular expression
"""

import re
from functools import cache

from pipeline.words import lexicon as read_lexicon

UPPER = r"[^\W\d_a-zà-ÿœ]"  # a capital letter


def n_words(passage: str) -> int:
    """Words of `passage`: runs without a blank that hold a letter or digit."""
    return sum(any(letter.isalnum() for letter in word) for word in passage.split())


def plain_text(passage: str) -> str:
    """`passage` in lower case with straight apostrophes and plain spaces: as many characters as before."""
    lowered = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in passage)
    return re.sub(r"\s", " ", lowered.replace("’", "'"))


def opens_with(plain: str, name: str) -> bool:
    """Whether `plain` opens with an entry of the lexicon's list `name`."""
    return re.match(rf"(?:{alternatives(name)})(?:(?<=')|(?!\w))", plain) is not None


@cache
def alternatives(name: str) -> str:
    """The entries of a lexicon list as a regular expression, longest first."""
    return "|".join(re.escape(entry) for entry in sorted(lexicon()[name], key=lambda entry: (-len(entry), entry)))


@cache
def listed_words(name: str) -> frozenset[str]:
    """The entries of a lexicon list."""
    return frozenset(lexicon()[name])


@cache
def lexicon() -> dict[str, list[str]]:
    """data/lexicon/segmentation.yaml: lists of lower-case entries by name."""
    content: dict[str, list[str]] = read_lexicon("segmentation")
    return content
