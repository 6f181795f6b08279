"""Tables are the same bytes wherever they are kept, whole or in parts; nothing of an older table is left, and a torn one is told."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from flows.backup import backup_study, restore_study
from flows.forget import forget_person
from flows.run import run_study
from pipeline.errors import MissingExtraError, SettingsError, StoreError
from pipeline.files import file_hash
from pipeline.settings import load_settings
from pipeline.study import Study
from pipeline.table_store import TableStore, open_table_files
from pipeline.tables.material import REJECTS
from support.s3_server import s3_server

ROOT = Path(__file__).parent.parent
BUCKET = "seau"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server; skipped without s3fs or moto."""
    for package in ("s3fs", "moto"):
        pytest.importorskip(package, reason=f"{package} n'est pas installé (extras s3, dev)")
    with s3_server(BUCKET) as address:
        yield address


def rejects(n: int, first: int = 0) -> pd.DataFrame:
    rows = (
        {"path": f"a/{first + at}.docx", "reason": "abîmé", "advice": "le renvoyer"}
        for at in range(n)
    )
    return REJECTS.build(rows)


def local(folder: Path, partition_rows: int = 3) -> TableStore:
    return TableStore(open_table_files("", folder), partition_rows=partition_rows)


def remote(address: str, memory: Path) -> TableStore:
    files = open_table_files(address, memory.parent / "unused", memory=memory)
    return TableStore(files, partition_rows=3)


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


