"""Read OpenDocument texts (.odt, .fodt) by walking their XML in reading order.

In:   the bytes of a .odt
Out:  one part: headings, paragraphs, bullets, cells; insertions in, deletions and comments out, notes and frames where they are called
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.container import Container, parse_xml
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.source import Source, no_text, protected
from pipeline.ingest.readers.wording import clean

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_SKIPPED = frozenset(
    [
        TEXT + name
        for name in ("tracked-changes", "sequence-decls", "table-of-content", "alphabetical-index", "note-citation", "list-header-number")
    ]
    + [OFFICE + name for name in ("annotation", "annotation-end", "forms", "binary-data")]
)
_LARGE = 14  # points: a title, even where it is not bold
_MAX_REPEAT = 60  # columns that one repeated cell may stand for in a table of a text


def read_odt(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged, protected or textless document.
    """
    content, styles = odf_trees(source, "document OpenDocument")
    body = None if content is None else content.find(f"{OFFICE}body/{OFFICE}text")
    if content is None or body is None:
        raise ReadError(
            "document OpenDocument sans corps de texte", "un document texte .odt", "l'ouvrir dans LibreOffice et l'enregistrer de nouveau"
        )
    walk = OdfWalk(OdfStyles.of(styles, content))
    blocks = [*_header_blocks(styles), *settle(list(walk.drafts(body)))]
    if not any(block.text for block in blocks):
        raise no_text("document OpenDocument")
    n_comments = sum(1 for _ in body.iter(OFFICE + "annotation"))
    warnings = (
        (f"{n_comments} commentaire{'s' if n_comments > 1 else ''} de relecture non lu{'s' if n_comments > 1 else ''}",)
        if n_comments
        else ()
    )
    return (RawPart(tuple(blocks), title=walk.title, warnings=warnings),)


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


def _header_blocks(styles: etree._Element | None) -> list[RawBlock]:
    """The page headers as meta blocks, each text once."""
    texts = [] if styles is None else [clean("".join(map(str, header.itertext()))) for header in styles.iter(STYLE + "header")]
    return [RawBlock(text, "meta") for text in dict.fromkeys(texts) if any(letter.isalpha() for letter in text)]


@dataclass
class OdfStyles:
    """The paragraph and character styles of a document: what each sets itself, and its parent."""

    by_name: dict[str, etree._Element] = field(default_factory=dict)

    @classmethod
    def of(cls, *roots: etree._Element | None) -> "OdfStyles":
        """The styles defined below `roots`."""
        found = (style for root in roots if root is not None for style in root.iter(STYLE + "style"))
        return cls({style.get(STYLE + "name", ""): style for style in found})

    def chain(self, name: str) -> list[etree._Element]:
        """The style and its ancestors, nearest first."""
        found: list[etree._Element] = []
        while name in self.by_name and self.by_name[name] not in found:
            found.append(self.by_name[name])
            name = found[-1].get(STYLE + "parent-style-name", "")
        return found

    def is_bold(self, name: str, inherited: bool = False) -> bool:
        """Whether the style sets bold or a title's size; `inherited` where it does not say."""
        for style in self.chain(name):
            properties = style.find(STYLE + "text-properties")
            if properties is None:
                continue
            weight, size = properties.get(_FO + "font-weight"), properties.get(_FO + "font-size", "")
            if size.endswith("pt") and size[:-2].replace(".", "").isdigit() and float(size[:-2]) >= _LARGE:
                return True
            if weight:
                return weight not in ("normal", "400", "300")
        return inherited

    def title_level(self, name: str) -> int:
        """1 for the title styles, 1..6 for a style with an outline level or named « Heading 2 », 0 otherwise."""
        for style in self.chain(name):
            shown = style.get(STYLE + "display-name", style.get(STYLE + "name", "")).replace("_20_", " ").lower()
            level = style.get(STYLE + "default-outline-level", "") or (shown[-1] if shown.startswith(("heading ", "titre ")) else "")
            if level.isdigit() and 1 <= int(level) <= 6:
                return int(level)
            if shown in ("title", "titre", "titre principal", "subtitle", "sous-titre"):
                return 1
        return 0


@dataclass
class OdfWalk:
    """One pass over a document."""

    styles: OdfStyles
    title: str | None = None

    def drafts(self, parent: etree._Element, depth: int = -1) -> Iterator[Draft]:
        """Yield the drafts below `parent`, in order; `depth` is the list level, -1 outside lists."""
        for element in parent:
            if element.tag in _SKIPPED or not isinstance(element.tag, str):
                continue
            if element.tag in (TEXT + "p", TEXT + "h"):
                yield from self._paragraph(element, depth)
            elif element.tag == TEXT + "list":
                yield from self.drafts(element, depth + 1)
            elif element.tag == TABLE + "table":
                yield from (Draft(block.text, block) for block in blocks_of_rows(self._rows(element)))
            else:
                yield from self.drafts(element, depth)

    def _paragraph(self, element: etree._Element, depth: int) -> Iterator[Draft]:
        """The drafts of a paragraph: one a line of it, then those of the notes and frames it calls."""
        style = element.get(TEXT + "style-name", "")
        runs = _Runs(self.styles)
        runs.walk(element, is_bold=self.styles.is_bold(style))
        level = element.get(TEXT + "outline-level", "1") if element.tag == TEXT + "h" else str(self.styles.title_level(style))
        heading = int(level) if level.isdigit() else 0
        if heading and clean(runs.text):
            text = clean(runs.text)
            self.title = self.title or (text if heading == 1 else None)
            yield Draft(text, RawBlock(text, "heading", min(6, heading)))
        elif depth >= 0:
            for line in runs.text.split("\n"):
                yield Draft(line, RawBlock(clean(line), "bullet", depth), is_strong=runs.is_strong)
        else:
            yield from (Draft(line, is_strong=runs.is_strong) for line in runs.text.split("\n"))
        for box in runs.boxes:
            yield from self.drafts(box)

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
                cells += [content, *(Covered(content) if isinstance(content, Covered) else [] for _ in range(repeat - 1))]
            rows.append(cells)
        return rows


def count_of(element: etree._Element, name: str) -> int:
    """A count of the table format, 1 where there is none."""
    value = element.get(TABLE + name, "1")
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 9 else 1


def _rows_of(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if child.tag == TABLE + "table-row":
            yield child
        elif child.tag in (TABLE + "table-header-rows", TABLE + "table-rows", TABLE + "table-row-group"):
            yield from _rows_of(child)


@dataclass
class _Runs:
    """The text of one paragraph, and the notes and frames in it."""

    styles: OdfStyles
    text: str = ""
    n_strong: int = 0
    n_plain: int = 0
    boxes: list[etree._Element] = field(default_factory=list)

    @property
    def is_strong(self) -> bool:
        """True where all the letters are in bold."""
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
        elif tag == TEXT + "note":
            self.boxes += child.findall(TEXT + "note-body")
        elif tag in (DRAW + "text-box", TABLE + "table") or (tag.startswith(DRAW) and child.find(TEXT + "p") is not None):
            self.boxes.append(child)
        elif tag == TEXT + "span":
            self.walk(child, is_bold=self.styles.is_bold(child.get(TEXT + "style-name", ""), is_bold))
        else:
            self.walk(child, is_bold=is_bold)

    def _add(self, text: str | None, is_bold: bool) -> None:
        flowed = " ".join(text.split(" ")).replace("\n", " ").replace("\t", " ") if text else ""
        self.text += flowed
        n_letters = sum(letter.isalpha() for letter in flowed)
        self.n_strong += n_letters if is_bold else 0
        self.n_plain += 0 if is_bold else n_letters
