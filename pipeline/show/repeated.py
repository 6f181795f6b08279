"""Show a study's status again where nothing changed since: reading its tables takes two seconds.

In:   .cache/status.json: what was last written on the terminal, and of which state of the study
Out:  the same, on standard output
"""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from flows.encryption import PASSPHRASE, PASSPHRASE_FILE
from pipeline.files import text_hash, write_bytes
from pipeline.study import Study
from pipeline.versions import code_stamp

_NAME = "status.json"
# what changes how a table is drawn, or whether the vault opens
_SEEN = ("COLUMNS", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR")
_PRESENT = (PASSPHRASE, PASSPHRASE_FILE)


@contextmanager
def shown_again(study: Study, *, as_json: bool, is_hidden: bool = False) -> Iterator[bool]:
    """Write what was shown last, and give True; else keep what the block writes.

    `is_hidden` writes nothing, for another time.
    """
    path = study.cache / _NAME
    state = _state_of(study, as_json=as_json)
    text = _kept(path).get(state)
    if text is not None:
        if not is_hidden:
            sys.stdout.write(text)
        yield True
        return
    copy = _Copy(sys.stdout, is_hidden=is_hidden)
    with redirect_stdout(copy):
        yield False
    with suppress(OSError):  # a study that can only be read
        if path.parent.is_dir():
            write_bytes(path, json.dumps({state: copy.text}).encode(), mode=0o600)


class _Copy(io.StringIO):
    """Writes on a terminal unless it is hidden, and keeps what is written."""

    def __init__(self, terminal: TextIO, *, is_hidden: bool) -> None:
        super().__init__()
        self._terminal, self._is_hidden, self.text = terminal, is_hidden, ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text) if self._is_hidden else self._terminal.write(text)

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def flush(self) -> None:
        self._terminal.flush()

    def fileno(self) -> int:
        return self._terminal.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding


def _kept(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _state_of(study: Study, *, as_json: bool) -> str:
    """Return a hash of all that the status depends on, the files by their size and date."""
    paths = [study.settings_path, study.grid_path]
    for folder in (study.runs, study.tables, study.tables / "machine", study.vault):
        with suppress(FileNotFoundError):
            paths += folder.iterdir()
    stats = [(str(path), path.stat()) for path in sorted(paths) if path.is_file()]
    files = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]
    return text_hash(
        code_stamp(),
        str(study.root),
        str(study.decisions.mark()),
        str((as_json, sys.stdout.isatty(), sys.stdout.encoding, _width())),
        *(os.environ.get(name, "") for name in _SEEN),
        *(str(name in os.environ) for name in _PRESENT),
        *files,
    )


def _width() -> int:
    for stream in (0, 1, 2):
        with suppress(OSError):
            return os.get_terminal_size(stream).columns
    return 0