_COUNTING = """
import pathlib, sys
import pandas, pyarrow.parquet
from pipeline.table_store import TableStore, open_table_files
store = TableStore(open_table_files("", pathlib.Path(sys.argv[1])), partition_rows=3)
threads = pathlib.Path("/proc/self/task")
before = len(list(threads.iterdir()))
n_rows = len(store.read("rejects"))
print(n_rows, len(list(threads.iterdir())) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_reading_a_table_starts_no_thread_that_outlives_it(tmp_path):
    local(tmp_path).write("rejects", rejects(7))
    command = [sys.executable, "-c", _COUNTING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "0"]


@pytest.mark.parametrize(
    ("n", "files"),
    [
        (0, ["rejects.parquet"]),
        (3, ["rejects.parquet"]),
        (4, ["rejects.parquet/part-00000.parquet", "rejects.parquet/part-00001.parquet"]),
        (7, [f"rejects.parquet/part-0000{part}.parquet" for part in range(3)]),
    ],
)
def test_a_table_of_more_rows_than_a_part_holds_is_in_parts(tmp_path, n, files):
    store = local(tmp_path)
    store.write("rejects", rejects(n))
    assert names(tmp_path) == files
    pd.testing.assert_frame_equal(REJECTS.check(store.read("rejects")), rejects(n))
    assert store.count_rows(["rejects", "units"]) == {"rejects": n, "units": 0}


@pytest.mark.parametrize(("before", "after"), [(7, 4), (4, 7), (7, 2), (2, 7), (7, 0)])
def test_another_table_in_its_place_leaves_no_part_of_it(tmp_path, before, after):
    store, fresh = local(tmp_path / "a"), local(tmp_path / "b")
    store.write("rejects", rejects(before))
    assert store.write("rejects", rejects(after, 100)) == fresh.write(
        "rejects", rejects(after, 100)
    )
    assert names(tmp_path / "a") == names(tmp_path / "b")
    assert store.hashes(["rejects"]) == fresh.hashes(["rejects"])


def test_the_hash_of_a_small_table_is_that_of_its_file(tmp_path):
    store = local(tmp_path)
    assert store.write("rejects", rejects(2)) == file_hash(tmp_path / "rejects.parquet")


@pytest.mark.parametrize("torn", ["changed", "missing", "beside"])
def test_a_table_that_a_crash_cut_is_told_by_its_hash(tmp_path, torn):
    store = local(tmp_path)
    written = {"rejects": store.write("rejects", rejects(7))}
    assert store.hashes(["rejects"]) == written
    part = tmp_path / "rejects.parquet" / "part-00001.parquet"
    if torn == "changed":
        part.write_bytes((tmp_path / "rejects.parquet" / "part-00000.parquet").read_bytes())
    elif torn == "missing":
        part.unlink()
    else:
        part.with_name("part-00003.parquet").write_bytes(part.read_bytes())
    assert store.hashes(["rejects"]) != written


@pytest.mark.slow
@pytest.mark.parametrize("n", [0, 3, 7])
def test_s3_and_a_folder_hold_the_same_bytes(s3, tmp_path, n):
    address = f"s3://{BUCKET}/octets-{n}"
    there = remote(address, tmp_path / "memory.json")
    here = local(tmp_path / "here")
    there.write("machine/rejects", rejects(9))
    assert there.write("machine/rejects", rejects(n)) == here.write("machine/rejects", rejects(n))
    copies = there.copy_to(tmp_path / "copy")
    assert {name: path.read_bytes() for name, path in copies.items()} == {
        name: (tmp_path / "here" / name).read_bytes() for name in names(tmp_path / "here")
    }
    assert there.hashes(["machine/rejects"]) == here.hashes(["machine/rejects"])
    assert there.count_rows(["machine/rejects"]) == {"machine/rejects": n}
    pd.testing.assert_frame_equal(REJECTS.check(there.read("machine/rejects")), rejects(n))
    there.remove(["machine/rejects"])
    assert not there.has("machine/rejects") and there.read("machine/rejects") is None


def test_what_did_not_change_in_a_store_is_not_read_again_and_what_changed_is(
    s3, tmp_path, monkeypatch
):
    address = f"s3://{BUCKET}/memoire"
    memory = tmp_path / "memory.json"
    written = {"rejects": remote(address, memory).write("rejects", rejects(7))}
    read: list[str] = []
    files = open_table_files(address, tmp_path, memory=memory)
    open_file = files.open
    monkeypatch.setattr(files, "open", lambda name: read.append(name) or open_file(name))
    again = TableStore(files, partition_rows=3)
    assert (again.hashes(["rejects"]), again.count_rows(["rejects"]), read) == (
        written,
        {"rejects": 7},
        [],
    )
    other = remote(address, tmp_path / "other.json")
    other.write("rejects", rejects(7, 50))
    assert again.hashes(["rejects"]) == other.hashes(["rejects"]) != written
    assert read
    memory.write_text("[]", encoding="utf-8")
    assert again.hashes(["rejects"]) == other.hashes(["rejects"])


@pytest.mark.slow
def test_a_study_in_s3_is_the_study_on_disk(s3, small_study, tmp_path, monkeypatch):
    run_study(small_study.root)
    disk = {name: (small_study.tables / name).read_bytes() for name in names(small_study.tables)}
    address = f"s3://{BUCKET}/etude"
    with small_study.settings_path.open("a", encoding="utf-8") as file:
        file.write(f'\n[execution]\nstore = "{address}"\npartition_rows = 2\n')
    study = Study.open(small_study.root)
    assert len(study.read_table("units")) == 3  # as they were before they are moved
    for path in small_study.tables.rglob("*.parquet"):
        path.rename(path.with_suffix(".autre"))
    moved = run_study(study.root)
    assert moved.is_new and not run_study(study.root).is_new
    assert not list(study.tables.rglob("*.parquet"))
    stored = study.table_store.copy_to(tmp_path / "copie")
    assert "units.parquet/part-00001.parquet" in stored
    assert moved.manifest["n_rows"]["units"] == 3
    assert moved.manifest["tables"] == study.table_hashes()
    same = [name for name in disk if name in stored and not name.startswith("theme_changes")]
    assert len(same) > 15 and all(stored[name].read_bytes() == disk[name] for name in same)
    first_part = stored["units.parquet/part-00000.parquet"].read_bytes()
    files = open_table_files(address, study.tables)
    files.write("units.parquet/part-00001.parquet", first_part, n_rows=2)
    assert run_study(study.root).is_new  # the torn table is written again
    assert study.table_hashes() == moved.manifest["tables"] | {
        "theme_changes": study.table_hashes()["theme_changes"]
    }
    saved = backup_study(study.root, tmp_path / "etude.ateliers")
    study.remove_tables()
    assert study.count_rows()["units"] == 0
    restore_study(saved.path, tmp_path / "rendue")
    assert len(Study.open(tmp_path / "rendue").read_table("units")) == 3


@pytest.mark.slow
@pytest.mark.exhaustive  # on a disk: test_forget.py
def test_forgetting_somebody_empties_the_store_and_what_was_before_it(s3, small_study):
    folder = small_study.depot / "Pays de Retz 2026-10-01"
    (folder / "emargement.csv").write_text(
        "Nom;Prénom;Structure\nLemarchand;Odile;Recyclerie de Legé\n", encoding="utf-8"
    )
    run_study(small_study.root)
    with small_study.settings_path.open("a", encoding="utf-8") as file:
        file.write(f'\n[execution]\nstore = "s3://{BUCKET}/oubli"\n')
    study = Study.open(small_study.root)
    run_study(study.root)
    assert (
        len(study.read_table("attendance")) == 1
        and (small_study.tables / "attendance.parquet").is_file()
    )
    forget_person(study.root, "Odile Lemarchand")
    assert not (small_study.tables / "attendance.parquet").exists()
    assert (
        "Lemarchand" not in study.read_table("attendance").to_csv()
        and study.count_rows()["units"] == 3
    )


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://cle:secret@seau/etude", "sans clé"),
        ("s3://seau/etude?key=a", "sans clé"),
        ("seau/etude", "s3://seau/etude"),
        ("s3://", "s3://seau/etude"),
        ("simplecache::s3://seau", "s3://seau/etude"),
    ],
)
def test_an_address_that_holds_a_key_or_is_none_is_refused(tmp_path, address, said):
    path = tmp_path / "etude.toml"
    path.write_text(f'[execution]\nstore = "{address}"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings(path)
    assert "secret" not in str(refused.value)


def test_a_store_whose_package_is_missing_says_which_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"s3.*ateliers-territoires\[s3\]"):
        open_table_files("s3://seau/etude", tmp_path)


def test_a_kind_of_store_that_nobody_knows_is_one_line(tmp_path):
    with pytest.raises(StoreError, match="« valise »"):
        open_table_files("valise://seau/etude", tmp_path)


@pytest.mark.parametrize("fault", ["no bucket", "no server", "clear"])
def test_a_store_that_does_not_answer_is_one_line(s3, tmp_path, monkeypatch, fault):
    if fault == "no server":
        monkeypatch.setenv("ATELIERS_STORE_ENDPOINT", "http://127.0.0.1:9")
    if fault == "clear":
        monkeypatch.setenv("ATELIERS_STORE_ENDPOINT", "http://cle:secret@serveur.example")
    address = f"s3://{'absent' if fault == 'no bucket' else BUCKET}/etude"
    with pytest.raises(StoreError) as refusal:
        files = open_table_files(address, tmp_path, timeout_s=1, max_attempts=0)
        TableStore(files, partition_rows=3).write("rejects", rejects(2))
    assert "\n" not in str(refusal.value) and "secret" not in str(refusal.value)


def test_any_store_of_fsspec_will_do(tmp_path):
    pytest.importorskip("fsspec")
    store = remote("memory://etude", tmp_path / "memory.json")
    store.write("rejects", rejects(2))
    store.write("rejects", rejects(7))
    assert store.hashes(["rejects"]) == {
        "rejects": local(tmp_path / "here").write("rejects", rejects(7))
    }


@pytest.mark.slow
def test_without_a_store_nothing_of_fsspec_nor_dask_is_imported(small_study):
    run_study(small_study.root)
    script = (
        f"import sys; from pathlib import Path; from flows.run import run_study; print(run_study(Path({str(small_study.root)!r})).is_new,"
        " sorted({'fsspec', 'dask', 'distributed', 'prefect', 's3fs'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "False []"


def test_the_extra_of_the_tests_is_there():
    assert importlib.util.find_spec("s3fs") is not None or importlib.util.find_spec("moto") is None


@pytest.mark.parametrize("content", [b"", b"PAR1", b"salut" * 90, "cut", "rotten"])
def test_an_altered_table_is_one_line_that_names_it_and_says_what_to_do(
    tmp_path: Path, content: bytes | str
) -> None:
    store = local(tmp_path, partition_rows=100)
    store.write("rejects", rejects(40))
    path = tmp_path / "rejects.parquet"
    whole = path.read_bytes()
    changed = {
        "cut": whole[: len(whole) // 2],
        "rotten": whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :],
    }
    path.write_bytes(content if isinstance(content, bytes) else changed[content])
    with pytest.raises(
        StoreError,
        match=r"la table tables/rejects.parquet ne se lit pas.*ateliers run ÉTUDE.*la refait",
    ):
        store.read("rejects")
    if content != "rotten":  # whose number of rows is still told
        with pytest.raises(StoreError, match=r"tables/rejects.parquet"):
            store.count_rows(["rejects"])
