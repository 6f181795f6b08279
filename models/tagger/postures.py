"""The posture, read again from what the ridge regression says of all codes and from the question: the same words complain, or propose.

In:   outputs (n_units, n_outputs) of fits that had not seen the unit, the question, the posture that a person gave
Out:  weights; log-odds of the postures, up to a constant a unit
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from models.tagger.linear import as_stored, softmax
from models.tagger.views import Array, Inputs

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
        weights = _fit(outputs[known], inputs.questions[known], targets[known], row_weights[known], n_questions=inputs.n_questions)
        logits[asked] = weights.logits(outputs[asked], inputs.questions[asked])
    return _fit(outputs, inputs.questions, targets, row_weights, n_questions=inputs.n_questions), logits


def _fit(outputs: Array, questions: NDArray[np.int64], targets: Array, row_weights: Array, *, n_questions: int) -> PostureWeights:
    """The weights with the least log loss, each unit's times its weight, plus a ridge penalty."""
    inputs = np.hstack([_SCALE * outputs, np.eye(n_questions + 1)[questions]])

    def loss_and_slope(flat: Array) -> tuple[float, Array]:
        moved = flat.reshape(inputs.shape[1], targets.shape[1])
        chances = softmax(inputs @ moved)
        loss = -(row_weights * (targets * np.log(np.maximum(chances, 1e-12))).sum(axis=1)).sum() + (moved**2).sum() / 2
        return float(loss), (inputs.T @ (row_weights[:, None] * (chances - targets)) + moved).ravel()

    start = np.zeros(inputs.shape[1] * targets.shape[1])
    with threadpool_limits(1):  # the number of threads changes the last bits
        found = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS}).x
    moved = found.reshape(inputs.shape[1], targets.shape[1])
    return PostureWeights(as_stored(_SCALE * moved[: outputs.shape[1]]), as_stored(moved[outputs.shape[1] :]))
