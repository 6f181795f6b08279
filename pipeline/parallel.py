"""The parallel map: a stage cuts its rows into grains and passes them to a `map`.

A grain is computed at once, on its own, so that its result is the same bit for bit anywhere.
Matrices of other shapes may round otherwise: never cut or join a grain.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Grain = TypeVar("Grain")
Result = TypeVar("Result")

GRAIN = 256  # passages; a multiple of the 64 that spaCy reads at once


def n_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ParallelMap(Protocol):
    """Python's `map` of a top-level function; it may look ahead, and pickle its arguments."""

    def __call__(
        self, function: Callable[[Grain], Result], grains: Iterable[Grain], /
    ) -> Iterator[Result]:
        """Yield one result a grain, in order."""
        ...


class Executor(Protocol):
    """Who does a run's heavy work."""

    @property
    def is_apart(self) -> bool:
        """Whether workers have their own memory."""
        ...

    @property
    def spread(self) -> ParallelMap:
        """The parallel map."""
        ...


def grains_of_rows(rows: "pd.DataFrame") -> "list[pd.DataFrame]":
    """Return the rows in order, `GRAIN` at a time; no row gives no grain."""
    return [rows.iloc[start : start + GRAIN] for start in range(0, len(rows), GRAIN)]


def grains_of(values: Sequence[Grain], size: int | None = None) -> list[list[Grain]]:
    """Return the values in order, `size` at a time; no value gives no grain."""
    size = size or GRAIN
    return [list(values[start : start + size]) for start in range(0, len(values), size)]
