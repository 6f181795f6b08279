"""A study saved, deleted and brought back is the study it was; a damaged or foreign file brings nothing back."""

import errno
import io
import json
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest

from flows import backup
from flows.backup import LIST, PASSPHRASE, PASSPHRASE_FILE, backup_study, restore_study
from flows.encryption import STREAM_MAGIC as MAGIC
from flows.encryption import OpeningReader, SealingWriter
from flows.run import run_study
from pipeline.cli import main
from pipeline.errors import StudyError, VaultError
from pipeline.study import Study

SECRET = "une phrase de passe assez longue"


@pytest.fixture
def study(demo_study: Study, tmp_path: Path) -> Study:
    """The example study, with decisions, an account file and an empty folder of one's own."""
    root = tmp_path / "etude"
    shutil.copytree(demo_study.root, root)
    study = Study.open(root)
    study.decisions.append_all(
        [
            {
                "author": "alix",
                "action": "rename_theme",
                "theme_id": "t-1",
                "value": f"Nom n° {n} « é »",
            }
            for n in range(3)
        ]
    )
    study.decisions.erase([], lambda text: text, author="op", counts={"essai": 1})
    (root / ".review").mkdir(mode=0o700)
    with sqlite3.connect(root / ".review" / "accounts.sqlite3") as accounts:
        accounts.execute("CREATE TABLE auth_user (name TEXT)")
        accounts.execute("INSERT INTO auth_user VALUES ('zoé')")
    (root / ".review" / "accounts.sqlite3").chmod(0o600)
    (root / "depot" / "Pévèle 2026-11-30").mkdir()
    return study


