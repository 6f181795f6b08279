"""Turn the rows of a table laid out in a document into blocks: its header, its cells, or plain flow where it only does layout.

In:   rows of cells, each cell the blocks that its author put in it
Out:  blocks in reading order
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import is_label
from pipeline.ingest.readers.wording import is_finished

Cell = list[RawBlock]


class Covered(list[RawBlock]):
    """A cell that a merged one covers: it holds no block of its own, but its row and column read as if it held those of `by`."""

    def __init__(self, by: Cell) -> None:
        super().__init__()
        self.by: Cell = by.by if isinstance(by, Covered) else by


_MAX_HEADER_WORDS = 10
_MAX_LABEL_WORDS = 12
_MAX_SPAN = 200  # rows or columns that one cell may cover


def blocks_of_rows(rows: Sequence[Sequence[Cell]]) -> list[RawBlock]:
    """Return the blocks of a table.

    A cell merged over its whole row names the rows below. With a header row: the header as meta blocks, then every paragraph of a cell as a
    cell block with its row's (header, cell) pairs. With labels in the first of two columns: the label as a heading, then the second cell's
    own blocks. Else, and for a table of one row or column, which only does layout: the cells' own blocks, one cell after the other.
    """
    filled = [list(row) for row in rows if any(row)]
    banners: list[RawBlock] = []
    while len(filled) > 1 and _is_banner(filled[0]):
        banners += _banner(filled.pop(0))
    return banners + _blocks_of_rows(filled)


def _blocks_of_rows(filled: list[list[Cell]]) -> list[RawBlock]:
    n_columns = max((len(row) for row in filled), default=0)
    if len(filled) < 2 or n_columns < 2:
        return [block for row in filled for cell in row for block in cell]
    if _is_header(filled[0]):
        return list(_with_header(filled))
    if (
        n_columns == 2
        and all(_is_label(row[0]) for row in filled)
        and any(_words(row[-1]) > _MAX_LABEL_WORDS or len(row[-1]) > 1 for row in filled)
    ):
        return [
            block
            for row in filled
            for block in (_banner(row) if _is_banner(row) else _labelled(row))
        ]
    return [
        block for row in filled for block in (_banner(row) if _is_banner(row) else _cells_of(row))
    ]


def unfolded(rows: Iterable[Iterable[tuple[Cell, int, int]]]) -> list[list[Cell]]:
    """The grid of rows whose cells are given once, each with the numbers of rows and columns that it covers."""
    grid: list[list[Cell]] = []
    above: dict[
        int, tuple[int, Cell]
    ] = {}  # by column: rows still covered from above, and by which cell
    for row in rows:
        cells: list[Cell] = []
        below: dict[int, tuple[int, Cell]] = {}
        for cell, down, across in row:
            _cover(cells, above, below)
            n_rows, n_columns = min(down, _MAX_SPAN), min(across, _MAX_SPAN)
            below |= dict.fromkeys(range(len(cells), len(cells) + n_columns), (n_rows - 1, cell))
            cells += [cell, *(Covered(cell) for _ in range(n_columns - 1))]
        _cover(cells, above, below)
        above = {place: held for place, held in below.items() if held[0] > 0}
        grid.append(cells)
    return grid


def _cover(
    cells: list[Cell], above: dict[int, tuple[int, Cell]], below: dict[int, tuple[int, Cell]]
) -> None:
    """Add to `cells` those that a cell `above` covers next."""
    while len(cells) in above:
        n_rows, cell = above[len(cells)]
        below[len(cells)] = (n_rows - 1, cell)
        cells.append(Covered(cell))


def text_of(cell: Cell) -> str:
    """The text that a cell shows, its paragraphs joined by a space; that of the cell that covers it where it is merged."""
    return " ".join(block.text for block in (cell.by if isinstance(cell, Covered) else cell))


def _is_banner(row: Sequence[Cell]) -> bool:
    """True where the first cell is merged over the whole row."""
    return (
        len(row) > 1
        and bool(row[0])
        and all(isinstance(cell, Covered) and cell.by is row[0] for cell in row[1:])
    )


def _banner(row: Sequence[Cell]) -> list[RawBlock]:
    """A short banner as headings, else its own blocks."""
    return (
        [replace(block, kind="heading", level=4) for block in row[0]]
        if _is_label(row[0])
        else list(row[0])
    )


def _cells_of(row: Sequence[Cell]) -> Iterator[RawBlock]:
    """The cells of a row of a table without a header."""
    for cell in row:
        yield from (replace(block, kind=_kind(block), columns=(), level=None) for block in cell)


def _is_header(row: Sequence[Cell]) -> bool:
    """True for a row of short, distinct, unfinished titles; its first cell may be blank."""
    texts = [text_of(cell) for cell in row]
    own = [text for cell, text in zip(row, texts, strict=True) if not isinstance(cell, Covered)]
    short = all(
        len(cell) <= 1 and len(text.split()) <= _MAX_HEADER_WORDS and not _ends_sentence(text)
        for cell, text in zip(row, texts, strict=True)
    )
    return (
        short
        and all(texts[1:])
        and len(set(own)) == len(own)
        and not any(text.replace(",", "").replace(".", "").isdigit() for text in texts)
    )


def _ends_sentence(text: str) -> bool:
    return is_finished(text) and not text.endswith((":", "?"))


def _with_header(rows: list[list[Cell]]) -> Iterator[RawBlock]:
    header = [text_of(cell) for cell in rows[0]]
    for cell in rows[0]:
        yield from (RawBlock(block.text, "meta") for block in cell)
    for row in rows[1:]:
        if _is_banner(row):
            yield from _banner(row)
            continue
        columns = _columns(header, row)
        for place, cell in enumerate(row):
            yield from (
                replace(block, kind=_kind(block), level=None, columns=columns, column=place)
                for block in cell
            )


def _columns(header: Sequence[str], row: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (header[place] if place < len(header) else "", text_of(cell))
        for place, cell in enumerate(row)
    )


def _kind(block: RawBlock) -> str:
    """A number or a label such as « Q1 » is no passage: it stays in the other cells' columns."""
    return (
        "meta"
        if block.kind == "meta"
        or is_label(block.text)
        or not any(letter.isalpha() for letter in block.text)
        else "cell"
    )


def _is_label(cell: Cell) -> bool:
    return (
        len(cell) <= 1
        and _words(cell) <= _MAX_LABEL_WORDS
        and not (cell and _ends_sentence(cell[0].text))
    )


def _words(cell: Cell) -> int:
    return len(text_of(cell).split())


def _labelled(row: list[Cell]) -> Iterator[RawBlock]:
    yield from (RawBlock(block.text, "heading", 4) for block in row[0])
    for cell in row[1:]:
        yield from cell
