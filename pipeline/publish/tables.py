"""Export the tables of a study for other tools, and readable lists of its passages, themes, priorities and contrasts.

In:   the tables of the data dictionary, grid
Out:  tableaux.xlsx; one .csv or .parquet a table; structures.geojson

What analysts read in a spreadsheet: passages, themes, priorities and contrasts as lists headed in French, words instead of codes.

Structures and their catchment areas as GeoJSON (RFC 7946): longitude before latitude, WGS 84, outer rings counterclockwise.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd
import xlsxwriter

from pipeline.communes import name_of
from pipeline.errors import UsageError
from pipeline.grid.codes import STANDARD, Grid
from pipeline.publish.report.passages import Passages, Tables, gather_passages, workshop_names
from pipeline.publish.text import fix_times, one_line, printable, stability, texts, word
from pipeline.tables import TABLES
from pipeline.tables.schema import LEAD

PASSAGES = "passages"
READABLE = (PASSAGES, "liste_themes", "liste_priorites", "liste_territoires")


def readable_lists(tables: Tables, grid: Grid | None) -> dict[str, pd.DataFrame]:
    """The lists by name, passages first. Without `grid`, codes are not translated into labels."""
    lists = {
        PASSAGES: _passages(tables, grid),
        "liste_themes": _themes(tables),
        "liste_priorites": _priorities(tables),
        "liste_territoires": _contrasts(tables, grid),
    }
    own = {axis.axis: axis.label for axis in grid.own_axes} if grid else {}
    heads = texts()["exports"] | own
    if tables["units"]["table_number"].isna().all() and len(
        tables["units"]
    ):  # documents were counted in the place of tables
        lists["liste_territoires"] = lists["liste_territoires"].rename(
            columns={"n_tables": "n_documents", "part": "part_documents"}
        )
    return {name: rows.rename(columns=heads) for name, rows in lists.items()}


def _passages(tables: Tables, grid: Grid | None) -> pd.DataFrame:
    """One row a passage in reading order: where it was said, its codes and theme in words."""
    passages = gather_passages(tables)
    rows, heads = passages.rows, texts()["exports"]
    codes = {
        axis: rows["unit_id"].map(_codes(passages, axis, grid))
        for axis in ([axis.axis for axis in grid.axes] if grid else STANDARD)
    }
    return pd.DataFrame(
        {
            "atelier": rows["workshop_id"].map(passages.names),
            "table": rows["table_number"],
            "question": rows["question"].map(
                lambda name: word("questions", name), na_action="ignore"
            ),
            "canal": rows["channel"].map(lambda name: word("lieux", name)),
            "passage": rows["text"],
            **codes,
            "theme": rows["theme_id"].map(_labels(tables)),
            "mis_a_part": rows["theme_id"].isna().map({True: heads["oui"], False: heads["non"]}),
            "identifiant": rows["unit_id"],
        }
    )


def _themes(tables: Tables) -> pd.DataFrame:
    """One row a theme, those said at most tables first."""
    rows = tables["themes"].sort_values(
        ["n_tables", "n_units", "theme_id"], ascending=[False, False, True]
    )
    families = tables["theme_families"].set_index("family_id")["label"].map(one_line)
    return pd.DataFrame(
        {
            "theme": rows["label"].map(one_line),
            "famille": rows["parent_id"].map(families),
            "description": rows["description"],
            "mots": [", ".join(map(str, json.loads(words))) for words in rows["keywords"]],
            "nature_theme": rows["kind"].map(lambda kind: word("natures", kind)),
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "n_ateliers": rows["n_workshops"],
            "solidite": [
                stability(None if pd.isna(value) else value) for value in rows["stability"]
            ],
            "identifiant": rows["theme_id"],
        }
    )


def _priorities(tables: Tables) -> pd.DataFrame:
    """One row a scope and theme: the study first, then the workshops, by rank."""
    names = {"study": texts()["exports"]["etude"]} | workshop_names(tables["workshops"])
    place = {scope: order for order, scope in enumerate(names)}
    rows = tables["priorities"]
    rows = rows.assign(place=rows["scope"].map(place)).sort_values(
        ["place", "scope", "rank", "theme_id"]
    )
    return pd.DataFrame(
        {
            "portee": rows["scope"].map(names),
            "rang": rows["rank"],
            "theme": rows["theme_id"].map(_labels(tables)),
            "score": rows["score"],
            "rang_bas": rows["rank_low"],
            "rang_haut": rows["rank_high"],
            "p_top3": rows["p_top3"],
            "identifiant": rows["theme_id"],
        }
    )


def _contrasts(tables: Tables, grid: Grid | None) -> pd.DataFrame:
    """One row a territory and subject, a theme or a code."""
    rows = tables["contrasts"].sort_values(
        ["territory", "subject", "subject_id"], ascending=[True, False, True]
    )
    labels = _labels(tables)
    codes = [subject_id.partition(":")[2] for subject_id in rows["subject_id"]]
    subjects = [
        labels.get(subject_id, subject_id)
        if subject == "theme"
        else grid.label_of(code)
        if grid
        else code
        for subject, subject_id, code in zip(
            rows["subject"], rows["subject_id"], codes, strict=True
        )
    ]
    return pd.DataFrame(
        {
            "territoire": rows["territory"],
            "sujet": subjects,
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "part": rows["share"],
            "verdict": rows["verdict"].where(~rows["is_lead"], LEAD),
            "identifiant": rows["subject_id"],
        }
    )


def _labels(tables: Tables) -> dict[str, str]:
    themes = tables["themes"]
    return dict(zip(themes["theme_id"], map(one_line, themes["label"]), strict=True))


def _codes(passages: Passages, axis: str, grid: Grid | None) -> pd.Series:
    """The labels of each passage's codes on `axis`, in the order of their names, by unit_id."""
    tags = passages.tags[passages.tags["axis"] == axis]
    names = {code: grid.label_of(code) if grid else code for code in tags["code"].unique()}
    return tags.assign(name=tags["code"].map(names)).groupby("unit_id")["name"].agg(" ; ".join)


