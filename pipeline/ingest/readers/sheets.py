"""Read workbooks and delimited tables: every row of every visible sheet with content.

OpenDocument workbooks are walked here: calamine ignores their merged cells.
"""

import csv
import datetime as dt
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Any, Literal

import olefile
import python_calamine as calamine
from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, RawPart, corrupt, decode, no_text, protected
from pipeline.ingest.readers.blocks import struck
from pipeline.ingest.readers.container import Container, check_chains
from pipeline.ingest.readers.odf import (
    CELLS,
    OFFICE,
    TABLE,
    TEXT,
    OdfStyles,
    count_of,
    open_odf,
    rows_of_table,
)
from pipeline.ingest.words import clean, plural_warning

_MAX_CELLS = 5_000_000  # of a sheet, with repeats
_MAX_REPEATS = 10_000  # of a row or cell with content
_TIME = re.compile(r"PT(\d+)H(\d+)M([\d.]+)S")
_FAULT = re.compile(r"#[A-Z/0-9]+[!?]|#N/[AD]|Err:\d+")

# Share of rows that a separator must cut alike: sentences have commas too.
_MIN_SHARE = {";": 0.5, "\t": 0.5, ",": 0.8, "|": 0.7}
_MIN_COMMON = 0.6  # share of the lines that hold a ragged table's separator
_NO_SEPARATOR = "\x1f"  # never occurs: a table of one column
_N_SAMPLE = 200  # rows
_MAX_CELLS = 5_000_000  # of one table, padding included
_MAX_CELL = 20_000  # characters: in a longer cell, a stray quote swallowed rows
_FEW_ROWS = _MAX_CELLS // 16_384  # fit whatever their columns
_PROLOG = 100_000  # bytes of an XML file that hold it
_DTD = re.compile(rb"<!DOCTYPE", re.IGNORECASE)  # in UTF-16 too, without its zeroes
_ROW = re.compile(rb'<row [^>]*?\br="(\d{1,9})"')
_FILLED = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,9})"[^>]*[^/>]>')
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,9})")
_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHEET_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_UNSAFE = str.maketrans("/#\\", "---")
_FAULTS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!")
csv.field_size_limit(10_000_000)

Rows = tuple[tuple[str, ...], ...]
_Struck = Mapping[str, str]  # by reference, the text of a cell partly struck out, "" if wholly


@dataclass(frozen=True)
class Sheet:
    """A sheet's rows as shown, not padded, and its number of commented cells."""

    name: str
    is_visible: bool
    rows: Sequence[Sequence[str]]
    n_comments: int = 0


def sheets_of_ods(file: FileContent) -> list[Sheet]:
    """Return the sheets of a workbook, in order.

    Raises `ReadError` for a damaged or protected workbook, and for millions of cells.
    """
    body, styles, _ = open_odf(
        file,
        "classeur",
        "spreadsheet",
        (
            "classeur OpenDocument sans feuille",
            "un classeur .ods",
            "l'ouvrir dans un tableur et l'enregistrer de nouveau",
        ),
    )
    of_struck = frozenset(name for name in styles.by_name if styles.is_struck(name))
    return [_sheet(table, styles, of_struck) for table in body.findall(TABLE + "table")]


def _sheet(table: etree._Element, styles: OdfStyles, of_struck: frozenset[str]) -> Sheet:
    """`of_struck` are the styles that strike text out; a cell without one has its column's."""
    columns: list[str] = []
    for column in table.iter(TABLE + "table-column") if of_struck else ():
        style = column.get(TABLE + "default-cell-style-name", "")
        columns += [style] * min(count_of(column, "number-columns-repeated"), _MAX_REPEATS)
    rows: list[list[str]] = []
    merged: list[tuple[int, int, int, int]] = []
    n_blank = n_cells = 0
    for row in rows_of_table(table):
        cells = _cells(row, len(rows) + n_blank, merged, columns, of_struck)
        repeat = count_of(row, "number-rows-repeated")
        if not any(cells):
            n_blank += repeat
            continue
        n_times = min(repeat, _MAX_REPEATS)
        n_cells += n_times * len(cells)
        if n_cells > _MAX_CELLS or n_blank > _MAX_CELLS:
            raise ReadError(
                "feuille démesurée",
                f"{_MAX_CELLS} cellules au plus",
                "copier le tableau dans un nouveau classeur",
            )
        rows += [[] for _ in range(n_blank)]
        rows += [list(cells) for _ in range(n_times)]
        n_blank = 0
    _fill_spans(rows, merged)
    style = table.get(TABLE + "style-name", "")
    displays = [
        properties.get(TABLE + "display") for properties in styles.properties(style, "table")
    ]
    n_comments = sum(1 for _ in table.iter(OFFICE + "annotation"))
    return Sheet(table.get(TABLE + "name", ""), "false" not in displays, rows, n_comments)


