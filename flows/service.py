"""The service of one study: its deployments kept on Prefect's server, its runs started one at a time, its depot watched."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
from prefect.exceptions import PrefectException
from prefect.runner import Runner

from flows.deployments import PROCESS, TRAIN, deployment_name, served_flows
from flows.drop_folder import Settling, look, watch_depot
from flows.notify import failure_notice, send
from flows.prefect_access import AccessError, check_access
from flows.requests import ServerAwayError, UnknownDeploymentError, ask_run, is_answering, is_crashed, sweep_orphans
from flows.run import due_fingerprint
from pipeline.errors import AteliersError, StudyError
from pipeline.i18n import _
from pipeline.study import Study, text_hash
from pipeline.words import Count

_AWAY_S = 5.0  # between two looks for a server that went away
_FOLLOW_S = 5.0  # between two looks at a run that was asked for
_MAX_CRASHES = 3  # of runs over one content
_ENDED = (ServerAwayError, PrefectException, httpx.HTTPError, RuntimeError, OSError, ExceptionGroup)  # how Prefect ends without its server


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
        self._settling = Settling(settle_s=settings.settle_s, open_file_s=settings.open_file_minutes * 60)
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
                self._told(_("serveur Prefect injoignable ({why}) ; il est attendu").format(why=type(error).__name__))
            while not self._stop.wait(_AWAY_S) and not is_answering():
                pass

    def watch(self) -> None:
        """Ask for a run each time something new in the depot is complete, and again for one that was killed."""
        depot = Study(self._root).depot
        watch_depot(depot, self._settling, stop=self._stop, on_complete=self._ask, on_look=self._follow)

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
        runner = Runner(name=deployment_name(self._root), limit=1, pause_on_shutdown=False, query_seconds=self._query_s)
        ids = {name: await served.deploy(runner) for name, served in served_flows(study).items()}
        n_orphans = await asyncio.to_thread(sweep_orphans, ids.values())
        if n_orphans:
            self._told(_("{n:traitement interrompu|traitements interrompus}, à reprendre").format(n=Count(n_orphans)))
        self._process_id, self._runner = ids[PROCESS], runner
        self._told(_("servie ; dépôt surveillé : {depot}").format(depot=study.depot))
        self._told(_("réapprendre l'étiquetage : prefect deployment run '{name}'").format(name=f"{TRAIN}/{deployment_name(self._root)}"))
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
        self._told(_("dépôt complet : traitement demandé"))
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
            self._told(_("traitement tué : redemandé"))
            self._settling.forget()
            return
        self._n_crashes = 0
        self._give_up()

    def _told(self, line: str) -> None:
        self._told_to(f"{self._root.name} : {line}")

    def _give_up(self) -> None:
        """Tell people that runs end without a word."""
        found = _("traitement tué {n} fois de suite").format(n=_MAX_CRASHES)
        do = _("vérifier la mémoire, puis ateliers run {root}").format(root=self._root)
        error = StudyError(found, _("un traitement mené à son terme"), do)
        self._told(str(error))
        study = Study.open(self._root)
        for fault in send(failure_notice(study, error), study):
            self._told(fault)
