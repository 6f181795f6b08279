"""Turn texts into vectors offline, and cache them.

In:   texts
Out:  float32 (n_texts, d), rows of norm 1; each row depends on its text alone
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.encoders import (
    NAME,
    STRONG_NAME,
    BackEnd,
    SentenceTransformers,
    ServedEncoder,
    ShippedEncoder,
)
from models.rows import LARGE, unit_rows
from models.word_encoder import encodable
from pipeline.errors import ModelError
from pipeline.files import reading_weights, text_hash
from pipeline.parallel import Executor, grains_of
from pipeline.settings.sections import EmbedSettings
from pipeline.store import Store
from pipeline.text import fold

if TYPE_CHECKING:
    from scipy import sparse

Vectors = NDArray[np.float32]

_MOST_IN_MEMORY = 100_000  # vectors; about 300 MB
_SHARD = 2_048  # vectors written together; a killed run loses as many
_GRAIN = 512  # texts that a worker encodes at once
_SWITCH = "ATELIERS_STRONG_ENCODER"  # "0": only where a study asks for it
_SHIPPED = EmbedSettings(backend="leger")
_SHIPPED_BACK_ENDS = ("leger", "fort")  # workers have them too
SHIPPED_SETTINGS = {NAME: _SHIPPED, STRONG_NAME: EmbedSettings(backend="fort")}


def load_embedder(settings: EmbedSettings | None = None) -> "Embedder":
    """Return the encoder of `settings`, with a cache in memory.

    Raises `MissingExtraError` when a back end is not installed, `ModelError` when its file, model
    or address is missing.
    """
    return plain_encoders().load(settings)


@cache
def plain_encoders() -> "Encoders":
    """Return encoders that cache in memory."""
    return Encoders()


def check_encoder(name: str, version: str | None, encoders: Sequence[str] = (NAME,)) -> None:
    """Raise `ModelError` when the shipped file `name` was made with other `encoders`."""
    versions = [load_embedder(SHIPPED_SETTINGS[encoder]).version for encoder in encoders]
    if version != (own := " ".join(versions)):
        raise ModelError(
            f"{name} fait avec un autre encodeur ({version})",
            own,
            "réinstaller ateliers-territoires",
        )


def encoder_used(settings: EmbedSettings, n_texts: int = 0) -> dict[str, str | None]:
    """Return `asked`, `name` and `version`, without loading optional encoders."""
    chosen = chosen_settings(settings, n_texts)
    if chosen.backend not in _SHIPPED_BACK_ENDS:
        name, version = settings.model or settings.url, None
    else:
        engine = load_engine(chosen)
        name, version = engine.name, engine.version
    return {"asked": settings.backend, "name": name, "version": version}


def chosen_settings(settings: EmbedSettings | None, n_texts: int = LARGE) -> EmbedSettings:
    """Return those of one encoder; "auto" is the strong one for fewer than `LARGE` texts."""
    if settings is None:
        return _SHIPPED
    backend = settings.backend
    if backend == "auto":
        is_strong = n_texts < LARGE and os.environ.get(_SWITCH) != "0"
        backend = "fort" if is_strong else "leger"
    # read once, whatever the settings of the other back ends
    return EmbedSettings(backend=backend) if backend in _SHIPPED_BACK_ENDS else settings


def shipped_names(settings: EmbedSettings, n_texts: int) -> tuple[str, ...]:
    """Return the shipped encoders of a study: the light one, maybe the strong one too."""
    is_strong = chosen_settings(settings, n_texts).backend == "fort"
    return (NAME, STRONG_NAME) if is_strong else (NAME,)


def mark_of(encoders: Sequence[str]) -> str:
    """Return what ends the names of models that read `encoders`: "-fort", or nothing."""
    return "-fort" if STRONG_NAME in encoders else ""


class Encoders:
    """Encoders that share a cache; `executor` encodes new texts if its workers have own memory."""

    def __init__(self, store: Store | None = None, executor: Executor | None = None) -> None:
        self._store, self._executor = store, executor
        self._embedders: dict[EmbedSettings, Embedder] = {}
        self._lock = threading.Lock()

    def load(self, settings: EmbedSettings | None = None, n_texts: int = LARGE) -> "Embedder":
        """Return the encoder of `settings`, by default the light one; "auto" asks `n_texts`."""
        settings = chosen_settings(settings, n_texts)
        with self._lock:
            if settings not in self._embedders:
                engine = load_engine(settings)
                executor = self._executor if settings.backend in _SHIPPED_BACK_ENDS else None
                vectors = StoredVectors(self._store, engine) if self._store else None
                self._embedders[settings] = Embedder(engine, vectors, settings, executor)
            return self._embedders[settings]

    def for_subjects(self, settings: EmbedSettings, n_texts: int) -> "Embedder":
        """Return the encoder that the catalogue is read with: that of `settings` if shipped."""
        chosen = chosen_settings(settings, n_texts)
        return self.load(chosen if chosen.backend in _SHIPPED_BACK_ENDS else None)

    def prepare(self, texts: Sequence[str], settings: EmbedSettings | None = None) -> None:
        """Cache vectors of `texts`, by default the light encoder's."""
        embedder = self.load(settings)
        texts_by_key = {_key(text): text for text in texts}
        with embedder.lock:
            missing = embedder.vectors.missing(list(texts_by_key))
            new = {key: text for key, text in texts_by_key.items() if key in missing}
            for _ in _encode_new(new, embedder):
                pass

    def for_worker(self, texts: Sequence[str]) -> "EmbedderSource":
        """Return encoders for a worker; with known vectors, if it has its own memory."""
        if self._executor is None or not self._executor.is_apart:
            return self
        light, *others = [
            LentVectors(*embedder.known_vectors(texts), embedder.settings)
            for embedder in dict.fromkeys((self.load(), *self._embedders.values()))
            if embedder.is_shipped
        ]
        return replace(light, beside=tuple(others))


