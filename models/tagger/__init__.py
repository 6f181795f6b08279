"""Tag units with a grid's codes, and show the words behind each code.

A tagger learns from labelled passages, or uses the grid's definitions.

In:   units (a `text` column; `question` and `channel` where known); to fit, a set of codes a unit
Out:  probabilities, codes and evidence, in the order of `classes_`: axis by axis, in grid order
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from models.embedder import EmbedderSource, mark_of
from models.encoders import NAME
from models.tagger.decision import Axes, Scores, Thresholds
from models.tagger.definitions import DefinitionMatcher, load_background
from models.tagger.features import Array, Mask, Span, column_texts, texts_of
from models.tagger.learning import TrainingSet, fold_groups, learn
from models.tagger.storage import code_fingerprint, code_fingerprints, grid_fingerprint
from pipeline.grid.codes import Axis, Code, Grid, Question

_LEARNT_ALONE = 20  # labelled passages of a code from which its definition is ignored
_DECIMALS = 6  # beyond these, probabilities are noise, or that of the passages beside


@dataclass(frozen=True)
class Tagging:
    """`probabilities` and `is_assigned`, both (n_units, n_codes)."""

    probabilities: Array
    is_assigned: Mask


class GridEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of the coders of a grid; works without a fit."""

    grid: Grid

    @property
    def codes(self) -> tuple[Code, ...]:
        """The grid's codes, axis by axis."""
        return self.grid.by_axis

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The codes' names, in column order."""
        return np.array([code.code for code in self.codes], dtype=np.str_)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def tag(self, units: pd.DataFrame, *, threshold_shift: float = 0.0) -> Tagging:
        """Return probabilities and decisions; `threshold_shift` moves every threshold."""
        raise NotImplementedError

    def predict_proba(self, units: pd.DataFrame) -> Array:
        """Return probabilities (n_units, n_codes); an exclusive axis sums to 1.

        Each unit's depend on it alone.
        """
        return self.tag(units).probabilities

    def predict(self, units: pd.DataFrame) -> list[set[str]]:
        """Return each unit's codes: one of each exclusive axis, any number of others."""
        names = self.classes_
        return [{str(code) for code in names[row]} for row in self.tag(units).is_assigned]


