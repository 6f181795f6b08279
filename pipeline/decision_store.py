"""The append-only store of people's decisions: decisions.sqlite3 beside the study's tables.

The database itself refuses to change or delete a row, so that no re-run and no later code can lose a correction.

In:   decisions, one at a time or many
Out:  the table of decisions, in the order in which they were taken
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import StudyError
from pipeline.tables import DECISIONS

_NAMES = [column.name for column in DECISIONS.columns]
_WAIT_S = 30.0  # how long a writer waits for another one
_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
  decision_id INTEGER PRIMARY KEY AUTOINCREMENT, decided_at TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL,
  unit_id TEXT, axis TEXT, code TEXT, theme_id TEXT, value TEXT, why TEXT);
CREATE TRIGGER IF NOT EXISTS decisions_keep BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_once BEFORE INSERT ON decisions
  WHEN EXISTS (SELECT 1 FROM decisions WHERE decision_id = NEW.decision_id) BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


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

    @contextlib.contextmanager
    def _open(self, *, create: bool) -> Iterator[sqlite3.Connection]:
        """A connection, closed at the end. Raises `StudyError` where the file is no store, or cannot be written."""
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT_S)) as connection:
                if create:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(_SCHEMA)
                yield connection
        except sqlite3.Error as error:
            raise StudyError(
                f"{self.path.name} : {error}",
                "un fichier de décisions lisible et ouvert en écriture",
                "vérifier les droits du dossier de l'étude, ou y remettre la dernière sauvegarde des décisions",
            ) from error
