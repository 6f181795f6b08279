"""Count, for one workshop and every draw of its tables, what each criterion is a share of; tallies add up to the study's.

In:   facts of a workshop
Out:  Tally   one numerator (n_draws + 1, n_themes) and one denominator a criterion; row 0 is what was observed
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import WORLD_CAFE, resample

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """Numerators (n_draws + 1, n_themes) and denominators by criterion; `n_units` and `is_heard` are per theme, as observed."""

    numerators: dict[str, Counts]
    denominators: dict[str, float]
    n_units: NDArray[np.int64]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            {name: counts + other.numerators[name] for name, counts in self.numerators.items()},
            {name: total + other.denominators[name] for name, total in self.denominators.items()},
            self.n_units + other.n_units,
        )

    def shares(self) -> dict[str, Counts]:
        """Each criterion in 0..1, (n_draws + 1, n_themes); 0 where there is nothing to share."""
        return {name: np.clip(counts / max(self.denominators[name], 1e-9), 0, 1) for name, counts in self.numerators.items()}


def tally_workshop(facts: pd.DataFrame, theme_ids: list[str], n_tables: int, rng: np.random.Generator, n_draws: int) -> Tally:
    """Return the tally of one workshop; tables are drawn among its `n_tables`, silent ones too, other circles among themselves."""
    tables = _Stratum.of(facts[facts["is_table"]], theme_ids, n_tables, rng, n_draws)
    others = _Stratum.of(facts[~facts["is_table"]], theme_ids, None, rng, n_draws)
    asked = [question for question in WORLD_CAFE if (facts["question"] == question).any()]
    heard_in = [(tables.times(f"is_{question}") + others.times(f"is_{question}")) > 0 for question in asked]
    n_contributions = max(1, others.n_apart)
    return Tally(
        {
            "c_tables": tables.times("is_said"),
            "c_workshops": ((tables.times("is_heard") + others.times("is_heard")) > 0).astype(float),
            "c_questions": sum(heard_in, np.zeros((n_draws + 1, len(theme_ids)))) / max(1, len(asked)),
            "c_insistence": tables.times("emphasis") + others.times("emphasis") / n_contributions,
            "c_need": tables.times("is_need"),
            "c_proposals": tables.times("is_proposal"),
        },
        {
            "c_tables": n_tables,
            "c_workshops": 1,
            "c_questions": 1,
            "c_insistence": n_tables + (others.n_apart > 0),
            "c_need": n_tables,
            "c_proposals": n_tables,
        },
        np.asarray(facts["theme_id"].value_counts().reindex(theme_ids, fill_value=0), dtype=np.int64),
    )


@dataclass(frozen=True)
class _Stratum:
    """Circles that are drawn among themselves: `draws` (n_draws + 1, n_circles); `n_apart` of them are mails, calls or summaries."""

    facts: pd.DataFrame  # with `circle` and `theme`, positions in the matrices
    n_themes: int
    draws: Counts
    n_apart: int

    @classmethod
    def of(cls, facts: pd.DataFrame, theme_ids: list[str], n_circles: int | None, rng: np.random.Generator, n_draws: int) -> "_Stratum":
        """Place `facts` in the matrices; `n_circles` None means as many as were seen."""
        seen = sorted(set(facts["circle_id"]))
        circle = pd.Categorical(facts["circle_id"], categories=seen).codes
        theme = pd.Categorical(facts["theme_id"], categories=theme_ids).codes
        placed = facts.assign(circle=circle, theme=theme, is_heard=1.0, **{f"is_{name}": facts["question"] == name for name in WORLD_CAFE})
        n_apart = facts.loc[facts["is_away"] | facts["is_summary"], "circle_id"].nunique()
        return cls(placed, len(theme_ids), resample(rng, n_circles or len(seen), n_draws)[:, : len(seen)], n_apart)

    def times(self, column: str) -> Counts:
        """Draws times the highest value of `column` in each circle for each theme: (n_draws + 1, n_themes)."""
        highest = np.zeros((self.draws.shape[1], self.n_themes))
        values = self.facts[column].fillna(False).to_numpy(dtype=float)
        np.maximum.at(highest, (self.facts["circle"].to_numpy(), self.facts["theme"].to_numpy()), values)
        return self.draws @ highest
