"""Export a study's tables for other programs, whole or without what may not be published.

In:   the tables of the data dictionary
Out:  tables-techniques.xlsx; one .csv or .parquet a table; structures.geojson
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd

from pipeline.communes import name_of
from pipeline.counting import said_after
from pipeline.errors import UsageError
from pipeline.publish.report import all_tables
from pipeline.publish.report.passages import Tables
from pipeline.publish.spreadsheet import SHEET_ROWS, new_book
from pipeline.publish.text import sentence
from pipeline.tables import TABLES
from pipeline.text import without_formula

Format = Literal["techniques", "csv", "parquet", "geojson"]
FORMATS: tuple[Format, ...] = ("techniques", "csv", "parquet", "geojson")
NAME = "tables-techniques.xlsx"


def write_tables(
    tables: Tables,
    folder: Path,
    *,
    formats: Iterable[Format],
    only: Collection[str] | None = None,
    longest_sheet: int = SHEET_ROWS,
) -> list[Path]:
    """Write `tables`, as the data dictionary has them, in each format; return the files.

    `only` names the tables wanted. One over `longest_sheet` rows gets no .xlsx sheet. Raises
    `UsageError` for an unknown format before writing anything.
    """
    wanted = list(formats)
    unknown = sorted(set(wanted) - set(_WRITERS))
    if unknown:
        raise UsageError(
            f"format inconnu : {', '.join(unknown)}",
            f"un de : {', '.join(_WRITERS)}",
            "choisir un format de cette liste",
        )
    folder.mkdir(parents=True, exist_ok=True)
    every = all_tables(tables)
    every |= _without_file_names(every)
    exported = {name: rows for name, rows in every.items() if only is None or name in only}
    sheets = {name: rows for name, rows in exported.items() if len(rows) <= longest_sheet}
    paths: list[Path] = []
    for name in wanted:
        paths += _WRITERS[name](sheets if name == "techniques" else exported, folder)
    return paths


def _without_file_names(tables: Tables) -> dict[str, pd.DataFrame]:
    """Reduce each path to its folder and extension: people put names in file names."""
    documents = tables["documents"]
    ids = dict(zip(documents["path"], documents["document_id"], strict=True))
    return {
        name: tables[name].assign(
            path=[
                _nameless(path, ids.get(path, f"fichier-{number}"))
                for number, path in enumerate(tables[name]["path"], start=1)
            ]
        )
        for name in ("documents", "receipts", "rejects")
    }


def _nameless(path: str, name: str) -> str:
    file = PurePosixPath(path.partition("#")[0])
    return str(PurePosixPath(*file.parts[:-1][:1], name + file.suffix))


# people, analysts' decisions under their names, whole documents
_NOT_PUBLIC = (
    "attendance",
    "voices",
    "theme_voices",
    "decisions",
    "decision_effects",
    "decision_grounds",
    "review_queue",
    "second_tags",
    "agreement",
    "blocks",
)
_LATE = "c_late"
_LONGEST_SHEET = 5_000  # rows


def write_public_tables(tables: Tables, folder: Path, *, least_count: int) -> list[Path]:
    """Write what may be published as .xlsx and .csv; return the files.

    No row is a person, nobody who spoke or decided is named, and counts of people under
    `least_count` are masked. Tables over 5,000 rows are .csv only, so that a spreadsheet opens.
    """
    units = tables["units"].assign(speaker=None)
    public = {**tables, "units": units, **_without_small_remote(tables, least_count)}
    return write_tables(
        public,
        folder,
        formats=("csv", "techniques"),
        only=set(TABLES).difference(_NOT_PUBLIC),
        longest_sheet=_LONGEST_SHEET,
    )


def _without_small_remote(tables: Tables, least: int) -> dict[str, pd.DataFrame]:
    """Hide how few wrote about a theme after the workshop.

    Round scores to two decimals: more would give the hidden count away.
    """
    counts = _n_remote(tables)
    priorities, notes = tables["priorities"], tables["priority_notes"]
    if least > 1:
        is_small = _is_small(priorities, counts, least)
        late = {_LATE: priorities[_LATE].mask(is_small)} if _LATE in priorities else {}
        priorities = priorities.assign(score=priorities["score"].round(2), **late)
    is_small = _is_small(notes, counts, least) & (notes["subject"] == _LATE)
    masked = sentence("raisons.note_a_distance", n=least)
    notes = notes.assign(
        value=notes["value"].mask(is_small), sentence=notes["sentence"].mask(is_small, masked)
    )
    return {"priorities": priorities, "priority_notes": notes}


def _is_small(rows: pd.DataFrame, counts: Mapping[Any, int], least: int) -> pd.Series:
    keys = zip(rows["scope"], rows["theme_id"], strict=True)
    return pd.Series([0 < counts.get(key, 0) < least for key in keys], rows.index, dtype=bool)


def _n_remote(tables: Tables) -> Counter[Any]:
    units, members = tables["units"], tables["theme_members"]
    away = units[said_after(units)].merge(members, on="unit_id", validate="one_to_one")
    heard = away[["workshop_id", "theme_id", "document_id"]].drop_duplicates()
    counts: Counter[Any] = Counter(zip(heard["workshop_id"], heard["theme_id"], strict=True))
    counts.update(("study", theme_id) for theme_id in heard["theme_id"])
    return counts


def _write_csv(tables: Tables, folder: Path) -> list[Path]:
    """Write as French spreadsheets read: semicolons, decimal commas, a byte order mark."""
    paths = []
    for name, table in tables.items():
        safe = table.apply(_without_formulas)
        paths.append(folder / f"{name}.csv")
        form: dict[str, Any] = {"sep": ";", "decimal": ",", "lineterminator": "\r\n"}
        safe.to_csv(paths[-1], index=False, encoding="utf-8-sig", **form)
    return paths


def _without_formulas(column: pd.Series) -> pd.Series:
    is_of_texts = column.dtype in (object, "string")
    return column.map(without_formula, na_action="ignore") if is_of_texts else column


def _write_parquet(tables: Tables, folder: Path) -> list[Path]:
    paths = [folder / f"{name}.parquet" for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        table.to_parquet(path, index=False)
    return paths


def _write_xlsx(tables: Tables, folder: Path) -> list[Path]:
    path = folder / NAME
    with new_book(path) as book:
        for name, table in tables.items():
            if len(table) or name == "units":
                book.add_table(name, table)
    return [path]


def _write_geojson(tables: Tables, folder: Path) -> list[Path]:
    path = folder / "structures.geojson"
    content = geojson(tables["structures"], tables["catchments"])
    path.write_text(content, encoding="utf-8", newline="\n")
    return [path]


_WRITERS: dict[str, Callable[[Tables, Path], list[Path]]] = {
    "techniques": _write_xlsx,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "geojson": _write_geojson,
}
_DEPTH = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_PROPERTIES = ("structure_id", "name", "structure_type", "commune_code", "radius_km")


def geojson(structures: pd.DataFrame, catchments: pd.DataFrame) -> str:
    """Return a FeatureCollection (RFC 7946): structures as points, then catchment areas."""
    radius = dict(catchments[["structure_id", "radius_km"]].itertuples(index=False, name=None))
    features = []
    for row in structures.dropna(subset=["lat", "lon"]).to_dict("records"):
        point = {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
        row["radius_km"] = radius.get(row["structure_id"])
        features.append(_feature(row, point, "structure"))
    drawn = catchments.dropna(subset=["geometry"])
    drawn = drawn.merge(structures, on="structure_id", validate="one_to_one")
    for row in drawn.to_dict("records"):
        geometry = oriented(json.loads(row["geometry"]))
        if geometry is not None:
            features.append(_feature(row, geometry, "zone de chalandise"))
    content = {"type": "FeatureCollection", "features": features}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)


def _feature(row: Mapping[Any, Any], geometry: object, kind: str) -> dict[str, object]:
    properties: dict[str, Any] = {"kind": kind}
    for name in _PROPERTIES:
        if row.get(name) is not None and not pd.isna(row[name]):
            properties[name] = row[name]
    if "commune_code" in properties:
        properties["commune"] = name_of(str(properties["commune_code"]))
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def oriented(geometry: Any) -> dict[str, Any] | None:
    """Return the geometry with closed rings turned by the right-hand rule.

    Return None for a geometry that is invalid or off the globe.
    """
    if not isinstance(geometry, Mapping):
        return None
    kind = str(geometry.get("type"))
    if kind == "GeometryCollection":
        parts = geometry.get("geometries")
        geometries = filter(None, map(oriented, parts if isinstance(parts, list) else []))
        members = list(geometries)
        return {"type": kind, "geometries": members} if members else None
    coordinates: Any = geometry.get("coordinates")
    if kind not in _DEPTH or not _is_on_globe(coordinates, _DEPTH[kind]):
        return None
    if kind == "Polygon":
        coordinates = _turned(coordinates)
    elif kind == "MultiPolygon":
        coordinates = list(map(_turned, coordinates))
    return {"type": kind, "coordinates": coordinates}


def _is_on_globe(coordinates: Any, depth: int) -> bool:
    if not isinstance(coordinates, list) or not coordinates:
        return False
    if depth:
        return all(_is_on_globe(inner, depth - 1) for inner in coordinates)
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in coordinates):
        return False
    return len(coordinates) >= 2 and abs(coordinates[0]) <= 180 and abs(coordinates[1]) <= 90


def _turned(rings: list[list[list[float]]]) -> list[list[list[float]]]:
    turned = []
    for i, ring in enumerate(rings):
        closed = ring if ring[0] == ring[-1] else [*ring, ring[0]]
        # twice the signed area, positive where the ring turns counterclockwise
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))
        turned.append(closed if (area >= 0) == (i == 0) else closed[::-1])
    return turned
