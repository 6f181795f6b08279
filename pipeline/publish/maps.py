"""Draw a workshop's map: its communes by how many catchment areas hold them, its structures.

In:   TerritoryMap
Out:  a Vega-Lite specification; the frame and the marks that the page of maps draws too
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Any

from pipeline.geometry import cut
from pipeline.publish.charts import FONT, INK, Spec, layer, make_spec, quantity, wrapped
from pipeline.publish.labels import LINE_PIXELS, Position, apart, gap_to, place_names, square_box
from pipeline.publish.report.content import MapCommune, Ring, TerritoryMap
from pipeline.publish.text import NBSP, count, number, sentence

MARK_COLOUR = "#0b5563"
UNCOVERED = "#f6ead0"  # sand; covered communes are blue
_AREA_COLOUR = "#0072b2"
_PALE, _DARK = (222, 235, 247), (116, 172, 211)  # ink reads on both
_WIDTH, _TALLEST, _LOWEST = 400.0, 420.0, 204.0
_KEY_WIDTH, _KEY_CHARS, _KEY_LINE = 226, 40, 12.0
_MARK_RADIUS = 8.5
_N_NAMES = 14
_FAR = 12  # pixels from a name to its commune: farther, a line joins them
_MARGIN = 0.02  # of the frame's width, around the communes
_LEAST_ROOM = 0.04  # degrees, around a single point
_KM_A_DEGREE = 111.2  # along a meridian
_ROUND_KM = (1, 2, 5, 10, 20, 50, 100)
_SCALE_SHARE = 0.25  # of the width, at most
_FRANCE = ((-5.0, 42.0), (8.5, 51.2))


@dataclass(frozen=True)
class Frame:
    """What a map shows, `low` (west, south) to `high` (east, north), on `size` pixels."""

    low: Position
    high: Position
    size: Position

    def spot(self, lon: float, lat: float) -> Position:
        """Return where a position is on the page: pixels from the left and from the top."""
        across = (lon - self.low[0]) / (self.high[0] - self.low[0])
        down = (self.high[1] - lat) / (self.high[1] - self.low[1])
        return round(across * self.size[0], 1), round(down * self.size[1], 1)

    def holds(self, lon: float, lat: float) -> bool:
        """Return whether a position is on the map."""
        return self.low[0] < lon < self.high[0] and self.low[1] < lat < self.high[1]

    @property
    def scale(self) -> tuple[int, float]:
        """The scale bar's round length in km, and in pixels."""
        degrees = self.high[0] - self.low[0]
        km = degrees * _KM_A_DEGREE * cos(radians((self.low[1] + self.high[1]) / 2))
        longest = max([1, *(one for one in _ROUND_KM if one <= km * _SCALE_SHARE)])
        return longest, longest / km * self.size[0]


def frame_of(drawn: TerritoryMap, *, width: float = _WIDTH, tallest: float = _TALLEST) -> Frame:
    """Return the frame of the communes and structures; the areas' where there is no other.

    Shapes are kept around the territory's latitude: the frame grows where the page is wider.
    """
    marks = [(point.lon, point.lat) for point in drawn.structures]
    land = [position for _, ring in drawn.communes for position in ring]
    areas = [position for _, ring in drawn.areas for position in ring]
    lons, lats = zip(*([*land, *marks] or areas or _FRANCE), strict=True)
    shrink = cos(radians((min(lats) + max(lats)) / 2))
    margin = max(_LEAST_ROOM if not land else 0.0, _MARGIN * (max(lons) - min(lons)))
    half_wide = (max(lons) - min(lons)) / 2 + margin
    half_tall = (max(lats) - min(lats)) / 2 + margin * shrink
    height = min(tallest, max(_LOWEST / _WIDTH * width, width * half_tall / (half_wide * shrink)))
    half_wide = max(half_wide, half_tall * width / height / shrink)
    half_tall = max(half_tall, half_wide * height / width * shrink)
    lon, lat = (max(lons) + min(lons)) / 2, (max(lats) + min(lats)) / 2
    low, high = (lon - half_wide, lat - half_tall), (lon + half_wide, lat + half_tall)
    return Frame(low, high, (round(width), round(height)))


