"""Penalised logistic regressions of all codes at once, on dense vectors and sparse n-grams.

In:   inputs, targets (n_units, n_outputs) 0 or 1
Out:  Weights; logits whose bits do not depend on what else is in the batch
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from models.tagger.views import Array, Inputs

_MOST_STEPS = 200


@dataclass(frozen=True)
class Weights:
    """One column an output: `dense` (n_dense, n_outputs), `terms` (n_terms, n_outputs), `intercepts` (n_outputs)."""

    dense: Array
    terms: Array
    intercepts: Array

    def logits(self, inputs: Inputs) -> Array:
        """Return (n_units, n_outputs); each unit's product is taken alone, because a batch changes the last bits."""
        from_terms = inputs.terms @ self.terms
        from_vectors = np.array([row @ self.dense for row in inputs.dense]).reshape(from_terms.shape)
        return np.asarray(from_terms + from_vectors + self.intercepts)


def fit_weights(inputs: Inputs, targets: Array, row_weights: Array, *, inverse_penalty: float, n_exclusive: int) -> Weights:
    """Return the weights that minimise log loss plus a ridge penalty; the last `n_exclusive` outputs share one softmax.

    An output that is always or never true gets no weights and its smoothed log-odds as intercept.
    """
    n_dense, n_terms, n_outputs = inputs.dense.shape[1], inputs.terms.shape[1], targets.shape[1]
    n_free = n_outputs - n_exclusive
    start = np.zeros((n_dense + n_terms + 1, n_outputs))
    start[-1] = _log_odds(targets, row_weights)
    moving = np.array([0 < count < len(targets) for count in targets.sum(axis=0)])
    moving[n_free:] = moving[n_free:].any()
    terms, terms_transposed = inputs.terms, inputs.terms.T.tocsr()

    def loss_and_slope(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(start.shape)
        logits = inputs.dense @ weights[:n_dense] + terms @ weights[n_dense:-1] + weights[-1]
        loss, errors = _log_loss(logits, targets, n_free)
        errors *= row_weights[:, None] * moving
        slope = np.vstack([inputs.dense.T @ errors, terms_transposed @ errors, errors.sum(axis=0)[None]])
        slope[:-1] += weights[:-1] / inverse_penalty
        penalty = (weights[:-1] ** 2).sum() / (2 * inverse_penalty)
        return float((row_weights[:, None] * loss * moving).sum() + penalty), slope.ravel()

    with threadpool_limits(1):  # the number of threads changes the last bits
        found = minimize(loss_and_slope, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS, "maxcor": 10})
    weights = found.x.reshape(start.shape).astype(np.float32).astype(np.float64)  # as stored
    return Weights(weights[:n_dense], weights[n_dense:-1], weights[-1])


def sigmoid(logits: Array) -> Array:
    """Log-odds to probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def softmax(logits: Array) -> Array:
    """Rows of logits to rows of probabilities that sum to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True)) if logits.size else logits
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _log_loss(logits: Array, targets: Array, n_free: int) -> tuple[Array, Array]:
    """Loss and its slope in the logits, both (n_units, n_outputs); a softmax's loss lies in its own true column."""
    free, exclusive = logits[:, :n_free], logits[:, n_free:]
    loss = np.zeros_like(logits)
    loss[:, :n_free] = np.logaddexp(0, free) - targets[:, :n_free] * free
    errors = np.empty_like(logits)
    errors[:, :n_free] = sigmoid(free) - targets[:, :n_free]
    if exclusive.shape[1]:
        chances = softmax(exclusive)
        known = targets[:, n_free:].sum(axis=1, keepdims=True)  # 0 for a unit without a posture: it teaches none
        loss[:, n_free:] = -targets[:, n_free:] * np.log(np.maximum(chances, 1e-12))
        errors[:, n_free:] = known * chances - targets[:, n_free:]
    return loss, errors


def _log_odds(targets: Array, row_weights: Array) -> NDArray[np.float64]:
    positive = (targets * row_weights[:, None]).sum(axis=0)
    return np.asarray(np.log((positive + 0.5) / (row_weights.sum() - positive + 0.5)))
