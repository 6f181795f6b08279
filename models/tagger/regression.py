"""Ridge regression of all codes at once, on vectors, n-grams and context, and what it says of groups that it has not seen.

In:   inputs, targets (n_units, n_outputs) 0 or 1, the group of each unit
Out:  Weights, whose outputs do not depend on what else is in the batch; each unit's outputs by the fit without its group

Fitted in the dual: one factorisation serves all codes, and gives the fits that leave a group out exactly, without making them.

What the labelled passages most like a unit bear: beside the ridge, which weighs each word alone, it knows turns that it has met before.

The posture, read again from what the ridge regression says of all codes and from the question: the same words complain, or propose.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, lapack
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from models.tagger.views import Array, Inputs

OF_QUESTION = 0.5  # how much more two passages that answer the same question have in common
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """One column an output.

    `vectors` (n_vectors, n_outputs), what each question adds to them in `by_question` (n_questions, n_vectors, n_outputs), `context`
    (n_context, n_outputs), `terms` (n_terms, n_outputs), `intercepts` (n_outputs).
    """

    vectors: Array
    by_question: Array
    context: Array
    terms: Array
    intercepts: Array

    def outputs(self, inputs: Inputs) -> Array:
        """Return (n_units, n_outputs), around 0 to 1; each unit's product is taken alone, because a batch changes the last bits."""
        summed = inputs.terms @ self.terms + inputs.context @ self.context + self.intercepts
        for row, (vector, question) in enumerate(
            zip(inputs.vectors, inputs.questions, strict=True)
        ):
            summed[row] += vector @ (
                self.vectors if question < 0 else self.vectors + self.by_question[question]
            )
        return np.asarray(summed)


def fit_weights(
    inputs: Inputs,
    targets: Array,
    known: NDArray[np.bool_],
    groups: NDArray[np.int64],
    *,
    penalty: float,
    counts: NDArray[np.int64],
) -> tuple[Weights, Array]:
    """Return the weights that minimise squared errors plus `penalty` times their squares, and the outputs of fits without each group.

    `known` (n_units, n_outputs) marks the targets that a person has judged; the others teach nothing. A unit counts `counts` times
    (n_units). Where there is a single group its units' held-out outputs are the shares of the true ones.
    """
    counted = known * counts[:, None]
    shares = (targets * counted).sum(axis=0) / np.maximum(1, counted.sum(axis=0))
    errors = np.where(known, targets - shares, 0.0).astype(np.float32)
    with threadpool_limits(1):  # the number of threads changes the last bits
        inverse = _inverse(_likeness(inputs), penalty / counts)
        duals = inverse @ errors
        held_out = errors.copy()
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            held_out[rows] -= np.linalg.solve(inverse[np.ix_(rows, rows)], duals[rows])
    return _weights(inputs, duals, shares), held_out + shares


def _likeness(inputs: Inputs) -> Single:
    """What each two units have in common (n_units, n_units)."""
    vectors, context = inputs.vectors.astype(np.float32), inputs.context.astype(np.float32)
    same_question = (inputs.questions[:, None] == inputs.questions) & (inputs.questions >= 0)
    alike = vectors @ vectors.T
    alike *= 1 + np.float32(OF_QUESTION) * same_question
    alike += context @ context.T
    for start in range(0, len(alike), 500):
        alike[start : start + 500] += (inputs.terms[start : start + 500] @ inputs.terms.T).toarray()
    return np.asarray(alike, dtype=np.float32)


def _inverse(likeness: Single, penalties: Array) -> Single:
    """The inverse of `likeness`, which is lost, plus each unit's penalty."""
    likeness[np.diag_indices_from(likeness)] += penalties.astype(np.float32)
    factor, _ = cho_factor(likeness, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = lapack.spotri(factor, lower=True, overwrite_c=True)
    lower = np.tril(inverse)
    return np.asarray(lower + np.tril(lower, -1).T)


def _weights(inputs: Inputs, duals: Single, shares: Array) -> Weights:
    vectors = inputs.vectors.astype(np.float32)
    by_question = [
        OF_QUESTION * vectors[inputs.questions == question].T @ duals[inputs.questions == question]
        for question in range(inputs.n_questions)
    ]
    return Weights(
        as_stored(vectors.T @ duals),
        as_stored(
            np.array(by_question).reshape(inputs.n_questions, vectors.shape[1], duals.shape[1])
        ),
        as_stored(inputs.context.T @ duals),
        as_stored(inputs.terms.T @ duals),
        as_stored(shares),
    )


def as_stored(values: NDArray[np.floating[Any]]) -> Array:
    """Return `values` as a file keeps them."""
    return np.asarray(values).astype(np.float32).astype(np.float64)


def sigmoid(logits: Array) -> Array:
    """Log-odds to probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def softmax(logits: Array) -> Array:
    """Rows of logits to rows of probabilities that sum to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True)) if logits.size else logits
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


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

    def beside(
        self, ridge: Array, inputs: Inputs, *, apart: NDArray[np.bool_] | None = None
    ) -> Array:
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
        vectors, context, terms = (
            _whole(inputs.vectors),
            _whole(inputs.context),
            _whole_terms(inputs.terms),
        )
        own = np.sqrt(_own_likeness(vectors, context, terms, inputs.questions))
        kept_vectors, kept_context, kept_terms = self._kept
        for start in range(0, len(vectors), _BATCH):
            rows = slice(start, start + _BATCH)
            is_same = (inputs.questions[rows, None] == self.questions) & (
                inputs.questions[rows, None] >= 0
            )
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
        weights = (
            np.take_along_axis(likeness, nearest, axis=1)[:, :, None] ** _SHARPNESS
            * self.known[nearest]
        )
        total = weights.sum(axis=1)
        said = (weights * self.outputs[nearest]).sum(axis=1) / np.maximum(total, 1e-12)
        return np.where(total > 1e-12, said, self._shares)

    @cached_property
    def _kept(self) -> tuple[Whole, Whole, sparse.csr_matrix]:
        n_terms = int(self.term_places.max(initial=0)) + 1
        terms = sparse.csr_matrix(
            (
                self.term_values.astype(np.float64),
                self.term_places.astype(np.int64),
                self.term_ends,
            ),
            shape=(len(self.vectors), n_terms),
        )
        return self.vectors.astype(np.float32), self.context.astype(np.float32), terms

    @cached_property
    def _own(self) -> Array:
        """How much each passage is like itself, square root taken, (n_passages)."""
        return np.sqrt(_own_likeness(*self._kept, self.questions))

    @cached_property
    def _shares(self) -> Array:
        return np.asarray(
            (self.outputs * self.known).sum(axis=0) / np.maximum(1, self.known.sum(axis=0))
        )


