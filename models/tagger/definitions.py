"""Tag with the grid's own words, by how much closer a passage is to a code than ordinary ones are.

Closeness comes from vectors, n-grams and general notions (data/lexicon/notions.yaml).

In:   units, the codes of one axis
Out:  probabilities (n_units, n_codes); where in a text a code is named
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from models.embedder import EmbedderSource, check_encoder, mark_of
from models.encoders import NAME
from models.rows import softmax, unit_rows
from models.tagger.features import (
    Array,
    Mask,
    Span,
    TermIndex,
    column_texts,
    encode,
    explain,
    join_spans,
    normalised,
    texts_of,
)
from models.tagger.regression import sigmoid
from models.tagger.storage import read_model
from pipeline.grid.codes import POSTURE, RUBRIQUE, STANDARD, Code, Question
from pipeline.text import fold_same_length, lexicon

_WEIGHTS = Path(__file__).parents[1] / "weights"
_WHOLE = 127  # stored vectors are whole numbers of it
_MAX_DEVIATION = 6.0


@dataclass(frozen=True)
class Background:
    """Ordinary passages and their `vectors` (n_texts, d) by `encoders`; coefficients and thresholds
    by axis.
    """

    texts: tuple[str, ...]
    vectors: Array
    coefficients: dict[str, Array]
    thresholds: dict[str, float]
    encoders: tuple[str, ...] = (NAME,)


@cache
def load_background(encoders: tuple[str, ...] = (NAME,)) -> Background:
    """Return the shipped background; raise `ModelError` when missing or altered."""
    path = background_path(encoders)
    description, arrays = read_model(path)
    check_encoder(path.name, description.get("encoder"), encoders)
    return Background(
        tuple(description["texts"]),
        as_read(arrays["vectors"]),
        {
            name: np.array(values, dtype=float)
            for name, values in description["coefficients"].items()
        },
        description["thresholds"],
        encoders,
    )


def background_path(encoders: tuple[str, ...]) -> Path:
    """Return the .json of the shipped background by `encoders`."""
    return _WEIGHTS / f"definitions{mark_of(encoders)}.json"


def whole_vectors(vectors: NDArray[np.floating[Any]]) -> NDArray[np.int8]:
    """Return rows of norm 1 as a background stores them."""
    return np.asarray(np.rint(vectors * _WHOLE), dtype=np.int8)


def as_read(vectors: NDArray[Any]) -> Array:
    """Return a background's vectors from those of its file: whole numbers, or in half precision."""
    return np.asarray(vectors / _WHOLE if vectors.dtype == np.int8 else vectors.astype(float))


