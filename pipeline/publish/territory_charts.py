"""Draw territories side by side: factor planes, the dendrogram, maps.

In:   Plane, Joining, TerritoryMap
Out:  Vega-Lite specifications and their drawings
"""

from collections.abc import Iterable, Mapping, Sequence
from math import cos, radians
from typing import Any

from pipeline.geometry import cut
from pipeline.publish.charts import (
    FONT,
    INK,
    Spec,
    draw_png,
    draw_svg,
    layer,
    make_spec,
    quantity,
    wrapped,
)
from pipeline.publish.report.content import Joining, MapPoint, Plane, Report, Ring, TerritoryMap
from pipeline.publish.text import percent, sentence
from pipeline.text import slug

TERRITORY_COLOUR, POINT_COLOUR = "#d55e00", "#0b5563"
NEED_COLOUR, AREA_COLOUR = "#b3261e", "#0072b2"
_WIDTH, _TALLEST, _LOWEST = 560, 620, 260
_LABEL_PIXELS = 6.4  # a letter's width at 12 px
_LINE_PIXELS = 15
# lines centred on the label's place
_MIDDLE = {"expr": f"4 - {_LINE_PIXELS} * (length(split(datum.name, '\\n')) - 1) / 2"}
_SAME_SPOT = 3  # names shown where several points are one

Position = tuple[float, float]
Bounds = tuple[Position, Position]  # low and high: south-west and north-east


def comparison_specs(report: Report) -> dict[str, Spec]:
    """Return the planes, the tree (from two joinings) and the maps, by file name."""
    reading = report.reading
    specs = {f"plan-{plane.analysis}": plane_spec(plane) for plane in reading.planes}
    if len(reading.tree) > 1:
        specs["arbre"] = tree_spec(reading.tree)
    return specs | {f"carte-{slug(drawn.name)}": map_spec(drawn) for drawn in reading.maps}


def draw_comparison(report: Report) -> dict[str, tuple[Spec, str, bytes]]:
    """Return each chart's specification, SVG and PNG, by file name."""
    specs = comparison_specs(report).items()
    return {name: (spec, draw_svg(spec), draw_png(spec)) for name, spec in specs}


def _if(test: str, value: Any, otherwise: Any) -> dict[str, Any]:
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def plane_spec(plane: Plane) -> Spec:
    """Return the biplot: territories in bold, themes or lemmas as points.

    Where labels overlap, those farthest from the centre stay.
    """
    points = _merged(plane)
    low, high, height = _square(points)
    labels = _placed_labels(points, (low, high), height)
    axes = {
        side: quantity(
            side,
            title=sentence("lectures.axe", n=i + 1, part=percent(share)),
            scale={"domain": [low[i], high[i]], "nice": False},
            axis={"tickCount": 5, "format": ".1f", "domain": False},
        )
        for i, (side, share) in enumerate(zip("xy", plane.shares, strict=True))
    }
    test = "datum.kind == 'territoire'"
    colour = _if(test, TERRITORY_COLOUR, POINT_COLOUR)
    shapes = {
        "color": colour,
        "shape": _if(test, "diamond", "circle"),
        "size": _if(test, 130, 38),
    }
    dots = layer(points, {"type": "point", "filled": True, "opacity": 0.9}, **axes, **shapes)
    dashed = {"type": "rule", "color": "#9aa8a6", "strokeDash": [3, 3]}
    layers = [layer([{"at": 0}], dashed, **{side: quantity("at")}) for side in "xy"]
    layers.append(dots)
    for is_territory, size, weight in ((False, 12, "normal"), (True, 14, "bold")):
        rows = [row for row in labels if (row["kind"] == "territoire") == is_territory]
        encoding = axes | {"text": {"field": "name"}, "color": colour}
        layers += _haloed(rows, encoding, fontSize=size, fontWeight=weight)
    return make_spec({"width": _WIDTH, "height": height, "layer": layers})


def _merged(plane: Plane) -> list[dict[str, Any]]:
    """Merge points of one kind at one spot, under the name of the first."""
    groups: dict[tuple[str, float, float], list[str]] = {}
    for point in plane.points:
        key = point.kind, round(point.x, 3), round(point.y, 3)
        groups.setdefault(key, []).append(point.label)
    points = []
    for (kind, x, y), names in groups.items():
        more = ", …" if len(names) > _SAME_SPOT else ""
        points.append({"kind": kind, "x": x, "y": y, "name": ", ".join(names[:_SAME_SPOT]) + more})
    return points


