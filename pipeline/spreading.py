"""Work that may be spread over workers: a stage cuts its rows into grains and calls whatever `map` it is given.

A grain is what is computed at once, from itself alone. Whoever computes it, and however many are sent together, its result is the same
bit for bit: matrices of other shapes may round otherwise, so that no grain is ever cut or joined to another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Grain = TypeVar("Grain")
Result = TypeVar("Result")

GRAIN = 256  # passages; a multiple of the 64 that spaCy reads at once


class Mapper(Protocol):
    """What `map` does: the results of a top-level function, in order. It may look ahead in `grains`, and pickle what it is given."""

    def __call__(
        self, function: Callable[[Grain], Result], grains: Iterable[Grain], /
    ) -> Iterator[Result]:
        """Yield one result a grain."""
        ...


class Executor(Protocol):
    """Who does a run's heavy work: `spread` is its `map`; `is_apart` where its workers do not share this process's memory."""

    @property
    def is_apart(self) -> bool:
        """Whether workers have a memory of their own."""
        ...

    @property
    def spread(self) -> Mapper:
        """The parallel map."""
        ...


def grains_of_rows(rows: "pd.DataFrame") -> "list[pd.DataFrame]":
    """The rows in order, `GRAIN` at a time; no row gives no grain."""
    return [rows.iloc[start : start + GRAIN] for start in range(0, len(rows), GRAIN)]


def grains_of(values: Sequence[Grain], size: int | None = None) -> list[list[Grain]]:
    """The values in order, `size` at a time (`GRAIN` by default); no value gives no grain."""
    size = size or GRAIN
    return [list(values[start : start + size]) for start in range(0, len(values), size)]


def map_groups(
    spread: Mapper, function: Callable[[Grain], Result], groups: Sequence[Sequence[Grain]]
) -> Iterator[list[Result]]:
    """Yield the results of each group, in order, as soon as they are there: small groups are worked on together."""
    results = spread(function, chain.from_iterable(groups))
    for group in groups:
        yield list(islice(results, len(group)))
