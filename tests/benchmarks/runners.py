"""Measure what a runner saves: seconds and peak memory of encoding, reading, tagging and grouping, by this process and by workers.

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/runners.py [--units 1000] [--runners here:1,processes:2,dask:1,dask:2,dask:4]

Units are the made-up passages of themes_scale.py, 150 a workshop. Each runner works in a process of its own, from an empty folder of
vectors, and its workers are started before the clock. `peak_mb` is this process's, `workers_mb` the sum of the peaks of its workers.
`sha256` is that of all tables: the same on every line, or something is wrong.
"""

import argparse
import hashlib
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
from themes_scale import FILES, make_units, peak_mb

from flows import runners
from models.embedder import Encoders
from models.registry import labelled_rows, load_tagger
from models.theme_model import ThemeModel
from pipeline.cluster import cluster_units
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.settings.sections import (
    ClusterSettings,
    ExecutionSettings,
    TagSettings,
)
from pipeline.store import Store
from pipeline.tag import tag_each


def main() -> None:
    """Print one line a runner."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--runners", default="here:1,threads:2,processes:2,dask:1,dask:2,dask:4")
    options = parser.parse_args()
    for runner in options.runners.split(","):
        kind, workers = runner.split(":")
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(options.units, kind, int(workers))
        )
        process.start()
        process.join()


def measure(size: int, kind: str, workers: int) -> None:
    """Tag and group `size` units and print what it took."""
    units, _ = make_units([row for file in FILES for row in labelled_rows(file)], size)
    tables = [rows for _, rows in units.groupby("workshop_id", sort=False)]
    grid, settings = load_grid(data_path("grid", "grille-ateliers-territoires.yaml")), TagSettings()
    tagger = load_tagger(grid, settings=settings)
    execution = ExecutionSettings.model_validate({"runner": kind, "workers": workers})
    runner = runners.make_runner(execution)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(runner),
        closing(Store(Path(folder))) as store,
    ):
        encoders, spread = Encoders(store, runner), runner.spread
        list(spread(len, [[0] * 1000] * (4 * workers)))  # starts the workers
        seconds: dict[str, float] = {}
        with timed(seconds, "tag"):
            encoders.prepare(list(units["text"]))
            tagged = tag_each(
                tables,
                tagger=tagger,
                grid=grid,
                settings=settings,
                encoders=encoders,
                spread=spread,
            )
            tags = pd.concat(list(tagged), ignore_index=True)
        with timed(seconds, "cluster"):
            themes = ClusterSettings()
            found = cluster_units(
                units,
                tags,
                model=ThemeModel(themes, spread=spread),
                embedder=encoders.load(),
                encoders=encoders,
                cache=store,
                settings=themes,
                spread=spread,
            )
        line = {
            "runner": kind,
            "workers": workers,
            "units": size,
            **seconds,
            "total_s": round(sum(seconds.values()), 1),
        }
        line |= {"peak_mb": round(peak_mb()), "workers_mb": round(workers_mb())}
    digest = hashlib.sha256("".join(rows.to_csv() for rows in (tags, *found)).encode())
    print(json.dumps(line | {"sha256": digest.hexdigest()[:12]}), flush=True)


@contextmanager
def timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    """Note how long the block took."""
    start = time.perf_counter()
    yield
    seconds[f"{what}_s"] = round(time.perf_counter() - start, 1)


def workers_mb() -> float:
    """Most memory that the processes below this one have held, those that still live (Linux)."""
    return sum(_peak_kb(child) for child in _below(multiprocessing.current_process().pid)) / 1024


def _below(parent: int | None) -> list[int]:
    children = [
        int(number)
        for path in Path(f"/proc/{parent}/task").glob("*/children")
        for number in path.read_text().split()
    ]
    return children + [deeper for child in children for deeper in _below(child)]


def _peak_kb(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    main()
