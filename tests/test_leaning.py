"""Passages lean on what was said just before and after them, as far as neighbours are alike."""

import numpy as np
import pandas as pd

from models.views import lean_on_neighbours, neighbours
from support.centring import centred


def units(rows: list[tuple[str, int | None, str, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["document_id", "table_number", "question", "unit_order"])
    return table.astype({"table_number": "Int64"})


def test_neighbours_share_document_table_and_question():
    first, second = neighbours(
        units(
            [
                ("a", 1, "q1", 2),
                ("a", 1, "q1", 1),
                ("a", 1, "q2", 3),
                ("a", 2, "q2", 4),
                ("b", None, "q1", 1),
                ("b", None, "q1", 2),
            ]
        )
    )
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(1, 0), (4, 5)]


def talk(n_subjects: int, per_subject: int) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Vectors of a talk that stays on each subject for a while, its units, its subjects."""
    draw = np.random.default_rng(2)
    subject = np.repeat(np.arange(n_subjects), per_subject)
    vectors = centred(
        draw.normal(size=(n_subjects, 30))[subject] + 2 * draw.normal(size=(len(subject), 30))
    )
    return vectors, units([("a", 1, "q1", order) for order in range(len(subject))]), subject


def likeness(vectors: np.ndarray, subject: np.ndarray) -> float:
    """How much closer passages on one subject are than others."""
    rows = centred(vectors)
    same = subject[:, None] == subject[None, :]
    return float((rows @ rows.T)[same].mean() - (rows @ rows.T)[~same].mean())


def test_a_talk_that_stays_on_its_subject_is_grouped_by_it_better():
    vectors, said, subject = talk(6, 10)
    assert likeness(lean_on_neighbours(vectors, said), subject) > likeness(vectors, subject) + 0.05


def test_notes_that_jump_from_subject_to_subject_stay_as_they_are():
    vectors, _, subject = talk(6, 10)
    by_turns = np.argsort(np.arange(len(subject)) % 10, kind="stable")  # the subjects in turn
    said = units([("a", 1, "q1", order) for order in range(len(subject))])
    assert np.array_equal(lean_on_neighbours(vectors[by_turns], said), vectors[by_turns])


def test_passages_without_neighbours_stay_as_they_are():
    vectors, _, subject = talk(2, 3)
    alone = units([(f"mail {order}", None, "autre", 0) for order in range(len(subject))])
    assert lean_on_neighbours(vectors, alone) is vectors
    assert lean_on_neighbours(vectors[:0], alone[:0]).shape == (0, 30)


def test_the_order_of_the_rows_does_not_matter():
    vectors, said, _ = talk(4, 8)
    mixed = np.random.default_rng(0).permutation(len(said))
    assert np.allclose(
        lean_on_neighbours(vectors[mixed], said.iloc[mixed]),
        lean_on_neighbours(vectors, said)[mixed],
    )