@dataclass(frozen=True)
class DefinitionMatcher:
    """Closeness of passages to the codes of one axis.

    A grid's own axis uses the coefficients of rubriques, or of postures if exclusive.
    """

    codes: tuple[Code, ...]
    questions: tuple[Question, ...]
    background: Background
    is_exclusive: bool = False
    _vectors: dict[str, Array] = field(default_factory=dict, compare=False, repr=False)

    @property
    def threshold(self) -> float:
        """The probability from which a code is assigned."""
        return self.background.thresholds[self._name]

    def probabilities(self, units: pd.DataFrame, source: EmbedderSource | None = None) -> Array:
        """Return (n_units, n_codes); the codes of an exclusive axis sum to 1."""
        coefficients = self.background.coefficients[self._name]
        return match(self.closeness(units, source), coefficients, exclusive=self.is_exclusive)

    def closeness(self, units: pd.DataFrame, source: EmbedderSource | None = None) -> Array:
        """Return (n_units, n_codes, n_views) in background deviations, at most six.

        The last view is how much the unit's question calls for the code.
        """
        texts = texts_of(units)
        self._encode_codes(source)
        raw = self._raw(texts, encode(texts, source, self.background.encoders))
        mean, deviation = self._background_scale
        deviations = (raw - mean) / deviation
        deviations = np.clip(deviations, -_MAX_DEVIATION, _MAX_DEVIATION)
        number = {question.question: i for i, question in enumerate(self.questions)}
        unknown = len(self.questions)
        rows = [number.get(value, unknown) for value in column_texts(units, "question")]
        return np.concatenate([deviations, self._by_question[rows][..., None]], axis=2)

    def explain(self, texts: list[str], mask: Mask) -> list[dict[int, list[Span]]]:
        """Return spans by code in `mask` (n_texts, n_codes): notions, else shared words."""
        index = TermIndex(self.counter.build_analyzer(), self.counter.vocabulary_, {}, 0)
        explained = explain(texts, self._terms(texts), self._code_terms.T.toarray(), index, mask)
        for text, spans in zip(texts, explained, strict=True):
            for code in spans:
                spans[code] = join_spans(text, self._notions.spans(text, code)) or spans[code]
        return explained

    @property
    def _name(self) -> str:
        axis = self.codes[0].axis
        if axis in STANDARD:
            return axis
        return POSTURE if self.is_exclusive else RUBRIQUE

    @cached_property
    def _notions(self) -> "NotionMatcher":
        return NotionMatcher(self.codes, self.background.texts)

    @cached_property
    def _by_question(self) -> Array:
        """How much each question, then none, calls for each code."""
        calls = np.zeros((len(self.questions) + 1, len(self.codes)))
        if len(self.questions) < 2 or len(self.codes) < 2:
            return calls
        vectors = self._encode_codes(None)
        for words in (vectors["descriptions"], vectors["labels"]):
            cosines = vectors["questions"] @ words.T
            by_code, by_question = cosines.mean(axis=0), cosines.mean(axis=1, keepdims=True)
            centred = cosines - by_code - by_question + cosines.mean()
            calls[:-1] += centred / max(centred.std(), 1e-9)
        return np.asarray(calls / max(calls[:-1].std(), 1e-9))

    @cached_property
    def counter(self) -> TfidfVectorizer:
        """N-grams of background and grid: a word of the grid alone is rare, so heavy."""
        counter = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, lowercase=False
        )
        return counter.fit(
            [normalised(text) for text in (*self.background.texts, *self._descriptions)]
        )

    @cached_property
    def _code_terms(self) -> sparse.csr_matrix:
        return self._terms(self._descriptions)

    def _terms(self, texts: list[str]) -> sparse.csr_matrix:
        if not texts:
            return sparse.csr_matrix((0, len(self.counter.vocabulary_)))
        return self.counter.transform([normalised(text) for text in texts])

    @property
    def _descriptions(self) -> list[str]:
        return [code.description for code in self.codes]

    @cached_property
    def _code_vectors(self) -> list[Array]:
        """By half of a row, of descriptions then of labels."""
        encoded = self._encode_codes(None)
        return [*self._halves(encoded["descriptions"]), *self._halves(encoded["labels"])]

    @cached_property
    def _background_scale(self) -> tuple[Array, Array]:
        """The mean and the deviation of ordinary passages, by code and view."""
        raw = self._raw(list(self.background.texts), self.background.vectors)
        return raw.mean(axis=0), np.maximum(raw.std(axis=0), 1e-3)

    def _raw(self, texts: list[str], vectors: Array) -> Array:
        views = []
        for half, codes in zip(self._halves(vectors) * 2, self._code_vectors, strict=True):
            cosines = np.array([row @ codes.T for row in half])
            views.append(cosines.reshape(len(texts), len(codes)))
        shared = (self._terms(texts) @ self._code_terms.T).toarray()
        return np.stack([*views, shared, self._notions.closeness(texts)], axis=-1)

    def _encode_codes(self, source: EmbedderSource | None) -> dict[str, Array]:
        if not self._vectors:
            words = {
                "descriptions": self._descriptions,
                "labels": [code.label for code in self.codes],
                "questions": [question.label for question in self.questions],
            }
            for name, texts in words.items():
                self._vectors[name] = encode(texts, source, self.background.encoders)
        return self._vectors

    def _halves(self, vectors: Array) -> list[Array]:
        """Centre on the background, by half: what all passages share says nothing."""
        moved = vectors - self.background.vectors.mean(axis=0)
        n_halves = 2 * len(self.background.encoders)
        return [unit_rows(half) for half in np.split(moved, n_halves, axis=1)]


def match(closeness: Array, coefficients: Array, *, exclusive: bool) -> Array:
    """Return probabilities from closeness (n, n_codes, n_views).

    `coefficients` are one weight a view; then, unless `exclusive`, those of the sum, of its lead
    over other codes and over "none of them", a constant, and how close "none of them" is.
    """
    if not len(closeness):
        return np.zeros(closeness.shape[:2])
    n_views = closeness.shape[2]
    total = closeness @ coefficients[:n_views]
    if exclusive:
        return softmax(total)
    of_total, of_lead, constant, none = coefficients[n_views:]
    highest = np.maximum(total.max(axis=1, keepdims=True), none)
    all_codes = np.exp(total - highest).sum(axis=1, keepdims=True)
    lead = total - highest - np.log(np.exp(none - highest) + all_codes)
    return sigmoid(of_total * total + of_lead * lead + constant)