def _square(points: Sequence[Mapping[str, Any]]) -> tuple[Position, Position, int]:
    x, y = (max(0.05, *(abs(point[side]) for point in points)) * 1.2 for side in "xy")
    height = round(min(_TALLEST, max(_LOWEST, _WIDTH * y / x)))
    scale = max(x / _WIDTH, y / height)
    high = scale * _WIDTH, scale * height
    return (-high[0], -high[1]), high, height


def _placed_labels(
    points: Sequence[Mapping[str, Any]], bounds: Bounds, height: int
) -> list[dict[str, Any]]:
    """Territories first, then the points farthest from the centre."""
    ranked = sorted(
        points,
        key=lambda row: (
            row["kind"] != "territoire",
            -(row["x"] ** 2 + row["y"] ** 2),
            row["name"],
        ),
    )
    names = [wrapped(row["name"], 26) for row in ranked]
    places = _label_places(
        names, [(row["x"], row["y"]) for row in ranked], bounds, (_WIDTH, height)
    )
    return [
        {"kind": ranked[i]["kind"], "name": names[i], "x": x, "y": y}
        for i, (x, y) in places.items()
    ]


def _label_places(
    names: Sequence[str], positions: Sequence[Position], bounds: Bounds, size: Position
) -> dict[int, Position]:
    (west, south), (east, north) = bounds
    spots = [
        ((x - west) / (east - west) * size[0], (north - y) / (north - south) * size[1])
        for x, y in positions
    ]
    places = {}
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    for i, (name, (x, y)) in enumerate(zip(names, spots, strict=True)):
        lines = name.split("\n")
        half, tall = max(map(len, lines)) * _LABEL_PIXELS / 2, len(lines) * _LINE_PIXELS / 2
        beside, above = half + 8, tall + 3
        corners = ((beside, -above), (-beside, -above), (beside, above), (-beside, above))
        for right, down in ((0, -tall - 7), (0, tall + 7), (half + 9, 0), (-half - 9, 0), *corners):
            box = (x + right - half, y + down - tall, x + right + half, y + down + tall)
            is_inside = box[0] > 0 and box[1] > 0 and box[2] < size[0] and box[3] < size[1]
            if is_inside and not any(_overlaps(box, other) for other in taken):
                places[i] = (
                    west + (x + right) / size[0] * (east - west),
                    north - (y + down) / size[1] * (north - south),
                )
                taken.append(box)
                break
    return places


def _overlaps(box: Sequence[float], other: Sequence[float]) -> bool:
    is_beside = box[2] < other[0] or other[2] < box[0]
    return not (is_beside or box[3] < other[1] or other[3] < box[1])


def _haloed(
    values: list[dict[str, Any]], encoding: dict[str, Any], **mark: Any
) -> list[dict[str, Any]]:
    """Put text over a white halo, so that lines do not cross it."""
    text = {"type": "text", "dy": _MIDDLE, "font": FONT, "lineBreak": "\n", **mark}
    rim = {"stroke": "white", "strokeWidth": 3, "strokeOpacity": 0.85, "strokeJoin": "round"}
    plain = {channel: spec for channel, spec in encoding.items() if channel != "color"}
    return [layer(values, text | rim, **plain), layer(values, text, **encoding)]


