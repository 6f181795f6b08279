"""Load and save taggers, and load the labelled passages.

In:   the shipped files of models/weights, what `ateliers train` registered, data/training
Out:  a GridTagger; passages and their codes
"""

import logging
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import fields
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import SHIPPED_SETTINGS, load_embedder, mark_of
from models.encoders import NAME
from models.tagger import GridTagger
from models.tagger.decision import Axes, Calibration, Thresholds, blocks_of, exclusive_blocks
from models.tagger.features import FeatureExtractor
from models.tagger.learning import LearntModel
from models.tagger.regression import ExclusiveWeights, Neighbours, Weights
from models.tagger.storage import (
    LICENCE,
    Arrays,
    code_fingerprint,
    grid_fingerprint,
    read_model,
    write_model,
)
from pipeline.errors import ModelError
from pipeline.files import data_path, file_hash, json_lines
from pipeline.grid.codes import Axis, Code, Grid
from pipeline.settings.sections import TagSettings

SHIPPED = Path(__file__).with_name("weights")
UNASKED = "-sans-question"  # ends the name of the tagger learnt without questions
PASSAGE_COLUMNS = ("unit_id", "file", "text", "question", "channel", "theme_large")
_BROAD_THEMES = "themes-larges"

_LOG = logging.getLogger(__name__)


def load_tagger(
    grid: Grid,
    *,
    settings: TagSettings,
    registered: Path | None = None,
    encoders: tuple[str, ...] = (NAME,),
) -> GridTagger:
    """Return the tagger that `settings` name for `grid`.

    "auto" is the `registered` one, which reads the encoders it was learnt with, else the shipped
    one for `encoders`; "definitions" the grid's own; else a shipped model. A model of another grid
    codes what both define alike, and definitions the rest.
    Raises `ModelError` when a file is missing or altered, or the name unknown.
    """
    if settings.model == "definitions":
        return GridTagger(grid, encoders=encoders)
    if registered is not None and settings.model == "auto":
        learnt = read_tagger(registered)
    else:
        learnt = copy(_read_shipped(_shipped_path(settings.model, encoders)))
    if grid_fingerprint(learnt.grid) != grid_fingerprint(grid):
        _LOG.info("tagger %s was fitted for another grid: definitions", learnt.version_)
        return GridTagger(grid, encoders=learnt.encoders, pretrained=learnt)
    own_order = [code_fingerprint(code) for code in grid.by_axis]
    if [code_fingerprint(code) for code in learnt.codes] != own_order:
        return GridTagger(grid, encoders=learnt.encoders, pretrained=learnt)
    learnt.grid = grid
    return learnt


@cache
def _read_shipped(path: Path) -> GridTagger:
    tagger = read_tagger(path)
    unasked = path.with_stem(path.stem + UNASKED)
    if unasked.exists():
        tagger.unasked_ = read_tagger(unasked)
    return tagger


def save_tagger(
    tagger: GridTagger,
    path: Path,
    *,
    name: str,
    made_from: dict[str, str],
    held_out: dict[str, list[str]] | None = None,
) -> None:
    """Write a learnt tagger as `path` (.json) and arrays.

    `made_from` names the data and their sha256. `held_out` gives, by a hash of each study passage,
    its codes before the tagger learnt from it.
    """
    model: LearntModel = tagger.model_
    tagger.name_ = name
    features = model.features
    parameters = tagger.get_params(deep=False)
    packages = ("numpy", "scipy", "scikit-learn")
    description = {
        "name": name,
        "version": tagger.version_,
        "licence": LICENCE,
        "made_from": made_from,
        "made_with": {package: package_version(package) for package in packages},
        "encoders": _versions(features.encoders),
        "parameters": {key: parameters[key] for key in ("n_terms", "penalty")},
        "grid": {
            "id": tagger.grid.grid_id,
            "version": tagger.grid.version,
            "fingerprint": grid_fingerprint(tagger.grid),
        },
        "codes": [_named_fields(code, *_CODE_FIELDS) for code in tagger.codes],
        "scale": features.scales,
        "vocabularies": features.vocabularies,
        "contexts": features.contexts,
        "calibrations": {key: [each.slope, each.shift] for key, each in model.calibrations.items()},
        "no_code_threshold": float(model.thresholds.no_code[0]),
    }
    if tagger.grid.own_axes:
        description["own_axes"] = [
            _named_fields(axis, "axis", "label", "is_exclusive") for axis in tagger.grid.own_axes
        ]
    if held_out is not None:
        description["held_out"] = held_out
    write_model(path, description, _arrays(model))


_CODE_FIELDS = ("code", "axis", "label", "definition")


