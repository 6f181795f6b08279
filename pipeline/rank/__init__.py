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

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.counting import Circles
from pipeline.grid.codes import Grid
from pipeline.rank.criteria import CRITERIA, Counts, Criterion, Tally, shares_of, untold_facts
from pipeline.rank.order import (
    STUDY,
    Standing,
    Tallies,
    check_rows,
    draw_weights,
    late_rows,
    note_rows,
    nothing_to_read,
    rank_tallies,
    start_of,
    tally_themes,
    workshop_tallies,
)
from pipeline.settings.stages import RankSettings, RankWeights
from pipeline.tables import TABLES

__all__ = [
    "CRITERIA",
    "Criterion",
    "Ranking",
    "Tallies",
    "rank_tallies",
    "rank_themes",
    "tally_themes",
    "unread_criteria",
]


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
    circles, theme_ids, facts, rng, drawn = start_of(
        units, tags, themes, theme_members, workshops, attendance, settings
    )
    untold = untold_facts(grid) if grid is not None else frozenset()
    if weights is not None:
        drawn = draw_weights(weights, settings, np.random.default_rng(settings.seed))
    free_weights = np.random.default_rng([settings.seed, 1]).dirichlet(
        np.ones(len(CRITERIA)), size=settings.n_draws
    )
    of_scopes = [
        _rows_of(standing, tally, without, theme_ids, drawn[0], free_weights, untold)
        for standing, tally, without in _standings(circles, theme_ids, facts, rng, drawn, settings)
    ]
    in_order = [
        *of_scopes[-1:],
        *of_scopes[:-1],
    ]  # the study, which is known last, before its workshops
    return Ranking(
        *(
            TABLES[name].build(row for rows in in_order for row in rows[name])
            for name in Ranking._fields
        )
    )


def unread_criteria(grid: Grid) -> dict[str, str]:
    """Criterion → one French sentence, for those that find nothing to read in a study of this grid; they are 0 for every theme."""
    return nothing_to_read(untold_facts(grid))


def _standings(
    circles: Circles,
    theme_ids: list[str],
    facts: pd.DataFrame,
    rng: np.random.Generator,
    drawn: Counts,
    settings: RankSettings,
) -> Iterator[tuple[Standing, Tally, Standing]]:
    """Each workshop where a theme was heard, then the study: its standing, its tally, its standing without what came after the workshop.

    One workshop's draws are held at a time: a study of hundreds would take gigabytes.
    """
    both = (
        workshop_tallies(facts, theme_ids, circles, rng, settings.n_draws),
        workshop_tallies(facts.assign(is_left=facts["is_away"]), theme_ids, circles, rng, 0),
    )
    study: tuple[Tally, Tally] | None = None
    for (scope, tally), (_, in_the_room) in zip(*both, strict=True):
        study = (study[0] + tally, study[1] + in_the_room) if study else (tally, in_the_room)
        yield _standing(scope, tally, drawn), tally, _standing(scope, in_the_room, drawn[:1])
    if study:
        yield _standing(STUDY, study[0], drawn), study[0], _standing(STUDY, study[1], drawn[:1])


def _rows_of(
    standing: Standing,
    tally: Tally,
    without: Standing,
    theme_ids: list[str],
    weights: Counts,
    free_weights: Counts,
    untold: Collection[str],
) -> dict[str, list[dict[str, Any]]]:
    """The rows of one scope, by table."""
    return {
        "priorities": standing.rows(theme_ids),
        "priority_notes": list(note_rows(standing, tally, theme_ids, untold)),
        "rank_checks": check_rows(
            standing, weights, free_weights, without, int(tally.totals["late_voices"])
        ),
        "late_effects": late_rows(standing, without, theme_ids),
    }


def _standing(scope: str, tally: Tally, weights: Counts) -> Standing:
    return Standing.of(scope, shares_of(tally), np.flatnonzero(tally.n_units), weights)
