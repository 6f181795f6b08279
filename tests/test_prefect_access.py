"""Prefect's server obeys those who have its password, and no page of another origin; an open one is not served."""

import contextlib
import http.server
import json
import os
import re
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows import serve
from flows.prefect_server import AccessError, ServerAwayError, check_access, prefect_ready
from pipeline.cli import main
from pipeline.errors import StudyError
from pipeline.study import Study
from support.mail_server import running as answering
from support.prefect_server import (
    OPERATIONS,
    SECRETS,
    answered,
    authorization,
    make_password,
    read_variables,
    unit_lines,
)
from support.served import CONCLUDE, PrefectServer, Process, Service, running, wait_for
from support.studies import new_small_study

FOREIGN = "https://page-etrangere.example"
PASSWORD = "ateliers:essai-81c2"
PATIENCE_S = 300  # a server that works beside a busy suite


# --- a server that stands for Prefect's -------------------------------------------------------------


class _Answers(http.server.BaseHTTPRequestHandler):
    """Answers as Prefect does, as far as a password and origins go."""

    server: "StandIn"

    def do_GET(self) -> None:
        is_health = self.path.endswith("/health")
        given = self.headers.get("Authorization")
        expected = authorization({"PREFECT_API_AUTH_STRING": self.server.password})
        is_known = not expected or given == expected["Authorization"]
        self._answer(200 if is_health or is_known else self.server.refusal)

    def do_OPTIONS(self) -> None:
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        origin = self.headers.get("Origin")
        if origin and (allowed := self.server.allowed(origin)):
            self.send_header("Access-Control-Allow-Origin", allowed)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class StandIn(http.server.ThreadingHTTPServer):
    """A server with `password`, or none, which answers pages of the origins that `allows` names."""

    def __init__(self, *, password: str = "", allows: str = "", refusal: int = 401) -> None:
        self.password, self.refusal, self._allows = password, refusal, allows
        super().__init__(("127.0.0.1", 0), _Answers)

    def allowed(self, origin: str) -> str:
        if self._allows == "echo":
            return origin
        return self._allows if self._allows in ("*", origin) else ""


