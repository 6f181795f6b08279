"""Say of every decision whether it holds in the reviewed tables, was replaced by a later one, or has no subject left, and why.

What holds is read from the reviewed tables themselves, not from the replay's steps: a decision is never called applied where it is not.

In:   decisions in order, Replay of those on themes, Families, the machine's and the reviewed tags
Out:  rows of decision_effects, one a decision, in order
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.decisions.on_families import FAMILY_ACTIONS, Families
from pipeline.decisions.on_tags import TAG_ACTIONS
from pipeline.decisions.on_themes import Replay, split_id, split_units, text
from pipeline.grid import POSTURE, Axis
from pipeline.i18n import _

APPLIED, REPLACED, VOID = "appliquée", "remplacée", "sans objet"


@dataclass(frozen=True)
class Effects:
    """What decisions are compared with: the replay of those on themes, the codes assigned once all are applied."""

    replay: Replay
    families: Families
    assigned: frozenset[tuple[str | None, str | None, str | None]]
    theme_of: dict[str, str]
    quotes: dict[str, list[str]]
    labels: dict[str, str]
    exclusive: dict[str, bool]  # by axis of the grid

    @classmethod
    def of(cls, replay: Replay, families: Families, tags: pd.DataFrame, axes: Sequence[Axis]) -> "Effects":
        """Read the reviewed tables; `tags` are the reviewed ones, `axes` the grid's."""
        last = tags.sort_values(["unit_id", "axis", "code", "source"]).drop_duplicates(["unit_id", "axis", "code"], keep="last")
        assigned = last.loc[last["is_assigned"].astype(bool), ["unit_id", "axis", "code"]].itertuples(index=False, name=None)
        themes = replay.themes
        return cls(
            replay,
            families,
            frozenset(assigned),
            dict(zip(replay.members["unit_id"], replay.members["theme_id"], strict=True)),
            {theme_id: json.loads(quotes) for theme_id, quotes in zip(themes["theme_id"], themes["quotes"], strict=True)},
            dict(zip(themes["theme_id"], themes["label"], strict=True)),
            {axis.axis: axis.is_exclusive for axis in axes},
        )

    def rows(self, decisions: pd.DataFrame) -> list[dict[str, Any]]:
        """Return one row a decision: its number, action, state and, where it is not applied, the reason in French."""
        listed = list(decisions.itertuples(index=False))
        return [
            {"decision_id": row.decision_id, "action": row.action} | self._state(row, listed[place + 1 :])
            for place, row in enumerate(listed)
        ]

    def _state(self, row: Any, later: list[Any]) -> dict[str, str | None]:
        missing = self._missing(row)
        if missing is None and self._holds(row):
            return {"state": APPLIED, "reason": None}
        by = [other.decision_id for other in later if self._subjects(other) & self._subjects(row)]
        if missing is None and by:
            return {"state": REPLACED, "reason": _("Remplacée par une décision plus récente (n° {n}).").format(n=by[-1])}
        return {"state": VOID, "reason": missing or self._why_not(row)}

    def _missing(self, row: Any) -> str | None:
        """Why the decision has no subject, None where it has."""
        known, unit, theme, value = self.replay, text(row.unit_id), text(row.theme_id), text(row.value)
        if row.action in (*TAG_ACTIONS, "move_unit", "pin_quote", "unpin_quote") and unit not in known.unit_ids:
            return _("Le passage n'existe plus : son document a changé ou a été retiré.")
        if row.action in TAG_ACTIONS:
            if text(row.axis) and row.axis not in self.exclusive:
                return _("La grille n'a plus l'axe « {axis} ».").format(axis=row.axis)
            return None if text(row.axis) and text(row.code) else _("Le code manque.")
        if row.action == "split_theme":
            return None if set(split_units(value)) & known.unit_ids else _("Aucun des passages à séparer n'existe plus.")
        if row.action == "rename_family":
            return None if theme in self.families.known else _("La famille n'existe plus : ses thèmes sont passés dans d'autres.")
        if row.action != "move_unit" and theme not in known.theme_ids:
            return _("Le thème n'existe plus : ses passages sont passés dans d'autres.")
        if row.action in ("move_unit", "merge_theme") and value and value not in known.theme_ids and known.end_of(value) in (value, None):
            return _("Le thème d'arrivée n'existe plus.")
        if row.action == "move_theme" and value and value not in self.families.known:
            return _("La famille d'arrivée n'existe plus.")
        if row.action in ("rename_theme", "merge_theme") and (not value or value == theme):
            return _("La décision ne dit ni nom ni autre thème.")
        return None

    def _holds(self, row: Any) -> bool:
        """Whether the reviewed tables are as the decision, which has a subject, wants them."""
        end, unit, theme, value = self.replay.end_of, text(row.unit_id), text(row.theme_id), text(row.value)
        if row.action in TAG_ACTIONS:
            return ((unit, text(row.axis), text(row.code)) in self.assigned) == bool(row.action != "reject_tag")
        if row.action == "rename_family":
            return self.families.labels.get(theme or "") == value
        if row.action == "move_theme":
            return theme in self.labels and self.families.parents.get(theme or "") == value
        if row.action == "rename_theme":
            return self.labels.get(theme or "") == value
        if row.action == "reject_theme":
            return end(theme) is None
        if row.action == "merge_theme":
            return theme not in self.labels and end(theme) == end(value) is not None
        if row.action == "move_unit":
            return self.theme_of.get(unit or "") == end(value) and (value is None or end(value) is not None)
        if row.action == "split_theme":
            units = split_units(value)
            return any(self.theme_of.get(name) == end(split_id(units)) is not None for name in units)
        return (unit in self.quotes.get(end(theme) or "", [])) == bool(row.action == "pin_quote")

    def _why_not(self, row: Any) -> str:
        """Why a decision that has a subject and was not replaced does not show."""
        if row.action in TAG_ACTIONS:
            if row.axis == POSTURE:
                return _("Aucune autre posture n'a été proposée pour ce passage.")
            return _("Aucun autre code de cet axe n'a été proposé pour ce passage.")
        if row.action == "rename_family":
            return _("La famille n'a plus de thème, ou la décision ne dit pas de nom.")
        if row.action == "pin_quote":
            return _("Le passage n'est pas dans ce thème.")
        return _("Une autre décision a réuni ou écarté ce thème.")

    def _subjects(self, row: Any) -> set[tuple[str, ...]]:
        """What a decision is about: units (with their axis for codes), themes, families."""
        unit, theme, value = text(row.unit_id), text(row.theme_id), text(row.value)
        if row.action in TAG_ACTIONS:
            axis_or_code = row.axis if self.exclusive.get(row.axis) else f"{row.axis}:{row.code}"
            return {("tag", str(unit), str(axis_or_code))}
        if row.action in FAMILY_ACTIONS:
            return {(str(row.action), str(theme))}
        if row.action in ("pin_quote", "unpin_quote"):
            return {("quote", str(theme), str(unit)), ("theme", str(theme)), ("unit", str(unit))}
        if row.action == "split_theme":
            units = split_units(value)
            return {("unit", name) for name in units} | {("theme", split_id(units))}
        if row.action == "move_unit":
            return {("unit", str(unit))} | ({("theme", value)} if value else set())
        return {("theme", str(theme))} | ({("theme", value)} if row.action == "merge_theme" and value else set())
