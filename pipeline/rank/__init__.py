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
from numpy.typing import NDArray

from pipeline.counting import circles_of
from pipeline.grid import Grid
from pipeline.rank.checks import check_rows, late_rows
from pipeline.rank.criteria import CRITERIA, Criterion
from pipeline.rank.facts import facts_of, untold_facts
from pipeline.rank.notes import note_rows, nothing_to_read
from pipeline.rank.order import Standing
from pipeline.rank.tally import Tally, tally_workshop
from pipeline.settings import RankSettings
from pipeline.tables import ATTENDANCE, TABLES

__all__ = ["CRITERIA", "Criterion", "Ranking", "rank_themes", "unread_criteria"]

STUDY = "study"


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
    grid: Grid | None = None,
) -> Ranking:
    """Return the ranking of the study and of each workshop; a theme nobody said there has no row.

    Without `attendance`, nobody's type of structure is known; without `grid`, notes take it that every criterion has codes to read.
    """
    circles = circles_of(units, workshops)
    facts = facts_of(units, tags, themes, theme_members, circles, ATTENDANCE.empty() if attendance is None else attendance)
    theme_ids = sorted(set(themes["theme_id"]))
    untold = untold_facts(grid) if grid is not None else frozenset()
    rng = np.random.default_rng(settings.seed)
    weights = _draw_weights(settings, rng)
    tallies = _tallies(facts, theme_ids, circles.n_tables, rng, settings.n_draws)
    in_the_room = _tallies(facts.assign(is_left=facts["is_away"]), theme_ids, circles.n_tables, rng, 0)
    free_weights = rng.dirichlet(np.ones(len(CRITERIA)), size=settings.n_draws)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in Ranking._fields}
    for scope, tally in tallies.items():
        standing, without = Standing.of(scope, tally, weights), Standing.of(scope, in_the_room[scope], weights[:1])
        rows["priorities"] += standing.rows(theme_ids)
        rows["priority_notes"] += note_rows(standing, theme_ids, untold)
        rows["rank_checks"] += check_rows(standing, weights[0], free_weights, without)
        rows["late_effects"] += late_rows(standing, without, theme_ids)
    return Ranking(*(TABLES[name].build(rows[name]) for name in Ranking._fields))


def unread_criteria(grid: Grid) -> dict[str, str]:
    """Criterion → one French sentence, for those that find nothing to read in a study of this grid; they are 0 for every theme."""
    return nothing_to_read(untold_facts(grid))


def _tallies(facts: pd.DataFrame, theme_ids: list[str], n_tables: pd.Series, rng: np.random.Generator, n_draws: int) -> dict[str, Tally]:
    """The tally of the study, then of each workshop where a theme was heard; facts that are `is_left` out count for nothing."""
    by_workshop = {}
    for workshop_id, here in facts.groupby("workshop_id", sort=True):
        counted = here[~here["is_left"]] if "is_left" in here else here
        by_workshop[str(workshop_id)] = tally_workshop(counted, theme_ids, int(n_tables[workshop_id]), rng, n_draws)
    return {STUDY: reduce(operator.add, by_workshop.values()), **by_workshop} if by_workshop else {}


def _draw_weights(settings: RankSettings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights of the criteria, (n_draws + 1, n_criteria), rows summing to 1: the settings' first, then Dirichlet draws around them."""
    asked = {f"c_{name}": weight for name, weight in settings.weights.model_dump().items()}
    centre = np.array([asked.get(name, 0.0) for name in CRITERIA])
    centre /= centre.sum()
    drawn = rng.standard_gamma(settings.concentration * centre, size=(settings.n_draws, len(centre)))
    drawn[drawn.sum(axis=1) == 0] = centre
    return np.vstack([centre, drawn / drawn.sum(axis=1, keepdims=True)])
