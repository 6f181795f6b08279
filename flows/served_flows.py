"""Make the flows that Prefect's server starts for a study, and the tasks on its pages.

A flow's study is no parameter: whoever asks for a run does not choose the folder. Failures that can
pass are retried. Our manifests, not Prefect's states, record what was processed.
"""

import errno
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flows.execution import StageCall, StageExecutor, StageOutcome, execute_here
from flows.learning import train_study
from flows.notify import (
    Notice,
    comparison_summary,
    failure_notice,
    failure_summary,
    ready_notice,
    run_summary,
    send,
    training_summary,
)
from flows.prefect_server import named_server, prefect_ready
from flows.run import Outcome, run_study
from flows.service_log import service_log, write_event
from flows.workspace import Listener
from pipeline.errors import AteliersError, UnexpectedError
from pipeline.settings.sections import ExecutionSettings
from pipeline.study import Study
from pipeline.text import study_counts

if TYPE_CHECKING:
    from prefect import Flow

R = TypeVar("R")

EVENT = "ateliers.review.done"

_PASSING_NUMBERS = frozenset(
    {
        errno.EAGAIN,  # the study is locked by another run
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EBUSY,
        errno.EINTR,
        errno.EIO,  # a network share that comes back
        errno.ESTALE,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ETIMEDOUT,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EPIPE,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)
_PASSING = (MemoryError, TimeoutError, ConnectionError)
_PASSING_NAMES = frozenset(
    {
        ("psycopg", "OperationalError"),
        ("sqlite3", "OperationalError"),
        ("httpx", "TransportError"),
        ("imaplib", "abort"),  # the connection to a mailbox was cut
        ("ssl", "SSLEOFError"),
        ("socket", "gaierror"),  # no name server answers
        ("concurrent", "BrokenExecutor"),  # workers that were killed
        ("distributed", "KilledWorker"),
    }
)
_LONGEST_S = 3600.0


def process_flow(root: Path) -> "Flow[[], str]":
    """Return the flow that processes what is new or changed, and notifies people."""
    from prefect import flow

    @flow(name="process_study", flow_run_name=f"process-{root}", persist_result=False)
    def process() -> str:
        """Return the run's id."""
        study = Study.open(root)
        stages = PrefectStages(study)
        outcome = _attempt(
            study,
            "run_study",
            lambda: run_study(study.root, execute=stages),
            is_final=stages.has_given_up,
        )
        _leave(study, run_summary(study, outcome))
        _note_success(study, outcome)
        if outcome.is_new:
            _tell(study, ready_notice(study, outcome))
        return str(outcome.manifest["run_id"])

    return process


def _note_success(study: Study, outcome: Outcome) -> None:
    if not outcome.is_new:
        write_event(
            logging.INFO, "rien de nouveau à traiter", study=study.root.name, event="run_unchanged"
        )
        return
    manifest = outcome.manifest
    started, ended = (datetime.fromisoformat(manifest[f"{at}_at"]) for at in ("started", "ended"))
    seconds = round((ended - started).total_seconds())
    write_event(
        logging.INFO,
        f"traitement fait en {seconds} s : {study_counts(manifest['n_rows'])}",
        study=study.root.name,
        event="run_done",
        run_id=manifest["run_id"],
        seconds=seconds,
        n_rows=manifest["n_rows"],
    )


def compare_flow(root: Path) -> "Flow[[], None]":
    """Return the flow that compares the territories of the last run."""
    from prefect import flow

    @flow(name="compare_territories", flow_run_name=f"compare-{root}", persist_result=False)
    def compare() -> None:
        study = Study.open(root)
        if study.last_run() is not None:
            n_rows = _attempt(study, "compare", lambda: compare_territories(study.root))
            _leave(study, comparison_summary(study, n_rows))

    return compare


def train_flow(root: Path) -> "Flow[[], None]":
    """Return the flow that refits the study's tagger from people's decisions."""
    from prefect import flow

    @flow(name="train_tagger", flow_run_name=f"train-{root}", persist_result=False)
    def train() -> None:
        study = Study.open(root)
        figures = _attempt(study, "train", lambda: train_study(study))
        _leave(study, training_summary(study, figures))

    return train


def compare_territories(root: Path) -> dict[str, int]:
    """Write exports/comparaison/, and return the number of rows of each table."""
    from flows.publish_study import write_comparison

    return {name: len(rows) for name, rows in write_comparison(root).items()}


class PrefectStages:
    """Execute each stage as a task, named after it and its workshop.

    A stage that used up its retries is not tried again with the whole attempt.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._given_up: list[Exception] = []

    def __call__(self, call: StageCall) -> StageOutcome:
        """Execute a stage; raise its last error."""
        name = "-".join(filter(None, (call.stage, call.workshop_id)))
        retries = self._study.settings.execution.retries
        tries: list[StageOutcome] = []

        def work() -> StageOutcome:
            outcome = call.work()
            tries.append(outcome)
            n_passing = sum(record.n_passing for record in outcome.records)
            if n_passing and retries and len(tries) == 1:
                raise PassingFailures(n_passing)  # once: what is killed each time stays so
            return outcome

        try:
            return run_task(self._study, call.stage, work, run_name=name, tell=told_rows)
        except Exception as error:
            self._given_up.append(error)
            raise

    def has_given_up(self, error: BaseException) -> bool:
        """Whether `error` comes from a stage that used up its retries."""
        return any(cause is final for cause in _causes(error) for final in self._given_up)


class PassingFailures(TimeoutError):  # noqa: N818 - a number of failures, that can pass
    """Failures within a stage that may pass, such as reading a file."""


class TaskFailure(Exception):  # noqa: N818 - beside Prefect's own
    """Prefect's copy of an error: a line of ours, never what a participant may have said."""


def told_rows(outcome: StageOutcome) -> str:
    """Return a stage's rows and seconds, and whether it was computed, for Prefect's pages."""
    rows: dict[str, int] = {}
    for record in outcome.records:
        for name, n in record.n_rows.items():
            rows[name] = rows.get(name, 0) + n
    if not outcome.records:
        return "fait"
    n_kept = sum(record.is_cached for record in outcome.records)
    n_passing = sum(record.n_passing for record in outcome.records)
    seconds = sum(record.seconds for record in outcome.records if not record.is_cached)
    parts = [", ".join(f"{name} {n}" for name, n in rows.items()), f"{seconds:.1f} s"]
    if n_kept:
        parts.append(f"{n_kept} sur {len(outcome.records)} repris du cache")
    if n_passing:
        parts.append(f"{n_passing} à reprendre")
    return " ; ".join(parts)


def run_task(
    study: Study,
    name: str,
    work: Callable[[], R],
    *,
    run_name: str | None = None,
    timeout_s: float | None = None,
    is_final: Callable[[BaseException], bool] = lambda _error: False,
    tell: Callable[[R], str] = lambda _result: "fait",
) -> R:
    """Do `work` as a task of Prefect, again after a failure that can pass, unless it `is_final`.

    `tell` describes its result. Raises the last error of `work`; Prefect keeps a line of each and
    no result.
    """
    from prefect import get_run_logger, task
    from prefect.cache_policies import NO_CACHE
    from prefect.client.schemas.objects import State
    from prefect.states import Completed
    from prefect.task_engine import TaskRunTimeoutError

    # Prefect's lines go to the server's pages alone: the root handler writes the journal.
    logging.getLogger("prefect.task_runs").propagate = False
    execution = study.settings.execution
    results: list[R] = []
    errors: list[Exception] = []

    def attempt() -> State[Any]:
        try:
            result = work()
        except TaskRunTimeoutError:  # the enclosing task timed out
            raise
        except Exception as error:  # noqa: BLE001 - raised again, once the task has ended
            errors.append(error)
            raise TaskFailure(line_of(error)) from None
        results.append(result)
        get_run_logger().info(tell(result))
        return Completed(message=tell(result))

    def is_worth_retrying(_task: Any, _run: Any, state: State[Any]) -> bool:
        error = state.result(raise_on_failure=False)
        if isinstance(error, TaskFailure):
            return can_pass_in(study, errors[-1]) and not is_final(errors[-1])
        return isinstance(error, TaskRunTimeoutError) and timeout_s is not None

    recorded = task(
        name=name,
        task_run_name=run_name,
        retries=execution.retries,
        retry_delay_seconds=waits(execution),
        retry_condition_fn=is_worth_retrying,
        timeout_seconds=timeout_s,
        persist_result=False,
        cache_policy=NO_CACHE,
    )(attempt)
    try:
        recorded()
    except TaskFailure:
        raise errors[-1] from errors[-1].__cause__
    return results[-1]


def line_of(error: BaseException) -> str:
    """Return an error in one line: ours in its words, another by kind and system reason."""
    if isinstance(error, AteliersError):
        return str(error)
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}{reason}"


