"""Read the paragraphs of a Word 97 document with their styles, lists and tables.

Styles and lists match those of a .docx: [MS-DOC] 2.9.271, 2.9.147 and 2.9.131; table cells: 2.9.295
and 2.9.300.
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.ingest.readers.blocks import StyledText
from pipeline.ingest.readers.docx_styles import (
    LARGE,
    MAX_STYLE_ANCESTORS,
    ListLevel,
    ListNumbering,
    WordStyle,
    first_named_style,
    outline_level,
)
from pipeline.ingest.readers.word97 import binary
from pipeline.ingest.readers.word97.binary import (
    PARAGRAPH_MARKS,
    TextRun,
    WordStreams,
    WordText,
    changes_of,
    number_of,
)

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
_MAX_LEVEL, _N_LEVELS = 8, 9
_NO_OUTLINE = 9
MAX_CELLS = 64  # of a row, and columns of one cell: Word allows 63
_FIRST_RIGHT, _FROM_LEFT, _FROM_ABOVE, _FIRST_DOWN = 1, 2, 0x20, 0x40
_MAX_DEPTH = 20
_MARK = re.compile(f"[{PARAGRAPH_MARKS}]")
_FIELD = re.compile("[\x13-\x15]")
_BEGIN, _RESULT, _END = "\x13\x14\x15"
# Typed in a font of signs.
_ARROWS = {"\uf0e0": "→", "\uf0e8": "→", "\uf0e2": "↑", "\uf0e4": "↗"}
_SHOWN = str.maketrans(
    {
        **dict.fromkeys(map(chr, (*range(9), *range(0x13, 0x16), 0x1F)), ""),
        "\x0b": "\n",
        "\x0c": " ",
        "\x0e": " ",
        "\x1e": "-",
        **_ARROWS,
    }
)


class _OwnStyle(NamedTuple):
    name: str
    parent: int
    paragraph: dict[int, bytes]
    characters: dict[int, bytes]


class StyleSheet:
    """The styles of a document by number, resolved on demand."""

    def __init__(self, streams: WordStreams) -> None:
        self._own = dict(_own_styles(streams.table_of(binary.STYLES)))
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
    chain: list[_OwnStyle] = []
    while number in own and len(chain) < MAX_STYLE_ANCESTORS:
        chain.append(own[number])
        number = chain[-1].parent
    named = first_named_style(style.name for style in chain)
    outlines = (style.paragraph.get(binary.P_OUTLINE) for style in chain)
    outline = next((number_of(outline) for outline in outlines if outline is not None), _NO_OUTLINE)
    list_changes = next(
        (style.paragraph for style in chain if binary.P_LIST in style.paragraph), {}
    )
    weights = (style.characters.get(binary.C_BOLD) for style in chain)
    weight = next((number_of(weight) for weight in weights if weight is not None), 0)
    has_level = binary.P_LEVEL in list_changes
    return WordStyle(
        heading=named.heading or outline_level(str(outline)),
        is_title=named.is_title,
        list_id=_list_id(list_changes[binary.P_LIST]) if list_changes else named.list_id,
        list_level=number_of(list_changes[binary.P_LEVEL]) if has_level else named.list_level,
        is_bold=weight in (1, 0x81),
        is_contents=any(style.name.lower().startswith(_CONTENTS) for style in chain),
    )


def _list_id(operand: bytes) -> str:
    """Return "" from 0xF801 on: the paragraph has left its list."""
    number = number_of(operand)
    return str(number) if 0 < number <= _MAX_LIST else ""


def numbering_of(streams: WordStreams) -> ListNumbering:
    """Return the list definitions by the number in paragraphs and level."""
    levels_by_list = dict(_list_levels(streams))
    uses = streams.table_of(binary.LIST_USES)
    n_uses = min(number_of(uses[:4]), _MAX_LIST, (len(uses) - 4) // 16)
    levels: dict[tuple[str, int], ListLevel] = {}
    for number in range(1, n_uses + 1):
        list_number = number_of(uses[16 * number - 12 : 16 * number - 8])
        for depth, level in enumerate(levels_by_list.get(list_number, [])):
            levels[str(number), depth] = level
    return ListNumbering(levels)


def _list_levels(streams: WordStreams) -> Iterator[tuple[int, list[ListLevel]]]:
    start, length = streams.position_of(binary.LISTS)
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


class RowShape(NamedTuple):
    """Cell edges in twips, and what covers each cell: "left", "above" or ""."""

    edges: tuple[int, ...] = ()
    covered: tuple[str, ...] = ()


NO_SHAPE = RowShape()


@dataclass
class Word97Paragraph(StyledText):
    """A paragraph; `calls` are the positions of its notes, comments and text boxes."""

    style: WordStyle = field(default_factory=WordStyle)
    list_id: str = ""
    level: int = 0
    outline: int = _NO_OUTLINE
    depth: int = 0  # of tables around it
    ends_cell: bool = False
    ends_row: bool = False
    is_joined: bool = False  # its mark is deleted: the next paragraph continues it
    row: RowShape = NO_SHAPE
    calls: list[int] = field(default_factory=list)


class ParagraphReader:
    """Read a document's paragraphs; `calls` are the calling positions, in order."""

    def __init__(self, text: WordText, styles: StyleSheet, calls: Sequence[int] = ()) -> None:
        self._text, self._styles, self._calls = text, styles, calls

    def paragraphs(self, stretch: range) -> Iterator[Word97Paragraph]:
        """Yield the paragraphs of `stretch` in order."""
        end = min(stretch.stop, len(self._text.characters))
        first = start = min(stretch.start, end)
        shown = without_field_codes(self._text.characters[start:end])
        for match in _MARK.finditer(shown):
            mark = first + match.start()
            if match[0] == "\x0c" and not self._text.ends_paragraph(mark):
                continue
            text = shown[start - first : mark - first]
            yield self._paragraph(text, start, mark, is_cell_end=match[0] == "\x07")
            start = mark + 1
        if start < end:
            yield self._paragraph(shown[start - first :], start, end - 1)

    def _paragraph(
        self, shown: str, start: int, mark: int, *, is_cell_end: bool = False
    ) -> Word97Paragraph:
        style_number, changes = self._text.paragraph_format(mark)
        paragraph = _laid_out(self._styles, style_number, dict(changes), is_cell_end=is_cell_end)
        marks = self._text.runs(mark, mark + 1)
        paragraph.is_joined = any(_is_deleted(dict(run.changes)) for run in marks)
        for run in self._text.runs(start, start + len(shown)):
            self._add(paragraph, run, shown[run.start - start : run.end - start])
        halves = paragraph.text.encode("utf-16-le", "surrogatepass")
        paragraph.text = halves.decode("utf-16-le", "replace")
        return paragraph

    def _add(self, paragraph: Word97Paragraph, run: TextRun, text: str) -> None:
        changes = dict(run.changes)
        if _is_deleted(changes) or _is_toggled(changes, binary.C_HIDDEN, inherited=False):
            return
        if binary.C_SYMBOL in changes:
            symbol = chr(number_of(changes[binary.C_SYMBOL][2:]))
            text = text.replace("(", _ARROWS.get(symbol, " "))
        first, end = bisect_left(self._calls, run.start), bisect_left(self._calls, run.end)
        paragraph.calls += self._calls[first:end]
        style = self._styles.get(number_of(changes.get(binary.C_STYLE, b"")))
        inherited = paragraph.style.is_bold or style.is_bold
        is_strong = (
            _is_toggled(changes, binary.C_BOLD, inherited=inherited)
            or number_of(changes.get(binary.C_UNDERLINE, b"")) > 0
            or number_of(changes.get(binary.C_SIZE, b"")) >= LARGE
        )
        paragraph.add(text.translate(_SHOWN), is_strong=is_strong)


