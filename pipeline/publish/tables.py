"""Export a study's tables for other tools, whole or without what may not be published.

In:   the tables of the data dictionary, grid
Out:  tableaux.xlsx; one .csv or .parquet a table; structures.geojson
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd
import xlsxwriter

from pipeline.communes import name_of
from pipeline.compare.reach import shown_verdicts
from pipeline.counting import said_after
from pipeline.errors import UsageError
from pipeline.grid.codes import STANDARD, Grid
from pipeline.publish.report import all_tables
from pipeline.publish.report.passages import Tables, gather_passages, rows_of, workshop_names
from pipeline.publish.report.people import attendance_cells, attendance_rows, count_attendance
from pipeline.publish.text import (
    fix_times,
    one_line,
    printable,
    sentence,
    stability,
    texts,
    word,
)
from pipeline.tables import TABLES

Format = Literal["xlsx", "csv", "parquet", "geojson"]
PASSAGES = "passages"
READABLE = (
    PASSAGES,
    "liste_themes",
    "liste_priorites",
    "liste_territoires",
    "liste_dits",
)
_CELL_CHARS = 32_767  # a spreadsheet's limit
_SHEET_ROWS = 1_048_575  # under the header
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a .csv cell so begun is run as a formula


def write_tables(
    tables: Tables,
    folder: Path,
    *,
    formats: Iterable[Format],
    grid: Grid | None = None,
    only: Collection[str] | None = None,
    longest_sheet: int = _SHEET_ROWS,
) -> list[Path]:
    """Write `tables` and the readable lists into `folder` in each format; return the files.

    Without `grid`, codes get no labels. `only` names the tables and lists wanted. A table that the
    dictionary does not know comes first, as it is; one that it knows, over `longest_sheet` rows,
    gets no .xlsx sheet. Raises `UsageError` for an unknown format before writing anything.
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
    lists = readable_lists(every, grid)
    lists |= {name: rows for name, rows in tables.items() if name not in TABLES}
    exported = {**lists, **every, **_without_file_names(every)}
    if only is not None:
        exported = {name: rows for name, rows in exported.items() if name in only}
    sheets = {
        name: rows for name, rows in exported.items() if name in lists or len(rows) <= longest_sheet
    }
    paths: list[Path] = []
    for name in wanted:
        paths += _WRITERS[name](sheets if name == "xlsx" else exported, folder)
    return paths


def _without_file_names(tables: Tables) -> dict[str, pd.DataFrame]:
    """Reduce each path to its folder and extension: people put names in file names."""
    documents, rejects = tables["documents"], tables["rejects"]
    ids = documents[["path", "document_id"]].itertuples(index=False, name=None)
    paths = [_nameless(path, document_id) for path, document_id in ids]
    unread = [_nameless(path, "fichier") for path in rejects["path"]]
    return {"documents": documents.assign(path=paths), "rejects": rejects.assign(path=unread)}


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
_LONGEST_SHEET = 20_000  # rows


def write_public_tables(
    tables: Tables, folder: Path, *, grid: Grid, least_count: int
) -> list[Path]:
    """Write what may be published as .xlsx and .csv; return the files.

    No row is a person, nobody who spoke or decided is named, and counts of people under
    `least_count` are masked. Tables over 20,000 rows are .csv only, so that a spreadsheet opens.
    """
    units = tables["units"].assign(speaker=None)
    public = {"liste_presence": _who_came(tables, least_count), **tables, "units": units}
    public |= _without_small_remote(tables, least_count)
    return write_tables(
        public,
        folder,
        formats=("csv", "xlsx"),
        grid=grid,
        only={*READABLE, *public, *TABLES}.difference(_NOT_PUBLIC),
        longest_sheet=_LONGEST_SHEET,
    )


def _who_came(tables: Tables, least: int) -> pd.DataFrame:
    names = workshop_names(tables["workshops"])
    came = count_attendance(tables, names, least=least)
    totals = [came.workshops[workshop_id] for workshop_id in names]
    rows = attendance_cells(attendance_rows(came), totals, least)
    columns = [texts()["colonnes"]["type"], *names.values()]
    return pd.DataFrame([[name, *cells] for name, cells in rows], columns=columns)


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


