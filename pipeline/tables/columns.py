"""Read columns of texts as lists: pandas takes Arrow's cells one by one, twenty times slower."""

from collections import namedtuple
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def cells_of(table: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of the columns `names`, or of all, row by row."""
    return zip(*(table[name].tolist() for name in names or table.columns), strict=True)


def is_among(column: pd.Series, values: Iterable[Any]) -> NDArray[np.bool_]:
    """Return which cells, none of them blank, are among `values`, as `isin` does."""
    listed = values.tolist() if isinstance(values, pd.Series) else values
    among: Collection[Any] = listed if isinstance(listed, set | frozenset | dict) else set(listed)
    return np.fromiter((cell in among for cell in column.tolist()), dtype=bool, count=len(column))


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Yield named tuples."""
    yield from map(_row_type(tuple(table.columns))._make, cells_of(table))


@cache
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)
