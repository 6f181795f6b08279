"""What of a depot is somebody's file: names that systems and office suites leave, hidden and linked folders."""

import os
import socket
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path, PurePath
from random import Random
from tempfile import TemporaryDirectory

import pytest

from pipeline import depot
from pipeline.depot import Inventory, _name_files, is_hidden, is_junk
from pipeline.files import data_path

NFC, NFD = partial(unicodedata.normalize, "NFC"), partial(unicodedata.normalize, "NFD")
WithoutRights = Callable[[], AbstractContextManager[None]]

LEFT_BEHIND = [
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "~$Table 1.docx",
    ".~lock.notes.odt#",
    "._notes.docx",
    "~WRL01.tmp",
    "notes.txt~",
    "notes.docx.crdownload",
    "__MACOSX",
    "__MACOSX/Table 1.docx",
    "Q1/@eaDir/Table 1.docx",
    "._Table 1.docx",
    ".~lock.Table 1.odt#",
    ".Trash-1000/Table 1.docx",
]
HIDDEN = [".bilan.txt", "Q1/.bilan.txt", ".vieux/bilan.txt", ".corbeille/.Table 2.docx.icloud"]
SOMEBODY_S = [
    "Table 1.docx",
    "Q1/Table 1.docx",
    "notes",
    "notes.tmp",
    "thumbs.docx",
    "photo.jpg",
    "tmp.txt",
    "~ébauche.txt",
    ".Table 2.docx.icloud",  # a document that is not there yet
]


@pytest.mark.parametrize("path", LEFT_BEHIND)
def test_what_systems_and_office_suites_leave_is_junk(path: str) -> None:
    assert is_junk(PurePath(path))


@pytest.mark.parametrize("path", HIDDEN)
def test_what_somebody_hid_is_no_junk_and_is_said(path: str, tmp_path: Path) -> None:
    assert is_hidden(PurePath(path)) and not is_junk(PurePath(path))
    _write(tmp_path, f"A/{path}", "A/notes.txt")
    (unread,) = Inventory(tmp_path).at("A").unread
    assert "caché" in unread.reason and files(tmp_path, "A") == ["A/notes.txt"]


@pytest.mark.parametrize("path", [*LEFT_BEHIND, "Table 1.docx", ".Table 2.docx.icloud"])
def test_nothing_else_is_hidden(path: str) -> None:
    assert not is_hidden(PurePath(path))


@pytest.mark.parametrize("path", SOMEBODY_S)
def test_what_people_leave_is_no_junk(path: str) -> None:
    assert not is_junk(PurePath(path))


def _write(depot: Path, *paths: str) -> None:
    for path in paths:
        (depot / path).parent.mkdir(parents=True, exist_ok=True)
        (depot / path).write_text("x", encoding="utf-8")


def workshops(depot: Path) -> list[str]:
    return [workshop.name for workshop in Inventory(depot).workshops]


def files(depot: Path, folder: str) -> list[str]:
    return [file.path.relative_to(depot).as_posix() for file in Inventory(depot).at(folder).files]


def test_a_workshop_is_a_visible_folder_with_a_file_however_deep(tmp_path: Path) -> None:
    _write(
        tmp_path,
        "B/sous/T1.txt",
        "A/notes.txt",
        "C/.DS_Store",
        "D/.caché/T2.txt",
        ".cache/x.txt",
        "seul.txt",
        ".DS_Store",
    )
    (tmp_path / "E").mkdir()
    assert workshops(tmp_path) == ["A", "B"]
    outside = {entry.name: entry.reason for entry in Inventory(tmp_path).outside}
    assert set(outside) == {".cache", "D/.caché", "seul.txt"}
    assert "caché" in outside[".cache"] and "hors de tout dossier" in outside["seul.txt"]
    assert workshops(tmp_path / "absent") == Inventory(tmp_path / "absent").outside == []


def test_a_depot_below_a_hidden_folder_is_read_like_any_other(tmp_path: Path) -> None:
    _write(tmp_path, ".etudes/depot/A/notes.txt")
    assert workshops(tmp_path / ".etudes" / "depot") == ["A"]


