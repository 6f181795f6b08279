"""Print how the review application does with many passages: time of a page and of a decision, memory, twenty analysts at once.

The study is the example's, its passages repeated under new names until there are `--units` of them.
Run with `PYTHONPATH=. python tests/benchmarks/review.py [--units 20000]`.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from flows.run import run_study
from pipeline.cli import copy_demo
from pipeline.study import Study
from support.review_client import ANALYSTS, client, token, validate
from support.review_server import Served, serving

_OF_UNITS = ("units", "theme_members", "review_queue", "unit_places", "offers", "theme_quotes")
_OF_MACHINE = ("tags", "theme_members")
PAGES = (
    "",
    "depot",
    "traiter",
    "publier",
    "grille",
    "reglages",
    "passages",
    "passages/liste?etat=tous",
    "themes",
    "themes/carte",
    "priorites",
    "territoires",
    "accord",
    "journal",
    "recherche?q=transport",
)


def main() -> None:
    """Make the study, serve it, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=20_000)
    parser.add_argument(
        "--study", type=Path, help="a processed study to repeat, instead of the example"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = (
            copy_demo(Path(folder) / "etude")
            if options.study is None
            else _copied(options.study, Path(folder) / "etude")
        )
        if options.study is None:
            run_study(study.root)
        n_units = repeat_passages(study, options.units)
        with serving(study, accounts=ANALYSTS) as served:
            print(f"{n_units} passages, mémoire au départ {memory_mb(served):.0f} Mo")
            measure(served)
            print(f"mémoire à la fin {memory_mb(served):.0f} Mo")


def repeat_passages(study: Study, n_units: int) -> int:
    """Repeat the passages of `study` under new names in its tables until there are `n_units`; return how many there are."""
    last = study.last_run()
    assert last is not None
    n_copies = -(-n_units // len(study.read_table("units")))
    for name in _OF_UNITS:
        study.write_table(name, _repeated(study.read_table(name), n_copies))
    study.write_table("tags", _repeated(study.read_table("tags"), n_copies))
    for name in _OF_MACHINE:
        study.write_machine_table(name, _repeated(study.read_machine_table(name), n_copies))
    study.write_manifest(last | {"tables": study.table_hashes()})
    return len(study.read_table("units"))


def _repeated(rows: pd.DataFrame, n_copies: int) -> pd.DataFrame:
    """`rows` and their copies; a copy's passages and documents bear its number."""
    copies = [rows]
    for number in range(1, n_copies):
        copy = rows.copy()
        for column in ("unit_id", "document_id"):
            if column == "unit_id" and column in copy:
                copy[column] = copy[column] + f"-{number}"
        if "place" in copy:
            copy["place"] = copy["place"] + number * len(rows)
        if "quote_order" in copy:
            copy["quote_order"] = copy["quote_order"] + number * 10
        copies.append(copy)
    return pd.concat(copies, ignore_index=True)


def measure(served: Served) -> None:
    """Print the median and the 95th percentile of every page and of a decision, alone and with twenty at once."""
    session = client(served, "analyste00")
    for page in PAGES:
        first = timed(lambda page=page: session.get(f"/{page}"))  # type: ignore[misc]
        print(
            f"{page:32} premier {first:6.0f} ms, ensuite {told([timed(lambda page=page: session.get(f'/{page}')) for _ in range(15)])}"
        )
    unit_ids = sorted(served.study.read_table("units")["unit_id"])
    token_ = token(session)
    alone = [
        timed(lambda unit=unit: validate(session, unit, token_, f"seul-{unit}"))
        for unit in unit_ids[:100]
    ]  # type: ignore[misc]
    print(f"{'décision, une personne':32} {told(alone)}")

    def work(name: str) -> list[float]:
        mine = client(served, name)
        key = token(mine)
        return [
            timed(lambda unit=unit: validate(mine, unit, key, f"{name}-{unit}"))
            for unit in unit_ids[200:220]
        ]  # type: ignore[misc]

    start = time.monotonic()
    with ThreadPoolExecutor(len(ANALYSTS)) as pool:
        together = [took for times in pool.map(work, ANALYSTS) for took in times]
    print(
        f"{'décision, vingt à la fois':32} {told(together)} ; {len(together) / (time.monotonic() - start):.0f} décisions par seconde"
    )


def timed(call: Callable[[], object]) -> float:
    """Milliseconds that `call` took."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def told(times: list[float]) -> str:
    """Median and 95th percentile in words."""
    return f"médiane {statistics.median(times):5.0f} ms, 95 % {sorted(times)[int(len(times) * 0.95) - 1]:5.0f} ms"


def memory_mb(served: Served) -> float:
    """Resident memory of the server and its workers, shared pages counted once (PSS)."""
    group = served.process.pid
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[2]) == group:
                rollup = (entry / "smaps_rollup").read_text()
                total += next(
                    int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
                )
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
    return total / 1024


def _copied(root: Path, folder: Path) -> Study:
    import shutil

    shutil.copytree(root, folder)
    return Study.open(folder)


if __name__ == "__main__":
    main()
