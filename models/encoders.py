"""The encoders, one class each; models.embedder chooses among them.

In:   texts
Out:  float32 (n_texts, dim), one row a text, each depending on its text alone
"""

import importlib.util
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.rows import n_threads
from models.served import ApiServer, Patience, UnavailableError
from models.word_encoder import (
    MOST_PIECES,
    WordEncoder,
    damaged,
    load_word_encoder,
    open_session,
)
from pipeline.credentials import address_fault, header_secret, without_secrets
from pipeline.errors import MissingExtraError, ModelError
from pipeline.settings.sections import EmbedSettings

Vectors = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights") / "encoder-subjects.onnx"
NAME = "e5-sujets"
STRONG_WORDS = WEIGHTS.with_name("strong-words.onnx")
STRONG_WEIGHTS = WEIGHTS.with_name("strong-subjects.onnx")
STRONG_NAME = "gemma-sujets"
_LOG = logging.getLogger(__name__)


class ShippedEncoder:
    """multilingual-e5-small or EmbeddingGemma-300M, tuned on French subjects, in 8 bits.

    Half of a row says what a text is about, the other half what it does; each is of norm 1. Texts
    are run one at a time: activations are quantised by run. models/cards/encoder.md says more.
    """

    def __init__(self, settings: EmbedSettings) -> None:
        """Read the encoder; raise `ModelError` when a file of it is missing or damaged."""
        is_strong = settings.backend == "fort"
        path = STRONG_WEIGHTS if is_strong else WEIGHTS
        self._words = WordEncoder(STRONG_WORDS) if is_strong else load_word_encoder()
        self._session, described = open_session(path)
        self.name, self.version = STRONG_NAME if is_strong else NAME, described.get("version", "")
        if described.get("words", self.version) != self._words.version:
            raise damaged(path)
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.dim = sum(output.shape[1] for output in self._session.get_outputs())

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return (n_texts, dim) rows."""
        rows = self._words.pieces(texts)
        if n_cut := sum(len(row) > MOST_PIECES for row in rows):
            _LOG.warning("%d texts cut at %d tokens", n_cut, MOST_PIECES)
        with ThreadPoolExecutor(n_threads()) as pool:
            return np.array(list(pool.map(self._encode, rows)), dtype=np.float32)

    def _encode(self, pieces: Sequence[int]) -> Vectors:
        states = self._words.states(pieces)
        halves = [half[0] for half in self._session.run(self._outputs, states)]
        return np.concatenate([half / np.linalg.norm(half) for half in halves])


class SentenceTransformers:
    """A sentence-transformers model, one text at a time: padding changes last bits."""

    def __init__(self, settings: EmbedSettings) -> None:
        if importlib.util.find_spec("sentence_transformers") is None:
            raise MissingExtraError("sentence-transformers", "sentence-transformers")
        if not settings.model:
            raise ModelError(
                "aucun modèle",
                "« model » dans [embed] de etude.toml",
                "y écrire le nom ou le dossier d'un modèle",
            )
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:  # installed, but not what it needs
            raise MissingExtraError(
                error.name or "sentence-transformers", "sentence-transformers"
            ) from error

        self.name = f"sentence-transformers:{settings.model}"
        self.version = package_version("sentence-transformers")
        self._model: Any = SentenceTransformer(settings.model)
        self.dim = int(
            (
                getattr(self._model, "get_embedding_dimension", None)
                or self._model.get_sentence_embedding_dimension
            )()
        )

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return (n_texts, dim) rows."""
        with threadpool_limits(
            1, user_api="openmp"
        ):  # threads on one short text are 30 times slower on a busy machine
            return np.asarray(
                self._model.encode(texts, batch_size=1, show_progress_bar=False), dtype=np.float32
            )


API_KEY = "ATELIERS_EMBED_API_KEY"
_PATIENCE = Patience(
    connect_s=10.0, read_s=120.0, n_retries=3, first_wait_s=1.0, max_bytes=200_000_000
)


class ServedEncoder:
    """A server of OpenAI's /v1/embeddings; its rows must not depend on their batch."""

    def __init__(self, settings: EmbedSettings, patience: Patience = _PATIENCE) -> None:
        url = settings.url or ""
        if fault := address_fault(url):
            shown = without_secrets(url)
            raise ModelError(
                f"« url » de [embed] vaut « {shown} »",
                fault,
                'y écrire par exemple "http://127.0.0.1:8000/v1"',
            )
        address = url.rstrip("/").removesuffix("/embeddings") + "/embeddings"
        self._model = settings.model or "multilingual-e5-small"
        self._batch_size = settings.batch_size
        self.name, self.version = f"url:{self._model}", address
        key = header_secret(API_KEY, "la clé du serveur d'encodage")
        self._server = ApiServer(address, key, patience)
        self.dim = 0
        self.dim = int(self._ask(["."]).shape[1])

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return (n_texts, dim) rows; raise `ModelError` after the last retry."""
        # Servers refuse an empty input: a full stop replaces a blank text.
        sent = [text if text.strip() else "." for text in texts]
        return np.vstack(
            [
                self._ask(sent[at : at + self._batch_size])
                for at in range(0, len(sent), self._batch_size)
            ]
        )

    def _ask(self, texts: list[str]) -> Vectors:
        body = json.dumps({"model": self._model, "input": texts}).encode()
        try:
            return self._server.post(body, partial(self._read, len(texts)))
        except UnavailableError as error:
            raise ModelError(
                f"{self.version} : {error.found}",
                "un serveur qui répond à /v1/embeddings",
                f"vérifier l'adresse, le serveur et {API_KEY}",
            ) from error

    def _read(self, n_texts: int, status: int, content: bytes) -> Vectors:
        if status != 200:
            raise UnavailableError(f"réponse ({status})", is_final=True)
        found = ""
        try:
            rows = {int(row["index"]): row["embedding"] for row in json.loads(content)["data"]}
            vectors = np.array([rows[at] for at in range(n_texts)], dtype=np.float32)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            found = f"réponse sans un vecteur par texte ({type(error).__name__})"
        else:
            if len(rows) != n_texts or vectors.ndim != 2 or not np.isfinite(vectors).all():
                found = (
                    f"{len(rows)} vecteurs pour {n_texts} textes, ou des vecteurs qui n'en sont pas"
                )
            elif self.dim and vectors.shape[1] != self.dim:
                found = f"vecteurs de {vectors.shape[1]} nombres au lieu de {self.dim}"
        if found:
            raise UnavailableError(found, is_final=False)
        return vectors


BackEnd = ShippedEncoder | SentenceTransformers | ServedEncoder  # rows of any norm
