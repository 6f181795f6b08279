"""Measure a whole run as a study grows: from files on disk to the report, then after a call of later days, then after a table's notes.

    python tests/benchmarks/whole_runs.py [--sizes 5000,20000] [--folder DIR] [--stages]

Studies come from made_study.py. Each run is a process of its own, as a person would start it; memory is the most that it held, and apart
the most that one of the processes that read its files held. docs/benchmarks.md keeps the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from made_study import make_study
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from pipeline.study import Study

# What comes after a workshop joins its themes; what was said there makes them again.
MORE = {
    "appel du 3 mars.txt": "Objet : une idée\n\nIl faudrait une navette le mercredi pour aller à la ludothèque, les parents travaillent.\n",
    "table 99.txt": "Table 99\n\nQuestion 1 : besoins et menaces\n\n- plus de bus après 18 h\n- le médecin part en juin\n",
}


def main() -> None:
    """Print one line a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="372,5000,20000")
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the studies are kept; one that is there already is run as it is",
    )
    parser.add_argument("--stages", action="store_true", help="print the seconds of each stage too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for size in map(int, options.sizes.split(",")):
            root = (options.folder or Path(scratch)) / f"etude-{size}"
            study = Study.open(root) if root.exists() else make_study(root, size)
            print(
                json.dumps(
                    {"size": size, "run": "first"} | run(study) | figures(study), ensure_ascii=False
                ),
                flush=True,
            )
            if options.stages:
                print(json.dumps(stages(study)), flush=True)
            for name, said in MORE.items():
                (study.workshop_folders()[-1] / name).write_text(said, encoding="utf-8")
                print(
                    json.dumps(
                        {"size": size, "run": f"{name} more"} | run(study), ensure_ascii=False
                    ),
                    flush=True,
                )
                if options.stages:
                    print(json.dumps(stages(study)), flush=True)


def run(study: Study) -> dict[str, float]:
    """Seconds, of the clock and of the processors, and memory, in MB, of `ateliers run`."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", str(study.root), "--json"],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"ateliers run: {status}")
    seconds = {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_s": round(used.ru_utime + used.ru_stime, 1),
    }
    return seconds | {
        "peak_mb": max(stage["peak_mb"] for stage in (study.last_run() or {})["stages"])
    }


def stages(study: Study) -> dict[str, float]:
    """Seconds of each stage that was not found in the cache, over all workshops."""
    rows = pd.DataFrame((study.last_run() or {})["stages"])
    return {
        str(stage): round(float(seconds), 1)
        for stage, seconds in rows.loc[~rows["is_cached"]].groupby("stage")["seconds"].sum().items()
    }


def figures(study: Study) -> dict[str, Any]:
    """How well themes and rubriques were found: units are the gold line that they begin in."""
    units, gold = study.read_table("units"), gold_of(study)
    theme_of = study.read_table("theme_members").set_index("unit_id")["theme_id"]
    tags = study.read_table("tags")
    assigned = (
        tags[(tags["axis"] == "rubrique") & tags["is_assigned"]].groupby("unit_id")["code"].agg(set)
    )
    found = units.assign(gold=gold, theme=units["unit_id"].map(theme_of).fillna(""))
    told = found[found["gold"].notna()]
    wanted = [set(row["rubriques"]) for row in told["gold"]]
    given = [assigned.get(unit_id, set()) for unit_id in told["unit_id"]]
    hits = sum(len(one & other) for one, other in zip(wanted, given, strict=True))
    themed = told[[row["theme"] is not None for row in told["gold"]]]
    truth = [row["theme"] for row in themed["gold"]]
    agreement = study.read_table("theme_agreement")
    return {
        "units": len(units),
        "themes": int(theme_of.nunique()),
        "ami": round(adjusted_mutual_info_score(truth, themed["theme"]), 3),
        "ari": round(adjusted_rand_score(truth, themed["theme"]), 3),
        "left_out": round(float((themed["theme"] == "").mean()), 3),
        "rubriques_f1": round(2 * hits / max(1, sum(map(len, wanted)) + sum(map(len, given))), 3),
        "agreement": agreement.drop(columns="kind", errors="ignore").round(3).to_dict("records"),
    }


def gold_of(study: Study) -> list[dict[str, Any] | None]:
    """The gold row of each unit, in order; None for a unit that holds the first words of none."""
    rows = [
        json.loads(line)
        for line in (study.root / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    lines: dict[tuple[str, str], dict[str, Any]] = {(row["path"], row["text"]): row for row in rows}
    paths = study.read_table("documents").set_index("document_id")["path"]
    by_path: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for (path, text), row in lines.items():
        by_path.setdefault(path, []).append((text, row))
    units = study.read_table("units")
    return [
        next(
            (
                row
                for text, row in by_path.get(paths[document_id], ())
                if unit in text or text in unit
            ),
            None,
        )
        for document_id, unit in zip(units["document_id"], units["text"], strict=True)
    ]


if __name__ == "__main__":
    main()
