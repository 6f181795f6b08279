"""Read workbooks, .xlsx and .xls with calamine, .ods by an own walk: every row of every visible sheet that has content.

In:   the bytes of a workbook
Out:  one part a sheet, named in order (« 1-Feuille »); a single sheet gives a part without a name

Read delimited tables (.csv, .tsv): encoding and separator told from the content, line breaks inside quotes kept.
"""

import csv
import datetime as dt
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import olefile
import python_calamine as calamine

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart, decode
from pipeline.ingest.readers.container import Container, check_chains
from pipeline.ingest.readers.odf import sheets_of_ods
from pipeline.ingest.readers.source import Source, corrupt, no_text, protected
from pipeline.ingest.readers.wording import clean

_MIN_SHARE = {
    ";": 0.5,
    "\t": 0.5,
    ",": 0.8,
    "|": 0.7,
}  # of rows that a separator must cut alike: sentences hold commas too
_MIN_COMMON = 0.6  # of the lines in which the sign of a ragged table stands
_N_SAMPLE = 200  # rows looked at to find the separator
MAX_CELLS = 5_000_000  # of one table, blank ones that square it counted
_MAX_CELL = 20_000  # characters: a longer cell means that a stray quote swallowed rows
csv.field_size_limit(10_000_000)


def read_delimited(source: Source) -> tuple[RawPart, ...]:
    """Return the table as one part of rows.

    Raises `ReadError` for a blank file, bytes that are no text, and a table of millions of cells.
    """
    rows = rows_of(decode(source.content))
    if not any(any(row) for row in rows):
        raise no_text("tableau")
    return (RawPart((), rows=rows),)


def rows_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The rows of `text`, clean cells, blank rows out, padded to one width."""
    declared = text[:6].lower()
    separator = text[4] if declared.startswith("sep=") and len(text) > 4 else _separator(text)
    body = text.split("\n", 1)[1] if declared.startswith("sep=") and "\n" in text else text
    rows = _parse(body, separator, csv.QUOTE_MINIMAL)
    if any(
        len(cell) > 40 and (len(cell) > _MAX_CELL or cell.count("\n") > 40)
        for row in rows
        for cell in row
    ):
        rows = _parse(body, separator, csv.QUOTE_NONE)
    return squared(rows)


def squared(rows: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """Rows with clean cells, padded with "" to one width, blank ones out at both ends; a line break inside a cell stays.

    Raises `ReadError` where that gives millions of cells.
    """
    cells = [
        tuple("\n".join(filter(None, map(clean, cell.split("\n")))) if cell else "" for cell in row)
        for row in rows
    ]
    filled = [place for place, row in enumerate(cells) if any(row)]
    kept = cells[filled[0] : filled[-1] + 1] if filled else []
    width = max((place + 1 for row in kept for place, cell in enumerate(row) if cell), default=0)
    check_cells(len(kept), width)
    return tuple((row + ("",) * width)[:width] for row in kept)


def check_cells(n_rows: int, n_columns: int) -> None:
    """Raise `ReadError` where a table holds, once squared, more cells than a workshop ever wrote."""
    if n_rows * n_columns > MAX_CELLS:
        raise ReadError(
            f"feuille de {n_rows} lignes sur {n_columns} colonnes",
            f"{MAX_CELLS} cellules au plus",
            "effacer les cellules loin du tableau (Ctrl+Fin les montre), ou copier le tableau dans un nouveau classeur",
        )


def looks_delimited(text: str) -> bool:
    """True where three lines or more are all cut into the same number of three cells or more, most of them short."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 3 or not any(all(line.count(sign) >= 2 for line in lines) for sign in ";\t|"):
        return False
    rows = [row for row in _parse(text, _separator(text), csv.QUOTE_MINIMAL) if any(row)]
    widths = Counter(len(row) for row in rows)
    return len(widths) == 1 and min(widths) >= 3 and all(len(cell.split()) <= 8 for cell in rows[0])


def _separator(text: str) -> str:
    """The separator that cuts most rows into the same number of cells; one that occurs nowhere for a table of one column."""
    sample = "\n".join(text.split("\n")[: 3 * _N_SAMPLE])

    def evenness(sign: str) -> tuple[float, int]:
        widths = Counter(
            len(row) for row in _parse(sample, sign, csv.QUOTE_MINIMAL)[:_N_SAMPLE] if any(row)
        )
        width, n_rows = max(
            ((width, n_rows) for width, n_rows in widths.items() if width > 1),
            key=lambda pair: (pair[1], pair[0]),
            default=(1, 0),
        )
        share = n_rows / max(1, widths.total())
        return (share if share >= _MIN_SHARE[sign] else 0.0), width

    best = max(_MIN_SHARE, key=evenness)
    return best if evenness(best)[0] else _common_sign(sample)


