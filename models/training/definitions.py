"""Learn, for codes in general, how closeness to a code's words becomes a probability; writes models/weights/definitions.json and .npz.

In:   the labelled passages of data/training, under the grid and under the broad themes as if these were rubriques of another grid
Out:  one small set of coefficients an axis and set of encoders, and a background of ordinary passages
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import minimize

from models.embedder import load_embedder
from models.tagger.definitions import WEIGHTS_PATH, Background, DefinitionMatcher, match
from models.tagger.storage import LICENCE, write_model
from models.tagger.views import Array
from models.training.labelled import labelled_rows, training_files
from pipeline.grid import Code, Grid
from pipeline.resources import data_path
from pipeline.settings import EmbedSettings

_EVERY = 10  # one passage in ten is background
_SMALL_GRIDS = 10
# Weight of each task: the grid's codes are abstract and the themes' concrete; a study's own grid may be either, large or small.
_OF_THE_GRID, _OF_ALL_THEMES, _OF_FEW_THEMES = 4.0, 0.2, 0.05
_PENALTY = 0.01


def fit_definitions(grid: Grid, units: pd.DataFrame, labels: Sequence[set[str]], *, sets_of_encoders: Sequence[tuple[str, ...]]) -> None:
    """Write the background and the coefficients of each axis of `grid`."""
    texts = list(units["text"])
    encoders = sorted({name for names in sets_of_encoders for name in names})
    vectors = {name: load_embedder(EmbedSettings.model_validate({"backend": name})).encode(texts[::_EVERY]) for name in encoders}
    arrays = {f"vectors.{name}": values.astype(np.float16) for name, values in vectors.items()}
    as_stored = {name: arrays[f"vectors.{name}"].astype(np.float64) for name in encoders}
    background = Background(tuple(texts[::_EVERY]), as_stored, {})
    themes, theme_labels = _themes_as_codes(list(units["unit_id"]))
    coefficients: dict[str, list[float]] = {}
    for names in sets_of_encoders:
        for axis in ("rubrique", "posture", "pilier"):
            tasks = [(_OF_THE_GRID, grid.axis(axis), labels)]
            if axis == "rubrique":
                tasks += [(weight, codes, theme_labels) for weight, codes in _grids(themes)]
            measured = [
                (weight, DefinitionMatcher(codes, names, background).closeness(texts), _targets(codes, put)) for weight, codes, put in tasks
            ]
            fitted = _fit(measured, exclusive=axis == "posture")
            coefficients[f"{axis} {'+'.join(names)}"] = [round(float(value), 4) for value in fitted]
    description: dict[str, Any] = {"name": "definitions", "version": "1", "licence": LICENCE, "texts": texts[::_EVERY]}
    write_model(WEIGHTS_PATH, description | {"coefficients": coefficients}, arrays)


def _themes_as_codes(unit_ids: list[str]) -> tuple[tuple[Code, ...], list[set[str]]]:
    """The broad themes of data/training as rubriques, and each passage's."""
    listed = yaml.safe_load(data_path("training", "themes-larges.yaml").read_text(encoding="utf-8"))["themes"]
    codes = tuple(Code(theme["id"], "rubrique", theme["libelle"], theme["description"]) for theme in listed)
    theme_of = {row["unit_id"]: row["theme_large"] for file in training_files() for row in labelled_rows(file)}
    return codes, [{theme_of[unit_id]} if theme_of.get(unit_id) else set() for unit_id in unit_ids]


def _grids(themes: tuple[Code, ...]) -> list[tuple[float, tuple[Code, ...]]]:
    """Weight and codes: all themes as one grid, and a few of them as small grids, under which most passages have no code."""
    return [(_OF_ALL_THEMES, themes), *((_OF_FEW_THEMES, themes[place::_SMALL_GRIDS]) for place in range(_SMALL_GRIDS))]


def _targets(codes: Sequence[Code], labels: Sequence[set[str]]) -> Array:
    return np.array([[code.code in put for code in codes] for put in labels], dtype=np.float64)


def _fit(measured: list[tuple[float, Array, Array]], *, exclusive: bool) -> Array:
    """Coefficients with the least weighted sum of the tasks' log losses, each a true code."""
    n_views = measured[0][1].shape[2]
    start = np.concatenate([np.full(n_views, 0.3), [] if exclusive else [0.5, 0.5, -1.0, 0.0]])

    def loss(coefficients: Array) -> float:
        losses = [weight * _log_loss(seen, wanted, coefficients, exclusive) / wanted.sum() for weight, seen, wanted in measured]
        return float(sum(losses) + _PENALTY * (coefficients**2).sum())

    return np.asarray(minimize(loss, start, method="L-BFGS-B").x)


def _log_loss(closeness: Array, targets: Array, coefficients: Array, exclusive: bool) -> float:
    chances = np.clip(match(closeness, coefficients, exclusive=exclusive), 1e-9, 1 - 1e-9)
    loss = targets * np.log(chances) + (0 if exclusive else (1 - targets) * np.log(1 - chances))
    return float(-loss.sum())
