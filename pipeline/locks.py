"""Lock an open file until it is closed or its process ends, on Linux, macOS and Windows."""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    def _lock_now(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)  # a lock of Windows covers bytes: the first stands for all
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _wait_for(handle: int) -> None:
        while True:
            try:
                os.lseek(handle, 0, os.SEEK_SET)
                msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # gives up after ten seconds
            except OSError:
                continue
            return

    def unlock(handle: int) -> None:
        """Give the lock up before the file is closed."""
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock_now(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _wait_for(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def unlock(handle: int) -> None:
        """Give the lock up before the file is closed."""
        fcntl.flock(handle, fcntl.LOCK_UN)


def lock(handle: int, *, wait: bool = False) -> None:
    """Lock an open file for this process and those that inherit `handle`.

    Waits for another process to let go if `wait`; else raises `OSError` where one has it.
    """
    if wait:
        _wait_for(handle)
    else:
        _lock_now(handle)
