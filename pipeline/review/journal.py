"""The decisions of a study, held in memory in order and read on from where they were left.

In:   the study's store of decisions
Out:  Journal: decisions by number, passage and theme, and which of them were undone
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pipeline.decision_store import DecisionStore
from pipeline.errors import StudyError
from pipeline.standing import (
    CODE_ACTIONS,
    CONFIRM,
    UNDO,
    Code,
    confirmed_codes,
    is_coded,
    number_in,
)

TAG_ACTIONS = frozenset((*CODE_ACTIONS, CONFIRM))


class Decision(NamedTuple):
    """One decision; what does not concern it is None."""

    decision_id: int
    decided_at: str
    author: str
    action: str
    unit_id: str | None
    axis: str | None
    code: str | None
    theme_id: str | None
    value: str | None
    why: str | None


class Keep(Protocol):
    """Appends decisions to a study's store, without the names that were typed, and returns their numbers."""

    def __call__(self, decisions: Sequence[Mapping[str, Any]], *, request_id: str) -> list[int]:
        """Append all or none; sent again under one `request_id`, they count once."""


class Journal:
    """All decisions of `store`, kept up to date by `refresh`; safe among threads, since it only ever grows."""

    def __init__(self, store: DecisionStore, *, keep: Keep) -> None:
        self.store, self._keep, self._lock = store, keep, threading.Lock()
        self._all: dict[int, Decision] = {}
        self._of_unit: dict[str, list[int]] = defaultdict(list)
        self._of_theme: dict[str, list[int]] = defaultdict(list)
        self._undone: frozenset[int] = frozenset()
        self._on_tags: dict[str, list[int]] = defaultdict(list)  # by author
        self._judged: dict[str, set[str]] = defaultdict(set)  # passages by author
        self._confirmed: dict[str, set[str]] = defaultdict(
            set
        )  # those of them that the author confirmed
        self._whole: dict[
            tuple[str, str], tuple[Hashable, bool]
        ] = {}  # by author and passage: of what, and whether it is coded
        self.last_id = 0
        self.last_on_themes = (
            0  # number of the last decision on themes or families, or undoing of any
        )

    def refresh(self) -> "Journal":
        """Read what was decided since, by anybody and in any process; return itself."""
        with self._lock:
            self._take([Decision(*row) for row in self.store.read_rows(after=self.last_id)])
        return self

    def add(
        self, decisions: Sequence[Mapping[str, Any]], *, author: str, request_id: str
    ) -> list[int]:
        """Append `decisions` of `author`, all or none, and return their numbers; sent again under one `request_id`, they count once."""
        rows = [{"author": author, **row} for row in decisions]
        ids = self._keep(rows, request_id=request_id)
        self.refresh()
        return ids

    def __getitem__(self, decision_id: int) -> Decision:
        return self._all[decision_id]

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, decision_id: int) -> bool:
        return decision_id in self._all

    def newest_first(self) -> list[Decision]:
        """Every decision, undone ones and undoings too."""
        return list(reversed(self._all.values()))

    def is_undone(self, decision_id: int) -> bool:
        """Whether a later decision undid it, and nothing undid that one."""
        return decision_id in self._undone

    def on_unit(self, unit_id: str, *, by: str | None = None) -> list[Decision]:
        """The decisions on a passage that stand, in order; only those `by` one author where asked."""
        return self._standing(self._of_unit.get(unit_id, ()), by)

    def on_theme(self, theme_id: str, *, by: str | None = None) -> list[Decision]:
        """The decisions on a theme or family that stand, in order."""
        return self._standing(self._of_theme.get(theme_id, ()), by)

    def standing(self, actions: frozenset[str]) -> list[Decision]:
        """The decisions of these kinds that stand, in order."""
        return [
            row
            for number, row in list(self._all.items())
            if row.action in actions and number not in self._undone
        ]

    def judged_by(self, author: str) -> set[str]:
        """The passages on a code of which `author` decided, be it a single one."""
        return set(self._judged.get(author, ()))

    def coded_by(
        self, author: str, put: Callable[[str], Iterable[Code]], exclusive: Collection[str]
    ) -> set[str]:
        """Return the passages all of whose codes `author` told; `put` gives what the machine put on one (see `is_coded`)."""
        confirmed = set(self._confirmed.get(author, ()))
        others = set(self._judged.get(author, ())) - confirmed
        return confirmed | {
            unit_id
            for unit_id in others
            if self._is_whole(author, unit_id, tuple(put(unit_id)), exclusive)
        }

    @property
    def coders(self) -> list[str]:
        """Who decided on a code of some passage."""
        return [author for author, judged in list(self._judged.items()) if judged]

    def last_on_tags(self, author: str) -> Decision | None:
        """The last decision of `author` on a passage's codes that stands: what the next undoing takes back."""
        numbers = reversed(self._on_tags.get(author, []))
        return next((self._all[number] for number in numbers if number not in self._undone), None)

    def _is_whole(
        self, author: str, unit_id: str, put: tuple[Code, ...], exclusive: Collection[str]
    ) -> bool:
        """As `is_coded`, kept until something is decided on the passage or undone: pages ask it of all that a person judged."""
        state = (put, len(self._of_unit[unit_id]), self._undone)
        held = self._whole.get((author, unit_id))
        if held is None or held[0] != state:
            held = self._whole[author, unit_id] = (
                state,
                is_coded(put, self.on_unit(unit_id, by=author), exclusive),
            )
        return held[1]

    def _standing(self, numbers: Sequence[int], by: str | None) -> list[Decision]:
        rows = [self._all[number] for number in list(numbers) if number not in self._undone]
        return [row for row in rows if by is None or row.author == by]

    def _take(self, rows: list[Decision]) -> None:
        for row in rows:
            self._all[row.decision_id] = row
            if row.unit_id:
                self._of_unit[row.unit_id].append(row.decision_id)
            if row.action in TAG_ACTIONS:
                self._on_tags[row.author].append(row.decision_id)
                self._judged[row.author].add(str(row.unit_id))
                if _is_confirmation(row):
                    self._confirmed[row.author].add(str(row.unit_id))
            else:
                self.last_on_themes = row.decision_id
            if row.theme_id:
                self._of_theme[row.theme_id].append(row.decision_id)
        if any(row.action == UNDO for row in rows):
            self._undone = _undone(list(self._all.values()))
            said = self.standing(TAG_ACTIONS)
            self._judged = _by_author(said)
            self._confirmed = _by_author(row for row in said if _is_confirmation(row))
        self.last_id = rows[-1].decision_id if rows else self.last_id


