"""What the passages most like a unit bear: the nearest count most, a batch changes nothing, and nothing is said of what nobody judged."""

import numpy as np
import pytest
from scipy import sparse

from models.tagger.features import Features
from models.tagger.regression import SHARE, Neighbours

N_TERMS, N_OUTPUTS = 40, 3


def inputs_of(n: int, seed: int, n_questions: int = 2) -> Features:
    rng = np.random.default_rng(seed)
    terms = sparse.random(n, N_TERMS, density=0.2, random_state=seed, format="csr")
    return Features(
        rng.normal(0, 0.1, (n, 16)),
        np.zeros((n, 2)),
        rng.integers(-1, n_questions, n),
        n_questions,
        terms,
    )


def rows_of(inputs: Features, rows: slice) -> Features:
    return Features(
        inputs.vectors[rows],
        inputs.context[rows],
        inputs.questions[rows],
        inputs.n_questions,
        inputs.terms[rows],
    )


@pytest.fixture(scope="module")
def remembered() -> tuple[Features, np.ndarray, Neighbours]:
    inputs = inputs_of(200, 1)
    outputs = (np.random.default_rng(2).random((200, N_OUTPUTS)) < 0.3).astype(float)
    return (
        inputs,
        outputs,
        Neighbours.of_passages(inputs, outputs, np.ones(outputs.shape, dtype=bool)),
    )


def test_a_passage_s_own_labels_count_most_where_it_is_remembered(remembered):
    inputs, outputs, neighbours = remembered
    said = neighbours.blend(np.zeros_like(outputs), inputs) / SHARE
    assert (said[outputs == 1] > said.mean()).mean() > 0.95
    assert said.min() >= 0
    assert said.max() <= 1


def test_the_size_of_a_batch_changes_no_bit(remembered):
    _, _, neighbours = remembered
    asked = inputs_of(600, 3)
    ridge = np.random.default_rng(4).random((600, N_OUTPUTS))
    together = neighbours.blend(ridge, asked)
    alone = np.vstack(
        [
            neighbours.blend(ridge[at : at + 1], rows_of(asked, slice(at, at + 1)))
            for at in (0, 255, 256, 599)
        ]
    )
    assert np.array_equal(alone, together[[0, 255, 256, 599]])


def test_a_passage_that_is_kept_apart_says_nothing(remembered):
    inputs, outputs, neighbours = remembered
    apart = np.eye(len(outputs), dtype=bool)
    changed = Neighbours(
        **neighbours.arrays()
        | {"outputs": np.where(np.arange(200)[:, None] == 7, 1 - outputs, outputs).astype(np.uint8)}
    )
    before, after = (
        known.blend(np.zeros_like(outputs), inputs, excluded=apart)[7]
        for known in (neighbours, changed)
    )
    assert np.array_equal(before, after)


def test_what_nobody_judged_is_not_taken_for_absent(remembered):
    inputs, outputs, _ = remembered
    known = np.ones(outputs.shape, dtype=bool)
    known[:, 0] = False
    known[:5, 0] = True
    outputs = np.where(known, outputs, 0.0)
    outputs[:5, 0] = 1.0
    said = (
        Neighbours.of_passages(inputs, outputs, known).blend(np.zeros_like(outputs), inputs) / SHARE
    )
    assert said[:, 0] == pytest.approx(1.0)


def test_fewer_passages_than_neighbours_are_enough():
    inputs = inputs_of(4, 5)
    outputs = np.eye(4, N_OUTPUTS)
    said = Neighbours.of_passages(inputs, outputs, np.ones(outputs.shape, dtype=bool)).blend(
        np.zeros((9, N_OUTPUTS)), inputs_of(9, 6)
    )
    assert np.isfinite(said).all()


def test_no_unit_gives_no_row(remembered):
    _, _, neighbours = remembered
    assert neighbours.blend(
        np.zeros((0, N_OUTPUTS)), rows_of(inputs_of(1, 7), slice(0, 0))
    ).shape == (0, N_OUTPUTS)
