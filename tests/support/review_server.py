"""A review application served for tests by the real server, with accounts, and a browser that may only speak to it."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from playwright.sync_api import Browser, BrowserContext, Page, Request
from playwright.sync_api import Error as PlaywrightError

from pipeline.review.storage import cookie_suffix, secret_key
from pipeline.study import Study
from support.ports import free_port

PASSWORD = "la ruche de Lumbres 62"
ACCOUNTS = {"alix": "analyse", "bilal": "analyse", "chantal": "administration", "denis": "lecture"}
_START_S, _WAIT_MS = 120, 30_000
_made: dict[
    str, tuple[dict[str, bytes], dict[str, str]]
] = {}  # files and session keys, by accounts
_MAKE_ACCOUNTS = """
import json, sys
from importlib import import_module
from pathlib import Path
from pipeline.review.server import prepare
prepare(Path(sys.argv[1]))
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
Session = import_module(settings.SESSION_ENGINE).SessionStore
password, keys = make_password(sys.argv[2]), {}
for name, group in json.loads(sys.argv[3]).items():
    user, _ = User.objects.update_or_create(username=name, defaults={"password": password})
    user.groups.set(Group.objects.filter(name=group))
    session = Session()
    backend = settings.AUTHENTICATION_BACKENDS[-1]
    session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: backend, HASH_SESSION_KEY: user.get_session_auth_hash()})
    session.create()
    keys[name] = session.session_key
print(json.dumps(keys))
"""


@dataclass
class Served:
    """A study under review at `address`; `process` is the real server."""

    study: Study
    address: str
    process: subprocess.Popen[str]
    first_line: str
    strangers: list[str] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=dict)  # keys, by account that has one
    _contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def session_cookie(self) -> str:
        """The name of the cookie of sessions, this study's own."""
        return f"ateliers_session_{cookie_suffix(self.study.root, secret_key(self.study.root / '.review'))}"

    def url(self, path: str) -> str:
        """An address of the application."""
        return f"{self.address}/{path.lstrip('/')}"

    def decisions(self) -> pd.DataFrame:
        """What the study's own store holds, read beside the server."""
        return self.study.decisions.read()

    def kill(self) -> None:
        """End server and workers at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()

    def open(
        self, browser: Browser, name: str | None = "alix", path: str = "passages", **context: Any
    ) -> Page:
        """A page of a browser of its own, logged in as `name`; what it asks of any other machine is noted in `strangers`, and refused."""
        self._contexts.append(browser.new_context(locale="fr-FR", **context))
        if name is not None:
            self._contexts[-1].add_cookies(
                [{"name": self.session_cookie, "value": self.sessions[name], "url": self.address}]
            )
        page = self._contexts[-1].new_page()
        page.set_default_timeout(_WAIT_MS)
        page.set_default_navigation_timeout(1000 * _START_S)  # a first page is slow
        page.on("request", self._note)
        page.route(
            lambda url: not url.startswith((self.address, "data:")), lambda route: route.abort()
        )
        page.goto(self.url(path))
        return page

    def close(self) -> None:
        """Close every page."""
        for context in self._contexts:
            with contextlib.suppress(
                PlaywrightError
            ):  # the browser may be closed before its server
                context.close()

    def _note(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.strangers.append(request.url)


def copy_study(study: Study, folder: Path, **review: Any) -> Study:
    """A processed study of one's own, which may be decided on and run again, with these keys of [review]."""
    shutil.copytree(study.root, folder)
    with (folder / study.settings_path.name).open("a", encoding="utf-8") as settings:
        settings.write(
            "\n[review]\n"
            + "".join(f"{key} = {json.dumps(value)}\n" for key, value in review.items())
        )
    return Study.open(folder)


def make_accounts(
    root: Path, accounts: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give the review of the study in `root` accounts of PASSWORD, name → group, and return the key of an open session of each."""
    command = [sys.executable, "-c", _MAKE_ACCOUNTS, str(root), PASSWORD, json.dumps(accounts)]
    told = subprocess.run(
        command, check=True, env=_environment(environment), stdout=subprocess.PIPE, text=True
    )
    return {str(name): str(key) for name, key in json.loads(told.stdout).items()}


@contextlib.contextmanager
def serving(
    study: Study,
    *,
    accounts: Mapping[str, str] = ACCOUNTS,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Serve `study`, with these accounts, by the command that people use, until the block ends."""
    sessions = _accounts_of(study, accounts, environment) if accounts else {}
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "review",
        str(study.root),
        "--no-browser",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=_environment(environment),
    )
    served = Served(study, f"http://127.0.0.1:{port}", process, "", sessions=sessions)
    try:
        assert process.stdout is not None
        served.first_line = process.stdout.readline()
        wait_for_answer(port)
        yield served
    finally:
        served.close()
        served.kill()
    assert served.strangers == [], "a page asked something of another machine"


def _accounts_of(
    study: Study, accounts: Mapping[str, str], environment: Mapping[str, str] | None
) -> dict[str, str]:
    """As `make_accounts`; where they are files, made once and copied."""
    if study.database_url or environment:
        return make_accounts(study.root, accounts, environment)
    folder, key = study.root / ".review", json.dumps(accounts)
    if key not in _made:
        sessions = make_accounts(study.root, accounts)
        _made[key] = {path.name: path.read_bytes() for path in folder.iterdir()}, sessions
    files, sessions = _made[key]
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return dict(sessions)


def environment_of(study: Study) -> dict[str, str]:
    """The environment of Django's own commands for `study`."""
    return _environment(
        {"ATELIERS_STUDY": str(study.root), "DJANGO_SETTINGS_MODULE": "pipeline.review.settings"}
    )


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(more or {})}


def wait_for_answer(port: int) -> None:
    """Wait for a first answer: a server says its address, then listens, and only then loads."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
        with contextlib.closing(asked), contextlib.suppress(OSError, http.client.HTTPException):
            asked.request("GET", "/connexion")
            asked.getresponse()
            return
        time.sleep(0.05)
    raise TimeoutError("the server does not answer")
