"""Read OpenDocument texts and slides (.odt, .fodt, .odp) from their XML in reading order.

Insertions are kept; deletions, hidden slides and slide numbers are not. Notes, comments and frames
follow their calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, RawBlock, RawPart, protected
from pipeline.ingest.readers.blocks import (
    LIST_DASHES,
    Cell,
    CoveredCell,
    Draft,
    StyledText,
    TableWalk,
    blocks_of_drafts,
    cell_above,
    comment_blocks,
    drafts_of_blocks,
    drafts_of_text,
    furniture_blocks,
    single_part,
    slides_part,
    styles_from,
)
from pipeline.ingest.readers.container import Container, parse_xml
from pipeline.ingest.words import clean, small_number

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
CELLS = (TABLE + "table-cell", TABLE + "covered-table-cell")
_ROW_GROUPS = (TABLE + "table-header-rows", TABLE + "table-rows", TABLE + "table-row-group")
_TITLES = frozenset({"title", "titre", "titre principal", "subtitle", "sous-titre"})
_LARGE = 14  # points: a title, bold or not

_SKIPPED = frozenset(
    {
        *(
            TEXT + name
            for name in (
                "tracked-changes", "sequence-decls", "table-of-content", "alphabetical-index",
                "note-citation", "list-header-number", "hidden-text", "hidden-paragraph",
                "ruby-text",
            )
        ),
        *(OFFICE + name for name in ("annotation-end", "forms", "binary-data")),
        *(SVG + name for name in ("title", "desc")),
    }
)  # fmt: skip
_BLANKS = str.maketrans("\n\t", "  ")
_MAX_REPEATS = 60  # columns of one repeated cell in a text's table
_MAX_DEPTH = 30
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_SLIDE_FURNITURE = ("page-number", "date-time", "footer", "header", "page")


@dataclass(frozen=True)
class OdfStyles:
    """What each style sets itself, and the text around list numbers."""

    by_name: dict[str, etree._Element]
    # by list style and level: before and after the number, or a bullet and None
    numbers: dict[tuple[str, int], tuple[str, str | None]]

    @classmethod
    def of(cls, *roots: etree._Element) -> "OdfStyles":
        """Return the styles defined below `roots`."""
        by_name: dict[str, etree._Element] = {}
        numbers: dict[tuple[str, int], tuple[str, str | None]] = {}
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
                for definition in style.findall(TEXT + "list-level-style-bullet"):
                    level = small_number(definition.get(TEXT + "level", "1"))
                    sign = definition.get(TEXT + "bullet-char", "")
                    numbers[style.get(STYLE + "name", ""), level - 1] = (sign, None)
        return cls(by_name, numbers)

    def properties(self, name: str, kind: str) -> Iterator[etree._Element]:
        """Yield the properties of a style and its ancestors, nearest first."""
        for style in self._chain(name):
            yield from style.findall(f"{STYLE}{kind}-properties")[:1]

    def _chain(self, name: str) -> list[etree._Element]:
        parent = STYLE + "parent-style-name"
        return styles_from(name, self.by_name, lambda style: style.get(parent, ""))

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

    def is_struck(self, name: str) -> bool:
        """Whether the style strikes its text out."""
        lines = (
            properties.get(STYLE + "text-line-through-style")
            or properties.get(STYLE + "text-line-through-type")
            for properties in self.properties(name, "text")
        )
        return next(filter(None, lines), "none") != "none"

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


_SAVE_AGAIN = "l'ouvrir dans LibreOffice et l'enregistrer de nouveau"


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


def read_odt(file: FileContent) -> tuple[RawPart, ...]:
    """Return the document as one part; raise `ReadError` if damaged, protected or textless."""
    refusal = ("document OpenDocument sans corps de texte", "un document texte .odt", _SAVE_AGAIN)
    body, styles, styles_root = open_odf(file, "document OpenDocument", "text", refusal)
    walk = OdfWalk(styles)
    blocks = [*_furniture(styles_root), *blocks_of_drafts(list(walk.drafts(body)))]
    return single_part(blocks, "document OpenDocument", title=walk.title)


def _furniture(styles: etree._Element | None) -> list[RawBlock]:
    if styles is None:
        return []
    elements = [*styles.iter(STYLE + "header"), *styles.iter(STYLE + "footer")]
    return furniture_blocks(clean(_plain_text(element)) for element in elements)


def _plain_text(element: etree._Element) -> str:
    paragraphs = element.iter(TEXT + "p")
    return " ".join("".join(map(str, paragraph.itertext())) for paragraph in paragraphs)


@dataclass
class _OpenList:
    """`around` is the text around its numbers, or a bullet and None."""

    style: str
    around: tuple[str, str | None] | None
    n_items: int
    has_number_to_show: bool = False

    def number(self) -> str:
        """Return the number or dash before an item's first paragraph, "" before others."""
        is_shown, self.has_number_to_show = self.has_number_to_show, False
        before, after = self.around if is_shown and self.around else ("", None)
        if after is None:
            return before if before in LIST_DASHES else ""
        return f"{before}{self.n_items}{after}"


