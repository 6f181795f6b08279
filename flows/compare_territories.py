"""The flow that compares the territories of a study by itself, for a schedule; a run of the study compares them too."""

from pathlib import Path

from flows.comparison import write_comparison
from flows.progress import tell
from flows.steps import flow, task


@task(name="write_comparison")
def write_territories(root: Path) -> dict[str, int]:
    """Write exports/comparaison/, and return the rows of each table of the comparison."""
    tell("comparaison des territoires", 0, 1)
    return {name: len(rows) for name, rows in write_comparison(root).items()}


@flow(name="compare_territories")
def compare_territories(root: Path) -> dict[str, int]:
    """Compare the territories of the study in `root` from the tables of its last run."""
    return write_territories(root)
