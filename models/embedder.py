"""Texts to vectors, offline: the encoders that come as packages, behind one method.

In:   texts
Out:  float32 (n_texts, d), rows of norm 1; each row depends on its text alone
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.settings import EmbedSettings

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """What every back end offers; `name` and `version` go into the run's manifest and the caches' keys."""

    name: str
    version: str

    def encode(self, texts: Sequence[str]) -> Vectors: ...


def load_embedder(settings: EmbedSettings | None = None) -> Embedder:
    """Return the encoder that `settings` name."""
    raise NotImplementedError