_DEPTH = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def geojson(structures: pd.DataFrame, catchments: pd.DataFrame) -> str:
    """A FeatureCollection: each structure that is placed, as a point with its radius where one is known, then each area that is drawn."""
    radius = dict(catchments[["structure_id", "radius_km"]].itertuples(index=False, name=None))
    points = [
        _feature(
            row | {"radius_km": radius.get(row["structure_id"])},
            {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            "structure",
        )
        for row in structures.dropna(subset=["lat", "lon"]).to_dict("records")
    ]
    drawn = catchments.dropna(subset=["geometry"]).merge(
        structures, on="structure_id", validate="one_to_one"
    )
    areas = [
        _feature(row, geometry, "zone de chalandise")
        for row in drawn.to_dict("records")
        if (geometry := oriented(json.loads(row["geometry"]))) is not None
    ]
    return json.dumps(
        {"type": "FeatureCollection", "features": points + areas},
        ensure_ascii=False,
        indent=1,
        allow_nan=False,
    )


def oriented(geometry: Any) -> dict[str, Any] | None:
    """A geometry with its rings closed and turned by the right-hand rule; None for what is no geometry on the globe."""
    if not isinstance(geometry, Mapping):
        return None
    if geometry.get("type") == "GeometryCollection":
        within = geometry.get("geometries")
        parts = (
            [part for one in within if (part := oriented(one))] if isinstance(within, list) else []
        )
        return {"type": "GeometryCollection", "geometries": parts} if parts else None
    depth = _DEPTH.get(str(geometry.get("type")))
    if depth is None or not _is_placed(geometry.get("coordinates"), depth):
        return None
    coordinates = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        coordinates = _turned(coordinates)
    elif geometry["type"] == "MultiPolygon":
        coordinates = [_turned(polygon) for polygon in coordinates]
    return {"type": geometry["type"], "coordinates": coordinates}


def _is_placed(coordinates: Any, depth: int) -> bool:
    """Whether `coordinates` are positions on the globe, nested `depth` deep."""
    if not isinstance(coordinates, list) or not coordinates:
        return False
    if depth:
        return all(_is_placed(inner, depth - 1) for inner in coordinates)
    numbers = [
        number
        for number in coordinates
        if isinstance(number, int | float) and math.isfinite(number)
    ]
    return (
        len(numbers) == len(coordinates) >= 2 and abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90
    )


def _turned(rings: list[list[list[float]]]) -> list[list[list[float]]]:
    """The rings of a polygon, closed: the outer one counterclockwise, holes clockwise."""
    closed = [ring if ring[0] == ring[-1] else [*ring, ring[0]] for ring in rings]
    return [
        ring if (_area(ring) >= 0) == (place == 0) else ring[::-1]
        for place, ring in enumerate(closed)
    ]


def _area(ring: list[list[float]]) -> float:
    """Twice the signed area, positive where the ring turns counterclockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))


def _feature(row: Mapping[Any, Any], geometry: object, kind: str) -> dict[str, object]:
    wanted = ("structure_id", "name", "structure_type", "commune_code", "radius_km")
    properties = {"kind": kind} | {
        name: row[name] for name in wanted if row.get(name) is not None and not pd.isna(row[name])
    }
    if "commune_code" in properties:
        properties["commune"] = name_of(str(properties["commune_code"]))
    return {"type": "Feature", "properties": properties, "geometry": geometry}


Format = Literal["xlsx", "csv", "parquet", "geojson"]
_CELL_CHARS = 32_767  # what a cell of a spreadsheet holds
_SHEET_ROWS = 1_048_575  # and a sheet, under its header
_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # a spreadsheet takes a .csv cell that starts so for a formula


def write_tables(
    tables: Tables,
    folder: Path,
    *,
    formats: Iterable[Format],
    grid: Grid | None = None,
    only: Collection[str] | None = None,
    longest_sheet: int = _SHEET_ROWS,
) -> list[Path]:
    """Write `tables` into `folder`, which is made, in each format; return the files. Without `grid`, codes are not translated into labels.

    `only` names the tables wanted; lists that people read come with all of them, or where it names them. A table that the data dictionary
    does not know is written as it is, first. One of the dictionary with more than `longest_sheet` rows has no sheet in the .xlsx.

    Raises `UsageError` for a format that is not known, before anything is written.
    """
    wanted = list(formats)
    unknown = sorted(set(wanted) - set(_WRITERS))
    if unknown:
        raise UsageError(
            f"format inconnu : {', '.join(unknown)}",
            f"un de : {', '.join(_WRITERS)}",
            "choisir un format de cette liste",
        )
    known = {
        name: tables[name] if name in tables else table.empty() for name, table in TABLES.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    lists = readable_lists(known, grid) | {
        name: rows for name, rows in tables.items() if name not in TABLES
    }
    exported = {**lists, **known, **_without_file_names(known)}
    if only is not None:
        exported = {name: rows for name, rows in exported.items() if name in only}
    sheets = {
        name: rows for name, rows in exported.items() if name in lists or len(rows) <= longest_sheet
    }
    return [
        path
        for name in wanted
        for path in _WRITERS[name](sheets if name == "xlsx" else exported, folder)
    ]


def _without_file_names(tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables that hold paths of the depot, each path as its folder and its kind of file: people put names in file names."""
    documents, rejects = tables["documents"], tables["rejects"]
    numbered = [
        _nameless(path, name)
        for path, name in documents[["path", "document_id"]].itertuples(index=False, name=None)
    ]
    unread = [_nameless(path, "fichier") for path in rejects["path"]]
    return {"documents": documents.assign(path=numbered), "rejects": rejects.assign(path=unread)}


def _nameless(path: str, name: str) -> str:
    """The folder of `path`, then `name` with the file's ending."""
    file = PurePosixPath(path.partition("#")[0])
    return str(
        PurePosixPath(*file.parts[:1], name + file.suffix)
        if len(file.parts) > 1
        else PurePosixPath(name + file.suffix)
    )


def _write_csv(tables: Tables, folder: Path) -> list[Path]:
    """Semicolons, decimal commas and a byte order mark, as French spreadsheets open them; a text like a formula gets an apostrophe."""
    paths = []
    for name, table in tables.items():
        safe = table.apply(
            lambda column: (
                column.map(_defused, na_action="ignore")
                if column.dtype == object or column.dtype == "string"
                else column
            )
        )
        paths.append(folder / f"{name}.csv")
        safe.to_csv(
            paths[-1],
            sep=";",
            decimal=",",
            index=False,
            encoding="utf-8-sig",
            lineterminator="\r\n",
        )
    return paths


def _defused(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _write_parquet(tables: Tables, folder: Path) -> list[Path]:
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.parquet")
        table.to_parquet(paths[-1], index=False)
    return paths


def _write_xlsx(tables: Tables, folder: Path) -> list[Path]:
    """One sheet a list or table that has rows; texts are never taken for formulas or links, and cut where a cell is full."""
    path = folder / "tableaux.xlsx"
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        workbook.set_properties(
            {"created": pd.Timestamp(1980, 1, 1).to_pydatetime(), "author": "Ateliers Territoires"}
        )
        head = workbook.add_format({"bold": True, "bg_color": "#E8F1F1", "bottom": 1})
        for name, table in tables.items():
            if len(table) or name == PASSAGES:
                _add_sheet(workbook.add_worksheet(name), table, head)
    fix_times(path)
    return [path]


def _add_sheet(sheet: Any, table: pd.DataFrame, head: Any) -> None:
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        longest = table[column].head(200).astype(str).str.len().max()
        sheet.set_column(place, place, min(60, max(12, 0 if pd.isna(longest) else int(longest))))
    sheet.write_row(0, 0, list(table.columns), head)
    for n_row, row in enumerate(
        zip(*(_cells(table[column].head(_SHEET_ROWS)) for column in table), strict=True), start=1
    ):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(n_row, place, printable(cell)[:_CELL_CHARS])
            elif cell is not None:
                sheet.write(n_row, place, cell)
    sheet.autofilter(0, 0, len(table), max(0, len(table.columns) - 1))


def _cells(column: "pd.Series") -> list[Any]:
    """The cells of a column as Python's own values, None for a missing one."""
    cells: list[Any] = column.to_numpy(dtype=object, na_value=None).tolist()  # type: ignore[call-overload]  # its stubs do not know None
    return cells


def _write_geojson(tables: Tables, folder: Path) -> list[Path]:
    path = folder / "structures.geojson"
    path.write_text(
        geojson(tables["structures"], tables["catchments"]), encoding="utf-8", newline="\n"
    )
    return [path]


_WRITERS: dict[str, Callable[[Tables, Path], list[Path]]] = {
    "xlsx": _write_xlsx,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "geojson": _write_geojson,
}
