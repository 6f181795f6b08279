"""Export the tables of a study for other tools, and readable lists of its passages, themes, priorities and contrasts.

In:   the tables of the data dictionary, grid
Out:  tableaux.xlsx; one .csv or .parquet a table; structures.geojson
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd
import xlsxwriter

from pipeline.errors import UsageError
from pipeline.grid import Grid
from pipeline.publish.geojson import geojson
from pipeline.publish.readable import PASSAGES, readable_lists
from pipeline.publish.report.passages import Tables
from pipeline.publish.text import printable
from pipeline.publish.zipped import fix_times
from pipeline.tables import TABLES

Format = Literal["xlsx", "csv", "parquet", "geojson"]
_CELL_CHARS = 32_767  # what a cell of a spreadsheet holds
_SHEET_ROWS = 1_048_575  # and a sheet, under its header
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a .csv cell that starts so for a formula


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
        raise UsageError(f"format inconnu : {', '.join(unknown)}", f"un de : {', '.join(_WRITERS)}", "choisir un format de cette liste")
    known = {name: tables[name] if name in tables else table.empty() for name, table in TABLES.items()}
    folder.mkdir(parents=True, exist_ok=True)
    lists = readable_lists(known, grid) | {name: rows for name, rows in tables.items() if name not in TABLES}
    exported = {**lists, **known, **_without_file_names(known)}
    if only is not None:
        exported = {name: rows for name, rows in exported.items() if name in only}
    sheets = {name: rows for name, rows in exported.items() if name in lists or len(rows) <= longest_sheet}
    return [path for name in wanted for path in _WRITERS[name](sheets if name == "xlsx" else exported, folder)]


def _without_file_names(tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables that hold paths of the depot, each path as its folder and its kind of file: people put names in file names."""
    documents, rejects = tables["documents"], tables["rejects"]
    numbered = [_nameless(path, name) for path, name in documents[["path", "document_id"]].itertuples(index=False, name=None)]
    unread = [_nameless(path, "fichier") for path in rejects["path"]]
    return {"documents": documents.assign(path=numbered), "rejects": rejects.assign(path=unread)}


def _nameless(path: str, name: str) -> str:
    """The folder of `path`, then `name` with the file's ending."""
    file = PurePosixPath(path.partition("#")[0])
    return str(PurePosixPath(*file.parts[:1], name + file.suffix) if len(file.parts) > 1 else PurePosixPath(name + file.suffix))


def _write_csv(tables: Tables, folder: Path) -> list[Path]:
    """Semicolons, decimal commas and a byte order mark, as French spreadsheets open them; a text like a formula gets an apostrophe."""
    paths = []
    for name, table in tables.items():
        safe = table.apply(
            lambda column: column.map(_defused, na_action="ignore") if column.dtype == object or column.dtype == "string" else column
        )
        paths.append(folder / f"{name}.csv")
        safe.to_csv(paths[-1], sep=";", decimal=",", index=False, encoding="utf-8-sig", lineterminator="\r\n")
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
        workbook.set_properties({"created": pd.Timestamp(1980, 1, 1).to_pydatetime(), "author": "Ateliers Territoires"})
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
    for n_row, row in enumerate(zip(*(_cells(table[column].head(_SHEET_ROWS)) for column in table), strict=True), start=1):
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
    path.write_text(geojson(tables["structures"], tables["catchments"]), encoding="utf-8", newline="\n")
    return [path]


_WRITERS: dict[str, Callable[[Tables, Path], list[Path]]] = {
    "xlsx": _write_xlsx,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "geojson": _write_geojson,
}