@contextlib.contextmanager
def named_server(monkeypatch: pytest.MonkeyPatch, given: str = "", **kind: Any) -> Iterator[str]:
    """Serve a stand-in and name it, with the password `given`, in the environment and to Prefect."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    with answering(StandIn(**kind)) as server:
        url = f"http://127.0.0.1:{server.server_port}/api"
        monkeypatch.setenv("PREFECT_API_URL", url)
        with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: given}):
            yield url


OPEN = [
    ({"allows": "*"}, "sans mot de passe et aux pages web de toute origine"),
    ({"allows": ""}, "sans mot de passe"),
    ({"allows": "http://127.0.0.1:4200"}, "sans mot de passe"),
    ({"password": PASSWORD, "allows": "*"}, "aux pages web de toute origine"),
    ({"password": PASSWORD, "allows": "echo"}, "aux pages web de toute origine"),
    ({"password": PASSWORD, "allows": "null"}, "aux pages web de toute origine"),
    ({"password": PASSWORD, "allows": "echo", "refusal": 403}, "aux pages web de toute origine"),
]


@pytest.mark.parametrize(("kind", "opened"), OPEN)
def test_an_open_server_is_refused_in_one_line_unless_it_is_allowed(monkeypatch, kind, opened):
    with named_server(monkeypatch, PASSWORD, **kind) as url:
        with pytest.raises(AccessError) as caught:
            check_access(allow_open=False)
        assert check_access(allow_open=True) == opened
    line = str(caught.value)
    assert f"le serveur Prefect {url} est ouvert : il répond {opened} ; attendu : " in line
    assert all(name in line for name in ("PREFECT_SERVER_API_AUTH_STRING", "--allow-open-server"))
    assert "\n" not in line and "essai-81c2" not in line


@pytest.mark.parametrize(
    ("allows", "refusal"), [("", 401), ("http://127.0.0.1:4200", 401), ("", 403)]
)
def test_a_closed_server_that_knows_our_password_is_served(monkeypatch, allows, refusal):
    kind = {"password": PASSWORD, "allows": allows, "refusal": refusal}
    with named_server(monkeypatch, PASSWORD, **kind):
        assert check_access(allow_open=False) == ""


@pytest.mark.parametrize(("given", "allow_open"), [("", False), ("ateliers:un-autre", True)])
def test_a_password_that_is_wrong_or_missing_is_one_line(monkeypatch, given, allow_open):
    with (
        named_server(monkeypatch, given, password=PASSWORD) as url,
        pytest.raises(AccessError) as caught,
    ):
        check_access(allow_open=allow_open)
    line = str(caught.value)
    assert f"le serveur Prefect {url} refuse le mot de passe, ou n'en a pas reçu ; attendu" in line
    assert "PREFECT_API_AUTH_STRING_FILE" in line and "\n" not in line
    assert PASSWORD not in line and "un-autre" not in line


def test_a_server_that_answers_with_an_error_is_not_taken_for_a_closed_one(monkeypatch):
    with (
        named_server(monkeypatch, PASSWORD, password=PASSWORD, refusal=404),
        pytest.raises(ServerAwayError),
    ):
        check_access(allow_open=True)


def test_serve_refuses_an_open_server_and_serves_it_once_told_in_words(
    small_study, monkeypatch, capsys
):
    pytest.importorskip("watchfiles")
    served: list[bool] = []

    def record(studies: object, told: object, *, allow_open_server: bool) -> None:
        served.append(allow_open_server)

    monkeypatch.setattr(serve, "serve_until_stopped", record)
    with named_server(monkeypatch, allows="*") as url:
        assert main(["serve", str(small_study.root)]) == 1
        assert served == []
        said = capsys.readouterr()
        assert f"le serveur Prefect {url} est ouvert" in said.err
        assert len((said.out + said.err).splitlines()) == 1
        assert main(["serve", str(small_study.root), "--allow-open-server"]) == 0
        assert served == [True]
        said = capsys.readouterr()
        assert "Attention : le serveur Prefect" in said.out + said.err


def test_a_run_whose_password_the_server_refuses_ends_in_one_line(monkeypatch, tmp_path):
    from prefect.exceptions import PrefectHTTPStatusError

    with (
        named_server(monkeypatch, "ateliers:un-autre", password=PASSWORD),
        pytest.raises(StudyError, match="refuse le mot de passe"),
        prefect_ready(tmp_path),
    ):
        from flows.prefect_server import server as prefect

        try:
            with prefect() as client:
                client.hello()
        except ServerAwayError as error:
            assert isinstance(error.__cause__, PrefectHTTPStatusError)
            raise error.__cause__ from None


# --- what is documented ----------------------------------------------------------------------------


UNITS = {path.stem: unit_lines(path.stem) for path in sorted(OPERATIONS.glob("*.service"))}
CLIENTS = [
    name
    for name, unit in UNITS.items()
    if any("PREFECT_API_URL" in line for line in unit["Environment"])
]


def test_the_unit_of_the_server_has_a_password_closed_origins_and_the_loopback_alone():
    unit = UNITS["ateliers-prefect"]
    assert unit["EnvironmentFile"] == [SECRETS]  # without a dash: no file, no server
    told = dict(line.split("=", 1) for line in unit["Environment"])
    assert told["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4200"
    assert "--host 127.0.0.1 --port 4200" in unit["ExecStart"][0]


@pytest.mark.parametrize("name", CLIENTS)
def test_the_units_that_talk_to_the_server_read_its_password(name):
    assert SECRETS in UNITS[name]["EnvironmentFile"]


def test_both_clients_are_checked():
    assert CLIENTS == ["ateliers-review", "ateliers-serve"]


def test_no_password_is_on_a_command_line_or_in_a_file_that_everybody_reads():
    for path in (*OPERATIONS.glob("*.service"), OPERATIONS / "Containerfile"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"AUTH_STRING\s*=", text), path.name


def test_the_image_closes_origins_and_its_containers_read_the_password():
    text = (OPERATIONS / "Containerfile").read_text(encoding="utf-8")
    assert "PREFECT_SERVER_CORS_ALLOWED_ORIGINS=http://127.0.0.1:4200" in text
    comments = re.sub(r"\\\n#\s*", "", text)
    started = re.findall(r"podman run -d .*", comments)
    assert len(started) == 3
    assert [line for line in started if f"--env-file {SECRETS}" not in line] == []


def test_the_password_is_long_new_each_time_shown_nowhere_and_its_owner_s_alone(tmp_path):
    file = tmp_path / "prefect"
    file.write_text("un ancien", encoding="utf-8")
    file.chmod(0o666)
    passwords = set()
    previous = os.umask(0)
    try:
        for _ in range(2):
            said = make_password(file)
            variables = read_variables(file)
            assert list(variables) == ["PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"]
            (password,) = set(variables.values())
            assert re.fullmatch(r"ateliers:[0-9a-f]{64}", password)
            assert said == ""
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            passwords.add(password)
    finally:
        os.umask(previous)
    assert len(passwords) == 2
    assert list(tmp_path.iterdir()) == [file]


# --- the attack, on a real server -------------------------------------------------------------------


def ask_as_a_page(
    url: str, method: str, body: dict[str, Any] | None = None, **headers: str
) -> tuple[int, str | None]:
    """Ask as a page of a foreign origin, without a password; the status, and the origins allowed."""
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Origin": FOREIGN, "Content-Type": "application/json"} | headers,
    )
    try:
        with answered(request) as answer:
            return answer.status, answer.headers["Access-Control-Allow-Origin"]
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers["Access-Control-Allow-Origin"]


def attack(server: PrefectServer, deployment_id: str, marker: Path) -> list[int]:
    """Have a deployment run a shell command and a file of ours, then run it: twice, the second time on another folder.

    Return the statuses of the answers.
    """
    script = marker.with_suffix(".py")
    script.write_text(
        f"from pathlib import Path\nPath({str(marker)!r}).touch()\n", encoding="utf-8"
    )
    step = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {marker}"}}
    changed = {
        "pull_steps": [step],
        "entrypoint": f"{script}:process",
        "enforce_parameter_schema": False,
    }
    url = f"{server.url}/deployments/{deployment_id}"
    return [
        ask_as_a_page(f"{server.url}/deployments/filter", "POST", {})[0],
        ask_as_a_page(url, "PATCH", changed)[0],
        ask_as_a_page(f"{url}/create_flow_run", "POST", {})[0],
        ask_as_a_page(f"{url}/create_flow_run", "POST", {"parameters": {"root": "/"}})[0],
    ]


def deployment_of(server: PrefectServer, study: Study) -> dict[str, Any]:
    """The deployment that processes a study."""
    asked = {"deployments": {"name": {"any_": [study.root.name]}}}
    found = server.ask("/deployments/filter", asked)
    (deployment,) = [each for each in found if "process" in each["entrypoint"]]
    return dict(deployment)


def preflight(server: PrefectServer) -> str | None:
    """The origins that the server allows where a browser asks before it rewrites a deployment."""
    asked = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "content-type",
    }
    return ask_as_a_page(f"{server.url}/deployments/filter", "OPTIONS", **asked)[1]


@pytest.mark.slow
def test_a_foreign_page_without_password_cannot_rewrite_what_a_deployment_runs(
    tmp_path, without_rights
):
    study, marker = Study.create(tmp_path / "visee"), tmp_path / "pris"
    with (
        running(PrefectServer(tmp_path / "serveur")) as server,
        running(Service(study, server)) as service,
    ):
        deployment = deployment_of(server, study)
        assert attack(server, deployment["id"], marker) == [401] * 4
        assert preflight(server) is None
        assert refuses_socket(server)
        after = deployment_of(server, study)
        assert (after["pull_steps"], server.runs(study)) == (deployment["pull_steps"], [])
        assert not marker.exists()
        password = server.environment["PREFECT_API_AUTH_STRING"]
        assert_secret(password, tmp_path, [server, service], without_rights)


def refuses_socket(server: PrefectServer) -> bool:
    """Whether the server closes a socket for events to a page without password; origins do not bind sockets."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    address = server.url.replace("http://", "ws://") + "/events/in"
    try:
        with connect(
            address, origin=FOREIGN, subprotocols=["prefect"], open_timeout=PATIENCE_S
        ) as socket:
            socket.send(json.dumps({"type": "auth", "token": "rien"}))
            return "auth_success" not in str(socket.recv(PATIENCE_S))
    except WebSocketException:
        return True