def readable_lists(tables: Tables, grid: Grid | None) -> dict[str, pd.DataFrame]:
    """Return the lists that analysts read, by name, in French; without `grid`, codes have no
    labels.
    """
    lists: tuple[pd.DataFrame, ...] = (
        _passages(tables, grid),
        _themes(tables),
        _priorities(tables),
        _contrasts(tables, grid),
        _opinions(tables),
    )
    units = tables["units"]
    # documents were counted instead of tables
    if len(units) and units["table_number"].isna().all():
        heads = {"n_tables": "n_documents", "part": "part_documents"}
        lists = (*lists[:3], *(rows.rename(columns=heads) for rows in lists[3:]))
    heads = texts()["exports"] | {axis.axis: axis.label for axis in (grid.own_axes if grid else ())}
    return {name: rows.rename(columns=heads) for name, rows in zip(READABLE, lists, strict=True)}


def _passages(tables: Tables, grid: Grid | None) -> pd.DataFrame:
    passages = gather_passages(tables)
    rows, heads = passages.rows, texts()["exports"]
    columns = {
        "atelier": rows["workshop_id"].map(passages.names),
        "table": rows["table_number"],
        "question": rows["question"].map(lambda name: word("questions", name), na_action="ignore"),
        "canal": rows["channel"].map(lambda name: word("lieux", name)),
        "passage": rows["text"],
    }
    for axis in [axis.axis for axis in grid.axes] if grid else STANDARD:
        tags = passages.tags[passages.tags["axis"] == axis]
        labels = {code: grid.label_of(code) if grid else code for code in tags["code"].unique()}
        named = tags.assign(name=tags["code"].map(labels))
        columns[axis] = rows["unit_id"].map(named.groupby("unit_id")["name"].agg(" ; ".join))
    if len(tables["themes"]):
        columns["theme"] = rows["theme_id"].map(_theme_labels(tables))
        is_aside = rows["theme_id"].isna()
        columns["mis_a_part"] = is_aside.map({True: heads["oui"], False: heads["non"]})
    return pd.DataFrame(columns | {"identifiant": rows["unit_id"]})


def _themes(tables: Tables) -> pd.DataFrame:
    keys = ["n_tables", "n_units", "theme_id"]
    rows = tables["themes"].sort_values(keys, ascending=[False, False, True])
    families = tables["theme_families"].set_index("family_id")["label"].map(one_line)
    values = [None if pd.isna(value) else value for value in rows["stability"]]
    is_to_choose = rows["subject_id"].isna() & (rows["name_source"] != "person")
    return pd.DataFrame(
        {
            "theme": rows["label"].map(one_line),
            "enonce": rows["statement"],
            "origine_nom": rows["name_source"]
            .mask(is_to_choose, "a_choisir")
            .map(lambda source: word("origines_nom", source)),
            "famille": rows["parent_id"].map(families),
            "description": rows["description"],
            "mots": [", ".join(map(str, json.loads(words))) for words in rows["keywords"]],
            "nature_theme": rows["kind"].map(lambda kind: word("natures", kind)),
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "n_tables_au_plus": rows["n_tables_high"],
            "n_ateliers": rows["n_workshops"],
            "solidite": list(map(stability, values, rows["unity"])),
            "identifiant": rows["theme_id"],
        }
    )


def _priorities(tables: Tables) -> pd.DataFrame:
    names = {"study": texts()["exports"]["etude"]} | workshop_names(tables["workshops"])
    order = {scope: i for i, scope in enumerate(names)}
    rows = tables["priorities"]
    rows = rows.assign(order=rows["scope"].map(order))
    rows = rows.sort_values(["order", "scope", "rank", "theme_id"])
    return pd.DataFrame(
        {
            "portee": rows["scope"].map(names),
            "rang": rows["rank"],
            "theme": rows["theme_id"].map(_theme_labels(tables)),
            "score": rows["score"],
            "rang_bas": rows["rank_low"],
            "rang_haut": rows["rank_high"],
            "p_top3": rows["p_top3"],
            "identifiant": rows["theme_id"],
        }
    )


