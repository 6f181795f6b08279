"""The child process that reads files: one path a line in, one framed answer out.

A large table is asked for as `{"path", "n_rows"}`, and answered by as many frames as it has
batches of rows and a last one without part; the child then ends.

It gives up memory, time, files, processes and network beyond what reading needs: Linux enforces all
of it, other systems only its own time. A failure that no reader foresaw is named in a last frame
and ends the process.
"""

import contextlib
import ctypes
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pipeline.errors import ReadError, reason_of
from pipeline.ingest.parts import (
    NO_MEMORY,
    READY,
    FileContent,
    Limits,
    RawPart,
    away_error,
    frame,
    is_passing,
    to_line,
    too_large,
)
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.pictures import LineReader, load_line_reader
from pipeline.ingest.readers.sheets import rows_of_parquet

_DEATH_SIGNAL, _NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 1, 38, 22, 2  # prctl(2)
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE, _UNKNOWN = 0x00050001, 0x00050026  # EPERM, ENOSYS
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # offsets in a filter's data
_X32 = 0x40000000  # x32 calls would bypass the numbers below
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE3 = 435  # on every machine; "unknown" makes the C library use clone
_SPARE_SHARE = 8  # 1/8 of the memory may stay in use between files; more needs a new child
_N_FILES = 64
_OVERTIME = 5  # seconds after its own timer, when the system ends the process

# By machine: its number, openat, open, and the refused calls (sockets, programs, processes,
# threads, signals, file changes).
_CALLS: dict[str, tuple[int, int, int | None, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E, 257, 2,
        (41, 42, 43, 44, 46, 49, 50, 53, 56, 57, 58, 59, 62, 76, 77, 82, 83, 84, 85, 86, 87, 88,
         90, 91, 92, 93, 94, 101, 133, 165, 166, 200, 258, 259, 260, 263, 264, 265, 266, 268, 272,
         288, 310, 311, 316, 321, 322, 323, 424, 425, 434, 437, 438),
    ),
    "aarch64": (
        0xC00000B7, 56, None,
        (33, 34, 35, 36, 37, 38, 39, 40, 45, 46, 52, 53, 54, 55, 97, 117, 129, 130, 198, 199, 200,
         201, 202, 203, 206, 211, 220, 221, 242, 270, 271, 276, 280, 281, 282, 424, 425, 434, 437,
         438),
    ),
}  # fmt: skip

Instruction = tuple[int, int, int, int]  # code, steps if true, steps if false, operand

_RIGHTS = "vérifier que l'on a le droit de le lire"
_ANOTHER_FORM = "l'ouvrir dans son logiciel et l'enregistrer dans un autre format"
# Made beforehand: no memory is left when it is needed.
_NO_MEMORY_FRAME = frame(to_line((), NO_MEMORY), is_last=True)


def main() -> None:
    """Read files until standard input ends."""
    output = _private_output()
    sys.excepthook = partial(_name_failure, output)
    request = json.loads(sys.stdin.buffer.readline())
    limits = Limits(max_bytes=request["max_bytes"])
    read_lines = load_line_reader() if request["reads_pictures"] else None
    confine()
    budget = Budget(
        request["max_memory_bytes"], request["max_seconds"], request["max_wall_seconds"]
    )
    _write(output, frame(READY))
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if isinstance(asked, dict):
            _answer_in_batches(output, budget, Path(asked["path"]), asked["n_rows"])
            return
        budget.open()
        answer = _answer(Path(asked), limits, read_lines)
        is_last = budget.close()
        _write(output, _NO_MEMORY_FRAME if answer is None else frame(answer, is_last=is_last))
        if is_last or answer is None:
            return


def _answer_in_batches(output: BinaryIO, budget: "Budget", path: Path, n_rows: int) -> None:
    budget.open()
    with path.open("rb") as file:
        batches = rows_of_parquet(file, n_rows)
        has_more = True
        while has_more:
            answer = _answer_by(lambda: _next_part(batches))
            has_more = answer is not None and answer.startswith(b"[[{")
            budget.close()
            _write(output, _NO_MEMORY_FRAME if answer is None else frame(answer))
            budget.open()


def _next_part(batches: Iterator[list[tuple[str, ...]]]) -> tuple[RawPart, ...]:
    rows = next(batches, None)
    return () if rows is None else (RawPart((), rows=tuple(rows)),)


def _private_output() -> BinaryIO:
    """Keep standard output for answers: what a library prints goes nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return output


def _write(output: BinaryIO, answer: bytes) -> None:
    output.write(answer)
    output.flush()


def _name_failure(
    output: BinaryIO, kind: type[BaseException], _: BaseException, trace: TracebackType | None
) -> None:
    """Send the exception's type and our line, never its message, which may quote the file."""
    line_of_ours = ""
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if Path(__file__).parent in path.parents:
            line_of_ours = f" {path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    _write(output, frame(to_line(failure=f"{kind.__name__}{line_of_ours}"), is_last=True))


