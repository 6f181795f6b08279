"""Rank passages by a search: by words and meaning together, or by likeness to one of them."""

import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from flows.meaning import MeaningIndex
from models.catalogue import is_word_of_subjects
from models.words import Scores
from pipeline.errors import ModelError
from pipeline.review import state
from pipeline.review.search import SearchQuery, search_index
from pipeline.review.selection import Selection
from pipeline.review.snapshot import Snapshot

N_NEAREST = 50  # passages that a search by meaning lists, at most
# Of -1..1: what is further from a question than this, or than half of the nearest, is not listed.
# On the example, questions of the field have 9 to 30 passages within, words foreign to it 0 to 9.
_LEAST_CLOSENESS = 0.25
_WORDS_WEIGHT = 0.5  # of every word of a question, beside closeness in -1..1
_lock = threading.Lock()


def rank(snapshot: Snapshot, wanted: Selection, unit_ids: Sequence[str]) -> list[str]:
    """Return those of the passages that the search finds, the nearest first.

    They are those with every word, and at most `N_NEAREST` near ones; without vectors, those with
    words. A quoted phrase is looked for as it is. A word that nothing says has no meaning to
    compare.
    """
    index = search_index(snapshot)
    rows = np.array([index.row_of[name] for name in unit_ids], dtype=np.int64)
    if not len(rows):
        return []
    query = SearchQuery(wanted.typed)
    with_every_word = index.rows_with(query)
    if query.has_phrase and not wanted.like:
        among = set(unit_ids)
        return [name for i in with_every_word if (name := index.unit_ids[i]) in among]
    meaning = meaning_of(snapshot)
    if wanted.like:
        return _like(wanted.like, index.row_of, index.unit_ids, rows, meaning)
    shares = index.words.shares(wanted.typed)
    is_read = meaning is not None and (shares.any() or is_word_of_subjects(wanted.typed))
    closeness = meaning.scores(wanted.typed) if meaning is not None and is_read else None
    return [index.unit_ids[i] for i in merged(shares, closeness, rows, with_every_word)]


def merged(
    word_shares: Scores,
    closeness: NDArray[np.float32] | None,
    rows: NDArray[np.int64],
    always: Sequence[int] = (),
) -> list[int]:
    """Return `rows`, the best first: at most `N_NEAREST` near ones, and those `always` in.

    A passage with every word of a question comes before nearly all others, and one with a few of
    them counts by its meaning (docs/decisions/0066).
    """
    scores = _WORDS_WEIGHT * word_shares[rows] ** 2
    is_near = scores > 0
    if closeness is not None:
        near = closeness[rows]
        scores = scores + near
        is_near = near >= max(_LEAST_CLOSENESS, near.max(initial=0.0) / 2)
        is_near[np.argsort(-scores, kind="stable")[N_NEAREST:]] = False
    listed, always_in = set(rows[is_near].tolist()), set(always)
    order = (int(rows[i]) for i in np.argsort(-scores, kind="stable"))
    return [i for i in order if i in listed or i in always_in]


def holds_no_word(snapshot: Snapshot, typed: str) -> bool:
    """Whether no passage of the study holds any word of a question."""
    index, query = search_index(snapshot), SearchQuery(typed)
    return bool(query) and not index.rows_with(query) and not index.words.shares(typed).any()


def _like(
    unit_id: str,
    row_of: dict[str, int],
    unit_ids: Sequence[str],
    rows: NDArray[np.int64],
    meaning: MeaningIndex | None,
) -> list[str]:
    if meaning is None or unit_id not in row_of:
        return []
    scores = meaning.scores_like(row_of[unit_id])[rows]
    nearest = (unit_ids[rows[i]] for i in np.argsort(-scores, kind="stable"))
    return [name for name in nearest if name != unit_id][:N_NEAREST]


def meaning_of(snapshot: Snapshot) -> MeaningIndex | None:
    """Return the vectors of the run's passages; None if they wait for the next run."""
    with _lock:  # the first search reads the encoder, once
        try:
            return _meaning(snapshot)
        except ModelError:
            return None


@lru_cache(maxsize=2)
def _meaning(snapshot: Snapshot) -> MeaningIndex:
    return MeaningIndex(state.study(), [unit.text for unit in snapshot.units.values()])
