"""The child process that reads files: what a bad file does to its own reading, and never to the next one."""

import contextlib
import errno
import io
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.ingest import sandbox
from pipeline.ingest.parts import (
    RawBlock,
    RawPart,
    TooLongError,
    frame,
    is_passing,
    read_frame,
    to_line,
)
from pipeline.ingest.sandbox import FileReaders, FileReading, read_files
from pipeline.settings.sections import IngestSettings
from support.made_files import docx, w_p, xlsx

SETTINGS = IngestSettings()
FAR_CELL = '<row r="1048576"><c t="inlineStr" r="XFD1048576"><is><t>x</t></is></c></row>'  # written as no program does, else it would be refused
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory limits hold on Linux only")


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("- rouvrir la gare de Figeac\n", encoding="utf-8")
    return path


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def texts(reading: FileReading) -> list[str]:
    return [block.text for part in reading.parts for block in part.blocks]


def test_readings_come_in_the_order_of_the_paths_and_each_is_told(
    note: Path, tmp_path: Path
) -> None:
    table = written(tmp_path, "table 2.docx", docx(w_p("un lavoir")))
    done: list[Path] = []
    readings = read_files([table, note, table], settings=SETTINGS, on_file=done.append)
    assert [texts(reading) for reading in readings] == [
        ["un lavoir"],
        ["rouvrir la gare de Figeac"],
        ["un lavoir"],
    ]
    assert sorted(done) == sorted([table, note, table])


def test_no_file_starts_no_child() -> None:
    assert read_files([], settings=SETTINGS) == []


@on_linux
def test_a_file_that_kills_its_reader_leaves_the_next_one_alone(note: Path, tmp_path: Path) -> None:
    killer = written(tmp_path, "loin.xlsx", xlsx({"a": [["x"]]}, extra=FAR_CELL))
    bad, good = read_files([killer, note], settings=SETTINGS)
    assert (
        bad.error is not None
        and bad.error[0].startswith("fichier abîmé ou trop lourd")
        and not bad.can_pass
    )
    assert texts(good) == ["rouvrir la gare de Figeac"]


