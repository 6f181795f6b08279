"""Learn all codes at once: ridge regression, nearest passages, exclusive axes.

The ridge is in the dual: one factorisation serves all codes and gives exact leave-group-out fits.
Labels of similar passages are blended in. An exclusive axis is then learnt from all outputs and the
question: the same words complain, or propose. Units are multiplied one by one where a batch would
change the last bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, lapack
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.tagger.features import Array, Features, Mask, as_stored

Groups = NDArray[np.int64]
Single = NDArray[np.float32]

SAME_QUESTION = 0.5  # similarity added, as a share, to two answers to one question


@dataclass(frozen=True)
class Weights:
    """Ridge weights, one column an output, fields as in the model's file.

    `by_question` (n_questions, n_vectors, n_outputs) adds to `vectors` (n_vectors, n_outputs).
    """

    vectors: Array
    by_question: Array
    context: Array
    terms: Array
    intercepts: Array

    def outputs(self, features: Features) -> Array:
        """Return (n_units, n_outputs), around 0 to 1."""
        outputs = features.terms @ self.terms + features.context @ self.context + self.intercepts
        pairs = zip(features.vectors, features.questions, strict=True)
        for row, (vector, question) in enumerate(pairs):
            known = self.vectors if question < 0 else self.vectors + self.by_question[question]
            outputs[row] += vector @ known
        return np.asarray(outputs)


def fit_weights(
    features: Features,
    targets: Array,
    judged: Mask,
    groups: Groups,
    *,
    penalty: float,
    counts: NDArray[np.int64],
) -> tuple[Weights, Array]:
    """Return the ridge weights, and each unit's outputs by the fit without its group.

    Only `judged` (n_units, n_outputs) targets teach; a unit counts `counts` times (n_units). For a
    single group, held-out outputs are shares of true targets.
    """
    counted = judged * counts[:, None]
    shares = (targets * counted).sum(axis=0) / np.maximum(1, counted.sum(axis=0))
    errors = np.where(judged, targets - shares, 0.0).astype(np.float32)
    with threadpool_limits(1):  # the number of threads changes the last bits
        inverse = _inverse(_kernel(features), penalty / counts)
        duals = inverse @ errors
        held_out = errors.copy()
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            held_out[rows] -= np.linalg.solve(inverse[np.ix_(rows, rows)], duals[rows])
    return _weights(features, duals, shares), held_out + shares


def _kernel(features: Features) -> Single:
    vectors, context = features.vectors.astype(np.float32), features.context.astype(np.float32)
    kernel = vectors @ vectors.T
    kernel *= 1 + np.float32(SAME_QUESTION) * _same_question(features.questions, features.questions)
    kernel += context @ context.T
    for start in range(0, len(kernel), 500):
        rows = slice(start, start + 500)
        kernel[rows] += (features.terms[rows] @ features.terms.T).toarray()
    return np.asarray(kernel, dtype=np.float32)


def _same_question(first: NDArray[np.integer], second: NDArray[np.integer]) -> Mask:
    return np.asarray((first[:, None] == second) & (first[:, None] >= 0))


def _inverse(kernel: Single, penalties: Array) -> Single:
    """Overwrite `kernel`."""
    kernel[np.diag_indices_from(kernel)] += penalties.astype(np.float32)
    factor, _ = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = lapack.spotri(factor, lower=True, overwrite_c=True)
    lower = np.tril(inverse)
    return np.asarray(lower + np.tril(lower, -1).T)


def _weights(features: Features, duals: Single, shares: Array) -> Weights:
    vectors = features.vectors.astype(np.float32)
    by_question = []
    for question in range(features.n_questions):
        rows = features.questions == question
        by_question.append(SAME_QUESTION * vectors[rows].T @ duals[rows])
    shape = (features.n_questions, vectors.shape[1], duals.shape[1])
    return Weights(
        as_stored(vectors.T @ duals),
        as_stored(np.array(by_question).reshape(shape)),
        as_stored(features.context.T @ duals),
        as_stored(features.terms.T @ duals),
        as_stored(shares),
    )


def sigmoid(logits: Array) -> Array:
    """Return probabilities of log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


