"""The flows that Prefect's server starts for a study: attempts with a time-out and waits between them, and what each leaves to read.

In:   the folder of a study
Out:  what `run_study`, `compare_territories` and `train_tagger` leave; an artifact; a notice to people

Each flow is made for its study, which is no parameter: whoever asks the server for a run does not
choose the folder that this service works on.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from prefect import Flow, flow, task

from flows.notify import Notice, failure_notice, ready_notice, send
from flows.retrying import can_pass, waits
from flows.run import run_study
from flows.steps import plain_steps
from flows.summary import comparison_summary, failure_summary, run_summary, training_summary
from pipeline.errors import AteliersError, StudyError
from pipeline.i18n import _
from pipeline.study import Study

R = TypeVar("R")
_log = logging.getLogger("ateliers")


class UnexpectedError(StudyError):
    """An error that is not ours, told by its kind alone: its words may be those of a participant."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"erreur inattendue ({kind})", "un traitement sans erreur", "relancer ateliers run à la main, et le signaler")


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
        from flows.compare_territories import compare_territories

        study = Study.open(root)
        if study.last_run() is not None:
            _leave(study, comparison_summary(study, _attempt(study, "compare", lambda: compare_territories(study.root))))

    return compare


def train_flow(root: Path) -> Flow[[], None]:
    """Return the flow that refits the study's tagger from what people decided."""

    @flow(name="train_tagger", flow_run_name=f"train-{root}", persist_result=False)
    def train() -> None:
        from flows.train_tagger import train_study

        study = Study.open(root)
        _leave(study, training_summary(study, _attempt(study, "train", lambda: train_study(study, gold=None))))

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
        _log.error(_("traitement échoué : {why}").format(why=notice.reason))  # Prefect's own lines are off: the journal would say nothing
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

    key = "etude-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in study.root.name.lower())
    try:
        create_markdown_artifact(markdown, key=key, description=study.settings.etude.title)
    except (httpx.HTTPError, PrefectException, RuntimeError, OSError) as error:
        _log.warning(_("résumé non laissé à Prefect : {why}").format(why=type(error).__name__))


def _tell(study: Study, notice: Notice) -> None:
    for fault in send(notice, study):
        _log.warning(fault)
