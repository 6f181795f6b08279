"""Do what no page waits for in a process of its own: publish, export, erase a person, back up.

The process goes on when the server ends. Its state is in .review/taches/<name>.json, beside a lock
that it holds until its end: a state without the lock is that of a process that was killed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.jobs import Jobs, JobState, JobTask
from pipeline.child import death_told, start_module
from pipeline.errors import AteliersError, StudyError
from pipeline.files import write_bytes
from pipeline.locks import lock, unlock
from pipeline.study import Study, locked_file

Tell = Callable[[str, int, int], None]
_EVERY_S = 0.5  # between two records of the progress
_LEAVES_S = 15.0  # a process that wrote its end takes to leave its lock, on a busy machine


@dataclass(frozen=True)
class Task:
    """What was asked for, how far it is, and its `result`, or its `fault`: found, expected, do."""

    name: str
    asked_by: str
    started_at: str
    about: str = ""
    step: str = ""
    n_done: int = 0
    n_steps: int = 0
    result: dict[str, Any] | None = None
    fault: tuple[str, str, str] | None = None
    ended_at: str = ""
    is_running: bool = False
    death: str = ""  # the error that ended its process, where it left one

    @property
    def has_failed(self) -> bool:
        """Whether it ended without a result."""
        return not self.is_running and self.result is None

    @property
    def was_cut(self) -> bool:
        """Whether it ended without a word, killed or by a power cut."""
        return not (self.is_running or self.ended_at)


def task_of(root: Path, name: str) -> Task | None:
    """Return the last task of this name, None before any."""
    task = _read(root, name)
    if task is None or task.ended_at:
        return task
    if _is_locked(root, name):
        return replace(task, is_running=True)
    task = _read(root, name)  # it may have ended in between
    if task is None or task.ended_at:
        return task
    return replace(task, death=death_told(_death_path(root, name)))


def start_task(
    root: Path,
    name: str,
    *,
    asked_by: str,
    about: str = "",
    arguments: Mapping[str, Any] | None = None,
) -> bool:
    """Start a process that does `TASKS[name]`, unless one does; return whether it started.

    `arguments` go through a pipe: names and passphrases are seen in no list of processes.
    Raises `StudyError` where the study cannot be written to.
    """
    busy = StudyError("déjà en cours", "une fois à la fois", "attendre")
    end = time.monotonic() + _LEAVES_S
    _lock_path(root, name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        try:
            with locked_file(_lock_path(root, name), busy) as handle:
                task = Task(name, asked_by, _now(), about)
                _write(root, task)
                _start(root, task, dict(arguments or {}), handle)
            return True
        except StudyError as error:
            if error is not busy:
                raise
            last = _read(root, name)
            if last is None or not last.ended_at or time.monotonic() > end:
                return False
            time.sleep(0.05)


def _start(root: Path, task: Task, arguments: dict[str, Any], handle: int) -> None:
    process = start_module(
        "flows.tasks",
        root,
        handle,
        death=_death_path(root, task.name),
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=(handle,),
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        json.dump({"task": asdict(task), "arguments": arguments}, stdin)


def clear_task(root: Path, name: str) -> None:
    """Forget what a task that ended answered."""
    task = task_of(root, name)
    if task is not None and not task.is_running:
        _state_path(root, name).unlink(missing_ok=True)


def _publish(root: Path, asked_by: str, tell: Tell) -> dict[str, Any]:
    from flows.publication import publish_whole
    from flows.publication_files import note_publisher
    from flows.run import run_study

    outcome = run_study(root, on_progress=tell)
    study = Study.open(root)
    with study.locked():
        publication = publish_whole(root, outcome.manifest, on_progress=tell)
    note_publisher(study, publication.folder.name, asked_by)
    counts = {"n_files": len(publication.files), "n_let_go": publication.n_let_go}
    return {"run_id": publication.folder.name} | counts


def _export(root: Path, asked_by: str, tell: Tell, *, form: str) -> dict[str, Any]:
    from flows.publication_files import make_export

    return {"form": form, "n_bytes": make_export(Study.open(root), form).stat().st_size}


def _forget(
    root: Path,
    asked_by: str,
    tell: Tell,
    *,
    wanted: str,
    with_words: bool,
    participant_ids: list[str] | None = None,
) -> dict[str, Any]:
    """Say what would be erased, or erase once `wanted` is who the plan was made for."""
    from flows.forget import find_participant, forget_person

    found = find_participant(root, wanted) if participant_ids is not None else None
    if participant_ids is not None and [found] * bool(found) != participant_ids:
        raise StudyError(
            "ce que vous venez de taper désigne quelqu'un d'autre",
            f"la personne de l'essai ({', '.join(participant_ids) or 'déjà effacée'})",
            "recommencer par l'essai ; rien n'a été effacé",
        )
    erasure = forget_person(
        root,
        wanted,
        with_words=with_words,
        dry_run=participant_ids is None,
        author=asked_by,
        on_progress=tell,
    )
    return erasure.as_json() | {"with_words": with_words}


def _back_up(root: Path, asked_by: str, tell: Tell, *, passphrase: str | None) -> dict[str, Any]:
    from flows.backup import backup_study

    tell("sauvegarde", 0, 1)
    backup = backup_study(root, passphrase=passphrase)
    return {"name": backup.path.name, "n_files": backup.n_files}


def _restore(
    root: Path,
    asked_by: str,
    tell: Tell,
    *,
    archive: str | None,
    passphrase: str | None,
) -> dict[str, Any]:
    """Say what restoring `archive` would change, or without one restore what was tried."""
    from flows.restoration import restore_over, try_restoration

    if archive is None:
        tell("restauration", 0, 1)
        return restore_over(root, passphrase=passphrase, author=asked_by)
    return try_restoration(root, Path(archive), passphrase)


def _take_back(
    root: Path, asked_by: str, tell: Tell, *, path: str, of_everybody: bool
) -> dict[str, Any]:
    from flows.coming_back import take_back

    return take_back(root, Path(path), author=asked_by, of_everybody=of_everybody)


def _send_back(root: Path, asked_by: str, tell: Tell, *, sends: bool) -> dict[str, Any]:
    """Say who would be sent the sheets of their workshops, or send them."""
    from flows.send_back import send_back

    return send_back(root, is_dry_run=not sends, tell=tell).as_json()


TASKS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "publish": _publish,
    "export": _export,
    "forget": _forget,
    "backup": _back_up,
    "restore": _restore,
    "take_back": _take_back,
    "send_back": _send_back,
}

_IN_HISTORY = {"publish": JobTask.PUBLISH, "restore": JobTask.RESTORE}


def _work(root: Path, handle: int) -> None:
    """Do the task that standard input describes, record how it ends and leave the lock."""
    asked = json.load(sys.stdin)
    task = Task(**asked["task"])
    last_told = 0.0

    def tell(step: str, n_done: int, n_steps: int) -> None:
        nonlocal task, last_told
        is_new = step != task.step
        task = replace(task, step=step, n_done=n_done, n_steps=n_steps)
        if is_new or time.monotonic() - last_told > _EVERY_S:
            last_told = time.monotonic()
            _write(root, task)

    noted = _note(root, task, asked["arguments"])
    try:
        result = TASKS[task.name](root, task.asked_by, tell, **asked["arguments"])
        task = replace(task, result=result)
    except AteliersError as error:
        task = replace(task, fault=(error.found, error.expected, error.do))
    _note_end(root, noted, task)
    _write(root, replace(task, ended_at=_now()))
    unlock(handle)  # ending takes a while, and a worker may still hold it


def _note(root: Path, task: Task, arguments: Mapping[str, Any]) -> int | None:
    """Write in the history of jobs that a publication or a restoration begins; return its number.

    The history is worth no task: one that cannot be written is left.
    """
    kind = _IN_HISTORY.get(task.name)
    if kind is None or (kind is JobTask.RESTORE and arguments.get("archive") is not None):
        return None
    with suppress(StudyError):
        return Jobs(Study.open(root)).note(kind, task.asked_by)
    return None


def _note_end(root: Path, job_id: int | None, task: Task) -> None:
    if job_id is None:
        return
    state = JobState.FAILED if task.fault else JobState.DONE
    line = " ; ".join((task.fault[0], task.fault[2])) if task.fault else ""
    run_id = (task.result or {}).get("run_id") if task.name == "publish" else None
    with suppress(StudyError):
        Jobs(Study.open(root)).note_end(job_id, state, line=line, run_id=run_id)


def _read(root: Path, name: str) -> Task | None:
    try:
        return Task(**json.loads(_state_path(root, name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _write(root: Path, task: Task) -> None:
    fields = asdict(task)
    del fields["is_running"], fields["death"]
    content = json.dumps(fields, ensure_ascii=False).encode()
    write_bytes(_state_path(root, task.name), content, mode=0o600)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _state_path(root: Path, name: str) -> Path:
    return root / ".review" / "taches" / f"{name}.json"


def _death_path(root: Path, name: str) -> Path:
    return root / ".review" / "taches" / f"{name}.arret"


def _lock_path(root: Path, name: str) -> Path:
    return root / ".review" / "taches" / f"{name}.lock"


def _is_locked(root: Path, name: str) -> bool:
    try:
        handle = os.open(_lock_path(root, name), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        lock(handle)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]))
