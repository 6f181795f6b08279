"""Keys of the stage cache: what must change one, and what must not."""

from pathlib import Path

import pytest

from flows.keys import read_key, study_fingerprint
from flows.vault import Vault
from pipeline.ingest import identify_workshops
from pipeline.pseudonymise import Registry
from pipeline.study import Study

RETZ = "Pays de Retz 2026-10-01"


def add_note(study: Study) -> None:
    (study.depot / RETZ / "Table 3.txt").write_text("Q1\n- plus de bus\n", encoding="utf-8")


def edit_note(study: Study) -> None:
    (study.depot / RETZ / "Table 1.txt").write_text("Q1\n- plus de médecin à Pornic\n", encoding="utf-8")


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
    Vault(study).write_decisions({"c-1": {"words": "Olive", "done": "masqué", "decision": "garder"}})


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
def test_a_change_asks_for_just_the_work_that_depends_on_it(small_study, change, reads_again, runs_again):
    read, run = _keys(small_study)
    change(small_study)
    read_after, run_after = _keys(Study.open(small_study.root))
    assert (read_after != read) is reads_again
    assert (run_after != run) is runs_again


def _keys(study: Study) -> tuple[str, str]:
    state = Vault(study).state()
    workshop_id = identify_workshops(study.workshop_folders(), depot=study.depot)[RETZ]
    return read_key(study, RETZ, workshop_id, state), study_fingerprint(study, state)
