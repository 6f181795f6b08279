"""Say whether a subject is more or less present in a territory, or whether material is too thin.

In:   Counts of one kind of subject (themes, or codes); tables where each was said, tables held
Out:  for each cell one of pipeline.tables.VERDICTS, an adjusted p-value, and whether it is a lead;
      shares of tables, with intervals from workshops and tables resampled

Tables of a territory are not independent: loud ones are left out, and tests are shrunk.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import polygamma
from scipy.stats import binom, false_discovery_control, norm
from scipy.stats import f as fisher
from scipy.stats import t as student

from pipeline.compare.counts import Counts, Numbers, log10_tail
from pipeline.counting import resample
from pipeline.settings.sections import CompareSettings
from pipeline.tables.schema import VERDICTS

# chance of as many passages at an ordinary table
_OUT_OF_PROPORTION = 1e-3
# Prior passages of the study added to a territory's other tables.
_COMMON_TALK = 20.0
_FEWEST_SUBJECTS = 4  # fewest subjects that show how effects vary
_MOST_FREEDOM = 1e4
_CUT_BACK = 3.0  # times the median
_OUTLYING = 0.01
_MAD = 1.4826  # makes a median absolute deviation a standard deviation
_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS
_WITHOUT_ONE = 0.01  # p-value of a single test without any one circle
# The same for a lead, tested by itself.
_LEAD, _LEAD_WITHOUT_ONE = 0.05, 0.10
# Largest difference, in share of tables, of two shares that are alike.
_ALIKE_WITHIN = 1 / 3
_SEVERAL = 2  # tables that say a subject, here and elsewhere, before it is said alike
_Z = float(norm.isf(0.05))  # both ends of a 90 % interval
Bools = NDArray[np.bool_]
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class HeardCounts:
    """`by_circle` and `sizes` (n_circles, n_subjects), 0 where a loud circle is left out."""

    by_circle: Numbers
    sizes: Numbers
    territory_index: NDArray[np.intp]
    n_units: Numbers
    n_here: Numbers

    @property
    def n_subject(self) -> Numbers:
        """Passages of each subject, (n_subjects, 1)."""
        return np.asarray(self.n_units.sum(axis=1, keepdims=True))

    @property
    def n_all(self) -> Numbers:
        """All passages heard on each subject, (n_subjects, 1)."""
        return np.asarray(self.n_here.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class DesignEffects:
    """`effect` (n_subjects, n_territories), at least 1: variance over that of independent passages.

    `freedom` (n_subjects, 1) holds its degrees of freedom.
    """

    effect: Numbers
    freedom: Numbers


def leave_out_loud_circles(counts: Counts) -> HeardCounts:
    """Return the circles without the subjects that each says out of all proportion."""
    is_heard = ~_out_of_proportion(counts)
    by_circle, sizes = counts.by_circle * is_heard, counts.sizes[:, None] * is_heard
    return HeardCounts(
        by_circle,
        sizes,
        counts.territory_index,
        counts.by_territory(by_circle).T,
        counts.by_territory(sizes).T,
    )


def design_effects(counts: Counts, heard: HeardCounts) -> DesignEffects:
    """Return the design effects, shrunk towards each other by their likeness (Smyth 2004).

    An outlier keeps its own. The common effect includes all circles: without extremes, variance
    would be too small.
    """
    own = _own_effects(heard)
    freedom = float(max(1, len(heard.territory_index) - len(set(heard.territory_index))))
    is_frequent = (own > 0) & (heard.n_subject[:, 0] >= freedom)
    of_all_circles = _own_effects(_every_circle(counts))
    common, weight = _common_effect(of_all_circles[is_frequent], own[is_frequent], freedom)
    effect = (weight * common + freedom * own) / (weight + freedom)
    stands_out = (
        fisher.sf(own / common, freedom, max(weight, 1.0)) < _OUTLYING
        if weight
        else np.ones(len(own), dtype=bool)
    )
    effect = np.where(stands_out, own, effect)
    return DesignEffects(
        _by_cell(heard, np.maximum(1.0, effect)),
        np.where(stands_out, freedom, freedom + weight)[:, None],
    )


def _by_cell(heard: HeardCounts, effect: Numbers) -> Numbers:
    squares = np.zeros(heard.n_here.T.shape)
    np.add.at(squares, heard.territory_index, heard.sizes**2)
    mean_size = squares.sum(axis=0) / np.maximum(1, heard.n_all[:, 0])
    alike = ((effect - 1) / np.maximum(1.0, mean_size - 1))[:, None]
    there = heard.n_all - heard.n_here
    here_size = squares.T / np.maximum(1, heard.n_here)
    there_size = (squares.sum(axis=0)[:, None] - squares.T) / np.maximum(1, there)
    part = heard.n_here / np.maximum(1, heard.n_all)
    return np.asarray(np.maximum(1.0, 1 + alike * ((1 - part) * here_size + part * there_size - 1)))


def _out_of_proportion(counts: Counts) -> NDArray[np.bool_]:
    usual = float(np.median(np.maximum(1.0, _own_effects(_every_circle(counts)))))
    mean_size = (counts.sizes**2).sum() / max(1.0, counts.n_all)
    alike = (usual - 1) / max(1.0, mean_size - 1)  # correlation within a circle
    size_of_others = np.maximum(1, counts.n_all - counts.sizes)[:, None]
    others = (counts.n_subject[:, 0] - counts.by_circle) / size_of_others
    here = counts.n_units.T[counts.territory_index] - counts.by_circle + _COMMON_TALK * others
    size_here = (counts.n_here[0][counts.territory_index] - counts.sizes + _COMMON_TALK)[:, None]
    rate = np.clip(here / size_here, 1e-9, 1 - 1e-9)
    tail = np.clip(binom.sf(counts.by_circle - 1, counts.sizes[:, None], rate), 1e-300, 1.0)
    z_score = norm.isf(tail) / np.sqrt(1 + (counts.sizes[:, None] - 1) * alike)
    return np.asarray(z_score > norm.isf(_OUT_OF_PROPORTION))


def _every_circle(counts: Counts) -> HeardCounts:
    n_subjects = len(counts.subject_ids)
    sizes = np.repeat(counts.sizes[:, None], n_subjects, axis=1)
    n_here = np.repeat(counts.n_here, n_subjects, axis=0)
    return HeardCounts(counts.by_circle, sizes, counts.territory_index, counts.n_units, n_here)


def _own_effects(heard: HeardCounts) -> Numbers:
    rates = heard.n_units / np.maximum(heard.n_here, 1)
    squares = ((heard.by_circle - heard.sizes * rates.T[heard.territory_index]) ** 2).sum(axis=0)
    expected = (heard.n_units * (1 - rates)).sum(axis=1)
    n_circles = (heard.sizes > 0).sum(axis=0)
    correction = n_circles / np.maximum(1, n_circles - len(set(heard.territory_index)))
    return np.where(expected > 0, squares / np.where(expected > 0, expected, 1) * correction, 1.0)


def _common_effect(whole: Numbers, own: Numbers, freedom: float) -> tuple[float, float]:
    """The mean of `whole`, outliers cut back, and its degrees of freedom; (1, 0) for too few
    subjects.
    """
    if len(own) < _FEWEST_SUBJECTS:
        return 1.0, 0.0
    common = float(np.minimum(whole, _CUT_BACK * np.median(whole)).mean())
    logs = np.log(own)
    beyond = (_MAD * float(np.median(np.abs(logs - np.median(logs))))) ** 2 - float(
        polygamma(1, freedom / 2)
    )
    if beyond <= 1e-3:
        return common, _MOST_FREEDOM
    return common, min(_MOST_FREEDOM, 2 * _inverse_trigamma(beyond))


def _inverse_trigamma(value: float) -> float:
    """Newton's method on the inverse (Smyth 2004, appendix)."""
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, y))
        y += step
        if -step < 1e-8 * y:
            break
    return y


