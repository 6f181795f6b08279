"""Back up a whole study in one file, sealed where a passphrase is set, and restore it.

Only files listed with their sha256 are restored. .cache/ is left out: a run makes it again.
<étude>-effacements.json, beside the study, keeps whom was erased erased in a backup made before.
"""

import contextlib
import datetime
import errno
import gzip
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from flows.encryption import STREAM_MAGIC, OpeningReader, SealingWriter
from flows.integrity import check_study
from pipeline import __version__
from pipeline.credentials import read_secret
from pipeline.errors import StudyError, VaultError
from pipeline.files import file_hash, force_to_disk, read_only, write_bytes
from pipeline.study import Study

if TYPE_CHECKING:
    from pipeline.pseudonymise.vault import Registry

PASSPHRASE, PASSPHRASE_FILE = "ATELIERS_BACKUP_PASSPHRASE", "ATELIERS_BACKUP_PASSPHRASE_FILE"
LIST = "sauvegarde.json"
_FORMAT = 1
_LEFT_OUT = frozenset((".cache", LIST))
_ERASURES = "-effacements.json"
_LOCK = Path("runs/.lock")
_PRIVATE = frozenset(("vault", ".review"))
_JOURNALS = ("-wal", "-shm", "-journal", "-count")
_LEAST_FREE_BYTES = 200_000_000  # left on the disk by what is unpacked


@dataclass(frozen=True)
class Backup:
    """A finished backup or restoration.

    `erased` is what a restoration erased again, None where no list of erasures was beside.
    """

    path: Path
    n_files: int
    n_bytes: int
    is_sealed: bool
    has_accounts: bool
    erased: dict[str, Any] | None = None


def backup_study(
    root: Path,
    target: Path | None = None,
    *,
    passphrase: str | None = None,
    may_lack_decisions: bool = False,
) -> Backup:
    """Back up the study in `root` to `target`, by default a dated file beside it.

    It is sealed under `passphrase`, or else under that of the environment if there is one.

    Raises `StudyError` for a study at work, lost decisions or a target that exists or cannot be
    written, `VaultError` for an unreadable passphrase.
    """
    study = Study.open(root.resolve())
    moment = datetime.datetime.now(datetime.UTC)
    name = f"{study.root.name}-{moment.strftime('%Y%m%dT%H%M%SZ')}.ateliers"
    path = target or study.root.parent / name
    if path.exists():
        do = "donner un autre nom avec -o"
        raise StudyError(f"« {path} » existe déjà", "un nouveau fichier", do)
    passphrase = passphrase or read_backup_passphrase()
    if not may_lack_decisions:
        study.check_decisions()  # what is lost must not take the place of an earlier backup
        check_study(study)
    with study.locked(), _scratch_folder(path.parent, ".sauvegarde-") as folder:
        entries = sorted(_files_to_save(study, _copies(study, folder)).items())
        building = folder / "sauvegarde"
        building.touch(mode=0o600)
        with building.open("wb") as file:
            _write(file, entries, study, moment, passphrase)
        building.replace(path)
        n_bytes = sum(source.stat().st_size for _, source in entries)
    return Backup(path, len(entries), n_bytes, passphrase is not None, not study.database_url)


def backups_of(study: Study) -> list[Path]:
    """Return the backups beside the study under their usual names, the last one first."""
    name = re.compile(rf"{re.escape(study.root.name)}-\d{{8}}T\d{{6}}Z\.ateliers")
    beside = study.root.resolve().parent.glob("*.ateliers")
    return sorted((path for path in beside if name.fullmatch(path.name)), reverse=True)


def keep_erasures(study: Study, registry: "Registry") -> None:
    """Write beside the study whom it forgot, as hashes whose key is in the vault and backups."""
    path = study.root.resolve().parent / f"{study.root.name}{_ERASURES}"
    with contextlib.suppress(StudyError):  # a restoration says that it found no list
        write_bytes(path, registry.erasures().dumps(), mode=0o600)


def kept_erasures(saved: Study, *folders: Path) -> "Registry | None":
    """Return whom a study forgot since it was `saved`, as lists in `folders` say."""
    paths = sorted({path for folder in folders for path in folder.glob(f"*{_ERASURES}")})
    if not paths:
        return None  # the vault stays closed
    from flows.vault import Vault
    from pipeline.pseudonymise.vault import Registry

    registry = Vault(saved).registry()
    key = registry.erasures().secret
    lists = (Registry.loads(path.read_bytes()) for path in paths)
    own = [each for each in lists if each.secret == key]
    later = max(own, key=lambda each: len(each.forgotten), default=None)
    return later and replace(later, secret=registry.secret)


