"""Jobs: what waits for a run, one process a study, what is said of it while it works and once it is dead."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.jobs import Job, Jobs, JobState, JobTask, Step, process_mark
from flows.jobs.progress import (
    Phase,
    expected_seconds,
    history,
    phases_of,
    seconds_ahead,
    seconds_left,
    waiting_for,
)
from pipeline.errors import StudyError
from pipeline.study import Study
from support.jobs import pretend_job
from support.studies import RETZ, new_small_study

AT = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
TOOK = {"read": 40.0, "code": 30.0, "themes": 20.0, "decide": 4.0, "compare": 6.0, "publish": 10.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A tiny study with the record of a run."""
    made = new_small_study(tmp_path_factory.mktemp("travaux") / "étude")
    stages = [
        {"stage": name, "workshop": RETZ if name == "read" else None, "seconds": seconds}
        for name, seconds in (("read", 40.0), ("cluster", 20.0), ("rank", 4.0))
    ]
    made.write_manifest(
        {
            "run_id": "20261001T090000000000Z",
            "is_done": True,
            "started_at": AT.isoformat(),
            "ended_at": (AT + timedelta(seconds=14)).isoformat(),
            "inputs": made.inventory().contents,
            "stages": [row | {"is_cached": row["stage"] != "rank"} for row in stages],
        }
    )
    return made


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own session, as a job's is."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(command, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def job(**fields: object) -> Job:
    """A running job that began at 9:00, of two workshops with new files."""
    told = {
        **dict.fromkeys(("ended_at", "stopped_by", "stopped_at", "run_id")),
        "job_id": 1,
        "state": JobState.RUNNING,
        "asked_by": "alix",
        "started_at": AT,
        "pid": 1,
        "process": "",
        "n_workshops": 2,
        "has_new_files": True,
        "expected": TOOK,
        "what": "",
        "n_done": 0,
        "n_total": 0,
        "line": "",
        "moves": (),
    }
    return Job(**{**told, **fields})  # type: ignore[arg-type]


def step(stage: str, start: int, end: int | None = None, *, is_cached: bool = False) -> Step:
    """A step from one second of the job to another."""
    ended_at = None if end is None else AT + timedelta(seconds=end)
    return Step(stage, None, AT + timedelta(seconds=start), ended_at, is_cached, {})


def shown(phases: list[Phase]) -> dict[str, tuple[str, float | None]]:
    return {phase.name: (phase.state, phase.share) for phase in phases if phase.state != "waiting"}


CACHED = [step(stage, 0, 1, is_cached=True) for stage in ("read", "tag")]
BEFORE = {"read": ("cached", 1.0), "code": ("cached", 1.0)}


def test_what_waits_is_counted_by_file_and_by_decision(tmp_path: Path) -> None:
    made = new_small_study(tmp_path / "étude")
    first = waiting_for(made)
    assert (first.n_files, first.n_new, first.n_workshops, first.n_decisions) == (2, 2, 1, 0)
    assert expected_seconds(made, first) == {}
    assert seconds_ahead(made, first) is None
    assert history(made, [], 10) == []


def test_after_a_run_only_what_changed_waits(study: Study) -> None:
    nothing = waiting_for(study)
    assert (nothing.has_files, nothing.n_decisions, nothing.n_files) == (False, 0, 2)
    table, new = (study.depot / RETZ / f"Table {n}.txt" for n in (1, 3))
    before = table.read_bytes()
    table.write_bytes(before + b"- et plus de bus\n")
    new.write_text("Q1\n- une maison de santé\n", encoding="utf-8")
    (study.depot / RETZ / "Table 2.txt").touch()  # the same content
    study.decisions.append(author="alix", action="reject_theme", theme_id="t-1", why="non")
    now = waiting_for(study)
    assert (now.n_new, now.n_changed, now.n_gone, now.n_decisions) == (1, 1, 0, 1)
    assert (seconds_ahead(study, nothing), seconds_ahead(study, now)) == (4 + 10, 40 + 20 + 4 + 10)
    table.write_bytes(before)
    new.unlink()
    assert not waiting_for(study).has_files
    (run,) = history(study, [], 10)
    assert run.job is None and run.seconds == 14


