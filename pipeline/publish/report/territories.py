"""Compare territories in words and points, and make their maps.

In:   the tables of the comparison, Passages
Out:  TerritoryReading
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from pipeline.communes import centre_of, epci_names, population_of
from pipeline.communes.tables import epci_of, members_of, outline
from pipeline.geometry import box_of, circle, holds, rings
from pipeline.publish.dendrogram import Joining
from pipeline.publish.report.content import (
    MapCommune,
    MapPoint,
    Plane,
    PlanePoint,
    Ring,
    Rows,
    TerritoryMap,
    TerritoryReading,
)
from pipeline.publish.report.passages import Passages, Tables
from pipeline.publish.report.people import commune_name
from pipeline.publish.text import (
    capitalised,
    joined,
    mask_one,
    number,
    one_line,
    percent,
    plain_name,
    sentence,
    tally,
    typography,
)
from pipeline.tables.columns import rows_of
from pipeline.tables.schema import REACHES
from pipeline.text import fold

_N_LEMMAS, _N_MARKS = 12, 5

Labels = dict[str, str]  # of themes, by theme_id


def territory_reading(tables: Tables, passages: Passages, *, least: int = 1) -> TerritoryReading:
    """Return the comparison of territories, small counts masked.

    A part without its table is empty.
    """
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(tables["themes"])}
    tree = rows_of(tables["territory_tree"].sort_values("step"))
    return TerritoryReading(
        shared=_shared(tables, labels),
        own=_only_there(tables, labels, is_own=True),
        only_there=_only_there(tables, labels, is_own=False),
        planes=_planes(tables, labels),
        links=_links(tables),
        tree=tuple(
            Joining(tuple(map(_name, json.loads(row.members))), row.likeness) for row in tree
        ),
        classes=_classes(tables, labels),
        evolutions=_evolutions(tables, passages, labels),
        single_types=_single_types(tables, labels, least),
        maps=territory_maps(tables, passages),
        problems=_problems(tables),
    )


def _name(territory: Any) -> str:
    return plain_name(str(territory))


def _shared(tables: Tables, labels: Labels) -> tuple[str, ...]:
    """Add to each common theme the territories where it may be stronger.

    A lead is not a difference, but it is worth telling.
    """
    reach, contrasts = tables["theme_reach"], tables["contrasts"]
    leads = contrasts[(contrasts["subject"] == "theme") & contrasts["is_lead"]]
    territories = {
        theme_id: joined([*map(_name, rows["territory"])])
        for theme_id, rows in leads.sort_values("territory").groupby("subject_id")
    }
    shared = []
    for theme_id in reach.loc[reach["reach"] == REACHES[0], "theme_id"]:
        if theme_id in labels:
            theme, more_in = labels[theme_id], territories.get(theme_id)
            more = {"theme": theme, "territoires": more_in}
            shared.append(sentence("lectures.partage_piste", **more) if more_in else theme)
    return tuple(sorted(shared, key=fold))


def _only_there(tables: Tables, labels: Labels, *, is_own: bool) -> tuple[str, ...]:
    """« Roubaix : filière textile (dit à 4 tables sur 7, à aucune des 11 tables ailleurs) »"""
    reach = tables["theme_reach"]
    rows = reach[reach["only_in"].notna() & ((reach["reach"] == REACHES[1]) == is_own)]
    said = [
        sentence(
            "lectures.propre",
            territoire=_name(row.only_in),
            theme=labels[row.theme_id],
            appui=typography(row.rests_on),
        )
        for row in rows_of(rows)
        if row.theme_id in labels
    ]
    return tuple(sorted(said, key=fold))


def _planes(tables: Tables, labels: Labels) -> tuple[Plane, ...]:
    planes = []
    for analysis, rows in tables["factor_points"].groupby("analysis"):
        points = tuple(
            PlanePoint(row.kind, labels.get(row.point, _name(row.point)), row.x, row.y)
            for row in rows_of(rows.sort_values(["kind", "point"]))
        )
        shares = float(rows["share_x"].iloc[0]), float(rows["share_y"].iloc[0])
        planes.append(Plane(str(analysis), points, shares))
    return tuple(sorted(planes, key=lambda plane: plane.analysis, reverse=True))


def _links(tables: Tables) -> Rows:
    keys = ["likeness", "territory", "other"]
    links = tables["territory_links"].sort_values(keys, ascending=[False, True, True])
    return tuple(
        (
            f"{_name(row.territory)} – {_name(row.other)}",
            sentence(
                "lectures.ressemblance",
                part=percent(row.likeness),
                bas=percent(row.likeness_low),
                haut=percent(row.likeness_high),
                hasard=percent(row.likeness_by_chance),
            ),
            typography(row.verdict),
        )
        for row in rows_of(links)
    )


def _classes(tables: Tables, labels: Labels) -> Rows:
    keys = ["class_number", "chi_square", "value"]
    ordered = tables["lexical_classes"].sort_values(keys, ascending=[True, False, True])
    classes = []
    for class_number, rows in ordered.groupby("class_number"):
        lemmas = rows.loc[rows["kind"] == "lemme", "value"].head(_N_LEMMAS)
        marks = [
            labels.get(row.value, _name(row.value))
            for row in rows_of(rows[rows["kind"].isin(["thème", "territoire"])].head(_N_MARKS))
            if row.kind == "territoire" or row.value in labels
        ]
        counts = number(int(str(class_number))), number(int(rows["n_units"].iloc[0]))
        words = ", ".join(map(typography, lemmas))
        classes.append((*counts, words, " ; ".join(marks) or "–"))
    return tuple(classes)


def _evolutions(tables: Tables, passages: Passages, labels: Labels) -> Rows:
    names, evolutions = passages.names, tables["evolutions"]
    is_named = (
        evolutions["theme_id"].isin(labels)
        & evolutions["later_id"].isin(names)
        & evolutions["earlier_id"].isin(names)
    )
    keys = ["territory", "earlier_id", "q_value", "theme_id"]
    return tuple(
        (
            f"{names[row.earlier_id]} → {names[row.later_id]}",
            labels[row.theme_id],
            percent(row.share_before),
            percent(row.share_after),
            typography(row.verdict),
        )
        for row in rows_of(evolutions[is_named].sort_values(keys))
    )


def _single_types(tables: Tables, labels: Labels, least: int) -> Rows:
    voices = tables["theme_voices"]
    voices = voices[voices["is_single_type"] & voices["theme_id"].isin(labels)]
    return tuple(
        (
            labels[row.theme_id],
            typography(json.loads(row.structure_types)[0]),
            tally(mask_one(row.n_speakers, least=least), "personne", least=least),
        )
        for row in rows_of(voices.sort_values(["n_speakers", "theme_id"], ascending=[False, True]))
    )


def _problems(tables: Tables) -> Rows:
    names = {row.structure_id: one_line(row.name) for row in rows_of(tables["structures"])}
    return tuple(
        (names[row.structure_id], *map(capitalised, map(typography, (row.problem, row.advice))))
        for row in rows_of(tables["map_problems"].sort_values(["structure_id", "problem"]))
        if row.structure_id in names
    )


def territory_maps(tables: Tables, passages: Passages) -> tuple[TerritoryMap, ...]:
    """Return the workshops' maps, by date."""
    structures, workshops = tables["structures"], tables["workshops"]
    structures = structures[structures["is_on_map"]]
    epcis = dict(zip(workshops["workshop_id"], workshops["epci_code"], strict=True))
    workshop_ids = [
        set(json.loads(text)) if isinstance(text, str) else set()
        for text in structures["map_workshop_ids"]
    ]
    maps = []
    for workshop_id, name in passages.names.items():
        is_here = np.array([len(epcis) == 1 or workshop_id in ids for ids in workshop_ids], bool)
        here, catchments = structures[is_here], tables["catchments"]
        maps.append(_map_of(name, epcis.get(workshop_id), here, catchments))
    return tuple(made for made in maps if made.structures or made.areas)


