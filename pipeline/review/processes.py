"""Run the study again in a process of its own, one at a time, so that nobody's page waits for it.

In:   a study
Out:  Rerun: whether it goes on, since when, and how it ended

The drawings of a run's territories: made in a process of their own, once for each run and names of its themes, then read from
the study's cache.
"""

import datetime
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.drawings import INDEX, drawings_folder
from pipeline.study import Study


@dataclass
class Rerun:
    """One new run: `error` is its last line where it failed; `priorities` are those of before it."""

    process: subprocess.Popen[str]
    started_at: datetime.datetime
    asked_by: str
    priorities: pd.DataFrame
    labels: dict[str, str]
    error: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it goes on; once it has ended, its last words are read."""
        if self.process.poll() is None:
            return True
        if self.error is None:
            told = (self.process.communicate()[1] or "").strip().splitlines()
            self.error = (told[-1] if told else "") if self.process.returncode else ""
        return False


class Reruns:
    """The new runs of one study, of which this process started the last."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self.last: Rerun | None = None

    def start(self, *, asked_by: str, priorities: pd.DataFrame, labels: dict[str, str]) -> bool:
        """Start one unless one goes on; return whether it was started."""
        with self._lock:
            if self.last is not None and self.last.is_running:
                return False
            command = [sys.executable, "-m", "flows.served_flows", str(self._study.root)]
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self.last = Rerun(
                process, datetime.datetime.now(datetime.UTC), asked_by, priorities, labels
            )
            return True


@dataclass(frozen=True)
class Move:
    """A priority of the study whose rank is another, or that is new (`before` None) or gone (`after` None)."""

    theme_id: str
    label: str
    before: int | None
    after: int | None


def moves(before: pd.DataFrame, after: pd.DataFrame, labels: dict[str, str]) -> list[Move]:
    """Return what changed in the study's ranking, in the order of now; `labels` name themes of both."""
    ranks = [
        dict(zip(rows["theme_id"], rows["rank"].astype(int), strict=True))
        for rows in (table[table["scope"] == "study"] for table in (before, after))
    ]
    changed = [
        name for name in {**ranks[1], **ranks[0]} if ranks[0].get(name) != ranks[1].get(name)
    ]
    listed = [
        Move(name, labels.get(name, name), ranks[0].get(name), ranks[1].get(name))
        for name in changed
    ]
    return sorted(listed, key=lambda move: (move.after is None, move.after or move.before or 0))


@dataclass(frozen=True)
class Drawing:
    """A drawing: `kind` is plan, arbre or carte; `words` say it in a sentence, blank where a table beside it does."""

    name: str
    kind: str
    title: str
    words: str


class Drawings:
    """The drawings of one study, one making at a time."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self._making: subprocess.Popen[str] | None = None
        self._tried: Path | None = None

    def of(self, run_id: str, names: Mapping[str, str]) -> list[Drawing] | None:
        """Return what is drawn of a run under these `names` of themes; None while it is being made; an empty list where it cannot be."""
        index = drawings_folder(self._study, run_id, names) / INDEX
        if index.is_file():
            return [Drawing(**row) for row in json.loads(index.read_text(encoding="utf-8"))]
        with self._lock:
            if self._making is not None and self._making.poll() is None:
                return None
            if self._tried == index:
                return []
            self._tried = index
            command = [sys.executable, "-m", "flows.drawings", str(self._study.root)]
            silent = subprocess.DEVNULL
            self._making = making = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=silent, stderr=silent, text=True
            )
            assert making.stdin is not None
            with making.stdin as told:
                json.dump(dict(names), told)
            return None

    def path(self, run_id: str, names: Mapping[str, str], name: str) -> Path | None:
        """The file of one drawing; None for a name that is not in the index."""
        known = {drawing.name for drawing in self.of(run_id, names) or ()}
        return (
            drawings_folder(self._study, run_id, names) / f"{name}.svg" if name in known else None
        )
