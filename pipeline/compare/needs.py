"""Needs that people express where no known structure of the sector reaches, and what keeps the map from telling.

In:   units, tags, structures, catchments, offers, attendance, workshops
Out:  needs          one row a workshop, sector and place
      map_problems   one row a structure and defect

Whose voice was missing: types of structure and communes on the map, or in the study's scope, against who came; who carries a theme.
"""

import json
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.communes import centre_of, name_of
from pipeline.communes.tables import by_slug, members_of
from pipeline.counting import circles_of
from pipeline.geometry import Point, box_of, crosses_itself, great_circle_km, holds
from pipeline.structure_names import sectors_of
from pipeline.tables.results import MAP_PROBLEMS, NEEDS, THEME_VOICES, VOICES
from pipeline.tables.schema import COVERAGES
from pipeline.text import plain_texts

WHOLE = "territoire"  # the place of needs said without naming a commune
_COVERED, _TOO_FAR, _NOBODY, _UNKNOWN = COVERAGES
_NEED = frozenset({"difficulte", "demande"})
_MIN_LETTERS = 4  # shorter names of communes are words as often as places
_MAX_HOMONYMS = 1


@dataclass(frozen=True)
class _Carrier:
    """A structure with its sectors and what is known of where it works."""

    structure_id: str
    sectors: frozenset[str]
    point: Point | None
    geometry: Mapping[str, Any] | None
    radius_km: float | None

    @property
    def has_area(self) -> bool:
        return self.geometry is not None or (self.radius_km is not None and self.point is not None)

    @cached_property
    def box(self) -> tuple[Point, Point]:
        """The box around the area drawn: most points lie outside, and a large outline takes long to look at."""
        return box_of(self.geometry or {})

    def reaches(self, point: Point) -> bool:
        """Whether the catchment area, drawn or round, holds `point`."""
        if self.geometry is not None:
            (south, west), (north, east) = self.box
            return (
                south <= point[0] <= north
                and west <= point[1] <= east
                and holds(self.geometry, point)
            )
        return (
            self.radius_km is not None
            and self.point is not None
            and great_circle_km(self.point, point) <= self.radius_km
        )


