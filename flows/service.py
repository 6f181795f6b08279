"""Serve one study: its deployments kept on Prefect's server, its runs started, its depot watched.

A deployment runs by its schedule, on request or on an event; the depot asks for a run once what was
dropped there is copied whole.
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
from pipeline.depot import is_junk
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
    """Serves the study in `root` until `stop`.

    `run` and `watch` have a thread each; `end` is called once `stop` is set. `told` gets the lines
    for whoever looks after the service.
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
        self._query_s = min(10.0, settings.settle_s)
        self._settling = Settling(
            settle_s=settings.settle_s, open_file_s=settings.open_file_minutes * 60
        )
        self._runner: Runner | None = None
        self._process_id: UUID | None = None
        self._requested_run: UUID | None = None
        self._n_crashes = 0
        self._checked_at = 0.0

    def run(self) -> None:
        """Start the runs that the server has for the study; wait for a server that goes away.

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
        """Request a run each time the depot has a new complete content, or a run was killed."""
        watch_depot(
            Study(self._root).depot,
            self._settling,
            stop=self._stop,
            on_complete=self._request_run,
            on_look=self._check_requested_run,
        )

    def end(self) -> bool:
        """Stop what is at work; False where nothing has started yet."""
        runner = self._runner
        if runner is None or not runner.started:
            return False
        runner.execute_in_background(runner.astop)
        return True

    async def _serve(self) -> None:
        """Register the deployments and start their runs, one at a time, until stopped."""
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
        """Request a run where there is something to do; False where it must be requested again."""
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
        """A hash of what there is to do, or None.

        Where an error hides it, the hash of the error and the depot: the run will say why, once.
        """
        try:
            return due_fingerprint(Study.open(self._root))
        except (AteliersError, OSError) as error:
            files = list_depot(self._root / "depot").files
            return text_hash(str(error), *map(str, files.items()))

    def _check_requested_run(self) -> None:
        """Take the depot's content for new again where the requested run was killed."""
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
        """Tell people that runs are killed again and again."""
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


# --- deployments ----------------------------------------------------------------------------------

PROCESS, COMPARE, TRAIN = "process_study", "compare_territories", "train_tagger"


@dataclass(frozen=True)
class ServedFlow:
    """A flow of a study and when it runs."""

    flow: "Flow[..., Any]"
    name: str
    description: str
    schedules: tuple[Any, ...] = ()
    triggers: tuple[Any, ...] = ()

    async def deploy(self, runner: Runner) -> Any:
        """Have `runner` run the flow when the server asks for it; return the deployment's id.

        The runner keeps the function itself. A deployment added without it is run as the server
        describes it, from its entrypoint and after its pull steps, which may be a shell command:
        whoever writes to the server would choose what this process runs.
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
    """Return the flows of a study by name; raises `SettingsError` for a schedule that is none."""
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
    """The name of a study's deployments: its folder's, without what Prefect refuses in a name."""
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
    """Runs a study once people have decided; without it, the nightly run follows them."""
    return DeploymentEventTrigger(
        name=f"ateliers-{deployment_name(root)}",
        expect={EVENT},
        match={"prefect.resource.id": f"ateliers.study.{root.name}"},
    )


# --- the depot ------------------------------------------------------------------------------------

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
    """The files of a depot: those to read, those of a program still writing, and hidden ones."""

    files: FileStates
    temporary: FileStates
    hidden: FileStates


def list_depot(depot: Path) -> DepotContent:
    """Return what lies in `depot` now; a depot that is away has nothing."""
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
    """Where the file `below` the depot belongs; rsync writes in a hidden file until it is whole."""
    name = below.name.lower()
    if name.startswith(_TEMPORARY_STARTS) or name.endswith(_TEMPORARY_ENDS):
        return content.temporary
    return content.hidden if is_junk(below) else content.files


class Settling:
    """Says when successive contents of a depot show a new one that is complete.

    It is once nothing changed for `settle_s` seconds of a clock that never jumps, or `open_file_s`
    where a program seems to be still writing.
    """

    def __init__(self, *, settle_s: float, open_file_s: float) -> None:
        self._settle_s, self._open_file_s = settle_s, open_file_s
        self._last: DepotContent | None = None
        self._since = 0.0
        self._handled: FileStates | None = None

    def observe(self, content: DepotContent, now: float) -> bool:
        """Whether `content` differs from what was handled and has not changed for long enough."""
        if content != self._last:
            self._last, self._since = content, now
        if not content.files or content.files == self._handled:
            return False
        wait_s = max(self._open_file_s, self._settle_s) if content.temporary else self._settle_s
        return now - self._since >= wait_s

    def mark_handled(self) -> None:
        """Take the content last observed for handled."""
        self._handled = self._last.files if self._last else None

    def forget(self) -> None:
        """Take nothing for handled: the same content counts again."""
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
    """Call `on_complete` each time a new content is complete, and again while it returns False.

    A depot that was away counts as new when it is back: a run may have ended for want of it.
    `on_look` is called after each look, every `step_s` seconds at least, until `stop`.
    """
    for _change in _changes(depot, stop, step_s):
        if not depot.is_dir():
            settling.forget()
        if settling.observe(list_depot(depot), time.monotonic()) and on_complete():
            settling.mark_handled()
        on_look()


def _changes(depot: Path, stop: threading.Event, step_s: float) -> Iterator[None]:
    """Yield at once, then when something moves in `depot`, and every `step_s` seconds.

    Network shares announce no change.
    """
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
        except OSError:  # the depot is away: a share that was unmounted, a folder that was renamed
            pass
        stop.wait(step_s)
        yield
