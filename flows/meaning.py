"""Compare passages by meaning, from the vectors that a run left in the study's cache.

In:   the texts of the study's passages, in order
Out:  how close each is to a typed text, or to one of them

The vectors lie in a file of the cache that is mapped, not read: 20,000 passages are 30 MB, and one
product compares them all.
"""

import hashlib
import io
import logging
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.catalogue import subjects_of_question
from models.embedder import Encoders
from models.views import subject_half
from pipeline.errors import ModelError
from pipeline.files import write_bytes
from pipeline.store import Store
from pipeline.study import Study
from pipeline.text import counted

Scores = NDArray[np.float32]

_MOST_NEW = 256  # passages that a page encodes; more wait for the next run
_SUBJECTS_WEIGHT = 1.2  # beside the question itself
_log = logging.getLogger(__name__)


class MeaningIndex:
    """The vectors of a study's passages; raises `ModelError` where most have none yet."""

    def __init__(self, study: Study, texts: Sequence[str]) -> None:
        self._encoder = Encoders(Store(study.cache)).load()
        digest = hashlib.sha256(f"{self._encoder.name} {self._encoder.version}".encode())
        for text in texts:
            digest.update(hashlib.sha256(text.encode("utf-8", "replace")).digest())
        self._path = study.cache / "meaning" / f"{digest.hexdigest()[:32]}.npy"
        if not self._path.is_file():
            self._write(texts)

    def scores(self, typed: str) -> Scores:
        """Return how close each passage is to a text, (n,) in -1..1.

        A question is short: it is moved towards the subjects of the catalogue that it is about.
        """
        vector = _unit(subject_half(self._encoder.engine.encode([typed]))[0] - self._rows[0])
        subjects = subjects_of_question(typed, vector, self._encoder).astype(np.float32)
        return self._closeness(_unit(vector + _SUBJECTS_WEIGHT * subjects))

    def scores_like(self, i: int) -> Scores:
        """Return how close each passage is to passage `i`, (n,) in -1..1."""
        return self._closeness(self._rows[i + 1])

    def _closeness(self, vector: NDArray[np.float32]) -> Scores:
        return np.asarray(self._rows[1:] @ vector, dtype=np.float32)

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        """The mean of the passages, then each less the mean, of norm 1."""
        rows: NDArray[np.float32] = np.load(self._path, mmap_mode="r")
        return rows

    def _write(self, texts: Sequence[str]) -> None:
        n_new = self._encoder.n_new(texts)
        if n_new > _MOST_NEW:
            raise ModelError(
                f"{counted(n_new, 'passage')} sans vecteur",
                "ceux que le traitement calcule",
                "relancer le traitement de l'étude",
            )
        rows = subject_half(self._encoder.encode(texts))
        mean = rows.mean(axis=0, keepdims=True) if len(rows) else np.zeros((1, rows.shape[1]))
        rows = rows - mean
        norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        content = io.BytesIO()
        np.save(content, np.vstack([mean, rows / norms]).astype(np.float32))
        for former in self._path.parent.glob("*.npy"):
            former.unlink(missing_ok=True)
        write_bytes(self._path, content.getvalue(), mode=0o600)
        _log.info("sens : vecteurs de %d passages, dont nouveaux : %d", len(texts), n_new)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), dtype=np.float32)
