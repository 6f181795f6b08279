"""Studies small enough to be processed in a few seconds."""

from pathlib import Path

from flows.cache import StageCache
from pipeline.store import Store
from pipeline.study import Study

RETZ = "Pays de Retz 2026-10-01"


def new_small_study(root: Path) -> Study:
    """A study in `root` with two tables of one workshop, never run."""
    study = Study.create(root)
    folder = study.depot / RETZ
    folder.mkdir()
    (folder / "Table 1.txt").write_text(
        "Q1\n- plus de médecin à Machecoul\n- les loyers montent sur la côte\n", encoding="utf-8"
    )
    (folder / "Table 2.txt").write_text(
        "Q2\n- la recyclerie de Legé emploie douze personnes\n", encoding="utf-8"
    )
    return study


def stages_of(study: Study) -> StageCache:
    """The stages' tables of a study that is not at work."""
    return StageCache(Store(study.cache))
