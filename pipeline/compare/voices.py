"""Compare who came with who was expected, and say what keeps structures off the map.

In:   units, counted theme_members, structures, catchments, attendance, workshops
Out:  map_problems   one row a structure and defect that keeps the map from showing it
      voices         types of structure and communes on the map or in scope, against those who came
      theme_voices   which types of actor carry each theme
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.communes import centre_of
from pipeline.communes.tables import by_slug, members_of
from pipeline.geometry import Point, crosses_itself
from pipeline.tables.results import MAP_PROBLEMS, THEME_VOICES, VOICES

log = logging.getLogger(__name__)
MOST_KNOWN = 0.8  # of the voices; fewer say nothing of whom nobody came for


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

    In scope are the expected types, and the communes of the workshop's authority. No type nor
    commune is called absent where that of one voice in five or more is not known.
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
            came = here
            if kind == "commune":  # where a structure is, and where its people come from
                came = pd.concat([here, here.assign(commune_code=here["own_commune_code"])])
            n_known = came.loc[came[column].notna(), "voice_id"].nunique()
            is_known = n_known > MOST_KNOWN * came["voice_id"].nunique()
            n_present = came.groupby(column)["voice_id"].nunique()
            n_on_map = on_map.groupby(column)["voice_id"].nunique()
            rows += [
                {
                    "workshop_id": workshop_id,
                    "kind": kind,
                    "value": value,
                    "is_in_scope": value in expected,
                    "n_on_map": int(n_on_map.get(value, 0)),
                    "n_present": int(n_present.get(value, 0)),
                    "is_absent": is_known and value not in n_present.index,
                }
                for value in sorted({*expected, *n_present.index, *n_on_map.index})
            ]
    return VOICES.build(rows)


def who_came(attendance: pd.DataFrame) -> pd.DataFrame:
    """Return who signed, or everybody listed where nobody signed (a typed list)."""
    any_signed = attendance.groupby("workshop_id")["has_signed"].transform("any").astype(bool)
    return attendance[attendance["has_signed"] | ~any_signed]


def _present(attendance: pd.DataFrame, structures: pd.DataFrame) -> pd.DataFrame:
    """Structures that came, and people without one."""
    came = who_came(attendance).merge(
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
            "own_commune_code": came["commune_code"],
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
