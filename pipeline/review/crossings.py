"""Cross two ways of sorting passages: how many tables and passages have both.

In:   two dimensions, such as the codes of an axis and the territories; the table of each passage
Out:  a crossing: a cell for each two keys, its sheets (.xlsx) and its drawing (.svg)
"""

import textwrap
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LEVELS = 5  # shades
_LEAST = 5  # together, or expected together: nothing is said of fewer (Cochran, 1954)
_CLEAR = 3.0  # adjusted residual (Haberman, 1973): there are many cells to look at
_N_FITS = 50  # rounds of fitting to the margins; the first is exact without impossible cells


@dataclass(frozen=True)
class Dimension:
    """What passages are sorted by; `filter_field` is the filter of passages that a key goes to.

    `n_tables`, of a place, are all the tables it had: what is said there is a share of them.
    """

    name: str
    label: str
    filter_field: str
    labels: Mapping[str, str]  # by key, in the order to show
    keys_of: Mapping[str, Collection[str]]  # by passage
    n_tables: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PassageCount:
    """Passages, and the tables that said them; up to `n_tables_high` with what is to be checked."""

    n_units: int = 0
    n_tables: int = 0
    n_tables_high: int = 0


@dataclass(frozen=True)
class Cell(PassageCount):
    """What has both keys.

    `share` (0..1) is of the place's tables, or of the row's passages; `expected` is how many
    passages chance would give. Each is None where the counts are too small to tell.
    """

    share: float | None = None
    expected: float | None = None
    residual: float = 0.0

    @property
    def is_more(self) -> bool:
        """Whether both come together clearly more often than by chance, at several tables."""
        return self.expected is not None and self.residual >= _CLEAR and self.n_tables > 1

    @property
    def is_less(self) -> bool:
        """Whether both come together clearly less often than by chance."""
        return self.expected is not None and self.residual <= -_CLEAR

    @property
    def level(self) -> int:
        """Return the shade, 0 to 5."""
        if not self.n_units or self.share is None:
            return 0
        return min(int(self.share * _LEVELS) + 1, _LEVELS)


@dataclass(frozen=True)
class Crossing:
    """`rows` and `columns` with the keys that some passage has; those said at most tables first.

    A cell is None where both keys are the same.
    """

    row: Dimension
    column: Dimension
    rows: Mapping[str, PassageCount]
    columns: Mapping[str, PassageCount]
    cells: Mapping[tuple[str, str], Cell | None]

    @property
    def is_by_place(self) -> bool:
        """Whether shares are of a place's tables."""
        return bool(self.column.n_tables)


def cross(
    row: Dimension,
    column: Dimension,
    *,
    table_of: Mapping[str, str],
    to_check: Collection[str] = (),
    least_tables: int = 1,
) -> Crossing:
    """Return the crossing of two dimensions.

    A table counts where it said a passage that is not `to_check`. No share is of a place with
    fewer than `least_tables`.
    """
    by_row, by_column = _units_by(row), _units_by(column)
    tally = partial(_tally, table_of=table_of, to_check=to_check)
    both: dict[tuple[str, str], list[str]] = defaultdict(list)
    for unit_id, row_keys in row.keys_of.items():
        column_keys = column.keys_of.get(unit_id, ())
        for first in row_keys:
            for second in column_keys:
                both[first, second].append(unit_id)

    rows = {key: tally(unit_ids) for key, unit_ids in by_row.items()}
    if row.name != column.name:
        rows = dict(sorted(rows.items(), key=lambda item: (-item[1].n_tables, -item[1].n_units)))
    columns = {key: tally(unit_ids) for key, unit_ids in by_column.items()}
    counts = {key: tally(unit_ids) for key, unit_ids in both.items()}
    expected, residuals = ({}, {}) if column.n_tables else _by_chance(rows, columns, counts)
    cells: dict[tuple[str, str], Cell | None] = {}
    for key in product(rows, columns):
        counted, (first, second) = counts.get(key, PassageCount()), key
        share = _share(counted, rows[first], column, second, least_tables)
        chance: dict[str, Any] = {
            "expected": expected.get(key),
            "residual": residuals.get(key, 0.0),
        }
        is_same = row.name == column.name and first == second
        cells[key] = None if is_same else Cell(**vars(counted), share=share, **chance)
    return Crossing(row, column, rows, columns, cells)


