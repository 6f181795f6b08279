"""Give themes and families an identity that lasts: one that keeps most of its units, or else its subject, over runs keeps its id.

In:   members and keywords of each theme of this run; themes and theme_members of an earlier one
Out:  one theme_id a theme, all distinct

Say what became of each theme since an earlier run: new, grown, shrunk, reshuffled, merged, split, gone or unchanged.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.tables.results import THEME_CHANGES
from pipeline.text import counted, fold

SAME_THEME = 0.25  # share of common units (Jaccard, among units that the earlier run had) from which a theme is the same
SAME_SUBJECT = 0.5  # share of common words of the keywords from which a theme is, where the earlier one's units are mostly gone
_MOSTLY_GONE = 0.5  # share of an earlier theme's units that no theme holds any more
_TIE_BREAK = 0.1  # what keywords weigh beside units
_ROOT = 6  # letters of a keyword's word that are compared
_N_CENTRAL = 5  # units that a new theme's identity is made of

Previous = tuple[pd.DataFrame, pd.DataFrame]  # themes, theme_members


def identify_themes(
    members: Sequence[Sequence[str]],
    keywords: Sequence[Sequence[str]],
    previous: Previous | None,
    *,
    prefix: str = "t",
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


def identify_families(
    members: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], previous: Previous | None
) -> list[str]:
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
            self.units = {
                str(theme): set(units)
                for theme, units in members.groupby("theme_id", sort=True)["unit_id"]
            }
        self.names = sorted(self.units)
        listed = zip(themes["theme_id"], themes["keywords"], strict=True) if len(themes) else []
        words = {str(theme): _roots(json.loads(keywords)) for theme, keywords in listed}
        self.words = {name: words.get(name, set()) for name in self.names}


def _continued(
    members: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], earlier: _Earlier
) -> dict[int, str]:
    """The earlier theme_id that each theme continues, by the matching that shares most units overall, then most words."""
    if not earlier.names or not members:
        return {}
    known = set().union(*earlier.units.values())
    here = set().union(*map(set, members))
    words = [_roots(theme) for theme in keywords]
    units = _table(
        members, earlier, lambda row, name: _jaccard(set(members[row]) & known, earlier.units[name])
    )
    subject = _table(members, earlier, lambda row, name: _jaccard(words[row], earlier.words[name]))
    is_gone = np.array(
        [
            len(earlier.units[name] - here) > _MOSTLY_GONE * len(earlier.units[name])
            for name in earlier.names
        ]
    )
    is_same = (units >= SAME_THEME) | (is_gone[None, :] & (subject >= SAME_SUBJECT))
    affinity = np.where(is_same, units + _TIE_BREAK * subject, 0)
    rows, columns = linear_sum_assignment(-affinity)
    return {
        int(row): earlier.names[column]
        for row, column in zip(rows, columns, strict=True)
        if is_same[row, column]
    }


def _table(
    members: Sequence[Sequence[str]], earlier: _Earlier, likeness: Callable[[int, str], float]
) -> NDArray[np.float64]:
    """`likeness` of each theme with each earlier one, (n_themes, n_earlier)."""
    return np.array(
        [[likeness(row, name) for name in earlier.names] for row in range(len(members))]
    )


def _roots(keywords: Sequence[str]) -> set[str]:
    """The beginnings of the words of `keywords`, so that inflections meet."""
    return {
        word[:_ROOT]
        for keyword in keywords
        for word in fold(keyword, keep_signs=True).split()
        if len(word) > 2
    }


def _jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second) if first or second else 0.0


def _new_identity(units: Sequence[str], taken: set[str], prefix: str) -> str:
    """The prefix and eight hexadecimal digits of the most central units, hashed again while another theme has them."""
    text = "\n".join(sorted(units[:_N_CENTRAL]))
    while True:
        text = hashlib.sha256(text.encode()).hexdigest()
        if f"{prefix}-{text[:8]}" not in taken:
            return f"{prefix}-{text[:8]}"


MOSTLY = 0.5  # share of a theme's units from which they make another theme, or go to it

Run = tuple[pd.DataFrame, pd.DataFrame]  # themes, theme_members


def list_changes(before: Run, after: Run) -> pd.DataFrame:
    """Return theme_changes; without an earlier run, every theme is new."""
    flows = _Flows.between(before, after)
    here = [flows.row_of(str(theme_id)) for theme_id in after[0]["theme_id"]]
    gone = [flows.row_of(theme_id) for theme_id in flows.gone]
    return THEME_CHANGES.build([*here, *gone])


@dataclass(frozen=True)
class _Flows:
    """Units by theme in both runs, labels, and for each theme those that it gave units to or took them from."""

    before: dict[str, set[str]]
    after: dict[str, set[str]]
    labels: dict[str, str]

    @classmethod
    def between(cls, before: Run, after: Run) -> "_Flows":
        labels = {
            str(name): str(label)
            for themes, _members in (before, after)
            for name, label in _pairs(themes, "theme_id", "label")
        }
        return cls(_units(before[1]), _units(after[1]), labels)

    @property
    def gone(self) -> list[str]:
        """Earlier themes that are no more, by theme_id."""
        return sorted(set(self.before) - set(self.after))

    def row_of(self, theme_id: str) -> dict[str, object]:
        """One row of theme_changes."""
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
                name for name, units in self.after.items() if len(units & old) >= MOSTLY * len(old)
            ]
        if not old:
            known = new & set().union(*self.before.values()) if self.before else set()
            return "nouveau", [
                name
                for name, units in self.before.items()
                if known and len(units & known) >= MOSTLY * len(known)
            ]
        if taken := [
            name
            for name in self.gone
            if len(self.before[name] & new) >= MOSTLY * len(self.before[name])
        ]:
            return "réuni", taken
        born = [name for name in self.after if name not in self.before]
        if left := [
            name for name in born if len(self.after[name] & old) >= MOSTLY * len(self._known(name))
        ]:
            return "partagé", left
        if new == old:
            return "inchangé", []
        return (
            "remanié" if len(new) == len(old) else "grandi" if len(new) > len(old) else "réduit"
        ), []

    def _known(self, theme_id: str) -> set[str]:
        """Units of a theme of this run that the earlier one had; a stand-in that nothing is most of where it had none."""
        known = self.after[theme_id] & set().union(*self.before.values())
        return known or {"", theme_id}

    def _sentence(self, change: str, others: list[str], n_before: int, n_after: int) -> str:
        named = ", ".join(f"« {self.labels[name]} »" for name in others)
        now, then = counted(n_after, "passage"), counted(n_before, "passage")
        moved = f"passe de {n_before} à {now}"
        if change == "nouveau":
            return (
                "Nouveau thème de {now}, issu de {named}." if others else "Nouveau thème de {now}."
            ).format(now=now, named=named)
        if change == "disparu":
            said = (
                "N'existe plus : ses {then} sont surtout dans {named}."
                if others
                else "N'existe plus : ses {then} sont dispersés."
            )
            return said.format(then=then, named=named)
        if change == "réuni":
            return f"Reçoit {named} : {moved}."
        if change == "partagé":
            return f"Se partage : {named} en sort ; {moved}."
        if change == "inchangé":
            return f"Inchangé : les mêmes {now}."
        if change == "remanié":
            return f"Autant de passages ({n_after}), mais pas les mêmes."
        return moved[:1].upper() + moved[1:] + "."


def _units(members: pd.DataFrame) -> dict[str, set[str]]:
    return {
        str(name): set(units) for name, units in members.groupby("theme_id", sort=True)["unit_id"]
    }


def _pairs(table: pd.DataFrame, first: str, second: str) -> list[tuple[object, object]]:
    return list(zip(table[first], table[second], strict=True))
