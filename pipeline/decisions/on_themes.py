"""Themes as people renamed, merged, rejected and filled them.

In:   themes, theme_members, units, decisions on themes in order
Out:  themes, theme_members, and how many decisions had no subject; counts are made again for the themes that changed
"""

import json
from collections.abc import Iterable

import pandas as pd

from pipeline.counting import count_themes
from pipeline.tables import THEME_MEMBERS, THEMES

_COUNTS = ["n_units", "n_tables", "n_workshops"]
_SURE = 1.0  # strength of a membership that a person decided


def review_themes(
    themes: pd.DataFrame, members: pd.DataFrame, units: pd.DataFrame, decisions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return the reviewed themes and members in the machine's order, and the number of decisions skipped; an emptied theme goes."""
    replay = _Replay(themes, members, units)
    for decision in decisions.itertuples(index=False):
        replay.read(str(decision.action), _text(decision.theme_id), _text(decision.unit_id), _text(decision.value))
    if not replay.has_effect():
        return themes, members, replay.n_skipped
    reviewed_members = replay.reviewed_members()
    reviewed_themes = replay.reviewed_themes(reviewed_members)
    return reviewed_themes, reviewed_members, replay.n_skipped


class _Replay:
    """What the decisions read so far come to: the label and fate of each theme, the place of each moved unit, the pinned quotes."""

    def __init__(self, themes: pd.DataFrame, members: pd.DataFrame, units: pd.DataFrame) -> None:
        self._themes, self._members, self._units = themes, members, units
        self._theme_ids, self._unit_ids = set(themes["theme_id"]), set(units["unit_id"])
        self._labels: dict[str, str] = {}
        self._into: dict[str, str | None] = {}  # theme merged → the other; rejected → None
        self._moved: dict[str, str | None] = {}  # unit → theme; set aside → None
        self._pinned: dict[str, list[str]] = {}  # theme → units, last pinned last
        self.n_skipped = 0

    def read(self, action: str, theme_id: str | None, unit_id: str | None, value: str | None) -> None:
        """Take one decision into account, in order; skip and count one whose theme or unit is gone."""
        if action == "move_unit":
            is_known = unit_id in self._unit_ids and (not value or value in self._theme_ids)
            if is_known and unit_id:
                self._moved[unit_id] = value or None
        else:
            is_known = theme_id in self._theme_ids and (action != "merge_theme" or value in self._theme_ids - {theme_id})
            is_known = is_known and (action != "rename_theme" or bool(value)) and (action != "pin_quote" or unit_id in self._unit_ids)
            if is_known and theme_id:
                self._take(action, theme_id, unit_id, value)
        self.n_skipped += not is_known

    def _take(self, action: str, theme_id: str, unit_id: str | None, value: str | None) -> None:
        if action == "rename_theme" and value:
            self._labels[theme_id] = value
        elif action == "reject_theme":
            self._into[theme_id] = None
        elif action == "merge_theme" and value:
            self._into.pop(theme_id, None)
            if self._end_of(value) == theme_id:  # merged the other way round before: the later decision says which one stays
                del self._into[value]
            self._into[theme_id] = value
        elif action == "pin_quote" and unit_id:
            self._pinned[theme_id] = [*(quote for quote in self._pinned.get(theme_id, []) if quote != unit_id), unit_id]

    def has_effect(self) -> bool:
        """Whether any decision had a subject."""
        return bool(self._labels or self._into or self._moved or self._pinned)

    def _end_of(self, theme_id: str) -> str | None:
        """The theme that `theme_id` came to be merged into, itself where it was not, None where that one was rejected."""
        end: str | None = theme_id
        while end is not None and end in self._into:  # ends: `_take` never lets merges go round in a circle
            end = self._into[end]
        return end

    def reviewed_members(self) -> pd.DataFrame:
        """The machine's members where people left or put them, then units that had no theme, by unit_id."""
        moved = {unit_id: theme_id and self._end_of(theme_id) for unit_id, theme_id in self._moved.items()}
        joined = set(self._members["unit_id"])
        new = [(unit_id, theme_id) for unit_id, theme_id in sorted(moved.items()) if unit_id not in joined and theme_id]
        theme_ids = [
            moved[unit_id] if unit_id in moved else self._end_of(theme_id)
            for unit_id, theme_id in zip(self._members["unit_id"], self._members["theme_id"], strict=True)
        ]
        placed = self._members.assign(
            theme_id=pd.Series(theme_ids, index=self._members.index, dtype=object),
            strength=self._members["strength"].where(~self._members["unit_id"].isin(moved), _SURE),
        )
        more = pd.DataFrame(new, columns=["unit_id", "theme_id"]).assign(strength=_SURE)
        return THEME_MEMBERS.check(pd.concat([placed[placed["theme_id"].notna()], more], ignore_index=True))

    def reviewed_themes(self, members: pd.DataFrame) -> pd.DataFrame:
        """The themes that are left and hold a unit, relabelled, with quotes and counts that follow their members."""
        changed = self._changed(members)
        kept = self._themes[~self._themes["theme_id"].isin(self._into)]
        counts = count_themes(members, self._units)
        kept = kept[~kept["theme_id"].isin(changed) | kept["theme_id"].isin(counts.index)].copy()
        is_changed = kept["theme_id"].isin(changed)
        for name in _COUNTS:
            kept[name] = kept[name].where(~is_changed, kept["theme_id"].map(counts[name]))
        kept["label"] = kept["theme_id"].map(self._labels).fillna(kept["label"])
        is_requoted = is_changed | kept["theme_id"].isin({end for theme_id in self._pinned if (end := self._end_of(theme_id))})
        theme_of = dict(zip(members["unit_id"], members["theme_id"], strict=True))
        quotes = [
            json.dumps(self._quotes(theme_id, theme_of), ensure_ascii=False) if is_new else old
            for theme_id, old, is_new in zip(kept["theme_id"], kept["quotes"], is_requoted, strict=True)
        ]
        gone = kept["parent_id"].isin(self._theme_ids - set(kept["theme_id"]))
        return THEMES.check(kept.assign(quotes=quotes, parent_id=kept["parent_id"].where(~gone)))

    def _changed(self, members: pd.DataFrame) -> set[str]:
        """Themes whose members are not what they were."""
        both = self._members.merge(members, on="unit_id", how="outer", suffixes=("_before", "_after"), validate="one_to_one")
        moved = both[both["theme_id_before"].fillna("") != both["theme_id_after"].fillna("")]
        return set(moved["theme_id_before"].dropna()) | set(moved["theme_id_after"].dropna())

    def _quotes(self, theme_id: str, theme_of: dict[str, str]) -> list[str]:
        """Pinned quotes, the last first, then the theme's own, then those of themes merged into it; only its members."""
        merged = [theme_id, *sorted(other for other in self._into if self._end_of(other) == theme_id)]
        pinned = [quote for other in merged for quote in reversed(self._pinned.get(other, []))]
        listed = self._themes.set_index("theme_id")["quotes"]
        own = [quote for other in merged for quote in json.loads(listed[other])]
        return _once(quote for quote in [*pinned, *own] if theme_of.get(quote) == theme_id)


def _once(quotes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(quotes))


def _text(value: object) -> str | None:
    """`value` as text, None where it is missing or blank."""
    return value.strip() or None if isinstance(value, str) else None
