"""Correspondence analysis and Reinert's classification, against published figures and independent computations."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from pipeline.compare.counts import classify, correspondence, first_axis, select_lemmas, split

# Greenacre's smokers, as package ca gives them: staff (managers, employees, secretaries) by smoking (none, light, medium, heavy)
SMOKE = np.array(
    [[4, 2, 3, 2], [4, 3, 7, 4], [25, 10, 12, 4], [18, 24, 33, 13], [10, 6, 7, 2]], dtype=float
)
SMOKE_INERTIA = [0.074759, 0.010017, 0.000414]
SMOKE_ROWS = [
    (-0.240539, -1.935708),
    (0.947105, -2.430958),
    (-1.391973, -0.106508),
    (0.851989, 0.576944),
    (-0.735456, 0.788435),
]
SMOKE_COLUMNS = [
    (-1.438471, -0.304659),
    (0.363746, 1.409433),
    (0.718017, 0.073528),
    (1.074445, -1.975960),
]


def test_the_textbook_table_of_smokers_has_its_published_inertia_and_standard_coordinates() -> None:
    found = correspondence(SMOKE)
    assert found.inertia == pytest.approx(SMOKE_INERTIA, abs=1e-6)
    for mine, published in (
        (found.rows.coordinates, SMOKE_ROWS),
        (found.columns.coordinates, SMOKE_COLUMNS),
    ):
        standard = mine[:, :2] / np.sqrt(found.inertia[:2])
        signs = np.sign(standard[0] * np.array(published[0]))
        assert standard * signs == pytest.approx(np.array(published), abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_coordinates_equal_those_of_an_eigenvalue_computation(seed: int) -> None:
    counts = np.random.default_rng(seed).integers(1, 30, size=(4, 9)).astype(float)
    found = correspondence(counts)
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    values, vectors = np.linalg.eig(np.diag(1 / rows) @ counts @ np.diag(1 / columns) @ counts.T)
    order = np.argsort(-values.real)[1:]
    assert found.inertia == pytest.approx(values.real[order], abs=1e-9)
    for axis, place in enumerate(order):
        vector = vectors[:, place].real
        vector = (
            vector / np.sqrt((vector**2 * rows / rows.sum()).sum()) * np.sqrt(values.real[place])
        )
        assert np.abs(found.rows.coordinates[:, axis]) == pytest.approx(np.abs(vector), abs=1e-6)
        profile = (
            counts.T @ found.rows.coordinates[:, axis] / columns / np.sqrt(found.inertia[axis])
        )  # transition formula
        assert found.columns.coordinates[:, axis] == pytest.approx(profile, abs=1e-6)


def test_contributions_and_qualities_sum_to_one_and_inertia_is_chi_square_over_n() -> None:
    found = correspondence(SMOKE)
    assert found.rows.contributions.sum(axis=0) == pytest.approx(
        1
    ) and found.columns.contributions.sum(axis=0) == pytest.approx(1)
    assert found.rows.qualities.sum(axis=1) == pytest.approx(1)
    expected = np.outer(SMOKE.sum(axis=1), SMOKE.sum(axis=0)) / SMOKE.sum()
    assert found.inertia.sum() == pytest.approx(
        (((SMOKE - expected) ** 2) / expected).sum() / SMOKE.sum()
    )


def test_a_table_of_two_rows_has_one_axis_and_rows_in_proportion_have_none() -> None:
    assert correspondence(np.array([[4.0, 1, 1], [1, 4, 1]])).rows.coordinates.shape == (2, 1)
    assert correspondence(np.array([[1.0, 2, 3], [2, 4, 6]])).rows.coordinates.shape == (2, 0)


# The small table that rainette's own tests use, with the results they state
RAINETTE = np.array(
    [
        [1, 1, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
        [1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0],
    ],
    dtype=float,
)


def test_rainettes_small_table_is_cut_as_rainette_cuts_it() -> None:
    found = classify(csr_array(RAINETTE), 2, min_members=3)
    assert {tuple(np.flatnonzero(found == place) + 1) for place in (0, 1)} == {
        (3, 6),
        (1, 2, 4, 5, 7),
    }
    halves = split(csr_array(RAINETTE))
    small = 0 if len(halves.first) == 2 else 1
    keeps = select_lemmas(csr_array(RAINETTE), halves)
    assert keeps[small].tolist() == [] and (keeps[1 - small] + 1).tolist() == [2, 3, 4]


def test_the_cut_is_the_best_along_the_axis_and_its_chi_square_the_tables() -> None:
    halves = split(csr_array(RAINETTE))
    counts = np.stack([RAINETTE[halves.first].sum(axis=0), RAINETTE[halves.second].sum(axis=0)])
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    assert halves.chi_square == pytest.approx(((counts - expected) ** 2 / expected).sum())
    order = np.argsort(first_axis(csr_array(RAINETTE)), kind="stable")
    for cut in range(1, len(order)):
        parts = np.stack([RAINETTE[order[:cut]].sum(axis=0), RAINETTE[order[cut:]].sum(axis=0)])
        share = np.outer(parts.sum(axis=1), parts.sum(axis=0)) / parts.sum()
        assert ((parts - share) ** 2 / share).sum() <= halves.chi_square + 1e-9


def test_the_first_axis_orders_rows_as_the_correspondence_analysis_does() -> None:
    mine, theirs = first_axis(csr_array(RAINETTE)), correspondence(RAINETTE).rows.coordinates[:, 0]
    assert abs(np.corrcoef(mine, theirs)[0, 1]) == pytest.approx(1)


def test_three_vocabularies_are_three_classes_and_an_empty_passage_none() -> None:
    rng = np.random.default_rng(0)
    blocks = np.zeros((91, 24))
    for place in range(90):
        blocks[place, 8 * (place % 3) : 8 * (place % 3) + 8] = rng.random(8) < 0.5
    blocks[:90][blocks[:90].sum(axis=1) == 0, 0] = 1
    found = classify(csr_array(blocks), 3)
    assert found[90] == -1
    for kind in range(3):
        counts = np.bincount(found[:90][np.arange(90) % 3 == kind], minlength=3)
        assert counts.max() >= 28


def test_too_few_passages_stay_one_class() -> None:
    assert classify(csr_array(np.ones((4, 5))), 3).tolist() == [0, 0, 0, 0]
    assert classify(csr_array(np.zeros((0, 5))), 3).tolist() == []
