"""Find themes: our own clusters, and the words of each by BERTopic's c-TF-IDF on French lemmas.

In:   units (`text`; `lemmas` if already read), embeddings (n, d) of models.views
Out:  labels_ (n,), −1 for a unit set aside; stability_ (n_themes,); topic_words
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from models.reading import generic_words, read_texts
from models.rows import Labels, Matrix, Rows
from models.theme_model.bertopic_view import fit_bertopic
from models.theme_model.communities import ClusterEstimator, CommunityClusters
from pipeline.errors import ModelError
from pipeline.text import fold

TopicWords = list[tuple[str, float]]

_SEPARATOR = " "  # lemmas hold no space once split on it
_MAX_WORDS = 30
_LARGEST_TABLE = 100  # units; a longer file is one in which each speaks for itself
_NO_LEMMA = "∅"  # a document without lemmas of a subject


class Closer(Protocol):
    """Gives better vectors of some units, and their lemmas."""

    def look_closer(self, rows: Labels) -> Matrix:
        """Return better vectors of `rows`, sorted by index."""
        ...

    def lemmas(self, kept: NDArray[np.bool_]) -> tuple[Labels, list[tuple[str, ...]]]:
        """Return sorted indices of the `kept` units (n,) that were read, and their lemmas."""
        ...


class ThemeModel(ClusterEstimator):
    """Groups units into themes, largest first; labels are the same bit for bit each time.

    It groups `most_at_once` units, whole tables (`circle_id`) drawn if there are more; the others
    join the nearest. `cache` keeps what those drawn give.
    """

    def fit(
        self,
        units: pd.DataFrame | NDArray[Any],
        embeddings: Rows | None = None,
        *,
        set_aside: Sequence[bool] | NDArray[np.bool_] | None = None,
        closer: Closer | None = None,
    ) -> "ThemeModel":
        """Find the themes of `units`, one a row of `embeddings`.

        `set_aside` units change nothing. `closer` gives better vectors of grouped units and some
        lemmas. Vectors alone are grouped without words; scikit-learn's y is ignored. No unit gives
        no theme; under a dozen give one, of stability 0. Raises `ModelError` where units and
        embeddings do not match.
        """
        if not isinstance(units, pd.DataFrame) or embeddings is None:
            embeddings = validate_data(self, units, dtype=np.float64)
            units = pd.DataFrame({"lemmas": [()] * len(embeddings)})
        n_units = len(units)
        if n_units != len(embeddings):
            raise ModelError(
                f"{n_units} passages, {len(embeddings)} vecteurs",
                "un vecteur par passage",
                "recalculer les vecteurs",
            )
        self.n_features_in_ = embeddings.shape[1]
        kept = np.ones(n_units, dtype=bool)
        if set_aside is not None:
            kept = ~np.asarray(set_aside, dtype=bool)
        self.labels_ = np.full(n_units, -1, dtype=np.int64)
        self.stability_ = np.zeros(0)
        self._words: list[TopicWords] = []
        if kept.any():
            self._fit_kept(units, embeddings, kept, closer)
        return self

    def topic_words(self, k: int = 10) -> list[TopicWords]:
        """Return each theme's `k` most distinctive lemmas and their c-TF-IDF weights."""
        check_is_fitted(self)
        return [words[:k] for words in self._words]

    def to_bertopic(self, units: pd.DataFrame, embeddings: Rows) -> Any:
        """Return the themes of the fitted `units` as a BERTopic model, documents as lemmas.

        Needs the extra `bertopic`; raises `MissingExtraError` without it.
        """
        check_is_fitted(self)
        documents = [_SEPARATOR.join(words) or _NO_LEMMA for words in _lemmas_of(units)]
        vectorizer = CountVectorizer(analyzer=subject_lemmas)
        return fit_bertopic(documents, self.labels_, embeddings, vectorizer=vectorizer)

    def _fit_kept(
        self, units: pd.DataFrame, embeddings: Rows, kept: NDArray[np.bool_], closer: Closer | None
    ) -> None:
        rows, kept_units = np.flatnonzero(kept), units[kept.tolist()]
        clusters = CommunityClusters(
            self.settings, self.spread, self.most_at_once, self.cache
        ).fit_rows(
            embeddings,
            rows,
            closer.look_closer if closer else None,
            _drawn_by(kept_units) if "unit_id" in units else None,
        )
        self.labels_[kept] = clusters.labels_
        read, lemmas = closer.lemmas(kept) if closer else (rows, _lemmas_of(kept_units))
        n_clusters = len(clusters.stability_)
        documents = [_SEPARATOR.join(words) or _NO_LEMMA for words in lemmas]
        words = _topic_words(documents, self.labels_[read], n_clusters)
        sizes = np.bincount(clusters.labels_[clusters.labels_ >= 0], minlength=n_clusters)
        order = np.argsort(-sizes, kind="stable")
        rank = np.array([*np.argsort(order), -1])  # the last stands for none
        self.labels_, self.stability_ = rank[self.labels_], clusters.stability_[order]
        self._words = [words[cluster] for cluster in order]


