"""A Prefect server of its own for a test, started as docs/operations tells, and what it recorded."""

import base64
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from support.ports import free_port

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
SECRETS = "/etc/ateliers/prefect"


@dataclass(frozen=True)
class DocumentedServer:
    """How docs/operations starts a server, and what it gives to its clients."""

    command: list[str]
    environment: dict[str, str]
    of_clients: dict[str, str]
    secrets: Path


def documented_server(home: Path) -> DocumentedServer:
    """Read the units: the server's files in `home` and its password beside it, a free port."""
    port, secrets = str(free_port()), home.with_name(f"{home.name}.env")
    make_password(secrets)

    def here(text: str) -> str:
        return text.replace("4200", port).replace("/var/lib/ateliers/prefect", str(home))

    server, client = unit_lines("ateliers-prefect"), unit_lines("ateliers-serve")
    started = dict(here(line).split("=", 1) for line in server["Environment"])
    if SECRETS in server.get("EnvironmentFile", []):
        started |= read_variables(secrets)
    told = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PREFECT_HOME": str(home)}
    if SECRETS in client.get("EnvironmentFile", []):
        told |= read_variables(secrets)
    words = shlex.split(here(server["ExecStart"][0]))
    return DocumentedServer([sys.executable, "-m", "prefect", *words[1:]], started, told, secrets)


def unit_lines(name: str) -> dict[str, list[str]]:
    """What a unit of docs/operations says, by key."""
    lines: dict[str, list[str]] = {}
    for line in (OPERATIONS / f"{name}.service").read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            lines.setdefault(key, []).append(value)
    return lines


def make_password(path: Path) -> str:
    """Run the documented script; return what it said."""
    script = ["sh", str(OPERATIONS / "mot-de-passe-prefect.sh"), str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def read_variables(path: Path) -> dict[str, str]:
    """The variables of a file of the kind that systemd, podman and the shell read."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def authorization(environment: Mapping[str, str]) -> dict[str, str]:
    """The header by which a client of the server gives the password it was told, if any."""
    password = environment.get("PREFECT_API_AUTH_STRING")
    if not password:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"}


@contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """Start a server whose files are in `home`; give the environment of its clients."""
    documented = documented_server(home)
    home.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen(
        documented.command,
        env=os.environ | documented.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{documented.of_clients['PREFECT_API_URL']}/health")
        yield os.environ | documented.of_clients
    finally:
        server.terminate()
        server.wait()


def count_runs(environment: dict[str, str], kind: str, name: str | None = None) -> int:
    """How many runs of flows ("flow_runs") or tasks ("task_runs", of the task of that name) the server recorded."""
    asked = {"task_runs": {"name": {"like_": name}}} if name else {}
    request = urllib.request.Request(
        f"{environment['PREFECT_API_URL']}/{kind}/count",
        data=json.dumps(asked).encode(),
        headers={"Content-Type": "application/json"} | authorization(environment),
    )
    with answered(request) as answer:
        return int(answer.read())


def answered(request: urllib.request.Request) -> Any:
    """The answer of Prefect's server; where its SQLite is busy (503), asked again for a minute."""
    for _ in range(60):
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as refusal:
            if refusal.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            time.sleep(1)
    raise TimeoutError(request.full_url)


def _wait_for(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(address)
