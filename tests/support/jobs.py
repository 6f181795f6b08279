"""Jobs that a test pretends, and the wait for real ones."""

from flows.jobs import Job, Jobs, JobState, now, process_mark
from pipeline.study import Study
from support.served import wait_for


def pretend_job(study: Study, asked_by: str, pid: int) -> None:
    """Write a running job that the process `pid` is said to do."""
    with Jobs(study).writing() as connection:
        connection.execute(
            "INSERT INTO jobs (state, asked_by, started_at, pid, process) VALUES (?, ?, ?, ?, ?)",
            (JobState.RUNNING, asked_by, now(), pid, process_mark(pid)),
        )


def ended_job(study: Study) -> Job:
    """Return the last job, once it has ended."""

    def last() -> Job | None:
        job = Jobs(study).last()
        return job if job is not None and not job.is_running else None

    job: Job = wait_for(last, "the end of the job")
    return job
