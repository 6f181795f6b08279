"""Vectors by key: in memory or in files, and what happens when files go."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.known_vectors import KnownVectors

KEYS = [bytes([at]) * 32 for at in range(6)]
ROWS = np.arange(18, dtype=np.float32).reshape(6, 3)


@pytest.mark.parametrize("has_folder", [True, False])
def test_vectors_come_back_in_the_order_asked(tmp_path: Path, has_folder):
    known = KnownVectors()
    for some in (slice(0, 2), slice(2, 6)):
        known.add(KEYS[some], ROWS[some], tmp_path if has_folder else None)
    assert np.array_equal(known.rows([KEYS[5], KEYS[0], KEYS[5]]), ROWS[[5, 0, 5]])
    assert len(known) == 6
    assert len(list(tmp_path.iterdir())) == (2 if has_folder else 0)


def test_who_is_not_known_gives_none():
    known = KnownVectors()
    known.add(KEYS[:3], ROWS[:3], None)
    assert known.rows(KEYS[:4]) is None
    assert known.rows([]) is None
    assert KEYS[2] in known
    assert KEYS[3] not in known


def test_a_folder_tells_another_process_what_it_holds(tmp_path: Path):
    KnownVectors().add(KEYS[:4], ROWS[:4], tmp_path)
    other = KnownVectors()
    other.read(tmp_path)
    assert np.array_equal(other.rows(KEYS[:4]), ROWS[:4])
    KnownVectors().add(KEYS[4:], ROWS[4:], tmp_path)
    other.read(tmp_path)
    assert np.array_equal(other.rows(KEYS), ROWS)


def flip_a_bit(content: bytes) -> bytes:
    """Of the last vector: the file stays one of the same rows."""
    return content[:-2] + bytes([content[-2] ^ 1]) + content[-1:]


def swap_the_keys(content: bytes) -> bytes:
    return content.replace(KEYS[0], b"x" * 32).replace(KEYS[1], KEYS[0]).replace(b"x" * 32, KEYS[1])


@pytest.mark.parametrize(
    "alter",
    [flip_a_bit, swap_the_keys, lambda content: content[:-9], lambda _: b"", lambda c: c + b"\0"],
)
def test_a_file_that_was_altered_gives_no_vector_and_the_others_give_theirs(
    tmp_path: Path, alter, caplog
):
    KnownVectors().add(KEYS[:3], ROWS[:3], tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(alter(path.read_bytes()))
    KnownVectors().add(KEYS[3:], ROWS[3:], tmp_path)
    other = KnownVectors()
    other.read(tmp_path)
    assert [key in other for key in KEYS] == [False] * 3 + [True] * 3
    assert not path.exists() and len(caplog.records) == 1
    other.add(KEYS[:3], ROWS[:3], tmp_path)
    again = KnownVectors()
    again.read(tmp_path)
    assert np.array_equal(again.rows(KEYS), ROWS)


def test_the_vectors_of_another_encoder_are_not_taken(tmp_path: Path):
    KnownVectors().add(KEYS, ROWS, tmp_path / "un")
    shutil.copytree(tmp_path / "un", tmp_path / "autre")
    other = KnownVectors()
    other.read(tmp_path / "autre")
    assert len(other) == 0


def test_a_folder_that_was_emptied_is_forgotten_and_filled_again(tmp_path: Path):
    known, folder = KnownVectors(), tmp_path / "vecteurs"
    known.add(KEYS[:2], ROWS[:2], folder)
    known.add(KEYS[2:4], ROWS[2:4], folder)
    known.add(KEYS[4:], ROWS[4:], None)
    shutil.rmtree(folder)
    assert known.rows(KEYS) is None
    known.forget_lost()
    assert [key in known for key in KEYS] == [False] * 4 + [True] * 2
    known.add(KEYS[:4], ROWS[:4], folder)
    assert np.array_equal(known.rows(KEYS), ROWS)