def commune_colours(drawn: TerritoryMap) -> dict[str, str]:
    """Return each commune's colour: the darker, the more structures cover it."""
    most = max((len(town.covered_by) for town in drawn.towns), default=0)
    return {town.name: _colour(len(town.covered_by), most) for town in drawn.towns}


def _colour(n: int, most: int) -> str:
    if n == 0:
        return UNCOVERED
    share = (n - 1) / (most - 1) if most > 1 else 0.0
    return "#" + "".join(
        f"{round(pale + share * (dark - pale)):02x}"
        for pale, dark in zip(_PALE, _DARK, strict=True)
    )


def mark_places(drawn: TerritoryMap, frame: Frame, radius: float) -> list[Position]:
    """Return the centres of the numbered marks, one a structure, none over another."""
    spots = [frame.spot(point.lon, point.lat) for point in drawn.structures]
    return apart(spots, radius, frame.size)


@dataclass(frozen=True)
class TownName:
    """A commune's name and where it goes; `leader` runs to its centre where that is far."""

    name: str
    place: Position
    leader: tuple[Position, Position] | None


def named_towns(
    drawn: TerritoryMap, frame: Frame, marks: Sequence[Position], radius: float, *, zoom: float = 1
) -> list[TownName]:
    """Return the communes to name and where: those of structures, the largest, those left out.

    `zoom` is how much larger than 12 pixels the letters are.
    """
    shown = [town for town in drawn.towns if frame.holds(town.lon, town.lat)]
    towns = [town for _, town in sorted(enumerate(shown), key=lambda pair: _importance(*pair))]
    spots = [frame.spot(town.lon, town.lat) for town in towns]
    names = [wrapped(town.name, 24) for town in towns]
    close = [(x / zoom, y / zoom) for x, y in spots]
    size = frame.size[0] / zoom, frame.size[1] / zoom
    taken = [square_box((x / zoom, y / zoom), radius / zoom) for x, y in marks]
    n_far = sum(town.n_structures > 0 for town in towns)
    named = []
    for i, (x, y) in place_names(names, close, size, taken, n_far=n_far).items():
        place = round(x * zoom, 1), round(y * zoom, 1)
        is_far = gap_to(names[i], (x, y), close[i]) > _FAR
        named.append(TownName(names[i], place, (spots[i], place) if is_far else None))
    return named[:_N_NAMES]


def _importance(rank: int, town: MapCommune) -> tuple[int, int]:
    """Structures first, then the three largest, then the largest that no area holds."""
    if town.n_structures:
        return 0, rank
    if rank < 3:
        return 1, rank
    return (3 if town.covered_by else 2), rank


def map_spec(drawn: TerritoryMap, *, tallest: float = _TALLEST) -> Spec:
    """Return the map, at most `tallest` pixels high, with the structures' names beside it."""
    frame = frame_of(drawn, tallest=tallest)
    marks = mark_places(drawn, frame, _MARK_RADIUS)
    towns = named_towns(drawn, frame, marks, _MARK_RADIUS)
    width, height = frame.size
    bounds = {"nice": False, "zero": False}
    position = {
        "x": quantity("x", axis=None, scale={"domain": [0, width], **bounds}),
        "y": quantity("y", axis=None, scale={"domain": [height, 0], **bounds}),
    }
    drawing = {
        "width": width,
        "height": height,
        "layer": [
            *_land(drawn, frame, position),
            *_leaders(drawn, frame, marks, towns, position),
            *_marks(marks, position),
            *_names(towns, position),
            *_scale_bar(frame, position),
        ],
    }
    spec = make_spec({"hconcat": [drawing, _key(drawn, height)], "spacing": 14})
    # once: a clip a mark draws ten times slower
    view = {**spec["config"]["view"], "clip": True}
    return {**spec, "config": {**spec["config"], "view": view}}


