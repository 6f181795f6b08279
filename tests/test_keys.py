"""Keys of the stage cache: what must change one, and what must not."""

from pathlib import Path

import pytest

from flows.keys import read_key, study_fingerprint
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
    ],
)
def test_a_change_asks_for_just_the_work_that_depends_on_it(small_study, change, reads_again, runs_again):
    read, run = read_key(small_study, RETZ), study_fingerprint(small_study)
    change(small_study)
    after = Study.open(small_study.root)
    assert (read_key(after, RETZ) != read) is reads_again
    assert (study_fingerprint(after) != run) is runs_again
