"""Send grains in batches, few at a time, and give their results back in order.

In:   a function, grains that it works on one by one
Out:  its results, in order; an error of one line
"""

import os
import pickle
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any, NoReturn, Protocol, TypeVar

from flows.runners.work import Fault
from pipeline.errors import AteliersError, RunnerError

Grain = TypeVar("Grain")
Result = TypeVar("Result")

MOST_TRIES = 3  # of a batch whose worker ends
_BATCHES_A_WORKER = 2  # one at work, one that waits


class Job(Protocol):
    """One function being worked on: batches go out, results come back in the order in which they went."""

    def send(self, batch: list[Any]) -> None:
        """Send the grains of a batch; never waits long."""
        ...

    def receive(self) -> list[Any]:
        """Wait for the results of the batch that went first of those not received yet."""
        ...


class Runner(ABC):
    """Workers, started when there is something to share; `is_apart` where they do not share this process's memory."""

    is_apart = True

    def __init__(self, workers: int, batch_units: int) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self.batch_units = batch_units

    def spread(
        self, function: Callable[[Grain], Result], grains: Iterable[Grain], /
    ) -> Iterator[Result]:
        """Yield one result a grain, in order. What makes one batch is worked on here: starting workers would take longer.

        No more than `most_in_flight` batches are ever out. Raises `RunnerError`, or the function's own `AteliersError`.
        """
        batches = batched(grains, self.batch_units)
        first = next(batches, None)
        second = next(batches, None)
        if first is None or second is None:
            yield from map(function, first or [])
            return
        with self._job(function) as job:
            n_out = 0
            for batch in chain((first, second), batches):
                while n_out >= self.most_in_flight:
                    yield from job.receive()
                    n_out -= 1
                job.send(batch)
                n_out += 1
            for _ in range(n_out):
                yield from job.receive()

    @property
    def most_in_flight(self) -> int:
        """Batches that are out at most: what memory is bounded by."""
        return _BATCHES_A_WORKER * self.workers

    @abstractmethod
    def _job(self, function: Callable[[Any], Any]) -> AbstractContextManager[Job]:
        """A job of this function; what is still out when it is left is dropped."""

    @abstractmethod
    def close(self) -> None:
        """End the workers, if they were started."""


def batched(grains: Iterable[Grain], batch_units: int) -> Iterator[list[Grain]]:
    """The grains, whole and in order, in batches of about `batch_units` (what `len` says of them; 1 where it says nothing)."""
    batch: deque[Grain] = deque()
    weight = 0
    for grain in grains:
        batch.append(grain)
        weight += len(grain) if hasattr(grain, "__len__") else 1
        if weight >= batch_units:
            yield list(batch)
            batch, weight = deque(), 0
    if batch:
        yield list(batch)


def opened(content: bytes) -> list[Any]:
    """The results that a worker sent back.

    Raises the error that it told instead.
    """
    told = pickle.loads(content)
    if isinstance(told, AteliersError | Fault):
        fail(told)
    results: list[Any] = told
    return results


def fail(error: BaseException | Fault) -> NoReturn:
    """Raise the error of a batch as one line; what it says of itself may hold people's words, so that its kind and place are told."""
    if isinstance(error, AteliersError):
        raise error
    fault = error if isinstance(error, Fault) else Fault.of(error)
    raise RunnerError(
        f"un lot n'a pas pu être traité ({' '.join(filter(None, (fault.kind, fault.line)))})",
        "un lot traité",
        'relancer avec runner = "here" dans [execution] pour voir toute l\'erreur',
    ) from (fault.cause if isinstance(error, Fault) else error)


def give_up(error: BaseException | None = None) -> NoReturn:
    """Raise the error of a batch whose workers ended one after another."""
    raise RunnerError(
        f"les ouvriers d'un même lot se sont arrêtés {MOST_TRIES} fois",
        "des ouvriers qui restent en vie, avec assez de mémoire",
        "voir la mémoire de la machine ; baisser batch_units ou workers dans [execution]",
    ) from error
