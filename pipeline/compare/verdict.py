"""Say in plain French whether a subject is more or less present in a territory, or that the material is too thin to say.

In:   Counts of one kind of subject (themes, or codes); tables where each was said, tables held
Out:  one of pipeline.tables.VERDICTS, an adjusted p-value and whether it is a lead, a cell
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from pipeline.compare.counts import Counts, Numbers
from pipeline.compare.specificity import log10_tail
from pipeline.compare.witnesses import Spread, Witnesses, hear, spread_of
from pipeline.settings import CompareSettings
from pipeline.tables import VERDICTS

_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS
_WITHOUT_ONE = 0.01  # what is affirmed holds at this level, by itself, without any one circle
_LEAD, _LEAD_WITHOUT_ONE = 0.05, 0.10  # likewise for a lead, which is held by itself, not among all cells
_ALIKE_WITHIN = 0.5  # of the tables: how far apart two shares may be, at the ends of their interval, and still be called alike
_Z = float(norm.isf(0.05))  # both ends of a 90 % interval

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """(n_subjects, n_territories): a verdict, the adjusted p-value on the side where the cell lies (1 untested), and `is_lead`."""

    verdict: NDArray[np.object_]
    q_value: Numbers
    is_lead: Bools


def judge(counts: Counts, n_tables: Numbers, n_held: Numbers, settings: CompareSettings) -> Judged:
    """Return the verdicts of all cells; "more" cells are tested together at half the settings' false discovery rate, "less" cells likewise.

    `n_tables`, (n_subjects, n_territories), tables where each subject was said; `n_held`, (1, n_territories), tables held. A circle that
    says a subject out of all proportion is not heard on it, and a difference is affirmed only where it holds without any one circle.
    A lead, "more" by itself without control of all cells together, is to be checked. Alike: the 90 % interval of the difference between
    the share of tables here and elsewhere stays within half the tables either way. All the rest is too little material: no difference
    is shown and no likeness either, few tables here or elsewhere, few passages, a single territory, or a cell that no passages could move.
    """
    n_held = np.where(counts.n_here > 0, n_held, 0.0)  # tables of a territory that left no passage at all tell nothing, here or elsewhere
    heard = hear(counts)
    spread = spread_of(counts, heard)
    can_tell = _has_material(counts, heard, spread, n_held, settings)
    p_value = {upper: _shrunk_p(spread, heard.n_units, heard.n_subject, heard.n_here, heard.n_all, upper=upper) for upper in (True, False)}
    q_value = {upper: _adjusted(p_value[upper], can_tell) for upper in (True, False)}
    weakest = {upper: _p_without_one(heard, spread, can_tell & (p_value[upper] <= _LEAD), upper=upper) for upper in (True, False)}
    n_elsewhere, held_elsewhere = n_tables.sum(axis=1, keepdims=True) - n_tables, n_held.sum() - n_held
    share, elsewhere = _share(n_tables, n_held), _share(n_elsewhere, held_elsewhere)
    may_be_more, may_be_less = (can_tell & (n_tables > 1) & (share >= elsewhere)), (can_tell & (n_elsewhere > 1) & (share <= elsewhere))
    rate = settings.false_discovery_rate
    is_more = may_be_more & (q_value[True] <= rate) & (weakest[True] <= _WITHOUT_ONE)
    is_less = may_be_less & (q_value[False] <= rate) & (weakest[False] <= _WITHOUT_ONE)
    is_lead = may_be_more & ~is_more & (p_value[True] <= _LEAD) & (weakest[True] <= _LEAD_WITHOUT_ONE)
    low, high = difference_interval(n_tables, n_held, n_elsewhere, held_elsewhere)
    is_alike = can_tell & ~is_lead & (low >= -_ALIKE_WITHIN) & (high <= _ALIKE_WITHIN)
    verdict = np.full(can_tell.shape, _TOO_LITTLE, dtype=object)
    verdict[is_alike], verdict[is_more], verdict[is_less] = _ALIKE, _MORE, _LESS
    return Judged(verdict, np.where(p_value[True] <= p_value[False], q_value[True], q_value[False]), is_lead)


def _adjusted(p_values: Numbers, can_tell: Bools) -> Numbers:
    """Benjamini and Hochberg's adjusted p-values of the cells that could be tested, doubled for the other side; 1 for other cells."""
    q_values = np.ones_like(p_values)
    if can_tell.any():
        q_values[can_tell] = np.minimum(1.0, 2 * false_discovery_control(p_values[can_tell]))
    return q_values


