"""Hold a study's decisions in memory and read new ones as they come."""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any, Protocol, TypeVar

from pipeline.decision_store import DecisionStore
from pipeline.decisions import Decision, read_decision
from pipeline.decisions.following import follow_to, is_left_behind, lineage_of
from pipeline.decisions.kinds import Code, PassageDecision, Undo, undone_by
from pipeline.decisions.lineage import Lineage
from pipeline.decisions.memos import MemoDecision
from pipeline.decisions.mending import Mending
from pipeline.decisions.spans import CodeSpan
from pipeline.decisions.tags import AcceptTag, AddTag, ConfirmUnit, TagDecision, is_coded
from pipeline.decisions.themes import ThemeDecision
from pipeline.errors import StudyError
from pipeline.tables.material import DECISIONS

_COLUMNS = tuple(column.name for column in DECISIONS.columns)
_N_READ_BACK = 1_000  # decisions on codes, for the recent ones
_Kind = TypeVar("_Kind", bound=Decision)
BenchDecision = PassageDecision | MemoDecision  # what the bench takes back


class Append(Protocol):
    """Appends decisions without typed names, all or none, and returns their numbers."""

    def __call__(self, decisions: Sequence[Mapping[str, Any]], *, request_id: str) -> list[int]:
        """Append once per `request_id`."""


