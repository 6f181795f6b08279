"""How sure it is that a unit is about its theme's subject, and which memberships count.

In:   the strength of each membership: closeness to the theme's other units
Out:  probability, calibrated on studies that no model had seen; is_counted

`python -m tools.training.membership` logs the two numbers again.
"""

import numpy as np
import pandas as pd

# From strength to log-odds: fitted on the themes made of data/training/etudes.
SLOPE, SHIFT = 6.6, -2.9


def probabilities(strength: pd.Series) -> pd.Series:
    """Return the probability of each membership."""
    odds = SLOPE * strength.astype("float64") + SHIFT
    return pd.Series(1 / (1 + np.exp(-odds)), index=strength.index).round(6)


def counts_in_theme(
    probability: pd.Series, themes: pd.Series, least_probability: float
) -> pd.Series:
    """Return which memberships count: the likely ones, and at least each theme's surest.

    A theme's name rests on its surest unit.
    """
    surest = probability.groupby(themes).transform("max")
    return (probability >= least_probability) | (probability == surest)
