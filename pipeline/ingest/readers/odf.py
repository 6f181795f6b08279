"""Read what OpenDocument files share, and their workbooks (.ods, .fods).

Workbooks are walked here: calamine ignores their merged cells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.readers.container import Container, parse_xml
from pipeline.ingest.readers.source import FileContent, protected
from pipeline.ingest.readers.wording import small_number

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
CELLS = (TABLE + "table-cell", TABLE + "covered-table-cell")
_ROW_GROUPS = (TABLE + "table-header-rows", TABLE + "table-rows", TABLE + "table-row-group")
_TITLES = frozenset({"title", "titre", "titre principal", "subtitle", "sous-titre"})
_MAX_STYLE_ANCESTORS = 30
_LARGE = 14  # points: a title, bold or not
_MAX_CELLS = 5_000_000  # of a sheet, with repeats
_MAX_REPEATS = 10_000  # of a row or cell with content
_TIME = re.compile(r"PT(\d+)H(\d+)M([\d.]+)S")
_FAULT = re.compile(r"#[A-Z/0-9]+[!?]|#N/[AD]|Err:\d+")


@dataclass(frozen=True)
class OdfStyles:
    """What each style sets itself, and the text around list numbers."""

    by_name: dict[str, etree._Element]
    numbers: dict[tuple[str, int], tuple[str, str]]  # by list style and level: before, after

    @classmethod
    def of(cls, *roots: etree._Element) -> "OdfStyles":
        """Return the styles defined below `roots`."""
        by_name: dict[str, etree._Element] = {}
        numbers: dict[tuple[str, int], tuple[str, str]] = {}
        for root in roots:
            for style in root.iter(STYLE + "style"):
                by_name[style.get(STYLE + "name", "")] = style
            for style in root.iter(TEXT + "list-style"):
                for definition in style.findall(TEXT + "list-level-style-number"):
                    level = small_number(definition.get(TEXT + "level", "1"))
                    if level and definition.get(STYLE + "num-format"):
                        numbers[style.get(STYLE + "name", ""), level - 1] = (
                            definition.get(STYLE + "num-prefix", ""),
                            definition.get(STYLE + "num-suffix", ""),
                        )
        return cls(by_name, numbers)

    def properties(self, name: str, kind: str) -> Iterator[etree._Element]:
        """Yield the properties of a style and its ancestors, nearest first."""
        for style in self._chain(name):
            yield from style.findall(f"{STYLE}{kind}-properties")[:1]

    def _chain(self, name: str) -> list[etree._Element]:
        chain: list[etree._Element] = []
        while (
            name in self.by_name
            and len(chain) < _MAX_STYLE_ANCESTORS
            and self.by_name[name] not in chain
        ):
            chain.append(self.by_name[name])
            name = chain[-1].get(STYLE + "parent-style-name", "")
        return chain

    def is_bold(self, name: str, inherited: bool = False) -> bool:
        """Whether the style is bold, underlined or large; `inherited` if it sets none."""
        for properties in self.properties(name, "text"):
            if properties.get(STYLE + "text-underline-style", "none") != "none":
                return True
            size = properties.get(_FO + "font-size", "").removesuffix("pt")
            is_in_points = properties.get(_FO + "font-size", "").endswith("pt")
            if is_in_points and size.replace(".", "").isdigit() and float(size) >= _LARGE:
                return True
            weight = properties.get(_FO + "font-weight")
            if weight:
                return weight not in ("normal", "400", "300")
        return inherited

    def is_hidden(self, name: str) -> bool:
        """Whether the style hides its text."""
        displays = (
            properties.get(TEXT + "display") for properties in self.properties(name, "text")
        )
        return next(filter(None, displays), "") == "none"

    def title_level(self, name: str) -> int:
        """Return 1 for title styles, 1..6 for an outline level or « Heading 2 », else 0."""
        for style in self._chain(name):
            shown = style.get(STYLE + "display-name", style.get(STYLE + "name", ""))
            shown = shown.replace("_20_", " ").lower()
            level = style.get(STYLE + "default-outline-level", "")
            if not level and shown.startswith(("heading ", "titre ")):
                level = shown[-1]
            if 1 <= small_number(level) <= 6:
                return small_number(level)
            if shown in _TITLES:
                return 1
        return 0


def open_odf(
    file: FileContent, what: str, kind: str, refusal: tuple[str, str, str]
) -> tuple[etree._Element, OdfStyles, etree._Element | None]:
    """Return the body of a document of `kind`, its styles and their tree.

    A flat file (.fodt) has one tree for both. Raises `ReadError`: `refusal` where there is no body.
    """
    if file.content.startswith(b"PK"):
        container = Container(file, what)
        if b"encryption-data" in container.read("META-INF/manifest.xml"):
            raise protected("document OpenDocument")
        content, styles = container.xml("content.xml"), container.xml("styles.xml")
    else:
        content = styles = parse_xml(file.content, what)
    body = None if content is None else content.find(f"{OFFICE}body/{OFFICE}{kind}")
    if content is None or body is None:
        raise ReadError(*refusal)
    roots = (styles, content) if styles is not None else (content,)
    return body, OdfStyles.of(*roots), styles


def count_of(element: etree._Element, name: str) -> int:
    """Return a repeat or span count, 1 by default."""
    text = element.get(TABLE + name, "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def rows_of_table(parent: etree._Element) -> Iterator[etree._Element]:
    """Yield a table's rows, those in headers and groups included."""
    for child in parent:
        if child.tag == TABLE + "table-row":
            yield child
        elif child.tag in _ROW_GROUPS:
            yield from rows_of_table(child)


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
    return [_sheet(table, styles) for table in body.findall(TABLE + "table")]


def _sheet(table: etree._Element, styles: OdfStyles) -> Sheet:
    rows: list[list[str]] = []
    merged: list[tuple[int, int, int, int]] = []
    n_blank = n_cells = 0
    for row in rows_of_table(table):
        cells = _cells(row, len(rows) + n_blank, merged)
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
    _fill_merged(rows, merged)
    style = table.get(TABLE + "style-name", "")
    displays = [
        properties.get(TABLE + "display") for properties in styles.properties(style, "table")
    ]
    n_comments = sum(1 for _ in table.iter(OFFICE + "annotation"))
    return Sheet(table.get(TABLE + "name", ""), "false" not in displays, rows, n_comments)


def _cells(
    row: etree._Element, row_number: int, merged: list[tuple[int, int, int, int]]
) -> list[str]:
    """Return a row's cells up to the last with content.

    Adds merged ranges to `merged`: first row, first column, rows, columns.
    """
    cells: list[str] = []
    n_blank = 0
    for cell in row:
        if cell.tag not in CELLS:
            continue
        repeat, text = count_of(cell, "number-columns-repeated"), _shown(cell)
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


def _fill_merged(rows: list[list[str]], merged: list[tuple[int, int, int, int]]) -> None:
    for top, left, n_rows, n_columns in merged:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        text = rows[top][left]
        right = left + min(n_columns, _MAX_REPEATS)
        for row in rows[top : top + n_rows]:
            row += [""] * (right - len(row))
            end = left + n_columns
            row[left:end] = [cell or text for cell in row[left:end]]


def _shown(cell: etree._Element) -> str:
    """Return whole numbers without a point, dates in ISO 8601, errors blank."""
    kind = cell.get(OFFICE + "value-type", "")
    text = "\n".join(_text(paragraph) for paragraph in cell.findall(TEXT + "p"))
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


def _text(paragraph: etree._Element) -> str:
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
