"""Stages: one table of them, keys of the code behind each, executed here or as tasks of a real Prefect server."""

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from flows import execution
from flows.execution import StageCall, StageOutcome
from flows.prefect_server import prefect_ready
from flows.run import run_study
from flows.stages import STAGES
from pipeline.errors import StudyError
from pipeline.study import Study
from pipeline.tables import TABLES
from pipeline.versions import ROOT
from support.served import PrefectServer, Service, running, wait_for
from support.studies import new_small_study

WORKSHOP_ID = "pays-de-retz-2026-10-01"


# --- the table -----------------------------------------------------------------------------------


def test_every_table_that_a_stage_reads_was_given_by_one_before(demo_study):
    returned = {
        record["stage"]: set(record["n_rows"]) for record in demo_study.last_run()["stages"]
    }
    assert set(returned) == {stage.name for stage in STAGES}
    given: set[str] = set()
    for stage in STAGES:
        assert set(stage.reads) <= given, stage.name
        given |= returned[stage.name]
    assert given <= set(TABLES)


# --- the code behind them ------------------------------------------------------------------------


@pytest.mark.slow
def test_stages_whose_code_changed_are_computed_again_to_the_same_tables(small_study, monkeypatch):
    before = run_study(small_study.root)
    monkeypatch.setattr(execution, "stage_code_hash", lambda: "autre")
    shutil.rmtree(small_study.publications)  # asks for a run although nothing is new
    records = run_study(small_study.root).manifest["stages"]
    assert {record["stage"] for record in records if record["is_cached"]} == {"second", "propose"}
    hashes, hashes_before = small_study.table_hashes(), dict(before.manifest["tables"])
    # Themes that were new are no longer.
    assert hashes.pop("theme_changes") != hashes_before.pop("theme_changes")
    assert hashes == hashes_before


@pytest.mark.slow
def test_stages_whose_code_is_the_same_are_not_computed_again(small_study):
    run_study(small_study.root)
    shutil.rmtree(small_study.publications)
    records = run_study(small_study.root).manifest["stages"]
    assert all(record["is_cached"] for record in records)


# --- who executes them ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_hands_each_stage_to_whoever_executes_them(small_study):
    calls: list[tuple[str, str | None]] = []

    def execute(call: StageCall) -> StageOutcome:
        calls.append((call.stage, call.workshop_id))
        return call.work()

    run_study(small_study.root, execute=execute)
    names = [stage.name for stage in STAGES]
    assert [name for name, _ in calls] == [*names, "write", "publish"]
    assert {name for name, workshop_id in calls if workshop_id == WORKSHOP_ID} == {
        "read",
        "segment",
    }


@pytest.mark.slow
def test_a_run_by_hand_needs_no_server_though_one_is_named(small_study):
    script = (
        "import sys; from pathlib import Path; from flows.run import run_study\n"
        f"if __name__ == '__main__': run_study(Path({str(small_study.root)!r}))\n"
        "print('prefect' in sys.modules)"
    )
    environment = os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
    assert small_study.last_run() is not None


def test_a_server_that_does_not_answer_is_said_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with (
        pytest.raises(
            StudyError, match=r"pas de serveur Prefect à l'adresse http://127\.0\.0\.1:9/api"
        ),
        prefect_ready(tmp_path),
    ):
        raise RuntimeError("Failed to reach API at http://127.0.0.1:9/api/")


@pytest.mark.slow
def test_the_pages_of_a_served_run_show_its_stages(tmp_path):
    """What a real server knows of a run: each stage with its state, its rows and its lines."""
    study, plain = new_small_study(tmp_path / "servie"), new_small_study(tmp_path / "simple")
    run_study(plain.root)
    n_tasks = len(STAGES) + 3  # what writes, what publishes, and the attempt that holds them all
    with (
        running(PrefectServer(tmp_path / "serveur")) as server,
        running(Service(study, server)),  # the end of what a run tells comes after its own
    ):
        wait_for(lambda: study.last_run() is not None, "run")
        (run,) = wait_for(lambda: ended(server, study), "end of the run")
        asked = {"flow_runs": {"id": {"any_": [run["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}

        def told_of() -> list[dict[str, Any]]:
            told = all_ended(server.ask("/task_runs/filter", asked))
            return told if len(told) >= n_tasks else []

        def lines_of(task_id: str) -> list[str]:
            logs = server.ask("/logs/filter", {"sort": "TIMESTAMP_ASC", "limit": 200})
            return [line["message"] for line in logs if line["task_run_id"] == task_id]

        tasks = wait_for(told_of, "its tasks")
        (cluster,) = (task["id"] for task in tasks if task["name"] == "cluster")
        wait_for(lambda: any(line.startswith("themes ") for line in lines_of(cluster)), "its lines")
        logs = server.ask("/logs/filter", {"sort": "TIMESTAMP_ASC", "limit": 200})
    shown = [_told(task) for task in tasks]
    (tmp_path / "served-run.txt").write_text("\n".join(shown) + "\n", encoding="utf-8")
    assert run["state"]["type"] == "COMPLETED"
    names = {task["name"]: task for task in tasks}
    of_workshop = {f"{name}-{WORKSHOP_ID}" for name in ("read", "segment")}
    of_study = {stage.name for stage in STAGES} - {"read", "segment"} | {"write", "publish"}
    (attempt,) = (name for name in names if name.startswith("run_study"))
    assert set(names) == of_workshop | of_study | {attempt}
    assert {task["state"]["type"] for task in tasks} == {"COMPLETED"}
    assert all(task["tags"] == [] for task in tasks)  # each tag is a slot to wait for
    assert names[f"segment-{WORKSHOP_ID}"]["state"]["message"].startswith("units 3, ")
    assert not any("médecin" in line["message"] for line in logs)
    assert study.table_hashes() == plain.table_hashes()


def ended(server: PrefectServer, study: Study) -> list[dict[str, Any]]:
    """The runs of the study, once all ended."""
    runs = server.runs(study)
    return runs if all_ended(runs) else []


def all_ended(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
    return runs if all(run["state"]["type"] in final for run in runs) else []


def _told(task: dict[str, Any]) -> str:
    seconds, state = task["total_run_time"], task["state"]
    return f"{task['name']:40} {state['type']:10} {seconds:6.1f} s  {state['message'] or ''}"
