"""Turn the rows of a document's table into blocks in reading order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import Draft, drafts_of_blocks, is_label
from pipeline.ingest.readers.wording import has_letters, is_finished

Cell = list[RawBlock]
_MAX_HEADER_WORDS = 10
_MAX_LABEL_WORDS = 12
_MAX_SPAN = 200  # rows or columns of one cell


class CoveredCell(list[RawBlock]):
    """A blank cell read as the merged cell `by` that covers it."""

    def __init__(self, by: Cell | None) -> None:
        super().__init__()
        self.by: Cell = by.by if isinstance(by, CoveredCell) else by or []


@dataclass
class TableWalk:
    """A walk that keeps comments on cells until their outermost table ends."""

    title: str | None = field(default=None, init=False)
    comments: list[Draft] = field(default_factory=list, init=False)
    _n_open_tables: int = field(default=0, init=False)

    def table_drafts(self, read_rows: Callable[[], list[list[Cell]]]) -> Iterator[Draft]:
        """Yield the drafts of a table, then its comments."""
        self._n_open_tables += 1
        rows = read_rows()
        self._n_open_tables -= 1
        yield from drafts_of_blocks(blocks_of_rows(rows))
        yield from self.comments_due()

    def comments_due(self) -> list[Draft]:
        """Return the waiting comments, [] inside a table."""
        if self._n_open_tables:
            return []
        comments, self.comments = self.comments, []
        return comments


def blocks_of_rows(rows: Sequence[Sequence[Cell]]) -> list[RawBlock]:
    """Return the blocks of a table.

    A cell merged over a row is a heading of the rows below. Under a header row (meta blocks), each
    paragraph is a cell block with its row's (header, cell) pairs. In two columns, first-column
    labels are headings of the second's blocks. A single row or column is only layout: its cells'
    own blocks.
    """
    filled = [list(row) for row in rows if any(row)]
    banners: list[RawBlock] = []
    while len(filled) > 1 and _is_banner(filled[0]):
        banners += _banner(filled.pop(0))
    return [*banners, *_blocks_below_banners(filled)]


def _blocks_below_banners(rows: list[list[Cell]]) -> Iterator[RawBlock]:
    n_columns = max(map(len, rows), default=0)
    if len(rows) < 2 or n_columns < 2:
        yield from (block for row in rows for cell in row for block in cell)
        return
    header: list[str] | None = None
    if _is_header(rows[0]):
        yield from (
            RawBlock(block.text, "meta", reason="column header")
            for cell in rows[0]
            for block in cell
        )
        header = [text_of_cell(cell) for cell in rows.pop(0)]
    is_labelled = header is None and n_columns == 2 and _has_labels(rows)
    for row in rows:
        if _is_banner(row):
            yield from _banner(row)
        elif is_labelled:
            yield from (RawBlock(block.text, "heading", 4) for block in row[0])
            yield from (block for cell in row[1:] for block in cell)
        else:
            yield from _cell_blocks(row, header)


def _is_banner(row: Sequence[Cell]) -> bool:
    return (
        len(row) > 1
        and bool(row[0])
        and all(isinstance(cell, CoveredCell) and cell.by is row[0] for cell in row[1:])
    )


def _banner(row: Sequence[Cell]) -> list[RawBlock]:
    if not _is_label(row[0]):
        return list(row[0])
    return [replace(block, kind="heading", level=4) for block in row[0]]


def _is_header(row: Sequence[Cell]) -> bool:
    """Whether titles are short, distinct and unfinished; the first cell may be blank."""
    texts = [text_of_cell(cell) for cell in row]
    own = [text for cell, text in zip(row, texts, strict=True) if not isinstance(cell, CoveredCell)]
    return (
        all(len(cell) <= 1 for cell in row)
        and all(
            len(text.split()) <= _MAX_HEADER_WORDS and not _ends_sentence(text) for text in texts
        )
        and all(texts[1:])
        and len(set(own)) == len(own)
        and not any(text.replace(",", "").replace(".", "").isdigit() for text in texts)
    )


def _has_labels(rows: list[list[Cell]]) -> bool:
    return all(_is_label(row[0]) for row in rows) and any(
        _n_words(row[-1]) > _MAX_LABEL_WORDS or len(row[-1]) > 1 for row in rows
    )


def _is_label(cell: Cell) -> bool:
    is_short = len(cell) <= 1 and _n_words(cell) <= _MAX_LABEL_WORDS
    return is_short and not (cell and _ends_sentence(cell[0].text))


def _ends_sentence(text: str) -> bool:
    return is_finished(text) and not text.endswith((":", "?"))


def _n_words(cell: Cell) -> int:
    return len(text_of_cell(cell).split())


def _cell_blocks(row: Sequence[Cell], header: list[str] | None) -> Iterator[RawBlock]:
    columns: tuple[tuple[str, str], ...] = ()
    if header is not None:
        titles = [*header, *[""] * len(row)]
        columns = tuple((titles[i], text_of_cell(cell)) for i, cell in enumerate(row))
    for i, cell in enumerate(row):
        for block in cell:
            kind = _kind(block)
            reason = "location" if has_letters(block.text) else "mark"
            yield replace(
                block,
                kind=kind,
                reason=block.reason or (reason if kind == "meta" else ""),
                level=None,
                columns=columns,
                column=block.column if header is None else i,
            )


def _kind(block: RawBlock) -> str:
    """Return "meta" for a number or a label such as « Q1 »: other cells keep it as a column."""
    is_meta = block.kind == "meta" or is_label(block.text) or not has_letters(block.text)
    return "meta" if is_meta else "cell"


def text_of_cell(cell: Cell) -> str:
    """Return a cell's text on one line, or that of the cell that covers it."""
    return " ".join(block.text for block in (cell.by if isinstance(cell, CoveredCell) else cell))


def cell_above(rows: Sequence[Sequence[Cell]], column: int) -> Cell | None:
    """Return the last row's cell at `column`, None for none."""
    return rows[-1][column] if rows and column < len(rows[-1]) else None


def spread(cell: Cell, n_columns: int) -> list[Cell]:
    """Return the cell and those it covers over `n_columns`."""
    return [cell, *(CoveredCell(cell) for _ in range(n_columns - 1))]


def grid_of_spans(rows: Iterable[Iterable[tuple[Cell, int, int]]]) -> list[list[Cell]]:
    """Return a grid from cells given once with the rows and columns they span."""
    grid: list[list[Cell]] = []
    open_above: dict[int, tuple[int, Cell]] = {}  # by column: rows still covered, covering cell
    for row in rows:
        cells: list[Cell] = []
        open_below: dict[int, tuple[int, Cell]] = {}
        for cell, n_rows, n_columns in row:
            _add_covered(cells, open_above, open_below)
            first = len(cells)
            cells += spread(cell, min(n_columns, _MAX_SPAN))
            covering = (min(n_rows, _MAX_SPAN) - 1, cell)
            open_below |= dict.fromkeys(range(first, len(cells)), covering)
        _add_covered(cells, open_above, open_below)
        open_above = {i: covering for i, covering in open_below.items() if covering[0] > 0}
        grid.append(cells)
    return grid


def _add_covered(
    cells: list[Cell],
    open_above: dict[int, tuple[int, Cell]],
    open_below: dict[int, tuple[int, Cell]],
) -> None:
    while len(cells) in open_above:
        n_rows, cell = open_above[len(cells)]
        open_below[len(cells)] = (n_rows - 1, cell)
        cells.append(CoveredCell(cell))
