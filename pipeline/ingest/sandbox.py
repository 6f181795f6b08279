"""Read files in child processes with limits of memory and time: no file ends the run.

A child that dies is started again. An error lasts where the file is at fault: its reader says so,
exceeds its memory or processor time, or crashes. It can pass where the system is: a signal from
outside, a timeout, a missing file.
"""

import contextlib
import json
import logging
import os
import queue
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from pipeline.child import start_module
from pipeline.errors import reason_of
from pipeline.ingest.parts import (
    MEGABYTE,
    READ_AGAIN,
    READY,
    Error,
    RawPart,
    TooLongError,
    away_error,
    is_passing,
    is_picture,
    read_frame,
    too_large,
)
from pipeline.ingest.readers.pictures import ocr_version
from pipeline.parallel import n_processors
from pipeline.settings.sections import IngestSettings

_log = logging.getLogger(__name__)
_DYING_S = 5.0  # to wait for a child that closed its output
_START_SECONDS = 60.0
_MAX_CHILDREN = 4  # more gains little: what follows reading takes longer
_LOCALE = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
_LIBRARIES = ("PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")
_INHERITED = (*_LOCALE, *_LIBRARIES)
_SPLIT = "découper le fichier ou l'enregistrer dans un autre format"
BROKEN: Error = (
    "fichier abîmé ou trop lourd : sa lecture s'est interrompue",
    "l'enregistrer de nouveau ou dans un autre format",
)
LARGE_TABLES = (".csv", ".tsv", ".parquet")
_CUT = "le retirer du dépôt, puis : ateliers add-table ÉTUDE FICHIER, qui le découpe"
_SWOLLEN: Error = ("fichier au contenu démesuré", _SPLIT)
_ANSWERS: TypeAdapter[tuple[tuple[RawPart, ...], Error | None, bool, str]] = TypeAdapter(
    tuple[tuple[RawPart, ...], Error | None, bool, str]
)
_MAX_FAILURE = 80  # letters of a failure, as logged
_KILLED: Error = ("lecture arrêtée par le système (mémoire de la machine, arrêt)", READ_AGAIN)
_NO_READER: Error = ("lecture impossible pour l'instant : le lecteur ne démarre pas", READ_AGAIN)
# signals that no file causes
_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGALRM")
_OVER_TIME = ("SIGPROF", "SIGXCPU")
# times the processor limit; a slower machine is not waited for
_PATIENCE, _LEAST_WALL_S = 10, 60.0


class Answer(NamedTuple):
    """A file's content or its error; `can_pass` where another try may succeed."""

    parts: tuple[RawPart, ...] = ()
    error: Error | None = None
    can_pass: bool = False


