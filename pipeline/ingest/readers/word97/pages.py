"""The pages of 512 bytes that tell which bytes of the text have which format ([MS-DOC] 2.9.33 and 2.9.195).

In:   the main stream, and the table of its pages
Out:  the format at a byte
"""

import struct
from bisect import bisect_right
from typing import NamedTuple

from pipeline.ingest.readers.word97.binary import places_of

_PAGE = 512
_MAX_PAGES_KEPT = 4096


class Held(NamedTuple):
    """A format as stored, and the byte where the text that has it ends."""

    content: bytes
    end: int


class FormatPages:
    """The formats of paragraphs, or of runs of characters; pages are read when first asked for."""

    def __init__(self, main: bytes, table: bytes, *, is_paragraph: bool) -> None:
        self._main, self._is_paragraph = main, is_paragraph
        self._starts, entries = places_of(table, 4)
        self._pages = [int.from_bytes(entry, "little") & 0x3FFFFF for entry in entries]
        self._read: dict[int, tuple[int, ...]] = {}

    def at(self, offset: int) -> Held | None:
        """The format of the text at byte `offset`, None where no page tells."""
        place = bisect_right(self._starts, offset) - 1
        if not 0 <= place < len(self._pages):
            return None
        start = _PAGE * self._pages[place]
        page = self._main[start : start + _PAGE]
        bounds = self._bounds(start, page)
        run = bisect_right(bounds, offset) - 1
        if not 0 <= run < len(bounds) - 1:
            return None
        return Held((_paragraph if self._is_paragraph else _characters)(page, len(bounds), run), bounds[run + 1])

    def _bounds(self, start: int, page: bytes) -> tuple[int, ...]:
        """Where the runs of a page begin, and where the last one ends."""
        if start not in self._read:
            n_runs = page[-1] if len(page) == _PAGE else 0
            if len(self._read) >= _MAX_PAGES_KEPT:
                self._read.clear()
            self._read[start] = struct.unpack_from(f"<{n_runs + 1}I", page) if 4 * (n_runs + 1) < _PAGE and n_runs else ()
        return self._read[start]


def _paragraph(page: bytes, n_bounds: int, run: int) -> bytes:
    """The style and changes of a paragraph; their length is told in words, and in a second byte where the first is zero."""
    at = 4 * n_bounds + 13 * run
    place = 2 * page[at] if at < _PAGE else 0
    if not place:
        return b""
    length = page[place]
    if length:
        return page[place + 1 : place + 2 * length]
    return page[place + 2 : place + 2 + 2 * page[place + 1]] if place + 1 < _PAGE else b""


def _characters(page: bytes, n_bounds: int, run: int) -> bytes:
    at = 4 * n_bounds + run
    place = 2 * page[at] if at < _PAGE else 0
    return page[place + 1 : place + 1 + page[place]] if place else b""
