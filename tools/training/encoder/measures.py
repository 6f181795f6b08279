"""How well vectors group passages by subject, and how well they keep likeness in general.

In:   vectors (n, d) of norm 1, each passage's theme
Out:  figures
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

N_CLUSTERS = 18
N_NEIGHBOURS = 5
N_DRAWS = 200

Vectors = NDArray[np.float32]


def subject_figures(vectors: Vectors, themes: Sequence[str | None]) -> dict[str, float]:
    """Return the AMI of 18 Ward clusters of all passages, scored on those with a theme (`ami`), the
    same clustering these alone (`ami_themed`), and the share of their five nearest neighbours,
    among themselves, that are on their theme (`purity`).
    """
    themed = np.array([isinstance(theme, str) for theme in themes])
    named = np.array([theme for theme in themes if isinstance(theme, str)])
    rows = vectors.astype(np.float64)
    figures = {
        "ami": ami_of(rows, themes),
        "ami_themed": ami_of(rows[themed], list(named)),
        "purity": float(purities(rows[themed], named).mean()),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def ami_of(rows: NDArray[np.float64], themes: Sequence[str | None]) -> float:
    """Adjusted mutual information of 18 Ward clusters of all rows with the themes of those that
    have one.
    """
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import adjusted_mutual_info_score

    with threadpool_limits(1):
        clusters = AgglomerativeClustering(min(N_CLUSTERS, len(rows))).fit_predict(rows)
    themed = [at for at, theme in enumerate(themes) if isinstance(theme, str)]
    return float(adjusted_mutual_info_score([themes[at] for at in themed], clusters[themed]))


def purities(rows: NDArray[np.float64], themes: NDArray[np.str_]) -> NDArray[np.float64]:
    """Share (n,) of each passage's five nearest neighbours that are on its theme."""
    with threadpool_limits(1):
        cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :N_NEIGHBOURS]
    return np.asarray((themes[nearest] == themes[:, None]).mean(axis=1))


def interval(
    vectors: Vectors, themes: Sequence[str | None], *, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the AMI over resampled passages; a passage drawn twice counts
    once, or it would be its own neighbour.
    """
    rows = vectors.astype(np.float64)
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(N_DRAWS):
        drawn = np.unique(draw.integers(0, len(rows), len(rows)))
        values.append(ami_of(rows[drawn], [themes[at] for at in drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return round(float(low), 3), round(float(high), 3)


def likeness(first: Vectors, second: Vectors, scores: Sequence[float]) -> float:
    """Spearman correlation of the pairs' cosines with people's scores."""
    return round(float(spearmanr((first * second).sum(axis=1), scores).statistic), 3)
