"""Show our themes as a BERTopic model, for its tables, searches and drawings.

In:   the theme of each unit, its lemmas, its vector
Out:  a fitted `bertopic.BERTopic`, whose topics are our themes
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from models.rows import Labels, Rows
from pipeline.errors import MissingExtraError


class _FixedClusters:
    """Stands for HDBSCAN where the clusters are already made."""

    def __init__(self, labels: Labels) -> None:
        self.labels_ = labels

    def fit(self, X: Any, y: Any = None) -> "_FixedClusters":  # noqa: N803  scikit-learn's name
        return self


def fit_bertopic(
    documents: Sequence[str], labels: Labels, vectors: Rows | NDArray[Any], *, vectorizer: Any
) -> Any:
    """Return BERTopic fitted on clusters already made; it numbers them by document count.

    Raises `MissingExtraError` where BERTopic is not installed.
    """
    try:
        from bertopic import BERTopic
        from bertopic.dimensionality import BaseDimensionalityReduction
    except ModuleNotFoundError as error:
        raise MissingExtraError("bertopic", "bertopic") from error
    model = BERTopic(
        language=None,
        embedding_model=None,
        umap_model=BaseDimensionalityReduction(),
        hdbscan_model=_FixedClusters(labels),
        vectorizer_model=vectorizer,
        representation_model=None,
        min_topic_size=2,
        calculate_probabilities=False,
        verbose=False,
    )
    model.fit(documents, vectors)
    return model
