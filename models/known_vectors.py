"""The vectors that one encoder knows, by what tells their texts; those that a folder keeps stay in its files, and fill no memory.

In:   keys of 32 bytes, vectors (n, d)
Out:  vectors by key; one .npy file a call that added some, written whole or not at all
"""

import hashlib
import io
import mmap
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.files import write_bytes

Vectors = NDArray[np.float32]

_KEY = 32  # bytes
_MOST_ROWS = 1 << 32  # of a file, so that one number tells file and row
_MANY = 1_000  # vectors asked for at once, after which the files' pages are given back: they would count as this process's memory


class KnownVectors:
    """Vectors by key, found without a lock while another thread adds some."""

    def __init__(self) -> None:
        self._place: dict[bytes, int] = {}
        self._shards: list[Vectors] = []
        self._mapped: list[mmap.mmap] = []
        self._read: set[Path] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._place)

    def __contains__(self, key: bytes) -> bool:
        """Whether the vector of `key` is known."""
        return key in self._place

    def rows(self, keys: Sequence[bytes]) -> Vectors | None:
        """Return the vectors (n, d) of `keys`, in order; None where one is not known, or no key is given."""
        places = np.array([self._place.get(key, -1) for key in keys], dtype=np.int64)
        if not len(places) or places.min() < 0:
            return None
        found = np.empty((len(places), self._shards[0].shape[1]), dtype=np.float32)
        shards, rows = np.divmod(places, _MOST_ROWS)
        for shard in np.unique(shards):
            here = shards == shard
            found[here] = self._shards[shard][rows[here]]
        if len(places) >= _MANY:
            for mapped in self._mapped:
                mapped.madvise(mmap.MADV_DONTNEED)
        return found

    def add(self, keys: Sequence[bytes], vectors: Vectors, folder: Path | None) -> None:
        """Know these too, and leave them in `folder` where one is given."""
        if folder is None:
            self._take(keys, vectors)
        else:
            self._read_file(_write(folder, keys, vectors))

    def read(self, folder: Path) -> None:
        """Know what other processes, or earlier runs, have left in `folder`."""
        for path in sorted(folder.glob("*.npy")):
            if path not in self._read:
                self._read_file(path)

    def _read_file(self, path: Path) -> None:
        shard = np.load(path, mmap_mode="r")
        self._mapped.append(shard.base)
        keys = np.ascontiguousarray(shard["key"]).tobytes()
        self._take((keys[at : at + _KEY] for at in range(0, len(keys), _KEY)), np.asarray(shard["vector"]))
        self._read.add(path)

    def _take(self, keys: Iterable[bytes], vectors: Vectors) -> None:
        self._shards.append(vectors)  # before its keys: who finds one finds its row
        self._place.update(zip(keys, count((len(self._shards) - 1) * _MOST_ROWS), strict=False))


def _write(folder: Path, keys: Sequence[bytes], vectors: Vectors) -> Path:
    """Write the vectors under a name made of their keys, in one step; return where."""
    shard = np.zeros(len(keys), dtype=[("key", "u1", _KEY), ("vector", "f4", vectors.shape[1])])
    shard["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, _KEY)
    shard["vector"] = vectors
    path = folder / f"{hashlib.sha256(b''.join(keys)).hexdigest()[:24]}.npy"
    content = io.BytesIO()
    np.save(content, shard)
    write_bytes(path, content.getvalue())
    return path
