"""Charts of territories side by side: factor planes, the tree of likeness, maps; Vega-Lite specifications like those of the report.

In:   Plane, Joining, TerritoryMap
Out:  specifications

The charts of the comparison of territories, each as a specification and drawn.
"""

from collections.abc import Sequence
from math import cos, radians
from typing import Any

from pipeline.geometry import cut
from pipeline.publish.charts import FONT, Spec, draw_png, draw_svg, make_spec, wrapped
from pipeline.publish.report.content import Joining, Plane, Report, Ring, TerritoryMap
from pipeline.publish.text import percent, sentence
from pipeline.text import slug

TERRITORY_COLOUR, POINT_COLOUR, NEED_COLOUR, AREA_COLOUR = (
    "#d55e00",
    "#0b5563",
    "#b3261e",
    "#0072b2",
)
_WIDTH, _TALLEST, _LOWEST = 560, 620, 260
_MARGIN = 0.03  # of the width of the communes
_ROOM, _LEAST_ROOM = (
    0.35,
    (0.06, 0.04),
)  # around structures and needs: of their spread; degrees east and north
_EDGE = 0.01  # how far outlines go beyond the frame, of its width, so that they don't run along it
_LABEL_PIXELS = 6.4  # a letter's width at 12 px, to tell labels that overlap
_LINE_PIXELS = 15
_MIDDLE = {
    "expr": f"4 - {_LINE_PIXELS} * (length(split(datum.name, '\\n')) - 1) / 2"
}  # lines centred on the label's place
_INK = "#22302f"
_KM_A_DEGREE = 111.2  # along a meridian
_ROUND_KM = (1, 2, 5, 10, 20, 50, 100)
_SAME_PLACE = 3  # names shown where several points are one


def plane_spec(plane: Plane) -> Spec:
    """The biplot: territories in bold, themes or lemmas as points with the labels that find room, nearest the rim first."""
    points = _together(
        [
            {"name": point.label, "kind": point.kind, "x": point.x, "y": point.y}
            for point in plane.points
        ]
    )
    low, high, height = _square(points)
    shown = _placed_labels(points, low, high, height)
    axes = {
        side: {
            "field": side,
            "type": "quantitative",
            "title": sentence("lectures.axe", n=place + 1, part=percent(share)),
            "scale": {"domain": [low[place], high[place]], "nice": False},
            "axis": {"tickCount": 5, "format": ".1f", "domain": False},
        }
        for place, (side, share) in enumerate(zip(("x", "y"), plane.shares, strict=True))
    }
    is_territory = {
        "condition": {"test": "datum.kind == 'territoire'", "value": TERRITORY_COLOUR},
        "value": POINT_COLOUR,
    }
    dots = {
        "data": {"values": points},
        "mark": {"type": "point", "filled": True, "opacity": 0.9},
        "encoding": axes
        | {
            "color": is_territory,
            "shape": {
                "condition": {"test": "datum.kind == 'territoire'", "value": "diamond"},
                "value": "circle",
            },
            "size": {
                "condition": {"test": "datum.kind == 'territoire'", "value": 130},
                "value": 38,
            },
        },
    }
    labels = [
        layer
        for kind, size, weight in (("", 12, "normal"), ("territoire", 14, "bold"))
        for layer in _haloed(
            [
                row
                for row in shown
                if row["kind"] == kind or (kind == "" and row["kind"] != "territoire")
            ],
            axes | {"text": {"field": "name"}, "color": is_territory},
            fontSize=size,
            fontWeight=weight,
        )
    ]
    rules = [
        {
            "data": {"values": [{"at": 0}]},
            "mark": {"type": "rule", "color": "#9aa8a6", "strokeDash": [3, 3]},
            "encoding": {side: {"field": "at", "type": "quantitative"}},
        }
        for side in ("x", "y")
    ]
    return make_spec({"width": _WIDTH, "height": height, "layer": [*rules, dots, *labels]})