def _cells(
    row: etree._Element,
    row_number: int,
    merged: list[tuple[int, int, int, int]],
    columns: Sequence[str],
    of_struck: frozenset[str],
) -> list[str]:
    """Return a row's cells up to the last with content.

    Adds merged ranges to `merged`: first row, first column, rows, columns.
    """
    cells: list[str] = []
    n_blank = 0
    for cell in row:
        if cell.tag not in CELLS:
            continue
        repeat = count_of(cell, "number-columns-repeated")
        text = _shown_in_ods(cell, of_struck)
        style = "".join(columns[len(cells) + n_blank :][:1])
        text = struck(text) if cell.get(TABLE + "style-name", style) in of_struck else text
        if not text:
            n_blank = min(n_blank + repeat, _MAX_CELLS)
            continue
        if n_blank > _MAX_REPEATS:
            raise ReadError(
                "feuille démesurée",
                f"{_MAX_REPEATS} colonnes au plus",
                "effacer les cellules loin du tableau (Ctrl+Fin les montre)",
            )
        n_rows = count_of(cell, "number-rows-spanned")
        n_columns = count_of(cell, "number-columns-spanned")
        if 1 < n_rows * n_columns <= _MAX_CELLS:
            merged.append((row_number, len(cells) + n_blank, n_rows, n_columns))
        cells += [""] * n_blank + [text] * min(repeat, _MAX_REPEATS)
        n_blank = 0
    return cells


def _fill_spans(rows: list[list[str]], merged: list[tuple[int, int, int, int]]) -> None:
    for top, left, n_rows, n_columns in merged:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        text = rows[top][left]
        right = left + min(n_columns, _MAX_REPEATS)
        for row in rows[top : top + n_rows]:
            row += [""] * (right - len(row))
            end = left + n_columns
            row[left:end] = [cell or text for cell in row[left:end]]


def _shown_in_ods(cell: etree._Element, of_struck: frozenset[str]) -> str:
    """Return whole numbers without a point, dates in ISO 8601, errors blank."""
    kind = cell.get(OFFICE + "value-type", "")
    text = "\n".join(_text(paragraph, of_struck) for paragraph in cell.findall(TEXT + "p"))
    if kind == "date":
        date = cell.get(OFFICE + "date-value", text)
        return date.removesuffix("T00:00:00").replace("T", " ")[:16]
    if kind == "time" and (time := _TIME.match(cell.get(OFFICE + "time-value", ""))):
        return f"{int(time[1]):02}:{int(time[2]):02}"
    if kind == "boolean":
        return "oui" if cell.get(OFFICE + "boolean-value") == "true" else "non"
    if kind == "float":
        return _plain_number(cell.get(OFFICE + "value", text))
    return "" if _FAULT.fullmatch(text) else text


def _plain_number(text: str) -> str:
    try:
        return number_text(float(text))
    except ValueError:
        return text


