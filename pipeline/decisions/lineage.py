"""Follow passages through the cuts and joins that people made of them.

In:   cuts and joins, one after the other
Out:  the passages of now that a former one became, and where a character of it is

A part's id follows from the passage and the place of the cut, so what is decided on it holds as
long as the passage stays what it was.
"""

import hashlib
from typing import NamedTuple


class Piece(NamedTuple):
    """A former passage's text from `start` on lies in `unit_id`, from `shift` on."""

    unit_id: str
    start: int
    shift: int


def _new_id(*parts: object) -> str:
    joined = "\x1f".join(map(str, parts))
    return "u-" + hashlib.sha256(joined.encode()).hexdigest()[:16]


class Lineage:
    """What passages became by people's cuts and joins, in order; offsets are in their texts."""

    def __init__(self) -> None:
        self._pieces: dict[str, tuple[Piece, ...]] = {}
        self._formers: dict[str, list[str]] = {}

    def __contains__(self, unit_id: object) -> bool:
        return unit_id in self._pieces

    def is_cut(self, unit_id: str) -> bool:
        """Whether a former passage was cut, rather than joined to another."""
        return len(self._pieces[unit_id]) > 1

    def place(self, unit_id: str, at: int) -> tuple[str, int]:
        """Return the passage of now where a character of `unit_id` is, and its offset there."""
        while unit_id in self._pieces:
            piece = [piece for piece in self._pieces[unit_id] if piece.start <= max(at, 0)][-1]
            unit_id, at = piece.unit_id, at - piece.start + piece.shift
        return unit_id, at

    def next_of(self, unit_id: str) -> tuple[Piece, ...]:
        """Return what a former passage became at first."""
        return self._pieces.get(unit_id, ())

    def ends(self, unit_id: str) -> list[str]:
        """Return the passages of now that a passage became, itself where it is still one."""
        if unit_id not in self._pieces:
            return [unit_id]
        ends = [end for piece in self._pieces[unit_id] for end in self.ends(piece.unit_id)]
        return list(dict.fromkeys(ends))

    def formers(self, unit_id: str) -> list[str]:
        """Return the former passages that `unit_id` was made of, nearest first."""
        nearest = self._formers.get(unit_id, [])
        return [former for name in nearest for former in (name, *self.formers(name))]

    def cut(self, unit_id: str, at: int) -> tuple[str, str, str, int] | None:
        """Cut at a character; return the passage cut, both parts and where; None if it is cut."""
        whole, at = self.place(unit_id, at)
        if at <= 0:
            return None
        left, right = (_new_id(whole, at, side) for side in ("avant", "après"))
        self._become(whole, Piece(left, 0, 0), Piece(right, at, 0))
        return whole, left, right, at

    def join(self, unit_id: str, other_id: str, shift: int) -> tuple[str, str, str] | None:
        """Join a passage to the next, which starts at `shift` of its text; None if it is."""
        first, last_char = self.place(unit_id, shift - 1)
        second, _start = self.place(other_id, 0)
        if first == second:
            return None
        joined = _new_id(first, second)
        self._become(first, Piece(joined, 0, 0))
        self._become(second, Piece(joined, 0, last_char + 1))
        return first, second, joined

    def _become(self, unit_id: str, *pieces: Piece) -> None:
        self._pieces[unit_id] = pieces
        for piece in pieces:
            self._formers.setdefault(piece.unit_id, []).append(unit_id)
