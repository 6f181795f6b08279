"""A file of a study that goes missing, is emptied, cut off or altered is told in one line and put back; nothing else is lost."""

import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest

import pipeline.checksums
from flows.copies import (
    N_COPIES,
    all_faults,
    copied,
    copies_of,
    forget_copies,
    keep_copy,
    restore_here,
)
from flows.integrity import check_study, faults_of, mend_study, open_seal, seal_study
from flows.vault import Vault
from pipeline.cli import main
from pipeline.errors import StudyError
from pipeline.study import Study
from support.faults import (
    DAMAGES,
    FILES,
    QUIET,
    RUN,
    Told,
    damage,
    page_section,
    processed_study,
    table_rows,
    tell,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Study:
    return processed_study(tmp_path_factory.mktemp("etude") / "etude")


@pytest.fixture
def study(base, tmp_path) -> Study:
    """A whole study to damage."""
    return Study.open(Path(shutil.copytree(base.root, tmp_path / "etude")))


@pytest.fixture(scope="module")
def told(base, tmp_path_factory):
    """What happens at each fault, each tried once."""
    answers: dict[tuple[str, str], Told] = {}

    def answer(name: str, how: str) -> Told:
        if (name, how) not in answers:
            answers[name, how] = tell(
                base.root, tmp_path_factory.mktemp("panne") / "etude", name, how
            )
        return answers[name, how]

    return answer


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_line_that_names_it_and_nothing_is_lost(told, name, how):
    answer = told(name, how)
    assert answer.lost == ()
    assert len(answer.lines) <= 1 and not any("\n" in line for line in answer.lines)
    if name.startswith(QUIET):  # nothing depends on them
        assert not answer.stops
        return
    (line,) = answer.lines
    assert Path(name).name in line
    if answer.stops:
        assert "; attendu : " in line and "; à faire : " in line and "restore" in line
        assert len(answer.put_back) == 1 and "remis" in answer.put_back[0]


@pytest.mark.slow  # tries again what was not asked for
def test_the_page_of_faults_says_what_happens(told):
    assert page_section() == "\n".join(table_rows(told))


def test_what_was_decided_since_the_last_run_is_missed_where_all_decisions_are_gone(study):
    study.write_manifest({**(study.last_run() or {}), "decisions": None})
    for path in study.root.glob("decisions.sqlite3*"):
        if not path.name.endswith("-count"):
            path.unlink()
    with pytest.raises(
        StudyError, match=r"decisions.sqlite3 n'est plus là ; attendu : 3 décisions"
    ):
        study.check_decisions()
    assert study.check_decisions(lambda _: True).n_decisions == 0
    assert study.check_decisions().n_decisions == 0


def test_decisions_come_back_with_those_that_came_after_the_copy(study):
    study.decisions.append(author="Ali", action="rename_theme", theme_id="t9", value="Loyers")
    with sqlite3.connect(study.decisions_path) as file:  # as a disk would, past the triggers
        file.execute("DROP TRIGGER decisions_keep")
        file.execute("UPDATE decisions SET value = 'autre' WHERE decision_id = 2")
    (line,) = restore_here(study)
    assert line.startswith("decisions.sqlite3 : 4 décisions, jusqu'à la n° 4")
    values = Study.open(study.root).decisions.read()["value"].tolist()
    assert values == ["besoin de soins 0", "besoin de soins 1", "besoin de soins 2", "Loyers"]
    assert len(list(study.vault.glob("copies/ecartes/*/decisions.sqlite3"))) == 1


def test_the_last_seven_states_are_kept_and_a_state_once(study):
    for n in range(N_COPIES + 2):
        study.decisions.append(author="Ali", action="rename_theme", theme_id="t", value=str(n))
        study.write_manifest(
            {**(study.last_run() or {}), "run_id": f"202612{n + 10}T000000000000Z"}
        )
        assert keep_copy(study)
    study.write_manifest({**(study.last_run() or {}), "run_id": "20270101T000000000000Z"})
    assert not keep_copy(study)
    names = [path.name[:8] for path in copies_of(study)]
    assert names == ["20270101", *(f"202612{n}" for n in range(17, 11, -1))]


def test_copies_are_sealed_as_the_vault_is_and_open_for_its_passphrase_alone(study, monkeypatch):
    assert any(path.read_bytes()[:2] == b"PK" for path in copies_of(study))
    monkeypatch.setenv("ATELIERS_VAULT_PASSPHRASE", "une longue phrase")
    Vault(study)
    study.write_manifest({**(study.last_run() or {}), "run_id": "20270101T000000000000Z"})
    study.decisions.append(author="Ali", action="rename_theme", theme_id="t", value="autre")
    keep_copy(study)
    assert len(copies_of(study)) == 2
    assert all(path.read_bytes().startswith(b"ATELIERS-COFFRE-1") for path in copies_of(study))
    assert all(path.stat().st_mode & 0o77 == 0 for path in copies_of(study))
    before = Vault(study).registry()
    damage(study.vault / "personnes.vault", "truncated")
    with pytest.raises(StudyError, match=r"vault/personnes.vault n'est plus ce qui fut écrit"):
        check_study(study)
    restore_here(study)
    assert Vault(study).registry() == before
    forget_copies(study)
    assert copies_of(study) == []


def test_one_file_is_put_back_although_it_may_have_been_changed_on_purpose(study, capsys):
    before = study.grid_path.read_bytes()
    study.grid_path.write_bytes(before.replace(b"Besoin", b"Envie", 1) + b"# fin\n")
    (line,) = check_study(study)
    assert line.startswith("grille.yaml a changé") and "--only grille.yaml" in line
    assert main(["restore", str(study.root)]) == 0 and study.grid_path.read_bytes() != before
    assert main(["restore", str(study.root), "--only", "grille.yaml"]) == 0
    assert study.grid_path.read_bytes() == before
    assert "grille.yaml : remis de la copie du 29/11/2026" in capsys.readouterr().out


def test_the_command_verifies_everything_even_where_size_and_date_are_the_same(study, capsys):
    assert main(["check", str(study.root)]) == 0
    assert "Tout est comme le dernier traitement l'a laissé ; 1 copie" in capsys.readouterr().out
    path = study.tables / "units.parquet"
    status = path.stat()
    damage(path, "altered")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert faults_of(study) == []
    assert main(["check", str(study.root)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("tables/units.parquet n'est plus ce qui fut écrit")
    assert f"ateliers restore {study.root}" in out
    assert main(["restore", str(study.root)]) == 0
    assert main(["check", str(study.root)]) == 0


def test_looking_reads_no_file_that_has_the_same_size_and_date(study, base, monkeypatch):
    seal_study(study)  # a copy has other dates
    monkeypatch.setattr(pipeline.checksums, "file_hash", lambda _: pytest.fail("read again"))
    assert faults_of(study) == []


def test_what_another_process_is_replacing_is_no_damage(study):
    (study.tables / "units.parquet").unlink()
    with study.locked():
        assert faults_of(study) == []
    assert [fault.name for fault in faults_of(study)] == ["tables/units.parquet"]


def test_a_run_that_was_cut_off_while_it_wrote_is_told_as_one(study):
    open_seal(study)
    damage(study.tables / "units.parquet", "altered")
    (line,) = mend_study(study).lines
    assert line.startswith("le dernier traitement a été coupé")


def test_half_built_publications_and_files_are_cleared(study):
    half = study.publications / ".building-abc" / "tableaux"
    half.mkdir(parents=True)
    (study.vault / ".xyz.tmp").write_bytes(b"Odile")
    (line,) = mend_study(study).lines
    assert "1 publication à moitié écrite" in line
    assert not half.exists() and not (study.vault / ".xyz.tmp").exists()


@pytest.mark.parametrize(
    "name", ["tables/units.parquet", "vault/personnes.vault", f"runs/{RUN}.json"]
)
def test_every_command_says_it_before_it_reads(study, name, capsys):
    damage(study.root / name, "truncated")
    for command in (["status"], ["export", "--format", "csv"], ["backup"]):
        assert main([command[0], str(study.root), *command[1:]]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and Path(name).name in said and "Traceback" not in said


def test_settings_that_do_not_read_are_put_back_and_nothing_else(study):
    study.settings_path.write_text("[cluster\n", encoding="utf-8")
    (line,) = restore_here(Study(study.root))
    assert line.startswith("etude.toml : remis") and all_faults(Study.open(study.root)) == []


def test_a_copy_that_does_not_open_is_told_and_an_earlier_one_serves(study):
    study.decisions.append(author="Ali", action="rename_theme", theme_id="t", value="autre")
    study.write_manifest({**(study.last_run() or {}), "run_id": "20270101T000000000000Z"})
    keep_copy(study)
    damage(copies_of(study)[0], "truncated")
    assert (
        "ne s'ouvre pas"
        in next(fault for fault in all_faults(study) if "copies" in fault.name).found
    )
    study.grid_path.unlink()
    assert any(
        line.startswith("grille.yaml : remis de la copie du 29/11") for line in restore_here(study)
    )


def test_a_name_taken_out_of_the_settings_is_in_no_copy(study):
    written = study.settings_path.read_text(encoding="utf-8")
    study.settings_path.write_text(
        written + '\n[pseudonymise]\nhide = ["Ludivine"]\n', encoding="utf-8"
    )
    keep_copy(study)
    assert b"Ludivine" in (copied(study, "etude.toml") or b"")
    study.settings_path.write_text(written, encoding="utf-8")
    study.write_manifest({**(study.last_run() or {}), "run_id": "20270101T000000000000Z"})
    keep_copy(study)
    assert len(copies_of(study)) >= 2
    for path in copies_of(study):
        with zipfile.ZipFile(path) as archive:
            assert not any(b"Ludivine" in archive.read(name) for name in archive.namelist())
    study.settings_path.unlink()
    restore_here(Study(study.root))
    assert study.settings_path.read_text(encoding="utf-8") == written


def test_a_study_whose_settings_are_gone_is_not_made_anew_over_its_decisions(study):
    study.settings_path.unlink()
    with pytest.raises(StudyError, match="est déjà une étude"):
        Study.create(study.root)


def test_a_study_of_a_version_before_checksums_has_no_fault(study):
    shutil.rmtree(study.vault / "copies")
    for path in (study.tables / "empreintes.json", *study.vault.glob("*.empreinte")):
        path.unlink()
    run = study.last_run() or {}
    study.write_manifest({key: run[key] for key in run if key != "is_sealed"})
    assert all_faults(study) == []