@dataclass
class OdfWalk(TableWalk):
    """Walk a document once, counting its lists."""

    styles: OdfStyles
    _lists: list[_OpenList] = field(default_factory=list)  # outermost first
    _n_items: dict[tuple[str, int], int] = field(default_factory=dict)  # by style and level

    def drafts(self, parent: etree._Element, depth: int = -1) -> Iterator[Draft]:
        """Yield the drafts below `parent`; `depth` is the list level, -1 outside lists."""
        for element in parent:
            if element.tag in _SKIPPED or not isinstance(element.tag, str):
                continue
            if element.tag in (TEXT + "p", TEXT + "h"):
                yield from self._paragraph(element, depth)
            elif element.tag == TEXT + "list":
                yield from self._list(element, depth + 1)
            elif element.tag == TABLE + "table":
                yield from self.table_drafts(partial(self._rows, element))
            else:
                if element.tag == TEXT + "list-item" and self._lists:
                    self._lists[-1].n_items += 1
                    self._lists[-1].has_number_to_show = True
                yield from self.drafts(element, depth)

    def _list(self, element: etree._Element, depth: int) -> Iterator[Draft]:
        style = element.get(TEXT + "style-name") or (self._lists[-1].style if self._lists else "")
        key = (style, depth)
        is_continued = (
            element.get(TEXT + "continue-numbering") == "true"
            or element.get(TEXT + "continue-list") is not None
        )
        n_items = self._n_items.get(key, 0) if is_continued else 0
        self._lists.append(_OpenList(style, self.styles.numbers.get(key), n_items))
        yield from self.drafts(element, depth)
        self._n_items[key] = self._lists.pop().n_items

    def _paragraph(self, element: etree._Element, depth: int) -> Iterator[Draft]:
        style = element.get(TEXT + "style-name", "")
        runs = _Runs(self.styles, is_struck=self.styles.is_struck(style))
        runs.walk(element, is_bold=self.styles.is_bold(style))
        text = runs.styled.text
        if element.tag == TEXT + "h":
            heading = small_number(element.get(TEXT + "outline-level", "1"))
        else:
            heading = self.styles.title_level(style)
        heading = min(6, heading) if clean(text) else 0
        if heading == 1:
            self.title = self.title or clean(text)
        number = self._lists[-1].number() if depth >= 0 and self._lists and not heading else ""
        yield from drafts_of_text(
            text,
            heading=heading,
            list_level=depth if depth >= 0 else None,
            number=number,
            is_strong=runs.styled.is_strong,
        )
        for box in runs.boxes:
            yield from self.drafts(box)
        for comment in runs.comments:
            self.comments += drafts_of_blocks(_comment(comment))
        yield from self.comments_due()

    def _rows(self, table: etree._Element) -> list[list[Cell]]:
        rows: list[list[Cell]] = []
        for row in rows_of_table(table):
            rows.append(self._cells(row, rows))
        return rows

    def _cells(self, row: etree._Element, rows_above: list[list[Cell]]) -> list[Cell]:
        cells: list[Cell] = []
        n_covered = 0  # cells beside the last one that it covers
        for cell in row:
            if cell.tag not in CELLS:
                continue
            content: Cell
            if cell.tag == TABLE + "table-cell":
                content = blocks_of_drafts(list(self.drafts(cell)), has_headings=False)
                n_covered = count_of(cell, "number-columns-spanned") - 1
            else:
                is_beside = n_covered > 0 and bool(cells)
                content = CoveredCell(
                    cells[-1] if is_beside else cell_above(rows_above, len(cells))
                )
                n_covered -= 1
            cells.append(content)
            is_covered = isinstance(content, CoveredCell)
            n_repeats = min(count_of(cell, "number-columns-repeated"), _MAX_REPEATS)
            cells += [CoveredCell(content) if is_covered else [] for _ in range(n_repeats - 1)]
        return cells