@dataclass(frozen=True)
class Verdicts:
    """By subject and territory; p-values are adjusted, 1 where untested."""

    verdict: NDArray[np.object_]
    q_value: Numbers
    is_lead: Bools


def judge(
    counts: Counts,
    n_tables: Numbers,
    n_held: Numbers,
    settings: CompareSettings,
    *,
    n_high: Numbers | None = None,
) -> Verdicts:
    """Return the verdicts; "more" and "less" cells each get half the false discovery rate.

    `n_tables` (n_subjects, n_territories) counts tables that said each subject, of `n_held` (1,
    n_territories); `n_high` adds those left to check, if any. A difference must hold without any
    one circle; a lead, "more" by its own test, is to be checked. Alike: several tables here and
    elsewhere say it, it differs nowhere, and the 90 % interval of the difference stays within a
    third of the tables, whatever is left to check. All else is too little material.
    """
    # Without a passage, a territory's tables count nowhere.
    n_held = np.where(counts.n_here > 0, n_held, 0.0)
    heard = leave_out_loud_circles(counts)
    effects = design_effects(counts, heard)
    can_tell = _has_material(counts, heard, effects, n_held, settings)
    p_value = {
        upper: _shrunk_p(
            effects, heard.n_units, heard.n_subject, heard.n_here, heard.n_all, upper=upper
        )
        for upper in (True, False)
    }
    q_value = {upper: _adjusted(p_value[upper], can_tell) for upper in (True, False)}
    weakest = {
        upper: _p_without_one(heard, effects, can_tell & (p_value[upper] <= _LEAD), upper=upper)
        for upper in (True, False)
    }
    n_elsewhere = n_tables.sum(axis=1, keepdims=True) - n_tables
    held_elsewhere = n_held.sum() - n_held
    share, elsewhere = _share(n_tables, n_held), _share(n_elsewhere, held_elsewhere)
    may_be_more = can_tell & (n_tables > 1) & (share >= elsewhere)
    may_be_less = can_tell & (n_elsewhere > 1) & (share <= elsewhere)
    rate = settings.false_discovery_rate
    is_more = may_be_more & (q_value[True] <= rate) & (weakest[True] <= _WITHOUT_ONE)
    is_less = may_be_less & (q_value[False] <= rate) & (weakest[False] <= _WITHOUT_ONE)
    is_lead = (
        may_be_more & ~is_more & (p_value[True] <= _LEAD) & (weakest[True] <= _LEAD_WITHOUT_ONE)
    )
    differs = (is_more | is_less | is_lead).any(axis=1, keepdims=True)
    is_said = (n_tables >= _SEVERAL) & (n_elsewhere >= _SEVERAL)
    high = np.where(n_held > 0, n_tables if n_high is None else n_high, 0.0)
    high_elsewhere = high.sum(axis=1, keepdims=True) - high
    least, _ = difference_interval(n_tables, n_held, high_elsewhere, held_elsewhere)
    _, most = difference_interval(high, n_held, n_elsewhere, held_elsewhere)
    is_near = (least >= -_ALIKE_WITHIN) & (most <= _ALIKE_WITHIN)
    is_alike = can_tell & is_said & is_near & ~differs
    verdict = np.full(can_tell.shape, _TOO_LITTLE, dtype=object)
    verdict[is_alike], verdict[is_more], verdict[is_less] = _ALIKE, _MORE, _LESS
    q_of_side = np.where(p_value[True] <= p_value[False], q_value[True], q_value[False])
    return Verdicts(verdict, q_of_side, is_lead)


