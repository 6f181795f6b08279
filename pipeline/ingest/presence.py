"""Tell who of a list came: marks in a signature column, and columns of statuses, known by what their cells say.

In:   the header and rows of an attendance list
Out:  the same header with its columns of statuses told; of each row, whether the person came or is said not to have come
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from pipeline.ingest.columns import Header
from pipeline.ingest.words import fold, lexicon

Rows = Sequence[Sequence[str]]

_WHO = frozenset(
    {"last_name", "first_name", "full_name", "email", "phone", "structure", "commune", "postal_code"}
)  # columns whose cells say who somebody is, whatever their words
_MOST = 0.6  # share of a column's filled cells that are statuses, for it to be one of statuses
_MAX_MORE = 6  # words after a status in such a column: "Annulé par mail le 3 mars"
_GROUPS = ("statuts_absents", "statuts_venus", "statuts_inscrits", "statuts_a_distance")
_NO_MARK = frozenset({"-", "–", "/", "0"})


@dataclass(frozen=True)
class Presence:
    """What the columns of a list say of who came; `default` is for a person of whom they say nothing."""

    header: Header
    default: bool | None  # None where a signature must be there
    came: frozenset[int] = frozenset()  # the columns of statuses that tell who came, beside who had registered

    def has_signed(self, row: Sequence[str]) -> bool:
        """True for a mark in any signature column, or a status of somebody who came; never for somebody said to be absent."""
        if self.is_absent(row):
            return False
        if any(_is(cell, "statuts_venus") for cell in self._cells(row, "status")) or self._says_yes(row):
            return True
        is_marked = any(
            cell.strip() not in _NO_MARK and fold(cell) not in lexicon("attendance")["non"] for cell in self._cells(row, "signature")
        )
        return is_marked if self.default is None or self.came else self.default

    def is_absent(self, row: Sequence[str]) -> bool:
        """True where a status, a remark or any cell of its own says that the person did not come."""
        remarks = fold(" ".join(self._cells(row, "remark", "role", "signature")))
        if re.search(rf"\b(?:{'|'.join(lexicon('attendance')['absents'])})", remarks):
            return True
        if any(_is(cell, "statuts_absents") for cell in self._cells(row, "status")):
            return True
        cells = zip(row, self.header.meanings, strict=False)
        return any(_is(cell, "statuts_absents", more=0) for cell, meaning in cells if cell and meaning not in _WHO)

    def is_unclear(self, row: Sequence[str]) -> bool:
        """True where only a status that is not understood stands where those of others tell who came."""
        cells = [row[place] for place in self.came if place < len(row) and row[place]]
        is_known = any(_is(cell, group) for cell in cells for group in _GROUPS)
        return bool(cells) and not is_known and not self.has_signed(row) and not self.is_absent(row)

    def _says_yes(self, row: Sequence[str]) -> bool:
        cells = [row[place] for place in self.came if place < len(row)]
        return any(_is(cell, group) for cell in cells for group in ("oui", "statuts_a_distance"))

    def _cells(self, row: Sequence[str], *meanings: str) -> list[str]:
        return [cell for cell, meaning in zip(row, self.header.meanings, strict=False) if cell and meaning in meanings]


def read_presence(header: Header, body: Rows, *, is_expected: bool) -> Presence:
    """Return how `body` tells who came; in a list of people who are only `is_expected`, nobody came without a mark."""
    told = with_statuses(header, body)
    signatures = [place for place, meaning in enumerate(told.meanings) if meaning == "signature"]
    statuses = [place for place, meaning in enumerate(told.meanings) if meaning == "status"]
    is_used = any(place < len(row) and row[place] for place in signatures for row in body)
    came = frozenset(place for place in statuses if _tells_who_came(_column(body, place)))
    return Presence(told, None if is_used else not is_expected, came)


def with_statuses(header: Header, body: Rows) -> Header:
    """`header` with the columns called "status" whose cells say that people came, did not, or had registered."""
    places = [place for place in range(len(header.meanings)) if _has_statuses(_column(body, place))]
    return replace(header, meanings=tuple("status" if place in places else own for place, own in enumerate(header.meanings)))


def _has_statuses(cells: Sequence[str]) -> bool:
    """True where most cells are statuses, and one says more than yes, no or registered."""
    n_statuses = sum(any(_is(cell, group) for group in _GROUPS) for cell in cells)
    is_telling = any(_is(cell, group) for cell in cells for group in _GROUPS[:2])
    return is_telling and n_statuses >= _MOST * len(cells)


def _tells_who_came(statuses: Sequence[str]) -> bool:
    return any(_is(cell, group) for cell in statuses for group in ("statuts_venus", "statuts_a_distance"))


def _column(body: Rows, place: int) -> list[str]:
    return [row[place] for row in body if place < len(row) and row[place]]


def _is(cell: str, group: str, *, more: int = _MAX_MORE) -> bool:
    """True for a status of `group`, with up to `more` words after it."""
    return bool(_pattern(group, more).fullmatch(fold(cell)))


@cache
def _pattern(group: str, more: int) -> re.Pattern[str]:
    endings = "(?: e)?(?: s)?"  # "excusé·e·s"
    return re.compile(rf"(?:{'|'.join(lexicon('attendance')[group])}){endings}(?: \w+){{0,{more}}}")
