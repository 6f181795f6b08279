"""How the cells of a table row lie: their edges, and which of them others cover ([MS-DOC] 2.9.295 and 2.9.300).

In:   the changes of the mark that ends a row
Out:  RowShape, and the grid of a table whose rows have them

The paragraphs of a stretch of a Word 97 document: the text they show, their format, and what is called from them.

Gather the paragraphs of tables, and of tables inside tables, into blocks.
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.ingest.readers.blocks import Draft, settle
from pipeline.ingest.readers.docx_styles import Style
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.word97 import binary as c
from pipeline.ingest.readers.word97.binary import T_CELLS, T_MERGE, T_MERGE_DOWN, whole_of
from pipeline.ingest.readers.word97.text import PARAGRAPH_MARKS, Run, StyleSheet, Text, list_of

_TOLERANCE = 80  # twips, 1.4 mm: edges that are nearer are one
_N_CELLS = 64  # of a row, and columns that one may cover: Word allows 63
_FIRST_RIGHT, _FROM_LEFT, _FROM_ABOVE, _FIRST_DOWN = 1, 2, 0x20, 0x40


@dataclass(frozen=True)
class RowShape:
    """The edges of the cells in twips, one more than cells; and what covers each cell: "left", "above" or ""."""

    edges: tuple[int, ...] = ()
    covered: tuple[str, ...] = ()


def row_shape(changes: Mapping[int, bytes]) -> RowShape:
    """The shape of a row, an empty one where its mark tells none."""
    told = changes.get(T_CELLS, b"")
    n_cells = min(told[0], _N_CELLS) if told else 0
    n_cells = min(n_cells, max(0, (len(told) - 3) // 2))
    edges = struct.unpack_from(f"<{n_cells + 1}h", told, 1) if n_cells else ()
    start = 1 + 2 * (told[0] + 1 if told else 0)
    covered = [
        _covered(int.from_bytes(told[start + 20 * place : start + 20 * place + 2], "little"))
        for place in range(n_cells)
    ]
    first, end = (*changes.get(T_MERGE, b"\0\0"), 0, 0)[:2]
    covered[first + 1 : end] = ["left"] * len(covered[first + 1 : end])
    down = changes.get(T_MERGE_DOWN, b"")
    if len(down) == 2 and down[0] < n_cells and down[1] == 1:
        covered[down[0]] = "above"
    return RowShape(edges, tuple(covered))


def _covered(flags: int) -> str:
    if flags & _FROM_LEFT and not flags & _FIRST_RIGHT:
        return "left"
    return "above" if flags & _FROM_ABOVE and not flags & _FIRST_DOWN else ""


def grid(rows: Sequence[tuple[Sequence[Cell], RowShape]]) -> list[list[Cell]]:
    """The cells of a table, each in the columns between its edges: those that it covers beyond its first are `Covered`."""
    columns = _columns([edge for _, shape in rows for edge in shape.edges])
    laid: list[list[Cell]] = []
    for cells, shape in rows:
        row: list[Cell] = [
            [] for _ in range(min(columns[shape.edges[0]], _N_CELLS) if shape.edges else 0)
        ]
        for place, cell in enumerate(cells):
            covered = shape.covered[place] if place < len(shape.covered) else ""
            above = laid[-1][len(row)] if laid and len(row) < len(laid[-1]) else None
            if covered == "left" and row:
                cell = Covered(row[-1])
            elif covered == "above" and above is not None:
                cell = Covered(above)
            n_columns = (
                columns[shape.edges[place + 1]] - columns[shape.edges[place]]
                if place + 1 < len(shape.edges)
                else 1
            )
            row += [cell, *(Covered(cell) for _ in range(min(n_columns, _N_CELLS) - 1))]
        laid.append(row)
    return laid


def _columns(edges: Sequence[int]) -> dict[int, int]:
    """The column at whose left each edge lies, from 0."""
    columns: dict[int, int] = {}
    column, last = -1, None
    for edge in sorted(set(edges)):
        if last is None or edge - last > _TOLERANCE:
            column, last = column + 1, edge
        columns[edge] = column
    return columns


_MARK = re.compile(f"[{PARAGRAPH_MARKS}]")
_FIELD = re.compile("[\x13-\x15]")
_BEGIN, _RESULT, _END = "\x13\x14\x15"
_ARROWS = {
    "\uf0e0": "→",
    "\uf0e8": "→",
    "\uf0e2": "↑",
    "\uf0e4": "↗",
}  # as typed in a font of signs
_UNSEEN = map(chr, (*range(9), *range(0x13, 0x16), 0x1F))
_SHOWN = str.maketrans(
    {"\x0b": "\n", "\x0c": " ", "\x0e": " ", "\x1e": "-"} | dict.fromkeys(_UNSEEN, "") | _ARROWS
)
_LARGE = 28  # half-points: a title, even where it is not bold
_MAX_LEVEL = 8
_MAX_DEPTH = 20  # of tables inside tables


@dataclass
class Paragraph:
    """A paragraph as read; `calls` are the places in it of notes, comments and text boxes."""

    style: Style
    text: str = ""
    list_id: str = ""
    level: int = 0
    outline: int = 9
    depth: int = 0  # of the tables around it
    ends_cell: bool = False
    ends_row: bool = False
    is_joined: bool = False  # its mark is deleted: its text runs into the next paragraph
    row: RowShape = field(default_factory=RowShape)
    calls: list[int] = field(default_factory=list)
    n_strong: int = 0
    n_plain: int = 0

    @property
    def is_strong(self) -> bool:
        """True where all the letters are in bold, underlined or large."""
        return self.n_strong > 0 and self.n_plain == 0


class Paragraphs:
    """The paragraphs of a document; `calls` are the places where something is called, in order."""

    def __init__(self, text: Text, styles: StyleSheet, calls: Sequence[int] = ()) -> None:
        self._text, self._styles, self._calls = text, styles, calls

    def of(self, stretch: range) -> Iterator[Paragraph]:
        """Yield the paragraphs of `stretch` in order."""
        end = min(stretch.stop, len(self._text.characters))
        first = start = min(stretch.start, end)
        shown = without_field_codes(self._text.characters[start:end])
        for found in _MARK.finditer(shown):
            mark = first + found.start()
            if found[0] == "\x0c" and not self._text.ends_paragraph(mark):
                continue
            yield self._paragraph(
                shown[start - first : mark - first], start, mark, is_cell_end=found[0] == "\x07"
            )
            start = mark + 1
        if start < end:
            yield self._paragraph(shown[start - first :], start, end - 1)

    def _paragraph(
        self, shown: str, start: int, mark: int, *, is_cell_end: bool = False
    ) -> Paragraph:
        """The paragraph from `start` on whose format is that of the character at `mark`."""
        number, told = self._text.paragraph_format(mark)
        changes = dict(told)
        paragraph = Paragraph(self._styles.get(whole_of(changes.get(c.P_STYLE, b"")) or number))
        _lay_out(paragraph, changes, is_cell_end=is_cell_end)
        paragraph.is_joined = any(
            _is_deleted(dict(run.changes)) for run in self._text.runs(mark, mark + 1)
        )
        runs = self._text.runs(start, start + len(shown))
        text = "".join(
            [
                self._shown(paragraph, run, shown[run.start - start : run.end - start])
                for run in runs
            ]
        )
        paragraph.text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return paragraph

    def _shown(self, paragraph: Paragraph, run: Run, text: str) -> str:
        """What a run of `paragraph` shows, "" where it is deleted or hidden; what it calls and its weight are noted."""
        changes = dict(run.changes)
        style = self._styles.get(whole_of(changes.get(c.C_STYLE, b"")))
        if _is_deleted(changes) or _toggled(changes, c.C_HIDDEN, inherited=False):
            return ""
        if c.C_SYMBOL in changes:
            text = text.replace("(", _ARROWS.get(chr(whole_of(changes[c.C_SYMBOL][2:])), " "))
        paragraph.calls += self._calls[
            bisect_left(self._calls, run.start) : bisect_left(self._calls, run.end)
        ]
        is_underlined = whole_of(changes.get(c.C_UNDERLINE, b"")) > 0
        is_bold = _toggled(changes, c.C_BOLD, inherited=paragraph.style.is_bold or style.is_bold)
        is_strong = is_bold or is_underlined or whole_of(changes.get(c.C_SIZE, b"")) >= _LARGE
        n_letters = sum(letter.isalpha() for letter in text)
        paragraph.n_strong += n_letters if is_strong else 0
        paragraph.n_plain += 0 if is_strong else n_letters
        return text.translate(_SHOWN)


def _lay_out(paragraph: Paragraph, changes: Mapping[int, bytes], *, is_cell_end: bool) -> None:
    """Take in what the changes say of a paragraph's list and table."""
    style = paragraph.style
    paragraph.list_id = list_of(changes[c.P_LIST]) if c.P_LIST in changes else style.list_id
    paragraph.level = (
        min(whole_of(changes[c.P_LEVEL]), _MAX_LEVEL) if c.P_LEVEL in changes else style.list_level
    )
    paragraph.outline = whole_of(changes.get(c.P_OUTLINE, b"\x09"))
    depth = (
        whole_of(changes[c.P_DEPTH])
        if c.P_DEPTH in changes
        else whole_of(changes.get(c.P_IN_TABLE, b""))
    )
    depth += int.from_bytes(changes.get(c.P_DEEPER, b""), "little", signed=True)
    paragraph.depth = min(max(0, depth), _MAX_DEPTH)
    is_row_end = whole_of(changes.get(c.P_ROW_END, b"")) or whole_of(
        changes.get(c.P_INNER_ROW_END, b"")
    )
    paragraph.ends_row = paragraph.depth > 0 and bool(is_row_end)
    is_inner_end = paragraph.depth > 1 and bool(whole_of(changes.get(c.P_INNER_CELL_END, b"")))
    paragraph.ends_cell = (
        paragraph.depth > 0 and not paragraph.ends_row and (is_cell_end or is_inner_end)
    )
    paragraph.row = row_shape(changes) if paragraph.ends_row else RowShape()


