"""Say of every decision whether it holds in the reviewed tables, was replaced by a later one, undone, or has no subject left, and why.

What holds is read from the reviewed tables themselves, not from the replay's steps: a decision is never called applied where it is not.

In:   decisions, Replay of those on themes, Families, the machine's and the reviewed tags
Out:  rows of decision_effects, one a decision, in order
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.decisions.on_families import Families
from pipeline.decisions.on_themes import Replay, split_id, split_units, text
from pipeline.decisions.subjects import subjects_of, touched_by
from pipeline.decisions.weightings import (
    SAVE,
    USE,
    Weighting,
    name_in,
    name_in_use,
    read_weighting,
    saved_weightings,
)
from pipeline.grid.codes import POSTURE, Axis
from pipeline.standing import CODE_ACTIONS, CONFIRM, UNDO, confirmed_codes, number_in, undone_by

APPLIED, REPLACED, UNDONE, TO_REVIEW, VOID = (
    "appliquée",
    "remplacée",
    "annulée",
    "à revoir",
    "sans objet",
)
_ON_UNIT = (*CODE_ACTIONS, CONFIRM, "move_unit", "pin_quote", "unpin_quote")


def told_idle(effects: pd.DataFrame, root: object) -> str | None:
    """Say in one line how many decisions stopped applying, and where to see them; None where all those that stand apply."""
    n_to_review, n_void = (int((effects["state"] == state).sum()) for state in (TO_REVIEW, VOID))
    n = n_to_review + n_void
    if not n:
        return None
    parts = [f"{n_to_review} à revoir, leur thème est devenu un autre"] if n_to_review else []
    parts += (
        [f"{n_void} sans objet, faute de leur passage, de leur thème ou d'un autre code"]
        if n_void
        else []
    )
    verb = "décision ne s'applique plus" if n == 1 else "décisions ne s'appliquent plus"
    return "{n} {verb} : {parts} ; les voir : ateliers review {root}, page Résultats".format(
        n=n, verb=verb, parts=" ; ".join(parts), root=root
    )


@dataclass(frozen=True)
class Effects:
    """What decisions are compared with: the replay of those on themes, the codes assigned once all are applied."""

    replay: Replay
    families: Families
    assigned: dict[str, set[tuple[str, str]]]  # axis and code, by unit
    theme_of: dict[str, str]
    quotes: dict[str, list[str]]
    labels: dict[str, str]
    descriptions: dict[str, str]
    exclusive: dict[str, bool]  # by axis of the grid
    weightings: dict[str, Weighting]
    in_use: str  # name of a weighting

    @classmethod
    def of(
        cls,
        replay: Replay,
        families: Families,
        tags: pd.DataFrame,
        axes: Sequence[Axis],
        said: pd.DataFrame,
    ) -> "Effects":
        """Read the reviewed tables; `tags` are the reviewed ones, `axes` the grid's, `said` the decisions that stand."""
        last = tags.sort_values(["unit_id", "axis", "code", "source"]).drop_duplicates(
            ["unit_id", "axis", "code"], keep="last"
        )
        assigned: dict[str, set[tuple[str, str]]] = {}
        for unit_id, axis, code in last.loc[
            last["is_assigned"].astype(bool), ["unit_id", "axis", "code"]
        ].itertuples(index=False, name=None):
            assigned.setdefault(unit_id, set()).add((axis, code))
        themes = replay.themes
        return cls(
            replay,
            families,
            assigned,
            dict(zip(replay.members["unit_id"], replay.members["theme_id"], strict=True)),
            {
                theme_id: json.loads(quotes)
                for theme_id, quotes in zip(themes["theme_id"], themes["quotes"], strict=True)
            },
            dict(zip(themes["theme_id"], themes["label"], strict=True)),
            dict(zip(themes["theme_id"], themes["description"], strict=True)),
            {axis.axis: axis.is_exclusive for axis in axes},
            saved_weightings(said),
            name_in_use(said),
        )

    def rows(self, decisions: pd.DataFrame, to_review: Mapping[int, str]) -> list[dict[str, Any]]:
        """Return one row a decision, undone ones too: its number, action, state and, where it is not applied, the reason in French.

        `to_review` are the decisions that were left out because their theme became another, and why.
        """
        undone, known = undone_by(decisions), set(decisions["decision_id"])
        listed: list[Any] = list(decisions.sort_values("decision_id").itertuples(index=False))
        standing = [row for row in listed if row.decision_id not in undone]
        last = {
            subject: row.decision_id
            for row in standing
            for subject in touched_by(row, self.exclusive)
        }
        rows: list[dict[str, Any]] = []
        for row in listed:
            if by := undone.get(row.decision_id):
                effect: dict[str, str | None] = {
                    "state": UNDONE,
                    "reason": f"Annulée par la décision n° {by}.",
                }
            elif row.action == UNDO:
                is_there = number_in(row.value) in known and number_in(row.value) < row.decision_id
                effect = _told(None if is_there else "La décision à annuler n'existe pas.")
            else:
                effect = self._effect(row, last, to_review.get(row.decision_id))
            rows.append({"decision_id": row.decision_id, "action": row.action} | effect)
        return rows

    def _effect(
        self, row: Any, last: dict[tuple[str, ...], int], to_review: str | None
    ) -> dict[str, str | None]:
        """State and reason of a decision that stands; `last` numbers the last decision that touched each subject."""
        missing = self._missing(row)
        if to_review is None and (missing is not None or self._holds(row)):
            return _told(missing)
        by = max((last.get(subject, 0) for subject in subjects_of(row, self.exclusive)), default=0)
        if by > row.decision_id:
            return {
                "state": REPLACED,
                "reason": f"Remplacée par une décision plus récente (n° {by}).",
            }
        return {"state": TO_REVIEW, "reason": to_review} if to_review else _told(self._why_not(row))

    def _missing(self, row: Any) -> str | None:
        """Why the decision has no subject, None where it has."""
        if row.action in (SAVE, USE):
            return self._missing_weighting(row)
        if row.action in _ON_UNIT and text(row.unit_id) not in self.replay.unit_ids:
            return "Le passage n'existe plus : son document a changé ou a été retiré."
        if row.action == CONFIRM:
            return (
                None
                if confirmed_codes(row.value) is not None
                else "La décision ne dit pas la liste des codes du passage."
            )
        if row.action in CODE_ACTIONS:
            if text(row.axis) and row.axis not in self.exclusive:
                return f"La grille n'a plus l'axe « {row.axis} »."
            return None if text(row.axis) and text(row.code) else "Le code manque."
        return self._missing_theme(row)

    def _missing_weighting(self, row: Any) -> str | None:
        if row.action == SAVE:
            read = read_weighting(row.value)
            return None if isinstance(read, Weighting) else read
        name = name_in(row.value)
        return (
            None
            if not name or name in self.weightings
            else f"La pondération « {name} » n'existe pas."
        )

    def _missing_theme(self, row: Any) -> str | None:
        known, theme, value = self.replay, text(row.theme_id), text(row.value)
        if row.action == "split_theme":
            return (
                None
                if set(split_units(value)) & known.unit_ids
                else "Aucun des passages à séparer n'existe plus."
            )
        if row.action == "rename_family":
            return (
                None
                if theme in self.families.known
                else "La famille n'existe plus : ses thèmes sont passés dans d'autres."
            )
        if row.action != "move_unit" and theme not in known.theme_ids:
            return "Le thème n'existe plus : ses passages sont passés dans d'autres."
        if (
            row.action in ("move_unit", "merge_theme")
            and value
            and value not in known.theme_ids
            and known.end_of(value) in (value, None)
        ):
            return "Le thème d'arrivée n'existe plus."
        if row.action == "keep_apart" and value and value not in known.theme_ids:
            return "L'autre thème n'existe plus."
        if row.action == "move_theme" and value and value not in self.families.known:
            return "La famille d'arrivée n'existe plus."
        if row.action == "describe_theme" and not value:
            return "La décision ne dit pas de description."
        if row.action in ("rename_theme", "merge_theme", "keep_apart") and (
            not value or value == theme
        ):
            return "La décision ne dit ni nom ni autre thème."
        return None

    def _holds(self, row: Any) -> bool:
        """Whether the reviewed tables are as the decision, which has a subject, wants them."""
        unit, value = text(row.unit_id), text(row.value)
        if row.action == SAVE:
            return any(
                weighting.decision_id == row.decision_id for weighting in self.weightings.values()
            )
        if row.action == USE:
            return name_in(row.value) == self.in_use
        if row.action in CODE_ACTIONS:
            return ((str(row.axis), str(row.code)) in self.assigned.get(unit or "", set())) == bool(
                row.action != "reject_tag"
            )
        if row.action == CONFIRM:
            wanted = {
                code for code in confirmed_codes(row.value) or [] if code[0] in self.exclusive
            }
            return {
                code for code in self.assigned.get(unit or "", set()) if code[0] in self.exclusive
            } == wanted
        return self._holds_theme(row, unit, value)

    def _holds_theme(self, row: Any, unit: str | None, value: str | None) -> bool:
        end, theme = self.replay.end_of, text(row.theme_id)
        if row.action == "rename_family":
            return self.families.labels.get(theme or "") == value
        if row.action == "move_theme":
            return theme in self.labels and self.families.parents.get(theme or "") == value
        if row.action == "rename_theme":
            return self.labels.get(theme or "") == value
        if row.action == "describe_theme":
            return self.descriptions.get(theme or "") == value
        if row.action == "keep_apart":
            return theme in self.labels and value in self.labels
        if row.action == "reject_theme":
            return end(theme) is None
        if row.action == "merge_theme":
            return theme not in self.labels and end(theme) == end(value) is not None
        if row.action == "move_unit":
            return self.theme_of.get(unit or "") == end(value) and (
                value is None or end(value) is not None
            )
        if row.action == "split_theme":
            units = split_units(value)
            return any(
                self.theme_of.get(name) == end(split_id(units)) is not None for name in units
            )
        return (unit in self.quotes.get(end(theme) or "", [])) == bool(row.action == "pin_quote")

    def _why_not(self, row: Any) -> str:
        """Why a decision that has a subject and was not replaced does not show."""
        if row.action == CONFIRM:
            return "La liste donne plusieurs codes d'un axe qui n'en admet qu'un : seul le dernier est gardé."
        if row.action in CODE_ACTIONS:
            if row.axis == POSTURE:
                return "Aucune autre posture n'a été proposée pour ce passage."
            return "Aucun autre code de cet axe n'a été proposé pour ce passage."
        if row.action == "rename_family":
            return "La famille n'a plus de thème, ou la décision ne dit pas de nom."
        if row.action == "pin_quote":
            return "Le passage n'est pas dans ce thème."
        return "Une autre décision a réuni ou écarté ce thème."


def _told(void: str | None) -> dict[str, str | None]:
    """State and reason of a decision that is applied, or void for the reason given."""
    return {"state": VOID if void else APPLIED, "reason": void}
