"""Say in plain French whether a subject is more or less present in a territory, or that the material is too thin to say.

In:   Counts of one kind of subject (themes, or codes); tables where each was said, tables held
Out:  one of pipeline.tables.VERDICTS, an adjusted p-value and whether it is a lead, a cell

How far tables are independent witnesses of a subject: those that say it out of all proportion, and how much the others vary.

At how many tables of a territory a subject was said, with an interval from workshops, and tables within them, resampled.
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

_OUT_OF_PROPORTION = (
    1e-3  # chance that a table like the others of its territory says a subject as much
)
_COMMON_TALK = 20.0  # passages of the study's talk lent to a territory's other tables before their rate is taken
_FEWEST_SUBJECTS = 4  # from which subjects tell how design effects vary
_MOST_FREEDOM = 1e4
_CUT_BACK = 3.0  # times the median
_OUTLYING = 0.01
_MAD = 1.4826  # makes a median absolute deviation a standard deviation


@dataclass(frozen=True)
class Witnesses:
    """`said` and `sizes`, (n_circles, n_subjects), 0 for a circle not heard on a subject; `place`, (n_circles,); sums by territory."""

    said: Numbers
    sizes: Numbers
    place: NDArray[np.intp]
    n_units: Numbers
    n_here: Numbers

    @property
    def n_subject(self) -> Numbers:
        """Passages of each subject: (n_subjects, 1)."""
        return np.asarray(self.n_units.sum(axis=1, keepdims=True))

    @property
    def n_all(self) -> Numbers:
        """All passages heard on each subject: (n_subjects, 1)."""
        return np.asarray(self.n_here.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Spread:
    """`effect`, (n_subjects, n_territories), at least 1: variance of a territory set against the others over what independence would give.

    `freedom`, (n_subjects, 1), is how many degrees of freedom that is known from.
    """

    effect: Numbers
    freedom: Numbers


def hear(counts: Counts) -> Witnesses:
    """Return the circles of `counts`, each without the subjects that it says out of all proportion to the others of its territory."""
    is_heard = ~_out_of_proportion(counts)
    said, sizes = counts.said * is_heard, counts.sizes[:, None] * is_heard
    return Witnesses(
        said, sizes, counts.place, counts.by_territory(said).T, counts.by_territory(sizes).T
    )


def spread_of(counts: Counts, heard: Witnesses) -> Spread:
    """Return the design effects, each drawn to those of the other subjects by as much as they are alike (Smyth 2004).

    Few circles tell little about one subject's; a subject that stands out against the others keeps its own. What subjects have in common
    is taken before any circle goes unheard, as variance would be too small without the ends of its law.
    """
    own, freedom = _own_effects(heard), float(_freedom(heard.place))
    is_frequent = (own > 0) & (heard.n_subject[:, 0] >= freedom)
    common, weight = _common_effect(
        _own_effects(_everyone(counts))[is_frequent], own[is_frequent], freedom
    )
    effect = (weight * common + freedom * own) / (weight + freedom)
    stands_out = (
        fisher.sf(own / common, freedom, max(weight, 1.0)) < _OUTLYING
        if weight
        else np.ones(len(own), dtype=bool)
    )
    effect = np.where(stands_out, own, effect)
    return Spread(
        _by_cell(heard, np.maximum(1.0, effect)),
        np.where(stands_out, freedom, freedom + weight)[:, None],
    )


def _by_cell(heard: Witnesses, effect: Numbers) -> Numbers:
    """`effect`, (n_subjects,), by territory: passages of a circle being equally alike, it grows with the size of a territory's circles."""
    squares = np.zeros(heard.n_here.T.shape)
    np.add.at(squares, heard.place, heard.sizes**2)
    mean_size = squares.sum(axis=0) / np.maximum(1, heard.n_all[:, 0])
    alike = ((effect - 1) / np.maximum(1.0, mean_size - 1))[:, None]
    there = heard.n_all - heard.n_here
    here_size = squares.T / np.maximum(1, heard.n_here)
    there_size = (squares.sum(axis=0)[:, None] - squares.T) / np.maximum(1, there)
    part = heard.n_here / np.maximum(1, heard.n_all)
    return np.asarray(np.maximum(1.0, 1 + alike * ((1 - part) * here_size + part * there_size - 1)))


