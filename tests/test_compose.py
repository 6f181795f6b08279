"""What compose.yaml starts: closed services, whose passwords are files that only their account reads."""

import re
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.health import answers
from pipeline.cli import make_parser
from pipeline.settings import load_settings
from support.mail_server import running as answering
from support.ports import free_port
from support.prefect_server import OPERATIONS, read_variables

TEXT = (OPERATIONS / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["prefect", "serve", "web"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_nothing_but_its_volumes_and_wins_no_rights(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name == "postgres" or service["cap_drop"] == ["ALL"]
    assert "privileged" not in service and "ports" not in service
    mounted = {volume.split(":")[0] for volume in service["volumes"]}
    assert mounted <= {*COMPOSE["volumes"], "/srv/etudes"}


def test_the_image_runs_as_an_account_without_rights():
    lines = (OPERATIONS / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert "USER ateliers" in lines
    assert any("--require-hashes --no-deps -r requirements.lock" in line for line in lines)


def test_every_password_is_a_file_that_the_script_makes_and_nobody_else_reads(tmp_path):
    script = ["sh", str(OPERATIONS / "preparer-compose.sh"), str(tmp_path), str(tmp_path / "e")]
    runs = [subprocess.run(script, check=True, capture_output=True, text=True) for _ in range(2)]
    assert {run.stdout + run.stderr for run in runs} == {""}
    made = {path.name: path for path in tmp_path.iterdir() if path.is_file()}
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == {
        f"/etc/ateliers/{name}" for name in made
    }
    assert {path.stat().st_mode & 0o777 for path in made.values()} == {0o600}
    assert set(read_variables(made["prefect"])) == {
        "PREFECT_SERVER_API_AUTH_STRING",
        "PREFECT_API_AUTH_STRING",
    }
    password = made["postgres"].read_text(encoding="utf-8")
    assert len(password) == 64
    assert made["pgpass"].read_text(encoding="utf-8") == f"*:*:*:ateliers:{password}\n"
    assert not re.search(r"AUTH_STRING|PASSWORD:|PASSWORD=", TEXT)


def test_the_script_replaces_no_password(tmp_path):
    script = ["sh", str(OPERATIONS / "preparer-compose.sh"), str(tmp_path), str(tmp_path / "e")]
    subprocess.run(script, check=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    subprocess.run(script, check=True)
    assert {path: path.read_bytes() for path in before} == before


def test_accounts_go_to_the_database_that_compose_starts(tmp_path):
    script = ["sh", str(OPERATIONS / "preparer-compose.sh"), str(tmp_path), str(tmp_path / "e")]
    subprocess.run(script, check=True)
    address = load_settings(tmp_path / "e" / "ateliers.toml").review.database
    environment = SERVICES["postgres"]["environment"]
    assert address == (
        f"postgresql://{environment['POSTGRES_USER']}@/{environment['POSTGRES_DB']}"
        "?host=/run/postgresql"
    )
    for name in ("postgres", "web", "serve"):
        assert "prise:/run/postgresql" in SERVICES[name]["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_what_a_service_runs_is_a_command_that_reads_the_password_of_prefect(name):
    shell, _, line = SERVICES[name]["command"]
    source, words = "set -a && . /run/secrets/prefect && exec ", line.split()
    assert shell == "sh" and line.startswith(source)
    assert "prefect" in SERVICES[name]["secrets"]
    if name != "prefect":
        make_parser().parse_args(words[words.index("ateliers") + 1 :])


@pytest.mark.parametrize("name", ["postgres", "prefect", "web"])
def test_who_others_wait_for_says_that_it_is_well(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    waiting = [other for other in SERVICES.values() if name in other.get("depends_on", {})]
    assert name == "web" or len(waiting) == 2


@pytest.mark.parametrize(("status", "expected"), [(200, True), (503, False), (None, False)])
def test_a_health_check_tells_an_address_that_answers_from_one_that_does_not(status, expected):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status or 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    if status is None:
        assert answers(f"http://127.0.0.1:{free_port()}/") is expected
        return
    with answering(ThreadingHTTPServer(("127.0.0.1", 0), Answer)) as server:
        assert answers(f"http://127.0.0.1:{server.server_port}/") is expected


def test_a_path_of_the_build_is_one_of_the_repository():
    build = SERVICES["web"]["build"]
    context = (OPERATIONS / build["context"]).resolve()
    assert (context / build["dockerfile"]).is_file() and (context / "requirements.lock").is_file()
    assert context == Path(__file__).resolve().parent.parent
