"""Order the themes of a scope by weighted score, and measure their ranks over the draws.

Tallies depend on the tables and the seed; they are counted once, for all weights.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import Circles, circles_of
from pipeline.rank.criteria import CRITERIA, Counts, Tally, facts_of, shares_of, tally_workshop
from pipeline.settings.sections import RankSettings, RankWeights
from pipeline.tables.material import ATTENDANCE
from pipeline.tables.results import PRIORITIES

STUDY = "study"
DEPTHS = (1, 3, 5)
DECIMALS = 6  # rounding of sums must not decide a rank
_INTERVAL = (0.05, 0.95)
# Mean probability of a theme's passages to be of its subject. Under it, the themes of minutes and
# of a debate are bins of leftovers; no theme of three studies of workshops is under it.
LEAST_UNITY = 1 / 3
_BEHIND = 2.0  # more than scores and shares can differ


@dataclass(frozen=True)
class ScopeRanking:
    """The themes heard in a scope, best first.

    `order` (n_heard,) indexes themes; `shares` and `scores` are (n_draws + 1, n_themes), row 0 as
    observed; `ranks` are (n_draws, n_heard). `mixed` (n_themes,) flags themes that are not one
    subject: they come after all others.
    """

    scope: str
    order: NDArray[np.int64]
    shares: dict[str, Counts]
    scores: Counts
    ranks: NDArray[np.int64]
    mixed: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        scope: str,
        shares: dict[str, Counts],
        heard: NDArray[np.int64],
        weights: Counts,
        mixed: NDArray[np.bool_],
    ) -> "ScopeRanking":
        """Rank the themes `heard` by the first row of `weights` (n_draws + 1, n_criteria).

        More tables break ties, then rapporteurs, then theme_id; never passages.
        """
        scores = np.round(weighted_sum(shares, weights), DECIMALS)
        keys = (
            heard,
            -shares["c_rapporteurs"][0, heard],
            -shares["c_tables"][0, heard],
            -scores[0, heard],
            mixed[heard],
        )
        order = heard[np.lexsort(keys)]
        ranks = ranks_of(scores[1:, order] - _BEHIND * mixed[order])
        return cls(scope, order, shares, scores, ranks, mixed)

    def behind(self) -> Counts:
        """Return what puts the mixed themes after the others, whatever their score, (n_heard,)."""
        return np.asarray(_BEHIND * self.mixed[self.order], dtype=np.float64)

    def matrix(self) -> Counts:
        """Return the criteria as observed, (n_heard, n_criteria)."""
        return np.stack([self.shares[name][0, self.order] for name in CRITERIA], axis=1)

    def rows(self, theme_ids: list[str]) -> list[dict[str, Any]]:
        """Return the rows of priorities, best first."""
        lows, highs = np.quantile(self.ranks, _INTERVAL, axis=0, method="inverted_cdf").astype(int)
        chances = {f"p_top{n}": (self.ranks <= n).mean(axis=0) for n in DEPTHS}
        return [
            {
                "scope": self.scope,
                "theme_id": theme_ids[theme],
                "rank": i + 1,
                "score": float(np.clip(self.scores[0, theme], 0, 1)),
                **{name: round(float(self.shares[name][0, theme]), DECIMALS) for name in CRITERIA},
                **{name: float(chance[i]) for name, chance in chances.items()},
                "rank_low": min(int(lows[i]), i + 1),
                "rank_high": max(int(highs[i]), i + 1),
            }
            for i, theme in enumerate(self.order)
        ]


def placed_behind(scores: Iterable[float]) -> list[bool]:
    """Return which themes of a ranking come after one of lower score: they are mixed.

    >>> placed_behind([0.4, 0.2, 0.3])
    [False, False, True]
    """
    every = list(scores)
    return [score > min(every[:i], default=score) for i, score in enumerate(every)]


def weighted_sum(shares: dict[str, Counts], weights: Counts) -> Counts:
    """Return scores (n_draws + 1, n_themes), each row by its own row of weights."""
    return np.asarray(sum(weights[:, [i]] * shares[name] for i, name in enumerate(CRITERIA)))


def ranks_of(scores: Counts) -> NDArray[np.int64]:
    """Return ranks by row, 1 for the highest score; ties keep the columns' order."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.argsort(order, axis=1, kind="stable") + 1


@dataclass(frozen=True)
class Tallies:
    """By scope, the study first: themes heard, and criteria's draws (n_draws + 1, n_heard)."""

    theme_ids: Mapping[str, list[str]]
    shares: Mapping[str, dict[str, Counts]]
    mixed: Mapping[str, NDArray[np.bool_]]


