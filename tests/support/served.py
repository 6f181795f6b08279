"""A Prefect server and `ateliers serve`, each a process of its own, to be killed and started again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.study import Study
from support.prefect_server import (
    answered,
    authorization,
    documented_server,
    make_password,
    read_variables,
)

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 600
CLOSING = ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS")
CONCLUDE = (
    "import sys, pathlib; from flows.served_flows import conclude_review as conclude;"
    " conclude(pathlib.Path(sys.argv[1]))"
)
_QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "OMP_NUM_THREADS": "1"}


def wait_for(is_there: Callable[[], Any], what: str, seconds: float = _PATIENCE_S) -> Any:
    """Return the first true answer of `is_there`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := is_there():
            return found
        time.sleep(0.1)
    raise TimeoutError(what)


class Process:
    """A process and its children, which make one group."""

    def __init__(self, command: list[str], environment: dict[str, str], journal: Path) -> None:
        self._command, self._environment, self.journal = (
            command,
            os.environ | _QUIET | environment,
            journal,
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.journal.open("ab") as journal:
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=ROOT,
                stdout=journal,
                stderr=journal,
                start_new_session=True,
            )

    def kill(self, *, with_children: bool) -> None:
        """End it at once, as kill -9 does; with its children, as systemd does."""
        assert self.process
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if with_children else os.kill)(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it as systemd does, and return its exit code."""
        assert self.process
        self.process.terminate()
        try:
            return self.process.wait(240)  # it gives its runs a minute
        finally:
            self.kill(with_children=True)

    def kill_children(self) -> None:
        """Kill the processes that it started, and leave it alive."""
        assert self.process
        for pid in _children(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def forks(self) -> list[int]:
        """The processes forked from the one that it keeps ready."""
        assert self.process
        return [fork for child in _children(self.process.pid) for fork in _children(child)]

    def _is_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def said(self, words: str) -> bool:
        """Whether its journal holds `words`."""
        return words in self.journal.read_text(encoding="utf-8")


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True)
    return [int(child) for child in listed.stdout.split()]


class PrefectServer(Process):
    """A server with its records in `folder`, started as docs/operations tells but for `environment`; with `is_open`, to anyone."""

    def __init__(self, folder: Path, *, is_open: bool = False, **environment: str) -> None:
        (folder / "prefect").mkdir(parents=True)
        documented = documented_server(folder / "prefect")
        self.environment = documented.of_clients
        self.secrets = documented.secrets
        self.url = self.environment["PREFECT_API_URL"]
        started = documented.environment
        if is_open:
            started = {name: started[name] for name in started if name not in CLOSING}
        super().__init__(documented.command, started | environment, folder / "serveur.log")

    def start(self) -> None:
        super().start()
        wait_for(self._answers, "Prefect server")

    def change_password(self) -> None:
        """Make another password; the server has it once it is started again, new clients at once."""
        make_password(self.secrets)
        variables = read_variables(self.secrets)
        self.environment = self.environment | variables
        self._environment |= variables

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answers."""
        asked = urllib.request.Request(
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | authorization(self.environment),
        )
        with answered(asked) as answer:
            return json.loads(answer.read())

    def runs(self, study: Study) -> list[dict[str, Any]]:
        """The runs that processed or would have processed a study now, the oldest first."""
        name = {
            "deployments": {"name": {"any_": [study.root.name]}},
            "flows": {"name": {"any_": ["process_study"]}},
        }
        started = {"state": {"type": {"not_any_": ["SCHEDULED"]}}}
        return list(
            self.ask(
                "/flow_runs/filter",
                name | {"flow_runs": started, "sort": "EXPECTED_START_TIME_ASC"},
            )
        )

    def _answers(self) -> bool:
        try:
            return bool(self.ask("/health"))
        except OSError:
            return False


class Service(Process):
    """`ateliers serve` of one study."""

    def __init__(
        self,
        study: Study,
        server: PrefectServer,
        *options: str,
        journal: Path | None = None,
        **environment: str,
    ) -> None:
        self.study = study
        command = [sys.executable, "-m", "pipeline.cli", "serve", str(study.root), *options]
        super().__init__(
            command, server.environment | environment, journal or study.root / "service.log"
        )

    def start(self) -> None:
        n = self.journal.read_text(encoding="utf-8").count("servie") if self.journal.exists() else 0
        super().start()
        wait_for(
            lambda: (
                self._is_ended() or self.journal.read_text(encoding="utf-8").count("servie ;") > n
            ),
            "service",
        )
        assert not self._is_ended(), self.journal.read_text(encoding="utf-8")


@contextlib.contextmanager
def running(process: Any) -> Iterator[Any]:
    """Start it, and leave nothing of it."""
    process.start()
    try:
        yield process
    finally:
        process.kill(with_children=True)


def manifests(study: Study) -> list[Path]:
    """The records of runs that ended well."""
    return sorted(study.runs.glob("*.json"))


def begun(study: Study, stage: str) -> bool:
    """Whether a run has come to a stage of the cache, or to the report."""
    if stage == "publish":
        return any(study.publications.glob(".building-*"))
    return any(study.cache.glob(f"stages/{stage}-*"))
