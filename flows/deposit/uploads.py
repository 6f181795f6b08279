"""Receive files by pieces, so that a cut connection or a killed server loses nothing received.

In:   what a browser announces and sends
Out:  .review/uploads/<id>.json    what was announced
      .review/uploads/<id>.part    the bytes received so far; its length says where to go on
      .review/uploads/<id>.fini    what became of it, for a browser that lost the last answer
"""

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from flows.deposit import Deposit, Placed
from flows.deposit.names import safe_parts
from flows.deposit.unpacking import is_archive, unpack
from pipeline.depot import text_of
from pipeline.errors import UsageError
from pipeline.files import read_only, text_hash, write_bytes
from pipeline.locks import lock
from pipeline.text import size_in_words

MAX_STUDY_BYTES = 2_000_000_000  # of the depot and of what is being sent to it
_LEAST_FREE_BYTES = 200_000_000  # left on the disk for tables and reports
_KEPT_S = 7 * 24 * 3600  # an upload left half-way
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """A file that a browser announced; a blank `workshop` is the first folder of `path`."""

    upload_id: str
    workshop: str
    path: str
    size: int
    author: str


class ElsewhereError(Exception):
    """A piece does not start where the file ends; `n_received` says where that is."""

    def __init__(self, n_received: int) -> None:
        self.n_received = n_received
        super().__init__(str(n_received))


