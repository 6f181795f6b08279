"""Choose the pieces of Gemma's vocabulary that French needs, and make their tokenizer.

In:   tokenizer.model (SentencePiece, byte-pair encoding); what the project's texts use
Out:  ids of the pieces to keep; a SentencePiece model of them

A piece is made by merging two others, so what leads to a kept piece is kept too. A character that
no piece holds is cut into bytes, all kept: nothing is unknown.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor
from sentencepiece import sentencepiece_model_pb2 as protobuf

_TYPES = protobuf.ModelProto.SentencePiece
_MARKS = ("<pad>", "<eos>", "<bos>", "<unk>")


class Vocabulary:
    """Pieces of a byte-pair tokenizer, by id."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.pieces = tuple(piece.piece for piece in model.pieces)

    @classmethod
    def read(cls, path: Path) -> "Vocabulary":
        """Read a SentencePiece model."""
        model = protobuf.ModelProto()
        model.ParseFromString(path.read_bytes())
        return cls(model)

    @property
    def specials(self) -> tuple[int, ...]:
        """Ids of the marks, of the bytes and of runs of spaces."""
        return tuple(
            i
            for i, piece in enumerate(self._model.pieces)
            if piece.piece in _MARKS
            or piece.type == _TYPES.BYTE
            or (piece.type == _TYPES.USER_DEFINED and not piece.piece.strip("\n▁"))
        )

    @cached_property
    def _scores(self) -> dict[str, float]:
        kinds = (_TYPES.NORMAL, _TYPES.USER_DEFINED)
        return {piece.piece: piece.score for piece in self._model.pieces if piece.type in kinds}

    def with_makers(self, kept: Sequence[int]) -> list[int]:
        """Return `kept` with the pieces that they are merged from, ascending."""
        numbers = {piece: i for i, piece in enumerate(self.pieces)}
        all_kept = set(kept)
        for i in kept:
            if self._model.pieces[i].type == _TYPES.NORMAL:
                all_kept.update(numbers[maker] for maker in self._makers(self.pieces[i]))
        return sorted(all_kept)

    def _makers(self, piece: str) -> set[str]:
        """Return the pieces met while a piece is merged from its characters."""
        parts, met = list(piece), {letter for letter in piece if letter in self._scores}
        while len(parts) > 1:
            pairs = [
                (self._scores.get(left + right, float("-inf")), -at)
                for at, (left, right) in enumerate(pairwise(parts))
            ]
            score, at = max(pairs)
            if score == float("-inf"):
                break
            parts[-at : -at + 2] = ["".join(parts[-at : -at + 2])]
            met.add(parts[-at])
        return met

    def cut(self, kept: Sequence[int]) -> "Vocabulary":
        """Return the vocabulary of the pieces `kept`, whose new ids are their indices in it."""
        model = protobuf.ModelProto()
        model.CopyFrom(self._model)
        del model.pieces[:]
        model.pieces.extend(self._model.pieces[i] for i in kept)
        model.trainer_spec.vocab_size = len(kept)
        for name in ("pad", "eos", "bos", "unk"):
            setattr(
                model.trainer_spec, f"{name}_id", list(kept).index(self.pieces.index(f"<{name}>"))
            )
        return Vocabulary(model)

    def model(self) -> bytes:
        """Return the SentencePiece model; the same vocabulary gives the same bytes."""
        content: bytes = self._model.SerializeToString(deterministic=True)
        return content

    def tokenizer(self) -> Any:
        """Return a SentencePiece processor; it adds no marks unless asked."""
        return SentencePieceProcessor(model_proto=self.model())
