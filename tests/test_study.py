import json
import stat
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import GridError, StudyError, TableError, UsageError
from pipeline.files import write_bytes
from pipeline.study import Study
from pipeline.tables.material import REJECTS, TAGS


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "etude")


def put(study: Study, *paths: str) -> None:
    for path in paths:
        target = study.depot / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("x", encoding="utf-8")


def test_a_new_study_has_its_folders_and_a_vault_that_others_cannot_open(study):
    assert all(
        folder.is_dir() for folder in (study.depot, study.tables, study.publications, study.runs)
    )
    assert stat.S_IMODE(study.vault.stat().st_mode) == 0o700
    assert study.grid.grid_id == "ateliers-territoires"
    assert study.settings.etude.title == "Ateliers territoires"


def test_a_workshop_is_a_folder_with_at_least_one_file_however_deep(study):
    put(
        study,
        "Retz/Q1/table 1.txt",
        "Retz/.DS_Store",
        "Ancenis/notes.txt",
        "Vide/.DS_Store",
        "egare.txt",
    )
    assert [path.name for path in study.workshop_folders()] == ["Ancenis", "Retz"]
    assert [entry.name for entry in study.inventory().outside] == ["egare.txt"]


def test_an_empty_depot_says_what_to_put_there(study):
    with pytest.raises(StudyError, match=r"est vide.*un dossier par atelier"):
        study.workshop_folders()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Thiérache 2026-05-19", "Thiérache 2026-05-19"),
        ("thierache", "Thiérache 2026-05-19"),
        ("roubaix", "Roubaix"),
    ],
)
def test_a_workshop_is_found_by_a_part_of_its_folder_s_name(study, name, folder):
    put(study, "Thiérache 2026-05-19/a.txt", "Roubaix/a.txt")
    assert study.find_workshop(name).name == folder


@pytest.mark.parametrize("name", ["Lille", "r"])
def test_a_workshop_that_is_unknown_or_several_is_bad_usage(study, name):
    put(study, "Thiérache 2026-05-19/a.txt", "Roubaix/a.txt")
    with pytest.raises(UsageError, match="Roubaix, Thiérache"):
        study.find_workshop(name)


def test_a_table_is_read_as_it_was_written_and_an_absent_one_is_empty(study):
    rows = REJECTS.build([{"path": "a/b.docx", "reason": "abîmé", "advice": "le renvoyer"}])
    assert study.read_table("rejects").empty
    study.write_table("rejects", rows)
    pd.testing.assert_frame_equal(study.read_table("rejects"), rows)


def test_writing_a_table_twice_gives_the_same_bytes_and_changing_a_file_is_seen(study):
    rows = REJECTS.build([{"path": "a/b.docx", "reason": "abîmé", "advice": "le renvoyer"}])
    assert study.write_table("rejects", rows) == study.write_table("rejects", rows)
    hashes = study.table_hashes()
    assert study.tables_match(hashes)
    study.write_table("rejects", REJECTS.empty())
    assert not study.tables_match(hashes)


def test_a_table_of_the_last_run_that_is_gone_is_not_read_as_one_without_rows(study):
    study.write_table("rejects", REJECTS.empty())
    study.write_machine_table("tags", TAGS.empty())
    record = {"run_id": "20261127T030000000000Z", "is_done": True, "tables": study.table_hashes()}
    study.write_manifest(record)
    study.check_tables()
    assert {"rejects", "machine/tags"} == set(record["tables"]) and study.tables_match(
        record["tables"]
    )
    for name in ("rejects", "machine/tags"):
        (study.tables / f"{name}.parquet").unlink()
    assert not study.tables_match(record["tables"])
    with pytest.raises(
        TableError,
        match=r"il manque 2 tables du dernier traitement : machine/tags, rejects ; .*ateliers run",
    ):
        study.check_tables()


def test_only_one_process_holds_a_study(study):
    with (
        study.locked(),
        pytest.raises(StudyError, match="déjà en cours"),
        Study.open(study.root).locked(),
    ):
        pass
    with study.locked():
        pass


def test_a_read_only_folder_is_one_clear_line(study, without_rights):
    study.root.chmod(0o555)
    with without_rights(), pytest.raises(StudyError, match="refuse l'écriture"):
        write_bytes(study.root / "fichier", b"x")


def test_a_failed_write_leaves_the_old_file_whole(study, monkeypatch):
    write_bytes(study.root / "fichier", b"ancien")
    monkeypatch.setattr(
        Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(StudyError, match="refuse l'écriture"):
        write_bytes(study.root / "fichier", b"nouveau")
    assert (study.root / "fichier").read_bytes() == b"ancien"


def test_the_last_run_is_the_latest_that_ended_well(study):
    study.write_manifest({"run_id": "20260101T000000Z", "is_done": True})
    (study.runs / "20260102T000000Z.json").write_text(
        json.dumps({"run_id": "x", "is_done": False}), encoding="utf-8"
    )
    assert study.last_run() == {"run_id": "20260101T000000Z", "is_done": True}


def test_what_is_not_a_study_is_refused_and_a_study_is_not_made_twice(study, tmp_path):
    with pytest.raises(StudyError, match="pas de dossier"):
        Study.open(tmp_path / "ailleurs")
    with pytest.raises(StudyError, match=r"n'a pas d'etude\.toml"):
        Study.open(tmp_path)
    with pytest.raises(StudyError, match="est déjà une étude"):
        Study.create(study.root)


def test_a_grid_that_went_away_is_one_clear_line_even_where_it_was_read_before(study):
    before = study.grid_hash()
    assert study.grid.axes
    study.grid_path.rename(study.grid_path.with_suffix(".bak"))
    with pytest.raises(GridError, match=r"pas de grille grille\.yaml"):
        study.grid_hash()
    study.grid_path.with_suffix(".bak").rename(study.grid_path)
    assert study.grid_hash() == before


def test_a_study_is_not_made_with_a_grid_that_is_refused(tmp_path):
    with pytest.raises(GridError, match="pas de grille"):
        Study.create(tmp_path / "autre", tmp_path / "absente.yaml")
    assert not (tmp_path / "autre").exists()
