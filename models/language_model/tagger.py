"""The second coder as an estimator: `GridTagger`'s interface, answers by a large language model.

In:   units (a `text` column; `question`, `channel` and `heading` where known)
Out:  1 or 0 for each unit and code, in the order of `classes_`; a unit that the model did not code has neither code nor posture
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from models.language_model.asking import Answer, AnswerStore, Asking, Progress, Report
from models.language_model.client import address_of
from models.language_model.prompt import (
    Estimate,
    Example,
    Item,
    estimate_cost,
    item_key,
    items_of,
    system_fingerprint,
    system_message,
)
from models.tagger import Tagging
from models.tagger.features import Array, Mask, Span, texts_of
from pipeline.grid.codes import Code, Grid
from pipeline.settings.stages import LanguageModelSettings

_MOST_EXAMPLES = 12


class LanguageModelTagger(BaseEstimator):  # type: ignore[misc]
    """Multi-label coder of a grid behind an OpenAI-compatible address; `cache` keeps its answers from run to run.

    `tag`, `predict` and `predict_proba` ask for what the cache does not hold; `is_coded` and `explain` never ask. Texts are sent as the
    frame holds them but for persons' numbers: give it pseudonymised ones.
    """

    def __init__(
        self, grid: Grid, settings: LanguageModelSettings, *, cache: Path | None = None
    ) -> None:
        self.grid = grid
        self.settings = settings
        self.cache = cache
        self._store = AnswerStore(cache)
        self._examples: tuple[Example, ...] = ()

    @property
    def codes(self) -> tuple[Code, ...]:
        """The grid's codes, axis by axis."""
        return self.grid.by_axis

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The codes' names, in the order of the columns."""
        return np.array([code.code for code in self.codes], dtype=np.str_)

    @property
    def address(self) -> str:
        """Where passages are sent."""
        return address_of(self.settings.url)

    @property
    def version_(self) -> str:
        """Names the model and what it is told."""
        return f"{self.settings.model}+{system_fingerprint(self._system)[:8]}"

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(
        self, units: pd.DataFrame, labels: Sequence[set[str]], groups: Sequence[str] | None = None
    ) -> "LanguageModelTagger":
        """Learn nothing, but show the model at most twelve of these passages: those with most codes not shown yet, one without code."""
        order = {str(code): place for place, code in enumerate(self.classes_)}
        known = [tuple(sorted(set(put) & order.keys(), key=order.__getitem__)) for put in labels]
        self._examples = _chosen(
            sorted(
                {Example(*pair) for pair in zip(texts_of(units), known, strict=True)}, key=_shuffled
            )
        )
        return self

    def estimate(self, units: pd.DataFrame) -> Estimate:
        """What asking about `units` would take, those that the cache holds left out; nothing is sent."""
        left = list(self._left(units).values())
        return estimate_cost(
            left, self._system, self.settings, self.address, self._store.seconds_per_request
        )

    def ask(self, units: pd.DataFrame, *, on_progress: Progress | None = None) -> Report:
        """Ask about the units that the cache does not hold, each text and context once; what fails is reported, never raised."""
        return Asking(self.grid, self._system, self.settings, self._store).run(
            self._left(units), on_progress
        )

    def is_coded(self, units: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether the model coded each unit, (n_units,)."""
        return np.array([answer is not None for answer in self._answers(units)], dtype=bool)

    def predict_proba(self, units: pd.DataFrame) -> Array:
        """Return 1 or 0, (n_units, n_codes): the model gives codes, no probabilities."""
        return self.tag(units).probabilities

    def predict(self, units: pd.DataFrame) -> list[set[str]]:
        """Return the codes put on each unit."""
        names = self.classes_
        return [{str(code) for code in names[row]} for row in self.tag(units).is_assigned]

    def tag(self, units: pd.DataFrame, *, threshold_shift: float = 0.0) -> Tagging:
        """Return decisions, and the same as probabilities; `threshold_shift` has no effect on them."""
        if self._left(units):
            self.ask(units)
        names = self.classes_
        put = np.array(
            [[code in (answer or {}) for code in names] for answer in self._answers(units)],
            dtype=bool,
        )
        put = put.reshape(len(units), len(names))
        return Tagging(put.astype(np.float64), put)

    def explain(self, units: pd.DataFrame, asked: Mask) -> list[dict[int, list[Span]]]:
        """Return, for each unit, where the model's quotes stand, by each column that `asked` (n_units, n_codes) marks."""
        names = self.classes_
        return [
            {
                int(column): list((answer or {}).get(str(names[column]), []))
                for column in np.flatnonzero(row)
            }
            for answer, row in zip(self._answers(units), asked, strict=True)
        ]

    @property
    def _system(self) -> str:
        return system_message(self.grid, self._examples)

    def _keyed(self, units: pd.DataFrame) -> list[tuple[str, Item]]:
        system = system_fingerprint(self._system)
        return [(item_key(item, self.settings.model, system), item) for item in items_of(units)]

    def _left(self, units: pd.DataFrame) -> dict[str, Item]:
        """The passages without an answer, by key, in the units' order."""
        return {key: item for key, item in self._keyed(units) if self._store.get(key) is None}

    def _answers(self, units: pd.DataFrame) -> list[Answer | None]:
        return [self._store.get(key) for key, _ in self._keyed(units)]


def _shuffled(example: Example) -> str:
    """An order that no file's order sways."""
    return hashlib.sha256("\0".join([example.text, *example.codes]).encode()).hexdigest()


def _chosen(examples: list[Example]) -> tuple[Example, ...]:
    """Of `examples`, in their order, the ones that each show most codes shown least so far."""
    shown: Counter[str] = Counter()
    chosen: list[Example] = []
    bare = [example for example in examples if not example.codes][:1]
    left = [example for example in examples if example.codes]
    while left and len(chosen) < _MOST_EXAMPLES - len(bare):
        best = max(
            left, key=lambda example: sum(1 / (1 + shown[code]) ** 2 for code in example.codes)
        )
        left.remove(best)
        chosen.append(best)
        shown.update(best.codes)
    return (*chosen, *bare)
