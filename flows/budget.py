"""Stop what takes far more processor time than its files can need, so that the rest goes on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pipeline.errors import AteliersError

_LEAST_S = 60.0
_S_A_KIB = 2.0  # forty times what plain text takes, eight what a .docx does


class OverBudgetError(AteliersError):
    """Files took more processor time than their size explains."""


def seconds_for(n_bytes: int) -> float:
    """Return the seconds of processor allowed to read files of that size and cut them up."""
    return _LEAST_S + _S_A_KIB * n_bytes / 1024


@contextmanager
def processor_budget(seconds: float) -> Iterator[None]:
    """Raise `OverBudgetError` in the block once this process has used `seconds` of processor in it.

    All its threads count. Python can interrupt its main thread alone, and no process on Windows:
    elsewhere nothing is limited.
    """
    if not hasattr(signal, "SIGPROF") or threading.current_thread() != threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OverBudgetError(
            f"arrêté après {seconds:.0f} s de calcul",
            "bien moins pour des fichiers de cette taille",
            "signaler ce défaut ; les autres fichiers sont traités",
        )

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
