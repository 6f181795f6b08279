"""Serve one study: keep its deployments on Prefect's server, start its runs, watch its depot.

The depot requests a run once new files are copied whole.
"""

import asyncio
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from prefect.client.schemas.schedules import CronSchedule
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import PrefectException
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from flows.notify import failure_notice, send
from flows.prefect_server import (
    AccessError,
    ServerAwayError,
    UnknownDeploymentError,
    ask_run,
    check_access,
    is_answering,
    is_crashed,
    sweep_orphans,
)
from flows.run import due_fingerprint
from flows.served_flows import EVENT, compare_flow, process_flow, train_flow
from pipeline.depot import is_hidden, is_junk
from pipeline.errors import AteliersError, SettingsError, StudyError
from pipeline.files import text_hash
from pipeline.settings.sections import ExecutionSettings
from pipeline.study import Study
from pipeline.text import Count

if TYPE_CHECKING:
    from prefect import Flow

_RETRY_S = 5.0  # between two looks for a server that went away
_CHECK_S = 5.0  # between two looks at a run that was requested
_MAX_CRASHES = 3  # of runs over one content
_SERVER_ERRORS = (  # how Prefect ends without its server
    ServerAwayError,
    PrefectException,
    httpx.HTTPError,
    RuntimeError,
    OSError,
    ExceptionGroup,
)


class StudyService:
    """Serve the study in `root` until `stop`, with a thread for `run` and one for `watch`.

    `end` is called once `stop` is set; `told` gets the lines of the journal.
    """

    def __init__(
        self,
        root: Path,
        *,
        stop: threading.Event,
        told: Callable[[str], None],
        allow_open_server: bool,
    ) -> None:
        settings = Study.open(root).settings.execution
        self._root, self._stop, self._report_line = root, stop, told
        self._allow_open_server = allow_open_server
        self._query_s = min(2.0, settings.settle_s)
        self._settling = Settling(
            settle_s=settings.settle_s, open_file_s=settings.open_file_minutes * 60
        )
        self._runner: Runner | None = None
        self._process_id: UUID | None = None
        self._requested_run: UUID | None = None
        self._n_crashes = 0
        self._checked_at = 0.0

    def run(self) -> None:
        """Start the runs that the server has; wait for a server that goes away.

        Raises `AccessError` for a server that is open to anyone, or has another password now.
        """
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except AccessError:
                raise
            except AteliersError as error:
                self._report(str(error))
            except _SERVER_ERRORS as error:
                name = type(error).__name__
                self._report(f"serveur Prefect injoignable ({name}) ; il est attendu")
            while not self._stop.wait(_RETRY_S) and not is_answering():
                pass

    def watch(self) -> None:
        """Request a run for each complete new content of the depot, or a killed run."""
        watch_depot(
            Study(self._root).depot,
            self._settling,
            stop=self._stop,
            on_complete=self._request_run,
            on_look=self._check_requested_run,
        )

    def end(self) -> bool:
        """Stop the runs; return False where nothing has started yet."""
        runner = self._runner
        if runner is None or not runner.started:
            return False
        runner.execute_in_background(runner.astop)
        return True

    async def _serve(self) -> None:
        await asyncio.to_thread(check_access, allow_open=self._allow_open_server)
        study = Study.open(self._root)
        name = deployment_name(self._root)
        runner = Runner(name=name, limit=1, pause_on_shutdown=False, query_seconds=self._query_s)
        ids = {flow: await served.deploy(runner) for flow, served in served_flows(study).items()}
        n_orphans = await asyncio.to_thread(sweep_orphans, ids.values())
        if n_orphans:
            count = f"{Count(n_orphans):traitement interrompu|traitements interrompus}"
            self._report(f"{count}, à reprendre")
        self._process_id, self._runner = ids[PROCESS], runner
        self._report(f"servie ; dépôt surveillé : {study.depot}")
        self._report(f"réapprendre l'étiquetage : prefect deployment run '{TRAIN}/{name}'")
        if not self._stop.is_set():
            await runner.start()

    def _request_run(self) -> bool:
        """Request a run if one is due; return False to try again."""
        if self._process_id is None:
            return False
        try:
            content = self._due_content()
            if content is None:
                return True
            self._requested_run = ask_run(self._process_id, content)
        except UnknownDeploymentError:
            self._process_id = None
            self.end()  # `run` registers the deployments again
            return False
        except ServerAwayError:
            return False
        self._report("dépôt complet : traitement demandé")
        return True

    def _due_content(self) -> str | None:
        """Hash the content to process; where an error hides it, the error and the depot."""
        try:
            return due_fingerprint(Study.open(self._root))
        except (AteliersError, OSError) as error:
            files = list_depot(self._root / "depot").files
            return text_hash(str(error), *map(str, files.items()))

    def _check_requested_run(self) -> None:
        if self._requested_run is None or time.monotonic() - self._checked_at < _CHECK_S:
            return
        self._checked_at = time.monotonic()
        try:
            crashed = is_crashed(self._requested_run)
        except ServerAwayError:
            return
        if crashed is None:
            return
        self._requested_run = None
        self._n_crashes = self._n_crashes + 1 if crashed else 0
        if self._n_crashes >= _MAX_CRASHES:
            self._n_crashes = 0
            self._give_up()
        elif crashed:
            self._report("traitement tué : redemandé")
            self._settling.forget()

    def _give_up(self) -> None:
        error = StudyError(
            f"traitement tué {_MAX_CRASHES} fois de suite",
            "un traitement mené à son terme",
            f"vérifier la mémoire, puis ateliers run {self._root}",
        )
        self._report(str(error))
        study = Study.open(self._root)
        for fault in send(failure_notice(study, error), study):
            self._report(fault)

    def _report(self, line: str) -> None:
        self._report_line(f"{self._root.name} : {line}")