def _contrasts(tables: Tables, grid: Grid | None) -> pd.DataFrame:
    keys = ["territory", "subject", "subject_id"]
    shown = shown_verdicts(tables["contrasts"], tables["theme_reach"])
    rows = tables["contrasts"].assign(shown=shown).sort_values(keys, ascending=[True, False, True])
    labels, subjects = _theme_labels(tables), []
    for row in rows_of(rows):
        code = row.subject_id.partition(":")[2]
        if row.subject == "theme":
            subjects.append(labels.get(row.subject_id, row.subject_id))
        else:
            subjects.append(grid.label_of(code) if grid else code)
    return pd.DataFrame(
        {
            "territoire": rows["territory"],
            "sujet": subjects,
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "part": rows["share"],
            "verdict": rows["shown"],
            "identifiant": rows["subject_id"],
        }
    )


def _opinions(tables: Tables) -> pd.DataFrame:
    rows = tables["theme_opinions"]
    texts = dict(zip(tables["units"]["unit_id"], tables["units"]["text"], strict=True))
    keys = zip(rows["theme_id"], rows["opinion_order"], strict=True)
    text_of = dict(zip(keys, rows["unit_id"].map(texts), strict=True))
    faced = zip(rows["theme_id"], rows["faces"], strict=True)
    return pd.DataFrame(
        {
            "theme": rows["theme_id"].map(_theme_labels(tables)),
            "nature_dit": rows["posture"].map(lambda posture: word("opinions", posture)),
            "passage": rows["unit_id"].map(texts),
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "n_ateliers": rows["n_workshops"],
            "en_face": [text_of.get(pair) for pair in faced],
            "identifiant": rows["unit_id"],
        }
    )


def _theme_labels(tables: Tables) -> dict[str, str]:
    themes = tables["themes"]
    return dict(zip(themes["theme_id"], map(one_line, themes["label"]), strict=True))


def _write_csv(tables: Tables, folder: Path) -> list[Path]:
    """Write as French spreadsheets read: semicolons, decimal commas, a byte order mark."""
    paths = []
    for name, table in tables.items():
        safe = table.apply(
            lambda column: (
                column.map(_defused, na_action="ignore")
                if column.dtype in (object, "string")
                else column
            )
        )
        paths.append(folder / f"{name}.csv")
        form = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig", "lineterminator": "\r\n"}
        safe.to_csv(paths[-1], index=False, **form)
    return paths


def _defused(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _write_parquet(tables: Tables, folder: Path) -> list[Path]:
    paths = [folder / f"{name}.parquet" for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        table.to_parquet(path, index=False)
    return paths


def _write_xlsx(tables: Tables, folder: Path) -> list[Path]:
    """Write texts as texts, never as formulas or links."""
    path = folder / "tableaux.xlsx"
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        created = pd.Timestamp(1980, 1, 1).to_pydatetime()
        workbook.set_properties({"created": created, "author": "Ateliers Territoires"})
        head = workbook.add_format({"bold": True, "bg_color": "#E8F1F1", "bottom": 1})
        for name, table in tables.items():
            if len(table) or name == PASSAGES:
                _add_sheet(workbook.add_worksheet(name), table, head)
    fix_times(path)
    return [path]


def _add_sheet(sheet: Any, table: pd.DataFrame, head: Any) -> None:
    sheet.freeze_panes(1, 0)
    for i, column in enumerate(table.columns):
        longest = table[column].head(200).astype(str).str.len().max()
        sheet.set_column(i, i, min(60, max(12, 0 if pd.isna(longest) else int(longest))))
    sheet.write_row(0, 0, list(table.columns), head)
    columns = [_cells(table[column].head(_SHEET_ROWS)) for column in table]
    for n_row, row in enumerate(zip(*columns, strict=True), start=1):
        for i, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(n_row, i, printable(cell)[:_CELL_CHARS])
            elif cell is not None:
                sheet.write(n_row, i, cell)
    sheet.autofilter(0, 0, len(table), max(0, len(table.columns) - 1))


def _cells(column: "pd.Series") -> list[Any]:
    cells: list[Any] = column.to_numpy(dtype=object, na_value=None).tolist()  # type: ignore[call-overload]  # stubs lack None
    return cells


def _write_geojson(tables: Tables, folder: Path) -> list[Path]:
    path = folder / "structures.geojson"
    content = geojson(tables["structures"], tables["catchments"])
    path.write_text(content, encoding="utf-8", newline="\n")
    return [path]


_WRITERS: dict[str, Callable[[Tables, Path], list[Path]]] = {
    "xlsx": _write_xlsx,
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