def _common_sign(sample: str) -> str:
    """The sign that stands in most lines of a table whose rows differ in width; sentences hold none of these so often."""
    lines = [line for line in sample.split("\n") if line.strip()]
    n_lines = {sign: sum(sign in line for line in lines) for sign in ";\t|"}
    best = max(n_lines, key=lambda sign: n_lines[sign])
    return best if n_lines[best] >= max(2, _MIN_COMMON * len(lines)) else "\x1f"


def _parse(text: str, separator: str, quoting: Literal[0, 3]) -> list[list[str]]:
    try:
        return [
            *csv.reader(
                io.StringIO(text),
                delimiter=separator,
                quoting=quoting,
                skipinitialspace=quoting == csv.QUOTE_MINIMAL,
            )
        ]
    except csv.Error as error:
        raise ReadError(
            "tableau illisible",
            "un fichier .csv à un seul séparateur",
            "l'ouvrir dans un tableur et l'enregistrer en .xlsx",
        ) from error


_DTD = re.compile(rb"<!DOCTYPE", re.IGNORECASE)  # in UTF-16 as well, once its zeroes are out
_ROW = re.compile(rb'<row [^>]*?\br="(\d{1,9})"')
_FILLED = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,9})"[^>]*[^/>]>')
_FEW_ROWS = MAX_CELLS // 16_384  # rows that fit however many columns they have
_PROLOG = 100_000  # bytes of an XML file in which it stands
_UNSAFE = str.maketrans({"/": "-", "#": "-", "\\": "-"})


@dataclass(frozen=True)
class _Sheet:
    """A sheet with what it shows."""

    name: str
    is_visible: bool
    rows: tuple[tuple[str, ...], ...]
    n_comments: int = 0


def read_sheets(source: Source) -> tuple[RawPart, ...]:
    """Return one part a visible sheet that has content; rows that a filter hides are read.

    Raises `ReadError` for a damaged, protected, blank or monstrous workbook.
    """
    sheets = _sheets_with_calamine(source)
    return _parts(sheets, n_comments=_n_comments(source))


def read_ods(source: Source) -> tuple[RawPart, ...]:
    """Return one part a visible sheet of an OpenDocument workbook that has content.

    Raises `ReadError` as `read_sheets` does.
    """
    found = sheets_of_ods(source)
    sheets = [_Sheet(sheet.name, sheet.is_visible, _compact(sheet.rows)) for sheet in found]
    return _parts(sheets, n_comments=sum(sheet.n_comments for sheet in found))


def _parts(sheets: Sequence[_Sheet], *, n_comments: int) -> tuple[RawPart, ...]:
    """The parts of the visible sheets that have content, and what is told of the rest."""
    filled = [
        (place, sheet)
        for place, sheet in enumerate(sheets, start=1)
        if sheet.rows and sheet.is_visible
    ]
    if not filled:
        raise no_text("classeur")
    n_hidden = sum(bool(sheet.rows) and not sheet.is_visible for sheet in sheets)
    told = (
        (n_hidden, "feuille{} masquée{} non lue{}"),
        (n_comments, "commentaire{} de cellule non lu{}"),
    )
    warnings = tuple(
        f"{count} {text.replace('{}', 's' if count > 1 else '')}" for count, text in told if count
    )
    if len(filled) == 1:
        return (
            RawPart((), title=clean(filled[0][1].name), rows=filled[0][1].rows, warnings=warnings),
        )
    digits = len(str(len(sheets)))
    return tuple(
        RawPart(
            (),
            name=f"{place:0{digits}}-{clean(sheet.name.translate(_UNSAFE))}",
            title=clean(sheet.name),
            rows=sheet.rows,
            warnings=warnings if not order else (),
        )
        for order, (place, sheet) in enumerate(filled)
    )


