"""Code units with a large language model behind an address, as `GridTagger` does.

In:   units (a `text` column; `question`, `channel` and `heading` where known)
Out:  1 or 0 for each unit and code, in the order of `classes_`; all 0 for a unit without an answer
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.embedder import EmbedderSource
from models.language_model.asking import Answer, AnswerStore, Asking, AskingReport, Progress
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
from models.tagger import GridEstimator, Tagging
from models.tagger.features import Mask, Span, texts_of
from pipeline.grid.codes import Grid
from pipeline.settings.sections import LanguageModelSettings
from pipeline.store import Store

_MAX_EXAMPLES = 12


class LanguageModelTagger(GridEstimator):
    """Multi-label coder of a grid behind an OpenAI-compatible address.

    `is_coded` and `explain` never ask. Only persons' numbers are removed: give pseudonymised texts.
    """

    def __init__(
        self, grid: Grid, settings: LanguageModelSettings, *, cache: Store | None = None
    ) -> None:
        self.grid = grid
        self.settings = settings
        self.cache = cache
        self._store = AnswerStore(cache)
        self._examples: tuple[Example, ...] = ()

    @property
    def address(self) -> str:
        """The address that passages are sent to."""
        return address_of(self.settings.url)

    @property
    def version_(self) -> str:
        """The model and its system message's hash."""
        return f"{self.settings.model}+{system_fingerprint(self._system)[:8]}"

    def fit(
        self, units: pd.DataFrame, labels: Sequence[set[str]], groups: Sequence[str] | None = None
    ) -> "LanguageModelTagger":
        """Choose at most twelve passages to show the model; learn nothing."""
        order = {str(code): i for i, code in enumerate(self.classes_)}
        codes = [tuple(sorted(put & order.keys(), key=order.__getitem__)) for put in labels]
        examples = {Example(*pair) for pair in zip(texts_of(units), codes, strict=True)}
        self._examples = _choose(sorted(examples, key=_shuffle_key))
        return self

    def estimate(self, units: pd.DataFrame) -> Estimate:
        """Return the cost of asking about uncached `units`; send nothing."""
        items = list(self._without_answer(units).values())
        seconds_per_request = self._store.seconds_per_request
        return estimate_cost(items, self._system, self.settings, self.address, seconds_per_request)

    def ask(self, units: pd.DataFrame, *, on_progress: Progress | None = None) -> AskingReport:
        """Ask about uncached units; report failures, never raise."""
        asking = Asking(self.grid, self._system, self.settings, self._store)
        return asking.run(self._without_answer(units), on_progress)

    def is_coded(self, units: pd.DataFrame) -> Mask:
        """Return whether the model coded each unit, (n_units,)."""
        return np.array([answer is not None for answer in self._answers(units)], dtype=bool)

    def tag(
        self,
        units: pd.DataFrame,
        *,
        threshold_shift: float = 0.0,
        encoders: EmbedderSource | None = None,
    ) -> Tagging:
        """Return decisions, also as probabilities; the options change nothing."""
        if self._without_answer(units):
            self.ask(units)
        names = self.classes_
        rows = [[code in (answer or {}) for code in names] for answer in self._answers(units)]
        is_assigned = np.array(rows, dtype=bool).reshape(len(units), len(names))
        return Tagging(is_assigned.astype(np.float64), is_assigned)

    def explain(self, units: pd.DataFrame, mask: Mask) -> list[dict[int, list[Span]]]:
        """Return, for each unit, the model's quotes by column in `mask`."""
        names = self.classes_
        explained = []
        for answer, row in zip(self._answers(units), mask, strict=True):
            spans_of = answer or {}
            columns = np.flatnonzero(row).tolist()
            explained.append(
                {column: list(spans_of.get(str(names[column]), [])) for column in columns}
            )
        return explained

    @property
    def _system(self) -> str:
        return system_message(self.grid, self._examples)

    def _items_by_key(self, units: pd.DataFrame) -> list[tuple[str, Item]]:
        system = system_fingerprint(self._system)
        return [(item_key(item, self.settings.model, system), item) for item in items_of(units)]

    def _without_answer(self, units: pd.DataFrame) -> dict[str, Item]:
        items = self._items_by_key(units)
        return {key: item for key, item in items if self._store.get(key) is None}

    def _answers(self, units: pd.DataFrame) -> list[Answer | None]:
        return [self._store.get(key) for key, _ in self._items_by_key(units)]


def _shuffle_key(example: Example) -> str:
    return hashlib.sha256("\0".join([example.text, *example.codes]).encode()).hexdigest()


def _choose(examples: list[Example]) -> tuple[Example, ...]:
    n_shown: Counter[str] = Counter()
    chosen: list[Example] = []
    without_code = [example for example in examples if not example.codes][:1]
    candidates = [example for example in examples if example.codes]
    while candidates and len(chosen) < _MAX_EXAMPLES - len(without_code):
        gains = [sum(1 / (1 + n_shown[code]) ** 2 for code in each.codes) for each in candidates]
        best = candidates.pop(gains.index(max(gains)))
        chosen.append(best)
        n_shown.update(best.codes)
    return (*chosen, *without_code)
