"""What the encoder is tuned on: labelled passages, their other readings, and general text whose
likeness must stay.

In:   data/training; the report's sentences and the grid's definitions
Out:  Passage, one a labelled passage; pairs of general texts
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from models.reading import read_texts
from models.registry import labelled_rows, training_files
from pipeline.files import data_path
from pipeline.grid import load_grid

_LEAST_WORDS = 6  # of a general text, so that half of it still says something


@dataclass(frozen=True)
class Passage:
    """A passage and its readings: `content` its content words, `subject` its fine theme in words,
    "" where it has none.

    `style` is what passages written alike share: file, question and channel.
    """

    text: str
    content: str
    subject: str
    file: str
    style: str
    broad: str | None
    codes: frozenset[str]


def load_passages() -> list[Passage]:
    """Return the passages of every file, in order."""
    rows = [row for file in training_files() for row in labelled_rows(file)]
    readings = read_texts([row["text"] for row in rows])
    return [
        Passage(
            row["text"],
            reading.content,
            (row["theme"] or "").replace("-", " "),
            row["file"],
            f"{row['file']} {row['question']} {row['channel']}",
            row["theme_large"],
            frozenset([*row["rubriques"], *([row["posture"]] if row["rubriques"] else [])]),
        )
        for row, reading in zip(rows, readings, strict=True)
    ]


def theme_names() -> dict[str, str]:
    """Return what each broad theme is called and about, by its id."""
    listed = yaml.safe_load(
        data_path("training", "themes-larges.yaml").read_text(encoding="utf-8")
    )["themes"]
    return {theme["id"]: f"{theme['libelle']} : {theme['description']}" for theme in listed}


def codes_of(passages: Sequence[Passage]) -> list[str]:
    """The codes that the passages carry, in order."""
    return sorted({code for passage in passages for code in passage.codes})


def general_pairs(passages: Sequence[Passage]) -> list[tuple[str, str]]:
    """Return (text, a half of it) of passages about no theme, of the report's sentences and of the
    grid's definitions.
    """
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    texts = [passage.text for passage in passages if passage.broad is None]
    texts += [code.definition for code in grid.codes]
    texts += theme_names().values()
    pairs = []
    for text in dict.fromkeys(re.sub(r"\s+", " ", text).strip() for text in texts):
        words = text.split()
        if len(words) >= _LEAST_WORDS:
            start = zlib.crc32(text.encode()) % (
                len(words) - len(words) // 2 + 1
            )  # whatever the other texts
            pairs.append((text, " ".join(words[start : start + len(words) // 2])))
    return pairs
