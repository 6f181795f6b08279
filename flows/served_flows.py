"""The flows that Prefect's server starts for a study: attempts with a time-out and waits between them, and what each leaves to read.

In:   the folder of a study
Out:  what `run_study`, `compare_territories` and `train_tagger` leave; an artifact; a notice to people

Each flow is made for its study, which is no parameter: whoever asks the server for a run does not
choose the folder that this service works on.

Which failures can pass by themselves, and how long to wait before trying again.

Bring results up to date with what people decided: tell Prefect where a server is named, then run the study.

The flow that compares the territories of a study by itself, for a schedule; a run of the study compares them too.

Refit a study's tagger, by command or on request: one at a time, and never while a run is at work.
"""

import errno
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from prefect import Flow, flow, task

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
from flows.prefect_server import prefect_ready
from flows.publish_study import write_comparison
from flows.run import Outcome, run_study
from flows.steps import flow as compare_territories_flow
from flows.steps import flow as train_tagger_flow
from flows.steps import is_recorded, plain_steps
from flows.steps import task as compare_territories_task
from flows.typed_texts import followed_decisions
from models.refit import train_on_study
from pipeline.decisions import active_decisions
from pipeline.decisions.tags import confirmed_units
from pipeline.errors import (
    AteliersError,
    GridError,
    MissingExtraError,
    MissingPackageError,
    ModelError,
    ReadError,
    SettingsError,
    StudyError,
    TableError,
    UsageError,
    VaultError,
)
from pipeline.settings.sections import ExecutionSettings
from pipeline.study import Study

_LASTING = (
    SettingsError,
    UsageError,
    GridError,
    TableError,
    ModelError,
    ReadError,
    VaultError,
    MissingExtraError,
    MissingPackageError,
)
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


def can_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later with nothing changed by a person: judged by `error`, then by what caused it."""
    for cause in _causes(error):
        if isinstance(cause, _LASTING):
            return False
        if isinstance(cause, _PASSING) or (
            isinstance(cause, OSError) and cause.errno in _PASSING_NUMBERS
        ):
            return True
        if any(
            (kind.__module__.split(".")[0], kind.__name__) in _PASSING_NAMES
            for kind in type(cause).__mro__
        ):
            return True
    return False


def waits(settings: ExecutionSettings) -> list[float]:
    """The seconds to wait before each retry: doubled each time, an hour at most."""
    return [min(settings.retry_wait_s * 2**n, _LONGEST_S) for n in range(settings.retries)]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


R = TypeVar("R")
_log = logging.getLogger("ateliers")


class UnexpectedError(StudyError):
    """An error that is not ours, told by its kind alone: its words may be those of a participant."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"erreur inattendue ({kind})",
            "un traitement sans erreur",
            "relancer ateliers run à la main, et le signaler",
        )


def process_flow(root: Path) -> Flow[[], str]:
    """Return the flow that processes what is new or changed in the study, and tells people what came of it."""

    @flow(name="process_study", flow_run_name=f"process-{root}", persist_result=False)
    def process() -> str:
        """Return the run's id."""
        study = Study.open(root)
        outcome = _attempt(study, "run_study", lambda: run_study(study.root))
        _leave(study, run_summary(study, outcome))
        if outcome.is_new:
            _tell(study, ready_notice(study, outcome))
        return str(outcome.manifest["run_id"])

    return process


def compare_flow(root: Path) -> Flow[[], None]:
    """Return the flow that compares the territories of the study from the tables of its last run."""

    @flow(name="compare_territories", flow_run_name=f"compare-{root}", persist_result=False)
    def compare() -> None:

        study = Study.open(root)
        if study.last_run() is not None:
            _leave(
                study,
                comparison_summary(
                    study, _attempt(study, "compare", lambda: compare_territories(study.root))
                ),
            )

    return compare


def train_flow(root: Path) -> Flow[[], None]:
    """Return the flow that refits the study's tagger from what people decided."""

    @flow(name="train_tagger", flow_run_name=f"train-{root}", persist_result=False)
    def train() -> None:

        study = Study.open(root)
        _leave(
            study,
            training_summary(
                study, _attempt(study, "train", lambda: train_study(study, gold=None))
            ),
        )

    return train


