"""What the encoder is trained on: subjects said in several ways, and passages with codes.

In:   data/training
Out:  subjects by file; labelled passages

Subjects are compared within a file alone: those of two files may be one.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.registry import labelled_rows, training_files
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import POSTURE

STATEMENTS = ("title", "besoin", "reponse", "piste")  # of a catalogue: a subject in one sentence
FEWEST_THEMES = 12  # of a file of workshops, to compare its themes
UNCODED = "constat"  # the posture of a passage that has none

Subjects = dict[str, "Subject"]


@dataclass(frozen=True)
class Subject:
    """A subject's passages, and its statements if it has any."""

    passages: tuple[str, ...]
    statements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """Passages with codes: `targets` (n, n_codes) are 0 or 1; `axes` are columns by axis."""

    texts: list[str]
    files: list[str]
    targets: NDArray[np.float32]
    axes: dict[str, slice]


def subject_letters() -> list[str]:
    """Return the letters of the subject files, one an author."""
    paths = data_path("training", "sujets").glob("sujets-*.jsonl")
    return sorted(path.stem.removeprefix("sujets-") for path in paths)


def subjects_of(letter: str) -> Subjects:
    """Return the subjects of a file, with the statements of its catalogue."""
    passages: dict[str, list[str]] = defaultdict(list)
    for row in _rows(data_path("training", "sujets", f"sujets-{letter}.jsonl")):
        passages[row["subject"]].append(row["text"])
    catalogue = _rows(data_path("training", "sujets", f"catalogue-{letter}.jsonl"))
    return {
        row["subject"]: Subject(
            tuple(passages[row["subject"]]), tuple(row[name] for name in STATEMENTS)
        )
        for row in catalogue
    }


def themes_of(file: str) -> Subjects:
    """Return the themes of a file of workshops or minutes that two passages or more share."""
    passages: dict[str, list[str]] = defaultdict(list)
    for row in labelled_rows(file):
        if row["theme"]:
            passages[row["theme"]].append(row["text"])
    return {theme: Subject(tuple(texts)) for theme, texts in passages.items() if len(texts) > 1}


def theme_files() -> dict[str, Subjects]:
    """Return the themes of each file of workshops that has enough of them."""
    found = {file: themes_of(file) for file in training_files()}
    return {file: themes for file, themes in found.items() if len(themes) >= FEWEST_THEMES}


def study_themes() -> dict[str, Subjects]:
    """Return the themes of each study of data/training/etudes-apprises, with their statements."""
    folder = data_path("training", "etudes-apprises")
    paths = sorted(folder.glob("etude-??.jsonl"))
    return {path.stem: _themes_of_study(path) for path in paths}


def _themes_of_study(path: Path) -> Subjects:
    passages: dict[str, list[str]] = defaultdict(list)
    for row in _rows(path):
        if row["theme"]:
            passages[row["theme"]].append(row["text"])
    said = {
        row["theme"]: tuple(row[name] for name in STATEMENTS)
        for row in _rows(path.with_name(f"{path.stem}-themes.jsonl"))
    }
    return {
        theme: Subject(tuple(texts), said[theme])
        for theme, texts in passages.items()
        if len(texts) > 1
    }


def broad_themes() -> Subjects:
    """Return the fifty broad themes that all files of workshops share."""
    passages: dict[str, list[str]] = defaultdict(list)
    for file in training_files():
        for row in labelled_rows(file):
            if row["theme_large"]:
                passages[row["theme_large"]].append(row["text"])
    return {theme: Subject(tuple(texts)) for theme, texts in sorted(passages.items())}


def labelled_passages() -> Labelled:
    """Return the passages of the subjects, with the grid's codes.

    Those of workshops are left to the tagger: it learns how far to trust what is learnt here.
    """
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    rows = [
        (f"sujets-{letter}", row)
        for letter in subject_letters()
        for row in _rows(data_path("training", "sujets", f"sujets-{letter}.jsonl"))
    ]
    codes = [code.code for axis in grid.axes for code in grid.axis(axis.axis)]
    column = {code: i for i, code in enumerate(codes)}
    targets = np.zeros((len(rows), len(codes)), np.float32)
    for at, (_, row) in enumerate(rows):
        put = [*row["rubriques"], row["posture"] or UNCODED, *row["piliers"]]
        targets[at, [column[code] for code in put]] = 1
    axes, start = {}, 0
    for axis in grid.axes:
        end = start + len(grid.axis(axis.axis))
        axes[axis.axis], start = slice(start, end), end
    assert POSTURE in axes
    return Labelled([row["text"] for _, row in rows], [file for file, _ in rows], targets, axes)


def _rows(path: Path) -> list[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]
