"""Where a study's tables are kept: Parquet files below a folder of this machine, or below an address of any fsspec store.

A table of many rows is written in parts, `units.parquet/part-00000.parquet` and on, and a smaller one as the file `units.parquet`: the same
bytes wherever they are. Each file is written in one step; a table of several that a crash cut is told by its hash, which is no longer the
one that the run before recorded.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from pipeline.credentials import address_fault, without_secrets
from pipeline.errors import MissingExtraError, MissingPackageError, StoreError, StudyError
from pipeline.files import parquet_bytes, text_hash, write_bytes

if TYPE_CHECKING:
    import pandas as pd

ENDPOINT = "ATELIERS_STORE_ENDPOINT"  # of a store that speaks S3 elsewhere than at Amazon
_S3 = ("s3", "s3a")
_OF_OBJECTS = (
    *_S3,
    "gs",
    "gcs",
    "abfs",
    "abfss",
    "az",
    "oss",
)  # folders come with their files; asked to make one, some make a bucket
_PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3}}
_SUFFIX = ".parquet"
_MARKS = (
    "ETag",
    "etag",
    "md5Hash",
    "mtime",
    "updated",
    "created",
    "LastModified",
)  # of a store's entry, the surest first


class Place(Protocol):
    """A folder of files, by names such as `units.parquet` or `machine/tags.parquet/part-00001.parquet`."""

    is_remote: bool
    has_folders: bool  # that are something by themselves, and not a part of files' names

    def files(self) -> dict[str, str]:
        """Every Parquet file by name, with what changes when it is written again; "" where its bytes must be read to tell."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open a file to be read."""
        ...

    def write(self, name: str, content: bytes) -> str:
        """Write a file in one step; return what `files` will say of it."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no fault."""
        ...


class _Told(NamedTuple):
    """What is remembered of a file as it was under `stamp`."""

    stamp: str
    sha256: str
    n_rows: int


