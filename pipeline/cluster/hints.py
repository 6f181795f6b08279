"""What a person should look at first: themes that may be one, and themes that hold a bit of everything.

In:   vectors and theme number of the units
Out:  merge proposals of all pairs; catch-all themes
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.rows import Matrix, Rows, sums_by_group, unit_blocks, unit_rows

CLOSE_CENTRES = 0.4  # cosine of two centres from which themes may be one
MIXED_UNITS = 0.15  # share of the units of both that lie as close to the other's centre
_NEARLY = 0.02  # difference of cosine under which a unit is as close to the other
_LARGE = 1.5  # times the median size of themes
_LOOSE = 0.25  # quantile of the themes' cohesion under which a large one is a catch-all


@dataclass(frozen=True)
class Geometry:
    """Themes as places: `closeness` (n_units, n_themes) of the themed units to each centre, their own theme left out of its centre."""

    labels: NDArray[np.int64]
    closeness: Matrix
    centres: Matrix

    @classmethod
    def of(cls, vectors: Rows, labels: NDArray[np.int64]) -> "Geometry":
        """Place the units that have a theme, `labels` ≥ 0."""
        sums = sums_by_group(vectors, labels, int(labels.max(initial=-1)) + 1)
        centres = unit_rows(sums)
        closeness = np.zeros((len(labels), len(centres)))
        for block, rows in unit_blocks(vectors):
            near = rows @ centres.T
            themed = np.flatnonzero(labels[block] >= 0)
            own = labels[block][themed]
            near[themed, own] = (unit_rows(sums[own] - rows[themed]) * rows[themed]).sum(axis=1)
            closeness[block] = near
        return cls(labels[labels >= 0], closeness[labels >= 0], centres)

    @property
    def cohesion(self) -> Matrix:
        """Mean closeness of each theme's units to their centre."""
        own = self.closeness[np.arange(len(self.labels)), self.labels]
        return np.array([own[self.labels == theme].mean() for theme in range(len(self.centres))])

    def near_duplicates(self) -> list[tuple[int, int, float, float]]:
        """Pairs of themes that may be one, with cosine and overlap, the closest first."""
        found = []
        for first, second in combinations(range(len(self.centres)), 2):
            cosine, overlap = float(self.centres[first] @ self.centres[second]), self._overlap(first, second)
            if cosine >= CLOSE_CENTRES or overlap >= MIXED_UNITS:
                found.append((first, second, round(cosine, 6), round(overlap, 6)))
        return sorted(found, key=lambda pair: (-pair[3], -pair[2], pair[:2]))

    def catch_alls(self) -> list[int]:
        """Themes both much larger and looser than the others."""
        if len(self.centres) < 4:
            return []
        sizes, cohesion = np.bincount(self.labels), self.cohesion
        is_large, is_loose = sizes >= _LARGE * np.median(sizes), cohesion <= np.quantile(cohesion, _LOOSE)
        return [int(theme) for theme in np.flatnonzero(is_large & is_loose)]

    def _overlap(self, first: int, second: int) -> float:
        """Share of the units of both that lie at least nearly as close to the other's centre as to their own."""
        mixed = [
            self.closeness[self.labels == own, other] >= self.closeness[self.labels == own, own] - _NEARLY
            for own, other in ((first, second), (second, first))
        ]
        return float(np.concatenate(mixed).mean())
