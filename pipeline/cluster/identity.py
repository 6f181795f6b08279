"""Give themes an identity that lasts: a theme that keeps most of its units over runs keeps its theme_id.

In:   members of each theme of this run; themes and theme_members of an earlier one
Out:  one theme_id a theme, all distinct
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

SAME_THEME = 0.25  # share of common units (Jaccard, among units that the earlier run had) from which a theme is the same
_N_CENTRAL = 5  # units that a new theme's identity is made of


def identify_themes(members: Sequence[Sequence[str]], previous: pd.DataFrame | None) -> list[str]:
    """Return the theme_id of each theme; `members` lists its unit_ids, most central first; `previous` holds unit_id and theme_id.

    An earlier theme_id that no theme continues is never given to another.
    """
    earlier: dict[str, set[str]] = {}
    if previous is not None and len(previous):
        earlier = {str(theme): set(units) for theme, units in previous.groupby("theme_id", sort=True)["unit_id"]}
    kept = _continued(members, earlier)
    taken = set(earlier)
    identities = []
    for theme, units in enumerate(members):
        identity = kept.get(theme) or _new_identity(units, taken)
        taken.add(identity)
        identities.append(identity)
    return identities


def _continued(members: Sequence[Sequence[str]], earlier: dict[str, set[str]]) -> dict[int, str]:
    """The earlier theme_id that each theme continues, by the matching that shares most units overall."""
    if not earlier or not members:
        return {}
    known = set().union(*earlier.values())
    names = sorted(earlier)
    overlap = np.array([[_jaccard(set(units) & known, earlier[name]) for name in names] for units in members])
    rows, columns = linear_sum_assignment(-overlap)
    return {int(row): names[column] for row, column in zip(rows, columns, strict=True) if overlap[row, column] >= SAME_THEME}


def _jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second) if first or second else 0.0


def _new_identity(units: Sequence[str], taken: set[str]) -> str:
    """`t-` and eight hexadecimal digits of the most central units, hashed again while another theme has them."""
    text = "\n".join(sorted(units[:_N_CENTRAL]))
    while True:
        text = hashlib.sha256(text.encode()).hexdigest()
        if f"t-{text[:8]}" not in taken:
            return f"t-{text[:8]}"
