import json
import os
from pathlib import Path

import pandas as pd
import pytest

from flows.cache import StageCache, Unfinished
from pipeline.errors import StudyError, TableError
from pipeline.files import parquet_bytes, write_bytes
from pipeline.store import Store
from pipeline.tables.material import REJECTS, WORKSHOPS

ROWS = [{"path": "a/b.docx", "reason": "abîmé", "advice": "le renvoyer"}]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def cache(store):
    return StageCache(store)


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


def test_files_left_by_a_crash_are_not_taken_for_a_result_and_are_swept(cache, store):
    for half in ("objects/.abc.tmp", f"objects/{64 * 'a'}.parquet", "stages/.abc.tmp"):
        (store.folder / half).parent.mkdir(exist_ok=True)
        (store.folder / half).write_bytes(b"PAR1")
    record = cache.run("read", "cle", counted([]))
    cache.keep_only([record.entry])
    kept = [path for path in store.folder.rglob("*") if path.is_file()]
    assert {path.name.split(".")[0] for path in kept} == {
        record.entry,
        table_path(store, record.entry).stem,
    }


def test_a_record_counts_rows_seconds_and_memory(cache):
    record = cache.run("read", "cle", counted([]), workshop="Retz")
    assert (record.n_rows, record.workshop) == ({"rejects": 1}, "Retz")
    assert record.seconds >= 0
    assert record.peak_mb > 10


TWO = {
    "rejects": REJECTS.build(ROWS),
    "workshops": WORKSHOPS.build([{"workshop_id": "retz", "territory": "Retz", "folder": "Retz"}]),
}


def record_path(store: Store, entry: str) -> Path:
    return store.folder / "stages" / f"{entry}.json"


def table_path(store: Store, entry: str) -> Path:
    return store.table_paths(entry)["rejects"]


def lose_a_table(store: Store, entry: str) -> None:
    table_path(store, entry).unlink()


def change_rows(store: Store, entry: str) -> None:
    write_bytes(table_path(store, entry), parquet_bytes(REJECTS.build([])))


def flip_one_bit_under_the_same_dates(store: Store, entry: str) -> None:
    path = table_path(store, entry)
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap_tables(store: Store, entry: str) -> None:
    path = record_path(store, entry)
    content = json.loads(path.read_bytes())
    files = content["files"]
    files["rejects"], files["workshops"] = files["workshops"], files["rejects"]
    path.write_text(json.dumps(content), encoding="utf-8")


def cut_the_record(store: Store, entry: str) -> None:
    path = record_path(store, entry)
    path.write_bytes(path.read_bytes()[:-20])


def change_a_count_in_the_record(store: Store, entry: str) -> None:
    path = record_path(store, entry)
    changed = path.read_text(encoding="utf-8").replace('"rejects": 1', '"rejects": 9')
    path.write_text(changed, encoding="utf-8")


def take_another_entry_s_place(store: Store, entry: str) -> None:
    other = StageCache(store).run("read", "autre", lambda: TWO)
    record_path(store, other.entry).rename(record_path(store, entry))


def write_words_in_the_record(store: Store, entry: str) -> None:
    record_path(store, entry).write_text('["a", 3]', encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_table,
        change_rows,
        flip_one_bit_under_the_same_dates,
        swap_tables,
        cut_the_record,
        change_a_count_in_the_record,
        take_another_entry_s_place,
        write_words_in_the_record,
    ],
)
def test_an_entry_that_is_not_what_was_written_is_computed_again_and_told(
    cache, store, damage, caplog
):
    record = cache.run("read", "cle", lambda: TWO)
    assert (
        cache.has(record)
        and cache.has_key("read", "cle")
        and cache.run("read", "cle", dict).is_cached
    )
    damage(store, record.entry)
    assert not cache.has(record) and not cache.has_key("read", "cle")
    with pytest.raises(StudyError, match="pendant le traitement"):
        cache.load(record)
    again = cache.run("read", "cle", lambda: TWO)
    assert not again.is_cached and len(caplog.records) == 1 and record.entry in caplog.text
    pd.testing.assert_frame_equal(cache.load(again)["rejects"], TWO["rejects"])
    assert cache.run("read", "cle", dict).is_cached


def test_the_same_table_of_two_stages_is_one_file(cache, store):
    records = [cache.run(stage, "cle", lambda: TWO) for stage in ("read", "segment")]
    assert len(list((store.folder / "objects").iterdir())) == 2
    cache.keep_only([records[1].entry])
    pd.testing.assert_frame_equal(cache.load(records[1])["rejects"], TWO["rejects"])
    cache.keep_only([])
    assert not list((store.folder / "objects").iterdir())


def test_what_is_gathered_of_several_workshops_is_looked_through_too(cache, store):
    records = [cache.run("read", name, lambda: TWO, workshop=name) for name in ("a", "b")]
    lose_a_table(store, records[1].entry)
    with pytest.raises(StudyError, match="pendant le traitement"):
        cache.gather(records)


def test_what_is_unfinished_serves_its_run_and_is_computed_again_by_the_next(cache):
    half = REJECTS.build([{"path": "a/b.docx", "reason": "absent", "advice": "rien à corriger"}])
    record = cache.run("read", "cle", lambda: Unfinished({"rejects": half}, 2))
    assert (record.n_passing, record.is_cached, record.n_rows) == (2, False, {"rejects": 1})
    pd.testing.assert_frame_equal(cache.load(record)["rejects"], half)
    pd.testing.assert_frame_equal(cache.gather([record])["rejects"], half)
    assert cache.has(record) and not cache.has_key("read", "cle")
    again = cache.run("read", "cle", lambda: Unfinished({"rejects": half}, 2))
    assert not again.is_cached and again.entry == record.entry, (
        "what follows it has the same key as long as nothing changed"
    )
    whole = cache.run("read", "cle", lambda: {"rejects": REJECTS.build(ROWS)})
    assert (whole.n_passing, whole.is_cached) == (0, False) and whole.entry != record.entry
    assert cache.run("read", "cle", dict).is_cached