class Journals:
    """The journal of `store`, all read again once somebody was forgotten; safe among threads."""

    def __init__(self, store: DecisionStore, *, keep: Keep) -> None:
        self._store, self._keep, self._lock = store, keep, threading.Lock()
        self._held: Journal | None = None
        self._n_erasures = 0

    def current(self) -> Journal:
        """Return the journal, with all that was decided so far and nothing of what was erased.

        Raises `StudyError` where decisions that were read are gone: what is decided next would take their numbers.
        """
        n_erasures = self._store.erasure_count()
        with self._lock:
            known = self._held.last_id if self._held else 0
            if self._held is None or n_erasures > self._n_erasures:
                self._held, self._n_erasures, known = (
                    Journal(self._store, keep=self._keep),
                    n_erasures,
                    0,
                )
            journal, is_older = self._held, n_erasures < self._n_erasures
        if is_older or self._store.last_id() < known:
            raise StudyError(
                f"les décisions déjà lues, jusqu'à la n° {known}, ne sont plus toutes là",
                "celles que cette application a lues, et d'autres ensuite",
                "ne plus rien décider ; remettre les décisions d'une sauvegarde, puis relancer ateliers review",
            )
        return journal.refresh()

    def held(self) -> Journal:
        """Return the journal as it was last read."""
        return self._held or self.current()


def _is_confirmation(row: Decision) -> bool:
    return row.action == CONFIRM and confirmed_codes(row.value) is not None


def _by_author(rows: Iterable[Decision]) -> dict[str, set[str]]:
    """The passages that `rows` are about, by author."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.author].add(str(row.unit_id))
    return found


def _undone(rows: list[Decision]) -> frozenset[int]:
    """Numbers of what was undone: an undoing that is itself undone takes nothing back. As `pipeline.standing.undone_by` does of frames."""
    found: set[int] = set()
    known = {row.decision_id for row in rows}
    for row in reversed(rows):
        target = number_in(row.value)
        if (
            row.action == UNDO
            and row.decision_id not in found
            and target in known
            and target < row.decision_id
        ):
            found.add(target)
    return frozenset(found)
