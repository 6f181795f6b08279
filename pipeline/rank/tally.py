"""Count, for one workshop and every draw of its tables, what the criteria are shares of; tallies add up to the study's.

In:   facts of a workshop
Out:  Tally   counts (n_draws + 1, n_themes) by name; row 0 is what was observed
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import resample
from pipeline.tables import STRUCTURE_TYPES

Counts = NDArray[np.float64]

_AT_TABLES = {
    "said_tables": "is_said",
    "need_tables": "is_need",
    "answer_tables": "is_answer",
    "lever_tables": "is_lever",
    "severe_tables": "is_severe",
}
_ANYWHERE = {"circles": "is_heard", "known_circles": "is_known", "emphasis": "emphasis", "rapporteurs": "is_summary"}


@dataclass(frozen=True)
class Tally:
    """`counts` (n_draws + 1, n_themes) and what they are at most (`totals`), by name; `types` (n_types, n_draws + 1, n_themes).

    `n_units` (n_themes,) counts passages as observed; it is shown beside the tables, and ranks nothing.
    """

    counts: dict[str, Counts]
    totals: dict[str, float]
    types: Counts
    n_units: NDArray[np.int64]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            {name: counts + other.counts[name] for name, counts in self.counts.items()},
            {name: total + other.totals[name] for name, total in self.totals.items()},
            self.types + other.types,
            self.n_units + other.n_units,
        )


def tally_workshop(facts: pd.DataFrame, theme_ids: list[str], n_tables: int, rng: np.random.Generator, n_draws: int) -> Tally:
    """Return the tally of one workshop; tables are drawn among its `n_tables`, silent ones too, other circles among themselves."""
    tables = _Stratum.of(facts[facts["is_table"]], theme_ids, n_tables, rng, n_draws)
    others = _Stratum.of(facts[~facts["is_table"]], theme_ids, None, rng, n_draws)
    counts = {name: tables.times(column) for name, column in _AT_TABLES.items()}
    counts |= {name: tables.times(column) + others.times(column) for name, column in _ANYWHERE.items()}
    counts |= {"late_voices": others.times("is_away"), "workshops": (counts["circles"] > 0).astype(float)}
    is_apart = ~facts["is_table"] & facts["is_summary"]
    totals = {
        "tables": n_tables,
        "workshops": 1,
        "rapporteurs": n_tables * bool((facts["is_table"] & facts["is_summary"]).any()) + bool(is_apart.any()),
        "late_voices": facts.loc[facts["is_away"], "circle_id"].nunique(),
    }
    types = np.stack([tables.times(name) + others.times(name) for name in STRUCTURE_TYPES])
    n_units = np.asarray(facts["theme_id"].value_counts().reindex(theme_ids, fill_value=0), dtype=np.int64)
    return Tally(counts, totals, types, n_units)


@dataclass(frozen=True)
class _Stratum:
    """Circles that are drawn among themselves: `draws` (n_draws + 1, n_circles)."""

    facts: pd.DataFrame  # with `circle` and `theme`, positions in the matrices
    n_themes: int
    draws: Counts

    @classmethod
    def of(cls, facts: pd.DataFrame, theme_ids: list[str], n_circles: int | None, rng: np.random.Generator, n_draws: int) -> "_Stratum":
        """Place `facts` in the matrices; `n_circles` None means as many as were seen."""
        seen = sorted(set(facts["circle_id"]))
        placed = facts.assign(
            circle=pd.Categorical(facts["circle_id"], categories=seen).codes,
            theme=pd.Categorical(facts["theme_id"], categories=theme_ids).codes,
            is_heard=1.0,
            is_known=facts["actor_type"].notna(),
            **{name: facts["actor_type"] == name for name in STRUCTURE_TYPES},
        )
        return cls(placed, len(theme_ids), resample(rng, n_circles or len(seen), n_draws)[:, : len(seen)])

    def times(self, column: str) -> Counts:
        """Draws times the highest value of `column` in each circle for each theme: (n_draws + 1, n_themes)."""
        highest = np.zeros((self.draws.shape[1], self.n_themes))
        values = self.facts[column].fillna(False).to_numpy(dtype=float)
        np.maximum.at(highest, (self.facts["circle"].to_numpy(), self.facts["theme"].to_numpy()), values)
        return self.draws @ highest
