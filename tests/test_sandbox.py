"""The child process that reads files: what a bad file does to its own reading, and never to the next one."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_files import docx, w_p, xlsx

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.wire import from_line, to_line
from pipeline.ingest.sandbox import Reading, read_files
from pipeline.settings import IngestSettings

SETTINGS = IngestSettings()
FAR_CELL = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
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


def texts(reading: Reading) -> list[str]:
    return [block.text for part in reading.parts for block in part.blocks]


def test_readings_come_in_the_order_of_the_paths_and_each_is_told(note: Path, tmp_path: Path) -> None:
    table = written(tmp_path, "table 2.docx", docx(w_p("un lavoir")))
    done: list[Path] = []
    readings = read_files([table, note, table], settings=SETTINGS, on_file=done.append)
    assert [texts(reading) for reading in readings] == [["un lavoir"], ["rouvrir la gare de Figeac"], ["un lavoir"]]
    assert done == [table, note, table]


def test_no_file_starts_no_child() -> None:
    assert read_files([], settings=SETTINGS) == []


@on_linux
def test_a_file_that_kills_its_reader_leaves_the_next_one_alone(note: Path, tmp_path: Path) -> None:
    killer = written(tmp_path, "loin.xlsx", xlsx({"a": [["x"]]}, extra=FAR_CELL))
    bad, good = read_files([killer, note], settings=SETTINGS)
    assert bad.error is not None and bad.error[0].startswith("fichier abîmé ou trop lourd")
    assert texts(good) == ["rouvrir la gare de Figeac"]


@on_linux
def test_a_file_that_takes_too_much_memory_is_refused_by_name(note: Path, tmp_path: Path) -> None:
    greedy = written(tmp_path, "lourd.docx", docx("".join(w_p(f"idée {number}") for number in range(400_000))))
    bad, good = read_files([greedy, note], settings=IngestSettings(max_memory_mb=256))
    assert bad.error is not None and "mémoire" in bad.error[0]
    assert texts(good) == ["rouvrir la gare de Figeac"]


def test_a_file_that_takes_too_long_is_given_up(note: Path, tmp_path: Path) -> None:
    slow = written(tmp_path, "long.txt", "une idée assez longue, dite à Cahors\n".encode() * 400_000)
    bad, good = read_files([slow, note], settings=IngestSettings(max_seconds_per_file=1.5))
    assert bad.error == ("lecture trop longue (plus de 1,5 s)", "découper le fichier ou l'enregistrer dans un autre format")
    assert texts(good) == ["rouvrir la gare de Figeac"]


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
        assert reading.error is not None and reading.error[0] == "ce n'est pas un fichier ordinaire"


def test_a_file_over_the_size_limit_is_refused_with_the_setting_to_change(tmp_path: Path) -> None:
    large = written(tmp_path, "gros.txt", b"x" * 2_100_000)
    (reading,) = read_files([large], settings=IngestSettings(max_file_mb=2))
    assert reading.error is not None
    assert reading.error[0] == "fichier de 2,1 Mo" and "max_file_mb" in reading.error[1]


def test_the_child_takes_no_module_from_the_current_folder(note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert from_line(to_line((part, RawPart(())))) == ((part, RawPart(())), None)
    assert from_line(to_line((), ("raison", "conseil"))) == ((), ("raison", "conseil"))