def _out_of_proportion(counts: Counts) -> NDArray[np.bool_]:
    """(n_circles, n_subjects): whether a circle says a subject more than its territory's others, and the study, let expect."""
    usual = float(np.median(np.maximum(1.0, _own_effects(_everyone(counts)))))
    mean_size = (counts.sizes**2).sum() / max(1.0, counts.n_all)
    alike = (usual - 1) / max(1.0, mean_size - 1)  # how much two passages of one circle are alike
    others = (counts.n_subject[:, 0] - counts.said) / np.maximum(1, counts.n_all - counts.sizes)[
        :, None
    ]
    here = counts.n_units.T[counts.place] - counts.said + _COMMON_TALK * others
    rate = np.clip(
        here / (counts.n_here[0][counts.place] - counts.sizes + _COMMON_TALK)[:, None],
        1e-9,
        1 - 1e-9,
    )
    tail = np.clip(binom.sf(counts.said - 1, counts.sizes[:, None], rate), 1e-300, 1.0)
    z_score = norm.isf(tail) / np.sqrt(1 + (counts.sizes[:, None] - 1) * alike)
    return np.asarray(z_score > norm.isf(_OUT_OF_PROPORTION))


def _everyone(counts: Counts) -> Witnesses:
    """All circles of `counts`, each heard on every subject."""
    n_subjects = len(counts.subject_ids)
    sizes, n_here = (
        np.repeat(counts.sizes[:, None], n_subjects, axis=1),
        np.repeat(counts.n_here, n_subjects, axis=0),
    )
    return Witnesses(counts.said, sizes, counts.place, counts.n_units, n_here)


def _own_effects(heard: Witnesses) -> Numbers:
    """Each subject's own, (n_subjects,); 1 where it says nothing."""
    rates = heard.n_units / np.maximum(heard.n_here, 1)
    seen = ((heard.said - heard.sizes * rates.T[heard.place]) ** 2).sum(axis=0)
    expected = (heard.n_units * (1 - rates)).sum(axis=1)
    n_circles = (heard.sizes > 0).sum(axis=0)
    correction = n_circles / np.maximum(1, n_circles - len(set(heard.place)))
    return np.where(expected > 0, seen / np.where(expected > 0, expected, 1) * correction, 1.0)


def _freedom(place: NDArray[np.intp]) -> int:
    return max(1, len(place) - len(set(place)))


def _common_effect(whole: Numbers, own: Numbers, freedom: float) -> tuple[float, float]:
    """The mean of `whole`, what stands out cut back, and the degrees of freedom that it is worth, from how much `own` vary beyond chance.

    (1, 0) from too few subjects.
    """
    if len(own) < _FEWEST_SUBJECTS:
        return 1.0, 0.0
    common = float(np.minimum(whole, _CUT_BACK * np.median(whole)).mean())
    logs = np.log(own)
    beyond = (_MAD * float(np.median(np.abs(logs - np.median(logs))))) ** 2 - float(
        polygamma(1, freedom / 2)
    )
    return common, min(
        _MOST_FREEDOM, 2 * _inverse_trigamma(beyond)
    ) if beyond > 1e-3 else _MOST_FREEDOM


def _inverse_trigamma(value: float) -> float:
    """y such that trigamma(y) is `value`, by Newton's method on its inverse (Smyth 2004, appendix)."""
    y = 0.5 + 1 / value
    for _ in range(50):
        found = float(polygamma(1, y))
        step = found * (1 - found / value) / float(polygamma(2, y))
        y += step
        if -step < 1e-8 * y:
            break
    return y