class Uploads:
    """The files that are on their way to a depot."""

    def __init__(self, deposit: Deposit) -> None:
        self.deposit, self.folder = deposit, deposit.uploads

    def announce(
        self, workshop: str, path: str, size: int, *, author: str, mark: str = ""
    ) -> Upload:
        """Return the upload to send to, the one begun before for the same file and author.

        `mark` tells two files of one name and size apart, such as the time of the last change.
        Raises `UsageError` for a file that cannot come in.
        """
        name = text_of(PurePosixPath(path.replace("\\", "/"))).rsplit("/", 1)[-1][:80]
        if size < 0:
            raise UsageError(f"« {name} » sans taille", "un fichier", "le déposer de nouveau")
        if not workshop and len(safe_parts(path)) < 2 and not path.lower().endswith(".zip"):
            raise UsageError(
                f"« {name} » est hors de tout atelier",
                "un fichier dans un atelier",
                "le déposer sur le sien",
            )
        if workshop:
            self.deposit.workshop_folder(workshop)
        upload_id = text_hash(workshop, path, str(size), author, mark)[:32]
        return self._begin(Upload(upload_id, workshop, path, size, author), name)

    def _begin(self, upload: Upload, name: str) -> Upload:
        self._forget_old_uploads()
        if not self._file(upload.upload_id).is_file():
            self._check_room(name, upload.size)
        self._ended(upload.upload_id).unlink(missing_ok=True)
        content = json.dumps(asdict(upload)).encode()
        write_bytes(self._file(upload.upload_id), content, mode=0o600)
        return upload

    def find(self, upload_id: str) -> Upload | None:
        """Return an announced upload, None once it has arrived or was given up."""
        if not _ID.fullmatch(upload_id):
            return None
        try:
            return Upload(**json.loads(self._file(upload_id).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def n_received(self, upload: Upload) -> int:
        """Return how many bytes have arrived."""
        try:
            return self.part(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, upload: Upload, start: int, chunks: Iterable[bytes]) -> int:
        """Append a piece that starts at byte `start`; return how many bytes have arrived.

        Raises `ElsewhereError` where the file ends elsewhere, or another piece is being written.
        """
        try:
            with self._opened_alone(upload) as part:
                end = os.lseek(part, 0, os.SEEK_END)
                if end != start:
                    raise ElsewhereError(end)
                for chunk in chunks:
                    rest = chunk[: upload.size - end]
                    while rest:
                        n_written = os.write(part, rest)
                        rest, end = rest[n_written:], end + n_written
                return end
        except OSError as error:
            raise read_only(self.folder, error) from error

    def finish(self, upload: Upload) -> list[Placed]:
        """Put an upload that has arrived whole into the depot, an archive unpacked.

        May be called again after a crash. Raises `UsageError`, and drops the upload, for an archive
        that nobody should open.
        """
        part = self.part(upload)
        if not upload.size:
            part.touch(mode=0o600)
        with self._opened_alone(upload) as handle:
            os.fsync(handle)
            try:
                placed = self._placed(upload, part)
            except UsageError:
                self.drop(upload)
                raise
            told = json.dumps([asdict(one) for one in placed]).encode()
            write_bytes(self._ended(upload.upload_id), told, mode=0o600)
            self.drop(upload)  # not before: a full disk leaves what was received
            return placed

    def _placed(self, upload: Upload, part: Path) -> list[Placed]:
        if is_archive(upload.path, part):
            most = self.n_free() + upload.size
            return unpack(self.deposit, part, upload.path, upload.workshop, max_bytes=most)
        return [self.deposit.place(part, upload.workshop, upload.path)]

    def ended(self, upload_id: str) -> list[Placed] | None:
        """Return what became of an upload whose last answer was lost; None where it goes on."""
        if not _ID.fullmatch(upload_id):
            return None
        try:
            rows = json.loads(self._ended(upload_id).read_bytes())
        except (OSError, ValueError):
            return None
        return [Placed(**row) for row in rows]

    def drop(self, upload: Upload) -> None:
        """Give up an upload."""
        for path in (self._file(upload.upload_id), self.part(upload)):
            path.unlink(missing_ok=True)

    def waiting(self) -> list[tuple[Upload, int]]:
        """Return the uploads that have not arrived, each with the bytes received, by name."""
        found = [self.find(path.stem) for path in sorted(self.folder.glob("*.json"))]
        pairs = [(upload, self.n_received(upload)) for upload in found if upload]
        return sorted(pairs, key=lambda pair: pair[0].path)

    def part(self, upload: Upload) -> Path:
        """Return the file of the bytes received."""
        return self.folder / f"{upload.upload_id}.part"

    def n_free(self) -> int:
        """Return how many bytes may still come in."""
        announced = sum(upload.size for upload, _ in self.waiting())
        return max(0, MAX_STUDY_BYTES - self.deposit.n_bytes() - announced)

    def _check_room(self, name: str, size: int) -> None:
        free, most = self.n_free(), size_in_words(MAX_STUDY_BYTES)
        if size > free:
            raise UsageError(
                f"« {name} » pèse {size_in_words(size)}, plus que la place qui reste "
                f"({size_in_words(free)} sur les {most} d'une étude)",
                f"{size_in_words(free)} au plus",
                "le réduire ou le découper, ou retirer des fichiers",
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        on_disk = max(0, shutil.disk_usage(self.folder).free - _LEAST_FREE_BYTES) // 2
        if size > on_disk:  # an archive stands beside its files while it is unpacked
            raise UsageError(
                f"« {name} » pèse {size_in_words(size)}, plus que le disque ne peut recevoir "
                f"({size_in_words(on_disk)})",
                f"{size_in_words(on_disk)} au plus",
                "faire de la place sur le serveur, puis le déposer de nouveau",
            )

    def _ended(self, upload_id: str) -> Path:
        return self.folder / f"{upload_id}.fini"

    def _file(self, upload_id: str) -> Path:
        return self.folder / f"{upload_id}.json"

    @contextlib.contextmanager
    def _opened_alone(self, upload: Upload) -> Iterator[int]:
        part = os.open(self.part(upload), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock(part)
        except OSError as error:
            os.close(part)
            raise ElsewhereError(self.n_received(upload)) from error
        try:
            yield part
        finally:
            os.close(part)

    def _forget_old_uploads(self) -> None:
        for path in self.folder.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.name != ".lock" and time.time() - path.stat().st_mtime > _KEPT_S:
                    path.unlink()
