"""The child process that reads files: one path a line comes in, one reading a line goes out; it may die at any file.

In:   standard input: a line of JSON with the limits, then a JSON string a line, each the path of a file
Out:  standard output: the line that `wire.to_line` writes for each path; a failure that no reader foresaw ends the process
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ReadError
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.source import Limits, Source, too_large
from pipeline.ingest.readers.wire import NO_MEMORY, to_line

_OVERTIME = 5  # seconds after the time-out when a child without a parent ends itself
_NO_MEMORY_LINE = to_line((), NO_MEMORY)  # made beforehand: there is none left to make it when it is needed


def main() -> None:
    """Read files until standard input ends."""
    output = _private_output()
    asked = json.loads(sys.stdin.buffer.readline())
    limits = Limits(max_bytes=asked["max_bytes"])
    _limit_memory(asked["max_memory_bytes"])
    output.write(b"ready\n")
    output.flush()
    for line in sys.stdin.buffer:
        _set_alarm(asked["max_seconds"] + _OVERTIME)
        answer = _answer(Path(json.loads(line)), limits)
        output.write(answer)
        output.flush()
        _set_alarm(0)


def _private_output() -> BinaryIO:
    """Standard output for answers only: whatever a library prints goes nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return output


def _limit_memory(max_bytes: int) -> None:
    """Allow `max_bytes` of address space beyond what the libraries took, no core dump and no file written, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    try:
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no /proc: macOS, which does not enforce the limit anyway
        taken = 0
    for kind, value in ((resource.RLIMIT_AS, taken + max_bytes if taken else None), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        if value is not None:
            resource.setrlimit(kind, (value, value))


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _answer(path: Path, limits: Limits) -> bytes:
    try:
        n_bytes = path.stat().st_size
        if n_bytes > limits.max_bytes:
            raise too_large(n_bytes, limits.max_bytes)
        return to_line(read_source(Source(path.read_bytes(), path.name, limits)))
    except ReadError as error:
        return to_line((), (error.found, error.do))
    except OSError as error:
        return to_line(
            (), (f"fichier illisible ({error.strerror})", "vérifier que le fichier existe encore et que l'on a le droit de le lire")
        )
    except RecursionError:
        return to_line((), ("fichier trop imbriqué", "l'ouvrir dans son logiciel et l'enregistrer dans un autre format"))
    except MemoryError:
        return _NO_MEMORY_LINE


if __name__ == "__main__":
    main()
