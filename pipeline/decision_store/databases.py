"""Connect to one SQLite file per study, or to a team's PostgreSQL database.

Both hold the same three tables and take the same SQL. Triggers refuse any change, one writer works
at a time, and every error is a `StoreError` of one line. PGPASSWORD or ~/.pgpass give a password.
"""

import contextlib
import os
import sqlite3
import threading
import time
import weakref
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.errors import StoreError, StudyError

if TYPE_CHECKING:
    import psycopg

    PsycopgConnection = psycopg.Connection[Any]

VERSION = 2  # of the tables; raise it when an earlier version would damage them
_WAIT_S = 30
_TABLES = {
    "decisions": "decided_at TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL, "
    "unit_id TEXT, axis TEXT, code TEXT, theme_id TEXT, value TEXT, why TEXT",
    "erasures": "erased_at TEXT NOT NULL, author TEXT NOT NULL, counts TEXT NOT NULL",
    "requests": "request_id TEXT PRIMARY KEY, content TEXT NOT NULL, decision_ids TEXT NOT NULL",
}
_APPEND_ONLY = ("decisions", "erasures")


class Connection(Protocol):
    """A connection that takes `?` for values."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any:
        """Run a statement and return its cursor."""


def open_database(location: Path | str) -> "Database":
    """Return the database at a path or an address. Raises `StudyError` without psycopg."""
    if isinstance(location, Path):
        return SqliteDatabase(location)
    try:
        return PostgresDatabase(location)
    except ImportError as error:
        raise StudyError(
            "les décisions de l'étude sont dans PostgreSQL, et psycopg manque",
            "la bibliothèque psycopg",
            'pip install "ateliers-territoires[postgres]"',
        ) from error


def _refuse_newer(name: str, version: int) -> None:
    if version > VERSION:
        raise StoreError(
            f"{name} : décisions d'une version plus récente (format {version})",
            f"le format {VERSION} ou un plus ancien",
            "mettre ateliers à jour",
        )


_PAUSE_S = 0.01
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_TRIGGERS = {
    "decisions_keep": "BEFORE UPDATE ON decisions",
    "decisions_stay": "BEFORE DELETE ON decisions",
    "decisions_once": "BEFORE INSERT ON decisions WHEN EXISTS "
    "(SELECT 1 FROM decisions WHERE decision_id = NEW.decision_id)",
    "erasures_keep": "BEFORE UPDATE ON erasures",
    "erasures_stay": "BEFORE DELETE ON erasures",
}


class SqliteDatabase:
    """The file at `path`, reopened for each use: it may be replaced meanwhile."""

    before_numbers = ""  # SQL of an INSERT with explicit numbers

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Read only, an earlier version's file as it is; None if nobody ever wrote."""
        if not self.path.is_file():
            yield None
            return
        with self._open() as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            made = {row[0] for row in rows}
            if "decisions" in made:
                for name in _TABLES.keys() - made:
                    connection.execute(f"CREATE TEMP TABLE {name} ({_TABLES[name]})")
            yield connection if "decisions" in made else None

    def check(self) -> None:
        """Read the whole file. Raises `StoreError` if it is damaged."""
        if not self.path.is_file():
            return
        with self._open() as connection:
            fault = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise self._damaged(fault)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write, all or nothing, and exclude other writers; readers never wait."""
        with self._open() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                _make_tables(connection)
            with _transaction(connection):
                yield connection

    @contextlib.contextmanager
    def erasing(self) -> Iterator[Connection]:
        """Write, with rows that may change; no trace of the old ones stays in free pages."""
        with self._open() as connection:
            _make_tables(connection)
            connection.execute("PRAGMA secure_delete = ON")
            with _transaction(connection):
                for name in _TRIGGERS:
                    connection.execute(f"DROP TRIGGER IF EXISTS {name}")
                yield connection
                _make_triggers(connection)
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"):
                connection.execute(statement)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def number_from(self, connection: Connection, last_id: int) -> None:
        """Number the next decision after `last_id`, given by hand; SQLite does it itself."""

    def note(self, last_id: int) -> None:
        """Note beside the file the last number given, so that losing it whole is seen.

        It is unforced: after a power cut it may be an earlier one.
        """
        with contextlib.suppress(OSError):
            self._noted_path.write_bytes(f"{last_id:020d} {_sum_of(last_id)}\n".encode())

    def noted(self) -> int:
        """Return the number noted last, 0 without any, or if it was cut off or altered."""
        try:
            last_id, checksum = map(int, self._noted_path.read_bytes().split())
        except (OSError, ValueError):
            return 0
        return last_id if checksum == _sum_of(last_id) else 0

    def forget_noted(self) -> None:
        """Note no number until the next one is given."""
        self._noted_path.unlink(missing_ok=True)

    @property
    def _noted_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}-count")

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
            with contextlib.closing(connection):
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                _refuse_newer(self.path.name, version)
                yield connection
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            return self._damaged(str(error))
        if code in _REFUSED:
            return StoreError(
                f"{self.path.name} ne s'ouvre pas en écriture",
                "un dossier d'étude où l'on peut écrire, même pour lire ses décisions",
                "donner ces droits à qui lance le programme, ou remonter le disque en écriture",
            )
        return StoreError(
            f"{self.path.name} : {error}",
            "un fichier de décisions lisible et ouvert en écriture",
            "vérifier les droits du dossier de l'étude, ou y remettre la dernière sauvegarde des "
            "décisions",
        )

    def _damaged(self, why: str) -> StoreError:
        name = self.path.name
        return StoreError(
            f"{name} est abîmé ({' '.join(why.split())})",
            "un fichier de décisions entier",
            f"rien n'y a été changé, tables et rapport restent : ateliers restore "
            f"{self.path.parent} le remet d'une copie du coffre ; ou le prendre d'une sauvegarde, "
            "sans les fichiers -wal et -shm d'à côté ; ou en sauver ce qui se lit "
            f"(sqlite3 {name} .recover)",
        )


def _sum_of(last_id: int) -> int:
    return zlib.crc32(str(last_id).encode())


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _make_tables(connection: sqlite3.Connection) -> None:
    _let_readers_in(connection)
    number = "decision_id INTEGER PRIMARY KEY AUTOINCREMENT, "
    with _transaction(connection):
        for name, columns in _TABLES.items():
            first = number if name == "decisions" else ""
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({first}{columns})")
        _make_triggers(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _let_readers_in(connection: sqlite3.Connection) -> None:
    """Set the journal, alone: SQLite does not wait here and two first writers would collide."""
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)


def _make_triggers(connection: sqlite3.Connection) -> None:
    for name, when in _TRIGGERS.items():
        refusal = "BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        connection.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {when} {refusal}")


_CONNECT_S = 10
_LOCK = 8_301_745  # advisory lock of writers
_N_IDLE = 8  # opening a connection takes longer than reading
_IS_MADE = (
    "SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = 'decisions' "
    "AND schemaname = ANY (current_schemas(false)))"
)
_VERSION = "SELECT coalesce(obj_description(to_regclass('decisions'), 'pg_class'), '')"
_NEXT = "SELECT setval(pg_get_serial_sequence('decisions', 'decision_id'), ?)"


class _Statements:
    def __init__(self, connection: "PsycopgConnection") -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        return self._connection.execute(statement.replace("?", "%s").encode(), values or None)


class PostgresDatabase:
    """The decisions of one study at `address`."""

    before_numbers = "OVERRIDING SYSTEM VALUE"

    def __init__(self, address: str) -> None:
        import psycopg

        self._psycopg, self._address = psycopg, address
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._idle: list[PsycopgConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Creates no table."""
        with self._connection() as connection:
            statements = _Statements(connection)
            yield statements if _ask(statements, _IS_MADE) else None

    def check(self) -> None:
        """PostgreSQL reports damage to whoever reads it."""

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Other writers wait."""
        with self._connection() as connection, connection.transaction():
            statements = _Statements(connection)
            statements.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
            if not _ask(statements, _IS_MADE):
                _make_server_tables(statements)
            yield statements

    @contextlib.contextmanager
    def erasing(self) -> Iterator[Connection]:
        """The tables are rewritten without the old rows."""
        with self.writing() as statements:
            for table in _APPEND_ONLY:
                statements.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
            yield statements
            for table in _APPEND_ONLY:
                statements.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")
        with self._connection() as connection:
            connection.execute("VACUUM FULL decisions, requests")

    def number_from(self, connection: Connection, last_id: int) -> None:
        """Numbers given by hand do not move the sequence."""
        connection.execute(_NEXT, (last_id,))

    def note(self, last_id: int) -> None:
        """A server keeps its own."""

    def noted(self) -> int:
        """A server keeps its own."""
        return 0

    def forget_noted(self) -> None:
        """A server keeps its own."""

    @contextlib.contextmanager
    def _connection(self) -> Iterator["PsycopgConnection"]:
        try:
            connection = self._living() or self._open()
            try:
                yield connection
            finally:
                with self._lock:
                    is_kept = not connection.closed and len(self._idle) < _N_IDLE
                    if is_kept:
                        self._idle.append(connection)
                if not is_kept:
                    connection.close()
        except self._psycopg.Error as error:
            raise self._error(error) from error

    def _living(self) -> "PsycopgConnection | None":
        """Return an idle connection that still answers."""
        while True:
            with self._lock:
                if self._pid != os.getpid():  # after a fork, they are the parent's
                    self._idle.clear()
                    self._pid = os.getpid()
                if not self._idle:
                    return None
                connection = self._idle.pop()
            try:
                connection.execute("SELECT 1")
                return connection
            except self._psycopg.OperationalError:
                connection.close()

    def _open(self) -> "PsycopgConnection":
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        timeout = conninfo_to_dict(self._address).get("connect_timeout") or _CONNECT_S
        address = make_conninfo(self._address, connect_timeout=timeout)
        connection = self._psycopg.connect(address, autocommit=True)
        try:
            # else a writer reads the state from before it waited
            connection.isolation_level = self._psycopg.IsolationLevel.READ_COMMITTED
            connection.execute(f"SET lock_timeout = '{_WAIT_S}s'".encode())
            version = connection.execute(_VERSION).fetchone()
            is_told = version is not None and version[0].isdigit()
            _refuse_newer("base des décisions", int(version[0]) if version and is_told else 0)
        except (self._psycopg.Error, StoreError):
            connection.close()
            raise
        return connection

    def _error(self, error: "psycopg.Error") -> StoreError:
        """The address may hold a password: hide it."""
        from psycopg.conninfo import conninfo_to_dict

        try:
            parts = conninfo_to_dict(self._address)
        except self._psycopg.Error:
            return StoreError(
                "l'adresse de la base des décisions ne se lit pas",
                "une adresse comme postgresql://utilisateur@serveur/base",
                "corriger ATELIERS_DATABASE_URL, ou « database » dans [review] d'etude.toml",
            )
        name = f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return StoreError(
            f"base des décisions « {name} » : {reason}",
            "une base PostgreSQL joignable, où l'utilisateur peut créer des tables",
            "vérifier l'adresse, le mot de passe (PGPASSWORD ou ~/.pgpass) et les droits, puis "
            "recommencer",
        )


def _close_all(connections: "list[PsycopgConnection]") -> None:
    while connections:
        connections.pop().close()


def _ask(statements: Connection, question: str) -> bool:
    row = statements.execute(question).fetchone()
    return bool(row and row[0])


def _make_server_tables(statements: Connection) -> None:
    number = "decision_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    for name, columns in _TABLES.items():
        first = number if name == "decisions" else ""
        statements.execute(f"CREATE TABLE {name} ({first}{columns})")
    statements.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append-only'; END $$"
    )
    for name in _APPEND_ONLY:
        statements.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    statements.execute(f"COMMENT ON TABLE decisions IS '{VERSION}'")


Database = SqliteDatabase | PostgresDatabase
