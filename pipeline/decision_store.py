"""The append-only store of people's decisions: decisions.sqlite3 beside the study's tables.

The database itself refuses to change or delete a row, so that no re-run and no later code can lose a correction. The one exception is
`erase`, for a person who asks to be forgotten: it is itself recorded, by when, whom and how many rows.

In:   decisions, one at a time or many
Out:  the table of decisions, in the order in which they were taken
"""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import StudyError
from pipeline.tables import DECISIONS

_NAMES = [column.name for column in DECISIONS.columns]
_TYPED = ("author", "value", "why")  # what people typed, and may name a person in
_WAIT_S = 30.0  # how long a writer waits for another one
_TABLES = """
CREATE TABLE IF NOT EXISTS decisions (
  decision_id INTEGER PRIMARY KEY AUTOINCREMENT, decided_at TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL,
  unit_id TEXT, axis TEXT, code TEXT, theme_id TEXT, value TEXT, why TEXT);
CREATE TABLE IF NOT EXISTS erasures (erased_at TEXT NOT NULL, author TEXT NOT NULL, counts TEXT NOT NULL);
"""
_TRIGGERS = {
    "decisions_keep": "BEFORE UPDATE ON decisions",
    "decisions_stay": "BEFORE DELETE ON decisions",
    "decisions_once": "BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM decisions WHERE decision_id = NEW.decision_id)",
    "erasures_keep": "BEFORE UPDATE ON erasures",
    "erasures_stay": "BEFORE DELETE ON erasures",
}


class DecisionStore:
    """Decisions kept at `path`; the file is made by the first decision."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(
        self,
        *,
        author: str,
        action: str,
        unit_id: str | None = None,
        axis: str | None = None,
        code: str | None = None,
        theme_id: str | None = None,
        value: str | None = None,
        why: str | None = None,
    ) -> int:
        """Add one decision, taken now, and return its decision_id. Raises `TableError` for an action or axis that does not exist."""
        subject = {"unit_id": unit_id, "axis": axis, "code": code, "theme_id": theme_id, "value": value}
        return self.append_all([{"author": author, "action": action, "why": why, **subject}])[0]

    def append_all(self, decisions: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add `decisions` in order, all or none, and return their decision_id; `decided_at` is now, UTC, where it is not given.

        Raises `TableError` for a column, an action or an axis that does not exist, and then keeps none.
        """
        blank = dict.fromkeys(_NAMES) | {"decided_at": datetime.now(UTC).isoformat(timespec="seconds")}
        rows = [{**blank, **row, "decision_id": place} for place, row in enumerate(decisions, start=1)]
        if not rows:
            return []
        checked = DECISIONS.check(pd.DataFrame(rows, dtype=object)).drop(columns="decision_id").astype(object)
        values = checked.where(checked.notna(), None)
        names = list(values.columns)
        statement = f"INSERT INTO decisions ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        with self._open(create=True) as connection, connection:
            return [int(connection.execute(statement, list(row)).lastrowid or 0) for row in values.itertuples(index=False, name=None)]

    def read(self) -> pd.DataFrame:
        """Return all decisions in order; a store that does not exist has none."""
        if not self.path.is_file():
            return DECISIONS.empty()
        with self._open(create=False) as connection:
            found = connection.execute(f"SELECT {', '.join(_NAMES)} FROM decisions ORDER BY decision_id").fetchall()
        return DECISIONS.build(dict(zip(_NAMES, row, strict=True)) for row in found)

    def erase(self, unit_ids: Collection[str], clean: Callable[[str], str], *, author: str, counts: Mapping[str, int]) -> None:
        """Delete the decisions on `unit_ids`, pass what people typed in the others through `clean`, and record that it was done.

        All or nothing; nothing erased is left in the file's free pages. `counts` is recorded, and must hold no personal data.
        """
        with self._open(create=True) as connection:
            connection.isolation_level = None  # transactions are ours, since triggers come and go inside one
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._erase_rows(connection, unit_ids, clean)
                moment = datetime.now(UTC).isoformat(timespec="seconds")
                connection.execute("INSERT INTO erasures VALUES (?, ?, ?)", (moment, author, json.dumps(dict(counts), ensure_ascii=False)))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.execute(statement)

    def count_erased(self, unit_ids: Collection[str], clean: Callable[[str], str]) -> tuple[int, int]:
        """How many decisions `erase` would delete and how many it would change."""
        wanted, decisions = set(unit_ids), self.read()
        deleted = decisions["unit_id"].isin(wanted)
        typed = decisions.loc[~deleted, list(_TYPED)].fillna("")
        return int(deleted.sum()), int(sum(any(clean(cell) != cell for cell in row) for row in typed.itertuples(index=False, name=None)))

    def read_erasures(self) -> list[dict[str, Any]]:
        """What was erased, in order: `erased_at`, `author` and `counts`."""
        if not self.path.is_file():
            return []
        with self._open(create=True) as connection:
            rows = connection.execute("SELECT erased_at, author, counts FROM erasures ORDER BY rowid").fetchall()
        return [{"erased_at": moment, "author": author, "counts": json.loads(counts)} for moment, author, counts in rows]

    def _erase_rows(self, connection: sqlite3.Connection, unit_ids: Collection[str], clean: Callable[[str], str]) -> None:
        for name in _TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.executemany("DELETE FROM decisions WHERE unit_id = ?", [(unit_id,) for unit_id in sorted(unit_ids)])
        columns = ", ".join(_TYPED)
        for decision_id, *cells in connection.execute(f"SELECT decision_id, {columns} FROM decisions").fetchall():
            cleaned = [clean(cell) if cell else cell for cell in cells]
            if cleaned != cells:
                statement = f"UPDATE decisions SET {', '.join(f'{name} = ?' for name in _TYPED)} WHERE decision_id = ?"
                connection.execute(statement, [*cleaned, decision_id])
        _set_triggers(connection)

    @contextlib.contextmanager
    def _open(self, *, create: bool) -> Iterator[sqlite3.Connection]:
        """A connection, closed at the end. Raises `StudyError` where the file is no store, or cannot be written."""
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT_S)) as connection:
                if create:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(_TABLES)
                    _set_triggers(connection)
                yield connection
        except sqlite3.Error as error:
            raise StudyError(
                f"{self.path.name} : {error}",
                "un fichier de décisions lisible et ouvert en écriture",
                "vérifier les droits du dossier de l'étude, ou y remettre la dernière sauvegarde des décisions",
            ) from error


def _set_triggers(connection: sqlite3.Connection) -> None:
    for name, when in _TRIGGERS.items():
        connection.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {when} BEGIN SELECT RAISE(ABORT, 'append-only'); END")
