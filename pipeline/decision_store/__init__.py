"""Store people's decisions, append only.

The database itself refuses to change or delete a row, so that no re-run can lose a correction; only
`erase`, for a person who asks to be forgotten, does, and it is recorded. pandas is imported on use:
a run with nothing to do ends at once.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.decision_store.databases import Connection, Database, SqliteDatabase, open_database
from pipeline.errors import StudyError
from pipeline.text import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DecisionStore", "Mark"]

Rows = list[tuple[Any, ...]]
_SAID = ("decided_at", "author", "action", "unit_id", "axis", "code", "theme_id", "value", "why")
_COLUMNS = ("decision_id", *_SAID)
_TYPED = ("author", "value", "why")  # typed text, which may name a person
_MOVED = "-reprises"  # suffix of a file moved into a database
_AXIS, _CODE, _VALUE = (_COLUMNS.index(name) for name in ("axis", "code", "value"))
_LAST_ID = "SELECT coalesce(max(decision_id), 0) FROM decisions"
_N_ERASURES = "SELECT count(*) FROM erasures"
_CONFIRMS = "confirm_unit"  # its value lists codes
PresentCodes = Mapping[tuple[str, str], str]  # the code of each axis and former name


@dataclass(frozen=True)
class Mark:
    """What identifies the decisions of a run, to notice losses."""

    last_id: int
    n_decisions: int
    sha256: str
    n_erasures: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], n_erasures: int) -> "Mark":
        """Return the mark of `rows`, in order of number."""
        return cls(int(rows[-1][0]) if rows else 0, len(rows), _hash(rows), n_erasures)

    @classmethod
    def recorded(cls, manifest: Mapping[str, Any] | None) -> "Mark | None":
        """Return the mark in a run's record, if any."""
        fields = (manifest or {}).get("decisions")
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__}) if fields else None

    def loss(self, rows: Sequence[Sequence[Any]], n_erasures: int) -> str | None:
        """Say in French what `rows` lost since this mark, None if nothing.

        Later decisions are no loss, nor is what `ateliers forget` erased and recorded.
        """
        if n_erasures > self.n_erasures:
            return None
        earlier = [row for row in rows if row[0] <= self.last_id]
        if not rows and self.n_decisions:
            return "ne tient plus aucune décision"
        if len(earlier) < self.n_decisions:
            return f"ne tient plus que {counted(len(earlier), 'décision')}"
        if n_erasures < self.n_erasures:
            return "tient des décisions d'avant un effacement (ateliers forget)"
        return "tient des décisions qui ont changé" if _hash(earlier) != self.sha256 else None


class News(NamedTuple):
    """The number of erasures so far, the last decision's number, and the decisions asked for."""

    n_erasures: int
    last_id: int
    rows: Rows


