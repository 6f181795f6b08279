"""Join views of a passage into one vector, so that passages on one subject lie close.

In:   texts, read (models.reading); the study's encoder
Out:  Views: (n_texts, d), and the probability that a text is about no subject

Sentence vectors of short notes group by style; views of content words, of subject maps or of
the shipped encoder's subject half group by subject. Joined and centred on the study, they do
better than any alone (models/cards/themes.md). Subject maps are linear, learnt on themes of other
territories. Passages are smoothed by their neighbours, as a talk stays on a subject.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import Embedder, EmbedderSource, Vectors, check_encoder, plain_encoders
from models.encoders import NAME, STRONG_NAME
from models.reading import Reading, skim
from models.rows import (
    LARGE,
    Labels,
    Matrix,
    Rows,
    around,
    blocks,
    drawn_rows,
    each_block,
    new_rows,
    slices,
    softmax,
    unit_rows,
)
from pipeline.files import reading_weights

STRENGTH = 2.0  # chosen on labelled files left out
_PLACE = ["document_id", "table_number", "question"]  # neighbours share them


def lean_on_neighbours(vectors: Rows, units: pd.DataFrame, folder: Path | None = None) -> Rows:
    """Return the vectors of `units`, smoothed by neighbours if these are closer than others."""
    return lean(vectors, *neighbours(units), folder)


def lean(vectors: Rows, first: Labels, second: Labels, folder: Path | None = None) -> Rows:
    """Smooth pairs of neighbours: rows `first` (m,) and `second` (m,), each in one pair."""
    if not len(first):
        return vectors
    between = np.concatenate(
        [
            (unit_rows(vectors[first[some]]) * unit_rows(vectors[second[some]])).sum(
                axis=1, dtype=np.float64
            )
            for some in slices(len(first))
        ]
    )
    towards, lengths = np.zeros(vectors.shape[1]), np.zeros(len(vectors))
    for block, rows in blocks(vectors):
        towards += unit_rows(rows).sum(axis=0)
        lengths[block] = np.linalg.norm(rows, axis=1)
    closeness = float(between.mean() - ((towards / len(vectors)) ** 2).sum())
    if closeness <= 0:
        return vectors
    step = STRENGTH * closeness * float(lengths.mean())
    if len(vectors) >= LARGE:  # a few more vectors must not move all the others
        step = float(f"{step:.2g}")
    leaning = new_rows(len(vectors), vectors.shape[1], folder)
    following, previous = np.full(len(vectors), -1), np.full(len(vectors), -1)
    following[first], previous[second] = second, first

    def move(block: slice) -> None:
        rows = np.array(vectors[block], dtype=np.float64)
        for beside in (following[block], previous[block]):
            has = beside >= 0
            rows[has] += step * unit_rows(np.asarray(vectors[beside[has]], dtype=np.float64))
        leaning[block] = rows

    each_block(len(vectors), move)
    return leaning


def neighbours(units: pd.DataFrame) -> tuple[Labels, Labels]:
    """Return pairs of consecutive rows at one table under one question: (m,) and (m,)."""
    in_order = units.reset_index(drop=True).sort_values(
        ["document_id", "unit_order"], kind="stable"
    )
    rows = in_order.index.to_numpy(dtype=np.int64)
    place = in_order[_PLACE].astype("string").fillna("")
    is_next = (place[1:].to_numpy() == place[:-1].to_numpy()).all(axis=1)
    return rows[:-1][is_next], rows[1:][is_next]


WEIGHTS = Path(__file__).with_name("weights") / "subject-map.npz"
SCALE = 5.0  # e5's rows of norm 1 differ by little: scaled before the softmax
FORMS = ("text", "both")  # the text's vector alone, or beside its content words' vector
N_VIEWS = 2 * len(FORMS)  # of a map


@dataclass(frozen=True)
class SubjectMap:
    """Maps of the shipped encoder by form: `discriminant` (d, n_axes), `softmax` (d, n_subjects).

    They read the subject's half of its rows, (n, d); `off_topic` is (d + 1).
    """

    heads: dict[str, NDArray[np.float64]]
    off_topic: NDArray[np.float64]

    def views(self, text: Vectors, content: Vectors) -> list[NDArray[np.float64]]:
        """Return `N_VIEWS` views (n, …): for each form, axes and roots of probabilities."""
        both = np.hstack([subject_half(text), subject_half(content)])
        return [*self.text_views(text), *self._of_form("both", both)]

    def text_views(self, text: Vectors) -> list[NDArray[np.float64]]:
        """Return the first two `views`, of the texts alone."""
        return self._of_form("text", subject_half(text))

    def _of_form(self, form: str, vectors: Vectors) -> list[NDArray[np.float64]]:
        rows = vectors.astype(np.float64)
        subjects = softmax(
            rows @ self.heads[f"{form}.softmax"] * SCALE + self.heads[f"{form}.intercept"]
        )
        return [rows @ self.heads[f"{form}.discriminant"], np.sqrt(subjects)]

    def off_topic_probability(self, text: Vectors) -> NDArray[np.float64]:
        """Return (n,) in 0..1."""
        rows = subject_half(text).astype(np.float64)
        return np.asarray(
            1 / (1 + np.exp(-(rows @ self.off_topic[:-1] * SCALE + self.off_topic[-1])))
        )


def subject_half(vectors: Vectors) -> Vectors:
    """Return what the shipped encoder's rows (n, d) say of subjects: (n, d / 2), of norm 1."""
    half = vectors[:, : vectors.shape[1] // 2].astype(np.float64)
    return unit_rows(half).astype(np.float32)


@cache
def load_subject_map() -> SubjectMap:
    """Return the shipped map; raise `ModelError` when its weights are missing or altered."""
    with reading_weights(WEIGHTS), np.load(WEIGHTS) as file:
        check_encoder(WEIGHTS.name, str(file["encoder"]))
        heads = {
            name: np.asarray(file[name], dtype=np.float64)
            for name in file.files
            if name != "encoder"
        }
        return SubjectMap(heads, heads.pop("off_topic"))


SUBJECT_WEIGHT = 0.5  # of each of a subject map's four views
# Of vectors of a text, and of its content words: the strong encoder reads the text alone.
_WEIGHTS = {NAME: (0.5, 0.5), STRONG_NAME: (5.0, 0.0)}
_OTHER_WEIGHTS = (0.3, 0.3)  # of an encoder that was not measured
LEMMA_WEIGHT = 0.3
SKIMMED_WEIGHT = 0.6  # of the same axes in skimmed texts, beside fewer views
_LEMMA_AXES = 100
_AXES_OF = 20_000  # most texts to make axes of
_PHRASE_CONTENT_WEIGHT = 1.0
_SEEN_AT_ONCE = 4_096


_T = TypeVar("_T")


class SubjectSpace:
    """Positions of texts among subjects, centred on the `n_fitted` first of a study.

    `rows` (n, D) has `n_subjects` columns of the map, then content words' vectors, to compare with
    `project`ed phrases.
    """

    def __init__(
        self,
        texts: Sequence[str],
        contents: Sequence[str],
        encoder: Embedder,
        subject_map: SubjectMap,
        folder: Path | None = None,
        n_fitted: int | None = None,
    ) -> None:
        self._encoder, self._map = encoder, subject_map
        self.off_topic = np.zeros(len(texts))

        def look(block: slice) -> list[NDArray[Any]]:
            text, content = encoder.encode(texts[block]), encoder.encode(contents[block])
            with threadpool_limits(1):
                self.off_topic[block] = subject_map.off_topic_probability(text)
                return [*subject_map.views(text, content), subject_half(content)]

        self._weights = [*[SUBJECT_WEIGHT] * N_VIEWS, _PHRASE_CONTENT_WEIGHT]
        self.rows, self._means = _side_by_side(len(texts), look, self._weights, folder, n_fitted)
        self.n_subjects = sum(len(mean) for mean in self._means[:-1])

    def project(self, phrases: Sequence[str]) -> Matrix:
        """Return (n_phrases, D) for short texts of content words only."""
        vectors = self._encoder.encode(phrases)
        with threadpool_limits(1):
            views: list[NDArray[Any]] = [
                *self._map.views(vectors, vectors),
                subject_half(vectors),
            ]
            return np.hstack(
                [
                    around(mean, view, weight)
                    for mean, view, weight in zip(self._means, views, self._weights, strict=True)
                ]
            )


@dataclass(frozen=True)
class Views:
    """The dot product of `vectors` (n, d) is the views' weighted similarity.

    `off_topic` (n,) is the probability of no subject; `subject` the map's part, if made.
    """

    vectors: Rows
    off_topic: Matrix
    subject: SubjectSpace | None = None


def join_views(
    texts: Sequence[str],
    readings: Sequence[Reading],
    embedder: Embedder,
    *,
    encoders: EmbedderSource | None = None,
    folder: Path | None = None,
    subject_map: SubjectMap | None = None,
    n_fitted: int | None = None,
) -> Views:
    """Return the joined views of `texts` (at least one), beside the shipped encoder's.

    Their centres and axes are those of the `n_fitted` first. `subject_map`, made for the shipped
    encoder, replaces the shipped map in measurements.
    """
    contents = [reading.content for reading in readings]
    shipped = (encoders or plain_encoders()).load()
    subject_map = subject_map or load_subject_map()
    subject = SubjectSpace(texts, contents, shipped, subject_map, folder, n_fitted)
    axes = lemma_axes([reading.lemmas for reading in readings], list, n_fitted=n_fitted)
    views = [
        _View(lambda block: subject.rows[block][:, : subject.n_subjects], None),
        _View(axes, LEMMA_WEIGHT),
    ]
    for encoder in _joined(embedder, shipped):
        views += _encoder_views(encoder, texts, contents)
    weights = [view.weight for view in views]
    rows, _ = _side_by_side(
        len(texts), lambda block: [view.of(block) for view in views], weights, folder, n_fitted
    )
    return Views(rows, subject.off_topic, subject)


def text_views(
    texts: Sequence[str],
    embedder: Embedder,
    *,
    encoders: EmbedderSource | None = None,
    folder: Path | None = None,
    n_fitted: int | None = None,
) -> Views:
    """Return views of the texts alone, centred on the `n_fitted` first."""
    shipped, subject_map = (encoders or plain_encoders()).load(), load_subject_map()
    off_topic = np.zeros(len(texts))
    others = [_View(lemma_axes(texts, skim, n_fitted=n_fitted), SKIMMED_WEIGHT)]
    for encoder in _joined(embedder, shipped):
        others += _encoder_views(encoder, texts)

    def look(block: slice) -> list[NDArray[Any]]:
        text = shipped.encode(texts[block])
        with threadpool_limits(1):
            off_topic[block] = subject_map.off_topic_probability(text)
            subjects = subject_map.text_views(text)
        return [*subjects, *(view.of(block) for view in others)]

    weights = [*[SUBJECT_WEIGHT] * (N_VIEWS // 2), *(view.weight for view in others)]
    rows, _ = _side_by_side(len(texts), look, weights, folder, n_fitted)
    return Views(rows, off_topic)


class _View(NamedTuple):
    """`weight` is None if rows are already weighted."""

    of: Callable[[slice], NDArray[Any]]
    weight: float | None


def _joined(embedder: Embedder, shipped: Embedder) -> list[Embedder]:
    return [shipped] if embedder.name == shipped.name else [embedder, shipped]


def _encoder_views(encoder: Embedder, *seen: Sequence[str]) -> list[_View]:
    def view(texts: Sequence[str], weight: float) -> _View:
        if encoder.name not in _WEIGHTS:
            return _View(lambda block: encoder.encode(texts[block]), weight)
        return _View(lambda block: subject_half(encoder.encode(texts[block])), weight)

    weights = _WEIGHTS.get(encoder.name, _OTHER_WEIGHTS)
    return [view(*each) for each in zip(seen, weights, strict=False) if each[1]]


def _side_by_side(
    n_texts: int,
    look: Callable[[slice], Sequence[NDArray[Any]]],
    weights: Sequence[float | None],
    folder: Path | None,
    n_fitted: int | None,
) -> tuple[Rows, list[Matrix]]:
    """Return views side by side, and means before centring; those of weight None stay."""
    rows: Any = None
    n_fitted = n_texts if n_fitted is None else n_fitted
    for block in slices(n_texts, _SEEN_AT_ONCE):
        views = look(block)
        if rows is None:
            ends = np.cumsum([0, *(view.shape[1] for view in views)]).tolist()
            rows, sums = new_rows(n_texts, ends[-1], folder), np.zeros(ends[-1])
        some = np.hstack(views)
        sums += some[: max(0, n_fitted - block.start)].sum(axis=0, dtype=np.float64)
        rows[block] = some
    means = [sums[start:end] / n_fitted for start, end in pairwise(ends)]

    def move(block: slice) -> None:
        some = np.array(rows[block], dtype=np.float64)
        for (start, end), mean, weight in zip(pairwise(ends), means, weights, strict=True):
            if weight is not None:
                some[:, start:end] = around(mean, some[:, start:end], weight)
        rows[block] = some

    each_block(n_texts, move)
    return rows, means


def lemma_axes(
    texts: Sequence[_T],
    lemmas_of: Callable[[_T], list[str]],
    *,
    n_fitted: int | None = None,
    n_drawn: int = _AXES_OF,
) -> Callable[[slice], Matrix]:
    """Return a function that gives latent axes (n, `_LEMMA_AXES`) of lemma TF-IDF.

    It gives (n, 0) for too few lemmas. Axes come from at most `n_drawn` of the `n_fitted` first
    texts, of which a few more texts change few.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted = texts[:n_fitted]
    lemmas = {lemma for text in fitted for lemma in lemmas_of(text)}
    n_axes = min(_LEMMA_AXES, len(fitted) - 1, len(lemmas) - 1)
    if n_axes < 2:
        return lambda block: np.zeros((len(texts[block]), 0))
    counts = TfidfVectorizer(analyzer=lemmas_of, sublinear_tf=True).fit(fitted).transform(texts)
    # Passages that share no lemma give equal singular values, where ARPACK's axes change with
    # rounding at each run; a seeded sketch is stable.
    axes = TruncatedSVD(n_axes, algorithm="randomized", random_state=0)
    with threadpool_limits(1):
        axes.fit(counts[drawn_rows(fitted, n_drawn)])
    return lambda block: np.asarray(axes.transform(counts[block]))