def tree_spec(tree: Sequence[Joining]) -> Spec:
    """A dendrogram from left (alike) to right: territories at their rows, a bracket a joining."""
    order = _leaf_order(tree)
    rows = {frozenset({name}): float(place) for place, name in enumerate(order)}
    heights = dict.fromkeys(rows, 1.0)
    lines = []
    for joining in tree:
        group = frozenset(joining.members)
        parts = sorted(_parts(group, rows), key=lambda part: rows[part])
        for part in parts:
            lines.append(
                {"x": heights[part], "x2": joining.likeness, "y": rows[part], "y2": rows[part]}
            )
        lines.append(
            {
                "x": joining.likeness,
                "x2": joining.likeness,
                "y": rows[parts[0]],
                "y2": rows[parts[-1]],
            }
        )
        rows[group], heights[group] = (
            sum(rows[part] for part in parts) / len(parts),
            joining.likeness,
        )
        for part in parts:
            rows.pop(part)
    low = max(0.0, min(joining.likeness for joining in tree) - 0.05)
    x = {"type": "quantitative", "scale": {"domain": [low, 1.0], "reverse": True, "nice": False}}
    y = {
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [-0.5, len(order) - 0.5], "reverse": True},
    }
    named = [{"name": wrapped(name, 26), "y": place} for place, name in enumerate(order)]
    axis = {"title": sentence("lectures.axe_arbre"), "format": ".0%", "tickCount": 5}
    brackets = {
        "data": {"values": lines},
        "mark": {"type": "rule", "color": POINT_COLOUR, "strokeWidth": 2, "strokeCap": "square"},
        "encoding": {
            "x": {"field": "x", "axis": axis, **x},
            "x2": {"field": "x2"},
            "y": {"field": "y", **y},
            "y2": {"field": "y2"},
        },
    }
    labels = {
        "data": {"values": named},
        "mark": {
            "type": "text",
            "align": "right",
            "dx": -8,
            "fontSize": 13,
            "font": FONT,
            "color": _INK,
            "lineBreak": "\n",
        },
        "encoding": {"x": {"value": 0}, "y": {"field": "y", **y}, "text": {"field": "name"}},
    }
    # A browser's letters are wider than those that the drawing was measured with.
    padding = {"left": 30, "right": 5, "top": 5, "bottom": 5}
    return make_spec(
        {
            "width": 420,
            "height": max(90, 34 * len(order)),
            "padding": padding,
            "layer": [brackets, labels],
        }
    )


def map_spec(shown: TerritoryMap) -> Spec:
    """Communes, catchment areas, structures and unanswered needs, on a plane that keeps shapes around the territory's latitude."""
    shrink = cos(
        radians(
            sum(place.lat for place in shown.structures) / max(1, len(shown.structures))
            if shown.structures
            else 46.5
        )
    )
    (west, south), (east, north) = frame_of(shown)
    height = max(_LOWEST, min(_TALLEST, _WIDTH * (north - south) / ((east - west) * shrink)))
    width = height * (east - west) * shrink / (north - south)
    x = {
        "field": "lon",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [west, east], "nice": False, "zero": False},
    }
    y = {
        "field": "lat",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [south, north], "nice": False, "zero": False},
    }
    place = {"x": x, "y": y}
    edge = _EDGE * (east - west)
    low, high = (west - edge, south - edge), (east + edge, north + edge)

    def polygons(named: Sequence[tuple[str, Ring]], **mark: Any) -> dict[str, Any]:
        values = [
            {"ring": number, "at": at, "lon": lon, "lat": lat}
            for number, (_, ring) in enumerate(named)
            for at, (lon, lat) in enumerate(cut(ring, low, high))
        ]
        encoding = place | {"detail": {"field": "ring"}, "order": {"field": "at"}}
        return {"data": {"values": values}, "mark": {"type": "line", **mark}, "encoding": encoding}

    dots = [{"name": one.name, "lon": one.lon, "lat": one.lat} for one in shown.structures]
    needs = [{"name": one.name, "lon": one.lon, "lat": one.lat} for one in shown.needs]
    layers = [
        polygons(shown.communes, fill="#f4f1ea", stroke="#c4bdb0", strokeWidth=0.8),
        polygons(
            shown.areas,
            fill=AREA_COLOUR,
            fillOpacity=0.035,
            stroke=AREA_COLOUR,
            strokeOpacity=0.4,
            strokeWidth=1,
        ),
        {
            "data": {"values": dots},
            "mark": {
                "type": "point",
                "filled": True,
                "size": 60,
                "color": POINT_COLOUR,
                "opacity": 0.95,
            },
            "encoding": place,
        },
        {
            "data": {"values": needs},
            "mark": {
                "type": "point",
                "shape": "triangle-up",
                "size": 150,
                "strokeWidth": 2.5,
                "color": NEED_COLOUR,
            },
            "encoding": place,
        },
        *_haloed(
            _map_labels(shown, (west, south, east, north), (width, height)),
            place
            | {
                "text": {"field": "name"},
                "color": {
                    "condition": {"test": "datum.is_need", "value": NEED_COLOUR},
                    "value": _INK,
                },
            },
            fontSize=12,
        ),
        *_scale_bar(shown, place),
    ]
    drawing = {"width": round(width), "height": round(height), "layer": layers}
    spec = make_spec(
        {"vconcat": [drawing, _key(round(width), has_needs=bool(shown.needs))], "spacing": 6}
    )
    return {
        **spec,
        "config": {**spec["config"], "view": {**spec["config"]["view"], "clip": True}},
    }  # once: a clip a mark draws ten times slower


