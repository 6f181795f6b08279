"""The drawings of a run's territories: made once a run in a process of their own, then read from the study's cache.

In:   a study, the run that a page shows
Out:  what is drawn, or nothing while it is being made
"""

import json
import subprocess
import sys
import threading
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
        self._making: subprocess.Popen[bytes] | None = None
        self._tried = ""

    def of(self, run_id: str) -> list[Drawing] | None:
        """Return what is drawn of a run; None while it is being made; an empty list where it cannot be."""
        index = drawings_folder(self._study, run_id) / INDEX
        if index.is_file():
            return [Drawing(**row) for row in json.loads(index.read_text(encoding="utf-8"))]
        with self._lock:
            if self._making is not None and self._making.poll() is None:
                return None
            if self._tried == run_id:
                return []
            self._tried = run_id
            command = [sys.executable, "-m", "flows.drawings", str(self._study.root)]
            self._making = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return None

    def path(self, run_id: str, name: str) -> Path | None:
        """The file of one drawing; None for a name that is not in the index."""
        known = {drawing.name for drawing in self.of(run_id) or ()}
        return drawings_folder(self._study, run_id) / f"{name}.svg" if name in known else None