def _has_material(counts: Counts, heard: Witnesses, spread: Spread, n_held: Numbers, settings: CompareSettings) -> Bools:
    most, fewest = np.minimum(heard.n_subject, heard.n_here), np.maximum(0, heard.n_subject + heard.n_here - heard.n_all)
    sums = heard.n_subject, heard.n_here, heard.n_all
    least = np.minimum(_shrunk_p(spread, most, *sums, upper=True), _shrunk_p(spread, fewest, *sums, upper=False))
    has_tables = np.minimum(n_held, n_held.sum() - n_held) >= settings.min_tables  # here, and elsewhere to set them against
    enough = has_tables & (counts.n_subject >= settings.min_units) & (counts.n_here < counts.n_all)
    return np.asarray(enough & (least <= settings.false_discovery_rate))


def _p_without_one(heard: Witnesses, spread: Spread, cells: Bools, *, upper: bool) -> Numbers:
    """The largest p-value left of `cells` once one circle is out: the one here that says most for the difference, or the one elsewhere.

    1 for the other cells.
    """
    rates = heard.n_subject / np.maximum(1, heard.n_all)
    weight = (heard.said - heard.sizes * rates[:, 0]) * (1 if upper else -1)  # for "more" where it is here, against where it is elsewhere
    subject, territory = np.nonzero(cells)
    known = Spread(spread.effect[cells], spread.freedom[subject, 0])
    found = np.ones(cells.shape)
    found[cells] = 0.0
    for circles, is_here in ((_most_here(weight, heard), 1.0), (_most_elsewhere(-weight, heard), 0.0)):
        circle = circles[subject, territory]
        said = np.where(circle >= 0, heard.said[circle, subject], 0)
        size = np.where(circle >= 0, heard.sizes[circle, subject], 0)
        n_units, n_here = heard.n_units[cells] - said * is_here, heard.n_here[cells] - size * is_here
        left = _shrunk_p(known, n_units, heard.n_subject[subject, 0] - said, n_here, heard.n_all[subject, 0] - size, upper=upper)
        found[cells] = np.maximum(found[cells], left)
    return found


def _most_here(weight: Numbers, heard: Witnesses) -> NDArray[np.intp]:
    """The circle of the highest weight in each territory, (n_subjects, n_territories); -1 where there is none."""
    n_subjects, n_territories = heard.n_units.shape
    found = np.full((n_subjects, n_territories), -1)
    for territory in range(n_territories):
        circles = np.flatnonzero(heard.place == territory)
        if len(circles):
            found[:, territory] = circles[weight[circles].argmax(axis=0)]
    return found


def _most_elsewhere(weight: Numbers, heard: Witnesses) -> NDArray[np.intp]:
    """The circle of the highest weight outside each territory, likewise."""
    here = _most_here(weight, heard)
    n_subjects, n_territories = heard.n_units.shape
    subjects = np.arange(n_subjects)
    heights = np.where(here >= 0, weight[here, subjects[:, None]], -np.inf)
    found = np.full_like(here, -1)
    for territory in range(n_territories):
        others = np.delete(np.arange(n_territories), territory)
        if len(others):
            found[:, territory] = here[subjects, others[heights[:, others].argmax(axis=1)]]
    return found


def _shrunk_p(spread: Spread, n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: Numbers, *, upper: bool) -> Numbers:
    """One-sided hypergeometric p of `n_units` passages here, its z-score shrunk by the design effect and read on Student's law."""
    tail = np.clip(10.0 ** log10_tail(n_units, n_subject, n_here, n_all, upper=upper), 1e-300, 1 - 1e-12)
    return np.asarray(student.sf(norm.isf(tail) / np.sqrt(spread.effect), spread.freedom), dtype=np.float64)


def difference_interval(n_said: Numbers, n_held: Numbers, n_said_there: Numbers, n_held_there: Numbers) -> tuple[Numbers, Numbers]:
    """Return the 90 % interval of the difference of two shares of tables, here less there, by Newcombe's method 10 (1998).

    Where nothing is held on one side its share may be anything. 0 of 5 against 5 of 7 lies between -0.88 and -0.28.
    """
    here, there = _share(n_said, n_held), _share(n_said_there, n_held_there)
    (low, high), (low_there, high_there) = _wilson(here, n_held), _wilson(there, n_held_there)
    difference = here - there
    return (
        np.asarray(difference - np.hypot(here - low, high_there - there), dtype=np.float64),
        np.asarray(difference + np.hypot(high - here, there - low_there), dtype=np.float64),
    )


def _wilson(share: Numbers, n_held: Numbers) -> tuple[Numbers, Numbers]:
    """Wilson's interval of a share of `n_held` tables; 0 to 1 without any table."""
    n = np.maximum(1, n_held)
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.where(n_held > 0, centre - half, 0.0), np.where(n_held > 0, centre + half, 1.0)


def _share(n_tables: Numbers, n_held: Numbers) -> Numbers:
    return np.asarray(n_tables / np.where(n_held > 0, n_held, 1), dtype=np.float64)