def _is_deleted(changes: Mapping[int, bytes]) -> bool:
    return whole_of(changes.get(c.C_DELETED, b"")) > 0


def _toggled(changes: Mapping[int, bytes], which: int, *, inherited: bool) -> bool:
    """Whether a format is on: set, or as the style has it (0x80), or as the style has it not (0x81)."""
    told = whole_of(changes[which]) if which in changes else 0x80
    return inherited if told == 0x80 else not inherited if told == 0x81 else told == 1


def without_field_codes(text: str) -> str:
    """`text`, as long as it was, with the codes of its fields blanked and their results kept; a mark without its pair hides nothing."""
    kept: list[str] = []
    place, opened = 0, list[tuple[int, int | None]]()
    hidden: list[tuple[int, int]] = []
    for found in _FIELD.finditer(text):
        at = found.start()
        if found[0] == _BEGIN:
            opened.append((at, None))
        elif found[0] == _RESULT and opened:
            start, result = opened[-1]
            opened[-1] = (start, at if result is None else result)
        elif found[0] == _END and opened:
            start, result = opened.pop()
            hidden.append((start, at if result is None else result))
    for start, end in sorted(hidden):
        if end > place:
            code = text[max(place, start) : end]
            kept += [
                text[place : max(place, start)],
                "".join(sign if sign in PARAGRAPH_MARKS else "\0" for sign in code),
            ]
            place = end
    return "".join(kept) + text[place:]


