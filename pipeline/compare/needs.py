"""List the needs that no known structure of the sector reaches, and the missing voices.

In:   units, tags, theme_members, structures, catchments, offers, attendance, workshops
Out:  needs          one row a workshop, sector and commune
      map_problems   one row a structure and defect that keeps the map from showing it
      voices         types of structure and communes on the map or in scope, against those who came
      theme_voices   which types of actor carry each theme
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

WHOLE = "territoire"  # in place of a commune, for needs that name none
_COVERED, _TOO_FAR, _NOBODY, _UNKNOWN = COVERAGES
_NEED = frozenset({"difficulte", "demande"})
_MIN_LETTERS = 4  # shorter names are often plain words
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Carrier:
    sectors: frozenset[str]
    point: Point | None
    geometry: Mapping[str, Any] | None
    radius_km: float | None

    @property
    def has_area(self) -> bool:
        return self.geometry is not None or (self.radius_km is not None and self.point is not None)

    @cached_property
    def box(self) -> tuple[Point, Point]:
        """The outline's box: most points lie outside it, and a large outline is slow to test."""
        return box_of(self.geometry or {})

    def reaches(self, point: Point) -> bool:
        if self.geometry is not None:
            (south, west), (north, east) = self.box
            is_in_box = south <= point[0] <= north and west <= point[1] <= east
            return is_in_box and holds(self.geometry, point)
        if self.radius_km is None or self.point is None:
            return False
        return great_circle_km(self.point, point) <= self.radius_km


def list_needs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the coverage of every workshop, sector and commune with a need (or `territoire`).

    A need, a difficulty or a demand, counts in the first two sectors that its words name.
    """
    passages = _needs(tables)
    carriers = _carriers(tables)
    structures_of = _structures_by_workshop(tables)
    rows = []
    for workshop_id, here in passages.groupby("workshop_id", sort=True):
        structures = structures_of[str(workshop_id)]
        communes = _communes_of(str(workshop_id), structures, tables)
        carriers_here = [carriers[structure_id] for structure_id in structures]
        cells: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for unit_id, circle_id, text in here[["unit_id", "circle_id", "text"]].to_numpy():
            for sector in sectors_of(text)[:2]:
                for code in _named_communes(text, communes) or [WHOLE]:
                    cells[(sector, code)].append((unit_id, circle_id))
        for (sector, code), passages_said in sorted(cells.items()):
            rows.append(
                {"workshop_id": workshop_id, "sector": sector, "place": code}
                | _coverage(sector, code, carriers_here)
                | _counts(passages_said)
            )
    return NEEDS.build(rows)


def _needs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    tags = tables["tags"]
    is_need = tags["is_assigned"] & (tags["axis"] == "posture") & tags["code"].isin(_NEED)
    unit_ids = tags.loc[is_need, "unit_id"]
    units = plain_texts(tables["units"][tables["units"]["unit_id"].isin(unit_ids)])
    circles = circles_of(tables["units"], tables["workshops"]).of_unit[["unit_id", "circle_id"]]
    return units.merge(circles, on="unit_id", validate="one_to_one").sort_values("unit_id")


def _counts(passages: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Count a unit that names a sector twice once."""
    units = sorted({unit_id for unit_id, _ in passages})
    return {
        "n_units": len(units),
        "n_circles": len({circle_id for _, circle_id in passages}),
        "quotes": json.dumps(units[:5]),
    }


def _coverage(sector: str, commune_code: str, carriers: Sequence[_Carrier]) -> dict[str, Any]:
    of_sector = [carrier for carrier in carriers if sector in carrier.sectors]
    point = centre_of(commune_code) if commune_code != WHOLE else None
    if not of_sector:
        verdict = _NOBODY
    elif point is None:
        verdict = _COVERED if commune_code == WHOLE else _UNKNOWN
    elif any(carrier.reaches(point) for carrier in of_sector):
        verdict = _COVERED
    else:
        verdict = _TOO_FAR if all(carrier.has_area for carrier in of_sector) else _UNKNOWN
    return {"n_structures": len(of_sector), "coverage": verdict}