def _adjusted(p_values: Numbers, can_tell: Bools) -> Numbers:
    """Benjamini and Hochberg's p-values of testable cells, doubled for two sides; else 1."""
    q_values = np.ones_like(p_values)
    if can_tell.any():
        q_values[can_tell] = np.minimum(1.0, 2 * false_discovery_control(p_values[can_tell]))
    return q_values


def _has_material(
    counts: Counts,
    heard: HeardCounts,
    effects: DesignEffects,
    n_held: Numbers,
    settings: CompareSettings,
) -> Bools:
    most = np.minimum(heard.n_subject, heard.n_here)
    fewest = np.maximum(0, heard.n_subject + heard.n_here - heard.n_all)
    sums = heard.n_subject, heard.n_here, heard.n_all
    least = np.minimum(
        _shrunk_p(effects, most, *sums, upper=True), _shrunk_p(effects, fewest, *sums, upper=False)
    )
    # Here and elsewhere.
    has_tables = np.minimum(n_held, n_held.sum() - n_held) >= settings.min_tables
    enough = has_tables & (counts.n_subject >= settings.min_units) & (counts.n_here < counts.n_all)
    return np.asarray(enough & (least <= settings.false_discovery_rate))


def _p_without_one(
    heard: HeardCounts, effects: DesignEffects, cells: Bools, *, upper: bool
) -> Numbers:
    """The largest p-value without the heaviest circle; 1 outside `cells`."""
    rates = heard.n_subject / np.maximum(1, heard.n_all)
    # Positive where a circle here supports the difference, or one elsewhere opposes it.
    weight = (heard.by_circle - heard.sizes * rates[:, 0]) * (1 if upper else -1)
    subject, territory = np.nonzero(cells)
    effects_of_cells = DesignEffects(effects.effect[cells], effects.freedom[subject, 0])
    largest = np.ones(cells.shape)
    largest[cells] = 0.0
    most_here, most_elsewhere = _most_here(weight, heard), _most_elsewhere(-weight, heard)
    for circles, is_here in ((most_here, 1.0), (most_elsewhere, 0.0)):
        circle = circles[subject, territory]
        said = np.where(circle >= 0, heard.by_circle[circle, subject], 0)
        size = np.where(circle >= 0, heard.sizes[circle, subject], 0)
        left = _shrunk_p(
            effects_of_cells,
            heard.n_units[cells] - said * is_here,
            heard.n_subject[subject, 0] - said,
            heard.n_here[cells] - size * is_here,
            heard.n_all[subject, 0] - size,
            upper=upper,
        )
        largest[cells] = np.maximum(largest[cells], left)
    return largest


