"""Log the judges of pipeline/cluster/membership.py, and what each study left out gives.

python -m tools.training.membership leger|fort, after the encoder or the making of themes changed.
"""

import json
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.catalogue import SubjectReader
from models.embedder import plain_encoders
from models.reading import read_texts
from models.rows import Matrix
from models.theme_model import ThemeModel
from models.views import join_views, lean_on_neighbours
from pipeline.cluster import SURELY_OFF_TOPIC
from pipeline.cluster.membership import Judge, PairFacts, facts_of, is_judged, kinship, nearness
from pipeline.files import data_path
from pipeline.settings.sections import ClusterSettings, EmbedSettings

_LOG = logging.getLogger(__name__)

LEAST = 0.5  # probability, of the figures
SEEDS = (0, 1, 2)


class Pairs(NamedTuple):
    """Facts (n, n_facts) of pairs of a passage and a theme, and whether it is about its subject."""

    facts: Matrix
    is_right: NDArray[np.bool_]


def main(backend: str) -> None:
    """Fit on all studies; then on all but one, and print what counts of that one."""
    settings = EmbedSettings.model_validate({"backend": backend})
    pairs = {path.stem: _pairs(path.stem, settings) for path in _studies()}
    for name, (facts, is_right) in pairs.items():
        judge = _fit([own for other, own in pairs.items() if other != name])
        chances = 1 / (1 + np.exp(-(facts @ np.array(judge.slopes) + judge.shift)))
        counts = chances >= LEAST
        _LOG.info(
            "%s: %.3f of what counts is right, of %d; average precision %.3f, Brier %.3f",
            name,
            is_right[counts].mean(),
            counts.sum(),
            average_precision_score(is_right, chances),
            brier_score_loss(is_right, chances),
        )
    _LOG.info("%s: %s", backend, _fit(list(pairs.values())))


def _studies() -> list[Path]:
    return sorted(data_path("training", "etudes").glob("etude-?.jsonl"))


def _pairs(name: str, settings: EmbedSettings) -> Pairs:
    """A passage is of a theme where its own subject is the most frequent of that group."""
    lines = data_path("training", "etudes", f"{name}.jsonl").read_text("utf-8").splitlines()
    passages = pd.DataFrame([json.loads(line) for line in lines]).rename(
        columns={"document": "document_id", "table": "table_number", "order": "unit_order"}
    )
    encoders, readings = plain_encoders(), read_texts(passages["text"])
    texts, encoder = list(passages["text"]), encoders.load(settings)
    views = join_views(texts, readings, encoder, encoders=encoders)
    subjects = SubjectReader(texts, encoders.for_subjects(settings, len(texts))).of_texts
    units = passages.assign(lemmas=[reading.lemmas for reading in readings])
    in_context = lean_on_neighbours(views.vectors, passages)
    found = []
    for seed in SEEDS:
        model = ThemeModel(ClusterSettings(seed=seed))
        model.fit(units, in_context, set_aside=views.off_topic >= SURELY_OFF_TOPIC)
        labels, n_themes = model.labels_, len(model.stability_)
        near = nearness(views.vectors, labels, n_themes)
        akin = kinship(subjects, labels, n_themes)
        facts = PairFacts(near, nearness(in_context, labels, n_themes), akin, views.off_topic)
        judged = is_judged(near, labels)
        told = [
            Counter(passages["theme"][labels == theme].dropna()).most_common(1)
            for theme in range(n_themes)
        ]
        named = np.array([one[0][0] if one else "" for one in told])
        is_right = passages["theme"].to_numpy()[:, None] == named
        found.append(Pairs(facts_of(facts, labels)[judged], is_right[judged]))
    return Pairs(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _fit(pairs: list[Pairs]) -> Judge:
    facts, is_right = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(facts, is_right)
    scaler, regression = model[0], model[1]
    slopes = regression.coef_[0] / scaler.scale_
    shift = float(regression.intercept_[0] - slopes @ scaler.mean_)
    kinships = (round(float(mean), 3) for mean in scaler.mean_[-2:])
    return Judge(round(shift, 2), tuple(round(float(slope), 2) for slope in slopes), *kinships)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(*sys.argv[1:])
