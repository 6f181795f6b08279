"""Log the slope and shift of pipeline/cluster/membership.py, and what each study left out gives.

python -m tools.training.membership leger|fort, after the encoder or the making of themes changed.
"""

import json
import logging
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.embedder import plain_encoders
from models.reading import read_texts
from models.rows import Matrix
from models.theme_model import ThemeModel
from models.views import join_views, lean_on_neighbours
from pipeline.cluster import SURELY_OFF_TOPIC, strengths_of
from pipeline.files import data_path
from pipeline.settings.sections import ClusterSettings, EmbedSettings

_LOG = logging.getLogger(__name__)

LEAST = 0.5  # probability, of the figures
SEEDS = (0, 1)

Pairs = tuple[Matrix, NDArray[np.bool_]]  # strengths (n,), and whether each is right


def main(backend: str) -> None:
    """Fit on all studies; then on all but one, and print what counts of that one."""
    settings = EmbedSettings.model_validate({"backend": backend})
    pairs = {path.stem: _pairs(path.stem, settings) for path in _studies()}
    for name, (strengths, is_right) in pairs.items():
        slope, shift = _fit([own for other, own in pairs.items() if other != name])
        counts = 1 / (1 + np.exp(-(slope * strengths + shift))) >= LEAST
        right = is_right[counts].mean()
        _LOG.info("%s: %.2f counted, %.2f of them right", name, counts.mean(), right)
    slope, shift = _fit(list(pairs.values()))
    _LOG.info("%s: slope %.1f, shift %.1f", backend, slope, shift)


def _studies() -> list[Path]:
    return sorted(data_path("training", "etudes").glob("etude-?.jsonl"))


def _pairs(name: str, settings: EmbedSettings) -> Pairs:
    """A membership is right where the unit's own theme is the most frequent of its group."""
    lines = data_path("training", "etudes", f"{name}.jsonl").read_text("utf-8").splitlines()
    passages = pd.DataFrame([json.loads(line) for line in lines]).rename(
        columns={"document": "document_id", "table": "table_number", "order": "unit_order"}
    )
    encoders, readings = plain_encoders(), read_texts(passages["text"])
    views = join_views(list(passages["text"]), readings, encoders.load(settings), encoders=encoders)
    units = passages.assign(lemmas=[reading.lemmas for reading in readings])
    in_context = lean_on_neighbours(views.vectors, passages)
    strengths, is_right = [], []
    for seed in SEEDS:
        model = ThemeModel(ClusterSettings(seed=seed))
        model.fit(units, in_context, set_aside=views.off_topic >= SURELY_OFF_TOPIC)
        own = strengths_of(views.vectors, model.labels_)
        for theme in range(len(model.stability_)):
            members = np.flatnonzero(model.labels_ == theme)
            told = passages["theme"].iloc[members]
            named = Counter(told.dropna()).most_common(1)
            strengths.append(own[members])
            is_right.append(told.eq(named[0][0] if named else "").to_numpy(dtype=bool))
    return np.concatenate(strengths), np.concatenate(is_right)


def _fit(pairs: list[Pairs]) -> tuple[float, float]:
    strengths, is_right = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    model = LogisticRegression(C=100).fit(strengths[:, None], is_right)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(*sys.argv[1:])
