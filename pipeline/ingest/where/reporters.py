"""Who reports for which table when tables sum up aloud one after the other.

In:   reporters in the order they first speak
Out:  the same, their tables completed where the order or the numbers of anonymous speakers leave no doubt
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from pipeline.ingest.words import fold, lexicon

_MIN_WORDS = 12  # said in all; fewer is a heckler


class Reporter:
    """A speaker of a summing-up: `table` as announced, `n_words` said in all."""

    def __init__(self, speaker: str, table: int | None) -> None:
        self.speaker, self.table, self.n_words = speaker, table, 0

    def hear(self, text: str, announced: int | None) -> None:
        """Count a turn; its first announcement holds for all turns of the speaker."""
        if announced is not None and (self.n_words == 0 or self.table is None):
            self.table = announced
        self.n_words += len(text.split())

    @property
    def number(self) -> int | None:
        """The number of an anonymous speaker ("Intervenant 4", "Table 4"), or None."""
        match = re.search(r"\b(\d{1,2})$", fold(self.speaker))
        return int(match[1]) if match else None


def complete_tables(reporters: Sequence[Reporter], n_tables: int | None) -> int:
    """Give their table to reporters who announced none, and return how many; nothing is changed where any doubt is left.

    Two signs: the numbers of anonymous speakers, where all announced tables agree with theirs; the order, where the announced tables go up
    and exactly as many speakers as tables lie between two of them (or before the first, or after the last up to `n_tables`).
    """
    speaking = [reporter for reporter in reporters if reporter.n_words >= _MIN_WORDS]
    before = sum(reporter.table is not None for reporter in reporters)
    announced = [reporter.table for reporter in speaking if reporter.table is not None]
    if not announced or announced != sorted(set(announced)):
        return 0
    _fill_by_order(speaking, n_tables)
    _fill_by_number(speaking, n_tables)
    for reporter in reporters:
        if reporter.n_words < _MIN_WORDS and reporter.number is not None:
            reporter.table = reporter.table if reporter.table in announced else None
    return sum(reporter.table is not None for reporter in reporters) - before


def _fill_by_order(speaking: Sequence[Reporter], n_tables: int | None) -> None:
    known = [(-1, 0), *((place, reporter.table) for place, reporter in enumerate(speaking) if reporter.table is not None)]
    if n_tables is not None:
        known.append((len(speaking), n_tables + 1))
    for (left, low), (right, high) in pairwise(known):
        if low is not None and high is not None and right - left == high - low:
            for place in range(left + 1, right):
                speaking[place].table = low + place - left


def _fill_by_number(speaking: Sequence[Reporter], n_tables: int | None) -> None:
    numbered = [(reporter.number, reporter.table) for reporter in speaking if reporter.number is not None and reporter.table is not None]
    if not numbered or any(number != table for number, table in numbered):
        return
    taken = {reporter.table for reporter in speaking}
    for reporter in speaking:
        if reporter.table is None and reporter.number not in taken and (n_tables is None or (reporter.number or 0) <= n_tables):
            reporter.table = reporter.number


def is_animator(speaker: str) -> bool:
    """True for the role of who leads the meeting, not a table's."""
    return bool(_role_pattern("animation").match(fold(speaker)))


def is_role(speaker: str) -> bool:
    """True where `speaker` is a role ("Intervenant 2", "Animatrice") and not a person's name."""
    return bool(_role_pattern("roles").fullmatch(fold(speaker)))


@cache
def _role_pattern(group: str) -> re.Pattern[str]:
    roles = "|".join(lexicon("where")[group])
    return re.compile(rf"(?:l |la |le |un |une )?(?:{roles})(?: (?:de |du |des |d |no )?(?:[a-z]|\d+|{roles}))*")
