"""Limit the child process's memory, time, files, processes and network.

Linux enforces all of it; other systems only the child's own time.
"""

import contextlib
import ctypes
import os
import platform
import signal
import sys
from pathlib import Path

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
