"""The main job end to end on the example study: what it leaves, what a second run does, and what a crash changes (nothing)."""

import csv
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from flows.execution import StageCall, StageOutcome
from flows.run import run_study
from flows.vault import Vault
from models.embedder import encoder_used
from pipeline.cli import copy_demo, main
from pipeline.cluster.families import LEAST, MOST
from pipeline.evaluate import evaluate_study
from pipeline.files import data_path
from pipeline.ingest import child
from pipeline.settings.sections import EmbedSettings
from pipeline.store import Store
from pipeline.study import Study
from pipeline.tables import TABLES
from support.decisions import weighting_value
from support.studies import RETZ, new_small_study, table_bytes

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "demo_rows.csv"
READ = (
    "workshops",
    "documents",
    "blocks",
    "rejects",
    "attendance",
    "structures",
    "catchments",
    "units",
    "unit_places",
    "review_queue",
)
STAGES = (
    "read",
    "segment",
    "tag",
    "second",
    "agree",
    "order",
    "cluster",
    "join",
    "propose",
    "decide",
    "rank",
    "compare",
)  # as they run


def test_every_table_of_the_dictionary_is_there_with_the_golden_number_of_rows(demo_study):
    """What is read and cut is the same everywhere; what vectors have a say in differs a little from one kind of processor to another."""
    with GOLDEN.open(encoding="utf-8") as handle:
        golden = {row["table"]: int(row["rows"]) for row in csv.DictReader(handle)}
    found = {name: len(demo_study.read_table(name)) for name in TABLES}
    assert {name: found[name] for name in READ} == {name: golden[name] for name in READ}
    assert found.pop("theme_families") in range(LEAST, MOST + 1)
    assert found == {name: pytest.approx(golden[name], rel=0.15, abs=4) for name in found}


def test_every_unit_is_tagged_and_clustered_or_listed_as_set_aside(demo_study):
    units, tags, members = (
        demo_study.read_table(name) for name in ("units", "tags", "theme_members")
    )
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"]]
    assert postures["unit_id"].value_counts().eq(1).all()
    assert set(postures["unit_id"]) == set(units["unit_id"])
    assert set(members["unit_id"]) <= set(units["unit_id"])


def test_a_unit_s_text_is_what_its_document_holds_there(demo_study):
    texts = demo_study.read_table("documents").set_index("document_id")["text"]
    for unit in demo_study.read_table("units").itertuples():
        assert texts[unit.document_id][unit.start_char : unit.end_char] == unit.text


def test_the_example_reaches_the_figures_that_the_readme_tells(demo_study):
    """Floors somewhat below the figures measured, so that a real loss fails and a rounding does not."""
    found = evaluate_study(demo_study.read_tables(), data_path("demo", "gold"))
    assert found["documents_missing"] == []
    assert found["words_read"] >= 0.98
    assert found["question_right"] >= 0.95
    assert found["table_number_right"] >= 0.95
    assert found["segmentation"]["f1"] >= 0.88
    assert found["rubrique"]["micro_f1"] >= 0.60
    assert found["themes"]["ami"] >= 0.28
    assert found["themes"]["left_out"] <= 0.10
    assert found["privacy"]["leaked"] == []


def test_the_manifest_says_what_was_used_and_what_it_cost(demo_study):
    manifest = demo_study.last_run()
    assert {"numpy", "code", "ateliers-territoires"} <= set(manifest["versions"])
    assert manifest["encoder"] == encoder_used(EmbedSettings())
    assert manifest["encoder"]["fallback"] is None
    assert len(manifest["inputs"]) == sum(
        1 for path in demo_study.depot.rglob("*") if path.is_file()
    )
    assert {record["stage"] for record in manifest["stages"]} == set(STAGES)
    assert all(record["seconds"] >= 0 and record["peak_mb"] > 0 for record in manifest["stages"])
    assert manifest["n_rows"]["units"] == len(demo_study.read_table("units"))


def test_no_name_of_the_attendance_lists_is_outside_the_vault(demo_study):
    persons = Vault(demo_study).registry().persons.values()
    names = {f"{person.first_name} {person.last_name}" for person in persons if person.is_listed}
    assert len(names) > 50
    for path in [
        *demo_study.runs.glob("*.json"),
        *demo_study.publications.rglob("*.html"),
        *demo_study.publications.rglob("*.csv"),
    ]:
        text = path.read_text(encoding="utf-8")
        inputs = "".join(json.loads(text).get("inputs", ())) if path.suffix == ".json" else ""
        assert [name for name in sorted(names) if name in text and name not in inputs] == [], (
            path.name
        )


