"""Time and memory of each step of the comparison, on a processed study and on several of it side by side.

    python tests/benchmarks/comparison_scale.py STUDY [--times 1,4]

Copies have other identifiers, territories and words at the end of their passages; their vectors are drawn, which costs
nothing and holds as much. Each size is a process of its own; from two sizes follows what one more passage takes.
"""

import argparse
import ctypes
import gc
import hashlib
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flows import comparison as flow
from pipeline.store import Store
from pipeline.study import Study

STEPS = (
    "compare_territories",
    "list_offers",
    "with_families",
    "read_territories",
    "link_territories",
    "follow_territories",
    "reach_themes",
    "list_gaps",
)
TABLES = (
    *("units", "tags", "theme_members", "themes", "workshops", "attendance"),
    *("structures", "catchments", "priorities"),
)
COPIED = ("units", "tags", "theme_members", "workshops", "attendance")
IDS = ("unit_id", "workshop_id", "document_id")
DIM, EVERY_S = 768, 0.003


def main() -> None:
    """Print a line a step and size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("--times", default="1,4", help="how many copies of the study, by run")
    options = parser.parse_args()
    for n_copies in map(int, options.times.split(",")):
        run = multiprocessing.get_context("spawn").Process(
            target=measure, args=(options.study, n_copies)
        )
        run.start()
        run.join()


def measure(root: Path, n_copies: int) -> None:
    """Compare `n_copies` of the study, and print what each step takes."""
    study = Study.open(root)
    tables = {name: study.read_table(name) for name in TABLES}
    tables |= {name: copied(tables[name], n_copies) for name in COPIED}
    n_passages = len(tables["units"])
    watch = Watch()
    for name in STEPS:
        setattr(flow, name, watched(name, watch, n_passages))
    sys.stdout.write(f"{n_passages} passages\n")
    with tempfile.TemporaryDirectory() as folder:
        cache = Store(Path(folder))
        flow.comparison(tables, study.settings, study.grid.exclusive, encoder=Drawn(), cache=cache)


def copied(rows: pd.DataFrame, n_copies: int) -> pd.DataFrame:
    """Return the rows and copies of them."""
    copies = [rows]
    for i in range(1, n_copies):
        copy = rows.copy()
        for name in {*IDS, "territory"} & set(rows.columns):
            copy[name] = rows[name] + f"-{i}"
        if "text" in rows:
            copy["text"] = rows["text"] + f" {i}"
        copies.append(copy)
    return pd.concat(copies, ignore_index=True)


class Drawn:
    """An encoder whose rows are drawn from their texts."""

    name, version = "drawn", "1"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, DIM) rows."""
        rows = np.zeros((len(texts), DIM), dtype=np.float32)
        for i, text in enumerate(texts):
            seed = hashlib.blake2b(text.encode(), digest_size=8).digest()
            draw = np.random.default_rng(int.from_bytes(seed, "big"))
            rows[i] = draw.standard_normal(DIM, dtype=np.float32) / DIM**0.5
        return rows


class Watch:
    """Notes the most memory that this process holds."""

    def __init__(self) -> None:
        self.peak = 0.0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, resident())
            time.sleep(EVERY_S)


def resident() -> float:
    """Return the memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def watched(name: str, watch: Watch, n_passages: int) -> Callable[..., Any]:
    """Return the flow's function of that name, which prints its time and memory."""
    step = getattr(flow, name)

    def call(*args: Any, **options: Any) -> Any:
        give_back()
        before, start = resident(), time.process_time()
        watch.peak = before
        found = step(*args, **options)
        seconds, more = time.process_time() - start, watch.peak - before
        give_back()
        sys.stdout.write(
            f"{name:<22} {seconds:6.1f} s  {before:5.0f} MiB, at most {more:+5.0f}"
            f" ({more * 1024 / n_passages:.1f} KiB a passage), after {resident() - before:+5.0f}\n"
        )
        sys.stdout.flush()
        return found

    return call


def give_back() -> None:
    """Return freed memory to the system, so that a step does not pay for the one before."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


if __name__ == "__main__":
    main()
