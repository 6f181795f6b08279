"""Bring the decisions of a study's file into its PostgreSQL database, once, when a team starts to share one.

In:   decisions.sqlite3, a database
Out:  the same decisions and erasures there under the same numbers; the file is kept beside, under another name
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.decision_store.columns import NAMES
from pipeline.decision_store.database import Statements
from pipeline.decision_store.postgres_database import PostgresDatabase
from pipeline.decision_store.sqlite_database import SqliteDatabase
from pipeline.errors import StudyError
from pipeline.words import counted

_KEPT = "-reprises"  # ends the name of a file whose decisions are in the database
_DECISIONS = f"SELECT {', '.join(NAMES)} FROM decisions ORDER BY decision_id"
_ERASURES = "SELECT erased_at, author, counts FROM erasures ORDER BY erased_at"


def move_decisions(file: Path, database: PostgresDatabase) -> None:
    """Move what `file` holds into `database` where it is empty; cut by a crash, the next call ends the work.

    Raises `StudyError` where both hold decisions that differ.
    """
    with SqliteDatabase(file).reading() as source:
        decisions = [tuple(row) for row in source.execute(_DECISIONS).fetchall()] if source else []
        erasures = source.execute(_ERASURES).fetchall() if source else []
    with database.writing() as target:
        there = [tuple(row) for row in target.execute(_DECISIONS).fetchall()]
        if there and there[: len(decisions)] != decisions:
            raise StudyError(
                f"{file.name} tient {counted(len(decisions), 'décision')}, et la base en tient d'autres",
                "une base vide, ou celle où ce fichier est déjà passé : une base par étude",
                f"donner une autre base à l'étude, ou mettre {file.name} de côté si ses décisions ne doivent plus valoir",
            )
        if not there:
            _copy(decisions, erasures, target)
    file.replace(file.with_stem(file.stem + _KEPT))


def _copy(decisions: Sequence[Sequence[Any]], erasures: Sequence[Sequence[Any]], target: Statements) -> None:
    columns, marks = ", ".join(NAMES), ", ".join("?" * len(NAMES))
    for row in decisions:
        target.execute(f"INSERT INTO decisions ({columns}) OVERRIDING SYSTEM VALUE VALUES ({marks})", row)
    for row in erasures:
        target.execute("INSERT INTO erasures (erased_at, author, counts) VALUES (?, ?, ?)", row)
    if decisions:
        target.execute("SELECT setval(pg_get_serial_sequence('decisions', 'decision_id'), ?)", (decisions[-1][0],))
