"""Fit the subject map on the broad themes of data/training and write
models/weights/subject-map.npz.

    python -m tools.training.subject_map

Same packages and machine, same file. Nothing of the example study is read: it stays a territory
that the map has not seen.
"""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import Embedder, load_embedder
from models.reading import read_texts
from models.registry import labelled_rows, training_files
from models.views import SCALE, WEIGHTS, SubjectMap, subject_half

MINUTES = (
    "amorce-5",
    "amorce-6",
    "minutes-9",
    "minutes-10",
)  # the others are what people said and wrote in workshops
# Of the discriminant's covariance, on broad themes and on recurrent ones; chosen on files left out.
SHRINKAGE = {"text": 0.5, "both": 0.85}
RECURRENT_SHRINKAGE = {"text": 0.3, "both": 0.65}
FEWEST_PASSAGES, MOST_AXES = 3, 100  # of a recurrent theme; of a discriminant
INVERSE_PENALTY = {"text": 1.0, "both": 0.5}  # of the softmax

_LOG = logging.getLogger(__name__)

Features = dict[str, NDArray[np.float32]]  # by form


def load_passages() -> pd.DataFrame:
    """Return one row a passage: theme, broad theme, whether it is about nothing (None where its
    file does not tell), where it was said.
    """
    # Minutes leave half of what they say uncoded, subject or not: only the other files tell what is
    # about nothing.
    rows = [
        {
            "broad": row["theme_large"],
            "is_off_topic": None if file in MINUTES else not row["rubriques"],
            "unit_order": order,
            **row,
        }
        for file in training_files()
        for order, row in enumerate(labelled_rows(file))
    ]
    passages = pd.DataFrame(rows)
    document = (
        passages["file"]
        + "|"
        + passages["territory"].fillna("")
        + "|"
        + passages["document"].fillna("")
    )
    passages = passages.assign(document_id=document, table_number=passages["table"])
    said = ["document_id", "table_number", "question", "unit_order"]
    return passages[
        ["unit_id", "file", "text", "theme", "broad", "is_off_topic", "territory", *said]
    ]


def features(texts: Sequence[str], embedder: Embedder) -> Features:
    """Return the two forms of the map's input: (n, d) and (n, 2 d)."""
    contents = [reading.content for reading in read_texts(texts)]
    text, content = (subject_half(embedder.encode(seen)) for seen in (texts, contents))
    return {"text": text, "both": np.hstack([text, content])}


def recurrent_themes(passages: pd.DataFrame) -> list[str | None]:
    """Return the theme of each passage as its own author named it, None where fewer than
    `FEWEST_PASSAGES` share it.

    These say what is one subject more finely than broad themes; they compare within a file alone.
    """
    names = (passages["file"] + "|" + passages["theme"]).where(passages["theme"].notna())
    is_recurrent = names.map(names.value_counts()) >= FEWEST_PASSAGES
    return [name if kept else None for name, kept in zip(names, is_recurrent, strict=True)]


def fit_subject_map(
    inputs: Features,
    broad: Sequence[str | None],
    is_off_topic: Sequence[bool | None],
    *,
    recurrent: Sequence[str | None] | None = None,
) -> SubjectMap:
    """Return the map fitted on passages with a broad theme; `is_off_topic` tells what is about no
    subject, None where unknown.

    The discriminant tells the `recurrent` themes apart where they are given, else the broad ones.
    """
    from sklearn.linear_model import LogisticRegression

    kept, subjects = _told(broad)
    heads: dict[str, NDArray[np.float64]] = {}
    with threadpool_limits(1):
        for form, vectors in inputs.items():
            shrinkage = SHRINKAGE[form] if recurrent is None else RECURRENT_SHRINKAGE[form]
            heads[f"{form}.discriminant"] = _discriminant(
                vectors, broad if recurrent is None else recurrent, shrinkage
            )
            softmax = LogisticRegression(C=INVERSE_PENALTY[form], max_iter=1000).fit(
                vectors[kept].astype(np.float64) * SCALE, subjects
            )
            heads[f"{form}.softmax"], heads[f"{form}.intercept"] = (
                softmax.coef_.T,
                softmax.intercept_,
            )
        told = np.array([value is not None for value in is_off_topic])
        is_noise = np.array([bool(value) for value in is_off_topic])
        noise = LogisticRegression(C=1.0, max_iter=1000).fit(
            inputs["text"][told].astype(np.float64) * SCALE, is_noise[told]
        )
    return SubjectMap(heads, np.append(noise.coef_[0], noise.intercept_[0]))


def _discriminant(
    vectors: NDArray[np.float32], themes: Sequence[str | None], shrinkage: float
) -> NDArray[np.float64]:
    """Axes (d, at most `MOST_AXES`) on which passages of one theme lie close."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    kept, names = _told(themes)
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage).fit(
        vectors[kept].astype(np.float64), names
    )
    axes: NDArray[np.float64] = fitted.scalings_[:, : min(MOST_AXES, len(fitted.classes_) - 1)]
    return axes


def _told(themes: Sequence[str | None]) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    return np.array([isinstance(theme, str) for theme in themes]), np.array(
        [theme for theme in themes if isinstance(theme, str)]
    )


def main() -> None:
    """Fit the map on all files and write it."""
    passages = load_passages()
    encoder = load_embedder()
    subject_map = fit_subject_map(
        features(list(passages["text"]), encoder),
        list(passages["broad"]),
        list(passages["is_off_topic"]),
        recurrent=recurrent_themes(passages),
    )
    arrays = {name: head.astype(np.float16) for name, head in subject_map.heads.items()}
    arrays["off_topic"] = subject_map.off_topic.astype(np.float16)
    np.savez_compressed(WEIGHTS, allow_pickle=False, encoder=encoder.version, **arrays)
    _LOG.info("fitted on %d passages", len(passages))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