def _carriers(tables: Mapping[str, pd.DataFrame]) -> dict[str, _Carrier]:
    offered: dict[str, set[str]] = defaultdict(set)
    for structure_id, sector in (
        tables["offers"][["structure_id", "sector"]].dropna().itertuples(index=False)
    ):
        offered[str(structure_id)].add(str(sector))
    areas = {row["structure_id"]: row for row in tables["catchments"].to_dict("records")}
    carriers = {}
    for row in tables["structures"].to_dict("records"):
        area = areas.get(row["structure_id"], {})
        carriers[row["structure_id"]] = _Carrier(
            frozenset({*sectors_of(row["name"]), *offered[row["structure_id"]]}),
            _point_of(row),
            read_geometry(area.get("geometry")),
            float(area["radius_km"]) if area and pd.notna(area["radius_km"]) else None,
        )
    return carriers


def _point_of(row: Mapping[Any, Any]) -> Point | None:
    if pd.notna(row["lat"]) and pd.notna(row["lon"]):
        return float(row["lat"]), float(row["lon"])
    return centre_of(str(row["commune_code"])) if pd.notna(row["commune_code"]) else None


def read_geometry(text: Any) -> Mapping[str, Any] | None:
    """Return the GeoJSON geometry of a cell; None for a blank."""
    if not isinstance(text, str):
        return None
    geometry: Mapping[str, Any] = json.loads(text)
    return geometry


