"""How sure it is that a unit is about a theme's subject, its own theme or another.

In:   vectors of units, alone and with their neighbours; labels; what the catalogue says of some
Out:  nearness and probabilities (n, n_themes), the latter calibrated on studies that no model had
      seen; is_counted

`python -m tools.training.membership` logs `JUDGES` again.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.encoders import NAME, STRONG_NAME
from models.rows import Labels, Matrix, Rows, sums_by_group, unit_blocks, unit_rows

N_OTHERS = 3  # nearest themes that are judged, beside a unit's own
LEAST_LIKELY = 0.05  # probability of another theme that is told


class Judge(NamedTuple):
    """Log-odds: `shift`, and a slope for each fact of `facts_of`.

    `kinship` and `kinship_ahead` are the two last facts, where the catalogue read nothing.
    """

    shift: float
    slopes: tuple[float, ...]
    kinship: float
    kinship_ahead: float


# By encoder, fitted on data/training/etudes.
JUDGES = {
    NAME: Judge(-1.57, (17.11, -12.34, -0.42, 0.49, -0.62, -0.62, 0.95, 4.13), 0.411, -0.136),
    STRONG_NAME: Judge(0.06, (9.16, -5.46, 2.98, 0.3, -1.12, -0.85, 0.82, 2.93), 0.396, -0.163),
}


class PairFacts(NamedTuple):
    """What is known of units and themes: (n, n_themes), but `off_topic` (n,).

    Nearness is the cosine with a theme's other units, alone and among neighbours; kinship how alike
    the catalogue finds them, NaN where it read nothing.
    """

    nearness: Matrix
    in_context: Matrix
    kinship: Matrix
    off_topic: Matrix


def nearness(vectors: Rows, labels: Labels, n_themes: int) -> Matrix:
    """Return cosines (n, n_themes) with the sum of each theme's units, a unit itself left out."""
    sums = sums_by_group(vectors, labels, n_themes)
    centres, near = unit_rows(sums), np.zeros((len(labels), n_themes))
    for block, rows in unit_blocks(vectors):
        some = rows @ centres.T
        themed = np.flatnonzero(labels[block] >= 0)
        own = labels[block][themed]
        some[themed, own] = (rows[themed] * unit_rows(sums[own] - rows[themed])).sum(axis=1)
        near[block] = some
    return near


def kinship(subjects: Matrix, labels: Labels, n_themes: int) -> Matrix:
    """Return how alike (0..1) the probable `subjects` (n, n_subjects) of a unit and a theme are.

    A unit itself is left out of its theme.
    """
    totals = np.zeros((n_themes, subjects.shape[1]))
    themed = np.flatnonzero(labels >= 0)
    np.add.at(totals, labels[themed], subjects[themed])
    sizes = np.maximum(np.bincount(labels[themed], minlength=n_themes), 1)[:, None]
    roots = np.sqrt(subjects)
    alike: Matrix = roots @ np.sqrt(totals / sizes).T
    own = labels[themed]
    others = np.maximum(totals[own] - subjects[themed], 0) / np.maximum(sizes[own] - 1, 1)
    alike[themed, own] = (roots[themed] * np.sqrt(others)).sum(axis=1)
    return alike


def facts_of(facts: PairFacts, labels: Labels) -> NDArray[np.float64]:
    """Return the columns (n, n_themes, 8) that `Judge.slopes` weigh."""
    shape = facts.nearness.shape
    own = labels[:, None] == np.arange(shape[1])
    sizes = np.log(np.maximum(np.bincount(labels[labels >= 0], minlength=shape[1]), 1))
    columns = (
        facts.nearness,
        facts.in_context,
        _ahead(facts.nearness),
        own,
        np.broadcast_to(sizes, shape),
        np.broadcast_to(facts.off_topic[:, None], shape),
        facts.kinship,
        _ahead(facts.kinship),
    )
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=2)


def is_judged(near: Matrix, labels: Labels) -> NDArray[np.bool_]:
    """Return which pairs (n, n_themes) are judged: a unit's own theme and its nearest others."""
    own = labels[:, None] == np.arange(near.shape[1])
    first = np.argsort(-np.where(own, np.inf, near), axis=1, kind="stable")[:, : N_OTHERS + 1]
    judged = np.zeros(near.shape, dtype=bool)
    np.put_along_axis(judged, first, True, axis=1)
    return np.asarray(judged & (labels >= 0)[:, None])


def probabilities(facts: PairFacts, labels: Labels, encoder: str) -> Matrix:
    """Return that of each unit and theme, (n, n_themes); 0 where it is not judged.

    `encoder` is the name of the study's own.
    """
    judge = JUDGES.get(encoder, JUDGES[NAME])
    columns = facts_of(facts, labels)
    for place, usual in ((-2, judge.kinship), (-1, judge.kinship_ahead)):
        columns[..., place] = np.where(np.isnan(columns[..., place]), usual, columns[..., place])
    odds = columns @ np.array(judge.slopes) + judge.shift
    chances = np.where(is_judged(facts.nearness, labels), 1 / (1 + np.exp(-odds)), 0)
    return np.asarray(chances.round(6))


def counts_in_theme(
    probability: pd.Series, themes: pd.Series, least_probability: float
) -> pd.Series:
    """Return which memberships count: the likely ones, and at least each theme's surest."""
    surest = probability.groupby(themes).transform("max")
    return (probability >= least_probability) | (probability == surest)


def _ahead(values: Matrix) -> Matrix:
    """Return how far each value is ahead of the best other one of its row."""
    if values.shape[1] < 2:
        return np.zeros_like(values)
    second, best = np.partition(values, -2, axis=1)[:, -2:].T
    others = np.where(values == best[:, None], second[:, None], best[:, None])
    return np.asarray(values - others)