def number_text(number: float) -> str:
    """Return a number as shown, without a point if it is whole."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _text(paragraph: etree._Element, of_struck: frozenset[str]) -> str:
    shown = paragraph.text or ""
    for child in paragraph:
        if child.tag == TEXT + "line-break":
            shown += "\n"
        elif child.tag in (TEXT + "s", TEXT + "tab"):
            shown += " "
        elif child.tag != OFFICE + "annotation" and isinstance(child.tag, str):
            inner = _text(child, of_struck)
            shown += struck(inner) if child.get(TEXT + "style-name") in of_struck else inner
        shown += child.tail or ""
    return shown


def read_delimited(file: FileContent) -> tuple[RawPart, ...]:
    """Return a .csv as one part of rows; its content shows its encoding and separator.

    Raises `ReadError` for a blank file, non-text bytes, and millions of cells.
    """
    rows = rows_of_text(decode(file.content))
    if not rows:
        raise no_text("tableau")
    return (RawPart((), rows=rows),)


def read_parquet(file: FileContent) -> tuple[RawPart, ...]:
    """Return a .parquet as one part of rows under its columns' names.

    Raises `ReadError` for a damaged or blank file, and millions of cells.
    """
    batches = rows_of_parquet(io.BytesIO(file.content), 10_000)
    rows: list[Sequence[str]] = [next(batches)[0]]
    for batch in batches:
        rows += batch
        _check_size(len(rows), len(rows[0]))
    if len(rows) == 1:
        raise no_text("tableau")
    return (RawPart((), rows=squared(rows)),)


def rows_of_parquet(file: IO[bytes], n_rows: int) -> Iterator[list[tuple[str, ...]]]:
    """Yield the row of titles, then the others, `n_rows` or fewer at a time.

    Only the pages of one batch are in memory. Raises `ReadError` for a damaged file.
    """
    import pyarrow as pa  # only the child that reads one loads it
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        yield [tuple(parquet.schema_arrow.names)]
        for batch in parquet.iter_batches(n_rows, use_threads=False):
            columns = ([_shown_value(cell) for cell in column] for column in batch.columns)
            yield list(zip(*columns, strict=True))
    except MemoryError:  # Arrow's own is an ArrowException too
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise corrupt("le tableau") from error


def _shown_value(cell: Any) -> str:
    value = cell.as_py()
    if isinstance(value, list):
        return "\n".join(map(_shown, value))
    return "" if value is None else _shown(value)


def rows_of_text(text: str) -> Rows:
    """Return the clean rows of a delimited table, padded to one width."""
    declares = text[:4].lower() == "sep="
    separator = separator_of(text)
    body = text.split("\n", 1)[1] if declares and "\n" in text else text
    rows = _parse(body, separator, csv.QUOTE_MINIMAL)
    if any(len(cell) > _MAX_CELL or cell.count("\n") > 40 for row in rows for cell in row):
        rows = _parse(body, separator, csv.QUOTE_NONE)
    return squared(rows)


def squared(rows: Iterable[Iterable[str]]) -> Rows:
    """Return clean rows padded with "" to one width, without blank rows at both ends.

    Line breaks in cells stay. Raises `ReadError` for millions of cells.
    """
    cells = [tuple(map(_clean_cell, row)) for row in rows]
    filled = [i for i, row in enumerate(cells) if any(row)]
    cells = cells[filled[0] : filled[-1] + 1] if filled else []
    width = max((i + 1 for row in cells for i, cell in enumerate(row) if cell), default=0)
    _check_size(len(cells), width)
    return tuple((row + ("",) * width)[:width] for row in cells)


def _clean_cell(cell: str) -> str:
    return "\n".join(filter(None, map(clean, cell.split("\n")))) if cell else ""


def _check_size(n_rows: int, n_columns: int) -> None:
    if n_rows * n_columns > _MAX_CELLS:
        raise ReadError(
            f"feuille de {n_rows} lignes sur {n_columns} colonnes",
            f"{_MAX_CELLS} cellules au plus",
            "effacer les cellules loin du tableau (Ctrl+Fin les montre), "
            "ou copier le tableau dans un nouveau classeur",
        )


def looks_delimited(text: str) -> bool:
    """Whether three lines or more all have the same number of cells, three or more."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 3 or not any(all(line.count(sign) >= 2 for line in lines) for sign in ";\t|"):
        return False
    rows = [row for row in _parse(text, separator_of(text), csv.QUOTE_MINIMAL) if any(row)]
    widths = {len(row) for row in rows}
    return len(widths) == 1 and min(widths) >= 3 and all(len(cell.split()) <= 8 for cell in rows[0])


def separator_of(text: str) -> str:
    """Return the sign that cuts rows into cells, as « sep=; » says or as most rows agree."""
    if text[:4].lower() == "sep=" and len(text) > 4:
        return text[4]
    sample = "\n".join(text.split("\n")[: 3 * _N_SAMPLE])
    evenness = {sign: _evenness(sample, sign) for sign in _MIN_SHARE}
    best = max(_MIN_SHARE, key=lambda sign: evenness[sign])
    return best if evenness[best][0] else _common_sign(sample)


def _evenness(sample: str, sign: str) -> tuple[float, int]:
    """Return the share of rows that `sign` cuts alike (0 for too few), and their cell count."""
    rows = _parse(sample, sign, csv.QUOTE_MINIMAL)[:_N_SAMPLE]
    widths = Counter(len(row) for row in rows if any(row))
    n_rows, width = max(
        ((n_rows, width) for width, n_rows in widths.items() if width > 1), default=(0, 1)
    )
    share = n_rows / max(1, widths.total())
    return share if share >= _MIN_SHARE[sign] else 0.0, width


def _common_sign(sample: str) -> str:
    """Find the separator of a table whose rows differ in width."""
    lines = [line for line in sample.split("\n") if line.strip()]
    n_lines = {sign: sum(sign in line for line in lines) for sign in ";\t|"}
    best = max(n_lines, key=lambda sign: n_lines[sign])
    return best if n_lines[best] >= max(2, _MIN_COMMON * len(lines)) else _NO_SEPARATOR


