"""Read files as the run does, and measure what each cost its child process: seconds, and memory at its peak."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from unittest import mock

from pipeline.ingest import sandbox
from pipeline.ingest.sandbox import Answer, Child, FileReading, read_files
from pipeline.settings.sections import IngestSettings

_INTERVAL = 0.02  # seconds between two looks at a child's memory


@dataclass
class Cost:
    """What a file took; `ended` is how the child ended at it, below 0 by a signal, None where it lived on."""

    seconds: float = 0.0  # by the clock
    processor_s: float = 0.0  # as the system counts them, however busy; 0 where it does not tell
    peak_mb: float = 0.0  # 0 where the system does not tell
    ended: int | None = None


@dataclass(frozen=True)
class Measured:
    """A reading, and what it took."""

    reading: FileReading
    cost: Cost


def read_measured(
    paths: Sequence[Path],
    *,
    settings: IngestSettings,
    on_file: Callable[[Path], None] | None = None,
) -> list[Measured]:
    """Return the readings of `read_files` in the same order, each with its cost."""
    with measuring() as costs:
        readings = read_files(paths, settings=settings, on_file=on_file)
    return [Measured(reading, costs.get(reading.path, Cost())) for reading in readings]


@contextmanager
def measuring() -> Iterator[dict[Path, Cost]]:
    """A block in which every file that a child reads leaves its cost in what is yielded; one that no child was given leaves none."""
    costs: dict[Path, Cost] = {}

    class Watched(Child):
        """A child whose memory is looked at while it reads."""

        _cost = Cost()
        _before: ClassVar[dict[int | None, float]] = {}

        def read(self, path: Path) -> Answer:
            self._cost = costs[path] = Cost()
            self._before = {self._pid(): _processor_s(self._pid())}  # spent on earlier files
            start, is_done = time.monotonic(), threading.Event()
            _forget_peak(self._pid())
            watch = threading.Thread(target=self._watch, args=(is_done,), daemon=True)
            watch.start()
            try:
                return super().read(path)
            finally:
                is_done.set()
                watch.join()
                self._look()
                self._cost.seconds = time.monotonic() - start

        def _end(self, *, waits: bool = False) -> int | None:
            self._look()
            code = super()._end(waits=waits)
            self._cost.ended = self._cost.ended or code
            return code

        def _watch(self, is_done: threading.Event) -> None:
            while not is_done.wait(_INTERVAL):
                self._look()

        def _look(self) -> None:
            pid, cost = self._pid(), self._cost
            cost.peak_mb = max(cost.peak_mb, _peak_mb(pid))
            spent = _processor_s(pid) - self._before.get(pid, 0.0)
            cost.processor_s = max(cost.processor_s, spent)

        def _pid(self) -> int | None:
            process = self._process
            return process.pid if process else None

        def close(self) -> None:
            self._cost = Cost()  # an end that no file brought about
            super().close()

    with mock.patch.object(sandbox, "Child", Watched):
        yield costs


def _forget_peak(pid: int | None) -> None:
    """Have the system count the peak of a process anew; where it cannot, the peak is that of all its files."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _processor_s(pid: int | None) -> float:
    """Seconds of the processor that a process has spent."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # its own, and the system's
    return 0.0


def _peak_mb(pid: int | None) -> float:
    """Megabytes that a process had in memory at most."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next(
            (int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), 0.0
        )
    return 0.0