class GridTagger(GridEstimator):
    """Multi-label tagger of a grid; one code of each exclusive axis a unit.

    It and its definitions read the rows of `encoders`, side by side.
    `pretrained`, of another grid, codes what both define alike. A learnt one may have `unasked_`,
    learnt on the same passages without their questions: it scores units of no known question.
    """

    def __init__(
        self,
        grid: Grid,
        *,
        penalty: float = 4.0,
        n_terms: tuple[int, int] = (20_000, 15_000),
        encoders: tuple[str, ...] = (NAME,),
        pretrained: "GridTagger | None" = None,
    ) -> None:
        self.grid = grid
        self.penalty = penalty
        self.n_terms = n_terms
        self.encoders = encoders
        self.pretrained = pretrained

    @property
    def is_learnt(self) -> bool:
        """Whether it was fitted on labelled passages."""
        return hasattr(self, "model_")

    @property
    def version_(self) -> str:
        """A name for everything that the answers depend on."""
        if self.is_learnt:
            version = f"{getattr(self, 'name_', 'etude')}-{self.model_.fingerprint()}"
            return version + (f"-{self.unasked_.model_.fingerprint()}" if self._has_unasked else "")
        version = f"definitions{mark_of(self.encoders)}-{grid_fingerprint(self.grid)[:8]}"
        if self.pretrained is not None and self._shared_columns:
            version += f"+{self.pretrained.version_}"
        return version

    def __sklearn_tags__(self) -> Any:
        """Declare text input and no need of a fit."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.multi_output = True
        tags.target_tags.required = True
        tags.requires_fit = False
        return tags

    def fit(
        self,
        units: pd.DataFrame,
        labels: Sequence[set[str]],
        groups: Sequence[str] | None = None,
        *,
        judged: Mask | None = None,
        counts: Sequence[int] | NDArray[np.int64] | None = None,
        remembered: Mask | None = None,
        rows: Array | None = None,
    ) -> "GridTagger":
        """Learn from `units` and their codes; unknown codes are ignored.

        Thresholds come from left-out `groups`, by default workshops. `judged` (n_units, n_codes)
        marks what somebody decided, by default all; `counts` (n_units) weighs units. `remembered`
        (n_units), by default none, marks passages whose vectors and n-grams are stored: never ones
        that a person may ask to erase. `rows` (n_units, d) are of the encoders, made if None.
        `held_out_` has scores by the fit without the unit's group.
        """
        targets = self.targets(labels)
        n_units = len(units)
        training = TrainingSet(
            units,
            targets,
            fold_groups(_groups(units) if groups is None else list(groups)),
            np.ones(targets.shape, dtype=bool) if judged is None else judged,
            np.asarray(np.ones(n_units) if counts is None else counts, dtype=np.int64),
            np.zeros(n_units, dtype=bool) if remembered is None else remembered,
            self.encoders,
            rows,
        )
        axes = Axes.of(self.grid)
        self.model_, held_out = learn(training, axes, penalty=self.penalty, n_terms=self.n_terms)
        self.held_out_ = self._with_definitions(held_out, units)
        return self

    def targets(self, labels: Iterable[set[str]]) -> Array:
        """Return `labels` as (n_units, n_codes), 0 or 1."""
        rows = [[code in put for code in self.classes_] for put in labels]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.codes))

    def tag(
        self,
        units: pd.DataFrame,
        *,
        threshold_shift: float = 0.0,
        encoders: EmbedderSource | None = None,
    ) -> Tagging:
        """Return probabilities and decisions; `threshold_shift` moves every threshold.

        `encoders` are by default those of this process.
        """
        scores = self.scores(units, encoders)
        thresholds = self.thresholds().shifted(threshold_shift)
        return Tagging(scores.probabilities, thresholds.decide(scores, Axes.of(self.grid)))

    def explain(self, units: pd.DataFrame, mask: Mask) -> list[dict[int, list[Span]]]:
        """Return, for each unit, the evidence spans of each column in `mask`."""
        texts = texts_of(units)
        if self.is_learnt:
            spans = self.model_.explain(texts, mask)
            rows = self._unasked_rows(units)
            if len(rows):
                others = self.unasked_.explain(units.iloc[rows], mask[rows])
                for row, found in zip(rows, others, strict=True):
                    spans[row] = found
            return spans
        explained: list[dict[int, list[Span]]] = [{} for _ in texts]
        start = 0
        for matcher in self._matchers:
            end = start + len(matcher.codes)
            _add_spans(explained, matcher.explain(texts, mask[:, start:end]), range(start, end))
            start = end
        shared = self._shared_columns
        if self.pretrained is not None and shared:
            theirs = np.zeros((len(units), len(self.pretrained.codes)), dtype=bool)
            theirs[:, list(shared.values())] = mask[:, list(shared)]
            own_column = {column: own for own, column in shared.items()}
            _add_spans(explained, self.pretrained.explain(units, theirs), own_column)
        return explained

    def scores(self, units: pd.DataFrame, source: EmbedderSource | None = None) -> Scores:
        """Return probabilities and no-code chances."""
        if self.is_learnt:
            learnt = self.model_.scores(units, source)
            rows = self._unasked_rows(units)
            if len(rows):
                others = self.unasked_.model_.scores(units.iloc[rows], source)
                learnt.probabilities[rows] = others.probabilities
                learnt.no_code[rows] = others.no_code
            scores = self._with_definitions(learnt, units, source)
        else:
            scores = self._with_pretrained(self._by_definitions(units, source), units, source)
        return Scores(
            np.round(scores.probabilities, _DECIMALS), np.round(scores.no_code, _DECIMALS)
        )

    @property
    def _has_unasked(self) -> bool:
        return hasattr(self, "unasked_")

    def _unasked_rows(self, units: pd.DataFrame) -> NDArray[np.int64]:
        """The units that the tagger without questions scores."""
        if not self._has_unasked:
            return np.zeros(0, dtype=np.int64)
        known = self.model_.features.contexts["question"]
        return np.flatnonzero([value not in known for value in column_texts(units, "question")])

    def thresholds(self) -> Thresholds:
        """Return the thresholds in force."""
        if self.is_learnt:
            return self.model_.thresholds
        codes = [matcher.threshold for matcher in self._matchers for _ in matcher.codes]
        thresholds = Thresholds(np.array(codes), np.zeros(len(Axes.of(self.grid).gated)))
        shared = self._shared_columns
        if self.pretrained is not None and shared:
            theirs = self.pretrained.thresholds()
            thresholds.codes[list(shared)] = theirs.codes[list(shared.values())]
            for gate, their_gate in self._shared_gates.items():
                thresholds.no_code[gate] = theirs.no_code[their_gate]
        return thresholds

    def _with_definitions(
        self, learnt: Scores, units: pd.DataFrame, source: EmbedderSource | None = None
    ) -> Scores:
        """Mix in definitions, the more the fewer passages a code has."""
        share = np.minimum(1.0, self.model_.counts / _LEARNT_ALONE)
        for columns in Axes.of(self.grid).exclusive:
            share[columns] = share[columns].min(initial=1.0)
        if (share == 1).all():
            return learnt
        defined = self._by_definitions(units, source).probabilities
        return Scores(share * learnt.probabilities + (1 - share) * defined, learnt.no_code)

    def _by_definitions(self, units: pd.DataFrame, source: EmbedderSource | None) -> Scores:
        """Definitions never say that some code must fit."""
        probabilities = [matcher.probabilities(units, source) for matcher in self._matchers]
        return Scores(
            np.hstack(probabilities) if probabilities else np.zeros((len(units), 0)),
            np.ones((len(units), len(Axes.of(self.grid).gated))),
        )

    def _with_pretrained(
        self, defined: Scores, units: pd.DataFrame, source: EmbedderSource | None
    ) -> Scores:
        shared = self._shared_columns
        if self.pretrained is None or not shared:
            return defined
        theirs = self.pretrained.scores(units, source)
        probabilities, no_code = defined.probabilities.copy(), defined.no_code.copy()
        probabilities[:, list(shared)] = theirs.probabilities[:, list(shared.values())]
        for gate, their_gate in self._shared_gates.items():
            no_code[:, gate] = theirs.no_code[:, their_gate]
        return Scores(probabilities, no_code)

    @property
    def _shared_gates(self) -> dict[int, int]:
        """Our gates whose codes are all shared, and the pretrained ones."""
        if self.pretrained is None:
            return {}
        their_gates, shared = list(Axes.of(self.pretrained.grid).gated), set(self._shared_columns)
        return {
            gate: their_gates.index(name)
            for gate, (name, columns) in enumerate(Axes.of(self.grid).gated.items())
            if name in their_gates and {*range(columns.start, columns.stop)} <= shared
        }

    @property
    def _shared_columns(self) -> dict[int, int]:
        """An exclusive axis is in only if all its codes are shared."""
        if self.pretrained is None:
            return {}
        theirs = {code_fingerprint(code): i for i, code in enumerate(self.pretrained.codes)}
        shared = {
            column: theirs[mark]
            for column, code in enumerate(self.codes)
            for mark in reversed(code_fingerprints(code))  # its present name wins
            if mark in theirs
        }
        axes = {
            axis.axis
            for axis in self.grid.axes
            if self._is_axis_shared(axis, set(shared), self.pretrained.grid)
        }
        return {
            column: other for column, other in shared.items() if self.codes[column].axis in axes
        }

    def _is_axis_shared(self, axis: Axis, shared: set[int], other: Grid) -> bool:
        choices = {other_axis.axis: other_axis.is_exclusive for other_axis in other.axes}
        if choices.get(axis.axis) != axis.is_exclusive:
            return False
        columns = {column for column, code in enumerate(self.codes) if code.axis == axis.axis}
        has_same_codes = columns <= shared and len(columns) == len(other.axis(axis.axis))
        return not axis.is_exclusive or has_same_codes

    @property
    def _matchers(self) -> list[DefinitionMatcher]:
        grid = self.grid
        return [
            _matcher(grid.axis(axis.axis), grid.questions, axis.is_exclusive, self.encoders)
            for axis in grid.axes
        ]


def _add_spans(
    explained: list[dict[int, list[Span]]],
    others: list[dict[int, list[Span]]],
    column_of: Sequence[int] | dict[int, int],
) -> None:
    for spans, more in zip(explained, others, strict=True):
        spans.update({column_of[column]: found for column, found in more.items()})


@cache
def _matcher(
    codes: tuple[Code, ...],
    questions: tuple[Question, ...],
    is_exclusive: bool,
    encoders: tuple[str, ...],
) -> DefinitionMatcher:
    return DefinitionMatcher(codes, questions, load_background(encoders), is_exclusive)


def _groups(units: pd.DataFrame) -> list[str]:
    for column in ("workshop_id", "document_id"):
        if column in units.columns and units[column].notna().all():
            return [str(value) for value in units[column]]
    return [""] * len(units)
