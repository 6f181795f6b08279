"""Lend workers the vectors that are known here, and keep those that they had to make: no text is encoded twice, wherever it is worked on.

In:   a map-like callable whose workers may have a memory of their own
Out:  one that gives the same results
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from models.embedder import Known, known_vectors, take_vectors, vectors_gathered
from pipeline.settings import EmbedSettings
from pipeline.spreading import Mapper

Grain = TypeVar("Grain")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Lent:
    """A grain, and the vectors of its texts that are known."""

    grain: Any
    known: tuple[Known, ...]

    def __len__(self) -> int:
        return len(self.grain)


def lending(spread: Mapper, encoders: Sequence[str], texts_of: Callable[[Any], Sequence[str]]) -> Mapper:
    """Return `spread` with vectors lent: those that the bundled `encoders`, by name, know of the texts of each grain."""
    settings = [EmbedSettings.model_validate({"backend": name}) for name in encoders]

    def mapped(function: Callable[[Grain], Result], grains: Iterable[Grain], /) -> Iterator[Result]:
        lent = (_Lent(grain, tuple(known_vectors(encoder, texts_of(grain)) for encoder in settings)) for grain in grains)
        for result, new in spread(partial(_with_lent, function=function), lent):
            for known in new:
                take_vectors(known)
            yield result

    return mapped


def _with_lent(lent: _Lent, *, function: Callable[[Any], Result]) -> tuple[Result, list[Known]]:
    """What a worker does: its result, and the vectors that it was not lent."""
    for known in lent.known:
        take_vectors(known)
    with vectors_gathered() as new:
        result = function(lent.grain)
    return result, new
