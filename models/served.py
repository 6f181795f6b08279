"""An encoder behind an address: any server that speaks OpenAI's /v1/embeddings.

In:   texts
Out:  (n_texts, d), as the server gives them
"""

import json
import os
import urllib.error
import urllib.request

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.settings import EmbedSettings

Rows = NDArray[np.float32]

_API_KEY = "ATELIERS_EMBED_API_KEY"
_SECONDS_PER_REQUEST = 120


class ServedEncoder:
    """A server that speaks OpenAI's /v1/embeddings; the server answers for rows that do not depend on their batch."""

    def __init__(self, settings: EmbedSettings) -> None:
        if not settings.url or not settings.url.startswith(("http://", "https://")):
            raise ModelError(
                f"adresse « {settings.url or ''} »", "« url » dans [embed] de etude.toml", 'y écrire par exemple "http://127.0.0.1:8000/v1"'
            )
        self._address = settings.url.rstrip("/").removesuffix("/embeddings") + "/embeddings"
        self._model = settings.model or "e5-query"
        self._batch_size = settings.batch_size
        self.name, self.version = f"url:{self._model}", self._address
        self.dim = int(self._ask(["."]).shape[1])

    def encode_new(self, texts: list[str]) -> Rows:
        """Return (n_texts, dim), not yet of norm 1."""
        # Servers refuse an empty input, so a blank text is sent as a full stop.
        sent = [text if text.strip() else "." for text in texts]
        return np.vstack([self._ask(sent[at : at + self._batch_size]) for at in range(0, len(sent), self._batch_size)])

    def _ask(self, texts: list[str]) -> Rows:
        headers = {"Content-Type": "application/json"}
        if os.environ.get(_API_KEY):
            headers["Authorization"] = f"Bearer {os.environ[_API_KEY]}"
        request = urllib.request.Request(self._address, json.dumps({"model": self._model, "input": texts}).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_PER_REQUEST) as answer:
                rows = sorted(json.load(answer)["data"], key=lambda row: int(row["index"]))
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        except (urllib.error.URLError, OSError, ValueError, KeyError, TypeError) as error:
            raise self._refused(type(error).__name__) from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise self._refused(f"{len(vectors)} vecteurs pour {len(texts)} textes")
        return vectors

    def _refused(self, found: str) -> ModelError:
        return ModelError(
            f"{self._address} : {found}", "un serveur qui répond à /v1/embeddings", f"vérifier l'adresse, le serveur et {_API_KEY}"
        )
