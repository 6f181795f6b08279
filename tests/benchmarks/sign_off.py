"""Measure how many passages a reviewer reads until the counts of a study's first ten themes are exact.

    PYTHONPATH=.:tests python tests/benchmarks/sign_off.py STUDY GOLD

STUDY is processed and nobody has decided anything; the labels of GOLD are her judgement. docs/benchmarks.md keeps the figures.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from pipeline.study import Study
from support.reader import read_first_themes


def main() -> None:
    """Print a line a theme, then their sum."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("gold", type=Path)
    options = parser.parse_args()
    study = Study.open(options.study)
    lines = [asdict(reading) for reading in read_first_themes(study, options.gold)]
    for line in lines:
        theme_id = line.pop("decision")["theme_id"]
        print(json.dumps({"theme_id": theme_id} | line, ensure_ascii=False))
    figures = ("n_units", "n_read", "n_least", "n_until_right", "n_elsewhere", "n_tables")
    total = {name: sum(line[name] for line in lines) for name in figures}
    print(json.dumps({"n_study_units": len(study.read_table("units"))} | total))


if __name__ == "__main__":
    main()
