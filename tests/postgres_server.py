"""A PostgreSQL server of the tests' own, from the distribution's binaries, in a temporary folder and behind a socket there."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

_QUICK = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "16MB"}


def binary(name: str) -> str | None:
    """The path of a server's program, the newest where several versions are installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Start a server and give the address of its databases, without a name at its end: `address + name`."""
    initdb, server = binary("initdb"), binary("postgres")
    assert initdb and server
    folder = Path(tempfile.mkdtemp(prefix="ateliers-pg-"))
    who = _user()
    owner = pwd.getpwnam(who["user"]) if who else None
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    init = [initdb, "-D", str(folder / "data"), "-U", "relecture", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
    options = [part for name, value in _QUICK.items() for part in ("-c", f"{name}={value}")]
    with (folder / "journal").open("wb") as journal:
        command = [server, "-D", str(folder / "data"), "-k", str(folder), *options]
        process = subprocess.Popen(command, stdout=journal, stderr=journal, cwd=folder, **who)
    address = f"postgresql://relecture@{quote(str(folder), safe='')}/"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)  # a session still open makes it wait
        if process.poll() is None:
            process.send_signal(2)
            process.wait(20)
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
    for _ in range(200):
        assert process.poll() is None, "the server did not start"
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(f"{address}postgres"):
            return
        time.sleep(0.05)
    raise TimeoutError("the server did not answer")
