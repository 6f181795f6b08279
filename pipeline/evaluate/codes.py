"""F1 of rubriques, piliers and the like, and accuracy of postures and the like, over gold passages.

In:   gold passages, tags, alignment; a passage has every code of the units that answer for it
Out:  figures by axis; a 95 % interval from resampled passages
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluate.alignment import Alignment
from pipeline.evaluate.gold import gold_codes
from pipeline.grid import POSTURE, RUBRIQUE, STANDARD, Axis

USUAL_AXES = tuple(STANDARD.values())
_N_DRAWS, _SEED = 200, 0
_BOUNDS = (2.5, 97.5)
_NONE = "?"

Matrix = NDArray[np.int64]


def code_figures(
    passages: Sequence[dict[str, Any]], tags: pd.DataFrame, aligned: Alignment, axes: Sequence[Axis] = USUAL_AXES
) -> dict[str, dict[str, Any]]:
    """Return micro, macro and samples F1, its interval, and the F1 of each code, by axis of several codes."""
    codes_of = _codes_of(tags)
    figures = {}
    for axis in (axis.axis for axis in axes if not axis.is_exclusive):
        truths = [gold_codes(passage, axis) for passage in passages]
        labels = sorted(set().union(*truths))
        if not labels:
            continue
        said = [
            set().union(*(codes_of.get((unit_id, axis), set()) for unit_id in aligned.over.get(passage["unit_id"], [])))
            for passage in passages
        ]
        truth = _matrix(truths, labels)
        figures[axis] = _f1_figures(truth, _matrix(said, labels), labels)
    return figures


def exclusive_figures(
    passages: Sequence[dict[str, Any]], tags: pd.DataFrame, aligned: Alignment, axes: Sequence[Axis] = USUAL_AXES
) -> dict[str, dict[str, float]]:
    """Return accuracy and macro F1 by axis of exactly one code, over the passages that the gold gives one.

    Postures are asked of the passages with a rubrique, where the gold has rubriques: noise has no posture to be right about.
    """
    figures = {axis.axis: _accuracy(passages, axis.axis, tags, aligned) for axis in axes if axis.is_exclusive}
    return {axis: found for axis, found in figures.items() if found}


def _accuracy(passages: Sequence[dict[str, Any]], axis: str, tags: pd.DataFrame, aligned: Alignment) -> dict[str, float]:
    codes_of = _codes_of(tags)
    asked = RUBRIQUE if axis == POSTURE and any(gold_codes(passage, RUBRIQUE) for passage in passages) else axis
    content = [passage for passage in passages if gold_codes(passage, asked)]
    if not content:
        return {}
    truth = [min(gold_codes(passage, axis), default="") for passage in content]
    said = [min(codes_of.get((aligned.best.get(passage["unit_id"], ""), axis), {_NONE})) for passage in content]
    n_right = sum(one == other for one, other in zip(truth, said, strict=True))
    labels = sorted({*truth, *said})
    one_hot = [_matrix([{code} for code in codes], labels) for codes in (truth, said)]
    macro_f1 = float(_f1(*one_hot, axis=0, blank=0).mean())
    return {"accuracy": round(n_right / len(content), 3), "macro_f1": round(macro_f1, 3)}


def _codes_of(tags: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    """Assigned codes by unit_id and axis."""
    assigned = tags[tags["is_assigned"].astype(bool)]
    found: dict[tuple[str, str], set[str]] = {}
    for unit_id, axis, code in zip(assigned["unit_id"], assigned["axis"], assigned["code"], strict=True):
        found.setdefault((unit_id, axis), set()).add(code)
    return found


def _matrix(code_sets: list[set[str]], labels: list[str]) -> Matrix:
    """1 where a passage has a code, (n_passages, n_labels)."""
    return np.array([[code in codes for code in labels] for codes in code_sets], dtype=np.int64).reshape(len(code_sets), len(labels))


def _f1_figures(truth: Matrix, said: Matrix, labels: list[str]) -> dict[str, Any]:
    by_code = _f1(truth, said, axis=0, blank=0)
    by_passage = _f1(truth, said, axis=1, blank=1)
    return {
        "micro_f1": round(float(_f1(truth, said, axis=None, blank=0)), 3),
        "macro_f1": round(float(by_code.mean()), 3),
        "samples_f1": round(float(by_passage.mean()), 3),
        "samples_f1_ci95": _interval(by_passage),
        "per_code": {code: round(float(score), 2) for code, score in zip(labels, by_code, strict=True)},
    }


def _f1(truth: Matrix, said: Matrix, *, axis: int | None, blank: float) -> NDArray[np.float64]:
    """F1 over everything (None), by code (0) or by passage (1); `blank` where neither side has any code."""
    n_right, n_codes = (truth * said).sum(axis=axis), (truth + said).sum(axis=axis)
    return np.where(n_codes > 0, 2 * n_right / np.maximum(n_codes, 1), blank)


def _interval(by_passage: NDArray[np.float64]) -> list[float]:
    """95 % interval of the mean, passages resampled."""
    rng = np.random.default_rng(_SEED)
    n_passages = len(by_passage)
    means = [float(by_passage[rng.integers(0, n_passages, n_passages)].mean()) for _ in range(_N_DRAWS)]
    return [round(float(np.percentile(means, bound)), 3) for bound in _BOUNDS]
