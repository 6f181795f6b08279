"""Read old Word documents (.doc, Word 97 to 2003) from [MS-DOC] in reading order.

Every library needs a thread, which the child process may not start (decision 0012). Insertions are
kept, deletions are not; notes, comments and text boxes follow their calls. Table cells: [MS-DOC]
2.9.295 and 2.9.300.
"""

import re
import struct
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import NamedTuple

from pipeline.ingest.parts import FileContent, RawPart, corrupt
from pipeline.ingest.readers import word97_binary as binary
from pipeline.ingest.readers.blocks import (
    Cell,
    CoveredCell,
    Draft,
    StyledText,
    blocks_of_drafts,
    blocks_of_rows,
    cell_above,
    comment_blocks,
    drafts_of_blocks,
    drafts_of_text,
    furniture_blocks,
    single_part,
    spread,
)
from pipeline.ingest.readers.container import DAMAGED
from pipeline.ingest.readers.office import (
    LARGE,
    WordStyle,
    outline_level,
)
from pipeline.ingest.readers.word97_binary import (
    NO_OUTLINE,
    PARAGRAPH_MARKS,
    StyleSheet,
    TextRun,
    WordStreams,
    WordText,
    list_id_of,
    number_of,
    numbering_of,
    open_streams,
    positions_of,
)
from pipeline.ingest.words import clean

_MAX_LEVEL = 8  # of a list
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

_NOTE_BYTES, _COMMENT_BYTES, _ANCHOR_BYTES, _BOX_BYTES = 2, 30, 26, 22
_SHAPE_AT = 14  # offset in a box's entry
_TOLERANCE = 80  # twips, 1.4 mm: nearer edges are one
_N_SEPARATORS = 6  # stories before the first section's
_N_STORIES, _FOOTERS = 6, (2, 3, 5)  # stories of a section; its footers


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
    outline: int = NO_OUTLINE
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
        strikes = (_is_toggled(changes, which, inherited=False) for which in binary.C_STRIKES)
        paragraph.add(text.translate(_SHOWN), is_strong=is_strong, is_struck=any(strikes))


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
        list_id = list_id_of(changes[binary.P_LIST])
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
        outline=number(binary.P_OUTLINE) if binary.P_OUTLINE in changes else NO_OUTLINE,
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


