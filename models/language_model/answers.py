"""Answers kept by content, one small file each, so that a passage is never asked twice and a killed run goes on where it was.

In:   keys (sha256 of all that an answer depends on) and answers
Out:  the same after any crash, and none of what was altered since; files of passages hold codes and offsets, no text; those of
      themes what the model wrote
"""

import json
from pathlib import Path
from typing import Any

from models.language_model.checks import Answer
from pipeline.files import text_hash, write_bytes

_PACE = "pace.json"


class AnswerStore:
    """Answers below `folder`, which is made by the first one; in memory without a folder. Threads may share it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, Answer | None] = {}

    def get(self, key: str) -> Answer | None:
        """The answer kept under `key`, if any; a file that cannot be read is as good as none."""
        if self._known.get(key) is None:
            self._known[key] = self._read(key)
        return self._known[key]

    def put(self, key: str, answer: Answer) -> None:
        """Keep `answer`."""
        self._known[key] = answer
        if self._folder is not None:
            _write(self._path(key), {"codes": answer})

    @property
    def seconds_per_request(self) -> float | None:
        """What the last asking measured, if any."""
        value = _load(self._folder / _PACE) if self._folder is not None else None
        seconds = value.get("seconds_per_request") if isinstance(value, dict) else None
        return float(seconds) if isinstance(seconds, (int, float)) and seconds > 0 else None

    def put_pace(self, seconds_per_request: float) -> None:
        """Keep how long a request takes."""
        if self._folder is not None:
            _write(self._folder / _PACE, {"seconds_per_request": round(seconds_per_request, 3)})

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / f"{key}.json"

    def _read(self, key: str) -> Answer | None:
        value = _load(self._path(key)) if self._folder is not None else None
        if value is None:
            return None
        try:
            return {str(code): [(int(start), int(end)) for start, end in spans] for code, spans in value["codes"].items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def keep_text(path: Path, content: str) -> None:
    """Keep an answer as it came."""
    _write(path, {"content": content})


def read_text(path: Path) -> str | None:
    """An answer kept as it came; a file that cannot be read is as good as none."""
    value: Any = _load(path)
    content = value.get("content") if value else None
    return content if isinstance(content, str) else None


def _load(path: Path) -> dict[str, dict[str, list[list[int]]]] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    seal = value.pop("sha256", None)  # an earlier version's answer has none, and was paid for
    return value if seal in (None, _seal(path, value)) else None


def _write(path: Path, content: dict[str, Any]) -> None:
    write_bytes(path, json.dumps(content | {"sha256": _seal(path, content)}).encode(), mode=0o600)


def _seal(path: Path, content: dict[str, Any]) -> str:
    return text_hash(path.name, json.dumps(content))
