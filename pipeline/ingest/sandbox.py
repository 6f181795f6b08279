"""Read files in one child process with a memory limit and a time-out a file: a hostile or broken file never ends the run.

In:   paths of files of the depot
Out:  one Reading a path, in the given order; a file that cannot be read has an error in French instead of parts
"""

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.source import MEGABYTE, too_large
from pipeline.ingest.readers.wire import NO_MEMORY, Error, from_line
from pipeline.settings import IngestSettings

_log = logging.getLogger(__name__)
_START_SECONDS = 60.0  # for the child to import its libraries on a loaded machine
_PACKAGES = Path(__file__).parents[2]


@dataclass(frozen=True)
class Reading:
    """What a file held: its parts, or an error as (reason, advice) in French; never both."""

    path: Path
    parts: tuple[RawPart, ...] = ()
    error: Error | None = None


def read_files(paths: Sequence[Path], *, settings: IngestSettings, on_file: Callable[[Path], None] | None = None) -> list[Reading]:
    """Return one reading a path, in order; `on_file` is called with each path once it is done.

    A file that kills or hangs the child becomes a reading with an error; a new child goes on with the next file.
    """
    readings: list[Reading] = []
    child: _Child | None = None
    try:
        for path in paths:
            refusal = _refusal(path, settings)
            if refusal is None:
                child = child if child and child.is_alive else _Child(settings)
                reading = child.read(path)
            else:
                reading = Reading(path, error=refusal)
            readings.append(reading)
            if on_file:
                on_file(path)
    finally:
        if child:
            child.close()
    _log.info("%d files read, %d refused", len(readings), sum(reading.error is not None for reading in readings))
    return readings


def _refusal(path: Path, settings: IngestSettings) -> Error | None:
    """Why a path is not even given to the child: it is no regular file, or too large."""
    try:
        is_file, n_bytes = path.is_file(), path.stat().st_size if path.is_file() else 0
    except OSError as error:
        return f"fichier illisible ({error.strerror})", "vérifier que l'on a le droit de le lire"
    if not is_file:
        return (
            "ce n'est pas un fichier ordinaire",
            "vérifier qu'il existe encore, ou déposer le document lui-même à la place d'un raccourci",
        )
    if n_bytes > settings.max_file_mb * MEGABYTE:
        refusal = too_large(n_bytes, int(settings.max_file_mb * MEGABYTE))
        return refusal.found, refusal.do
    return None


class _Child:
    """A running `python -m pipeline.ingest.readers`, asked for one file after the other."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._process = _start()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        assert self._process.stdin and self._process.stdout
        threading.Thread(target=_forward, args=(self._process.stdout, self._answers), daemon=True).start()
        self._send(
            {
                "max_bytes": int(settings.max_file_mb * MEGABYTE),
                "max_memory_bytes": settings.max_memory_mb * MEGABYTE,
                "max_seconds": settings.max_seconds_per_file,
            }
        )
        self.is_alive = self._next_answer(_START_SECONDS) == b"ready\n"

    def read(self, path: Path) -> Reading:
        """Ask for one file and wait for its reading, no longer than the settings allow."""
        self._send(str(path.absolute()))
        line = self._next_answer(self._settings.max_seconds_per_file)
        try:
            if line:
                parts, error = from_line(line)
                if error == NO_MEMORY:  # what it holds is not given back
                    self.close()
                return Reading(path, parts, error)
        except (ValueError, KeyError, TypeError):  # cut short: the child died while writing
            line = b""
        self.close()
        seconds = f"{self._settings.max_seconds_per_file:g}".replace(".", ",")
        if line is None:
            return Reading(
                path, error=(f"lecture trop longue (plus de {seconds} s)", "découper le fichier ou l'enregistrer dans un autre format")
            )
        _log.warning("a reader ended with code %s", self._process.returncode)
        return Reading(
            path, error=("fichier abîmé ou trop lourd : sa lecture s'est interrompue", "l'enregistrer de nouveau ou dans un autre format")
        )

    def close(self) -> None:
        """End the child at once; what it was reading is lost."""
        self.is_alive = False
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                _close(stream)

    def _send(self, message: object) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, OSError):
            _log.warning("a reader could not be asked")  # the missing answer tells

    def _next_answer(self, seconds: float) -> bytes | None:
        """The child's next line, b"" where it died, None where it is late."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None


def _start() -> subprocess.Popen[bytes]:
    """A child whose imports come from where this module lies, never from the current folder, which may be a depot."""
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline.ingest.readers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _forward(stream: IO[bytes], answers: "queue.SimpleQueue[bytes]") -> None:
    """Put every line of `stream` into `answers`, and b"" at its end."""
    try:
        for line in stream:
            answers.put(line)
    except ValueError:  # closed under us
        pass
    answers.put(b"")


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        return
