"""Rank passages by a search: by words and meaning together, or by likeness to one of them."""

import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from flows.meaning import MeaningIndex
from models.words import Scores
from pipeline.errors import ModelError
from pipeline.review import state
from pipeline.review.search import SearchQuery, search_index
from pipeline.review.selection import Selection
from pipeline.review.snapshot import Snapshot

N_NEAREST = 50  # passages that a search by meaning lists
_WORDS_WEIGHT = 0.5  # of every word of a question, beside closeness in -1..1
_lock = threading.Lock()


def rank(snapshot: Snapshot, wanted: Selection, unit_ids: Sequence[str]) -> list[str]:
    """Return those of the passages that the search finds, the nearest first.

    They are those with every word, and the nearest `N_NEAREST`; without vectors, those with words.
    A quoted phrase is looked for as it is.
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
    closeness = None if meaning is None else meaning.scores(wanted.typed)
    return [index.unit_ids[i] for i in merged(shares, closeness, rows, with_every_word)]


def merged(
    word_shares: Scores,
    closeness: NDArray[np.float32] | None,
    rows: NDArray[np.int64],
    always: Sequence[int] = (),
) -> list[int]:
    """Return `rows`, the best first: the nearest `N_NEAREST`, and those that are `always` in.

    A passage with every word of a question comes before nearly all others, and one with a few of
    them counts by its meaning (docs/decisions/0066).
    """
    scores = _WORDS_WEIGHT * word_shares[rows] ** 2
    if closeness is not None:
        scores = scores + closeness[rows]
    order = np.argsort(-scores, kind="stable")
    n_near = N_NEAREST if closeness is not None else int((scores > 0).sum())
    near, always_in = set(order[:n_near].tolist()), set(always)
    return [int(rows[i]) for i in order if int(i) in near or int(rows[i]) in always_in]


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