def list_needs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return, for every workshop, sector and commune named in a need (or `territoire`), whether a structure of the sector reaches it.

    A need is a passage said as a difficulty or a demand, in each of the sectors that its words name. Structures are those of the
    workshop's map and attendance list.
    """
    passages = _needs(tables)
    carriers = _carriers(tables)
    structures_of = _structures_by_workshop(tables)
    rows = []
    for workshop_id, here in passages.groupby("workshop_id", sort=True):
        structures = structures_of[str(workshop_id)]
        areas = _communes_of(str(workshop_id), structures, tables)
        known = [carriers[structure_id] for structure_id in structures if structure_id in carriers]
        cells: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for unit_id, circle_id, text in zip(
            here["unit_id"], here["circle_id"], here["text"], strict=True
        ):
            for sector in sectors_of(text)[:2]:
                for place in _places_in(text, areas) or [WHOLE]:
                    cells[(sector, place)].append((unit_id, circle_id))
        for (sector, place), said in sorted(cells.items()):
            rows.append(
                {"workshop_id": workshop_id, "sector": sector, "place": place}
                | _coverage(sector, place, known)
                | _counts(said)
            )
    return NEEDS.build(rows)


def _needs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    tags = tables["tags"]
    wanted = tags.loc[
        tags["is_assigned"] & (tags["axis"] == "posture") & tags["code"].isin(_NEED), "unit_id"
    ]
    units = plain_texts(tables["units"][tables["units"]["unit_id"].isin(wanted)])
    circles = circles_of(tables["units"], tables["workshops"]).of_unit[["unit_id", "circle_id"]]
    return units.merge(circles, on="unit_id", validate="one_to_one").sort_values("unit_id")


def _counts(said: Sequence[tuple[str, str]]) -> dict[str, Any]:
    units = sorted({unit_id for unit_id, _ in said})
    return {
        "n_units": len(units),
        "n_circles": len({circle_id for _, circle_id in said}),
        "quotes": json.dumps(units[:5]),
    }


def _coverage(sector: str, place: str, known: Sequence[_Carrier]) -> dict[str, Any]:
    """How a sector is covered at a place: n_structures of the sector, and the verdict."""
    of_sector = [carrier for carrier in known if sector in carrier.sectors]
    point = centre_of(place) if place != WHOLE else None
    if not of_sector:
        verdict = _NOBODY
    elif point is None:
        verdict = _COVERED if place == WHOLE else _UNKNOWN
    elif any(carrier.reaches(point) for carrier in of_sector):
        verdict = _COVERED
    else:
        verdict = _TOO_FAR if all(carrier.has_area for carrier in of_sector) else _UNKNOWN
    return {"n_structures": len(of_sector), "coverage": verdict}


def _carriers(tables: Mapping[str, pd.DataFrame]) -> dict[str, _Carrier]:
    """Every structure; its sectors are those of its name and of the offers that name it."""
    offered: dict[str, set[str]] = defaultdict(set)
    for structure_id, sector in (
        tables["offers"][["structure_id", "sector"]].dropna().itertuples(index=False)
    ):
        offered[str(structure_id)].add(str(sector))
    areas = {row["structure_id"]: row for row in tables["catchments"].to_dict("records")}
    found = {}
    for row in tables["structures"].to_dict("records"):
        area = areas.get(row["structure_id"], {})
        found[row["structure_id"]] = _Carrier(
            row["structure_id"],
            frozenset({*sectors_of(row["name"]), *offered[row["structure_id"]]}),
            _point_of(row),
            read_geometry(area.get("geometry")),
            float(area["radius_km"]) if area and pd.notna(area["radius_km"]) else None,
        )
    return found


def _point_of(row: Mapping[Any, Any]) -> Point | None:
    if pd.notna(row["lat"]) and pd.notna(row["lon"]):
        return float(row["lat"]), float(row["lon"])
    return centre_of(str(row["commune_code"])) if pd.notna(row["commune_code"]) else None


def read_geometry(text: Any) -> Mapping[str, Any] | None:
    """A GeoJSON geometry from a cell; None for a blank."""
    if not isinstance(text, str):
        return None
    geometry: Mapping[str, Any] = json.loads(text)
    return geometry


def _structures_by_workshop(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Structures of each workshop's map and attendance list; one that no map or list claims belongs to every workshop."""
    attendance, structures = tables["attendance"], tables["structures"]
    came: dict[str, set[str]] = defaultdict(set)
    for workshop_id, structure_id in (
        attendance[["workshop_id", "structure_id"]].dropna().itertuples(index=False)
    ):
        came[structure_id].add(workshop_id)
    found: dict[str, list[str]] = {
        str(workshop_id): [] for workshop_id in tables["workshops"]["workshop_id"]
    }
    for structure_id, text in zip(
        structures["structure_id"], structures["map_workshop_ids"], strict=True
    ):
        mapped = set() if pd.isna(text) else set(json.loads(text))
        claimed = came[structure_id] | mapped
        for workshop_id in claimed & found.keys() if claimed else found:
            found[workshop_id].append(str(structure_id))
    return found


def _communes_of(
    workshop_id: str, structures: Sequence[str], tables: Mapping[str, pd.DataFrame]
) -> list[tuple[re.Pattern[str], str]]:
    """The communes that a passage of this workshop may name, by pattern and code: its authority's and its map's, else those of who came.

    Longest names first, so that "Saint-Omer" is no "Omer".
    """
    workshops = tables["workshops"].set_index("workshop_id")
    epci_code = workshops.loc[workshop_id, "epci_code"]
    attendance = tables["attendance"]
    codes = set(members_of(epci_code)) if isinstance(epci_code, str) else set()
    if not codes:  # who came from afar does not widen a territory that is known
        codes = set(
            attendance.loc[attendance["workshop_id"] == workshop_id, "commune_code"].dropna()
        )
    mapped = tables["structures"][tables["structures"]["structure_id"].isin(structures)]
    codes |= set(mapped.loc[mapped["is_on_map"], "commune_code"].dropna())
    names = {
        name_of(code): code
        for code in sorted(codes)
        if code[:1].isdigit() and len(name_of(code)) >= _MIN_LETTERS
    }
    return [
        (
            re.compile(rf"(?<![\w-]){'[- ]'.join(map(re.escape, name.split('-')))}(?![\w-])"),
            names[name],
        )
        for name in sorted(names, key=lambda one: (-len(one), one))
    ]


def _places_in(text: str, areas: Sequence[tuple[re.Pattern[str], str]]) -> list[str]:
    """Codes of the communes that `text` names with their capitals."""
    found = []
    for pattern, code in areas:
        if pattern.search(text):
            found.append(code)
            text = pattern.sub(" ", text)
    return sorted(found)


