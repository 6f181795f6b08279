"""The doubtful cases as a table that the analyst fills in a spreadsheet, and its return.

In:   DOUBTS, or a .csv or .xlsx with the columns « cas » and « décision »
Out:  a file of mode 600; the decision on each case
"""

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import python_calamine
import xlsxwriter

from pipeline.errors import StudyError, UsageError
from pipeline.french import fold
from pipeline.study import write_bytes

Decisions = dict[str, dict[str, str]]

_COLUMNS = {
    "doubt_id": "cas",
    "workshop_id": "atelier",
    "path": "document",
    "start_char": "position",
    "words": "mots",
    "context": "contexte",
    "done": "fait",
    "reason": "raison",
    "n_occurrences": "occurrences",
    "decision": "décision",
}
_DECISIONS = ("masquer", "garder")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that starts so for a formula
_NOTICE = "Vrais mots des participants : ne pas diffuser. Écrire « masquer » ou « garder » dans la colonne décision, puis : ateliers import"


def write_doubts(doubts: pd.DataFrame, path: Path) -> Path:
    """Write the cases to `path`, .csv or .xlsx, those without a decision first.

    Raises `UsageError` for another ending.
    """
    ordered = doubts.sort_values("decision", key=lambda column: column.notna(), kind="stable")
    rows = [["" if pd.isna(cell) else cell for cell in row] for row in ordered[list(_COLUMNS)].itertuples(index=False, name=None)]
    writers = {".csv": _as_csv, ".xlsx": _as_xlsx}
    if path.suffix.lower() not in writers:
        raise UsageError(f"« {path.name} »", "un nom en .csv ou .xlsx", "ateliers export ÉTUDE --format doutes -o doutes.csv")
    write_bytes(path, writers[path.suffix.lower()](rows), mode=0o600)
    return path


def read_decisions(path: Path, doubts: pd.DataFrame) -> tuple[Decisions, int]:
    """Return what `path` decides on `doubts`, by doubt_id, and how many of its cases are not among them; a blank decides nothing.

    Raises `StudyError` for a file that is no such table or a decision that is neither masquer nor garder, with its line.
    """
    rows = _rows(path)
    heads = [fold(str(cell)).strip() for cell in rows[0]] if rows else []
    if "cas" not in heads or "decision" not in heads:
        raise StudyError(
            f"« {path.name} » n'a pas les colonnes « cas » et « décision »",
            "le fichier de ateliers export --format doutes, rempli",
            "l'exporter à nouveau et n'en changer que la colonne « décision »",
        )
    known = doubts.set_index("doubt_id")[["words", "done"]].to_dict("index")
    decisions: Decisions = {}
    n_unknown = 0
    for line, row in enumerate(rows[1:], start=2):
        filled = dict(zip(heads, map(str, row), strict=False))
        case, decision = filled.get("cas", "").strip(), _decision(filled.get("decision", ""), path, line)
        if case and case not in known:
            n_unknown += 1
        elif case and decision:
            decisions[case] = {"words": str(known[case]["words"]), "done": str(known[case]["done"]), "decision": decision}
    return decisions, n_unknown


def _decision(cell: str, path: Path, line: int) -> str | None:
    word = fold(cell).strip()
    if not word:
        return None
    if word not in _DECISIONS:
        raise StudyError(f"{path.name}, ligne {line} : décision « {cell.strip()} »", "masquer, garder ou rien", "corriger cette cellule")
    return word


def _rows(path: Path) -> list[Sequence[Any]]:
    if not path.is_file():
        raise StudyError(f"pas de fichier « {path} »", "un .csv ou .xlsx de cas douteux", "vérifier le chemin")
    if path.suffix.lower() == ".xlsx":
        try:
            return list(python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python())
        except (python_calamine.CalamineError, zipfile.BadZipFile) as error:
            raise StudyError(f"« {path.name} » illisible", "un classeur .xlsx", "l'enregistrer à nouveau") from error
    content = path.read_bytes()
    text = content.decode("utf-8-sig") if _is_utf8(content) else content.decode("cp1252", "replace")
    delimiter = max(";,\t", key=text.split("\n", 1)[0].count)
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """Semicolons and a byte order mark, as French spreadsheets open it; a text like a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS.values())
    for row in rows:
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    """One sheet, its decisions chosen from a list; a second one says what it is for."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("doutes")
        sheet.write_row(0, 0, list(_COLUMNS.values()), workbook.add_format({"bold": True, "bottom": 1}))
        for place, row in enumerate(rows, start=1):
            sheet.write_row(place, 0, row)
        last = len(_COLUMNS) - 1
        sheet.data_validation(1, last, max(1, len(rows)), last, {"validate": "list", "source": list(_DECISIONS)})
        sheet.freeze_panes(1, 0)
        for place, width in enumerate((16, 20, 30, 9, 24, 70, 9, 50, 12, 12)):
            sheet.set_column(place, place, width)
        workbook.add_worksheet("lisez-moi").write(0, 0, _NOTICE)
    return out.getvalue()
