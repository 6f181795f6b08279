"""Count, for one workshop and every draw of its tables, what the criteria are shares of; tallies add up to the study's.

In:   facts of a workshop
Out:  Tally   counts (n_draws + 1, n_themes) by name; row 0 is what was observed
"""

from dataclasses import dataclass
from typing import Any

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
    is_table, is_summary = (facts[name].to_numpy(dtype=bool) for name in ("is_table", "is_summary"))
    seen = _Seen.of(facts, theme_ids)
    at_tables = seen.drawn(is_table, n_tables, rng, n_draws)
    apart = seen.drawn(~is_table, None, rng, n_draws)
    counts = {name: at_tables[column] for name, column in _AT_TABLES.items()}
    counts |= {name: at_tables[column] + apart[column] for name, column in _ANYWHERE.items()}
    counts |= {"late_voices": apart["is_away"], "workshops": (counts["circles"] > 0).astype(float)}
    totals = {
        "tables": n_tables,
        "workshops": 1,
        "rapporteurs": n_tables * bool((is_table & is_summary).any()) + bool((~is_table & is_summary).any()),
        "late_voices": facts.loc[facts["is_away"], "circle_id"].nunique(),
    }
    types = np.stack([at_tables[name] + apart[name] for name in STRUCTURE_TYPES])
    return Tally(counts, totals, types, np.bincount(seen.theme, minlength=len(theme_ids)).astype(np.int64))


@dataclass(frozen=True)
class _Seen:
    """What each fact shows, `values` (n_facts, n_columns) in the order of `columns`, of the circle and theme at its place."""

    columns: list[str]
    values: Counts
    circle: NDArray[np.object_]
    theme: NDArray[np.int64]
    n_themes: int

    @classmethod
    def of(cls, facts: pd.DataFrame, theme_ids: list[str]) -> "_Seen":
        """The facts of one workshop."""
        actors = facts["actor_type"].astype(object).to_numpy()
        shown: dict[str, NDArray[Any]] = {"is_heard": np.ones(len(facts)), "is_known": facts["actor_type"].notna().to_numpy(dtype=bool)}
        shown |= {name: actors == name for name in STRUCTURE_TYPES}
        for name in sorted({*_AT_TABLES.values(), *_ANYWHERE.values(), "is_away"} - set(shown)):
            shown[name] = facts[name].fillna(False).to_numpy(dtype=float)
        values = np.stack([np.asarray(column, dtype=float) for column in shown.values()], axis=1)
        place = {theme_id: at for at, theme_id in enumerate(theme_ids)}
        themes = np.array([place[theme_id] for theme_id in facts["theme_id"]], dtype=np.int64)
        return cls(list(shown), values, facts["circle_id"].to_numpy(dtype=object), themes, len(theme_ids))

    def drawn(self, here: NDArray[np.bool_], n_circles: int | None, rng: np.random.Generator, n_draws: int) -> dict[str, Counts]:
        """By column, draws of the circles of the facts `here` times the highest value of each theme there: (n_draws + 1, n_themes).

        Circles are drawn among `n_circles`, or as many as were seen.
        """
        names, circle = np.unique(self.circle[here].astype(str), return_inverse=True)
        highest = np.zeros((len(names), self.n_themes, len(self.columns)))
        np.maximum.at(highest, (circle, self.theme[here]), self.values[here])
        draws = resample(rng, n_circles or len(names), n_draws)[:, : len(names)]
        found = (draws @ highest.reshape(len(names), self.n_themes * len(self.columns))).reshape(len(draws), self.n_themes, -1)
        return {name: found[:, :, at] for at, name in enumerate(self.columns)}
