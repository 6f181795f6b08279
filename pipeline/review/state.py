"""Hold one process's study, last run, decisions and current themes.

Only a decision on themes or families replays the themes: coding passages never waits.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

import pandas as pd
from django.utils.translation import gettext

from pipeline import counting
from pipeline.decisions import Decision, active_decisions
from pipeline.decisions.following import follow_now
from pipeline.decisions.replay import ThemeReplay
from pipeline.decisions.themes import ThemeDecision
from pipeline.publish.text import joined, quoted, shortened
from pipeline.review.desks import desk
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot
from pipeline.study import Study
from pipeline.text import fold

_N_CHARS = 80  # of a passage in a sentence


def study() -> Study:
    """Return the study of the request."""
    return desk().study


def snapshot() -> Snapshot:
    """Return the tables of the last run."""
    return desk().snapshots.current()


def journal() -> Journal:
    """Return every acknowledged decision, and nothing erased."""
    return desk().journals.current()


def journal_of_page() -> Journal:
    """Return the decisions as `journal` last read them."""
    return desk().journals.last_read()


@dataclass(frozen=True, eq=False)
class Themes:
    """The reviewed tables of themes after the decision `last_id`."""

    themes: pd.DataFrame
    families: pd.DataFrame
    members: pd.DataFrame
    last_id: int
    given_names: dict[str, str] = field(default_factory=dict)  # gone themes included
    placed: dict[str, str] = field(default_factory=dict)  # theme by passage that people put there

    @cached_property
    def theme_of(self) -> dict[str, str]:
        """Return the theme by passage."""
        return _pairs(self.members, "unit_id", "theme_id")

    @cached_property
    def of_theme(self) -> dict[str, tuple[str, ...]]:
        """Return the passages of each theme, people's and central ones first."""
        rows = self.members.sort_values(
            ["strength", "unit_id"], ascending=[False, True], kind="stable"
        )
        units: dict[str, list[str]] = defaultdict(list)
        for unit_id, theme_id in _pairs(rows, "unit_id", "theme_id").items():
            units[theme_id].append(unit_id)
        return {theme_id: tuple(unit_ids) for theme_id, unit_ids in units.items()}

    @cached_property
    def strengths(self) -> dict[str, float]:
        """Return how close each passage is to its theme, 0 to 1."""
        return _pairs(self.members, "unit_id", "strength")

    @cached_property
    def probabilities(self) -> dict[str, float]:
        """Return how likely each passage is about its theme's subject."""
        return _pairs(self.members, "unit_id", "probability")

    @cached_property
    def said(self) -> dict[str, list[tuple[str, float, bool]]]:
        """Return by theme the passages that are or may be about it, how likely, and if counted."""
        columns = ["theme_id", "unit_id", "probability", "is_counted"]
        rows = counting.with_likely(self.members)[columns].itertuples(index=False, name=None)
        said: dict[str, list[tuple[str, float, bool]]] = defaultdict(list)
        for theme_id, *passage in rows:
            said[theme_id].append(tuple(passage))
        return said

    @cached_property
    def to_check(self) -> frozenset[str]:
        """Return the passages that are not counted for their theme."""
        return frozenset(self.members.loc[~self.members["is_counted"].astype(bool), "unit_id"])

    @cached_property
    def labels(self) -> dict[str, str]:
        """Return the themes' names, in the table's order."""
        return _pairs(self.themes, "theme_id", "label")

    @cached_property
    def signed_ids(self) -> frozenset[str]:
        """Return the themes that a person stands by."""
        return frozenset(self.themes.loc[self.themes["is_signed_off"].astype(bool), "theme_id"])

    @cached_property
    def shared_labels(self) -> dict[str, str]:
        """Return the names that several themes bear, by theme_id; case does not count."""
        n_of = Counter(map(fold, self.labels.values()))
        return {name: label for name, label in self.labels.items() if n_of[fold(label)] > 1}

    @cached_property
    def names(self) -> dict[str, str]:
        """Return the names of themes and families."""
        return self.labels | _pairs(self.families, "family_id", "label")


def _pairs(table: pd.DataFrame, key: str, value: str) -> dict[str, Any]:
    return dict(zip(table[key].tolist(), table[value].tolist(), strict=True))


def replay_themes(run: Snapshot, decisions: Sequence[Decision], last_id: int) -> Themes:
    """Return the themes after `decisions`, except those that await a review."""
    active = [row for row in active_decisions(decisions) if row.decision_id not in run.to_review]
    replay = ThemeReplay(run.machine, run.circles, active)
    named = {
        str(row.theme_id): name
        for row in active
        if isinstance(row, ThemeDecision) and row.theme_id and (name := row.given_name)
    }
    return Themes(replay.themes, replay.families, replay.members, last_id, named, replay.placed)


