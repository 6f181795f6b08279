"""Do one job in this process, and write how far it is as the run tells it."""

import gc
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from flows.execution import StageCall, StageOutcome
from flows.jobs import Jobs, JobState, JobTask, now
from flows.jobs.progress import PHASE_OF, expected_seconds, waiting_for
from flows.jobs.served import is_served, run_by_service
from flows.learning import train_study
from flows.publish_study import forked_writer
from flows.run import Outcome
from flows.served_flows import conclude_review
from pipeline.errors import in_words
from pipeline.study import Study

if TYPE_CHECKING:
    from prefect.client.schemas.objects import TaskRun

SELDOM = (100_000, 50, 100)  # what a run allocates lives until its end, as on the command line
_BETWEEN_S = 0.5  # two writings of one step's progress

Move = tuple[str, int | None, int | None]  # theme_id, rank before, rank after


def work_on(root: Path, job_id: int, *, is_fork: bool = False) -> None:
    """Run the study for the job, or learn from it, and write how it ended.

    `is_fork` says that this process has loaded all it needs, and may be copied again.
    """
    gc.set_threshold(*SELDOM)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _stop)
    study = Study.open(root)
    with Jobs(study).writing():  # `start` wrote the job before this
        pass
    job = Jobs(study).last()
    if job is None or (job.job_id, job.pid) != (job_id, os.getpid()):
        return  # the ready process answered too late, and another process does it
    with JobRecord(study, job_id) as record:
        if job.task is JobTask.LEARN:
            train_study(study, author=job.asked_by, on_stage=record.begin)
            record.end()
            return
        record.prepare()
        before = _ranks(study)
        if is_served(study):
            outcome = run_by_service(study, record.observe)
        else:
            with forked_writer() if is_fork else nullcontext() as writer:
                outcome = conclude_review(
                    root, on_progress=record.tell, execute=record.execute, writer=writer
                )
        record.conclude(outcome, _moves(before, _ranks(study)))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class JobRecord:
    """The row of a job that this process does; an error that leaves the block is written in it."""

    def __init__(self, study: Study, job_id: int) -> None:
        self._study, self._job_id = study, job_id
        self._lock = threading.Lock()  # files are read in threads
        self._n_steps = 0
        self._told: tuple[str, float] = "", 0.0

    def __enter__(self) -> "JobRecord":
        return self

    def prepare(self) -> None:
        """Write what is to be done, and how long it took last time."""
        waiting = waiting_for(self._study)
        self._update(
            n_workshops=waiting.n_workshops,
            has_new_files=waiting.has_files,
            expected=json.dumps(expected_seconds(self._study, waiting)),
        )

    def tell(self, what: str, done: int, total: int) -> None:
        """Write the progress of a step, if it is another one or some time has passed."""
        told, at = self._told
        if what == told and done < total and time.monotonic() - at < _BETWEEN_S:
            return
        self._told = what, time.monotonic()
        self._update(what=what, n_done=done, n_total=total)

    def execute(self, call: StageCall) -> StageOutcome:
        """Execute a stage, and write its beginning and its end."""
        with self._lock:
            position = self._n_steps = self._n_steps + 1
        self._update(what="", n_done=0, n_total=0)
        self._write(
            "INSERT INTO steps (job_id, position, stage, workshop_id, started_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (self._job_id, position, call.stage, call.workshop_id, now()),
        )
        outcome = call.work()
        n_rows: dict[str, int] = {}
        for record in outcome.records:
            for name, n in record.n_rows.items():
                n_rows[name] = n_rows.get(name, 0) + n
        is_cached = bool(outcome.records) and all(row.is_cached for row in outcome.records)
        self._write(
            "UPDATE steps SET ended_at = ?, is_cached = ?, n_rows = ?"
            " WHERE job_id = ? AND position = ?",
            (now(), is_cached, json.dumps(n_rows), self._job_id, position),
        )
        return outcome

    def begin(self, stage: str) -> None:
        """Write that a stage begins, and that the one before it ended."""
        self._end_step()
        self._n_steps += 1
        self._write(
            "INSERT INTO steps (job_id, position, stage, started_at) VALUES (?, ?, ?, ?)",
            (self._job_id, self._n_steps, stage, now()),
        )

    def end(self) -> None:
        """Write that what was asked is done."""
        self._end_step()
        self._update(state=JobState.DONE, ended_at=now())

    def _end_step(self) -> None:
        self._write(
            "UPDATE steps SET ended_at = ? WHERE job_id = ? AND position = ?",
            (now(), self._job_id, self._n_steps),
        )

    def observe(self, tasks: "list[TaskRun]") -> None:
        """Write the stages that a flow run began: the tasks within that of the whole run."""
        for position, task in enumerate(tasks):
            stage, _, workshop_id = task.name.partition("-")
            if stage in PHASE_OF:
                ended_at = task.end_time.isoformat() if task.end_time else None
                self._write(
                    "INSERT OR REPLACE INTO steps"
                    " (job_id, position, stage, workshop_id, started_at, ended_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        self._job_id,
                        position,
                        stage,
                        workshop_id or None,
                        str(task.start_time),
                        ended_at,
                    ),
                )

    def conclude(self, outcome: Outcome, moves: list[Move]) -> None:
        """Write that the run is done, and what it changed."""
        self._update(
            state=JobState.DONE if outcome.is_new else JobState.NOTHING_NEW,
            ended_at=now(),
            run_id=outcome.manifest["run_id"],
            moves=json.dumps(moves),
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        """Write how the job failed; nobody reads this process's own output."""
        if error is None:
            return True
        job = Jobs(self._study).last()
        if job is not None and job.state is JobState.STOPPING:
            state, line = JobState.CANCELLED, ""
        elif isinstance(error, KeyboardInterrupt):
            state, line = JobState.INTERRUPTED, ""
        else:
            state, line = JobState.FAILED, str(in_words(error)).replace(f"{self._study.root}/", "")
        self._update(state=state, line=line, ended_at=now())
        return True

    def _update(self, **values: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        self._write(f"UPDATE jobs SET {columns} WHERE job_id = ?", (*values.values(), self._job_id))

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._lock, Jobs(self._study).writing() as connection:
            connection.execute(statement, values)


def _ranks(study: Study) -> dict[str, int]:
    if study.last_run() is None:
        return {}
    rows = study.read_table("priorities")
    rows = rows[rows["scope"] == "study"]
    return dict(zip(rows["theme_id"], rows["rank"].astype(int).tolist(), strict=True))


def _moves(before: Mapping[str, int], after: Mapping[str, int]) -> list[Move]:
    """Return the themes whose rank changed: in their new order, then those that have none."""
    moves = [
        (theme_id, before.get(theme_id), after.get(theme_id))
        for theme_id in {**after, **before}
        if before.get(theme_id) != after.get(theme_id)
    ]
    return sorted(moves, key=lambda move: (move[2] is None, move[2] or move[1] or 0))