_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS
_WITHOUT_ONE = 0.01  # what is affirmed holds at this level, by itself, without any one circle
_LEAD, _LEAD_WITHOUT_ONE = (
    0.05,
    0.10,
)  # likewise for a lead, which is held by itself, not among all cells
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
    n_held = np.where(
        counts.n_here > 0, n_held, 0.0
    )  # tables of a territory that left no passage at all tell nothing, here or elsewhere
    heard = hear(counts)
    spread = spread_of(counts, heard)
    can_tell = _has_material(counts, heard, spread, n_held, settings)
    p_value = {
        upper: _shrunk_p(
            spread, heard.n_units, heard.n_subject, heard.n_here, heard.n_all, upper=upper
        )
        for upper in (True, False)
    }
    q_value = {upper: _adjusted(p_value[upper], can_tell) for upper in (True, False)}
    weakest = {
        upper: _p_without_one(heard, spread, can_tell & (p_value[upper] <= _LEAD), upper=upper)
        for upper in (True, False)
    }
    n_elsewhere, held_elsewhere = (
        n_tables.sum(axis=1, keepdims=True) - n_tables,
        n_held.sum() - n_held,
    )
    share, elsewhere = _share(n_tables, n_held), _share(n_elsewhere, held_elsewhere)
    may_be_more, may_be_less = (
        (can_tell & (n_tables > 1) & (share >= elsewhere)),
        (can_tell & (n_elsewhere > 1) & (share <= elsewhere)),
    )
    rate = settings.false_discovery_rate
    is_more = may_be_more & (q_value[True] <= rate) & (weakest[True] <= _WITHOUT_ONE)
    is_less = may_be_less & (q_value[False] <= rate) & (weakest[False] <= _WITHOUT_ONE)
    is_lead = (
        may_be_more & ~is_more & (p_value[True] <= _LEAD) & (weakest[True] <= _LEAD_WITHOUT_ONE)
    )
    low, high = difference_interval(n_tables, n_held, n_elsewhere, held_elsewhere)
    is_alike = can_tell & ~is_lead & (low >= -_ALIKE_WITHIN) & (high <= _ALIKE_WITHIN)
    verdict = np.full(can_tell.shape, _TOO_LITTLE, dtype=object)
    verdict[is_alike], verdict[is_more], verdict[is_less] = _ALIKE, _MORE, _LESS
    return Judged(
        verdict, np.where(p_value[True] <= p_value[False], q_value[True], q_value[False]), is_lead
    )


def _adjusted(p_values: Numbers, can_tell: Bools) -> Numbers:
    """Benjamini and Hochberg's adjusted p-values of the cells that could be tested, doubled for the other side; 1 for other cells."""
    q_values = np.ones_like(p_values)
    if can_tell.any():
        q_values[can_tell] = np.minimum(1.0, 2 * false_discovery_control(p_values[can_tell]))
    return q_values


def _has_material(
    counts: Counts, heard: Witnesses, spread: Spread, n_held: Numbers, settings: CompareSettings
) -> Bools:
    most, fewest = (
        np.minimum(heard.n_subject, heard.n_here),
        np.maximum(0, heard.n_subject + heard.n_here - heard.n_all),
    )
    sums = heard.n_subject, heard.n_here, heard.n_all
    least = np.minimum(
        _shrunk_p(spread, most, *sums, upper=True), _shrunk_p(spread, fewest, *sums, upper=False)
    )
    has_tables = (
        np.minimum(n_held, n_held.sum() - n_held) >= settings.min_tables
    )  # here, and elsewhere to set them against
    enough = has_tables & (counts.n_subject >= settings.min_units) & (counts.n_here < counts.n_all)
    return np.asarray(enough & (least <= settings.false_discovery_rate))


def _p_without_one(heard: Witnesses, spread: Spread, cells: Bools, *, upper: bool) -> Numbers:
    """The largest p-value left of `cells` once one circle is out: the one here that says most for the difference, or the one elsewhere.

    1 for the other cells.
    """
    rates = heard.n_subject / np.maximum(1, heard.n_all)
    weight = (heard.said - heard.sizes * rates[:, 0]) * (
        1 if upper else -1
    )  # for "more" where it is here, against where it is elsewhere
    subject, territory = np.nonzero(cells)
    known = Spread(spread.effect[cells], spread.freedom[subject, 0])
    found = np.ones(cells.shape)
    found[cells] = 0.0
    for circles, is_here in (
        (_most_here(weight, heard), 1.0),
        (_most_elsewhere(-weight, heard), 0.0),
    ):
        circle = circles[subject, territory]
        said = np.where(circle >= 0, heard.said[circle, subject], 0)
        size = np.where(circle >= 0, heard.sizes[circle, subject], 0)
        n_units, n_here = (
            heard.n_units[cells] - said * is_here,
            heard.n_here[cells] - size * is_here,
        )
        left = _shrunk_p(
            known,
            n_units,
            heard.n_subject[subject, 0] - said,
            n_here,
            heard.n_all[subject, 0] - size,
            upper=upper,
        )
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


