"""The study under review, once a process: its last run and its decisions, both kept up to date.

Keep what is long to count, and serve it while it is counted again.
"""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from functools import cache, partial
from typing import Generic, TypeVar

from django.conf import settings

from flows.typed_texts import keep_decisions
from pipeline.review.journal import Journal, Journals
from pipeline.review.snapshot import Snapshot, Snapshots
from pipeline.study import Study


def study() -> Study:
    """The study under review; its settings and grid are those of the process's start."""
    found: Study = settings.STUDY
    return found


def snapshot() -> Snapshot:
    """Return the tables of the last run."""
    return _snapshots().current()


def journal() -> Journal:
    """Return the decisions, all that were acknowledged so far, and nothing of what somebody had forgotten."""
    return _journals().current()


def journal_of_page() -> Journal:
    """Return the decisions as `journal` last read them: what a page that has asked for them once asks for again, without reading."""
    return _journals().held()


@cache
def _snapshots() -> Snapshots:
    return Snapshots(study())


@cache
def _journals() -> Journals:
    return Journals(study().decisions, keep=partial(keep_decisions, study()))


_Value = TypeVar("_Value")
_FIRST_WAIT_S, _WAIT_S = (
    2.0,
    0.1,
)  # for the first value of a family; for a newer one that nobody began to count


@dataclass(frozen=True)
class Held(Generic[_Value]):
    """`value` of the state `key`; `is_current` unless a newer one is being counted."""

    value: _Value
    key: Hashable
    is_current: bool


class Kept(Generic[_Value]):
    """The last value counted in each of `n_families` families, such as scopes; a family's oldest one goes first. Safe among threads."""

    def __init__(self, n_families: int = 1) -> None:
        self._n_families, self._lock = n_families, threading.Lock()
        self._held: dict[Hashable, tuple[Hashable, _Value]] = {}
        self._counting: dict[Hashable, tuple[Hashable, Future[_Value]]] = {}
        self._counter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="counting")

    def get(
        self, family: Hashable, key: Hashable, count: Callable[[], _Value]
    ) -> Held[_Value] | None:
        """Return the value of `key`, or within moments the one before it; None where `family` has none yet. Raises what `count` raises."""
        with self._lock:
            held = self._held.get(family)
            if held is not None and held[0] == key:
                return Held(held[1], key, is_current=True)
            wait_s = _FIRST_WAIT_S if held is None else 0.0 if family in self._counting else _WAIT_S
            counted, future = self._counting.get(family) or self._start(family, key, count)
        try:
            value = future.result(timeout=wait_s)
        except NotYet:
            return Held(held[1], held[0], is_current=False) if held else None
        finally:
            self._take(family)
        return Held(value, counted, is_current=counted == key)

    def _start(
        self, family: Hashable, key: Hashable, count: Callable[[], _Value]
    ) -> tuple[Hashable, "Future[_Value]"]:
        self._counting[family] = (key, self._counter.submit(count))
        return self._counting[family]

    def _take(self, family: Hashable) -> None:
        """Hold what is ready."""
        with self._lock:
            key, future = self._counting.get(family, (None, None))
            if future is None or not future.done():
                return
            del self._counting[family]
            if future.exception() is None:
                self._held.pop(family, None)
                self._held[family] = (key, future.result())
                while len(self._held) > self._n_families:
                    del self._held[next(iter(self._held))]
