"""Read OpenDocument texts (.odt, .fodt) by walking their XML in reading order.

In:   the bytes of a .odt
Out:  one part: headings, paragraphs, bullets, cells; insertions in, deletions out, notes, comments and frames where they are called

Read OpenDocument slides (.odp, .fodp) with the walk of OpenDocument texts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import Draft, remark, settle
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.odf import (
    DC,
    DRAW,
    OFFICE,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    OdfStyles,
    count_of,
    odf_trees,
)
from pipeline.ingest.readers.slides import as_part
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean, whole

_SKIPPED = frozenset(
    [
        TEXT + name
        for name in (
            "tracked-changes",
            "sequence-decls",
            "table-of-content",
            "alphabetical-index",
            "note-citation",
            "list-header-number",
            "hidden-text",
            "hidden-paragraph",
            "ruby-text",
        )
    ]
    + [OFFICE + name for name in ("annotation-end", "forms", "binary-data")]
    + [SVG + name for name in ("title", "desc")]
)
_MAX_REPEAT = 60  # columns that one repeated cell may stand for in a table of a text


def read_odt(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged, protected or textless document.
    """
    content, styles = odf_trees(source, "document OpenDocument")
    body = None if content is None else content.find(f"{OFFICE}body/{OFFICE}text")
    if content is None or body is None:
        raise ReadError(
            "document OpenDocument sans corps de texte",
            "un document texte .odt",
            "l'ouvrir dans LibreOffice et l'enregistrer de nouveau",
        )
    walk = OdfWalk(OdfStyles.of(styles, content))
    blocks = [*_furniture(styles), *settle(list(walk.drafts(body)))]
    if not any(block.text for block in blocks):
        raise no_text("document OpenDocument")
    return (RawPart(tuple(blocks), title=walk.title),)


def _furniture(styles: etree._Element | None) -> list[RawBlock]:
    """The page headers and footers as meta blocks, each text once."""
    held = (
        []
        if styles is None
        else [element for name in ("header", "footer") for element in styles.iter(STYLE + name)]
    )
    texts = [
        clean(" ".join("".join(map(str, line.itertext())) for line in element.iter(TEXT + "p")))
        for element in held
    ]
    return [
        RawBlock(text, "meta")
        for text in dict.fromkeys(texts)
        if any(letter.isalpha() for letter in text)
    ]


@dataclass
class _List:
    """A list being walked: what stands around its numbers, None for bullets, and how many items it has had."""

    style: str
    around: tuple[str, str] | None
    n_items: int
    is_fresh: bool = False  # the number of the last item is still to be shown

    def count(self) -> None:
        """Begin an item."""
        self.n_items, self.is_fresh = self.n_items + 1, True

    def shown(self) -> str:
        """The number shown before the first paragraph of an item, "" before others and for bullets."""
        is_shown, self.is_fresh = self.is_fresh and self.around is not None, False
        return f"{self.around[0]}{self.n_items}{self.around[1]}" if is_shown and self.around else ""