def _comment(element: etree._Element) -> list[RawBlock]:
    """Return a comment's block; later ones of its thread are comments of their own."""
    return comment_blocks(_plain_text(element))


@dataclass
class _Runs:
    styles: OdfStyles
    styled: StyledText = field(default_factory=StyledText)
    boxes: list[etree._Element] = field(default_factory=list)
    comments: list[etree._Element] = field(default_factory=list)
    is_struck: bool = False

    def walk(self, element: etree._Element, *, is_bold: bool) -> None:
        """Add all text below `element`; line ends count as spaces."""
        self._add(element.text, is_bold)
        for child in element:
            self._child(child, is_bold)
            self._add(child.tail, is_bold)

    def _child(self, child: etree._Element, is_bold: bool) -> None:
        tag = child.tag
        if tag in _SKIPPED or not isinstance(tag, str):
            return
        if tag == TEXT + "line-break":
            self.styled.text += "\n"
        elif tag in (TEXT + "tab", TEXT + "s"):
            self.styled.text += " "
        elif tag == OFFICE + "annotation":
            self.comments.append(child)
        elif tag == TEXT + "note":
            self.boxes += child.findall(TEXT + "note-body")
        elif tag in (DRAW + "text-box", TABLE + "table") or (
            tag.startswith(DRAW) and child.find(TEXT + "p") is not None
        ):
            self.boxes.append(child)
        elif tag != TEXT + "span":
            self.walk(child, is_bold=is_bold)
        elif not self.styles.is_hidden(name := child.get(TEXT + "style-name", "")):
            above, self.is_struck = self.is_struck, self.is_struck or self.styles.is_struck(name)
            self.walk(child, is_bold=self.styles.is_bold(name, is_bold))
            self.is_struck = above

    def _add(self, text: str | None, is_bold: bool) -> None:
        shown = (text or "").translate(_BLANKS)
        self.styled.add(shown, is_strong=is_bold, is_struck=self.is_struck)


def read_odp(file: FileContent) -> tuple[RawPart, ...]:
    """Return an OpenDocument presentation as one part; raises as `read_slides`."""
    refusal = ("diaporama sans contenu", "un diaporama .odp", _SAVE_AGAIN)
    body, styles, _ = open_odf(file, "diaporama OpenDocument", "presentation", refusal)
    walk = OdfWalk(styles)
    pages = body.findall(DRAW + "page")
    shown = [page for page in pages if not _is_hidden_page(page, styles)]
    blocks = [
        block
        for i, page in enumerate(shown)
        for block in _page_blocks(page, walk, is_opening=i == 0)
    ]
    return slides_part(blocks, n_hidden=len(pages) - len(shown))


def _is_hidden_page(page: etree._Element, styles: OdfStyles) -> bool:
    name = page.get(DRAW + "style-name", "")
    return any(
        properties.get(_PRESENTATION + "visibility") == "hidden"
        for properties in styles.properties(name, "drawing-page")
    )


def _page_blocks(page: etree._Element, walk: OdfWalk, *, is_opening: bool) -> list[RawBlock]:
    """The opening slide's subtitle is the occasion."""
    shapes = [(shape, shape.get(_PRESENTATION + "class", "")) for shape in _page_shapes(page, 0)]
    titles = [shape for shape, kind in shapes if kind == "title"]
    heading = clean(" ".join(draft.text for shape in titles for draft in walk.drafts(shape)))
    is_title_page = is_opening and any(kind == "subtitle" for _, kind in shapes)
    blocks = [RawBlock(heading, "heading", 1 if is_title_page else 2)] if heading else []
    for shape, kind in shapes:
        if kind == "title" or kind in _SLIDE_FURNITURE:
            continue
        own = blocks_of_drafts(list(walk.drafts(shape)), has_headings=False)
        if kind == "subtitle" and is_opening:
            own = [RawBlock(block.text, "meta", reason="circumstance") for block in own]
        blocks += own
    return blocks


def _page_shapes(parent: etree._Element, depth: int) -> Iterator[etree._Element]:
    """Yield frames and shapes in order, groups opened, those of the notes last."""
    for child in parent:
        if child.tag == DRAW + "g" and depth < _MAX_DEPTH:
            yield from _page_shapes(child, depth + 1)
        elif isinstance(child.tag, str) and child.tag.startswith(DRAW):
            yield child
    for notes in parent.findall(_PRESENTATION + "notes"):
        for frame in notes.findall(DRAW + "frame"):
            if frame.get(_PRESENTATION + "class") == "notes":
                yield frame
