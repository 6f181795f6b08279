"""Gather the paragraphs of tables, and of tables inside tables, into blocks.

In:   paragraphs and their drafts, in order
Out:  drafts of blocks
"""

from dataclasses import dataclass, field

from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.grids import Cell, blocks_of_rows
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.word97.paragraphs import Paragraph
from pipeline.ingest.readers.word97.rows import RowShape, grid


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
