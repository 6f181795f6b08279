"""Runs of studies of a few lines: what a late file, a decision and an unreadable file change."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from flows.execution import StageCall, StageOutcome
from flows.integrity import faults_of
from flows.publication_files import published
from flows.run import run_study
from pipeline.cli import main
from pipeline.errors import StudyError
from pipeline.ingest import sandbox
from pipeline.store import Store
from pipeline.study import Study
from support.decisions import weighting_value
from support.studies import RETZ, new_small_study, table_bytes


@pytest.mark.slow
@pytest.mark.exhaustive  # in CI, whatever the runner: test_runners.py
def test_another_run_of_the_same_input_elsewhere_gives_the_same_bytes(story, tmp_path):
    other = new_small_study(tmp_path / "ailleurs")
    assert run_study(other.root).is_new
    assert table_bytes(other) == story.first_bytes


@pytest.mark.slow
def test_what_cannot_be_read_is_a_reject_of_the_run_and_of_its_status_and_the_rest_goes_on(
    small_study, capsys
):
    depot, folder = small_study.depot, small_study.depot / RETZ
    (folder / "Table 3.docx").write_bytes(b"PK\x03\x04 tronque")
    (folder / "atelier.yaml").write_text("a: &a [x]\nb: [*a, *a]\n", encoding="utf-8")
    (folder / "T\udce9.txt").write_text("Q2\n- une halle couverte\n", encoding="utf-8")
    (folder / "Table 1.txt#x.txt").write_text("Q2\n- un lavoir\n", encoding="utf-8")
    os.mkfifo(folder / "tube")
    (depot / "egare.txt").write_text("un mot", encoding="utf-8")
    (depot / "etc").symlink_to("/etc")
    (depot / "Tr\udce9gor").mkdir()
    (depot / "Bray 2026-05-19").mkdir()
    (depot / "Bray 2026-05-19" / "T1.txt").write_text("- un passage", encoding="utf-8")
    outcome = run_study(small_study.root, execute=_fail_at_bray)
    rejects = small_study.read_table("rejects").sort_values("path")
    assert [path.removeprefix(f"{RETZ}/") for path in rejects["path"]] == [
        "Bray 2026-05-19",
        "T\\xe9.txt",
        "Table 1.txt%23x.txt",
        "Table 3.docx",
        "atelier.yaml",
        "tube",
        "Tr\\xe9gor",
        "egare.txt",
        "etc",
    ]
    assert rejects["reason"].iloc[0] == "l'atelier n'a pas pu être traité (IndexError)"
    assert rejects["advice"].str.len().gt(10).all()
    assert (outcome.manifest["n_rows"]["units"], outcome.manifest["n_passing"]) == (5, 0)
    assert not run_study(small_study.root).is_new
    assert main(["status", str(small_study.root)]) == 0
    told = capsys.readouterr().out
    assert (
        " fichiers ou parties non lus." in told
        and "raccourci vers un dossier : il n'est pas suivi" in told
    )


def test_a_run_whose_every_workshop_fails_ends_in_a_line_that_quotes_nobody(small_study):
    def fail(call: StageCall) -> StageOutcome:
        raise IndexError("ce que quelqu'un a dit")

    with pytest.raises(StudyError, match=r"n'a pas pu être traité \(IndexError\)") as raised:
        run_study(small_study.root, execute=fail)
    assert "quelqu'un" not in str(raised.value)


def _fail_at_bray(call: StageCall) -> StageOutcome:
    """Execute a stage, with a fault at one workshop that nobody foresaw."""
    if call.workshop_id == "bray-2026-05-19":
        raise IndexError("ce que quelqu'un a dit")
    return call.work()


class Story(NamedTuple):
    """A small study, the bytes of its tables after the first of three runs, what it held after each, and their manifests."""

    study: Study
    first_bytes: dict[str, str]
    told: list[dict[str, pd.DataFrame]]
    manifests: list[dict[str, Any]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A workshop; another one, run alone; then, the clock having gone back, what had come to the first meanwhile and a late mail."""
    study = new_small_study(tmp_path_factory.mktemp("histoire") / "etude")
    told, manifests = [], []

    def run(**asked: str) -> None:
        manifests.append(run_study(study.root, **asked).manifest)
        told.append(study.read_tables())

    run()
    first_bytes = table_bytes(study)
    (study.depot / RETZ / "Table 4.txt").write_text(
        "Q4\n- ouvrir une régie de quartier à Machecoul\n", encoding="utf-8"
    )
    (study.depot / "Ancenis 2026-10-08").mkdir()
    (study.depot / "Ancenis 2026-10-08" / "T1.txt").write_text(
        "Q1\n- il manque des places en crèche\n", encoding="utf-8"
    )
    run(workshop="Ancenis")
    study.write_manifest(manifests[-1] | {"run_id": "21000101T000000000000Z"})
    mail = "From: a@example.org\nContent-Type: text/plain; charset=utf-8\n\nIl manque un bus le samedi entre Legé et la gare.\n"
    (study.depot / RETZ / "suite.eml").write_text(mail, encoding="utf-8")
    run()
    return Story(study, first_bytes, told, manifests)