class Embedder:
    """An encoder with a cache; threads may share it."""

    def __init__(
        self,
        engine: "Engine",
        vectors: "MemoryVectors | StoredVectors | None" = None,
        settings: EmbedSettings = _SHIPPED,
        executor: Executor | None = None,
    ) -> None:
        """Cache what `engine` gives; a worker makes the same encoder from `settings`."""
        self.engine, self.settings = engine, settings
        self.name, self.version = engine.name, engine.version
        self.vectors = MemoryVectors() if vectors is None else vectors
        self.executor = executor
        self.lock = threading.RLock()

    @property
    def is_shipped(self) -> bool:
        """Whether half of a row says what a text is about, and the catalogue knows where."""
        return self.settings.backend in _SHIPPED_BACK_ENDS

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text."""
        texts_by_key = {_key(text): text for text in texts}
        rows = self.vectors.read(texts_by_key)
        if left := [key for key in texts_by_key if key not in rows]:
            with self.lock:  # another thread may have encoded them meanwhile
                rows |= self.vectors.read(left)
                new = {key: texts_by_key[key] for key in left if key not in rows}
                for keys, vectors in _encode_new(new, self):
                    rows.update(zip(keys, vectors, strict=True))
        if not rows:
            return np.zeros((0, self.engine.dim), dtype=np.float32)
        return np.array([rows[_key(text)] for text in texts], dtype=np.float32)

    def n_new(self, texts: Sequence[str]) -> int:
        """Return how many of the texts have no vector yet."""
        return len(self.vectors.missing([_key(text) for text in dict.fromkeys(texts)]))

    def known_vectors(self, texts: Sequence[str]) -> tuple[tuple[bytes, ...], Vectors]:
        """Return cached keys and vectors."""
        keys = dict.fromkeys(map(_key, texts))
        rows = self.vectors.read(keys)
        known = tuple(key for key in keys if key in rows)
        vectors = np.array([rows[key] for key in known], dtype=np.float32)
        return known, vectors.reshape(len(known), self.engine.dim)


class Engine:
    """A shared back end; calls run one at a time."""

    def __init__(self, back_end: BackEnd) -> None:
        self.back_end = back_end
        self.name, self.version, self.dim = back_end.name, back_end.version, back_end.dim
        self.lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return (n_texts, dim) rows of norm 1."""
        with self.lock:
            return _normed(self.back_end.encode_new([encodable(text) for text in texts]))