@on_linux
def test_a_file_that_takes_too_much_memory_is_refused_by_name(note: Path, tmp_path: Path) -> None:
    greedy = written(
        tmp_path, "lourd.docx", docx("".join(w_p(f"idée {number}") for number in range(400_000)))
    )
    bad, good = read_files([greedy, note], settings=IngestSettings(max_memory_mb=256))
    assert bad.error is not None and "demande trop de mémoire" in bad.error[0] and not bad.can_pass
    assert texts(good) == ["rouvrir la gare de Figeac"]


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_given_up(note: Path, tmp_path: Path) -> None:
    slow = written(
        tmp_path, "long.txt", "une idée assez longue, dite à Cahors\n".encode() * 400_000
    )
    bad, good = read_files([slow, note], settings=IngestSettings(max_seconds_per_file=1.5))
    assert bad.error is not None and bad.error[0] == "lecture trop longue (plus de 1,5 s de calcul)"
    assert "max_seconds_per_file" in bad.error[1] and not bad.can_pass
    assert texts(good) == ["rouvrir la gare de Figeac"]


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that were started, the last one last."""
    started: list[Any] = []
    start = sandbox.start_reading_process
    monkeypatch.setattr(
        sandbox,
        "start_reading_process",
        lambda scratch: started.append(start(scratch)) or started[-1],
    )
    return started


def signal_at_a_file(
    monkeypatch: pytest.MonkeyPatch, readers: list[Any], numbers: list[signal.Signals]
) -> None:
    """Send the next of `numbers` to a reader that was just given a file; none once they are used up."""
    send = sandbox.Child._send

    def send_then_signal(self: sandbox.Child, message: object) -> None:
        is_hit = isinstance(message, str) and numbers
        if is_hit:
            readers[-1].send_signal(signal.SIGSTOP)  # it reads nothing before the signal comes
        send(self, message)
        if is_hit:
            readers[-1].send_signal(numbers.pop(0))
            readers[-1].send_signal(signal.SIGCONT)

    monkeypatch.setattr(sandbox.Child, "_send", send_then_signal)


@on_linux
def test_a_reader_killed_once_by_the_system_is_asked_again(
    note: Path, monkeypatch: pytest.MonkeyPatch, readers: list[Any]
) -> None:
    signal_at_a_file(monkeypatch, readers, [signal.SIGKILL])
    assert texts(*read_files([note], settings=SETTINGS)) == ["rouvrir la gare de Figeac"]
    assert len(readers) == 2


@pytest.mark.slow
@on_linux
@pytest.mark.parametrize(
    ("number", "reason", "can_pass"),
    [
        (signal.SIGKILL, "lecture arrêtée par le système", True),
        pytest.param(
            signal.SIGTERM, "lecture arrêtée par le système", True, marks=pytest.mark.slow
        ),
        (signal.SIGXCPU, "lecture trop longue (plus de 12 s de calcul)", False),
        pytest.param(
            signal.SIGPROF,
            "lecture trop longue (plus de 12 s de calcul)",
            False,
            marks=pytest.mark.slow,
        ),
        (signal.SIGSEGV, "fichier abîmé ou trop lourd", False),
        pytest.param(signal.SIGABRT, "fichier abîmé ou trop lourd", False, marks=pytest.mark.slow),
    ],
)
def test_what_ended_a_reader_tells_whether_its_file_is_at_fault(
    number: signal.Signals,
    reason: str,
    can_pass: bool,
    note: Path,
    monkeypatch: pytest.MonkeyPatch,
    readers: list[Any],
) -> None:
    signal_at_a_file(monkeypatch, readers, [number, number])
    (reading,) = read_files([note], settings=SETTINGS)
    assert reading.error is not None and reading.error[0].startswith(reason)
    assert reading.can_pass is can_pass
    assert ("le prochain traitement le relira" in reading.error[1]) is can_pass


@on_linux
def test_a_slow_night_is_no_fault_of_a_file(note: Path, readers: list[Any]) -> None:
    """The reader gets no processor for longer than its file may take of it."""
    settings = IngestSettings(max_seconds_per_file=0.4, n_readers=1)
    with FileReaders() as kept:
        read_files([note], settings=settings, readers=kept)
        readers[0].send_signal(signal.SIGSTOP)
        wakes = threading.Timer(1.0, readers[0].send_signal, [signal.SIGCONT])
        wakes.start()
        assert texts(*read_files([note], settings=settings, readers=kept)) == [
            "rouvrir la gare de Figeac"
        ]
        wakes.join()
    assert len(readers) == 1


@on_linux
def test_a_reader_that_gets_no_processor_at_all_is_given_up_until_the_next_run(
    note: Path, readers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = IngestSettings(n_readers=1)
    with FileReaders() as kept:
        read_files([note], settings=settings, readers=kept)
        monkeypatch.setattr(sandbox, "max_wall_seconds", lambda _: 0.3)
        readers[0].send_signal(signal.SIGSTOP)
        (reading,) = read_files([note], settings=settings, readers=kept)
    assert reading.error is not None and reading.error[0].startswith(
        "lecture arrêtée après 0 s d'attente"
    )
    assert reading.can_pass


def test_a_file_that_goes_away_while_it_is_read_can_be_read_later(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sandbox.Child._send

    def send_once_gone(self: sandbox.Child, message: object) -> None:
        if isinstance(message, str):
            note.unlink()
        send(self, message)

    monkeypatch.setattr(sandbox.Child, "_send", send_once_gone)
    (reading,) = read_files([note], settings=SETTINGS)
    assert reading.error is not None
    assert reading.error[0].startswith("fichier absent ou inaccessible pendant la lecture")
    assert reading.can_pass


def test_a_reader_that_cannot_be_started_is_no_fault_of_a_file(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(sandbox, "start_reading_process", refuse)
    readings = read_files([note, note], settings=SETTINGS)
    assert [(reading.error is not None, reading.can_pass) for reading in readings] == [
        (True, True)
    ] * 2


@pytest.mark.parametrize(
    ("number", "can_pass"),
    [
        (errno.ENOENT, True),
        (errno.EIO, True),
        (errno.ESTALE, True),
        (errno.ENOMEM, True),
        (errno.EACCES, False),
        (errno.ELOOP, False),
    ],
)
def test_rights_last_until_somebody_changes_them_and_a_missing_disk_does_not(
    number: int, can_pass: bool
) -> None:
    assert is_passing(OSError(number, "x")) is can_pass


def _not_files(folder: Path) -> Iterator[Path]:
    yield folder / "absent.txt"
    yield folder
    os.mkfifo(folder / "tube.txt")
    yield folder / "tube.txt"
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(folder / "s"))
        yield folder / "s"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    for path in _not_files(tmp_path):
        (reading,) = read_files([path], settings=SETTINGS)
        assert reading.error is not None
        expected = ("ce n'est pas un fichier ordinaire", False)
        if path.name == "absent.txt":  # listed, then gone
            expected = ("fichier absent ou inaccessible pendant la lecture (disparu)", True)
        assert (reading.error[0], reading.can_pass) == expected


def test_a_file_over_the_size_limit_is_refused_with_the_setting_to_change(tmp_path: Path) -> None:
    large = written(tmp_path, "gros.txt", b"x" * 2_100_000)
    (reading,) = read_files([large], settings=IngestSettings(max_file_mb=2))
    assert reading.error is not None
    assert reading.error[0] == "fichier de 2,1 Mo" and "max_file_mb" in reading.error[1]


def test_the_child_takes_no_module_from_the_current_folder(
    note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lxml.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (reading,) = read_files([Path(note.name)], settings=SETTINGS)
    assert texts(reading) == ["rouvrir la gare de Figeac"]


def test_a_reading_comes_back_from_the_wire_as_it_went() -> None:
    part = RawPart(
        (RawBlock("idée 🌀", "cell", None, "Zoé", (("Atout", "le bac"),), 0),),
        name="001-a.docx",
        title="Été",
        channel="mail",
        people=(("Zoé", "z@example.org"),),
        rows=(("a", ""), ("b", "c\nd")),
        warnings=("1 image",),
        error=("image", "la recopier"),
    )
    refusal, away = ("raison", "conseil"), {"can_pass": True}
    assert sandbox.read_answer(to_line((part, RawPart(())))) == (
        ((part, RawPart(())), None, False),
        None,
    )
    assert sandbox.read_answer(to_line((), refusal)) == (((), refusal, False), None)
    assert sandbox.read_answer(to_line((), refusal, **away)) == (((), refusal, True), None)
    assert sandbox.read_answer(to_line(failure="ValueError odf.py:7"))[1] == "ValueError odf.py:7"


@pytest.mark.slow
@pytest.mark.parametrize("n_readers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_any_number_of_children_gives_the_same_readings_in_the_same_order(
    n_readers: int, tmp_path: Path
) -> None:
    paths = [
        written(tmp_path, f"{n}.docx", docx(w_p(f"idée {n}") * (n % 7 + 1))) for n in range(30)
    ] + [tmp_path / "absent.txt"]
    alone = read_files(paths, settings=IngestSettings(n_readers=1))
    assert read_files(paths, settings=IngestSettings(n_readers=n_readers)) == alone
    assert [reading.path for reading in alone] == paths


@pytest.mark.slow
@on_linux
def test_kept_children_read_folder_after_folder_and_end_with_the_block(
    note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = sandbox.start_reading_process
    monkeypatch.setattr(
        sandbox,
        "start_reading_process",
        lambda scratch: started.append(start(scratch)) or started[-1],
    )
    settings = IngestSettings(n_readers=1)
    killer = written(tmp_path, "loin.xlsx", xlsx({"a": [["x"]]}, extra=FAR_CELL))
    with FileReaders() as kept:
        folders = [read_files([note], settings=settings, readers=kept) for _ in range(3)]
        assert len(started) == 1 and started[0].poll() is None
        started[0].kill()  # as the system does where memory lacks; nothing was being read
        started[0].wait()
        assert texts(*read_files([note], settings=settings, readers=kept)) == [
            "rouvrir la gare de Figeac"
        ]
        bad, good = read_files([killer, note], settings=settings, readers=kept)
        assert bad.error and texts(good) == ["rouvrir la gare de Figeac"]  # in a new child
        with contextlib.suppress(
            ZeroDivisionError
        ):  # a caller that gives up ends its children, and the next ones are others
            read_files([note, note], settings=settings, readers=kept, on_file=lambda _: 1 / 0)
        assert all(process.poll() is not None for process in started)
        assert texts(*read_files([note], settings=settings, readers=kept)) == [
            "rouvrir la gare de Figeac"
        ]
    assert all(process.poll() is not None for process in started) and len(started) == 4
    assert [texts(reading) for (reading,) in folders] == [["rouvrir la gare de Figeac"]] * 3


@pytest.mark.slow
def test_a_slow_file_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_megabytes_at_hand", lambda: None)  # two children, however busy
    slow = written(
        tmp_path, "long.txt", "une idée assez longue, dite à Cahors\n".encode() * 400_000
    )
    done: list[Path] = []
    short = [written(tmp_path, f"{n}.txt", b"- un lavoir\n") for n in range(10)]
    read_files(
        [slow, *short],
        settings=IngestSettings(max_seconds_per_file=6, n_readers=2),
        on_file=done.append,
    )
    assert done == [*short, slow]


def test_children_fit_into_the_memory_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_megabytes_at_hand", lambda: 3500)
    monkeypatch.setattr(sandbox, "n_processors", lambda: 16)
    asked = [
        (IngestSettings(), 2),
        (IngestSettings(max_memory_mb=500), 4),
        (IngestSettings(max_memory_mb=500, n_readers=6), 6),
    ]
    assert [sandbox.count_children(settings) for settings, _ in asked] == [n for _, n in asked]
    monkeypatch.setattr(sandbox, "_megabytes_at_hand", lambda: 10)
    assert sandbox.count_children(IngestSettings()) == 1


CONFINED = """
import os, socket, sys
from pathlib import Path
from pipeline.ingest.readers.__main__ import confine
confine()
tried = [
    socket.socket,
    os.fork,
    lambda: os.execv("/bin/true", ["true"]),
    lambda: os.kill(os.getppid(), 0),
    lambda: Path(sys.argv[1], "x").touch(),
    lambda: Path(sys.argv[1], "x").write_text("x"),
    lambda: Path(sys.argv[1], "y").unlink(),
    lambda: Path(sys.argv[1], "d").mkdir(),
]
for attempt in tried:
    try:
        attempt()
        print("allowed")
    except PermissionError:
        print("refused")
