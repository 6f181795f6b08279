"""Draw territories side by side: factor planes and the dendrogram.

In:   Plane, Joining
Out:  Vega-Lite specifications and their drawings
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
from pipeline.publish.dendrogram import Joining, dendrogram
from pipeline.publish.labels import Position, place_names, square_box
from pipeline.publish.maps import haloed, map_spec
from pipeline.publish.report.content import Plane, Report
from pipeline.publish.text import percent, sentence
from pipeline.text import slug

TERRITORY_COLOUR, POINT_COLOUR = "#d55e00", "#0b5563"
_WIDTH, _TALLEST, _LOWEST = 560, 620, 260
_SAME_SPOT = 3  # names shown where several points are one

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
        layers += haloed(rows, encoding, fontSize=size, fontWeight=weight)
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
    (west, south), (east, north) = bounds
    across, down = (east - west) / _WIDTH, (north - south) / height
    spots = [((row["x"] - west) / across, (north - row["y"]) / down) for row in ranked]
    taken = [square_box(spot, 4) for spot in spots]
    places = place_names(names, spots, (_WIDTH, height), taken)
    return [
        {
            "kind": ranked[i]["kind"],
            "name": names[i],
            "x": west + x * across,
            "y": north - y * down,
        }
        for i, (x, y) in places.items()
    ]


def tree_spec(tree: Sequence[Joining]) -> Spec:
    """Return a dendrogram from left (alike) to right, one row a territory."""
    order, brackets = dendrogram(tree)
    lines = []
    for bracket in brackets:
        at, rows = bracket.likeness, [row for row, _likeness in bracket.parts]
        for row, likeness in bracket.parts:
            lines.append({"x": likeness, "x2": at, "y": row, "y2": row})
        lines.append({"x": at, "x2": at, "y": rows[0], "y2": rows[-1]})
    low = max(0.0, min(joining.likeness for joining in tree) - 0.05)
    across = {"domain": [low, 1.0], "reverse": True, "nice": False}
    down = {"domain": [-0.5, len(order) - 0.5], "reverse": True}
    axis = {"title": sentence("lectures.axe_arbre"), "format": ".0%", "tickCount": 5}
    y = quantity("y", axis=None, scale=down)
    joins = layer(
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
    return make_spec({**size, "layer": [joins, labels]})