@pytest.mark.slow
def test_one_workshop_alone_leaves_the_others_as_they_were(story):
    first, alone, last = story.told
    assert sorted(alone["workshops"]["folder"]) == ["Ancenis 2026-10-08", RETZ]
    assert not alone["documents"]["path"].str.contains("Table 4").any()
    assert set(
        alone["units"].loc[
            alone["units"]["workshop_id"].isin(first["units"]["workshop_id"]), "unit_id"
        ]
    ) == set(first["units"]["unit_id"])
    assert last["documents"]["path"].str.contains("Table 4").any()


@pytest.mark.slow
def test_a_late_mail_changes_its_workshop_only_and_no_unit_of_before(story):
    _, before, after = (told["units"] for told in story.told)
    assert set(before["unit_id"]) < set(after["unit_id"])
    (late,) = after.loc[after["channel"] == "mail", "unit_id"]
    assert late not in set(before["unit_id"])
    assert len(after) == len(before) + 2  # with the one of table 4
    cached = {
        (record["stage"], record["workshop"]): record["is_cached"]
        for record in story.manifests[-1]["stages"]
    }
    assert cached["read", "Ancenis 2026-10-08"]
    assert not cached["read", RETZ]


@pytest.mark.slow
def test_a_clock_that_went_back_does_not_make_an_older_run_the_last_one(story):
    first, second, third = (manifest["run_id"] for manifest in story.manifests)
    assert first < second < third == "21000101T000000000001Z"
    assert story.study.last_run()["run_id"] == third
    assert not run_study(story.study.root).is_new


@pytest.mark.slow
def test_a_decision_is_replayed_over_what_the_machine_proposes_and_survives_new_material(
    small_study,
):
    run_study(small_study.root)
    (proposed,) = small_study.read_table("themes").itertuples()
    store = small_study.decisions
    store.append(
        author="analyste",
        action="rename_theme",
        theme_id=proposed.theme_id,
        value="Se soigner et se loger",
        why="plus clair",
    )
    assert run_study(small_study.root).is_new
    assert list(small_study.read_table("themes")["label"]) == ["Se soigner et se loger"]
    assert list(small_study.read_machine_table("themes")["label"]) == [proposed.label]
    store.append(
        author="analyste", action="save_weighting", value=weighting_value("Élus", {"need": 1})
    )
    store.append(author="analyste", action="use_weighting", value="Élus")
    store.append(author="analyste", action="undo", value="1")
    weighed = run_study(small_study.root)
    assert list(small_study.read_table("themes")["label"]) == [proposed.label]
    priorities = small_study.read_table("priorities")
    assert priorities["score"].tolist() == priorities["c_need"].tolist()
    assert list(small_study.read_table("decision_effects")["state"]) == [
        "annulée",
        "appliquée",
        "appliquée",
        "appliquée",
    ]
    report = (
        (small_study.root / weighed.manifest["publication"] / "annexe-technique.html")
        .read_text(encoding="utf-8")
        .replace("\u00a0", " ")
    )
    assert "la pondération « Élus »" in report and "analyste" not in report
    store.append(author="analyste", action="undo", value="4")
    folder = small_study.depot / RETZ
    (folder / "Table 3.txt").write_text(
        "Q1\n- le dernier dentiste de Legé part en retraite\n", encoding="utf-8"
    )
    run_study(small_study.root)
    (kept,) = small_study.read_table("themes").itertuples()
    assert (kept.theme_id, kept.label) == (proposed.theme_id, "Se soigner et se loger")
    assert kept.n_units == 4


