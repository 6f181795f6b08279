"""Read files as the run does, and measure what each cost its child process: seconds, and memory at its peak."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from pipeline.ingest import sandbox
from pipeline.ingest.child import Answer, Child
from pipeline.ingest.sandbox import Reading, read_files
from pipeline.settings import IngestSettings

_INTERVAL = 0.02  # seconds between two looks at a child's memory


@dataclass(frozen=True)
class Measured:
    """A reading, and what it took; `ended` is how the child ended at this file, None where it lived on."""

    reading: Reading
    seconds: float
    peak_mb: float  # 0 where the system does not tell
    ended: int | None = None


@dataclass
class _Cost:
    seconds: float = 0.0
    peak: int = 0
    ended: int | None = None


def read_measured(paths: Sequence[Path], *, settings: IngestSettings, on_file: Callable[[Path], None] | None = None) -> list[Measured]:
    """Return the readings of `read_files` in the same order, each with its cost."""
    costs: dict[Path, _Cost] = {}

    class Watched(Child):
        """A child whose memory is looked at while it reads."""

        _cost = _Cost()

        def read(self, path: Path) -> Answer:
            self._cost = costs[path] = _Cost()
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
                costs[path].seconds = time.monotonic() - start

        def _end(self) -> int | None:
            self._look()
            self._cost.ended = super()._end()
            return self._cost.ended

        def _watch(self, is_done: threading.Event) -> None:
            while not is_done.wait(_INTERVAL):
                self._look()

        def _look(self) -> None:
            self._cost.peak = max(self._cost.peak, _peak(self._pid()))

        def _pid(self) -> int | None:
            process = self._process
            return process.pid if process else None

    with mock.patch.object(sandbox, "Child", Watched):
        readings = read_files(paths, settings=settings, on_file=on_file)
    found = [costs.get(reading.path, _Cost()) for reading in readings]
    return [Measured(reading, cost.seconds, cost.peak / 1e6, cost.ended) for reading, cost in zip(readings, found, strict=True)]


def _forget_peak(pid: int | None) -> None:
    """Have the system count the peak of a process anew; where it cannot, the peak is that of all its files."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _peak(pid: int | None) -> int:
    """Bytes that a process had in memory at most."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
    return 0
