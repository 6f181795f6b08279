"""Peak memory of a stretch of work, in MB, as the kernel counts it for this process; and giving back what is no longer used."""

import ctypes
import gc
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def give_back() -> None:
    """Give what was freed back to the system: Arrow's pool and the C library keep it, for others that ask for as much again."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:  # glibc has it
        trim(0)


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Give a function that tells the peak since the block began; since the process began where Linux's counter can't be reset."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        yield _peak_of_process
    else:
        yield _high_water_mark


def _high_water_mark() -> float:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return _peak_of_process()


def _peak_of_process() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
