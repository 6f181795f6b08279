"""A folder that several processes of one test session need and one of them makes."""

import fcntl
from collections.abc import Callable
from pathlib import Path


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return `folder`, made by the first process that asks while the others wait; where it failed or was killed, they fail at once."""
    begun, done = (folder.with_name(f"{folder.name}.{state}") for state in ("begun", "done"))
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go with the process, however it ends
        if not done.exists():
            if begun.exists():
                raise RuntimeError(
                    f"{folder.name} could not be made: the first test to ask for it says why"
                )
            begun.touch()
            make(folder)
            done.touch()
    return folder