def test_files_come_in_order_of_path_and_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    _write(tmp_path, "A/b.txt", "A/a/c.txt", "A/Thumbs.db", "ailleurs/secret.txt")
    (tmp_path / "A" / "lien").symlink_to(tmp_path / "ailleurs")
    (tmp_path / "A" / "boucle").symlink_to(tmp_path / "A")
    (tmp_path / "A" / "perdu.txt").symlink_to(tmp_path / "absent.txt")
    assert files(tmp_path, "A") == ["A/a/c.txt", "A/b.txt"]


def _entries(folder: Path, outside: Path) -> None:
    """Everything in `folder` that is no file of somebody's: links, a pipe, a socket."""
    os.mkfifo(folder / "tube")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(folder / "prise"))
    (folder / "dossier lié").symlink_to(outside)
    (folder / "lien dehors.txt").symlink_to(outside / "secret.txt")
    (folder / "perdu.txt").symlink_to(folder / "absent.txt")
    (folder / "boucle").symlink_to(folder / "boucle")
    (folder / "tube lié").symlink_to(folder / "tube")


UNREAD = {
    "tube": "ce n'est pas un fichier ordinaire (tube, prise ou périphérique)",
    "prise": "ce n'est pas un fichier ordinaire (tube, prise ou périphérique)",
    "tube lié": "ce n'est pas un fichier ordinaire (tube, prise ou périphérique)",
    "dossier lié": "raccourci vers un dossier : il n'est pas suivi",
    "lien dehors.txt": "raccourci vers un fichier hors du dépôt",
    "perdu.txt": "raccourci vers un fichier qui n'existe pas",
    "boucle": "raccourci illisible (boucle de raccourcis)",
}


@pytest.fixture
def near() -> Iterator[Path]:
    """A folder of a short path, as sockets need one."""
    with TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize("where", ["", "A", "A/sous/dossier", "sans fichier"])
def test_what_is_no_file_is_listed_with_a_reason_wherever_it_lies_and_never_followed(
    near: Path, where: str
) -> None:
    depot = near / "depot"
    _write(
        depot,
        "A/notes.txt",
        "A/sous/dossier/b.txt",
        "../ailleurs/secret.txt",
        "../ailleurs/sous/x.txt",
    )
    folder = depot / where
    folder.mkdir(exist_ok=True)
    _entries(folder, near / "ailleurs")
    inventory = Inventory(depot)
    assert files(depot, "A") == ["A/notes.txt", "A/sous/dossier/b.txt"]
    assert workshops(depot) == ["A"]
    unread = [*inventory.at("A").unread, *inventory.outside]
    assert {entry.path.relative_to(folder).as_posix(): entry.reason for entry in unread} == UNREAD
    assert all(entry.advice for entry in unread)


def test_a_link_to_a_file_of_the_depot_is_read_and_a_depot_may_itself_be_a_link(
    tmp_path: Path,
) -> None:
    _write(tmp_path / "disque", "A/notes.txt", "B/notes.txt")
    (tmp_path / "disque" / "B" / "aussi.txt").symlink_to(tmp_path / "disque" / "A" / "notes.txt")
    (tmp_path / "depot").symlink_to(tmp_path / "disque")
    depot = tmp_path / "depot"
    assert workshops(depot) == ["A", "B"]
    assert files(depot, "B") == ["B/aussi.txt", "B/notes.txt"]
    assert Inventory(depot).outside == []


def test_a_folder_without_rights_is_listed_with_a_reason_wherever_it_lies(
    near: Path, without_rights: WithoutRights
) -> None:
    _write(near, "A/notes.txt", "A/sous/a.txt", "B/b.txt", "C/liste/c.txt")
    near.chmod(0o755)
    for name, mode in (("A/sous", 0o000), ("B", 0o300), ("C/liste", 0o311)):
        (near / name).chmod(mode)
    with without_rights():
        inventory = Inventory(near)
        assert [workshop.name for workshop in inventory.workshops] == ["A"]
        unread = [*inventory.at("A").unread, *inventory.outside]
    assert [(entry.name, entry.reason) for entry in unread] == [
        ("A/sous", "dossier illisible (droits insuffisants)"),
        ("B", "dossier illisible (droits insuffisants)"),
        ("C/liste", "dossier illisible (droits insuffisants)"),
    ]