def is_sealed(path: Path) -> bool:
    """Whether a backup asks for a passphrase."""
    with path.open("rb") as file:
        return file.read(len(STREAM_MAGIC)) == STREAM_MAGIC


def restore_study(source: Path, root: Path) -> Backup:
    """Restore the study saved in `source` into `root`, which must be missing or empty.

    Whom a list beside says was erased since is erased again.
    Raises `StudyError` or `VaultError`, and leaves `root` empty, where the file is damaged, cut off
    or sealed under another passphrase.
    """
    from flows.forget import erase_again

    if not source.is_file():
        expected = "une sauvegarde faite par ateliers backup"
        raise StudyError(f"pas de fichier « {source} »", expected, "corriger le chemin")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        expected = "un dossier nouveau ou vide"
        raise StudyError(f"« {root} » n'est pas vide", expected, "donner un autre dossier")
    with _scratch_folder(root.resolve().parent, ".restauration-") as folder:
        building = folder / "etude"
        manifest = unpack_backup(source, building)
        study, erased = Study.open(building), None
        folders = source.resolve().parent, root.resolve().parent
        if later := kept_erasures(study, *folders):
            erased = erase_again(study, later)
        if root.exists():
            root.rmdir()
        building.rename(root)
    files = manifest["files"]
    n_bytes = sum(entry["n_bytes"] for entry in files.values())
    has_accounts = bool(manifest["has_accounts"])
    return Backup(root, len(files), n_bytes, is_sealed(source), has_accounts, erased)


def unpack_backup(source: Path, folder: Path, *, passphrase: str | None = None) -> dict[str, Any]:
    """Unpack `source` into the new `folder`, check every file, and return what lists them.

    It opens with `passphrase`, or else with that of the environment. Raises as `restore_study`.
    """
    folder.mkdir(mode=0o700)
    with _opened(source, passphrase) as stream:
        _extract(stream, folder)
    manifest = _checked(folder)
    force_to_disk(folder)
    return manifest


def read_backup_passphrase() -> str | None:
    """Return the passphrase of backups, if any; raise `VaultError` if unreadable."""
    return read_secret(PASSPHRASE, "la phrase de passe des sauvegardes", error=VaultError)


@contextlib.contextmanager
def _scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    if not os.access(parent, os.W_OK):
        raise StudyError(
            f"« {parent} » refuse l'écriture",
            "un dossier où écrire",
            "en donner un autre, ou vérifier les droits",
        )
    try:
        with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        raise read_only(parent, error) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise read_only(parent, OSError(errno.ENOSPC, "")) from error


def _copies(study: Study, folder: Path) -> dict[str, Path]:
    """Copy what may change meanwhile: decisions, accounts, tables kept elsewhere."""
    tables = study.table_store.copy_to(folder / "tables") if study.keeps_tables_elsewhere else {}
    copies = {f"{study.tables.name}/{name}": path for name, path in tables.items()}
    if study.decisions.last_id():
        copies[study.decisions_path.name] = folder / "decisions.sqlite3"
        study.decisions.save_copy(copies[study.decisions_path.name])
    for path in sorted((study.root / ".review").glob("*.sqlite3")):
        name = path.relative_to(study.root).as_posix()
        copies[name] = folder / f"compte-{path.name}"
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(copies[name])) as copy,
        ):
            source.backup(copy)
        copies[name].chmod(path.stat().st_mode & 0o777)
    return copies


def _files_to_save(study: Study, copies: dict[str, Path]) -> dict[str, Path]:
    files = dict(copies)
    left_out = set(_LEFT_OUT)
    if any(name.startswith(f"{study.tables.name}/") for name in copies):
        left_out.add(study.tables.name)  # tables/ holds older ones than those kept elsewhere
    for path in study.root.rglob("*"):
        name = path.relative_to(study.root)
        is_journal = path.name.endswith(_JOURNALS) and ".sqlite3" in path.name
        is_left_out = name.parts[0] in left_out or name == _LOCK or is_journal
        if not is_left_out and path.is_file() and not path.is_symlink():
            files.setdefault(name.as_posix(), path)
    return files


