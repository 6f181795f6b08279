"""Read files in child processes with limits of memory and time a file: a hostile or broken file never ends the run.

In:   paths of files of the depot
Out:  one Reading a path, in the given order whatever the number of children; what cannot be read has an error in French instead of parts
"""

import logging
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.child import Child, count_children
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.source import MEGABYTE, too_large
from pipeline.ingest.readers.wire import Error
from pipeline.settings import IngestSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What a file held: its parts, or an error as (reason, advice) in French; never both."""

    path: Path
    parts: tuple[RawPart, ...] = ()
    error: Error | None = None


def read_files(
    paths: Sequence[Path],
    *,
    settings: IngestSettings,
    within: Sequence[Path] = (),
    on_file: Callable[[Path], None] | None = None,
) -> list[Reading]:
    """Return one reading a path, in order; `on_file` is called with each path once it is done, in whatever order that is.

    Where folders are given in `within`, a link that leads out of all of them is not followed. A file that kills or hangs its child becomes
    a reading with an error; a new child goes on with the next file, and the other children do not wait.
    """
    readings: dict[int, Reading] = {}
    asked: list[tuple[int, Path]] = []
    allowed = [folder.resolve() for folder in within]
    for place, path in enumerate(paths):
        refusal = _refusal(path, settings, allowed)
        if refusal is None:
            asked.append((place, path))
        else:
            readings[place] = Reading(path, error=refusal)
            if on_file:
                on_file(path)
    with tempfile.TemporaryDirectory(prefix="ateliers-") as scratch:
        for place, reading in _read_by_children(asked, settings, Path(scratch)):
            readings[place] = reading
            if on_file:
                on_file(reading.path)
    _log.info("%d files read, %d refused", len(readings), sum(reading.error is not None for reading in readings.values()))
    return [readings[place] for place in range(len(paths))]


def _refusal(path: Path, settings: IngestSettings, allowed: Sequence[Path]) -> Error | None:
    """Why a path is not even given to a child: it is no regular file, leads elsewhere, or is too large."""
    try:
        target = path.resolve()
        is_file, n_bytes = path.is_file(), path.stat().st_size if path.is_file() else 0
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        return (
            f"fichier illisible ({getattr(error, 'strerror', None) or 'boucle de raccourcis'})",
            "vérifier que l'on a le droit de le lire",
        )
    if not is_file:
        return (
            "ce n'est pas un fichier ordinaire",
            "vérifier qu'il existe encore, ou déposer le document lui-même à la place d'un raccourci",
        )
    if allowed and not any(target.is_relative_to(folder) for folder in allowed):
        return "raccourci vers un fichier hors du dépôt", "déposer le document lui-même à la place du raccourci"
    if n_bytes > settings.max_file_mb * MEGABYTE:
        refusal = too_large(n_bytes, int(settings.max_file_mb * MEGABYTE))
        return refusal.found, refusal.do
    return None


def _read_by_children(asked: Sequence[tuple[int, Path]], settings: IngestSettings, scratch: Path) -> Iterator[tuple[int, Reading]]:
    """Yield the readings as they come, each with its place; children start as files come and end with the last, or with the caller."""
    waiting: queue.SimpleQueue[tuple[int, Path]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Reading]] = queue.SimpleQueue()
    for job in asked:
        waiting.put(job)
    children = [Child(settings, scratch) for _ in range(min(count_children(settings), len(asked)))]
    threads = [threading.Thread(target=_work, args=(child, waiting, done), daemon=True) for child in children]
    for thread in threads:
        thread.start()
    try:
        for _ in asked:
            yield done.get()
    finally:
        for child in children:
            child.close()
        for thread in threads:
            thread.join()


def _work(child: Child, waiting: "queue.SimpleQueue[tuple[int, Path]]", done: "queue.SimpleQueue[tuple[int, Reading]]") -> None:
    """Have `child` read what waits until nothing does, or until it is closed."""
    while not child.is_closed:
        try:
            place, path = waiting.get_nowait()
        except queue.Empty:
            break
        parts, error = child.read(path)
        done.put((place, Reading(path, parts, error)))
    child.close()
