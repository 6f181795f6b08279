"""Measure the themes: agreement with people's, and with themselves over seeds and subsamples.

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/themes.py [--cache DIR]

Each file of data/training is scored with a subject map fitted on the others (the encoder was tuned on all); the example study, which
neither saw, with the shipped map.
Gold passages stand for units, so that segmentation does not weigh on the figures; models/cards/themes.md keeps them.
"""

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from models.embedder import Encoders
from models.reading import Reading, read_texts
from models.registry import training_files
from models.rows import Matrix
from models.theme_model import ThemeModel
from models.views import SubjectMap, join_views, lean_on_neighbours
from pipeline.cluster import SURELY_OFF_TOPIC
from pipeline.files import data_path
from pipeline.settings.sections import ClusterSettings
from support.encoders import encoders_in
from tools.training.subject_map import features, fit_subject_map, load_passages, recurrent_themes

N_REPEATS = 20


def main() -> None:
    """Print one line a set: agreement with each labelling, share left out, number of themes, agreement with itself."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, help="folder that keeps vectors between runs")
    encoders = encoders_in(parser.parse_args().cache)
    gold = _example_study()
    print_figures(
        "étude d'exemple", gold, {"theme": list(gold["theme"])}, encoders, None, repeats=N_REPEATS
    )
    passages = load_passages()
    inputs = features(list(passages["text"]), encoders.load())
    for file in training_files():
        kept = (passages["file"] != file).to_numpy(dtype=bool)
        others = passages[kept]
        subject_map = fit_subject_map(
            {form: rows[kept] for form, rows in inputs.items()},
            list(others["broad"]),
            list(others["is_off_topic"]),
            recurrent=recurrent_themes(others),
        )
        scored = passages[~kept].reset_index(drop=True)
        print_figures(
            file,
            scored,
            {"broad": list(scored["broad"]), "theme": list(scored["theme"])},
            encoders,
            subject_map,
        )


def print_figures(
    name: str,
    passages: pd.DataFrame,
    truths: dict[str, list[str | None]],
    encoders: Encoders,
    subject_map: SubjectMap | None,
    *,
    repeats: int = 0,
) -> None:
    """Print the figures of one set of passages."""
    texts, readings = list(passages["text"]), read_texts(passages["text"])
    views = join_views(texts, readings, encoders.load(), encoders=encoders, subject_map=subject_map)
    units = _with_lemmas(passages, readings)
    vectors = lean_on_neighbours(views.vectors, passages)
    set_aside = views.off_topic >= SURELY_OFF_TOPIC
    labels = ThemeModel().fit(units, vectors, set_aside=set_aside).labels_
    line = {"set": name, "passages": len(passages), "themes": int(labels.max()) + 1}
    for truth, values in truths.items():
        themed = np.array([isinstance(value, str) for value in values])
        gold = [value for value in values if isinstance(value, str)]
        line[f"ami_{truth}"] = round(adjusted_mutual_info_score(gold, labels[themed]), 3)
        line[f"ari_{truth}"] = round(adjusted_rand_score(gold, labels[themed]), 3)
        line[f"left_out_{truth}"] = round(float((labels[themed] < 0).mean()), 3)
    if repeats:
        line |= _self_agreement(units, vectors, set_aside, repeats)
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _self_agreement(
    units: pd.DataFrame, vectors: Matrix, set_aside: np.ndarray, repeats: int
) -> dict[str, float]:
    """Mean pairwise ARI over seeds, and over subsamples of 80 % on the units that two of them share."""
    seeds = [
        ThemeModel(ClusterSettings(seed=seed)).fit(units, vectors, set_aside=set_aside).labels_
        for seed in range(repeats)
    ]
    draw = np.random.default_rng(0)
    samples = []
    for _ in range(repeats):
        drawn = np.sort(draw.choice(len(units), round(0.8 * len(units)), replace=False))
        labels = np.full(len(units), -9)
        labels[drawn] = (
            ThemeModel().fit(units.iloc[drawn], vectors[drawn], set_aside=set_aside[drawn]).labels_
        )
        samples.append(labels)
    shared = [
        adjusted_rand_score(a[both], b[both])
        for a, b in combinations(samples, 2)
        if (both := (a != -9) & (b != -9)).any()
    ]
    return {
        "ari_over_seeds": round(
            float(np.mean([adjusted_rand_score(a, b) for a, b in combinations(seeds, 2)])), 3
        ),
        "ari_over_subsamples": round(float(np.mean(shared)), 3),
    }


def _example_study() -> pd.DataFrame:
    lines = data_path("demo", "gold", "units.jsonl").read_text(encoding="utf-8").splitlines()
    passages = pd.DataFrame([json.loads(line) for line in lines if line])
    return passages.rename(
        columns={"document": "document_id", "table": "table_number", "order": "unit_order"}
    )


def _with_lemmas(passages: pd.DataFrame, readings: list[Reading]) -> pd.DataFrame:
    return passages.assign(lemmas=pd.Series([reading.lemmas for reading in readings], dtype=object))


if __name__ == "__main__":
    main()
