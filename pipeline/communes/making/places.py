"""Make the table of communes: those of today, their parts, and the names that were borne since 1943.

In:   communes of today, history, EPCI, EPT, centres
Out:  one row a place, ordered by code, kind and name
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.words import slug

Row = dict[str, Any]
Centres = dict[str, dict[str, tuple[float, float]]]  # latitude and longitude by code and kind

KINDS = {
    "commune-actuelle": "commune",
    "arrondissement-municipal": "arrondissement",
    "commune-deleguee": "déléguée",
    "commune-associee": "associée",
}
_KEY = ["code", "kind", "name"]
_COLUMNS = [*_KEY, "slug", "current_code", "department", "epci_code", "ept_code", "population", "postal_codes", "lat", "lon"]


def build_places(
    communes: Sequence[Row],
    history: Sequence[Row],
    *,
    groups: Sequence[Row],
    territories: Sequence[Row],
    centres: Centres,
) -> pd.DataFrame:
    """Return the places of `communes`, and what they absorbed or were called; `groups` are the EPCI, `territories` the EPT."""
    present = [_present_place(row) for row in communes]
    places = pd.DataFrame([*present, *_former_places(present, history)])
    points = [_centre(centres.get(code, {}), kind) for code, kind in zip(places["code"], places["kind"], strict=True)]
    places["lat"], places["lon"] = zip(*points, strict=True)
    departments = {row["code"]: row["departement"] for row in communes if row["type"] == "commune-actuelle"}
    places["department"] = places["current_code"].map(departments)
    places["epci_code"] = places["current_code"].map(_group_by_member(groups))
    places["ept_code"] = places["current_code"].map(_group_by_member(territories))
    places = places.sort_values(_KEY, ignore_index=True)[_COLUMNS]
    return places.astype({"population": "Int32", "lat": "float32", "lon": "float32"})


def _present_place(row: Row) -> Row:
    current_code = row.get("chefLieu") or row.get("commune") or row["code"]
    postal_codes = " ".join(row.get("codesPostaux", ()))
    return _place(row["code"], KINDS[row["type"]], row["nom"], current_code, population=row.get("population"), postal_codes=postal_codes)


def _place(code: str, kind: str, name: str, current_code: str, *, population: int | None = None, postal_codes: str = "") -> Row:
    return {
        "code": code,
        "kind": kind,
        "name": name,
        "slug": slug(name),
        "current_code": current_code,
        "population": population,
        "postal_codes": postal_codes,
    }


def _former_places(present: Sequence[Row], history: Sequence[Row]) -> Iterator[Row]:
    """The communes and names that ended, but for those that the commune of today, or a part of it, still bears."""
    by_code = {place["code"]: place for place in sorted(present, key=lambda place: place["kind"] == "commune")}
    by_id = {entry["id"]: entry for entry in history}
    told = {(place["slug"], place["current_code"]) for place in present}
    for entry in history:
        heir = by_code.get(_last(entry, by_id)["code"])
        if entry["type"] != "COM" or "dateFin" not in entry or heir is None:
            continue
        place = _place(entry["code"], "ancienne", entry["nom"], heir["current_code"])
        if (place["slug"], place["current_code"]) not in told:
            told.add((place["slug"], place["current_code"]))
            yield place


def _last(entry: Row, by_id: Mapping[str, Row]) -> Row:
    """What became of a commune in the end: its successors, and the commune that each was merged into, followed to the last."""
    while following := entry.get("successeur") or entry.get("pole"):
        entry = by_id[following]
    return entry


def _group_by_member(groups: Sequence[Row]) -> dict[str, str]:
    return {member["code"]: group["code"] for group in groups for member in group["membres"]}


def _centre(by_kind: Mapping[str, tuple[float, float]], kind: str) -> tuple[float | None, float | None]:
    """The centre of a place, else that of the commune, or of the part, that bears its code."""
    known = [by_kind[other] for other in (kind, *KINDS.values()) if other in by_kind]
    return known[0] if known else (None, None)