@dataclass
class OdfWalk:
    """One pass over a document."""

    styles: OdfStyles
    title: str | None = None
    _lists: list["_List"] = field(
        default_factory=list
    )  # the lists around the place of the walk, outermost first
    _counts: dict[tuple[str, int], int] = field(
        default_factory=dict
    )  # items of the last list of a style and level
    _n_tables: int = 0  # tables around the place of the walk
    _remarks: list[Draft] = field(
        default_factory=list
    )  # comments on the cells of a table, which follow it

    def drafts(self, parent: etree._Element, depth: int = -1) -> Iterator[Draft]:
        """Yield the drafts below `parent`, in order; `depth` is the list level, -1 outside lists."""
        for element in parent:
            if element.tag in _SKIPPED or not isinstance(element.tag, str):
                continue
            if element.tag in (TEXT + "p", TEXT + "h"):
                yield from self._paragraph(element, depth)
            elif element.tag == TEXT + "list":
                yield from self._list(element, depth + 1)
            elif element.tag == TEXT + "list-item" and self._lists:
                self._lists[-1].count()
                yield from self.drafts(element, depth)
            elif element.tag == TABLE + "table":
                yield from self._table(element)
            else:
                yield from self.drafts(element, depth)

    def _list(self, element: etree._Element, depth: int) -> Iterator[Draft]:
        """The drafts of a list; it goes on counting where it says so."""
        above = self._lists[-1].style if self._lists else ""
        style = element.get(TEXT + "style-name") or above
        is_continued = (
            element.get(TEXT + "continue-numbering") == "true"
            or element.get(TEXT + "continue-list") is not None
        )
        start = self._counts.get((style, depth), 0) if is_continued else 0
        self._lists.append(_List(style, self.styles.numbers.get((style, depth)), start))
        yield from self.drafts(element, depth)
        self._counts[style, depth] = self._lists.pop().n_items

    def _paragraph(self, element: etree._Element, depth: int) -> Iterator[Draft]:
        """The drafts of a paragraph: one a line of it, then those of the notes and frames it calls."""
        style = element.get(TEXT + "style-name", "")
        runs = _Runs(self.styles)
        runs.walk(element, is_bold=self.styles.is_bold(style))
        level = (
            element.get(TEXT + "outline-level", "1")
            if element.tag == TEXT + "h"
            else str(self.styles.title_level(style))
        )
        heading = whole(level)
        if heading and clean(runs.text):
            text = clean(runs.text)
            self.title = self.title or (text if heading == 1 else None)
            yield Draft(text, RawBlock(text, "heading", min(6, heading)))
        elif depth >= 0:
            number = self._lists[-1].shown() if self._lists else ""
            for line in runs.text.split("\n"):
                yield Draft(
                    line,
                    RawBlock(clean(line), "bullet", depth),
                    number=number,
                    is_strong=runs.is_strong,
                )
        else:
            yield from (Draft(line, is_strong=runs.is_strong) for line in runs.text.split("\n"))
        for box in runs.boxes:
            yield from self.drafts(box)
        self._remarks += [
            Draft(block.text, block) for block in map(_comment, runs.comments) if block.text
        ]
        if not self._n_tables:
            yield from self._asked_for()

    def _asked_for(self) -> list[Draft]:
        """The comments that wait for their place."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def _table(self, element: etree._Element) -> Iterator[Draft]:
        self._n_tables += 1
        rows = self._rows(element)
        self._n_tables -= 1
        yield from (Draft(block.text, block) for block in blocks_of_rows(rows))
        if not self._n_tables:
            yield from self._asked_for()

    def _rows(self, table: etree._Element) -> list[list[Cell]]:
        """The cells of a table, header rows and row groups included."""
        rows: list[list[Cell]] = []
        for row in _rows_of(table):
            cells: list[Cell] = []
            n_across = 0  # cells that the last one covers beside it
            for cell in row:
                if cell.tag not in (TABLE + "table-cell", TABLE + "covered-table-cell"):
                    continue
                above = rows[-1][len(cells)] if rows and len(cells) < len(rows[-1]) else []
                if cell.tag == TABLE + "covered-table-cell":
                    content: Cell = Covered(cells[-1] if n_across > 0 and cells else above)
                    n_across -= 1
                else:
                    content = settle(list(self.drafts(cell)), has_headings=False)
                    n_across = count_of(cell, "number-columns-spanned") - 1
                repeat = min(count_of(cell, "number-columns-repeated"), _MAX_REPEAT)
                cells += [
                    content,
                    *(
                        Covered(content) if isinstance(content, Covered) else []
                        for _ in range(repeat - 1)
                    ),
                ]
            rows.append(cells)
        return rows


def _comment(element: etree._Element) -> RawBlock:
    """The block of a comment; its thread's later comments stand behind it as comments of their own."""
    text = " ".join(
        "".join(map(str, paragraph.itertext())) for paragraph in element.iter(TEXT + "p")
    )
    is_resolved = any(
        str(key).endswith("}resolved") and value == "true" for key, value in element.attrib.items()
    )
    return remark(text, element.findtext(DC + "creator", ""), is_resolved=is_resolved)


