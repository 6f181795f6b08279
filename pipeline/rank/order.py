"""Order the themes of a scope by weighted score, and measure how their ranks move over the draws.

In:   the draws of each criterion and of the weights
Out:  Standing: who is heard, in order, with scores and ranks; rows of priorities
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.rank.criteria import CRITERIA
from pipeline.rank.tally import Counts

DEPTHS = (1, 3, 5)
_DECIMALS = 6  # a score is compared and written with as many, so that the last bit of a sum never decides a rank
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Standing:
    """The themes heard in a scope, best first: `order` (n_heard,) positions of themes, `shares` by criterion, `ranks` over the draws."""

    scope: str
    order: NDArray[np.int64]
    shares: dict[str, Counts]  # (n_draws + 1, n_themes)
    scores: Counts  # likewise
    ranks: NDArray[np.int64]  # (n_draws, n_heard), in `order`

    @classmethod
    def of(cls, scope: str, shares: dict[str, Counts], heard: NDArray[np.int64], weights: Counts) -> "Standing":
        """Rank the themes at `heard` by the first row of `weights` (n_draws + 1, n_criteria).

        Ties go to more tables, then rapporteurs, then theme_id. Passages never decide: a table that talks more lifts nothing.
        """
        scores = np.round(weighted_sum(shares, weights), _DECIMALS)
        keys = (heard, -shares["c_rapporteurs"][0, heard], -shares["c_tables"][0, heard], -scores[0, heard])
        order = heard[np.lexsort(keys)]
        return cls(scope, order, shares, scores, ranks_of(scores[1:, order]))

    def matrix(self) -> Counts:
        """The criteria as observed, (n_heard, n_criteria)."""
        return np.stack([self.shares[name][0, self.order] for name in CRITERIA], axis=1)

    def rows(self, theme_ids: list[str]) -> list[dict[str, Any]]:
        """Rows of priorities, best first."""
        lows, highs = np.quantile(self.ranks, _INTERVAL, axis=0, method="inverted_cdf").astype(int)
        chances = {f"p_top{n}": (self.ranks <= n).mean(axis=0) for n in DEPTHS}
        return [
            {
                "scope": self.scope,
                "theme_id": theme_ids[theme],
                "rank": place + 1,
                "score": float(np.clip(self.scores[0, theme], 0, 1)),
                **{name: round(float(self.shares[name][0, theme]), _DECIMALS) for name in CRITERIA},
                **{name: float(chance[place]) for name, chance in chances.items()},
                "rank_low": min(int(lows[place]), place + 1),
                "rank_high": max(int(highs[place]), place + 1),
            }
            for place, theme in enumerate(self.order)
        ]


def weighted_sum(shares: dict[str, Counts], weights: Counts) -> Counts:
    """(n_draws + 1, n_themes): each row with its own weights."""
    return np.asarray(sum(weights[:, [place]] * shares[name] for place, name in enumerate(CRITERIA)))


def ranks_of(scores: Counts) -> NDArray[np.int64]:
    """Rank of each column in each row, 1 for the highest score; ties keep the columns' order. (n_draws, n_themes)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, scores.shape[1] + 1)[None, :].repeat(len(scores), axis=0), axis=1)
    return ranks
