"""At how many tables of a territory a subject was said, with an interval from workshops, and tables within them, resampled.

In:   passages of subjects with circle and territory; tables held by each workshop
Out:  n_tables, share, share_low, share_high by subject_id and territory
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import resample

_INTERVAL = (0.05, 0.95)


def share_intervals(
    rows: pd.DataFrame, n_tables: pd.Series, territory_of: pd.Series, rng: np.random.Generator, n_draws: int
) -> pd.DataFrame:
    """Return the shares of every subject and territory; 0..1, and 0 where the territory held no table."""
    subject_ids = sorted(set(rows["subject_id"]))
    said_once = rows[rows["is_said"]].drop_duplicates(["subject_id", "circle_id"])
    said = {str(workshop_id): here for workshop_id, here in said_once.groupby("workshop_id")}
    parts = []
    for territory in sorted(set(territory_of)):
        held = n_tables[[workshop_id for workshop_id in n_tables.index if territory_of[workshop_id] == territory]]
        chosen = resample(rng, len(held), n_draws)
        said_in = np.zeros((n_draws + 1, len(subject_ids)))
        for place, (workshop_id, n_held) in enumerate(held.items()):
            drawn = _drawn(said.get(str(workshop_id), said_once.head(0)), subject_ids, int(n_held), rng, n_draws)
            said_in += chosen[:, [place]] * drawn
        parts.append(_summed_up(said_in, chosen @ held.to_numpy(dtype=np.float64), subject_ids, territory))
    return pd.concat(parts)


def _drawn(said: pd.DataFrame, subject_ids: list[str], n_held: int, rng: np.random.Generator, n_draws: int) -> NDArray[np.float64]:
    """Tables of one workshop where each subject was said, in each draw: (n_draws + 1, n_subjects)."""
    circles = sorted(set(said["circle_id"]))
    matrix = np.zeros((len(circles), len(subject_ids)))
    places = pd.Categorical(said["circle_id"], categories=circles).codes, pd.Categorical(said["subject_id"], categories=subject_ids).codes
    matrix[places] = 1
    return np.asarray(resample(rng, n_held, n_draws)[:, : len(circles)] @ matrix)


def _summed_up(said_in: NDArray[np.float64], held: NDArray[np.float64], subject_ids: list[str], territory: str) -> pd.DataFrame:
    """One territory's rows, from tables that said each subject, (n_draws + 1, n_subjects), of those held in each draw, (n_draws + 1,).

    Where no table or every table said it, resampling is blind and the bound is the exact binomial one.
    """
    shares = said_in / np.maximum(1, held)[:, None]
    low, high = np.quantile(shares[1:], _INTERVAL, axis=0)
    n_held, observed = int(held[0]), said_in[0]
    blind = _INTERVAL[0] ** (1 / max(1, n_held))
    index = pd.MultiIndex.from_product([subject_ids, [territory]], names=["subject_id", "territory"])
    return pd.DataFrame(
        {
            "n_tables": observed.astype(int),
            "share": shares[0].round(6),
            "share_low": np.where(observed == n_held, blind if n_held else 0.0, low).round(6),
            "share_high": np.where(observed == 0, 1 - blind if n_held else 1.0, high).round(6),
        },
        index=index,
    )
