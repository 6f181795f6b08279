"""Apply decisions to themes and tags, and find those that await a review."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.counting import COUNTS, count_families, count_themes
from pipeline.decisions.kinds import Code, Decision, text
from pipeline.decisions.sign_off import SignOffTheme, circles_to_read, undecided
from pipeline.decisions.spans import Span, spans_by_code
from pipeline.decisions.tags import (
    ConfirmUnit,
    PassageCodes,
    TagDecision,
    by_unit,
    codes_after,
    codes_to_confirm,
    confirmed_units,
)
from pipeline.decisions.themes import (
    MakeFamily,
    MergeThemes,
    RejectTheme,
    SplitTheme,
    refused_merges,
)
from pipeline.tables.material import TAGS
from pipeline.tables.results import THEME_FAMILIES, THEME_MEMBERS, THEMES

_Key = tuple[str, str, str]  # unit_id, axis, code
_SURE = 1.0  # strength of a person's decision
_N_QUOTES = 5  # of a split theme


class ThemeReplay:
    """Themes after decisions; a decision whose theme or passage is gone changes nothing.

    `circles` are all units as `with_circles` returns them. In `merged_into`, None means rejected;
    in `moved` (passage to theme), set aside. `signed` holds each theme's sign-off: what joins such
    a theme later counts only if its table did already.
    """

    def __init__(
        self, machine: Mapping[str, pd.DataFrame], circles: pd.DataFrame, active: Iterable[Decision]
    ) -> None:
        self._themes, self._members = machine["themes"], machine["theme_members"]
        self._circles = circles
        self.unit_ids = set(circles["unit_id"].tolist())
        self.document_ids = set(circles["document_id"].tolist())
        decisions = list(active)
        families = _with_made_families(machine["theme_families"], decisions)
        self.family_ids = frozenset(families["family_id"])
        self._left_by_split = {
            row.new_id: row.theme_id
            for row in decisions
            if isinstance(row, SplitTheme) and set(row.unit_ids) & self.unit_ids
        }
        self.theme_ids = set(self._themes["theme_id"]) | set(self._left_by_split)
        fated = {row.theme_id for row in decisions if isinstance(row, MergeThemes | RejectTheme)}
        self._once_there = self.theme_ids | (fated - {None})
        self.labels: dict[str, str] = {}
        self.descriptions: dict[str, str] = {}
        self.statements: dict[str, str | None] = {}
        self.merged_into: dict[str, str | None] = {}
        self.moved: dict[str, str | None] = {}
        self.family_names: dict[str, str] = {}
        self.family_of: dict[str, str | None] = {}
        self.signed: dict[str, SignOffTheme] = {}
        self._refused: dict[str, set[str]] = {}  # themes by passage
        self.placed: dict[str, str] = {}  # theme by passage that a person put there
        self._to_read: dict[str, set[str]] = {}  # passages by signed theme
        self._pinned: dict[str, list[str]] = {}  # by theme, the last pinned last
        self._unpinned: dict[str, set[str]] = {}
        for row in decisions:
            row.apply(self)
        self._forget_lost_themes()
        self.members = self._reviewed_members()
        self.themes = self._with_families(self._reviewed_themes())
        names = families["family_id"].map(self.family_names).fillna(families["label"])
        named = families.assign(label=names)
        self.families = count_families(named, self.themes, self.members, circles)

    def knows(self, theme_id: str | None) -> bool:
        """Whether the theme exists, or did before people merged or rejected it."""
        return theme_id in self._once_there

    def merge(self, theme_id: str, into: str) -> None:
        """Merge two themes; of opposite mergers, the later one counts."""
        if theme_id == into:
            return
        self.merged_into.pop(theme_id, None)
        if self.end_of(into) == theme_id:
            del self.merged_into[into]
        self.merged_into[theme_id] = into

    def place(self, unit_id: str, theme_id: str | None) -> None:
        """Move a passage into a theme, or aside, whatever was refused before."""
        self.moved[unit_id] = theme_id
        self._refused.pop(unit_id, None)

    def refuse(self, unit_id: str, theme_id: str) -> None:
        """Set a passage aside as long as it would be in that theme."""
        self._refused.setdefault(unit_id, set()).add(theme_id)

    def pin(self, theme_id: str, unit_id: str, *, is_pinned: bool) -> None:
        """Quote a passage first, or remove it from the quotes."""
        others = [quote for quote in self._pinned.get(theme_id, []) if quote != unit_id]
        unpinned = self._unpinned.setdefault(theme_id, set())
        if is_pinned:
            self._pinned[theme_id] = [*others, unit_id]
            unpinned.discard(unit_id)
        else:
            self._pinned[theme_id] = others
            unpinned.add(unit_id)

    def end_of(self, theme_id: str | None) -> str | None:
        """Return the theme that holds `theme_id` now, None if rejected."""
        end = theme_id
        while end is not None and end in self.merged_into:  # ends: `merge` refuses cycles
            end = self.merged_into[end]
        return end

    def is_gone(self, theme_id: str | None) -> bool:
        """Whether a given theme is gone, and not merged into one that remains."""
        if not theme_id or theme_id in self.theme_ids:
            return False
        return self.end_of(theme_id) in (theme_id, None)

    @cached_property
    def theme_of(self) -> dict[str, str]:
        return _pairs(self.members, "unit_id", "theme_id")

    def cell(self, theme_id: str | None, column: str) -> str | None:
        """Return the cell of a remaining theme, None if blank or gone."""
        return text(self._cells[column].get(theme_id or ""))

    def family_label(self, family_id: str | None) -> str | None:
        """Return the name of a family that still has a theme."""
        return _pairs(self.families, "family_id", "label").get(family_id or "")

    def quotes_of(self, theme_id: str | None) -> list[str]:
        quotes = self._cells["quotes"].get(self.end_of(theme_id) or "", "[]")
        return [str(unit_id) for unit_id in json.loads(quotes)]

    @cached_property
    def _cells(self) -> dict[str, dict[str, Any]]:
        columns = ("label", "description", "parent_id", "quotes")
        return {column: _pairs(self.themes, "theme_id", column) for column in columns}

    def _forget_lost_themes(self) -> None:
        lost = {
            name
            for name in (*self.merged_into, *self.moved.values())
            if self.end_of(name) not in (None, *self.theme_ids)
        }
        merged = self.merged_into.items()
        self.merged_into = {name: into for name, into in merged if name not in lost}
        self.moved = {unit: name for unit, name in self.moved.items() if name not in lost}

    def _reviewed_members(self) -> pd.DataFrame:
        if not self.merged_into and not self.moved:
            return self._members
        before = _pairs(self._members, "unit_id", "theme_id")
        after = self._themes_after(before)
        self.placed = {name: end for name in self.moved if (end := after[name])}
        is_placed = self._members["unit_id"].isin(self.placed)
        theme_ids = [after[unit_id] for unit_id in before]
        members = self._members.assign(
            theme_id=pd.Series(theme_ids, index=self._members.index, dtype=object),
            strength=self._members["strength"].where(~is_placed, _SURE),
            probability=self._members["probability"].where(~is_placed, _SURE),
            is_counted=self._members["is_counted"] | is_placed,
            likely=self._members["likely"]
            .mask(is_placed)
            .map(self._likely_now, na_action="ignore"),
        )
        new = [pair for pair in sorted(self.placed.items()) if pair[0] not in before]
        more = pd.DataFrame(new, columns=["unit_id", "theme_id"]).assign(
            strength=_SURE, probability=_SURE, is_counted=True, likely=None
        )
        left = members[members["theme_id"].notna()]
        joined = pd.concat([left, more], ignore_index=True)
        self._to_read = self._passages_to_read(joined)
        is_to_read = joined["unit_id"].isin(set().union(*self._to_read.values()))
        return THEME_MEMBERS.check(joined.assign(is_counted=joined["is_counted"] & ~is_to_read))

    def _likely_now(self, likely: str) -> str:
        """Return the themes that a passage may be about too, where they were merged."""
        ends = [(self.end_of(theme_id), chance) for theme_id, chance in json.loads(likely)]
        return json.dumps([[end, chance] for end, chance in ends if end])

    def _themes_after(self, before: Mapping[str, str]) -> dict[str, str | None]:
        put = {**before, **self.moved}
        ends = {theme_id: self.end_of(theme_id) for theme_id in set(put.values())}
        after = {unit_id: ends[theme_id] for unit_id, theme_id in put.items()}
        for unit_id, theme_ids in self._refused.items():
            if after.get(unit_id) in {self.end_of(theme_id) for theme_id in theme_ids}:
                after[unit_id] = None
        return after

    def _passages_to_read(self, members: pd.DataFrame) -> dict[str, set[str]]:
        """Return the passages of each signed theme that would change its counts, if any.

        A theme without any passage that a person put there is signed no more.
        """
        ends = {name for name in self.signed if self.end_of(name) == name}
        rows = members[members["theme_id"].isin(ends.intersection(self.placed.values()))]
        return {
            theme_id: {
                unit_id for circle in undecided(circles, self.placed) for unit_id in circle.unit_ids
            }
            for theme_id, circles in circles_to_read(rows, self._circles).items()
        }

    def _reviewed_themes(self) -> pd.DataFrame:
        changes = (self.labels, self.descriptions, self.merged_into, self.moved)
        if not any((*changes, self._pinned, self._unpinned)):
            return self._themes
        every = self._with_splits()
        changed = self._changed() | self._to_read.keys()
        counts = count_themes(self.members, self._circles)
        is_left = ~every["theme_id"].isin(self.merged_into)
        is_held = ~every["theme_id"].isin(changed) | every["theme_id"].isin(counts.index)
        left = every[is_left & is_held].copy()
        is_changed = left["theme_id"].isin(changed)
        for name in COUNTS:
            left[name] = left[name].where(~is_changed, left["theme_id"].map(counts[name]))
        for name, new in (("label", self.labels), ("description", self.descriptions)):
            left[name] = left["theme_id"].map(new).fillna(left[name])
        is_named = left["theme_id"].isin(self.labels)
        left["name_source"] = left["name_source"].mask(is_named, "person")
        is_stated = left["theme_id"].isin(self.statements)
        stated = left["theme_id"].map(self.statements)
        # what the machine stated of its own title is not said of a person's
        left["statement"] = left["statement"].mask(is_stated | is_named, stated)
        exact = [theme_id for theme_id, unit_ids in self._to_read.items() if not unit_ids]
        left["is_signed_off"] = is_exact = left["theme_id"].isin(exact)
        for name in ("n_tables_expected", "n_tables_low", "n_tables_high"):
            left[name] = left[name].mask(is_exact, left["n_tables"])
        pinned = {self.end_of(theme_id) for theme_id in (*self._pinned, *self._unpinned)}
        is_requoted = is_changed | left["theme_id"].isin(pinned - {None})
        own = _pairs(every, "theme_id", "quotes")
        quotes = [
            self._quotes(theme_id, own) if is_new else listed
            for theme_id, listed, is_new in zip(
                left["theme_id"], left["quotes"], is_requoted, strict=True
            )
        ]
        return THEMES.check(left.assign(quotes=quotes))

    def _with_splits(self) -> pd.DataFrame:
        new = set(self.members["theme_id"]) - set(self._themes["theme_id"])
        rows = [
            self._split_theme(name, source)
            for name, source in self._left_by_split.items()
            if name in new
        ]
        if not rows:
            return self._themes
        return pd.concat([self._themes, THEMES.build(rows)], ignore_index=True)

    def _split_theme(self, theme_id: str, source: str | None) -> dict[str, Any]:
        units = self.members.loc[self.members["theme_id"] == theme_id, "unit_id"]
        mine = self._circles[self._circles["unit_id"].isin(units)]
        mine = mine.sort_values(["document_id", "unit_order"])
        left = _pairs(self._themes, "theme_id", "label").get(source or "")
        label = f"Partie de « {left} »" if left else "Thème séparé"
        return dict.fromkeys(COUNTS, 0) | {
            "theme_id": theme_id,
            "label": label,
            "name_source": "phrase",
            "proposals": "[]",
            "is_signed_off": False,
            "keywords": "[]",
            "description": label,
            "stability": None,
            "kind": "mixte",
            "parent_id": text(_pairs(self._themes, "theme_id", "parent_id").get(source or "")),
            "quotes": json.dumps(list(mine["unit_id"].head(_N_QUOTES))),
        }

    def _changed(self) -> set[str]:
        both = self._members.merge(
            self.members,
            on="unit_id",
            how="outer",
            suffixes=("_before", "_after"),
            validate="one_to_one",
        )
        moved = both[both["theme_id_before"].fillna("") != both["theme_id_after"].fillna("")]
        return set(moved["theme_id_before"].dropna()) | set(moved["theme_id_after"].dropna())

    def _quotes(self, theme_id: str, own: Mapping[str, str]) -> str:
        """Pinned quotes, the last first, then its own, then those of merged themes."""
        into = [other for other in self.merged_into if self.end_of(other) == theme_id]
        every = [theme_id, *sorted(into)]
        pinned = [quote for other in every for quote in reversed(self._pinned.get(other, []))]
        quoted = [quote for other in every if other in own for quote in json.loads(own[other])]
        unpinned = set().union(*(self._unpinned.get(other, set()) for other in every))
        quotes = [
            quote
            for quote in dict.fromkeys([*pinned, *quoted])
            if self.theme_of.get(quote) == theme_id and (quote in pinned or quote not in unpinned)
        ]
        return json.dumps(quotes, ensure_ascii=False)

    def _with_families(self, themes: pd.DataFrame) -> pd.DataFrame:
        parents = themes["theme_id"].map(self.family_of)
        is_moved = themes["theme_id"].isin(self.family_of)
        return THEMES.check(themes.assign(parent_id=parents.where(is_moved, themes["parent_id"])))


def _with_made_families(families: pd.DataFrame, decisions: Iterable[Decision]) -> pd.DataFrame:
    """Append the families that people made; their themes are counted later."""
    made = {str(row.theme_id): row.name for row in decisions if isinstance(row, MakeFamily)}
    known, counts = set(families["family_id"]), ("n_themes", "n_units", "n_tables", "n_workshops")
    rows = [
        {"family_id": family_id, "label": name, **dict.fromkeys(counts, 0)}
        for family_id, name in made.items()
        if name and family_id not in known
    ]
    if not rows:
        return families
    return pd.concat([families, THEME_FAMILIES.build(rows)], ignore_index=True)


def _pairs(table: pd.DataFrame, key: str, value: str) -> dict[str, Any]:
    return dict(zip(table[key].tolist(), table[value].tolist(), strict=True))


def left_proposals(
    proposals: pd.DataFrame, themes: pd.DataFrame, active: Iterable[Decision]
) -> pd.DataFrame:
    """Return the merge proposals that nobody refused and whose two themes remain."""
    apart, left = refused_merges(active), set(themes["theme_id"])
    pairs = map(frozenset, zip(proposals["theme_id"], proposals["other_theme_id"], strict=True))
    is_open = [pair <= left and pair not in apart for pair in pairs]
    return proposals[pd.Series(is_open, index=proposals.index, dtype=bool)]


def review_tags(
    tags: pd.DataFrame,
    unit_ids: Collection[str],
    active: Iterable[Decision],
    exclusive: Mapping[str, bool],
) -> pd.DataFrame:
    """Return the reviewed tags, the machine's rows first, in their order.

    A person's last word is a new row (source `person`, score 1 or 0); the machine's row stays, with
    is_assigned as decided. On an exclusive axis, such as posture, the last accepted code wins; if
    people only rejected some, the machine's best remaining one, unless somebody confirmed.
    Decisions on an axis not in `exclusive` change nothing. The evidence of a person's row is the
    words that people coded, else the machine's.
    """
    rows_by_unit = {unit: rows for unit, rows in by_unit(active).items() if unit in unit_ids}
    machine = tags[tags["source"] == "machine"]
    confirmable = codes_to_confirm(tags, rows_by_unit)
    proposed = _proposed(machine, rows_by_unit)
    words: dict[_Key, tuple[int, bool]] = {}
    left: dict[tuple[str, str], str] = {}
    spans: dict[_Key, list[Span]] = {}
    for unit_id, rows in rows_by_unit.items():
        on_grid = [row for row in rows if _is_on_grid(row, exclusive)]
        one_only = [axis for axis, is_exclusive in exclusive.items() if is_exclusive]
        codes = codes_after(on_grid, confirmable.get(unit_id, ()), one_only)
        open_codes = [] if confirmed_units(on_grid) else proposed.get(unit_id, [])
        one_of_axis = _one_of_axis(codes, open_codes)
        left |= {(unit_id, axis): code for axis, code in one_of_axis.items()}
        spans |= {(unit_id, *code): chosen for code, chosen in spans_by_code(on_grid).items()}
        for (axis, code), (decision, stays) in codes.last_words.items():
            is_left = one_of_axis.get(axis) == code if exclusive.get(axis) else stays
            if axis in exclusive and (stays or not is_left):  # else it was the only proposal
                words[unit_id, axis, code] = decision.decision_id, is_left
    return _with_words(tags, machine, words, left, spans) if words else tags


def _is_on_grid(decision: TagDecision, exclusive: Mapping[str, bool]) -> bool:
    axes = {code[0] for code, _stays in decision.code_words(())}
    return isinstance(decision, ConfirmUnit) or axes <= exclusive.keys()


def _proposed(machine: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, list[Code]]:
    rows = machine[machine["unit_id"].isin(list(unit_ids))]
    ranked = rows.sort_values(["score", "code"], ascending=[False, True], kind="stable")
    codes: defaultdict[str, list[Code]] = defaultdict(list)
    for unit_id, axis, code in _keys(ranked):
        codes[unit_id].append((axis, code))
    return codes


def _one_of_axis(codes: PassageCodes, proposed: Sequence[Code]) -> dict[str, str]:
    """Keep the last accepted code, else the best not rejected."""
    left = dict(codes.one_of_axis)
    judged = {axis for axis, _code in codes.last_words if axis in codes.exclusive}
    for axis in judged - left.keys():
        considered = [code for code in proposed if code[0] == axis]
        best = [code for code in considered if code not in codes.last_words] or considered
        left |= dict(best[:1])
    return left


def _with_words(
    tags: pd.DataFrame,
    machine: pd.DataFrame,
    words: Mapping[_Key, tuple[int, bool]],
    left: Mapping[tuple[str, str], str],
    spans: Mapping[_Key, Sequence[Span]],
) -> pd.DataFrame:
    keys = _keys(machine)
    evidence = dict(zip(keys, machine["evidence"], strict=True))
    evidence |= {key: json.dumps(chosen) for key, chosen in spans.items()}
    is_assigned = [
        left[key[:2]] == key[2] if key[:2] in left else words.get(key, (0, was))[1]
        for key, was in zip(keys, machine["is_assigned"].astype(bool), strict=True)
    ]
    persons = tags[tags["source"] == "person"]
    untouched = persons[[key not in words for key in _keys(persons)]]
    rows = [
        {
            "unit_id": unit_id,
            "axis": axis,
            "code": code,
            "score": float(stays),
            "is_assigned": stays,
            "evidence": evidence.get((unit_id, axis, code), "[]"),
            "source": "person",
            "model_version": f"décision {decision_id}",
        }
        for (unit_id, axis, code), (decision_id, stays) in sorted(words.items())
    ]
    parts = [machine.assign(is_assigned=is_assigned), untouched, TAGS.build(rows)]
    return TAGS.check(pd.concat(parts, ignore_index=True))


def _keys(tags: pd.DataFrame) -> list[_Key]:
    return list(zip(tags["unit_id"], tags["axis"], tags["code"], strict=True))
