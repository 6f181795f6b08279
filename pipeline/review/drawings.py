"""The drawings of a run's territories: made in a process of their own, once for each run and names of its themes, then read from
the study's cache.

In:   a study, the run that a page shows, the names that its themes bear now
Out:  what is drawn, or nothing while it is being made
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.drawings import INDEX, drawings_folder
from pipeline.study import Study


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
            self._making = making = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=silent, stderr=silent, text=True)
            assert making.stdin is not None
            with making.stdin as told:
                json.dump(dict(names), told)
            return None

    def path(self, run_id: str, names: Mapping[str, str], name: str) -> Path | None:
        """The file of one drawing; None for a name that is not in the index."""
        known = {drawing.name for drawing in self.of(run_id, names) or ()}
        return drawings_folder(self._study, run_id, names) / f"{name}.svg" if name in known else None
