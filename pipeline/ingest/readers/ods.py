"""Read OpenDocument workbooks (.ods, .fods) by walking their XML: calamine knows nothing of their merged cells.

In:   the bytes of a workbook
Out:  the sheets, each with its rows as they are shown and merged cells filled
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.readers.odf import OFFICE, STYLE, TABLE, TEXT, OdfStyles, count_of, odf_trees
from pipeline.ingest.readers.source import Source

_MAX_CELLS = 5_000_000  # of a sheet, repeated ones counted
_MAX_REPEATS = 10_000  # of a row or cell that holds something
_ROW_GROUPS = frozenset(TABLE + name for name in ("table-header-rows", "table-rows", "table-row-group"))
_CELLS = frozenset(TABLE + name for name in ("table-cell", "covered-table-cell"))
_TIME = re.compile(r"PT(\d+)H(\d+)M([\d.]+)S")


@dataclass(frozen=True)
class OdfSheet:
    """A sheet: `rows` as shown, not squared, and how many cells bear a comment."""

    name: str
    is_visible: bool
    rows: list[list[str]]
    n_comments: int


def sheets_of_ods(source: Source) -> list[OdfSheet]:
    """Return the sheets of a workbook, in order.

    Raises `ReadError` for a damaged or protected workbook, and for a sheet that unfolds into millions of cells.
    """
    content, styles = odf_trees(source, "classeur")
    body = None if content is None else content.find(f"{OFFICE}body/{OFFICE}spreadsheet")
    if content is None or body is None:
        raise ReadError("classeur OpenDocument sans feuille", "un classeur .ods", "l'ouvrir dans un tableur et l'enregistrer de nouveau")
    known = OdfStyles.of(styles, content)
    return [_sheet(table, known) for table in body.findall(TABLE + "table")]


def _sheet(table: etree._Element, styles: OdfStyles) -> OdfSheet:
    rows: list[list[str]] = []
    spans: list[tuple[int, int, int, int]] = []
    n_blank = n_cells = 0
    for row in _rows(table):
        cells = _cells(row, len(rows) + n_blank, spans)
        repeat = count_of(row, "number-rows-repeated")
        if not any(cells):
            n_blank += repeat
            continue
        times = min(repeat, _MAX_REPEATS)
        n_cells += times * len(cells)
        if n_cells > _MAX_CELLS or n_blank > _MAX_CELLS:
            raise ReadError("feuille démesurée", f"{_MAX_CELLS} cellules au plus", "copier le tableau dans un nouveau classeur")
        rows += [[] for _ in range(n_blank)]
        rows += [list(cells) for _ in range(times)]
        n_blank = 0
    _fill_merged(rows, spans)
    displays = [found.get(TABLE + "display") for found in _table_properties(table, styles)]
    n_comments = sum(1 for _ in table.iter(OFFICE + "annotation"))
    return OdfSheet(table.get(TABLE + "name", ""), "false" not in displays, rows, n_comments)


def _table_properties(table: etree._Element, styles: OdfStyles) -> Iterator[etree._Element]:
    for style in styles.chain(table.get(TABLE + "style-name", "")):
        yield from style.findall(STYLE + "table-properties")


def _rows(parent: etree._Element) -> Iterator[etree._Element]:
    for child in parent:
        if child.tag == TABLE + "table-row":
            yield child
        elif child.tag in _ROW_GROUPS:
            yield from _rows(child)


def _cells(row: etree._Element, order: int, spans: list[tuple[int, int, int, int]]) -> list[str]:
    """The cells of a row up to its last one that holds something; merged ranges are added to `spans` as first row, column, sizes."""
    cells: list[str] = []
    n_blank = 0
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        repeat, text = count_of(cell, "number-columns-repeated"), _shown(cell)
        down, across = count_of(cell, "number-rows-spanned"), count_of(cell, "number-columns-spanned")
        if not text:
            n_blank = min(n_blank + repeat, _MAX_CELLS)
            continue
        if n_blank > _MAX_REPEATS:
            raise ReadError(
                "feuille démesurée", f"{_MAX_REPEATS} colonnes au plus", "effacer les cellules loin du tableau (Ctrl+Fin les montre)"
            )
        if (down > 1 or across > 1) and down * across <= _MAX_CELLS:
            spans.append((order, len(cells) + n_blank, down, across))
        cells += [""] * n_blank + [text] * min(repeat, _MAX_REPEATS)
        n_blank = 0
    return cells


def _fill_merged(rows: list[list[str]], spans: list[tuple[int, int, int, int]]) -> None:
    for top, left, down, across in spans:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        text = rows[top][left]
        for row in rows[top : top + down]:
            row += [""] * (min(left + across, left + _MAX_REPEATS) - len(row))
            row[left : left + across] = [cell or text for cell in row[left : left + across]]


def _shown(cell: etree._Element) -> str:
    """A cell as its reader sees it: whole numbers without a point, dates in ISO 8601, errors blank."""
    kind = cell.get(OFFICE + "value-type", "")
    text = "\n".join(_text(paragraph) for paragraph in cell.findall(TEXT + "p"))
    if kind == "date":
        return cell.get(OFFICE + "date-value", text).removesuffix("T00:00:00").replace("T", " ")[:16]
    if kind == "time" and (found := _TIME.match(cell.get(OFFICE + "time-value", ""))):
        return f"{int(found[1]):02}:{int(found[2]):02}"
    if kind == "boolean":
        return "oui" if cell.get(OFFICE + "boolean-value") == "true" else "non"
    if kind == "float":
        return _plain_number(cell.get(OFFICE + "value", text))
    return "" if re.fullmatch(r"#[A-Z/0-9]+[!?]|#N/[AD]|Err:\d+", text) else text


def _plain_number(value: str) -> str:
    """A number without a point where it is whole."""
    try:
        number = float(value)
    except ValueError:
        return value
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _text(paragraph: etree._Element) -> str:
    """The text of a paragraph of a cell, breaks and runs of blanks as such."""
    shown = paragraph.text or ""
    for child in paragraph:
        if child.tag == TEXT + "line-break":
            shown += "\n"
        elif child.tag in (TEXT + "s", TEXT + "tab"):
            shown += " "
        elif child.tag != OFFICE + "annotation" and isinstance(child.tag, str):
            shown += _text(child)
        shown += child.tail or ""
    return shown