def _most_here(weight: Numbers, heard: HeardCounts) -> NDArray[np.intp]:
    n_subjects, n_territories = heard.n_units.shape
    most = np.full((n_subjects, n_territories), -1)
    for territory in range(n_territories):
        circles = np.flatnonzero(heard.territory_index == territory)
        if len(circles):
            most[:, territory] = circles[weight[circles].argmax(axis=0)]
    return most


def _most_elsewhere(weight: Numbers, heard: HeardCounts) -> NDArray[np.intp]:
    here = _most_here(weight, heard)
    n_subjects, n_territories = heard.n_units.shape
    subjects = np.arange(n_subjects)
    heights = np.where(here >= 0, weight[here, subjects[:, None]], -np.inf)
    most = np.full_like(here, -1)
    for territory in range(n_territories):
        others = np.delete(np.arange(n_territories), territory)
        if len(others):
            most[:, territory] = here[subjects, others[heights[:, others].argmax(axis=1)]]
    return most


def _shrunk_p(
    effects: DesignEffects,
    n_units: Numbers,
    n_subject: Numbers,
    n_here: Numbers,
    n_all: Numbers,
    *,
    upper: bool,
) -> Numbers:
    """One-sided hypergeometric p, its z-score shrunk by the design effect, on Student's law."""
    tail = 10.0 ** log10_tail(n_units, n_subject, n_here, n_all, upper=upper)
    z_score = norm.isf(np.clip(tail, 1e-300, 1 - 1e-12)) / np.sqrt(effects.effect)
    return np.asarray(student.sf(z_score, effects.freedom), dtype=np.float64)


