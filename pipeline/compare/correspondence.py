"""Correspondence analysis of a table of counts (Benzécri 1973, Greenacre 2007), by the singular values of its standardised residuals.

In:   counts, (n_rows, n_columns), no row or column empty
Out:  Correspondence
"""

from dataclasses import dataclass

import numpy as np

from pipeline.compare.counts import Numbers


@dataclass(frozen=True)
class Correspondence:
    """Principal coordinates, (n, n_axes); `inertia`, (n_axes,), the axes' own; `masses`, (n,).

    Contributions sum to 1 an axis; qualities (cos²), summed over all axes, to 1 a point. An axis points so that the row that
    contributes most to it lies on its positive side.
    """

    rows: Numbers
    columns: Numbers
    inertia: Numbers
    row_masses: Numbers
    column_masses: Numbers
    row_contributions: Numbers
    column_contributions: Numbers
    row_qualities: Numbers
    column_qualities: Numbers

    @property
    def shares(self) -> Numbers:
        """Share of the total inertia on each axis."""
        return np.asarray(self.inertia / max(self.inertia.sum(), 1e-300))


def correspondence(counts: Numbers) -> Correspondence:
    """Return all the axes of `counts`, at most one fewer than its rows or columns."""
    shares = counts / counts.sum()
    row_masses, column_masses = shares.sum(axis=1), shares.sum(axis=0)
    expected = np.outer(row_masses, column_masses)
    left, values, right = np.linalg.svd((shares - expected) / np.sqrt(expected), full_matrices=False)
    n_axes = int((values > 1e-9).sum())
    left, values, right = left[:, :n_axes], values[:n_axes], right[:n_axes].T
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(n_axes)])
    left, right = left * signs, right * signs
    rows = left * values / np.sqrt(row_masses)[:, None]
    columns = right * values / np.sqrt(column_masses)[:, None]
    return Correspondence(
        rows=rows,
        columns=columns,
        inertia=values**2,
        row_masses=row_masses,
        column_masses=column_masses,
        row_contributions=left**2,
        column_contributions=right**2,
        row_qualities=_qualities(rows),
        column_qualities=_qualities(columns),
    )


def _qualities(points: Numbers) -> Numbers:
    squares = points**2
    total = squares.sum(axis=1, keepdims=True)
    return np.asarray(squares / np.where(total > 0, total, 1.0))