# Chosen on left-out files of data/training.
SHARE = 0.2  # of the neighbours' labels in the outputs
_N_NEAREST = 30
_SHARPNESS = 4  # power of the similarity in neighbours' weights
_UNITS = 256  # features are stored as whole 256ths
_BATCH = 256


@dataclass(frozen=True)
class Neighbours:
    """Labelled passages to compare others with, without their words; fields as in the file.

    `vectors` and `context` have a row a passage, in 256ths as terms; labels `outputs` and judged
    ones `known` are (n_passages, n_outputs), 0 or 1.
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
    def of_passages(cls, features: Features, outputs: Array, judged: Mask) -> "Neighbours":
        """Store every passage of `features`, with its labels."""
        terms = _whole_terms(features.terms)
        return cls(
            _whole(features.vectors).astype(np.int8),
            _whole(features.context).astype(np.int8),
            features.questions.astype(np.int16),
            terms.data.astype(np.uint16),
            terms.indices.astype(np.uint16 if terms.shape[1] <= 2**16 else np.uint32),
            terms.indptr.astype(np.int64),
            outputs.astype(np.uint8),
            judged.astype(np.uint8),
        )

    def rounded_vectors(self) -> Array:
        """Return the passages' vectors as features, rounded."""
        return self.vectors.astype(np.float64) / _UNITS

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of a file, for `Neighbours(**arrays)`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def blend(self, outputs: Array, features: Features, *, excluded: Mask | None = None) -> Array:
        """Return `outputs` (n_units, n_outputs) blended with neighbours' labels.

        `excluded` (n_units, n_passages) marks passages not to compare.
        """
        nearest = np.zeros_like(outputs)
        for rows, similarity in self._similarities(features):
            if excluded is not None:
                similarity[excluded[rows]] = 0.0
            nearest[rows] = self._labels_of_nearest(similarity)
        return np.asarray((1 - SHARE) * outputs + SHARE * nearest)

    def _similarities(self, features: Features) -> Iterator[tuple[slice, Array]]:
        vectors, context = _whole(features.vectors), _whole(features.context)
        terms, questions = _whole_terms(features.terms), features.questions
        norms = np.sqrt(_squared_norms(vectors, context, terms, questions))
        own_vectors, own_context, own_terms = self._features
        for start in range(0, len(vectors), _BATCH):
            rows = slice(start, start + _BATCH)
            same_question = _same_question(questions[rows], self.questions)
            with threadpool_limits(1):
                similarity = (vectors[rows] @ own_vectors.T).astype(np.float64)
                similarity *= 1 + SAME_QUESTION * same_question
                similarity += context[rows] @ own_context.T
            similarity += (terms[rows, : own_terms.shape[1]] @ own_terms.T).toarray()
            scale = np.maximum(norms[rows, None] * self._norms, 1e-9)
            yield rows, np.maximum(similarity, 0.0) / scale

    def _labels_of_nearest(self, similarity: Array) -> Array:
        n_nearest = min(_N_NEAREST, similarity.shape[1])
        nearest = np.argpartition(-similarity, n_nearest - 1, axis=1)[:, :n_nearest]
        closeness = np.take_along_axis(similarity, nearest, axis=1)[:, :, None]
        weights = closeness**_SHARPNESS * self.known[nearest]
        total = weights.sum(axis=1)
        labels = (weights * self.outputs[nearest]).sum(axis=1) / np.maximum(total, 1e-12)
        return np.where(total > 1e-12, labels, self._shares)

    @cached_property
    def _features(self) -> tuple[Single, Single, sparse.csr_matrix]:
        n_terms = int(self.term_places.max(initial=0)) + 1
        columns = self.term_places.astype(np.int64)
        terms = sparse.csr_matrix(
            (self.term_values.astype(np.float64), columns, self.term_ends),
            shape=(len(self.vectors), n_terms),
        )
        return self.vectors.astype(np.float32), self.context.astype(np.float32), terms

    @cached_property
    def _norms(self) -> Array:
        return np.sqrt(_squared_norms(*self._features, self.questions))

    @cached_property
    def _shares(self) -> Array:
        n_judged = np.maximum(1, self.known.sum(axis=0))
        return np.asarray((self.outputs * self.known).sum(axis=0) / n_judged)