def _attempt(study: Study, name: str, work: Callable[[], R]) -> R:
    """Do `work` under the study's time-out, again after a failure that can pass; a failure for good is told, then raised."""
    execution = study.settings.execution

    @task(
        name=name,
        retries=execution.retries,
        retry_delay_seconds=waits(execution),
        retry_condition_fn=_is_worth_retrying,
        timeout_seconds=execution.timeout_minutes * 60,
        persist_result=False,
    )
    def attempt() -> R:
        with plain_steps():
            return _in_our_words(work)

    try:
        return attempt()
    except Exception as error:
        notice = failure_notice(study, error)
        _log.error(
            f"traitement échoué : {notice.reason}"
        )  # Prefect's own lines are off: the journal would say nothing
        _leave(study, failure_summary(study, error))
        _tell(study, notice)
        raise


def _in_our_words(work: Callable[[], R]) -> R:
    """Do `work`; an error that nobody foresaw keeps its kind and loses its words, which Prefect would keep."""
    try:
        return work()
    except Exception as error:
        if isinstance(error, AteliersError) or can_pass(error):
            raise
        raise UnexpectedError(type(error).__name__) from None


def _is_worth_retrying(task_: Any, run: Any, state: Any) -> bool:
    """Whether the error that ended an attempt can pass."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and can_pass(error)


def _leave(study: Study, markdown: str) -> None:
    """Leave an artifact on the run; where the server is away, the run goes on without."""
    import httpx
    from prefect.artifacts import create_markdown_artifact
    from prefect.exceptions import PrefectException

    key = "etude-" + "".join(
        letter if letter.isascii() and letter.isalnum() else "-"
        for letter in study.root.name.lower()
    )
    try:
        create_markdown_artifact(markdown, key=key, description=study.settings.etude.title)
    except (httpx.HTTPError, PrefectException, RuntimeError, OSError) as error:
        _log.warning(f"résumé non laissé à Prefect : {type(error).__name__}")


def _tell(study: Study, notice: Notice) -> None:
    for fault in send(notice, study):
        _log.warning(fault)


EVENT = "ateliers.review.done"


def conclude_review(root: Path) -> Outcome:
    """Run the study in `root` again; raises as `run_study` does."""
    study = Study.open(root.resolve())
    with prefect_ready(study.cache):  # the event needs the password too
        if is_recorded():
            from prefect.events import emit_event

            emit_event(
                event=EVENT,
                resource={"prefect.resource.id": f"ateliers.study.{study.root.name}"},
                payload={"n_decisions": study.decisions_state()},
            )
        return run_study(study.root)


if __name__ == "__main__":
    try:
        conclude_review(Path(sys.argv[1]))
    except AteliersError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


@compare_territories_task(name="write_comparison")
def write_territories(root: Path) -> dict[str, int]:
    """Write exports/comparaison/, and return the rows of each table of the comparison."""
    return {name: len(rows) for name, rows in write_comparison(root).items()}


@compare_territories_flow(name="compare_territories")
def compare_territories(root: Path) -> dict[str, int]:
    """Compare the territories of the study in `root` from the tables of its last run."""
    return write_territories(root)


@train_tagger_flow(name="train_tagger")
def train_tagger(root: Path, gold: Path | None = None) -> dict[str, Any]:
    """Return the figures of `train_study` for the study in `root`."""
    return train_study(Study.open(root), gold=gold)


def train_study(study: Study, *, gold: Path | None = None) -> dict[str, Any]:
    """Refit from what people decided and from `gold`, register the tagger if it is no worse, and return its figures.

    Raises `StudyError` when a run is at work or decisions are lost, `ModelError` when too little is labelled or the gold
    file cannot be read.
    """
    with study.locked():
        study.check_decisions()
        tables = study.read_tables()
        return train_on_study(
            tables,
            study.grid,
            gold=gold,
            out=study.root / "models",
            settings=study.settings.tag,
            registered=study.registered_tagger,
            confirmed=confirmed_units(active_decisions(followed_decisions(study, tables))),
        )
