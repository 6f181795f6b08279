"""Share the work of a run between threads, processes or a Dask cluster.

Grains go out whole, in batches, few at a time; results come back in order, so that none depends on
the workers.
"""

import pickle
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from flows.runners.work import (
    MOST_TRIES,
    as_bytes,
    begin_process,
    fail,
    fingerprint,
    give_up,
    opened,
    run_batch,
)
from pipeline.parallel import n_processors
from pipeline.settings.sections import ExecutionSettings

Grain = TypeVar("Grain")
Result = TypeVar("Result")

_BATCHES_A_WORKER = 2  # one running, one waiting


class Runner:
    """Work in this process alone."""

    is_apart = False  # whether workers have a memory of their own

    def spread(
        self, function: Callable[[Grain], Result], grains: Iterable[Grain], /
    ) -> Iterator[Result]:
        """Yield one result a grain, in order; raise the function's `AteliersError`."""
        return map(function, grains)

    def close(self) -> None:
        """End the workers, if they were started."""


def make_runner(settings: ExecutionSettings) -> Runner:
    """Return the runner of `settings`; its workers start when there is something to share.

    Raises `MissingExtraError` where Dask is not installed.
    """
    if settings.runner == "threads":
        return ThreadRunner(settings.workers, settings.batch_units)
    if settings.runner == "processes":
        return ProcessRunner(settings.workers, settings.batch_units)
    if settings.runner == "dask":
        from flows.runners.on_dask import DaskRunner

        return DaskRunner(settings.workers, settings.batch_units, settings.dask_address)
    return Runner()


class SentBatch(Protocol):
    """A batch being worked on, as a `concurrent.futures.Future`."""

    def result(self) -> list[Any]:
        """Wait for the results of its grains."""
        ...

    def cancel(self) -> object:
        """Drop the batch."""
        ...


Submit = Callable[[list[Any]], SentBatch]


class SharingRunner(Runner, ABC):
    """Workers that are sent batches of about `batch_units` passages."""

    def __init__(self, workers: int, batch_units: int) -> None:
        self.workers = workers or n_processors()
        self.batch_units = batch_units

    def spread(
        self, function: Callable[[Grain], Result], grains: Iterable[Grain], /
    ) -> Iterator[Result]:
        """Yield one result a grain, in order; a single batch starts no workers."""
        batches = batched(grains, self.batch_units)
        first = list(islice(batches, 2))
        if len(first) < 2:
            yield from map(function, chain.from_iterable(first))
            return
        sent: deque[SentBatch] = deque()
        with self._sending(function) as submit:
            try:
                for batch in chain(first, batches):
                    while len(sent) >= self.most_in_flight:
                        yield from sent.popleft().result()
                    sent.append(submit(batch))
                while sent:
                    yield from sent.popleft().result()
            finally:
                for batch_out in sent:
                    batch_out.cancel()

    @property
    def most_in_flight(self) -> int:
        """The most batches that are out at once, which bounds the memory."""
        return _BATCHES_A_WORKER * self.workers

    @abstractmethod
    def _sending(self, function: Callable[[Any], Any]) -> AbstractContextManager[Submit]:
        """Give what sends a batch of grains to `function`; it never waits long."""


def batched(grains: Iterable[Grain], batch_units: int) -> Iterator[list[Grain]]:
    """Yield whole grains in order, in batches of about `batch_units`: their `len`, or 1."""
    batch: list[Grain] = []
    weight = 0
    for grain in grains:
        batch.append(grain)
        weight += len(grain) if hasattr(grain, "__len__") else 1
        if weight >= batch_units:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


class ThreadRunner(SharingRunner):
    """Threads of this process, which share its memory."""

    @contextmanager
    def _sending(self, function: Callable[[Any], Any]) -> Iterator[Submit]:
        from threadpoolctl import threadpool_limits

        # Limited from outside: a thread that left such a limit would lift it for the others.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self.workers) as pool:
            try:
                yield lambda batch: pool.submit(_results, function, batch)
            finally:
                pool.shutdown(cancel_futures=True)


def _results(function: Callable[[Any], Any], batch: list[Any]) -> list[Any]:
    try:
        return [function(grain) for grain in batch]
    except Exception as error:  # noqa: BLE001 - raised again in our words
        fail(error)


class ProcessRunner(SharingRunner):
    """Spawned processes that last as long as the run; killed ones are replaced."""

    is_apart = True
    pool: ProcessPoolExecutor | None = None

    @contextmanager
    def _sending(self, function: Callable[[Any], Any]) -> Iterator[Submit]:
        name, content = as_bytes(function)
        with tempfile.TemporaryDirectory(prefix="ateliers-lots-") as folder:  # of mode 700
            path = Path(folder, name[:24])
            path.write_bytes(content)  # read once a worker, where each batch would carry it
            yield lambda batch: _ProcessBatch(
                self, str(path), name, fingerprint(), pickle.dumps(batch)
            )

    def submit(self, *arguments: Any) -> "tuple[ProcessPoolExecutor, Future[bytes]]":
        """Send a batch to the processes, started if need be."""
        if self.pool is None:
            self.pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=begin_process
            )
        pool = self.pool
        try:
            return pool, pool.submit(run_batch, *arguments)
        except BrokenProcessPool:  # a worker ended since the last look
            self.drop(pool)
            return self.submit(*arguments)

    def drop(self, broken: ProcessPoolExecutor) -> None:
        """Leave the processes of `broken`: where one is killed, all end."""
        if self.pool is broken:
            broken.shutdown(wait=False)
            self.pool = None

    def close(self) -> None:
        """End the processes."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None


class _ProcessBatch:
    def __init__(self, runner: ProcessRunner, *arguments: Any) -> None:
        self._runner, self._arguments = runner, arguments
        self._pool, self._future = runner.submit(*arguments)

    def result(self) -> list[Any]:
        n_tries = 1
        while True:
            try:
                return opened(self._future.result())
            except BrokenProcessPool as error:
                self._runner.drop(self._pool)
                if n_tries == MOST_TRIES:
                    give_up(error)
            self._pool, self._future = self._runner.submit(*self._arguments)
            n_tries += 1

    def cancel(self) -> object:
        return self._future.cancel()
