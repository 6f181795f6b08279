"""Results worked out of single texts, kept by content between runs: what was read once is not read again.

In:   texts, a function that gives one JSON value a text, whatever the texts beside it
Out:  its values, in order

Only for texts that hold no personal data: the folder keeps a hash of each beside what was found in it.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.files import write_bytes
from pipeline.versions import code_hash

_FOLDERS: list[Path] = []  # of `kept_in`, the innermost last
_HEX = 64  # letters of a key


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Within the block, values are found in `folder` and new ones left there."""
    _FOLDERS.append(folder)
    try:
        yield
    finally:
        _FOLDERS.remove(folder)


def by_text(name: str, texts: Sequence[str], compute: Callable[[list[str]], list[Any]], *, depends_on: str = "") -> list[Any]:
    """Return the value of each text, asking `compute` for those that nothing is kept of; all of them where no folder is open.

    What was found by an earlier version of the code, or with other things that values depend on, is dropped.
    """
    if not _FOLDERS:
        return compute(list(texts))
    version = hashlib.sha256(f"{code_hash()} {depends_on}".encode()).hexdigest()[:12]
    folder = _FOLDERS[-1] / f"{name}-{version}"
    keys = [hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for text in texts]
    known = _read(folder, set(keys))
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        values = compute(list(new.values()))
        known.update(zip(new, values, strict=True))
        _drop_others(folder)
        _write(folder, dict(zip(new, values, strict=True)))
    return [known[key] for key in keys]


def _read(folder: Path, wanted: set[str]) -> dict[str, Any]:
    """The wanted values of all files; a line that is cut is not there."""
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line[:_HEX] in wanted and line.endswith("\n"):
                    found[line[:_HEX]] = json.loads(line[_HEX:])
    return found


def _write(folder: Path, values: dict[str, Any]) -> None:
    """One file a call, whole or not at all."""
    name = hashlib.sha256("".join(values).encode()).hexdigest()[:24]
    lines = "".join(f"{key}{json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    write_bytes(folder / f"{name}.jsonl", lines.encode())


def _drop_others(folder: Path) -> None:
    for path in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
        if path != folder:
            shutil.rmtree(path, ignore_errors=True)