def _write(
    file: IO[bytes],
    entries: list[tuple[str, Path]],
    study: Study,
    moment: datetime.datetime,
    passphrase: str | None,
) -> None:
    manifest: dict[str, Any] = {
        "format": _FORMAT,
        "version": __version__,
        "made_at": moment.isoformat(timespec="seconds"),
        "has_accounts": not study.database_url,
        "folders": dict(_folders(study)),
        "files": {
            name: {
                "sha256": file_hash(path),
                "n_bytes": path.stat().st_size,
                "mode": path.stat().st_mode & 0o777,
            }
            for name, path in entries
        },
    }
    sealing = SealingWriter(file, passphrase) if passphrase else None
    # mtime=0: gzip holds no date after 2106
    with (
        gzip.GzipFile(fileobj=sealing or file, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        # JSON escaped as ASCII: a file's name may be no UTF-8
        _add(archive, LIST, io.BytesIO(json.dumps(manifest).encode()))
        for name, path in entries:
            with path.open("rb") as content:
                _add(archive, name, content)
    if sealing:
        sealing.close()
    file.flush()
    os.fsync(file.fileno())


def _folders(study: Study) -> Iterator[tuple[str, int]]:
    yield ".", study.root.stat().st_mode & 0o777
    for path in sorted(study.root.rglob("*")):
        name = path.relative_to(study.root)
        if path.is_dir() and not path.is_symlink() and name.parts[0] not in _LEFT_OUT:
            yield name.as_posix(), path.stat().st_mode & 0o777


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    content.seek(0, os.SEEK_END)
    entry.size = content.tell()
    content.seek(0)
    entry.mode = 0o600
    archive.addfile(entry, content)


@contextlib.contextmanager
def _opened(source: Path, passphrase: str | None) -> Iterator[IO[bytes]]:
    with source.open("rb") as file:
        if not is_sealed(source):
            yield file
            return
        passphrase = passphrase or read_backup_passphrase()
        if passphrase is None:
            raise VaultError(
                "la sauvegarde est chiffrée",
                "sa phrase de passe",
                f"la donner par {PASSPHRASE_FILE} ou {PASSPHRASE}",
            )
        yield io.BufferedReader(OpeningReader(file, passphrase))


def _extract(stream: IO[bytes], folder: Path) -> None:
    n_free = shutil.disk_usage(folder).free - _LEAST_FREE_BYTES
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for entry in archive:
                if not entry.isfile():
                    raise _damaged("une entrée qui n'est pas un fichier")
                n_free -= entry.size
                if n_free < 0:
                    raise StudyError(
                        "la sauvegarde tient plus que le disque ne peut recevoir",
                        "la place de ses fichiers",
                        "en faire sur le disque, puis recommencer",
                    )
                archive.extract(entry, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's own answer
            raise read_only(folder.parent, error) from error
        raise _damaged(type(error).__name__) from error


def _checked(folder: Path) -> dict[str, Any]:
    """Check every file against the manifest, which is returned."""
    try:
        manifest: dict[str, Any] = json.loads((folder / LIST).read_text(encoding="utf-8"))
        files = manifest["files"]
    except (OSError, ValueError, KeyError) as error:
        raise _damaged("pas de liste de ses fichiers") from error
    if manifest["format"] != _FORMAT:
        raise StudyError(
            f"une sauvegarde de format {manifest['format']}",
            f"le format {_FORMAT}",
            "la restaurer avec la version qui l'a faite",
        )
    (folder / LIST).unlink()
    paths = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if paths != set(files):
        raise _damaged(f"{len(paths ^ set(files))} fichiers en trop ou en moins")
    for name, entry in files.items():
        if file_hash(folder / name) != entry["sha256"]:
            raise _damaged("un fichier changé")
        (folder / name).chmod(0o600 if _is_private(name) else entry["mode"])
    for name, mode in sorted(manifest["folders"].items(), reverse=True):
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise _damaged("un dossier hors de l'étude")
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700 if _is_private(name) else mode)
    return manifest


def _is_private(name: str) -> bool:
    """Whether a path of the study is its owner's alone, whatever the archive says."""
    return name.split("/")[0] in _PRIVATE


def _damaged(fault: str) -> StudyError:
    return StudyError(
        f"la sauvegarde est abîmée ou incomplète : {fault}",
        "un fichier entier, fait par ateliers backup",
        "en prendre une autre",
    )
