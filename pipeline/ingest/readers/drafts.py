"""A paragraph on its way to a block: what its format tells, and what only its signs and weight tell.

In:   text, and what the format says of it
Out:  Draft
"""

import re
from dataclasses import dataclass
from functools import cached_property

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import Bullet, bullet_of

_LABEL = re.compile(r"^\W*(?:[^\W\d_]{1,10}\.?\s*)?(?:n°\s*)?\d{1,2}\W*$")  # « Q1 », « Table 4 : », « Tour n° 2 »


_OPENING = re.compile(
    r"^\s*(?:\[?(?:table|groupe|question|tour)\s*(?:n\s?°\s*)?(?:\d{1,2}|[a-f]\b)|\[?[tqg]\s?\d{1,2})\s*(?:\]|[:–—|>→]|-\s)\s*(?=\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Draft:
    """A paragraph, or a block whose kind its format tells; `is_start` says that nothing, a blank or a rule lies above it."""

    text: str
    block: RawBlock | None = None
    number: str = ""  # the list number that the format shows before the text
    is_start: bool = False
    is_strong: bool = False  # all in bold, or larger than the body
    is_underlined: bool = False

    @cached_property
    def bullet(self) -> Bullet | None:
        """The list sign typed before the text, where the format tells no kind."""
        return None if self.block else bullet_of(self.text)

    @property
    def kind(self) -> str:
        """The kind that the format or the sign tells, "paragraph" where neither does."""
        return self.block.kind if self.block else "bullet" if self.bullet else "paragraph"

    @property
    def is_numbered(self) -> bool:
        """True for an item of a numbered list, typed or real."""
        return bool(self.number) or (self.bullet is not None and self.bullet.sign == "1")

    @property
    def n_words(self) -> int:
        """Words of the text."""
        return len(self.text.split())


def is_label(text: str) -> bool:
    """True for a label and a number alone, such as « Q1 » or « Table 4 : »."""
    return bool(_LABEL.match(text.strip()))


def opens_with_label(line: str) -> bool:
    """True for a line that names its table or question and goes on, such as « Question 2 : on… » or « T4 – on… »."""
    return bool(_OPENING.match(line))