def without_field_codes(text: str) -> str:
    """Return `text` at the same length, with field codes blanked and results kept.

    A mark without its pair hides nothing.
    """
    opened: list[tuple[int, int | None]] = []  # start of a field, and of its result
    hidden: list[tuple[int, int]] = []
    for match in _FIELD.finditer(text):
        at = match.start()
        if match[0] == _BEGIN:
            opened.append((at, None))
        elif match[0] == _RESULT and opened:
            start, result = opened[-1]
            opened[-1] = (start, at if result is None else result)
        elif match[0] == _END and opened:
            start, result = opened.pop()
            hidden.append((start, at if result is None else result))
    pieces: list[str] = []
    done = 0
    for start, end in sorted(hidden):
        if end > done:
            pieces.append(text[done:start])
            code = text[max(done, start) : end]
            pieces += [sign if sign in PARAGRAPH_MARKS else "\0" for sign in code]
            done = end
    return "".join(pieces) + text[done:]


def _is_deleted(changes: Mapping[int, bytes]) -> bool:
    return number_of(changes.get(binary.C_DELETED, b"")) > 0


def _is_toggled(changes: Mapping[int, bytes], which: int, *, inherited: bool) -> bool:
    """Whether a format is on: set, as in the style (0x80) or opposite to it (0x81)."""
    setting = number_of(changes.get(which, b"\x80"))
    if setting in (0x80, 0x81):
        return inherited == (setting == 0x80)
    return setting == 1


