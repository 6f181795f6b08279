"""Run the study and draw territories in other processes: no page waits."""

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
    """A new run, its last line if it failed, and the `priorities` before it."""

    process: subprocess.Popen[str]
    asked_by: str
    priorities: pd.DataFrame
    labels: dict[str, str]
    error: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it runs; the first False also reads its error."""
        if self.process.poll() is None:
            return True
        if self.error is None:
            lines = (self.process.communicate()[1] or "").strip().splitlines()
            self.error = lines[-1] if lines and self.process.returncode else ""
        return False


class Reruns:
    """New runs, one at a time."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self.last: Rerun | None = None

    def start(self, *, asked_by: str, priorities: pd.DataFrame, labels: dict[str, str]) -> bool:
        """Start a run unless one is running; return whether it did."""
        with self._lock:
            if self.last is not None and self.last.is_running:
                return False
            command = [sys.executable, "-m", "flows.served_flows", str(self._study.root)]
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self.last = Rerun(process, asked_by, priorities, labels)
            return True


@dataclass(frozen=True)
class RankChange:
    """A priority whose rank changed: no `before` if new, no `after` if gone."""

    label: str
    before: int | None
    after: int | None


def rank_changes(
    before: pd.DataFrame, after: pd.DataFrame, labels: dict[str, str]
) -> list[RankChange]:
    """Return the study's changes, in the order of `after`."""
    old, new = (
        dict(zip(rows["theme_id"], rows["rank"].astype(int), strict=True))
        for rows in (table[table["scope"] == "study"] for table in (before, after))
    )
    changes = [
        RankChange(labels.get(str(name), str(name)), old.get(name), new.get(name))
        for name in new | old
        if old.get(name) != new.get(name)
    ]
    return sorted(
        changes, key=lambda change: (change.after is None, change.after or change.before or 0)
    )


@dataclass(frozen=True)
class Drawing:
    """A plan, arbre or carte; `words` describe it, unless a table does."""

    name: str
    kind: str
    title: str
    words: str


class DrawingCache:
    """Drawings made once per run and names of themes."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._last_tried: Path | None = None

    def of(self, run_id: str, names: Mapping[str, str]) -> list[Drawing] | None:
        """Return the drawings of a run; None until they are made, [] if they cannot be."""
        index = drawings_folder(self._study, run_id, names) / INDEX
        if index.is_file():
            return [Drawing(**row) for row in json.loads(index.read_text(encoding="utf-8"))]
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return None
            if self._last_tried == index:
                return []
            self._last_tried = index
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "flows.drawings", str(self._study.root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert process.stdin is not None
            with process.stdin as stdin:
                json.dump(dict(names), stdin)
            return None

    def path(self, run_id: str, names: Mapping[str, str], name: str) -> Path | None:
        """Return the file of a drawing in the index, else None."""
        if name not in {drawing.name for drawing in self.of(run_id, names) or ()}:
            return None
        return drawings_folder(self._study, run_id, names) / f"{name}.svg"
