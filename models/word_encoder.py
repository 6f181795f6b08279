"""Read the words of a text with the first layers of the shipped encoder.

In:   texts; models/weights/encoder-words.onnx
Out:  the pieces a text is cut into, and the states (384,) that the layers give pieces and words
"""

import base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

WEIGHTS = Path(__file__).with_name("weights") / "encoder-words.onnx"
LAST = "l7.oln"  # the layer whose states tell persons' names best, among those tried
MOST_PIECES = 510  # of a text, between the marks of its beginning and end

States = NDArray[np.float32]


class WordEncoder:
    """The first layers of the encoder, with its tokenizer."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        """Read the layers; raise `ModelError` when their file is missing or damaged."""
        # Here, so that a command that encodes nothing does not load it.
        import sentencepiece

        self._session, described = open_session(path)
        try:
            self.version = described["version"]
            self._pieces = sentencepiece.SentencePieceProcessor(
                model_proto=base64.b64decode(described["tokenizer"])
            )
        except (LookupError, RuntimeError, ValueError) as error:
            raise damaged(path) from error

    def pieces(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of the pieces of each text, an `encodable` one."""
        cut: list[list[int]] = self._pieces.encode(texts)
        return cut

    def states(self, pieces: Sequence[int]) -> dict[str, States]:
        """Return by name the states of the n pieces and both marks, (1, n + 2, 384) each.

        They leave two layers, the last one and that where functions part from subjects. Pieces
        beyond `MOST_PIECES` are left out.
        """
        first, last = self._pieces.bos_id(), self._pieces.eos_id()
        ids = np.array([[first, *pieces[:MOST_PIECES], last]], dtype=np.int64)
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, {"ids": ids}), strict=True))

    def word_states(self, text: str, spans: Sequence[tuple[int, int]]) -> States:
        """Return the last state of each word (n_words, 384), its pieces averaged.

        `spans` are in characters; a word beyond `MOST_PIECES` has the state of the end.
        """
        text = encodable(text)
        pieces = self._pieces.encode(text, return_type="proto").pieces
        states = self.states([piece.id for piece in pieces])[LAST][0]
        n_bytes = np.cumsum([0, *(len(letter.encode()) for letter in text)])
        begins = np.array([piece.begin for piece in pieces[:MOST_PIECES]])
        ends = np.array([piece.end for piece in pieces[:MOST_PIECES]])
        rows = []
        for start, end in spans:
            own = np.flatnonzero((begins < n_bytes[end]) & (ends > n_bytes[start])) + 1
            rows.append(states[own if own.size else [-1]].mean(axis=0))
        return np.array(rows, dtype=np.float32)


@cache
def load_word_encoder() -> WordEncoder:
    """Return the shipped layers, read once."""
    return WordEncoder()


def encodable(text: str) -> str:
    """Return the text, as long, without lone surrogates nor null characters, which end a C string.

    >>> encodable("un\0deux")
    'un deux'
    """
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def open_session(path: Path) -> tuple[Any, dict[str, str]]:
    """Return an onnxruntime session of one thread, and what its file says of itself.

    Raises `ModelError` for a damaged file.
    """
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import (
        Fail,
        InvalidArgument,
        InvalidGraph,
        InvalidProtobuf,
        NoSuchFile,
    )

    damages = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return session, session.get_modelmeta().custom_metadata_map
    except (OSError, RuntimeError, ValueError, *damages) as error:
        raise damaged(path) from error


def damaged(path: Path) -> ModelError:
    """Return the error for a file of the encoder that is missing or damaged."""
    return ModelError(
        f"{path.name} manquant ou abîmé",
        "le fichier livré avec le projet",
        "réinstaller ateliers-territoires",
    )