def read_word97(file: FileContent) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a document that is damaged, protected, textless or older than Word 97.
    """
    try:
        streams = open_streams(file)
        walk = _Walk(streams, WordText(streams, file))
        headers = [clean(draft.text) for story in walk.asides.headers for draft in walk.flow(story)]
        blocks = [*furniture_blocks(headers), *blocks_of_drafts(walk.body(streams.ranges["main"]))]
    except DAMAGED as error:
        raise corrupt("le document Word") from error
    return single_part(blocks, "document Word", title=walk.title)


class _Asides:
    """What the text calls, by the position of the call.

    `headers` are those of every page, `loose` the boxes that nothing calls.
    """

    def __init__(self, streams: WordStreams) -> None:
        self.notes: dict[int, list[range]] = defaultdict(list)
        self.comments: dict[int, list[range]] = defaultdict(list)
        self.boxes: dict[int, list[range]] = defaultdict(list)
        self.loose: list[range] = []
        self.headers = [*_headers(streams), streams.ranges["header boxes"]]
        for (calls, texts), part in (
            (binary.FOOTNOTES, "footnotes"),
            (binary.ENDNOTES, "endnotes"),
        ):
            positions, _ = positions_of(streams.table_of(calls), _NOTE_BYTES)
            stretches = _stretches(streams, texts, 0, part)
            for position, stretch in zip(positions[:-1], stretches, strict=False):
                self.notes[position].append(stretch)
        self._add_comments(streams)
        self._add_boxes(streams)

    def _add_comments(self, streams: WordStreams) -> None:
        calls, texts = binary.COMMENTS
        positions, _ = positions_of(streams.table_of(calls), _COMMENT_BYTES)
        for position, stretch in zip(
            positions[:-1], _stretches(streams, texts, 0, "comments"), strict=False
        ):
            self.comments[position].append(stretch)

    def _add_boxes(self, streams: WordStreams) -> None:
        positions, anchors = positions_of(streams.table_of(binary.BOX_ANCHORS), _ANCHOR_BYTES)
        position_by_shape = dict(
            zip((anchor[:4] for anchor in anchors), positions[:-1], strict=True)
        )
        _, boxes = positions_of(streams.table_of(binary.BOXES), _BOX_BYTES)
        stretches = _stretches(streams, binary.BOXES, _BOX_BYTES, "boxes")
        for box, stretch in zip(boxes, stretches, strict=False):
            position = position_by_shape.get(box[_SHAPE_AT : _SHAPE_AT + 4])
            (self.loose if position is None else self.boxes[position]).append(stretch)

    def calls(self) -> list[int]:
        return sorted({*self.notes, *self.comments, *self.boxes})


def _headers(streams: WordStreams) -> list[range]:
    stories = list(_stretches(streams, binary.HEADERS, 0, "headers"))[_N_SEPARATORS:]
    numbered = sorted(enumerate(stories), key=lambda pair: pair[0] % _N_STORIES in _FOOTERS)
    return [story for _, story in numbered]


def _stretches(streams: WordStreams, number: int, n_bytes: int, part: str) -> Iterator[range]:
    """Yield the stretches of a part of the text until their positions decrease."""
    whole = streams.ranges[part]
    positions, _ = positions_of(streams.table_of(number), n_bytes)
    for start, end in takewhile(lambda p: p[0] <= p[1] <= len(whole), pairwise(positions)):
        yield whole[start:end]


class _Walk:
    def __init__(self, streams: WordStreams, text: WordText) -> None:
        self.title: str | None = None
        self.asides = _Asides(streams)
        self._numbering = numbering_of(streams)
        styles = StyleSheet(streams)
        self._main = ParagraphReader(text, styles, self.asides.calls())
        self._beside = ParagraphReader(text, styles)

    def body(self, stretch: range) -> list[Draft]:
        """Return the drafts of the main text.

        What a paragraph calls follows it; comments on a table follow the table.
        """
        drafts: list[Draft] = []
        tables = _TableStack()
        comments: list[Draft] = []
        for paragraph in _joined(self._main.paragraphs(stretch)):
            own = self._drafts(paragraph)
            own += self._called(paragraph, self.asides.boxes)
            own += self._called(paragraph, self.asides.notes)
            drafts += tables.take(paragraph, own)
            comments += self._comments(paragraph)
            if not paragraph.depth:
                drafts += comments
                comments = []
        loose = [draft for box in self.asides.loose for draft in self.flow(box)]
        return [*drafts, *tables.rest(), *comments, *loose]

    def flow(self, stretch: range) -> list[Draft]:
        """Return the drafts of a stretch that calls nothing."""
        drafts: list[Draft] = []
        tables = _TableStack()
        for paragraph in _joined(self._beside.paragraphs(stretch)):
            drafts += tables.take(paragraph, self._drafts(paragraph))
        return drafts + tables.rest()

    def _called(
        self, paragraph: Word97Paragraph, stretches: Mapping[int, list[range]]
    ) -> Iterator[Draft]:
        for position in paragraph.calls:
            for stretch in stretches.get(position, []):
                yield from self.flow(stretch)

    def _comments(self, paragraph: Word97Paragraph) -> Iterator[Draft]:
        for position in paragraph.calls:
            for stretch in self.asides.comments.get(position, []):
                text = " ".join(draft.text for draft in self.flow(stretch))
                yield from drafts_of_blocks(comment_blocks(text))

    def _drafts(self, paragraph: Word97Paragraph) -> list[Draft]:
        style, text, list_id = paragraph.style, paragraph.text, paragraph.list_id
        if style.is_contents:
            return []
        if style.is_title and self.title is None:
            self.title = clean(text) or None
        is_counted = list_id not in ("", "style") and bool(clean(text))
        return drafts_of_text(
            text,
            heading=style.heading or outline_level(str(paragraph.outline)),
            list_level=paragraph.level if list_id else None,
            number=self._numbering.count(list_id, paragraph.level) if is_counted else "",
            is_strong=paragraph.is_strong,
        )


def _joined(paragraphs: Iterable[Word97Paragraph]) -> Iterator[Word97Paragraph]:
    """Put each paragraph whose mark is deleted before the next one's text."""
    text, calls = "", list[int]()
    pending: Word97Paragraph | None = None
    for paragraph in paragraphs:
        paragraph.text, paragraph.calls = text + paragraph.text, calls + paragraph.calls
        if paragraph.is_joined and not paragraph.depth:
            text, calls, pending = paragraph.text, paragraph.calls, paragraph
        else:
            yield paragraph
            text, calls, pending = "", [], None
    if pending is not None:
        yield pending


