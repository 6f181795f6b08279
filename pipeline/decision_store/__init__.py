"""The append-only store of people's decisions, beside the study's tables.

pandas is imported once decisions are read or added, not to ask for the last one: a run with nothing to do ends at once.

The database itself refuses to change or delete a row, so that no re-run and no later code can lose a correction. The one exception is
`erase`, for a person who asks to be forgotten: it is itself recorded, by when, whom and how many rows.

In:   decisions, one at a time or many
Out:  the table of decisions, in the order in which they were taken
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.decision_store.columns import NAMES, SAID, TYPED, content_of, now
from pipeline.decision_store.copying import copy_into_file
from pipeline.decision_store.database import Database, Statements
from pipeline.decision_store.mark import Mark, what_is_lost
from pipeline.decision_store.sqlite_database import SqliteDatabase
from pipeline.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DecisionStore", "Mark"]


class DecisionStore:
    """Decisions kept at `place`: a file, which the first decision makes, or the address of a PostgreSQL database.

    What a `former` file holds passes into the database first, so that nothing decided is lost when a team starts to share one.
    """

    def __init__(self, place: Path | str, *, former: Path | None = None) -> None:
        self._database: Database = (
            SqliteDatabase(place) if isinstance(place, Path) else _postgres(place, former)
        )

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
        """Add one decision, taken now, and return its decision_id. Raises `TableError` for an action that does not exist."""
        subject = {
            "unit_id": unit_id,
            "axis": axis,
            "code": code,
            "theme_id": theme_id,
            "value": value,
        }
        return self.append_all([{"author": author, "action": action, "why": why, **subject}])[0]

    def append_all(
        self, decisions: Iterable[Mapping[str, Any]], *, request_id: str | None = None
    ) -> list[int]:
        """Add `decisions` in order, all or none, and return their decision_id; `decided_at` is now, UTC, where it is not given.

        What comes again under the same `request_id`, as a browser may send it twice, adds nothing and returns the numbers given then.
        Raises `TableError` for a column or an action that does not exist, `StudyError` where that request said something else.
        """
        from pipeline.decision_store.rows import checked_rows

        listed = list(decisions)
        rows = checked_rows(listed)
        if not rows:
            return []
        content = content_of(listed)
        with self._database.writing() as connection:
            if request_id is None:
                return _insert(connection, rows)
            given = connection.execute(
                "SELECT content, decision_ids FROM requests WHERE request_id = ?", (request_id,)
            ).fetchone()
            if given is None:
                numbers = _insert(connection, rows)
                connection.execute(
                    "INSERT INTO requests VALUES (?, ?, ?)",
                    (request_id, content, json.dumps(numbers)),
                )
                return numbers
        if given[0] != content:
            raise StudyError(
                f"la demande « {request_id} » a déjà porté d'autres décisions",
                "un numéro par demande",
                "recharger la page et recommencer",
            )
        return [int(number) for number in json.loads(given[1])]

    def read(self, after: int = 0) -> "pd.DataFrame":
        """Return the decisions numbered above `after`, all by default, in order; a store that does not exist has none."""
        from pipeline.decision_store.rows import framed

        return framed(self.read_rows(after))

    def read_rows(self, after: int = 0) -> list[tuple[Any, ...]]:
        """Return the same decisions as tuples in the order of the columns of DECISIONS, None where blank; no frame is made."""
        with self._database.reading() as connection:
            if connection is None:
                return []
            statement = f"SELECT {', '.join(NAMES)} FROM decisions WHERE decision_id > ? ORDER BY decision_id"
            return list(connection.execute(statement, (after,)).fetchall())

    def last_id(self) -> int:
        """Number of the last decision; 0 where nobody decided anything."""
        with self._database.reading() as connection:
            if connection is None:
                return 0
            return int(
                connection.execute(
                    "SELECT coalesce(max(decision_id), 0) FROM decisions"
                ).fetchone()[0]
            )

    def mark(self) -> Mark:
        """Return what tells these decisions from fewer, older or altered ones."""
        return Mark.of(self.read_rows(), self.erasure_count())

    def check(self) -> None:
        """Raise `StoreError` where the store is damaged: it is never taken for an empty one."""
        self._database.check()

    def lost_since(self, recorded: Mark) -> str | None:
        """Say in French what is gone or changed since `recorded`, None where all is there."""
        return what_is_lost(recorded, self.read_rows(), self.erasure_count())

    def erase(
        self,
        unit_ids: Collection[str],
        clean: Callable[[str], str],
        *,
        clean_author: Callable[[str], str] | None = None,
        author: str,
        counts: Mapping[str, int],
    ) -> None:
        """Delete the decisions on `unit_ids`, pass what people typed in the others through `clean`, and record that it was done.

        The names of those who decided pass through `clean_author` where it is given.

        All or nothing; nothing erased is left in free pages, nor any mark of requests. `counts` is recorded, and must hold no
        personal data.
        """
        with self._database.erasing() as connection:
            for unit_id in sorted(unit_ids):
                connection.execute("DELETE FROM decisions WHERE unit_id = ?", (unit_id,))
            changed = f"UPDATE decisions SET {', '.join(f'{name} = ?' for name in TYPED)} WHERE decision_id = ?"
            for number, *cells in connection.execute(
                f"SELECT decision_id, {', '.join(TYPED)} FROM decisions"
            ).fetchall():
                cleaned = _cleaned(cells, clean, clean_author or clean)
                if cleaned != cells:
                    connection.execute(changed, (*cleaned, number))
            connection.execute("DELETE FROM requests")
            recorded = (now(), author, json.dumps(dict(counts), ensure_ascii=False))
            connection.execute(
                "INSERT INTO erasures (erased_at, author, counts) VALUES (?, ?, ?)", recorded
            )

    def erasure_count(self) -> int:
        """How many times something was erased: whoever holds decisions in memory reads them all again when it grows."""
        with self._database.reading() as connection:
            return (
                int(connection.execute("SELECT count(*) FROM erasures").fetchone()[0])
                if connection
                else 0
            )

    def save_copy(self, path: Path) -> None:
        """Write every decision and erasure of one moment into a new file at `path`, under the same numbers."""
        copy_into_file(self._database, SqliteDatabase(path))

    def count_erased(
        self,
        unit_ids: Collection[str],
        clean: Callable[[str], str],
        *,
        clean_author: Callable[[str], str] | None = None,
    ) -> tuple[int, int]:
        """How many decisions `erase` would delete and how many it would change."""
        wanted, decisions = set(unit_ids), self.read()
        deleted = decisions["unit_id"].isin(wanted)
        typed = decisions.loc[~deleted, list(TYPED)].fillna("")
        rows = [list(row) for row in typed.itertuples(index=False, name=None)]
        changed = [row for row in rows if _cleaned(row, clean, clean_author or clean) != row]
        return int(deleted.sum()), len(changed)

    def read_erasures(self) -> list[dict[str, Any]]:
        """What was erased, in order: `erased_at`, `author` and `counts`."""
        with self._database.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT erased_at, author, counts FROM erasures ORDER BY erased_at"
            ).fetchall()
        return [
            {"erased_at": moment, "author": author, "counts": json.loads(counts)}
            for moment, author, counts in rows
        ]


def _postgres(address: str, former: Path | None) -> Database:
    try:
        from pipeline.decision_store.moving import move_decisions
        from pipeline.decision_store.postgres_database import PostgresDatabase
    except ImportError as error:
        raise StudyError(
            "les décisions de l'étude sont dans PostgreSQL, et psycopg manque",
            "la bibliothèque psycopg",
            'pip install "ateliers-territoires[postgres]"',
        ) from error
    database = PostgresDatabase(address)
    if former is not None and former.is_file():
        move_decisions(former, database)
    return database


def _cleaned(
    cells: Sequence[str | None], clean: Callable[[str], str], clean_author: Callable[[str], str]
) -> list[str | None]:
    """The cells of the columns `TYPED`, cleaned."""
    cleaners = [clean_author if name == "author" else clean for name in TYPED]
    return [cleaner(cell) if cell else cell for cleaner, cell in zip(cleaners, cells, strict=True)]


def _insert(connection: Statements, rows: Iterable[Sequence[Any]]) -> list[int]:
    """Add `rows` of the columns `SAID` and return their numbers."""
    statement = f"INSERT INTO decisions ({', '.join(SAID)}) VALUES ({', '.join('?' * len(SAID))}) RETURNING decision_id"
    return [int(connection.execute(statement, tuple(row)).fetchall()[0][0]) for row in rows]
