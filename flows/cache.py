"""Results of stages kept by content: a stage whose input, settings and code did not change is not run again.

Each entry is a folder `.cache/stages/<stage>-<key>/` of Parquet tables, renamed into place when whole: a crash leaves no half entry.
Its done.json names every file with its size and sha256: an entry that is not what was written is no result, and is computed again.
Only pseudonymised tables come here; the vault's key does not.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from flows.memory import give_back, peak_memory
from pipeline.errors import StudyError
from pipeline.files import (
    file_hash,
    parquet_bytes,
    read_only,
    text_hash,
    write_bytes,
    write_parquet,
)
from pipeline.gather import NAMING, gather_workshops
from pipeline.tables import TABLES

Tables = dict[str, pd.DataFrame]

_LOG = logging.getLogger(__name__)
_DONE = "done.json"


@dataclass(frozen=True)
class StageRecord:
    """What a stage did: small enough for Prefect and for the manifest; the tables are in the cache under `entry`."""

    stage: str
    workshop: str | None
    entry: str
    n_rows: dict[str, int]
    seconds: float
    peak_mb: float
    is_cached: bool = False
    n_passing: int = 0  # failures that can pass: the next run computes the stage again

    def is_of(self, key: str) -> bool:
        """Whether this is what the stage gives under `key`."""
        return self.entry == _entry(self.stage, key)


@dataclass(frozen=True)
class Unfinished:
    """What a stage gave although `n_passing` things failed that may go well another time, such as reading a file."""

    tables: Tables
    n_passing: int


class StageCache:
    """The entries below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "stages"

    def run(
        self,
        stage: str,
        key: str,
        compute: Callable[[], Tables | Unfinished],
        *,
        workshop: str | None = None,
        refresh: bool = False,
    ) -> StageRecord:
        """Return the record of `stage` under `key`, computing and keeping its tables unless they are there.

        What is unfinished is kept for this run under another key, of its own content, which no later run asks for.
        """
        entry = _entry(stage, key)
        found = None if refresh else self._whole(entry)
        if found is not None:
            return replace(found, is_cached=True)
        started = time.perf_counter()
        with peak_memory() as peak:
            made = compute()
        tables, n_passing = (
            (made.tables, made.n_passing) if isinstance(made, Unfinished) else (made, 0)
        )
        if n_passing:
            contents = (parquet_bytes(rows) for rows in tables.values())
            entry = _entry(
                stage,
                text_hash(key, *(hashlib.sha256(content).hexdigest() for content in contents)),
            )
        record = StageRecord(
            stage,
            workshop,
            entry,
            {name: len(rows) for name, rows in tables.items()},
            round(time.perf_counter() - started, 3),
            peak(),
            n_passing=n_passing,
        )
        self._keep(entry, tables, asdict(record))
        return record

    def has(self, record: StageRecord) -> bool:
        """Whether the tables of a record are there."""
        return _looked_through(self.folder / record.entry)[0] is not None

    def has_key(self, stage: str, key: str) -> bool:
        """Whether the tables of `stage` under `key` are kept."""
        return _looked_through(self.folder / _entry(stage, key))[0] is not None

    def load(self, record: StageRecord) -> Tables:
        """Return the tables of a record, checked.

        Raises `StudyError` where they are no longer those that were kept.
        """
        entry = self.folder / record.entry
        return {
            name: rows.copy(deep=False) for name, rows in _loaded(entry, _written_at(entry)).items()
        }

    def keep_only(self, entries: Iterable[str]) -> None:
        """Drop every entry but these."""
        wanted = set(entries)
        for path in self.folder.glob("*"):
            if path.name not in wanted:
                shutil.rmtree(path, ignore_errors=True)

    def _whole(self, entry: str) -> StageRecord | None:
        """The record of an entry that is what was written; one that is not is told and as good as none."""
        folder = self.folder / entry
        if not folder.exists():
            return None
        record, fault = _looked_through(folder)
        if record is None:
            _LOG.warning(f"cache : {entry} n'est pas ce qui y fut écrit ({fault}), refait")
        return record

    def _keep(self, entry: str, tables: Tables, record: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(dir=self.folder, prefix=".building-"))
        except OSError as error:
            raise read_only(self.folder, error) from error
        files = {}
        for name, rows in tables.items():
            path = building / f"{name}.parquet"
            sha256 = write_parquet(TABLES[name].check(rows), path)
            files[path.name] = {"n_bytes": path.stat().st_size, "sha256": sha256}
        done = {"record": record, "files": files}
        write_bytes(building / _DONE, json.dumps(done | {"sha256": _hash_of(done)}).encode())
        shutil.rmtree(self.folder / entry, ignore_errors=True)
        os.rename(building, self.folder / entry)  # noqa: PTH104


