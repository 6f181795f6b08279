"""How units are seen when they are grouped: all of them closely, or, of a large study, those alone that its groups are made of.

In:   units, their readings, the study's encoder
Out:  vectors of all units; closer ones of some; the subject space that names are chosen in

Looking closely takes encoding a passage's content words too, a quarter of what encoding costs. Groups are made of 2,500 units at most, and
the others find theirs as well without it (models/cards/themes.md).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import Embedder
from models.leaning import lean, neighbours
from models.reading import Reading
from models.rows import LARGE, Labels, Matrix, Rows
from models.theme_model.communities import MOST_AT_ONCE
from models.views import SubjectSpace, Views, join_views, text_views

MANY = LARGE  # units from which some are looked at more closely than the others


class Sight:
    """`vectors` (n, d) of the units, `leaning` on those said just before and after; `off_topic` (n,), the probability of no subject, 0..1.

    Of a large study, `look_closer` is asked for those that groups are made of; whether it was or not, `settle` comes next. From then on
    `space` holds the units numbered `space_rows`: all, or those that were looked at closely and their neighbours.
    """

    space: SubjectSpace
    space_rows: Labels

    def __init__(self, units: pd.DataFrame, readings: Sequence[Reading], embedder: Embedder) -> None:
        """See `units`, one at least, one a reading."""
        self._texts, self._readings, self._embedder = list(units["text"].astype(str)), readings, embedder
        self._pairs = neighbours(units)
        views = see(self._texts, readings, embedder, n_units=len(units))
        self.vectors, self.off_topic = views.vectors, views.off_topic
        self.leaning: Rows = lean(self.vectors, *self._pairs)
        self._is_close = views.subject is not None
        self._looked_at: Matrix | None = None
        if views.subject is not None:
            self.space, self.space_rows = views.subject, np.arange(len(units))

    def look_closer(self, rows: Labels) -> Matrix:
        """Return vectors of `rows`, in order of number, that tell groups apart best; of a small study, those of `leaning`."""
        if self._is_close:
            found: Matrix = self.leaning[rows]
            return found
        first, second = self._pairs
        is_near = np.isin(first, rows) | np.isin(second, rows)
        first, second = first[is_near], second[is_near]
        beside = np.unique(np.concatenate([rows, first, second]))
        views = join_views([self._texts[row] for row in beside], [self._readings[row] for row in beside], self._embedder)
        assert views.subject is not None
        self.space, self.space_rows = views.subject, beside
        leaning = lean(views.vectors, np.searchsorted(beside, first), np.searchsorted(beside, second))
        self._looked_at = leaning[np.searchsorted(beside, rows)]
        return self._looked_at

    def settle(self, kept: NDArray[np.bool_]) -> Matrix:
        """Return vectors of `kept` units (n,): of all, or of a large study, of those that were looked at closely.

        Where too few were kept to make groups, nothing was: the first of them are now, or, where none was kept, the first of all.
        """
        rows = np.flatnonzero(kept)
        if self._is_close:
            return self.look_closer(rows)
        if self._looked_at is None:
            found = self.look_closer((rows if len(rows) else np.arange(len(kept)))[:MOST_AT_ONCE])
            self._looked_at = found[: len(rows)]
        return self._looked_at


def see(texts: Sequence[str], readings: Sequence[Reading], embedder: Embedder, *, n_units: int) -> Views:
    """Return the joined views of `texts`, or, where themes are made of many units, `n_units`, those that read the texts alone."""
    return join_views(texts, readings, embedder) if n_units < MANY else text_views(texts, readings, embedder)