def _drawn_by(units: pd.DataFrame) -> list[str]:
    """Return what each unit is drawn by: its table, or itself where it stands in a long file."""
    unit_ids = units["unit_id"].astype(str)
    if "circle_id" not in units:
        return list(unit_ids)
    sizes = units.groupby("circle_id")["unit_id"].transform("size")
    return list(units["circle_id"].where(sizes <= _LARGEST_TABLE, unit_ids))


def _lemmas_of(units: pd.DataFrame) -> list[tuple[str, ...]]:
    if "lemmas" in units:
        return list(units["lemmas"])
    return [reading.lemmas for reading in read_texts(units["text"])]


def _topic_words(documents: Sequence[str], labels: Labels, n_clusters: int) -> list[TopicWords]:
    """Return the words of each cluster by c-TF-IDF, most distinctive first."""
    texts: dict[int, list[str]] = {}
    for label, document in zip(labels.tolist(), documents, strict=True):
        texts.setdefault(label, []).append(document)
    vectorizer = CountVectorizer(analyzer=subject_lemmas)
    counts = vectorizer.fit_transform(_SEPARATOR.join(texts[label]) for label in sorted(texts))
    if counts.shape[1] < 2:  # too few words to tell clusters apart
        return [[] for _ in range(n_clusters)]
    weights = dict(zip(sorted(texts), class_tf_idf(counts), strict=True))
    names = vectorizer.get_feature_names_out()
    return [_best_words(weights[cluster], names) for cluster in range(n_clusters)]


def class_tf_idf(counts: csr_matrix) -> csr_matrix:
    """Weigh the words of each class as BERTopic does (Grootendorst 2022).

    `counts` is (n_classes, n_words): a word's share of its class, times the logarithm of one plus
    the mean number of words a class over the word's count in all classes.
    """
    mean_length = int(counts.sum(axis=1).mean())
    rarity = np.log1p(mean_length / np.asarray(counts.sum(axis=0)).ravel())
    return normalize(counts.astype(np.float64), norm="l1").multiply(rarity).tocsr()


def _best_words(weights: csr_matrix, names: NDArray[np.str_]) -> TopicWords:
    order = np.lexsort((weights.indices, -weights.data))[:_MAX_WORDS]  # equal weights by alphabet
    return [(str(names[weights.indices[i]]), float(weights.data[i])) for i in order]


def subject_lemmas(document: str) -> list[str]:
    """Return the lemmas that name a subject, or `_NO_LEMMA`."""
    generic, lemmas = generic_words(), document.split(_SEPARATOR)
    return [lemma for lemma in lemmas if lemma and fold(lemma, keep_signs=True) not in generic] or [
        _NO_LEMMA
    ]
