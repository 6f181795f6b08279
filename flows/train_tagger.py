"""Refit a study's tagger, by command or on request: one at a time, and never while a run is at work."""

from pathlib import Path
from typing import Any

from flows.followed import followed_decisions
from flows.steps import flow
from models.training.study import train_on_study
from pipeline.standing import confirmed_units
from pipeline.study import Study


@flow(name="train_tagger")
def train_tagger(root: Path, gold: Path | None = None) -> dict[str, Any]:
    """Return the figures of `train_study` for the study in `root`."""
    return train_study(Study.open(root), gold=gold)


def train_study(study: Study, *, gold: Path | None = None) -> dict[str, Any]:
    """Refit from what people decided and from `gold`, register the tagger if it is no worse, and return its figures.

    Raises `StudyError` when a run is at work or decisions are lost, `ModelError` when too little is labelled or the gold
    file cannot be read.
    """
    with study.locked():
        study.check_decisions()
        tables = study.read_tables()
        return train_on_study(
            tables,
            study.grid,
            gold=gold,
            out=study.root / "models",
            settings=study.settings.tag,
            registered=study.registered_tagger,
            confirmed=confirmed_units(followed_decisions(study, tables)),
        )