class CurrentThemes:
    """The themes, replayed after another run, journal or decision on themes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[str, Journal, int] | None = None
        self._themes: Themes | None = None

    def of(self, run: Snapshot, decided: Journal) -> Themes:
        """Return the themes of `run` after the decisions of `decided`."""
        key = (run.run_id, decided, decided.last_on_themes_id)
        with self._lock:
            if self._themes is None or self._key != key:
                rows = [
                    now
                    for row in decided.active(ThemeDecision)
                    for now in follow_now(row, decided.lineage, run.units)
                ]
                self._themes, self._key = replay_themes(run, rows, key[2]), key
            return self._themes


def themes(decided: Journal | None = None) -> Themes:
    """Return the themes after the decisions of `decided`, or all; the same object until another."""
    return desk().current_themes.of(snapshot(), decided or journal())


_FIRST_ASKED = ("by_doubt", "proposed", "n_passages_of", "of_document", "texts", "ledger_of")


def warm() -> None:
    """Read and order what the first pages show of the last run; at once where nothing changed."""
    run = snapshot()
    themes()
    for name in _FIRST_ASKED:
        getattr(run, name)


def why_no_theme() -> str | None:
    """Return why the study has no theme now; None where it has one."""
    least_units = study().settings.cluster.least_units
    return counting.why_no_theme(
        snapshot().tables["units"], themes().themes, least_units=least_units
    )


def labels() -> dict[str, str]:
    """Return names of themes and families, former ones included."""
    run = snapshot()
    now = desk().current_themes.of(run, journal_of_page())
    return {**run.theme_names, **now.given_names, **now.names}


class _NamesNow:
    """The current names; the id of what is gone."""

    def say(self, sentence: str, **words: str) -> str:
        return gettext(sentence).format(**words)

    def quoted(self, text: str | None) -> str:
        return quoted(text or "")

    def joined(self, texts: Sequence[str]) -> str:
        return joined(texts)

    def passage(self, unit_id: str | None) -> str:
        unit = snapshot().units.get(unit_id or "")
        if unit is None:
            return self.say("le passage {name}", name=unit_id or "")
        return quoted(shortened(unit.text, _N_CHARS))

    def theme(self, theme_id: str | None) -> str:
        return quoted(labels().get(theme_id or "", theme_id or ""))

    def code(self, code: str | None) -> str:
        return quoted(study().grid.label_of(code or ""))

    def name_before(self, decision: Decision) -> str:
        if not isinstance(decision, ThemeDecision):
            return ""
        theme_id, last = decision.theme_id or "", decision.decision_id
        earlier = journal_of_page().on_theme(theme_id, ThemeDecision)
        named = [row.given_name for row in earlier if not last or row.decision_id < last]
        names = [name for name in named if name]
        if names:
            return names[-1]
        return snapshot().theme_names.get(theme_id, gettext("le thème séparé"))


def sentence(decision: Decision) -> str:
    """Say what `decision` does, without its subject."""
    return decision.sentence(_NamesNow())


_Value = TypeVar("_Value")
_FIRST_WAIT_S, _WAIT_S = 2.0, 0.1  # for a first value, for a newer one


@dataclass(frozen=True)
class Counted(Generic[_Value]):
    """A `value`; `is_current` unless a newer one is being counted."""

    value: _Value
    key: Hashable
    is_current: bool


class BackgroundCounts(Generic[_Value]):
    """The last value of each family of counts; thread-safe."""

    def __init__(self, n_families: int = 1) -> None:
        self._n_families, self._lock = n_families, threading.Lock()
        self._counted: dict[Hashable, tuple[Hashable, _Value]] = {}
        self._counting: dict[Hashable, tuple[Hashable, Future[_Value]]] = {}
        self._counter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="counting")

    def get(
        self, family: Hashable, key: Hashable, count: Callable[[], _Value]
    ) -> Counted[_Value] | None:
        """Return the value of `key`, after a short wait the previous one, or None.

        Raises what `count` raises.
        """
        with self._lock:
            last = self._counted.get(family)
            if last is not None and last[0] == key:
                return Counted(last[1], key, is_current=True)
            wait_s = _FIRST_WAIT_S if last is None else _WAIT_S
            if last is not None and family in self._counting:
                wait_s = 0.0
            if family not in self._counting:
                # the count is of this request's study
                counting = self._counter.submit(copy_context().run, count)
                self._counting[family] = (key, counting)
            counted_key, future = self._counting[family]
        try:
            value = future.result(timeout=wait_s)
        except NotYet:
            return Counted(last[1], last[0], is_current=False) if last else None
        finally:
            self._take(family)
        return Counted(value, counted_key, is_current=counted_key == key)

    def _take(self, family: Hashable) -> None:
        with self._lock:
            key, future = self._counting.get(family, (None, None))
            if future is None or not future.done():
                return
            del self._counting[family]
            if future.exception() is None:
                self._counted.pop(family, None)
                self._counted[family] = (key, future.result())
                while len(self._counted) > self._n_families:
                    del self._counted[next(iter(self._counted))]
