"""The main job end to end on the example study: what it leaves, what a second run does, and what a crash changes (nothing)."""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.run import run_study
from flows.vault import Vault
from models.embedder import encoder_used
from pipeline.cli import main
from pipeline.evaluate import evaluate_study
from pipeline.files import data_path
from pipeline.settings.sections import EmbedSettings
from pipeline.study import Study
from pipeline.tables import TABLES
from support.studies import RETZ, new_small_study, table_bytes

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "demo_rows.csv"
READ = (
    "workshops",
    "documents",
    "blocks",
    "rejects",
    "receipts",
    "attendance",
    "structures",
    "catchments",
    "units",
    "ledger",
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
    assert 0 < found.pop("theme_families") <= found["themes"]
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


KILL = """
import os, signal, sys
from pathlib import Path
from flows import run
from pipeline import store, study as on_disk
target, root = sys.argv[1], Path(sys.argv[2])
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
if target.startswith("table:"):
    write, name = on_disk.Study.write_table, target[6:]
    on_disk.Study.write_table = lambda self, table, rows: die() if table == name else write(self, table, rows)
elif target == "publish":
    from flows import publish_study
    publish_study.write_page = die
else:
    keep = store.Store.write_tables
    store.Store.write_tables = lambda self, entry, tables, record: die() if record["stage"] == target else keep(self, entry, tables, record)
run.run_study(root)
"""


@pytest.mark.slow
@pytest.mark.exhaustive  # CI kills a served run in five stages
def test_a_run_killed_in_every_stage_in_turn_ends_with_the_tables_of_one_that_was_not(tmp_path):
    study, once = (new_small_study(tmp_path / name) for name in ("tuee", "une-fois"))
    for target in (*STAGES, "table:themes", "table:priorities", "publish"):
        killed = subprocess.run(
            [sys.executable, "-c", KILL, target, str(study.root)],
            cwd=ROOT,
            env=os.environ,
            check=False,
        )
        assert killed.returncode == -9, target
        assert (study.last_run() is None) == (target != "publish")  # recorded before its report
    run_study(study.root)
    run_study(once.root)
    (manifest,) = study.runs.glob("*.json")
    assert (study.publications / manifest.stem / "rapport.html").is_file()
    assert table_bytes(study) == table_bytes(once)


@pytest.mark.exhaustive  # CI makes it again with a second Python
def test_the_example_made_again_elsewhere_without_its_cache_has_the_same_bytes(
    demo_study, tmp_path
):
    study = Study.open(Path(shutil.copytree(demo_study.root, tmp_path / "ailleurs")))
    shutil.rmtree(study.cache)
    study.tables.joinpath("units.parquet").unlink()
    assert run_study(study.root).is_new
    again, once = table_bytes(study), table_bytes(demo_study)
    assert again.pop("theme_changes.parquet") != once.pop(
        "theme_changes.parquet"
    )  # since the run before, nothing changed
    assert set(study.read_table("theme_changes")["change"]) == {"inchangé"}
    assert again == once
