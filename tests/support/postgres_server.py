"""A PostgreSQL server of the tests' own, from the distribution's binaries, in a temporary folder and behind a socket there."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

_QUICK = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
}

_PATIENCE_S = 120  # beside a busy suite


def binary(name: str) -> str | None:
    """The path of a server's program, the newest where several versions are installed."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3])
    )
    return str(found[-1]) if found else shutil.which(name)


class Server:
    """A server that may be stopped, as by a power cut, and started again on the same data; `address` ends before a database's name."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder, self._settings, self._who = folder, settings, _user()
        self.address = f"postgresql://relecture@{quote(str(folder), safe='')}/"
        if self._who:
            owner = pwd.getpwnam(self._who["user"])
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        made = [
            "-D",
            str(folder / "data"),
            "-U",
            "relecture",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run(
            [str(binary("initdb")), *made],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **self._who,
        )
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [
            part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")
        ]
        command = [
            str(binary("postgres")),
            "-D",
            str(self._folder / "data"),
            "-k",
            str(self._folder),
            *options,
        ]
        with (self._folder / "journal").open("ab") as journal:
            self._process = subprocess.Popen(
                command, stdout=journal, stderr=journal, cwd=self._folder, **self._who
            )
        _wait(self.address, self._process)

    def cut(self) -> None:
        """End it at once, with whatever it was doing."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_PATIENCE_S)

    def stop(self) -> None:
        """End it in order; sessions still open are closed after a while."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(3)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_PATIENCE_S)


@contextlib.contextmanager
def running_server(**settings: str) -> Iterator[Server]:
    """Give a server that runs until the block ends, quick and careless where `settings` do not say otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="ateliers-pg-"))
    try:
        server = Server(folder, {**_QUICK, **settings})
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_database(address: str, name: str) -> str:
    """Make an empty database on the server at `address` and return its address."""
    with psycopg.connect(f"{address}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return address + name


def drop_database(address: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    with psycopg.connect(f"{address}postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _user() -> dict[str, str]:
    """Whom to run the server as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    return {"user": "postgres" if "postgres" in names else "nobody"}


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        assert process.poll() is None, "the server did not start"
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(f"{address}postgres"):
            return
        time.sleep(0.05)
    raise TimeoutError("the server did not answer")
