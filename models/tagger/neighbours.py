"""What the labelled passages most like a unit bear: beside the ridge, which weighs each word alone, it knows turns that it has met before.

In:   inputs of units; inputs and outputs of the passages that are remembered
Out:  outputs (n_units, n_outputs), each unit's from itself alone

Two passages are alike as the ridge sees them (models.tagger.linear), over how much each is like itself. What is compared is kept in whole
numbers, whose products sum exactly in any order: the size of a batch changes no bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from models.tagger.linear import OF_QUESTION
from models.tagger.views import Array, Inputs

SHARE = 0.2  # of the neighbours in what is put out, beside the ridge; as the two below, chosen on files of data/training left out
_N_NEAREST = 30
_SHARPNESS = 4  # the power of the likeness by which neighbours weigh
_PARTS = 256  # what is compared is kept in 256ths
_BATCH = 256
Whole = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """Passages that are remembered, no word of them as written.

    `vectors` (n_passages, n_vectors), `context` (n_passages, n_context) and `terms` (n_passages, n_terms) in 256ths, `questions`
    (n_passages), what each bears in `outputs` and what of it somebody judged in `known`, both (n_passages, n_outputs), 0 or 1.
    """

    vectors: NDArray[np.int8]
    context: NDArray[np.int8]
    questions: NDArray[np.int16]
    term_values: NDArray[np.uint16]
    term_places: NDArray[np.uint32] | NDArray[np.uint16]
    term_ends: NDArray[np.int64]
    outputs: NDArray[np.uint8]
    known: NDArray[np.uint8]

    @classmethod
    def remember(cls, inputs: Inputs, outputs: Array, known: NDArray[np.bool_]) -> "Neighbours":
        """Remember every passage of `inputs`, with what it bears."""
        terms = _whole_terms(inputs.terms)
        return cls(
            _whole(inputs.vectors).astype(np.int8),
            _whole(inputs.context).astype(np.int8),
            inputs.questions.astype(np.int16),
            terms.data.astype(np.uint16),
            terms.indices.astype(np.uint16 if terms.shape[1] <= 2**16 else np.uint32),
            terms.indptr.astype(np.int64),
            outputs.astype(np.uint8),
            known.astype(np.uint8),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What a file keeps; `Neighbours(**arrays)` gives the same back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def beside(self, ridge: Array, inputs: Inputs, *, apart: NDArray[np.bool_] | None = None) -> Array:
        """Return `ridge` (n_units, n_outputs) with the neighbours' share in it.

        `apart` (n_units, n_passages) marks passages that a unit may not be compared with, as those of its own group.
        """
        said = np.zeros_like(ridge)
        for rows, likeness in self._likeness(inputs):
            if apart is not None:
                likeness[apart[rows]] = 0.0
            said[rows] = self._said_by_nearest(likeness)
        return np.asarray((1 - SHARE) * ridge + SHARE * said)

    def _likeness(self, inputs: Inputs) -> Iterator[tuple[slice, Array]]:
        """Cosines (n_rows, n_passages), a batch of units at a time."""
        vectors, context, terms = _whole(inputs.vectors), _whole(inputs.context), _whole_terms(inputs.terms)
        own = np.sqrt(_own_likeness(vectors, context, terms, inputs.questions))
        kept_vectors, kept_context, kept_terms = self._kept
        for start in range(0, len(vectors), _BATCH):
            rows = slice(start, start + _BATCH)
            is_same = (inputs.questions[rows, None] == self.questions) & (inputs.questions[rows, None] >= 0)
            with threadpool_limits(1):
                alike = (vectors[rows] @ kept_vectors.T).astype(np.float64)
                alike *= 1 + OF_QUESTION * is_same
                alike += context[rows] @ kept_context.T
            alike += (terms[rows, : kept_terms.shape[1]] @ kept_terms.T).toarray()
            yield rows, np.maximum(alike, 0.0) / np.maximum(own[rows, None] * self._own, 1e-9)

    def _said_by_nearest(self, likeness: Array) -> Array:
        """The mean of what the nearest passages bear, the more alike the heavier; the share of all where no judged one is alike."""
        n_nearest = min(_N_NEAREST, likeness.shape[1])
        nearest = np.argpartition(-likeness, n_nearest - 1, axis=1)[:, :n_nearest]
        weights = np.take_along_axis(likeness, nearest, axis=1)[:, :, None] ** _SHARPNESS * self.known[nearest]
        total = weights.sum(axis=1)
        said = (weights * self.outputs[nearest]).sum(axis=1) / np.maximum(total, 1e-12)
        return np.where(total > 1e-12, said, self._shares)

    @cached_property
    def _kept(self) -> tuple[Whole, Whole, sparse.csr_matrix]:
        n_terms = int(self.term_places.max(initial=0)) + 1
        terms = sparse.csr_matrix(
            (self.term_values.astype(np.float64), self.term_places.astype(np.int64), self.term_ends), shape=(len(self.vectors), n_terms)
        )
        return self.vectors.astype(np.float32), self.context.astype(np.float32), terms

    @cached_property
    def _own(self) -> Array:
        """How much each passage is like itself, square root taken, (n_passages)."""
        return np.sqrt(_own_likeness(*self._kept, self.questions))

    @cached_property
    def _shares(self) -> Array:
        return np.asarray((self.outputs * self.known).sum(axis=0) / np.maximum(1, self.known.sum(axis=0)))


def _own_likeness(vectors: Whole, context: Whole, terms: sparse.csr_matrix, questions: NDArray[np.integer]) -> Array:
    squares = (vectors.astype(np.float64) ** 2).sum(axis=1) * (1 + OF_QUESTION * (questions >= 0))
    return np.asarray(squares + (context.astype(np.float64) ** 2).sum(axis=1) + np.asarray(terms.multiply(terms).sum(axis=1)).ravel())


def _whole(values: Array) -> Whole:
    """`values` in 256ths, as much of them as a signed byte holds: single dimensions stay well below a half."""
    return np.clip(np.rint(values * _PARTS), -127, 127).astype(np.float32)


def _whole_terms(terms: sparse.csr_matrix) -> sparse.csr_matrix:
    whole = terms.copy()
    whole.data = np.rint(whole.data * _PARTS)
    whole.eliminate_zeros()
    whole.sort_indices()
    return whole
