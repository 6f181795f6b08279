"""Decisions in one SQLite file: the tables, the triggers that refuse any change, and one writer at a time.

In:   the file's path
Out:  Connection, for reading, for writing, for erasing
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.decision_store.database import VERSION, refuse_newer
from pipeline.errors import StoreError

_WAIT_S = 30.0  # how long a writer waits for another one
_PAUSE_S = 0.01
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_TABLES = {
    "decisions": """decision_id INTEGER PRIMARY KEY AUTOINCREMENT, decided_at TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL,
  unit_id TEXT, axis TEXT, code TEXT, theme_id TEXT, value TEXT, why TEXT""",
    "erasures": "erased_at TEXT NOT NULL, author TEXT NOT NULL, counts TEXT NOT NULL",
    "requests": "request_id TEXT PRIMARY KEY, content TEXT NOT NULL, decision_ids TEXT NOT NULL",
}
_TRIGGERS = {
    "decisions_keep": "BEFORE UPDATE ON decisions",
    "decisions_stay": "BEFORE DELETE ON decisions",
    "decisions_once": "BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM decisions WHERE decision_id = NEW.decision_id)",
    "erasures_keep": "BEFORE UPDATE ON erasures",
    "erasures_stay": "BEFORE DELETE ON erasures",
}


class SqliteDatabase:
    """The decisions in the file at `path`, made by the first writer."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give a connection that changes nothing, or None where nobody ever wrote. Raises `StoreError` where the file is no store."""
        if not self.path.is_file():
            yield None
            return
        with self._open() as connection:
            made = {
                row[0]
                for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            for name in (
                _TABLES.keys() - made if "decisions" in made else ()
            ):  # an earlier version's file is read as it is
                connection.execute(f"CREATE TEMP TABLE {name} ({_TABLES[name]})")
            yield connection if "decisions" in made else None

    def check(self) -> None:
        """Read the whole file. Raises `StoreError` for one that is cut, altered or no store."""
        if not self.path.is_file():
            return
        with self._open() as connection:
            faults = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
            if faults != ["ok"]:
                raise _damaged(self.path, faults[0])

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction of its own, kept whole or not at all; other writers wait.

        Raises `StoreError` where the file is no store, or cannot be written.
        """
        with self._open() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                _make(connection)
            with _transaction(connection):
                yield connection

    @contextlib.contextmanager
    def erasing(self) -> Iterator[sqlite3.Connection]:
        """Like `writing`, with rows that may be changed and deleted; nothing of what was is left in the file's free pages."""
        with self._open() as connection:
            _make(connection)
            connection.execute("PRAGMA secure_delete = ON")
            with _transaction(connection):
                for name in _TRIGGERS:
                    connection.execute(f"DROP TRIGGER IF EXISTS {name}")
                yield connection
                _set_triggers(connection)
            for statement in (
                "PRAGMA wal_checkpoint(TRUNCATE)",
                "VACUUM",
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ):
                connection.execute(statement)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
            ) as connection:
                refuse_newer(
                    self.path.name, connection.execute("PRAGMA user_version").fetchone()[0]
                )
                yield connection
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                raise _damaged(self.path, str(error)) from error
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSED:
                raise StoreError(
                    f"{self.path.name} ne s'ouvre pas en écriture",
                    "un dossier d'étude où l'on peut écrire, même pour lire ses décisions",
                    "donner ces droits à qui lance le programme, ou remonter le disque en écriture",
                ) from error
            raise StoreError(
                f"{self.path.name} : {error}",
                "un fichier de décisions lisible et ouvert en écriture",
                "vérifier les droits du dossier de l'étude, ou y remettre la dernière sauvegarde des décisions",
            ) from error


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path.name} est abîmé ({' '.join(why.split())})",
        "un fichier de décisions entier",
        f"rien n'y a été changé : y remettre {path.name} de la dernière sauvegarde, sans les fichiers "
        f"-wal et -shm d'à côté ; ou en sauver ce qui se lit (sqlite3 {path.name} .recover)",
    )


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _make(connection: sqlite3.Connection) -> None:
    """Make what is missing of the tables and triggers; readers never wait for a writer."""
    _set_journal(connection)
    with _transaction(connection):
        for name, columns in _TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
        _set_triggers(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _set_journal(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once; for this alone SQLite does not wait, and two first writers would meet."""
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)


def _set_triggers(connection: sqlite3.Connection) -> None:
    for name, when in _TRIGGERS.items():
        connection.execute(
            f"CREATE TRIGGER IF NOT EXISTS {name} {when} BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        )