def difference_interval(
    n_said: Numbers, n_held: Numbers, n_said_there: Numbers, n_held_there: Numbers
) -> tuple[Numbers, Numbers]:
    """Return the 90 % interval of a difference of shares (Newcombe 1998, method 10).

    A side without tables may have any share. 0 of 5 against 5 of 7 lies between -0.90 and -0.25.
    """
    here, there = _share(n_said, n_held), _share(n_said_there, n_held_there)
    (low, high), (low_there, high_there) = _wilson(here, n_held), _wilson(there, n_held_there)
    difference = here - there
    return (
        np.asarray(difference - np.hypot(here - low, high_there - there), dtype=np.float64),
        np.asarray(difference + np.hypot(high - here, there - low_there), dtype=np.float64),
    )


def _wilson(share: Numbers, n_held: Numbers) -> tuple[Numbers, Numbers]:
    n = np.maximum(1, n_held)
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.where(n_held > 0, centre - half, 0.0), np.where(n_held > 0, centre + half, 1.0)


def _share(n_tables: Numbers, n_held: Numbers) -> Numbers:
    return np.asarray(n_tables / np.where(n_held > 0, n_held, 1), dtype=np.float64)


def share_intervals(
    rows: pd.DataFrame,
    n_tables: pd.Series,
    territory_of: pd.Series,
    rng: np.random.Generator,
    n_draws: int,
) -> pd.DataFrame:
    """Return the shares of tables by subject and territory; 0 where it held none."""
    subject_ids = sorted(rows["subject_id"].unique())
    said_once = rows[rows["is_said"]].drop_duplicates(["subject_id", "circle_id"])
    said = {str(workshop_id): here for workshop_id, here in said_once.groupby("workshop_id")}
    parts = []
    for territory in sorted(set(territory_of)):
        is_here = [territory_of[workshop_id] == territory for workshop_id in n_tables.index]
        tables_here = n_tables[is_here]
        chosen = resample(rng, len(tables_here), n_draws)
        n_said = np.zeros((n_draws + 1, len(subject_ids)))
        for i, (workshop_id, n_held) in enumerate(tables_here.items()):
            rows_here = said.get(str(workshop_id), said_once.head(0))
            drawn = _tables_drawn(rows_here, subject_ids, int(n_held), rng, n_draws)
            n_said += chosen[:, [i]] * drawn
        n_drawn = chosen @ tables_here.to_numpy(dtype=np.float64)
        parts.append(_share_rows(n_said, n_drawn, subject_ids, territory))
    return pd.concat(parts)


def _tables_drawn(
    said: pd.DataFrame, subject_ids: list[str], n_held: int, rng: np.random.Generator, n_draws: int
) -> NDArray[np.float64]:
    circles = sorted(set(said["circle_id"]))
    matrix = np.zeros((len(circles), len(subject_ids)))
    cells = (
        pd.Categorical(said["circle_id"], categories=circles).codes,
        pd.Categorical(said["subject_id"], categories=subject_ids).codes,
    )
    matrix[cells] = 1
    return np.asarray(resample(rng, n_held, n_draws)[:, : len(circles)] @ matrix)


def _share_rows(
    n_said: NDArray[np.float64],
    n_drawn: NDArray[np.float64],
    subject_ids: list[str],
    territory: str,
) -> pd.DataFrame:
    """Where none or all of the tables said it, the bound is the exact binomial one."""
    shares = n_said / np.maximum(1, n_drawn)[:, None]
    low, high = np.quantile(shares[1:], _INTERVAL, axis=0)
    n_held, observed = int(n_drawn[0]), n_said[0]
    blind = _INTERVAL[0] ** (1 / max(1, n_held))
    index = pd.MultiIndex.from_product(
        [subject_ids, [territory]], names=["subject_id", "territory"]
    )
    return pd.DataFrame(
        {
            "n_tables": observed.astype(int),
            "share": shares[0].round(6),
            "share_low": np.where(observed == n_held, blind if n_held else 0.0, low).round(6),
            "share_high": np.where(observed == 0, 1 - blind if n_held else 1.0, high).round(6),
        },
        index=index,
    )
