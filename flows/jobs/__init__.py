"""Process a study, or learn from it, in a process of its own that outlives page and server.

In:   a study, and who asks
Out:  .review/jobs.sqlite3: who asked for which run or learning, how far it is, how it ended; and
      who published or restored, when, and how that ended
      (the file is made at the first request; deleting it loses the history alone)
"""

import json
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from flows.jobs.warm import ready_process
from pipeline.child import death_told, start_module
from pipeline.errors import StudyError
from pipeline.study import Study

_WAIT_S = 20.0  # for another writer
_N_READ = 100  # jobs, for the last of one task
_GRACE_S = 10.0  # between asking a process to stop and killing it
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  job_id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, asked_by TEXT NOT NULL,
  started_at TEXT NOT NULL, ended_at TEXT, stopped_by TEXT, stopped_at TEXT,
  pid INTEGER NOT NULL DEFAULT 0, process TEXT NOT NULL DEFAULT '',
  n_workshops INTEGER NOT NULL DEFAULT 0, has_new_files INTEGER NOT NULL DEFAULT 1,
  expected TEXT NOT NULL DEFAULT '{}',
  what TEXT NOT NULL DEFAULT '', n_done INTEGER NOT NULL DEFAULT 0,
  n_total INTEGER NOT NULL DEFAULT 0,
  line TEXT NOT NULL DEFAULT '', run_id TEXT, moves TEXT NOT NULL DEFAULT '[]',
  task TEXT NOT NULL DEFAULT 'run');
CREATE TABLE IF NOT EXISTS steps (
  job_id INTEGER NOT NULL, position INTEGER NOT NULL, stage TEXT NOT NULL,
  workshop_id TEXT, started_at TEXT NOT NULL, ended_at TEXT, is_cached INTEGER NOT NULL DEFAULT 0,
  n_rows TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (job_id, position));
"""


class JobTask(StrEnum):
    """What a job does."""

    RUN = "run"
    LEARN = "learn"
    PUBLISH = "publish"  # this one and the next are noted by the process that does them
    RESTORE = "restore"


_WORKED_ON = (JobTask.RUN, JobTask.LEARN)  # by one worker at a time


class JobState(StrEnum):
    """How far a job is, or how it ended."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    NOTHING_NEW = "nothing_new"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died, or the machine stopped


@dataclass(frozen=True)
class Step:
    """A stage that a job began, with its counts once it ended."""

    stage: str
    workshop_id: str | None
    started_at: datetime
    ended_at: datetime | None
    is_cached: bool
    n_rows: dict[str, int]


@dataclass(frozen=True)
class Job:
    """What somebody asked for; `expected` are seconds by phase, `moves` ranks by theme."""

    job_id: int
    state: JobState
    asked_by: str
    started_at: datetime
    ended_at: datetime | None
    stopped_by: str | None
    stopped_at: datetime | None
    pid: int
    process: str
    n_workshops: int
    has_new_files: bool
    expected: dict[str, float]
    what: str
    n_done: int
    n_total: int
    line: str
    run_id: str | None
    moves: tuple[tuple[str, int | None, int | None], ...]  # theme_id, rank before, rank after
    task: JobTask = JobTask.RUN  # a table of before has no other

    @property
    def is_running(self) -> bool:
        """Whether its process works, or is being stopped."""
        return self.state in (JobState.RUNNING, JobState.STOPPING)

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> "Job":
        """Return the job of a row of the table."""
        fields: dict[str, Any] = dict(row)
        for name in ("started_at", "ended_at", "stopped_at"):
            fields[name] = _time(fields[name])
        fields["expected"] = json.loads(fields["expected"])
        fields["moves"] = tuple(tuple(move) for move in json.loads(fields["moves"]))
        fields["state"] = JobState(fields["state"])
        fields["task"] = JobTask(fields.get("task", JobTask.RUN))
        fields["has_new_files"] = bool(fields["has_new_files"])
        return cls(**fields)


