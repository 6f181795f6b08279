"""Decisions in PostgreSQL, for a team: the same tables and refusals as in the file, and one writer at a time.

A few connections are kept open between calls, since opening one takes longer than reading. A database holds the decisions of one study.

In:   an address, postgresql://host/name; libpq's own means (PGPASSWORD, ~/.pgpass) give the password
Out:  connections, for reading, for writing, for erasing
"""

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.decision_store.database import VERSION, refuse_newer
from pipeline.errors import StoreError

_WAIT_S = 30  # how long a writer waits for another one
_CONNECT_S = 10
_LOCK = 8_301_745  # the advisory lock of those who write decisions, in their database
_N_KEPT = 8  # open connections
_TEXTS = ", ".join(
    f"{name} TEXT" for name in ("unit_id", "axis", "code", "theme_id", "value", "why")
)
_MADE = "SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = 'decisions' AND schemaname = ANY (current_schemas(false)))"
_TABLES = (
    f"""CREATE TABLE decisions (decision_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  decided_at TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL, {_TEXTS})""",
    "CREATE TABLE erasures (erased_at TEXT NOT NULL, author TEXT NOT NULL, counts TEXT NOT NULL)",
    "CREATE TABLE requests (request_id TEXT PRIMARY KEY, content TEXT NOT NULL, decision_ids TEXT NOT NULL)",
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'append-only'; END $$""",
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("decisions", "erasures")
    ),
    f"COMMENT ON TABLE decisions IS '{VERSION}'",
)
_SAID_VERSION = "SELECT coalesce(obj_description(to_regclass('decisions'), 'pg_class'), '')"  # blank: made before it was written
_idle: defaultdict[tuple[int, str], list["psycopg.Connection[Any]"]] = defaultdict(
    list
)  # by process and address
_guard = threading.Lock()


class Statements:
    """Runs statements written with `?` for values, as SQLite's are."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> "psycopg.Cursor[Any]":
        """Run one statement."""
        return self._connection.execute(statement.replace("?", "%s").encode(), values or None)


class PostgresDatabase:
    """The decisions in the database at `address`; its tables are made by the first writer."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextlib.contextmanager
    def reading(self) -> Iterator[Statements | None]:
        """Give a connection, or None where nobody ever wrote. Raises `StoreError` where the database cannot be reached."""
        with self._connection() as (connection, is_made):
            yield Statements(connection) if is_made else None

    def check(self) -> None:
        """Do nothing: PostgreSQL finds by itself what is damaged, and says so to whoever reads it."""

    @contextlib.contextmanager
    def writing(self) -> Iterator[Statements]:
        """Give a connection in a transaction of its own, kept whole or not at all; other writers wait.

        Raises `StoreError` where the database cannot be reached or written.
        """
        with self._connection() as (connection, is_made), connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if not is_made and not _ask(connection, _MADE):
                for statement in _TABLES:
                    connection.execute(statement.encode())
            yield Statements(connection)

    @contextlib.contextmanager
    def erasing(self) -> Iterator[Statements]:
        """Like `writing`, with rows that may be changed and deleted; the table is then written anew without what was."""
        with self.writing() as statements:
            for table in ("decisions", "erasures"):
                statements.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
            yield statements
            for table in ("decisions", "erasures"):
                statements.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")
        with self._connection() as (connection, _):
            connection.execute("VACUUM FULL decisions, requests")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[tuple["psycopg.Connection[Any]", bool]]:
        """A living connection, and whether the tables are made."""
        key = os.getpid(), self._address
        try:
            connection, is_made = self._living(key)
            try:
                yield connection, is_made
            finally:
                with _guard:
                    is_kept = not connection.closed and len(_idle[key]) < _N_KEPT
                    if is_kept:
                        _idle[key].append(connection)
                if not is_kept:
                    connection.close()
        except psycopg.Error as error:
            raise self._refused(error) from error

    def _living(self, key: tuple[int, str]) -> tuple["psycopg.Connection[Any]", bool]:
        """A kept connection that still answers, else a new one."""
        while True:
            with _guard:
                kept = _idle[key].pop() if _idle[key] else None
            if kept is None:
                break
            try:
                return kept, _ask(kept, _MADE)
            except psycopg.OperationalError:  # the server was started again since
                kept.close()
        connection = self._opened()
        try:
            said = connection.execute(_SAID_VERSION).fetchone()
            refuse_newer("base des décisions", int(said[0]) if said and said[0].isdigit() else 0)
            return connection, _ask(connection, _MADE)
        except (psycopg.Error, StoreError):
            connection.close()
            raise

    def _opened(self) -> "psycopg.Connection[Any]":
        given = conninfo_to_dict(self._address)
        waiting = make_conninfo(
            self._address, connect_timeout=given.get("connect_timeout") or _CONNECT_S
        )
        connection = psycopg.connect(waiting, autocommit=True)
        connection.isolation_level = (
            psycopg.IsolationLevel.READ_COMMITTED
        )  # else a writer sees what was before it waited for the lock
        connection.execute(f"SET lock_timeout = '{_WAIT_S}s'")
        return connection

    def _refused(self, error: psycopg.Error) -> StoreError:
        """The error in one line, without the password that the address may hold."""
        try:
            given = conninfo_to_dict(self._address)
            name = f"{given.get('host', 'localhost')}/{given.get('dbname', '')}"
        except psycopg.Error:
            return StoreError(
                "l'adresse de la base des décisions ne se lit pas",
                "une adresse comme postgresql://utilisateur@serveur/base",
                "corriger ATELIERS_DATABASE_URL, ou « database » dans [review] d'etude.toml",
            )
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return StoreError(
            f"base des décisions « {name} » : {reason}",
            "une base PostgreSQL joignable, où l'utilisateur peut créer des tables",
            "vérifier l'adresse, le mot de passe (PGPASSWORD ou ~/.pgpass) et les droits, puis recommencer",
        )


def _ask(connection: "psycopg.Connection[Any]", question: str) -> bool:
    row = connection.execute(question.encode()).fetchone()
    return bool(row and row[0])
