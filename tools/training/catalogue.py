"""Write models/weights/catalogue.npz or strong-catalogue.npz: how an encoder's rows tell subjects.

python -m tools.training.catalogue leger|fort, after the encoder or the subjects changed (two
minutes; ten for the strong one).
"""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.catalogue import STRONG_WEIGHTS, WEIGHTS, load_catalogue, read_passages
from models.embedder import load_embedder
from models.rows import unit_rows
from models.views import subject_half
from pipeline.settings.sections import EmbedSettings

TITLE_WEIGHT = 0.5  # of a fine subject's title, beside the mean of its passages
STRENGTH = 10.0  # inverse of the regression's penalty


def main(backend: str) -> None:
    """Fit the regression on passages centred on all of them, and place the fine subjects."""
    encoder = load_embedder(EmbedSettings.model_validate({"backend": backend}))
    catalogue, passages = load_catalogue(), read_passages()
    number = np.array([fine for _, fine in passages])
    vectors = subject_half(encoder.encode([text for text, _ in passages])).astype(np.float64)
    sums = np.zeros((len(catalogue.fine), vectors.shape[1]))
    np.add.at(sums, number, vectors)
    titles = subject_half(encoder.encode([subject.title for subject in catalogue.fine]))
    placed = unit_rows(sums) + TITLE_WEIGHT * titles.astype(np.float64)
    broad = catalogue.broad_of[number]
    rows = unit_rows(vectors - vectors.mean(axis=0))[broad >= 0]
    model = LogisticRegression(C=STRENGTH, max_iter=200).fit(rows, broad[broad >= 0])
    np.savez_compressed(
        STRONG_WEIGHTS if backend == "fort" else WEIGHTS,
        encoder=encoder.version,
        subjects=np.array([one.subject_id for one in (*catalogue.subjects, *catalogue.fine)]),
        slopes=model.coef_.astype(np.float16),
        shifts=model.intercept_.astype(np.float16),
        fine=unit_rows(placed - placed.mean(axis=0)).astype(np.float16),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
