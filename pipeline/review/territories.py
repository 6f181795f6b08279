"""Compare territories by the tables of the last run."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

import pandas as pd

from pipeline.communes import name_of
from pipeline.grid.codes import Grid
from pipeline.publish.dendrogram import Joining, dendrogram
from pipeline.publish.labels import place_names, square_box
from pipeline.publish.text import typography
from pipeline.review.doors import Door
from pipeline.tables.schema import LEAD, OWN_HERE, REACHES, VERDICTS
from pipeline.verdicts import shown_verdicts

Tables = Mapping[str, pd.DataFrame]
Doors = Mapping[tuple[str, str], Door]  # by theme_id or « axis:code », and territory
_LEVELS = 5  # of the heat map
_AFFIRMED = frozenset({*VERDICTS[:2], OWN_HERE})


@dataclass(frozen=True)
class HeatCell:
    """The share (0..1) of a territory's tables with a theme or code.

    `verdict` is what the report shows too.
    """

    n_tables: int
    share: float
    low: float
    high: float
    verdict: str
    door: Door | None = None

    @property
    def is_affirmed(self) -> bool:
        """Whether the verdict affirms a difference."""
        return self.verdict in _AFFIRMED

    @property
    def is_lead(self) -> bool:
        """Whether the verdict is only a lead."""
        return self.verdict == LEAD

    @property
    def level(self) -> int:
        """Return the shade: 0 if no table said it, else 1 to 5."""
        return min(int(self.share * _LEVELS) + 1, _LEVELS) if self.n_tables else 0


@dataclass(frozen=True)
class HeatMap:
    """`rows`: subject_id, label and a cell per territory."""

    territories: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[HeatCell | None, ...]], ...]


def heat_map(
    tables: Tables,
    grid: Grid,
    labels: Mapping[str, str],
    doors: Doors,
    *,
    subject: str,
    axis: str = "",
) -> HeatMap:
    """Return the heat map of themes, or of the codes of `axis`; `doors` by subject, territory."""
    contrasts = _with_verdicts(tables)
    rows = contrasts[contrasts["subject"] == subject]
    if axis:
        rows = rows[rows["subject_id"].str.startswith(f"{axis}:")]
    territories = tuple(sorted(set(rows["territory"])))
    cells: dict[str, dict[str, HeatCell]] = {}
    for row in rows.itertuples():
        cells.setdefault(str(row.subject_id), {})[str(row.territory)] = _cell(row, doors)
    map_rows = [
        (name, _label(name, grid, labels), tuple(map(by_territory.get, territories)))
        for name, by_territory in cells.items()
    ]
    map_rows.sort(key=lambda row: (-sum(cell.n_tables for cell in row[2] if cell), row[1]))
    return HeatMap(territories, tuple(map_rows))


def specificities(
    tables: Tables, grid: Grid, labels: Mapping[str, str], doors: Doors, territory: str
) -> list[dict[str, Any]]:
    """Return a territory's themes and codes, the most specific first."""
    contrasts = _with_verdicts(tables)
    rows = contrasts[contrasts["territory"] == territory].sort_values(
        ["specificity", "subject_id"], ascending=[False, True]
    )
    return [
        {
            "subject": row.subject,
            "subject_id": row.subject_id,
            "label": _label(str(row.subject_id), grid, labels),
            "cell": _cell(row, doors),
            "n_units": int(str(row.n_units)),
            "specificity": float(str(row.specificity)),
        }
        for row in rows.itertuples()
    ]