def _structures_by_workshop(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Structures by workshop; an unclaimed one belongs to every workshop."""
    attendance, structures = tables["attendance"], tables["structures"]
    came: dict[str, set[str]] = defaultdict(set)
    for workshop_id, structure_id in (
        attendance[["workshop_id", "structure_id"]].dropna().itertuples(index=False)
    ):
        came[structure_id].add(workshop_id)
    structures_of: dict[str, list[str]] = {
        str(workshop_id): [] for workshop_id in tables["workshops"]["workshop_id"]
    }
    for structure_id, text in zip(
        structures["structure_id"], structures["map_workshop_ids"], strict=True
    ):
        mapped = set() if pd.isna(text) else set(json.loads(text))
        claimed = came[structure_id] | mapped
        for workshop_id in claimed & structures_of.keys() if claimed else structures_of:
            structures_of[workshop_id].append(str(structure_id))
    return structures_of


def _communes_of(
    workshop_id: str, structures: Sequence[str], tables: Mapping[str, pd.DataFrame]
) -> list[tuple[re.Pattern[str], str]]:
    """Longest names first, so that "Saint-Omer" is not "Omer"."""
    workshops = tables["workshops"].set_index("workshop_id")
    epci_code = workshops.loc[workshop_id, "epci_code"]
    attendance = tables["attendance"]
    codes = set(members_of(epci_code)) if isinstance(epci_code, str) else set()
    if not codes:  # participants from afar don't widen a known territory
        is_here = attendance["workshop_id"] == workshop_id
        codes = set(attendance.loc[is_here, "commune_code"].dropna())
    mapped = tables["structures"][tables["structures"]["structure_id"].isin(structures)]
    codes |= set(mapped.loc[mapped["is_on_map"], "commune_code"].dropna())
    names = {
        name_of(code): code
        for code in sorted(codes)
        if code[:1].isdigit() and len(name_of(code)) >= _MIN_LETTERS
    }
    patterns = []
    for name in sorted(names, key=lambda name: (-len(name), name)):
        spelling = "[- ]".join(map(re.escape, name.split("-")))
        patterns.append((re.compile(rf"(?<![\w-]){spelling}(?![\w-])"), names[name]))
    return patterns


def _named_communes(text: str, communes: Sequence[tuple[re.Pattern[str], str]]) -> list[str]:
    codes = []
    for pattern, code in communes:
        if pattern.search(text):
            codes.append(code)
            text = pattern.sub(" ", text)
    return sorted(codes)


def list_map_problems(structures: pd.DataFrame, catchments: pd.DataFrame) -> pd.DataFrame:
    """Return the defects that keep the map from showing a structure or its area."""
    return MAP_PROBLEMS.build(
        [*_structure_problems(structures), *_area_problems(structures, catchments)]
    )


def _structure_problems(structures: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in structures.sort_values("structure_id").to_dict("records"):
        code = row["commune_code"]
        if pd.isna(code):
            yield _problem(row, "commune inconnue", "écrire la commune sur la liste ou la carte")
        elif not str(code)[:1].isdigit():
            n_homonyms = sum(one.kind == "commune" for one in by_slug().get(str(code), ()))
            problem = (
                f"{n_homonyms} communes de ce nom" if n_homonyms > 1 else "commune non reconnue"
            )
            yield _problem(row, problem, "ajouter le code postal ou le département")
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
            advice = "retracer la zone ; en attendant, ses boucles comptent une sur deux"
            if is_crossed:
                yield _problem(row, "contour qui se croise", advice)
            else:
                yield _problem(row, "contour trop embrouillé pour être vérifié", advice)
        elif geometry is None and not has_radius:
            yield _problem(row, "zone sans forme ni rayon", "tracer la zone ou donner un rayon")
        elif geometry is None and points.get(row["structure_id"]) is None:
            yield _problem(row, "rayon sans centre", "placer la structure sur la carte")


def _problem(row: Mapping[Any, Any], problem: str, advice: str) -> dict[str, str]:
    return {"structure_id": str(row["structure_id"]), "problem": problem, "advice": advice}


def list_voices(
    attendance: pd.DataFrame,
    structures: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    expected_structure_types: Sequence[str],
) -> pd.DataFrame:
    """Return, by workshop with an attendance list, the types and communes on the map or in the
    room.

    In scope are the expected types, and the communes of the workshop's authority. No type is called
    absent where the list gives no type at all.
    """
    epci_of = workshops.set_index("workshop_id")["epci_code"]
    present = _present(attendance, structures)
    mapped = _on_map(structures, present, workshops)
    rows = []
    for workshop_id in sorted(set(workshops["workshop_id"]) & set(present["workshop_id"])):
        here = present[present["workshop_id"] == workshop_id]
        on_map = mapped[mapped["workshop_id"] == workshop_id]
        communes = members_of(str(epci_of[workshop_id])) if pd.notna(epci_of[workshop_id]) else ()
        scopes = (
            ("structure_type", "structure_type", expected_structure_types),
            ("commune", "commune_code", communes),
        )
        for kind, column, expected in scopes:
            if kind == "structure_type" and here[column].isna().all():
                continue
            n_present = here.groupby(column)["voice_id"].nunique()
            n_on_map = on_map.groupby(column)["voice_id"].nunique()
            rows += [
                {
                    "workshop_id": workshop_id,
                    "kind": kind,
                    "value": value,
                    "is_in_scope": value in expected,
                    "n_on_map": int(n_on_map.get(value, 0)),
                    "n_present": int(n_present.get(value, 0)),
                    "is_absent": value not in n_present.index,
                }
                for value in sorted({*expected, *n_present.index, *n_on_map.index})
            ]
    return VOICES.build(rows)


def _present(attendance: pd.DataFrame, structures: pd.DataFrame) -> pd.DataFrame:
    """Structures that came, and people without one.

    Who did not sign did not come, unless nobody signed (a typed list).
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
    """Structures by workshop: by its map, who came, commune, or nearest neighbour, else only
    logged.
    """
    mapped = structures[structures["is_on_map"]].rename(columns={"structure_id": "voice_id"})
    columns = ["workshop_id", "voice_id", "structure_type", "commune_code"]
    if len(workshops) == 1:
        return mapped.assign(workshop_id=workshops["workshop_id"].iloc[0])[columns]
    of_map = mapped["map_workshop_ids"].map(lambda text: [] if pd.isna(text) else json.loads(text))
    placed = mapped.assign(workshop_id=of_map).explode("workshop_id").dropna(subset=["workshop_id"])
    for key in ("voice_id", "commune_code"):
        by_key = present[["workshop_id", key]].dropna().drop_duplicates()
        rest = _rest(mapped, placed).merge(by_key, on=key, validate="many_to_many")
        placed = _stacked(placed, rest.drop_duplicates(["workshop_id", "voice_id"]))
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


def _nearest(rest: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """The workshop of the nearest structure; longitudes are scaled for France (cos 46.5°)."""
    located = rest.dropna(subset=["lat", "lon"])
    others = placed.dropna(subset=["lat", "lon"]).sort_values(["workshop_id", "voice_id"])
    if others.empty:
        return located.head(0).assign(workshop_id=pd.Series(dtype=object))
    nearest = []
    for lat, lon in zip(located["lat"], located["lon"], strict=True):
        squares = (others["lat"] - lat) ** 2 + (0.69 * (others["lon"] - lon)) ** 2
        nearest.append(others["workshop_id"].iloc[int(squares.to_numpy().argmin())])
    return located.assign(workshop_id=nearest)


def voices_of_themes(
    units: pd.DataFrame, theme_members: pd.DataFrame, attendance: pd.DataFrame
) -> pd.DataFrame:
    """Return the actor types of each theme; a type needs two people to carry one alone."""
    typed = attendance.dropna(subset=["structure_type"]).sort_values(
        ["participant_id", "structure_type"]
    )
    type_of = dict(zip(typed["participant_id"], typed["structure_type"], strict=True))
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
