"""A whole study without a network, under a trace of system calls: nothing looks a name up, nothing is written elsewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.cli import EXPORTS

_CALLS = (
    "socket,connect,sendto,sendmsg,sendmmsg,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,"
    "link,linkat,symlink,symlinkat,mknod,mknodat,truncate"
)
_TRACE = ["strace", "--seccomp-bpf", "-f", "-qq", "-e", f"trace={_CALLS}"]
_SPEAKS = ("connect", "sendto", "sendmsg", "sendmmsg")
_NAMES = re.compile(r"/etc/(?:resolv\.conf|hosts|gai\.conf|host\.conf)$")
_WRITES = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND)")
# devices, what a process writes of itself, and semaphores between processes of one run
_OURS = re.compile(r"/dev/(?:null|tty|shm/.*|urandom)|/proc/(?:self|\d+)/.*")


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run([*command, "true"], capture_output=True, timeout=30).returncode == 0
    except FileNotFoundError:
        return False


def _alone() -> list[str]:
    """Return how to run a command without a network interface, as root or not."""
    ways = (["unshare", "-n"], ["unshare", "-r", "-n"])
    return next((way for way in ways if _works(way)), [])


def _faults(lines: Iterable[str], folder: Path) -> set[str]:
    """Return what a trace tells of names looked up, addresses spoken to, and files written outside `folder`."""
    found = set()
    for line in lines:
        match = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
        if match is None:
            continue
        call, rest = match.groups()
        paths = re.findall(r'"(/[^"]*)"', rest)
        if call in _SPEAKS:
            if re.search(r"AF_INET6?\b", rest):
                found.add(f"{call} {rest[:160]}")
        elif call == "openat" and not _WRITES.search(rest):
            found |= {path for path in paths if _NAMES.match(path)}
        elif call != "socket" and not re.search(r"= -1 E", rest):
            found |= {
                path
                for path in paths
                if not Path(path).is_relative_to(folder) and not _OURS.fullmatch(path)
            }
    return found


def test_a_trace_is_read_as_it_should(tmp_path: Path) -> None:
    told = [
        '12 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}, 16) = 0',
        '12 connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT',
        '12 openat(AT_FDCWD, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 3',
        '12 mkdir("/home/a/.cache/Microsoft", 0700) = 0',
        '12 mkdir("/home/a/.cache/essai", 0700) = -1 EACCES (Permission denied)',
        f'12 openat(AT_FDCWD, "{tmp_path}/a", O_WRONLY|O_CREAT, 0600) = 3',
        '12 openat(AT_FDCWD, "/usr/lib/a.so", O_RDONLY) = 3',
        '12 openat(AT_FDCWD, "/home/a/trace.db", O_RDWR|O_CREAT, 0600) = 3',
    ]  # fmt: skip
    assert {fault.split(" ")[0] for fault in _faults(told, tmp_path)} == {
        "connect",
        "/etc/resolv.conf",
        "/home/a/.cache/Microsoft",
        "/home/a/trace.db",
    }


@pytest.mark.slow
def test_a_whole_study_speaks_to_nobody_and_writes_in_its_own_folders_alone(tmp_path: Path) -> None:
    alone, is_traced = _alone(), _works([*_TRACE, "-o", str(tmp_path / "essai")])
    if not alone and not is_traced:
        pytest.skip("neither strace nor a network namespace can be had here")
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    ateliers, study = Path(sys.executable).with_name("ateliers"), tmp_path / "étude"
    commands = [["demo", study], ["publish", study], ["status", study], ["check", study]]
    commands += [["export", study, "--format", form] for form in EXPORTS]
    commands += [["backup", study, "-o", tmp_path / "copie.ateliers"]]
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ
    }
    environment = kept | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    faults: set[str] = set()
    for number, words in enumerate(commands):
        trace = tmp_path / f"trace-{number}"
        traced = [*_TRACE, "-o", str(trace)] if is_traced else []
        done = subprocess.run(
            [*alone, *traced, str(ateliers), *map(str, words)],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=1200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        if is_traced:
            with trace.open(encoding="utf-8", errors="replace") as lines:
                faults |= _faults(lines, tmp_path)
    assert not faults
    assert not list((tmp_path / "home").iterdir())
