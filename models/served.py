"""An encoder behind an address: any server that speaks OpenAI's /v1/embeddings.

In:   texts, without personal data
Out:  (n_texts, d), as the server gives them; requests that fail are sent again after a wait that doubles, or that the server asks for
"""

import json
import time
from urllib.parse import urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray

from pipeline.addresses import address_fault, is_local, without_secrets
from pipeline.errors import ModelError
from pipeline.secret import header_secret
from pipeline.settings import EmbedSettings

Rows = NDArray[np.float32]

API_KEY = "ATELIERS_EMBED_API_KEY"
_CONNECT_S, _READ_S = 10.0, 120.0
_RETRIES = 3
_WAIT_S, _MOST_WAIT_S = 1.0, 60.0  # before the first retry, doubled each time; a server that asks for more is not waited for
_MOST_BYTES = 200_000_000  # of an answer
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_HOPELESS = {401: "clé refusée", 402: "crédit épuisé", 403: "clé refusée", 404: "adresse ou modèle inconnus"}


class ServedEncoder:
    """A server that speaks OpenAI's /v1/embeddings; the server answers for rows that do not depend on their batch."""

    def __init__(self, settings: EmbedSettings) -> None:
        url = settings.url or ""
        if fault := address_fault(url):
            shown = without_secrets(url)
            raise ModelError(f"« url » de [embed] vaut « {shown} »", fault, 'y écrire par exemple "http://127.0.0.1:8000/v1"')
        self._address = url.rstrip("/").removesuffix("/embeddings") + "/embeddings"
        self._model = settings.model or "e5-query"
        self._batch_size = settings.batch_size
        self.name, self.version = f"url:{self._model}", self._address
        key = header_secret(API_KEY, "la clé du serveur d'encodage")
        # A proxy of the environment is no way to a local server; redirections are never followed, since text would go elsewhere.
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(_READ_S, connect=_CONNECT_S),
            trust_env=not is_local(urlsplit(url).hostname or ""),
            follow_redirects=False,
        )
        self.dim = 0
        self.dim = int(self._ask(["."]).shape[1])

    def encode_new(self, texts: list[str]) -> Rows:
        """Return (n_texts, dim), not yet of norm 1.

        Raises `ModelError` where the server does not answer after every retry, or not with vectors.
        """
        # Servers refuse an empty input, so a blank text is sent as a full stop.
        sent = [text if text.strip() else "." for text in texts]
        return np.vstack([self._ask(sent[at : at + self._batch_size]) for at in range(0, len(sent), self._batch_size)])

    def _ask(self, texts: list[str]) -> Rows:
        """The vectors of `texts`; an answer that is none, or cut off, is asked for again as a failure that passes is."""
        body = json.dumps({"model": self._model, "input": texts}).encode()
        found = ""
        for attempt in range(_RETRIES + 1):
            wait = _WAIT_S * 2**attempt
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
                    raise self._refused(f"{_HOPELESS.get(status, 'redirection' if 300 <= status < 400 else 'réponse')} ({status})")
            if attempt == _RETRIES or wait > _MOST_WAIT_S:
                break
            time.sleep(wait)
        raise self._refused(found)

    def _exchanged(self, body: bytes) -> tuple[int, bytes, float | None]:
        """One request: status, bytes, and the wait that the server asks for; bounded in bytes and in time however slowly they come."""
        deadline = time.monotonic() + _CONNECT_S + _READ_S
        content = bytearray()
        with self._http.stream("POST", self._address, content=body, headers={"Content-Type": "application/json"}) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _MOST_BYTES or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("answer too long", request=response.request)
            asked = response.headers.get("Retry-After", "")
            return response.status_code, bytes(content), float(asked) if asked.isdigit() else None

    def _read(self, content: bytes, n_texts: int) -> tuple[Rows | None, str]:
        """The vectors of an answer in the order of the texts, or None and what is wrong with it."""
        try:
            rows = {int(row["index"]): row["embedding"] for row in json.loads(content)["data"]}
            vectors = np.array([rows[at] for at in range(n_texts)], dtype=np.float32)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return None, f"réponse sans un vecteur par texte ({type(error).__name__})"
        if len(rows) != n_texts or vectors.ndim != 2 or not np.isfinite(vectors).all():
            return None, f"{len(rows)} vecteurs pour {n_texts} textes, ou des vecteurs qui n'en sont pas"
        if self.dim and vectors.shape[1] != self.dim:
            return None, f"vecteurs de {vectors.shape[1]} nombres au lieu de {self.dim}"
        return vectors, ""

    def _refused(self, found: str) -> ModelError:
        return ModelError(
            f"{self._address} : {found}", "un serveur qui répond à /v1/embeddings", f"vérifier l'adresse, le serveur et {API_KEY}"
        )
