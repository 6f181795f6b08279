import pandas as pd
import pytest

from flows.cache import StageCache
from pipeline.errors import TableError
from pipeline.tables import REJECTS

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
    assert (first.is_cached, again.is_cached, other.is_cached, len(calls)) == (False, True, False, 2)
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
