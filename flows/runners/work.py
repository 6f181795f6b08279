"""What a worker does: a batch of grains in, their results out, both as bytes. Imports nothing heavy before it knows what it is asked."""

import hashlib
import os
import pickle
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.errors import AteliersError, RunnerError
from pipeline.versions import versions

_AT_MOST = 2  # functions that are kept, with the models that they hold
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_OURS = Path(__file__).parent.parent.parent
_functions: dict[str, Callable[[Any], Any]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Fault:
    """What went wrong in a worker, without its words, which may be people's: the kind of the error, and the line of ours it came from."""

    kind: str
    line: str
    cause: BaseException | None = None  # where trying again may help

    @classmethod
    def of(cls, error: BaseException) -> "Fault":
        """The fault that `error` tells."""
        line, frame = "", error.__traceback__
        while frame is not None:
            path = Path(frame.tb_frame.f_code.co_filename)
            if path.is_relative_to(_OURS):
                line = f"{path.relative_to(_OURS)}:{frame.tb_lineno}"
            frame = frame.tb_next
        if isinstance(error, OSError):
            return cls(type(error).__name__, line, OSError(error.errno, error.strerror))
        return cls(
            type(error).__name__, line, MemoryError() if isinstance(error, MemoryError) else None
        )


class _Telling:
    """Keeps an error instead of raising it: a cluster's own journal would quote the passages of the batch."""

    fault: AteliersError | Fault | None = None

    def __enter__(self) -> "_Telling":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.fault = error if isinstance(error, AteliersError) else Fault.of(error)
        return True


def as_bytes(function: Callable[[Any], Any]) -> tuple[str, bytes]:
    """A function as it is sent, under a name that its content gives."""
    content = pickle.dumps(function, protocol=pickle.HIGHEST_PROTOCOL)
    return hashlib.sha256(content).hexdigest(), content


@cache
def fingerprint() -> str:
    """Hash of all that a result depends on besides its input: code and versions of packages."""
    return hashlib.sha256(repr(sorted(versions().items())).encode()).hexdigest()


def run_batch(function: bytes | str, name: str, expected: str, batch: bytes) -> bytes:
    """Return the results of the grains of `batch` in order, or what went wrong, for `opened`.

    `function` is what `as_bytes` gave, or the path of a file that holds it; `expected` is the caller's fingerprint.
    """
    with _Telling() as telling:
        one_thread()
        if fingerprint() != expected:
            raise RunnerError(
                "un ouvrier n'a pas la même version que cette machine",
                "le même projet et les mêmes paquets partout",
                "installer le même requirements.lock sur chaque machine, et relancer les ouvriers",
            )
        work = _loaded(function, name)
        return pickle.dumps(
            [work(grain) for grain in pickle.loads(batch)], protocol=pickle.HIGHEST_PROTOCOL
        )
    return pickle.dumps(telling.fault, protocol=pickle.HIGHEST_PROTOCOL)


@cache
def one_thread() -> None:
    """Leave this process one thread of linear algebra: two workers do not fight, and the last bits do not hang on their number."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # for what is loaded later
    threadpool_limits(1)  # for what is there


def begin_process() -> None:
    """Prepare a worker process: it leaves an interruption to its parent, and ends with it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread()


def _end_with_parent() -> None:
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _loaded(function: bytes | str, name: str) -> Callable[[Any], Any]:
    with _lock:
        if name not in _functions:
            content = function if isinstance(function, bytes) else Path(function).read_bytes()
            while len(_functions) >= _AT_MOST:
                _functions.pop(next(iter(_functions)))
            _functions[name] = pickle.loads(content)
        return _functions[name]
