"""Give themes lasting identities, and list what changed since an earlier run.

In:   members and keywords of each theme of this run; themes and theme_members of an earlier one
Out:  one theme_id a theme, all distinct; theme_changes (new, grown, merged, split, gone…)

A theme keeps its id while it keeps most of its units, or else its subject.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.tables.results import THEME_CHANGES
from pipeline.text import counted, fold

# Jaccard of units, among those of the earlier run, from which a theme is the same.
SAME_THEME = 0.25
# The same for keywords, where the earlier theme's units are mostly gone.
SAME_SUBJECT = 0.5
_MOSTLY_GONE = 0.5  # share of an earlier theme's units without a theme now
_TIE_BREAK = 0.1  # weight of keywords beside units
_ROOT = 6  # compared letters of a word
_N_CENTRAL = 5  # units hashed into a new identity

Run = tuple[pd.DataFrame, pd.DataFrame]  # themes, theme_members
MOSTLY = 0.5  # share of a theme's units that makes a split or a merge


def identify_themes(
    members: Sequence[Sequence[str]],
    keywords: Sequence[Sequence[str]],
    previous: Run | None,
) -> list[str]:
    """Return the theme_id of each theme; `members` lists its unit_ids, most central first.

    An id is never reused for another theme.
    """
    earlier = _EarlierThemes(previous)
    continued = _continued(members, keywords, earlier)
    taken = set(earlier.names)
    identities = []
    for theme, units in enumerate(members):
        identity = continued.get(theme) or _new_identity(units, taken)
        taken.add(identity)
        identities.append(identity)
    return identities


class _EarlierThemes:
    def __init__(self, previous: Run | None) -> None:
        themes, members = previous if previous is not None else (pd.DataFrame(), pd.DataFrame())
        self.units = _units_by_theme(members) if len(members) else {}
        self.names = sorted(self.units)
        words: dict[str, set[str]] = {}
        if len(themes):
            for theme_id, keywords in zip(themes["theme_id"], themes["keywords"], strict=True):
                words[str(theme_id)] = _roots(json.loads(keywords))
        self.words = {name: words.get(name, set()) for name in self.names}


def _continued(
    members: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], earlier: _EarlierThemes
) -> dict[int, str]:
    if not earlier.names or not members:
        return {}
    earlier_units = [earlier.units[name] for name in earlier.names]
    had_theme = set().union(*earlier_units)
    here = set().union(*map(set, members))
    units = _jaccards([set(unit_ids) & had_theme for unit_ids in members], earlier_units)
    words = [earlier.words[name] for name in earlier.names]
    subject = _jaccards([_roots(theme) for theme in keywords], words)
    is_gone = np.array(
        [len(unit_ids - here) > _MOSTLY_GONE * len(unit_ids) for unit_ids in earlier_units]
    )
    is_same = (units >= SAME_THEME) | (is_gone[None, :] & (subject >= SAME_SUBJECT))
    affinity = np.where(is_same, units + _TIE_BREAK * subject, 0)
    rows, columns = linear_sum_assignment(-affinity)
    return {
        int(row): earlier.names[column]
        for row, column in zip(rows, columns, strict=True)
        if is_same[row, column]
    }


def _jaccards(themes: Sequence[set[str]], earlier: Sequence[set[str]]) -> NDArray[np.float64]:
    shares = np.zeros((len(themes), len(earlier)))
    for (i, first), (j, second) in product(enumerate(themes), enumerate(earlier)):
        shares[i, j] = len(first & second) / max(1, len(first | second))
    return shares


def _roots(keywords: Sequence[str]) -> set[str]:
    return {
        word[:_ROOT]
        for keyword in keywords
        for word in fold(keyword, keep_signs=True).split()
        if len(word) > 2
    }


def _new_identity(units: Sequence[str], taken: set[str]) -> str:
    """The hash of the most central units, hashed again while it is taken."""
    text = "\n".join(sorted(units[:_N_CENTRAL]))
    while True:
        text = hashlib.sha256(text.encode()).hexdigest()
        if f"t-{text[:8]}" not in taken:
            return f"t-{text[:8]}"


def list_changes(before: Run, after: Run) -> pd.DataFrame:
    """Return theme_changes; without an earlier run, every theme is new."""
    moves = _Moves.between(before, after)
    here = [moves.row_of(str(theme_id)) for theme_id in after[0]["theme_id"]]
    gone = [moves.row_of(theme_id) for theme_id in moves.gone]
    return THEME_CHANGES.build([*here, *gone])


@dataclass(frozen=True)
class _Moves:
    before: dict[str, set[str]]
    after: dict[str, set[str]]
    labels: dict[str, str]

    @classmethod
    def between(cls, before: Run, after: Run) -> "_Moves":
        themes = pd.concat([before[0], after[0]])[["theme_id", "label"]].astype(str)
        labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
        return cls(_units_by_theme(before[1]), _units_by_theme(after[1]), labels)

    @property
    def gone(self) -> list[str]:
        return sorted(set(self.before) - set(self.after))

    def row_of(self, theme_id: str) -> dict[str, object]:
        old, new = self.before.get(theme_id, set()), self.after.get(theme_id, set())
        change, others = self._change(theme_id, old, new)
        return {
            "theme_id": theme_id,
            "label": self.labels[theme_id],
            "change": change,
            "n_before": len(old),
            "n_after": len(new),
            "n_common": len(old & new),
            "other_theme_ids": json.dumps(others),
            "sentence": self._sentence(change, others, len(old), len(new)),
        }

    def _change(self, theme_id: str, old: set[str], new: set[str]) -> tuple[str, list[str]]:
        if not new:
            return "disparu", [
                name for name, units in self.after.items() if _holds_most(units, old)
            ]
        if not old:
            had_theme = self._with_theme_before(new)
            return "nouveau", [
                name for name, units in self.before.items() if _holds_most(units, had_theme)
            ]
        if taken := [name for name in self.gone if _holds_most(new, self.before[name])]:
            return "réuni", taken
        born = [name for name in self.after if name not in self.before]
        if left := [
            name for name in born if _holds_most(old, self._with_theme_before(self.after[name]))
        ]:
            return "partagé", left
        if new == old:
            return "inchangé", []
        if len(new) == len(old):
            return "remanié", []
        return "grandi" if len(new) > len(old) else "réduit", []

    def _with_theme_before(self, units: set[str]) -> set[str]:
        return units & set().union(*self.before.values())

    def _sentence(self, change: str, others: list[str], n_before: int, n_after: int) -> str:
        named = ", ".join(f"« {self.labels[name]} »" for name in others)
        now, then = counted(n_after, "passage"), counted(n_before, "passage")
        moved = f"passe de {n_before} à {now}"
        origin = f", issu de {named}" if others else ""
        whereabouts = f"surtout dans {named}" if others else "dispersés"
        grown = f"P{moved[1:]}."
        return {
            "nouveau": f"Nouveau thème de {now}{origin}.",
            "disparu": f"N'existe plus : ses {then} sont {whereabouts}.",
            "réuni": f"Reçoit {named} : {moved}.",
            "partagé": f"Se partage : {named} en sort ; {moved}.",
            "inchangé": f"Inchangé : les mêmes {now}.",
            "remanié": f"Autant de passages ({n_after}), mais pas les mêmes.",
            "grandi": grown,
            "réduit": grown,
        }[change]


def _holds_most(units: set[str], of: set[str]) -> bool:
    return bool(of) and len(units & of) >= MOSTLY * len(of)


def _units_by_theme(members: pd.DataFrame) -> dict[str, set[str]]:
    return {
        str(theme_id): set(units)
        for theme_id, units in members.groupby("theme_id", sort=True)["unit_id"]
    }