@pytest.mark.slow
def test_what_was_decided_on_a_passage_holds_when_its_folder_and_its_file_are_renamed(small_study):
    run_study(small_study.root)
    units, documents = small_study.read_table("units"), small_study.read_table("documents")
    for unit_id in units["unit_id"]:
        small_study.decisions.append(
            author="analyste", action="add_tag", unit_id=unit_id, axis="rubrique", code="offre"
        )
    folder = small_study.depot / RETZ
    renamed = folder.rename(small_study.depot / "01 Retz")
    run_study(small_study.root)
    assert set(small_study.read_table("units")["unit_id"]) == set(units["unit_id"])
    assert set(small_study.read_table("decision_effects")["state"]) == {"appliquée"}
    (renamed / "Table 1.txt").rename(renamed / "T1.txt")
    run_study(small_study.root)
    after = small_study.read_table("documents")
    assert set(small_study.read_table("decision_effects")["state"]) == {"appliquée"}
    assert set(after["document_id"]) == set(documents["document_id"])
    assert "01 Retz/T1.txt" in set(after["path"]) and f"{RETZ}/Table 1.txt" in set(
        after["first_path"].dropna()
    )
    assert not run_study(small_study.root).is_new


@pytest.mark.slow
def test_a_run_is_read_while_its_report_is_written_and_one_cut_off_then_is_done_again(small_study):
    def cut_off(call: StageCall) -> StageOutcome:
        if call.stage == "publish":
            raise OSError("disque plein")
        return call.work()

    with pytest.raises(OSError, match="disque plein"):
        run_study(small_study.root, execute=cut_off)
    cut = small_study.last_run()
    assert small_study.tables_match(cut["tables"]) and faults_of(small_study, whole=True) == []
    assert published(small_study, cut["run_id"]) is None
    again = run_study(small_study.root)
    assert again.is_new and again.manifest == cut
    assert published(small_study, cut["run_id"]) is not None
    assert faults_of(small_study, whole=True) == []
    assert not run_study(small_study.root).is_new


@pytest.mark.slow
def test_an_altered_cache_changes_no_table_of_the_next_run(small_study, tmp_path):
    run_study(small_study.root)
    other = Study.open(Path(shutil.copytree(small_study.root, tmp_path / "autre")))
    store = Store(other.cache)
    stages = other.cache / "stages"
    store.table_paths(next(stages.glob("tag-*")).stem)["tags"].unlink()
    units = store.table_paths(next(stages.glob("segment-*")).stem)["units"]
    units.write_bytes(units.read_bytes()[:-1] + b"x")
    with sqlite3.connect(store.path) as connection:
        first = "SELECT value FROM entries AS other WHERE other.kind = entries.kind LIMIT 1"
        n_altered = connection.execute(f"UPDATE entries SET value = ({first})").rowcount
    assert n_altered > 10
    for study in (small_study, other):
        (study.depot / RETZ / "Table 3.txt").write_text(
            "Q1\n- le dernier dentiste part en retraite\n", encoding="utf-8"
        )
        run_study(study.root)
    assert table_bytes(other) == table_bytes(small_study)


@pytest.mark.slow
def test_a_reader_killed_for_good_gives_a_run_that_says_so_and_the_next_reads_the_file(
    small_study, monkeypatch, capsys
):
    send = sandbox.Child._send

    def send_to_the_dead(self, message):
        if isinstance(message, str) and message.endswith("Table 2.txt"):
            self._process.kill()  # before it is asked: it might have answered already
            self._process.wait()
        send(self, message)

    monkeypatch.setattr(sandbox.Child, "_send", send_to_the_dead)
    assert main(["run", str(small_study.root)]) == 0
    out = capsys.readouterr().out
    assert "Table 2.txt : lecture arrêtée par le système" in out
    assert (
        "Lectures à reprendre au prochain traitement" in out and "machine trop occupée) : 1" in out
    )
    assert main(["status", str(small_study.root)]) == 0
    assert "machine trop occupée) : 1" in capsys.readouterr().out
    monkeypatch.setattr(sandbox.Child, "_send", send)
    assert run_study(small_study.root).is_new
    assert len(small_study.read_table("documents")) == 2 and small_study.read_table("rejects").empty
    assert not run_study(small_study.root).is_new


@pytest.mark.slow
def test_lost_decisions_stop_a_run_until_somebody_says_to_go_on(small_study, capsys):
    root = str(small_study.root)
    run_study(small_study.root)
    (theme,) = small_study.read_table("themes").itertuples()
    small_study.decisions.append(
        author="lise", action="rename_theme", theme_id=theme.theme_id, value="Se soigner"
    )
    assert main(["run", root]) == 0
    before = table_bytes(small_study)
    small_study.decisions_path.write_bytes(b"")
    for command in (("run", root), ("publish", root), ("run", root, "--yes")):
        assert main(list(command)) == 1
    assert table_bytes(small_study) == before
    capsys.readouterr()
    assert main(["run", root, "--accept-lost-decisions"]) == 0
    assert "ne tient plus aucune décision" in capsys.readouterr().err
    assert "Se soigner" not in set(small_study.read_table("themes")["label"])
    assert main(["run", root]) == 0
    assert "Rien de nouveau" in capsys.readouterr().out
