"""What workers are given in tests: functions that a process started from nothing finds by name."""

import os
import signal
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.parallel import GRAIN

SECRET = "Mme Lemarchand a dit que"


def double(numbers: list[int]) -> list[int]:
    """Each number twice as large."""
    return [2 * number for number in numbers]


def refuse(numbers: list[int]) -> list[int]:
    """Fail as our own code does."""
    if 7 in numbers:
        raise ModelError("un vecteur", f"{GRAIN} vecteurs", "recalculer")
    return numbers


def stumble(numbers: list[int]) -> list[int]:
    """Fail as a defect does, quoting somebody."""
    if 7 in numbers:
        raise ValueError(SECRET)
    return numbers


def die_once(grain: tuple[Path, int]) -> int:
    """Kill the process that works on 3, the first time."""
    flag, number = grain
    if number == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def die(grain: tuple[Path, int]) -> int:
    """Kill the process that works on 3, each time."""
    if grain[1] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * grain[1]
