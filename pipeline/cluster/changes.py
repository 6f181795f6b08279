"""Say what became of each theme since an earlier run: new, grown, shrunk, reshuffled, merged, split, gone or unchanged.

In:   themes and theme_members of an earlier run and of this one
Out:  theme_changes   one row a theme of either run: those of this run in their order, then those that are gone
"""

import json
from dataclasses import dataclass

import pandas as pd

from pipeline.i18n import _
from pipeline.tables import THEME_CHANGES
from pipeline.words import counted

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
        labels = {str(name): str(label) for themes, _members in (before, after) for name, label in _pairs(themes, "theme_id", "label")}
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
            return "disparu", [name for name, units in self.after.items() if len(units & old) >= MOSTLY * len(old)]
        if not old:
            known = new & set().union(*self.before.values()) if self.before else set()
            return "nouveau", [name for name, units in self.before.items() if known and len(units & known) >= MOSTLY * len(known)]
        if taken := [name for name in self.gone if len(self.before[name] & new) >= MOSTLY * len(self.before[name])]:
            return "réuni", taken
        born = [name for name in self.after if name not in self.before]
        if left := [name for name in born if len(self.after[name] & old) >= MOSTLY * len(self._known(name))]:
            return "partagé", left
        if new == old:
            return "inchangé", []
        return ("remanié" if len(new) == len(old) else "grandi" if len(new) > len(old) else "réduit"), []

    def _known(self, theme_id: str) -> set[str]:
        """Units of a theme of this run that the earlier one had; a stand-in that nothing is most of where it had none."""
        known = self.after[theme_id] & set().union(*self.before.values())
        return known or {"", theme_id}

    def _sentence(self, change: str, others: list[str], n_before: int, n_after: int) -> str:
        named = ", ".join(f"« {self.labels[name]} »" for name in others)
        now, then = counted(n_after, _("passage")), counted(n_before, _("passage"))
        moved = _("passe de {before} à {after}").format(before=n_before, after=now)
        if change == "nouveau":
            return (_("Nouveau thème de {now}, issu de {named}.") if others else _("Nouveau thème de {now}.")).format(now=now, named=named)
        if change == "disparu":
            said = _("N'existe plus : ses {then} sont surtout dans {named}.") if others else _("N'existe plus : ses {then} sont dispersés.")
            return said.format(then=then, named=named)
        if change == "réuni":
            return _("Reçoit {named} : {moved}.").format(named=named, moved=moved)
        if change == "partagé":
            return _("Se partage : {named} en sort ; {moved}.").format(named=named, moved=moved)
        if change == "inchangé":
            return _("Inchangé : les mêmes {now}.").format(now=now)
        if change == "remanié":
            return _("Autant de passages ({n}), mais pas les mêmes.").format(n=n_after)
        return moved[:1].upper() + moved[1:] + "."


def _units(members: pd.DataFrame) -> dict[str, set[str]]:
    return {str(name): set(units) for name, units in members.groupby("theme_id", sort=True)["unit_id"]}


def _pairs(table: pd.DataFrame, first: str, second: str) -> list[tuple[object, object]]:
    return list(zip(table[first], table[second], strict=True))