def _own_likeness(
    vectors: Whole, context: Whole, terms: sparse.csr_matrix, questions: NDArray[np.integer]
) -> Array:
    squares = (vectors.astype(np.float64) ** 2).sum(axis=1) * (1 + OF_QUESTION * (questions >= 0))
    return np.asarray(
        squares
        + (context.astype(np.float64) ** 2).sum(axis=1)
        + np.asarray(terms.multiply(terms).sum(axis=1)).ravel()
    )


def _whole(values: Array) -> Whole:
    """`values` in 256ths, as much of them as a signed byte holds: single dimensions stay well below a half."""
    return np.clip(np.rint(values * _PARTS), -127, 127).astype(np.float32)


def _whole_terms(terms: sparse.csr_matrix) -> sparse.csr_matrix:
    whole = terms.copy()
    whole.data = np.rint(whole.data * _PARTS)
    whole.eliminate_zeros()
    whole.sort_indices()
    return whole


_SCALE = 5.0  # of outputs beside the question's marks
_MOST_STEPS = 200


@dataclass(frozen=True)
class PostureWeights:
    """`outputs` (n_outputs, n_postures), `questions` (n_questions + 1, n_postures), the last row for a unit without a known question."""

    outputs: Array
    questions: Array

    def logits(self, outputs: Array, questions: NDArray[np.int64]) -> Array:
        """Return (n_units, n_postures); each unit's product is taken alone, because a batch changes the last bits."""
        summed = self.questions[questions]  # -1 is the last row
        for row, seen in enumerate(outputs):
            summed[row] += seen @ self.outputs
        return np.asarray(summed)


def read_again(
    outputs: Array, inputs: Inputs, targets: Array, row_weights: Array, groups: NDArray[np.int64]
) -> tuple[PostureWeights, Array]:
    """Return the weights learnt on all units, and each unit's logits by those that had not seen its group.

    `targets` (n_units, n_postures) has one true posture a row; a unit of weight 0 teaches nothing. A single group has seen itself.
    """
    logits = np.zeros(targets.shape)
    for group in np.unique(groups):
        asked = groups == group
        known = ~asked if not asked.all() else asked
        weights = _fit(
            outputs[known],
            inputs.questions[known],
            targets[known],
            row_weights[known],
            n_questions=inputs.n_questions,
        )
        logits[asked] = weights.logits(outputs[asked], inputs.questions[asked])
    return _fit(
        outputs, inputs.questions, targets, row_weights, n_questions=inputs.n_questions
    ), logits


def _fit(
    outputs: Array,
    questions: NDArray[np.int64],
    targets: Array,
    row_weights: Array,
    *,
    n_questions: int,
) -> PostureWeights:
    """The weights with the least log loss, each unit's times its weight, plus a ridge penalty."""
    inputs = np.hstack([_SCALE * outputs, np.eye(n_questions + 1)[questions]])

    def loss_and_slope(flat: Array) -> tuple[float, Array]:
        moved = flat.reshape(inputs.shape[1], targets.shape[1])
        chances = softmax(inputs @ moved)
        loss = (
            -(row_weights * (targets * np.log(np.maximum(chances, 1e-12))).sum(axis=1)).sum()
            + (moved**2).sum() / 2
        )
        return float(loss), (
            inputs.T @ (row_weights[:, None] * (chances - targets)) + moved
        ).ravel()

    start = np.zeros(inputs.shape[1] * targets.shape[1])
    with threadpool_limits(1):  # the number of threads changes the last bits
        found = minimize(
            loss_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS}
        ).x
    moved = found.reshape(inputs.shape[1], targets.shape[1])
    return PostureWeights(
        as_stored(_SCALE * moved[: outputs.shape[1]]), as_stored(moved[outputs.shape[1] :])
    )