def _parse(text: str, separator: str, quoting: Literal[0, 3]) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(text),
        delimiter=separator,
        quoting=quoting,
        skipinitialspace=quoting == csv.QUOTE_MINIMAL,
    )
    try:
        return list(reader)
    except csv.Error as error:
        raise ReadError(
            "tableau illisible",
            "un fichier .csv à un seul séparateur",
            "l'ouvrir dans un tableur et l'enregistrer en .xlsx",
        ) from error


def read_sheets(file: FileContent) -> tuple[RawPart, ...]:
    """Return one part for each visible sheet with content; filtered rows are read.

    Raises `ReadError` for a damaged, protected, blank or oversized workbook.
    """
    if not file.content.startswith(b"PK"):
        if file.content.startswith(olefile.MAGIC):
            check_chains(file.content, "le classeur")
        return _parts(_sheets(file, {}), n_comments=0)
    container = Container(file, "classeur")
    _check_xml(container)
    return _parts(_sheets(file, _struck_cells(container)), n_comments=_n_comments(container))


def read_ods(file: FileContent) -> tuple[RawPart, ...]:
    """Return a part for each visible OpenDocument sheet; raises as `read_sheets`."""
    sheets = sheets_of_ods(file)
    return _parts(sheets, n_comments=sum(sheet.n_comments for sheet in sheets))


def _parts(sheets: Sequence[Sheet], *, n_comments: int) -> tuple[RawPart, ...]:
    filled: list[tuple[int, Sheet, Rows]] = []
    n_hidden = 0
    for number, sheet in enumerate(sheets, start=1):
        rows = _compact(sheet.rows)
        if rows and sheet.is_visible:
            filled.append((number, sheet, rows))
        n_hidden += bool(rows) and not sheet.is_visible
    if not filled:
        raise no_text("classeur")
    warnings = (
        *plural_warning(n_hidden, "feuille{} masquée{} non lue{}"),
        *plural_warning(n_comments, "commentaire{} de cellule non lu{}"),
    )
    digits = len(str(len(sheets)))
    parts: list[RawPart] = []
    for number, sheet, rows in filled:
        name = f"{number:0{digits}}-{clean(sheet.name.translate(_UNSAFE))}"
        parts.append(
            RawPart(
                (),
                name=name if len(filled) > 1 else "",
                title=clean(sheet.name),
                rows=rows,
                warnings=() if parts else warnings,
            )
        )
    return tuple(parts)


def _struck_cells(container: Container) -> dict[str, _Struck]:
    """Return by sheet the cells with struck-out words, which calamine does not tell.

    Only the styles and the shared texts are read where nothing is struck out.
    """
    names = ("xl/styles.xml", "xl/sharedStrings.xml")
    if not any(b"strike" in container.read(name) for name in names):
        return {}
    styles, texts, workbook = map(container.xml, (*names, "xl/workbook.xml"))
    fonts = _each(styles, "fonts/font")
    of_fonts = {str(i) for i, font in enumerate(fonts) if _is_struck(font)}
    formats = _each(styles, "cellXfs/xf")
    of_cells = {str(i) for i, own in enumerate(formats) if own.get("fontId") in of_fonts}
    marked = {
        str(i): "".join(map(_marked_run, _each(text, "r")))
        for i, text in enumerate(_each(texts, "si"))
        if any(map(_is_struck, _each(text, "r/rPr")))
    }
    relations = container.relations("xl/workbook.xml")
    by_sheet: dict[str, _Struck] = {}
    for sheet in _each(workbook, "sheets/sheet"):
        _, path = relations.get(sheet.get(_SHEET_ID, ""), ("", ""))
        own: dict[str, str] = {}
        for cell in _each(container.xml(path), "sheetData/row/c"):
            text = cell.findtext(f"{_S}v", "") if cell.get("t") == "s" else ""
            if cell.get("s") in of_cells:
                own[cell.get("r", "")] = ""
            elif text in marked:
                own[cell.get("r", "")] = marked[text]
        by_sheet[sheet.get("name", "")] = own
    return by_sheet


def _each(root: etree._Element | None, path: str) -> Iterator[etree._Element]:
    """Yield the elements at a path of local names."""
    if root is not None:
        yield from root.iterfind("/".join(_S + name for name in path.split("/")))


def _is_struck(properties: etree._Element) -> bool:
    strike = properties.find(f"{_S}strike")
    return strike is not None and strike.get("val", "1") not in ("0", "false")


