"""Hold what a run works with, made once and handed to every step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from flows.cache import StageCache
from flows.execution import StageExecutor, execute_here
from flows.runners import Runner, make_runner
from flows.vault import Vault
from models.embedder import Encoders
from pipeline.depot import Inventory
from pipeline.ingest.sandbox import FileReaders
from pipeline.store import Store
from pipeline.study import Study

if TYPE_CHECKING:
    from models.language_model.prompt import Estimate

Listener = Callable[[str, int, int], None]  # what (in French), steps done, steps in all
Approver = Callable[["Estimate"], bool]  # whether passages may leave the machine


@dataclass(frozen=True)
class Workspace:
    """What the steps of one run share; two runs share nothing of it.

    `tell` hears the progress, `approve` answers before passages leave the machine.
    """

    study: Study
    inventory: Inventory  # of the depot as the run began
    store: Store
    stages: StageCache
    encoders: Encoders
    executor: Runner
    file_readers: FileReaders
    tell: Listener
    approve: Approver
    execute: StageExecutor = execute_here

    @cached_property
    def vault(self) -> Vault:
        """Return the study's vault, opened once."""
        return Vault(self.study)


@contextmanager
def open_workspace(
    study: Study,
    *,
    inventory: Inventory | None = None,
    on_progress: Listener | None = None,
    on_cost: Approver | None = None,
    execute: StageExecutor = execute_here,
) -> Iterator[Workspace]:
    """Give the workspace of a run of `study`, and end its workers afterwards.

    Without `on_cost`, nothing is approved. Raises `MissingExtraError` where Dask is not installed.
    """
    store, executor = Store(study.cache), make_runner(study.settings.execution)
    file_readers = FileReaders()
    try:
        yield Workspace(
            study,
            inventory or Inventory(study.depot),
            store,
            StageCache(store),
            Encoders(store, executor),
            executor,
            file_readers,
            on_progress or tell_nobody,
            on_cost or _refuse,
            execute,
        )
    finally:
        file_readers.close()
        executor.close()
        store.close()


def tell_nobody(what: str, done: int, total: int) -> None:
    """Ignore the progress of a run."""


def _refuse(estimate: "Estimate") -> bool:
    return False