print(Path(sys.argv[1], "y").read_text())
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="calls are filtered on Linux only",
)
def test_a_confined_process_reads_files_and_does_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, "y", b"lu")
    ran = subprocess.run(
        [sys.executable, "-c", CONFINED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["refused"] * 8 + ["lu"]


def test_the_child_inherits_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ATELIERS_PASSPHRASE", "sésame")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    process = sandbox.start_reading_process(tmp_path)
    try:
        environment = Path(f"/proc/{process.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc on this system")
        until = time.monotonic() + 60
        while (
            not environment.read_bytes() and time.monotonic() < until
        ):  # it is only just being started
            time.sleep(0.01)
        names = {entry.split(b"=")[0] for entry in environment.read_bytes().split(b"\0")}
    finally:
        process.kill()
        process.communicate()
    assert b"LANG" in names and b"ATELIERS_PASSPHRASE" not in names and b"HOME" not in names


PARENT = """
import sys, threading
from pathlib import Path
from pipeline.ingest import sandbox
from pipeline.ingest.sandbox import read_files
from pipeline.settings.sections import IngestSettings
start = sandbox.start_reading_process
def told(scratch):
    process = start(scratch)
    sys.stdout.write(f"{process.pid}\\n")  # in one piece: two threads write
    sys.stdout.flush()
    return process
sandbox.start_reading_process = told
sandbox._megabytes_at_hand = lambda: None  # two children, however busy the machine
read_files([Path(sys.argv[1])] * 2, settings=IngestSettings(max_seconds_per_file=60, n_readers=2))
"""


@pytest.mark.slow
@on_linux
def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    slow = written(
        tmp_path, "long.txt", "une idée assez longue, dite à Cahors\n".encode() * 1_000_000
    )
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(slow)], stdout=subprocess.PIPE)
    assert parent.stdout
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    time.sleep(1.5)  # they are reading by now
    assert all(map(_is_running, pids))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while any(map(_is_running, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(_is_running, pids))


def _is_running(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
            != "Z"
        )
    except OSError:
        return False


FORGED = [  # what a child that was taken over might answer
    b"{}",
    b"[]",
    b"null",
    b'{"parts": [], "error": null, "can_pass": false, "failure": ""}',
    b"[[], null, false]",
    b'[[], 3, false, ""]',
    b'[[{"name": "x"}], null, false, ""]',
    b'[[{"blocks": []}], null, 1, ""]',
    b'[[{"blocks": [], "title": "\\ud800"}], null, false, ""]',
    b"[" * 100_000,
    to_line((RawPart((RawBlock("x"),)),)).replace(b'"x"', b"[1]"),
    to_line((RawPart((RawBlock("x", level=1),)),)).replace(b'"level":1', b'"level":-1'),
    to_line((RawPart((RawBlock("x", n_votes=1),)),)).replace(b'"n_votes":1', b'"n_votes":1e30'),
    to_line((RawPart((), rows=(("a",),)),)).replace(b'"a"', b"7"),
]


@pytest.mark.parametrize("line", FORGED)
def test_a_forged_answer_is_a_reject_and_never_an_error_of_the_run(line: bytes) -> None:
    (parts, error, can_pass), failure = sandbox.read_answer(line)
    assert (parts, error, can_pass) == (
        (),
        sandbox.BROKEN,
        False,
    ) and failure == "an answer of another form"


def test_an_endless_answer_is_not_taken_in() -> None:
    huge = io.BytesIO(frame(b"")[:1] + (10**12).to_bytes(8, "big") + b"x" * 100)
    with pytest.raises(TooLongError):
        read_frame(huge)
    assert read_frame(io.BytesIO(frame(b"abc")[:-1])) == (b"", True)
    assert read_frame(io.BytesIO(frame(b"abc", is_last=True))) == (b"abc", True)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links on this system")
def test_a_link_out_of_the_depot_is_refused_and_one_within_is_followed(
    note: Path, tmp_path: Path
) -> None:
    depot = tmp_path / "depot"
    depot.mkdir()
    inside = written(depot, "note.txt", b"- un lavoir\n")
    for name, target in (
        ("dehors.txt", note),
        ("dedans.txt", inside),
        ("perdu.txt", depot / "absent"),
        ("boucle.txt", depot / "boucle.txt"),
    ):
        (depot / name).symlink_to(target)
    readings = {
        reading.path.name: reading
        for reading in read_files(sorted(depot.iterdir()), settings=SETTINGS, within=[depot])
    }
    errors = {name: reading.error[0] for name, reading in readings.items() if reading.error}
    assert errors == {
        "boucle.txt": "fichier illisible (boucle de raccourcis)",
        "dehors.txt": "raccourci vers un fichier hors du dépôt",
        "perdu.txt": "ce n'est pas un fichier ordinaire",
    }
    assert texts(readings["dedans.txt"]) == ["un lavoir"]