def list_map_problems(structures: pd.DataFrame, catchments: pd.DataFrame) -> pd.DataFrame:
    """Return what keeps the map from showing a structure or its area as it is; the structure stays in every other table."""
    return MAP_PROBLEMS.build(
        [*_structure_problems(structures), *_area_problems(structures, catchments)]
    )


def _structure_problems(structures: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in structures.sort_values("structure_id").to_dict("records"):
        code = row["commune_code"]
        if pd.isna(code):
            yield _problem(row, "commune inconnue", "écrire la commune sur la liste ou la carte")
        elif not str(code)[:1].isdigit():
            n_homonyms = sum(place.kind == "commune" for place in by_slug().get(str(code), ()))
            found = (
                f"{n_homonyms} communes de ce nom"
                if n_homonyms > _MAX_HOMONYMS
                else "commune non reconnue"
            )
            yield _problem(row, found, "ajouter le code postal ou le département")
        if row["is_on_map"] and _point_of(row) is None:
            yield _problem(
                row, "sans position", "placer la structure sur la carte, ou écrire sa commune"
            )


def _area_problems(structures: pd.DataFrame, catchments: pd.DataFrame) -> Iterator[dict[str, str]]:
    points = {row["structure_id"]: _point_of(row) for row in structures.to_dict("records")}
    for row in catchments.sort_values("structure_id").to_dict("records"):
        geometry, has_radius = read_geometry(row["geometry"]), pd.notna(row["radius_km"])
        if geometry is not None and geometry.get("type") not in ("Polygon", "MultiPolygon"):
            yield _problem(
                row, "zone qui n'est pas une surface", "tracer la zone comme un polygone"
            )
        elif geometry is not None and (is_crossed := crosses_itself(geometry)) is not False:
            problem = (
                "contour qui se croise"
                if is_crossed
                else "contour trop embrouillé pour être vérifié"
            )
            yield _problem(
                row, problem, "retracer la zone ; en attendant, ses boucles comptent une sur deux"
            )
        elif geometry is None and not has_radius:
            yield _problem(row, "zone sans forme ni rayon", "tracer la zone ou donner un rayon")
        elif geometry is None and points.get(row["structure_id"]) is None:
            yield _problem(row, "rayon sans centre", "placer la structure sur la carte")


def _problem(row: Mapping[Any, Any], problem: str, advice: str) -> dict[str, str]:
    return {"structure_id": str(row["structure_id"]), "problem": problem, "advice": advice}


log = logging.getLogger(__name__)


def list_voices(
    attendance: pd.DataFrame,
    structures: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    expected_structure_types: Sequence[str],
) -> pd.DataFrame:
    """Return, for every workshop with an attendance list, every type and commune in scope, on its map or in its room.

    In scope are the expected types, and the communes of the workshop's intercommunal authority where it is known. Where the list tells
    the type of nobody who came, no type is said to be absent.
    """
    epci_of = workshops.set_index("workshop_id")["epci_code"]
    present = _present(attendance, structures)
    mapped = _on_map(structures, present, workshops)
    rows = []
    for workshop_id in sorted(set(workshops["workshop_id"]) & set(present["workshop_id"])):
        here, placed = (
            voices[voices["workshop_id"] == workshop_id] for voices in (present, mapped)
        )
        communes = members_of(str(epci_of[workshop_id])) if pd.notna(epci_of[workshop_id]) else ()
        scopes = (
            ("structure_type", "structure_type", expected_structure_types),
            ("commune", "commune_code", communes),
        )
        for kind, column, expected in scopes:
            if kind == "structure_type" and here[column].isna().all():
                continue
            n_present = here.dropna(subset=[column]).groupby(column)["voice_id"].nunique()
            n_on_map = placed.dropna(subset=[column]).groupby(column)["voice_id"].nunique()
            for value in sorted({*expected, *n_present.index, *n_on_map.index}):
                came, shown = int(n_present.get(value, 0)), int(n_on_map.get(value, 0))
                row = {
                    "workshop_id": workshop_id,
                    "kind": kind,
                    "value": value,
                    "is_in_scope": value in expected,
                }
                rows.append(row | {"n_on_map": shown, "n_present": came, "is_absent": came == 0})
    return VOICES.build(rows)


def _present(attendance: pd.DataFrame, structures: pd.DataFrame) -> pd.DataFrame:
    """Structures that came, and people who came for none: workshop_id, voice_id, structure_type, commune_code.

    Who did not sign did not come, unless nobody signed: then the list was typed without its signatures.
    """
    signed = attendance.groupby("workshop_id")["has_signed"].transform("any")
    came = attendance[attendance["has_signed"] | ~signed].merge(
        structures[["structure_id", "structure_type", "commune_code"]],
        on="structure_id",
        how="left",
        suffixes=("", "_of_structure"),
        validate="many_to_one",
    )
    return pd.DataFrame(
        {
            "workshop_id": came["workshop_id"],
            "voice_id": came["structure_id"].fillna(came["participant_id"]),
            "structure_type": came["structure_type"].fillna(came["structure_type_of_structure"]),
            "commune_code": came["commune_code_of_structure"].fillna(came["commune_code"]),
        }
    )


def _on_map(
    structures: pd.DataFrame, present: pd.DataFrame, workshops: pd.DataFrame
) -> pd.DataFrame:
    """Structures of the map by workshop: those of its own map; where that is not known, by who came, commune or nearest neighbour.

    A structure that none of these places is left out and counted in the log.
    """
    mapped = structures[structures["is_on_map"]].rename(columns={"structure_id": "voice_id"})
    columns = ["workshop_id", "voice_id", "structure_type", "commune_code"]
    if len(workshops) == 1:
        return mapped.assign(workshop_id=workshops["workshop_id"].iloc[0])[columns]
    of_map = mapped["map_workshop_ids"].map(lambda text: [] if pd.isna(text) else json.loads(text))
    placed = mapped.assign(workshop_id=of_map).explode("workshop_id").dropna(subset=["workshop_id"])
    rest = _rest(mapped, placed)
    placed = _stacked(placed, _joined(rest, present[["workshop_id", "voice_id"]], "voice_id"))
    placed = _stacked(
        placed,
        _joined(
            _rest(mapped, placed), present[["workshop_id", "commune_code"]].dropna(), "commune_code"
        ),
    )
    placed = _stacked(placed, _nearest(_rest(mapped, placed), placed))
    log.info(
        "structures de la carte : %d placées, %d laissées de côté",
        placed["voice_id"].nunique(),
        len(_rest(mapped, placed)),
    )
    return placed[columns]


def _rest(mapped: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    return mapped[~mapped["voice_id"].isin(placed["voice_id"])]


def _stacked(placed: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([placed, more]) if len(more) else placed


def _joined(mapped: pd.DataFrame, workshop_by: pd.DataFrame, key: str) -> pd.DataFrame:
    return mapped.merge(
        workshop_by.drop_duplicates(), on=key, validate="many_to_many"
    ).drop_duplicates(["workshop_id", "voice_id"])


def _nearest(rest: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """`rest` with the workshop of its nearest placed structure; degrees of longitude are shortened as in France (cos 46.5°)."""
    located, known = (
        rest.dropna(subset=["lat", "lon"]),
        placed.dropna(subset=["lat", "lon"]).sort_values(["workshop_id", "voice_id"]),
    )
    if known.empty:
        return located.head(0).assign(workshop_id=pd.Series(dtype=object))
    nearest = [
        known["workshop_id"].iloc[
            int(
                ((known["lat"] - lat) ** 2 + (0.69 * (known["lon"] - lon)) ** 2).to_numpy().argmin()
            )
        ]
        for lat, lon in zip(located["lat"], located["lon"], strict=True)
    ]
    return located.assign(workshop_id=nearest)


def voices_of_themes(
    units: pd.DataFrame, theme_members: pd.DataFrame, attendance: pd.DataFrame
) -> pd.DataFrame:
    """Return, for each theme, which types of actor are known to carry it; a theme that one type alone carries needs two of its people."""
    known = attendance.dropna(subset=["structure_type"]).sort_values(
        ["participant_id", "structure_type"]
    )
    type_of = dict(zip(known["participant_id"], known["structure_type"], strict=True))
    said = theme_members.merge(units[["unit_id", "speaker"]], on="unit_id", validate="one_to_one")
    rows = []
    for theme_id, here in said.groupby("theme_id", sort=True):
        speakers = [str(speaker) for speaker in here["speaker"].dropna() if speaker in type_of]
        types = Counter(type_of[speaker] for speaker in set(speakers))
        rows.append(
            {
                "theme_id": theme_id,
                "n_units": len(here),
                "n_units_known": len(speakers),
                "n_speakers": len(set(speakers)),
                "structure_types": json.dumps(sorted(types), ensure_ascii=False),
                "is_single_type": len(types) == 1 and types.total() > 1,
            }
        )
    return THEME_VOICES.build(rows)
