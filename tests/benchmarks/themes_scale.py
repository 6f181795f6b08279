"""Measure what themes cost as a study grows: seconds, memory at its peak, and whether they get worse.

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/themes_scale.py [--sizes 30,1000,5000,20000,100000] [--cache DIR]

Units are labelled passages drawn again and changed: a sixth of the words dropped, one replaced by a word of another passage on the same
theme. What is measured is the whole stage: reading (lemmas, noun phrases), views, groups, names, quotes, tables. Encoding is left out:
vectors are those of the passage drawn, moved at random so that their cosine is 0.9. Each size runs in a process of its own.
models/cards/themes.md keeps the figures.
"""

import argparse
import hashlib
import json
import multiprocessing
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from models.embedder import Vectors
from models.reading import read_texts
from models.registry import labelled_rows
from models.theme_model import ThemeModel
from pipeline.cluster import cluster_units
from pipeline.settings.sections import ClusterSettings, EmbedSettings
from pipeline.store import Store
from pipeline.tables.material import TAGS
from support.encoders import encoders_in

FILES = (
    "amorce-1",
    "amorce-2",
    "amorce-3",
    "amorce-4",
)  # workshop notes; the shipped encoder and map have seen them
DROPPED = 1 / 6  # share of the words
NOISE = 0.48  # length of what is added to a vector of norm 1: a cosine of 0.9
PER_TABLE, PER_WORKSHOP = 25, 150  # units


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="30,1000,5000,20000,100000")
    parser.add_argument("--cache", type=Path, help="folder that keeps vectors between runs")
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(size, options.cache)
        )
        process.start()
        process.join()


def measure(size: int, cache: Path | None) -> None:
    """Group `size` units and print what it took."""
    passages = [row for file in FILES for row in labelled_rows(file)]
    units, drawn = make_units(passages, size)
    seen = [list(units["text"]), [reading.content for reading in read_texts(units["text"])]]
    encoder = Drawn(passages, drawn, seen, cache)
    before = peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        start, processor = time.perf_counter(), time.process_time()
        found = cluster_units(
            units,
            TAGS.empty(),
            model=ThemeModel(),
            embedder=encoder,
            encoders=encoder,
            cache=Store(Path(folder)),
            settings=ClusterSettings(),
        )
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
    theme_of = found.theme_members.set_index("unit_id")["theme_id"]
    guess = units["unit_id"].map(theme_of).fillna("").astype(str).to_numpy()
    gold = [passages[at]["theme_large"] for at in drawn]
    themed = np.array([theme is not None for theme in gold])
    truth = [theme for theme in gold if theme is not None]
    line = {
        "units": size,
        "seconds": round(seconds, 1),
        "processor_s": round(processor, 1),
        "peak_mb": round(peak_mb()),
        "before_mb": round(before),
        "themes": len(found.themes),
        "ami": round(adjusted_mutual_info_score(truth, guess[themed]), 3),
        "ari": round(adjusted_rand_score(truth, guess[themed]), 3),
        "left_out": round(float((guess[themed] == "").mean()), 3),
        "stability": round(float(found.themes["stability"].mean()), 3),
        "sha256": hashlib.sha256(found.theme_members.to_csv().encode()).hexdigest()[:12],
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def make_units(
    passages: Sequence[dict[str, Any]], size: int
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return `size` changed passages as a table of units, in order of their unit_id, and the passage that each was drawn from."""
    draw = np.random.default_rng(size)
    by_theme: dict[str | None, list[int]] = defaultdict(list)
    for at, passage in enumerate(passages):
        by_theme[passage["theme_large"]].append(at)
    drawn = draw.integers(0, len(passages), size)
    texts = [
        _changed(passages, int(at), by_theme[passages[at]["theme_large"]], draw) for at in drawn
    ]
    place = np.arange(size)
    units = pd.DataFrame(
        {
            "unit_id": [f"u{at:07d}" for at in place],
            "document_id": [f"d{at // PER_TABLE}" for at in place],
            "workshop_id": [f"w{at // PER_WORKSHOP}" for at in place],
            "unit_order": place,
            "text": texts,
            "table_number": pd.array(place % PER_WORKSHOP // PER_TABLE + 1, dtype="Int64"),
            "question": "q1",
            "channel": "notes",
        }
    )
    return units, drawn


def _changed(
    passages: Sequence[dict[str, Any]], at: int, alike: list[int], draw: np.random.Generator
) -> str:
    words = [word for word in passages[at]["text"].split() if draw.random() > DROPPED] or passages[
        at
    ]["text"].split()
    other = passages[alike[int(draw.integers(0, len(alike)))]]["text"].split()
    words[int(draw.integers(0, len(words)))] = other[int(draw.integers(0, len(other)))]
    return " ".join(words)


class Drawn:
    """The shipped encoder, that gives units the vectors of the passages they were drawn from, moved at random; other texts their own."""

    def __init__(
        self,
        passages: Sequence[dict[str, Any]],
        drawn: NDArray[np.int64],
        seen: list[list[str]],
        cache: Path | None,
    ) -> None:
        self._encoder = encoders_in(cache).load()
        self.name, self.version = self._encoder.name, self._encoder.version
        self._drawn = drawn
        self._own = [
            self._encoder.encode([passage["text"] for passage in passages]),
            self._encoder.encode(
                [reading.content for reading in read_texts(passage["text"] for passage in passages)]
            ),
        ]
        self._place = {text: (form, row) for form in (1, 0) for row, text in enumerate(seen[form])}

    def load(self, settings: EmbedSettings | None = None) -> "Drawn":
        """Itself, in the place of the shipped one."""
        return self

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The rows of `texts` as units' texts or content words; others are encoded."""
        places = [self._place.get(text) for text in texts]
        strangers = [text for text, place in zip(texts, places, strict=True) if place is None]
        own = iter(self._encoder.encode(strangers))
        return np.array(
            [next(own) if place is None else self._moved(*place) for place in places],
            dtype=np.float32,
        ).reshape(len(texts), -1)

    def _moved(self, form: int, row: int) -> Vectors:
        vector = self._own[form][self._drawn[row]]
        vector = vector + NOISE / len(vector) ** 0.5 * np.random.default_rng(
            [form, row]
        ).standard_normal(len(vector), dtype=np.float32)
        moved: Vectors = vector / np.linalg.norm(vector)
        return moved


def peak_mb() -> float:
    """Most memory that this process has held, in MB (Linux tells kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
