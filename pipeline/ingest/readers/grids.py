"""Turn the rows of a table laid out in a document into blocks: its header, its cells, or plain flow where it only does layout.

In:   rows of cells, each cell the blocks that its author put in it
Out:  blocks in reading order
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.drafts import is_label
from pipeline.ingest.readers.wording import is_finished

Cell = list[RawBlock]
_MAX_HEADER_WORDS = 10
_MAX_LABEL_WORDS = 12


def blocks_of_rows(rows: Sequence[Sequence[Cell]]) -> list[RawBlock]:
    """Return the blocks of a table.

    With a header row: the header as meta blocks, then every paragraph of a cell as a cell block with its row's (header, cell) pairs.
    With labels in the first of two columns: the label as a heading, then the second cell's own blocks. Else, and for a table of one row or
    column, which only does layout: the cells' own blocks, one cell after the other.
    """
    filled = [list(row) for row in rows if any(row)]
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
        return [block for row in filled for block in _labelled(row)]
    return [replace(block, kind=_kind(block), columns=_columns([], row), level=None) for row in filled for cell in row for block in cell]


def text_of(cell: Cell) -> str:
    """The text of a cell, its paragraphs joined by a space."""
    return " ".join(block.text for block in cell)


def _is_header(row: Sequence[Cell]) -> bool:
    """True for a row of short, distinct, unfinished titles; its first cell may be blank."""
    texts = [text_of(cell) for cell in row]
    short = all(
        len(cell) <= 1 and len(text.split()) <= _MAX_HEADER_WORDS and not _ends_sentence(text)
        for cell, text in zip(row, texts, strict=True)
    )
    return (
        short
        and all(texts[1:])
        and len(set(texts)) == len(texts)
        and not any(text.replace(",", "").replace(".", "").isdigit() for text in texts)
    )


def _ends_sentence(text: str) -> bool:
    return is_finished(text) and not text.endswith((":", "?"))


def _with_header(rows: list[list[Cell]]) -> Iterator[RawBlock]:
    header = [text_of(cell) for cell in rows[0]]
    for cell in rows[0]:
        yield from (RawBlock(block.text, "meta") for block in cell)
    for row in rows[1:]:
        columns = _columns(header, row)
        for place, cell in enumerate(row):
            yield from (replace(block, kind=_kind(block), level=None, columns=columns, column=place) for block in cell)


def _columns(header: Sequence[str], row: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    return tuple((header[place] if place < len(header) else "", text_of(cell)) for place, cell in enumerate(row)) if header else ()


def _kind(block: RawBlock) -> str:
    """A number or a label such as « Q1 » is no passage: it stays in the other cells' columns."""
    return "meta" if block.kind == "meta" or is_label(block.text) or not any(letter.isalpha() for letter in block.text) else "cell"


def _is_label(cell: Cell) -> bool:
    return len(cell) <= 1 and _words(cell) <= _MAX_LABEL_WORDS and not (cell and _ends_sentence(cell[0].text))


def _words(cell: Cell) -> int:
    return len(text_of(cell).split())


def _labelled(row: list[Cell]) -> Iterator[RawBlock]:
    yield from (RawBlock(block.text, "heading", 4) for block in row[0])
    for cell in row[1:]:
        yield from cell