def only_there(tables: Tables, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the themes said in one territory alone, those that are its own first."""
    reach = tables["theme_reach"]
    rows = reach[reach["only_in"].notna()]
    rows = rows.assign(is_own=rows["reach"] == REACHES[1]).sort_values(
        ["is_own", "chance", "theme_id"], ascending=[False, True, True]
    )
    return _labelled(rows, "theme_id", labels)


def plane(tables: Tables, labels: Mapping[str, str], analysis: str) -> list[dict[str, Any]]:
    """Return a factor plane's points, territories first."""
    points = tables["factor_points"]
    rows = points[points["analysis"] == analysis].sort_values(
        ["kind", "weight"], ascending=[False, False]
    )
    ordered = pd.concat([rows[rows["kind"] == "territoire"], rows[rows["kind"] != "territoire"]])
    return _labelled(ordered, "point", labels)


_PLANE_WIDTH, _PLANE_TALLEST, _PLANE_LOWEST = 900.0, 640.0, 360.0
_NAME_CHARS = 26


def plane_drawing(points: Sequence[dict[str, Any]], doors: Mapping[str, Door]) -> dict[str, Any]:
    """Return a factor plane's points with their places, doors and the names that have room.

    `doors` is by point; a lemma has none, and leads to a search. The first points are named first.
    """
    x, y = (max(0.05, *(abs(point[side]) for point in points)) * 1.15 for side in "xy")
    height = min(_PLANE_TALLEST, max(_PLANE_LOWEST, _PLANE_WIDTH * y / x))
    scale = min(_PLANE_WIDTH / 2 / x, height / 2 / y)
    middle = _PLANE_WIDTH / 2, height / 2
    spots = [(middle[0] + at["x"] * scale, middle[1] - at["y"] * scale) for at in points]
    ranked = sorted(
        range(len(points)),
        key=lambda i: (
            points[i]["kind"] != "territoire",
            -(points[i]["x"] ** 2 + points[i]["y"] ** 2),
        ),
    )
    labels = [typography(str(points[i]["label"])) for i in ranked]
    names = ["\n".join(textwrap.wrap(label, _NAME_CHARS)) for label in labels]
    taken = [square_box(spot, 5) for spot in spots]
    size = _PLANE_WIDTH, height
    places = place_names(names, [spots[i] for i in ranked], size, taken)
    named = [
        {"lines": names[i].split("\n"), "x": round(at[0], 1), "y": round(at[1], 1)}
        | {"is_territory": points[ranked[i]]["kind"] == "territoire"}
        for i, at in places.items()
    ]
    dots = [
        point | {"at": (round(left, 1), round(top, 1)), "door": doors.get(str(point["point"]))}
        for point, (left, top) in zip(points, spots, strict=True)
    ]
    return {
        "width": _PLANE_WIDTH,
        "height": round(height, 1),
        "middle": middle,
        "dots": dots,
        "names": named,
        "shares": (points[0]["share_x"], points[0]["share_y"]),
    }


_TREE_NAMES, _TREE_WIDTH, _TREE_ROW, _TREE_EDGE = 240.0, 900.0, 36.0, 24.0
_TREE_CHARS = 30


def territory_tree(tables: Tables) -> list[Joining]:
    """Return the joinings of territories, the most alike first."""
    rows = tables["territory_tree"].sort_values("step")
    return [
        Joining(tuple(json.loads(members)), float(likeness))
        for members, likeness in zip(rows["members"], rows["likeness"], strict=True)
    ]


def tree_drawing(
    tree: Sequence[Joining], doors: Mapping[tuple[str, ...], Door]
) -> dict[str, Any] | None:
    """Return the places of names, joins and ticks of likeness; None for fewer than two joinings.

    What joins at the left is alike. `doors` is by group of territories.
    """
    if len(tree) < 2:
        return None
    order, brackets = dendrogram(tree)
    step = 0.1 if min(joining.likeness for joining in tree) < 0.7 else 0.05
    lowest = floor(min(joining.likeness for joining in tree) / step) * step

    def x(likeness: float) -> float:
        across = _TREE_WIDTH - _TREE_NAMES - _TREE_EDGE
        return round(_TREE_NAMES + across * (1 - likeness) / (1 - lowest), 1)

    def y(row: float) -> float:
        return round(_TREE_ROW * (row + 0.5), 1)

    joins = []
    for bracket in brackets:
        at = x(bracket.likeness)
        arms = "".join(f"M{x(likeness)},{y(row)}H{at}" for row, likeness in bracket.parts)
        ends = [y(row) for row, _likeness in bracket.parts]
        path = f"{arms}M{at},{ends[0]}V{ends[-1]}"
        place = {"x": at, "y": y(bracket.row), "path": path}
        joins.append(place | {"likeness": bracket.likeness, "door": doors.get(bracket.members)})
    names = [
        {"x": _TREE_NAMES - 10, "y": y(i), "name": name, "door": doors.get((name,))}
        | {"lines": textwrap.wrap(typography(name), _TREE_CHARS) or [name]}
        for i, name in enumerate(order)
    ]
    n_ticks = round((1 - lowest) / step)
    ticks = [{"x": x(1 - i * step), "share": 1 - i * step} for i in range(n_ticks + 1)]
    bottom = y(len(order) - 0.5)
    size = {"width": _TREE_WIDTH, "height": bottom + 24, "bottom": bottom}
    return size | {"names": names, "joins": joins[::-1], "ticks": ticks}


def absent_voices(tables: Tables) -> list[dict[str, Any]]:
    """Return each workshop's expected structures and communes, absent and present."""
    voices = tables["voices"]
    workshops = []
    for workshop_id, rows in voices[voices["is_in_scope"]].groupby("workshop_id", sort=True):
        workshop: dict[str, Any] = {"workshop_id": workshop_id}
        for kind in ("structure_type", "commune"):
            of_kind = rows[rows["kind"] == kind].sort_values("value")
            absent = of_kind.loc[of_kind["is_absent"], "value"]
            present = of_kind[of_kind["n_present"] > 0]
            workshop[f"absent_{kind}"] = [_name(value) for value in absent]
            workshop[f"present_{kind}"] = [
                (_name(value), int(n))
                for value, n in zip(present["value"], present["n_present"], strict=True)
            ]
        workshops.append(workshop)
    return workshops


def theme_actors(tables: Tables, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each theme's types of actor, the most frequent theme first."""
    rows = tables["theme_voices"].sort_values(["n_units", "theme_id"], ascending=[False, True])
    rows = rows.assign(types=rows["structure_types"].map(json.loads))
    return _labelled(rows, "theme_id", labels)


def offers(tables: Tables, *, sector: str = "", workshop_id: str = "") -> list[dict[str, Any]]:
    """Return the offers, optionally of one sector or workshop."""
    rows = tables["offers"].merge(
        tables["units"][["unit_id", "workshop_id", "text"]], on="unit_id", validate="many_to_one"
    )
    if sector:
        rows = rows[rows["sector"] == sector]
    if workshop_id:
        rows = rows[rows["workshop_id"] == workshop_id]
    return _records(rows.sort_values(["sector", "activity", "unit_id"]))


def gaps(tables: Tables) -> list[dict[str, Any]]:
    """Return the needs that no known structure answers, with their passages and whom to ask."""
    texts, names = tables["units"][["unit_id", "text"]], tables["structures"]
    text_of = dict(zip(texts["unit_id"], texts["text"], strict=True))
    name_of = dict(zip(names["structure_id"], names["name"], strict=True))
    rows = tables["gaps"].sort_values(["n_tables", "workshop_id"], ascending=[False, True])
    return [
        row
        | {
            "passages": [
                (unit_id, text_of[unit_id])
                for unit_id in json.loads(row["quotes"])
                if unit_id in text_of
            ],
            "asked": [name_of[one] for one in json.loads(row["ask"]) if one in name_of],
        }
        for row in _records(rows)
    ]


def structures(tables: Tables) -> list[dict[str, Any]]:
    """Return the structures, with the radius of their catchment."""
    radius = tables["catchments"].assign(has_shape=tables["catchments"]["geometry"].notna())
    joined = tables["structures"].merge(
        radius[["structure_id", "radius_km", "has_shape"]],
        on="structure_id",
        how="left",
        validate="one_to_one",
    )
    return [
        row | {"commune": name_of(str(row["commune_code"])) if row["commune_code"] else ""}
        for row in _records(joined.sort_values("name"))
    ]


def _with_verdicts(tables: Tables) -> pd.DataFrame:
    contrasts = tables["contrasts"]
    return contrasts.assign(shown=shown_verdicts(contrasts, tables["theme_reach"]))


def _cell(row: Any, doors: Doors) -> HeatCell:
    bounds = (float(row.share), float(row.share_low), float(row.share_high))
    door = doors.get((str(row.subject_id), str(row.territory)))
    return HeatCell(int(row.n_tables), *bounds, str(row.shown), door)


def tables_saying(tables: Tables) -> dict[tuple[str, str], int]:
    """Return at how many tables each theme and code was said, by its id and territory."""
    rows = tables["contrasts"]
    keys = zip(rows["subject_id"], rows["territory"], strict=True)
    return dict(zip(keys, rows["n_tables"].astype(int).tolist(), strict=True))


def _name(value: str) -> str:
    return name_of(value) if value[:2].isdigit() or value[:2] in ("2A", "2B") else value


def _label(subject_id: str, grid: Grid, labels: Mapping[str, str]) -> str:
    return labels.get(subject_id) or grid.label_of(subject_id.partition(":")[2] or subject_id)


def _labelled(rows: pd.DataFrame, name: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows with the label of what `name` identifies, or its identifier."""
    return [row | {"label": labels.get(row[name], row[name])} for row in _records(rows)]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    blank = rows.astype(object).where(rows.notna(), None)
    return [{str(name): cell for name, cell in row.items()} for row in blank.to_dict("records")]
