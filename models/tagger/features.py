"""Make the features of a passage, and find the words that weigh most for a code.

In:   units       a `text` column; `question` and `channel` are used where known
Out:  Features    one row a unit, which depends on that unit alone
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from models.embedder import SHIPPED_SETTINGS, EmbedderSource, plain_encoders
from models.encoders import NAME, STRONG_NAME
from pipeline.french import usual_lemma
from pipeline.text import fold_same_length, without_numbers

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Span = tuple[int, int]

# Weight of each kind of feature, by encoders read: chosen by leaving whole files of data/training
# out. Beside the strong encoder, n-grams of characters add 0.008 to piliers alone, for 6 MB.
_CONTEXT_WEIGHTS = {"question": 0.5, "channel": 0.3}
_VECTOR_WEIGHTS = {(NAME,): (0.65,), (NAME, STRONG_NAME): (0.4, 1.2)}
_TERM_WEIGHTS = {(NAME,): {"characters": 1.3, "lemmas": 1.2}, (NAME, STRONG_NAME): {"lemmas": 1.7}}
UNKNOWN_CONTEXT = frozenset({"", "autre"})
_MIN_TEXTS = 50  # below, every n-gram counts, however rare
_WORD = re.compile(r"(?u)\w+")


@dataclass(frozen=True)
class Features:
    """`vectors` (n_units, n_vectors) and `terms` (n_units, n_terms) of units.

    `context` (n_units, n_context) marks question and channel; `questions` (n_units) is -1 if
    unknown.
    """

    vectors: Array
    context: Array
    questions: NDArray[np.int64]
    n_questions: int
    terms: sparse.csr_matrix

    def take(self, rows: NDArray[np.int64]) -> "Features":
        """Return the features of `rows`, in order."""
        return Features(
            self.vectors[rows],
            self.context[rows],
            self.questions[rows],
            self.n_questions,
            self.terms[rows],
        )


@dataclass(frozen=True)
class FeatureExtractor:
    """`centre` (d) of the rows of `encoders`, side by side, and `scales`, one an encoder.

    `vocabularies` and `idf` are by kind of n-gram.
    """

    encoders: tuple[str, ...]
    centre: Array
    scales: tuple[float, ...]
    vocabularies: dict[str, tuple[str, ...]]
    idf: dict[str, Array]
    contexts: dict[str, tuple[str, ...]]

    def transform(
        self,
        units: pd.DataFrame,
        source: EmbedderSource | None = None,
        *,
        rows: Array | None = None,
    ) -> Features:
        """Return the features of `units`, in order; `rows` (n_units, d) are of the encoders."""
        texts = texts_of(units)
        rows = encode(texts, source, self.encoders) if rows is None else rows
        vectors = self.factors * (rows - self.centre)
        number = {question: i for i, question in enumerate(self.contexts["question"])}
        questions = [number.get(value, -1) for value in column_texts(units, "question")]
        return Features(
            vectors,
            np.hstack([self._context(name, units) for name in self.contexts]),
            np.array(questions, dtype=np.int64),
            len(number),
            self.terms(texts),
        )

    @property
    def factors(self) -> Array:
        """What each number of a centred row is multiplied by: (d)."""
        factors = np.array(_VECTOR_WEIGHTS[self.encoders]) / np.array(self.scales)
        return np.repeat(factors, len(self.centre) // len(factors))

    def terms(self, texts: list[str]) -> sparse.csr_matrix:
        """Return weighted n-grams (n_texts, n_terms), characters before lemmas."""
        if not texts:
            n_terms = sum(len(vocabulary) for vocabulary in self.vocabularies.values())
            return sparse.csr_matrix((0, n_terms))
        cleaned = [normalised(text) for text in texts]
        blocks = [
            _TERM_WEIGHTS[self.encoders][name] * vectorizer.transform(cleaned)
            for name, vectorizer in self.vectorizers.items()
        ]
        return sparse.hstack(blocks, format="csr")

    @cached_property
    def vectorizers(self) -> dict[str, TfidfVectorizer]:
        """The n-gram counters, by kind."""
        vectorizers = {}
        for name, terms in self.vocabularies.items():
            vocabulary = {term: column for column, term in enumerate(terms)}
            vectorizers[name] = _vectorizer(name, vocabulary=vocabulary)
            vectorizers[name].idf_ = self.idf[name]
        return vectorizers

    def _context(self, name: str, units: pd.DataFrame) -> Array:
        values, choices = column_texts(units, name), self.contexts[name]
        marks = np.array([[value == choice for choice in choices] for value in values], dtype=float)
        return _CONTEXT_WEIGHTS[name] * marks.reshape(len(values), len(choices))


def fit_features(
    units: pd.DataFrame,
    *,
    n_terms: Mapping[str, int],
    encoders: tuple[str, ...] = (NAME,),
    rows: Array | None = None,
) -> FeatureExtractor:
    """Return the extractor of training `units`; `n_terms` bounds each kind of n-gram.

    `rows` (n_units, d) are of `encoders`, made if None.
    """
    texts = texts_of(units)
    rows = encode(texts, encoders=encoders) if rows is None else rows
    centre = as_stored(rows.mean(axis=0))
    parts = np.split(rows - centre, len(encoders), axis=1)
    scales = tuple(float(np.sqrt((part**2).sum(axis=1).mean())) or 1.0 for part in parts)
    cleaned = [normalised(text) for text in texts]
    if not any(text.strip() for text in cleaned):
        cleaned = ["passage"]
    vocabularies, idf = {}, {}
    for name in _TERM_WEIGHTS[encoders]:
        vectorizer = _vectorizer(name, max_features=n_terms[name])
        if len(texts) < _MIN_TEXTS:
            vectorizer.set_params(min_df=1)
        vectorizer.fit(cleaned)
        vocabularies[name] = tuple(vectorizer.get_feature_names_out())
        idf[name] = as_stored(vectorizer.idf_)
    contexts = {
        name: tuple(sorted(set(column_texts(units, name)) - UNKNOWN_CONTEXT))
        for name in _CONTEXT_WEIGHTS
    }
    return FeatureExtractor(encoders, centre, scales, vocabularies, idf, contexts)


def encode(
    texts: list[str], source: EmbedderSource | None = None, encoders: tuple[str, ...] = (NAME,)
) -> Array:
    """Return the rows (n_texts, d) of shipped encoders side by side, in double precision."""
    source = source or plain_encoders()
    rows = [source.load(SHIPPED_SETTINGS[name]).encode(texts) for name in encoders]
    return np.hstack(rows).astype(np.float64)


def texts_of(units: pd.DataFrame) -> list[str]:
    """Return the texts without persons' numbers; a missing one is empty."""
    return [without_numbers(text) if isinstance(text, str) else "" for text in units["text"]]


