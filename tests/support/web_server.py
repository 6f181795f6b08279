"""All the studies of a folder behind one server, by the command that people use."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from support.ports import free_port
from support.review_client import PATIENCE_S
from support.review_server import PASSWORD, wait_for_answer

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@contextlib.contextmanager
def web(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve the studies of `folder` by the command that people use; give the address, and the one that was printed."""
    port = free_port()
    command = [sys.executable, "-m", "pipeline.cli", "web", str(folder), "--no-browser"]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        printed = re.search(r"http\S+", process.stdout.readline())
        assert printed is not None
        wait_for_answer(port)
        yield f"http://127.0.0.1:{port}", printed[0]
    finally:
        process.terminate()
        process.wait()


def visitor(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=PATIENCE_S, follow_redirects=True)


def send(session: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    token = TOKEN.findall(session.get(path).text)[0]
    return session.post(path, data={"csrfmiddlewaretoken": token, **fields})


def log_in(address: str, name: str) -> httpx.Client:
    session = visitor(address)
    send(session, "/connexion", username=name, password=PASSWORD)
    return session
