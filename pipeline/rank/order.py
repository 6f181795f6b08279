"""Order the themes of a scope by weighted score, and measure how their ranks move over the draws.

In:   a tally and the draws of weights
Out:  rows of priorities, best first
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.rank.criteria import CRITERIA
from pipeline.rank.tally import Tally

_DECIMALS = 6  # a score is compared and written with as many, so that the last bit of a sum never decides a rank
_INTERVAL = (0.05, 0.95)


def ranked_rows(scope: str, theme_ids: list[str], tally: Tally, weights: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return one row a theme heard in `scope`; ties go to more tables, then insistence, then passages, then theme_id."""
    shares = tally.shares()
    scores = np.round(sum(weights[:, [place]] * shares[name] for place, name in enumerate(CRITERIA)), _DECIMALS)
    heard = np.flatnonzero(tally.n_units)
    keys = (heard, -tally.n_units[heard], -shares["c_insistence"][0, heard], -shares["c_tables"][0, heard], -scores[0, heard])
    order = heard[np.lexsort(keys)]
    ranks = _ranks(scores[1:, order])
    lows, highs = np.quantile(ranks, _INTERVAL, axis=0, method="inverted_cdf").astype(int)
    return [
        {
            "scope": scope,
            "theme_id": theme_ids[theme],
            "rank": place + 1,
            "score": float(np.clip(scores[0, theme], 0, 1)),
            **{name: round(float(shares[name][0, theme]), _DECIMALS) for name in CRITERIA},
            **{f"p_top{n}": float(np.mean(ranks[:, place] <= n)) for n in (1, 3, 5)},
            "rank_low": min(int(lows[place]), place + 1),
            "rank_high": max(int(highs[place]), place + 1),
        }
        for place, theme in enumerate(order)
    ]


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank of each column in each row, 1 for the highest score; ties keep the columns' order. (n_draws, n_themes)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, scores.shape[1] + 1)[None, :].repeat(len(scores), axis=0), axis=1)
    return ranks
