"""Read old Word documents (.doc, Word 97 to 2003) from [MS-DOC] in reading order.

Every library needs a thread, which the child process may not start (decision 0012). Insertions are
kept, deletions are not; notes, comments and text boxes follow their calls.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.blocks import (
    Draft,
    blocks_of_drafts,
    comment_blocks,
    drafts_of_blocks,
    drafts_of_text,
    furniture_blocks,
    single_part,
)
from pipeline.ingest.readers.container import DAMAGED
from pipeline.ingest.readers.docx_styles import outline_level
from pipeline.ingest.readers.grids import Cell, CoveredCell, blocks_of_rows, cell_above, spread
from pipeline.ingest.readers.source import FileContent, corrupt
from pipeline.ingest.readers.word97 import binary
from pipeline.ingest.readers.word97.binary import (
    WordStreams,
    WordText,
    number_of,
    open_streams,
    positions_of,
)
from pipeline.ingest.readers.word97.paragraphs import (
    MAX_CELLS,
    NO_SHAPE,
    ParagraphReader,
    RowShape,
    StyleSheet,
    Word97Paragraph,
    numbering_of,
)
from pipeline.ingest.readers.wording import clean

_NOTE_BYTES, _COMMENT_BYTES, _ANCHOR_BYTES, _BOX_BYTES = 2, 30, 26, 22
_AUTHOR_AT, _SHAPE_AT = 20, 14  # offset in a comment's, a box's entry
_TOLERANCE = 80  # twips, 1.4 mm: nearer edges are one
_N_SEPARATORS = 6  # stories before the first section's
_N_STORIES, _FOOTERS = 6, (2, 3, 5)  # stories of a section; its footers


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
        self.comments: dict[int, list[tuple[range, str]]] = defaultdict(list)
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
        authors = list(_author_names(streams.table_of(binary.COMMENT_AUTHORS)))
        calls, texts = binary.COMMENTS
        positions, entries = positions_of(streams.table_of(calls), _COMMENT_BYTES)
        stretches = _stretches(streams, texts, 0, "comments")
        for position, entry, stretch in zip(positions[:-1], entries, stretches, strict=False):
            author = number_of(entry[_AUTHOR_AT : _AUTHOR_AT + 2])
            name = authors[author] if author < len(authors) else ""
            self.comments[position].append((stretch, name))

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


def _author_names(content: bytes) -> Iterator[str]:
    """Yield names that each follow their length."""
    at = 0
    while at + 2 <= len(content):
        end = at + 2 + 2 * number_of(content[at : at + 2])
        yield content[at + 2 : end].decode("utf-16-le", errors="replace")
        at = end


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
            for stretch, author in self.asides.comments.get(position, []):
                text = " ".join(draft.text for draft in self.flow(stretch))
                yield from drafts_of_blocks(comment_blocks(text, author))

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
