"""Copy decisions from one database into another, under the same numbers.

In:   a database of decisions, whichever it is; a new file
Out:  the same decisions and erasures there
"""

from collections.abc import Sequence
from typing import Any

from pipeline.decision_store.columns import NAMES
from pipeline.decision_store.database import Database, Statements
from pipeline.decision_store.sqlite_database import SqliteDatabase

Rows = list[tuple[Any, ...]]
DECISIONS = f"SELECT {', '.join(NAMES)} FROM decisions ORDER BY decision_id"
_ERASURES = "SELECT erased_at, author, counts FROM erasures ORDER BY erased_at"


def read_all(database: Database) -> tuple[Rows, Rows]:
    """Return every decision and every erasure, in order; none where nobody ever wrote."""
    with database.reading() as source:
        if source is None:
            return [], []
        return [tuple(row) for row in source.execute(DECISIONS).fetchall()], [
            tuple(row) for row in source.execute(_ERASURES).fetchall()
        ]


def write_all(
    decisions: Sequence[Sequence[Any]],
    erasures: Sequence[Sequence[Any]],
    target: Statements,
    *,
    overriding: str = "",
) -> None:
    """Write them into a database that has none; `overriding` is what it wants told before it takes numbers as they are."""
    columns, marks = ", ".join(NAMES), ", ".join("?" * len(NAMES))
    for row in decisions:
        target.execute(f"INSERT INTO decisions ({columns}) {overriding} VALUES ({marks})", row)
    for row in erasures:
        target.execute("INSERT INTO erasures (erased_at, author, counts) VALUES (?, ?, ?)", row)


def copy_into_file(database: Database, file: SqliteDatabase) -> None:
    """Copy what `database` holds into a new file."""
    decisions, erasures = read_all(database)
    with file.writing() as target:
        write_all(decisions, erasures, target)