def _squared_norms(
    vectors: Single, context: Single, terms: sparse.csr_matrix, questions: NDArray[np.integer]
) -> Array:
    of_vectors = (vectors.astype(np.float64) ** 2).sum(axis=1)
    of_vectors = of_vectors * (1 + SAME_QUESTION * (questions >= 0))
    of_context = (context.astype(np.float64) ** 2).sum(axis=1)
    of_terms = np.asarray(terms.multiply(terms).sum(axis=1)).ravel()
    return np.asarray(of_vectors + of_context + of_terms)


def _whole(values: Array) -> Single:
    """A signed byte is enough: single dimensions are well below a half."""
    return np.clip(np.rint(values * _UNITS), -127, 127).astype(np.float32)


def _whole_terms(terms: sparse.csr_matrix) -> sparse.csr_matrix:
    whole = terms.copy()
    whole.data = np.rint(whole.data * _UNITS)
    whole.eliminate_zeros()
    whole.sort_indices()
    return whole


_OUTPUT_SCALE = 5.0  # of outputs beside the question's marks
_MAX_ITERATIONS = 200
_UNSEEN = -10.0  # of a code without example, in every question


@dataclass(frozen=True)
class ExclusiveWeights:
    """Weights of one exclusive axis, fields as in the model's file.

    `outputs` (n_outputs, n_codes); `questions` (n_questions + 1, n_codes), unknown last.
    """

    outputs: Array
    questions: Array

    def logits(self, outputs: Array, questions: NDArray[np.int64]) -> Array:
        """Return (n_units, n_codes)."""
        logits = self.questions[questions]  # -1 is the last row
        for row, unit_outputs in enumerate(outputs):
            logits[row] += unit_outputs @ self.outputs
        return np.asarray(logits)


def fit_exclusive(
    outputs: Array, features: Features, targets: Array, row_weights: Array, groups: Groups
) -> tuple[ExclusiveWeights, Array]:
    """Return the weights of one exclusive axis, and logits of each unit without its group.

    `targets` (n_units, n_codes) has one true code a row. A single group is judged by the fit that
    saw it.
    """
    questions, n_questions = features.questions, features.n_questions
    logits = np.zeros(targets.shape)
    for group in np.unique(groups):
        held_out = groups == group
        rest = held_out if held_out.all() else ~held_out
        weights = _fit_softmax(
            outputs[rest], questions[rest], targets[rest], row_weights[rest], n_questions
        )
        logits[held_out] = weights.logits(outputs[held_out], questions[held_out])
    return _fit_softmax(outputs, questions, targets, row_weights, n_questions), logits


def _fit_softmax(
    outputs: Array,
    questions: NDArray[np.int64],
    targets: Array,
    row_weights: Array,
    n_questions: int,
) -> ExclusiveWeights:
    inputs = np.hstack([_OUTPUT_SCALE * outputs, np.eye(n_questions + 1)[questions]])
    rows, present = np.flatnonzero(row_weights > 0), targets[row_weights > 0].any(axis=0)
    weights = np.zeros((inputs.shape[1], targets.shape[1]))
    weights[outputs.shape[1] :, ~present] = _UNSEEN
    if present.sum() > 1:
        # of two codes, scikit-learn learns one column, the difference, under half the penalty
        is_pair = present.sum() == 2
        model = LogisticRegression(
            C=2.0 if is_pair else 1.0, fit_intercept=False, max_iter=_MAX_ITERATIONS
        )
        with threadpool_limits(1):  # the number of threads changes the last bits
            model.fit(inputs[rows], targets[rows].argmax(axis=1), row_weights[rows])
        learnt = np.vstack([-model.coef_, model.coef_]) / 2 if is_pair else model.coef_
        weights[:, present] = learnt.T
    n_outputs = outputs.shape[1]
    return ExclusiveWeights(
        as_stored(_OUTPUT_SCALE * weights[:n_outputs]), as_stored(weights[n_outputs:])
    )
