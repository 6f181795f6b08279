"""Score a word as a person's name, from facts about it and its neighbours, then from its sentence.

In:   names of facts, the word and those around; the encoder's state of the word;
      models/weights/names.npz, made by `python -m tools.training.names`
Out:  a log-odds
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from models.word_encoder import States
from pipeline.files import reading_weights
from pipeline.french import word_vector

WEIGHTS = Path(__file__).with_name("weights") / "names.npz"
N_FACTS, N_GRAMS = 2**17, 2**14
KINDS = ("word", "commune", "first name", "surname")  # what the letters of a word are like
AROUND = (0, -2, -1, 1, 2)  # the words whose vectors are read, by where they stand
_GRAM_LENGTHS = (2, 3, 4, 5)
_MOST_ODDS = 8.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NameModel:
    """Weights of hashed facts, likenesses (16,), `AROUND` vectors (5, 300) and a state (384,).

    `context` holds the weight of the score by facts, and the bias, that go with the state's.
    """

    facts: list[float]
    likeness: Array
    words: Array
    bias: float
    state: Array
    context: Array

    def score(
        self, facts: Sequence[str], around: Sequence[str], folded: str, *, group: tuple[bool, bool]
    ) -> float:
        """Return the log-odds that a word is a name.

        `around` are the texts at `AROUND`, "" for none; `group`, whether it is small or unknown.
        """
        total = self.bias + sum(self.facts[i] for i in fact_ids(facts))
        total += float(self.likeness @ likeness_row(folded, group))
        return total + sum(_word_scores(text)[i] for i, text in enumerate(around))

    def score_in_context(self, score: float, state: States) -> float:
        """Return the log-odds of a word whose facts give `score`, and whose encoder's state is so.

        On the scale of `score`: as many words that name nobody exceed a threshold.
        """
        weight, bias = self.context
        return float(weight * clipped(score) + self.state @ state + bias)


def clipped(score: float) -> float:
    """Return a score by facts within bounds, beyond which it says no more."""
    return min(max(score, -_MOST_ODDS), _MOST_ODDS)


def fact_ids(facts: Sequence[str]) -> list[int]:
    """Return the hashed ids of distinct facts."""
    return sorted({_fact_id(fact) for fact in facts})


@lru_cache(maxsize=100_000)
def _fact_id(fact: str) -> int:
    return crc32(fact.encode()) % N_FACTS


def likeness_row(folded: str, group: tuple[bool, bool]) -> Array:
    """Return what the letters are like (16,): log-odds of `KINDS`, chances, those by `group`."""
    odds = likenesses(folded)
    chances = 1 / (1 + np.exp(-odds))
    is_small, is_unknown = group
    rows = [np.clip(odds, -8, 8) / 4, chances, chances * is_small, chances * is_unknown * 2]
    return np.concatenate(rows)


@lru_cache(maxsize=20_000)
def likenesses(folded: str) -> Array:
    """Return the log-odds (4,) that a word of these letters is of each of `KINDS`."""
    weights, bias = _letters()
    return np.asarray(weights[gram_ids(folded)].sum(axis=0) + bias)


def gram_ids(folded: str) -> list[int]:
    """Return the hashed ids of the distinct runs of two to five letters of a word."""
    text = f"^{folded}$"
    grams = (text[i : i + n] for n in _GRAM_LENGTHS for i in range(len(text) - n + 1))
    return sorted({crc32(gram.encode()) % N_GRAMS for gram in grams})


@lru_cache(maxsize=20_000)
def _word_scores(text: str) -> tuple[float, ...]:
    if not text:
        return (0.0,) * len(AROUND)
    return tuple(float(score) for score in load_name_model().words @ word_vector(text))


def forget_weights() -> None:
    """Read the weights anew at the next score: the file has changed."""
    for function in (_arrays, _letters, load_name_model, likenesses, _word_scores):
        function.cache_clear()


@cache
def _arrays() -> dict[str, Array]:
    with reading_weights(WEIGHTS), np.load(WEIGHTS) as file:
        return {name: np.asarray(file[name], dtype=np.float64) for name in file.files}


@cache
def _letters() -> tuple[Array, Array]:
    with reading_weights(WEIGHTS):
        return _arrays()["letters"], _arrays()["letters_bias"]


@cache
def load_name_model() -> NameModel:
    """Return the shipped model; raise `ModelError` when its weights are missing or altered."""
    with reading_weights(WEIGHTS):
        arrays = _arrays()
        return NameModel(
            facts=arrays["facts"].tolist(),
            likeness=arrays["likeness"],
            words=arrays["words"],
            bias=float(arrays["bias"]),
            state=arrays["state"],
            context=arrays["context"],
        )