def _shrunk_p(
    spread: Spread,
    n_units: Numbers,
    n_subject: Numbers,
    n_here: Numbers,
    n_all: Numbers,
    *,
    upper: bool,
) -> Numbers:
    """One-sided hypergeometric p of `n_units` passages here, its z-score shrunk by the design effect and read on Student's law."""
    tail = np.clip(
        10.0 ** log10_tail(n_units, n_subject, n_here, n_all, upper=upper), 1e-300, 1 - 1e-12
    )
    return np.asarray(
        student.sf(norm.isf(tail) / np.sqrt(spread.effect), spread.freedom), dtype=np.float64
    )


def difference_interval(
    n_said: Numbers, n_held: Numbers, n_said_there: Numbers, n_held_there: Numbers
) -> tuple[Numbers, Numbers]:
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


_INTERVAL = (0.05, 0.95)


def share_intervals(
    rows: pd.DataFrame,
    n_tables: pd.Series,
    territory_of: pd.Series,
    rng: np.random.Generator,
    n_draws: int,
) -> pd.DataFrame:
    """Return the shares of every subject and territory; 0..1, and 0 where the territory held no table."""
    subject_ids = sorted(set(rows["subject_id"]))
    said_once = rows[rows["is_said"]].drop_duplicates(["subject_id", "circle_id"])
    said = {str(workshop_id): here for workshop_id, here in said_once.groupby("workshop_id")}
    parts = []
    for territory in sorted(set(territory_of)):
        held = n_tables[
            [
                workshop_id
                for workshop_id in n_tables.index
                if territory_of[workshop_id] == territory
            ]
        ]
        chosen = resample(rng, len(held), n_draws)
        said_in = np.zeros((n_draws + 1, len(subject_ids)))
        for place, (workshop_id, n_held) in enumerate(held.items()):
            drawn = _drawn(
                said.get(str(workshop_id), said_once.head(0)),
                subject_ids,
                int(n_held),
                rng,
                n_draws,
            )
            said_in += chosen[:, [place]] * drawn
        parts.append(
            _summed_up(said_in, chosen @ held.to_numpy(dtype=np.float64), subject_ids, territory)
        )
    return pd.concat(parts)


def _drawn(
    said: pd.DataFrame, subject_ids: list[str], n_held: int, rng: np.random.Generator, n_draws: int
) -> NDArray[np.float64]:
    """Tables of one workshop where each subject was said, in each draw: (n_draws + 1, n_subjects)."""
    circles = sorted(set(said["circle_id"]))
    matrix = np.zeros((len(circles), len(subject_ids)))
    places = (
        pd.Categorical(said["circle_id"], categories=circles).codes,
        pd.Categorical(said["subject_id"], categories=subject_ids).codes,
    )
    matrix[places] = 1
    return np.asarray(resample(rng, n_held, n_draws)[:, : len(circles)] @ matrix)


def _summed_up(
    said_in: NDArray[np.float64], held: NDArray[np.float64], subject_ids: list[str], territory: str
) -> pd.DataFrame:
    """One territory's rows, from tables that said each subject, (n_draws + 1, n_subjects), of those held in each draw, (n_draws + 1,).

    Where no table or every table said it, resampling is blind and the bound is the exact binomial one.
    """
    shares = said_in / np.maximum(1, held)[:, None]
    low, high = np.quantile(shares[1:], _INTERVAL, axis=0)
    n_held, observed = int(held[0]), said_in[0]
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