def _units_by(dimension: Dimension) -> dict[str, list[str]]:
    unit_ids: dict[str, list[str]] = {key: [] for key in dimension.labels}
    for unit_id, keys in dimension.keys_of.items():
        for key in keys:
            if key in unit_ids:
                unit_ids[key].append(unit_id)
    return {key: names for key, names in unit_ids.items() if names}


def _tally(
    unit_ids: Sequence[str], table_of: Mapping[str, str], to_check: Collection[str]
) -> PassageCount:
    said = [name for name in unit_ids if name in table_of]
    n_high = len({table_of[name] for name in said})
    n_sure = len({table_of[name] for name in said if name not in to_check}) if to_check else n_high
    return PassageCount(len(unit_ids), n_sure, n_high)


def _share(
    counted: PassageCount, of_row: PassageCount, column: Dimension, key: str, least_tables: int
) -> float | None:
    if not column.n_tables:
        return counted.n_units / of_row.n_units
    n_tables = column.n_tables.get(key, 0)
    return counted.n_tables / n_tables if n_tables >= max(least_tables, 1) else None


_Numbers = dict[tuple[str, str], float]


def _by_chance(
    rows: Mapping[str, PassageCount],
    columns: Mapping[str, PassageCount],
    counts: Mapping[tuple[str, str], PassageCount],
) -> tuple[_Numbers, _Numbers]:
    """Return what chance would give each cell, and how far from it the cell is."""
    observed = np.array(
        [
            [counts.get((first, second), PassageCount()).n_units for second in columns]
            for first in rows
        ],
        dtype=float,
    ).reshape(len(rows), len(columns))
    same = np.array([[first == second for second in columns] for first in rows], dtype=bool)
    is_possible = ~same.reshape(observed.shape)
    observed *= is_possible
    fitted = expected_counts(observed, is_possible)
    total = max(observed.sum(), 1.0)
    left = np.outer(1 - observed.sum(axis=1) / total, 1 - observed.sum(axis=0) / total)
    spread = np.sqrt(np.maximum(fitted * left, 0.0))
    residuals = np.divide(observed - fitted, spread, out=np.zeros_like(fitted), where=spread > 0)
    expected: _Numbers = {}
    far: _Numbers = {}
    for i, first in enumerate(rows):
        for j, second in enumerate(columns):
            if is_possible[i, j] and max(observed[i, j], fitted[i, j]) >= _LEAST:
                expected[first, second] = float(fitted[i, j])
                far[first, second] = float(residuals[i, j])
    return expected, far


