"""What a mask is, and the fixed token that stands for each kind of personal datum.

In:   a span of a text
Out:  Mask
"""

from typing import NamedTuple

PERSON, PHONE, MAIL, ADDRESS = "[personne]", "[téléphone]", "[courriel]", "[adresse]"
BIRTH, ACCOUNT, NUMBER = "[date de naissance]", "[compte]", "[numéro]"


class Mask(NamedTuple):
    """A span to replace by `token`; half-open, in code points."""

    start: int
    end: int
    token: str
    doubt: str = ""  # why a person should look, in French; "" where the evidence is plain
    is_kept: bool = False  # a suspect left readable, never replaced
    is_sure: bool = False  # a title, or the listed name itself: a decision on the same word elsewhere does not open it
