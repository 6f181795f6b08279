"""The service of one study: its deployments kept on Prefect's server, its runs started one at a time, its depot watched.

Watch a study's depot: tell when what was dropped there is copied whole.

What `ateliers serve` offers for a study on Prefect's server: process, compare, train, each by its schedule, on request or on an event.
"""

import asyncio
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from prefect.exceptions import PrefectException
from prefect.runner import Runner

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
from flows.served_flows import EVENT
from pipeline.depot import is_junk
from pipeline.errors import AteliersError, SettingsError, StudyError
from pipeline.files import text_hash
from pipeline.settings.sections import ExecutionSettings
from pipeline.study import Study
from pipeline.text import Count

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.runner import Runner

Look = dict[
    str, tuple[int, int]
]  # size in bytes and time of change in nanoseconds, by path below the depot

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
_STEP_S = 1.0  # between two looks when the system announces no change, as on network shares


@dataclass(frozen=True)
class Depot:
    """One look at a depot: files that count, files that say that a program is still writing, and what is left behind besides."""

    files: Look
    temporary: Look
    left_behind: Look

    @property
    def is_empty(self) -> bool:
        """Whether nothing was dropped."""
        return not self.files


def look(depot: Path) -> Depot:
    """Return what lies in `depot` now; a file that vanishes meanwhile is left out, a depot that is away has nothing."""
    seen = Depot({}, {}, {})
    for folder, _folders, names in os.walk(depot):
        for name in names:
            path = Path(folder, name)
            try:
                found = path.stat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                below = path.relative_to(depot)
                _kind(seen, below)[below.as_posix()] = found.st_size, found.st_mtime_ns
    return seen


class Settling:
    """Says when successive looks at a depot show a new content that is complete; times are seconds of a clock that never jumps."""

    def __init__(self, *, settle_s: float, open_file_s: float) -> None:
        self._settle_s, self._open_file_s = settle_s, open_file_s
        self._last: Depot | None = None
        self._since = 0.0
        self._handled: Look | None = None

    def observe(self, seen: Depot, now: float) -> bool:
        """Whether `seen` differs from what was handled and has not changed for as long as it must."""
        if seen != self._last:
            self._last, self._since = seen, now
        if seen.is_empty or seen.files == self._handled:
            return False
        return now - self._since >= (
            max(self._open_file_s, self._settle_s) if seen.temporary else self._settle_s
        )

    def handled(self) -> None:
        """Take the content last observed for handled."""
        self._handled = self._last.files if self._last else None

    def forget(self) -> None:
        """Take nothing for handled: the same content counts again."""
        self._handled = None


def watch_depot(
    depot: Path,
    settling: Settling,
    *,
    stop: Event,
    on_complete: Callable[[], bool],
    on_look: Callable[[], None] = lambda: None,
) -> None:
    """Call `on_complete` each time a new content is complete, until `stop`; where it returns False it is called again at the next look.

    A depot that was away counts as new when it is back: a run may have ended for want of it. `on_look` is called after each look.
    """
    for _wake in _wakes(depot, stop):
        if not depot.is_dir():
            settling.forget()
        if settling.observe(look(depot), time.monotonic()) and on_complete():
            settling.handled()
        on_look()


def _wakes(depot: Path, stop: Event) -> Iterator[None]:
    """Yield at once, then when something moves in `depot`, and every second where nothing is said to move."""
    from watchfiles import watch

    yield
    while not stop.is_set():
        try:
            for _ in watch(
                depot,
                stop_event=stop,
                yield_on_timeout=True,
                rust_timeout=int(_STEP_S * 1000),
                debounce=500,
                raise_interrupt=False,
                watch_filter=None,
            ):
                if stop.is_set():
                    return
                yield
        except OSError:  # the depot is away: a share that was unmounted, a folder that was renamed
            pass
        stop.wait(_STEP_S)
        yield