def tree_spec(tree: Sequence[Joining]) -> Spec:
    """Return a dendrogram from left (alike) to right, one row a territory."""
    order = _leaf_order(tree)
    rows = {frozenset({name}): float(i) for i, name in enumerate(order)}
    likeness = dict.fromkeys(rows, 1.0)
    lines = []
    for joining in tree:
        at, group = joining.likeness, frozenset(joining.members)
        parts = sorted(_parts(group, rows), key=lambda part: rows[part])
        for part in parts:
            lines.append({"x": likeness[part], "x2": at, "y": rows[part], "y2": rows[part]})
        lines.append({"x": at, "x2": at, "y": rows[parts[0]], "y2": rows[parts[-1]]})
        rows[group], likeness[group] = sum(rows[part] for part in parts) / len(parts), at
        for part in parts:
            rows.pop(part)
    low = max(0.0, min(joining.likeness for joining in tree) - 0.05)
    across = {"domain": [low, 1.0], "reverse": True, "nice": False}
    down = {"domain": [-0.5, len(order) - 0.5], "reverse": True}
    axis = {"title": sentence("lectures.axe_arbre"), "format": ".0%", "tickCount": 5}
    y = quantity("y", axis=None, scale=down)
    brackets = layer(
        lines,
        {"type": "rule", "color": POINT_COLOUR, "strokeWidth": 2, "strokeCap": "square"},
        x=quantity("x", axis=axis, scale=across),
        x2={"field": "x2"},
        y=y,
        y2={"field": "y2"},
    )
    names = [{"name": wrapped(name, 26), "y": i} for i, name in enumerate(order)]
    text = {"type": "text", "align": "right", "dx": -8, "fontSize": 13, "font": FONT}
    mark = text | {"color": INK, "lineBreak": "\n"}
    labels = layer(names, mark, x={"value": 0}, y=y, text={"field": "name"})
    # browsers' letters are wider than those measured here
    padding = {"left": 30, "right": 5, "top": 5, "bottom": 5}
    size = {"width": 420, "height": max(90, 34 * len(order)), "padding": padding}
    return make_spec({**size, "layer": [brackets, labels]})


def _leaf_order(tree: Sequence[Joining]) -> list[str]:
    orders = {frozenset({name}): [name] for name in tree[-1].members}
    for joining in tree:
        group = frozenset(joining.members)
        members = [orders.pop(part) for part in _parts(group, orders)]
        orders[group] = [name for part in sorted(members) for name in part]
    return orders[frozenset(tree[-1].members)]


