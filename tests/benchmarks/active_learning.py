"""How much reading teaches: F1 on the rest of a style that the tagger has not seen, by what was read first.

    python tests/benchmarks/active_learning.py [--base notes|others] [--files minutes-9,…] [--read 50,100,150]

The style is minutes. The tagger learns from workshop notes alone, or from every file of data/training but the minutes (a survey, borders
and feedback sessions then taught it what deserves no code), and then from the first passages of one file of minutes, in the order of the
review queue or drawn by lot. Thresholds and weights are those of `ateliers train`.
"""

import argparse

import numpy as np
import pandas as pd

from models.refit import COUNTS
from models.registry import load_passages
from models.tagger import GridTagger
from models.tagger.decision import Axes
from models.tagger.learning import figures_of
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.settings.sections import TagSettings
from pipeline.tag import order_review, tag_units
from tools.training.subject_map import MINUTES

N_DRAWS = 5
NOTES = ("amorce-1", "amorce-2", "amorce-3", "amorce-4", "atelier-7", "atelier-8", "atelier-13")


def main() -> None:
    """Print a line a file, order and number of passages read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", choices=("notes", "others"), default="notes")
    parser.add_argument("--files", default=",".join(MINUTES))
    parser.add_argument("--read", default="150")
    options = parser.parse_args()
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    units, labels = load_passages()
    is_known = (
        units["file"].isin(NOTES) if options.base == "notes" else ~units["file"].isin(MINUTES)
    )
    known = is_known.to_numpy(dtype=bool)
    base = _fit(
        grid,
        units[known],
        [put for put, is_known in zip(labels, known, strict=True) if is_known],
        0,
    )
    for file in options.files.split(","):
        here = (units["file"] == file).to_numpy(dtype=bool)
        pool, pool_labels = (
            units[here].reset_index(drop=True),
            [put for put, is_here in zip(labels, here, strict=True) if is_here],
        )
        orders = {"queue": [_queue(base, pool)]} | {
            "by lot": [
                np.random.default_rng(seed).permutation(len(pool)) for seed in range(N_DRAWS)
            ]
        }
        for n_read in map(int, options.read.split(",")):
            for name, drawn in orders.items():
                gains = [
                    _gain(
                        grid, units[known], labels, known, base, pool, pool_labels, order[:n_read]
                    )
                    for order in drawn
                ]
                before, after, no_code = np.mean(gains, axis=0)
                print(
                    f"{file}, {n_read} read, {name}: {before:.3f} → {after:.3f} on the rest, no code {no_code:.3f}",
                    flush=True,
                )


def _queue(base: GridTagger, pool: pd.DataFrame) -> np.ndarray:
    tags = tag_units(pool, tagger=base, grid=base.grid, settings=TagSettings())
    place = {unit_id: at for at, unit_id in enumerate(pool["unit_id"])}
    return np.array([place[unit_id] for unit_id in order_review(pool, tags)["unit_id"]])


def _fit(grid, units: pd.DataFrame, labels: list[set[str]], n_own: int) -> GridTagger:
    groups = [*units["file"][: len(units) - n_own], *(f"read {at % 5}" for at in range(n_own))]
    is_shipped = np.arange(len(units)) < len(units) - n_own
    return GridTagger(grid).fit(
        units,
        labels,
        groups,
        counts=[1] * (len(units) - n_own) + [COUNTS] * n_own,
        remembered=is_shipped,
    )


def _gain(
    grid, known_units, labels, known, base, pool, pool_labels, read
) -> tuple[float, float, float]:
    """Rubriques' micro-F1 on the passages that were not read, before and after, and the F1 of "no code" after."""
    rest = np.setdiff1d(np.arange(len(pool)), read)
    asked, axes = pool.iloc[rest], Axes.of(grid)
    targets = base.targets([pool_labels[at] for at in rest])
    together = pd.concat([known_units, pool.iloc[read]], ignore_index=True)
    every = [put for put, is_known in zip(labels, known, strict=True) if is_known] + [
        pool_labels[at] for at in read
    ]
    tagger = _fit(grid, together, every, len(read))
    before, after = (
        figures_of(model.tag(asked).is_assigned, targets, axes)["rubrique_micro_f1"]
        for model in (base, tagger)
    )
    bare = (
        ~tagger.tag(asked).is_assigned[:, axes.rubriques].any(axis=1),
        ~targets[:, axes.rubriques].astype(bool).any(axis=1),
    )
    no_code = 2 * (bare[0] & bare[1]).sum() / max(1, bare[0].sum() + bare[1].sum())
    return before, after, float(no_code)


if __name__ == "__main__":
    main()
