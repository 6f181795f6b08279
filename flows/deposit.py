"""Receive files into a study's depot: by pieces, under safe names, never over another file.

In:   what a browser announces and sends, hostile until checked
Out:  depot/<workshop>/…           whole files only, each put there in one step
      .review/uploads/<id>.json    what was announced; <id>.part holds the bytes received so far
      .review/corbeille/<id>/      what a person removed, until it is put back

The length of the .part file says where to go on, so that a cut connection or a killed server loses
nothing that was received.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from flows.manifest import rename_targets, write_workshop
from pipeline.depot import folders_of, is_junk, list_folder, text_of
from pipeline.errors import AteliersError, StudyError, UsageError
from pipeline.files import file_hash, read_only, text_hash, write_bytes
from pipeline.ingest.workshop import is_manifest
from pipeline.study import Study
from pipeline.text import counted

MAX_STUDY_BYTES = 2_000_000_000  # of the depot and of what is being sent to it
_LEAST_FREE_BYTES = 200_000_000  # left on the disk for tables and reports
_MAX_NAME_BYTES, _MAX_DEPTH = 200, 8
_IN_BIN_S = 30 * 24 * 3600
_KEPT_S = 7 * 24 * 3600  # an upload left half-way
_COPY_BYTES = 1024 * 1024
_ID = re.compile(r"[0-9a-f]{32}")
# not writable on a shared Windows folder, or not visible at all
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]')

Outcome = Literal["placed", "renamed", "same", "skipped", "refused"]


@dataclass(frozen=True)
class Placed:
    """What became of one file, and the sentence that says it; `path` is below the depot."""

    path: str
    outcome: Outcome
    sentence: str


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


class Deposit:
    """The depot of one study, open to people who send files."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.uploads = study.root / ".review" / "uploads"
        self.bin = study.root / ".review" / "corbeille"

    # --- uploads

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
        upload_id = text_hash(workshop, path, str(size), author, mark)[:32]
        if workshop:
            self.workshop_folder(workshop)
        self._forget_old_uploads()
        if not self._file(upload_id).is_file():
            self._check_room(name, size)
        upload = Upload(upload_id, workshop, path, size, author)
        self._ended(upload_id).unlink(missing_ok=True)
        write_bytes(self._file(upload_id), json.dumps(asdict(upload)).encode(), mode=0o600)
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
            raise read_only(self.uploads, error) from error

    def finish(self, upload: Upload) -> list[Placed]:
        """Put an upload that has arrived whole into the depot, an archive unpacked.

        May be called again after a crash. Raises `UsageError`, and drops the upload, for an archive
        that nobody should open.
        """
        from flows.unpacking import is_archive, unpack

        part = self.part(upload)
        if not upload.size:
            part.touch(mode=0o600)
        with self._opened_alone(upload) as handle:
            os.fsync(handle)
            try:
                if is_archive(upload.path, part):
                    placed = unpack(self, part, upload)
                else:
                    placed = [self.place(part, upload.workshop, upload.path)]
            except UsageError:
                self.drop(upload)
                raise
            told = json.dumps([asdict(one) for one in placed]).encode()
            write_bytes(self._ended(upload.upload_id), told, mode=0o600)
            self.drop(upload)  # not before: a full disk leaves what was received
            return placed

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
        found = [self.find(path.stem) for path in sorted(self.uploads.glob("*.json"))]
        pairs = [(upload, self.n_received(upload)) for upload in found if upload]
        return sorted(pairs, key=lambda pair: pair[0].path)

    def part(self, upload: Upload) -> Path:
        """Return the file of the bytes received."""
        return self.uploads / f"{upload.upload_id}.part"

    def n_bytes(self) -> int:
        """Return the bytes of the depot."""
        return sum(
            path.stat().st_size
            for folder in folders_of(self.study.depot)
            for path in list_folder(folder, depot=self.study.depot).files
        )

    def n_free(self) -> int:
        """Return how many bytes may still come in."""
        announced = sum(upload.size for upload, _ in self.waiting())
        return max(0, MAX_STUDY_BYTES - self.n_bytes() - announced)

    def _check_room(self, name: str, size: int) -> None:
        free, most = self.n_free(), size_in_words(MAX_STUDY_BYTES)
        if size > free:
            raise UsageError(
                f"« {name} » pèse {size_in_words(size)}, plus que la place qui reste "
                f"({size_in_words(free)} sur les {most} d'une étude)",
                f"{size_in_words(free)} au plus",
                "le réduire ou le découper, ou retirer des fichiers",
            )
        self.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        on_disk = max(0, shutil.disk_usage(self.uploads).free - _LEAST_FREE_BYTES) // 2
        if size > on_disk:  # an archive stands beside its files while it is unpacked
            raise UsageError(
                f"« {name} » pèse {size_in_words(size)}, plus que le disque ne peut recevoir "
                f"({size_in_words(on_disk)})",
                f"{size_in_words(on_disk)} au plus",
                "faire de la place sur le serveur, puis le déposer de nouveau",
            )

    def _ended(self, upload_id: str) -> Path:
        return self.uploads / f"{upload_id}.fini"

    def _file(self, upload_id: str) -> Path:
        return self.uploads / f"{upload_id}.json"

    @contextlib.contextmanager
    def _opened_alone(self, upload: Upload) -> Iterator[int]:
        part = os.open(self.part(upload), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(part)
            raise ElsewhereError(self.n_received(upload)) from error
        try:
            yield part
        finally:
            os.close(part)

    def _forget_old_uploads(self) -> None:
        for path in self.uploads.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.name != ".lock" and time.time() - path.stat().st_mtime > _KEPT_S:
                    path.unlink()

    # --- workshops and files

    def workshop_folder(self, name: str) -> Path:
        """Return the folder of an existing workshop; raise `UsageError` if there is none."""
        for folder in folders_of(self.study.depot):
            if folder.name == name:
                return folder
        raise UsageError(f"pas d'atelier « {name[:80]} »", "un atelier du dépôt", "en créer un")

    def make_workshop(self, territory: str, date: str = "", place: str = "") -> Path:
        """Make the folder of a workshop, and its atelier.yaml; `date` is ISO 8601 or blank.

        Raises `UsageError` for a blank territory or a name that is taken.
        """
        parts = safe_parts(f"{territory} {date}".replace("/", "-").strip())
        if not re.search(r"\w", territory) or is_junk(PurePosixPath(*parts)):
            raise UsageError("pas de territoire", "son nom", "l'écrire, comme « Pays de Redon »")
        folder = self.study.depot / parts[0]
        if _twin(folder):
            raise UsageError(
                f"l'atelier « {folder.name} » existe déjà",
                "un autre territoire ou une autre date",
                "y déposer les fichiers, ou changer la date",
            )
        folder.mkdir(parents=True)
        written = {"territoire": territory.strip(), "date": date, "lieu": place.strip()}
        write_workshop(folder, {key: value for key, value in written.items() if value})
        return folder

    def place(self, source: Path, workshop: str, path: str) -> Placed:
        """Move `source` into the depot as `path` of `workshop`, or say why it is not.

        Without `workshop`, the first folder of `path` is it, and is made.
        """
        parts = safe_parts(path)
        name = parts[-1] if parts else "sans nom"
        if not workshop and len(parts) < 2:
            reason = f"« {name} » : hors de tout atelier ; le déposer sur le sien"
            return Placed(path, "refused", reason)
        folder, inside = (workshop, parts) if workshop else (parts[0], parts[1:])
        if not inside or is_junk(PurePosixPath(folder, *inside)):
            return Placed(path, "skipped", f"« {name} » : fichier du système, laissé de côté")
        was = path.replace("\\", "/").strip("/")
        is_cleaned = "/".join(parts) != unicodedata.normalize("NFC", was)
        try:
            with self._placing():
                placed = self._moved(source, self.study.depot / folder, inside)
        except OSError as error:
            raise read_only(self.study.depot, error) from error
        if not is_cleaned or placed.outcome not in ("placed", "renamed"):
            return placed
        told = f"{placed.sentence} (« {was[:80]} » : nom mis au propre)"
        return Placed(placed.path, placed.outcome, told)

    def remove(self, workshop: str, path: str) -> str:
        """Move a file of a workshop to the bin, and return the id that puts it back."""
        source = self._existing(workshop, path)
        self._erase_old()
        kept = self.bin / text_hash(workshop, path, str(time.time_ns()))[:32]
        with self._placing():
            kept.mkdir(mode=0o700, parents=True)
            told = json.dumps({"workshop": workshop, "path": path, "removed_at": time.time()})
            write_bytes(kept / "origine.json", told.encode(), mode=0o600)
            shutil.move(source, kept / "fichier")
            self._tidy(source.parent, workshop)
        return kept.name

    def _erase_old(self) -> None:
        for row in self.removed():
            if time.time() - float(row["removed_at"]) > _IN_BIN_S:
                shutil.rmtree(self.bin / row["id"])

    def removed(self) -> list[dict[str, str]]:
        """Return what the bin holds, the last removed first."""
        rows = []
        for kept in self.bin.glob("*"):
            with contextlib.suppress(OSError, ValueError):
                if (kept / "fichier").is_file():
                    rows.append({"id": kept.name} | json.loads((kept / "origine.json").read_text()))
        return sorted(rows, key=lambda row: -float(row["removed_at"]))

    def put_back(self, removed_id: str) -> Placed:
        """Put a removed file where it was, beside a file that has taken its name."""
        row = self._removed(removed_id)
        placed = self.place(self.bin / removed_id / "fichier", row["workshop"], row["path"])
        if placed.outcome != "refused":
            shutil.rmtree(self.bin / removed_id)
        return placed

    def erase(self, removed_id: str) -> str:
        """Erase a removed file for good, and return its name; raise `UsageError` if it is gone."""
        row = self._removed(removed_id)
        shutil.rmtree(self.bin / removed_id)
        return row["path"]

    def _removed(self, removed_id: str) -> dict[str, str]:
        row = next((row for row in self.removed() if row["id"] == removed_id), None)
        if row is None:
            raise UsageError(
                "ce fichier n'est plus dans la corbeille", "un fichier retiré", "recharger la page"
            )
        return row

    def rename(self, workshop: str, path: str, name: str) -> Placed:
        """Give a file of a workshop another name, with its ending; no passage loses its identity.

        Raises `UsageError` for a blank name or one that is taken.
        """
        source = self._existing(workshop, path)
        parts = safe_parts(name)
        if not parts or is_junk(PurePosixPath(parts[-1])):
            raise UsageError(f"le nom « {name[:40]} »", "un nom de fichier visible", "le changer")
        new, ending = parts[-1], source.suffix
        new = new if new.lower().endswith(ending.lower()) else new + ending
        target = source.with_name(new)
        with self._placing():
            if (twin := _twin(target)) and twin != source:
                raise UsageError(f"« {new} » existe déjà", "un autre nom", "en choisir un autre")
            source.rename(target)
        folder = self.study.depot / workshop
        rename_targets(folder, path, text_of(target.relative_to(folder)))
        return Placed(self._shown(target), "placed", f"« {source.name} » s'appelle « {new} »")

    def _existing(self, workshop: str, path: str) -> Path:
        folder = self.workshop_folder(workshop)
        for file in list_folder(folder, depot=self.study.depot).files:
            if str(file.relative_to(folder)) == path and not file.is_symlink():
                return file
        raise UsageError(
            f"« {path[-80:]} » n'est plus là", "un fichier de l'atelier", "recharger la page"
        )

    def _moved(self, source: Path, folder: Path, inside: Sequence[str]) -> Placed:
        target = folder.joinpath(*inside)
        fault = self._fault(target, folder)
        if fault:
            return Placed("/".join(inside), "refused", f"« {target.name} » : {fault}")
        target.parent.mkdir(parents=True, exist_ok=True)
        wanted, n = target, 1
        while twin := _twin(target):
            if twin.is_file() and _same_bytes(twin, source):
                told = f"« {twin.name} » : déjà là, avec le même contenu"
                return Placed(self._shown(twin), "same", told)
            if is_manifest(wanted):
                told = f"« {wanted.name} » : l'atelier a déjà le sien, que cette page corrige"
                return Placed(self._shown(twin), "refused", told)
            n += 1
            target = wanted.with_name(f"{wanted.stem} ({n}){wanted.suffix}")
        copies = [path for path in _files(folder) if _same_bytes(path, source)]
        _move(source, target)
        shown, name = self._shown(target), target.name
        if n > 1:
            told = (
                f"« {wanted.name} » était déjà pris par un autre contenu : gardé comme « {name} »"
            )
            return Placed(shown, "renamed", told)
        if copies:
            told = f"« {name} » a le même contenu que « {copies[0].name} » : l'un des deux suffit"
            return Placed(shown, "placed", told)
        return Placed(shown, "placed", f"« {name} » est arrivé")

    def _fault(self, target: Path, folder: Path) -> str:
        depot = self.study.depot.resolve()
        if folder.is_symlink() or not target.parent.resolve().is_relative_to(depot):
            return "son dossier est un raccourci hors du dépôt ; le déposer ailleurs"
        for parent in target.parents:
            if parent == self.study.depot:
                break
            if parent.exists() and not parent.is_dir():
                return f"« {parent.name} » est déjà un fichier ; changer le nom du dossier"
        return ""

    def _shown(self, path: Path) -> str:
        return text_of(path.relative_to(self.study.depot))

    def _tidy(self, folder: Path, workshop: str) -> None:
        """Remove blank folders below the workshop's own."""
        while folder != self.study.depot / workshop and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    @contextlib.contextmanager
    def _placing(self) -> Iterator[None]:
        """Let one file at a time take a name, whoever sends it."""
        self.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.uploads / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def safe_parts(path: str) -> tuple[str, ...]:
    r"""Return the folders and the name of a path that may be written below a folder.

    >>> safe_parts("../../C:\\notes\\table 3.docx")
    ('C', 'notes', 'table 3.docx')
    """
    steps = unicodedata.normalize("NFC", path).replace("\\", "/").split("/")
    clean = [_safe_name(step) for step in steps if step not in ("", ".", "..")]
    return tuple(filter(None, clean))[-_MAX_DEPTH:]


def _safe_name(name: str) -> str:
    """Keep the name's ending where it is too long; hidden files stay so, and are left aside."""
    name = _UNSAFE.sub("", name.encode("utf-8", "replace").decode()).strip().rstrip(". ")
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending if stem and len(ending) <= 10 else ""
    stem = name.removesuffix(ending) if ending else name
    n_left = _MAX_NAME_BYTES - len(ending.encode())
    return stem.encode()[:n_left].decode("utf-8", "ignore") + ending


def size_in_words(n_bytes: int) -> str:
    """Return « 4,2 Mo »; less than a thousandth of a megabyte is « 1 ko »."""
    for unit, size in (("Go", 1e9), ("Mo", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f}".replace(".0", "").replace(".", ",") + f" {unit}"
    return f"{max(1, round(n_bytes / 1000))} ko" if n_bytes else "0 ko"


def summary_of(placed: Sequence[Placed]) -> str:
    """Return what became of an archive's files, in one line.

    >>> summary_of([Placed("A/a.txt", "placed", "« a.txt » est arrivé")])
    '« a.txt » est arrivé'
    """
    if len(placed) == 1:
        return placed[0].sentence
    n_arrived = sum(one.outcome in ("placed", "renamed") for one in placed)
    told = [counted(n_arrived, "fichier arrivé", "fichiers arrivés")]
    told += [one.sentence for one in placed if one.outcome in ("refused", "renamed")][:5]
    n_same = sum(one.outcome == "same" for one in placed)
    told += [f"{n_same} déjà là"] if n_same else []
    return " ; ".join(told)


def error_line(error: AteliersError) -> str:
    """Return an error in one line for a list of files."""
    return f"{error.found} : {error.do}"


def _twin(path: Path) -> Path | None:
    """Return what already has the name of `path`, in any case or Unicode form."""
    if not path.parent.is_dir():
        return None
    key = unicodedata.normalize("NFC", path.name).casefold()
    for other in path.parent.iterdir():
        if unicodedata.normalize("NFC", other.name).casefold() == key:
            return other
    return None


def _files(folder: Path) -> tuple[Path, ...]:
    return list_folder(folder).files


def _same_bytes(path: Path, other: Path) -> bool:
    try:
        if path.stat().st_size != other.stat().st_size:
            return False
        return path.stat().st_size > 0 and file_hash(path) == file_hash(other)
    except OSError:
        return False


def _move(source: Path, target: Path) -> None:
    """Move in one step, also from another disk; never over a file that came meanwhile."""
    if target.exists():
        raise StudyError(
            f"« {target.name} » vient d'arriver d'ailleurs", "un nom libre", "recommencer"
        )
    source.chmod(0o644)  # as others of the depot
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        waiting = target.with_name(f".{text_hash(str(target))[:16]}.part")  # no run reads it
        shutil.copyfile(source, waiting)
        waiting.rename(target)
        source.unlink()
