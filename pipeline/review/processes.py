"""Draw the maps of territories in another process: no page waits."""

import json
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.drawings import INDEX, drawings_folder
from pipeline.child import start_module
from pipeline.study import Study


@dataclass(frozen=True)
class Drawing:
    """A map; `words` describe it, `drawing` has its paths."""

    title: str
    words: str
    drawing: dict[str, Any]


class DrawingCache:
    """Drawings made once per run."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._last_tried: Path | None = None

    def of(self, run_id: str) -> list[Drawing] | None:
        """Return the drawings of a run; None until they are made, [] if they cannot be."""
        index = drawings_folder(self._study, run_id) / INDEX
        if index.is_file():
            return [Drawing(**row) for row in json.loads(index.read_text(encoding="utf-8"))]
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return None
            if self._last_tried == index:
                return []
            self._last_tried = index
            self._process = start_module("flows.drawings", self._study.root)
            return None
