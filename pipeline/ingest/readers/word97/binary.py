"""Open a Word 97 document: its streams, and the tables that its header points to ([MS-DOC] 2.5).

In:   the bytes of a .doc
Out:  Binary
"""

import io
import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise

import olefile

from pipeline.errors import ReadError
from pipeline.ingest.readers.source import Source, protected

# Places in the header of what the tables are: each is an offset and a length in the table stream.
STYLES, HEADERS, CHARACTER_PAGES, PARAGRAPH_PAGES, PIECES, LISTS, LIST_USES = 1, 11, 12, 13, 33, 73, 74
FOOTNOTES, COMMENTS, ENDNOTES = (2, 3), (4, 5), (46, 47)  # where they are called, and where each begins
COMMENT_AUTHORS, BOX_ANCHORS, BOXES = 36, 40, 56

_PARTS = ("main", "footnotes", "headers", "macros", "comments", "endnotes", "boxes", "header boxes")  # in the order of the text
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
        start, length = struct.unpack_from("<II", self.main, at) if at + 8 <= len(self.main) else (0, 0)
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
    return {name: range(start, end) for name, (start, end) in zip(_PARTS, pairwise(accumulate(lengths, initial=0)), strict=True)}


def places_of(content: bytes, n_bytes: int) -> tuple[list[int], list[bytes]]:
    """Take apart the format's usual table: n + 1 character places in 4 bytes, then n entries of `n_bytes`; () where it is empty."""
    n_entries = (len(content) - 4) // (4 + n_bytes)
    if n_entries < 0:
        return [], []
    start = 4 * (n_entries + 1)
    entries = [content[at : at + n_bytes] for at in range(start, start + n_bytes * n_entries, n_bytes)] if n_bytes else []
    return list(struct.unpack_from(f"<{n_entries + 1}I", content)), entries
