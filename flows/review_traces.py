"""Erase a person from what the review application keeps beside the study, in .review/.

In:   what matches the person's names
Out:  no file sent and waiting, no copy of a grid and no report of a task that names it; no row, and
      no free page, of the databases of jobs and accounts

Accounts stay: whoever administers closes one. Accounts in PostgreSQL are cleaned by no command.
"""

import base64
import json
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from pipeline.study import Study

_WAIT_S = 20.0  # for a page that writes
_FOLDERS = ("corbeille", "uploads", "reprises", "restauration")  # what people sent or removed
_REPORTS = ("taches/*.json", "grille.avant-*.yaml", "apercus/*.json")
_BASES = ("jobs.sqlite3", "accounts.sqlite3")
# whose rows go whole, rather than with the name masked: tries to log in, and open sessions
_DROPPED = re.compile(r"axes_\w+|django_session")
_KEPT = re.compile(r"auth_\w+|django_(?!session)\w+|sqlite_\w+")


def files_to_remove(study: Study, pattern: re.Pattern[str]) -> list[Path]:
    """Return what people sent, whatever it holds, and the reports that match `pattern`."""
    review = study.root / ".review"
    sent = [
        path
        for name in _FOLDERS
        for path in sorted((review / name).glob("*"))
        if path.name != ".lock"
    ]
    told = [path for glob in _REPORTS for path in sorted(review.glob(glob))]
    return sent + [
        path for path in told if pattern.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]


def remove_files(paths: list[Path]) -> None:
    """Remove files and folders that may be gone."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def clean_databases(study: Study, pattern: re.Pattern[str], clean: Callable[[str], str]) -> int:
    """Mask what matches `pattern` in the databases of .review/, and return how many rows changed.

    Their free pages are overwritten even where no row changes: a row may have named the person.
    """
    paths = [study.root / ".review" / name for name in _BASES]
    return sum(_clean(path, pattern, clean) for path in paths if path.is_file())


def _clean(path: Path, pattern: re.Pattern[str], clean: Callable[[str], str]) -> int:
    with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        tables = [
            str(name)
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        connection.execute("BEGIN IMMEDIATE")
        n_changed = sum(
            _clean_table(connection, name, pattern, clean)
            for name in tables
            if not _KEPT.fullmatch(name)
        )
        connection.execute("COMMIT")
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"):
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return n_changed


def _clean_table(
    connection: sqlite3.Connection,
    table: str,
    pattern: re.Pattern[str],
    clean: Callable[[str], str],
) -> int:
    cursor = connection.execute(f'SELECT rowid, * FROM "{table}"')
    columns = [description[0] for description in cursor.description[1:]]
    n_changed = 0
    for row_id, *cells in cursor.fetchall():
        named = [
            (column, cell)
            for column, cell in zip(columns, cells, strict=True)
            if isinstance(cell, str) and any(map(pattern.search, _readings(cell)))
        ]
        if named and _DROPPED.fullmatch(table):
            connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (row_id,))
        for column, cell in named if not _DROPPED.fullmatch(table) else ():
            change = f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?'
            connection.execute(change, (clean(cell), row_id))
        n_changed += bool(named)
    return n_changed


def _readings(cell: str) -> Iterator[str]:
    """Yield a cell, and what a session of Django says in it."""
    yield cell
    packed, sign, _ = cell.partition(":")
    if not sign:
        return
    coded = packed.removeprefix(".")
    try:
        content = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4))
        plain = zlib.decompress(content) if packed.startswith(".") else content
        yield json.dumps(json.loads(plain), ensure_ascii=False)
    except (ValueError, zlib.error):
        return