def _hash(rows: Iterable[Sequence[Any]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(list(row)).encode() + b"\n")
    return digest.hexdigest()


class DecisionStore:
    """Decisions in a file, or in a PostgreSQL database, into which those of `former` first move.

    What was decided of a code under a name that `present_codes` knows is read as of its present
    name; the rows themselves stay as they were written.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        former: Path | None = None,
        present_codes: Callable[[], PresentCodes] = dict,
    ) -> None:
        self._database: Database = open_database(location)
        self.present_codes = present_codes
        if former is not None and not isinstance(location, Path) and former.is_file():
            _move(former, self._database)

    def append(self, **decision: Any) -> int:
        """Add one decision, like `append_all`, and return its number."""
        return self.append_all([decision])[0]

    def append_all(
        self, decisions: Iterable[Mapping[str, Any]], *, request_id: str | None = None
    ) -> list[int]:
        """Add `decisions` in order, all or none, and return their numbers.

        A repeated `request_id`, which a browser may send, adds nothing and returns the first
        numbers. Raises `TableError` for an unknown column or action, `StudyError` if the first
        request differs.
        """
        every = list(decisions)
        rows = _checked(every)
        if not rows:
            return []
        content = _content(every)
        asked = "SELECT content, decision_ids FROM requests WHERE request_id = ?"
        earlier = None
        with self._database.writing() as connection:
            if request_id is not None:
                earlier = connection.execute(asked, (request_id,)).fetchone()
            if earlier is None:
                numbers = _insert(connection, rows)
                if request_id is not None:
                    values = (request_id, content, json.dumps(numbers))
                    connection.execute("INSERT INTO requests VALUES (?, ?, ?)", values)
        if earlier is None:
            self._database.note(numbers[-1])
            return numbers
        if earlier[0] != content:
            raise StudyError(
                f"la demande « {request_id} » a déjà porté d'autres décisions",
                "un numéro par demande",
                "recharger la page et recommencer",
            )
        return [int(number) for number in json.loads(earlier[1])]

    def noted(self) -> Mark | None:
        """Return the mark of decisions that were acknowledged and are gone, None if none are."""
        last_id = self._database.noted()
        return Mark(last_id, last_id, "", 0) if last_id > self.last_id() else None

    def accept_loss(self) -> None:
        """Expect from now on the decisions that are left."""
        self._database.forget_noted()

    def read(self, after: int = 0) -> "pd.DataFrame":
        """Return the decisions after number `after`."""
        import pandas as pd

        from pipeline.tables.material import DECISIONS

        rows = self.read_rows(after)
        if not rows:
            return DECISIONS.empty()
        columns = zip(DECISIONS.columns, zip(*rows, strict=True), strict=True)
        return pd.DataFrame(
            {column.name: pd.array(list(cells), dtype=column.dtype) for column, cells in columns}
        )

    def read_rows(self, after: int = 0) -> Rows:
        """Return the same as tuples, None for blanks."""
        return self._presently(self.written_rows(after))

    def _presently(self, rows: Rows) -> Rows:
        present = self.present_codes() if rows else {}
        return [_with_present_codes(row, present) for row in rows] if present else rows

    def written_rows(self, after: int = 0) -> Rows:
        """Return the decisions after number `after` as they were written, codes included."""
        with self._database.reading() as connection:
            return [] if connection is None else _read_decisions(connection, after)

    def news(self, after: int = 0) -> News:
        """Return the decisions after the number `after`, read at once with what tells a loss."""
        with self._database.reading() as connection:
            if connection is None:
                return News(0, 0, [])
            n_erasures = int(connection.execute(_N_ERASURES).fetchone()[0])
            last_id = int(connection.execute(_LAST_ID).fetchone()[0])
            rows = _read_decisions(connection, after) if last_id > after else []
        return News(n_erasures, last_id, self._presently(rows))

    def last_id(self) -> int:
        """Return the last decision's number, 0 if none."""
        return self._count(_LAST_ID)

    def erasure_count(self) -> int:
        """Return the number of erasures; when it grows, read everything again."""
        return self._count(_N_ERASURES)

    def count_after(self, decision_id: int, *, but_for: Collection[str]) -> int:
        """Count the decisions after `decision_id` whose action is not in `but_for`."""
        blanks = ", ".join("?" * len(but_for))
        question = (
            f"SELECT count(*) FROM decisions WHERE decision_id > ? AND action NOT IN ({blanks})"
        )
        return self._count(question, (decision_id, *sorted(but_for)))

    def _count(self, question: str, values: Sequence[Any] = ()) -> int:
        with self._database.reading() as connection:
            if connection is None:
                return 0
            return int(connection.execute(question, tuple(values)).fetchone()[0])

    def read_erasures(self) -> list[dict[str, Any]]:
        """Return the erasures in order: `erased_at`, `author` and `counts`."""
        with self._database.reading() as connection:
            rows = [] if connection is None else _read_erasures(connection)
        names = ("erased_at", "author", "counts")
        return [dict(zip(names, (*row[:2], json.loads(row[2])), strict=True)) for row in rows]

    def mark(self) -> Mark:
        """Return the current mark."""
        return Mark.of(self.written_rows(), self.erasure_count())

    def check(self) -> None:
        """Raise `StoreError` if damaged, which must never pass for empty."""
        self._database.check()

    def lost_since(self, recorded: Mark) -> str | None:
        """Say in French what was lost since `recorded`, None if nothing."""
        return recorded.loss(self.written_rows(), self.erasure_count())

    def save_copy(self, path: Path) -> None:
        """Copy decisions, erasures and their numbers into a new file."""
        file = SqliteDatabase(path)
        content = _read_all(self._database)
        with file.writing() as connection:
            _write_all(file, connection, *content)

    def add_rows(self, rows: Rows) -> None:
        """Add decisions under the numbers that they have, which are later than any here."""
        with self._database.writing() as connection:
            _write_all(self._database, connection, rows, [])

    def erase(
        self,
        unit_ids: Collection[str],
        clean: Callable[[str], str],
        *,
        clean_author: Callable[[str], str] | None = None,
        author: str,
        counts: Mapping[str, int],
    ) -> None:
        """Delete the decisions on `unit_ids`, clean the others' typed text, and record it.

        All or nothing; no free page and no request keeps a trace. `counts` must hold no personal
        data.
        """
        assignments = ", ".join(f"{name} = ?" for name in _TYPED)
        with self._database.erasing() as connection:
            for unit_id in sorted(unit_ids):
                connection.execute("DELETE FROM decisions WHERE unit_id = ?", (unit_id,))
            typed = f"SELECT decision_id, {', '.join(_TYPED)} FROM decisions"
            for number, *cells in connection.execute(typed).fetchall():
                cleaned = _cleaned(cells, clean, clean_author or clean)
                if cleaned != cells:
                    change = f"UPDATE decisions SET {assignments} WHERE decision_id = ?"
                    connection.execute(change, (*cleaned, number))
            connection.execute("DELETE FROM requests")
            self._database.forget_noted()
            recorded = (_now(), author, json.dumps(dict(counts), ensure_ascii=False))
            _insert_erasure(connection, recorded)

    def count_erased(
        self,
        unit_ids: Collection[str],
        clean: Callable[[str], str],
        *,
        clean_author: Callable[[str], str] | None = None,
    ) -> tuple[int, int]:
        """Return how many decisions `erase` would delete and change."""
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in self.read_rows()]
        left = [row for row in rows if row["unit_id"] not in set(unit_ids)]
        typed = [[row[name] for name in _TYPED] for row in left]
        changed = [
            cells for cells in typed if _cleaned(cells, clean, clean_author or clean) != cells
        ]
        return len(rows) - len(left), len(changed)


