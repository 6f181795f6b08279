"""Matrices of many rows: kept in a file, they say what they would say in memory, and only what is looked at fills memory."""

from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

import models.rows as rows_module
from flows.cache import peak_memory
from models.embedder import load_embedder
from models.reading import read_texts
from models.rows import (
    FileRows,
    blocks,
    new_rows,
    sums_by_group,
    unit_rows,
)
from models.theme_model import ThemeModel
from pipeline.cluster import cluster_units
from pipeline.cluster.late import join_late_units
from pipeline.errors import StudyError
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from pipeline.tables.material import TAGS, UNITS

VALUES = np.random.default_rng(0).normal(size=(2_500, 6)).astype(np.float32)
SUBJECTS = [
    "la piscine ferme l'été",
    "le cinéma manque de bénévoles",
    "plus de train le soir",
    "une crèche à horaires larges",
]


@pytest.fixture
def kept(tmp_path: Path) -> FileRows:
    rows = FileRows(tmp_path, VALUES.shape, np.float32)
    rows[:2_000] = VALUES[:2_000]
    rows[2_000:2_500] = VALUES[2_000:]
    return rows


ASKED = [
    slice(0, 3),
    slice(2_499, None),
    slice(5, 5),
    slice(2_400, 9_999),
    np.array([7, 3, 3, 2_499]),
    np.array([], dtype=int),
    VALUES[:, 0] > 1,
]


@pytest.mark.parametrize("asked", ASKED)
def test_a_file_gives_the_rows_that_a_matrix_gives(kept: FileRows, asked):
    assert np.array_equal(kept[asked], VALUES[asked])
    assert (len(kept), kept.shape) == (2_500, (2_500, 6))


def test_what_a_file_does_not_do_is_refused(kept: FileRows):
    with pytest.raises(ValueError, match="consecutive"):
        kept[::2]
    with pytest.raises(ValueError, match=r"\(3, 6\) in the place of \(2, 6\)"):
        kept[:2] = VALUES[:3]
    with pytest.raises(EOFError):
        FileRows(kept._folder, (3, 3), np.float32)[:1]


def test_blocks_are_all_rows_in_order_and_in_double_precision(kept: FileRows):
    assert [len(some) for _, some in blocks(kept)] == [2_500]
    found = [some for _, some in blocks(kept, large=2_500)]
    assert [len(some) for some in found] == [1_000, 1_000, 500]
    assert np.array_equal(np.vstack(found), VALUES.astype(np.float64))


def test_sums_by_group_leave_out_who_has_none(kept: FileRows):
    labels = np.random.default_rng(1).integers(-1, 3, len(VALUES))
    units = unit_rows(VALUES.astype(np.float64))
    wanted = [units[labels == group].sum(axis=0) for group in range(3)]
    assert np.allclose(sums_by_group(kept, labels, 3), wanted)
    both = sums_by_group(kept, np.stack([labels, labels[::-1]]), 3)
    assert both.shape == (2, 3, 6)
    assert np.array_equal(both[0], sums_by_group(kept, labels, 3))
    weights = np.linspace(0, 1, len(VALUES))
    weighted = [
        (VALUES[labels == group] * weights[labels == group, None]).sum(axis=0, dtype=np.float64)
        for group in range(3)
    ]
    assert np.allclose(sums_by_group(kept, labels, 3, weights), weighted, atol=1e-4)


def test_few_rows_stay_in_memory_and_many_leave_no_file_behind(tmp_path: Path):
    few, many = (new_rows(n_rows, 4, tmp_path, large=10) for n_rows in (9, 10))
    assert isinstance(few, np.ndarray)
    assert few.dtype == np.float64
    assert isinstance(many, FileRows)
    assert isinstance(new_rows(10, 4, large=10), np.ndarray), "without a folder"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_refuses_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "fichier").write_bytes(b"")
    with pytest.raises(StudyError, match="refuse l'écriture"):
        FileRows(tmp_path / "fichier", (3, 3), np.float32)


def test_a_full_disk_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, kept: FileRows):
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows_module.os, "pwrite", full)
    with pytest.raises(StudyError, match="plus de place sur le disque"):
        kept[:2] = VALUES[:2]


def test_a_large_matrix_fills_little_memory(tmp_path: Path):
    rows = FileRows(tmp_path, (60_000, 500), np.float32)  # 114 MB
    with peak_memory() as peak:
        start = peak()
        for first in range(0, len(rows), 1_000):
            rows[first : first + 1_000] = np.full((1_000, 500), first, dtype=np.float32)
        sums = sums_by_group(rows, np.arange(len(rows)) % 3, 3)
        picked = rows[np.arange(0, len(rows), 100)]
        grown = peak() - start
    assert picked[:, 0].tolist() == [
        float(number // 1_000 * 1_000) for number in range(0, 60_000, 100)
    ]
    assert sums.shape == (3, 500)
    assert grown < 60


@pytest.mark.slow
def test_themes_from_a_file_are_those_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    texts = [
        f"{SUBJECTS[at % 4]}, {word}"
        for at, word in enumerate(
            ["vraiment", "dit-on", "cette année", "à Crémone", "au bourg"] * 12
        )
    ]
    units = UNITS.build(
        {
            "unit_id": f"u{at:03}",
            "document_id": f"d{at // 6}",
            "workshop_id": "w1",
            "unit_order": at,
            "start_char": 0,
        }
        | {
            "end_char": len(text),
            "text": text,
            "table_number": at % 5,
            "channel": "mail" if at > 55 else "notes",
        }
        for at, text in enumerate(texts)
    )
    room = units[units["channel"] == "notes"]
    settings, encoder = ClusterSettings(least_units=0, n_resamples=8, n_repeats=3), load_embedder()
    monkeypatch.setattr(rows_module, "LARGE", 30)

    def tables(cache: Store | None = None) -> list[pd.DataFrame]:
        made = cluster_units(
            room,
            TAGS.empty(),
            model=ThemeModel(settings),
            embedder=encoder,
            cache=cache,
            settings=settings,
        )
        late = join_late_units(
            made.themes,
            made.theme_members,
            made.unit_places,
            units,
            TAGS.empty(),
            embedder=encoder,
            cache=cache,
            settings=settings,
        )
        return [*made, *late]

    in_memory = tables()
    with mock.patch.object(rows_module, "FileRows", wraps=FileRows) as made_in_file:
        in_file = tables(Store(tmp_path))
    assert (
        made_in_file.call_count == 4
    )  # subject space and joined views, of the room and then of all
    assert len(in_memory[0]) > 1
    for one, other in zip(in_memory, in_file, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_a_reading_shares_its_words_with_the_others():
    first, second = read_texts(["une crèche à horaires larges"] * 2)
    assert first == second
    assert first.phrases
    assert all(one is other for one, other in zip(first.phrases, second.phrases, strict=True))
