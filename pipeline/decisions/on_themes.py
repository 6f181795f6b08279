"""Themes as people renamed, described, merged, split, rejected and filled them.

In:   themes, theme_members, units, decisions on themes in order
Out:  Replay: the reviewed themes and theme_members, and what became of every decision; counts are made again for themes that changed
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from pipeline.counting import count_themes
from pipeline.standing import standing
from pipeline.tables.results import THEME_MEMBERS, THEMES

_COUNTS = ["n_units", "n_tables", "n_workshops"]
_SURE = 1.0  # strength of a membership that a person decided
_N_QUOTES = 5  # of a theme that people split off


def split_id(unit_ids: Iterable[str]) -> str:
    """The theme_id that a split gives to the theme of `unit_ids`, whatever their order and whichever theme they left."""
    return "s-" + hashlib.sha256("\n".join(sorted(set(unit_ids))).encode()).hexdigest()[:8]


def split_units(value: str | None) -> list[str]:
    """The units of a split's `value`, a JSON list of unit_ids; none where it does not read."""
    try:
        listed = json.loads(value or "[]")
    except json.JSONDecodeError:
        return []
    return [unit for unit in listed if isinstance(unit, str)] if isinstance(listed, list) else []


class Replay:
    """What decisions come to: the label and fate of each theme, the place of each moved unit, the pinned quotes."""

    def __init__(
        self,
        themes: pd.DataFrame,
        members: pd.DataFrame,
        units: pd.DataFrame,
        decisions: pd.DataFrame,
    ) -> None:
        """Read `decisions`, in order; one whose theme or unit is gone changes nothing."""
        self._themes, self._members, self._units = themes, members, units
        self.unit_ids = set(units["unit_id"].tolist())
        self._splits = self._read_splits(decisions)
        self.theme_ids = set(themes["theme_id"]) | set(self._splits)
        fated = decisions.loc[
            decisions["action"].isin(["merge_theme", "reject_theme"]), "theme_id"
        ].dropna()
        self._named = self.theme_ids | set(
            fated
        )  # what people merged or rejected was there, whether or not it still is
        self._labels: dict[str, str] = {}
        self._descriptions: dict[str, str] = {}
        self._into: dict[str, str | None] = {}  # theme merged → the other; rejected → None
        self._moved: dict[str, str | None] = {}  # unit → theme; set aside → None
        self._pinned: dict[str, list[str]] = {}  # theme → units, last pinned last
        self._unpinned: dict[str, set[str]] = {}
        for row in decisions.itertuples(index=False):
            self._read(str(row.action), text(row.theme_id), text(row.unit_id), text(row.value))
        self._drop_dangling()
        self.members, self.themes = self._members, self._themes
        if any(
            (
                self._labels,
                self._descriptions,
                self._into,
                self._moved,
                self._pinned,
                self._unpinned,
            )
        ):
            self.members = self._reviewed_members()
            self.themes = self._reviewed_themes(self.members)

    def end_of(self, theme_id: str | None) -> str | None:
        """The theme that `theme_id` came to be merged into, itself where it was not, None where that one was rejected."""
        end = theme_id
        while (
            end is not None and end in self._into
        ):  # ends: `_merge` never lets merges go round in a circle
            end = self._into[end]
        return end

    def _read_splits(self, decisions: pd.DataFrame) -> dict[str, str | None]:
        """The theme_id of each split with a unit left → the theme that its units left."""
        splits = decisions[decisions["action"] == "split_theme"]
        listed = [
            (split_units(text(row.value)), text(row.theme_id))
            for row in splits.itertuples(index=False)
        ]
        return {split_id(units): source for units, source in listed if set(units) & self.unit_ids}

    def _read(
        self, action: str, theme_id: str | None, unit_id: str | None, value: str | None
    ) -> None:
        if action == "move_unit":
            if unit_id in self.unit_ids and (not value or value in self._named):
                self._moved[str(unit_id)] = value or None
        elif action == "split_theme":
            units = split_units(value)
            self._moved |= {unit: split_id(units) for unit in units if unit in self.unit_ids}
        elif theme_id is None or theme_id not in self._named:
            return
        elif action == "rename_theme" and value:
            self._labels[theme_id] = value
        elif action == "describe_theme" and value:
            self._descriptions[theme_id] = value
        elif action == "reject_theme":
            self._into[theme_id] = None
        elif action == "merge_theme" and value in self._named - {theme_id}:
            self._merge(theme_id, str(value))
        elif action == "pin_quote" and unit_id in self.unit_ids:
            self._pinned[theme_id] = [
                *(quote for quote in self._pinned.get(theme_id, []) if quote != unit_id),
                str(unit_id),
            ]
            self._unpinned.get(theme_id, set()).discard(str(unit_id))
        elif action == "unpin_quote" and unit_id in self.unit_ids:
            self._pinned[theme_id] = [
                quote for quote in self._pinned.get(theme_id, []) if quote != unit_id
            ]
            self._unpinned.setdefault(theme_id, set()).add(str(unit_id))

    def _merge(self, theme_id: str, into: str) -> None:
        self._into.pop(theme_id, None)
        if (
            self.end_of(into) == theme_id
        ):  # merged the other way round before: the later decision says which one stays
            del self._into[into]
        self._into[theme_id] = into

    def _drop_dangling(self) -> None:
        """Forget the merges and moves that lead to a theme that is gone."""
        lost = {
            name
            for name in (*self._into, *self._moved.values())
            if self.end_of(name) not in (None, *self.theme_ids)
        }
        self._into = {name: into for name, into in self._into.items() if name not in lost}
        self._moved = {unit: name for unit, name in self._moved.items() if name not in lost}

    def _reviewed_members(self) -> pd.DataFrame:
        """The machine's members where people left or put them, then units that had no theme, by unit_id."""
        moved = {unit_id: self.end_of(theme_id) for unit_id, theme_id in self._moved.items()}
        joined = set(self._members["unit_id"].tolist())
        new = [
            (unit_id, theme_id)
            for unit_id, theme_id in sorted(moved.items())
            if unit_id not in joined and theme_id
        ]
        theme_ids = [
            moved[unit_id] if unit_id in moved else self.end_of(theme_id)
            for unit_id, theme_id in zip(
                self._members["unit_id"].tolist(), self._members["theme_id"].tolist(), strict=True
            )
        ]
        placed = self._members.assign(
            theme_id=pd.Series(theme_ids, index=self._members.index, dtype=object),
            strength=self._members["strength"].where(~self._members["unit_id"].isin(moved), _SURE),
        )
        more = pd.DataFrame(new, columns=["unit_id", "theme_id"]).assign(strength=_SURE)
        return THEME_MEMBERS.check(
            pd.concat([placed[placed["theme_id"].notna()], more], ignore_index=True)
        )

    def _reviewed_themes(self, members: pd.DataFrame) -> pd.DataFrame:
        """The themes that are left and hold a unit, relabelled, with quotes and counts that follow their members."""
        all_themes = self._with_splits(members)
        changed = self._changed(members)
        kept = all_themes[~all_themes["theme_id"].isin(self._into)]
        counts = count_themes(members, self._units)
        kept = kept[~kept["theme_id"].isin(changed) | kept["theme_id"].isin(counts.index)].copy()
        is_changed = kept["theme_id"].isin(changed)
        for name in _COUNTS:
            kept[name] = kept[name].where(~is_changed, kept["theme_id"].map(counts[name]))
        for name, said in (("label", self._labels), ("description", self._descriptions)):
            kept[name] = kept["theme_id"].map(said).fillna(kept[name])
        pinned = {
            end for theme_id in (*self._pinned, *self._unpinned) if (end := self.end_of(theme_id))
        }
        is_requoted = is_changed | kept["theme_id"].isin(pinned)
        theme_of = dict(zip(members["unit_id"].tolist(), members["theme_id"].tolist(), strict=True))
        listed = all_themes.set_index("theme_id")["quotes"]
        quotes = [
            json.dumps(self._quotes(theme_id, theme_of, listed), ensure_ascii=False)
            if is_new
            else old
            for theme_id, old, is_new in zip(
                kept["theme_id"], kept["quotes"], is_requoted, strict=True
            )
        ]
        return THEMES.check(kept.assign(quotes=quotes))

    def _with_splits(self, members: pd.DataFrame) -> pd.DataFrame:
        """The machine's themes and, after them, those that people split off and that hold a unit."""
        known, held = set(self._themes["theme_id"]), set(members["theme_id"])
        rows = [
            self._split_theme(name, source, members)
            for name, source in self._splits.items()
            if name in held - known
        ]
        return (
            pd.concat([self._themes, THEMES.build(rows)], ignore_index=True)
            if rows
            else self._themes
        )

    def _split_theme(
        self, theme_id: str, source: str | None, members: pd.DataFrame
    ) -> dict[str, Any]:
        """A theme that people made: named after the one it left until it is renamed, quoted in reading order."""
        units = set(members.loc[members["theme_id"] == theme_id, "unit_id"])
        mine = self._units[self._units["unit_id"].isin(units)].sort_values(
            ["document_id", "unit_order"]
        )
        labels = dict(zip(self._themes["theme_id"], self._themes["label"], strict=True))
        left = labels.get(source or "")
        family = text(
            dict(zip(self._themes["theme_id"], self._themes["parent_id"], strict=True)).get(
                source or ""
            )
        )
        label = f"Partie de « {left} »" if left else "Thème séparé"
        row = {
            "theme_id": theme_id,
            "label": label,
            "keywords": "[]",
            "description": label,
            "stability": None,
            "kind": "mixte",
        }
        quotes = json.dumps(list(mine["unit_id"].head(_N_QUOTES)))
        return row | {
            "n_units": 0,
            "n_tables": 0,
            "n_workshops": 0,
            "parent_id": family,
            "quotes": quotes,
        }

    def _changed(self, members: pd.DataFrame) -> set[str]:
        """Themes whose members are not what they were."""
        both = self._members.merge(
            members,
            on="unit_id",
            how="outer",
            suffixes=("_before", "_after"),
            validate="one_to_one",
        )
        moved = both[both["theme_id_before"].fillna("") != both["theme_id_after"].fillna("")]
        return set(moved["theme_id_before"].dropna()) | set(moved["theme_id_after"].dropna())

    def _quotes(self, theme_id: str, theme_of: dict[str, str], listed: pd.Series) -> list[str]:
        """Pinned quotes, the last first, then the theme's own, then those of themes merged into it; only its members, not unpinned."""
        merged = [
            theme_id,
            *sorted(other for other in self._into if self.end_of(other) == theme_id),
        ]
        pinned = [quote for other in merged for quote in reversed(self._pinned.get(other, []))]
        own = [quote for other in merged if other in listed for quote in json.loads(listed[other])]
        unpinned = set().union(*(self._unpinned.get(other, set()) for other in merged))
        quotes = dict.fromkeys([*pinned, *own])
        return [
            quote
            for quote in quotes
            if theme_of.get(quote) == theme_id and (quote in pinned or quote not in unpinned)
        ]


def left_proposals(
    proposals: pd.DataFrame, themes: pd.DataFrame, decisions: pd.DataFrame
) -> pd.DataFrame:
    """Return the merge proposals, either way round, whose two themes are left and that nobody refused."""
    apart = refused_merges(decisions)
    pairs = [
        frozenset(pair)
        for pair in proposals[["theme_id", "other_theme_id"]].itertuples(index=False, name=None)
    ]
    left = set(themes["theme_id"])
    return proposals[
        pd.Series(
            [pair <= left and pair not in apart for pair in pairs],
            index=proposals.index,
            dtype=bool,
        )
    ]


def refused_merges(decisions: pd.DataFrame) -> set[frozenset[str]]:
    """The pairs of themes that somebody decided to keep apart."""
    said = standing(decisions)
    refused = said.loc[said["action"] == "keep_apart", ["theme_id", "value"]].dropna()
    return {frozenset((one, other)) for one, other in refused.itertuples(index=False, name=None)}


def text(value: object) -> str | None:
    """`value` as text, None where it is missing or blank."""
    return value.strip() or None if isinstance(value, str) else None