def _cleaned(
    cells: Sequence[str | None], clean: Callable[[str], str], clean_author: Callable[[str], str]
) -> list[str | None]:
    cleaners = [clean_author if name == "author" else clean for name in _TYPED]
    return [cleaner(cell) if cell else cell for cleaner, cell in zip(cleaners, cells, strict=True)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _content(decisions: Sequence[Mapping[str, Any]]) -> str:
    filled = [
        {name: value for name, value in row.items() if value is not None} for row in decisions
    ]
    written = json.dumps(filled, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()


def _checked(decisions: Sequence[Mapping[str, Any]]) -> Rows:
    """Raises `TableError` for an unknown column or action, or a wrong type."""
    import pandas as pd

    from pipeline.decisions import kind_of
    from pipeline.tables.material import DECISIONS

    blank = dict.fromkeys(_COLUMNS) | {"decided_at": _now()}
    rows = [blank | dict(row) | {"decision_id": i} for i, row in enumerate(decisions, start=1)]
    for row in rows:
        kind_of(row["action"])
    if all(_is_plain(row) for row in rows):  # from a page: no need of pandas
        return [tuple(row[name] for name in _SAID) for row in rows]
    checked = DECISIONS.check(pd.DataFrame(rows, dtype=object))[list(_SAID)].astype(object)
    return list(checked.where(checked.notna(), None).itertuples(index=False, name=None))


def _is_plain(row: Mapping[str, Any]) -> bool:
    if row.keys() != set(_COLUMNS) or not all(row[name] for name in ("decided_at", "author")):
        return False
    return all(row[name] is None or type(row[name]) is str for name in _SAID)


def _with_present_codes(row: tuple[Any, ...], present: PresentCodes) -> tuple[Any, ...]:
    cells = list(row)
    cells[_CODE] = present.get((row[_AXIS], row[_CODE]), row[_CODE])
    if row[_COLUMNS.index("action")] == _CONFIRMS and row[_VALUE]:
        cells[_VALUE] = _present_list(row[_VALUE], present)
    return tuple(cells)


def _present_list(value: str, present: PresentCodes) -> str:
    """Rename the codes of a confirmation; what is no such list is left alone."""
    try:
        entries = [(axis, code) for axis, code in json.loads(value)]
        codes = [[axis, present.get((axis, code), code)] for axis, code in entries]
    except (TypeError, ValueError):
        return value
    return json.dumps(codes, ensure_ascii=False)


def _insert(connection: Connection, rows: Iterable[Sequence[Any]]) -> list[int]:
    columns, blanks = ", ".join(_SAID), ", ".join("?" * len(_SAID))
    statement = f"INSERT INTO decisions ({columns}) VALUES ({blanks}) RETURNING decision_id"
    return [int(connection.execute(statement, tuple(row)).fetchall()[0][0]) for row in rows]


def _insert_erasure(connection: Connection, row: Sequence[Any]) -> None:
    connection.execute("INSERT INTO erasures (erased_at, author, counts) VALUES (?, ?, ?)", row)


def _read_decisions(connection: Connection, after: int = 0) -> Rows:
    where = "WHERE decision_id > ? ORDER BY decision_id"
    statement = f"SELECT {', '.join(_COLUMNS)} FROM decisions {where}"
    return [tuple(row) for row in connection.execute(statement, (after,)).fetchall()]


def _read_erasures(connection: Connection) -> Rows:
    statement = "SELECT erased_at, author, counts FROM erasures ORDER BY erased_at"
    return [tuple(row) for row in connection.execute(statement).fetchall()]


def _read_all(database: Database) -> tuple[Rows, Rows]:
    with database.reading() as connection:
        if connection is None:
            return [], []
        return _read_decisions(connection), _read_erasures(connection)


def _write_all(database: Database, connection: Connection, decisions: Rows, erasures: Rows) -> None:
    columns, blanks = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
    statement = f"INSERT INTO decisions ({columns}) {database.before_numbers} VALUES ({blanks})"
    for row in decisions:
        connection.execute(statement, row)
    for row in erasures:
        _insert_erasure(connection, row)
    if decisions:
        database.number_from(connection, decisions[-1][0])


def _move(file: Path, database: Database) -> None:
    """Move decisions into an empty `database`; after a crash, the next call finishes.

    Raises `StudyError` if both hold different decisions.
    """
    decisions, erasures = _read_all(SqliteDatabase(file))
    with database.writing() as connection:
        there = _read_decisions(connection)
        if there and there[: len(decisions)] != decisions:
            n = counted(len(decisions), "décision")
            raise StudyError(
                f"{file.name} tient {n}, et la base en tient d'autres",
                "une base vide, ou celle où ce fichier est déjà passé : une base par étude",
                f"donner une autre base à l'étude, ou mettre {file.name} de côté si ses décisions "
                "ne doivent plus valoir",
            )
        if not there:
            _write_all(database, connection, decisions, erasures)
    SqliteDatabase(file).forget_noted()
    file.replace(file.with_stem(file.stem + _MOVED))
