"""What OpenDocument texts, workbooks and slides share: names, trees, styles.

In:   the bytes of a file
Out:  the trees of its content and styles, and what its styles say

Read OpenDocument workbooks (.ods, .fods) by walking their XML: calamine knows nothing of their merged cells.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.readers.container import Container, parse_xml
from pipeline.ingest.readers.source import Source, protected
from pipeline.ingest.readers.wording import whole

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"
FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_MAX_ANCESTORS = 30  # of a style
_LARGE = 14  # points: a title, even where it is not bold


def odf_trees(source: Source, what: str) -> tuple[etree._Element | None, etree._Element | None]:
    """The trees of the content and of the styles; a flat file (.fodt) has both in one."""
    if not source.content.startswith(b"PK"):
        flat = parse_xml(source.content, what)
        return flat, flat
    container = Container(source, what)
    refuse_encrypted(container)
    return container.xml("content.xml"), container.xml("styles.xml")


def refuse_encrypted(container: Container) -> None:
    """Raise `ReadError` where the container's manifest speaks of encryption."""
    if b"encryption-data" in container.read("META-INF/manifest.xml"):
        raise protected("document OpenDocument")


@dataclass
class OdfStyles:
    """The paragraph and character styles of a document: what each sets itself, and its parent."""

    by_name: dict[str, etree._Element] = field(default_factory=dict)
    numbers: dict[tuple[str, int], tuple[str, str]] = field(
        default_factory=dict
    )  # by list style and level: before, after the number

    @classmethod
    def of(cls, *roots: etree._Element | None) -> "OdfStyles":
        """The styles defined below `roots`."""
        known = [root for root in roots if root is not None]
        found = (style for root in known for style in root.iter(STYLE + "style"))
        numbers = {
            (style.get(STYLE + "name", ""), whole(level.get(TEXT + "level", "1")) - 1): (
                level.get(STYLE + "num-prefix", ""),
                level.get(STYLE + "num-suffix", ""),
            )
            for root in known
            for style in root.iter(TEXT + "list-style")
            for level in style.findall(TEXT + "list-level-style-number")
            if level.get(STYLE + "num-format", "") and whole(level.get(TEXT + "level", "1"))
        }
        return cls({style.get(STYLE + "name", ""): style for style in found}, numbers)

    def chain(self, name: str) -> list[etree._Element]:
        """The style and its ancestors, nearest first."""
        found: list[etree._Element] = []
        while (
            name in self.by_name and len(found) < _MAX_ANCESTORS and self.by_name[name] not in found
        ):
            found.append(self.by_name[name])
            name = found[-1].get(STYLE + "parent-style-name", "")
        return found

    def is_bold(self, name: str, inherited: bool = False) -> bool:
        """Whether the style sets bold, underlines or sets a title's size; `inherited` where it does not say."""
        for style in self.chain(name):
            properties = style.find(STYLE + "text-properties")
            if properties is None:
                continue
            if properties.get(STYLE + "text-underline-style", "none") != "none":
                return True
            weight, size = properties.get(FO + "font-weight"), properties.get(FO + "font-size", "")
            if (
                size.endswith("pt")
                and size[:-2].replace(".", "").isdigit()
                and float(size[:-2]) >= _LARGE
            ):
                return True
            if weight:
                return weight not in ("normal", "400", "300")
        return inherited

    def is_hidden(self, name: str) -> bool:
        """Whether the style hides its text."""
        properties = [
            found
            for style in self.chain(name)
            if (found := style.find(STYLE + "text-properties")) is not None
        ]
        return (
            next((shown for found in properties if (shown := found.get(TEXT + "display"))), "")
            == "none"
        )

    def title_level(self, name: str) -> int:
        """1 for the title styles, 1..6 for a style with an outline level or named « Heading 2 », 0 otherwise."""
        for style in self.chain(name):
            shown = (
                style.get(STYLE + "display-name", style.get(STYLE + "name", ""))
                .replace("_20_", " ")
                .lower()
            )
            level = style.get(STYLE + "default-outline-level", "") or (
                shown[-1] if shown.startswith(("heading ", "titre ")) else ""
            )
            if 1 <= whole(level) <= 6:
                return whole(level)
            if shown in ("title", "titre", "titre principal", "subtitle", "sous-titre"):
                return 1
        return 0


def count_of(element: etree._Element, name: str) -> int:
    """A count of the table format, 1 where there is none."""
    value = element.get(TABLE + name, "1")
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 9 else 1


_MAX_CELLS = 5_000_000  # of a sheet, repeated ones counted
_MAX_REPEATS = 10_000  # of a row or cell that holds something
_ROW_GROUPS = frozenset(
    TABLE + name for name in ("table-header-rows", "table-rows", "table-row-group")
)
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
        raise ReadError(
            "classeur OpenDocument sans feuille",
            "un classeur .ods",
            "l'ouvrir dans un tableur et l'enregistrer de nouveau",
        )
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
            raise ReadError(
                "feuille démesurée",
                f"{_MAX_CELLS} cellules au plus",
                "copier le tableau dans un nouveau classeur",
            )
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
        down, across = (
            count_of(cell, "number-rows-spanned"),
            count_of(cell, "number-columns-spanned"),
        )
        if not text:
            n_blank = min(n_blank + repeat, _MAX_CELLS)
            continue
        if n_blank > _MAX_REPEATS:
            raise ReadError(
                "feuille démesurée",
                f"{_MAX_REPEATS} colonnes au plus",
                "effacer les cellules loin du tableau (Ctrl+Fin les montre)",
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
        return (
            cell.get(OFFICE + "date-value", text).removesuffix("T00:00:00").replace("T", " ")[:16]
        )
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
