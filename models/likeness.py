"""Which of several lists of wordings a short text resembles, by what it means and by its letters.

In:   lists of wordings, each under a label, and a short text
Out:  a score a label, about 1 for a text much like its wordings and about 0 for one unlike them

Kernel ridge regression: the similarity of two texts is the cosine of their sentence vectors plus `_LETTERS` times that of their letter
n-grams, and what each wording says of its own list is weighed so that the lists come out as written. It is solved in a few milliseconds
for some hundred wordings, and its leave-one-out scores come without fitting again, so that thresholds rest on a figure.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from models.embedder import Embedder
from pipeline.words import fold

_LETTERS = 0.4  # weight of the letters beside the meaning
_RIDGE = 0.5  # how little a single wording may say

Scores = NDArray[np.float64]


class Likeness:
    """The lists of wordings, learnt; `labels` in the order of the columns that scores have."""

    def __init__(self, wordings: Mapping[str, Sequence[str]], embedder: Embedder) -> None:
        self.labels = tuple(wordings)
        self.texts = [text for label in self.labels for text in wordings[label]]
        self.is_of = np.array([[label == own for own in self.labels] for label in self.labels for _ in wordings[label]], dtype=np.float64)
        self._embedder = embedder
        self._letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, preprocessor=fold).fit(self.texts)
        self._known = self._views(self.texts)
        self._inverse = np.linalg.inv(self._known @ self._known.T + _RIDGE * np.eye(len(self.texts)))
        self._weights = self._known.T @ (self._inverse @ self.is_of)

    def scores(self, texts: Sequence[str]) -> Scores:
        """(n_texts, n_labels) scores."""
        return np.asarray(self._views(texts) @ self._weights, dtype=np.float64)

    def left_out(self) -> Scores:
        """(n_wordings, n_labels) scores of each wording as the others alone would give them."""
        # For y = K (K + r)^-1 t, leaving row i out gives t_i - (inverse t)_i / inverse_ii.
        return np.asarray(self.is_of - (self._inverse @ self.is_of) / np.diag(self._inverse)[:, None], dtype=np.float64)

    def _views(self, texts: Sequence[str]) -> Scores:
        """(n_texts, d) vectors whose dot product is the similarity."""
        letters = np.asarray(self._letters.transform(texts).todense(), dtype=np.float64)
        return np.hstack([np.asarray(self._embedder.encode(texts), dtype=np.float64), np.sqrt(_LETTERS) * letters])
