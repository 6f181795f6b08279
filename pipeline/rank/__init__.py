"""Rank themes as candidate priorities, for the study and for each workshop, and say how sure each rank is.

Every criterion counts tables, workshops or people, never sentences, and lies in 0..1; the score is their weighted sum. A rank's interval
comes from joint draws (stochastic multicriteria acceptability): weights around the settings' and tables resampled within workshops, so
that it covers both who was in the room and what we value.

In:   units, tags, theme_members, workshops, attendance; a unit without theme does not count
Out:  priorities      one row a scope (`study` or a workshop_id) and theme heard there, best first
      priority_notes  each criterion and chance of these rows in one sentence
      rank_checks     whether other methods, free weights or late contributions would change the first ones
      late_effects    rank of each theme with and without late contributions
"""

import operator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.grid import Grid
from pipeline.rank.checks import check_rows, late_rows
from pipeline.rank.criteria import CRITERIA, Criterion, shares_of
from pipeline.rank.facts import untold_facts
from pipeline.rank.notes import note_rows, nothing_to_read
from pipeline.rank.order import Standing
from pipeline.rank.tally import Counts, Tally
from pipeline.rank.weighing import STUDY, Tallies, draw_weights, rank_tallies, start_of, tally_themes, workshop_tallies
from pipeline.settings import RankSettings, RankWeights
from pipeline.tables import TABLES

__all__ = ["CRITERIA", "Criterion", "Ranking", "Tallies", "rank_tallies", "rank_themes", "tally_themes", "unread_criteria"]


class Ranking(NamedTuple):
    """The tables of a ranking, scopes in one order: the study, then its workshops by workshop_id."""

    priorities: pd.DataFrame
    priority_notes: pd.DataFrame
    rank_checks: pd.DataFrame
    late_effects: pd.DataFrame


def rank_themes(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    attendance: pd.DataFrame | None = None,
    *,
    settings: RankSettings,
    weights: RankWeights | None = None,
    grid: Grid | None = None,
) -> Ranking:
    """Return the ranking of the study and of each workshop; a theme nobody said there has no row.

    `weights` are those that people chose, by default the settings'. Without `attendance`, nobody's type of structure is known; without
    `grid`, notes take it that every criterion has codes to read.
    """
    circles, theme_ids, facts, rng, drawn = start_of(units, tags, themes, theme_members, workshops, attendance, settings)
    untold = untold_facts(grid) if grid is not None else frozenset()
    tallies = _with_study(dict(workshop_tallies(facts, theme_ids, circles, rng, settings.n_draws)))
    in_the_room = _with_study(dict(workshop_tallies(facts.assign(is_left=facts["is_away"]), theme_ids, circles, rng, 0)))
    free_weights = rng.dirichlet(np.ones(len(CRITERIA)), size=settings.n_draws)
    if weights is not None:
        drawn = draw_weights(weights, settings, np.random.default_rng(settings.seed))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in Ranking._fields}
    for scope, tally in tallies.items():
        standing, without = _standing(scope, tally, drawn), _standing(scope, in_the_room[scope], drawn[:1])
        rows["priorities"] += standing.rows(theme_ids)
        rows["priority_notes"] += note_rows(standing, tally, theme_ids, untold)
        rows["rank_checks"] += check_rows(standing, drawn[0], free_weights, without, int(tally.totals["late_voices"]))
        rows["late_effects"] += late_rows(standing, without, theme_ids)
    return Ranking(*(TABLES[name].build(rows[name]) for name in Ranking._fields))


def unread_criteria(grid: Grid) -> dict[str, str]:
    """Criterion → one French sentence, for those that find nothing to read in a study of this grid; they are 0 for every theme."""
    return nothing_to_read(untold_facts(grid))


def _with_study(by_workshop: dict[str, Tally]) -> dict[str, Tally]:
    """The tally of the study, before those of its workshops."""
    return {STUDY: reduce(operator.add, by_workshop.values()), **by_workshop} if by_workshop else {}


def _standing(scope: str, tally: Tally, weights: Counts) -> Standing:
    return Standing.of(scope, shares_of(tally), np.flatnonzero(tally.n_units), weights)
