"""Rank themes as candidate priorities, for the study and each workshop, and say how sure ranks are.

Criteria count tables, workshops or people, never sentences. Rank intervals cover both who came and
what we value: they come from joint draws of weights and of tables within workshops (stochastic
multicriteria acceptability analysis).

In:   units, tags, themes, theme_members, workshops, attendance
Out:  priorities      one row a scope (`study` or a workshop_id) and theme heard there, best first
      priority_notes  each criterion and chance of these rows in one sentence
      rank_checks     the first ones by another method, with free weights, and by the room alone
      late_effects    rank of each theme with and without late contributions
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.counting import noun_of
from pipeline.grid.codes import Grid
from pipeline.rank.checks import check_rows, late_rows
from pipeline.rank.criteria import CRITERIA, Counts, Tally, missing_facts, shares_of
from pipeline.rank.notes import note_rows, unread_sentences
from pipeline.rank.order import (
    STUDY,
    ScopeRanking,
    Start,
    draw_weights,
    start_of,
    workshop_tallies,
)
from pipeline.settings.sections import RankSettings, RankWeights
from pipeline.tables import TABLES


class Ranking(NamedTuple):
    """The tables of a ranking: the study, then its workshops by workshop_id."""

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
    """Return the ranking of the study and of each workshop, without themes not heard there.

    `weights` are the settings' by default. Without `attendance`, types of structures are unknown;
    without `grid`, notes assume that every criterion has codes.
    """
    start = start_of(units, tags, themes, theme_members, workshops, attendance, settings)
    missing = missing_facts(grid) if grid is not None else frozenset()
    drawn = start.weights
    if weights is not None:
        drawn = draw_weights(weights, settings, np.random.default_rng(settings.seed))
    free_weights = np.random.default_rng([settings.seed, 1]).dirichlet(
        np.ones(len(CRITERIA)), size=settings.n_draws
    )
    rows_by_scope = [
        _rows_of(*scope, start, drawn[0], free_weights, missing)
        for scope in _scopes(start, drawn, settings.n_draws)
    ]
    study_first = [*rows_by_scope[-1:], *rows_by_scope[:-1]]
    return Ranking(
        *(
            TABLES[name].build(row for rows in study_first for row in rows[name])
            for name in Ranking._fields
        )
    )


def unread_criteria(grid: Grid) -> dict[str, str]:
    """Return a French sentence for each criterion that has no code in this grid."""
    return unread_sentences(missing_facts(grid))


def _scopes(
    start: Start, drawn: Counts, n_draws: int
) -> Iterator[tuple[ScopeRanking, Tally, ScopeRanking]]:
    """Each workshop, then the study; draws of hundreds at a time would take gigabytes."""
    whole: tuple[Tally, Tally] | None = None
    early_tallies = workshop_tallies(start, 0, without_late=True)
    for (scope, tally), (_, early) in zip(
        workshop_tallies(start, n_draws), early_tallies, strict=True
    ):
        whole = (whole[0] + tally, whole[1] + early) if whole else (tally, early)
        ranking = _ranking(start, scope, tally, drawn)
        yield ranking, tally, _ranking(start, scope, early, drawn[:1])
    if whole:
        tally, early = whole
        ranking = _ranking(start, STUDY, tally, drawn)
        yield ranking, tally, _ranking(start, STUDY, early, drawn[:1])


def _ranking(start: Start, scope: str, tally: Tally, weights: Counts) -> ScopeRanking:
    heard = np.flatnonzero(tally.n_units)
    return ScopeRanking.of(scope, shares_of(tally), heard, weights, start.mixed)


def _rows_of(
    ranking: ScopeRanking,
    tally: Tally,
    early: ScopeRanking,
    start: Start,
    weights: Counts,
    free_weights: Counts,
    missing: Collection[str],
) -> dict[str, list[dict[str, Any]]]:
    n_late, theme_ids = int(tally.totals["late_voices"]), start.theme_ids
    kinds = start.circles.kinds
    noun = noun_of(kinds.values() if ranking.scope == STUDY else [kinds[ranking.scope]])
    return {
        "priorities": ranking.rows(theme_ids),
        "priority_notes": list(note_rows(ranking, tally, theme_ids, noun, missing)),
        "rank_checks": check_rows(ranking, weights, free_weights, early, n_late),
        "late_effects": late_rows(ranking, early, theme_ids),
    }
