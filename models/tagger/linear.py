"""Ridge regression of all codes at once, on vectors, n-grams and context, and what it says of groups that it has not seen.

In:   inputs, targets (n_units, n_outputs) 0 or 1, the group of each unit
Out:  Weights, whose outputs do not depend on what else is in the batch; each unit's outputs by the fit without its group

Fitted in the dual: one factorisation serves all codes, and gives the fits that leave a group out exactly, without making them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, lapack
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
        for row, (vector, question) in enumerate(zip(inputs.vectors, inputs.questions, strict=True)):
            summed[row] += vector @ (self.vectors if question < 0 else self.vectors + self.by_question[question])
        return np.asarray(summed)


def fit_weights(
    inputs: Inputs, targets: Array, known: NDArray[np.bool_], groups: NDArray[np.int64], *, penalty: float, counts: NDArray[np.int64]
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
        as_stored(np.array(by_question).reshape(inputs.n_questions, vectors.shape[1], duals.shape[1])),
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