class MemoryVectors:
    """Vectors in memory, all dropped when too many."""

    def __init__(self, most: int = _MOST_IN_MEMORY) -> None:
        self._rows: dict[bytes, Vectors] = {}
        self._most = most

    def read(self, keys: Mapping[bytes, object] | Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors of the known keys."""
        rows = self._rows
        return {key: row for key in keys if (row := rows.get(key)) is not None}

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return the unknown keys."""
        return {key for key in keys if key not in self._rows}

    def write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Write `vectors` (n, d)."""
        if len(self._rows) + len(keys) > self._most:
            self._rows = {}
        self._rows.update(zip(keys, vectors, strict=True))


class StoredVectors:
    """An encoder's vectors in a study's store, by hashes of texts: no text is stored."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._place = (f"vectors {engine.name}", text_hash(engine.name, engine.version)[:12])

    def read(self, keys: Mapping[bytes, object] | Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors of the known keys."""
        contents = self._store.read(*self._place, keys)
        return {key: np.frombuffer(row, dtype=np.float32) for key, row in contents.items()}

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return the unknown keys."""
        return self._store.missing(*self._place, keys)

    def write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Write `vectors` (n, d)."""
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        self._store.write(
            *self._place, {key: row.tobytes() for key, row in zip(keys, rows, strict=True)}
        )


@dataclass(frozen=True)
class LentVectors:
    """Encoders with vectors (n, d) of a shipped one by key, from another process or a file.

    `beside` are those of other shipped encoders.
    """

    keys: tuple[bytes, ...]
    vectors: Vectors
    settings: EmbedSettings = _SHIPPED
    beside: tuple["LentVectors", ...] = ()

    def load(self, settings: EmbedSettings | None = None) -> "Embedder":
        """Return the encoder of `settings`, in whose memory its vectors are."""
        plain = plain_encoders().load(settings)
        for lent in (self, *self.beside):
            if lent.settings == plain.settings:
                plain.vectors.write(lent.keys, lent.vectors)
        return plain


# what finds an encoder, whose `name` and `version` go into manifests and cache keys
EmbedderSource = Encoders | LentVectors


@cache
def load_engine(settings: EmbedSettings) -> Engine:
    """Return the engine of `settings`; its weights are read once a process."""
    back_ends: dict[str, Callable[[EmbedSettings], BackEnd]] = {
        **dict.fromkeys(("auto", *_SHIPPED_BACK_ENDS), ShippedEncoder),
        "sentence-transformers": SentenceTransformers,
        "url": ServedEncoder,
    }
    return Engine(back_ends[settings.backend](settings))


def _encode_new(
    texts_by_key: Mapping[bytes, str], embedder: Embedder
) -> Iterator[tuple[list[bytes], Vectors]]:
    """Yield keys and vectors, once cached."""
    keys = list(texts_by_key)
    n_done = 0
    waiting: list[Vectors] = []
    for lot in _encoded(list(texts_by_key.values()), embedder):
        waiting.append(lot)
        n_waiting = sum(map(len, waiting))
        if n_waiting >= _SHARD or n_done + n_waiting >= len(keys):
            vectors, some = np.concatenate(waiting), keys[n_done : n_done + n_waiting]
            embedder.vectors.write(some, vectors)
            yield some, vectors
            n_done, waiting = n_done + n_waiting, []
    if n_done != len(keys):
        raise ModelError(
            f"{embedder.name} n'a pas rendu un vecteur par texte",
            f"{len(keys)} vecteurs",
            "vérifier l'encodeur de [embed]",
        )


def _encoded(texts: list[str], embedder: Embedder) -> Iterator[Vectors]:
    executor = embedder.executor
    if executor is None or not executor.is_apart:
        return map(embedder.engine.encode, grains_of(texts, _SHARD))
    wanted = f"{embedder.name} {embedder.version}"
    encode = partial(_encode_grain, settings=embedder.settings, wanted=wanted)
    return executor.spread(encode, grains_of(texts, _GRAIN))


def _encode_grain(texts: list[str], *, settings: EmbedSettings, wanted: str) -> Vectors:
    engine = load_engine(settings)
    if f"{engine.name} {engine.version}" != wanted:
        raise ModelError(
            f"l'encodeur d'un ouvrier est {engine.name} {engine.version}",
            wanted,
            "installer la même version sur chaque machine",
        )
    return engine.encode(texts)


def _key(text: str) -> bytes:
    return hashlib.sha256(encodable(text).encode()).digest()


def _normed(vectors: Vectors) -> Vectors:
    """Scale rows to norm 1; a row of zeros becomes the first axis."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), 0).astype(np.float32)
    unit[norms[:, 0] == 0, 0] = 1
    return unit


_LETTERS = 0.8  # weight of letters beside meaning
_RIDGE = 0.2  # the higher, the less a single wording counts

Scores = NDArray[np.float64]


_WORDINGS = Path(__file__).with_name("weights") / "wordings.npz"


def shipped_vectors() -> LentVectors:
    """Return the shipped encoder with the vectors of data/lexicon/intitules.yaml.

    `python -m tools.training.wordings` makes the file again.
    """
    with reading_weights(_WORDINGS), np.load(_WORDINGS) as file:
        if str(file["version"]) != load_embedder().version:
            return LentVectors((), np.zeros((0, 0), dtype=np.float32))
        keys = tuple(row.tobytes() for row in file["keys"])
        return LentVectors(keys, file["vectors"].astype(np.float32))


def write_wordings(texts: Sequence[str]) -> None:
    """Write the file that `shipped_vectors` reads."""
    encoder = load_embedder()
    vectors = encoder.encode(texts)
    keys = np.array([list(_key(text)) for text in texts], dtype=np.uint8)
    np.savez_compressed(_WORDINGS, version=encoder.version, keys=keys, vectors=vectors)


class Likeness:
    """Scores of texts against labelled wordings; `labels` are the columns."""

    def __init__(self, wordings: Mapping[str, Sequence[str]], embedder: Embedder) -> None:
        # most commands need no likeness, and this import takes a second and a half
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.labels = tuple(wordings)
        self.texts = [text for label in self.labels for text in wordings[label]]
        self.is_of = np.array(
            [
                [label == own for own in self.labels]
                for label in self.labels
                for _ in wordings[label]
            ],
            dtype=np.float64,
        )
        self._embedder = embedder
        self._letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, preprocessor=fold
        ).fit(self.texts)
        self._centre = self._encoded(self.texts).mean(axis=0)  # what all wordings share
        meaning, letters = self._views(self.texts)
        self._ridge = meaning @ meaning.T + (letters @ letters.T).toarray()
        self._ridge += _RIDGE * np.eye(len(self.texts))
        self._dual = np.linalg.solve(self._ridge, self.is_of)
        self._weights = meaning.T @ self._dual, letters.T @ self._dual

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return (n_texts, n_labels) scores."""
        of_meaning, of_letters = self._weights
        meaning, letters = self._views(texts)
        return np.asarray(meaning @ of_meaning + letters @ of_letters, dtype=np.float64)

    def left_out(self) -> Scores:
        """Return (n_wordings, n_labels) scores of each wording by all others."""
        # For y = K (K + r)^-1 t, leaving row i out gives t_i - (inverse t)_i / inverse_ii.
        own = np.diag(np.linalg.inv(self._ridge))[:, None]
        return np.asarray(self.is_of - self._dual / own, dtype=np.float64)

    def _views(self, texts: Sequence[str]) -> tuple[Scores, "sparse.csr_matrix"]:
        letters = self._letters.transform(texts) * np.sqrt(_LETTERS)
        return unit_rows(self._encoded(texts) - self._centre), letters

    def _encoded(self, texts: Sequence[str]) -> Scores:
        return np.asarray(self._embedder.encode(texts), dtype=np.float64)