def test_a_workshop_s_folder_whose_name_is_not_utf_8_is_to_be_renamed(tmp_path: Path) -> None:
    _write(tmp_path, "Tr\udce9gor/notes.txt")
    assert workshops(tmp_path) == []
    assert [(entry.name, entry.reason) for entry in Inventory(tmp_path).outside] == [
        ("Tr\\xe9gor", "nom de dossier qui n'est pas en UTF-8")
    ]


ORDINARY = [
    "Table 1.docx",
    "notes #2.txt",
    "été.txt",
    "sous dossier/a#b.txt",
    "50 %23.txt",
    "a~b.txt",
]
NAMES = [  # files of one workshop, and the names they get where it is another
    ([*ORDINARY], {}),
    ([NFD("été.txt")], {}),
    ([NFC("été.txt"), NFD("été.txt")], {NFD("été.txt"): f"{NFD('été')}~cc8e60.txt"}),
    (["a.zip", "a.zip#b.txt"], {"a.zip#b.txt": "a.zip%23b.txt"}),
    (["a.zip", "a.zip#b.txt", "a.zip%23b.txt"], {"a.zip#b.txt": "a.zip%23b~65fd98.txt"}),
    (["a", "a#b/c#d.txt"], {"a#b/c#d.txt": "a%23b/c%23d.txt"}),
    (["T\udce9.txt", "U\udce8.txt"], {"T\udce9.txt": "T\\xe9.txt", "U\udce8.txt": "U\\xe8.txt"}),
    (["T\udce9.txt", "T\\xe9.txt"], {"T\udce9.txt": "T\\xe9~e220b7.txt"}),
]


@pytest.mark.parametrize(("files", "changed"), NAMES)
def test_a_file_keeps_its_name_unless_another_could_be_taken_for_it(
    tmp_path: Path, files: list[str], changed: dict[str, str]
) -> None:
    _write(tmp_path / "Retz", *files)
    listed = Inventory(tmp_path).at("Retz").files
    assert {file.path.relative_to(tmp_path / "Retz").as_posix(): file.name for file in listed} == {
        name: f"Retz/{changed.get(name, name)}" for name in files
    }
    assert {os.path.relpath(f.path, tmp_path / "Retz") for f in listed if f.is_renamed} == {
        *changed
    }


def test_names_are_all_different_in_the_composed_form_whatever_the_files_and_their_parts_are_called(
    tmp_path: Path,
) -> None:
    chance = Random(21)
    pieces = ["a", "#", "b", "é", NFD("é"), "\udce9", "\\xe9", "%23", "~", ".txt", "/c"]
    for _ in range(300):
        found = {
            "".join(chance.choices(pieces, k=chance.randint(1, 5))).strip("/") for _ in range(8)
        } - {""}
        names = _name_files(sorted(found), "Retz", "Retz")
        told = [f"{name}{part}" for name in names.values() for part in ("", "#b", "#b/c", "#é")]
        assert len({NFC(name) for name in told}) == len(told)
        assert all(name.encode() for name in told)


def test_a_later_inventory_reads_only_what_was_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "A/a.txt", "A/b.txt")
    first = Inventory(tmp_path)
    before, read = first.contents, []
    monkeypatch.setattr(depot, "file_hash", lambda path: read.append(path.name) or "touched")
    (tmp_path / "A" / "b.txt").write_text("yy", encoding="utf-8")
    assert first.contents == before and read == []
    assert first.again().contents == before | {"A/b.txt": "touched"} and read == ["b.txt"]


def test_the_files_of_the_example_keep_their_names_and_so_their_documents() -> None:
    example = Inventory(data_path("demo"))
    listed = [file for one in example.workshops for file in one.files]
    assert len(listed) > 20 and not [file.name for file in listed if file.is_renamed]
    assert [file.name for file in listed] == [
        file.path.relative_to(example.depot).as_posix() for file in listed
    ]