class Jobs:
    """The jobs of one study, one run or learning at a time; whoever looks marks those that died."""

    def __init__(self, study: Study) -> None:
        self._root = study.root
        self._path = study.root / ".review" / "jobs.sqlite3"
        self._death = study.root / ".review" / "jobs.arret"

    def start(self, asked_by: str, task: JobTask = JobTask.RUN) -> tuple[Job, bool]:
        """Return a new job in a process of its own, or the running one and False."""
        with self.writing() as connection:
            last = self._settled(connection)
            if last is not None and last.is_running:
                return last, False
            connection.execute(  # only the last job's are shown
                "DELETE FROM steps WHERE job_id IN (SELECT job_id FROM jobs WHERE task = ?)",
                (task,),
            )
            job_id = connection.execute(
                "INSERT INTO jobs (state, asked_by, started_at, task) VALUES (?, ?, ?, ?)",
                (JobState.RUNNING, asked_by, now(), task),
            ).lastrowid
            assert job_id is not None
            pid = ready_process().fork(self._root, job_id, death=self._death) or _start_process(
                self._root, job_id, self._death
            )
            connection.execute(
                "UPDATE jobs SET pid = ?, process = ? WHERE job_id = ?",
                (pid, process_mark(pid) or "", job_id),
            )
            job = self._settled(connection)
        assert job is not None
        return job, True

    def cancel(self, stopped_by: str, task: JobTask = JobTask.RUN) -> bool:
        """Ask the running job of a task to stop; return False where none is running."""
        with self.writing() as connection:
            job = self._settled(connection)
            if job is None or job.state is not JobState.RUNNING or job.task is not task:
                return False
            connection.execute(
                "UPDATE jobs SET state = ?, stopped_by = ?, stopped_at = ? WHERE job_id = ?",
                (JobState.STOPPING, stopped_by, now(), job.job_id),
            )
            with suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGTERM)
        return True

    def last(self, task: JobTask | None = None) -> Job | None:
        """Return the run or learning started last, or the last job of one task."""
        tasks = _WORKED_ON if task is None else (task,)
        return next((job for job in self.latest(_N_READ) if job.task in tasks), None)

    def note(self, task: JobTask, asked_by: str) -> int:
        """Write that this process begins a task, which it ends with `note_end`; return its number.

        It may go on beside a run, and nobody cancels it here.
        """
        pid = os.getpid()
        with self.writing() as connection:
            job_id = connection.execute(
                "INSERT INTO jobs (state, asked_by, started_at, task, pid, process)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (JobState.RUNNING, asked_by, now(), task, pid, process_mark(pid) or ""),
            ).lastrowid
        assert job_id is not None
        return job_id

    def note_end(self, job_id: int, state: JobState, *, line: str = "", run_id: str | None) -> None:
        """Write how a noted task ended; `run_id` is that of what it published."""
        with self.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, ended_at = ?, line = ?, run_id = ? WHERE job_id = ?",
                (state, now(), line, run_id, job_id),
            )

    def latest(self, n_jobs: int) -> list[Job]:
        """Return the last jobs, the latest first."""
        if not self._path.is_file():
            return []
        with self._open() as connection:
            self._settled(connection)
            rows = connection.execute("SELECT * FROM jobs ORDER BY job_id DESC LIMIT ?", (n_jobs,))
            return [Job.of_row(row) for row in rows]

    def steps(self, job_id: int) -> list[Step]:
        """Return the stages that a job began, in order."""
        if not self._path.is_file():
            return []
        with self._open() as connection:
            rows = connection.execute(
                "SELECT * FROM steps WHERE job_id = ? ORDER BY position", (job_id,)
            )
            return [_step(row) for row in rows]

    def _settled(self, connection: sqlite3.Connection) -> Job | None:
        """Return the last run or learning, once jobs whose process is gone are marked as ended."""
        states = (JobState.RUNNING, JobState.STOPPING)
        rows = connection.execute("SELECT * FROM jobs WHERE state IN (?, ?)", states)
        for job in list(map(Job.of_row, rows)):
            is_stopping = job.state is JobState.STOPPING
            if process_mark(job.pid) != job.process:
                connection.execute(  # unless it has just ended by itself
                    "UPDATE jobs SET state = ?, ended_at = ?, line = ?"
                    " WHERE job_id = ? AND state = ?",
                    (
                        JobState.CANCELLED if is_stopping else JobState.INTERRUPTED,
                        now(),
                        death_told(self._death) if job.task in _WORKED_ON else "",
                        job.job_id,
                        job.state,
                    ),
                )
            elif job.stopped_at and (datetime.now(UTC) - job.stopped_at).total_seconds() > _GRACE_S:
                with suppress(ProcessLookupError):
                    os.killpg(job.pid, signal.SIGKILL)
        rows = connection.execute("SELECT * FROM jobs ORDER BY job_id DESC LIMIT ?", (_N_READ,))
        return next((job for job in map(Job.of_row, rows) if job.task in _WORKED_ON), None)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction that nobody else writes during."""
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._path.touch(mode=0o600)
        except OSError as error:
            raise self._fault(error) from error
        with self._open() as connection:
            connection.executescript(_TABLES)
            if "task" not in {row["name"] for row in connection.execute("PRAGMA table_info(jobs)")}:
                connection.execute("ALTER TABLE jobs ADD COLUMN task TEXT NOT NULL DEFAULT 'run'")
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(
                self._path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            with closing(connection):
                yield connection
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> StudyError:
        return StudyError(
            f"la liste des traitements ne s'ouvre pas ({type(error).__name__})",
            "un fichier .review/jobs.sqlite3 que l'on peut lire et écrire",
            "vérifier les droits de ce dossier ; un fichier abîmé peut être effacé, il ne tient "
            "que l'historique",
        )


def _start_process(root: Path, job_id: int, death: Path) -> int:
    process = start_module("flows.jobs", root, job_id, death=death, start_new_session=True)
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie
    return process.pid


def process_mark(pid: int) -> str | None:
    """Return what tells a process from a later one of the same number; None if it ended."""
    stat = Path(f"/proc/{pid}/stat")
    if not _BOOT.is_file():  # no /proc
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None
    try:
        state, *fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = _BOOT.read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else f"{boot} {fields[18]}"  # 22nd field of the file


def now() -> str:
    """Return the time as the table holds it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _step(row: sqlite3.Row) -> Step:
    return Step(
        row["stage"],
        row["workshop_id"],
        datetime.fromisoformat(row["started_at"]),
        _time(row["ended_at"]),
        bool(row["is_cached"]),
        json.loads(row["n_rows"]),
    )
