"""Keep a study's tables as Parquet files, in a folder or any fsspec store.

A large table is written in parts, `units.parquet/part-00000.parquet` and on, a smaller one as
`units.parquet`, each file in one step. A crash between parts shows in the table's hash.
"""

import contextlib
import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from pipeline.credentials import address_fault, without_secrets
from pipeline.errors import MissingExtraError, MissingPackageError, StoreError, StudyError
from pipeline.files import parquet_bytes, text_hash, write_bytes

if TYPE_CHECKING:
    import pandas as pd

_SUFFIX = ".parquet"
_T = TypeVar("_T")


class TableStore:
    """Tables by name over `files`; one of more than `partition_rows` rows is written in parts."""

    def __init__(self, files: "TableFiles", *, partition_rows: int) -> None:
        self._files, self._partition_rows = files, partition_rows

    def has(self, table: str) -> bool:
        """Whether the table was ever written."""
        return bool(_files_of(table, self._files.list_files()))

    def read(self, table: str) -> "pd.DataFrame | None":
        """Return the rows of a table in order, None for one that was never written."""
        import pandas as pd

        names = _files_of(table, self._files.list_files())
        if not names:
            return None
        if table + _SUFFIX in names:  # has parts beside it only after a crash
            names = [table + _SUFFIX]
        parts = []
        for name in names:
            with self._files.open(name) as file, _naming_damage(name):
                parts.append(_read_parquet(file))
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def write(self, table: str, rows: "pd.DataFrame") -> str:
        """Write a table, remove every other file of the one before, and return its sha256."""
        old_names = set(_files_of(table, self._files.list_files()))
        parts = self._split(table, rows)
        whole = table + _SUFFIX
        blocking = set()
        if self._files.has_folders:  # a file and a folder cannot have the same name
            blocking = {name for name in old_names if (name == whole) != (whole in parts)}
        for name in sorted(blocking):
            self._files.remove(name)
        hashes = {}
        for name, part in parts.items():
            content = parquet_bytes(part)
            self._files.write(name, content, n_rows=len(part))
            hashes[name] = hashlib.sha256(content).hexdigest()
        for name in sorted(old_names - parts.keys() - blocking):
            self._files.remove(name)
        return _hash_of(table, hashes)

    def _split(self, table: str, rows: "pd.DataFrame") -> "dict[str, pd.DataFrame]":
        size = self._partition_rows
        if len(rows) <= size:
            return {table + _SUFFIX: rows}
        return {
            f"{table}{_SUFFIX}/part-{start // size:05d}{_SUFFIX}": rows.iloc[start : start + size]
            for start in range(0, len(rows), size)
        }

    def remove(self, tables: Iterable[str]) -> None:
        """Remove tables."""
        stamps = self._files.list_files()
        for table in tables:
            for name in _files_of(table, stamps):
                self._files.remove(name)

    def hashes(self, tables: Iterable[str]) -> dict[str, str]:
        """Return the sha256 of each written table, without loading any."""
        hashes = self._by_table(tables, self._files.hashes)
        return {table: _hash_of(table, files) for table, files in hashes.items() if files}

    def count_rows(self, tables: Iterable[str]) -> dict[str, int]:
        """Return the rows of each table, 0 for one never written, without loading any."""
        counts = self._by_table(tables, self._files.row_counts)
        return {table: sum(files.values()) for table, files in counts.items()}

    def _by_table(
        self, tables: Iterable[str], values_of: Callable[[Mapping[str, str]], dict[str, _T]]
    ) -> dict[str, dict[str, _T]]:
        stamps = self._files.list_files()
        files = {table: _files_of(table, stamps) for table in tables}
        values = values_of({name: stamps[name] for names in files.values() for name in names})
        return {table: {name: values[name] for name in names} for table, names in files.items()}

    def copy_to(self, folder: Path) -> dict[str, Path]:
        """Copy every file below `folder` and return the copies by name."""
        copies = {name: folder / name for name in self._files.list_files()}
        for name, path in copies.items():
            with self._files.open(name) as file:
                write_bytes(path, file.read())
        return copies


def _files_of(table: str, stamps: Mapping[str, str]) -> list[str]:
    whole = table + _SUFFIX
    return sorted(name for name in stamps if name == whole or name.startswith(f"{whole}/"))


def _hash_of(table: str, hashes: Mapping[str, str]) -> str:
    if list(hashes) == [table + _SUFFIX]:
        return hashes[table + _SUFFIX]
    return text_hash(*(f"{name}={value}" for name, value in sorted(hashes.items())))


