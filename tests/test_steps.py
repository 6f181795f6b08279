"""A job's steps are Prefect's where a server is named, plain functions elsewhere; either way the run is the same."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.prefect_server import prefect_ready
from flows.run import run_study
from flows.steps import flow, task
from models.registry import labelled_rows
from pipeline.errors import StudyError
from pipeline.files import file_hash
from pipeline.study import Study
from support.prefect_server import count_runs, prefect_server


def test_without_a_server_a_step_is_its_function(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    double = task("double")(lambda n: 2 * n)
    both = flow("both")(lambda n: [double(n), double(n=n + 1)])
    assert both(3) == [6, 8]
    assert "as_prefect" not in vars(double)


def test_with_a_server_a_step_is_run_by_prefect(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    double = task("double")(lambda n: 2 * n)
    vars(double)["as_prefect"] = lambda n: ("prefect", n)
    assert double(3) == ("prefect", 3)


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
def test_a_run_recorded_by_a_server_writes_the_same_tables(small_study, tmp_path):
    run_study(small_study.root)
    plain = _tables(small_study)
    with prefect_server(tmp_path / "prefect") as recorded:
        (small_study.tables / "units.parquet").unlink()
        _run(small_study, recorded)
        assert count_runs(recorded, "flow_runs") == 3  # the study, its workshop, its analysis
    assert _tables(small_study) == plain


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("prefect_dask") is None,
    reason="prefect-dask n'est pas installé (extra dask)",
)
def test_a_run_recorded_by_a_server_gives_its_batches_to_dask(small_study, tmp_path):
    said = [row["text"] for row in labelled_rows("amorce-1")][:40]
    folder = small_study.depot / "Pays de Retz 2026-10-01"
    (folder / "Table 3.txt").write_text(
        "Q1\n" + "".join(f"- {text}\n" for text in said), encoding="utf-8"
    )
    run_study(small_study.root)
    plain = _tables(small_study)
    with small_study.settings_path.open("a", encoding="utf-8") as file:
        file.write('\n[execution]\nrunner = "dask"\nworkers = 2\nbatch_units = 1\n')
    shutil.rmtree(small_study.cache)
    for path in small_study.tables.rglob("*.parquet"):
        path.unlink()  # or themes would be those of the run before, which theme_changes tells
    with prefect_server(tmp_path / "prefect") as recorded:
        _run(small_study, recorded)
        assert count_runs(recorded, "task_runs", "batch") > 10
    assert _tables(small_study) == plain


def _run(study: Study, environment: dict[str, str]) -> None:
    script = f"from pathlib import Path; from flows.run import run_study\nif __name__ == '__main__': run_study(Path({str(study.root)!r}))"
    subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=Path(__file__).parent.parent,
        check=True,
    )


def _tables(study: Study) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(study.tables.rglob("*.parquet"))}