def state(root: Path) -> dict[str, object]:
    """Every file's bytes and rights below `root`, what databases hold instead of their bytes, folders; without the cache."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if (
            name.parts[0] == ".cache"
            or name.as_posix() == "runs/.lock"
            or path.name.endswith(("-wal", "-shm"))
        ):
            continue
        rights = path.stat().st_mode & 0o777
        if path.is_dir():
            found[name.as_posix()] = rights
        elif path.suffix == ".sqlite3":
            with sqlite3.connect(path) as database:
                tables = [
                    row[0]
                    for row in database.execute(
                        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
                    )
                ]
                held = {
                    table: database.execute(f"SELECT * FROM {table}").fetchall()
                    for table in tables
                    if not table.startswith("sqlite_")
                }
                found[name.as_posix()] = held
        else:
            found[name.as_posix()] = (rights, path.read_bytes())
    return found


@pytest.mark.parametrize("passphrase", [None, SECRET])
def test_a_study_comes_back_as_it_was(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    if passphrase:
        monkeypatch.setenv(PASSPHRASE, passphrase)
    before = state(study.root)
    saved = backup_study(study.root, tmp_path / "garde.ateliers")
    assert saved.path.stat().st_mode & 0o777 == 0o600
    shutil.rmtree(study.root)
    restored = restore_study(saved.path, study.root)
    assert state(study.root) == before
    assert (restored.n_files, restored.n_bytes, restored.is_sealed) == (
        saved.n_files,
        saved.n_bytes,
        passphrase is not None,
    )


def test_a_run_has_nothing_to_do_after_a_study_came_back(demo_study: Study, tmp_path: Path) -> None:
    saved = backup_study(demo_study.root, tmp_path / "garde.ateliers")
    restore_study(saved.path, tmp_path / "revenue")
    assert run_study(tmp_path / "revenue").is_new is False


def test_a_sealed_backup_shows_nothing_and_opens_for_its_passphrase_alone(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "phrase"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    monkeypatch.setenv(PASSPHRASE_FILE, str(secret))
    saved = backup_study(study.root, tmp_path / "garde.ateliers")
    content = saved.path.read_bytes()
    assert (
        content.startswith(MAGIC)
        and b"etude.toml" not in content
        and b"\x1f\x8b\x08" not in content[:64]
    )
    secret.write_text("une autre phrase", encoding="utf-8")
    with pytest.raises(VaultError, match="n'ouvre pas la sauvegarde"):
        restore_study(saved.path, tmp_path / "ailleurs")
    monkeypatch.delenv(PASSPHRASE_FILE)
    with pytest.raises(VaultError, match="est chiffrée"):
        restore_study(saved.path, tmp_path / "ailleurs")
    assert not (tmp_path / "ailleurs").exists()


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("damage", ["cut", "changed", "doubled"])
def test_a_damaged_file_brings_nothing_back(
    small_study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
    is_sealed: bool,
) -> None:
    if is_sealed:
        monkeypatch.setenv(PASSPHRASE, SECRET)
    (small_study.depot / "gros.txt").write_bytes(bytes(range(256)) * 20_000)
    saved = backup_study(small_study.root, tmp_path / "garde.ateliers")
    content = bytearray(saved.path.read_bytes())
    middle = len(content) // 2
    if damage == "changed":
        content[middle] ^= 1
    damaged = (
        content[:-40]
        if damage == "cut"
        else content
        if damage == "changed"
        else content[:middle] + content[middle - 999 :]
    )
    saved.path.write_bytes(bytes(damaged))
    with pytest.raises((StudyError, VaultError), match="abîmé"):
        restore_study(saved.path, tmp_path / "revenue")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etude", "garde.ateliers"]


def archive(
    path: Path,
    entries: dict[str, bytes],
    *,
    listed: dict[str, object] | None = None,
    link: str | None = None,
) -> None:
    """An archive that our command did not make."""
    with tarfile.open(path, "w:gz") as made:
        for name, content in {LIST: json.dumps(listed or {}).encode(), **entries}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
        if link:
            entry = tarfile.TarInfo("lien")
            entry.type, entry.linkname = tarfile.SYMTYPE, link
            made.addfile(entry)


@pytest.mark.parametrize(
    ("entries", "listed", "link"),
    [
        (
            {"../evade.txt": b"x"},
            {"format": 1, "files": {}, "folders": {}, "has_accounts": True},
            None,
        ),
        (
            {"/tmp/evade.txt": b"x"},
            {"format": 1, "files": {}, "folders": {}, "has_accounts": True},
            None,
        ),
        (
            {"etude.toml": b"x"},
            {"format": 1, "files": {}, "folders": {}, "has_accounts": True},
            None,
        ),
        ({}, {"format": 1, "files": {"etude.toml": {}}, "folders": {}, "has_accounts": True}, None),
        ({}, {"format": 1, "files": {}, "folders": {"../dehors": 511}, "has_accounts": True}, None),
        ({}, {"format": 1, "files": {}, "folders": {}, "has_accounts": True}, "/etc/passwd"),
        ({}, {"format": 9, "files": {}, "folders": {}, "has_accounts": True}, None),
        ({}, None, None),
    ],
)
def test_an_archive_made_elsewhere_writes_nothing(
    tmp_path: Path, entries: dict[str, bytes], listed: dict[str, object], link: str
) -> None:
    archive(tmp_path / "intruse.ateliers", entries, listed=listed, link=link)
    with pytest.raises(StudyError):
        restore_study(tmp_path / "intruse.ateliers", tmp_path / "cible")
    assert [path.name for path in tmp_path.iterdir()] == ["intruse.ateliers"]
    assert not Path("/tmp/evade.txt").exists()


def test_a_full_disk_is_told_as_such(small_study: Study, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup, "_add", full)
    with pytest.raises(StudyError) as caught:
        backup.backup_study(small_study.root, tmp_path / "copie.ateliers")
    assert "plus de place sur le disque" in caught.value.found
    assert "en faire" in caught.value.do and "droits" not in str(caught.value)
    assert not list(tmp_path.glob("copie*")) and not list(tmp_path.glob(".sauvegarde*"))


def test_nothing_is_written_over(small_study: Study, tmp_path: Path) -> None:
    saved = backup_study(small_study.root, tmp_path / "garde.ateliers")
    with pytest.raises(StudyError, match="existe déjà"):
        backup_study(small_study.root, saved.path)
    with pytest.raises(StudyError, match="n'est pas vide"):
        restore_study(saved.path, small_study.root)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 * (1 << 19) + 3])
def test_a_stream_of_any_length_opens_again(size: int) -> None:
    content, sealed = bytes(n % 251 for n in range(size)), io.BytesIO()
    with SealingWriter(sealed, SECRET) as writer:
        for start in range(0, size, 65_537):
            writer.write(content[start : start + 65_537])
    sealed.seek(0)
    assert io.BufferedReader(OpeningReader(sealed, SECRET)).read() == content


def test_the_commands_tell_what_was_done_and_what_to_keep_in_mind(
    small_study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", str(small_study.root), "-o", str(tmp_path / "garde.ateliers")]) == 0
    assert "En clair, avec le coffre" in " ".join(capsys.readouterr().out.split())
    assert (
        main(["restore", str(tmp_path / "garde.ateliers"), str(tmp_path / "revenue"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["n_files"] > 3
    assert main(["restore", str(tmp_path / "rien"), str(tmp_path / "revenue2")]) == 1


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 2**32 + 5.0])
def test_a_clock_that_stands_before_1970_or_after_2106_does_not_stop_a_backup(
    small_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr("time.time", lambda: seconds)
    backup_study(small_study.root, tmp_path / "s.ateliers")
    restore_study(tmp_path / "s.ateliers", tmp_path / "revenue")
    assert sorted(state(tmp_path / "revenue")) == sorted(state(small_study.root))


def test_a_file_whose_name_is_not_utf_8_is_saved_and_brought_back(
    small_study: Study, tmp_path: Path
) -> None:
    (small_study.depot / "T\udce9.txt").write_text("- un", encoding="utf-8")
    backup_study(small_study.root, tmp_path / "s.ateliers")
    restore_study(tmp_path / "s.ateliers", tmp_path / "revenue")
    assert (tmp_path / "revenue" / "depot" / "T\udce9.txt").read_text(encoding="utf-8") == "- un"
