"""Place passages on a plane, whose axes mean nothing, and name what is where."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.publish.text import typography
from pipeline.review.doors import GRID, door, grid_spots
from pipeline.review.selection import EVERY, Selection
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.state import Themes

N_HUES = 8  # --hue-1 to --hue-8, neighbours in the list easy to tell apart
SHAPES = (
    "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",  # disc
    "M-4.5,-4.5h9v9h-9z",  # square
    "M0,-6L5.6,4.4H-5.6z",  # triangle
    "M0,-6.4L6.4,0L0,6.4L-6.4,0z",  # lozenge
    "M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",  # cross
    "M0,6L5.6,-4.4H-5.6z",  # triangle on its tip
    "M-3,-5.2H3L6,0L3,5.2H-3L-6,0z",  # hexagon
)
_NO_THEME_SHAPE = (
    "M-4,-2.6L-2.6,-4L0,-1.4L2.6,-4L4,-2.6L1.4,0L4,2.6L2.6,4L0,1.4L-2.6,4L-4,2.6L-1.4,0z"
)


@dataclass(frozen=True)
class ThemeMap:
    """The passages that have a dot, by group, in reading order; `group_of` is by passage.

    A group is a family or theme of `n` dots; its `hue` is 0 for what has none.
    """

    groups: list[dict[str, Any]]
    units: tuple[Unit, ...]
    group_of: Mapping[str, str]
    by_family: bool


def draw_map(
    wanted: Selection, now: Themes, snapshot: Snapshot, family_labels: Mapping[str, str]
) -> ThemeMap:
    """Return the passages of a family, theme and workshop, by family, or by theme within one."""
    family_of = families_of(now)
    by_family = bool(family_labels) and not wanted.has("family", "theme")
    units = [
        unit
        for unit in snapshot.units.values()
        if unit.unit_id in snapshot.spots and _is_wanted(unit, wanted, now, family_of)
    ]
    group_of = {}
    for unit in units:
        theme_id = now.theme_of.get(unit.unit_id, "")
        group_of[unit.unit_id] = family_of.get(theme_id, "") if by_family else theme_id
    labels = family_labels if by_family else now.labels
    looks = {  # 56 pairs before one repeats
        key: {
            "label": label,
            "hue": 1 + i % N_HUES,
            "shape": SHAPES[(i + i // N_HUES) % len(SHAPES)],
        }
        for i, (key, label) in enumerate(labels.items())
    } | {"": {"label": "", "hue": 0, "shape": _NO_THEME_SHAPE}}
    counts = Counter(group_of.values())
    groups = [{"key": key, "n": counts[key]} | look for key, look in looks.items() if counts[key]]
    order = {group["key"]: i for i, group in enumerate(groups)}
    units.sort(key=lambda unit: order[group_of[unit.unit_id]])
    return ThemeMap(groups, tuple(units), group_of, by_family)


def families_of(now: Themes) -> dict[str, str]:
    """Return the family by theme, of those that have one."""
    pairs = zip(now.themes["theme_id"], now.themes["parent_id"], strict=True)
    return {theme_id: family_id for theme_id, family_id in pairs if isinstance(family_id, str)}


def _is_wanted(unit: Unit, wanted: Selection, now: Themes, family_of: Mapping[str, str]) -> bool:
    theme_id = now.theme_of.get(unit.unit_id, "")
    return (
        wanted.one("workshop") in ("", unit.workshop_id)
        and wanted.one("theme") in ("", theme_id)
        and wanted.one("family") in ("", family_of.get(theme_id))
    )


def dots_of(
    drawn: ThemeMap,
    wanted: Selection,
    now: Themes,
    snapshot: Snapshot,
    family_labels: Mapping[str, str],
) -> dict[str, Any]:
    """Return what map.js draws: where each dot is, of which group and theme, and the names.

    `shown` has the numbers of `themes`, which a name stands over; families come before themes.
    """
    unit_ids, xs, ys = grid_spots(snapshot)
    spot_of = dict(zip(unit_ids, zip(xs.tolist(), ys.tolist(), strict=True), strict=True))
    group_index = {group["key"]: i for i, group in enumerate(drawn.groups)}
    themes = list(now.labels)
    theme_index = {theme_id: i for i, theme_id in enumerate(themes)}
    ids = [unit.unit_id for unit in drawn.units]
    return {
        "grid": GRID,
        "ids": ids,
        "x": [spot_of[name][0] for name in ids],
        "y": [spot_of[name][1] for name in ids],
        "groups": [group_index[drawn.group_of[name]] for name in ids],
        "themes": [theme_index.get(now.theme_of.get(name, ""), -1) for name in ids],
        "shapes": [group["shape"] for group in drawn.groups],
        "names": _names(wanted, now, snapshot, family_labels),
    }


def _names(
    wanted: Selection, now: Themes, snapshot: Snapshot, family_labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Name families and themes, with all their passages: the list has those without a dot too."""
    family_of = families_of(now)
    counts = Counter(
        now.theme_of.get(unit.unit_id, "")
        for unit in snapshot.units.values()
        if _is_wanted(unit, wanted, now, family_of)
    )
    labels = [("theme", theme_id, label) for theme_id, label in now.labels.items()]
    if not wanted.has("family", "theme"):
        labels = [("family", name, label) for name, label in family_labels.items()] + labels
    names = []
    for kind, key, label in labels:
        themes = {
            theme: i
            for i, theme in enumerate(now.labels)
            if key == (theme if kind == "theme" else family_of.get(theme))
        }
        if n := sum(counts[theme] for theme in themes):
            to = door(EVERY.where(**{kind: key, "workshop": wanted.one("workshop")}), n, label)
            told = {"label": typography(label), "address": to.address, "words": to.words, "n": n}
            kinds = {"is_family": True} if kind == "family" else {}
            names.append(told | {"shown": list(themes.values())} | kinds)
    return names
