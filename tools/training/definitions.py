"""Learn, for codes in general, how closeness to a code's words becomes a probability; writes
models/weights/definitions.json and .npz.

In:   the labelled passages of data/training, under the grid and under the broad themes as if these
      were rubriques of another grid
Out:  one small set of coefficients and a threshold an axis, and a background of
      ordinary passages
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import minimize

from models.embedder import SHIPPED_SETTINGS, load_embedder
from models.encoders import NAME
from models.tagger.decision import micro_f1
from models.tagger.definitions import (
    Background,
    DefinitionMatcher,
    as_read,
    background_path,
    match,
    whole_vectors,
)
from models.tagger.features import Array, encode
from models.tagger.storage import LICENCE, write_model
from pipeline.files import data_path
from pipeline.grid.codes import RUBRIQUE, STANDARD, Code, Grid

# one passage in ten is background, one in four of the others is learnt from: a dozen coefficients
# need no more
_EVERY = 10
_LEARNT = 4
_THRESHOLDS = np.round(np.arange(0.02, 0.61, 0.01), 2)
_SMALL_GRIDS = 10
# Weight of each task: the grid's codes are abstract and the themes' concrete; a study's own grid
# may be either, large or small.
_OF_THE_GRID, _OF_ALL_THEMES, _OF_FEW_THEMES = 8.0, 0.2, 0.02
_PENALTY = 0.01

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One axis of a grid to learn from: `closeness` (n_units, n_codes, n_views), `targets`
    (n_units, n_codes), 0 or 1.
    """

    weight: float
    closeness: Array
    targets: Array


def fit_definitions(
    grid: Grid,
    units: pd.DataFrame,
    labels: Sequence[set[str]],
    encoders: tuple[str, ...] = (NAME,),
) -> None:
    """Write the background by `encoders`, and the coefficients and the threshold of each axis."""
    texts = list(units["text"][::_EVERY])
    versions = [load_embedder(SHIPPED_SETTINGS[name]).version for name in encoders]
    vectors = encode(texts, encoders=encoders)
    stored = vectors.astype(np.float16) if len(encoders) == 1 else whole_vectors(vectors)
    background = Background(tuple(texts), as_read(stored), {}, {}, encoders)
    learnt, put = learning_sample(units, labels)
    coefficients: dict[str, list[float]] = {}
    thresholds: dict[str, float] = {}
    for axis, kind in STANDARD.items():
        matcher = DefinitionMatcher(grid.axis(axis), grid.questions, background, kind.is_exclusive)
        tasks = tasks_of(matcher, learnt, put)
        fitted = fit_coefficients(tasks, exclusive=kind.is_exclusive)
        coefficients[axis] = [round(float(value), 4) for value in fitted]
        thresholds[axis] = 0.0 if kind.is_exclusive else best_threshold(tasks[0], fitted)
        _LOG.info("definitions, %s: %s from %.2f on", axis, coefficients[axis], thresholds[axis])
    description: dict[str, Any] = {
        "name": "definitions",
        "version": "3",
        "encoder": " ".join(versions),
        "licence": LICENCE,
        "texts": texts,
    }
    write_model(
        background_path(encoders),
        description | {"coefficients": coefficients, "thresholds": thresholds},
        {"vectors": stored},
    )


def learning_sample(
    units: pd.DataFrame, labels: Sequence[set[str]]
) -> tuple[pd.DataFrame, list[set[str]]]:
    """Return the units that coefficients are learnt from, none of which is background, and their
    codes.
    """
    places = [place for place in range(len(units)) if place % _EVERY][::_LEARNT]
    return units.iloc[places], [labels[place] for place in places]


def tasks_of(
    matcher: DefinitionMatcher, units: pd.DataFrame, labels: Sequence[set[str]]
) -> list[Task]:
    """Return what the matcher's axis is learnt from: its codes, and for rubriques the broad themes
    too, as if other grids'.

    All themes are one grid; a few of them small grids, under which most passages have no code.
    """
    tasks = [Task(_OF_THE_GRID, matcher.closeness(units), _targets(matcher.codes, labels))]
    if matcher.codes[0].axis == RUBRIQUE:
        themes, about = _themes_as_codes(units)
        grids = [
            (_OF_ALL_THEMES, themes),
            *((_OF_FEW_THEMES, themes[place::_SMALL_GRIDS]) for place in range(_SMALL_GRIDS)),
        ]
        for weight, codes in grids:
            other = DefinitionMatcher(codes, (), matcher.background)
            tasks.append(Task(weight, other.closeness(units), _targets(codes, about)))
    return tasks


def fit_coefficients(tasks: Sequence[Task], *, exclusive: bool) -> Array:
    """Return the coefficients with the least weighted sum of the tasks' log losses, each a true
    code.
    """
    n_views = tasks[0].closeness.shape[2]
    start = np.concatenate([np.full(n_views, 0.3), [] if exclusive else [0.5, 0.5, -1.0, 0.0]])

    def loss(coefficients: Array) -> float:
        losses = [
            task.weight
            * _log_loss(task.closeness, task.targets, coefficients, exclusive)
            / task.targets.sum()
            for task in tasks
        ]
        return float(sum(losses) + _PENALTY * (coefficients**2).sum())

    return np.asarray(minimize(loss, start, method="L-BFGS-B").x)


def best_threshold(task: Task, coefficients: Array) -> float:
    """Return the threshold with the best micro-F1."""
    probabilities = match(task.closeness, coefficients, exclusive=False)
    return float(
        max(_THRESHOLDS, key=lambda threshold: micro_f1(probabilities >= threshold, task.targets))
    )


def _themes_as_codes(units: pd.DataFrame) -> tuple[tuple[Code, ...], list[set[str]]]:
    """The broad themes of data/training as rubriques, and each passage's."""
    listed = yaml.safe_load(
        data_path("training", "themes-larges.yaml").read_text(encoding="utf-8")
    )["themes"]
    codes = tuple(
        Code(theme["id"], RUBRIQUE, theme["libelle"], theme["description"]) for theme in listed
    )
    return codes, [{theme} if isinstance(theme, str) else set() for theme in units["theme_large"]]


def _targets(codes: Sequence[Code], labels: Sequence[set[str]]) -> Array:
    return np.array([[code.code in put for code in codes] for put in labels], dtype=np.float64)


def _log_loss(closeness: Array, targets: Array, coefficients: Array, exclusive: bool) -> float:
    chances = np.clip(match(closeness, coefficients, exclusive=exclusive), 1e-9, 1 - 1e-9)
    loss = targets * np.log(chances) + (0 if exclusive else (1 - targets) * np.log(1 - chances))
    return float(-loss.sum())
