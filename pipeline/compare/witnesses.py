"""How far tables are independent witnesses of a subject: those that say it out of all proportion, and how much the others vary.

In:   Counts
Out:  Witnesses (what remains once tables out of proportion are not heard on that subject), Spread (a design effect a subject)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma
from scipy.stats import binom, norm
from scipy.stats import f as fisher

from pipeline.compare.counts import Counts, Numbers

_OUT_OF_PROPORTION = 1e-3  # chance that a table like the others of its territory says a subject as much
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
    return Witnesses(said, sizes, counts.place, counts.by_territory(said).T, counts.by_territory(sizes).T)


def spread_of(counts: Counts, heard: Witnesses) -> Spread:
    """Return the design effects, each drawn to those of the other subjects by as much as they are alike (Smyth 2004).

    Few circles tell little about one subject's; a subject that stands out against the others keeps its own. What subjects have in common
    is taken before any circle goes unheard, as variance would be too small without the ends of its law.
    """
    own, freedom = _own_effects(heard), float(_freedom(heard.place))
    is_frequent = (own > 0) & (heard.n_subject[:, 0] >= freedom)
    common, weight = _common_effect(_own_effects(_everyone(counts))[is_frequent], own[is_frequent], freedom)
    effect = (weight * common + freedom * own) / (weight + freedom)
    stands_out = fisher.sf(own / common, freedom, max(weight, 1.0)) < _OUTLYING if weight else np.ones(len(own), dtype=bool)
    effect = np.where(stands_out, own, effect)
    return Spread(_by_cell(heard, np.maximum(1.0, effect)), np.where(stands_out, freedom, freedom + weight)[:, None])


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
    others = (counts.n_subject[:, 0] - counts.said) / np.maximum(1, counts.n_all - counts.sizes)[:, None]
    here = counts.n_units.T[counts.place] - counts.said + _COMMON_TALK * others
    rate = np.clip(here / (counts.n_here[0][counts.place] - counts.sizes + _COMMON_TALK)[:, None], 1e-9, 1 - 1e-9)
    tail = np.clip(binom.sf(counts.said - 1, counts.sizes[:, None], rate), 1e-300, 1.0)
    z_score = norm.isf(tail) / np.sqrt(1 + (counts.sizes[:, None] - 1) * alike)
    return np.asarray(z_score > norm.isf(_OUT_OF_PROPORTION))


def _everyone(counts: Counts) -> Witnesses:
    """All circles of `counts`, each heard on every subject."""
    n_subjects = len(counts.subject_ids)
    sizes, n_here = np.repeat(counts.sizes[:, None], n_subjects, axis=1), np.repeat(counts.n_here, n_subjects, axis=0)
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
    beyond = (_MAD * float(np.median(np.abs(logs - np.median(logs))))) ** 2 - float(polygamma(1, freedom / 2))
    return common, min(_MOST_FREEDOM, 2 * _inverse_trigamma(beyond)) if beyond > 1e-3 else _MOST_FREEDOM


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
