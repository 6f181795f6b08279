"""The text of a Word 97 document, whose pieces lie anywhere in the file, and the changes that each place of it has.

In:   Binary
Out:  Text

The styles and list definitions of a Word 97 document, told as those of a .docx are ([MS-DOC] 2.9.271, 2.9.147 and 2.9.131).
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.errors import ReadError
from pipeline.ingest.readers.docx_styles import Numbering, Style, Styles, outline_level
from pipeline.ingest.readers.source import Source
from pipeline.ingest.readers.word97.binary import (
    C_BOLD,
    CHARACTER_PAGES,
    LIST_USES,
    LISTS,
    P_LEVEL,
    P_LIST,
    P_LONG,
    P_LONG_97,
    P_OUTLINE,
    PARAGRAPH_PAGES,
    PIECES,
    STYLES,
    Binary,
    Change,
    FormatPages,
    changes_of,
    places_of,
    short_change,
    whole_of,
)

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
            if which in (
                P_LONG,
                P_LONG_97,
            ):  # too long for its page, so that it lies in a stream of its own
                at = whole_of(operand)
                changes += changes_of(
                    self._data[at + 2 : at + 2 + whole_of(self._data[at : at + 2])]
                )
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
    return ReadError(
        f"document démesuré ({found})",
        "un document d'atelier",
        "vérifier que c'est le bon fichier, ou le découper",
    )


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
    return (
        text
        if len(text) == piece.end - piece.start
        else "".join(map(chr, struct.unpack(f"<{len(content) // 2}H", content)))
    )


_BUILT_IN = (
    {number: f"heading {number}" for number in range(1, 10)}
    | {0x12 + number: f"toc {number}" for number in range(1, 10)}
    | {0x30: "List Bullet", 0x31: "List Number", 0x3E: "Title"}
    | {number: f"List Bullet {number - 0x34}" for number in range(0x36, 0x3A)}
    | {number: f"List Number {number - 0x38}" for number in range(0x3A, 0x3E)}
)  # what Word calls its own styles, whatever the language
_CONTENTS = (
    "toc ",
    "tm ",
    "table des matières ",
)  # the lines of a table of contents repeat the headings
_MAX_ANCESTORS = 30
_PARAGRAPH = 1  # the kind of a style
_FORMATS = {
    0: "decimal",
    1: "upperRoman",
    2: "lowerRoman",
    3: "upperLetter",
    4: "lowerLetter",
    5: "decimal",
    22: "decimal",
}
_MAX_LIST = 0x7FE
_MAX_LEVEL = 8
_N_LEVELS = 9


@dataclass(frozen=True)
class _Own:
    """A style without what it inherits."""

    name: str
    parent: int
    paragraph: dict[int, bytes]
    characters: dict[int, bytes]


@dataclass
class StyleSheet:
    """The styles by number, each worked out when first asked for."""

    _own: dict[int, _Own] = field(default_factory=dict)
    _known: dict[int, Style] = field(default_factory=dict)

    @classmethod
    def of(cls, binary: Binary) -> "StyleSheet":
        """The styles of the document, none where it defines none."""
        return cls(dict(_own_styles(binary.held(STYLES))))

    def get(self, number: int) -> Style:
        """The style, or a plain one where the document does not define it."""
        if number not in self._known:
            self._known[number] = _inherited(number, self._own)
        return self._known[number]


def list_of(operand: bytes) -> str:
    """The list that a paragraph is in, "" for none: numbers from 0xF801 on say that it was once."""
    number = whole_of(operand)
    return str(number) if 0 < number <= _MAX_LIST else ""


def _own_styles(content: bytes) -> Iterator[tuple[int, _Own]]:
    if len(content) < 6:
        return
    head, n_styles, base = struct.unpack_from("<HHH", content)
    place = 2 + head
    for number in range(n_styles):
        length = whole_of(content[place : place + 2])
        entry = content[place + 2 : place + 2 + length]
        if len(entry) >= base + 2 and base >= 8:
            yield number, _own_style(entry, base)
        place += 2 + length + length % 2


def _own_style(entry: bytes, base: int) -> _Own:
    which, kind, n_formats = struct.unpack_from("<HHH", entry)
    length = whole_of(entry[base : base + 2])
    name = entry[base + 2 : base + 2 + 2 * length].decode("utf-16-le", errors="replace")
    formats: list[bytes] = []
    place = base + 2 + 2 * length + 2
    for _ in range(n_formats & 0xF):
        size = whole_of(entry[place : place + 2])
        formats.append(entry[place + 2 : place + 2 + size])
        place += 2 + size + size % 2
    is_paragraph = kind & 0xF == _PARAGRAPH
    paragraph = formats[0][2:] if is_paragraph and formats else b""
    characters = formats[is_paragraph] if len(formats) > is_paragraph else b""
    return _Own(
        _BUILT_IN.get(which & 0xFFF, name),
        kind >> 4,
        dict(changes_of(paragraph)),
        dict(changes_of(characters)),
    )


def _inherited(number: int, own: dict[int, _Own]) -> Style:
    """The style with what its ancestors set, nearest first."""
    chain: list[_Own] = []
    while number in own and len(chain) < _MAX_ANCESTORS:
        chain.append(own[number])
        number = chain[-1].parent
    named = next(
        (style for style in map(Styles().get, (held.name for held in chain)) if style != Style()),
        Style(),
    )
    outline = next(
        (whole_of(held.paragraph[P_OUTLINE]) for held in chain if P_OUTLINE in held.paragraph), 9
    )
    listed = next((held.paragraph for held in chain if P_LIST in held.paragraph), {})
    level = whole_of(listed[P_LEVEL]) if P_LEVEL in listed else named.list_level
    bold = next(
        (whole_of(held.characters[C_BOLD]) for held in chain if C_BOLD in held.characters), 0
    )
    is_contents = any(held.name.lower().startswith(_CONTENTS) for held in chain)
    list_id = list_of(listed[P_LIST]) if listed else named.list_id
    return Style(
        named.heading or outline_level(str(outline)),
        named.is_title,
        list_id,
        level,
        bold in (1, 0x81),
        is_contents,
    )


def numbering_of(binary: Binary) -> Numbering:
    """The list definitions, by the number under which paragraphs name them and their level."""
    levels = dict(_levels(binary))
    uses = binary.held(LIST_USES)
    n_uses = min(whole_of(uses[:4]), _MAX_LIST, (len(uses) - 4) // 16)
    formats: dict[tuple[str, int], tuple[str, str, int]] = {}
    for number in range(1, n_uses + 1):
        which = whole_of(uses[16 * number - 12 : 16 * number - 8])
        formats |= {(str(number), level): told for level, told in enumerate(levels.get(which, []))}
    return Numbering(formats)


def _levels(binary: Binary) -> Iterator[tuple[int, list[tuple[str, str, int]]]]:
    """The levels of each list as (format, text, start), by the list's own number; they follow the table that names them."""
    start, length = binary.place(LISTS)
    content = binary.table[start:]
    n_lists = min(whole_of(content[:2]), (min(length, len(content)) - 2) // 28)
    place = 2 + 28 * n_lists
    for number in range(n_lists):
        entry = content[2 + 28 * number : 30 + 28 * number]
        held: list[tuple[str, str, int]] = []
        for _ in range(1 if entry[26] & 1 else _N_LEVELS):
            if place + 30 > len(content):
                return
            told, place = _level(content, place)
            held.append(told)
        yield whole_of(entry[:4]), held


def _level(content: bytes, place: int) -> tuple[tuple[str, str, int], int]:
    """The format of one level, and where the next begins; places of numbers in its text are signs below nine."""
    start, kind = struct.unpack_from("<IB", content, place)
    text_at = place + 28 + content[place + 24] + content[place + 25]
    end = text_at + 2 + 2 * whole_of(content[text_at : text_at + 2])
    text = content[text_at + 2 : end].decode("utf-16-le", errors="replace")
    shown = "".join(f"%{ord(sign) + 1}" if ord(sign) < _N_LEVELS else sign for sign in text)
    return (_FORMATS.get(kind, "bullet"), shown, min(start, 1_000_000)), end