PROCESS, COMPARE, TRAIN = "process_study", "compare_territories", "train_tagger"


@dataclass(frozen=True)
class ServedFlow:
    """A flow of a study and its schedule."""

    flow: "Flow[..., Any]"
    name: str
    description: str
    schedules: tuple[Any, ...] = ()
    triggers: tuple[Any, ...] = ()

    async def deploy(self, runner: Runner) -> Any:
        """Have `runner` run the flow on request; return the deployment's id.

        The runner keeps the function itself. Otherwise it would run the server's entrypoint and
        pull steps, perhaps a shell command: whoever writes to the server would choose what runs.
        """
        return await runner.aadd_flow(
            self.flow,
            name=self.name,
            schedules=list(self.schedules),
            triggers=list(self.triggers),
            description=self.description,
            tags=["ateliers", self.name],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )


def served_flows(study: Study) -> dict[str, ServedFlow]:
    """Return the flows of a study by name; raise `SettingsError` for a bad schedule."""
    execution, root = study.settings.execution, study.root
    name = deployment_name(root)
    title = f"Étude : {study.settings.etude.title}"
    return {
        PROCESS: ServedFlow(
            process_flow(root),
            name,
            f"Traite ce qui est nouveau ou changé. {title}",
            _schedules("nightly", execution),
            (_review_trigger(root),),
        ),
        COMPARE: ServedFlow(
            compare_flow(root),
            name,
            f"Compare les territoires, d'après le dernier traitement. {title}",
            _schedules("compare", execution),
        ),
        TRAIN: ServedFlow(train_flow(root), name, f"Réapprend l'étiquetage, à la demande. {title}"),
    }


def deployment_name(root: Path) -> str:
    """Return the study's folder name, without what Prefect refuses."""
    return "".join("-" if letter in "/%&<>" else letter for letter in root.name)


def _schedules(key: str, execution: ExecutionSettings) -> tuple[CronSchedule, ...]:
    cron = getattr(execution, key)
    if not cron:
        return ()
    try:
        return (CronSchedule(cron=cron, timezone=execution.timezone),)
    except ValueError as error:
        raise SettingsError(
            f"etude.toml : « execution.{key} » vaut {cron!r}",
            "cinq champs de cron, comme « 0 3 * * * », ou rien",
            f"corriger « execution.{key} »",
        ) from error


