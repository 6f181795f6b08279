"""A map of what was said: passages as marks on a plane, those of a theme together; the axes mean nothing.

In:   the themes of now, a snapshot, what the person wants to see
Out:  marks by family or theme, each with its colour and shape, in the units of an SVG; the same passages to list
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.publish.text import shortened
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.state import Themes

N_DRAWN = 2000  # marks at most
WIDTH = 1000.0  # of the SVG; its height follows what is drawn
_MARGIN, _N_SPARSE = 14.0, 600
_N_CHARS = 120
# Each at least 4.5 to 1 on white; no two that people confuse are neighbours in the list.
COLOURS = ("#0b5c8a", "#a8410b", "#2a6b3c", "#8a2be2", "#7a5a00", "#b3125f", "#007a78", "#4a5560")
_SHAPES = (
    "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",  # disc
    "M-4.5,-4.5h9v9h-9z",  # square
    "M0,-6L5.6,4.4H-5.6z",  # triangle
    "M0,-6.4L6.4,0L0,6.4L-6.4,0z",  # lozenge
    "M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",  # cross
    "M0,6L5.6,-4.4H-5.6z",  # triangle on its tip
    "M-3,-5.2H3L6,0L3,5.2H-3L-6,0z",  # hexagon
)
_ASIDE_COLOUR, _ASIDE_SHAPE = "#5d6873", "M-3.5,-3.5L3.5,3.5M-3.5,3.5L3.5,-3.5"


@dataclass(frozen=True)
class Wish:
    """What a person wants to see; blank means any."""

    family_id: str = ""
    workshop_id: str = ""
    theme_id: str = ""


class Mark(NamedTuple):
    """A passage on the map, `x` and `y` in the SVG's units, with what hovering it tells."""

    unit_id: str
    x: str
    y: str
    title: str


@dataclass(frozen=True)
class Group:
    """A family or a theme on the map; `key` is its id, blank for passages without theme; `n` passages, of which `marks` are drawn."""

    key: str
    label: str
    colour: str
    shape: str
    is_open: bool  # drawn by its outline
    n: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Map:
    """What is drawn and what is listed: the same passages, save where there are too many to draw."""

    groups: tuple[Group, ...]
    units: tuple[Unit, ...]
    by_family: bool
    height: float
    n_drawn: int

    @property
    def is_sparse(self) -> bool:
        """Whether marks have room to be larger."""
        return self.n_drawn <= _N_SPARSE


def draw_map(wish: Wish, now: Themes, snapshot: Snapshot, family_labels: Mapping[str, str]) -> Map:
    """Return the passages wished for, coloured by family, or by theme within one family and where there are none.

    More than N_DRAWN are drawn by a sample that is always the same; all are listed, by group, then the most central first.
    """
    family_of = dict(zip(now.themes["theme_id"], now.themes["parent_id"], strict=True))
    by_family = bool(family_labels) and not wish.family_id and not wish.theme_id
    units = [
        unit
        for unit in snapshot.units.values()
        if unit.unit_id in snapshot.spots and _is_wished(unit, wish, now, family_of)
    ]
    drawn = sorted(units, key=lambda unit: zlib.crc32(unit.unit_id.encode()))[:N_DRAWN]
    frame = _Frame([snapshot.spots[unit.unit_id] for unit in units])
    key_of = {unit.unit_id: _key(unit, now, family_of, by_family=by_family) for unit in units}
    marks: dict[str, list[Mark]] = defaultdict(list)
    for unit in drawn:
        marks[key_of[unit.unit_id]].append(_mark(unit, now, snapshot, frame))
    labels = family_labels if by_family else now.labels
    keys = sorted(set(key_of.values()) - {""}, key=list(_looks(labels)).index)
    counts: dict[str, int] = defaultdict(int)
    for key in key_of.values():
        counts[key] += 1
    looks = _looks(labels)
    groups = [
        Group(key, labels[key], *looks[key], False, counts[key], tuple(marks[key])) for key in keys
    ]
    if counts[""]:
        groups.append(
            Group("", "", _ASIDE_COLOUR, _ASIDE_SHAPE, True, counts[""], tuple(marks[""]))
        )
    order = {key: place for place, key in enumerate([*keys, ""])}
    listed = tuple(sorted(units, key=lambda unit: order[key_of[unit.unit_id]]))
    return Map(tuple(groups), listed, by_family, frame.height, len(drawn))


class _Frame:
    """From places on the map to the SVG's units, so that `places` fill it."""

    def __init__(self, places: Sequence[tuple[float, float]]) -> None:
        xs, ys = [place[0] for place in places] or [0.0], [place[1] for place in places] or [0.0]
        self._left, self._top = min(xs), max(ys)
        wide, tall = max(max(xs) - self._left, 1e-6), self._top - min(ys)
        self._scale = (WIDTH - 2 * _MARGIN) / max(wide, tall)
        self.height = round(2 * _MARGIN + tall * self._scale, 1)

    def put(self, place: tuple[float, float]) -> tuple[str, str]:
        """Both coordinates, as text to a tenth."""
        return (
            f"{_MARGIN + (place[0] - self._left) * self._scale:.1f}",
            f"{_MARGIN + (self._top - place[1]) * self._scale:.1f}",
        )


def _is_wished(unit: Unit, wish: Wish, now: Themes, family_of: Mapping[str, object]) -> bool:
    if wish.workshop_id and unit.workshop_id != wish.workshop_id:
        return False
    theme_id = now.theme_of.get(unit.unit_id, "")
    if wish.theme_id and theme_id != wish.theme_id:
        return False
    return not wish.family_id or family_of.get(theme_id) == wish.family_id


def _key(unit: Unit, now: Themes, family_of: Mapping[str, object], *, by_family: bool) -> str:
    """The group of a passage, blank where it has no theme, or its theme no family."""
    theme_id = now.theme_of.get(unit.unit_id, "")
    if not by_family or not theme_id:
        return theme_id
    family_id = family_of.get(theme_id)
    return family_id if isinstance(family_id, str) else ""


def _looks(labels: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Colour and shape of each of `labels`: 56 pairs before one comes again."""
    return {
        key: (
            COLOURS[place % len(COLOURS)],
            _SHAPES[(place + place // len(COLOURS)) % len(_SHAPES)],
        )
        for place, key in enumerate(labels)
    }


def _mark(unit: Unit, now: Themes, snapshot: Snapshot, frame: _Frame) -> Mark:
    x, y = frame.put(snapshot.spots[unit.unit_id])
    label = now.labels.get(now.theme_of.get(unit.unit_id, ""), "")
    return Mark(
        unit.unit_id,
        x,
        y,
        f"{label} : {shortened(unit.text, _N_CHARS)}" if label else shortened(unit.text, _N_CHARS),
    )
