"""Territories side by side as pages show them: a heat map that is its own table, what is specific, who was missing, what is on offer.

In:   the tables of the last run
Out:  rows ready to show
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.communes import name_of
from pipeline.grid.codes import Grid

Tables = Mapping[str, pd.DataFrame]
_LEVELS = 5  # of the heat map
MORE, LESS = "plus présent ici", "moins présent"


@dataclass(frozen=True)
class Cell:
    """A theme or code in a territory: share of its tables (0..1) and `level`, 0 to 5 for the map's shade."""

    n_tables: int
    share: float
    low: float
    high: float
    verdict: str
    is_lead: bool

    @property
    def level(self) -> int:
        """0 where no table said it, else 1 to 5."""
        return 0 if not self.n_tables else min(int(self.share * _LEVELS) + 1, _LEVELS)


@dataclass(frozen=True)
class HeatMap:
    """`rows`: subject_id, label and one cell a territory, those said at most tables first."""

    territories: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell | None, ...]], ...]


def heat_map(
    tables: Tables, grid: Grid, labels: Mapping[str, str], *, subject: str, axis: str = ""
) -> HeatMap:
    """Return the heat map of themes (`subject` theme) or of the codes of `axis` (`subject` code)."""
    contrasts = tables["contrasts"]
    rows = contrasts[contrasts["subject"] == subject]
    if axis:
        rows = rows[rows["subject_id"].str.startswith(f"{axis}:")]
    territories = tuple(sorted(set(rows["territory"])))
    cells: dict[str, dict[str, Cell]] = {}
    for row in rows.itertuples():
        cells.setdefault(str(row.subject_id), {})[str(row.territory)] = _cell(row)
    listed = [
        (name, _label(name, grid, labels), tuple(found.get(territory) for territory in territories))
        for name, found in cells.items()
    ]
    listed.sort(key=lambda row: (-sum(cell.n_tables for cell in row[2] if cell), row[1]))
    return HeatMap(territories, tuple(listed))


def specificities(
    tables: Tables, grid: Grid, labels: Mapping[str, str], territory: str
) -> list[dict[str, Any]]:
    """What is more or less present in `territory`, the most specific first, themes and codes together."""
    contrasts = tables["contrasts"]
    rows = contrasts[contrasts["territory"] == territory].sort_values(
        ["specificity", "subject_id"], ascending=[False, True]
    )
    return [
        {
            "subject": row.subject,
            "subject_id": row.subject_id,
            "label": _label(str(row.subject_id), grid, labels),
            "cell": _cell(row),
            "n_units": int(str(row.n_units)),
            "specificity": float(str(row.specificity)),
        }
        for row in rows.itertuples()
    ]


def plane(tables: Tables, labels: Mapping[str, str], analysis: str) -> list[dict[str, Any]]:
    """The points of a factor plane, territories first, as a table."""
    points = tables["factor_points"]
    rows = points[points["analysis"] == analysis].sort_values(
        ["kind", "weight"], ascending=[False, False]
    )
    ordered = pd.concat([rows[rows["kind"] == "territoire"], rows[rows["kind"] != "territoire"]])
    return [
        row | {"label": labels.get(str(row["point"]), row["point"])} for row in _records(ordered)
    ]


def absent_voices(tables: Tables) -> list[dict[str, Any]]:
    """By workshop: expected types of structure and communes that nobody came from, and those that came."""
    voices = tables["voices"]
    found = []
    for workshop_id, rows in voices[voices["is_in_scope"]].groupby("workshop_id", sort=True):
        kinds = {
            kind: rows[rows["kind"] == kind].sort_values("value")
            for kind in ("structure_type", "commune")
        }
        found.append(
            {
                "workshop_id": workshop_id,
                **{
                    f"absent_{kind}": [_said(name) for name in told.loc[told["is_absent"], "value"]]
                    for kind, told in kinds.items()
                },
                **{f"present_{kind}": _present(told) for kind, told in kinds.items()},
            }
        )
    return found


def carried_by(tables: Tables, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Which types of actor are known to carry each theme."""
    rows = tables["theme_voices"].sort_values(["n_units", "theme_id"], ascending=[False, True])
    return [
        row
        | {
            "label": labels.get(str(row["theme_id"]), row["theme_id"]),
            "types": json.loads(row["structure_types"]),
        }
        for row in _records(rows)
    ]


def offers(tables: Tables, *, sector: str = "", workshop_id: str = "") -> list[dict[str, Any]]:
    """The offer that passages name, with its structure's name; by sector and workshop where asked."""
    placed = tables["offers"].merge(
        tables["units"][["unit_id", "workshop_id", "text"]], on="unit_id", validate="many_to_one"
    )
    names = dict(
        zip(tables["structures"]["structure_id"], tables["structures"]["name"], strict=True)
    )
    placed = placed.assign(structure=placed["structure_id"].map(names))
    if sector:
        placed = placed[placed["sector"] == sector]
    if workshop_id:
        placed = placed[placed["workshop_id"] == workshop_id]
    rows = placed.sort_values(["sector", "activity", "unit_id"])
    return _records(rows)


def needs(tables: Tables) -> list[dict[str, Any]]:
    """Needs by sector and place, and whether a structure reaches them; those without an answer first."""
    rows = tables["needs"].assign(is_met=tables["needs"]["coverage"] == "couvert")
    rows = rows.sort_values(
        ["is_met", "n_circles", "sector", "place"], ascending=[True, False, True, True]
    )
    return [
        row | {"place_name": name_of(str(row["place"])), "quoted": json.loads(row["quotes"])}
        for row in _records(rows)
    ]


def structures(tables: Tables) -> list[dict[str, Any]]:
    """The structures of the maps and attendance lists, with their catchment's radius: the twin of the maps."""
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


def _cell(row: Any) -> Cell:
    bounds = (float(row.share), float(row.share_low), float(row.share_high))
    return Cell(int(row.n_tables), *bounds, str(row.verdict), bool(row.is_lead))


def _present(rows: pd.DataFrame) -> list[tuple[str, int]]:
    here = rows[rows["n_present"] > 0]
    return [(_said(name), int(n)) for name, n in zip(here["value"], here["n_present"], strict=True)]


def _said(name: str) -> str:
    """A commune's name for its code; a type of structure as it is."""
    return name_of(name) if name[:2].isdigit() or name[:2] in ("2A", "2B") else name


def _label(subject_id: str, grid: Grid, labels: Mapping[str, str]) -> str:
    return labels.get(subject_id) or grid.label_of(subject_id.partition(":")[2] or subject_id)


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    blank = rows.astype(object).where(rows.notna(), None)
    return [{str(name): cell for name, cell in row.items()} for row in blank.to_dict("records")]
