"""Keep ready what a job needs: a process that has imported and loaded it, and forks for each job.

In:   a line a job on standard input: its study, its number and its environment, as JSON
Out:  the number of the process that does it, or an empty line where the code has changed since

The ready process reads no study: a job works on a copy of its memory, and takes its faults along.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import _lru_cache_wrapper, cache
from inspect import signature
from pathlib import Path
from typing import Any

from pipeline.versions import installed_stamp

_SWITCH = "ATELIERS_READY_PROCESS"  # "0": none
_IDLE_S = 900.0  # then it ends, since it holds a gigabyte
_ROOM_KIB = 3 * 1024**2  # of free memory, for it and a job
_ANSWER_S = 5.0  # a fork takes milliseconds
_OURS = ("pipeline.", "models.")
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
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "flows.jobs"],
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def fork(self, root: Path, job_id: int, *, wait_s: float = 0.0) -> int | None:
        """Have a fork do the job, and return its number; None where no process is ready."""
        with self._asking:
            if not self._is_there() or not self._answer(wait_s):
                return None
            request = {"root": str(root), "job_id": job_id, "environment": dict(os.environ)}
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
    gc.collect()
    gc.freeze()  # a fork that collects garbage would copy all that is here
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
    """Import what a run imports, and load what it loads whatever the study."""
    import sklearn.decomposition  # noqa: F401 - the axes of lemmas ask for it late

    import flows.process_study  # noqa: F401 (it imports every stage)
    import models.theme_model  # noqa: F401
    from models.embedder import load_embedder
    from pipeline.french import french
    from pipeline.ingest.locate.titles import learn_questions
    from pipeline.versions import code_hash, stage_code_hash

    french()
    load_embedder()
    learn_questions()
    code_hash()
    stage_code_hash()
    called = {*loaders(french.__module__)}  # its lists are the pipeline's
    while new := {*loaders(*_OURS)} - called:  # a loader may import others
        for loader in new:
            loader()
        called |= new


def loaders(*prefixes: str) -> Iterator["_lru_cache_wrapper[Any]"]:
    """Return the cached functions without parameter of imported modules."""
    for name, module in sys.modules.copy().items():
        if name.startswith(prefixes):
            for value in vars(module).values():
                if isinstance(value, _lru_cache_wrapper) and not signature(value).parameters:
                    yield value


def _begin_fork(environment: dict[str, str]) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(environment)