def _haloed(
    values: list[dict[str, Any]], encoding: dict[str, Any], **mark: Any
) -> list[dict[str, Any]]:
    """Text over a white rim of itself, so that lines under it don't cross it out."""
    text = {"type": "text", "dy": _MIDDLE, "font": FONT, "lineBreak": "\n", **mark}
    rim = {
        **text,
        "stroke": "white",
        "strokeWidth": 3,
        "strokeOpacity": 0.85,
        "strokeJoin": "round",
    }
    plain = {channel: spec for channel, spec in encoding.items() if channel != "color"}
    return [
        {"data": {"values": values}, "mark": rim, "encoding": plain},
        {"data": {"values": values}, "mark": text, "encoding": encoding},
    ]


def scale_of(shown: TerritoryMap) -> tuple[int, float]:
    """A round length for a scale bar, in km and in degrees east: the longest within a quarter of the map's width."""
    (west, south), (east, north) = frame_of(shown)
    km_a_degree = _KM_A_DEGREE * cos(radians((south + north) / 2))
    longest = max(
        [1, *(length for length in _ROUND_KM if length <= (east - west) * km_a_degree / 4)]
    )
    return longest, longest / km_a_degree


def _key(width: int, *, has_needs: bool) -> dict[str, Any]:
    """What the signs of a map mean, and whose outlines they are, under it."""
    told = "\n".join(
        wrapped(sentence(key), width // 6)
        for key in (f"cartes.legende{'_besoins' * has_needs}", "cartes.source")
    )
    text = {
        "type": "text",
        "align": "left",
        "baseline": "top",
        "fontSize": 12,
        "lineHeight": 17,
        "font": FONT,
        "color": _INK,
        "lineBreak": "\n",
    }
    encoding = {"x": {"value": 2}, "y": {"value": 4}, "text": {"field": "name"}}
    return {
        "width": width,
        "height": 17 * (told.count("\n") + 1) + 6,
        "data": {"values": [{"name": told}]},
        "mark": text,
        "encoding": encoding,
    }


def _scale_bar(shown: TerritoryMap, place: dict[str, Any]) -> list[dict[str, Any]]:
    """In the south-west corner."""
    (west, south), (east, north) = frame_of(shown)
    km, degrees = scale_of(shown)
    left, low = west + 0.03 * (east - west), south + 0.03 * (north - south)
    ends = [{"lon": lon, "lat": low} for lon in (left, left + degrees)]
    words = [
        {"lon": left + degrees / 2, "lat": low + 0.025 * (north - south), "name": f"{km}\u00a0km"}
    ]
    line = {
        "data": {"values": ends},
        "mark": {"type": "line", "color": _INK, "strokeWidth": 2},
        "encoding": place,
    }
    return [line, *_haloed(words, place | {"text": {"field": "name"}}, fontSize=11)]


def frame_of(shown: TerritoryMap) -> tuple[tuple[float, float], tuple[float, float]]:
    """What the map shows, south-west and north-east: structures and needs with room around them, within the communes where they have any.

    Areas and communes that go further are cut.
    """
    marks = [(place.lon, place.lat) for place in (*shown.structures, *shown.needs)]
    land = [point for _, ring in shown.communes or shown.areas for point in ring]
    low, high = _bounds(marks or land)
    room = tuple(max(_ROOM * (high[side] - low[side]), _LEAST_ROOM[side]) for side in (0, 1))
    low, high = (low[0] - room[0], low[1] - room[1]), (high[0] + room[0], high[1] + room[1])
    if land and marks:
        (west, south), (east, north) = _bounds([*land, *marks])
        margin = _MARGIN * max(east - west, north - south)
        low = (max(low[0], west - margin), max(low[1], south - margin))
        high = (min(high[0], east + margin), min(high[1], north + margin))
    return low, high


def _bounds(
    points: Sequence[tuple[float, float]],
) -> tuple[tuple[float, float], tuple[float, float]]:
    lons, lats = zip(*points, strict=True)
    return (min(lons), min(lats)), (max(lons), max(lats))


def _map_labels(
    shown: TerritoryMap, frame: tuple[float, float, float, float], size: tuple[float, float]
) -> list[dict[str, Any]]:
    """Names of needs' communes, then of structures, where they find room."""
    west, south, east, north = frame
    places = [(one, True) for one in shown.needs] + [(one, False) for one in shown.structures]
    spots = [
        ((one.lon - west) / (east - west) * size[0], (north - one.lat) / (north - south) * size[1])
        for one, _ in places
    ]
    labels = _without_overlap([wrapped(one.name, 30) for one, _ in places], spots, size)
    return [
        {
            "name": name,
            "lon": west + x / size[0] * (east - west),
            "lat": north - y / size[1] * (north - south),
            "is_need": places[place][1],
        }
        for place, name, x, y in labels
    ]


def _together(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Points, those of one kind that lie at one place made one, named after the first of them."""
    groups: dict[tuple[str, float, float], list[str]] = {}
    for row in points:
        groups.setdefault((row["kind"], round(row["x"], 3), round(row["y"], 3)), []).append(
            row["name"]
        )
    return [
        {
            "kind": kind,
            "x": x,
            "y": y,
            "name": ", ".join(names[:_SAME_PLACE]) + (", …" if len(names) > _SAME_PLACE else ""),
        }
        for (kind, x, y), names in groups.items()
    ]


def _placed_labels(
    points: list[dict[str, Any]], low: tuple[float, float], high: tuple[float, float], height: int
) -> list[dict[str, Any]]:
    """Points whose label finds room: territories first, then those farthest from the middle."""
    ranked = sorted(
        points,
        key=lambda row: (
            row["kind"] != "territoire",
            -(row["x"] ** 2 + row["y"] ** 2),
            row["name"],
        ),
    )
    spots = [
        (
            (row["x"] - low[0]) / (high[0] - low[0]) * _WIDTH,
            (high[1] - row["y"]) / (high[1] - low[1]) * height,
        )
        for row in ranked
    ]
    labels = _without_overlap([wrapped(row["name"], 26) for row in ranked], spots, (_WIDTH, height))
    return [
        {
            "kind": ranked[place]["kind"],
            "name": name,
            "x": low[0] + x / _WIDTH * (high[0] - low[0]),
            "y": high[1] - y / height * (high[1] - low[1]),
        }
        for place, name, x, y in labels
    ]


def _without_overlap(
    names: Sequence[str], spots: Sequence[tuple[float, float]], size: tuple[float, float]
) -> list[tuple[int, str, float, float]]:
    """(place, name, x, y) of each label that finds room over, under or beside its spot, in order, off all spots and labels before."""
    found: list[tuple[int, str, float, float]] = []
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    for place, (name, (x, y)) in enumerate(zip(names, spots, strict=True)):
        lines = name.split("\n")
        half, tall = max(map(len, lines)) * _LABEL_PIXELS / 2, len(lines) * _LINE_PIXELS / 2
        beside, above = half + 8, tall + 3
        corners = ((beside, -above), (-beside, -above), (beside, above), (-beside, above))
        for right, down in ((0, -tall - 7), (0, tall + 7), (half + 9, 0), (-half - 9, 0), *corners):
            box = (x + right - half, y + down - tall, x + right + half, y + down + tall)
            is_inside = box[0] > 0 and box[1] > 0 and box[2] < size[0] and box[3] < size[1]
            if is_inside and all(
                box[2] < other[0] or other[2] < box[0] or box[3] < other[1] or other[3] < box[1]
                for other in taken
            ):
                found.append((place, name, x + right, y + down))
                taken.append(box)
                break
    return found


def _square(
    points: Sequence[dict[str, Any]],
) -> tuple[tuple[float, float], tuple[float, float], int]:
    """Bounds of both axes at one scale, so that distances read the same in both directions, and the height that they ask for."""
    x, y = (max(0.05, *(abs(point[side]) for point in points)) * 1.2 for side in ("x", "y"))
    height = round(min(_TALLEST, max(_LOWEST, _WIDTH * y / x)))
    scale = max(x / _WIDTH, y / height)
    return (-scale * _WIDTH, -scale * height), (scale * _WIDTH, scale * height), height


def _leaf_order(tree: Sequence[Joining]) -> list[str]:
    """Territories so that the members of each group follow each other."""
    orders: dict[frozenset[str], list[str]] = {
        frozenset({name}): [name] for name in tree[-1].members
    }
    for joining in tree:
        parts = _parts(frozenset(joining.members), orders)
        orders[frozenset(joining.members)] = [
            name
            for part in sorted(parts, key=lambda part: orders.__getitem__(part))
            for name in orders.pop(part)
        ]
    return orders[frozenset(tree[-1].members)]


def _parts(group: frozenset[str], known: Any) -> list[frozenset[str]]:
    """The two groups known so far that make `group`."""
    return [part for part in known if part < group]


def draw_comparison(report: Report) -> dict[str, tuple[Spec, str, bytes]]:
    """Return each chart with its drawings."""
    return {
        name: (spec, draw_svg(spec), draw_png(spec))
        for name, spec in comparison_specs(report).items()
    }


def comparison_specs(report: Report) -> dict[str, Spec]:
    """Return the factor planes, the tree where there are two joinings or more, and the maps, by name of file."""
    reading = report.reading
    specs = {f"plan-{plane.analysis}": plane_spec(plane) for plane in reading.planes}
    if len(reading.tree) > 1:
        specs["arbre"] = tree_spec(reading.tree)
    return specs | {f"carte-{slug(shown.name)}": map_spec(shown) for shown in reading.maps}