def _attempt(
    study: Study,
    name: str,
    work: Callable[[], R],
    *,
    is_final: Callable[[BaseException], bool] = lambda _error: False,
) -> R:
    """Notify people of a final failure, then raise it."""
    timeout_s = study.settings.execution.timeout_minutes * 60
    try:
        return run_task(study, name, work, timeout_s=timeout_s, is_final=is_final)
    except Exception as error:  # noqa: BLE001 - told, then raised in our words
        told = error if isinstance(error, AteliersError) or can_pass(error) else None
        told = told or UnexpectedError(type(error).__name__)
        notice = failure_notice(study, told)
        line = f"traitement échoué : {notice.reason}"  # Prefect's own lines are off
        write_event(logging.ERROR, line, study=study.root.name, event=f"{name}_failed")
        _leave(study, failure_summary(study, told))
        _tell(study, notice)
        raise TaskFailure(line_of(told)) from None


def _leave(study: Study, markdown: str) -> None:
    """Leave an artifact on the run, unless the server is away."""
    import httpx
    from prefect.artifacts import create_markdown_artifact
    from prefect.exceptions import PrefectException

    letters = (
        letter if letter.isascii() and letter.isalnum() else "-"
        for letter in study.root.name.lower()
    )
    try:
        create_markdown_artifact(
            markdown, key=f"etude-{''.join(letters)}", description=study.settings.etude.title
        )
    except (httpx.HTTPError, PrefectException, RuntimeError, OSError) as error:
        service_log().warning(f"résumé non laissé à Prefect : {type(error).__name__}")


