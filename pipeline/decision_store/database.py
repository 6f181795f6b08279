"""What a database of decisions can do, whichever it is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pipeline.errors import StoreError

VERSION = 2  # of the tables of decisions, written in each database; it grows when an earlier version would misread or damage them


def refuse_newer(place: str, version: int) -> None:
    """Raise `StoreError` for decisions at `place` whose tables are of a later version than this one's."""
    if version > VERSION:
        raise StoreError(
            f"{place} : décisions d'une version plus récente (format {version})",
            f"le format {VERSION} ou un plus ancien",
            "mettre ateliers à jour",
        )


class Rows(Protocol):
    """The answer to a statement."""

    def fetchone(self) -> Any:
        """The next row, None where there is none."""

    def fetchall(self) -> list[Any]:
        """All rows."""


class Statements(Protocol):
    """Runs statements, with `?` for values."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Rows:
        """Run one statement."""


class Database(Protocol):
    """Where decisions are kept; each raises `StoreError` in one line where it cannot be reached, read or written."""

    def reading(self) -> AbstractContextManager[Statements | None]:
        """Give what reads, and changes nothing; None where nobody ever wrote."""

    def check(self) -> None:
        """Raise `StoreError` where what is kept is damaged."""

    def writing(self) -> AbstractContextManager[Statements]:
        """Give what writes, all or nothing, and lets no other writer in; the tables are made where they are missing."""

    def erasing(self) -> AbstractContextManager[Statements]:
        """Like `writing`, with rows that may be changed and deleted, and nothing left of what was."""
