"""Rank themes as candidate priorities, for the study and for each workshop, and say how sure each rank is.

Every criterion counts tables, workshops or contributions, never sentences, and lies in 0..1. A rank's interval comes from joint
draws: weights around the settings' and tables resampled within workshops, so it covers both who was in the room and what we value.

In:   units, tags (posture), theme_members, workshops; a unit without theme does not count
Out:  priorities   one row a scope (`study` or a workshop_id) and theme heard there, best first
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import circles_of
from pipeline.rank.criteria import CRITERIA, Criterion
from pipeline.rank.facts import facts_of
from pipeline.rank.order import ranked_rows
from pipeline.rank.tally import Tally, tally_workshop
from pipeline.settings import RankSettings
from pipeline.tables import PRIORITIES

__all__ = ["CRITERIA", "Criterion", "rank_themes"]


def rank_themes(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: RankSettings,
) -> pd.DataFrame:
    """Return the priorities of the study, then of each workshop in the order of its id; a theme nobody said there has no row."""
    circles = circles_of(units, workshops)
    facts = facts_of(units, tags, themes, theme_members, circles)
    theme_ids = sorted(set(themes["theme_id"]))
    rng = np.random.default_rng(settings.seed)
    weights = _draw_weights(settings, rng)
    study: Tally | None = None
    rows = []
    for workshop_id, here in facts.groupby("workshop_id", sort=True):
        tally = tally_workshop(here, theme_ids, int(circles.n_tables[workshop_id]), rng, settings.n_draws)
        study = tally if study is None else study + tally
        rows += ranked_rows(str(workshop_id), theme_ids, tally, weights)
    return PRIORITIES.build((ranked_rows("study", theme_ids, study, weights) if study else []) + rows)


def _draw_weights(settings: RankSettings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights of the criteria, (n_draws + 1, n_criteria), rows summing to 1: the settings' first, then Dirichlet draws around them."""
    asked = {f"c_{name}": weight for name, weight in settings.weights.model_dump().items()}
    centre = np.array([asked.get(name, 0.0) for name in CRITERIA])
    centre /= centre.sum()
    drawn = rng.standard_gamma(settings.concentration * centre, size=(settings.n_draws, len(centre)))
    drawn[drawn.sum(axis=1) == 0] = centre
    return np.vstack([centre, drawn / drawn.sum(axis=1, keepdims=True)])
