"""Work on a Dask cluster, at an address or started on this machine.

Dask resends a lost worker's batch three times at most. This module checks that some worker is left.
"""

import importlib.util
import logging
import os
import pickle
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from flows.runners import SharingRunner, Submit
from flows.runners.work import as_bytes, fail, fingerprint, give_up, opened, run_batch
from pipeline.errors import MissingExtraError, RunnerError

ADDRESS = "ATELIERS_DASK_ADDRESS"
_LOOK_S = 2.0  # between two looks at the cluster while a batch is waited for


class NoWorkers(TimeoutError):  # noqa: N818 - what is missing is told
    """The cluster had no worker for long."""


class DaskRunner(SharingRunner):
    """A cluster of Dask, reached or started when there is something to share.

    Waits `connect_s` for a scheduler, `no_worker_s` for workers.
    """

    is_apart = True

    def __init__(
        self,
        workers: int,
        batch_units: int,
        address: str,
        *,
        connect_s: float = 20.0,
        no_worker_s: float = 60.0,
    ) -> None:
        super().__init__(workers, batch_units)
        self._address = os.environ.get(ADDRESS, "").strip() or address
        self._connect_s, self._no_worker_s = connect_s, no_worker_s
        self._stack = ExitStack()
        self._client: Any = None
        if importlib.util.find_spec("distributed") is None:
            raise MissingExtraError("distributed", "dask")

    @property
    def client(self) -> Any:
        """The connected client; raises `RunnerError` where no scheduler answers."""
        if self._client is None:
            import distributed

            quiet = logging.getLogger(distributed.__name__)
            quiet.setLevel(logging.CRITICAL)  # after it has set its own
            warnings.filterwarnings("ignore", message="Sending large graph")
            try:
                self._client = self._connected()
                self._client.wait_for_workers(1, timeout=self._no_worker_s)
            except (OSError, TimeoutError) as error:
                self.close()
                self.unreachable(error)
        return self._client

    @property
    def most_in_flight(self) -> int:
        """The most batches out at once: two a thread of the present cluster."""
        return 2 * max(1, sum(int(worker["nthreads"]) for worker in self._workers().values()))

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here."""
        self._client = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._stack.close()

    def watch(self, some_worker_at: float) -> float:
        """Return when a worker was last there, at best now.

        Raises `RunnerError` where the scheduler is gone, or no worker is left for long.
        """
        self._refuse_lost()
        now = time.monotonic()
        if self._workers():
            return now
        if now - some_worker_at > self._no_worker_s:
            self.unreachable(NoWorkers())
        return some_worker_at

    def unreachable(self, error: BaseException) -> NoReturn:
        """Raise the error of a lost scheduler, or of lost workers."""
        where = self._address or "cette machine"
        raise RunnerError(
            f"aucun planificateur Dask, ou aucun ouvrier, ne répond ({where})",
            "un planificateur et des ouvriers en service",
            f"vérifier dask_address dans [execution] ou {ADDRESS}, et que dask worker tourne",
        ) from (error if isinstance(error, OSError) else ConnectionError(type(error).__name__))

    @contextmanager
    def _sending(self, function: Callable[[Any], Any]) -> Iterator[Submit]:
        name, content = as_bytes(function)
        # A task and not scattered data: Dask makes it again where its only worker ends.
        work = self.submit(bytes, content)
        try:
            yield lambda batch: _DaskBatch(
                self, self.submit(run_batch, work, name, fingerprint(), pickle.dumps(batch))
            )
        finally:
            work.release()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have the cluster call `function`; return Dask's future."""
        self._refuse_lost()
        return self.client.submit(function, *arguments, pure=False)

    def _connected(self) -> Any:
        from distributed import Client, LocalCluster

        where: Any = self._address
        if not where:
            folder = tempfile.TemporaryDirectory(prefix="ateliers-dask-")
            where = self._stack.enter_context(
                LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    protocol="tls",  # whoever reaches a scheduler runs what they like as its user
                    security=True,
                    local_directory=self._stack.enter_context(folder),
                    silence_logs=logging.CRITICAL,
                )
            )
        client = Client(where, timeout=self._connect_s, set_as_default=False)
        return self._stack.enter_context(client)

    def _workers(self) -> dict[str, Any]:
        workers: dict[str, Any] = self.client.scheduler_info(n_workers=-1).get("workers", {})
        return workers

    def _refuse_lost(self) -> None:
        if self.client.status != "running":
            self.unreachable(ConnectionError(self.client.status))


class _DaskBatch:
    def __init__(self, runner: DaskRunner, future: Any) -> None:
        self._runner, self._future = runner, future

    def result(self) -> list[Any]:
        from distributed import CancelledError, KilledWorker

        some_worker_at = time.monotonic()
        while True:
            try:
                error = self._future.exception(timeout=_LOOK_S)
                if isinstance(error, KilledWorker):
                    give_up(error)
                if error is not None:
                    fail(error)
                return opened(self._future.result())
            except TimeoutError:
                some_worker_at = self._runner.watch(some_worker_at)
            except (CancelledError, OSError) as error:
                self._runner.unreachable(error)

    def cancel(self) -> object:
        return self._future.release()
