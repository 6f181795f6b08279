"""Where a tag shows in the text: the words whose n-grams weigh most for its code.

In:   texts, and the weight of each n-gram for each code
Out:  at most three spans a text and code, word-bounded, half-open code points; the whole passage where no word speaks for the code
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.tagger.views import Array, lemmas, normalised

Span = tuple[int, int]

MOST_SPANS = 3
_MOST_WORDS = 5
_LEAST_SHARE = 0.4  # of the strongest word's weight
_SHORT_GAP = re.compile(r"\s(?:\w{1,3}['’]?\s)?")  # at most one short word between two joined spans
_WRITTEN_WORD = re.compile(r"\S+")
_WORD = re.compile(r"(?u)\w+")


@dataclass(frozen=True)
class TermIndex:
    """Columns of n-grams: `characters` counts inside a written word (n-grams padded with spaces), `lemmas` along the text."""

    character_ngrams: Callable[[str], Sequence[str]]
    characters: Mapping[str, int]
    lemmas: Mapping[str, int]  # one lemma or two, joined by a space; empty where only characters count
    lemmas_at: int  # column of the first lemma


def explain(
    texts: Sequence[str], terms: sparse.csr_matrix, weights: Array, index: TermIndex, asked: NDArray[np.bool_]
) -> list[dict[int, list[Span]]]:
    """Return, for each text, the spans of each code that `asked` (n_texts, n_codes) marks.

    `terms` are the texts' weighted n-grams (n_texts, n_terms), `weights` what each adds to a code (n_terms, n_codes).
    """
    explained = []
    for place, text in enumerate(texts):
        columns = np.flatnonzero(asked[place]).tolist()
        words = [(match.start(), match.end()) for match in _WRITTEN_WORD.finditer(text)]
        scores = _word_scores(normalised(text), words, terms[[place]], weights[:, columns], index) if columns else np.zeros((0, 0))
        explained.append({column: _spans(text, words, scores[:, at]) for at, column in enumerate(columns)})
    return explained


def join_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return at most three spans in reading order, the first of `spans` before the others, near ones joined."""
    chosen: list[Span] = []
    for span in spans[:_MOST_WORDS]:
        joined = _join(text, [*chosen, span])
        if len(joined) <= MOST_SPANS:
            chosen = joined
    return chosen


def _word_scores(text: str, words: list[Span], terms: sparse.csr_matrix, weights: Array, index: TermIndex) -> Array:
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
        found += [(place, index.characters[gram], 1.0) for gram in index.character_ngrams(text[start:end]) if gram in index.characters]
        holder += [(place, lemma) for lemma in (lemmas(text[start:end]) if index.lemmas else ())]
    for at, (place, lemma) in enumerate(holder):
        if lemma in index.lemmas:
            found.append((place, index.lemmas_at + index.lemmas[lemma], 1.0))
        if at and (pair := f"{holder[at - 1][1]} {lemma}") in index.lemmas:
            found += [(owner, index.lemmas_at + index.lemmas[pair], 0.5) for owner in (holder[at - 1][0], place)]
    return found


def _spans(text: str, words: list[Span], scores: NDArray[np.float64]) -> list[Span]:
    """The strongest words, neighbours joined, in reading order."""
    trimmed = [_trim(text, word) for word in words]
    telling = [place for place, (start, end) in enumerate(trimmed) if end - start > 2 and scores[place] > 0]
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
    inner = list(_WORD.finditer(text, *span))
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
