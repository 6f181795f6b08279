"""Read the streams, text, formats, styles and lists of a Word 97 document.

[MS-DOC] 2.5 (header), 2.8 (position tables), 2.9.33 and 2.9.195 (format pages), 2.2.5 (changes,
Sprm and Prl), 2.9.271 (styles), 2.9.147 and 2.9.131 (lists). The pieces of text are in any order in
the file.
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
from pipeline.ingest.parts import FileContent, protected, too_much
from pipeline.ingest.readers.blocks import styles_from
from pipeline.ingest.readers.office import (
    ListLevel,
    ListNumbering,
    WordStyle,
    first_named_style,
    outline_level,
)

# Table numbers in the header, which gives each an offset and a length in the table stream.
STYLES, HEADERS, LISTS, LIST_USES = 1, 11, 73, 74
_CHARACTER_PAGES, _PARAGRAPH_PAGES, _PIECES = 12, 13, 33
FOOTNOTES, COMMENTS, ENDNOTES = (2, 3), (4, 5), (46, 47)  # calls, beginnings
BOX_ANCHORS, BOXES = 40, 56
_TABLES_AT = 0x9A

_PARTS = (  # in text order
    "main", "footnotes", "headers", "macros", "comments", "endnotes", "boxes", "header boxes",
)  # fmt: skip
_MAGIC, _WORD_97 = 0xA5EC, 0xC0
_ENCRYPTED, _IN_1TABLE = 0x0100, 0x0200
_PAGE = 512  # bytes of a format page
_MAX_PAGES_KEPT = 4096
_NARROW = 0x40000000  # flag of a piece's offset: one byte a character
PARAGRAPH_MARKS = "\r\x07\x0c"  # paragraph, cell or row, page or section

# Changes to paragraphs (P), runs of characters (C) and table rows (T).
P_STYLE, P_IN_TABLE, P_ROW_END = 0x4600, 0x2416, 0x2417
P_LEVEL, P_LIST, P_OUTLINE = 0x260A, 0x460B, 0x2640
P_DEPTH, P_DEEPER = 0x6649, 0x664A
P_INNER_CELL_END, P_INNER_ROW_END = 0x244B, 0x244C
_P_LONG = (0x6646, 0x6645)  # too long for the page: in a stream of their own
C_DELETED, C_HIDDEN, C_BOLD, C_UNDERLINE = 0x0800, 0x083C, 0x0835, 0x2A3E
C_SIZE, C_STYLE, C_SYMBOL = 0x4A43, 0x4A30, 0x6A09
C_STRIKES = (0x0837, 0x2A53)  # with one line, with two
T_CELLS, T_MERGE, T_MERGE_DOWN = 0xD608, 0x5624, 0xD62B
_LONG_OPERANDS, _TABS = (0xD608, 0xD606), 0xC615
# Operand bytes by the change's top three bits; 6 gives its own length.
_OPERAND_SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
# Changes inside a piece, numbered apart.
_OF_PIECES = {
    0x18: P_IN_TABLE, 0x19: P_ROW_END, 0x41: C_DELETED, 0x55: C_BOLD, 0x5C: C_HIDDEN,
    0x57: C_STRIKES[0], 0x5E: C_UNDERLINE,
}  # fmt: skip

Change = tuple[int, bytes]  # code, operand

_BUILT_IN = {  # Word's own styles in any language
    **{number: f"heading {number}" for number in range(1, 10)},
    **{0x12 + number: f"toc {number}" for number in range(1, 10)},
    0x30: "List Bullet",
    0x31: "List Number",
    0x3E: "Title",
    **{0x34 + number: f"List Bullet {number}" for number in range(2, 6)},
    **{0x38 + number: f"List Number {number}" for number in range(2, 6)},
}
_CONTENTS = ("toc ", "tm ", "table des matières ")  # repeat the headings
_PARAGRAPH_STYLE = 1
_LIST_KINDS = {
    0: "decimal", 1: "upperRoman", 2: "lowerRoman", 3: "upperLetter", 4: "lowerLetter",
    5: "decimal", 22: "decimal",
}  # fmt: skip
_MAX_LIST = 0x7FE
_N_LEVELS = 9  # of a list
NO_OUTLINE = 9


@dataclass(frozen=True)
class WordStreams:
    """A document's streams, and the character ranges of its parts."""

    main: bytes
    table: bytes
    data: bytes
    ranges: dict[str, range]

    def table_of(self, number: int) -> bytes:
        """Return the bytes of a header's table, b"" for none."""
        start, length = self.position_of(number)
        return self.table[start : start + length]

    def position_of(self, number: int) -> tuple[int, int]:
        """Return a table's offset in the table stream and its length, (0, 0) for none."""
        at = _TABLES_AT + 8 * number
        if at + 8 > len(self.main):
            return 0, 0
        start, length = struct.unpack_from("<II", self.main, at)
        return (start, length) if start <= len(self.table) else (0, 0)