def _parts(group: frozenset[str], groups: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    return [part for part in groups if part < group]


_MARGIN = 0.03  # of the width of the communes
_ROOM = 0.35  # around structures and needs, of their spread
_LEAST_ROOM = (0.06, 0.04)  # degrees east and north
_EDGE = 0.01  # of the frame's width: outlines go beyond the frame, not along it
_KM_A_DEGREE = 111.2  # along a meridian
_ROUND_KM = (1, 2, 5, 10, 20, 50, 100)
_FRANCE_LATITUDE = 46.5


def map_spec(drawn: TerritoryMap) -> Spec:
    """Return the map; its projection keeps shapes around the territory's latitude."""
    latitudes = [point.lat for point in drawn.structures] or [_FRANCE_LATITUDE]
    shrink = cos(radians(sum(latitudes) / len(latitudes)))
    frame = frame_of(drawn)
    (west, south), (east, north) = frame
    height = max(_LOWEST, min(_TALLEST, _WIDTH * (north - south) / ((east - west) * shrink)))
    width = height * (east - west) * shrink / (north - south)
    bounds = {"nice": False, "zero": False}
    position = {
        "x": quantity("lon", axis=None, scale={"domain": [west, east], **bounds}),
        "y": quantity("lat", axis=None, scale={"domain": [south, north], **bounds}),
    }
    edge = _EDGE * (east - west)
    wide = (west - edge, south - edge), (east + edge, north + edge)
    land = {"fill": "#f4f1ea", "stroke": "#c4bdb0", "strokeWidth": 0.8}
    area = {"fill": AREA_COLOUR, "fillOpacity": 0.035, "stroke": AREA_COLOUR}
    area |= {"strokeOpacity": 0.4, "strokeWidth": 1}
    dot = {"type": "point", "filled": True, "size": 60, "color": POINT_COLOUR, "opacity": 0.95}
    triangle = {"type": "point", "shape": "triangle-up", "size": 150, "strokeWidth": 2.5}
    labels = _map_labels(drawn, frame, (width, height))
    colour = _if("datum.is_need", NEED_COLOUR, INK)
    layers = [
        _outlines(drawn.communes, wide, position, land),
        _outlines(drawn.areas, wide, position, area),
        layer(_points(drawn.structures), dot, **position),
        layer(_points(drawn.needs), triangle | {"color": NEED_COLOUR}, **position),
        *_haloed(labels, position | {"text": {"field": "name"}, "color": colour}, fontSize=12),
        *_scale_bar(drawn, position),
    ]
    drawing = {"width": round(width), "height": round(height), "layer": layers}
    key = _key(round(width), has_needs=bool(drawn.needs))
    spec = make_spec({"vconcat": [drawing, key], "spacing": 6})
    # once: a clip a mark draws ten times slower
    view = {**spec["config"]["view"], "clip": True}
    return {**spec, "config": {**spec["config"], "view": view}}


def frame_of(drawn: TerritoryMap) -> Bounds:
    """Return the map's bounds: structures and needs with a margin, within the communes."""
    marks = [(point.lon, point.lat) for point in (*drawn.structures, *drawn.needs)]
    land = [position for _, ring in drawn.communes or drawn.areas for position in ring]
    low, high = _bounds(marks or land)
    room = [max(_ROOM * (high[i] - low[i]), _LEAST_ROOM[i]) for i in (0, 1)]
    low, high = (low[0] - room[0], low[1] - room[1]), (high[0] + room[0], high[1] + room[1])
    if land and marks:
        (west, south), (east, north) = _bounds([*land, *marks])
        margin = _MARGIN * max(east - west, north - south)
        low = (max(low[0], west - margin), max(low[1], south - margin))
        high = (min(high[0], east + margin), min(high[1], north + margin))
    return low, high


def _bounds(positions: Sequence[Position]) -> Bounds:
    lons, lats = zip(*positions, strict=True)
    return (min(lons), min(lats)), (max(lons), max(lats))


def _outlines(
    named: Sequence[tuple[str, Ring]],
    bounds: Bounds,
    position: Mapping[str, Any],
    mark: Mapping[str, Any],
) -> dict[str, Any]:
    values = [
        {"ring": n, "at": i, "lon": lon, "lat": lat}
        for n, (_, ring) in enumerate(named)
        for i, (lon, lat) in enumerate(cut(ring, *bounds))
    ]
    order = {"detail": {"field": "ring"}, "order": {"field": "at"}}
    return layer(values, {"type": "line", **mark}, **position, **order)


def _points(points: Iterable[MapPoint]) -> list[dict[str, Any]]:
    return [{"name": point.name, "lon": point.lon, "lat": point.lat} for point in points]


def _map_labels(drawn: TerritoryMap, frame: Bounds, size: Position) -> list[dict[str, Any]]:
    points = (*drawn.needs, *drawn.structures)
    names = [wrapped(point.name, 30) for point in points]
    places = _label_places(names, [(point.lon, point.lat) for point in points], frame, size)
    return [
        {"name": names[i], "lon": lon, "lat": lat, "is_need": i < len(drawn.needs)}
        for i, (lon, lat) in places.items()
    ]


def scale_of(drawn: TerritoryMap) -> tuple[int, float]:
    """Return the scale bar's round length, in km and in degrees, within a quarter of the map."""
    (west, south), (east, north) = frame_of(drawn)
    km_a_degree = _KM_A_DEGREE * cos(radians((south + north) / 2))
    most = (east - west) * km_a_degree / 4
    longest = max([1, *(length for length in _ROUND_KM if length <= most)])
    return longest, longest / km_a_degree


def _scale_bar(drawn: TerritoryMap, position: dict[str, Any]) -> list[dict[str, Any]]:
    (west, south), (east, north) = frame_of(drawn)
    km, degrees = scale_of(drawn)
    left, low = west + 0.03 * (east - west), south + 0.03 * (north - south)
    ends = [{"lon": lon, "lat": low} for lon in (left, left + degrees)]
    middle = {"lon": left + degrees / 2, "lat": low + 0.025 * (north - south)}
    words = [middle | {"name": f"{km}\u00a0km"}]
    line = layer(ends, {"type": "line", "color": INK, "strokeWidth": 2}, **position)
    return [line, *_haloed(words, position | {"text": {"field": "name"}}, fontSize=11)]


def _key(width: int, *, has_needs: bool) -> dict[str, Any]:
    keys = ("cartes.legende_besoins" if has_needs else "cartes.legende", "cartes.source")
    words = "\n".join(wrapped(sentence(key), width // 6) for key in keys)
    text = {"type": "text", "align": "left", "baseline": "top", "fontSize": 12, "lineHeight": 17}
    mark = text | {"font": FONT, "color": INK, "lineBreak": "\n"}
    size = {"width": width, "height": 17 * (words.count("\n") + 1) + 6}
    channels = {"x": {"value": 2}, "y": {"value": 4}, "text": {"field": "name"}}
    return size | layer([{"name": words}], mark, **channels)
