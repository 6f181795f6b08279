"""General notions (data/lexicon/notions.yaml): which ones a code's text calls, and where passages say them.

In:   codes of any grid, texts
Out:  how much each text says what each code calls (n_texts, n_codes); the places where it does

Tag with the grid's own words: how much closer a passage lies to a code's label and definition than ordinary passages do.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from models.embedder import load_embedder
from models.tagger.regression import sigmoid, softmax
from models.tagger.storage import read_model
from models.tagger.views import (
    Array,
    TermIndex,
    context_values,
    explain,
    join_spans,
    normalised,
    texts_of,
)
from models.tagger.views import Span as DefinitionsSpan
from pipeline.grid.codes import POSTURE, RUBRIQUE, STANDARD, Code, Question
from pipeline.settings.stages import EmbedSettings
from pipeline.text import fold_same_length, lexicon

Span = tuple[int, int]

_LABEL, _DEFINITION, _INCLUDE = (
    2.0,
    1.0,
    0.5,
)  # a notion that names the code counts more than one that its inclusions mention
_MOST_CUES = 2  # of a notion in one text; more say no more
_OWN_LEXICON = (
    2.0  # the words that the grid itself gives for a code, beside the notions that its text calls
)


@dataclass(frozen=True)
class Notion:
    """`named_by` finds it in a grid's text, `said_by` in a passage; both read folded text."""

    name: str
    named_by: re.Pattern[str]
    said_by: re.Pattern[str]


