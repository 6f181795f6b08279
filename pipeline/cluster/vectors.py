"""Encode units for grouping: all closely, or in a large study only those that form the groups.

In:   units, the study's encoder
Out:  vectors of all units, better ones of some, the subject space for names, theme_agreement

Close reading is slow, and at most 2,500 units form the groups; the others find their theme as well
without it (models/cards/themes.md).
"""

from collections.abc import Sequence
from itertools import compress

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

SAME, ALIKE = 0.9, 0.6  # index of nearly the same, or alike, themes


class UnitVectors:
    """Vectors of units: `vectors` (n, d), `in_context` with the units just before and after.

    `off_topic` (n,) is a probability. In a large study, the first call of `look_closer`, `lemmas`
    or `closest_vectors` chooses the units of `rows`, `readings` and `space`.
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
        n_large: int = LARGE,
    ) -> None:
        self._encoders, self._cache = encoders, cache
        self._folder = cache.folder if cache else None
        self._texts = list(units["text"].astype(str))
        self._embedder, self._spread = embedder, spread
        self._pairs = neighbours(units)
        self._is_small = len(units) < n_large
        self._closer: Matrix | None = None
        views = (
            self._read_closely(np.arange(len(units)))
            if self._is_small
            else text_views(self._texts, embedder, encoders=encoders, folder=self._folder)
        )
        self.vectors, self.off_topic = views.vectors, views.off_topic
        self.in_context: Rows = lean(self.vectors, *self._pairs, self._folder)

    def look_closer(self, rows: Labels) -> Matrix:
        """Return the vectors of `rows`, in order of number, that separate groups best."""
        if self._is_small:
            return np.asarray(self.in_context[rows])
        first, second = self._pairs
        is_near = np.isin(first, rows) | np.isin(second, rows)
        first, second = first[is_near], second[is_near]
        with_neighbours = np.unique(np.concatenate([rows, first, second]))
        views = self._read_closely(with_neighbours)
        in_context = lean(
            views.vectors,
            np.searchsorted(with_neighbours, first),
            np.searchsorted(with_neighbours, second),
            self._folder,
        )
        self._closer = in_context[np.searchsorted(with_neighbours, rows)]
        return self._closer

    def closest_vectors(self, kept: NDArray[np.bool_]) -> Matrix:
        """Return vectors of `kept` units (n,), or in a large study of those read closely."""
        if self._is_small:
            return self.look_closer(np.flatnonzero(kept))
        return self._look_once(kept)

    def lemmas(self, kept: NDArray[np.bool_]) -> tuple[Labels, list[tuple[str, ...]]]:
        """Return the numbers of the `kept` units (n,) that were read, and their lemmas."""
        if not self._is_small:
            self._look_once(kept)
        is_kept = kept[self.rows]
        readings = compress(self.readings, is_kept)
        return self.rows[is_kept], [reading.lemmas for reading in readings]

    def _look_once(self, kept: NDArray[np.bool_]) -> Matrix:
        """The units read closely; if none yet, the first of `kept`, or else of all."""
        if self._closer is None:
            rows = np.flatnonzero(kept)
            some = rows if len(rows) else np.arange(len(kept))
            self._closer = self.look_closer(some[:MOST_AT_ONCE])[: len(rows)]
        return self._closer

    def _read_closely(self, rows: Labels) -> Views:
        texts = [self._texts[row] for row in rows]
        self.rows = rows
        self.readings = read_texts(texts, cache=self._cache, spread=self._spread)
        views = join_views(
            texts, self.readings, self._embedder, encoders=self._encoders, folder=self._folder
        )
        assert views.subject is not None
        self.space = views.subject
        return views


def encode_like_themes(
    texts: Sequence[str],
    embedder: Embedder,
    *,
    n_units: int,
    encoders: EmbedderSource | None = None,
    cache: Store | None = None,
    spread: ParallelMap = map,
    n_large: int = LARGE,
) -> Views:
    """Return views of `texts` encoded as for themes of the first `n_units`: strengths compare."""
    folder = cache.folder if cache else None
    if n_units >= n_large:
        return text_views(texts, embedder, encoders=encoders, folder=folder, n_fitted=n_units)
    readings = read_texts(texts, cache=cache, spread=spread)
    return join_views(texts, readings, embedder, encoders=encoders, folder=folder, n_fitted=n_units)


def agree_themes(
    vectors: Rows,
    settings: ClusterSettings,
    *,
    spread: ParallelMap = map,
    cache: Store | None = None,
) -> pd.DataFrame:
    """Return how alike the themes are when they are made again from `vectors`."""
    agreement = measure_agreement(vectors, settings, spread=spread, cache=cache)
    if agreement is None:
        return THEME_AGREEMENT.empty()
    trials = (
        ("graines", agreement.over_seeds, "avec d'autres tirages au sort"),
        ("sous_echantillons", agreement.over_subsamples, "sur 80 % des passages"),
    )
    return THEME_AGREEMENT.build(
        {
            "trial": trial,
            "n_runs": agreement.n_runs,
            "n_units": agreement.n_vectors,
            "mean_index": round(index, 6),
            "sentence": f"Refaits {agreement.n_runs} fois {how}, les thèmes sont "
            f"{_verdict(index)}.",
        }
        for trial, index, how in trials
    )


def _verdict(index: float) -> str:
    if index >= SAME:
        return "presque les mêmes"
    return "en gros les mêmes" if index >= ALIKE else "souvent autres : à relire avant de les citer"
