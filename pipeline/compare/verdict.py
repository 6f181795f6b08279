"""Say in plain French whether a subject is more or less present in a territory, or that the material is too thin to say.

In:   Counts of one kind of subject (themes, or codes); tables where each was said, tables held
Out:  one of pipeline.tables.VERDICTS and an adjusted p-value a cell
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from pipeline.compare.counts import Counts, Numbers
from pipeline.compare.specificity import design_effect, log10_tail, specificity
from pipeline.settings import CompareSettings
from pipeline.tables import VERDICTS

_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS
_LAMBDA = 0.5  # p-values over it are held to come from cells that do not differ


@dataclass(frozen=True)
class Judged:
    """(n_subjects, n_territories): a verdict, and the p-value adjusted over all cells that could be tested (1 for the others)."""

    verdict: NDArray[np.object_]
    q_value: Numbers


def judge(counts: Counts, n_tables: Numbers, n_held: Numbers, settings: CompareSettings) -> Judged:
    """Return the verdicts of all cells, tested together at the settings' false discovery rate.

    `n_tables`, (n_subjects, n_territories), tables where each subject was said; `n_held`, (1, n_territories), tables held. A difference
    is affirmed only where it still holds without the table that speaks most for it. Too little material: a territory with few tables,
    a subject with few passages, a single territory, or a cell that could not pass the test however the passages fell.
    """
    can_tell = _has_material(counts, n_held, settings)
    p_value = _p_values(counts, counts.n_units)
    q_value = np.ones_like(p_value)
    if can_tell.any():
        q_value[can_tell] = _adjusted(p_value[can_tell])
    differs = can_tell & (q_value <= settings.false_discovery_rate) & (_p_without_loudest(counts) <= settings.false_discovery_rate)
    is_over = specificity(counts.n_units, counts.n_subject, counts.n_here, counts.n_all) > 0
    held_elsewhere = n_held.sum() - n_held
    n_elsewhere = n_tables.sum(axis=1, keepdims=True) - n_tables
    share, elsewhere = _share(n_tables, n_held), _share(n_elsewhere, held_elsewhere)
    is_more = differs & is_over & (share >= elsewhere) & (n_tables > 1) & (_share(n_tables - 1, n_held) >= elsewhere)
    is_less = differs & ~is_over & (share <= elsewhere) & (n_elsewhere > 1) & (share <= _share(n_elsewhere - 1, held_elsewhere))
    verdict = np.full(p_value.shape, _ALIKE, dtype=object)
    verdict[is_more], verdict[is_less], verdict[~can_tell] = _MORE, _LESS, _TOO_LITTLE
    return Judged(verdict, q_value)


def _adjusted(p_values: Numbers) -> Numbers:
    """Benjamini and Hochberg's adjusted p-values, times Storey's estimate of the share of cells that do not differ (2004, λ = 0.5)."""
    alike = min(1.0, (1 + (p_values > _LAMBDA).sum()) / (len(p_values) * (1 - _LAMBDA)))
    return np.asarray(np.minimum(1.0, false_discovery_control(p_values) * alike), dtype=np.float64)


def _has_material(counts: Counts, n_held: Numbers, settings: CompareSettings) -> NDArray[np.bool_]:
    most = np.minimum(counts.n_subject, counts.n_here)
    fewest = np.maximum(0, counts.n_subject + counts.n_here - counts.n_all)
    least = np.minimum(_p_values(counts, most), _p_values(counts, fewest))
    enough = (n_held >= settings.min_tables) & (counts.n_subject >= settings.min_units) & (counts.n_here < counts.n_all)
    return np.asarray(enough & (least <= settings.false_discovery_rate))


def _p_values(counts: Counts, n_units: Numbers) -> Numbers:
    return _shrunk_p(counts, n_units, counts.n_subject, counts.n_here, counts.n_all)


def _p_without_loudest(counts: Counts) -> Numbers:
    """The p-value left once the circle that speaks most for the difference is out: here where there is more, elsewhere where there is less.

    1 where the difference changes sides without it.
    """
    is_over = counts.n_units * counts.n_all >= counts.n_subject * counts.n_here
    circle = np.where(is_over, counts.loudest_here(), counts.loudest_elsewhere())
    subjects = np.arange(len(counts.subject_ids))[:, None]
    said = np.where(circle >= 0, counts.said[circle, subjects], 0)
    size = np.where(circle >= 0, counts.sizes[circle], 0)
    n_units, n_here = counts.n_units - said * is_over, counts.n_here - size * is_over
    n_subject, n_all = counts.n_subject - said, counts.n_all - size
    still = (n_units * n_all >= n_subject * n_here) == is_over
    return np.where(still, _shrunk_p(counts, n_units, n_subject, n_here, n_all), 1.0)


def _shrunk_p(counts: Counts, n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: Numbers | float) -> Numbers:
    """Two-sided p of `n_units` passages here, its z-score shrunk by the design effect's square root and read on Student's law.

    The design effect is estimated from circles, hence the degrees of freedom: circles less territories.
    """
    tails = [log10_tail(n_units, n_subject, n_here, n_all, upper=upper) for upper in (True, False)]
    p_value = np.minimum(1.0, 2 * 10.0 ** np.minimum(*tails))
    z_score = norm.isf(np.maximum(p_value, 1e-300) / 2) / np.sqrt(design_effect(counts))
    freedom = max(1, len(counts.sizes) - len(set(counts.place)))
    return np.asarray(2 * student.sf(z_score, freedom), dtype=np.float64)


def _share(n_tables: Numbers, n_held: Numbers) -> Numbers:
    return np.asarray(n_tables / np.where(n_held > 0, n_held, 1), dtype=np.float64)