@dataclass(frozen=True)
class NotionMatcher:
    """How much passages say what `codes` call, counted in standard deviations over the `ordinary` passages."""

    codes: tuple[Code, ...]
    ordinary: tuple[str, ...]

    def closeness(self, texts: Sequence[str]) -> Array:
        """Return (n_texts, n_codes); each text's row depends on it alone."""
        said = (
            self._ordinary_said if tuple(texts) == self.ordinary else _said(texts, self._patterns)
        )
        away = (said - self._mean) / self._deviation
        return np.array([row @ self._calls for row in away]).reshape(len(texts), len(self.codes))

    def spans(self, text: str, code: int) -> list[Span]:
        """Return where `text` says what the code calls, what it calls most first."""
        weights = self._calls[:, code]
        folded = fold_same_length(text, accents="none")
        places = [place for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
        return [
            match.span() for place in places for match in self._patterns[place].finditer(folded)
        ]

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        """What finds each notion, then each code's own lexicon."""
        return [
            *(notion.said_by for notion in load_notions()),
            *(_pattern(code.lexicon) for code in self.codes),
        ]

    @cached_property
    def _calls(self) -> Array:
        """How much each code calls each notion, then each lexicon: (n_patterns, n_codes)."""
        notions = load_notions()
        calls = np.zeros((len(notions), len(self.codes)))
        for column, code in enumerate(self.codes):
            for text, weight in (
                (code.label, _LABEL),
                (code.definition, _DEFINITION),
                (code.include, _INCLUDE),
            ):
                calls[:, column] += [
                    weight
                    * np.sqrt(_n_found(notion.named_by, fold_same_length(text, accents="none")))
                    for notion in notions
                ]
        callers = (calls > 0).sum(axis=1, keepdims=True)
        calls *= np.log1p(
            len(self.codes) / np.maximum(callers, 1)
        )  # what every code calls tells none of them
        calls /= np.maximum(np.linalg.norm(calls, axis=0), 1e-9)
        return np.vstack(
            [calls, _OWN_LEXICON * np.diag([float(bool(code.lexicon)) for code in self.codes])]
        )

    @cached_property
    def _ordinary_said(self) -> Array:
        own = _said(self.ordinary, [_pattern(code.lexicon) for code in self.codes])
        return np.hstack([_notions_said(self.ordinary), own])

    @cached_property
    def _mean(self) -> Array:
        return np.asarray(self._ordinary_said.mean(axis=0))

    @cached_property
    def _deviation(self) -> Array:
        return np.asarray(np.maximum(self._ordinary_said.std(axis=0), 0.05))


@cache
def _notions_said(texts: tuple[str, ...]) -> Array:
    """How much each text says each notion, (n_texts, n_notions): counted once for the ordinary passages, whatever the grid."""
    return _said(texts, [notion.said_by for notion in load_notions()])


def _said(texts: Iterable[str], patterns: Sequence[re.Pattern[str]]) -> Array:
    """How much each text says what each pattern finds: (n_texts, n_patterns)."""
    folded = [fold_same_length(text, accents="none") for text in texts]
    found = [[min(_MOST_CUES, _n_found(pattern, text)) for pattern in patterns] for text in folded]
    return np.sqrt(np.array(found, dtype=np.float64).reshape(len(folded), len(patterns)))


@cache
def load_notions() -> tuple[Notion, ...]:
    """Return the notions of data/lexicon/notions.yaml, in its order."""
    listed = lexicon("notions")
    return tuple(
        Notion(name, _pattern(words["designe"]), _pattern(words["indices"]))
        for name, words in listed.items()
    )


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Finds any of `words`, folded: with a plural or feminine ending, or any ending after `*`; nothing where there are none."""
    return re.compile("|".join(map(_one, words)) or r"(?!)")


def _one(word: str) -> str:
    folded = fold_same_length(word, accents="none")
    body = r"[\s'-]+".join(re.escape(part) for part in re.split(r"[\s'-]+", folded.rstrip("*")))
    before = r"(?<!\w)" if folded[0].isalnum() else ""
    if folded.endswith("*"):
        return rf"{before}{body}\w*"
    return rf"{before}{body}(?:es|[esx])?(?!\w)" if folded[-1].isalnum() else f"{before}{body}"


def _n_found(pattern: re.Pattern[str], folded: str) -> int:
    """Different words of `folded` that `pattern` finds."""
    return len({match.group() for match in pattern.finditer(folded)})


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
    vectors = {
        name.removeprefix("vectors."): values.astype(np.float64)
        for name, values in arrays.items()
        if name.startswith("vectors.")
    }
    coefficients = {
        name: np.array(values, dtype=np.float64)
        for name, values in description["coefficients"].items()
    }
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
        asked = [
            place.get(value, len(self.questions)) for value in context_values(units, "question")
        ]
        return np.concatenate([in_text, self._expected[asked][..., None]], axis=2)

    def explain(
        self, texts: list[str], asked: NDArray[np.bool_]
    ) -> list[dict[int, list[DefinitionsSpan]]]:
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
        described, labelled = (
            self._encoded(self._descriptions),
            self._encoded([code.label for code in self.codes]),
        )
        for name in self.encoders:
            for words in (described[name], labelled[name]):
                cosines = asked[name] @ words.T
                beside = (
                    cosines
                    - cosines.mean(axis=0)
                    - cosines.mean(axis=1, keepdims=True)
                    + cosines.mean()
                )
                expected[:-1] += beside / max(beside.std(), 1e-9)
        return np.asarray(expected / max(expected[:-1].std(), 1e-9))

    @cached_property
    def counter(self) -> TfidfVectorizer:
        """N-grams of the background and of the grid: a word that only the grid uses is rare, hence telling."""
        tool = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, lowercase=False
        )
        return tool.fit(
            [normalised(text) for text in (*self.background.texts, *self._descriptions)]
        )

    @cached_property
    def code_terms(self) -> sparse.csr_matrix:
        """Weighted n-grams of the codes' descriptions: (n_codes, n_terms)."""
        return self.terms(self._descriptions)

    def terms(self, texts: list[str]) -> sparse.csr_matrix:
        """Weighted n-grams of `texts`: (n_texts, n_terms)."""
        shaped = [normalised(text) for text in texts]
        return (
            self.counter.transform(shaped)
            if shaped
            else sparse.csr_matrix((0, len(self.counter.vocabulary_)))
        )

    @property
    def _descriptions(self) -> list[str]:
        return [code.description for code in self.codes]

    @cached_property
    def _code_vectors(self) -> list[tuple[str, Array]]:
        """Encoder and vectors (n_codes, d): of descriptions for each encoder, and of labels for the first."""
        first, whole = self.encoders[0], self._encoded(self._descriptions)
        labels = self._encoded([code.label for code in self.codes])[first]
        return [
            *((name, self._centred(name, whole[name])) for name in self.encoders),
            (first, self._centred(first, labels)),
        ]

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
        views = [
            np.array([row @ codes.T for row in centred[name]]).reshape(len(texts), len(codes))
            for name, codes in self._code_vectors
        ]
        shared = (self.terms(texts) @ self.code_terms.T).toarray()
        return np.stack([*views, shared, self._notions.closeness(texts)], axis=-1)

    def _encoded(self, texts: list[str]) -> dict[str, Array]:
        settings = {name: EmbedSettings.model_validate({"backend": name}) for name in self.encoders}
        return {
            name: load_embedder(settings[name]).encode(texts).astype(np.float64)
            for name in self.encoders
        }

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
    lead = (
        total
        - highest
        - np.log(np.exp(none - highest) + np.exp(total - highest).sum(axis=1, keepdims=True))
    )
    return sigmoid(of_total * total + of_lead * lead + constant)
