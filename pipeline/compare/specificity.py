"""Lafon's specificity and the smoothed log-odds of Monroe et al.

In:   counts of passages
Out:  signed -log10 tails; log-odds and their z-scores
"""

import numpy as np
from scipy.stats import hypergeom

from pipeline.compare.counts import Counts, Numbers


def specificity(n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: float) -> Numbers:
    """-log10 P(X ≥ n_units) where the subject is at least as present as chance would have it, else log10 P(X ≤ n_units).

    X is hypergeometric: `n_here` passages drawn from `n_all`, of which `n_subject` are the subject's. Exact tails, never infinite.
    """
    is_over = n_units * n_all >= n_subject * n_here
    over = -log10_tail(n_units, n_subject, n_here, n_all, upper=True)
    under = log10_tail(n_units, n_subject, n_here, n_all, upper=False)
    return np.where(is_over, over, under) + 0.0  # + 0.0 turns -0.0 into 0.0


def log10_tail(n_units: Numbers, n_subject: Numbers, n_here: Numbers, n_all: Numbers | float, *, upper: bool) -> Numbers:
    """log10 of P(X ≥ n_units) or of P(X ≤ n_units); where the tail is too small for a float, its logarithm is summed term by term."""
    counts = [np.asarray(column, dtype=np.int64) for column in np.broadcast_arrays(n_units, n_all, n_subject, n_here)]
    at, law = counts[0] - upper, counts[1:]
    tail = np.asarray((hypergeom.sf if upper else hypergeom.cdf)(at, *law))
    with np.errstate(divide="ignore"):
        logs = np.log10(tail)
    tiny = ~(tail > 1e-280)
    if tiny.any():
        slow = (hypergeom.logsf if upper else hypergeom.logcdf)(at[tiny], *(column[tiny] for column in law))
        logs[tiny] = slow / np.log(10)
    return np.asarray(logs, dtype=np.float64)


def log_odds(counts: Counts, prior_units: float) -> tuple[Numbers, Numbers]:
    """Log-odds of each subject here against elsewhere, and their z-scores, (n_subjects, n_territories).

    Monroe, Colaresi and Quinn (2008): each side is first given `prior_units` passages that say what everybody says, so that a few
    passages are drawn to the common talk. A single territory has no elsewhere and gets zeros.
    """
    here, all_here = counts.n_units, counts.n_here
    there, all_there = counts.n_subject - here, counts.n_all - all_here
    prior = prior_units * np.clip(counts.n_subject / max(1.0, counts.n_all), 1e-9, 1 - 1e-9)
    sides = [np.log(n + prior) - np.log(total + prior_units - n - prior) for n, total in ((here, all_here), (there, all_there))]
    odds = np.where(all_there > 0, sides[0] - sides[1], 0.0)
    return odds, odds / np.sqrt(1 / (here + prior) + 1 / (there + prior))
