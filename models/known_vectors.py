"""The vectors that one encoder knows, by what tells their texts; those that a folder keeps stay in its files, and fill no memory.

In:   keys of 32 bytes, vectors (n, d)
Out:  vectors by key; one .npy file a call that added some, written whole or not at all, named by what it holds: one that was
      cut or altered since is removed, and its vectors are made again
"""

import hashlib
import io
import logging
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.files import file_hash, text_hash, write_bytes

Vectors = NDArray[np.float32]

_LOG = logging.getLogger(__name__)

_KEY = 32  # bytes
_MOST_ROWS = 1 << 32  # of a shard, so that one number tells shard and row


class KnownVectors:
    """Vectors by key, found without a lock while another thread adds some. A file is opened when it is asked, and never held."""

    def __init__(self) -> None:
        self._place: dict[bytes, int] = {}
        self._shards: list[Path | Vectors] = []
        self._read: set[Path] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._place)

    def __contains__(self, key: bytes) -> bool:
        """Whether the vector of `key` is known."""
        return key in self._place

    def rows(self, keys: Sequence[bytes]) -> Vectors | None:
        """Return the vectors (n, d) of `keys`, one at least, in order; None where one is not known, or its file is gone."""
        places = np.array([self._place.get(key, -1) for key in keys], dtype=np.int64)
        if not len(places) or places.min() < 0:
            return None
        shards, rows = np.divmod(places, _MOST_ROWS)
        found: Vectors | None = None
        for shard in np.unique(shards).tolist():
            here = shards == shard
            try:
                some = _rows_of(self._shards[shard], rows[here])
            except FileNotFoundError:
                return None
            found = (
                np.empty((len(keys), some.shape[1]), dtype=np.float32) if found is None else found
            )
            found[here] = some
        return found

    def add(self, keys: Sequence[bytes], vectors: Vectors, folder: Path | None) -> None:
        """Know these too, and leave them in `folder` where one is given."""
        if folder is None:
            self._take(keys, vectors)
            return
        path = _write(folder, keys, vectors)
        self._take(keys, path)
        self._read.add(path)

    def forget_lost(self) -> None:
        """Forget the vectors whose files are gone, of a folder that somebody emptied. Not while another thread adds some."""
        lost = {
            at
            for at, shard in enumerate(self._shards)
            if isinstance(shard, Path) and not shard.is_file()
        }
        if lost:
            self._place = {
                key: place for key, place in self._place.items() if place // _MOST_ROWS not in lost
            }
            self._read = {path for path in self._read if path.is_file()}

    def read(self, folder: Path) -> None:
        """Know what other processes, or earlier runs, have left in `folder`."""
        new = [path for path in sorted(folder.glob("*.npy")) if path not in self._read]
        altered = {path for path in new if path.name != _name_of(folder, file_hash(path))}
        if altered:
            _LOG.warning(
                f"vecteurs : {len(altered)} fichiers ne sont pas ce qui y fut écrit, refaits"
            )
        for path in new:
            if path in altered:
                path.unlink(missing_ok=True)
            else:
                keys = np.ascontiguousarray(np.load(path, mmap_mode="r")["key"]).tobytes()
                self._take((keys[at : at + _KEY] for at in range(0, len(keys), _KEY)), path)
                self._read.add(path)

    def _take(self, keys: Iterable[bytes], shard: Path | Vectors) -> None:
        self._shards.append(shard)  # before its keys: who finds one finds its row
        self._place.update(zip(keys, count((len(self._shards) - 1) * _MOST_ROWS), strict=False))


def _rows_of(shard: Path | Vectors, rows: NDArray[np.int64]) -> Vectors:
    vectors: Vectors = np.load(shard, mmap_mode="r")["vector"] if isinstance(shard, Path) else shard
    return np.asarray(vectors[rows])


def _write(folder: Path, keys: Sequence[bytes], vectors: Vectors) -> Path:
    """Write the vectors under a name made of keys and vectors, in one step; return where."""
    shard = np.zeros(len(keys), dtype=[("key", "u1", _KEY), ("vector", "f4", vectors.shape[1])])
    shard["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, _KEY)
    shard["vector"] = vectors
    content = io.BytesIO()
    np.save(content, shard)
    path = folder / _name_of(folder, hashlib.sha256(content.getvalue()).hexdigest())
    write_bytes(path, content.getvalue())
    return path


def _name_of(folder: Path, sha256: str) -> str:
    """The name of a file of that content, for the encoder of its folder."""
    return f"{text_hash(folder.name, sha256)[:24]}.npy"
