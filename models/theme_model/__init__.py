"""Themes as BERTopic assembles them, with our own clusters and French lemmas: what the units of a study are about.

In:   units (`text`; `lemmas` where they were read already), embeddings (n, d), best those of models.views
Out:  labels_ (n,), −1 for a unit set aside; stability_ (n_themes,); topic_words

BERTopic takes 8 to 12 s to import, so it is imported when a model is fitted, never before.
"""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.reading import generic_words, read_texts
from models.rows import Labels, Matrix, Rows
from models.theme_model.communities import CommunityClusters
from pipeline.errors import ModelError
from pipeline.settings.stages import ClusterSettings
from pipeline.spreading import Mapper
from pipeline.text import fold

_SEPARATOR = " "  # lemmas hold no space once split on it
_MOST_WORDS = 30  # a topic keeps this many
_NOTHING = "∅"  # stands for a document without a telling lemma
_LOG = logging.getLogger(__name__)


class Closer(Protocol):
    """Who looks at some units more closely than at the others, and reads those alone."""

    def look_closer(self, rows: Labels) -> Matrix:
        """Return vectors of `rows`, in order of number, that tell groups apart better."""
        ...

    def lemmas(self, kept: NDArray[np.bool_]) -> tuple[Labels, list[tuple[str, ...]]]:
        """Return the numbers of those `kept` units (n,) that were read, in order, and their lemmas; what groups are made of was."""
        ...


class ThemeModel:
    """Groups units into themes, numbered from the largest; fitted again on the same units, it gives the same labels bit for bit."""

    labels_: Labels
    stability_: Matrix

    def __init__(self, settings: ClusterSettings | None = None, *, spread: Mapper = map) -> None:
        self.settings = settings or ClusterSettings()
        self._spread = spread
        self._words: list[list[tuple[str, float]]] = []

    def fit(
        self,
        units: pd.DataFrame,
        embeddings: Rows,
        *,
        set_aside: Sequence[bool] | NDArray[np.bool_] | None = None,
        closer: Closer | None = None,
    ) -> "ThemeModel":
        """Find the themes of `units`, one a row of `embeddings`; those in `set_aside` are given none and weigh on none.

        `closer` gives better vectors of those that groups are made of, the others joining the nearest group, and the lemmas of some.
        No unit gives no theme; a dozen or fewer give one, of stability 0. Raises `ModelError` where rows do not correspond.
        """
        if len(units) != len(embeddings):
            raise ModelError(
                f"{len(units)} passages, {len(embeddings)} vecteurs",
                "un vecteur par passage",
                "recalculer les vecteurs",
            )
        kept = (
            np.ones(len(units), dtype=bool)
            if set_aside is None
            else ~np.asarray(set_aside, dtype=bool)
        )
        self.labels_ = np.full(len(units), -1, dtype=np.int64)
        self.stability_ = np.zeros(0)
        self._words = []
        if kept.any():
            self._fit_kept(units, embeddings, kept, closer)
        return self

    def topic_words(self, k: int = 10) -> list[list[tuple[str, float]]]:
        """The `k` lemmas that tell each theme from the others, with their c-TF-IDF weight, one list a theme."""
        return [words[:k] for words in self._words]

    def _fit_kept(
        self, units: pd.DataFrame, embeddings: Rows, kept: NDArray[np.bool_], closer: Closer | None
    ) -> None:
        clusters = CommunityClusters(self.settings, self._spread).fit_rows(
            embeddings,
            np.flatnonzero(kept),
            closer.look_closer if closer else None,
            list(units["unit_id"][kept.tolist()]) if "unit_id" in units else None,
        )
        self.labels_[kept] = clusters.labels_
        read, lemmas = (
            closer.lemmas(kept)
            if closer
            else (np.flatnonzero(kept), _lemmas_of(units[kept.tolist()]))
        )
        numbers, words = _topics(
            [_SEPARATOR.join(row) or _NOTHING for row in lemmas],
            self.labels_[read],
            len(clusters.stability_),
        )
        sizes = np.bincount(
            clusters.labels_[clusters.labels_ >= 0], minlength=len(clusters.stability_)
        )
        order = sorted(range(len(sizes)), key=lambda cluster: (-sizes[cluster], numbers[cluster]))
        number = np.array([*np.argsort(order), -1])  # the last stands for none
        self.labels_, self.stability_ = number[self.labels_], clusters.stability_[order]
        self._words = [words[cluster] for cluster in order]


class _Found:
    """Clusters found before, in the place of BERTopic's: it would copy the vectors, a gigabyte at 100,000 passages."""

    def __init__(self, labels: Labels) -> None:
        self.labels_ = labels

    def fit(self, X: Any, y: Any = None) -> "_Found":  # noqa: N803
        return self


def _lemmas_of(units: pd.DataFrame) -> list[tuple[str, ...]]:
    return (
        list(units["lemmas"])
        if "lemmas" in units
        else [reading.lemmas for reading in read_texts(units["text"])]
    )


def _topics(
    documents: Sequence[str], labels: Labels, n_clusters: int
) -> tuple[list[int], list[list[tuple[str, float]]]]:
    """The number that BERTopic gives each cluster, by how many `documents` (n,) have its label, and the words that tell it from others."""
    if len({lemma for document in documents for lemma in telling_lemmas(document)}) < 2:
        return list(range(n_clusters)), [[] for _ in range(n_clusters)]  # c-TF-IDF needs two words
    topic_model = _assemble(_Found(labels))
    topic_model.fit_transform(
        documents, labels[:, None]
    )  # one row a document is all that it still asks of vectors
    topic = dict(zip(labels.tolist(), topic_model.topics_, strict=True))
    numbers = [topic[cluster] for cluster in range(n_clusters)]
    return numbers, [topic_model.get_topic(number) or [] for number in numbers]


def _assemble(clusters: _Found) -> Any:
    """BERTopic without its encoder and UMAP: clusters are ours, words are French lemmas."""
    _import_bertopic()
    from bertopic import BERTopic
    from bertopic.dimensionality import BaseDimensionalityReduction
    from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.feature_extraction.text import CountVectorizer

    return BERTopic(
        language=None,
        embedding_model=None,
        umap_model=BaseDimensionalityReduction(),
        hdbscan_model=clusters,
        vectorizer_model=CountVectorizer(analyzer=telling_lemmas),
        ctfidf_model=ClassTfidfTransformer(),
        representation_model=None,
        top_n_words=_MOST_WORDS,
        min_topic_size=2,
        calculate_probabilities=False,
        verbose=False,
    )


def _import_bertopic() -> None:
    """Import BERTopic where neither the installed packages nor the user's cache can be written: a service, a read-only image.

    UMAP, which it imports, has numba keep what it compiles, and numba then refuses the import; a temporary folder, for this process, does.
    """
    try:
        import bertopic
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        import numba

        folder = tempfile.mkdtemp(prefix="ateliers-numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = folder
        numba.config.reload_config()  # type: ignore[no-untyped-call]
        _LOG.warning(
            "no cache folder that numba can write: it keeps what it compiles in a temporary one"
        )
        import bertopic  # noqa: F401


def telling_lemmas(lemmas: str) -> list[str]:
    """The lemmas of a document, without those that say nothing of a subject; `_NOTHING` where none is left."""
    generic = generic_words()
    return [
        lemma
        for lemma in lemmas.split(_SEPARATOR)
        if lemma and fold(lemma, keep_signs=True) not in generic
    ] or [_NOTHING]
