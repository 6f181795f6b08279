"""Bring the decisions of a study's file into its PostgreSQL database, once, when a team starts to share one.

In:   decisions.sqlite3, a database
Out:  the same decisions and erasures there under the same numbers; the file is kept beside, under another name
"""

from pathlib import Path

from pipeline.decision_store.copying import DECISIONS, read_all, write_all
from pipeline.decision_store.postgres_database import PostgresDatabase
from pipeline.decision_store.sqlite_database import SqliteDatabase
from pipeline.errors import StudyError
from pipeline.text import counted

_KEPT = "-reprises"  # ends the name of a file whose decisions are in the database
_NEXT = "SELECT setval(pg_get_serial_sequence('decisions', 'decision_id'), ?)"


def move_decisions(file: Path, database: PostgresDatabase) -> None:
    """Move what `file` holds into `database` where it is empty; cut by a crash, the next call ends the work.

    Raises `StudyError` where both hold decisions that differ.
    """
    decisions, erasures = read_all(SqliteDatabase(file))
    with database.writing() as target:
        there = [tuple(row) for row in target.execute(DECISIONS).fetchall()]
        if there and there[: len(decisions)] != decisions:
            raise StudyError(
                f"{file.name} tient {counted(len(decisions), 'décision')}, et la base en tient d'autres",
                "une base vide, ou celle où ce fichier est déjà passé : une base par étude",
                f"donner une autre base à l'étude, ou mettre {file.name} de côté si ses décisions ne doivent plus valoir",
            )
        if not there:
            write_all(decisions, erasures, target, overriding="OVERRIDING SYSTEM VALUE")
            if decisions:
                target.execute(_NEXT, (decisions[-1][0],))
    file.replace(file.with_stem(file.stem + _KEPT))
