"""Lafon's specificity, and how far passages said together are from independent witnesses.

In:   counts of passages
Out:  signed -log10 tails; one design effect a subject
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

Numbers = NDArray[np.float64]


def specificity(n_units: pd.Series, n_subject: pd.Series, n_here: pd.Series, n_all: pd.Series) -> pd.Series:
    """-log10 P(X ≥ n_units) where the subject is at least as present as chance would have it, else log10 P(X ≤ n_units).

    X is hypergeometric: `n_here` passages drawn from `n_all`, of which `n_subject` are the subject's. Exact tails, never infinite.
    """
    is_over = n_units * n_all >= n_subject * n_here
    over = -log10_tail(n_units, n_subject, n_here, n_all, upper=True)
    under = log10_tail(n_units, n_subject, n_here, n_all, upper=False)
    return pd.Series(np.where(is_over, over, under), index=n_units.index).round(4) + 0.0  # + 0.0 turns -0.0 into 0.0


def log10_tail(n_units: pd.Series, n_subject: pd.Series, n_here: pd.Series, n_all: pd.Series, *, upper: bool) -> Numbers:
    """log10 of P(X ≥ n_units) or of P(X ≤ n_units); where the tail is too small for a float, its logarithm is summed term by term."""
    counts = [np.asarray(column, dtype=np.int64) for column in (n_units, n_all, n_subject, n_here)]
    at, law = counts[0] - upper, counts[1:]
    tail = (hypergeom.sf if upper else hypergeom.cdf)(at, *law)
    with np.errstate(divide="ignore"):
        logs = np.log10(tail)
    tiny = ~(tail > 1e-280)
    if tiny.any():
        slow = (hypergeom.logsf if upper else hypergeom.logcdf)(at[tiny], *(column[tiny] for column in law))
        logs[tiny] = slow / np.log(10)
    return np.asarray(logs, dtype=np.float64)


def design_effect(rows: pd.DataFrame, places: pd.DataFrame) -> pd.Series:
    """Variance of the subject's passages between circles of a territory over what independence would give, at least 1; by subject_id.

    1 means that each circle says it about as often as its size predicts; 3 that a few circles said it over and over.
    """
    sizes = places.groupby(["territory", "circle_id"]).size()
    here = sizes.groupby("territory").sum()
    freedom = len(sizes) / max(1, len(sizes) - len(here))
    said = rows.groupby(["subject_id", "territory", "circle_id"]).size().rename("said").reset_index()
    said = said.merge(sizes.rename("size").reset_index(), on=["territory", "circle_id"], validate="many_to_one")
    total = said.groupby(["subject_id", "territory"])["said"].sum().rename("total").reset_index()
    total["here"] = total["territory"].map(here)
    total["squares"] = total["territory"].map((sizes**2).groupby("territory").sum())
    rate = total["total"] / total["here"]
    crossed = said.assign(square=said["said"] ** 2, product=said["said"] * said["size"]).groupby(["subject_id", "territory"])
    sums = total.merge(crossed[["square", "product"]].sum().reset_index(), on=["subject_id", "territory"], validate="one_to_one")
    total["seen"] = (
        sums["square"] - 2 * rate * sums["product"] + rate**2 * total["squares"]
    )  # Σ (said - rate·size)², circles without it too
    total["expected"] = total["total"] * (1 - rate)
    both = total.groupby("subject_id")[["seen", "expected"]].sum()
    return (both["seen"] / both["expected"].where(both["expected"] > 0) * freedom).fillna(1.0).clip(lower=1.0).rename("design_effect")
