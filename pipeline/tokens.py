"""The tokens that stand for persons in pseudonymised texts: `[personne 12]`, or `[personne]` where nobody may be told from another.

In:   texts
Out:  texts without the numbers, as models, hashes and readers outside the study see them; offsets of one in the other
"""

import re
from bisect import bisect_left, bisect_right

import pandas as pd

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
    return rows.assign(text=rows["text"].map(without_numbers, na_action="ignore").astype(rows["text"].dtype))


class PlainText:
    """A text without its numbers, and how its offsets and the numbered text's follow from each other."""

    def __init__(self, numbered: str) -> None:
        self.text = without_numbers(numbered)
        self._starts, self._ends, self._cuts = [], [], [0]  # where numbers start and end in the numbered text; what was cut so far
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