def count_children(settings: IngestSettings) -> int:
    """Return how many children may run: as set, or one a processor up to four.

    It never exceeds what fits in memory.
    """
    wanted = settings.n_readers or min(_MAX_CHILDREN, n_processors())
    at_hand = _megabytes_at_hand()
    return max(1, wanted if at_hand is None else min(wanted, at_hand // settings.max_memory_mb))


class Child:
    """A process `python -m pipeline.ingest.readers` for one thread; any thread may close it."""

    def __init__(
        self, settings: IngestSettings, scratch: Path, *, reads_pictures: bool = False
    ) -> None:
        self.is_closed = False
        self._settings, self._scratch = settings, scratch
        self._reads_pictures = reads_pictures
        self._max_seconds = (
            settings.max_seconds_per_scan if reads_pictures else settings.max_seconds_per_file
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, path: Path) -> Answer:
        """Return what `path` holds, in limited time; a child killed from outside is asked again."""
        answer = self._read(path)
        return self._read(path) if answer.error == _KILLED and not self.is_closed else answer

    def _read(self, path: Path) -> Answer:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # killed while idle: not this file's fault
        if self._process is None and not self._start():
            return Answer(error=_NO_READER, can_pass=True)
        self._send(str(path.absolute()))
        reply = self._listen(max_wall_seconds(self._max_seconds))
        if reply.trouble:
            self._end()
            return reply.trouble
        answer, failure = read_answer(reply.line)
        if reply.is_last or failure:
            code = self._end(waits=not reply.line)
            if failure:
                _log.warning("a reader ended at a file: %s, code %s", failure, code)
            if not reply.line:
                return self._judged(code)
        return answer

    def read_batches(self, path: Path, n_rows: int) -> Iterator[Answer]:
        """Yield a .parquet's rows, `n_rows` or fewer an answer; an error is the last one."""
        if self._process is None and not self._start():
            yield Answer(error=_NO_READER, can_pass=True)
            return
        self._send({"path": str(path.absolute()), "n_rows": n_rows})
        try:
            while True:
                reply = self._listen(max_wall_seconds(self._max_seconds))
                answer = reply.trouble or read_answer(reply.line)[0]
                if not reply.line and not reply.trouble:
                    answer = self._judged(self._end(waits=True))
                if answer.parts or answer.error:
                    yield answer
                if not answer.parts:
                    return
        finally:
            self._end()

    def _judged(self, code: int | None) -> Answer:
        name = signal.Signals(-code).name if code is not None and code < 0 else ""
        if name in _FROM_OUTSIDE:
            return Answer(error=_KILLED, can_pass=True)
        return Answer(error=self._too_late() if name in _OVER_TIME else BROKEN)

    def close(self) -> None:
        """End the child for good at once; the file being read is lost."""
        self.is_closed = True
        self._end()

    def _start(self) -> bool:
        with self._lock:
            if self.is_closed:
                return False
            try:
                self._process = start_reading_process(self._scratch)
            except OSError as error:  # no memory or no process left
                _log.warning("a reader could not be started: %s", error.strerror)
                return False
        self._send(
            {
                "max_bytes": int(self._settings.max_file_mb * MEGABYTE),
                "max_memory_bytes": self._settings.max_memory_mb * MEGABYTE,
                "max_seconds": self._max_seconds,
                "max_wall_seconds": max_wall_seconds(self._max_seconds),
                "reads_pictures": self._reads_pictures,
            }
        )
        if self._listen(_START_SECONDS).line == READY:
            return True
        _log.warning("a reader did not start: code %s", self._end())
        return False

    def _end(self, *, waits: bool = False) -> int | None:
        """Kill the process; return its exit code if it ended by itself, in a while if `waits`."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        if waits:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_DYING_S)
        is_alive = process.poll() is None
        process.kill()
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(OSError):  # unsent input
                    stream.close()
        return None if is_alive else code

    def _send(self, message: object) -> None:
        process = self._process
        try:
            if process and process.stdin:
                process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
                process.stdin.flush()
        except (OSError, ValueError):  # gone, or closed by another thread
            _log.warning("a reader could not be asked")  # the missing answer tells

    def _listen(self, seconds: float) -> "_Reply":
        """A late child is killed."""
        process = self._process
        if process is None or process.stdout is None:
            return _Reply(b"")
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            process.kill()

        watch = threading.Timer(seconds, stop)
        watch.daemon = True
        watch.start()
        try:
            line, is_last = read_frame(process.stdout)
        except TooLongError:
            return _Reply(b"", trouble=Answer(error=_SWOLLEN))
        except (OSError, ValueError):  # closed by another thread
            return _Reply(b"")
        finally:
            watch.cancel()
        return _Reply(
            line, is_last, _waited_for(seconds) if is_late.is_set() and not line else None
        )

    def _too_late(self) -> Error:
        seconds = f"{self._max_seconds:g}".replace(".", ",")
        setting = "max_seconds_per_scan" if self._reads_pictures else "max_seconds_per_file"
        advice = f"{_SPLIT}, ou relever « {setting} » dans etude.toml, section [ingest]"
        return f"lecture trop longue (plus de {seconds} s de calcul)", advice


@dataclass(frozen=True)
class _Reply:
    line: bytes  # b"" where it died
    is_last: bool = True  # the child ends after it
    trouble: Answer | None = None  # why nothing came, if known


def read_answer(line: bytes) -> tuple[Answer, str | None]:
    """Return the answer in `line`, and the failure in the child where it holds none."""
    try:
        parts, error, can_pass, failure = _ANSWERS.validate_json(line, strict=True)
    except ValidationError:
        return Answer(error=BROKEN), "an answer of another form" if line else "no answer"
    if failure:
        return Answer(error=BROKEN), failure[:_MAX_FAILURE]
    return Answer(parts, error, can_pass), None


def max_wall_seconds(max_seconds: float) -> float:
    """Return the wall-clock limit of a file, many times its processor limit."""
    return max(_LEAST_WALL_S, _PATIENCE * max_seconds)


def _waited_for(seconds: float) -> Answer:
    reason = f"lecture arrêtée après {seconds:.0f} s d'attente : machine ou disque trop occupés"
    return Answer(error=(reason, READ_AGAIN), can_pass=True)


def start_reading_process(scratch: Path) -> subprocess.Popen[bytes]:
    """Start a child that imports from this package, never from a depot, and inherits no secret."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # others start threads, which a child may not
        "TMPDIR": str(scratch),
    }
    return start_module(
        "pipeline.ingest.readers",
        environment=inherited | own,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=scratch,
        start_new_session=True,
    )


def _megabytes_at_hand() -> int | None:
    """Return the free memory, or the container's limit where lower."""
    n_bytes = []
    with contextlib.suppress(OSError, ValueError):  # no Linux, no cgroup, or no limit ("max")
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                n_bytes.append(int(line.split()[1]) * 1024)
        n_bytes.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(n_bytes) // MEGABYTE if n_bytes else None


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
        is_table = path.suffix.lower() in LARGE_TABLES
        return Answer(error=(refusal.found, _CUT if is_table else refusal.do))
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
