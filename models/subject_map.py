"""What an encoder's vectors say of the subject, rather than of the style: linear maps learnt on themes of other territories.

In:   vectors of the texts and of their content words, by the encoder the map was fitted for; of the tuned one, without its head
Out:  subject views, and the probability that a text is about no subject (thanks, logistics, chat)

Fitted by `python -m models.training.subject_map`; what it was fitted on and how well it does: models/cards/themes.md.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.embedder import Vectors
from pipeline.errors import ModelError

WEIGHTS = Path(__file__).with_name("weights") / "subject-map.npz"
SCALE = 5.0  # e5's rows of norm 1 differ by little: scaled before the softmax
FORMS = ("text", "both")  # the text's vector alone, or beside its content words' vector
N_VIEWS = 2 * len(FORMS)  # that a map gives
_HEADS = ("discriminant", "softmax", "intercept")


@dataclass(frozen=True)
class SubjectMap:
    """The maps of one encoder: `discriminant` (d, n_axes), `softmax` (d, n_subjects) and `intercept` by form; `off_topic` (d + 1).

    Of longer vectors, only the first d numbers are read.
    """

    heads: dict[str, NDArray[np.float64]]
    off_topic: NDArray[np.float64]

    def views(self, text: Vectors, content: Vectors) -> list[NDArray[np.float64]]:
        """Return `N_VIEWS` views (n, …): for each form, the discriminant's axes and the roots of the subjects' probabilities."""
        both = np.hstack([self._read(text), self._read(content)])
        return [*self.text_views(text), *self._of_form("both", both)]

    def text_views(self, text: Vectors) -> list[NDArray[np.float64]]:
        """Return the first two of `views`, which read the texts alone."""
        return self._of_form("text", self._read(text))

    def _of_form(self, form: str, vectors: Vectors) -> list[NDArray[np.float64]]:
        rows = vectors.astype(np.float64)
        softmax = _softmax(rows @ self.heads[f"{form}.softmax"] * SCALE + self.heads[f"{form}.intercept"])
        return [rows @ self.heads[f"{form}.discriminant"], np.sqrt(softmax)]

    def off_topic_probability(self, text: Vectors) -> NDArray[np.float64]:
        """Return (n,) in 0..1."""
        rows = self._read(text).astype(np.float64)
        return np.asarray(1 / (1 + np.exp(-(rows @ self.off_topic[:-1] * SCALE + self.off_topic[-1]))))

    def _read(self, vectors: Vectors) -> Vectors:
        return first_numbers(vectors, len(self.off_topic) - 1)


def first_numbers(vectors: Vectors, n: int) -> Vectors:
    """The first `n` numbers of each row, to norm 1 where that leaves some out."""
    if vectors.shape[1] == n:
        return vectors
    rows = vectors[:, :n].astype(np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


@cache
def load_subject_map(encoder: str) -> SubjectMap | None:
    """Return the map fitted for `encoder` (an embedder's name), None where there is none.

    Raises `ModelError` when the file of weights is missing or altered.
    """
    try:
        with np.load(WEIGHTS) as file:
            arrays = {name: np.asarray(file[name], dtype=np.float64) for name in file.files if name.startswith(f"{encoder}.")}
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{WEIGHTS.name} manquant ou illisible", "le fichier livré avec le projet", "réinstaller ateliers-territoires"
        ) from error
    if not arrays:
        return None
    heads = {f"{form}.{head}": arrays[f"{encoder}.{form}.{head}"] for form in FORMS for head in _HEADS}
    return SubjectMap(heads, arrays[f"{encoder}.off_topic"])


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
