"""Compose one table of contributions as a national platform exports it, and measure how it comes in.

    python tests/benchmarks/national_file.py --rows 100000 [--passages DIR] [--folder DIR]

Passages are those of `passages` (JSON lines with a `text`), each mixed with some words of another.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.study import Study

TITLES = ("identifiant", "date de dépôt", "auteur", "commune", "catégorie", "contribution", "votes")
FIRST_NAMES = ("Camille", "Lucie", "Karim", "Benoît", "Fatou", "Hélène", "Yann", "Sophie", "Mehdi")
NAMES = ("Delattre", "Vasseur", "Benali", "Morvan", "Lefranc", "Diallo", "Roussel", "Ferrand")
COMMUNES = ("Redon", "Saint-Omer", "Vierzon", "Foix", "Guéret", "Langres", "Mende", "Vitré")
CATEGORIES = ("Mobilité", "Logement", "Santé", "Alimentation", "Eau et biodiversité", "Emploi")
_ROWS_A_GROUP = 50_000
# the peak of a process that was started counts what its parent held: it says its own
_ADD = """
import json, os, sys
from flows.cache import peak_memory
from pipeline.cli import main
with peak_memory() as peak:
    code = main(sys.argv[1:])
print(json.dumps({"processor_s": round(sum(os.times()[:4]), 1), "peak_mb": peak()}))
sys.exit(code)
"""


def passages_of(folder: Path) -> list[str]:
    """Return the texts of a folder's JSON lines."""
    lines = (
        line
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return [row["text"] for row in map(json.loads, lines) if "text" in row]


def rows_of(n_rows: int, passages: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield composed rows, the same ones each time."""
    draw = random.Random(n_rows)
    for i in range(n_rows):
        first, other = draw.choice(passages), draw.choice(passages).split()
        start = draw.randrange(max(1, len(other) - 8))
        author = f"{draw.choice(FIRST_NAMES)} {draw.choice(NAMES)}" if draw.random() < 0.6 else ""
        yield (
            f"c-{i + 1:07d}",
            f"2026-{1 + i // 28 % 12:02d}-{1 + i % 28:02d}",
            author,
            draw.choice(COMMUNES),
            draw.choice(CATEGORIES),
            f"{first}. {' '.join(other[start : start + 8])}",
            str(draw.randrange(200)),
        )


def write_csv(path: Path, n_rows: int, passages: list[str]) -> None:
    """Write the composed rows as a spreadsheet would."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(TITLES)
        writer.writerows(rows_of(n_rows, passages))


def write_parquet(path: Path, n_rows: int, passages: list[str]) -> None:
    """Write the composed rows in row groups of 50,000."""
    schema = pa.schema([(title, pa.string()) for title in TITLES])
    with pq.ParquetWriter(path, schema) as writer:
        waiting: list[tuple[str, ...]] = []
        for row in rows_of(n_rows, passages):
            waiting.append(row)
            if len(waiting) == _ROWS_A_GROUP:
                writer.write_table(_table(waiting, schema))
                waiting = []
        if waiting:
            writer.write_table(_table(waiting, schema))


def _table(rows: list[tuple[str, ...]], schema: pa.Schema) -> pa.Table:
    return pa.table(list(map(list, zip(*rows, strict=True))), schema=schema)


def main() -> None:
    """Print the bytes of each file, and the time and memory of `ateliers add-table`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="100000")
    parser.add_argument("--passages", type=Path, default=Path("data/demo/gold"))
    options = parser.parse_args()
    passages = passages_of(options.passages)
    for n_rows in map(int, options.rows.split(",")):
        for write, suffix in ((write_csv, ".csv"), (write_parquet, ".parquet")):
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / f"consultation{suffix}"
                write(path, n_rows, passages)
                study = Study.create(Path(scratch) / "etude")
                print(json.dumps({"rows": n_rows, "kind": suffix} | added(study, path)), flush=True)


def added(study: Study, path: Path) -> dict[str, float]:
    """Return what bringing `path` in takes: MB of the file, seconds of the processors, peak MB."""
    command = [sys.executable, "-c", _ADD, "add-table", str(study.root), str(path), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"ateliers add-table: {process.returncode}")
    return {"mb": round(path.stat().st_size / 1e6, 1)} | json.loads(said.splitlines()[-1])


if __name__ == "__main__":
    main()
