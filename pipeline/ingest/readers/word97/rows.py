"""How the cells of a table row lie: their edges, and which of them others cover ([MS-DOC] 2.9.295 and 2.9.300).

In:   the changes of the mark that ends a row
Out:  RowShape, and the grid of a table whose rows have them
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.ingest.readers.grids import Cell, Covered
from pipeline.ingest.readers.word97.changes import T_CELLS, T_MERGE, T_MERGE_DOWN

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
    covered = [_covered(int.from_bytes(told[start + 20 * place : start + 20 * place + 2], "little")) for place in range(n_cells)]
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
        row: list[Cell] = [[] for _ in range(min(columns[shape.edges[0]], _N_CELLS) if shape.edges else 0)]
        for place, cell in enumerate(cells):
            covered = shape.covered[place] if place < len(shape.covered) else ""
            above = laid[-1][len(row)] if laid and len(row) < len(laid[-1]) else None
            if covered == "left" and row:
                cell = Covered(row[-1])
            elif covered == "above" and above is not None:
                cell = Covered(above)
            n_columns = columns[shape.edges[place + 1]] - columns[shape.edges[place]] if place + 1 < len(shape.edges) else 1
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
