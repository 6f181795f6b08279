"""Tag with the grid's own words: how much closer a passage lies to a code's label and definition than ordinary passages do.

In:   units, and the codes of one axis of any grid
Out:  probabilities (n_units, n_codes), rough: measured in models/cards/tagger.md

Closeness is seen through the encoders, through shared character n-grams and through the general notions that a code's text calls, each
counted in standard deviations over a background of workshop passages; and through the question that the passage answers, which the grid
words much like some of its codes. How views add up was learnt on data/training, for codes in general, not for these. What a code excludes
was no help.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from models.embedder import load_embedder
from models.tagger.evidence import Span, TermIndex, explain, join_spans
from models.tagger.linear import sigmoid, softmax
from models.tagger.notions import NotionMatcher
from models.tagger.storage import read_model
from models.tagger.views import Array, context_values, normalised, texts_of
from pipeline.grid import POSTURE, RUBRIQUE, STANDARD, Code, Question
from pipeline.settings import EmbedSettings

WEIGHTS_PATH = Path(__file__).parents[1] / "weights" / "definitions.json"
_MOST = 6.0


@dataclass(frozen=True)
class Background:
    """Ordinary passages, their vectors (n, d) by encoder; by axis and set of encoders, how views add up and from when on a code is put."""

    texts: tuple[str, ...]
    vectors: dict[str, Array]
    coefficients: dict[str, Array]
    thresholds: dict[str, float]


@cache
def load_background(path: Path = WEIGHTS_PATH) -> Background:
    """Return the shipped background.

    Raises `ModelError` when its files are missing or altered.
    """
    description, arrays = read_model(path)
    vectors = {name.removeprefix("vectors."): values.astype(np.float64) for name, values in arrays.items() if name.startswith("vectors.")}
    coefficients = {name: np.array(values, dtype=np.float64) for name, values in description["coefficients"].items()}
    return Background(tuple(description["texts"]), vectors, coefficients, description["thresholds"])


@dataclass(frozen=True)
class DefinitionMatcher:
    """Closeness of passages to the codes of one axis; an axis that a grid brings adds its views up as rubriques or, one code a unit, as
    postures do.
    """

    codes: tuple[Code, ...]
    questions: tuple[Question, ...]
    encoders: tuple[str, ...]
    background: Background
    is_exclusive: bool = False

    @property
    def threshold(self) -> float:
        """From which probability on a code is put."""
        return self.background.thresholds[self._name]

    def probabilities(self, units: pd.DataFrame) -> Array:
        """Return (n_units, n_codes) in 0..1; the codes of an exclusive axis sum to 1."""
        coefficients = self.background.coefficients[self._name]
        return match(self.closeness(units), coefficients, exclusive=self.is_exclusive)

    def closeness(self, units: pd.DataFrame) -> Array:
        """Return (n_units, n_codes, n_views), in standard deviations over the background, at most six; the question's is not counted so."""
        texts = texts_of(units)
        raw = self._raw(texts, self._encoded(texts))
        in_text = np.clip((raw - self._background_mean) / self._background_deviation, -_MOST, _MOST)
        place = {question.question: at for at, question in enumerate(self.questions)}
        asked = [place.get(value, len(self.questions)) for value in context_values(units, "question")]
        return np.concatenate([in_text, self._expected[asked][..., None]], axis=2)

    def explain(self, texts: list[str], asked: NDArray[np.bool_]) -> list[dict[int, list[Span]]]:
        """Return, for each text, where it says what each code marked in `asked` (n_texts, n_codes) calls, else the words they share."""
        index = TermIndex(self.counter.build_analyzer(), self.counter.vocabulary_, {}, 0)
        shared = explain(texts, self.terms(texts), self.code_terms.T.toarray(), index, asked)
        for text, found in zip(texts, shared, strict=True):
            for code in found:
                found[code] = join_spans(text, self._notions.spans(text, code)) or found[code]
        return shared

    @property
    def _name(self) -> str:
        axis = self.codes[0].axis
        alike = axis if axis in STANDARD else POSTURE if self.is_exclusive else RUBRIQUE
        return f"{alike} {'+'.join(self.encoders)}"

    @cached_property
    def _notions(self) -> NotionMatcher:
        return NotionMatcher(self.codes, self.background.texts)

    @cached_property
    def _expected(self) -> Array:
        """How much each question, then none, leads to expect each code beside the others: (n_questions + 1, n_codes)."""
        expected = np.zeros((len(self.questions) + 1, len(self.codes)))
        if len(self.questions) < 2 or len(self.codes) < 2:
            return expected
        asked = self._encoded([question.label for question in self.questions])
        described, labelled = self._encoded(self._descriptions), self._encoded([code.label for code in self.codes])
        for name in self.encoders:
            for words in (described[name], labelled[name]):
                cosines = asked[name] @ words.T
                beside = cosines - cosines.mean(axis=0) - cosines.mean(axis=1, keepdims=True) + cosines.mean()
                expected[:-1] += beside / max(beside.std(), 1e-9)
        return np.asarray(expected / max(expected[:-1].std(), 1e-9))

    @cached_property
    def counter(self) -> TfidfVectorizer:
        """N-grams of the background and of the grid: a word that only the grid uses is rare, hence telling."""
        tool = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, lowercase=False)
        return tool.fit([normalised(text) for text in (*self.background.texts, *self._descriptions)])

    @cached_property
    def code_terms(self) -> sparse.csr_matrix:
        """Weighted n-grams of the codes' descriptions: (n_codes, n_terms)."""
        return self.terms(self._descriptions)

    def terms(self, texts: list[str]) -> sparse.csr_matrix:
        """Weighted n-grams of `texts`: (n_texts, n_terms)."""
        shaped = [normalised(text) for text in texts]
        return self.counter.transform(shaped) if shaped else sparse.csr_matrix((0, len(self.counter.vocabulary_)))

    @property
    def _descriptions(self) -> list[str]:
        return [code.description for code in self.codes]

    @cached_property
    def _code_vectors(self) -> list[tuple[str, Array]]:
        """Encoder and vectors (n_codes, d): of descriptions for each encoder, and of labels for the first."""
        first, whole = self.encoders[0], self._encoded(self._descriptions)
        labels = self._encoded([code.label for code in self.codes])[first]
        return [*((name, self._centred(name, whole[name])) for name in self.encoders), (first, self._centred(first, labels))]

    @cached_property
    def _background_raw(self) -> Array:
        return self._raw(list(self.background.texts), self.background.vectors)

    @cached_property
    def _background_mean(self) -> Array:
        return np.asarray(self._background_raw.mean(axis=0))

    @cached_property
    def _background_deviation(self) -> Array:
        return np.asarray(np.maximum(self._background_raw.std(axis=0), 1e-3))

    def _raw(self, texts: list[str], vectors: dict[str, Array]) -> Array:
        """Cosines (n_texts, n_codes, n_views), each text's taken alone."""
        centred = {name: self._centred(name, vectors[name]) for name in self.encoders}
        views = [np.array([row @ codes.T for row in centred[name]]).reshape(len(texts), len(codes)) for name, codes in self._code_vectors]
        shared = (self.terms(texts) @ self.code_terms.T).toarray()
        return np.stack([*views, shared, self._notions.closeness(texts)], axis=-1)

    def _encoded(self, texts: list[str]) -> dict[str, Array]:
        settings = {name: EmbedSettings.model_validate({"backend": name}) for name in self.encoders}
        return {name: load_embedder(settings[name]).encode(texts).astype(np.float64) for name in self.encoders}

    def _centred(self, name: str, vectors: Array) -> Array:
        """Vectors of norm 1 around the background's centre: what all passages share says nothing."""
        away = vectors - self.background.vectors[name].mean(axis=0)
        return np.asarray(away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9))


def match(closeness: Array, coefficients: Array, *, exclusive: bool) -> Array:
    """Closeness (n, n_codes, n_views) to probabilities.

    `coefficients` are one weight a view; then, unless `exclusive`, those of the sum, of its lead over the other codes and over "none of
    them", a constant, and how close "none of them" always is.
    """
    if not len(closeness):
        return np.zeros(closeness.shape[:2])
    total = closeness @ coefficients[: closeness.shape[2]]
    if exclusive:
        return softmax(total)
    of_total, of_lead, constant, none = coefficients[closeness.shape[2] :]
    highest = np.maximum(total.max(axis=1, keepdims=True), none)
    lead = total - highest - np.log(np.exp(none - highest) + np.exp(total - highest).sum(axis=1, keepdims=True))
    return sigmoid(of_total * total + of_lead * lead + constant)
