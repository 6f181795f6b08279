"""Draw passages on a plane, whose axes mean nothing."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.publish.text import shortened
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.state import Themes

N_DRAWN = 2000  # marks at most
WIDTH = 1000.0  # the SVG's height depends on the marks
_MARGIN, _N_SPARSE = 14.0, 600
_N_CHARS = 120
# Contrast of at least 4.5 to 1 on white; neighbours in the list are easy to tell apart.
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
_NO_THEME_COLOUR, _NO_THEME_SHAPE = "#5d6873", "M-3.5,-3.5L3.5,3.5M-3.5,3.5L3.5,-3.5"


@dataclass(frozen=True)
class MapFilter:
    """A person's filters; blank means any."""

    family_id: str = ""
    workshop_id: str = ""
    theme_id: str = ""


class MapMark(NamedTuple):
    """A passage, `x` and `y` in the SVG's units; `title` shows when hovering."""

    unit_id: str
    x: str
    y: str
    title: str


@dataclass(frozen=True)
class MapGroup:
    """A family or theme of `n` passages, with the drawn `marks`."""

    key: str
    label: str
    colour: str
    shape: str
    is_open: bool  # outline only
    n: int
    marks: tuple[MapMark, ...]


@dataclass(frozen=True)
class ThemeMap:
    """The passages drawn and listed; the same unless too many to draw."""

    groups: tuple[MapGroup, ...]
    units: tuple[Unit, ...]
    by_family: bool
    height: float
    n_drawn: int

    @property
    def is_sparse(self) -> bool:
        """Whether marks have room to be larger."""
        return self.n_drawn <= _N_SPARSE


def draw_map(
    wanted: MapFilter, now: Themes, snapshot: Snapshot, family_labels: Mapping[str, str]
) -> ThemeMap:
    """Return the passages, coloured by family, or by theme within a family.

    Above N_DRAWN, a fixed sample is drawn; all are listed, by group, in reading order.
    """
    family_of = dict(zip(now.themes["theme_id"], now.themes["parent_id"], strict=True))
    by_family = bool(family_labels) and not wanted.family_id and not wanted.theme_id
    units = [
        unit
        for unit in snapshot.units.values()
        if unit.unit_id in snapshot.spots and _is_wanted(unit, wanted, now, family_of)
    ]
    projection = _Projection([snapshot.spots[unit.unit_id] for unit in units])
    key_of = {unit.unit_id: _key(unit, now, family_of, by_family=by_family) for unit in units}
    drawn = sorted(units, key=lambda unit: zlib.crc32(unit.unit_id.encode()))[:N_DRAWN]
    marks: dict[str, list[MapMark]] = defaultdict(list)
    for unit in drawn:
        x, y = projection.position(snapshot.spots[unit.unit_id])
        marks[key_of[unit.unit_id]].append(MapMark(unit.unit_id, x, y, _title(unit, now)))
    labels = family_labels if by_family else now.labels
    counts, styles = Counter(key_of.values()), _styles(labels)
    keys = [key for key in styles if key and counts[key]]
    groups = [
        MapGroup(key, labels[key], *styles[key], False, counts[key], tuple(marks[key]))
        for key in keys
    ]
    if counts[""]:
        style = (_NO_THEME_COLOUR, _NO_THEME_SHAPE)
        groups.append(MapGroup("", "", *style, True, counts[""], tuple(marks[""])))
    order = {key: i for i, key in enumerate([*keys, ""])}
    units.sort(key=lambda unit: order[key_of[unit.unit_id]])
    return ThemeMap(tuple(groups), tuple(units), by_family, projection.height, len(drawn))


def _is_wanted(unit: Unit, wanted: MapFilter, now: Themes, family_of: Mapping[str, object]) -> bool:
    theme_id = now.theme_of.get(unit.unit_id, "")
    return (
        wanted.workshop_id in ("", unit.workshop_id)
        and wanted.theme_id in ("", theme_id)
        and wanted.family_id in ("", family_of.get(theme_id))
    )


class _Projection:
    """Scale `spots` to fill the SVG."""

    def __init__(self, spots: Sequence[tuple[float, float]]) -> None:
        xs, ys = [spot[0] for spot in spots] or [0.0], [spot[1] for spot in spots] or [0.0]
        self._left, self._top = min(xs), max(ys)
        width, height = max(max(xs) - self._left, 1e-6), self._top - min(ys)
        self._scale = (WIDTH - 2 * _MARGIN) / max(width, height)
        self.height = round(2 * _MARGIN + height * self._scale, 1)

    def position(self, spot: tuple[float, float]) -> tuple[str, str]:
        x = _MARGIN + (spot[0] - self._left) * self._scale
        y = _MARGIN + (self._top - spot[1]) * self._scale
        return f"{x:.1f}", f"{y:.1f}"


def _key(unit: Unit, now: Themes, family_of: Mapping[str, object], *, by_family: bool) -> str:
    theme_id = now.theme_of.get(unit.unit_id, "")
    if not by_family or not theme_id:
        return theme_id
    family_id = family_of.get(theme_id)
    return family_id if isinstance(family_id, str) else ""


def _title(unit: Unit, now: Themes) -> str:
    label = now.labels.get(now.theme_of.get(unit.unit_id, ""), "")
    text = shortened(unit.text, _N_CHARS)
    return f"{label} : {text}" if label else text


def _styles(labels: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """56 pairs of colour and shape before one repeats."""
    return {
        key: (COLOURS[i % len(COLOURS)], _SHAPES[(i + i // len(COLOURS)) % len(_SHAPES)])
        for i, key in enumerate(labels)
    }
