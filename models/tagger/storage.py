"""Store models as a .json description and an .npz of arrays, without pickle.

Reading checks the sha256 of both.
"""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.files import file_hash
from pipeline.grid.codes import Code, Grid

FORMAT = 2
LICENCE = "MIT"
Arrays = dict[str, NDArray[Any]]


def write_model(path: Path, description: dict[str, Any], arrays: Arrays) -> None:
    """Write `path` (.json) and its arrays; same content, same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays_path = path.with_suffix(".npz")
    np.savez_compressed(arrays_path, allow_pickle=False, **arrays)
    full = {"format": FORMAT, **description, "arrays_sha256": file_hash(arrays_path)}
    full["sha256"] = _hash(full)
    content = json.dumps(full, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(content + "\n", encoding="utf-8")


def read_model(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Return a model's description and arrays.

    Raises `ModelError` when a file is missing, unreadable, altered or of another format.
    """
    description = read_description(path)
    arrays_path = path.with_suffix(".npz")
    if not arrays_path.is_file() or file_hash(arrays_path) != description["arrays_sha256"]:
        raise _altered(arrays_path)
    try:
        with np.load(arrays_path, allow_pickle=False) as file:
            return description, {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _altered(arrays_path) from error


def read_description(path: Path) -> dict[str, Any]:
    """Return a model's .json, its sha256 checked; raise `ModelError` as `read_model`."""
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _altered(path) from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ModelError(
            f"{path.name} d'un autre format",
            f"le format {FORMAT}",
            "refaire le modèle : ateliers train ÉTUDE",
        )
    sha256 = description.pop("sha256", None)
    if sha256 != _hash(description):
        raise _altered(path)
    return description | {"sha256": sha256}


def code_fingerprint(code: Code) -> str:
    """Return sixteen hex digits of a code's axis, name and definition, not its label."""
    return _hash([code.axis, code.code, " ".join(code.definition.split()).lower()])[:16]


def code_fingerprints(code: Code) -> list[str]:
    """Return the fingerprints of a code under its name, then under its former ones."""
    return [code_fingerprint(replace(code, code=name)) for name in (code.code, *code.former)]


def grid_fingerprint(grid: Grid) -> str:
    """Return sixteen hex digits of all codes, in any order, and of the own axes' rules."""
    own_axes = [f"{axis.axis} {axis.is_exclusive}" for axis in grid.own_axes]
    return _hash(sorted(code_fingerprint(code) for code in grid.codes) + own_axes)[:16]


def array_fingerprint(arrays: Arrays) -> str:
    """Return eight hex digits of the arrays' names and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:8]


def _hash(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _altered(path: Path) -> ModelError:
    return ModelError(
        f"{path.name} manquant ou altéré",
        "le fichier tel qu'il a été écrit",
        "réinstaller ateliers-territoires, ou ateliers train ÉTUDE",
    )
