"""Fit the shipped tagger on data/training, and log its figures on what it has not seen.

    python -m tools.training.tagger

Same packages and machine, same files. Nothing of the example study is read.
"""

import logging
from collections.abc import Sequence

import numpy as np

from models.registry import SHIPPED, UNASKED, file_hashes, load_passages, save_tagger
from models.tagger import GridTagger
from models.tagger.decision import Axes
from models.tagger.learning import assigned_held_out, figures_of
from pipeline.files import data_path
from pipeline.grid import load_grid
from tools.training.definitions import fit_definitions

NAME = "amorce"

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Fit the definitions' background, then the shipped taggers, with and without questions."""
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    units, labels = load_passages()
    fit_definitions(grid, units, labels)
    files = list(units["file"])
    tagger = GridTagger(grid)
    tagger.fit(units, labels, groups=files, remembered=np.ones(len(units), dtype=bool))
    for file, figures in held_out_figures(tagger, labels, files).items():
        _LOG.info("%s left out: %s", file, figures)
    path = SHIPPED / f"tagger-{NAME}.json"
    save_tagger(tagger, path, name=NAME, made_from=file_hashes())
    _LOG.info("wrote %s, version %s", path.name, tagger.version_)
    unasked = GridTagger(grid)
    unasked.fit(units.assign(question=None), labels, groups=files)
    path = SHIPPED / f"tagger-{NAME}{UNASKED}.json"
    save_tagger(unasked, path, name=NAME + UNASKED, made_from=file_hashes())
    _LOG.info("wrote %s, version %s", path.name, unasked.version_)


def held_out_figures(
    tagger: GridTagger, labels: Sequence[set[str]], groups: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return figures by group, each from a fit and from thresholds that had not seen the group."""
    targets, names, asked = tagger.targets(labels), np.array(groups), sorted(set(groups))
    axes = Axes.of(tagger.grid)
    assigned = assigned_held_out(tagger.held_out_, targets, groups, axes, asked=asked)
    return {
        group: figures_of(assigned[names == group], targets[names == group], axes)
        for group in asked
    }


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
