"""Feed the readers with changed files for a while, as the run does, and print what became of them.

    python -m fuzz.readers --seconds 600 [--seed 0] [--readers 2] [--keep DIR]

Batches of changed files are read by a whole ingest, so that what handles their parts in the main process is tried as well. The same seed
gives the same files. What broke the main process, ended a child unforeseen or went over the limits is kept in DIR where one is given.
Ends with 1 where the main process broke or a file went over its time or memory.
"""

import argparse
import logging
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pandas as pd

from fuzz.mutations import mutated
from fuzz.seeds import seeds
from pipeline.ingest import ingest_workshop
from pipeline.settings.sections import IngestSettings
from support.measured import Cost, measuring

MAX_SECONDS, MAX_MEGABYTES = 15, 1500
N_FILES = 120  # of a batch
_STILL_READ = "le reste du fichier est lu"  # begins the advice where something alone was left out
_KILLED = (
    -9
)  # the parent ends a child that failed, was late, or has too little memory left for the next file


@dataclass
class Tally:
    """What became of the files of one format."""

    n_read: int = 0
    n_rejected: int = 0
    n_late: int = 0
    n_signals: int = 0  # children that ended by themselves: a crash of a library, or no memory
    max_seconds: float = 0.0
    max_megabytes: float = 0.0


@dataclass
class Findings:
    """What became of all files: by format, reasons of rejects, places where a child met what no reader foresaw, failures."""

    by_format: dict[str, Tally] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    unforeseen: Counter[str] = field(default_factory=Counter)
    over_limits: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # what the main process raised

    @property
    def n_files(self) -> int:
        """Files read or rejected."""
        return sum(tally.n_read + tally.n_rejected for tally in self.by_format.values())


class _Listener(logging.Handler):
    """Hears how children ended."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said of a child."""
        self.heard.append(record.getMessage())


def fuzz(
    *,
    seconds: float,
    seed: int = 0,
    n_files: int = N_FILES,
    n_readers: int = 0,
    keep: Path | None = None,
) -> Findings:
    """Read batches of `n_files` changed files until `seconds` have passed, one at least."""
    findings, known = Findings(), seeds()
    settings = IngestSettings(n_readers=n_readers)
    until, number = time.monotonic() + seconds, 0
    while not number or time.monotonic() < until:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as depot:
            folder = Path(depot) / "Figeac 2026-06-01"
            kinds = _write_batch(folder, known, Random(f"{seed} {number}"), n_files)
            _read_batch(folder, kinds, settings, findings, keep)
        number += 1
    return findings


def _write_batch(
    folder: Path, known: dict[str, list[tuple[str, bytes]]], chance: Random, n_files: int
) -> dict[str, str]:
    """Write the changed files, formats in turn; return the format of the valid file by the name of the changed one."""
    folder.mkdir()
    kinds: dict[str, str] = {}
    formats = sorted(known)
    for number in range(n_files):
        kind = formats[number % len(formats)]
        name, content = chance.choice(known[kind])
        path = folder / f"{number:04}{Path(name).suffix}"
        path.write_bytes(mutated(content, chance, [other for _, other in known[kind]])[:5_000_000])
        kinds[path.name] = kind
    return kinds


def _read_batch(
    folder: Path,
    kinds: dict[str, str],
    settings: IngestSettings,
    findings: Findings,
    keep: Path | None,
) -> None:
    listener = _Listener()
    log = logging.getLogger("pipeline.ingest.sandbox")
    log.addHandler(listener)
    try:
        with measuring() as costs:
            tables = _ingested(folder, settings, findings, keep)
    finally:
        log.removeHandler(listener)
    for heard in listener.heard:
        if found := re.match(r"a reader ended at a file: (.*), code", heard):
            findings.unforeseen[found[1]] += 1
    if tables is not None:
        _count(folder, kinds, costs, _reasons(tables["rejects"]), findings, keep)


