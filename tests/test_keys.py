"""Keys of the stage cache: what must change one, and what must not."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

from flows import run, stages
from flows.cache import StageRecord
from flows.execution import run_stage, stage_key
from flows.keys import study_fingerprint
from flows.process_study import Processed
from flows.run import due_fingerprint
from flows.stages import READ, SEGMENT
from flows.vault import Vault
from flows.workspace import open_workspace
from pipeline.errors import VaultError
from pipeline.files import file_hash
from pipeline.ingest import contents
from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.sandbox import FileReading, read_files
from pipeline.pseudonymise import VaultUpdate
from pipeline.pseudonymise.vault import Registry
from pipeline.study import Study
from support.studies import stages_of, workshop_folder

RETZ = "Pays de Retz 2026-10-01"


def add_note(study: Study) -> None:
    (study.depot / RETZ / "Table 3.txt").write_text("Q1\n- plus de bus\n", encoding="utf-8")


def edit_note(study: Study) -> None:
    (study.depot / RETZ / "Table 1.txt").write_text(
        "Q1\n- plus de médecin à Pornic\n", encoding="utf-8"
    )


def rename_note(study: Study) -> None:
    (study.depot / RETZ / "Table 1.txt").rename(study.depot / RETZ / "Table 4.txt")


def limit_memory(study: Study) -> None:
    study.settings_path.write_text("[ingest]\nmax_memory_mb = 900\n", encoding="utf-8")


def add_twin(study: Study) -> None:
    """A second folder of the same territory and day: both workshops then need another workshop_id."""
    twin = study.depot / "Atelier Pays de Retz 2026-10-01"
    twin.mkdir()
    (twin / "T1.txt").write_text("Q1\n- plus de bus\n", encoding="utf-8")


def add_workshop(study: Study) -> None:
    other = study.depot / "Ancenis 2026-10-08"
    other.mkdir()
    (other / "T1.txt").write_text("Q1\n- plus de bus\n", encoding="utf-8")


def leave_junk(study: Study) -> None:
    (study.depot / RETZ / "~$Table 1.docx").write_bytes(b"x")
    (study.depot / RETZ / ".DS_Store").write_bytes(b"x")


def weigh_tables(study: Study) -> None:
    study.settings_path.write_text("[rank.weights]\ntables = 2\n", encoding="utf-8")


def touch_note(study: Study) -> None:
    path: Path = study.depot / RETZ / "Table 1.txt"
    path.write_bytes(path.read_bytes())


def meet_somebody(study: Study) -> None:
    vault = Vault(study)
    registry = vault.registry()
    registry.add(is_listed=True).names.append("hamon yves")
    vault.write_registry(registry)


def forget_somebody(study: Study) -> None:
    meet_somebody(study)
    registry: Registry = Vault(study).registry()
    registry.forget(1, has_no_words=False, forms=[("", "hamon yves")])
    Vault(study).write_registry(registry)


def decide_on_a_doubt(study: Study) -> None:
    Vault(study).write_decisions(
        {"c-1": {"words": "Olive", "done": "masqué", "decision": "garder"}}
    )


@pytest.mark.parametrize(
    ("change", "reads_again", "runs_again"),
    [
        (add_note, True, True),
        (edit_note, True, True),
        (rename_note, True, True),
        (limit_memory, True, True),
        (add_twin, True, True),
        (add_workshop, False, True),
        (weigh_tables, False, True),
        (leave_junk, False, False),
        (touch_note, False, False),
        (meet_somebody, False, False),
        (forget_somebody, True, True),
        (decide_on_a_doubt, True, True),
    ],
)
def test_a_change_asks_for_just_the_work_that_depends_on_it(
    small_study, change, reads_again, runs_again
):
    read, run = _keys(small_study)
    change(small_study)
    read_after, run_after = _keys(Study.open(small_study.root))
    assert (read_after != read) is reads_again
    assert (run_after != run) is runs_again


def _keys(study: Study) -> tuple[str, str]:
    folder = workshop_folder(study)
    with open_workspace(study) as workspace:
        read = stage_key(READ, workspace, (), folder)
    return read, study_fingerprint(study, folder.vault_state, study.inventory())


def read_here(paths: Sequence[Path], **asked: Any) -> list[FileReading]:
    """Read in this process, which is quicker than a child; a file that is not there as a child would."""
    readings = []
    for path in paths:
        if path.exists():
            readings.append(
                FileReading(path, read_source(FileContent(path.read_bytes(), path.name)))
            )
        else:
            readings += read_files([path], settings=asked["settings"], within=asked["within"])
    return readings


@pytest.fixture
def quick_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is looked for in what is read: reading alone is tried."""

    def leave_names(raw, *, registry, choices, settings):
        registry.folders.append(RETZ)
        return {name: raw[name] for name in ("documents", "rejects")}, VaultUpdate(registry)

    monkeypatch.setattr(stages, "pseudonymise", leave_names)
    monkeypatch.setattr(stages, "load_early", lambda: None)
    monkeypatch.setattr(contents, "read_files", read_here)


def read(study: Study) -> StageRecord:
    folder, is_unknown = workshop_folder(study), not Vault(study).has_read(RETZ)
    with open_workspace(study) as workspace:
        (record,) = run_stage(READ, workspace, (), folder, refresh=is_unknown).records
    return record


def read_paths(study: Study, record: StageRecord) -> list[str]:
    return [Path(path).name for path in stages_of(study).load(record)["documents"]["path"]]


def take_away_once(study: Study, paths: list[Path]) -> None:
    """A share that is away for a moment: the file is back under the same bytes."""
    paths[0].rename(study.root / "ailleurs")


