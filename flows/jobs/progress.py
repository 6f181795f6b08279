"""Say what waits for the next run, how far a job is, and how long it still takes.

A job's seconds are those that the last run took for each stage, as its manifest tells them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from flows.jobs import Job, JobState, Step
from pipeline.decisions import KINDS
from pipeline.depot import Inventory, Stamp, WorkshopFiles
from pipeline.errors import reason_of
from pipeline.files import file_hash
from pipeline.study import Study, read_manifest

_AT_ONCE = frozenset(action for action, kind in KINDS.items() if not kind.awaits_run)
PHASES: Mapping[str, tuple[str, ...]] = {  # stages by phase, as they run
    "read": ("read", "segment"),
    "code": ("tag", "second", "agree", "order"),
    "themes": ("cluster", "join", "propose"),
    "decide": ("decide", "rank"),
    "compare": ("compare",),
    "publish": ("write", "publish"),
}
PHASE_OF = {stage: phase for phase, stages in PHASES.items() for stage in stages}
_ON_FILES = ("read", "code", "themes")  # cached while no file changes
_BY_WORKSHOP = ("read", "segment", "tag")
_MOST = 0.95  # of a bar that time alone moves
_CACHED_S = 5.0  # cached phases take less


@dataclass(frozen=True)
class Backlog:
    """Files and decisions that came after the last run."""

    n_files: int
    n_new: int
    n_changed: int
    n_gone: int
    n_decisions: int
    n_workshops: int
    n_workshops_touched: int

    @property
    def has_files(self) -> bool:
        """Whether any file is new, changed or gone."""
        return bool(self.n_new + self.n_changed + self.n_gone)


def waiting_for(study: Study) -> Backlog:
    """Compare the depot and the decisions with those of the last run.

    Only files touched since it began are read again: a large depot takes no time.
    """
    last = study.last_run() or {}
    before: dict[str, str] = last.get("inputs", {})
    since = datetime.fromisoformat(last["started_at"]).timestamp() if last else 0.0
    workshops = Inventory(study.depot).workshops
    files = {
        path: state for workshop in workshops for path, state in _files(workshop, before, since)
    }
    new = {path for path in files if path not in before}
    changed = {path for path, state in files.items() if state != before.get(path)} - new
    gone = before.keys() - files.keys()
    return Backlog(
        len(files),
        len(new),
        len(changed),
        len(gone),
        n_decisions_waiting(study) if last else 0,
        len(workshops),
        len({path.split("/")[0] for path in (*new, *changed, *gone)}),
    )


def n_decisions_waiting(study: Study) -> int:
    """Return how many decisions came that change a table came after those applied."""
    ids = study.read_table("decision_effects")["decision_id"]
    last_counted = int(ids.max()) if len(ids) else 0
    return study.decisions.count_after(last_counted, but_for=_AT_ONCE)


def _files(
    workshop: WorkshopFiles, before: Mapping[str, str], since: float
) -> Iterable[tuple[str, str]]:
    """Yield the path below depot/ and the hash of each file, as a run would record them."""
    for file in workshop.files:
        state = before.get(file.name, "")
        if state and max(file.stamp[1:3]) >= since * 1e9:
            try:
                state = _hash(file.path, file.stamp)
            except OSError as error:
                state = reason_of(error)
        yield file.name, state
    for entry in workshop.unread:
        yield entry.name, entry.reason


@lru_cache(maxsize=4096)
def _hash(path: Path, _stamp: Stamp) -> str:
    return file_hash(path)


def expected_seconds(study: Study, waiting: Backlog) -> dict[str, float]:
    """Return the seconds that each phase takes if it is computed; none before a first run.

    Records of cached stages keep the seconds that computing them took. Reading and tagging are
    counted for the workshops with new files only.
    """
    last = study.last_run()
    if last is None:
        return {}
    seconds = dict.fromkeys(PHASES, 0.0)
    n_before = len({row["workshop"] for row in last["stages"] if row["workshop"]})
    touched = waiting.n_workshops_touched / n_before if waiting.has_files and n_before else 1.0
    for row in last["stages"]:
        if row["stage"] in PHASE_OF:
            share = touched if row["stage"] in _BY_WORKSHOP else 1.0
            seconds[PHASE_OF[row["stage"]]] += share * row["seconds"]
    computed = sum(row["seconds"] for row in last["stages"] if not row["is_cached"])
    started, ended = (datetime.fromisoformat(last[name]) for name in ("started_at", "ended_at"))
    seconds["publish"] += max((ended - started).total_seconds() - computed, 1.0)
    return {phase: round(took, 1) for phase, took in seconds.items()}


def seconds_ahead(study: Study, waiting: Backlog) -> float | None:
    """Return the seconds that a run should take now; None before a first one."""
    expected = expected_seconds(study, waiting)
    phases = (name for name in expected if waiting.has_files or name not in _ON_FILES)
    return sum(expected[name] for name in phases) if expected else None


PhaseState = Literal["waiting", "running", "done", "cached", "stopped"]


@dataclass(frozen=True)
class Phase:
    """A phase of a job; `share` is done of it, 0..1, None while unknown."""

    name: str
    state: PhaseState
    share: float | None = None
    seconds: float = 0.0


def phases_of(job: Job, steps: Sequence[Step], at: datetime | None = None) -> list[Phase]:
    """Return the phases of a job, those that have begun with what is done of them."""
    at = at or datetime.now(UTC)
    own = {
        name: [step for step in steps if step.stage in stages] for name, stages in PHASES.items()
    }
    begun = [name for name in PHASES if own[name]] or ["read"]
    is_over = job.state in (JobState.DONE, JobState.NOTHING_NEW)
    current = "" if is_over else begun[-1]
    return [_phase(name, own[name], job, at, is_current=name == current) for name in PHASES]


def _phase(name: str, steps: Sequence[Step], job: Job, at: datetime, *, is_current: bool) -> Phase:
    if not steps:
        is_preparing = is_current and job.is_running
        return Phase(name, "running" if is_preparing else "waiting")
    ended_at = steps[-1].ended_at or job.ended_at or at
    seconds = (ended_at - steps[0].started_at).total_seconds()
    if not is_current:
        is_cached = all(step.is_cached for step in steps)
        return Phase(name, "cached" if is_cached else "done", 1.0, seconds)
    if not job.is_running:
        return Phase(name, "stopped", None, seconds)
    if name == "read" and job.n_workshops:
        n_read = sum(step.stage == "read" and step.ended_at is not None for step in steps)
        is_reading = steps[-1].stage == "read" and steps[-1].ended_at is None
        within = job.n_done / job.n_total if is_reading and job.n_total else 0.0
        return Phase(name, "running", min((n_read + within) / job.n_workshops, 1.0), seconds)
    expected = job.expected.get(name, 0.0)
    share = min(seconds / expected, _MOST) if expected else None
    return Phase(name, "running", share, seconds)


def seconds_left(job: Job, phases: Sequence[Phase]) -> float | None:
    """Return the seconds that a running job still takes; None where no run tells.

    Phases on files count where files are new, or where one turns out to be computed again.
    """
    if not job.expected:
        return None
    is_computed = job.has_new_files or any(
        phase.name in _ON_FILES and phase.seconds > _CACHED_S and phase.state != "cached"
        for phase in phases
    )
    return sum(
        max(job.expected.get(phase.name, 0.0) - phase.seconds, 0.0)
        for phase in phases
        if phase.state in ("waiting", "running") and (is_computed or phase.name not in _ON_FILES)
    )


@dataclass(frozen=True)
class PastRun:
    """A run, publication or restoration: a job, or a run made by command line or schedule."""

    started_at: datetime
    ended_at: datetime | None
    job: Job | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long it took, once ended."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


def history(study: Study, jobs: Iterable[Job], n_runs: int) -> list[PastRun]:
    """Return the last runs, those of `jobs` and those made otherwise, the latest first."""
    runs = [PastRun(job.started_at, job.ended_at, job) for job in jobs]
    known = {run.job.run_id for run in runs if run.job}
    paths = sorted(study.runs.glob("*.json"), reverse=True)[: n_runs + len(known)]
    for path in paths:
        if path.stem not in known and (times := _times(path, path.stat().st_mtime_ns)):
            runs.append(PastRun(*times))
    return sorted(runs, key=lambda run: run.started_at, reverse=True)[:n_runs]


@lru_cache(maxsize=1024)
def _times(path: Path, _written_at: int) -> tuple[datetime, datetime] | None:
    manifest: dict[str, Any] = read_manifest(path)
    if not manifest.get("is_done"):
        return None
    started, ended = (datetime.fromisoformat(manifest[name]) for name in ("started_at", "ended_at"))
    return started, ended