def _sheets_with_calamine(source: Source) -> list[_Sheet]:
    if source.content.startswith(b"PK"):
        _check_xml(source)
    elif source.content.startswith(olefile.MAGIC):
        check_chains(source.content, "le classeur")
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(source.content))
        return [
            _Sheet(
                meta.name,
                meta.visible == calamine.SheetVisibleEnum.Visible,
                _rows(workbook, meta.name),
            )
            for meta in workbook.sheets_metadata
        ]
    except calamine.PasswordError as error:
        raise protected("classeur") from error
    except (calamine.CalamineError, zipfile.BadZipFile, ValueError, OSError) as error:
        raise corrupt("le classeur") from error
    except BaseException as error:  # a panic of calamine, whose class no module gives
        if type(error).__name__ != "PanicException":
            raise
        raise corrupt("le classeur") from error


def _n_comments(source: Source) -> int:
    """Comments on cells; those of a thread are counted in both of the files that hold them, so the larger counts."""
    if not source.content.startswith(b"PK"):
        return 0
    container = Container(source, "classeur")
    by_kind = {"xl/comments": b"<comment ", "xl/threadedcomments/": b"<threadedComment "}
    return max(
        sum(
            container.read(name).count(mark)
            for name in container.names
            if name.lower().startswith(start)
        )
        for start, mark in by_kind.items()
    )


def _check_xml(source: Source) -> None:
    """Raise `ReadError` for a zip bomb, a password, a DTD or a far cell before calamine opens the workbook itself."""
    container = Container(source, "classeur")
    for name in sorted(container.names):
        if not (name.endswith((".xml", ".rels")) and name.startswith("xl/")):
            continue
        content = container.read(name)
        if name.startswith("xl/worksheets/"):
            _check_reach(content)
        if _DTD.search(content[:_PROLOG].replace(b"\0", b"")):
            raise ReadError(
                "classeur avec une DTD interdite",
                "un classeur sans DTD",
                "l'ouvrir dans un tableur, l'enregistrer de nouveau, puis le redéposer",
            )


def _check_reach(content: bytes) -> None:
    """Raise `ReadError` where the filled cells of a sheet lie so far apart that calamine would have no room for what is between."""
    last = _ROW.match(content, max(0, content.rfind(b"<row ")))
    if last is None or int(last[1]) <= _FEW_ROWS:
        return
    cells = _FILLED.findall(content)
    rows, columns = {int(row) for _, row in cells}, {_column(letters) for letters, _ in cells}
    if cells:
        check_cells(max(rows) - min(rows) + 1, max(columns) - min(columns) + 1)


def _column(letters: bytes) -> int:
    """The number of a column, 1 for A."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _rows(workbook: calamine.CalamineWorkbook, name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a sheet, each merged range filled with its first cell."""
    try:
        sheet = workbook.get_sheet_by_name(name)
    except calamine.WorksheetNotFound:  # a chart or macro sheet
        return ()
    check_cells(sheet.height, sheet.width)
    rows = [
        [_shown(cell) for cell in row] if any(cell != "" for cell in row) else []
        for row in sheet.to_python(skip_empty_area=True)
    ]
    if sheet.start:
        _fill_merged(rows, sheet.merged_cell_ranges or (), sheet.start)
    return _compact(rows)


def _compact(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    """The rows squared, of several blank ones together a single one."""
    return squared(
        row
        for above, row in pairwise([[""], *(row if any(row) else [] for row in rows)])
        if row or above
    )


def _fill_merged(rows: list[list[str]], merged: object, start: tuple[int, int]) -> None:
    for (top, left), (bottom, right) in _ranges(merged):
        top, left, bottom, right = (
            top - start[0],
            left - start[1],
            bottom - start[0],
            right - start[1],
        )
        if (
            not (0 <= top < len(rows) and 0 <= left < len(rows[top]))
            or (bottom - top) * (right - left) > MAX_CELLS
        ):
            continue
        for row in rows[top : bottom + 1]:
            row[left : right + 1] = [cell or rows[top][left] for cell in row[left : right + 1]]


def _ranges(merged: object) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    yield from merged  # type: ignore[misc]  # calamine's ((row, column), (row, column)) pairs


def _shown(cell: object) -> str:
    """A cell as a reader of the sheet sees it: whole numbers without a point, dates in ISO 8601, errors blank."""
    if isinstance(cell, bool):
        return "oui" if cell else "non"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return (
            cell.date().isoformat()
            if cell.time() == dt.time()
            else cell.isoformat(sep=" ", timespec="minutes")
        )
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, dt.time):
        return cell.isoformat(timespec="minutes")
    text = str(cell)
    return (
        "" if text in ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!") else text
    )
