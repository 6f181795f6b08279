"""The maps of territories: outlines of communes, structures and their catchment areas, communes whose needs have no answer.

In:   workshops, structures, catchments, attendance, needs
Out:  TerritoryMap, one a workshop that has anything to show
"""

import json
from typing import Any

import pandas as pd

from pipeline.communes import centre_of, epci_of, members_of, name_of, outline
from pipeline.geometry import circle, rings
from pipeline.publish.report.passages import Passages, Tables, rows_of
from pipeline.publish.report.people import commune_name
from pipeline.publish.report.territory_content import Place, Ring, TerritoryMap
from pipeline.publish.text import capitalised, joined, one_line, typography
from pipeline.tables import COVERAGES

_WHOLE = "territoire"


def territory_maps(tables: Tables, passages: Passages) -> tuple[TerritoryMap, ...]:
    """Return the maps in the order of the workshops; `n_unplaced` counts the map's structures without a position."""
    maps = (_map_of(workshop_id, name, tables) for workshop_id, name in passages.names.items())
    return tuple(made for made in maps if made.structures or made.areas)


def _map_of(workshop_id: str, name: str, tables: Tables) -> TerritoryMap:
    here = _structures_here(workshop_id, tables)
    placed = here.dropna(subset=["lat", "lon"])
    return TerritoryMap(
        name=name,
        communes=tuple(
            (commune_name(code), ring) for code in _communes(workshop_id, here, tables) for ring in _outer_rings(outline([code]))
        ),
        areas=_areas(placed, here, tables),
        structures=tuple(
            Place(one_line(row.name), typography(_detail(row)), float(row.lat), float(row.lon))
            for row in rows_of(placed.sort_values(["name", "structure_id"]))
        ),
        needs=_needs(workshop_id, tables),
        n_unplaced=len(here) - len(placed),
    )


def _structures_here(workshop_id: str, tables: Tables) -> pd.DataFrame:
    """Structures of the workshop's map."""
    structures = tables["structures"][tables["structures"]["is_on_map"]]
    if len(tables["workshops"]) == 1:
        return structures
    is_here = structures["map_workshop_ids"].map(lambda text: isinstance(text, str) and workshop_id in json.loads(text))
    return structures[is_here.astype(bool)]


def _detail(row: Any) -> str:
    parts = ["" if pd.isna(row.structure_type) else row.structure_type, "" if pd.isna(row.commune_code) else commune_name(row.commune_code)]
    return ", ".join(part for part in parts if part)


def _communes(workshop_id: str, here: pd.DataFrame, tables: Tables) -> list[str]:
    """Communes of the workshop's authority, or of that of its structures; those of structures elsewhere are added."""
    told = tables["workshops"].set_index("workshop_id")["epci_code"].get(workshop_id)
    codes = sorted({str(code) for code in here["commune_code"].dropna() if str(code)[:1].isdigit()})
    groups = [told] if isinstance(told, str) else sorted({group for code in codes if (group := epci_of(code))})
    return sorted({*codes, *(code for group in groups for code in members_of(group))})


def _outer_rings(geometry: Any) -> list[Ring]:
    return [tuple(ring) for ring in rings(geometry)] if geometry else []


def _areas(placed: pd.DataFrame, here: pd.DataFrame, tables: Tables) -> tuple[tuple[str, Ring], ...]:
    """Catchment areas as drawn, or round."""
    names = {row.structure_id: one_line(row.name) for row in rows_of(here)}
    points = {row.structure_id: (float(row.lat), float(row.lon)) for row in rows_of(placed)}
    areas: list[tuple[str, Ring]] = []
    for row in rows_of(tables["catchments"].sort_values("structure_id")):
        if row.structure_id not in names:
            continue
        if isinstance(row.geometry, str):
            areas += [(names[row.structure_id], ring) for ring in _outer_rings(json.loads(row.geometry))]
        elif pd.notna(row.radius_km) and row.structure_id in points:
            areas.append((names[row.structure_id], tuple(circle(points[row.structure_id], float(row.radius_km)))))
    return tuple(areas)


def _needs(workshop_id: str, tables: Tables) -> tuple[Place, ...]:
    """Communes where needs have no answer, and the sectors of these needs."""
    needs = tables["needs"]
    here = needs[(needs["workshop_id"] == workshop_id) & (needs["place"] != _WHOLE) & needs["coverage"].isin(COVERAGES[1:3])]
    places = []
    for code, rows in here.groupby("place"):
        point = centre_of(str(code))
        if point:
            sectors = joined([typography(sector) for sector in sorted(set(rows["sector"]))])
            places.append(Place(typography(name_of(str(code))), capitalised(sectors), *point))
    return tuple(places)