def _ingested(
    folder: Path, settings: IngestSettings, findings: Findings, keep: Path | None
) -> dict[str, pd.DataFrame] | None:
    """The tables of a folder; None where the main process broke, whatever it raised: that is what is looked for."""
    with ThreadPoolExecutor(1) as pool:  # which hands over an exception of any kind
        held = pool.submit(ingest_workshop, folder, depot=folder.parent, settings=settings)
    failure = held.exception()
    if failure is None:
        return held.result()
    findings.broken.append("".join(traceback.format_exception(failure)))
    for path in sorted(folder.iterdir()) if keep else ():
        _keep(path, keep, f"broken-{len(findings.broken)}")
    return None


def _reasons(rejects: pd.DataFrame) -> dict[str, str]:
    """The first reason of each file that could not be read, by its name; a part that alone is bad makes no reject of its file."""
    whole = rejects[
        ~rejects["path"].str.contains("#") & ~rejects["advice"].str.startswith(_STILL_READ)
    ]
    return {str(row.path).split("/")[-1]: str(row.reason) for row in whole.iloc[::-1].itertuples()}


def _count(
    folder: Path,
    kinds: dict[str, str],
    costs: dict[Path, Cost],
    rejects: dict[str, str],
    findings: Findings,
    keep: Path | None,
) -> None:
    for name, kind in kinds.items():
        tally, cost = findings.by_format.setdefault(kind, Tally()), costs.get(folder / name, Cost())
        reason = rejects.get(name)
        tally.n_read += reason is None
        tally.n_rejected += reason is not None
        tally.n_late += reason is not None and "trop longue" in reason
        tally.n_signals += cost.ended is not None and cost.ended < 0 and cost.ended != _KILLED
        tally.max_seconds, tally.max_megabytes = (
            max(tally.max_seconds, cost.processor_s),
            max(tally.max_megabytes, cost.peak_mb),
        )
        if reason:
            findings.reasons[re.sub(r"\d[\d\s.,]*", "N ", reason)] += 1
        if cost.processor_s > MAX_SECONDS or cost.peak_mb > MAX_MEGABYTES:
            findings.over_limits.append(f"{kind}: {cost.processor_s:.1f} s, {cost.peak_mb:.0f} MB")
        if cost.ended is not None and keep:
            _keep(folder / name, keep, "ended")


def _keep(path: Path, folder: Path | None, why: str) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{why}-{time.monotonic_ns()}-{path.name}").write_bytes(path.read_bytes())


def print_findings(findings: Findings) -> None:
    """Print the figures as a table, then reasons and failures with how often each came up."""
    print(
        f"{'format':<8}{'files':>7}{'read':>7}{'reject':>8}{'late':>6}{'signal':>8}{'max s':>7}{'max MB':>8}"
    )
    for kind, tally in sorted(findings.by_format.items()):
        n_files = tally.n_read + tally.n_rejected
        print(
            f"{kind:<8}{n_files:>7}{tally.n_read:>7}{tally.n_rejected:>8}{tally.n_late:>6}{tally.n_signals:>8}"
            f"{tally.max_seconds:>7.1f}{tally.max_megabytes:>8.0f}"
        )
    for title, counts in (
        ("reasons", findings.reasons),
        ("unforeseen in a child", findings.unforeseen),
    ):
        print(f"\n{title}:")
        for what, count in counts.most_common():
            print(f"{count:>7}  {what}")
    print(
        f"\n{findings.n_files} files, {len(findings.over_limits)} over the limits, main process broken {len(findings.broken)} times"
    )
    print(*findings.over_limits, *findings.broken, sep="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the search that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--readers", type=int, default=0, help="child processes; 0: one a processor"
    )
    parser.add_argument("--keep", type=Path, help="folder for the files that broke something")
    asked = parser.parse_args(arguments)
    findings = fuzz(
        seconds=asked.seconds, seed=asked.seed, n_readers=asked.readers, keep=asked.keep
    )
    print_findings(findings)
    return 1 if findings.broken or findings.over_limits else 0


if __name__ == "__main__":
    sys.exit(main())