def tally_themes(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    attendance: pd.DataFrame | None = None,
    *,
    settings: RankSettings,
    scopes: Collection[str] | None = None,
) -> Tallies:
    """Return the tallies for `rank_tallies`; without `scopes`, a large study takes much memory.

    `settings.weights` only affect the draws.
    """
    start = start_of(units, tags, themes, theme_members, workshops, attendance, settings)
    tallies: dict[str, Tally] = {}
    for workshop_id, tally in workshop_tallies(start, settings.n_draws):
        tallies[STUDY] = tallies[STUDY] + tally if STUDY in tallies else tally
        if scopes is None or workshop_id in scopes:
            tallies[workshop_id] = tally
    theme_ids: dict[str, list[str]] = {}
    shares: dict[str, dict[str, Counts]] = {}
    mixed: dict[str, NDArray[np.bool_]] = {}
    for scope, tally in tallies.items():
        heard = np.flatnonzero(tally.n_units)
        if len(heard) and (scopes is None or scope in scopes):
            theme_ids[scope] = [start.theme_ids[theme] for theme in heard]
            shares[scope] = {name: drawn[:, heard] for name, drawn in shares_of(tally).items()}
            mixed[scope] = start.mixed[heard]
    return Tallies(theme_ids, shares, mixed)


def rank_tallies(tallies: Tallies, weights: RankWeights, settings: RankSettings) -> pd.DataFrame:
    """Return priorities by `weights`; `settings` must be those of `tallies`."""
    drawn = draw_weights(weights, settings, np.random.default_rng(settings.seed))
    rows = []
    for scope, theme_ids in tallies.theme_ids.items():
        heard = np.arange(len(theme_ids))
        shares, mixed = tallies.shares[scope], tallies.mixed[scope]
        rows += ScopeRanking.of(scope, shares, heard, drawn, mixed).rows(theme_ids)
    return PRIORITIES.build(rows)


class Start(NamedTuple):
    """The common start; `rng` has drawn only `weights` (n_draws + 1, n_criteria)."""

    circles: Circles
    theme_ids: list[str]
    facts: pd.DataFrame
    rng: np.random.Generator
    weights: Counts
    mixed: NDArray[np.bool_]


def start_of(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    attendance: pd.DataFrame | None,
    settings: RankSettings,
) -> Start:
    """Return the common start of `rank_themes` and `tally_themes`, so that they draw alike."""
    circles = circles_of(units, workshops)
    present = ATTENDANCE.empty() if attendance is None else attendance
    facts = facts_of(units, tags, themes, theme_members, circles, present)
    rng = np.random.default_rng(settings.seed)
    weights = draw_weights(settings.weights, settings, rng)
    ordered = themes.sort_values("theme_id").drop_duplicates("theme_id")
    return Start(circles, list(ordered["theme_id"]), facts, rng, weights, _are_mixed(ordered))


def _are_mixed(themes: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which themes are hardly one subject, and that nobody named or signed off."""
    is_chosen = (themes["name_source"] == "person") | themes["is_signed_off"].astype(bool)
    return ((themes["unity"] < LEAST_UNITY) & ~is_chosen).to_numpy(dtype=bool)


def draw_weights(weights: RankWeights, settings: RankSettings, rng: np.random.Generator) -> Counts:
    """Return `weights`, then Dirichlet draws around them, (n_draws + 1, n_criteria).

    Rows sum to 1.
    """
    asked = {f"c_{name}": weight for name, weight in weights.model_dump().items()}
    centre = np.array([asked.get(name, 0.0) for name in CRITERIA])
    centre /= centre.sum()
    size = (settings.n_draws, len(centre))
    drawn = rng.standard_gamma(settings.concentration * centre, size=size)
    drawn[drawn.sum(axis=1) == 0] = centre
    return np.vstack([centre, drawn / drawn.sum(axis=1, keepdims=True)])


def workshop_tallies(
    start: Start, n_draws: int, *, without_late: bool = False
) -> Iterator[tuple[str, Tally]]:
    """Yield each workshop where a theme was heard, with its tally."""
    for workshop_id, facts in start.facts.groupby("workshop_id", sort=True):
        counted = facts[~facts["is_away"]] if without_late else facts
        n_tables = int(start.circles.n_tables[workshop_id])
        yield (
            str(workshop_id),
            tally_workshop(counted, start.theme_ids, n_tables, start.rng, n_draws),
        )