def _sha256(file: IO[bytes]) -> str:
    return hashlib.file_digest(cast("Any", file), "sha256").hexdigest()


def _read_parquet(file: IO[bytes]) -> "pd.DataFrame":
    # Arrow's threads must not hold a Python file: one that lets go of it while the interpreter
    # ends aborts the process (apache/arrow#34314), and pandas' own reader starts some
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file, pre_buffer=False).read(use_threads=False)
    return cast("pd.DataFrame", table.to_pandas(use_threads=False))


def _n_rows(name: str, file: IO[bytes]) -> int:
    import pyarrow.parquet as pq

    with _naming_damage(name):
        return int(pq.read_metadata(file).num_rows)


@contextlib.contextmanager
def _naming_damage(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own answer
        raise StoreError(
            f"la table tables/{name} ne se lit pas : fichier abîmé ou incomplet",
            "le fichier que le dernier traitement a écrit",
            "ateliers run ÉTUDE, ou la page Traiter, la remet telle quelle ou la refait ; rien "
            "n'est perdu",
        ) from error


def open_table_files(
    address: str,
    folder: Path,
    *,
    memory: Path | None = None,
    timeout_s: int = 10,
    max_attempts: int = 3,
) -> "TableFiles":
    """Return the table files at `address`, those of `folder` for a blank one.

    A remote store keeps hashes and row counts in the file `memory`. S3 gets `timeout_s` seconds to
    connect, six times as many to answer, and `max_attempts` retries. Raises `MissingExtraError` or
    `MissingPackageError` for a missing package, `StoreError` for an unknown kind of store.
    """
    if not address:
        return _FolderFiles(folder)
    parts = urlsplit(address)
    if parts.scheme in ("file", "local"):
        return _FolderFiles(Path(parts.netloc + parts.path))
    s3_options = {
        "connect_timeout": timeout_s,
        "read_timeout": 6 * timeout_s,
        "retries": {"max_attempts": max_attempts},
    }
    return _RemoteFiles(address, parts.scheme, memory, s3_options)


def _names_below(folder: Path | str, prefix: str = "") -> Iterator[str]:
    """Yield the paths of the tables' files, in order; every reading of a table asks for them."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _names_below(entry.path, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX) and entry.is_file():
            yield prefix + entry.name


class _FolderFiles:
    """Files by name, such as `units.parquet` or `machine/tags.parquet/part-00001.parquet`."""

    has_folders = True  # whether a folder exists apart from its files' names

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_files(self) -> dict[str, str]:
        """Return the stamp of every file by name, "" where only the bytes can tell a change."""
        return dict.fromkeys(_names_below(self._folder), "")

    def open(self, name: str) -> IO[bytes]:
        return (self._folder / name).open("rb")

    def write(self, name: str, content: bytes, *, n_rows: int) -> None:
        write_bytes(self._folder / name, content)

    def remove(self, name: str) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)
        if path.parent.suffix == _SUFFIX:
            with contextlib.suppress(OSError):  # some part is left
                path.parent.rmdir()

    def hashes(self, stamps: Mapping[str, str]) -> dict[str, str]:
        hashes = {}
        for name in stamps:
            with self.open(name) as file:
                hashes[name] = _sha256(file)
        return hashes

    def row_counts(self, stamps: Mapping[str, str]) -> dict[str, int]:
        counts = {}
        for name in stamps:
            with self.open(name) as file:
                counts[name] = _n_rows(name, file)
        return counts


ENDPOINT = "ATELIERS_STORE_ENDPOINT"  # of a store that speaks S3 elsewhere than at Amazon
_S3 = ("s3", "s3a")
# these need no folder, and some would make a bucket instead
_OF_OBJECTS = (*_S3, "gs", "gcs", "abfs", "abfss", "az", "oss")
_STAMP_KEYS = ("ETag", "etag", "md5Hash", "mtime", "updated", "created", "LastModified")


class _FileFacts(NamedTuple):
    stamp: str
    sha256: str
    n_rows: int


class _RemoteFiles:
    """The same in a store of fsspec, whose stamps change when a file is written again."""

    def __init__(
        self, address: str, scheme: str, memory: Path | None, s3_options: dict[str, Any]
    ) -> None:
        self._address, self._memory = address, memory
        self.has_folders = scheme not in _OF_OBJECTS
        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if scheme in _S3:
            options["config_kwargs"] = s3_options
            if endpoint := _checked_endpoint():
                options["endpoint_url"] = endpoint
        try:
            import fsspec

            self._store, root = fsspec.url_to_fs(address, **options)
        except ImportError as error:
            if scheme in _S3:
                raise MissingExtraError("s3fs", "s3") from error
            use = f"des tables à l'adresse {address}"
            raise MissingPackageError(f"fsspec[{scheme}]", use) from error
        except ValueError as error:
            kind = f"[execution] store : aucun entrepôt de la sorte « {scheme} »"
            do = "corriger « store » dans etude.toml"
            raise StoreError(kind, "une adresse comme s3://seau/etude", do) from error
        self._root = root.rstrip("/")

    def list_files(self) -> dict[str, str]:
        with self._one_line_errors():
            try:
                entries = self._store.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
        start = len(self._root) + 1
        return {
            path[start:]: _stamp(entry)
            for path, entry in sorted(entries.items())
            if path.endswith(_SUFFIX)
        }

    def open(self, name: str) -> IO[bytes]:
        with self._one_line_errors():
            return io.BytesIO(self._store.cat_file(f"{self._root}/{name}"))

    def write(self, name: str, content: bytes, *, n_rows: int) -> None:
        path = f"{self._root}/{name}"
        with self._one_line_errors():
            if self.has_folders:
                self._store.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._store.pipe_file(path, content)
            stamp = _stamp(self._store.info(path))
        self._remember({name: _FileFacts(stamp, hashlib.sha256(content).hexdigest(), n_rows)})

    def remove(self, name: str) -> None:
        path = f"{self._root}/{name}"
        folder = path.rsplit("/", 1)[0]
        with self._one_line_errors(), contextlib.suppress(FileNotFoundError):
            self._store.rm_file(path)
        if self.has_folders and folder.endswith(_SUFFIX):
            with contextlib.suppress(OSError):  # some part is left
                self._store.rmdir(folder)

    def hashes(self, stamps: Mapping[str, str]) -> dict[str, str]:
        return {name: facts.sha256 for name, facts in self._facts(stamps).items()}

    def row_counts(self, stamps: Mapping[str, str]) -> dict[str, int]:
        return {name: facts.n_rows for name, facts in self._facts(stamps).items()}

    def _facts(self, stamps: Mapping[str, str]) -> dict[str, _FileFacts]:
        remembered = self._remembered()
        facts, new = {}, {}
        for name, stamp in stamps.items():
            if stamp and name in remembered and remembered[name].stamp == stamp:
                facts[name] = remembered[name]
                continue
            with self.open(name) as file:
                sha256 = _sha256(file)
                file.seek(0)
                new[name] = _FileFacts(stamp, sha256, _n_rows(name, file))
        self._remember(new)
        return facts | new

    def _remembered(self) -> dict[str, _FileFacts]:
        try:
            content = self._memory.read_text(encoding="utf-8") if self._memory else "{}"
            return {name: _FileFacts(*entry) for name, entry in json.loads(content).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _remember(self, facts: Mapping[str, _FileFacts]) -> None:
        if self._memory is None or not facts:
            return
        content = json.dumps(self._remembered() | dict(facts), indent=0)
        with contextlib.suppress(StudyError):  # a study that may not be written to is asked again
            write_bytes(self._memory, content.encode())

    @contextlib.contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Hide the store's own words, which may hold addresses and keys."""
        try:
            yield
        except _store_errors() as error:
            raise StoreError(
                f"les tables ne se lisent ou ne s'écrivent pas à l'adresse {self._address} "
                f"({type(error).__name__})",
                "un entrepôt qui répond, et les droits d'y lire et d'y écrire",
                f"vérifier [execution] store, {ENDPOINT} et les clés de l'environnement",
            ) from error


TableFiles = _FolderFiles | _RemoteFiles


def _checked_endpoint() -> str:
    endpoint = os.environ.get(ENDPOINT, "").strip()
    if endpoint and (fault := address_fault(endpoint)):
        value = f"{ENDPOINT} vaut « {without_secrets(endpoint)} »"
        raise StoreError(value, fault, f"corriger {ENDPOINT}")
    return endpoint


def _store_errors() -> tuple[type[BaseException], ...]:
    """List the errors of loaded packages: not all are an `OSError`."""
    names = {"botocore.exceptions": ("BotoCoreError", "ClientError"), "aiohttp": ("ClientError",)}
    loaded = [(sys.modules[module], names[module]) for module in names if module in sys.modules]
    return (OSError, *(getattr(module, name) for module, errors in loaded for name in errors))


def _stamp(entry: Mapping[str, Any]) -> str:
    """Return the ETag, checksum or time with the size; "" without one."""
    mark = next((str(entry[key]).strip('"') for key in _STAMP_KEYS if entry.get(key)), "")
    return f"{entry.get('size')} {mark}" if mark else ""