def _kind(seen: Depot, below: Path) -> dict[str, tuple[int, int]]:
    """Where the file `below` the depot belongs; hidden files are left behind, and rsync writes in one until it is whole."""
    lowered = below.name.lower()
    if lowered.startswith(_TEMPORARY_STARTS) or lowered.endswith(_TEMPORARY_ENDS):
        return seen.temporary
    return seen.left_behind if is_junk(below) else seen.files


PROCESS, COMPARE, TRAIN = "process_study", "compare_territories", "train_tagger"


@dataclass(frozen=True)
class ServedFlow:
    """A flow of a study and when it runs."""

    flow: "Flow[..., Any]"
    name: str
    description: str
    schedules: tuple[Any, ...] = ()
    triggers: tuple[Any, ...] = ()

    async def deploy(self, runner: "Runner") -> Any:
        """Have `runner` run the flow when the server asks for it; return the deployment's id.

        The runner keeps the function itself. A deployment added without it is run as the server
        describes it, from its entrypoint and after its pull steps, which may be a shell command:
        whoever writes to the server would choose what this process runs.
        """
        from prefect.types.entrypoint import EntrypointType

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
    """Return the flows of a study, by their name.

    Raises `SettingsError` for a schedule that is not one.
    """
    from flows import served_flows as served

    execution, root = study.settings.execution, study.root
    name = deployment_name(root)
    title = f"Étude : {study.settings.etude.title}"
    return {
        PROCESS: ServedFlow(
            served.process_flow(root),
            name,
            f"Traite ce qui est nouveau ou changé. {title}",
            _schedules("nightly", execution),
            (_after_review(root),),
        ),
        COMPARE: ServedFlow(
            served.compare_flow(root),
            name,
            f"Compare les territoires, d'après le dernier traitement. {title}",
            _schedules("compare", execution),
        ),
        TRAIN: ServedFlow(
            served.train_flow(root), name, f"Réapprend l'étiquetage, à la demande. {title}"
        ),
    }


def deployment_name(root: Path) -> str:
    """The name of a study's deployments: that of its folder, without what Prefect refuses in a name."""
    return "".join("-" if letter in "/%&<>" else letter for letter in root.name)


def _schedules(key: str, execution: ExecutionSettings) -> tuple[Any, ...]:
    from prefect.client.schemas.schedules import CronSchedule

    cron = getattr(execution, key)
    if not cron:
        return ()
    try:
        return (CronSchedule(cron=cron, timezone=execution.timezone),)
    except ValueError as error:
        found = f"etude.toml : « execution.{key} » vaut {cron!r}"
        raise SettingsError(
            found,
            "cinq champs de cron, comme « 0 3 * * * », ou rien",
            f"corriger « execution.{key} »",
        ) from error


def _after_review(root: Path) -> Any:
    """The trigger that runs a study once people have decided; what they decided is followed at night without it."""
    from prefect.events import DeploymentEventTrigger

    return DeploymentEventTrigger(
        name=f"ateliers-{deployment_name(root)}",
        expect={EVENT},
        match={"prefect.resource.id": f"ateliers.study.{root.name}"},
    )


_AWAY_S = 5.0  # between two looks for a server that went away
_FOLLOW_S = 5.0  # between two looks at a run that was asked for
_MAX_CRASHES = 3  # of runs over one content
_ENDED = (
    ServerAwayError,
    PrefectException,
    httpx.HTTPError,
    RuntimeError,
    OSError,
    ExceptionGroup,
)  # how Prefect ends without its server