def open_streams(file: FileContent) -> WordStreams:
    """Return the streams of the document.

    Raises `ReadError` if it is encrypted or older than Word 97, one of `DAMAGED` if damaged.
    """
    with olefile.OleFileIO(io.BytesIO(file.content)) as ole:
        main = _stream(ole, "WordDocument", file)
        flags = _flags(main)
        table = _stream(ole, "1Table" if flags & _IN_1TABLE else "0Table", file)
        data = _stream(ole, "Data", file) if ole.exists("Data") else b""
    lengths = struct.unpack_from("<8I", main, 0x4C)
    bounds = pairwise(accumulate(lengths, initial=0))
    ranges = {name: range(*pair) for name, pair in zip(_PARTS, bounds, strict=True)}
    return WordStreams(main, table, data, ranges)


def _stream(ole: olefile.OleFileIO, name: str, file: FileContent) -> bytes:
    """Return a stream, never longer than its file."""
    if max(ole.get_size(name), ole.root.size) > len(file.content):
        raise ValueError("a stream is larger than its file")
    return bytes(ole.openstream(name).read())


def _flags(main: bytes) -> int:
    magic, version = struct.unpack_from("<HH", main)
    flags = int(struct.unpack_from("<H", main, 10)[0])
    if flags & _ENCRYPTED:
        raise protected("document Word")
    if 0 < version < _WORD_97:
        advice = "l'ouvrir dans Word ou LibreOffice et l'enregistrer en .docx"
        raise ReadError("document Word 6 ou 95", "un document Word 97 ou plus récent", advice)
    if magic != _MAGIC or version < _WORD_97:
        raise ValueError("no header of Word")
    return flags


def positions_of(content: bytes, n_bytes: int) -> tuple[list[int], list[bytes]]:
    """Split a usual table: n + 1 character positions, then n entries of `n_bytes`."""
    n_entries = (len(content) - 4) // (4 + n_bytes)
    if n_entries < 0:
        return [], []
    starts = [4 * (n_entries + 1) + n_bytes * i for i in range(n_entries)] if n_bytes else []
    entries = [content[start : start + n_bytes] for start in starts]
    return list(struct.unpack_from(f"<{n_entries + 1}I", content)), entries


def number_of(operand: bytes) -> int:
    """Return a change's operand as an unsigned number."""
    return int.from_bytes(operand, "little")


@lru_cache(maxsize=1024)
def changes_of(content: bytes) -> tuple[Change, ...]:
    """Return the changes in `content` up to one that is cut short."""
    changes: list[Change] = []
    at = 0
    while at + 3 <= len(content):
        which = number_of(content[at : at + 2])
        n_skipped, length = _operand(content, at + 2, which)
        start = at + 2 + n_skipped
        at = start + length
        changes.append((which, content[start:at]))
    return tuple(changes)


def _operand(content: bytes, at: int, which: int) -> tuple[int, int]:
    size = _OPERAND_SIZES.get(which >> 13)
    if size is not None:
        return 0, size
    if which in _LONG_OPERANDS:
        return 2, max(0, number_of(content[at : at + 2]) - 1)
    if which == _TABS and content[at] == 255:
        n_deleted = number_of(content[at + 1 : at + 2])
        added_at = at + 2 + 4 * n_deleted
        return 1, 2 + 4 * n_deleted + 3 * number_of(content[added_at : added_at + 1])
    return 1, content[at]


class _StoredFormat(NamedTuple):
    content: bytes
    end: int  # byte where its text ends


