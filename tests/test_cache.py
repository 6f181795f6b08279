import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from flows.cache import StageCache, Unfinished, gather_tables
from pipeline.errors import StudyError, TableError
from pipeline.files import write_parquet
from pipeline.tables.material import REJECTS, WORKSHOPS

ROWS = [{"path": "a/b.docx", "reason": "abîmé", "advice": "le renvoyer"}]


@pytest.fixture
def cache(tmp_path):
    return StageCache(tmp_path)


def counted(calls: list[int]):
    def compute():
        calls.append(1)
        return {"rejects": REJECTS.build(ROWS)}

    return compute


def test_a_stage_is_computed_once_a_key(cache):
    calls: list[int] = []
    first = cache.run("read", "cle-1", counted(calls))
    again = cache.run("read", "cle-1", counted(calls))
    other = cache.run("read", "cle-2", counted(calls))
    assert (first.is_cached, again.is_cached, other.is_cached, len(calls)) == (
        False,
        True,
        False,
        2,
    )
    pd.testing.assert_frame_equal(cache.load(again)["rejects"], REJECTS.build(ROWS))


def test_what_is_loaded_may_be_changed_without_changing_what_is_loaded_next(cache):
    record = cache.run("read", "cle", counted([]))
    loaded = cache.load(record)["rejects"]
    loaded["reason"] = "autre"
    loaded.loc[0, "advice"] = "autre"
    pd.testing.assert_frame_equal(cache.load(record)["rejects"], REJECTS.build(ROWS))


def test_a_refresh_computes_again(cache):
    calls: list[int] = []
    cache.run("read", "cle", counted(calls))
    assert not cache.run("read", "cle", counted(calls), refresh=True).is_cached
    assert len(calls) == 2


def test_a_stage_that_fails_leaves_nothing_that_looks_done(cache):
    def fails():
        raise TableError("x", "y", "z")

    with pytest.raises(TableError):
        cache.run("read", "cle", fails)
    calls: list[int] = []
    assert not cache.run("read", "cle", counted(calls)).is_cached


def test_a_folder_left_by_a_crash_is_not_taken_for_a_result_and_is_swept(cache):
    half = cache.folder / ".building-xyz"
    half.mkdir(parents=True)
    (half / "rejects.parquet").write_bytes(b"PAR1")
    record = cache.run("read", "cle", counted([]))
    cache.keep_only([record.entry])
    assert [path.name for path in cache.folder.iterdir()] == [record.entry]


def test_a_record_counts_rows_seconds_and_memory(cache):
    record = cache.run("read", "cle", counted([]), workshop="Retz")
    assert (record.n_rows, record.workshop) == ({"rejects": 1}, "Retz")
    assert record.seconds >= 0
    assert record.peak_mb > 10


TWO = {
    "rejects": REJECTS.build(ROWS),
    "workshops": WORKSHOPS.build([{"workshop_id": "retz", "territory": "Retz", "folder": "Retz"}]),
}


def lose_a_table(entry: Path) -> None:
    (entry / "workshops.parquet").unlink()


def add_a_table(entry: Path) -> None:
    shutil.copy(entry / "rejects.parquet", entry / "units.parquet")


def add_a_folder(entry: Path) -> None:
    (entry / "autre").mkdir()


def change_rows(entry: Path) -> None:
    write_parquet(REJECTS.build([]), entry / "rejects.parquet")


def swap_tables(entry: Path) -> None:
    first, second = entry / "rejects.parquet", entry / "workshops.parquet"
    for source, target in ((first, entry / "x"), (second, first), (entry / "x", second)):
        source.rename(target)


def flip_one_bit_under_the_same_dates(entry: Path) -> None:
    path = entry / "rejects.parquet"
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut_the_marker(entry: Path) -> None:
    path = entry / "done.json"
    path.write_bytes(path.read_bytes()[:-20])


def change_a_count_in_the_marker(entry: Path) -> None:
    path = entry / "done.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"rejects": 1', '"rejects": 9'), encoding="utf-8"
    )


def write_an_earlier_version_s_marker(entry: Path) -> None:
    record = json.loads((entry / "done.json").read_text(encoding="utf-8"))["record"]
    (entry / "done.json").write_text(json.dumps(record), encoding="utf-8")


def take_another_entry_s_place(entry: Path) -> None:
    other = StageCache(entry.parent.parent).run("read", "autre", lambda: TWO)
    shutil.rmtree(entry)
    (entry.parent / other.entry).rename(entry)


def write_words_in_the_marker(entry: Path) -> None:
    (entry / "done.json").write_text('["a", 3]', encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_table,
        add_a_table,
        add_a_folder,
        change_rows,
        swap_tables,
        flip_one_bit_under_the_same_dates,
        cut_the_marker,
        change_a_count_in_the_marker,
        write_an_earlier_version_s_marker,
        take_another_entry_s_place,
        write_words_in_the_marker,
    ],
)
def test_an_entry_that_is_not_what_was_written_is_computed_again_and_told(cache, damage, caplog):
    record = cache.run("read", "cle", lambda: TWO)
    assert (
        cache.has(record)
        and cache.has_key("read", "cle")
        and cache.run("read", "cle", dict).is_cached
    )
    damage(cache.folder / record.entry)
    assert not cache.has(record) and not cache.has_key("read", "cle")
    with pytest.raises(StudyError, match="pendant le traitement"):
        cache.load(record)
    again = cache.run("read", "cle", lambda: TWO)
    assert not again.is_cached and len(caplog.records) == 1 and record.entry in caplog.text
    pd.testing.assert_frame_equal(cache.load(again)["rejects"], TWO["rejects"])
    assert cache.run("read", "cle", dict).is_cached


def test_what_is_gathered_of_several_workshops_is_looked_through_too(cache):
    records = [cache.run("read", name, lambda: TWO, workshop=name) for name in ("a", "b")]
    lose_a_table(cache.folder / records[1].entry)
    with pytest.raises(StudyError, match="pendant le traitement"):
        gather_tables(cache, records)


def test_what_is_unfinished_serves_its_run_and_is_computed_again_by_the_next(cache):
    half = REJECTS.build([{"path": "a/b.docx", "reason": "absent", "advice": "rien à corriger"}])
    record = cache.run("read", "cle", lambda: Unfinished({"rejects": half}, 2))
    assert (record.n_passing, record.is_cached, record.n_rows) == (2, False, {"rejects": 1})
    pd.testing.assert_frame_equal(cache.load(record)["rejects"], half)
    pd.testing.assert_frame_equal(gather_tables(cache, [record])["rejects"], half)
    assert cache.has(record) and not cache.has_key("read", "cle")
    again = cache.run("read", "cle", lambda: Unfinished({"rejects": half}, 2))
    assert not again.is_cached and again.entry == record.entry, (
        "what follows it has the same key as long as nothing changed"
    )
    whole = cache.run("read", "cle", lambda: {"rejects": REJECTS.build(ROWS)})
    assert (whole.n_passing, whole.is_cached) == (0, False) and whole.entry != record.entry
    assert cache.run("read", "cle", dict).is_cached
