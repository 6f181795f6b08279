"""Fit a shipped tagger on data/training, and log its figures on what they have not seen.

    python -m tools.training.tagger leger|fort

One reads the light encoder, one the strong encoder beside it.

Same packages and machine, same files. Nothing of the example study is read.
"""

import logging
import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import clone

from models.encoders import NAME, STRONG_NAME
from models.registry import UNASKED, file_hashes, load_passages, save_tagger, shipped_path
from models.tagger import GridTagger
from models.tagger.decision import Axes
from models.tagger.learning import assigned_held_out, figures_of
from pipeline.files import data_path
from pipeline.grid import load_grid
from tools.training.definitions import fit_definitions

# Encoders read, and most n-grams of characters and lemmas: 15,000 of these, as of the light one,
# would weigh a megabyte more.
TAGGERS = {"leger": ((NAME,), (20_000, 15_000)), "fort": ((NAME, STRONG_NAME), (0, 9_000))}

_LOG = logging.getLogger(__name__)


def main(backend: str) -> None:
    """Fit the definitions' background, then the shipped taggers, with and without questions."""
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    units, labels = load_passages()
    encoders, n_terms = TAGGERS[backend]
    fit_definitions(grid, units, labels, encoders)
    fit_shipped(GridTagger(grid, encoders=encoders, n_terms=n_terms), units, labels)


def fit_shipped(tagger: GridTagger, units: pd.DataFrame, labels: Sequence[set[str]]) -> None:
    """Fit and write `tagger`, and the one of its encoders that knows no question."""
    files, path = list(units["file"]), shipped_path(tagger.encoders)
    name = path.stem.removeprefix("tagger-")
    tagger.fit(units, labels, groups=files, remembered=np.ones(len(units), dtype=bool))
    for file, figures in held_out_figures(tagger, labels, files).items():
        _LOG.info("%s left out: %s", file, figures)
    save_tagger(tagger, path, name=name, made_from=file_hashes())
    _LOG.info("wrote %s, version %s", path.name, tagger.version_)
    unasked = clone(tagger)
    unasked.fit(units.assign(question=None), labels, groups=files)
    path = path.with_stem(path.stem + UNASKED)
    save_tagger(unasked, path, name=name + UNASKED, made_from=file_hashes())
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
    main(*sys.argv[1:])