# A notion that names the code counts more than one that its inclusions mention.
_LABEL, _DEFINITION, _INCLUDE = 2.0, 1.0, 0.5
_LEXICON = 2.0  # weight of the grid's own words for a code
_MAX_MENTIONS = 2  # of a notion in one text


@dataclass(frozen=True)
class Notion:
    """Patterns on folded text: `named_by` for grids, `said_by` for passages."""

    name: str
    named_by: re.Pattern[str]
    said_by: re.Pattern[str]


@cache
def load_notions() -> tuple[Notion, ...]:
    """Return the notions of data/lexicon/notions.yaml, in order."""
    return tuple(
        Notion(name, _pattern(words["designe"]), _pattern(words["indices"]))
        for name, words in lexicon("notions").items()
    )


@dataclass(frozen=True)
class NotionMatcher:
    """How much passages name notions, compared with `ordinary` ones."""

    codes: tuple[Code, ...]
    ordinary: tuple[str, ...]

    def closeness(self, texts: Sequence[str]) -> Array:
        """Return (n_texts, n_codes) in standard deviations, each row alone."""
        if tuple(texts) == self.ordinary:
            mentions = self._ordinary_mentions
        else:
            mentions = _mentions(texts, self._patterns)
        mean = self._ordinary_mentions.mean(axis=0)
        deviation = np.maximum(self._ordinary_mentions.std(axis=0), 0.05)
        rows = [row @ self._weights for row in (mentions - mean) / deviation]
        return np.array(rows).reshape(len(texts), len(self.codes))

    def spans(self, text: str, code: int) -> list[Span]:
        """Return where `text` names the code's notions, heaviest first."""
        weights, folded = self._weights[:, code], fold_same_length(text, accents="none")
        ranked = [i for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
        return [match.span() for i in ranked for match in self._patterns[i].finditer(folded)]

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [*(notion.said_by for notion in load_notions()), *self._lexicons]

    @property
    def _lexicons(self) -> list[re.Pattern[str]]:
        return [_pattern(code.lexicon) for code in self.codes]

    @cached_property
    def _weights(self) -> Array:
        notions = load_notions()
        weights = np.zeros((len(notions), len(self.codes)))
        for column, code in enumerate(self.codes):
            parts = ((code.label, _LABEL), (code.definition, _DEFINITION), (code.include, _INCLUDE))
            for text, weight in parts:
                folded = fold_same_length(text, accents="none")
                counts = [_n_words(notion.named_by, folded) for notion in notions]
                weights[:, column] += weight * np.sqrt(counts)
        n_codes_naming = (weights > 0).sum(axis=1, keepdims=True)
        weights *= np.log1p(len(self.codes) / np.maximum(n_codes_naming, 1))
        weights /= np.maximum(np.linalg.norm(weights, axis=0), 1e-9)
        own = np.diag([float(bool(code.lexicon)) for code in self.codes])
        return np.vstack([weights, _LEXICON * own])

    @cached_property
    def _ordinary_mentions(self) -> Array:
        return np.hstack(
            [_notion_mentions(self.ordinary), _mentions(self.ordinary, self._lexicons)]
        )


@cache
def _notion_mentions(texts: tuple[str, ...]) -> Array:
    return _mentions(texts, [notion.said_by for notion in load_notions()])


def _mentions(texts: Iterable[str], patterns: Sequence[re.Pattern[str]]) -> Array:
    """Return roots of counts (n_texts, n_patterns)."""
    folded = [fold_same_length(text, accents="none") for text in texts]
    counts = [
        [min(_MAX_MENTIONS, _n_words(pattern, text)) for pattern in patterns] for text in folded
    ]
    return np.sqrt(np.array(counts, dtype=np.float64).reshape(len(folded), len(patterns)))


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Match any of `words`, with a plural or feminine ending, or any ending after `*`."""
    return re.compile("|".join(map(_word_pattern, words)) or r"(?!)")


def _word_pattern(word: str) -> str:
    folded = fold_same_length(word, accents="none")
    body = r"[\s'-]+".join(re.escape(part) for part in re.split(r"[\s'-]+", folded.rstrip("*")))
    start = r"(?<!\w)" if folded[0].isalnum() else ""
    if folded.endswith("*"):
        return rf"{start}{body}\w*"
    return rf"{start}{body}(?:es|[esx])?(?!\w)" if folded[-1].isalnum() else f"{start}{body}"


def _n_words(pattern: re.Pattern[str], folded: str) -> int:
    return len({match.group() for match in pattern.finditer(folded)})
