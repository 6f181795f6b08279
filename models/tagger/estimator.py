"""The estimator: fit on labelled passages, or work with the grid's definitions alone.

In:   units (a `text` column; `question` and `channel` where known) and, to fit, one set of codes a unit, all axes in one set
Out:  probabilities, sets of codes and evidence, in the order of `classes_`: axis by axis, each in the grid's order
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from models.tagger.decision import Assigned, Axes, Scores, Thresholds
from models.tagger.definitions import DefinitionMatcher, load_background
from models.tagger.learning import Lesson, Recipe, fold_groups, learn
from models.tagger.storage import code_fingerprint, grid_fingerprint
from models.tagger.views import Array, Span, available_encoders, texts_of
from pipeline.grid.codes import Axis, Code, Grid, Question

_LEARNT_ALONE = 20  # labelled passages of a code from which its definition has no say any more
_DECIMALS = 9  # beyond these, probabilities are noise


@dataclass(frozen=True)
class Tagging:
    """`probabilities` and `is_assigned`, both (n_units, n_codes)."""

    probabilities: Array
    is_assigned: Assigned


class GridTagger(BaseEstimator):  # type: ignore[misc]
    """Multi-label tagger of a grid; exactly one code a unit of each exclusive axis, such as postures where the grid has them."""

    def __init__(
        self,
        grid: Grid,
        *,
        encoders: tuple[str, ...] | None = None,
        penalty: float = 4.0,
        n_terms: tuple[int, int] = (20_000, 15_000),
        lender: "GridTagger | None" = None,
    ) -> None:
        """`encoders`: None takes those that this machine runs; `lender`: a tagger of another grid, to answer for the codes in common."""
        self.grid = grid
        self.encoders = encoders
        self.penalty = penalty
        self.n_terms = n_terms
        self.lender = lender

    @property
    def codes(self) -> tuple[Code, ...]:
        """The grid's codes, axis by axis."""
        return self.grid.by_axis

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The codes' names, in the order of the columns."""
        return np.array([code.code for code in self.codes], dtype=np.str_)

    @property
    def reads_with(self) -> tuple[str, ...]:
        """The encoders that it may ask for the vectors of units."""
        return tuple(
            dict.fromkeys([*self._encoders, *(self.model_.views.centres if self.is_learnt else ())])
        )

    @property
    def is_learnt(self) -> bool:
        """Whether it was fitted on labelled passages."""
        return hasattr(self, "model_")

    @property
    def version_(self) -> str:
        """Names what the answers depend on."""
        if self.is_learnt:
            return f"{getattr(self, 'name_', 'etude')}-{self.model_.fingerprint()}"
        lent = f"+{self.lender.version_}" if self.lender is not None and self._loans else ""
        return f"definitions-{grid_fingerprint(self.grid)[:8]}{lent}"

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(
        self,
        units: pd.DataFrame,
        labels: Sequence[set[str]],
        groups: Sequence[str] | None = None,
        *,
        judged: NDArray[np.bool_] | None = None,
        counts: Sequence[int] | None = None,
        remembered: NDArray[np.bool_] | None = None,
    ) -> "GridTagger":
        """Learn from `units` and their codes; codes that the grid does not know are ignored.

        Thresholds and calibration come from whole `groups` left out (by default the units' workshops). `judged` (n_units, n_codes) marks
        what somebody decided, by default all; a unit counts `counts` times (n_units), by default once. `remembered` (n_units), by default
        none, marks passages of which the model keeps vectors and n-grams, to compare others with: none that a person must be able to have
        erased. `held_out_` keeps each unit's scores from the fit that left its group out.
        """
        targets = self.targets(labels)
        folds = fold_groups(_groups(units) if groups is None else list(groups))
        known = np.ones(targets.shape, dtype=bool) if judged is None else judged
        often = (
            np.ones(len(units), dtype=np.int64)
            if counts is None
            else np.asarray(counts, dtype=np.int64)
        )
        kept = np.zeros(len(units), dtype=bool) if remembered is None else remembered
        recipe = Recipe(self._encoders, self.penalty, self.n_terms)
        self.model_, learnt = learn(
            Lesson(units, targets, folds, known, often, kept), Axes.of(self.grid), recipe
        )
        self.held_out_ = self._blended(learnt, units)
        return self

    def targets(self, labels: Sequence[set[str]]) -> Array:
        """`labels` as (n_units, n_codes), 0 or 1."""
        return np.array(
            [[code in put for code in self.classes_] for put in labels], dtype=np.float64
        ).reshape(len(labels), len(self.codes))

    def predict_proba(self, units: pd.DataFrame) -> Array:
        """Return probabilities (n_units, n_codes), an exclusive axis's summing to 1; a unit's row does not depend on the others."""
        return self._scores(units).probabilities

    def predict(self, units: pd.DataFrame) -> list[set[str]]:
        """Return the codes put on each unit: one of each exclusive axis, any number of the others."""
        names = self.classes_
        return [{str(code) for code in names[row]} for row in self.tag(units).is_assigned]

    def tag(self, units: pd.DataFrame, *, threshold_shift: float = 0.0) -> Tagging:
        """Return probabilities and decisions; `threshold_shift` is added to every code's threshold."""
        scores = self._scores(units)
        return Tagging(
            scores.probabilities,
            self._thresholds().shifted(threshold_shift).decide(scores, Axes.of(self.grid)),
        )

    def explain(self, units: pd.DataFrame, asked: Assigned) -> list[dict[int, list[Span]]]:
        """Return, for each unit, the telling spans of each column that `asked` (n_units, n_codes) marks."""
        texts = texts_of(units)
        if self.is_learnt:
            return self.model_.explain(texts, asked)
        spans: list[dict[int, list[Span]]] = [{} for _ in texts]
        first = 0
        for matcher in self._matchers:
            last = first + len(matcher.codes)
            for unit_spans, found in zip(
                spans, matcher.explain(texts, asked[:, first:last]), strict=True
            ):
                unit_spans.update(
                    {first + column: spans_found for column, spans_found in found.items()}
                )
            first = last
        loans = self._loans
        if self.lender is not None and loans:
            lent = np.zeros((len(units), len(self.lender.codes)), dtype=bool)
            lent[:, list(loans.values())] = asked[:, list(loans)]
            mine = {theirs: column for column, theirs in loans.items()}
            for unit_spans, found in zip(spans, self.lender.explain(units, lent), strict=True):
                unit_spans.update(
                    {mine[theirs]: spans_found for theirs, spans_found in found.items()}
                )
        return spans

    @property
    def _encoders(self) -> tuple[str, ...]:
        return self.encoders or available_encoders()

    def _scores(self, units: pd.DataFrame) -> Scores:
        scores = (
            self._blended(self.model_.scores(units), units)
            if self.is_learnt
            else self._with_loans(self._defined(units), units)
        )
        return Scores(
            np.round(scores.probabilities, _DECIMALS), np.round(scores.no_code, _DECIMALS)
        )

    def _thresholds(self) -> Thresholds:
        if self.is_learnt:
            return self.model_.thresholds
        codes = [matcher.threshold for matcher in self._matchers for _ in matcher.codes]
        thresholds = Thresholds(np.array(codes), np.zeros(len(Axes.of(self.grid).gated)))
        if self.lender is None or not self._loans:
            return thresholds
        theirs = self.lender._thresholds()
        thresholds.codes[list(self._loans)] = theirs.codes[list(self._loans.values())]
        for place, lent in self._lent_gates.items():
            thresholds.no_code[place] = theirs.no_code[lent]
        return thresholds

    def _blended(self, learnt: Scores, units: pd.DataFrame) -> Scores:
        """Let definitions speak for codes that few labelled passages carry, the more the fewer."""
        share = np.minimum(1.0, self.model_.counts / _LEARNT_ALONE)
        for axis in Axes.of(self.grid).exclusive:
            share[axis] = share[axis].min(initial=1.0)
        if (share == 1).all():
            return learnt
        defined = self._defined(units).probabilities
        return Scores(share * learnt.probabilities + (1 - share) * defined, learnt.no_code)

    def _defined(self, units: pd.DataFrame) -> Scores:
        """Scores by the grid's definitions; they never say that some code must fit."""
        columns = [matcher.probabilities(units) for matcher in self._matchers]
        return Scores(
            np.hstack(columns) if columns else np.zeros((len(units), 0)),
            np.ones((len(units), len(Axes.of(self.grid).gated))),
        )

    def _with_loans(self, defined: Scores, units: pd.DataFrame) -> Scores:
        """Take from the lender what it has learnt of the codes that both grids define alike."""
        if self.lender is None or not self._loans:
            return defined
        theirs = self.lender._scores(units)
        probabilities = defined.probabilities.copy()
        probabilities[:, list(self._loans)] = theirs.probabilities[:, list(self._loans.values())]
        no_code = defined.no_code.copy()
        for place, lent in self._lent_gates.items():
            no_code[:, place] = theirs.no_code[:, lent]
        return Scores(probabilities, no_code)

    @property
    def _lent_gates(self) -> dict[int, int]:
        """The lender's place, among its gated axes, of each of ours whose codes are all lent."""
        if self.lender is None:
            return {}
        ours, theirs = Axes.of(self.grid).gated, list(Axes.of(self.lender.grid).gated)
        lent = set(self._loans)
        return {
            place: theirs.index(name)
            for place, (name, columns) in enumerate(ours.items())
            if name in theirs and {*range(columns.start, columns.stop)} <= lent
        }

    @property
    def _loans(self) -> dict[int, int]:
        """The lender's column of each code that both grids define alike; of an exclusive axis only where all its codes are."""
        if self.lender is None:
            return {}
        theirs = {code_fingerprint(code): column for column, code in enumerate(self.lender.codes)}
        loans = {
            column: theirs[mark]
            for column, mark in enumerate(map(code_fingerprint, self.codes))
            if mark in theirs
        }
        kept = {axis.axis for axis in self.grid.axes if self._lends(axis, set(loans))}
        return {column: place for column, place in loans.items() if self.codes[column].axis in kept}

    def _lends(self, axis: Axis, lent: set[int]) -> bool:
        """Whether the lender asks the same of `axis` and, where it is exclusive, defines all its codes and no other; `lent` are columns."""
        theirs = (
            {other.axis: other.is_exclusive for other in self.lender.grid.axes}
            if self.lender is not None
            else {}
        )
        if theirs.get(axis.axis) != axis.is_exclusive or self.lender is None:
            return False
        mine = {column for column, code in enumerate(self.codes) if code.axis == axis.axis}
        return not axis.is_exclusive or (
            mine <= lent and len(mine) == len(self.lender.grid.axis(axis.axis))
        )

    @property
    def _matchers(self) -> list[DefinitionMatcher]:
        """One matcher an axis of the grid."""
        return [
            _matcher(
                self.grid.axis(axis.axis), self.grid.questions, self._encoders, axis.is_exclusive
            )
            for axis in self.grid.axes
        ]


@cache
def _matcher(
    codes: tuple[Code, ...],
    questions: tuple[Question, ...],
    encoders: tuple[str, ...],
    is_exclusive: bool,
) -> DefinitionMatcher:
    return DefinitionMatcher(codes, questions, encoders, load_background(), is_exclusive)


def _groups(units: pd.DataFrame) -> list[str]:
    """The workshop of each unit, else its document, else one group."""
    for column in ("workshop_id", "document_id"):
        if column in units.columns and units[column].notna().all():
            return [str(value) for value in units[column]]
    return [""] * len(units)
