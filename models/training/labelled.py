"""The labelled passages of data/training: one file an author, whose rows the tagger, the subject map and the encoder learn from alike.

In:   data/training/*.jsonl; themes-larges.jsonl, which gives the broad themes of the files that do not carry them
Out:  file names, rows
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.resources import data_path

_BROAD_THEMES = "themes-larges"


def training_files() -> tuple[str, ...]:
    """Return the names of the files of labelled passages, without .jsonl, in order."""
    return tuple(sorted(path.stem for path in data_path("training").glob("*.jsonl") if path.stem != _BROAD_THEMES))


def labelled_rows(file: str) -> list[dict[str, Any]]:
    """Return the rows of one file, each with its `file` and its `theme_large`, None where it is about no theme."""
    return [{"theme_large": _broad_themes().get(row["unit_id"]), **row, "file": file} for row in _lines(_path(file))]


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
