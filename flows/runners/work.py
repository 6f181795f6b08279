"""Work on a batch of grains and return their results, both as bytes.

Heavy imports wait until the function is known.
"""

import hashlib
import os
import pickle
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NoReturn

from pipeline.errors import AteliersError, RunnerError
from pipeline.versions import ROOT, versions

MOST_TRIES = 3  # of a batch whose worker ends
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class WorkerFailure:
    """An error in a worker, without its message, which may quote people."""

    kind: str
    line: str
    cause: BaseException | None = None  # where trying again may help

    @classmethod
    def of(cls, error: BaseException) -> "WorkerFailure":
        """Return the fault of `error`."""
        line, frame = "", error.__traceback__
        while frame is not None:
            path = Path(frame.tb_frame.f_code.co_filename)
            if path.is_relative_to(ROOT):
                line = f"{path.relative_to(ROOT)}:{frame.tb_lineno}"
            frame = frame.tb_next
        cause: BaseException | None = None
        if isinstance(error, OSError):
            cause = OSError(error.errno, error.strerror)
        elif isinstance(error, MemoryError):
            cause = MemoryError()
        return cls(type(error).__name__, line, cause)


def as_bytes(function: Callable[[Any], Any]) -> tuple[str, bytes]:
    """Serialise a function, under a name that its content gives."""
    content = pickle.dumps(function)
    return hashlib.sha256(content).hexdigest(), content


@cache
def fingerprint() -> str:
    """Return a hash of the code and package versions that results depend on."""
    return hashlib.sha256(repr(sorted(versions().items())).encode()).hexdigest()


def run_batch(function: bytes | str, name: str, expected: str, batch: bytes) -> bytes:
    """Return the results or the error of a batch, for `opened`.

    `function` comes from `as_bytes`, or is a file's path; `expected` is the caller's fingerprint.
    An error is returned, not raised: a cluster's journal would quote the batch.
    """
    try:
        one_thread()
        if fingerprint() != expected:
            raise RunnerError(
                "un ouvrier n'a pas la même version que cette machine",
                "le même projet et les mêmes paquets partout",
                "installer le même requirements.lock sur chaque machine, et relancer les ouvriers",
            )
        work = _loaded(name, function)
        return pickle.dumps([work(grain) for grain in pickle.loads(batch)])
    except AteliersError as error:
        return pickle.dumps(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, its kind and line are told
        return pickle.dumps(WorkerFailure.of(error))


def opened(content: bytes) -> list[Any]:
    """Return a worker's results, or raise its error."""
    answer: Any = pickle.loads(content)
    if isinstance(answer, AteliersError | WorkerFailure):
        fail(answer)
    results: list[Any] = answer
    return results


def fail(error: BaseException | WorkerFailure) -> NoReturn:
    """Raise a batch's error as its kind and our line, never its own words."""
    if isinstance(error, AteliersError):
        raise error
    fault = error if isinstance(error, WorkerFailure) else WorkerFailure.of(error)
    raise RunnerError(
        f"un lot n'a pas pu être traité ({' '.join(filter(None, (fault.kind, fault.line)))})",
        "un lot traité",
        'relancer avec runner = "here" dans [execution] pour voir toute l\'erreur',
    ) from (fault.cause if isinstance(error, WorkerFailure) else error)


def give_up(error: BaseException | None = None) -> NoReturn:
    """Raise the error of a batch whose workers ended one after another."""
    raise RunnerError(
        f"les ouvriers d'un même lot se sont arrêtés {MOST_TRIES} fois",
        "des ouvriers qui restent en vie, avec assez de mémoire",
        "voir la mémoire de la machine ; baisser batch_units ou workers dans [execution]",
    ) from error


@cache
def one_thread() -> None:
    """Limit linear algebra to one thread: two workers don't fight, and last bits are the same."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # for what is loaded later
    threadpool_limits(1)  # for what is there


def begin_process() -> None:
    """Prepare a worker process: it ignores interruptions and ends with its parent."""
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


@lru_cache(maxsize=2)  # functions that are kept, with the models that they hold
def _loaded(_name: str, function: bytes | str) -> Callable[[Any], Any]:
    content = function if isinstance(function, bytes) else Path(function).read_bytes()
    work: Callable[[Any], Any] = pickle.loads(content)
    return work
