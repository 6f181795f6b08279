"""The encoders, one class each; models.embedder chooses among them.

In:   texts
Out:  float32 (n_texts, dim), one row a text, each depending on its text alone
"""

import importlib.util
import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.rows import n_threads
from models.word_encoder import MOST_PIECES, damaged, load_word_encoder, open_session
from pipeline.credentials import address_fault, header_secret, is_local, without_secrets
from pipeline.errors import MissingExtraError, ModelError
from pipeline.settings.sections import EmbedSettings

Vectors = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights") / "encoder-subjects.onnx"
NAME = "e5-sujets"
_LOG = logging.getLogger(__name__)


class ShippedEncoder:
    """multilingual-e5-small tuned on French subjects, in 8 bits (models/cards/encoder.md).

    Half of a row says what a text is about, the other half what it does; each is of norm 1. Texts
    are run one at a time: activations are quantised by run.
    """

    def __init__(self, settings: EmbedSettings) -> None:
        """Read the encoder; raise `ModelError` when a file of it is missing or damaged."""
        self._words = load_word_encoder()
        self._session, described = open_session(WEIGHTS)
        self.name, self.version = NAME, self._words.version
        if described.get("version") != self.version:
            raise damaged(WEIGHTS)
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
_CONNECT_S, _READ_S = 10.0, 120.0
_RETRIES = 3
_FIRST_WAIT_S, _MOST_WAIT_S = (
    1.0,
    60.0,
)  # before the first retry, then doubled; a server that asks for more is not waited for
_MOST_BYTES = 200_000_000  # of an answer
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_HOPELESS = {
    401: "clé refusée",
    402: "crédit épuisé",
    403: "clé refusée",
    404: "adresse ou modèle inconnus",
}


class ServedEncoder:
    """A server of OpenAI's /v1/embeddings; its rows must not depend on their batch."""

    def __init__(
        self,
        settings: EmbedSettings,
        *,
        first_wait_s: float = _FIRST_WAIT_S,
        read_s: float = _READ_S,
    ) -> None:
        url = settings.url or ""
        if fault := address_fault(url):
            shown = without_secrets(url)
            raise ModelError(
                f"« url » de [embed] vaut « {shown} »",
                fault,
                'y écrire par exemple "http://127.0.0.1:8000/v1"',
            )
        self._address = url.rstrip("/").removesuffix("/embeddings") + "/embeddings"
        self._model = settings.model or "multilingual-e5-small"
        self._batch_size = settings.batch_size
        self._first_wait_s, self._read_s = first_wait_s, read_s
        self.name, self.version = f"url:{self._model}", self._address
        key = header_secret(API_KEY, "la clé du serveur d'encodage")
        # No proxy for a local server; text follows no redirection.
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(read_s, connect=_CONNECT_S),
            trust_env=not is_local(urlsplit(url).hostname or ""),
            follow_redirects=False,
        )
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
        found = ""
        for attempt in range(_RETRIES + 1):
            wait = self._first_wait_s * 2**attempt
            try:
                status, content, asked_wait = self._exchanged(body)
            except httpx.HTTPError as error:
                found = type(error).__name__
            else:
                if status == 200:
                    vectors, found = self._read(content, len(texts))
                    if vectors is not None:
                        return vectors
                elif status in _RETRIED:
                    found = f"réponse {status}"
                    wait = wait if asked_wait is None else asked_wait
                else:
                    kind = "redirection" if 300 <= status < 400 else "réponse"
                    raise self._refused(f"{_HOPELESS.get(status) or kind} ({status})")
            if attempt == _RETRIES or wait > _MOST_WAIT_S:
                break
            time.sleep(wait)
        raise self._refused(found)

    def _exchanged(self, body: bytes) -> tuple[int, bytes, float | None]:
        deadline = time.monotonic() + _CONNECT_S + self._read_s
        content = bytearray()
        with self._http.stream(
            "POST", self._address, content=body, headers={"Content-Type": "application/json"}
        ) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _MOST_BYTES or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("answer too long", request=response.request)
            asked = response.headers.get("Retry-After", "")
            return response.status_code, bytes(content), float(asked) if asked.isdigit() else None

    def _read(self, content: bytes, n_texts: int) -> tuple[Vectors | None, str]:
        try:
            rows = {int(row["index"]): row["embedding"] for row in json.loads(content)["data"]}
            vectors = np.array([rows[at] for at in range(n_texts)], dtype=np.float32)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return None, f"réponse sans un vecteur par texte ({type(error).__name__})"
        if len(rows) != n_texts or vectors.ndim != 2 or not np.isfinite(vectors).all():
            return (
                None,
                f"{len(rows)} vecteurs pour {n_texts} textes, ou des vecteurs qui n'en sont pas",
            )
        if self.dim and vectors.shape[1] != self.dim:
            return None, f"vecteurs de {vectors.shape[1]} nombres au lieu de {self.dim}"
        return vectors, ""

    def _refused(self, found: str) -> ModelError:
        return ModelError(
            f"{self._address} : {found}",
            "un serveur qui répond à /v1/embeddings",
            f"vérifier l'adresse, le serveur et {API_KEY}",
        )


BackEnd = ShippedEncoder | SentenceTransformers | ServedEncoder  # rows of any norm