def test_a_second_run_with_nothing_new_says_so_within_three_seconds_and_without_prefect(demo_study):
    before = _children_seconds()
    script = f"import sys; from pipeline.cli import main; main(['run', {str(demo_study.root)!r}]); print('prefect' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "Rien de nouveau" in done.stdout
    assert done.stdout.strip().endswith("False")
    assert _children_seconds() - before < 3


def _children_seconds() -> float:
    """Processor time of the processes that this one started and that ended: other tests' work beside them does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.slow
def test_another_run_of_the_same_input_elsewhere_gives_the_same_bytes(story, tmp_path):
    other = new_small_study(tmp_path / "ailleurs")
    assert run_study(other.root).is_new
    assert table_bytes(other) == story.first_bytes


@pytest.mark.slow
def test_another_run_of_the_example_elsewhere_gives_the_same_bytes(demo_study, tmp_path):
    other = copy_demo(tmp_path / "ailleurs")
    assert run_study(other.root).is_new
    assert table_bytes(other) == table_bytes(demo_study)


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
        "Fichiers ou parties non lus : 9" in told
        and "raccourci vers un dossier : il n'est pas suivi" in told
    )


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


def test_a_clock_that_went_back_does_not_make_an_older_run_the_last_one(story):
    first, second, third = (manifest["run_id"] for manifest in story.manifests)
    assert first < second < third == "21000101T000000000001Z"
    assert story.study.last_run()["run_id"] == third
    assert not run_study(story.study.root).is_new


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
        (small_study.root / weighed.manifest["publication"] / "rapport.html")
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
    assert (kept.theme_id, kept.label, kept.n_tables) == (
        proposed.theme_id,
        "Se soigner et se loger",
        3,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [{"emargement.csv": "Nom;Prénom;Structure;Signature\nRiou;Anne;Régie;x\n"}, {}]
)
def test_a_depot_without_any_passage_is_reported_and_its_files_are_told(tmp_path, capsys, content):
    study = new_small_study(tmp_path / "etude")
    for path in (study.depot / RETZ).iterdir():
        path.unlink()
    for name, text in ({"vide.txt": ""} | content).items():
        (study.depot / RETZ / name).write_text(text, encoding="utf-8")
    assert main(["run", str(study.root)]) == 0
    assert f"non lu : {RETZ}/vide.txt" in capsys.readouterr().out
    assert list(study.publications.glob("*/rapport.html"))


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
    send = child.Child._send

    def send_and_kill(self, message):
        send(self, message)
        if isinstance(message, str) and message.endswith("Table 2.txt"):
            self._process.kill()

    monkeypatch.setattr(child.Child, "_send", send_and_kill)
    assert main(["run", str(small_study.root)]) == 0
    out = capsys.readouterr().out
    assert "Table 2.txt : lecture arrêtée par le système" in out
    assert (
        "Lectures à reprendre au prochain traitement" in out and "machine trop occupée) : 1" in out
    )
    assert main(["status", str(small_study.root)]) == 0
    assert "machine trop occupée) : 1" in capsys.readouterr().out
    monkeypatch.setattr(child.Child, "_send", send)
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


KILL = """
import os, signal, sys
from pathlib import Path
from flows import run
from pipeline import store, study as on_disk
target, root = sys.argv[1], Path(sys.argv[2])
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if target.startswith("table:"):
    write, name = on_disk.Study.write_table, target[6:]
    on_disk.Study.write_table = lambda self, table, rows: die() if table == name else write(self, table, rows)
elif target == "publish":
    from pipeline import publish
    publish.write_docx = die
else:
    keep = store.Store.write_tables
    store.Store.write_tables = lambda self, entry, tables, record: die() if record["stage"] == target else keep(self, entry, tables, record)
run.run_study(root)
"""


@pytest.mark.slow
def test_a_run_killed_in_every_stage_in_turn_ends_with_the_tables_of_one_that_was_not(
    demo_study, tmp_path
):
    study = copy_demo(tmp_path / "tuee")
    for target in (*STAGES, "table:themes", "table:priorities", "publish"):
        killed = subprocess.run(
            [sys.executable, "-c", KILL, target, str(study.root)],
            cwd=ROOT,
            env=os.environ,
            check=False,
        )
        assert killed.returncode == -9, target
        assert study.last_run() is None
    run_study(study.root)
    assert table_bytes(study) == table_bytes(demo_study)
    shutil.rmtree(study.cache)
    study.tables.joinpath("units.parquet").unlink()
    assert run_study(study.root).is_new
    again, once = table_bytes(study), table_bytes(demo_study)
    assert again.pop("theme_changes.parquet") != once.pop(
        "theme_changes.parquet"
    )  # since the run before, nothing changed
    assert set(study.read_table("theme_changes")["change"]) == {"inchangé"}
    assert again == once