def _land(drawn: TerritoryMap, frame: Frame, position: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A layer a colour of communes, then the areas where no commune is known to be in one."""
    colours = commune_colours(drawn)
    rings_by_colour: dict[str, list[Ring]] = {}
    for name, ring in drawn.communes:
        rings_by_colour.setdefault(colours.get(name, UNCOVERED), []).append(ring)
    border = {"stroke": "#a8a293", "strokeWidth": 0.7}
    layers = [
        _outlines(rings, frame, position, {"fill": colour, **border})
        for colour, rings in sorted(rings_by_colour.items())
    ]
    if not any(town.covered_by for town in drawn.towns):
        area = {"fill": _AREA_COLOUR, "fillOpacity": 0.06, "stroke": _AREA_COLOUR}
        layers.append(_outlines([ring for _, ring in drawn.areas], frame, position, area))
    return layers


def _outlines(
    rings: Sequence[Ring], frame: Frame, position: Mapping[str, Any], mark: Mapping[str, Any]
) -> dict[str, Any]:
    edge = 0.01 * (frame.high[0] - frame.low[0])  # outlines go beyond the frame, not along it
    low = frame.low[0] - edge, frame.low[1] - edge
    high = frame.high[0] + edge, frame.high[1] + edge
    values = []
    for n, ring in enumerate(rings):
        for i, (lon, lat) in enumerate(cut(ring, low, high)):
            x, y = frame.spot(lon, lat)
            values.append({"ring": n, "at": i, "x": x, "y": y})
    order = {"detail": {"field": "ring"}, "order": {"field": "at"}}
    return layer(values, {"type": "line", **mark}, **position, **order)


def _leaders(
    drawn: TerritoryMap,
    frame: Frame,
    marks: Sequence[Position],
    towns: Sequence[TownName],
    position: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Lines from each mark and name that was moved to where it belongs."""
    spots = [frame.spot(point.lon, point.lat) for point in drawn.structures]
    far = [town.leader for town in towns if town.leader]
    layers = []
    for lines, colour in ((far, INK), (list(zip(spots, marks, strict=True)), MARK_COLOUR)):
        values = [{"ring": n, "x": x, "y": y} for n, ends in enumerate(lines) for x, y in ends]
        mark = {"type": "line", "color": colour, "strokeWidth": 1}
        layers.append(layer(values, mark, **position, detail={"field": "ring"}))
    return layers


def _marks(marks: Sequence[Position], position: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = [
        {"n": number(i + 1), "x": round(x, 1), "y": round(y, 1)} for i, (x, y) in enumerate(marks)
    ]
    dot = {"type": "point", "filled": True, "opacity": 1, "color": MARK_COLOUR}
    dot |= {"size": 3.1416 * _MARK_RADIUS**2, "stroke": "white", "strokeWidth": 1}
    text = {"type": "text", "font": FONT, "fontSize": 10, "fontWeight": "bold", "color": "white"}
    figures = layer(values, text | {"dy": 0.5}, **position, text={"field": "n"})
    return [layer(values, dot, **position), figures]


def _names(towns: Sequence[TownName], position: dict[str, Any]) -> list[dict[str, Any]]:
    values = [{"name": town.name, "x": town.place[0], "y": town.place[1]} for town in towns]
    return haloed(values, position | {"text": {"field": "name"}}, fontSize=11.5)


def haloed(
    values: list[dict[str, Any]], encoding: dict[str, Any], **mark: Any
) -> list[dict[str, Any]]:
    """Put text over a white halo, so that lines do not cross it."""
    middle = {"expr": f"4 - {LINE_PIXELS} * (length(split(datum.name, '\\n')) - 1) / 2"}
    text = {"type": "text", "dy": middle, "font": FONT, "lineBreak": "\n", "color": INK, **mark}
    rim = {"stroke": "white", "strokeWidth": 3, "strokeOpacity": 0.85, "strokeJoin": "round"}
    plain = {channel: spec for channel, spec in encoding.items() if channel != "color"}
    return [layer(values, text | rim, **plain), layer(values, text, **encoding)]


def _scale_bar(frame: Frame, position: dict[str, Any]) -> list[dict[str, Any]]:
    km, pixels = frame.scale
    low = frame.size[1] - 10
    ends = [{"x": x, "y": low} for x in (10.0, 10.0 + pixels)]
    words = [{"name": f"{km}{NBSP}km", "x": 10.0 + pixels / 2, "y": low - 10}]
    line = layer(ends, {"type": "line", "color": INK, "strokeWidth": 2}, **position)
    return [line, *haloed(words, position | {"text": {"field": "name"}}, fontSize=11)]


def _key(drawn: TerritoryMap, height: float) -> dict[str, Any]:
    """The structures by number, then what the colours mean, as many as the height holds."""
    legend = [(colour, "■", words) for colour, words in colour_legend(drawn)]
    room = int(height / _KEY_LINE) - len(legend) - 1
    entries: list[tuple[str, str, str]] = []  # colour of the sign, sign, words
    n_lines, n_named = 0, 0
    for i, point in enumerate(drawn.structures):
        lines = wrapped(point.name, _KEY_CHARS).split("\n")
        has_more = i + 1 < len(drawn.structures)
        if n_lines + len(lines) + has_more > room:
            break
        entries += [
            (MARK_COLOUR, number(i + 1) if line == lines[0] else "", line) for line in lines
        ]
        n_lines, n_named = n_lines + len(lines), i + 1
    if n_named < len(drawn.structures):
        others = sentence("maillage.autres_structures", n=len(drawn.structures) - n_named)
        entries.append((MARK_COLOUR, "", others))
    entries += [("white", "", ""), *legend]
    rows = [
        {"sign": sign, "name": words, "colour": colour, "y": _KEY_LINE * (n + 0.5)}
        for n, (colour, sign, words) in enumerate(entries)
    ]
    text = {"type": "text", "font": FONT, "fontSize": 10.2, "baseline": "middle"}
    y = quantity("y", axis=None, scale={"domain": [height, 0], "nice": False})
    colour = {"field": "colour", "type": "nominal", "scale": None}
    signs = text | {"align": "right", "fontWeight": "bold"}
    squares = [row for row in rows if row["sign"] == "■"]
    figures = [row for row in rows if row["sign"] not in ("■", "")]
    square = {"type": "point", "shape": "square", "filled": True, "size": 90, "opacity": 1}
    square |= {"stroke": "#8d8577", "strokeWidth": 0.7}
    return {
        "width": _KEY_WIDTH,
        "height": height,
        "layer": [
            layer(squares, square, x={"value": 8}, y=y, fill=colour),
            layer(figures, signs, x={"value": 14}, y=y, text={"field": "sign"}, color=colour),
            layer(
                rows,
                text | {"align": "left", "color": INK},
                x={"value": 20},
                y=y,
                text={"field": "name"},
            ),
        ],
    }


def colour_legend(drawn: TerritoryMap) -> list[tuple[str, str]]:
    """Return the colours of communes and what they mean; none where no commune is covered."""
    counts = [len(town.covered_by) for town in drawn.towns]
    if not any(counts):
        return []
    blue = [
        (_colour(n, max(counts)), sentence("maillage.couleur", n=count(n, "structure")))
        for n in sorted({1, max(counts)})
    ]
    sand = [(UNCOVERED, sentence("maillage.sans_zone"))]
    return [*blue, *(sand if 0 in counts else [])]
