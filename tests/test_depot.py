"""What of a depot is somebody's file: names that systems and office suites leave, hidden and linked folders."""

from pathlib import Path, PurePath

import pytest

from pipeline.depot import is_junk, stray_files, workshop_files, workshop_folders

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
    ".corbeille/Table 1.docx",
    ".corbeille/.Table 2.docx.icloud",
]
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


@pytest.mark.parametrize("path", SOMEBODY_S)
def test_what_people_leave_is_no_junk(path: str) -> None:
    assert not is_junk(PurePath(path))


def _write(depot: Path, *paths: str) -> None:
    for path in paths:
        (depot / path).parent.mkdir(parents=True, exist_ok=True)
        (depot / path).write_text("x", encoding="utf-8")


def test_a_workshop_is_a_visible_folder_with_a_file_however_deep(tmp_path: Path) -> None:
    _write(tmp_path, "B/sous/T1.txt", "A/notes.txt", "C/.DS_Store", "D/.caché/T2.txt", ".cache/x.txt", "seul.txt", ".DS_Store")
    (tmp_path / "E").mkdir()
    assert [path.name for path in workshop_folders(tmp_path)] == ["A", "B"]
    assert [path.name for path in stray_files(tmp_path)] == ["seul.txt"]
    assert workshop_folders(tmp_path / "absent") == stray_files(tmp_path / "absent") == []


def test_a_depot_below_a_hidden_folder_is_read_like_any_other(tmp_path: Path) -> None:
    _write(tmp_path, ".etudes/depot/A/notes.txt")
    assert [path.name for path in workshop_folders(tmp_path / ".etudes" / "depot")] == ["A"]


def test_files_come_in_order_of_path_and_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    _write(tmp_path, "A/b.txt", "A/a/c.txt", "A/Thumbs.db", "ailleurs/secret.txt")
    (tmp_path / "A" / "lien").symlink_to(tmp_path / "ailleurs")
    (tmp_path / "A" / "boucle").symlink_to(tmp_path / "A")
    (tmp_path / "A" / "perdu.txt").symlink_to(tmp_path / "absent.txt")
    assert [path.relative_to(tmp_path).as_posix() for path in workshop_files(tmp_path / "A")] == ["A/a/c.txt", "A/b.txt"]