def _named_fields(value: object, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _arrays(model: LearntModel) -> Arrays:
    features = model.features
    arrays: Arrays = {"centre": features.centre}
    arrays |= {f"idf.{name}": idf for name, idf in features.idf.items()}
    arrays |= model.weight_arrays()
    for name, array in arrays.items():
        if array.dtype == np.float64:
            arrays[name] = array.astype(np.float32)
    arrays |= {"thresholds": model.thresholds.codes, "counts": model.counts}
    if model.thresholds.no_code.size > 1:
        arrays["own_no_code"] = model.thresholds.no_code[1:]
    return arrays


def read_tagger(path: Path) -> GridTagger:
    """Return the tagger of `path`.

    Raises `ModelError` when its files are missing or altered, or made with another encoder.
    """
    description, arrays = read_model(path)
    if description["encoders"] != (own := _versions(description["encoders"])):
        raise ModelError(
            f"{path.name} lit les vecteurs d'un autre encodeur ({_named(description['encoders'])})",
            _named(own),
            "réinstaller ateliers-territoires"
            if path.parent == SHIPPED
            else "refaire le modèle : ateliers train ÉTUDE",
        )
    codes = tuple(Code(**fields) for fields in description["codes"])
    own_axes = tuple(Axis(**fields) for fields in description.get("own_axes", ()))
    grid = Grid(description["grid"]["id"], description["grid"]["version"], codes, (), (), own_axes)
    tagger = GridTagger(grid, encoders=tuple(sorted(own)))
    for key, value in description["parameters"].items():
        tagger.set_params(**{key: tuple(value) if isinstance(value, list) else value})
    tagger.name_, tagger.model_ = description["name"], _model(description, arrays, Axes.of(grid))
    return tagger


def _model(description: dict[str, Any], arrays: Arrays, axes: Axes) -> LearntModel:
    def wide(name: str) -> Any:
        return arrays[name].astype(np.float64)

    kinds = tuple(description["vocabularies"])
    features = FeatureExtractor(
        tuple(sorted(description["encoders"])),
        wide("centre"),
        tuple(np.atleast_1d(description["scale"]).tolist()),
        {kind: tuple(description["vocabularies"][kind]) for kind in kinds},
        {kind: wide(f"idf.{kind}") for kind in kinds},
        {name: tuple(description["contexts"][name]) for name in ("question", "channel")},
    )
    exclusive_weights = {
        block.name: ExclusiveWeights(wide(f"{block.name}.outputs"), wide(f"{block.name}.questions"))
        for block in exclusive_blocks(axes)
    }
    calibrations = description["calibrations"]
    own_gates = wide("own_no_code") if "own_no_code" in arrays else []
    kept = {
        name.removeprefix("neighbours."): array
        for name, array in arrays.items()
        if name.startswith("neighbours.")
    }
    return LearntModel(
        axes,
        features,
        Weights(**{field.name: wide(f"weights.{field.name}") for field in fields(Weights)}),
        exclusive_weights,
        {block.name: Calibration(*calibrations[block.name]) for block in blocks_of(axes)},
        Thresholds(wide("thresholds"), np.append(description["no_code_threshold"], own_gates)),
        wide("counts"),
        Neighbours(**kept) if kept else None,
    )


def _versions(encoders: Iterable[str]) -> dict[str, str]:
    """Return the versions here of the shipped ones among `encoders`."""
    known = [name for name in encoders if name in SHIPPED_SETTINGS]
    return {name: load_embedder(SHIPPED_SETTINGS[name]).version for name in known}


def _named(encoders: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(encoders.items()))


def shipped_rows(encoders: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the rows (n, d) of `load_passages` by `encoders`, as the shipped tagger stores them.

    To encode the passages again takes minutes.
    """
    return _read_shipped(shipped_path(encoders)).model_.remembered_rows()


def shipped_path(encoders: tuple[str, ...]) -> Path:
    """Return the .json of the shipped tagger that reads `encoders`."""
    return SHIPPED / f"tagger-amorce{mark_of(encoders)}.json"


def _shipped_path(name: str, encoders: tuple[str, ...]) -> Path:
    names = sorted(
        path.stem.removeprefix("tagger-")
        for path in SHIPPED.glob("tagger-*.json")
        if not path.stem.endswith(UNASKED)
    )
    if name == "auto":
        return shipped_path(encoders)
    if name not in names:
        raise ModelError(
            f"pas de modèle « {name} »",
            f"un de : {', '.join(['auto', 'definitions', *names])}",
            "corriger « model » dans [tag] de etude.toml",
        )
    return SHIPPED / f"tagger-{name}.json"


def training_files() -> tuple[str, ...]:
    """Return the names of the passage files, in order, without .jsonl."""
    names = sorted(path.stem for path in data_path("training").glob("*.jsonl"))
    return tuple(name for name in names if name != _BROAD_THEMES)


def load_passages() -> tuple[pd.DataFrame, list[set[str]]]:
    """Return the passages of data/training (`PASSAGE_COLUMNS`) and their codes."""
    rows = [row for file in training_files() for row in labelled_rows(file)]
    return pd.DataFrame(rows)[list(PASSAGE_COLUMNS)], [codes_of(row) for row in rows]


def labelled_rows(file: str) -> list[dict[str, Any]]:
    """Return a file's rows, with `file` and `theme_large`."""
    return [
        {"theme_large": _broad_themes().get(row["unit_id"]), **row, "file": file}
        for row in json_lines(_training_path(file))
    ]


def codes_of(row: Mapping[str, Any]) -> set[str]:
    """Return the codes of a labelled row, all axes in one set."""
    posture = [row["posture"]] if row.get("posture") else []
    return {*row["rubriques"], *row["piliers"], *posture}


def file_hashes() -> dict[str, str]:
    """Return the sha256 of each passage file by name."""
    return {f"{name}.jsonl": file_hash(_training_path(name)) for name in training_files()}


@cache
def _broad_themes() -> dict[str, Any]:
    return {row["unit_id"]: row["theme_large"] for row in json_lines(_training_path(_BROAD_THEMES))}


def _training_path(name: str) -> Path:
    return data_path("training", f"{name}.jsonl")
