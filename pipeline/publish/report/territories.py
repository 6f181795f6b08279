"""Territories read side by side, in words and points.

In:   the tables of the comparison, Passages
Out:  TerritoryReading

The maps of territories: outlines of communes, structures and their catchment areas, communes whose needs have no answer.
"""

import json
from typing import Any

import pandas as pd

from pipeline.communes import centre_of, name_of
from pipeline.communes.tables import epci_of, members_of, outline
from pipeline.geometry import circle, rings
from pipeline.offer.quantities import Total, total_quantities
from pipeline.publish.report.content import (
    Joining,
    LexicalClass,
    Place,
    Plane,
    PlanePoint,
    Ring,
    TerritoryMap,
    TerritoryReading,
)
from pipeline.publish.report.passages import Passages, Tables, rows_of
from pipeline.publish.report.people import commune_name
from pipeline.publish.text import (
    capitalised,
    count,
    joined,
    mask_one,
    number,
    one_line,
    percent,
    plain_name,
    sentence,
    tally,
    typography,
    word,
)
from pipeline.tables.schema import COVERAGES, REACHES
from pipeline.text import fold

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
            (commune_name(code), ring)
            for code in _communes(workshop_id, here, tables)
            for ring in _outer_rings(outline([code]))
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
    is_here = structures["map_workshop_ids"].map(
        lambda text: isinstance(text, str) and workshop_id in json.loads(text)
    )
    return structures[is_here.astype(bool)]


def _detail(row: Any) -> str:
    parts = [
        "" if pd.isna(row.structure_type) else row.structure_type,
        "" if pd.isna(row.commune_code) else commune_name(row.commune_code),
    ]
    return ", ".join(part for part in parts if part)


def _communes(workshop_id: str, here: pd.DataFrame, tables: Tables) -> list[str]:
    """Communes of the workshop's authority, or of that of its structures; those of structures elsewhere are added."""
    told = tables["workshops"].set_index("workshop_id")["epci_code"].get(workshop_id)
    codes = sorted({str(code) for code in here["commune_code"].dropna() if str(code)[:1].isdigit()})
    groups = (
        [told]
        if isinstance(told, str)
        else sorted({group for code in codes if (group := epci_of(code))})
    )
    return sorted({*codes, *(code for group in groups for code in members_of(group))})


def _outer_rings(geometry: Any) -> list[Ring]:
    return [tuple(ring) for ring in rings(geometry)] if geometry else []


def _areas(
    placed: pd.DataFrame, here: pd.DataFrame, tables: Tables
) -> tuple[tuple[str, Ring], ...]:
    """Catchment areas as drawn, or round."""
    names = {row.structure_id: one_line(row.name) for row in rows_of(here)}
    points = {row.structure_id: (float(row.lat), float(row.lon)) for row in rows_of(placed)}
    areas: list[tuple[str, Ring]] = []
    for row in rows_of(tables["catchments"].sort_values("structure_id")):
        if row.structure_id not in names:
            continue
        if isinstance(row.geometry, str):
            areas += [
                (names[row.structure_id], ring) for ring in _outer_rings(json.loads(row.geometry))
            ]
        elif pd.notna(row.radius_km) and row.structure_id in points:
            areas.append(
                (
                    names[row.structure_id],
                    tuple(circle(points[row.structure_id], float(row.radius_km))),
                )
            )
    return tuple(areas)


def _needs(workshop_id: str, tables: Tables) -> tuple[Place, ...]:
    """Communes where needs have no answer, and the sectors of these needs."""
    needs = tables["needs"]
    here = needs[
        (needs["workshop_id"] == workshop_id)
        & (needs["place"] != _WHOLE)
        & needs["coverage"].isin(COVERAGES[1:3])
    ]
    places = []
    for code, rows in here.groupby("place"):
        point = centre_of(str(code))
        if point:
            sectors = joined([typography(sector) for sector in sorted(set(rows["sector"]))])
            places.append(Place(typography(name_of(str(code))), capitalised(sectors), *point))
    return tuple(places)


_N_LEMMAS, _N_MARKS, _N_QUANTITIES = 12, 5, 6
_TERRITORIES_WHOLE = "territoire"