@dataclass
class _OpenTable:
    rows: list[tuple[list[Cell], RowShape]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    cell: list[Draft] = field(default_factory=list)

    def end_cell(self) -> None:
        self.cells.append(blocks_of_drafts(self.cell, has_headings=False))
        self.cell = []

    def end_row(self, shape: RowShape, *, is_deleted: bool) -> None:
        if self.cell:
            self.end_cell()
        if not is_deleted:
            self.rows.append((self.cells, shape))
        self.cells = []

    def drafts(self) -> list[Draft]:
        if self.cell or self.cells:  # cut short
            self.end_row(NO_SHAPE, is_deleted=False)
        return drafts_of_blocks(blocks_of_rows(_grid(self.rows)))


def _grid(rows: Sequence[tuple[Sequence[Cell], RowShape]]) -> list[list[Cell]]:
    columns = _columns([edge for _, shape in rows for edge in shape.edges])
    grid: list[list[Cell]] = []
    for cells, (edges, covered) in rows:
        row: list[Cell] = [[] for _ in range(min(columns[edges[0]], MAX_CELLS) if edges else 0)]
        for i, cell in enumerate(cells):
            covered_from = covered[i] if i < len(covered) else ""
            above = cell_above(grid, len(row))
            if covered_from == "left" and row:
                cell = CoveredCell(row[-1])
            elif covered_from == "above" and above is not None:
                cell = CoveredCell(above)
            n_columns = 1
            if i + 1 < len(edges):
                n_columns = min(columns[edges[i + 1]] - columns[edges[i]], MAX_CELLS)
            row += spread(cell, n_columns)
        grid.append(row)
    return grid


def _columns(edges: Sequence[int]) -> dict[int, int]:
    columns: dict[int, int] = {}
    column, last = -1, None
    for edge in sorted(set(edges)):
        if last is None or edge - last > _TOLERANCE:
            column, last = column + 1, edge
        columns[edge] = column
    return columns


class _TableStack:
    def __init__(self) -> None:
        self._open: list[_OpenTable] = []

    def take(self, paragraph: Word97Paragraph, drafts: list[Draft]) -> list[Draft]:
        """Add a paragraph with its drafts; return the complete drafts, none inside a table."""
        complete = self._close(paragraph.depth)
        while len(self._open) < paragraph.depth:
            self._open.append(_OpenTable())
        if not self._open:
            return complete + drafts
        table = self._open[-1]
        if paragraph.ends_row:
            table.end_row(paragraph.row, is_deleted=paragraph.is_joined)
            return complete
        table.cell += drafts
        if paragraph.ends_cell:
            table.end_cell()
        return complete

    def rest(self) -> list[Draft]:
        """Return the drafts of tables still open at the end."""
        return self._close(0)

    def _close(self, depth: int) -> list[Draft]:
        """End the tables deeper than `depth`; each joins the cell around it."""
        while len(self._open) > depth:
            drafts = self._open.pop().drafts()
            if not self._open:
                return drafts
            self._open[-1].cell += drafts
        return []