class _FormatPages:
    """The formats of paragraphs or character runs; pages are read on demand."""

    def __init__(self, main: bytes, table: bytes, *, is_paragraph: bool) -> None:
        self._main, self._is_paragraph = main, is_paragraph
        self._starts, entries = positions_of(table, 4)
        self._pages = [number_of(entry) & 0x3FFFFF for entry in entries]
        self._bounds_by_page: dict[int, tuple[int, ...]] = {}

    def at(self, offset: int) -> _StoredFormat | None:
        """Return the format of the text at byte `offset`, None if no page has it."""
        i = bisect_right(self._starts, offset) - 1
        if not 0 <= i < len(self._pages):
            return None
        start = _PAGE * self._pages[i]
        page = self._main[start : start + _PAGE]
        bounds = self._bounds(start, page)
        run = bisect_right(bounds, offset) - 1
        if not 0 <= run < len(bounds) - 1:
            return None
        stored = _paragraph_format if self._is_paragraph else _run_format
        return _StoredFormat(stored(page, len(bounds), run), bounds[run + 1])

    def _bounds(self, start: int, page: bytes) -> tuple[int, ...]:
        if start not in self._bounds_by_page:
            n_runs = page[-1] if len(page) == _PAGE else 0
            if len(self._bounds_by_page) >= _MAX_PAGES_KEPT:
                self._bounds_by_page.clear()
            fits = n_runs and 4 * (n_runs + 1) < _PAGE
            bounds = struct.unpack_from(f"<{n_runs + 1}I", page) if fits else ()
            self._bounds_by_page[start] = bounds
        return self._bounds_by_page[start]


def _paragraph_format(page: bytes, n_bounds: int, run: int) -> bytes:
    """Return a paragraph's style and changes.

    Their length is in words, and in a second byte if the first is zero.
    """
    entry = 4 * n_bounds + 13 * run
    at = 2 * page[entry] if entry < _PAGE else 0
    if not at:
        return b""
    if page[at]:
        return page[at + 1 : at + 2 * page[at]]
    return page[at + 2 : at + 2 + 2 * page[at + 1]] if at + 1 < _PAGE else b""


def _run_format(page: bytes, n_bounds: int, run: int) -> bytes:
    entry = 4 * n_bounds + run
    at = 2 * page[entry] if entry < _PAGE else 0
    return page[at + 1 : at + 1 + page[at]] if at else b""


class _Piece(NamedTuple):
    """Characters `start` to `end`, half-open, from byte `offset`, `width` bytes each."""

    start: int
    end: int
    offset: int
    width: int
    changes: tuple[Change, ...]

    def offset_of(self, index: int) -> int:
        """Return the byte of the character at `index`."""
        return self.offset + self.width * (index - self.start)


class TextRun(NamedTuple):
    """Characters `start` to `end`, half-open, of one format."""

    start: int
    end: int
    changes: tuple[Change, ...]


