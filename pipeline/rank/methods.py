"""Other ways to rank on the same criteria and weights, to cross-check the weighted sum with.

In:   criteria (n_alternatives, n_criteria), the more the better; weights (n_criteria,)
Out:  a closeness (n_alternatives,), the higher the better

TOPSIS: Hwang and Yoon (1981). VIKOR: Opricovic and Tzeng (2004), with the strategy of the majority at one half.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_MAJORITY = 0.5  # VIKOR's weight of the summed regrets against the worst one


def topsis(criteria: Matrix, weights: Matrix) -> Matrix:
    """Nearness to the ideal against the anti-ideal, 0..1; 0 where no criterion tells two alternatives apart."""
    weighted = weights / weights.sum() * _over(criteria, np.linalg.norm(criteria, axis=0))
    to_best = np.linalg.norm(weighted - weighted.max(axis=0), axis=1)
    to_worst = np.linalg.norm(weighted - weighted.min(axis=0), axis=1)
    return _over(to_worst, to_best + to_worst)


def vikor(criteria: Matrix, weights: Matrix) -> Matrix:
    """One minus VIKOR's Q: 1 for the best compromise; a criterion that tells nothing apart counts for nothing."""
    best, spread = criteria.max(axis=0), np.ptp(criteria, axis=0)
    regrets = weights / weights.sum() * _over(best - criteria, spread)
    summed, worst = regrets.sum(axis=1), regrets.max(axis=1)
    parts = [_over(part - part.min(), np.ptp(part)) for part in (summed, worst)]
    return 1 - (_MAJORITY * parts[0] + (1 - _MAJORITY) * parts[1])


OTHER_METHODS: dict[str, Callable[[Matrix, Matrix], Matrix]] = {"topsis": topsis, "vikor": vikor}


def _over(numerator: Matrix, denominator: Matrix | float) -> Matrix:
    """The quotient, 0 where the denominator is."""
    return np.asarray(np.where(np.asarray(denominator) > 0, numerator / np.where(np.asarray(denominator) > 0, denominator, 1), 0))