def _marked_run(run: etree._Element) -> str:
    text = run.findtext(f"{_S}t", "")
    properties = run.find(f"{_S}rPr")
    return struck(text) if properties is not None and _is_struck(properties) else text


def _sheets(file: FileContent, struck_cells: Mapping[str, _Struck]) -> list[Sheet]:
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(file.content))
        visible = calamine.SheetVisibleEnum.Visible
        return [
            Sheet(
                meta.name,
                meta.visible == visible,
                _rows(workbook, meta.name, struck_cells.get(meta.name, {})),
            )
            for meta in workbook.sheets_metadata
        ]
    except calamine.PasswordError as error:
        raise protected("classeur") from error
    except (calamine.CalamineError, zipfile.BadZipFile, ValueError, OSError) as error:
        raise corrupt("le classeur") from error
    except BaseException as error:  # calamine's panic, whose class no module exports
        if type(error).__name__ != "PanicException":
            raise
        raise corrupt("le classeur") from error


def _n_comments(container: Container) -> int:
    """A thread is in two files, so the larger count holds."""
    marks = {"xl/comments": b"<comment ", "xl/threadedcomments/": b"<threadedComment "}
    counts = [
        sum(container.read(name).count(mark) for name in _entries(container, start))
        for start, mark in marks.items()
    ]
    return max(counts)


def _entries(container: Container, start: str) -> list[str]:
    return [name for name in container.names if name.lower().startswith(start)]


def _check_xml(container: Container) -> None:
    for name in sorted(container.names):
        if not (name.startswith("xl/") and name.endswith((".xml", ".rels"))):
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
    """Refuse cells so far apart that calamine would lack memory for the gap."""
    last = _ROW.match(content, max(0, content.rfind(b"<row ")))
    if last is None or int(last[1]) <= _FEW_ROWS:
        return
    cells = _FILLED.findall(content)
    if cells:
        rows = {int(row) for _, row in cells}
        columns = {_column(letters) for letters, _ in cells}
        _check_size(max(rows) - min(rows) + 1, max(columns) - min(columns) + 1)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _rows(
    workbook: calamine.CalamineWorkbook, name: str, struck_cells: _Struck
) -> Sequence[Sequence[str]]:
    try:
        sheet = workbook.get_sheet_by_name(name)
    except calamine.WorksheetNotFound:  # chart or macro sheet
        return ()
    _check_size(sheet.height, sheet.width)
    rows = [
        [_shown(cell) for cell in row] if any(cell != "" for cell in row) else []
        for row in sheet.to_python(skip_empty_area=True)
    ]
    if sheet.start:
        _mark_struck(rows, sheet.start, struck_cells)
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            first_row, first_column = sheet.start
            _fill_merged(
                rows,
                slice(top - first_row, bottom - first_row + 1),
                slice(left - first_column, right - first_column + 1),
            )
    return rows


def _mark_struck(rows: list[list[str]], start: tuple[int, int], struck_cells: _Struck) -> None:
    for reference, text in struck_cells.items():
        if not (place := _REFERENCE.fullmatch(reference)):
            continue
        row, column = int(place[2]) - 1 - start[0], _column(place[1].encode()) - 1 - start[1]
        if 0 <= row < len(rows) and 0 <= column < len(rows[row]) and rows[row][column]:
            rows[row][column] = text or struck(rows[row][column])


def _fill_merged(rows: list[list[str]], lines: slice, columns: slice) -> None:
    is_inside = 0 <= lines.start < len(rows) and 0 <= columns.start < len(rows[lines.start])
    n_cells = (lines.stop - lines.start - 1) * (columns.stop - columns.start - 1)
    if is_inside and n_cells <= _MAX_CELLS:
        text = rows[lines.start][columns.start]
        for row in rows[lines]:
            row[columns] = [cell or text for cell in row[columns]]


def _compact(rows: Sequence[Sequence[str]]) -> Rows:
    shown: list[Sequence[str]] = [[""], *(row if any(row) else [] for row in rows)]
    return squared(row for above, row in pairwise(shown) if row or above)


def _shown(cell: object) -> str:
    """Return whole numbers without a point, dates in ISO 8601, errors blank."""
    if isinstance(cell, bool):
        return "oui" if cell else "non"
    if isinstance(cell, float):
        return number_text(cell)
    if isinstance(cell, dt.datetime):
        if cell.time() == dt.time():
            return cell.date().isoformat()
        return cell.isoformat(sep=" ", timespec="minutes")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, dt.time):
        return cell.isoformat(timespec="minutes")
    text = str(cell)
    return "" if text in _FAULTS else text
