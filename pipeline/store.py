"""Cache a study's results by content, and check them when they are read.

In:   values (bytes) by kind, version and key; the tables of a stage by the name of their entry
Out:  the same in a later run, after a crash too, without altered ones

Values are in one SQLite file, tables in Parquet files. Personal data never comes here.
"""

import hashlib
import json
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import StudyError
from pipeline.files import file_hash, parquet_bytes, read_only, text_hash, write_bytes
from pipeline.parallel import GRAIN, grains_of
from pipeline.versions import stage_code_hash

if TYPE_CHECKING:
    import pandas as pd

Value = TypeVar("Value")

_LOG = logging.getLogger(__name__)
_FORMER = ("vectors", "readings", "drawings", "language_model")  # folders of earlier versions
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    kind TEXT NOT NULL, version TEXT NOT NULL, key BLOB NOT NULL,
    sha256 BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (kind, version, key)
)
"""
_AT_ONCE = 10_000  # keys of one statement; SQLite takes 32,766
_WAIT_S = 60.0  # for another process that writes
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_TOGETHER = 32 * GRAIN  # texts computed and written together: what a killed run loses


class Store:
    """The values and tables below one folder; several threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "store.sqlite3"
        self._records, self._objects = folder / "stages", folder / "objects"
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pruned: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def read(self, kind: str, version: str, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the values found for `keys`; altered ones are dropped."""
        rows = self._select("key, sha256, value", kind, version, keys)
        values = {
            key: value for key, seal, value in rows if seal == _seal(kind, version, key, value)
        }
        if altered := [key for key, *_rest in rows if key not in values]:
            _LOG.warning(
                f"cache : {len(altered)} valeurs ({kind}) ne sont pas ce qui fut écrit, refaites"
            )
            self._do(partial(_delete, kind, version, altered))
        return values

    def missing(self, kind: str, version: str, keys: Iterable[bytes]) -> set[bytes]:
        """Return those of `keys` that have no value."""
        asked = set(keys)
        return asked - {key for (key,) in self._select("key", kind, version, asked)}

    def write(self, kind: str, version: str, values: Mapping[bytes, bytes]) -> None:
        """Write `values`, all or none, and drop other versions of the kind.

        Raises `StudyError` where the folder refuses writing or is full.
        """
        rows = [
            (kind, version, key, _seal(kind, version, key, value), value)
            for key, value in values.items()
        ]

        def write(connection: sqlite3.Connection) -> None:
            if (kind, version) not in self._pruned:
                connection.execute(
                    "DELETE FROM entries WHERE kind = ? AND version <> ?", (kind, version)
                )
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)

        self._do(write)
        self._pruned.add((kind, version))

    def keep_keys(self, kind: str, version: str, keys: Iterable[bytes]) -> None:
        """Drop the values of the kind whose key is not among `keys`."""
        wanted = set(keys)

        def drop(connection: sqlite3.Connection) -> None:
            rows = connection.execute(
                "SELECT key FROM entries WHERE kind = ? AND version = ?", (kind, version)
            )
            _delete(kind, version, [key for (key,) in rows if key not in wanted], connection)

        self._do(drop)

    def write_tables(
        self, entry: str, tables: "Mapping[str, pd.DataFrame]", record: Mapping[str, Any]
    ) -> None:
        """Write `tables` and their `record` under `entry`; a crash leaves all or nothing.

        Raises `StudyError` where the folder refuses writing or is full.
        """
        files = {name: self._write_object(parquet_bytes(rows)) for name, rows in tables.items()}
        content = {"record": dict(record), "files": files}
        seal = _seal_of_record(entry, content)
        write_bytes(self._record_path(entry), json.dumps(content | {"sha256": seal}).encode())

    def read_record(self, entry: str) -> dict[str, Any] | None:
        """Return the record of the tables under `entry`; None if missing or altered."""
        try:
            return dict(self._read_entry(entry)["record"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def has_entry(self, entry: str) -> bool:
        """Whether something lies under `entry`, whole or not."""
        return self._record_path(entry).exists()

    def stamp(self, entry: str) -> int:
        """Return the time when an entry was written, in nanoseconds; 0 without one."""
        try:
            return self._record_path(entry).stat().st_mtime_ns
        except OSError:
            return 0

    def table_paths(self, entry: str) -> dict[str, Path]:
        """Return the checked Parquet file of each table under `entry`.

        Raises `StudyError` where one was altered.
        """
        try:
            files = self._read_entry(entry)["files"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudyError(
                f"« {self._record_path(entry)} » a changé pendant le traitement "
                f"({type(error).__name__})",
                "un cache auquel personne ne touche",
                "relancer : il est refait",
            ) from error
        return {name: self._object_path(sha256) for name, sha256 in sorted(files.items())}

    def keep_entries(self, entries: Iterable[str]) -> None:
        """Drop the tables of every other entry, and the files of earlier versions."""
        wanted = set(entries)
        files: set[str] = set()
        for path in self._records.glob("*"):
            if path.suffix == ".json" and path.stem in wanted:
                files |= set(json.loads(path.read_bytes())["files"].values())
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        for path in self._objects.glob("*"):
            if path.stem not in files:
                path.unlink(missing_ok=True)
        for name in _FORMER:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _select(
        self, columns: str, kind: str, version: str, keys: Iterable[bytes]
    ) -> list[tuple[Any, ...]]:
        asked = list(dict.fromkeys(keys))
        if not asked or not self.path.exists():
            return []
        lots = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]

        def select(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = []
            for lot in lots:
                marks = ",".join("?" * len(lot))
                statement = (
                    f"SELECT {columns} FROM entries "
                    f"WHERE kind = ? AND version = ? AND key IN ({marks})"
                )
                rows += connection.execute(statement, (kind, version, *lot))
            return rows

        return self._do(select)

    def _do(self, work: Callable[[sqlite3.Connection], Value]) -> Value:
        """Do `work` in one transaction, alone; again in a new file where this one is broken."""
        with self._lock:
            try:
                with self._opened() as connection:
                    return work(connection)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BROKEN:
                    raise read_only(self.folder, OSError(0, str(error))) from error
            self._set_aside()
            with self._opened() as connection:
                return work(connection)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise read_only(self.folder, error) from error
            self._connection = sqlite3.connect(self.path, timeout=_WAIT_S, check_same_thread=False)
            self._connection.execute(_SCHEMA)
        return self._connection

    def _set_aside(self) -> None:
        self.close()
        name = self.path.name
        _LOG.warning(f"cache : {name} est abîmé, mis de côté, refait")
        self.path.replace(self.path.with_suffix(".broken"))
        self.path.with_name(f"{name}-journal").unlink(missing_ok=True)

    def _write_object(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._object_path(sha256)
        if not path.is_file() or file_hash(path) != sha256:
            write_bytes(path, content)
        return sha256

    def _read_entry(self, entry: str) -> dict[str, Any]:
        """Read an entry; raise `ValueError` where it or one of its files was altered."""
        content: dict[str, Any] = json.loads(self._record_path(entry).read_bytes())
        if content.pop("sha256") != _seal_of_record(entry, content):
            raise ValueError(entry)
        for sha256 in set(content["files"].values()):
            if file_hash(self._object_path(sha256)) != sha256:
                raise ValueError(sha256)
        return content

    def _record_path(self, entry: str) -> Path:
        return self._records / f"{entry}.json"

    def _object_path(self, sha256: str) -> Path:
        return self._objects / f"{sha256}.parquet"


def by_text(
    texts: Sequence[str],
    compute: Callable[[list[str]], list[Any]],
    *,
    kind: str,
    cache: Store | None,
    depends_on: str = "",
    at_once: int = _TOGETHER,
    read_back: Callable[[Any], Value] = lambda value: value,
) -> list[Value]:
    """Return the value of each text, calling `compute` for those that `cache` lacks.

    `compute` gets `at_once` texts and returns JSON values, each whatever the texts beside it;
    `read_back` converts them. Values of other code or another `depends_on` are dropped.
    """
    if cache is None:
        return [read_back(value) for some in grains_of(texts, at_once) for value in compute(some)]
    version = text_hash(stage_code_hash(), depends_on)[:12]
    keys = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
    values = {
        key: read_back(json.loads(content))
        for key, content in cache.read(kind, version, keys).items()
    }
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in values}
    for some in grains_of(list(new), at_once):
        computed = compute([new[key] for key in some])
        contents = (json.dumps(value, ensure_ascii=False).encode() for value in computed)
        cache.write(kind, version, dict(zip(some, contents, strict=True)))
        values.update(zip(some, map(read_back, computed), strict=True))
    return [values[key] for key in keys]


def _delete(kind: str, version: str, keys: Iterable[bytes], connection: sqlite3.Connection) -> None:
    connection.executemany(
        "DELETE FROM entries WHERE kind = ? AND version = ? AND key = ?",
        ((kind, version, key) for key in keys),
    )


def _seal(kind: str, version: str, key: bytes, value: bytes) -> bytes:
    return hashlib.sha256(f"{kind}\0{version}\0".encode() + key + value).digest()


def _seal_of_record(entry: str, content: Mapping[str, Any]) -> str:
    return text_hash(entry, json.dumps(content, sort_keys=True))
