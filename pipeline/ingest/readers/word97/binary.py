"""Open a Word 97 document: its streams, and the tables that its header points to ([MS-DOC] 2.5).

In:   the bytes of a .doc
Out:  Binary

The pages of 512 bytes that tell which bytes of the text have which format ([MS-DOC] 2.9.33 and 2.9.195).

The changes that a paragraph, a run of characters or a table row makes to its style ([MS-DOC] 2.2.5, Sprm and Prl).
"""

import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import olefile

from pipeline.errors import ReadError
from pipeline.ingest.readers.source import Source, protected

# Places in the header of what the tables are: each is an offset and a length in the table stream.
STYLES, HEADERS, CHARACTER_PAGES, PARAGRAPH_PAGES, PIECES, LISTS, LIST_USES = (
    1,
    11,
    12,
    13,
    33,
    73,
    74,
)
FOOTNOTES, COMMENTS, ENDNOTES = (
    (2, 3),
    (4, 5),
    (46, 47),
)  # where they are called, and where each begins
COMMENT_AUTHORS, BOX_ANCHORS, BOXES = 36, 40, 56

_PARTS = (
    "main",
    "footnotes",
    "headers",
    "macros",
    "comments",
    "endnotes",
    "boxes",
    "header boxes",
)  # in the order of the text
_MAGIC, _WORD_97 = 0xA5EC, 0xC0
_ENCRYPTED, _IN_1TABLE = 0x0100, 0x0200
_PAIRS = 0x9A  # where the offsets and lengths begin


@dataclass(frozen=True)
class Binary:
    """The streams of a document, and the stretches of its text in characters, half-open, by what they hold."""

    main: bytes
    table: bytes
    data: bytes
    stretches: dict[str, range]

    def held(self, number: int) -> bytes:
        """The bytes of a table of the table stream, b"" where the document has none."""
        start, length = self.place(number)
        return self.table[start : start + length]

    def place(self, number: int) -> tuple[int, int]:
        """Where a table begins in the table stream, and its length; (0, 0) where the header is too short to tell."""
        at = _PAIRS + 8 * number
        start, length = (
            struct.unpack_from("<II", self.main, at) if at + 8 <= len(self.main) else (0, 0)
        )
        return (start, length) if start <= len(self.table) else (0, 0)


def open_binary(source: Source) -> Binary:
    """Return the streams of the document.

    Raises `ReadError` where it is encrypted or older than Word 97, one of `DAMAGED` where it is damaged.
    """
    with olefile.OleFileIO(io.BytesIO(source.content)) as held:
        main = _stream(held, "WordDocument", source)
        flags = _flags(main)
        table = _stream(held, "1Table" if flags & _IN_1TABLE else "0Table", source)
        data = _stream(held, "Data", source) if held.exists("Data") else b""
    return Binary(main, table, data, _stretches(main))


def _stream(held: olefile.OleFileIO, name: str, source: Source) -> bytes:
    """A stream, never longer than the file that holds it."""
    if max(held.get_size(name), held.root.size) > len(source.content):
        raise ValueError("a stream is larger than its file")
    return bytes(held.openstream(name).read())


def _flags(main: bytes) -> int:
    """The flags of the header, once it is known to be one that can be read."""
    magic, version = struct.unpack_from("<HH", main)
    flags = int(struct.unpack_from("<H", main, 10)[0])
    if flags & _ENCRYPTED:
        raise protected("document Word")
    if magic != _MAGIC or version < _WORD_97:
        if 0 < version < _WORD_97:
            advice = "l'ouvrir dans Word ou LibreOffice et l'enregistrer en .docx"
            raise ReadError("document Word 6 ou 95", "un document Word 97 ou plus récent", advice)
        raise ValueError("no header of Word")
    return flags


def _stretches(main: bytes) -> dict[str, range]:
    """The text's parts follow one another; their lengths stand in the header."""
    lengths = struct.unpack_from("<8I", main, 0x4C)
    return {
        name: range(start, end)
        for name, (start, end) in zip(_PARTS, pairwise(accumulate(lengths, initial=0)), strict=True)
    }