def content_of(path: Path) -> bytes:
    """What a file holds; nothing where the server that works meanwhile removed it."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def assert_secret(
    password: str, folder: Path, processes: list[Process], without_rights: Any
) -> None:
    """The password is in no journal, no record and no command line; another account cannot read it."""
    secret = password.partition(":")[2]
    holders = [path for path in folder.rglob("*") if secret.encode() in content_of(path)]
    assert holders == [folder / "serveur" / "prefect.env"]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert secret not in listed.stdout
    if os.geteuid() != 0:
        return
    for process in processes:
        assert process.process
        environment = Path(f"/proc/{process.process.pid}/environ")
        assert secret.encode() in environment.read_bytes()
        with without_rights(), pytest.raises(PermissionError):
            environment.read_bytes()
    with without_rights(), pytest.raises(PermissionError):
        holders[0].read_bytes()


@pytest.mark.service
def test_what_a_stranger_writes_to_an_open_server_is_still_not_run(tmp_path):
    study, marker = new_small_study(tmp_path / "ouverte"), tmp_path / "pris"
    command = [sys.executable, "-m", "pipeline.cli", "serve", str(study.root)]
    with running(PrefectServer(tmp_path / "serveur", is_open=True)) as server:
        told = os.environ | server.environment
        refused = subprocess.run(
            command, env=told, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        assert (refused.returncode, refused.stdout) == (1, "")
        opened = "est ouvert : il répond sans mot de passe et aux pages web de toute origine"
        assert opened in refused.stderr
        with running(Service(study, server, "--allow-open-server")) as service:
            assert service.said("Attention : le serveur Prefect")
            assert preflight(server) == "*"
            assert attack(server, deployment_of(server, study)["id"], marker) == [
                200,
                204,
                201,
                201,
            ]
            assert deployment_of(server, study)["pull_steps"]
            states = wait_for(
                lambda: found if len(found := ended_states(server, study)) >= 2 else [],
                "the runs that were asked for",
            )
    assert not marker.exists()
    assert "COMPLETED" in states and set(states) - {"COMPLETED"}  # our function; no other folder


def ended_states(server: PrefectServer, study: Study) -> list[str]:
    """How the runs of the study ended, once all did."""
    states = sorted(run["state"]["type"] for run in server.runs(study))
    return [] if set(states) & {"PENDING", "RUNNING", "CANCELLING"} else states


@pytest.mark.service
def test_a_password_that_changes_ends_the_service_which_starts_again_with_the_new_one(tmp_path):
    study = Study.create(tmp_path / "changee")
    with running(PrefectServer(tmp_path / "serveur")) as server:
        service = Service(study, server)
        with running(service):
            server.kill(with_children=True)
            server.change_password()
            server.start()
            assert service.process and service.process.wait(PATIENCE_S) == 1
            assert service.said("refuse le mot de passe")
        with running(Service(study, server)) as again:
            assert again.said("servie ;")


@pytest.mark.service
def test_a_review_reads_the_password_of_a_file_and_a_run_by_hand_asks_the_server_nothing(tmp_path):
    study, file = new_small_study(tmp_path / "relue"), tmp_path / "mot-de-passe"
    with running(PrefectServer(tmp_path / "serveur")) as server:
        named = os.environ | server.environment
        file.write_text(named.pop("PREFECT_API_AUTH_STRING"), encoding="utf-8")
        file.chmod(0o600)

        def call(*words: str, **told: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, *words, str(study.root)]
            return subprocess.run(
                command, env=named | told, capture_output=True, text=True, check=False, timeout=300
            )

        by_hand = call("-m", "pipeline.cli", "run", PREFECT_API_AUTH_STRING="ateliers:x")
        assert by_hand.returncode == 0
        assert server.ask("/flow_runs/filter", {}) == []
        review = call("-c", CONCLUDE, PREFECT_API_AUTH_STRING_FILE=str(file))
        assert (review.returncode, review.stderr) == (0, "")
        asked = {"filter": {"event": {"name": ["ateliers.review.done"]}}}
        wait_for(lambda: server.ask("/events/filter", asked)["events"], "the event")
    assert study.last_run() is not None


FETCH = """async (url) => {
    const options = {method: "POST", body: "{}", headers: {"Content-Type": "application/json"}};
    try { return (await fetch(url, options)).status } catch (error) { return error.name }
}"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("is_open", "answer"),
    [pytest.param(True, 200, marks=pytest.mark.exhaustive), (False, "TypeError")],
)
def test_a_browser_lets_no_page_of_another_origin_ask_a_closed_server(tmp_path, is_open, answer):
    from playwright.sync_api import sync_playwright

    with (
        running(PrefectServer(tmp_path / "serveur", is_open=is_open)) as server,
        answering(StandIn()) as other,
        sync_playwright() as tool,
    ):
        browser = tool.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{other.server_port}/health")
        assert page.evaluate(FETCH, f"{server.url}/deployments/filter") == answer
        browser.close()
