"""Jobs that are forks of a process that has loaded what they need."""

import os
import select
import signal
from pathlib import Path

import pytest

from flows.jobs import Jobs, JobState
from flows.jobs.warm import ready_process
from flows.run import run_study
from pipeline.study import Study
from support.jobs import ended_job
from support.served import wait_for
from support.studies import new_small_study


def test_without_a_ready_process_a_job_is_not_forked(tmp_path: Path) -> None:
    ready_process().prepare()  # refused: there are none in tests
    assert ready_process().fork(tmp_path, 1) is None


@pytest.mark.slow
def test_forked_jobs_write_what_a_run_does_and_a_killed_one_takes_nothing_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIERS_READY_PROCESS", "1")
    study, alone = (new_small_study(tmp_path / name) for name in ("un", "deux"))
    ready = ready_process()
    try:
        ready.prepare()
        (study.root / ".review").mkdir()
        of_no_job = ready.fork(study.root, 1, wait_s=300)
        killed = _forked_job(study)
        os.kill(killed, signal.SIGKILL)
        assert ended_job(study).state is JobState.INTERRUPTED
        done = _forked_job(study)
        run_study(alone.root)
        assert ended_job(study).state is JobState.DONE
        forks = {of_no_job, killed, done}
        wait_for(lambda: not any(Path(f"/proc/{fork}").exists() for fork in forks), "their end")
        assert len(forks) == 3 and None not in forks
    finally:
        ready.close()
    assert study.table_hashes() == alone.table_hashes()
    assert study.last_run()["versions"] == alone.last_run()["versions"]


def _forked_job(study: Study) -> int:
    """Start a job; return its process, whose parent is the ready one."""
    ready = ready_process()._process
    assert ready is not None
    said = [ready.stdout]  # a job is not forked, where it is not ready again since the last one
    wait_for(lambda: select.select(said, [], [], 0)[0], "the ready process")
    job, _ = Jobs(study).start("alix")
    parent = Path(f"/proc/{job.pid}/stat").read_text().rpartition(")")[2].split()[1]
    assert int(parent) == ready.pid
    return job.pid
