"""The text of a Word 97 document, whose pieces lie anywhere in the file, and the changes that each place of it has.

In:   Binary
Out:  Text
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pipeline.errors import ReadError
from pipeline.ingest.readers.source import Source
from pipeline.ingest.readers.word97.binary import CHARACTER_PAGES, PARAGRAPH_PAGES, PIECES, Binary, places_of
from pipeline.ingest.readers.word97.changes import P_LONG, P_LONG_97, Change, changes_of, short_change, whole_of
from pipeline.ingest.readers.word97.pages import FormatPages

PARAGRAPH_MARKS = "\r\x07\x0c"  # of a paragraph, of a cell or row, of a page or section
_NARROW = 0x40000000  # of a piece's offset: one byte a character


@dataclass(frozen=True)
class Piece:
    """Characters `start` to `end`, half-open, that lie together from byte `offset` on, `width` bytes each."""

    start: int
    end: int
    offset: int
    width: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Run:
    """Characters `start` to `end`, half-open, that have the same format."""

    start: int
    end: int
    changes: tuple[Change, ...]


class Text:
    """The characters of a document, each as one 16-bit unit, with their formats."""

    def __init__(self, binary: Binary, source: Source) -> None:
        self._pieces = list(_pieces(binary))
        n_chars = sum(piece.end - piece.start for piece in self._pieces)
        if n_chars > source.limits.max_chars:
            raise _too_much(f"{n_chars} signes")
        self.characters = "".join(_characters(binary.main, piece) for piece in self._pieces)
        n_marks = sum(map(self.characters.count, PARAGRAPH_MARKS))
        if n_marks > source.limits.max_blocks:
            raise _too_much(f"{n_marks} paragraphes")
        self._starts = [piece.start for piece in self._pieces]
        self._data = binary.data
        self._paragraphs = FormatPages(binary.main, binary.held(PARAGRAPH_PAGES), is_paragraph=True)
        self._runs = FormatPages(binary.main, binary.held(CHARACTER_PAGES), is_paragraph=False)

    def runs(self, start: int, end: int) -> Iterator[Run]:
        """The runs of the characters `start` to `end`, half-open."""
        while start < end:
            piece = self._piece(start)
            offset = piece.offset + piece.width * (start - piece.start)
            held = self._runs.at(offset)
            n_left = max(1, (held.end - offset) // piece.width) if held else end - start
            stop = min(end, piece.end, start + n_left)
            yield Run(start, stop, (changes_of(held.content) if held else ()) + piece.changes)
            start = stop

    def paragraph_format(self, mark: int) -> tuple[int, tuple[Change, ...]]:
        """The style and the changes of the paragraph that the character at `mark` ends."""
        piece = self._piece(mark)
        held = self._paragraphs.at(piece.offset + piece.width * (mark - piece.start))
        content = held.content if held else b""
        changes = changes_of(content[2:])
        for which, operand in changes:
            if which in (P_LONG, P_LONG_97):  # too long for its page, so that it lies in a stream of its own
                at = whole_of(operand)
                changes += changes_of(self._data[at + 2 : at + 2 + whole_of(self._data[at : at + 2])])
        return whole_of(content[:2]), changes + piece.changes

    def ends_paragraph(self, place: int) -> bool:
        """True where a page or section mark at `place` ends a paragraph, and not only a page in it."""
        piece = self._piece(place)
        offset = piece.offset + piece.width * (place - piece.start)
        held = self._paragraphs.at(offset)
        return held is None or held.end == offset + piece.width

    def _piece(self, place: int) -> Piece:
        return self._pieces[bisect_right(self._starts, place) - 1]


def _too_much(found: str) -> ReadError:
    return ReadError(f"document démesuré ({found})", "un document d'atelier", "vérifier que c'est le bon fichier, ou le découper")


def _pieces(binary: Binary) -> Iterator[Piece]:
    """The pieces in order; each lies within the file.

    Raises `ValueError` where they do not.
    """
    table, shared = _piece_table(binary.held(PIECES))
    places, entries = places_of(table, 8)
    if not entries or places[0] != 0 or any(start > end for start, end in pairwise(places)):
        raise ValueError("no table of pieces")
    for (start, end), entry in zip(pairwise(places), entries, strict=True):
        _, told, change = struct.unpack("<HIH", entry)
        offset, width = ((told & ~_NARROW) // 2, 1) if told & _NARROW else (told, 2)
        if offset + width * (end - start) > len(binary.main):
            raise ValueError("a piece beyond the file")
        if end > start:
            yield Piece(start, end, offset, width, _changes_of_piece(change, shared))


def _piece_table(content: bytes) -> tuple[bytes, list[bytes]]:
    """The table of pieces, and the lists of changes before it to which pieces point."""
    shared: list[bytes] = []
    place = 0
    while place + 5 <= len(content):
        if content[place] == 2:
            length = struct.unpack_from("<I", content, place + 1)[0]
            return content[place + 5 : place + 5 + length], shared
        if content[place] != 1:
            break
        length = struct.unpack_from("<H", content, place + 1)[0]
        shared.append(content[place + 3 : place + 3 + length])
        place += 3 + length
    return b"", shared


def _changes_of_piece(told: int, shared: list[bytes]) -> tuple[Change, ...]:
    """What a fast save changed of a whole piece."""
    if told & 1:
        return changes_of(shared[told >> 1]) if told >> 1 < len(shared) else ()
    return short_change(told >> 1 & 0x7F, told >> 8)


def _characters(main: bytes, piece: Piece) -> str:
    """The characters of a piece, as many as it counts: the halves of signs beyond 16 bits stay apart."""
    content = main[piece.offset : piece.offset + piece.width * (piece.end - piece.start)]
    if piece.width == 1:
        return content.decode("cp1252", errors="replace")
    text = content.decode("utf-16-le", errors="surrogatepass")
    return text if len(text) == piece.end - piece.start else "".join(map(chr, struct.unpack(f"<{len(content) // 2}H", content)))