class WordText:
    """A document's characters, each one 16-bit unit, and their formats."""

    def __init__(self, streams: WordStreams, file: FileContent) -> None:
        self._pieces = list(_pieces(streams))
        n_chars = sum(piece.end - piece.start for piece in self._pieces)
        if n_chars > file.limits.max_chars:
            raise too_much(f"{n_chars} signes")
        self.characters = "".join(_characters(streams.main, piece) for piece in self._pieces)
        n_marks = sum(map(self.characters.count, PARAGRAPH_MARKS))
        if n_marks > file.limits.max_blocks:
            raise too_much(f"{n_marks} paragraphes")
        self._starts = [piece.start for piece in self._pieces]
        self._data = streams.data
        paragraphs, runs = streams.table_of(_PARAGRAPH_PAGES), streams.table_of(_CHARACTER_PAGES)
        self._paragraphs = _FormatPages(streams.main, paragraphs, is_paragraph=True)
        self._runs = _FormatPages(streams.main, runs, is_paragraph=False)

    def runs(self, start: int, end: int) -> Iterator[TextRun]:
        """Yield the runs of the characters `start` to `end`, half-open."""
        while start < end:
            piece = self._piece(start)
            offset = piece.offset_of(start)
            stored = self._runs.at(offset)
            n_left = max(1, (stored.end - offset) // piece.width) if stored else end - start
            stop = min(end, piece.end, start + n_left)
            changes = changes_of(stored.content) if stored else ()
            yield TextRun(start, stop, changes + piece.changes)
            start = stop

    def paragraph_format(self, mark: int) -> tuple[int, tuple[Change, ...]]:
        """Return the style and changes of the paragraph that ends at `mark`."""
        piece = self._piece(mark)
        stored = self._paragraphs.at(piece.offset_of(mark))
        content = stored.content if stored else b""
        changes = changes_of(content[2:])
        for which, operand in changes:
            if which in _P_LONG:
                at = number_of(operand)
                length = number_of(self._data[at : at + 2])
                changes += changes_of(self._data[at + 2 : at + 2 + length])
        return number_of(content[:2]), changes + piece.changes

    def ends_paragraph(self, index: int) -> bool:
        """Whether a page or section mark ends a paragraph, not only a page in it."""
        piece = self._piece(index)
        offset = piece.offset_of(index)
        stored = self._paragraphs.at(offset)
        return stored is None or stored.end == offset + piece.width

    def _piece(self, index: int) -> _Piece:
        return self._pieces[bisect_right(self._starts, index) - 1]


def _pieces(streams: WordStreams) -> Iterator[_Piece]:
    table, shared = _piece_table(streams.table_of(_PIECES))
    positions, entries = positions_of(table, 8)
    if not entries or positions[0] != 0 or positions != sorted(positions):
        raise ValueError("no table of pieces")
    for (start, end), entry in zip(pairwise(positions), entries, strict=True):
        _, offset, change = struct.unpack("<HIH", entry)
        width = 2
        if offset & _NARROW:
            offset, width = (offset & ~_NARROW) // 2, 1
        if offset + width * (end - start) > len(streams.main):
            raise ValueError("a piece beyond the file")
        if end > start:
            yield _Piece(start, end, offset, width, _changes_of_piece(change, shared))


def _piece_table(content: bytes) -> tuple[bytes, list[bytes]]:
    shared: list[bytes] = []
    at = 0
    while at + 5 <= len(content) and content[at] in (1, 2):
        if content[at] == 2:
            length = struct.unpack_from("<I", content, at + 1)[0]
            return content[at + 5 : at + 5 + length], shared
        length = struct.unpack_from("<H", content, at + 1)[0]
        shared.append(content[at + 3 : at + 3 + length])
        at += 3 + length
    return b"", shared


def _changes_of_piece(change: int, shared: list[bytes]) -> tuple[Change, ...]:
    """Return a fast save's changes of a whole piece: a shared list or a single one."""
    if change & 1:
        return changes_of(shared[change >> 1]) if change >> 1 < len(shared) else ()
    number = change >> 1 & 0x7F
    return ((_OF_PIECES[number], bytes([change >> 8])),) if number in _OF_PIECES else ()


def _characters(main: bytes, piece: _Piece) -> str:
    """Return a piece's characters; halves of signs beyond 16 bits stay apart."""
    n_characters = piece.end - piece.start
    content = main[piece.offset : piece.offset + piece.width * n_characters]
    if piece.width == 1:
        return content.decode("cp1252", errors="replace")
    text = content.decode("utf-16-le", errors="surrogatepass")
    if len(text) == n_characters:
        return text
    return "".join(map(chr, struct.unpack(f"<{len(content) // 2}H", content)))


class _OwnStyle(NamedTuple):
    name: str
    parent: int
    paragraph: dict[int, bytes]
    characters: dict[int, bytes]


class StyleSheet:
    """The styles of a document by number, resolved on demand."""

    def __init__(self, streams: WordStreams) -> None:
        self._own = dict(_own_styles(streams.table_of(STYLES)))
        self._inherited: dict[int, WordStyle] = {}

    def get(self, number: int) -> WordStyle:
        """Return the style, a plain one if it is undefined."""
        if number not in self._inherited:
            self._inherited[number] = _inherited_style(number, self._own)
        return self._inherited[number]


def _own_styles(content: bytes) -> Iterator[tuple[int, _OwnStyle]]:
    if len(content) < 6:
        return
    head, n_styles, base = struct.unpack_from("<HHH", content)
    at = 2 + head
    for number in range(n_styles):
        entry, at = _sized(content, at)
        if len(entry) >= base + 2 and base >= 8:
            yield number, _own_style(entry, base)


def _sized(content: bytes, at: int) -> tuple[bytes, int]:
    length = number_of(content[at : at + 2])
    return content[at + 2 : at + 2 + length], at + 2 + length + length % 2


def _own_style(entry: bytes, base: int) -> _OwnStyle:
    which, kind, n_formats = struct.unpack_from("<HHH", entry)
    name, at = _text_at(entry, base)
    formats: list[bytes] = []
    at += 2
    for _ in range(n_formats & 0xF):
        stored, at = _sized(entry, at)
        formats.append(stored)
    is_paragraph = kind & 0xF == _PARAGRAPH_STYLE
    paragraph = formats[0][2:] if is_paragraph and formats else b""
    characters = formats[is_paragraph] if len(formats) > is_paragraph else b""
    return _OwnStyle(
        _BUILT_IN.get(which & 0xFFF, name),
        kind >> 4,
        dict(changes_of(paragraph)),
        dict(changes_of(characters)),
    )


def _text_at(content: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + 2 * number_of(content[at : at + 2])
    return content[at + 2 : end].decode("utf-16-le", errors="replace"), end


def _inherited_style(number: int, own: dict[int, _OwnStyle]) -> WordStyle:
    chain = styles_from(number, own, lambda style: style.parent)
    named = first_named_style(style.name for style in chain)
    outlines = (style.paragraph.get(P_OUTLINE) for style in chain)
    outline = next((number_of(outline) for outline in outlines if outline is not None), NO_OUTLINE)
    list_changes = next((style.paragraph for style in chain if P_LIST in style.paragraph), {})
    weights = (style.characters.get(C_BOLD) for style in chain)
    weight = next((number_of(weight) for weight in weights if weight is not None), 0)
    has_level = P_LEVEL in list_changes
    return WordStyle(
        heading=named.heading or outline_level(str(outline)),
        is_title=named.is_title,
        list_id=list_id_of(list_changes[P_LIST]) if list_changes else named.list_id,
        list_level=number_of(list_changes[P_LEVEL]) if has_level else named.list_level,
        is_bold=weight in (1, 0x81),
        is_contents=any(style.name.lower().startswith(_CONTENTS) for style in chain),
    )


def list_id_of(operand: bytes) -> str:
    """Return "" from 0xF801 on: the paragraph has left its list."""
    number = number_of(operand)
    return str(number) if 0 < number <= _MAX_LIST else ""


def numbering_of(streams: WordStreams) -> ListNumbering:
    """Return the list definitions by the number in paragraphs and level."""
    levels_by_list = dict(_list_levels(streams))
    uses = streams.table_of(LIST_USES)
    n_uses = min(number_of(uses[:4]), _MAX_LIST, (len(uses) - 4) // 16)
    levels: dict[tuple[str, int], ListLevel] = {}
    for number in range(1, n_uses + 1):
        list_number = number_of(uses[16 * number - 12 : 16 * number - 8])
        for depth, level in enumerate(levels_by_list.get(list_number, [])):
            levels[str(number), depth] = level
    return ListNumbering(levels)


def _list_levels(streams: WordStreams) -> Iterator[tuple[int, list[ListLevel]]]:
    start, length = streams.position_of(LISTS)
    content = streams.table[start:]
    n_lists = min(number_of(content[:2]), (min(length, len(content)) - 2) // 28)
    at = 2 + 28 * n_lists
    for i in range(n_lists):
        entry = content[2 + 28 * i : 30 + 28 * i]
        levels: list[ListLevel] = []
        for _ in range(1 if entry[26] & 1 else _N_LEVELS):
            if at + 30 > len(content):
                return
            level, at = _list_level(content, at)
            levels.append(level)
        yield number_of(entry[:4]), levels


def _list_level(content: bytes, at: int) -> tuple[ListLevel, int]:
    """Return a level and the next one's offset; numbers in its text are signs below nine."""
    start, kind = struct.unpack_from("<IB", content, at)
    text, end = _text_at(content, at + 28 + content[at + 24] + content[at + 25])
    shown = "".join(f"%{ord(sign) + 1}" if ord(sign) < _N_LEVELS else sign for sign in text)
    return ListLevel(_LIST_KINDS.get(kind, "bullet"), shown, min(start, 1_000_000)), end
