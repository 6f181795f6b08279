"""What a worker does: a batch of grains in, their results out, both as bytes. Imports nothing heavy before it knows what it is asked."""

import hashlib
import os
import pickle
import signal
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import RunnerError
from pipeline.versions import versions

_AT_MOST = 2  # functions that are kept, with the models that they hold
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_functions: dict[str, Callable[[Any], Any]] = {}
_lock = threading.Lock()


def as_bytes(function: Callable[[Any], Any]) -> tuple[str, bytes]:
    """A function as it is sent, under a name that its content gives."""
    content = pickle.dumps(function, protocol=pickle.HIGHEST_PROTOCOL)
    return hashlib.sha256(content).hexdigest(), content


@cache
def fingerprint() -> str:
    """Hash of all that a result depends on besides its input: code and versions of packages."""
    return hashlib.sha256(repr(sorted(versions().items())).encode()).hexdigest()


def run_batch(function: bytes | str, name: str, expected: str, batch: bytes) -> bytes:
    """Return the results of the grains of `batch`, in order; `function` is what `as_bytes` gave, or the path of a file that holds it.

    Raises `RunnerError` where `expected`, the caller's fingerprint, is not this worker's.
    """
    one_thread()
    if fingerprint() != expected:
        raise RunnerError(
            "un ouvrier n'a pas la même version que cette machine",
            "le même projet et les mêmes paquets partout",
            "installer le même requirements.lock sur chaque machine, et relancer les ouvriers",
        )
    work = _loaded(function, name)
    return pickle.dumps([work(grain) for grain in pickle.loads(batch)], protocol=pickle.HIGHEST_PROTOCOL)


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
