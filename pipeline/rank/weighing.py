"""Rank themes by other weights without counting again: what depends on the tables and the seed is counted once.

In:   the tables that `rank_themes` reads; then weights, as often as wanted
Out:  Tallies; priorities, the very rows that `rank_themes` gives with these weights
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.counting import Circles, circles_of
from pipeline.rank.criteria import CRITERIA, shares_of
from pipeline.rank.facts import facts_of
from pipeline.rank.order import Standing
from pipeline.rank.tally import Counts, Tally, tally_workshop
from pipeline.settings import RankSettings, RankWeights
from pipeline.tables import ATTENDANCE, PRIORITIES

STUDY = "study"


@dataclass(frozen=True)
class Tallies:
    """For the study, then each workshop: the themes heard there and the draws of each criterion, (n_draws + 1, n_heard)."""

    theme_ids: Mapping[str, list[str]]
    shares: Mapping[str, dict[str, Counts]]


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
    """Return the tallies that `rank_tallies` ranks by any weights; those of `settings` only set the course of its draws.

    Those of `scopes` alone where given, each as it is among all: a large study's tallies of every workshop take much room.
    """
    circles, theme_ids, facts, rng, _ = start_of(units, tags, themes, theme_members, workshops, attendance, settings)
    heard: dict[str, list[str]] = {STUDY: []}
    shares: dict[str, dict[str, Counts]] = {STUDY: {}}
    whole: Tally | None = None
    for workshop_id, tally in workshop_tallies(facts, theme_ids, circles, rng, settings.n_draws):
        if scopes is None or workshop_id in scopes:
            heard[workshop_id], shares[workshop_id] = _heard(tally, theme_ids)
        whole = tally if whole is None else whole + tally
    if whole is not None:
        heard[STUDY], shares[STUDY] = _heard(whole, theme_ids)
    wanted = [scope for scope in heard if heard[scope] and (scopes is None or scope in scopes)]
    return Tallies({scope: heard[scope] for scope in wanted}, {scope: shares[scope] for scope in wanted})


class Start(NamedTuple):
    """What every ranking starts from; `rng` has drawn the weights `drawn`, (n_draws + 1, n_criteria), and nothing else."""

    circles: Circles
    theme_ids: list[str]
    facts: pd.DataFrame
    rng: np.random.Generator
    drawn: Counts


def start_of(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    attendance: pd.DataFrame | None,
    settings: RankSettings,
) -> Start:
    """Return where `rank_themes` and `tally_themes` start, so that their draws take one course; nobody came where `attendance` is None."""
    circles = circles_of(units, workshops)
    facts = facts_of(units, tags, themes, theme_members, circles, ATTENDANCE.empty() if attendance is None else attendance)
    rng = np.random.default_rng(settings.seed)
    return Start(circles, sorted(set(themes["theme_id"])), facts, rng, draw_weights(settings.weights, settings, rng))


def rank_tallies(tallies: Tallies, weights: RankWeights, settings: RankSettings) -> pd.DataFrame:
    """Return priorities by `weights`; seed, draws and concentration are those of `settings`, with which `tallies` were made."""
    drawn = draw_weights(weights, settings, np.random.default_rng(settings.seed))
    rows = []
    for scope, theme_ids in tallies.theme_ids.items():
        rows += Standing.of(scope, tallies.shares[scope], np.arange(len(theme_ids)), drawn).rows(theme_ids)
    return PRIORITIES.build(rows)


def _heard(tally: Tally, theme_ids: list[str]) -> tuple[list[str], dict[str, Counts]]:
    """The themes heard, and their draws of each criterion."""
    heard = np.flatnonzero(tally.n_units)
    return [theme_ids[theme] for theme in heard], {name: shares[:, heard] for name, shares in shares_of(tally).items()}


def draw_weights(weights: RankWeights, settings: RankSettings, rng: np.random.Generator) -> Counts:
    """Weights of the criteria, (n_draws + 1, n_criteria), rows summing to 1: `weights` first, then Dirichlet draws around them."""
    asked = {f"c_{name}": weight for name, weight in weights.model_dump().items()}
    centre = np.array([asked.get(name, 0.0) for name in CRITERIA])
    centre /= centre.sum()
    drawn = rng.standard_gamma(settings.concentration * centre, size=(settings.n_draws, len(centre)))
    drawn[drawn.sum(axis=1) == 0] = centre
    return np.vstack([centre, drawn / drawn.sum(axis=1, keepdims=True)])


def workshop_tallies(
    facts: pd.DataFrame, theme_ids: list[str], circles: Circles, rng: np.random.Generator, n_draws: int
) -> Iterator[tuple[str, Tally]]:
    """Each workshop where a theme was heard, with its tally; facts that are `is_left` out count for nothing."""
    for workshop_id, here in facts.groupby("workshop_id", sort=True):
        counted = here[~here["is_left"]] if "is_left" in here else here
        yield str(workshop_id), tally_workshop(counted, theme_ids, int(circles.n_tables[workshop_id]), rng, n_draws)
