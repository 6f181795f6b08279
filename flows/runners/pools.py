"""Workers of this machine: threads, or processes that are started anew when one is killed."""

import pickle
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from flows.runners.base import MOST_TRIES, Job, Runner, fail, give_up, opened
from flows.runners.work import as_bytes, begin_process, fingerprint, run_batch


class ThreadRunner(Runner):
    """Threads of this process: they share what it knows, and wait for one another wherever Python or an encoder works on one at a time."""

    is_apart = False

    @contextmanager
    def _job(self, function: Callable[[Any], Any]) -> Iterator[Job]:
        from threadpoolctl import threadpool_limits

        # Linear algebra on one thread from outside: a thread that left such a limit would lift it for the others.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self.workers) as pool:
            job = _ThreadJob(pool, function)
            try:
                yield job
            finally:
                pool.shutdown(cancel_futures=True)

    def close(self) -> None:
        """Nothing is left of threads."""


class _ThreadJob:
    def __init__(self, pool: ThreadPoolExecutor, function: Callable[[Any], Any]) -> None:
        self._pool, self._function = pool, function
        self._out: deque[Future[list[Any]]] = deque()

    def send(self, batch: list[Any]) -> None:
        self._out.append(self._pool.submit(lambda: [self._function(grain) for grain in batch]))

    def receive(self) -> list[Any]:
        future = self._out.popleft()
        error = future.exception()
        if error is not None:
            fail(error)
        return future.result()


class ProcessRunner(Runner):
    """Processes started from nothing, with one thread of linear algebra each; they last as long as the run."""

    def __init__(self, workers: int, batch_units: int) -> None:
        super().__init__(workers, batch_units)
        self._pool: ProcessPoolExecutor | None = None

    @contextmanager
    def _job(self, function: Callable[[Any], Any]) -> Iterator[Job]:
        with tempfile.TemporaryDirectory(prefix="ateliers-lots-") as folder:  # of mode 700
            job = _ProcessJob(self, function, Path(folder))
            try:
                yield job
            finally:
                job.cancel()

    @property
    def pool(self) -> ProcessPoolExecutor:
        """The processes, started where they are not."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=begin_process
            )
        return self._pool

    def replace(self, broken: ProcessPoolExecutor) -> None:
        """Have other processes in the place of those of `broken`, all ended when one was killed."""
        if self._pool is broken:
            broken.shutdown(wait=False)
            self._pool = None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


@dataclass
class _Out:
    """A batch that is out."""

    batch: bytes
    pool: ProcessPoolExecutor
    future: "Future[bytes]"
    tries: int = 1


class _ProcessJob:
    def __init__(self, runner: ProcessRunner, function: Callable[[Any], Any], folder: Path) -> None:
        self._runner = runner
        self._name, content = as_bytes(function)
        self._path = folder / self._name[:24]
        self._path.write_bytes(content)  # read once a worker, where each batch would carry it
        self._out: deque[_Out] = deque()

    def send(self, batch: list[Any]) -> None:
        content = pickle.dumps(batch, protocol=pickle.HIGHEST_PROTOCOL)
        self._out.append(_Out(content, *self._submitted(content)))

    def receive(self) -> list[Any]:
        first = self._out[0]
        while (error := first.future.exception()) is not None:
            if not isinstance(error, BrokenProcessPool):
                fail(error)
            if first.tries == MOST_TRIES:
                give_up(error)
            self._send_again(first.pool)
        self._out.popleft()
        return opened(first.future.result())

    def cancel(self) -> None:
        """Drop what is still out."""
        for out in self._out:
            out.future.cancel()

    def _send_again(self, broken: ProcessPoolExecutor) -> None:
        """Send whatever `broken` did not give back; which batch ended it is not known, so that each counts a try."""
        self._runner.replace(broken)
        for out in self._out:
            if out.pool is broken and (not out.future.done() or out.future.exception() is not None):
                out.pool, out.future = self._submitted(out.batch)
                out.tries += 1

    def _submitted(self, batch: bytes) -> "tuple[ProcessPoolExecutor, Future[bytes]]":
        pool = self._runner.pool
        try:
            return pool, pool.submit(run_batch, str(self._path), self._name, fingerprint(), batch)
        except BrokenProcessPool:  # a worker ended since the last look
            self._runner.replace(pool)
            pool = self._runner.pool
            return pool, pool.submit(run_batch, str(self._path), self._name, fingerprint(), batch)