class Journal:
    """All decisions, updated by `refresh`; thread-safe."""

    def __init__(self, store: DecisionStore, *, append: Append) -> None:
        self.store, self._append, self._lock = store, append, threading.Lock()
        self._all: dict[int, Decision] = {}
        self._of_unit: dict[str, list[int]] = defaultdict(list)
        self._touching: dict[str, list[int]] = defaultdict(list)  # undoings of these included
        self._of_kind: dict[type[Decision], list[int]] = defaultdict(list)
        self._undone: frozenset[int] = frozenset()
        self._on_tags: dict[str, list[int]] = defaultdict(list)  # by author
        self._on_bench: dict[str, list[int]] = defaultdict(list)  # by author, none on themes
        self._judged: dict[str, set[str]] = defaultdict(set)  # passages by author
        self._confirmed: dict[str, set[str]] = defaultdict(set)
        self._coded: dict[tuple[str, str], tuple[Hashable, bool]] = {}  # by author and passage
        self.lineage = Lineage()  # what passages became once cut or joined
        self.last_id = 0
        self.last_on_tags_id = 0  # or undoing of any decision
        self.last_on_themes_id = 0  # or families, or undoing of one of those

    def refresh(self) -> "Journal":
        """Read the new decisions of any person and process."""
        self.take(self.store.news(self.last_id).rows)
        return self

    def take(self, rows: Iterable[Sequence[Any]]) -> None:
        """Hold the decisions in `rows` that are not held yet."""
        with self._lock:
            new = (dict(zip(_COLUMNS, row, strict=True)) for row in rows if row[0] > self.last_id)
            self._take([read_decision(row) for row in new])

    def add(self, decisions: Iterable[Decision], *, author: str, request_id: str) -> list[int]:
        """Append `decisions` and return their numbers."""
        rows = [{"author": author, **decision.row()} for decision in decisions]
        ids = self._append(rows, request_id=request_id)
        self.refresh()
        return ids

    def __getitem__(self, decision_id: int) -> Decision:
        return self._all[decision_id]

    def get(self, decision_id: int | None) -> Decision | None:
        """Return a decision by its number, None without one of it."""
        return None if decision_id is None else self._all.get(decision_id)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, decision_id: int) -> bool:
        return decision_id in self._all

    def newest_first(self) -> list[Decision]:
        """Return all decisions, undone ones included."""
        return list(reversed(self._all.values()))

    def is_undone(self, decision_id: int) -> bool:
        """Whether an undoing that still holds undid it."""
        return decision_id in self._undone

    def active(self, kind: type[_Kind]) -> list[_Kind]:
        """Return the active decisions of a kind."""
        listed = [rows for each, rows in list(self._of_kind.items()) if issubclass(each, kind)]
        return self._active(sorted(number for rows in listed for number in list(rows)), kind)

    def on_unit(self, unit_id: str, kind: type[_Kind], *, by: str | None = None) -> list[_Kind]:
        """Return the active decisions on a passage, and on what it was made of, in order."""
        rows = self._active(self._of_unit.get(unit_id, ()), kind)
        if formers := self.lineage.formers(unit_id):
            followed = [row for former in formers for row in self._followed(former, unit_id, kind)]
            rows = sorted([*rows, *followed], key=lambda row: row.decision_id)
        return [row for row in rows if by is None or row.author == by]

    def left_behind(self, unit_id: str, kind: type[_Kind]) -> list[_Kind]:
        """Return the active decisions on what a passage was made of that hold for nothing now."""
        formers = self.lineage.formers(unit_id)
        return [
            row
            for former in formers
            for row in self._active(self._of_unit.get(former, ()), kind)
            if is_left_behind(row, self.lineage)
        ]

    def _followed(self, former: str, unit_id: str, kind: type[_Kind]) -> list[_Kind]:
        rows = self._active(self._of_unit.get(former, ()), kind)
        followed = (now for row in rows for now in follow_to(row, unit_id, self.lineage))
        return [row for row in followed if isinstance(row, kind)]

    def on_theme(self, theme_id: str, kind: type[_Kind]) -> list[_Kind]:
        """Return a theme's or family's active decisions, in order."""
        rows = self._active(self._touching.get(theme_id, ()), kind)
        return [row for row in rows if getattr(row, "theme_id", None) == theme_id]

    def touching(self, subjects: Iterable[str]) -> list[int]:
        """Return the numbers of the decisions on themes, families and passages, undone included."""
        return sorted({number for name in subjects for number in self._touching.get(name, ())})

    def judged_by(self, author: str) -> set[str]:
        """Return the passages with at least one code judged by `author`."""
        return set(self._judged.get(author, ()))

    def coded_by(
        self, author: str, put: Callable[[str], Iterable[Code]], exclusive: Collection[str]
    ) -> set[str]:
        """Return the passages that `author` coded; `put` gives the machine's codes."""
        confirmed = set(self._confirmed.get(author, ()))
        others = set(self._judged.get(author, ())) - confirmed
        return confirmed | {
            unit_id
            for unit_id in others
            if self._is_coded(author, unit_id, tuple(put(unit_id)), exclusive)
        }

    @property
    def coders(self) -> list[str]:
        """Return who decided on a code."""
        return [author for author, judged in list(self._judged.items()) if judged]

    def undoing(self, decision: Decision) -> list[Undo]:
        """Return what undoes a decision; coded words whose ends it moved are as before again."""
        undoings = [Undo(decision.decision_id)]
        if isinstance(decision, CodeSpan):
            before = range(decision.decision_id - 1, 0, -1)
            moved = takewhile(lambda number: self._was_moved_by(decision, number), before)
            undoings += map(Undo, moved)
        return undoings

    def _was_moved_by(self, decision: CodeSpan, number: int) -> bool:
        """Whether an undoing took the same code off words, together with `decision`."""
        row = self._all.get(number)
        former = self._all.get(row.target) if isinstance(row, Undo) else None
        return (
            row is not None
            and isinstance(former, CodeSpan)
            and (former.unit_id, former.key) == (decision.unit_id, decision.key)
            and (row.author, row.decided_at) == (decision.author, decision.decided_at)
        )

    def last_on_bench(self, author: str) -> BenchDecision | None:
        """Return the author's last active decision on a passage or its memos, none on themes."""
        numbers = reversed(self._on_bench.get(author, ()))
        last = next((number for number in numbers if number not in self._undone), None)
        row = None if last is None else self._all[last]
        return row if isinstance(row, BenchDecision) else None

    def recent_codes(self, author: str, n: int) -> list[Code]:
        """Return the `n` codes that the author put last, one by one."""
        codes: dict[Code, None] = {}
        for number in islice(reversed(self._on_tags.get(author, ())), _N_READ_BACK):
            row = self._all[number]
            if isinstance(row, AcceptTag | AddTag | CodeSpan) and number not in self._undone:
                codes[row.key] = None
            if len(codes) == n:
                break
        return list(codes)

    def _is_coded(
        self, author: str, unit_id: str, put: tuple[Code, ...], exclusive: Collection[str]
    ) -> bool:
        """Cache the answer until a decision or undoing on the passage."""
        state = (put, len(self._of_unit[unit_id]), self._undone)
        remembered = self._coded.get((author, unit_id))
        if remembered is None or remembered[0] != state:
            own = self.on_unit(unit_id, TagDecision, by=author)
            remembered = self._coded[author, unit_id] = (state, is_coded(put, own, exclusive))
        return remembered[1]

    def _active(self, numbers: Iterable[int], kind: type[_Kind]) -> list[_Kind]:
        rows = (self._all[number] for number in list(numbers) if number not in self._undone)
        return [row for row in rows if isinstance(row, kind)]

    def _take(self, rows: list[Decision]) -> None:
        for row in rows:
            self._all[row.decision_id] = row
            self._of_kind[type(row)].append(row.decision_id)
            if unit_id := getattr(row, "unit_id", None):
                self._of_unit[unit_id].append(row.decision_id)
            subject = self._all.get(row.target) if isinstance(row, Undo) else row
            if isinstance(subject, ThemeDecision):
                for name in subject.touched():
                    self._touching[name].append(row.decision_id)
            if isinstance(row, TagDecision):
                self._on_tags[row.author].append(row.decision_id)
                self._count(row)
            if (
                isinstance(row, BenchDecision)
                and row.unit_id
                and not isinstance(row, ThemeDecision)
            ):
                self._on_bench[row.author].append(row.decision_id)
            self._note_last(row)
        if any(isinstance(row, Undo) for row in rows):
            self._undone = frozenset(undone_by(self._all.values()))
            self._judged, self._confirmed = defaultdict(set), defaultdict(set)
            for row in self.active(TagDecision):
                self._count(row)
        if any(isinstance(row, Mending | Undo) for row in rows):
            self.lineage = lineage_of(self.active(Mending))
        self.last_id = rows[-1].decision_id if rows else self.last_id

    def _note_last(self, row: Decision) -> None:
        if isinstance(row, TagDecision | Undo):
            self.last_on_tags_id = row.decision_id
        if isinstance(self._undone_last(row), ThemeDecision):
            self.last_on_themes_id = row.decision_id

    def _undone_last(self, row: Decision) -> Decision | None:
        """Return what an undoing, of an undoing or not, is about; any other decision itself."""
        about: Decision | None = row
        while isinstance(about, Undo):
            about = self._all.get(about.target) if about.target < about.decision_id else None
        return about

    def _count(self, row: TagDecision) -> None:
        self._judged[row.author].add(str(row.unit_id))
        if isinstance(row, ConfirmUnit) and row.codes is not None:
            self._confirmed[row.author].add(str(row.unit_id))