@dataclass
class _Table:
    """A table being read."""

    rows: list[tuple[list[Cell], RowShape]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    cell: list[Draft] = field(default_factory=list)

    def end_cell(self) -> None:
        self.cells.append(settle(self.cell, has_headings=False))
        self.cell = []

    def end_row(self, shape: RowShape, *, is_deleted: bool) -> None:
        if self.cell:
            self.end_cell()
        if not is_deleted:
            self.rows.append((self.cells, shape))
        self.cells = []

    def drafts(self) -> list[Draft]:
        if self.cell or self.cells:  # cut short
            self.end_row(RowShape(), is_deleted=False)
        return [Draft(block.text, block) for block in blocks_of_rows(grid(self.rows))]


class Tables:
    """The tables around the place of a walk, outermost first."""

    def __init__(self) -> None:
        self._open: list[_Table] = []

    def take(self, paragraph: Paragraph, drafts: list[Draft]) -> list[Draft]:
        """Take in a paragraph with its drafts; return what can be told now: nothing inside a table, all of it once it has ended."""
        done = self._close(paragraph.depth)
        while len(self._open) < paragraph.depth:
            self._open.append(_Table())
        if not self._open:
            return done + drafts
        table = self._open[-1]
        if paragraph.ends_row:
            table.end_row(paragraph.row, is_deleted=paragraph.is_joined)
            return done
        table.cell += drafts
        if paragraph.ends_cell:
            table.end_cell()
        return done

    def rest(self) -> list[Draft]:
        """What the tables hold that are still open at the end."""
        return self._close(0)

    def _close(self, depth: int) -> list[Draft]:
        """End the tables deeper than `depth`; each becomes part of the cell around it."""
        while len(self._open) > depth:
            drafts = self._open.pop().drafts()
            if not self._open:
                return drafts
            self._open[-1].cell += drafts
        return []