class TableStore:
    """Tables by name at one place. `memory` is a file that remembers hashes and row counts of remote files as long as they don't change."""

    def __init__(self, place: Place, *, partition_rows: int, memory: Path | None = None) -> None:
        self._place, self._partition_rows = place, partition_rows
        self._memory = memory if place.is_remote else None

    @property
    def is_remote(self) -> bool:
        """Whether tables are elsewhere than in a folder of this machine."""
        return self._place.is_remote

    def has(self, table: str) -> bool:
        """Whether the table was ever written."""
        return bool(_files_of(table, self._place.files()))

    def read(self, table: str) -> "pd.DataFrame | None":
        """Return the rows of a table in order, None for one that was never written."""
        import pandas as pd

        names = _files_of(table, self._place.files())
        if not names:
            return None
        whole = [
            name for name in names if name == table + _SUFFIX
        ]  # beside parts only after a crash
        parts = []
        for name in whole or names:
            with self._place.open(name) as file, _whole(name):
                parts.append(pd.read_parquet(file))
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def write(self, table: str, rows: "pd.DataFrame") -> str:
        """Write a table in the place of the one before, no part of which is left; return its sha256."""
        told: dict[str, _Told] = {}
        there = _files_of(table, self._place.files())
        is_whole = len(rows) <= self._partition_rows
        names = (
            [table + _SUFFIX]
            if is_whole
            else [_part(table, part) for part in range(-(-len(rows) // self._partition_rows))]
        )
        in_the_way = [
            old for old in there if self._place.has_folders and (old == table + _SUFFIX) != is_whole
        ]
        for name in in_the_way:  # a file and a folder cannot have the same name
            self._place.remove(name)
        for part, name in enumerate(names):
            piece = (
                rows
                if is_whole
                else rows.iloc[part * self._partition_rows : (part + 1) * self._partition_rows]
            )
            content = parquet_bytes(piece)
            told[name] = _Told(
                self._place.write(name, content), hashlib.sha256(content).hexdigest(), len(piece)
            )
        for name in set(there) - set(names) - set(in_the_way):
            self._place.remove(name)
        self._remember(told)
        return _hash_of(table, {name: entry.sha256 for name, entry in told.items()})

    def remove(self, tables: Iterable[str]) -> None:
        """Remove tables."""
        there = self._place.files()
        for name in [name for table in tables for name in _files_of(table, there)]:
            self._place.remove(name)

    def hashes(self, tables: Iterable[str]) -> dict[str, str]:
        """sha256 of each of `tables` that is there; no table is loaded."""
        there = self._place.files()
        files = {table: names for table in tables if (names := _files_of(table, there))}
        wanted = [name for names in files.values() for name in names]
        if self.is_remote:
            found = {name: entry.sha256 for name, entry in self._told(wanted, there).items()}
        else:
            found = {name: self._sha256(name) for name in wanted}
        return {
            table: _hash_of(table, {name: found[name] for name in names})
            for table, names in files.items()
        }

    def count_rows(self, tables: Iterable[str]) -> dict[str, int]:
        """Number of rows of each of `tables`, 0 where it is not there; no table is loaded."""
        there = self._place.files()
        files = {table: _files_of(table, there) for table in tables}
        wanted = [name for names in files.values() for name in names]
        if self.is_remote:
            found = {name: entry.n_rows for name, entry in self._told(wanted, there).items()}
        else:
            found = {name: self._n_rows(name) for name in wanted}
        return {table: sum(found[name] for name in names) for table, names in files.items()}

    def copy_to(self, folder: Path) -> dict[str, Path]:
        """Copy every file below `folder` and return where, by name."""
        copies = {}
        for name in self._place.files():
            copies[name] = folder / name
            with self._place.open(name) as file:
                write_bytes(copies[name], file.read())
        return copies

    def _sha256(self, name: str) -> str:
        with self._place.open(name) as file:
            return hashlib.file_digest(cast("Any", file), "sha256").hexdigest()

    def _n_rows(self, name: str) -> int:
        import pyarrow.parquet as pq

        with self._place.open(name) as file, _whole(name):
            return int(pq.read_metadata(file).num_rows)

    def _told(self, names: Iterable[str], there: Mapping[str, str]) -> dict[str, _Told]:
        """Hash and number of rows of remote files, as they are remembered where they did not change; else read once."""
        known = self._remembered()
        told = {
            name: known[name]
            for name in names
            if name in known and known[name].stamp and known[name].stamp == there[name]
        }
        new = {name: self._tell(name, there[name]) for name in names if name not in told}
        self._remember(new)
        return told | new

    def _tell(self, name: str, stamp: str) -> _Told:
        import pyarrow.parquet as pq

        with self._place.open(name) as file:
            sha256 = hashlib.file_digest(cast("Any", file), "sha256").hexdigest()
            file.seek(0)
            with _whole(name):
                return _Told(stamp, sha256, int(pq.read_metadata(file).num_rows))

    def _remembered(self) -> dict[str, _Told]:
        if self._memory is None or not self._memory.is_file():
            return {}
        try:
            return {
                name: _Told(*entry)
                for name, entry in json.loads(self._memory.read_text(encoding="utf-8")).items()
            }
        except (ValueError, TypeError, AttributeError):
            return {}

    def _remember(self, told: Mapping[str, _Told]) -> None:
        if self._memory is not None and told:
            with contextlib.suppress(
                StudyError
            ):  # of a study that may not be written to: it is asked again
                write_bytes(
                    self._memory, json.dumps(self._remembered() | dict(told), indent=0).encode()
                )


@contextlib.contextmanager
def _whole(name: str) -> Iterator[None]:
    """Raise what a table's file that was cut or changed gives as one line that names it."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own answer
        raise StoreError(
            f"la table tables/{name} ne se lit pas : fichier abîmé ou incomplet",
            "le fichier que le dernier traitement a écrit",
            "l'effacer, puis ateliers run ÉTUDE la refait ; ou la remettre d'une sauvegarde",
        ) from error


def open_place(address: str, folder: Path) -> Place:
    """Return the place at `address`, `folder` for a blank one.

    Raises `MissingExtraError` or `MissingPackageError` where a package is not installed, `StoreError` for a kind that nobody knows.
    """
    if not address:
        return _Folder(folder)
    parts = urlsplit(address)
    if parts.scheme in ("file", "local"):
        return _Folder(Path(parts.netloc + parts.path))
    return _Remote(address, parts.scheme)


class _Folder:
    """A folder of this machine."""

    is_remote = False
    has_folders = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> dict[str, str]:
        paths = (path for path in sorted(self._folder.rglob(f"*{_SUFFIX}")) if path.is_file())
        return {path.relative_to(self._folder).as_posix(): "" for path in paths}

    def open(self, name: str) -> IO[bytes]:
        return (self._folder / name).open("rb")

    def write(self, name: str, content: bytes) -> str:
        write_bytes(self._folder / name, content)
        return ""

    def remove(self, name: str) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)
        if path.parent.suffix == _SUFFIX:
            with contextlib.suppress(OSError):  # some part is left
                path.parent.rmdir()


class _Remote:
    """Below an address of an fsspec store; keys are those of the environment."""

    is_remote = True

    def __init__(self, address: str, scheme: str) -> None:
        for package in ("fsspec", *(["s3fs"] if scheme in _S3 else [])):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(package, "s3")
        import fsspec

        self._address, self.has_folders = address, scheme not in _OF_OBJECTS
        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if scheme in _S3:
            options |= {"config_kwargs": _PATIENCE}
            if endpoint := os.environ.get(ENDPOINT, "").strip():
                if fault := address_fault(endpoint):
                    raise StoreError(
                        f"{ENDPOINT} vaut « {without_secrets(endpoint)} »",
                        fault,
                        f"corriger {ENDPOINT}",
                    )
                options |= {"endpoint_url": endpoint}
        try:
            self._files, self._root = fsspec.url_to_fs(address, **options)
        except ImportError as error:
            raise MissingPackageError(
                f"fsspec[{scheme}]", f"des tables à l'adresse {address}"
            ) from error
        except ValueError as error:
            found = f"[execution] store : aucun entrepôt de la sorte « {scheme} »"
            raise StoreError(
                found, "une adresse comme s3://seau/etude", "corriger « store » dans etude.toml"
            ) from error

    def files(self) -> dict[str, str]:
        with self._reached():
            try:
                found = self._files.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
        start = len(self._root.rstrip("/")) + 1
        return {
            path[start:]: _stamp(entry)
            for path, entry in sorted(found.items())
            if path.endswith(_SUFFIX)
        }

    def open(self, name: str) -> IO[bytes]:
        import io

        with self._reached():
            return io.BytesIO(self._files.cat_file(self._path(name)))

    def write(self, name: str, content: bytes) -> str:
        path = self._path(name)
        with self._reached():
            if self.has_folders:
                self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._files.pipe_file(path, content)
            return _stamp(self._files.info(path))

    def remove(self, name: str) -> None:
        path = self._path(name)
        with self._reached(), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(path)
        if self.has_folders and path.rsplit("/", 2)[-2].endswith(_SUFFIX):
            with contextlib.suppress(OSError):  # some part is left
                self._files.rmdir(path.rsplit("/", 1)[0])

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Raise what the store answers as one line; its own words may hold addresses and keys."""
        try:
            yield
        except _answers() as error:
            raise StoreError(
                f"les tables ne se lisent ou ne s'écrivent pas à l'adresse {self._address} ({type(error).__name__})",
                "un entrepôt qui répond, et les droits d'y lire et d'y écrire",
                f"vérifier [execution] store, {ENDPOINT} et les clés de l'environnement",
            ) from error


def _answers() -> tuple[type[BaseException], ...]:
    """The errors of stores, as far as their packages are loaded: not all of them are errors of the system."""
    kinds: list[type[BaseException]] = [OSError, TimeoutError]
    for module, name in (
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("aiohttp", "ClientError"),
    ):
        if (loaded := sys.modules.get(module)) is not None:
            kinds.append(getattr(loaded, name))
    return tuple(kinds)


def _stamp(entry: Mapping[str, Any]) -> str:
    """What of a store's entry changes with the content: its mark, else its time; "" where it says neither."""
    mark = next((str(entry[key]).strip('"') for key in _MARKS if entry.get(key)), "")
    return f"{entry.get('size')} {mark}" if mark else ""


def _files_of(table: str, there: Iterable[str]) -> list[str]:
    """The files of a table, in order."""
    return sorted(
        name for name in there if name == table + _SUFFIX or name.startswith(f"{table}{_SUFFIX}/")
    )


def _part(table: str, part: int) -> str:
    return f"{table}{_SUFFIX}/part-{part:05d}{_SUFFIX}"


def _hash_of(table: str, files: Mapping[str, str]) -> str:
    """The hash of a table: that of its file, or of its parts' names and hashes."""
    if list(files) == [table + _SUFFIX]:
        return files[table + _SUFFIX]
    return text_hash(*(f"{name}={value}" for name, value in sorted(files.items())))