def territory_reading(tables: Tables, passages: Passages, *, least: int = 1) -> TerritoryReading:
    """Return what the report tells of territories side by side; each part is empty where its table is; small counts are masked."""
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(tables["themes"])}
    return TerritoryReading(
        shared=_shared(tables, labels),
        own=_own(tables, labels),
        planes=_planes(tables, labels),
        links=tuple(
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
            for row in rows_of(
                tables["territory_links"].sort_values(
                    ["likeness", "territory", "other"], ascending=[False, True, True]
                )
            )
        ),
        tree=tuple(
            Joining(tuple(map(_name, json.loads(row.members))), row.likeness, row.support)
            for row in rows_of(tables["territory_tree"].sort_values("step"))
        ),
        classes=_classes(tables, labels),
        evolutions=_evolutions(tables, passages, labels),
        needs=_territories_needs(tables, passages),
        single_types=_single_types(tables, labels, least),
        sectors=_sectors(tables),
        maps=territory_maps(tables, passages),
        problems=_problems(tables),
    )


def _name(territory: Any) -> str:
    return plain_name(str(territory))


def _shared(tables: Tables, labels: dict[str, str]) -> tuple[str, ...]:
    """Themes said everywhere, each with the territories that lean to it: a lead is no difference, and no reason to keep silent on it."""
    reach, contrasts = tables["theme_reach"], tables["contrasts"]
    leads = contrasts[(contrasts["subject"] == "theme") & contrasts["is_lead"]].sort_values(
        "territory"
    )
    leaning = {
        theme_id: [_name(name) for name in rows["territory"]]
        for theme_id, rows in leads.groupby("subject_id")
    }
    shared = [
        sentence(
            "lectures.partage_piste",
            theme=labels[row.theme_id],
            territoires=joined(leaning[row.theme_id]),
        )
        if row.theme_id in leaning
        else labels[row.theme_id]
        for row in rows_of(reach[reach["reach"] == REACHES[0]])
        if row.theme_id in labels
    ]
    return tuple(sorted(shared, key=fold))


