"""Results worked out of single texts, kept by content between runs: what was read once is not read again.

In:   texts, a function that gives one JSON value a text, whatever the texts beside it
Out:  its values, in order

Only for texts that hold no personal data: the folder keeps a hash of each beside what was found in it. Each line also holds
a hash of itself: one that was cut or altered is not there.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pipeline.files import write_bytes
from pipeline.spreading import GRAIN, grains_of
from pipeline.versions import code_hash
from pipeline.within import within

_LOG = logging.getLogger(__name__)
_FOLDERS: list[Path] = []  # of `kept_in`, the innermost last
_AT_ONCE = (
    32 * GRAIN
)  # values that are worked out and written together: what a killed run loses; whole grains, as always
_HEX = 64  # letters of a key, and of a line's hash after it


def kept_in(folder: Path) -> AbstractContextManager[None]:
    """Within the block, values are found in `folder` and new ones left there."""
    return within(_FOLDERS, folder)


def by_text(
    name: str,
    texts: Sequence[str],
    compute: Callable[[list[str]], list[Any]],
    *,
    depends_on: str = "",
    read_back: Callable[[Any], Any] | None = None,
) -> list[Any]:
    """Return the value of each text, asking `compute` for those that nothing is kept of; all of them where no folder is open.

    `compute` is asked a few thousand at a time, and gives values of JSON; `read_back` gives each the form that it is used in.
    What was found by an earlier version of the code, or with other things that values depend on, is dropped.
    """
    read_back = read_back or _as_it_is
    if not _FOLDERS:
        return [read_back(value) for some in grains_of(texts, _AT_ONCE) for value in compute(some)]
    version = hashlib.sha256(f"{code_hash()} {depends_on}".encode()).hexdigest()[:12]
    folder = _FOLDERS[-1] / f"{name}-{version}"
    keys = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
    known = _read(folder, set(keys), read_back)
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        _drop_others(folder)
    for some in grains_of(list(new), _AT_ONCE):
        values = compute([new[key] for key in some])
        _write(folder, dict(zip(some, values, strict=True)))
        known.update(zip(some, map(read_back, values), strict=True))
    return [known[key] for key in keys]


def _as_it_is(value: Any) -> Any:
    return value


def _read(folder: Path, wanted: set[bytes], read_back: Callable[[Any], Any]) -> dict[bytes, Any]:
    """The wanted values of all files."""
    found, n_altered = {}, 0
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if (key := _key(line)) in wanted:
                    value = line[2 * _HEX :].removesuffix(b"\n")
                    if _sealed(folder.name, key, value) == line:
                        found[key] = read_back(json.loads(value))
                    else:
                        n_altered += 1
    if n_altered:
        _LOG.warning(f"{folder.name} : {n_altered} lectures ne sont pas ce qui fut écrit, refaites")
    return found


def _key(line: bytes) -> bytes:
    try:
        return bytes.fromhex(line[:_HEX].decode("ascii"))
    except ValueError:
        return b""


def _write(folder: Path, values: dict[bytes, Any]) -> None:
    """One file a call, whole or not at all."""
    name = hashlib.sha256(b"".join(values)).hexdigest()[:24]
    lines = (
        _sealed(folder.name, key, json.dumps(value, ensure_ascii=False).encode())
        for key, value in values.items()
    )
    write_bytes(folder / f"{name}.jsonl", b"".join(lines))


def _sealed(folder: str, key: bytes, value: bytes) -> bytes:
    """The line of a value: its key, a hash of where it is kept, of the key and of the value, the value."""
    seal = hashlib.sha256(folder.encode() + key + value).hexdigest()
    return key.hex().encode() + seal.encode() + value + b"\n"


def _drop_others(folder: Path) -> None:
    for path in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
        if path != folder:
            shutil.rmtree(path, ignore_errors=True)
