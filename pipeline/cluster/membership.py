"""How sure it is that a unit is about its theme's subject, and which memberships count.

In:   the strength of each membership: closeness to the theme's other units
Out:  probability, calibrated on studies that no model had seen; is_counted

`python -m tools.training.membership` logs the two numbers again.
"""

import numpy as np
import pandas as pd

from models.encoders import NAME, STRONG_NAME

# From strength to log-odds, by encoder: fitted on the themes made of data/training/etudes.
ODDS = {NAME: (6.6, -2.9), STRONG_NAME: (8.1, -3.3)}


def probabilities(strength: pd.Series, encoder: str) -> pd.Series:
    """Return the probability of each membership; `encoder` is the name of the study's own."""
    slope, shift = ODDS.get(encoder, ODDS[NAME])
    odds = slope * strength.astype("float64") + shift
    return pd.Series(1 / (1 + np.exp(-odds)), index=strength.index).round(6)


def counts_in_theme(
    probability: pd.Series, themes: pd.Series, least_probability: float
) -> pd.Series:
    """Return which memberships count: the likely ones, and at least each theme's surest.

    A theme's name rests on its surest unit.
    """
    surest = probability.groupby(themes).transform("max")
    return (probability >= least_probability) | (probability == surest)