def _tell(study: Study, notice: Notice) -> None:
    for fault in send(notice, study):
        service_log().warning(fault)


def can_pass_in(study: Study, error: BaseException) -> bool:
    """Whether an error is worth another try, as any is while the study's share is away."""
    return not study.settings_path.is_file() or can_pass(error)


def can_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later with no change by a person.

    Judged by `error`, then by its causes.
    """
    for cause in _causes(error):
        if isinstance(cause, AteliersError) and cause.is_lasting:
            return False
        if isinstance(cause, _PASSING):
            return True
        if isinstance(cause, OSError) and cause.errno in _PASSING_NUMBERS:
            return True
        kinds = {(kind.__module__.split(".")[0], kind.__name__) for kind in type(cause).__mro__}
        if kinds & _PASSING_NAMES:
            return True
    return False


def waits(settings: ExecutionSettings) -> list[float]:
    """Return the seconds before each retry: doubled each time, an hour at most."""
    return [min(settings.retry_wait_s * 2**n, _LONGEST_S) for n in range(settings.retries)]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def conclude_review(
    root: Path,
    *,
    on_progress: Listener | None = None,
    execute: StageExecutor = execute_here,
    writer: Executor | None = None,
) -> Outcome:
    """Tell Prefect where a server is named, then run the study; raise as `run_study`."""
    study = Study.open(root.resolve())
    if named_server() is not None:
        with prefect_ready(study.cache):  # the event needs the password too
            from prefect.events import emit_event

            emit_event(
                event=EVENT,
                resource={"prefect.resource.id": f"ateliers.study.{study.root.name}"},
                payload={"n_decisions": study.decisions_state()},
            )
    return run_study(study.root, on_progress=on_progress, execute=execute, writer=writer)
