"""Read OpenDocument texts (.odt, .fodt) from their XML in reading order.

Insertions are kept, deletions are not; notes, comments and frames follow their calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from lxml import etree

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import (
    Draft,
    StyledText,
    blocks_of_drafts,
    comment_blocks,
    drafts_of_blocks,
    drafts_of_text,
    furniture_blocks,
    single_part,
)
from pipeline.ingest.readers.grids import Cell, CoveredCell, TableWalk, cell_above
from pipeline.ingest.readers.odf import (
    CELLS,
    DC,
    DRAW,
    OFFICE,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    OdfStyles,
    count_of,
    open_odf,
    rows_of_table,
)
from pipeline.ingest.readers.source import FileContent
from pipeline.ingest.readers.wording import clean, small_number

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


def read_odt(file: FileContent) -> tuple[RawPart, ...]:
    """Return the document as one part; raise `ReadError` if damaged, protected or textless."""
    refusal = (
        "document OpenDocument sans corps de texte",
        "un document texte .odt",
        "l'ouvrir dans LibreOffice et l'enregistrer de nouveau",
    )
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
    """`around` is the text around its numbers, None for bullets."""

    style: str
    around: tuple[str, str] | None
    n_items: int
    has_number_to_show: bool = False

    def number(self) -> str:
        """Return the number before an item's first paragraph, "" before others."""
        is_shown, self.has_number_to_show = self.has_number_to_show, False
        return f"{self.around[0]}{self.n_items}{self.around[1]}" if is_shown and self.around else ""


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
        runs = _Runs(self.styles)
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
    is_resolved = any(
        str(key).endswith("}resolved") and value == "true" for key, value in element.attrib.items()
    )
    author = element.findtext(DC + "creator", "")
    return comment_blocks(_plain_text(element), author, is_resolved=is_resolved)


@dataclass
class _Runs:
    styles: OdfStyles
    styled: StyledText = field(default_factory=StyledText)
    boxes: list[etree._Element] = field(default_factory=list)
    comments: list[etree._Element] = field(default_factory=list)

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
            self.walk(child, is_bold=self.styles.is_bold(name, is_bold))

    def _add(self, text: str | None, is_bold: bool) -> None:
        self.styled.add((text or "").translate(_BLANKS), is_strong=is_bold)
