"""Make the table of communes: those of today, their parts, and the names that were borne since
1943.

In:   communes of today, history, EPCI, EPT, centres
Out:  one row a place, ordered by code, kind and name
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.text import slug

Row = dict[str, Any]
Centres = dict[str, dict[str, tuple[float, float]]]  # latitude and longitude by code and kind

KINDS = {
    "commune-actuelle": "commune",
    "arrondissement-municipal": "arrondissement",
    "commune-deleguee": "déléguée",
    "commune-associee": "associée",
}
_KEY = ["code", "kind", "name"]
_COLUMNS = [
    *_KEY,
    "slug",
    "current_code",
    "department",
    "epci_code",
    "ept_code",
    "population",
    "postal_codes",
    "lat",
    "lon",
]


def build_places(
    communes: Sequence[Row],
    history: Sequence[Row],
    *,
    groups: Sequence[Row],
    territories: Sequence[Row],
    centres: Centres,
) -> pd.DataFrame:
    """Return the places of `communes`, and what they absorbed or were called; `groups` are the
    EPCI, `territories` the EPT.
    """
    present = [_present_place(row) for row in communes]
    places = pd.DataFrame([*present, *_former_places(communes, present, history)])
    keys = places[["code", "kind", "current_code"]].itertuples(index=False, name=None)
    places["lat"], places["lon"] = zip(*(_centre(centres, *key) for key in keys), strict=True)
    departments = {
        row["code"]: row["departement"] for row in communes if row["type"] == "commune-actuelle"
    }
    places["department"] = places["current_code"].map(departments)
    places["epci_code"] = places["current_code"].map(_group_by_member(groups))
    places["ept_code"] = places["current_code"].map(_group_by_member(territories))
    places = places.sort_values(_KEY, ignore_index=True)[_COLUMNS]
    return places.astype({"population": "Int32", "lat": "float32", "lon": "float32"})


def _present_place(row: Row) -> Row:
    current_code = row.get("chefLieu") or row.get("commune") or row["code"]
    postal_codes = " ".join(row.get("codesPostaux", ()))
    return _place(
        row["code"],
        KINDS[row["type"]],
        row["nom"],
        current_code,
        population=row.get("population"),
        postal_codes=postal_codes,
    )


def _place(
    code: str,
    kind: str,
    name: str,
    current_code: str,
    *,
    population: int | None = None,
    postal_codes: str = "",
) -> Row:
    return {
        "code": code,
        "kind": kind,
        "name": name,
        "slug": slug(name),
        "current_code": current_code,
        "population": population,
        "postal_codes": postal_codes,
    }


def _former_places(
    communes: Sequence[Row], present: Sequence[Row], history: Sequence[Row]
) -> Iterator[Row]:
    """The communes and names of the history that are no more, but for the names that the commune of
    today, or a part of it, still bears.
    """
    heirs = _heirs(communes, present)
    by_id = {entry["id"]: entry for entry in history}
    told = {
        (place["slug"], code)
        for place in present
        for code in (place["code"], place["current_code"])
    }
    for entry in history:
        current_code = heirs.get(_last(entry, by_id)["code"])
        if entry["type"] != "COM" or current_code is None:
            continue
        place = _place(entry["code"], "ancienne", entry["nom"], current_code)
        if not {(place["slug"], place["code"]), (place["slug"], current_code)} & told:
            told.add((place["slug"], current_code))
            yield place


def _heirs(communes: Sequence[Row], present: Sequence[Row]) -> dict[str, str]:
    """The commune of today by each code that is or was in use: its own first, then its parts' and
    those that it absorbed.
    """
    absorbed = {code: row["code"] for row in communes for code in row.get("anciensCodes", ())}
    own = {place["code"]: place["code"] for place in present if place["kind"] == "commune"}
    return absorbed | {place["code"]: place["current_code"] for place in present} | own


def _last(entry: Row, by_id: Mapping[str, Row]) -> Row:
    """What became of a commune in the end: its successors, and the commune that each was merged
    into, followed to the last.
    """
    while following := entry.get("successeur") or entry.get("pole"):
        entry = by_id[following]
    return entry


def _group_by_member(groups: Sequence[Row]) -> dict[str, str]:
    return {member["code"]: group["code"] for group in groups for member in group["membres"]}


def _centre(
    centres: Centres, code: str, kind: str, current_code: str
) -> tuple[float | None, float | None]:
    """The centre of a place, else of what bears its code, else of its commune of today."""
    own, current = centres.get(code, {}), centres.get(current_code, {})
    known = [
        by_kind[other]
        for by_kind in (own, current)
        for other in (kind, *KINDS.values())
        if other in by_kind
    ]
    return known[0] if known else (None, None)