def column_texts(units: pd.DataFrame, name: str) -> list[str]:
    """Return a column's values, "" for missing ones."""
    if name not in units.columns:
        return [""] * len(units)
    return [value if isinstance(value, str) else "" for value in units[name]]


def normalised(text: str) -> str:
    """Return `text` in lower case, digits as 0, plain apostrophes; offsets stay."""
    return re.sub(r"\d", "0", fold_same_length(text, accents="all"))


def lemmas(text: str) -> list[str]:
    """Return the usual lemma of each word of a normalised text."""
    return [usual_lemma(word) for word in _WORD.findall(text)]


def lemma_pairs(text: str) -> list[str]:
    """Return lemmas, and neighbouring pairs joined by a space."""
    words = lemmas(text)
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def as_stored(values: NDArray[np.floating[Any]]) -> Array:
    """Return `values` as rounded in a file."""
    return np.asarray(values).astype(np.float32).astype(np.float64)


_TERMS: dict[str, dict[str, Any]] = {
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 3},
    "lemmas": {"analyzer": lemma_pairs, "min_df": 2},
}


def _vectorizer(name: str, **options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(lowercase=False, sublinear_tf=True, **_TERMS[name], **options)


MOST_SPANS = 3
_MOST_WORDS = 5
_MIN_SHARE = 0.4  # of the strongest word's weight
_SHORT_GAP = re.compile(r"\s(?:\w{1,3}['’]?\s)?")  # at most one short word between joined spans
_WRITTEN_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class TermIndex:
    """Columns of n-grams: `characters` within a word, `lemmas` along the text.

    `lemmas` start at `first_lemma`, and are empty where characters alone count.
    """

    character_ngrams: Callable[[str], Sequence[str]]
    characters: Mapping[str, int]
    lemmas: Mapping[str, int]
    first_lemma: int


def explain(
    texts: Sequence[str],
    terms: sparse.csr_matrix,
    weights: Array,
    index: TermIndex,
    mask: Mask,
) -> list[dict[int, list[Span]]]:
    """Return spans by code in `mask` (n_texts, n_codes).

    `terms` (n_texts, n_terms) are weighted; `weights` (n_terms, n_codes) are what each adds.
    """
    explained = []
    for row, text in enumerate(texts):
        columns = np.flatnonzero(mask[row]).tolist()
        words = [match.span() for match in _WRITTEN_WORD.finditer(text)]
        scores = np.zeros((0, 0))
        if columns:
            scores = _word_scores(normalised(text), words, terms[[row]], weights, columns, index)
        explained.append(
            {column: _best_spans(text, words, scores[:, i]) for i, column in enumerate(columns)}
        )
    return explained


def join_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return at most three spans in reading order: the first of `spans`, near ones joined."""
    chosen: list[Span] = []
    for span in spans[:_MOST_WORDS]:
        joined = _join(text, [*chosen, span])
        if len(joined) <= MOST_SPANS:
            chosen = joined
    return chosen


def _word_scores(
    text: str,
    words: list[Span],
    terms: sparse.csr_matrix,
    weights: Array,
    codes: list[int],
    index: TermIndex,
) -> Array:
    """Return (n_words, len(codes)); repeated n-grams share their weight."""
    occurrences = _occurrences(text, words, index)
    counts: dict[int, float] = defaultdict(float)
    for _, column, share in occurrences:
        counts[column] += share
    value_of = dict(zip(terms.indices.tolist(), terms.data.tolist(), strict=True))
    scores = np.zeros((len(words), len(codes)))
    weighed = [
        (word, column, share * value_of[column] / counts[column])
        for word, column, share in occurrences
        if column in value_of
    ]
    if weighed:
        places, columns, factors = zip(*weighed, strict=True)
        added = np.array(factors)[:, None] * weights[np.ix_(columns, codes)]
        np.add.at(scores, list(places), added)
    return scores


def _occurrences(text: str, words: list[Span], index: TermIndex) -> list[tuple[int, int, float]]:
    """Return (word, column, share); each word of a pair has half."""
    occurrences: list[tuple[int, int, float]] = []
    word_lemmas: list[tuple[int, str]] = []
    for word, (start, end) in enumerate(words):
        for ngram in index.character_ngrams(text[start:end]):
            if ngram in index.characters:
                occurrences.append((word, index.characters[ngram], 1.0))
        if index.lemmas:
            word_lemmas += [(word, lemma) for lemma in lemmas(text[start:end])]
    previous: tuple[int, str] | None = None
    for word, lemma in word_lemmas:
        if lemma in index.lemmas:
            occurrences.append((word, index.first_lemma + index.lemmas[lemma], 1.0))
        if previous and (pair := f"{previous[1]} {lemma}") in index.lemmas:
            column = index.first_lemma + index.lemmas[pair]
            occurrences += [(previous[0], column, 0.5), (word, column, 0.5)]
        previous = (word, lemma)
    return occurrences


def _best_spans(text: str, words: list[Span], scores: Array) -> list[Span]:
    trimmed = [_trim(text, word) for word in words]
    candidates = [i for i, (start, end) in enumerate(trimmed) if end - start > 2 and scores[i] > 0]
    ranked = sorted(candidates, key=lambda i: (-scores[i], i))
    strong = [i for i in ranked if scores[i] >= _MIN_SHARE * scores[ranked[0]]]
    chosen = join_spans(text, [trimmed[i] for i in strong])
    if chosen:
        return chosen
    whole = _trim(text, (0, len(text)))
    return [whole] if whole[1] > whole[0] else []


def _trim(text: str, span: Span) -> Span:
    inner = list(_WORD.finditer(text, *span))
    return (inner[0].start(), inner[-1].end()) if inner else (span[0], span[0])


def _join(text: str, spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or _SHORT_GAP.fullmatch(text, joined[-1][1], start)):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