def places_of(content: bytes, n_bytes: int) -> tuple[list[int], list[bytes]]:
    """Take apart the format's usual table: n + 1 character places in 4 bytes, then n entries of `n_bytes`; () where it is empty."""
    n_entries = (len(content) - 4) // (4 + n_bytes)
    if n_entries < 0:
        return [], []
    start = 4 * (n_entries + 1)
    entries = (
        [content[at : at + n_bytes] for at in range(start, start + n_bytes * n_entries, n_bytes)]
        if n_bytes
        else []
    )
    return list(struct.unpack_from(f"<{n_entries + 1}I", content)), entries


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
        return Held(
            (_paragraph if self._is_paragraph else _characters)(page, len(bounds), run),
            bounds[run + 1],
        )

    def _bounds(self, start: int, page: bytes) -> tuple[int, ...]:
        """Where the runs of a page begin, and where the last one ends."""
        if start not in self._read:
            n_runs = page[-1] if len(page) == _PAGE else 0
            if len(self._read) >= _MAX_PAGES_KEPT:
                self._read.clear()
            self._read[start] = (
                struct.unpack_from(f"<{n_runs + 1}I", page)
                if 4 * (n_runs + 1) < _PAGE and n_runs
                else ()
            )
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


_SIZES = {
    0: 1,
    1: 1,
    2: 2,
    3: 4,
    4: 2,
    5: 2,
    7: 3,
}  # of the operand, by the top three bits; 6 tells its own length
_TABLE, _TABS = (0xD608, 0xD606), 0xC615

P_STYLE, P_IN_TABLE, P_ROW_END, P_LEVEL, P_LIST, P_OUTLINE = (
    0x4600,
    0x2416,
    0x2417,
    0x260A,
    0x460B,
    0x2640,
)
P_DEPTH, P_DEEPER, P_INNER_CELL_END, P_INNER_ROW_END, P_LONG, P_LONG_97 = (
    0x6649,
    0x664A,
    0x244B,
    0x244C,
    0x6646,
    0x6645,
)
C_DELETED, C_HIDDEN, C_BOLD, C_UNDERLINE, C_SIZE, C_STYLE, C_SYMBOL = (
    0x0800, 0x083C, 0x0835, 0x2A3E, 0x4A43, 0x4A30, 0x6A09,
)  # fmt: skip
T_CELLS, T_MERGE, T_MERGE_DOWN = 0xD608, 0x5624, 0xD62B

_SHORT = {
    0x18: P_IN_TABLE,
    0x19: P_ROW_END,
    0x41: C_DELETED,
    0x55: C_BOLD,
    0x5C: C_HIDDEN,
    0x5E: C_UNDERLINE,
}  # of a piece, numbered apart

Change = tuple[int, bytes]


@lru_cache(maxsize=1024)
def changes_of(content: bytes) -> tuple[Change, ...]:
    """The changes in `content`; those after one that is cut short are lost."""
    return tuple(_changes(content))


def _changes(content: bytes) -> Iterator[Change]:
    place = 0
    while place + 3 <= len(content):
        which = int.from_bytes(content[place : place + 2], "little")
        place += 2
        skipped, length = _operand(content, place, which)
        yield which, content[place + skipped : place + skipped + length]
        place += skipped + length


def _operand(content: bytes, place: int, which: int) -> tuple[int, int]:
    """Bytes that tell the length of the operand at `place`, and that length."""
    size = _SIZES.get(which >> 13)
    if size is not None:
        return 0, size
    if which in _TABLE:
        return 2, max(0, int.from_bytes(content[place : place + 2], "little") - 1)
    if which == _TABS and content[place] == 255:
        n_deleted = content[place + 1] if place + 1 < len(content) else 0
        added = place + 2 + 4 * n_deleted
        return 1, 2 + 4 * n_deleted + 3 * (content[added] if added < len(content) else 0)
    return 1, content[place]


def short_change(number: int, operand: int) -> tuple[Change, ...]:
    """The change of a piece that holds one only, in a numbering of its own; () where no reader minds it."""
    return ((_SHORT[number], bytes([operand])),) if number in _SHORT else ()


def whole_of(operand: bytes) -> int:
    """The operand as a number, never negative."""
    return int.from_bytes(operand, "little")
