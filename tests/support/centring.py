"""Vectors as the views of a study make them: around their mean, of norm 1."""

import numpy as np

from models.rows import Matrix, around


def centred(view: np.ndarray) -> Matrix:
    """Rows of norm 1 around the mean of all."""
    return around(view.mean(axis=0, dtype=np.float64), view, 1.0)
