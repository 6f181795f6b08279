"""Matrices of one row a text: in memory if small, else in a file read in parts.

In:   rows, written some at a time
Out:  a matrix: `shape`, `len`, `rows[some]`; blocks in double precision, sums

Views have 600 to 1,200 columns: 100,000 passages take a quarter of a gigabyte or more.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files import read_only
from pipeline.parallel import n_processors

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]

LARGE = 5_000  # rows from which a matrix is in single precision, and may be in a file
AT_ONCE = 1_000  # rows; the heap reuses as much without asking the system
_MAX_THREADS = 8


def n_threads() -> int:
    """Return the number of threads that compute: processors, or OMP_NUM_THREADS."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return min(_MAX_THREADS, n_processors())


class FileRows:
    """A matrix in an unnamed file; raises `StudyError` if the folder refuses it or is full."""

    def __init__(self, folder: Path, shape: tuple[int, int], kind: type[np.floating[Any]]) -> None:
        self.shape, self._kind = shape, np.dtype(kind)
        self._row = shape[1] * self._kind.itemsize
        self._folder = folder
        with self._writable():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any, /) -> NDArray[Any]:
        """Return rows by slice of step 1, indices or mask."""
        if isinstance(rows, slice):
            first, end = _ends(rows, len(self))
            found = np.empty((end - first, self.shape[1]), dtype=self._kind)
            self._read(found, first)
            return found
        numbers = np.arange(len(self))[rows]
        found = np.empty((len(numbers), self.shape[1]), dtype=self._kind)
        for place, number in enumerate(numbers.tolist()):
            self._read(found[place], number)
        return found

    def __setitem__(self, rows: slice, values: NDArray[Any], /) -> None:
        """Write consecutive rows."""
        first, end = _ends(rows, len(self))
        if values.shape != (end - first, self.shape[1]):
            raise ValueError(f"{values.shape} in the place of {(end - first, self.shape[1])}")
        left, at = memoryview(values.astype(self._kind).tobytes()), first * self._row
        with self._writable():
            while left:
                n_bytes = os.pwrite(self._file.fileno(), left, at)
                left, at = left[n_bytes:], at + n_bytes

    def _read(self, place: NDArray[Any], first: int) -> None:
        """Raise `EOFError` past the last row written."""
        content: Any = place.reshape(-1).view(np.uint8)
        left = memoryview(content)
        at = first * self._row
        while left:
            n_bytes = os.preadv(self._file.fileno(), [left], at)
            if not n_bytes:
                raise EOFError(f"row {at // self._row} was never written")
            left, at = left[n_bytes:], at + n_bytes

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise read_only(self._folder, error) from error


Rows = NDArray[Any] | FileRows


def _ends(rows: slice, n_rows: int) -> tuple[int, int]:
    first, end, step = rows.indices(n_rows)
    if step != 1:
        raise ValueError(f"a step of {step}: consecutive rows alone")
    return first, max(first, end)


def new_rows(
    n_rows: int, n_columns: int, folder: Path | None = None, *, large: int | None = None
) -> Rows:
    """Return an empty (n_rows, n_columns); from `large` rows on, single precision, in `folder`."""
    large = LARGE if large is None else large
    if n_rows >= large and folder is not None:
        return FileRows(folder, (n_rows, n_columns), np.float32)
    return np.empty((n_rows, n_columns), dtype=np.float64 if n_rows < large else np.float32)


def slices(n_rows: int, at_once: int = AT_ONCE, *, large: int | None = None) -> Iterator[slice]:
    """Yield slices in order; fewer rows than `large` at once."""
    at_once = at_once if n_rows >= (LARGE if large is None else large) else max(n_rows, 1)
    return (slice(first, min(first + at_once, n_rows)) for first in range(0, n_rows, at_once))


def blocks(rows: Rows, *, large: int | None = None) -> Iterator[tuple[slice, Matrix]]:
    """Yield blocks of rows in double precision."""
    cut = slices(len(rows), large=large)
    return ((block, np.asarray(rows[block], dtype=np.float64)) for block in cut)


def unit_blocks(rows: Rows) -> Iterator[tuple[slice, Matrix]]:
    """Yield them with norm 1."""
    return ((block, unit_rows(some)) for block, some in blocks(rows))


def sums_by_group(
    rows: Rows, labels: Labels, n_groups: int, weights: Matrix | None = None
) -> Matrix:
    """Return sums (n_groups, d) of each group's unit rows; label −1 has no group.

    With `weights` (n,), rows keep their norms and are multiplied by them. For several labellings
    (m, n), return (m, n_groups, d).
    """
    from scipy import sparse

    labellings, factors = np.atleast_2d(labels), np.ones(len(rows)) if weights is None else weights
    sums = np.zeros((len(labellings) * n_groups, rows.shape[1]))
    for block, some in blocks(rows):
        labelling, row = np.nonzero(labellings[:, block] >= 0)
        group = labelling * n_groups + labellings[:, block][labelling, row]
        cells = (factors[block][row], (group, row))
        member = sparse.csr_matrix(cells, shape=(len(sums), len(some)))
        sums += member @ (unit_rows(some) if weights is None else some)
    return sums.reshape(*labels.shape[:-1], n_groups, rows.shape[1])


def each_block(n_rows: int, work: Callable[[slice], None]) -> None:
    """Run `work` on every block in threads; each must write its own rows."""
    with ThreadPoolExecutor(n_threads()) as pool:
        list(pool.map(work, slices(n_rows)))


def drawn_rows(names: Sequence[object], n: int, seed: int = 0) -> Labels:
    """Return `n` row numbers, sorted, drawn by the hash of their names, equal names together.

    A few more rows change few of those drawn.
    """

    def rank(i: int) -> tuple[bytes, int]:
        return hashlib.sha256(f"{seed} {names[i]}".encode()).digest(), i

    return np.array(sorted(nsmallest(n, range(len(names)), key=rank)))


def unit_rows(view: Matrix) -> Matrix:
    """Return rows of norm 1; a row of zeros stays zero."""
    norms = np.linalg.norm(view, axis=1, keepdims=True)
    rows: Matrix = np.divide(view, norms, out=np.zeros_like(view), where=norms > 1e-9)
    return rows


def softmax(logits: Matrix) -> Matrix:
    """Return rows of probabilities that sum to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True)) if logits.size else logits
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def around(middle: Matrix, rows: NDArray[Any], weight: float) -> Matrix:
    """Centre `rows` on `middle`, with a norm of √`weight`."""
    moved: Matrix = np.sqrt(weight) * unit_rows(rows - middle)
    return moved
