"""Keep ready what a job needs: a process that has imported and loaded it, and forks for each job.

In:   a line a job on standard input: its study, its number and its environment, as JSON
Out:  the number of the process that does it, or an empty line where the code has changed since

The ready process reads no study: a job works on a copy of its memory, and takes its faults along.
Runs of a service are forked too, by the standard library, so that Prefect sees how they end.
"""

import gc
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from multiprocessing import forkserver, get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from types import SimpleNamespace

from pipeline.child import apart, start_module
from pipeline.versions import installed_stamp

_SWITCH = "ATELIERS_READY_PROCESS"  # "0": none
_IDLE_S = 900.0  # then it ends, since it holds a gigabyte
_ROOM_KIB = 3 * 1024**2  # of free memory, for it and a job
_ANSWER_S = 5.0  # a fork takes milliseconds
_REHEARSED = (
    "Roubaix 2026-04-02/contributions.mbox",
    "Roubaix 2026-04-02/Emargement_Roubaix.csv",
    "Thiérache 2026-05-19/T3.txt",
    "Thiérache 2026-05-19/carte_structures.csv",
    "Thiérache 2026-05-19/enregistrement table 5.srt",
)
_FEW_PASSAGES = "[cluster]\nleast_units = 0\n"  # have themes and priorities too
_MEMORY = Path("/proc/meminfo")


class ReadyProcess:
    """The ready process of a server."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Start the process unless it is there; what it loads takes seconds, nobody waits."""
        with self._asking:
            if not self._is_there() and _has_room():
                self._process = start_module(
                    "flows.jobs",
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )

    def fork(
        self, root: Path, job_id: int, *, death: Path | None = None, wait_s: float = 0.0
    ) -> int | None:
        """Have a fork do the job, and return its number; None where no process is ready."""
        with self._asking:
            if not self._is_there() or not self._answer(wait_s):
                return None
            environment = apart(os.environ, death)
            request = {"root": str(root), "job_id": job_id, "environment": environment}
            number = self._ask(json.dumps(request).encode() + b"\n")
            if number is None:
                self._end()
            return number

    def close(self) -> None:
        """End the process; the jobs that it forked go on."""
        with self._asking:
            self._end()

    def _is_there(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _ask(self, request: bytes) -> int | None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = self._answer(_ANSWER_S).strip()
        return int(answer) if answer else None

    def _answer(self, wait_s: float) -> bytes:
        """Return the next line of the process, an empty one where none comes in time."""
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], wait_s)
        return self._process.stdout.readline() if readable else b""

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@cache
def ready_process() -> ReadyProcess:
    """Return the ready process of this server."""
    return ReadyProcess()


def fork_flow_runs() -> None:
    """Have Prefect fork its runs here from a process that has loaded all, where there is room.

    Prefect starts each in a new process, which loads all again. Once the code has changed, it does.
    """
    from prefect import flow_engine

    if not _has_room():
        return
    stamp, forks = installed_stamp(), get_context("forkserver")
    forks.set_forkserver_preload(["flows.jobs.loaded"])
    forkserver.ensure_running()

    def context_for(method: str) -> BaseContext:
        return forks if installed_stamp() == stamp else get_context(method)

    vars(flow_engine)["multiprocessing"] = SimpleNamespace(get_context=context_for)


def _has_room() -> bool:
    """Whether forks are safe here, as on Linux with what is loaded, and there is memory for it."""
    if sys.platform != "linux" or os.environ.get(_SWITCH) == "0":
        return False
    lines = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) >= _ROOM_KIB


def serve_forks() -> tuple[Path, int]:
    """Fork for each request; return the study and the job, in the forks alone."""
    stamp = installed_stamp()
    load_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that end leave nothing
    while True:
        print("ready", flush=True)  # noqa: T201 - to the server
        readable, _, _ = select.select([sys.stdin], [], [], _IDLE_S)
        line = sys.stdin.readline() if readable else ""
        if not line or installed_stamp() != stamp:
            raise SystemExit
        request = json.loads(line)
        if number := os.fork():
            print(number, flush=True)  # noqa: T201
            continue
        _begin_fork(request["environment"])
        return Path(request["root"]), int(request["job_id"])


def load_all() -> None:
    """Process a few files of the example: what a run imports, loads and compiles stays.

    Nothing is drawn or printed: the threads of those engines would not survive a fork.
    """
    from threadpoolctl import threadpool_limits

    from flows.execution import StageCall, StageOutcome
    from flows.publish_study import report_of, write_people_tables
    from flows.run import run_study
    from pipeline.files import data_path
    from pipeline.publish.layout import lay_out
    from pipeline.study import Study

    def all_but_publish(call: StageCall) -> StageOutcome:
        return StageOutcome() if call.stage == "publish" else call.work()

    with tempfile.TemporaryDirectory(prefix="ateliers-") as folder, threadpool_limits(1):
        study = Study.create(Path(folder, "etude"))
        study.settings_path.write_text(_FEW_PASSAGES, encoding="utf-8")
        for name in _REHEARSED:
            (study.depot / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(data_path("demo", name), study.depot / name)
        run_study(study.root, execute=all_but_publish)
        study = Study.open(study.root)
        tables = study.read_tables()
        report = report_of(study, tables)
        lay_out(report, "rapport")
        lay_out(report, "annexe")
        write_people_tables(study, tables, Path(folder, "tables.xlsx"))
    gc.collect()
    gc.freeze()  # a fork that collects garbage would copy all that is here


def _begin_fork(environment: dict[str, str]) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(environment)