def _answer(path: Path, limits: Limits, read_lines: LineReader | None) -> bytes | None:
    try:
        n_bytes = path.stat().st_size
        if n_bytes > limits.max_bytes:
            raise too_large(n_bytes, limits.max_bytes)
        content = path.read_bytes()
    except ReadError as error:
        return _refusal(error.found, error.do)
    except OSError as error:
        why = reason_of(error)
        if is_passing(error):
            return to_line(error=away_error(why), can_pass=True)
        return _refusal(f"fichier illisible ({why})", _RIGHTS)
    except MemoryError:
        return None
    file = FileContent(content, path.name, limits, read_lines=read_lines)
    return _answer_by(lambda: read_source(file))


def _answer_by(read: Callable[[], tuple[RawPart, ...]]) -> bytes | None:
    try:
        return to_line(read())
    except ReadError as error:
        return _refusal(error.found, error.do)
    except OSError as error:
        return _refusal(f"fichier illisible ({reason_of(error)})", _ANOTHER_FORM)
    except RecursionError:
        return _refusal("fichier trop imbriqué", _ANOTHER_FORM)
    except MemoryError:
        return None


def _refusal(reason: str, advice: str) -> bytes:
    return to_line((), (reason, advice))


class _FilterInstruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _FilterProgram(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_ushort),
        ("instructions", ctypes.POINTER(_FilterInstruction)),
    )


def confine() -> None:
    """Give up new files, processes, network, core dumps and outliving the parent, for good."""
    os.umask(0o077)
    with contextlib.suppress(OSError):  # the first to fail without memory
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    _limit("RLIMIT_CORE", 0, for_good=True)
    _limit("RLIMIT_FSIZE", 0, for_good=True)
    _limit("RLIMIT_NOFILE", _N_FILES, for_good=True)
    _limit("RLIMIT_NPROC", 0, for_good=True)
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        _filter_calls(library)


def _filter_calls(library: ctypes.CDLL) -> None:
    calls = _CALLS.get(platform.machine())
    if calls is None or library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return
    program = _filter_program(*calls)
    instructions = (_FilterInstruction * len(program))(
        *(_FilterInstruction(*instruction) for instruction in program)
    )
    filter_program = _FilterProgram(len(program), instructions)
    library.prctl(_SECCOMP, _FILTER, ctypes.byref(filter_program), 0, 0)


def _filter_program(
    machine: int, openat: int, open_: int | None, refused: tuple[int, ...]
) -> list[Instruction]:
    program: list[Instruction] = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, machine),
        _return(_KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_where(_AT_LEAST, _X32, _REFUSE),
        *_where(_EQUAL, _CLONE3, _UNKNOWN),
    ]
    for number in refused:
        program += _where(_EQUAL, number, _REFUSE)
    for opening, argument in ((openat, 2), (open_, 1)):
        if opening is not None:
            program += [
                (_EQUAL, 0, 4, opening),
                (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
                (_ANY_BIT, 0, 1, _WRITES),
                _return(_REFUSE),
                _return(_ALLOW),
            ]
    return [*program, _return(_ALLOW)]


def _where(test: int, operand: int, verdict: int) -> list[Instruction]:
    return [(test, 0, 1, operand), _return(verdict)]


def _return(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)


class Budget:
    """Limit one file's memory and processor time; a signal ends a process that exceeds them.

    `max_bytes` includes the process, which ends after `max_wall_seconds` of clock time even without
    a parent.
    """

    def __init__(self, max_bytes: int, max_seconds: float, max_wall_seconds: float) -> None:
        self._max_seconds, self._max_wall_seconds = max_seconds, max_wall_seconds
        self._spare = max_bytes // _SPARE_SHARE
        self._base = _memory()[1]
        self._growth = max(max_bytes - self._spare - self._base, self._spare)

    def open(self) -> None:
        """Start the next file's limits, counted from present use."""
        address_space = _memory()[0]
        if address_space:
            _limit("RLIMIT_AS", address_space + self._growth)
        used = os.times()
        seconds = int(used.user + used.system + self._max_seconds) + _OVERTIME
        _limit("RLIMIT_CPU", seconds)
        _set_timers(self._max_seconds, self._max_wall_seconds + _OVERTIME)

    def close(self) -> bool:
        """Stop the clocks; return whether too much memory stays in use to read on."""
        _set_timers(0, 0)
        return _memory()[1] > self._base + self._spare


def _memory() -> tuple[int, int]:
    """Return bytes of address space and memory in use; zeroes without /proc (macOS)."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0, 0
    page_size = os.sysconf("SC_PAGE_SIZE")
    return int(pages[0]) * page_size, int(pages[1]) * page_size


def _limit(name: str, most: int, *, for_good: bool = False) -> None:
    """Set a limit if the system has it, never above the one in force."""
    try:
        import resource
    except ImportError:  # Windows
        return
    kind = getattr(resource, name, None)
    if kind is None:
        return
    ceiling = resource.getrlimit(kind)[1]
    allowed = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (allowed, allowed if for_good else ceiling))


def _set_timers(seconds: float, wall_seconds: float) -> None:
    """Send SIGPROF after `seconds` of processor, SIGALRM after `wall_seconds`; 0 for never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, wall_seconds)


if __name__ == "__main__":
    main()
