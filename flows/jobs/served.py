"""Do a job as the flow run of `ateliers serve`, where it serves the study with Prefect."""

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from flows.prefect_server import ask_run, named_server, prefect_ready, server
from flows.run import Outcome, due_fingerprint
from pipeline.errors import StudyError
from pipeline.study import Study, locked_file

if TYPE_CHECKING:
    from prefect.client.schemas.objects import TaskRun

_LOOK_S = 1.0
_FAILURE = "TaskFailure: "  # before our line, in what Prefect says of a failed flow


class TaskListener(Protocol):
    """Hear the tasks of a flow run, in the order in which they began."""

    def __call__(self, tasks: "list[TaskRun]") -> None: ...  # noqa: D102


def is_served(study: Study) -> bool:
    """Whether a service has the study, on the Prefect server that the environment names."""
    path = study.runs / ".served"
    if named_server() is None or not path.is_file():
        return False
    try:
        with locked_file(path, StudyError("", "", "")):
            return False
    except StudyError:
        return True


def next_run(study: Study, now: datetime | None = None) -> datetime | None:
    """Return when the clock next has a served study processed, None where it never does."""
    from cronsim import CronSim, CronSimError

    execution = study.settings.execution
    if not execution.nightly:
        return None
    zone = ZoneInfo(execution.timezone)
    try:
        return next(CronSim(execution.nightly, (now or datetime.now(UTC)).astimezone(zone)))
    except (CronSimError, StopIteration):  # the service says it where it starts
        return None


def run_by_service(study: Study, on_tasks: TaskListener) -> Outcome:
    """Ask the service for a run, wait for its end, and return its outcome.

    Interrupted, it cancels the run. Raises `StudyError` where the run fails or is lost, or no
    server answers.
    """
    content, last = due_fingerprint(study), study.last_run()
    if content is None and last is not None:
        return Outcome(last, is_new=False)
    with prefect_ready(study.cache):
        run_id = ask_run(_deployment_id(study), content or "")
        try:
            _follow(run_id, on_tasks)
        except KeyboardInterrupt:
            _cancel(run_id)
            raise
    manifest = study.last_run()
    if manifest is None:
        raise _lost("sans résultat")
    return Outcome(manifest, is_new=manifest != last)


def _deployment_id(study: Study) -> UUID:
    from flows.service import PROCESS, deployment_name

    with server() as client:
        name = f"{PROCESS}/{deployment_name(study.root)}"
        return client.read_deployment_by_name(name).id


def _follow(run_id: UUID, on_tasks: TaskListener) -> None:
    """Tell the tasks of a run until it completes; raise `StudyError` if it does not."""
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    its_own = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    with server() as client:
        while True:
            state = client.read_flow_run(run_id).state
            tasks = client.read_task_runs(flow_run_filter=its_own, limit=200)
            begun = [task for task in tasks if task.start_time is not None]
            on_tasks(sorted(begun, key=lambda task: str(task.start_time)))
            if state is not None and state.is_final():
                break
            time.sleep(_LOOK_S)
    if not state.is_completed():
        _, _, line = (state.message or "").partition(_FAILURE)
        raise _lost(line or f"état {state.type.value.lower()}")


def _cancel(run_id: UUID) -> None:
    from prefect.states import Cancelling

    with server() as client:
        client.set_flow_run_state(run_id, Cancelling(), force=True)


def _lost(why: str) -> StudyError:
    address = os.environ["PREFECT_API_URL"]
    return StudyError(
        f"le traitement demandé au serveur Prefect {address} a échoué ({why})",
        "un traitement mené à son terme",
        "lire le journal de ateliers serve, puis relancer",
    )
