"""Give themes and families an identity that lasts: one that keeps most of its units, or else its subject, over runs keeps its id.

In:   members and keywords of each theme of this run; themes and theme_members of an earlier one
Out:  one theme_id a theme, all distinct
"""

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.french import fold

SAME_THEME = 0.25  # share of common units (Jaccard, among units that the earlier run had) from which a theme is the same
SAME_SUBJECT = 0.5  # share of common words of the keywords from which a theme is, where the earlier one's units are mostly gone
_MOSTLY_GONE = 0.5  # share of an earlier theme's units that no theme holds any more
_TIE_BREAK = 0.1  # what keywords weigh beside units
_ROOT = 6  # letters of a keyword's word that are compared
_N_CENTRAL = 5  # units that a new theme's identity is made of

Previous = tuple[pd.DataFrame, pd.DataFrame]  # themes, theme_members


def identify_themes(
    members: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], previous: Previous | None, *, prefix: str = "t"
) -> list[str]:
    """Return the theme_id of each theme; `members` lists its unit_ids, most central first, and `keywords` its words.

    An earlier theme_id that no theme continues is never given to another; a new one begins with `prefix`.
    """
    earlier = _Earlier(previous)
    kept = _continued(members, keywords, earlier)
    taken = set(earlier.names)
    identities = []
    for theme, units in enumerate(members):
        identity = kept.get(theme) or _new_identity(units, taken, prefix)
        taken.add(identity)
        identities.append(identity)
    return identities


def identify_families(members: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], previous: Previous | None) -> list[str]:
    """Return the id of each family of themes, known like a theme: by its themes' units, then by their keywords."""
    return identify_themes(members, keywords, _as_families(previous), prefix="f")


def _as_families(previous: Previous | None) -> Previous | None:
    """The families of an earlier run as if each were one theme."""
    if previous is None or not len(previous[0]):
        return None
    themes, members = previous
    parents = dict(zip(themes["theme_id"], themes["parent_id"], strict=True))
    placed = members.assign(theme_id=members["theme_id"].map(parents)).dropna(subset="theme_id")
    words = themes.dropna(subset="parent_id").groupby("parent_id")["keywords"].agg(_joined)
    return pd.DataFrame({"theme_id": words.index, "keywords": words.to_numpy()}), placed


def _joined(lists: pd.Series) -> str:
    return json.dumps([word for text in lists for word in json.loads(text)], ensure_ascii=False)


class _Earlier:
    """The themes of an earlier run: `names`, and the `units` and words of each."""

    def __init__(self, previous: Previous | None) -> None:
        themes, members = previous if previous is not None else (pd.DataFrame(), pd.DataFrame())
        self.units: dict[str, set[str]] = {}
        if len(members):
            self.units = {str(theme): set(units) for theme, units in members.groupby("theme_id", sort=True)["unit_id"]}
        self.names = sorted(self.units)
        listed = zip(themes["theme_id"], themes["keywords"], strict=True) if len(themes) else []
        words = {str(theme): _roots(json.loads(keywords)) for theme, keywords in listed}
        self.words = {name: words.get(name, set()) for name in self.names}


def _continued(members: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], earlier: _Earlier) -> dict[int, str]:
    """The earlier theme_id that each theme continues, by the matching that shares most units overall, then most words."""
    if not earlier.names or not members:
        return {}
    known = set().union(*earlier.units.values())
    here = set().union(*map(set, members))
    words = [_roots(theme) for theme in keywords]
    units = _table(members, earlier, lambda row, name: _jaccard(set(members[row]) & known, earlier.units[name]))
    subject = _table(members, earlier, lambda row, name: _jaccard(words[row], earlier.words[name]))
    is_gone = np.array([len(earlier.units[name] - here) > _MOSTLY_GONE * len(earlier.units[name]) for name in earlier.names])
    is_same = (units >= SAME_THEME) | (is_gone[None, :] & (subject >= SAME_SUBJECT))
    affinity = np.where(is_same, units + _TIE_BREAK * subject, 0)
    rows, columns = linear_sum_assignment(-affinity)
    return {int(row): earlier.names[column] for row, column in zip(rows, columns, strict=True) if is_same[row, column]}


def _table(members: Sequence[Sequence[str]], earlier: _Earlier, likeness: Callable[[int, str], float]) -> NDArray[np.float64]:
    """`likeness` of each theme with each earlier one, (n_themes, n_earlier)."""
    return np.array([[likeness(row, name) for name in earlier.names] for row in range(len(members))])


def _roots(keywords: Sequence[str]) -> set[str]:
    """The beginnings of the words of `keywords`, so that inflections meet."""
    return {word[:_ROOT] for keyword in keywords for word in fold(keyword).split() if len(word) > 2}


def _jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second) if first or second else 0.0


def _new_identity(units: Sequence[str], taken: set[str], prefix: str) -> str:
    """The prefix and eight hexadecimal digits of the most central units, hashed again while another theme has them."""
    text = "\n".join(sorted(units[:_N_CENTRAL]))
    while True:
        text = hashlib.sha256(text.encode()).hexdigest()
        if f"{prefix}-{text[:8]}" not in taken:
            return f"{prefix}-{text[:8]}"