def _laid_out(
    styles: StyleSheet, style_number: int, changes: Mapping[int, bytes], *, is_cell_end: bool
) -> Word97Paragraph:

    def number(which: int) -> int:
        return number_of(changes.get(which, b""))

    style = styles.get(number(binary.P_STYLE) or style_number)
    list_id, level = style.list_id, style.list_level
    if binary.P_LIST in changes:
        list_id = _list_id(changes[binary.P_LIST])
    if binary.P_LEVEL in changes:
        level = min(number(binary.P_LEVEL), _MAX_LEVEL)
    depth = number(binary.P_DEPTH if binary.P_DEPTH in changes else binary.P_IN_TABLE)
    depth += int.from_bytes(changes.get(binary.P_DEEPER, b""), "little", signed=True)
    depth = min(max(0, depth), _MAX_DEPTH)
    ends_row = depth > 0 and bool(number(binary.P_ROW_END) or number(binary.P_INNER_ROW_END))
    ends_inner_cell = depth > 1 and bool(number(binary.P_INNER_CELL_END))
    return Word97Paragraph(
        style=style,
        list_id=list_id,
        level=level,
        outline=number(binary.P_OUTLINE) if binary.P_OUTLINE in changes else _NO_OUTLINE,
        depth=depth,
        ends_cell=depth > 0 and not ends_row and (is_cell_end or ends_inner_cell),
        ends_row=ends_row,
        row=_row_shape(changes) if ends_row else NO_SHAPE,
    )


def _row_shape(changes: Mapping[int, bytes]) -> RowShape:
    cells = changes.get(binary.T_CELLS, b"")
    n_told = cells[0] if cells else 0
    n_cells = min(n_told, MAX_CELLS, max(0, (len(cells) - 3) // 2))
    edges = struct.unpack_from(f"<{n_cells + 1}h", cells, 1) if n_cells else ()
    start = 3 + 2 * n_told if cells else 1
    entries = (cells[start + 20 * i : start + 20 * i + 2] for i in range(n_cells))
    covered = [_covered(number_of(entry)) for entry in entries]
    first, end = (*changes.get(binary.T_MERGE, b"\0\0"), 0, 0)[:2]
    covered[first + 1 : end] = ["left"] * len(covered[first + 1 : end])
    down = changes.get(binary.T_MERGE_DOWN, b"")
    if len(down) == 2 and down[0] < n_cells and down[1] == 1:
        covered[down[0]] = "above"
    return RowShape(edges, tuple(covered))


def _covered(flags: int) -> str:
    if flags & _FROM_LEFT and not flags & _FIRST_RIGHT:
        return "left"
    return "above" if flags & _FROM_ABOVE and not flags & _FIRST_DOWN else ""