@pytest.mark.parametrize(
    ("told", "steps", "at", "expected", "left"),
    [
        ({}, [], 3, {"read": ("running", None)}, 110),
        (
            {"what": "lecture", "n_done": 1, "n_total": 4},
            [step("read", 0, 10), step("segment", 10, 11), step("read", 11)],
            20,
            {"read": ("running", (1 + 1 / 4) / 2)},
            90,
        ),
        (
            {},
            [step("read", 0, 40), step("segment", 40, 41), step("tag", 41)],
            56,
            {"read": ("done", 1.0), "code": ("running", 0.5)},
            15 + 40,
        ),
        (  # longer than last time: no bar is full before its end
            {"has_new_files": False},
            [*CACHED, step("cluster", 1, 1, is_cached=True), step("decide", 1)],
            60,
            {**BEFORE, "themes": ("cached", 1.0), "decide": ("running", 0.95)},
            16,
        ),
        (  # nothing new among files, and yet themes are computed again
            {"has_new_files": False},
            [*CACHED, step("cluster", 1)],
            11,
            {**BEFORE, "themes": ("running", 0.5)},
            10 + 20,
        ),
        ({"expected": {}}, [step("read", 0)], 11, {"read": ("running", 0.0)}, None),
    ],
)
def test_phases_and_remaining_seconds(told, steps, at, expected, left) -> None:
    running = job(**told)
    phases = phases_of(running, steps, AT + timedelta(seconds=at))
    assert shown(phases) == expected
    assert seconds_left(running, phases) == left


def test_the_phases_of_a_failed_job_stop_where_it_failed() -> None:
    failed = job(state=JobState.FAILED, ended_at=AT + timedelta(seconds=50), line="…")
    phases = phases_of(failed, [step("read", 0, 40), step("tag", 41)])
    assert shown(phases) == {"read": ("done", 1.0), "code": ("stopped", None)}


def test_a_process_is_told_from_a_later_one_of_its_number(sleeper) -> None:
    mark = process_mark(sleeper.pid)
    assert mark and mark == process_mark(sleeper.pid) and mark != process_mark(os.getpid())
    sleeper.kill()
    while sleeper.poll() is None:
        pass
    assert process_mark(sleeper.pid) is None


def test_a_job_whose_process_is_gone_is_interrupted_and_another_may_start(study, sleeper) -> None:
    jobs = Jobs(study)
    pretend_job(study, "alix", sleeper.pid)
    assert jobs.start("bilal")[1] is False
    running = jobs.last()
    assert running is not None and (running.asked_by, running.state) == ("alix", JobState.RUNNING)
    sleeper.kill()  # a zombie until its parent looks, and yet dead
    while process_mark(sleeper.pid):
        pass
    gone = jobs.last()
    assert gone is not None and gone.state is JobState.INTERRUPTED and gone.ended_at is not None


def test_a_cancelled_job_stops_and_says_by_whom(study, sleeper) -> None:
    jobs = Jobs(study)
    pretend_job(study, "alix", sleeper.pid)
    assert jobs.cancel("chantal") and not jobs.cancel("denis")
    sleeper.wait(10)
    ended = jobs.last()
    assert ended is not None and (ended.state, ended.stopped_by) == (JobState.CANCELLED, "chantal")
    assert not jobs.cancel("denis")


def test_a_publication_is_told_beside_runs_and_holds_none_back(study, sleeper) -> None:
    jobs, before = Jobs(study), Jobs(study).last()
    first, second = (jobs.note(JobTask.PUBLISH, who) for who in ("alix", "bilal"))
    jobs.note_end(first, JobState.DONE, run_id="20261001T090000000000Z")
    pretend_job(study, "chantal", sleeper.pid)
    with jobs.writing() as connection:  # the process of the second was killed
        connection.execute("UPDATE jobs SET process = 'gone' WHERE job_id = ?", (second,))
    running = jobs.last()
    assert running is not None and running != before and running.asked_by == "chantal"
    told = [(job.task.value, job.asked_by, job.state.value) for job in jobs.latest(3)]
    assert told == [
        ("run", "chantal", "running"),
        ("publish", "bilal", "interrupted"),
        ("publish", "alix", "done"),
    ]
    rows = history(study, jobs.latest(3), 30)
    assert "20261001T090000000000Z" in {row.job.run_id for row in rows if row.job}
    assert all(row.job for row in rows), "the run that was published is told once"
    sleeper.kill()


def test_two_people_who_start_at_once_start_one_job(study: Study) -> None:
    jobs, started = Jobs(study), []
    both = [
        threading.Thread(target=lambda who=who: started.append(jobs.start(who)))  # type: ignore[misc]
        for who in ("alix", "bilal")
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(is_new for _, is_new in started) == [False, True]
    assert len({job.job_id for job, _ in started}) == 1
    jobs.cancel("alix")
    while (last := jobs.last()) and last.is_running:
        pass


def test_a_table_of_jobs_that_cannot_be_read_is_told_in_three_lines(tmp_path: Path) -> None:
    made = new_small_study(tmp_path / "étude")
    (made.root / ".review").mkdir()
    (made.root / ".review" / "jobs.sqlite3").write_bytes(b"ceci n'est pas une base" * 100)
    with pytest.raises(StudyError, match=r"l'historique"):
        Jobs(made).start("alix")