def _own(tables: Tables, labels: dict[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Themes that are one territory's own, by territory."""
    reach = tables["theme_reach"]
    own: dict[str, list[str]] = {}
    for row in rows_of(reach[reach["reach"] == REACHES[1]]):
        if row.theme_id in labels:
            own.setdefault(_name(json.loads(row.more_in)[0]), []).append(labels[row.theme_id])
    return tuple(
        (territory, tuple(sorted(own[territory], key=fold))) for territory in sorted(own, key=fold)
    )


def _planes(tables: Tables, labels: dict[str, str]) -> tuple[Plane, ...]:
    planes = []
    for analysis, rows in tables["factor_points"].groupby("analysis", sort=False):
        points = tuple(
            PlanePoint(row.kind, labels.get(row.point, _name(row.point)), row.x, row.y)
            for row in rows_of(rows.sort_values(["kind", "point"]))
        )
        planes.append(
            Plane(
                str(analysis),
                points,
                (float(rows["share_x"].iloc[0]), float(rows["share_y"].iloc[0])),
            )
        )
    return tuple(sorted(planes, key=lambda plane: plane.analysis, reverse=True))


def _classes(tables: Tables, labels: dict[str, str]) -> tuple[LexicalClass, ...]:
    classes = []
    ordered = tables["lexical_classes"].sort_values(
        ["class_number", "chi_square", "value"], ascending=[True, False, True]
    )
    for class_number, rows in ordered.groupby("class_number"):
        lemmas = rows.loc[rows["kind"] == "lemme", "value"].head(_N_LEMMAS)
        others = rows[rows["kind"].isin(["thème", "territoire"])].head(_N_MARKS)
        marks = tuple(
            labels.get(row.value, _name(row.value))
            for row in rows_of(others)
            if row.kind == "territoire" or row.value in labels
        )
        classes.append(
            LexicalClass(
                int(str(class_number)),
                int(rows["n_units"].iloc[0]),
                tuple(map(typography, lemmas)),
                marks,
            )
        )
    return tuple(classes)


def _evolutions(
    tables: Tables, passages: Passages, labels: dict[str, str]
) -> tuple[tuple[str, str, str, str, str], ...]:
    """Changes first, then the rest in order of theme; only pairs of workshops that the report names."""
    rows = [
        (
            f"{passages.names[row.earlier_id]} → {passages.names[row.later_id]}",
            labels[row.theme_id],
            percent(row.share_before),
            percent(row.share_after),
            typography(row.verdict),
        )
        for row in rows_of(
            tables["evolutions"].sort_values(["territory", "earlier_id", "q_value", "theme_id"])
        )
        if row.theme_id in labels
        and row.later_id in passages.names
        and row.earlier_id in passages.names
    ]
    return tuple(rows)


def _territories_needs(
    tables: Tables, passages: Passages
) -> tuple[tuple[str, str, str, str, str], ...]:
    """Needs for which no answer was found in what was read, those of most tables first within a workshop."""
    needs = tables["needs"]
    open_needs = needs[needs["coverage"].isin(COVERAGES[1:3])].sort_values(
        ["n_circles", "n_units", "sector"], ascending=[False, False, True]
    )
    return tuple(
        (
            name,
            capitalised(typography(row.sector)),
            sentence("voix.ensemble_du_territoire")
            if row.place == _TERRITORIES_WHOLE
            else commune_name(row.place),
            sentence(
                "voix.dit",
                passages=count(row.n_units, "passage"),
                lieux=count(row.n_circles, "table ou document", "tables ou documents"),
            ),
            word("couvertures", row.coverage),
        )
        for workshop_id, name in passages.names.items()
        for row in rows_of(open_needs[open_needs["workshop_id"] == workshop_id])
    )


def _single_types(
    tables: Tables, labels: dict[str, str], least: int
) -> tuple[tuple[str, str, str], ...]:
    voices = tables["theme_voices"]
    return tuple(
        (
            labels[row.theme_id],
            typography(json.loads(row.structure_types)[0]),
            tally(mask_one(row.n_speakers, least=least), "personne", least=least),
        )
        for row in rows_of(
            voices[voices["is_single_type"]].sort_values(
                ["n_speakers", "theme_id"], ascending=[False, True]
            )
        )
        if row.theme_id in labels
    )


def _sectors(tables: Tables) -> tuple[tuple[str, str, str, str], ...]:
    """The offer by sector: activities, structures, and quantities, added up only where they are certainly different ones."""
    offers = tables["offers"].assign(sector=tables["offers"]["sector"].fillna(""))
    offers = offers.assign(
        said_as=offers["activity"].map(fold), carrier=offers["structure_id"].fillna("")
    )
    rows = []
    for sector, here in offers.groupby("sector"):
        totals = total_quantities(here)
        told = " ; ".join(map(_total, totals[:_N_QUANTITIES])) + (
            " ; …" if len(totals) > _N_QUANTITIES else ""
        )
        rows.append(
            (
                capitalised(typography(str(sector))) if sector else word("offre", "sans_secteur"),
                here[["said_as", "carrier"]].drop_duplicates().shape[0],
                here["structure_id"].nunique(),
                typography(told),
            )
        )
    ordered = sorted(
        rows, key=lambda row: (row[0] == word("offre", "sans_secteur"), -row[1], row[0])
    )
    return tuple(
        (name, number(n_activities), number(n_structures), told or "–")
        for name, n_activities, n_structures, told in ordered
    )


def _total(total: Total) -> str:
    """« 152 paniers (2 structures) », « 112 et 40 paniers »."""
    told = joined(
        [
            number(low)
            if low == high
            else sentence("offre.entre", bas=number(low), haut=number(high))
            for low, high in total.ranges
        ]
    )
    added = f" ({count(total.n_added, 'structure')})" if total.n_added else ""
    return f"{told} {plain_name(total.unit)}{added}"


def _range(low: float, high: float) -> str:
    return (
        number(low) if low == high else sentence("offre.entre", bas=number(low), haut=number(high))
    )


def _problems(tables: Tables) -> tuple[tuple[str, str, str], ...]:
    names = {row.structure_id: one_line(row.name) for row in rows_of(tables["structures"])}
    return tuple(
        (
            names[row.structure_id],
            capitalised(typography(row.problem)),
            capitalised(typography(row.advice)),
        )
        for row in rows_of(tables["map_problems"].sort_values(["structure_id", "problem"]))
        if row.structure_id in names
    )


def own_sentence(own: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """« Roubaix : filière textile ; Thiérache : … »."""
    return " ; ".join(
        sentence("lectures.propre", territoire=territory, themes=joined(themes))
        for territory, themes in own
    )