def _map_of(
    name: str, epci: Any, structures: pd.DataFrame, catchments: pd.DataFrame
) -> TerritoryMap:
    placed = structures.dropna(subset=["lat", "lon"])
    members = _members(epci, structures)
    codes = sorted(members | _own_communes(structures))
    areas = tuple(_areas(structures, catchments))
    return TerritoryMap(
        name=name,
        communes=tuple(
            (commune_name(code), ring) for code in codes for ring in _outer_rings(outline([code]))
        ),
        areas=areas,
        structures=tuple(
            MapPoint(one_line(row.name), typography(_detail(row)), float(row.lat), float(row.lon))
            for row in rows_of(placed.sort_values(["name", "structure_id"]))
        ),
        n_unplaced=len(structures) - len(placed),
        authority=plain_name(epci_names().get(str(epci), "")),
        towns=tuple(_towns(codes, members, placed["commune_code"], areas)),
    )


def _detail(row: Any) -> str:
    kind = "" if pd.isna(row.structure_type) else row.structure_type
    commune = "" if pd.isna(row.commune_code) else commune_name(row.commune_code)
    return ", ".join(filter(None, (kind, commune)))


def _own_communes(structures: pd.DataFrame) -> set[str]:
    return {str(code) for code in structures["commune_code"].dropna() if str(code)[:1].isdigit()}


def _members(epci: Any, structures: pd.DataFrame) -> set[str]:
    """The communes of the workshop's authority, else of those where its structures are."""
    own = {*map(epci_of, _own_communes(structures))} - {None}
    groups: Collection[Any] = [epci] if isinstance(epci, str) else own
    return {code for group in groups for code in members_of(group)}


def _towns(
    codes: Iterable[str],
    members: Collection[str],
    places: pd.Series,
    areas: Iterable[tuple[str, Ring]],
) -> Iterator[MapCommune]:
    """Yield the communes, largest first; one is covered where an area holds its centre."""
    polygons = [(name, {"type": "Polygon", "coordinates": [ring]}) for name, ring in areas]
    boxed = [(name, polygon, box_of(polygon)) for name, polygon in polygons]
    n_here = Counter(places.dropna())
    for code in sorted(codes, key=lambda code: (-population_of(code), code)):
        centre = centre_of(code)
        if centre is None:
            continue
        names = {
            name
            for name, polygon, (low, high) in boxed
            if low[0] <= centre[0] <= high[0]
            and low[1] <= centre[1] <= high[1]
            and holds(polygon, centre)
        }
        covered_by = tuple(sorted(names, key=fold))
        yield MapCommune(commune_name(code), *centre, code in members, n_here[code], covered_by)


def _outer_rings(geometry: Any) -> list[Ring]:
    return [tuple(ring) for ring in rings(geometry)] if geometry else []


def _areas(structures: pd.DataFrame, catchments: pd.DataFrame) -> Iterator[tuple[str, Ring]]:
    by_id = {row.structure_id: row for row in rows_of(structures)}
    catchments = catchments[catchments["structure_id"].isin(by_id)]
    for row in rows_of(catchments.sort_values("structure_id")):
        structure = by_id[row.structure_id]
        name = one_line(structure.name)
        if isinstance(row.geometry, str):
            for ring in _outer_rings(json.loads(row.geometry)):
                yield name, ring
        elif pd.notna(row.radius_km) and pd.notna(structure.lat) and pd.notna(structure.lon):
            centre = float(structure.lat), float(structure.lon)
            yield name, tuple(circle(centre, float(row.radius_km)))