def _rows_of(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if child.tag == TABLE + "table-row":
            yield child
        elif child.tag in (
            TABLE + "table-header-rows",
            TABLE + "table-rows",
            TABLE + "table-row-group",
        ):
            yield from _rows_of(child)


@dataclass
class _Runs:
    """The text of one paragraph, and the notes and frames in it."""

    styles: OdfStyles
    text: str = ""
    n_strong: int = 0
    n_plain: int = 0
    boxes: list[etree._Element] = field(default_factory=list)
    comments: list[etree._Element] = field(default_factory=list)

    @property
    def is_strong(self) -> bool:
        """True where all the letters are in bold or underlined."""
        return self.n_strong > 0 and self.n_plain == 0

    def walk(self, element: etree._Element, *, is_bold: bool) -> None:
        """Add the text of `element` and of what it contains; runs of white space count as one space, as the format wants."""
        self._add(element.text, is_bold)
        for child in element:
            self._child(child, is_bold)
            self._add(child.tail, is_bold)

    def _child(self, child: etree._Element, is_bold: bool) -> None:
        tag = child.tag
        if tag in _SKIPPED or not isinstance(tag, str):
            return
        if tag == TEXT + "line-break":
            self.text += "\n"
        elif tag in (TEXT + "tab", TEXT + "s"):
            self.text += " "
        elif tag == OFFICE + "annotation":
            self.comments.append(child)
        elif tag == TEXT + "note":
            self.boxes += child.findall(TEXT + "note-body")
        elif tag in (DRAW + "text-box", TABLE + "table") or (
            tag.startswith(DRAW) and child.find(TEXT + "p") is not None
        ):
            self.boxes.append(child)
        elif tag == TEXT + "span":
            if self.styles.is_hidden(child.get(TEXT + "style-name", "")):
                return
            self.walk(
                child, is_bold=self.styles.is_bold(child.get(TEXT + "style-name", ""), is_bold)
            )
        else:
            self.walk(child, is_bold=is_bold)

    def _add(self, text: str | None, is_bold: bool) -> None:
        flowed = " ".join(text.split(" ")).replace("\n", " ").replace("\t", " ") if text else ""
        self.text += flowed
        n_letters = sum(letter.isalpha() for letter in flowed)
        self.n_strong += n_letters if is_bold else 0
        self.n_plain += 0 if is_bold else n_letters


_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_FURNITURE = frozenset({"page-number", "date-time", "footer", "header", "page"})
_MAX_DEPTH = 30  # groups within groups


def read_odp(source: Source) -> tuple[RawPart, ...]:
    """Return the presentation as one part.

    Raises `ReadError` for a damaged, protected or textless presentation.
    """
    content, styles = odf_trees(source, "diaporama OpenDocument")
    body = None if content is None else content.find(f"{OFFICE}body/{OFFICE}presentation")
    if content is None or body is None:
        raise ReadError(
            "diaporama sans contenu",
            "un diaporama .odp",
            "l'ouvrir dans LibreOffice et l'enregistrer de nouveau",
        )
    walk = OdfWalk(OdfStyles.of(styles, content))
    pages = body.findall(DRAW + "page")
    shown = [page for page in pages if not _is_hidden(page, walk.styles)]
    blocks = [
        block
        for order, page in enumerate(shown)
        for block in _blocks(page, walk, is_opening=not order)
    ]
    title = next((block.text for block in blocks if block.kind == "heading"), None)
    return as_part(blocks, title=title, n_hidden=len(pages) - len(shown))


def _is_hidden(page: etree._Element, styles: OdfStyles) -> bool:
    """True for a slide that is not shown."""
    chain = styles.chain(page.get(DRAW + "style-name", ""))
    properties = [
        found
        for style in chain
        if (found := style.find(STYLE + "drawing-page-properties")) is not None
    ]
    return any(found.get(_PRESENTATION + "visibility") == "hidden" for found in properties)


def _blocks(page: etree._Element, walk: OdfWalk, *, is_opening: bool) -> list[RawBlock]:
    """The blocks of a slide; what stands under the title of the first one, where no list follows it, tells the occasion."""
    shapes = list(_shapes(page, 0))
    classes = [shape.get(_PRESENTATION + "class", "") for shape in shapes]
    titles = [shape for shape, name in zip(shapes, classes, strict=True) if name == "title"]
    heading = clean(" ".join(draft.text for shape in titles for draft in walk.drafts(shape)))
    blocks = (
        [RawBlock(heading, "heading", 1 if is_opening and "subtitle" in classes else 2)]
        if heading
        else []
    )
    for shape, name in zip(shapes, classes, strict=True):
        if name == "title" or name in _FURNITURE:
            continue
        own = settle([*walk.drafts(shape)], has_headings=False)
        blocks += (
            [RawBlock(block.text, "meta") for block in own]
            if name == "subtitle" and is_opening
            else own
        )
    return blocks


def _shapes(parent: etree._Element, depth: int) -> Iterator[etree._Element]:
    """The frames and shapes of a slide in order, groups opened, those of its notes last."""
    for child in parent:
        if child.tag == DRAW + "g" and depth < _MAX_DEPTH:
            yield from _shapes(child, depth + 1)
        elif isinstance(child.tag, str) and child.tag.startswith(DRAW):
            yield child
    for notes in parent.findall(_PRESENTATION + "notes"):
        yield from (
            frame
            for frame in notes.findall(DRAW + "frame")
            if frame.get(_PRESENTATION + "class") == "notes"
        )
