"""A lock is held by one process at a time, on every system, and goes with its process."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.locks import lock, unlock

ROOT = Path(__file__).parent.parent
POSIX_ONLY = re.compile(r"^(?:import|from) (?:fcntl|grp|pwd|resource|termios)\b", re.MULTILINE)
HOLD = "import os, sys; from pipeline.locks import lock; lock(os.open(sys.argv[1], os.O_RDWR)); print(1, flush=True); sys.stdin.read()"


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def test_a_lock_is_refused_to_a_second_opening_until_it_is_given_up(tmp_path):
    first, second = opened(tmp_path / "verrou"), opened(tmp_path / "verrou")
    lock(first)
    with pytest.raises(OSError):
        lock(second)
    unlock(first)
    lock(second, wait=True)
    os.close(first), os.close(second)


def test_a_lock_goes_with_the_process_that_had_it(tmp_path):
    path = tmp_path / "verrou"
    handle = opened(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout and other.stdout.readline() == b"1\n"
        with pytest.raises(OSError):
            lock(handle)
        other.kill()
    lock(handle)
    os.close(handle)


class FakeWindows(ModuleType):
    """Keeps who locks the first byte of what; refuses a byte that another handle has."""

    LK_NBLCK, LK_LOCK, LK_UNLCK = 2, 1, 0

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.owners: dict[int, int] = {}

    def locking(self, handle: int, mode: int, n_bytes: int) -> None:
        assert (os.lseek(handle, 0, os.SEEK_CUR), n_bytes) == (0, 1)
        file = os.fstat(handle).st_ino
        if mode == self.LK_UNLCK:
            del self.owners[file]
        elif self.owners.setdefault(file, handle) != handle:
            raise PermissionError(13, "Permission denied")


def test_windows_locks_the_first_byte_wherever_the_file_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", FakeWindows())
    monkeypatch.setitem(sys.modules, "fcntl", None)
    windows = runpy.run_path(str(ROOT / "pipeline" / "locks.py"))
    first, second = opened(tmp_path / "verrou"), opened(tmp_path / "verrou")
    os.write(first, b"octets")
    windows["lock"](first)
    with pytest.raises(OSError):
        windows["lock"](second)
    os.lseek(first, 3, os.SEEK_SET)
    windows["unlock"](first)
    windows["lock"](second, wait=True)
    os.close(first), os.close(second)


def test_no_other_module_needs_posix_to_be_imported():
    needing = [
        path.relative_to(ROOT).as_posix()
        for folder in ("pipeline", "models", "flows")
        for path in (ROOT / folder).rglob("*.py")
        if POSIX_ONLY.search(path.read_text(encoding="utf-8"))
    ]
    assert needing == []