class StudyService:
    """Serves the study in `root` until `stop`: `run` and `watch` each in a thread of its own, `end` once `stop` is set."""

    def __init__(
        self,
        root: Path,
        *,
        stop: threading.Event,
        told: Callable[[str], None],
        allow_open_server: bool,
    ) -> None:
        settings = Study.open(root).settings.execution
        self._root, self._stop, self._told_to = root, stop, told
        self._allow_open_server = allow_open_server
        self._query_s = min(10.0, settings.settle_s)
        self._settling = Settling(
            settle_s=settings.settle_s, open_file_s=settings.open_file_minutes * 60
        )
        self._runner: Runner | None = None
        self._process_id: UUID | None = None
        self._asked: UUID | None = None
        self._n_crashes = 0
        self._looked_at = 0.0

    def run(self) -> None:
        """Start runs that the server has for the study; where the server goes away, wait for it and begin again.

        Raises `AccessError` for a server that is open to anyone, or has another password now.
        """
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except AccessError:
                raise
            except AteliersError as error:
                self._told(str(error))
            except _ENDED as error:
                self._told(f"serveur Prefect injoignable ({type(error).__name__}) ; il est attendu")
            while not self._stop.wait(_AWAY_S) and not is_answering():
                pass

    def watch(self) -> None:
        """Ask for a run each time something new in the depot is complete, and again for one that was killed."""
        depot = Study(self._root).depot
        watch_depot(
            depot, self._settling, stop=self._stop, on_complete=self._ask, on_look=self._follow
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
        runner = Runner(
            name=deployment_name(self._root),
            limit=1,
            pause_on_shutdown=False,
            query_seconds=self._query_s,
        )
        ids = {name: await served.deploy(runner) for name, served in served_flows(study).items()}
        n_orphans = await asyncio.to_thread(sweep_orphans, ids.values())
        if n_orphans:
            self._told(
                f"{Count(n_orphans):traitement interrompu|traitements interrompus}, à reprendre"
            )
        self._process_id, self._runner = ids[PROCESS], runner
        self._told(f"servie ; dépôt surveillé : {study.depot}")
        self._told(
            "réapprendre l'étiquetage : prefect deployment run '{name}'".format(
                name=f"{TRAIN}/{deployment_name(self._root)}"
            )
        )
        if not self._stop.is_set():
            await runner.start()

    def _ask(self) -> bool:
        """Ask for a run where there is something to do; False where it has to be asked again."""
        if self._process_id is None:
            return False
        try:
            content = self._due_content()
            if content is None:
                return True
            self._asked = ask_run(self._process_id, content)
        except UnknownDeploymentError:
            self._process_id = None
            self.end()  # `run` registers the deployments again
            return False
        except ServerAwayError:
            return False
        self._told("dépôt complet : traitement demandé")
        return True

    def _due_content(self) -> str | None:
        """A hash of what there is to do, or None; where it cannot be told, a run will say why, once for the same depot."""
        try:
            return due_fingerprint(Study.open(self._root))
        except (AteliersError, OSError) as error:
            return text_hash(str(error), *map(str, look(self._root / "depot").files.items()))

    def _follow(self) -> None:
        """Where the run that was asked for was killed, take its content for new again, a few times."""
        if self._asked is None or time.monotonic() - self._looked_at < _FOLLOW_S:
            return
        self._looked_at = time.monotonic()
        try:
            crashed = is_crashed(self._asked)
        except ServerAwayError:
            return
        if crashed is None:
            return
        self._asked = None
        if not crashed:
            self._n_crashes = 0
            return
        self._n_crashes += 1
        if self._n_crashes < _MAX_CRASHES:
            self._told("traitement tué : redemandé")
            self._settling.forget()
            return
        self._n_crashes = 0
        self._give_up()

    def _told(self, line: str) -> None:
        self._told_to(f"{self._root.name} : {line}")

    def _give_up(self) -> None:
        """Tell people that runs end without a word."""
        found = f"traitement tué {_MAX_CRASHES} fois de suite"
        do = f"vérifier la mémoire, puis ateliers run {self._root}"
        error = StudyError(found, "un traitement mené à son terme", do)
        self._told(str(error))
        study = Study.open(self._root)
        for fault in send(failure_notice(study, error), study):
            self._told(fault)
