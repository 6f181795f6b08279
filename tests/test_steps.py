"""A job's steps are Prefect's where a server is named, plain functions elsewhere; either way the run is the same."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from flows.prefect_setup import prefect_ready
from flows.run import run_study
from flows.steps import flow, task
from pipeline.errors import StudyError
from pipeline.study import Study, file_hash


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
    with pytest.raises(StudyError, match=r"pas de serveur Prefect à l'adresse http://127\.0\.0\.1:9/api"), prefect_ready(tmp_path):
        raise RuntimeError("Failed to reach API at http://127.0.0.1:9/api/")


@pytest.mark.slow
def test_a_run_recorded_by_a_server_writes_the_same_tables(small_study, tmp_path):
    run_study(small_study.root)
    plain = _tables(small_study)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    (tmp_path / "prefect").mkdir()
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/health")
        script = f"from pathlib import Path; from flows.run import run_study; run_study(Path({str(small_study.root)!r}))"
        (small_study.tables / "units.parquet").unlink()
        recorded = environment | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
        subprocess.run([sys.executable, "-c", script], env=recorded, cwd=Path(__file__).parent.parent, check=True)
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/flow_runs/count", data=b"{}", headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked) as answer:
            assert int(answer.read()) == 3  # the study, its workshop, its analysis
    finally:
        server.terminate()
        server.wait()
    assert _tables(small_study) == plain


def _tables(study: Study) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(study.tables.rglob("*.parquet"))}


def _wait_for(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(address)
