"""Read files in child processes with limits of memory and time: no file ends the run."""

import logging
import os
import queue
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import reason_of
from pipeline.ingest.child import Answer, Child, away_error, count_children
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.pictures import ocr_version
from pipeline.ingest.readers.source import (
    MEGABYTE,
    Error,
    is_passing,
    is_picture,
    too_large,
)
from pipeline.settings.sections import IngestSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileReading:
    """A file's parts, or an error as (reason, advice) in French, never both.

    `can_pass` where the system is at fault and another try may succeed.
    """

    path: Path
    parts: tuple[RawPart, ...] = ()
    error: Error | None = None
    can_pass: bool = False


@dataclass(frozen=True)
class _Job:
    place: int
    path: Path
    done: "queue.SimpleQueue[tuple[int, FileReading]]"


def read_files(
    paths: Sequence[Path],
    *,
    settings: IngestSettings,
    within: Sequence[Path] = (),
    on_file: Callable[[Path], None] | None = None,
    readers: "FileReaders | None" = None,
) -> list[FileReading]:
    """Return one reading a path, in order; `on_file` gets each path as it finishes.

    A link out of all folders `within`, if any, is not followed. A file that kills or hangs its
    child gives an error, and a new child continues. Children end with the last file, or with
    `readers`.
    """
    readings: dict[int, FileReading] = {}
    asked: list[tuple[int, Path]] = []
    allowed = [folder.resolve() for folder in within]
    for place, path in enumerate(paths):
        refusal = _refusal(path, settings, allowed)
        if refusal is None:
            asked.append((place, path))
        else:
            readings[place] = FileReading(path, error=refusal.error, can_pass=refusal.can_pass)
            if on_file:
                on_file(path)
    with ExitStack() as stack:
        kept = readers or stack.enter_context(FileReaders())
        for place, reading in kept.of(settings).read(asked):
            readings[place] = reading
            if on_file:
                on_file(reading.path)
    _log.info(
        "%d files read, %d refused",
        len(readings),
        sum(reading.error is not None for reading in readings.values()),
    )
    return [readings[place] for place in range(len(paths))]


def _refusal(path: Path, settings: IngestSettings, allowed: Sequence[Path]) -> Answer | None:
    try:
        target, found = path.resolve(), _stat(path)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        why = reason_of(error) if isinstance(error, OSError) else "boucle de raccourcis"
        if isinstance(error, OSError) and is_passing(error):
            return Answer(error=away_error(why), can_pass=True)
        return Answer(
            error=(f"fichier illisible ({why})", "vérifier que l'on a le droit de le lire")
        )
    if found is None and not path.is_symlink():  # it was there when its folder was listed
        return Answer(error=away_error("disparu"), can_pass=True)
    is_file, n_bytes = (stat.S_ISREG(found.st_mode), found.st_size) if found else (False, 0)
    if not is_file:
        advice = (
            "vérifier qu'il existe encore, "
            "ou déposer le document lui-même à la place d'un raccourci"
        )
        return Answer(error=("ce n'est pas un fichier ordinaire", advice))
    if allowed and not any(target.is_relative_to(folder) for folder in allowed):
        return Answer(
            error=(
                "raccourci vers un fichier hors du dépôt",
                "déposer le document lui-même à la place du raccourci",
            )
        )
    if n_bytes > settings.max_file_mb * MEGABYTE:
        refusal = too_large(n_bytes, int(settings.max_file_mb * MEGABYTE))
        return Answer(error=(refusal.found, refusal.do))
    return None


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


class FileReaders:
    """Child processes kept between calls: starting one takes longer than reading most files."""

    def __init__(self) -> None:
        self._by_settings: dict[IngestSettings, _Readers] = {}

    def __enter__(self) -> "FileReaders":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def of(self, settings: IngestSettings) -> "_Readers":
        """Return the children for these settings, started on first use."""
        readers = self._by_settings.get(settings)
        if readers is None or readers.is_closed:
            readers = self._by_settings[settings] = _Readers(settings)
        return readers

    def close(self) -> None:
        """End the children."""
        for readers in self._by_settings.values():
            readers.close()
        self._by_settings.clear()


class _Readers:
    """Children, each with a thread that lasts as long.

    The system ends a child with the thread that started it.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self.is_closed = False
        self._settings = settings
        self._scratch = tempfile.TemporaryDirectory(prefix="ateliers-")
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._at_work: list[tuple[Child, threading.Thread]] = []
        self._picture_child: Child | None = None
        self._picture_lock = threading.Lock()
        if settings.ocr and ocr_version():
            self._picture_child = Child(settings, Path(self._scratch.name), reads_pictures=True)

    def read(self, asked: Sequence[tuple[int, Path]]) -> Iterator[tuple[int, FileReading]]:
        """Yield (index, reading) as they come; stopping half-way ends the children."""
        done: queue.SimpleQueue[tuple[int, FileReading]] = queue.SimpleQueue()
        while len(self._at_work) < min(count_children(self._settings), len(asked)):
            self._add()
        for place, path in asked:
            self._waiting.put(_Job(place, path, done))
        n_read = 0
        try:
            while n_read < len(asked):
                yield done.get()
                n_read += 1
        finally:
            if n_read < len(asked):
                self.close()

    def close(self) -> None:
        self.is_closed = True
        for child, _ in self._at_work:
            child.close()
        if self._picture_child:
            self._picture_child.close()
        for _ in self._at_work:
            self._waiting.put(None)
        for _, thread in self._at_work:
            thread.join()
        self._at_work.clear()
        self._scratch.cleanup()

    def _add(self) -> None:
        child = Child(self._settings, Path(self._scratch.name))
        self._at_work.append(
            (child, threading.Thread(target=self._work, args=(child,), daemon=True))
        )
        self._at_work[-1][1].start()

    def _work(self, child: Child) -> None:
        while (job := self._waiting.get()) is not None:
            if child.is_closed:
                continue
            answer = self._with_pictures(job.path, child.read(job.path))
            job.done.put((job.place, FileReading(job.path, *answer)))

    def _with_pictures(self, path: Path, answer: Answer) -> Answer:
        """Read `path` again with its pictures, in the one child that has the model for it."""
        errors = (answer.error, *(part.error for part in answer.parts))
        if self._picture_child is None or not any(map(is_picture, errors)):
            return answer
        with self._picture_lock:
            second = self._picture_child.read(path)
        return answer if second.error and not answer.error else second