def expected_counts(
    observed: NDArray[np.float64], is_possible: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the counts of the same margins in which rows and columns meet by chance.

    Without impossible cells, row total × column total / total. Of two codes of one axis, a code
    never meets itself: the margins are then fitted by turns (quasi-independence).
    """
    fitted = is_possible.astype(float)
    for _round in range(_N_FITS):
        for axis in (1, 0):
            wanted, present = observed.sum(axis=axis), fitted.sum(axis=axis)
            ratio = np.divide(wanted, present, out=np.zeros_like(present), where=present > 0)
            fitted *= ratio[:, None] if axis else ratio
    return fitted


def sheets(crossing: Crossing, words: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Return the sheets of the crossing by name; `words` head the columns of the list."""
    matrices: dict[str, Callable[[Cell], float | None]] = {
        words["tables"]: lambda cell: cell.n_tables,
        words["passages"]: lambda cell: cell.n_units,
        words["share"]: lambda cell: None if cell.share is None else round(cell.share, 4),
    }
    if not crossing.is_by_place:
        matrices[words["expected"]] = lambda cell: _rounded(cell.expected)
    titles = [crossing.column.labels[key] for key in crossing.columns]
    listed = []
    matrix_rows: dict[str, list[list[Any]]] = {name: [] for name in matrices}
    for first in crossing.rows:
        cells = [crossing.cells[first, second] for second in crossing.columns]
        label = crossing.row.labels[first]
        for name, value in matrices.items():
            values = [None if cell is None else value(cell) for cell in cells]
            matrix_rows[name].append([label, *values])
        for title, cell in zip(titles, cells, strict=True):
            if cell is not None and cell.n_units:
                values = [value(cell) for value in matrices.values()]
                listed.append([label, title, *values, cell.n_tables_high])
    heading = [crossing.row.label, *titles]
    named = {
        name: pd.DataFrame(rows, columns=heading, dtype=object)
        for name, rows in matrix_rows.items()
    }
    columns = [crossing.row.label, crossing.column.label, *matrices, words["high"]]
    named[words["list"]] = pd.DataFrame(listed, columns=columns, dtype=object)
    return named


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


_CELL_WIDTH, _CELL_HEIGHT = 118, 46  # pixels of the drawing
_CHAR_WIDTH, _LINE_HEIGHT = 7.2, 16
_ROW_CHARS, _COLUMN_CHARS = 38, 16
_NARROWEST = 480
_FILLS = ("#f4f6f8", "#e8f1f5", "#cfe3ec", "#aed0df", "#86b9cf", "#5fa3c0")  # as on the page


def drawing(crossing: Crossing, title: str, about: str) -> dict[str, Any]:
    """Return the drawing's size, and the places of its cells and words."""
    columns = [_wrapped(crossing.column.labels[key], _COLUMN_CHARS) for key in crossing.columns]
    rows = [_wrapped(crossing.row.labels[key], _ROW_CHARS) for key in crossing.rows]
    longest = max((len(line) for lines in rows for line in lines), default=0)
    left = 24 + longest * _CHAR_WIDTH
    top = 64 + max((len(lines) for lines in columns), default=0) * _LINE_HEIGHT
    heights = [max(_CELL_HEIGHT, len(lines) * _LINE_HEIGHT + 12) for lines in rows]
    tops = [top + sum(heights[:i]) for i in range(len(rows))]
    cells = [
        {
            "cell": cell,
            "fill": _FILLS[cell.level],
            "x": left + j * _CELL_WIDTH,
            "y": tops[i],
            "height": heights[i],
            "middle": left + (j + 0.5) * _CELL_WIDTH,
            "tables_at": tops[i] + heights[i] / 2 - 3,
            "passages_at": tops[i] + heights[i] / 2 + 14,
        }
        for i, first in enumerate(crossing.rows)
        for j, second in enumerate(crossing.columns)
        if (cell := crossing.cells[first, second]) is not None
    ]
    names = [
        {"text": line, "x": left - 10, "y": tops[i] + heights[i] / 2 + _offset(lines, n)}
        for i, lines in enumerate(rows)
        for n, line in enumerate(lines)
    ]
    heads = [
        {
            "text": line,
            "x": left + (j + 0.5) * _CELL_WIDTH,
            "y": top - 10 - (len(lines) - 1 - n) * _LINE_HEIGHT,
        }
        for j, lines in enumerate(columns)
        for n, line in enumerate(lines)
    ]
    width = max(round(left + len(columns) * _CELL_WIDTH + 16), _NARROWEST)
    bottom = round(top + sum(heights) + 28)
    lines = _wrapped(about, round((width - 32) / _CHAR_WIDTH))
    return {
        "title": title,
        "width": width,
        "height": bottom + len(lines) * _LINE_HEIGHT,
        "cell_width": _CELL_WIDTH,
        "cells": cells,
        "names": names,
        "heads": heads,
        "about": [{"text": line, "y": bottom + n * _LINE_HEIGHT} for n, line in enumerate(lines)],
    }


def _wrapped(label: str, n_chars: int) -> list[str]:
    return textwrap.wrap(label, n_chars) or [""]


def _offset(lines: Sequence[str], n: int) -> float:
    """Return how far under the middle the base of line `n` is."""
    return (n - (len(lines) - 1) / 2) * _LINE_HEIGHT + 5