def _review_trigger(root: Path) -> DeploymentEventTrigger:
    """Run a study once people have decided, not only at night."""
    return DeploymentEventTrigger(
        name=f"ateliers-{deployment_name(root)}",
        expect={EVENT},
        match={"prefect.resource.id": f"ateliers.study.{root.name}"},
    )


# size in bytes and time of change in nanoseconds, by path below the depot
FileStates = dict[str, tuple[int, int]]

_TEMPORARY_STARTS = ("~$", "~wrl", ".~", ".goutputstream-")
_TEMPORARY_ENDS = (
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".filepart",
    ".tmp",
    ".swp",
    ".lock#",
)


@dataclass(frozen=True)
class DepotContent:
    """The files of a depot: to read, still being written, and hidden."""

    files: FileStates
    temporary: FileStates
    hidden: FileStates


def list_depot(depot: Path) -> DepotContent:
    """Return the present files of `depot`, none where it is away."""
    content = DepotContent({}, {}, {})
    for folder, _folders, names in os.walk(depot):
        for name in names:
            path = Path(folder, name)
            try:
                status = path.stat()
            except OSError:  # it vanished meanwhile
                continue
            if stat.S_ISREG(status.st_mode):
                below = path.relative_to(depot)
                states = _states_of(content, below)
                states[below.as_posix()] = status.st_size, status.st_mtime_ns
    return content


def _states_of(content: DepotContent, below: Path) -> FileStates:
    """Choose where a file belongs; rsync writes in a hidden file until it is whole."""
    name = below.name.lower()
    if name.startswith(_TEMPORARY_STARTS) or name.endswith(_TEMPORARY_ENDS):
        return content.temporary
    return content.hidden if is_junk(below) or is_hidden(below) else content.files


class Settling:
    """Detect when the depot has a new, complete content.

    Complete: unchanged for `settle_s` seconds of a monotonic clock, or `open_file_s` where a
    program seems to be still writing.
    """

    def __init__(self, *, settle_s: float, open_file_s: float) -> None:
        self._settle_s, self._open_file_s = settle_s, open_file_s
        self._last: DepotContent | None = None
        self._since = 0.0
        self._handled: FileStates | None = None

    def observe(self, content: DepotContent, now: float) -> bool:
        """Whether `content` is new and has not changed for long enough."""
        if content != self._last:
            self._last, self._since = content, now
        if not content.files or content.files == self._handled:
            return False
        wait_s = max(self._open_file_s, self._settle_s) if content.temporary else self._settle_s
        return now - self._since >= wait_s

    def mark_handled(self) -> None:
        """Mark the content last observed as handled."""
        self._handled = self._last.files if self._last else None

    def forget(self) -> None:
        """Count the same content as new again."""
        self._handled = None


def watch_depot(
    depot: Path,
    settling: Settling,
    *,
    stop: threading.Event,
    on_complete: Callable[[], bool],
    on_look: Callable[[], None] = lambda: None,
    step_s: float = 1.0,
) -> None:
    """Call `on_complete` for each complete new content, again while it returns False.

    A depot that was away is new when it is back: a run may have ended for want of it. `on_look` is
    called every `step_s` seconds at least, until `stop`.
    """
    for _change in _changes(depot, stop, step_s):
        if not depot.is_dir():
            settling.forget()
        if settling.observe(list_depot(depot), time.monotonic()) and on_complete():
            settling.mark_handled()
        on_look()


def _changes(depot: Path, stop: threading.Event, step_s: float) -> Iterator[None]:
    """Look every `step_s` seconds too: network shares announce no change."""
    from watchfiles import watch

    yield
    while not stop.is_set():
        try:
            for _ in watch(
                depot,
                stop_event=stop,
                yield_on_timeout=True,
                rust_timeout=int(step_s * 1000),
                debounce=500,
                raise_interrupt=False,
                watch_filter=None,
            ):
                if stop.is_set():
                    return
                yield
        except OSError:  # an unmounted share, a renamed folder
            pass
        stop.wait(step_s)
        yield
