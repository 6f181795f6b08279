"""Workers of a Dask cluster: of an address, or started on this machine; by Prefect's own Dask runner where a server keeps the record.

A batch whose worker ends goes to another, three times at most: Dask does it. What is watched here is that some worker is left.
"""

import importlib.util
import logging
import os
import pickle
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import Any, NoReturn

from flows.runners.base import Job, Runner, fail, give_up, opened
from flows.runners.work import as_bytes, fingerprint, run_batch
from flows.steps import is_recorded
from pipeline.errors import MissingExtraError, RunnerError

ADDRESS = "ATELIERS_DASK_ADDRESS"
_CONNECT_S = 20.0
_LOOK_S = 2.0  # between two looks at the cluster while a batch is waited for
_NO_WORKER_S = 60.0  # that a cluster may be without a worker


class NoWorkers(TimeoutError):  # noqa: N818
    """The cluster had no worker for long."""


class DaskRunner(Runner):
    """A cluster of Dask, reached or started when there is something to share."""

    def __init__(self, workers: int, batch_units: int, address: str) -> None:
        super().__init__(workers, batch_units)
        self._address = os.environ.get(ADDRESS, "").strip() or address
        self._stack = ExitStack()
        self._client: Any = None
        for package in ("distributed", *(["prefect_dask"] if is_recorded() else [])):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(package.replace("_", "-"), "dask")

    @property
    def client(self) -> Any:
        """The client, connected.

        Raises `RunnerError` where no scheduler answers.
        """
        if self._client is None:
            import distributed

            logging.getLogger(distributed.__name__).setLevel(
                logging.CRITICAL
            )  # after it has set its own
            warnings.filterwarnings("ignore", message="Sending large graph")
            try:
                self._client = self._connected()
                self._client.wait_for_workers(1, timeout=_NO_WORKER_S)
            except (OSError, TimeoutError) as error:
                self.close()
                self._unreachable(error)
        return self._client

    @property
    def most_in_flight(self) -> int:
        """Batches that are out at most: two a thread of the cluster as it is."""
        return 2 * max(1, sum(int(worker["nthreads"]) for worker in self._workers().values()))

    def _connected(self) -> Any:
        local = {
            "n_workers": self.workers,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": "127.0.0.1:0",
            "scheduler_kwargs": {"dashboard": False},
            "protocol": "tls",  # whoever reaches a scheduler runs what they like as its user
            "security": True,
            "local_directory": self._stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ateliers-dask-")
            ),
            "silence_logs": logging.CRITICAL,
        }
        if is_recorded():
            from prefect_dask import DaskTaskRunner

            where = {"address": self._address} if self._address else {"cluster_kwargs": local}
            task_runner = self._stack.enter_context(
                DaskTaskRunner(**where, client_kwargs={"timeout": _CONNECT_S})
            )
            return task_runner.client
        from distributed import Client, LocalCluster

        if self._address:
            return self._stack.enter_context(
                Client(self._address, timeout=_CONNECT_S, set_as_default=False)
            )
        cluster = self._stack.enter_context(LocalCluster(**local))
        return self._stack.enter_context(Client(cluster, timeout=_CONNECT_S, set_as_default=False))

    def _workers(self) -> dict[str, Any]:
        workers: dict[str, Any] = self.client.scheduler_info(n_workers=-1).get("workers", {})
        return workers

    def _unreachable(self, error: BaseException | None) -> NoReturn:
        where = self._address or "cette machine"
        raise RunnerError(
            f"aucun planificateur Dask, ou aucun ouvrier, ne répond ({where})",
            "un planificateur et des ouvriers en service",
            f"vérifier dask_address dans [execution] ou {ADDRESS}, et que dask worker tourne",
        ) from error

    @contextmanager
    def _job(self, function: Callable[[Any], Any]) -> Iterator[Job]:
        job = _DaskJob(self, function)
        try:
            yield job
        finally:
            job.cancel()

    def watch(self, some_worker_at: float) -> float:
        """Return when some worker was last there, at best now.

        Raises `RunnerError` where the scheduler is gone, or no worker is left for long.
        """
        if self.client.status != "running":
            self.lost(None)
        now = time.monotonic()
        if self._workers():
            return now
        if now - some_worker_at > _NO_WORKER_S:
            self._unreachable(NoWorkers())
        return some_worker_at

    def lost(self, error: BaseException | None) -> NoReturn:
        """Raise the error of a scheduler that is gone."""
        cause = error if isinstance(error, OSError) else ConnectionError(type(error).__name__)
        self._unreachable(cause)

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here."""
        self._client = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._stack.close()


class _DaskJob:
    def __init__(self, runner: DaskRunner, function: Callable[[Any], Any]) -> None:
        self._runner = runner
        self._name, content = as_bytes(function)
        # A task and not scattered data: Dask makes it again where its only worker ends.
        self._function = self._submit(partial(_held, content))
        self._work = _recorded() if is_recorded() else run_batch
        self._out: deque[Any] = deque()

    def send(self, batch: list[Any]) -> None:
        content = pickle.dumps(batch, protocol=pickle.HIGHEST_PROTOCOL)
        self._out.append(
            self._submit(self._work, self._function, self._name, fingerprint(), content)
        )

    def receive(self) -> list[Any]:
        from distributed import CancelledError, KilledWorker, wait

        future = self._out[0]
        some_worker_at = time.monotonic()
        while True:
            try:
                with self._runner.client.as_current():
                    wait(future, timeout=_LOOK_S)
                if future.status == "finished":
                    content: bytes = future.result(timeout=_CONNECT_S)
                    break
                reason = future.exception(timeout=_CONNECT_S) if future.status == "error" else None
            except TimeoutError:
                some_worker_at = self._runner.watch(some_worker_at)
                continue
            except (CancelledError, OSError) as error:
                self._runner.lost(error)
            if isinstance(reason, KilledWorker):
                give_up(reason)
            if reason is not None:
                fail(reason)
            if future.status == "cancelled":
                self._runner.lost(None)
            # Else its result went with its worker, and is being made again.
        self._out.popleft()
        return opened(content)

    def cancel(self) -> None:
        """Drop what is still out."""
        for future in (*self._out, self._function):
            future.release()

    def _submit(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._runner.client.status != "running":
            self._runner.lost(None)
        return self._runner.client.submit(function, *args, pure=False)


@cache
def _recorded() -> Any:
    """`run_batch` as a task of Prefect: each batch has its state and its time beside those of the step that it belongs to."""
    import prefect

    return prefect.task(name="batch", persist_result=False)(run_batch)


def _held(content: bytes) -> bytes:
    """What a job's batches share."""
    return content
