"""Cache the results of stages by content: the same input, settings and code is not run again.

Only pseudonymised tables come here; the vault's key does not.
"""

import ctypes
import gc
import hashlib
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import pandas as pd

from pipeline.files import parquet_bytes, text_hash
from pipeline.gather import NAMING, gather_workshops
from pipeline.store import Store
from pipeline.tables import TABLES

Tables = dict[str, pd.DataFrame]

_LOG = logging.getLogger(__name__)
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class StageRecord:
    """What a stage did, for the manifest; its tables are cached under `entry`."""

    stage: str
    workshop: str | None
    entry: str
    n_rows: dict[str, int]
    seconds: float
    peak_mb: float
    is_cached: bool = False
    n_passing: int = 0  # failures that can pass: the next run tries again

    def is_of(self, key: str) -> bool:
        """Whether the record is the stage's result under `key`."""
        return self.entry == _entry(self.stage, key)


@dataclass(frozen=True)
class Unfinished:
    """The tables of a stage where `n_passing` failures may pass another time."""

    tables: Tables
    n_passing: int


class StageCache:
    """The cached tables of one run's stages; the last ones stay in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded = lru_cache(maxsize=8)(self._read)  # passes over the study load each other's
        self._gathered = lru_cache(maxsize=1)(
            self._read_workshops
        )  # nearly every pass gathers the same

    def run(
        self,
        stage: str,
        key: str,
        compute: Callable[[], Tables | Unfinished],
        *,
        workshop: str | None = None,
        refresh: bool = False,
    ) -> StageRecord:
        """Return the record of `stage` under `key`, computing its tables unless they are cached.

        Unfinished tables are cached for this run alone.
        """
        entry = _entry(stage, key)
        kept = None if refresh else self._whole(entry)
        if kept is not None:
            return replace(kept, is_cached=True)
        started = time.perf_counter()
        with peak_memory() as peak:
            made = compute()
        tables, n_passing = (
            (made.tables, made.n_passing) if isinstance(made, Unfinished) else (made, 0)
        )
        tables = {name: TABLES[name].check(rows) for name, rows in tables.items()}
        if n_passing:
            contents = (parquet_bytes(rows) for rows in tables.values())
            digests = (hashlib.sha256(content).hexdigest() for content in contents)
            entry = _entry(stage, text_hash(key, *digests))
        record = StageRecord(
            stage,
            workshop,
            entry,
            {name: len(rows) for name, rows in tables.items()},
            round(time.perf_counter() - started, 3),
            peak(),
            n_passing=n_passing,
        )
        self._store.write_tables(entry, tables, asdict(record))
        return record

    def has(self, record: StageRecord) -> bool:
        """Whether the tables of a record are cached."""
        return self._store.read_record(record.entry) is not None

    def has_key(self, stage: str, key: str) -> bool:
        """Whether the tables of `stage` under `key` are cached."""
        return self._store.read_record(_entry(stage, key)) is not None

    def load(self, record: StageRecord) -> Tables:
        """Return the tables of a record; raise `StudyError` where they were altered."""
        tables = self._loaded(record.entry, self._store.stamp(record.entry))
        return {name: rows.copy(deep=False) for name, rows in tables.items()}

    def gather(self, records: Iterable[StageRecord]) -> Tables:
        """Return the tables of all workshops, in their order."""
        entries = tuple(
            (record.workshop, record.entry, self._store.stamp(record.entry)) for record in records
        )
        return {name: rows.copy(deep=False) for name, rows in self._gathered(entries).items()}

    def forget(self) -> None:
        """Let go of the tables loaded last."""
        self._loaded.cache_clear()
        self._gathered.cache_clear()

    def keep_only(self, entries: Iterable[str]) -> None:
        """Drop every entry but these."""
        self._store.keep_entries(entries)

    def _whole(self, entry: str) -> StageRecord | None:
        record = self._store.read_record(entry)
        if record is not None:
            return StageRecord(**record)
        if self._store.has_entry(entry):
            _LOG.warning(f"cache : {entry} n'est pas ce qui y fut écrit, refait")
        return None

    def _read(self, entry: str, _stamp: int) -> Tables:
        paths = self._store.table_paths(entry)
        return {name: pd.read_parquet(path) for name, path in paths.items()}  # checked before

    def _read_workshops(self, entries: tuple[tuple[str | None, str, int], ...]) -> Tables:
        paths: dict[str | None, dict[str, Path]] = {}
        for workshop, entry, _stamp in entries:
            paths.setdefault(workshop, {}).update(self._store.table_paths(entry))
        named = [
            {name: pd.read_parquet(path) for name, path in own.items() if name in NAMING}
            for own in paths.values()
        ]
        others = sorted({name for own in paths.values() for name in own} - NAMING)
        return gather_workshops(named) | {
            name: _joined(name, [own[name] for own in paths.values() if name in own])
            for name in others
        }


def _entry(stage: str, key: str) -> str:
    return f"{stage}-{key[:24]}"


def _joined(name: str, paths: list[Path]) -> pd.DataFrame:
    """Join and check all workshops' tables at once, which is quicker than one by one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(path) for path in paths]
    joined = pa.concat_tables(tables, promote_options="default")
    return TABLES[name].check(joined.to_pandas())


def give_back() -> None:
    """Return freed memory to the system: Arrow and the C library would keep it."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:  # glibc has it
        trim(0)


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Give a function that returns the peak memory since the block began, or of the process."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        yield _peak_of_process
    else:
        yield _high_water_mark


def _high_water_mark() -> float:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return _peak_of_process()


def _peak_of_process() -> float:
    if sys.platform == "win32":
        return 0.0  # the system keeps no such figure for Python
    import resource

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