class Journals:
    """The journal, read in full again after an erasure or a renamed code; thread-safe."""

    def __init__(self, store: DecisionStore, *, append: Append) -> None:
        self._store, self._append, self._lock = store, append, threading.Lock()
        self._journal: Journal | None = None
        self._n_erasures = 0
        self._present_codes: Mapping[Code, str] = {}

    def current(self) -> Journal:
        """Return the journal with every decision so far and nothing erased.

        Raises `StudyError` if decisions are gone: new ones would take their numbers.
        """
        present_codes = self._store.present_codes()
        with self._lock:
            last_id = self._journal.last_id if self._journal else 0
            news = self._store.news(last_id)
            is_older = news.n_erasures < self._n_erasures
            is_renamed = present_codes != self._present_codes
            if self._journal is None or news.n_erasures > self._n_erasures or is_renamed:
                self._journal = Journal(self._store, append=self._append)
                self._present_codes, last_id = present_codes, 0
                news = self._store.news()
                self._n_erasures = max(news.n_erasures, self._n_erasures)
            journal = self._journal
        if is_older or news.last_id < last_id:
            raise StudyError(
                f"les décisions déjà lues, jusqu'à la n° {last_id}, ne sont plus toutes là",
                "celles que cette application a lues, et d'autres ensuite",
                "ne plus rien décider ; remettre les décisions d'une sauvegarde, "
                "puis relancer ateliers review",
            )
        journal.take(news.rows)
        return journal

    def last_read(self) -> Journal:
        """Return the journal without reading new decisions."""
        return self._journal or self.current()
