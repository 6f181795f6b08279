"""How units are seen when they are grouped: all of them closely, or, of a large study, those alone that its groups are made of.

In:   units, the study's encoder
Out:  vectors of all units; closer ones of some, and what was read in them; the subject space that names are chosen in

Looking closely takes reading a passage, encoding its content words, and a second encoder. Groups are made of 2,500 units at most, and the
others find theirs as well without it (models/cards/themes.md).

Say how much a study's themes owe to chance: made again with other draws, or with a part of the passages, how alike are they?
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import Embedder, EmbedderSource
from models.reading import Reading, read_texts
from models.rows import LARGE, Labels, Matrix, Rows
from models.theme_model.communities import MOST_AT_ONCE, measure_agreement
from models.views import SubjectSpace, Views, join_views, lean, neighbours, text_views
from pipeline.parallel import ParallelMap
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from pipeline.tables.results import THEME_AGREEMENT

MANY = LARGE  # units from which some are looked at more closely than the others


class Sight:
    """`vectors` (n, d) of the units, `leaning` on those said just before and after; `off_topic` (n,), the probability of no subject, 0..1.

    Of a large study, `look_closer` is asked for those that groups are made of; whether it was or not, `lemmas` or `settle` comes next.
    From then on `rows` numbers the units that were looked at closely, all or those and their neighbours; `readings` are theirs, and `space`
    holds them.
    """

    rows: Labels
    readings: list[Reading]
    space: SubjectSpace

    def __init__(
        self,
        units: pd.DataFrame,
        embedder: Embedder,
        *,
        encoders: EmbedderSource | None = None,
        cache: Store | None = None,
        spread: ParallelMap = map,
    ) -> None:
        """See `units`, one at least; `spread` reads them, and changes no result."""
        self._encoders, self._cache = encoders, cache
        self._folder = cache.folder if cache else None
        self._texts, self._embedder, self._spread = (
            list(units["text"].astype(str)),
            embedder,
            spread,
        )
        self._pairs = neighbours(units)
        self._is_close = len(units) < MANY
        self._looked_at: Matrix | None = None
        views = (
            self._join(np.arange(len(units)))
            if self._is_close
            else text_views(self._texts, embedder, encoders=encoders, folder=self._folder)
        )
        self.vectors, self.off_topic = views.vectors, views.off_topic
        self.leaning: Rows = lean(self.vectors, *self._pairs, self._folder)

    def look_closer(self, rows: Labels) -> Matrix:
        """Return vectors of `rows`, in order of number, that tell groups apart best; of a small study, those of `leaning`."""
        if self._is_close:
            found: Matrix = self.leaning[rows]
            return found
        first, second = self._pairs
        is_near = np.isin(first, rows) | np.isin(second, rows)
        first, second = first[is_near], second[is_near]
        beside = np.unique(np.concatenate([rows, first, second]))
        views = self._join(beside)
        leaning = lean(
            views.vectors,
            np.searchsorted(beside, first),
            np.searchsorted(beside, second),
            self._folder,
        )
        self._looked_at = leaning[np.searchsorted(beside, rows)]
        return self._looked_at

    def settle(self, kept: NDArray[np.bool_]) -> Matrix:
        """Return vectors of `kept` units (n,): of all, or of a large study, of those that were looked at closely."""
        if self._is_close:
            return self.look_closer(np.flatnonzero(kept))
        return self._look_once(kept)

    def lemmas(self, kept: NDArray[np.bool_]) -> tuple[Labels, list[tuple[str, ...]]]:
        """Return the numbers of those `kept` units (n,) that were read, and their lemmas."""
        if not self._is_close:
            self._look_once(kept)
        is_kept = kept[self.rows]
        return self.rows[is_kept], [
            reading.lemmas for reading, is_one in zip(self.readings, is_kept, strict=True) if is_one
        ]

    def _look_once(self, kept: NDArray[np.bool_]) -> Matrix:
        """What was looked at; where nothing was yet, the first `kept` are, or where there is none, the first of all."""
        if self._looked_at is None:
            rows = np.flatnonzero(kept)
            found = self.look_closer((rows if len(rows) else np.arange(len(kept)))[:MOST_AT_ONCE])
            self._looked_at = found[: len(rows)]
        return self._looked_at

    def _join(self, rows: Labels) -> Views:
        texts = [self._texts[row] for row in rows]
        self.rows = rows
        self.readings = read_texts(texts, cache=self._cache, spread=self._spread)
        views = join_views(
            texts, self.readings, self._embedder, encoders=self._encoders, folder=self._folder
        )
        assert views.subject is not None
        self.space = views.subject
        return views


def see(
    texts: Sequence[str],
    embedder: Embedder,
    *,
    n_units: int,
    encoders: EmbedderSource | None = None,
    cache: Store | None = None,
    spread: ParallelMap = map,
) -> Views:
    """Return the views of `texts` by which they find their themes, where themes are made of `n_units`, few or many."""
    folder = cache.folder if cache else None
    if n_units >= MANY:
        return text_views(texts, embedder, encoders=encoders, folder=folder)
    readings = read_texts(texts, cache=cache, spread=spread)
    return join_views(texts, readings, embedder, encoders=encoders, folder=folder)


SAME, ALIKE = 0.9, 0.6  # index from which the themes are nearly the same, or alike


def agree_themes(
    vectors: Rows, settings: ClusterSettings, *, spread: ParallelMap = map
) -> pd.DataFrame:
    """Return how alike the themes come out when they are made again of units with these `vectors`, and what that means."""
    found = measure_agreement(vectors, settings, spread=spread)
    if found is None:
        return THEME_AGREEMENT.empty()
    trials = {
        "graines": (
            found.over_seeds,
            "Refaits {n} fois avec d'autres tirages au sort, les thèmes sont {verdict}.",
        ),
        "sous_echantillons": (
            found.over_subsamples,
            "Refaits {n} fois sur 80 % des passages, les thèmes sont {verdict}.",
        ),
    }
    return THEME_AGREEMENT.build(
        {
            "trial": trial,
            "n_runs": found.n_runs,
            "n_units": found.n_vectors,
            "mean_index": round(index, 6),
            "sentence": sentence.format(n=found.n_runs, verdict=_verdict(index)),
        }
        for trial, (index, sentence) in trials.items()
    )


def _verdict(index: float) -> str:
    if index >= SAME:
        return "presque les mêmes"
    return "en gros les mêmes" if index >= ALIKE else "souvent autres : à relire avant de les citer"
