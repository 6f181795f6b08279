"""Passages of each subject by circle (a table, or a document away from tables), and their sums by territory.

In:   passages of subjects, and circle and territory of every passage that says something
Out:  Counts
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """`said`, (n_circles, n_subjects), passages of a subject in a circle; `sizes`, (n_circles,), all its passages that say something.

    `place`, (n_circles,), is the territory's index. Sums over circles are (n_subjects, n_territories).
    """

    subject_ids: list[str]
    territories: list[str]
    place: NDArray[np.intp]
    sizes: Numbers
    said: Numbers

    @property
    def n_units(self) -> Numbers:
        """Passages of each subject in each territory."""
        return self.by_territory(self.said).T

    @property
    def n_here(self) -> Numbers:
        """Passages of each territory: (1, n_territories)."""
        return self.by_territory(self.sizes[:, None]).T

    @property
    def n_subject(self) -> Numbers:
        """Passages of each subject: (n_subjects, 1)."""
        return np.asarray(self.said.sum(axis=0)[:, None], dtype=np.float64)

    @property
    def n_all(self) -> float:
        """All passages that say something."""
        return float(self.sizes.sum())

    def by_territory(self, rows: Numbers) -> Numbers:
        """Sums of `rows`, one a circle, by territory: (n_territories, n_columns)."""
        sums = np.zeros((len(self.territories), rows.shape[1]))
        np.add.at(sums, self.place, rows)
        return sums


def count_subjects(rows: pd.DataFrame, places: pd.DataFrame, subject_ids: Sequence[str], territories: Sequence[str]) -> Counts:
    """Return the counts of `rows` (subject_id, circle_id), over the circles of `places` (unit_id, circle_id, territory)."""
    sizes = places.groupby(["circle_id", "territory"], sort=True).size().reset_index(name="size")
    circles = pd.Index(sizes["circle_id"])
    said = np.zeros((len(circles), len(subject_ids)))
    np.add.at(said, (circles.get_indexer(pd.Index(rows["circle_id"])), pd.Index(subject_ids).get_indexer(pd.Index(rows["subject_id"]))), 1)
    place = np.asarray(pd.Index(territories).get_indexer(pd.Index(sizes["territory"])), dtype=np.intp)
    return Counts(list(subject_ids), list(territories), place, sizes["size"].to_numpy(dtype=np.float64), said)
