"""Say in plain French whether a subject is more or less present in a territory, or that the material is too thin to say.

In:   counted cells of one kind of subject (themes, or codes)
Out:  one of pipeline.tables.VERDICTS a cell
"""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm

from pipeline.compare.specificity import Numbers, log10_tail
from pipeline.settings import CompareSettings
from pipeline.tables import VERDICTS

_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS


def verdicts(cells: pd.DataFrame, settings: CompareSettings) -> pd.Series:
    """Return the verdict of each cell, all of them tested together at the settings' false discovery rate.

    Too little material: a territory with few tables, a subject with few passages, a single territory, or a cell that could not
    pass the test however the passages fell.
    """
    most = cells[["n_subject", "n_here"]].min(axis=1)
    fewest = (cells["n_subject"] + cells["n_here"] - cells["n_all"]).clip(lower=0)
    least = np.minimum(_p_value(cells, most), _p_value(cells, fewest))
    can_tell = (
        (cells["n_tables_held"] >= settings.min_tables)
        & (cells["n_subject"] >= settings.min_units)
        & (cells["n_here"] < cells["n_all"])
        & (least <= settings.false_discovery_rate)
    )
    adjusted = pd.Series(1.0, index=cells.index)
    if can_tell.any():
        adjusted[can_tell] = false_discovery_control(_p_value(cells, cells["n_units"])[can_tell])
    differs = can_tell & (adjusted <= settings.false_discovery_rate)
    gap = cells["share"] - _share_elsewhere(cells)
    verdict = pd.Series(_ALIKE, index=cells.index)
    verdict[differs & (cells["specificity"] > 0) & (gap >= 0)] = _MORE
    verdict[differs & (cells["specificity"] < 0) & (gap <= 0)] = _LESS
    verdict[~can_tell] = _TOO_LITTLE
    return verdict


def _p_value(cells: pd.DataFrame, n_units: pd.Series) -> Numbers:
    """Two-sided p of `n_units` passages here, its z-score shrunk by the design effect's square root."""
    law = cells["n_subject"], cells["n_here"], cells["n_all"]
    tails = [log10_tail(n_units, *law, upper=upper) for upper in (True, False)]
    p_value = np.minimum(1.0, 2 * 10.0 ** np.minimum(*tails))
    z_score = norm.isf(np.maximum(p_value, 1e-300) / 2) / np.sqrt(cells["design_effect"].to_numpy())
    return np.asarray(2 * norm.sf(z_score), dtype=np.float64)


def _share_elsewhere(cells: pd.DataFrame) -> pd.Series:
    """Share of the other territories' tables where the subject was said."""
    by_subject = cells.groupby("subject_id")
    n_tables = by_subject["n_tables"].transform("sum") - cells["n_tables"]
    held = by_subject["n_tables_held"].transform("sum") - cells["n_tables_held"]
    return (n_tables / held.where(held > 0)).fillna(0.0)
