"""Write what models/encoder/file.py reads: matrices in 4 bits, and the patch of a tuned encoder."""

import json
import lzma

import numpy as np

from models.encoder.file import (
    BLOCK,
    BLOCK_BYTES,
    PATCH_FORMAT,
    SCALE_BYTES,
    Bytes,
    EncoderFile,
    Weights,
    block_scales,
    is_quantised,
    parse_patch,
    sha256,
    tensors_of_layer,
)

# Of a block's usual scale; the one with the least error is taken.
_SCALE_STEPS = np.linspace(0.85, 1.15, 13, dtype=np.float32)


def make_patch(base: EncoderFile, tuned: bytes, names: list[str]) -> bytes:
    """Return the patch that turns `base` into `tuned`, which differ in tensors `names` only.

    The same files give the same bytes. Raises `ModelError` when they differ elsewhere.
    """
    changes = {}
    for name in names:
        offset, size = base.tensors[name]
        changes[name] = base.stored(name) ^ np.frombuffer(tuned, np.uint8, size, offset)
    header = {
        "format": PATCH_FORMAT,
        "base": sha256(base.raw),
        "tuned": sha256(tuned),
        "tensors": [[name, len(bits)] for name, bits in changes.items()],
    }
    body = b"".join(_separate_blocks(name, bits).tobytes() for name, bits in changes.items())
    content = json.dumps(header).encode() + b"\n" + body
    compressed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    parse_patch(compressed).apply(base)
    return compressed


def _separate_blocks(name: str, bits: Bytes) -> Bytes:
    """Every block's scale, then every block's nibbles: like beside like compresses better."""
    if not is_quantised(name):
        return bits
    blocks = bits.reshape(-1, BLOCK_BYTES)
    scales, nibbles = blocks[:, :SCALE_BYTES], blocks[:, SCALE_BYTES:]
    return np.concatenate([scales.T.reshape(-1), nibbles.reshape(-1)])


def layer_tensors(layers: int) -> list[str]:
    """Names of every tensor of the transformer layers, in order: what tuning may change."""
    return [name for layer in range(layers) for name in tensors_of_layer(layer)]


def quantised(weights: Weights) -> bytes:
    """Return `weights`, a multiple of 32, as Q4_0 blocks, each with the best of a few scales."""
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
        best_scale = np.where(is_better, scales, best_scale)
        best_nibbles = np.where(is_better, nibbles, best_nibbles)
    whole, half = best_nibbles.astype(np.uint8), BLOCK // 2
    packed = whole[:, :half] | (whole[:, half:] << 4)
    return np.hstack([best_scale.astype("<f2").view(np.uint8), packed]).tobytes()


def rescaled(stored: Bytes, factors: Weights) -> bytes:
    """Return the same blocks with each scale times its factor (n_blocks,), nibbles untouched."""
    blocks = stored.reshape(-1, BLOCK_BYTES).copy()
    scales = block_scales(stored) * factors.reshape(-1, 1)
    blocks[:, :SCALE_BYTES] = scales.astype("<f2").view(np.uint8)
    return blocks.tobytes()
