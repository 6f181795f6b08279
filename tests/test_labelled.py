"""The labelled passages of data/training: whole, of known themes, and each file taken without being listed anywhere."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from models import registry as labelled
from models.registry import file_hashes, labelled_rows, training_files
from pipeline.files import data_path
from pipeline.grid import load_grid

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
THEMES = {
    theme["id"]
    for theme in yaml.safe_load(
        data_path("training", "themes-larges.yaml").read_text(encoding="utf-8")
    )["themes"]
}


@pytest.fixture
def two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of one file that carries its broad themes and one whose themes are told beside."""
    rows = {
        "notes-2": [
            {"unit_id": "n-1", "text": "le car", "theme_large": "mobilite"},
            {"unit_id": "n-2", "text": "merci", "theme_large": None},
        ],
        "amorce-9": [{"unit_id": "a-1", "text": "la halle"}, {"unit_id": "a-2", "text": "bonjour"}],
        "themes-larges": [{"unit_id": "a-1", "theme_large": "commerce"}],
    }
    for name, lines in rows.items():
        (tmp_path / f"{name}.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
        )
    monkeypatch.setattr(labelled, "data_path", lambda _, *names: tmp_path.joinpath(*names))
    labelled._broad_themes.cache_clear()  # read once a process
    yield
    labelled._broad_themes.cache_clear()


@pytest.mark.usefixtures("two_files")
def test_every_file_is_taken_in_order_but_the_themes():
    assert training_files() == ("amorce-9", "notes-2")
    assert list(file_hashes()) == ["amorce-9.jsonl", "notes-2.jsonl"]


@pytest.mark.usefixtures("two_files")
def test_a_broad_theme_is_the_rows_own_or_told_beside():
    assert [
        (row["file"], row["theme_large"])
        for file in training_files()
        for row in labelled_rows(file)
    ] == [
        ("amorce-9", "commerce"),
        ("amorce-9", None),
        ("notes-2", "mobilite"),
        ("notes-2", None),
    ]


@pytest.mark.parametrize("file", training_files())
def test_the_shipped_passages_carry_known_codes_and_themes(file: str):
    rows = labelled_rows(file)
    codes = {code.code for code in GRID.codes}
    assert len({row["unit_id"] for row in rows}) == len(rows)
    assert all(row["text"].strip() for row in rows)
    assert {row["theme_large"] for row in rows} - {None} <= THEMES
    assert {
        code for row in rows for code in (*row["rubriques"], row["posture"], *row["piliers"])
    } <= codes


def test_no_passage_belongs_to_two_files():
    ids = [row["unit_id"] for file in training_files() for row in labelled_rows(file)]
    assert len(set(ids)) == len(ids)