def put_back(study: Study, paths: list[Path]) -> None:
    (study.root / "ailleurs").rename(paths[0])


def save_another_text(study: Study, paths: list[Path]) -> None:
    paths[0].write_text("Q1\n- un dentiste\n", encoding="utf-8")


def add_a_file(study: Study, paths: list[Path]) -> None:
    (study.depot / RETZ / "Table 9.txt").write_text("Q1\n- un dentiste\n", encoding="utf-8")


def remove_for_good(study: Study, paths: list[Path]) -> None:
    paths[0].unlink()


def leave(study: Study, paths: list[Path]) -> None:
    pass


@pytest.mark.parametrize(
    ("before", "after", "names", "n_passing"),
    [
        (take_away_once, put_back, ["Table 1.txt", "Table 2.txt"], 1),
        (leave, save_another_text, ["Table 1.txt", "Table 2.txt"], 1),
        (leave, add_a_file, ["Table 1.txt", "Table 2.txt", "Table 9.txt"], 0),
        (remove_for_good, leave, ["Table 2.txt"], 1),
    ],
)
def test_what_a_depot_at_work_kept_from_being_read_is_read_by_the_next_run(
    small_study, quick_reading, monkeypatch, before, after, names, n_passing
):
    """The reading of a workshop while somebody works in it, then with nobody there."""
    study = small_study

    def read_among_people(paths, **asked):
        before(study, paths)
        found = read_here(paths, **asked)
        after(study, paths)
        return found

    monkeypatch.setattr(contents, "read_files", read_among_people)
    first = read(study)
    assert first.n_passing == n_passing
    monkeypatch.setattr(contents, "read_files", read_here)
    second = read(study)
    assert (second.n_passing, second.is_cached) == (0, False)
    assert read_paths(study, second) == names
    with open_workspace(study) as workspace:
        first_key, second_key = (
            stage_key(SEGMENT, workspace, [each], workshop_folder(study))
            for each in (first, second)
        )
    assert first_key != second_key
    assert read(study).is_cached


def test_a_file_that_is_bad_itself_is_read_once(small_study, quick_reading, monkeypatch):
    (small_study.depot / RETZ / "Table 3.docx").write_bytes(b"PK\x03\x04 tronque")
    monkeypatch.setattr(contents, "read_files", read_files)
    assert (read(small_study).n_passing, read(small_study).is_cached) == (0, True)


@pytest.mark.parametrize(("n_passing", "is_due"), [(0, False), (1, True)])
def test_after_a_failure_that_can_pass_a_run_has_something_to_do_and_may_be_asked_for_again(
    small_study, n_passing, is_due
):
    fingerprint = study_fingerprint(
        small_study, Vault(small_study).state(), small_study.inventory()
    )
    small_study.publications.joinpath("x").mkdir()
    record = {
        "run_id": "20261127T030000000000Z",
        "is_done": True,
        "publication": "publications/x",
        "n_passing": n_passing,
    }
    small_study.write_manifest(record | {"fingerprint": fingerprint, "tables": {}})
    due = due_fingerprint(small_study)
    assert (due is not None) is is_due and due != fingerprint


def test_a_file_without_rights_has_a_reason_for_a_hash_and_another_key_once_it_has_them(
    small_study, without_rights
):
    path = small_study.depot / RETZ / "Table 1.txt"
    before = study_fingerprint(small_study, "", small_study.inventory())
    path.chmod(0o000)
    for parent in path.parents:
        if parent.is_relative_to(gettempdir()) and parent != Path(gettempdir()):
            parent.chmod(0o755)
    with without_rights():
        hashes = small_study.inventory().contents
    assert (
        hashes[f"{RETZ}/Table 1.txt"] == "droits insuffisants"
        and len(hashes[f"{RETZ}/Table 2.txt"]) == 64
    )
    assert study_fingerprint(small_study, "", small_study.inventory()) == before


@pytest.mark.parametrize(
    "error", [PermissionError(13, "x"), OSError(5, "x"), FileNotFoundError(2, "x")]
)
def test_a_file_that_cannot_be_hashed_ends_nothing_and_changes_the_fingerprint(
    small_study, monkeypatch, error
):
    before = study_fingerprint(small_study, "", small_study.inventory())

    def refused(path):
        if path.name == "Table 1.txt":
            raise error
        return file_hash(path)

    monkeypatch.setattr("pipeline.depot.file_hash", refused)
    assert study_fingerprint(small_study, "", small_study.inventory()) != before


def test_a_vault_that_knows_fewer_persons_than_the_tables_number_stops_the_run(small_study):
    vault, registry = Vault(small_study), Registry()
    registry.add(is_listed=True)
    vault.write_registry(registry)
    run._check_vault(small_study, vault, {"n_persons": 1})
    small_study.write_table("documents", small_study.read_table("documents"))
    for path in small_study.vault.glob("*.vault"):
        path.unlink()
    with pytest.raises(
        VaultError,
        match=r"le coffre ne connaît plus que 0 personne ; attendu : 1 personne, .*remettre vault/",
    ):
        run._check_vault(small_study, Vault(small_study), {"n_persons": 1})
    run._check_vault(small_study, Vault(small_study), {})  # the record of an earlier version


def test_a_workshop_that_was_away_while_the_run_read_is_counted_as_to_be_read_again(
    small_study, quick_reading
):
    def n_moved(*records, failed=()):
        processed = Processed(list(records), list(failed), None, None)
        with open_workspace(small_study) as workspace:
            return run.count_moved(workspace, processed, Vault(small_study).state(), {})

    record = read(small_study)
    assert (n_moved(record), n_moved(), n_moved(failed=[RETZ])) == (0, 1, 0)
    add_note(small_study)
    assert n_moved(record) == 1