def _entry(stage: str, key: str) -> str:
    return f"{stage}-{key[:24]}"


def gather_tables(cache: StageCache, processed: list[StageRecord]) -> Tables:
    """The tables of all workshops, each stage's in the order of the workshops."""
    entries = tuple(
        (record.workshop, record.entry, _written_at(cache.folder / record.entry))
        for record in processed
    )
    return {name: rows.copy(deep=False) for name, rows in _gathered(cache.folder, entries).items()}


def forget_loaded() -> None:
    """Give back the memory of what `load` and `gather_tables` hold for the passes over the study."""
    _loaded.cache_clear()
    _gathered.cache_clear()
    give_back()


@lru_cache(maxsize=8)  # passes over the study load each other's tables several times
def _loaded(entry: Path, _written_at: int) -> Tables:
    return _read_entry(entry)


@lru_cache(maxsize=1)  # nearly every pass over the study gathers the same entries
def _gathered(folder: Path, entries: tuple[tuple[str | None, str, int], ...]) -> Tables:
    places: dict[str | None, dict[str, Path]] = {}
    for workshop, entry, _at in entries:
        places.setdefault(workshop, {}).update(
            {path.stem: path for path in _files_of(folder / entry)}
        )
    named = [
        {name: pd.read_parquet(path) for name, path in paths.items() if name in NAMING}
        for paths in places.values()
    ]
    others = sorted({name for paths in places.values() for name in paths} - NAMING)
    return gather_workshops(named) | {
        name: _joined(name, [paths[name] for paths in places.values() if name in paths])
        for name in others
    }


def _joined(name: str, paths: list[Path]) -> pd.DataFrame:
    """One table of all workshops end to end, checked once: a file each is read quicker than a checked frame each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return TABLES[name].check(
        pa.concat_tables(
            [pq.read_table(path) for path in paths], promote_options="default"
        ).to_pandas()
    )


def _read_entry(entry: Path) -> Tables:
    return {path.stem: TABLES[path.stem].check(pd.read_parquet(path)) for path in _files_of(entry)}


def _files_of(entry: Path) -> list[Path]:
    """The tables of an entry. Raises `StudyError` where it is no longer what was written when the run looked."""
    record, fault = _looked_through(entry)
    if record is None:
        raise StudyError(
            f"« {entry} » a changé pendant le traitement ({fault})",
            "un cache auquel personne ne touche",
            "relancer : il est refait",
        )
    return sorted(entry.glob("*.parquet"))


def _looked_through(entry: Path) -> tuple[StageRecord | None, str]:
    """The record in an entry whose every file is the one that done.json names; else None and why."""
    try:
        done = json.loads((entry / _DONE).read_bytes())
        if done.pop("sha256") != _hash_of(done) or done["record"]["entry"] != entry.name:
            return None, f"{_DONE} changé"
        names = {path.name for path in entry.iterdir()} - {_DONE}
        if names != set(done["files"]):
            return None, f"{len(names ^ set(done['files']))} fichiers en trop ou en moins"
        for name, told in done["files"].items():
            path = entry / name
            if path.stat().st_size != told["n_bytes"] or file_hash(path) != told["sha256"]:
                return None, f"{name} changé"
        return StageRecord(**done["record"]), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return None, f"{_DONE} illisible ({type(error).__name__})"


def _hash_of(content: dict[str, Any]) -> str:
    return text_hash(json.dumps(content, sort_keys=True))


def _written_at(entry: Path) -> int:
    """Changes when an entry is written again; 0 where it is gone."""
    try:
        return (entry / _DONE).stat().st_mtime_ns
    except OSError:
        return 0
