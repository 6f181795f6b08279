"""Read Word documents (.docx, .docm) by walking their XML in reading order.

In:   the bytes of a .docx
Out:  one part: headings, paragraphs, bullets, cells; insertions in, deletions and comments out, notes and text boxes where they are called
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.docx_styles import Numbering, Style, Styles, W, is_on, value
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_SKIPPED = frozenset(
    W + name for name in ("del", "moveFrom", "delText", "instrText", "pPr", "rPr", "commentReference", "annotationRef", "sdtPr", "rt")
)
_TEXT = {W + "tab": "\t", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": "\t"}
_LARGE = 28  # half-points: a title, even where it is not bold
_ARROWS = {"F0E0": "→", "F0E8": "→", "F0E2": "↑", "F0E4": "↗"}


def read_docx(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged, protected or textless document.
    """
    container = Container(source, "document Word")
    name = next((name for name in ("word/document.xml", "word/document2.xml") if name in container.names), "word/document.xml")
    root = container.xml(name)
    body = None if root is None else root.find(W + "body")
    if body is None:
        raise ReadError(
            "document Word sans corps de texte",
            "un document enregistré par Word",
            "l'ouvrir dans Word et l'enregistrer de nouveau en .docx",
        )
    walk = _Walk(Styles.of(container.xml("word/styles.xml")), Numbering.of(container.xml("word/numbering.xml")), _notes(container))
    drafts = [*walk.drafts(body), *walk.rest()]
    blocks = [*_header_blocks(container, walk), *settle(drafts)]
    if not any(block.text for block in blocks):
        raise no_text("document Word")
    comments = container.xml("word/comments.xml")
    n_comments = 0 if comments is None else len(comments.findall(W + "comment"))
    warnings = (
        (f"{n_comments} commentaire{'s' if n_comments > 1 else ''} de relecture non lu{'s' if n_comments > 1 else ''}",)
        if n_comments
        else ()
    )
    return (RawPart(tuple(blocks), title=walk.title, warnings=warnings),)


def _notes(container: Container) -> dict[tuple[str, str], etree._Element]:
    """Foot and end notes by kind and id, separators left out."""
    notes: dict[tuple[str, str], etree._Element] = {}
    for kind in ("footnote", "endnote"):
        root = container.xml(f"word/{kind}s.xml")
        for note in () if root is None else root.findall(W + kind):
            if note.get(W + "type") not in ("separator", "continuationSeparator", "continuationNotice"):
                notes[kind, note.get(W + "id", "")] = note
    return notes


def _header_blocks(container: Container, walk: "_Walk") -> list[RawBlock]:
    """The page headers as meta blocks, each text once: they often name the table or the workshop."""
    texts: list[str] = []
    for name in sorted(name for name in container.names if name.startswith("word/header") and name.endswith(".xml")):
        root = container.xml(name)
        texts += [] if root is None else [clean(draft.text) for draft in walk.drafts(root)]
    return [RawBlock(text, "meta") for text in dict.fromkeys(texts) if any(letter.isalpha() for letter in text)]


@dataclass
class _Walk:
    """One pass over a document, counting its lists as it goes."""

    styles: Styles
    numbering: Numbering
    notes: dict[tuple[str, str], etree._Element]
    title: str | None = None
    _pending: str = field(default="")  # text before a paragraph mark that was deleted under revision

    def drafts(self, parent: etree._Element) -> Iterator[Draft]:
        """Yield the drafts of the paragraphs and tables inside `parent`, in order."""
        for element in parent:
            if element.tag == W + "p":
                yield from self._paragraph(element)
            elif element.tag == W + "tbl":
                yield from (Draft(block.text, block) for block in blocks_of_rows(self._rows(element)))
            elif element.tag == _MC + "AlternateContent":
                choice = element.find(_MC + "Choice")
                yield from self.drafts(element if choice is None else choice)
            elif element.tag not in _SKIPPED and isinstance(element.tag, str):
                yield from self.drafts(element)

    def rest(self) -> list[Draft]:
        """What a deleted paragraph mark at the very end left over."""
        text, self._pending = self._pending, ""
        return [Draft(text)]

    def _paragraph(self, element: etree._Element) -> Iterator[Draft]:
        """The drafts of a paragraph: one a line of it, then those of the notes and text boxes it calls."""
        properties = element.find(W + "pPr")
        style = self.styles.get(value(properties, "pStyle"))
        if style.is_contents:
            return
        runs = _Runs(self.styles)
        runs.walk(element, is_bold=style.is_bold)
        text, self._pending = self._pending + runs.text, ""
        if properties is not None and properties.find(f"{W}rPr/{W}del") is not None:
            self._pending = text
            return
        if style.is_title and self.title is None and clean(text):
            self.title = clean(text)
        yield from self._laid_out(text, style, properties, is_strong=runs.is_strong)
        for box in runs.boxes:
            yield from self.drafts(box)
        for key in runs.notes:
            if key in self.notes:
                yield from self.drafts(self.notes[key])

    def _laid_out(self, text: str, style: Style, properties: etree._Element | None, *, is_strong: bool) -> Iterator[Draft]:
        list_id = value(properties, "numPr/numId") or style.list_id
        level = value(properties, "numPr/ilvl")
        depth = int(level) if level.isdigit() else style.list_level
        outline = value(properties, "outlineLvl")
        heading = style.heading or (int(outline) + 1 if outline.isdigit() and int(outline) < 6 else 0)
        number = self.numbering.count(list_id, depth) if list_id not in ("", "0", "style") and clean(text) else ""
        if heading:
            title = clean(f"{number} {text}")
            yield Draft(title, RawBlock(title, "heading", heading))
        elif list_id not in ("", "0"):
            for line in text.split("\n"):
                yield Draft(line, RawBlock(clean(line), "bullet", depth), number=number, is_strong=is_strong)
        else:
            yield from (Draft(line, is_strong=is_strong) for line in text.split("\n"))

    def _rows(self, table: etree._Element) -> list[list[Cell]]:
        """The cells of a table."""
        rows: list[list[Cell]] = []
        for row in _unwrapped(table, "tr"):
            if row.find(f"{W}trPr/{W}del") is not None:
                continue
            cells: list[Cell] = [[] for _ in range(_count(row.find(W + "trPr"), "gridBefore", 0))]
            for cell in _unwrapped(row, "tc"):
                properties = cell.find(W + "tcPr")
                merged = None if properties is None else properties.find(W + "vMerge")
                is_continued = merged is not None and merged.get(W + "val", "continue") == "continue"
                above = rows[-1][len(cells)] if rows and len(cells) < len(rows[-1]) else []
                content = Covered(above) if is_continued else settle(list(self.drafts(cell)), has_headings=False)
                cells += [content, *(Covered(content) for _ in range(_count(properties, "gridSpan", 1) - 1))]
            rows.append(cells)
        return rows


def _count(properties: etree._Element | None, name: str, default: int) -> int:
    """Columns that a cell or row spans, 60 at most."""
    number = value(properties, name, str(default))
    return min(int(number), 60) if number.isascii() and number.isdigit() else default


def _unwrapped(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The children of that name, also those inside content controls or marked as inserted."""
    for child in parent:
        if child.tag == W + name:
            yield child
        elif child.tag in (W + "sdt", W + "sdtContent", W + "ins", W + "customXml"):
            yield from _unwrapped(child, name)


@dataclass
class _Runs:
    """The text of one paragraph, and what is called from it."""

    styles: Styles
    text: str = ""
    n_strong: int = 0
    n_plain: int = 0
    boxes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_strong(self) -> bool:
        """True where all the letters are in bold."""
        return self.n_strong > 0 and self.n_plain == 0

    def walk(self, parent: etree._Element, *, is_bold: bool) -> None:
        """Add the text below `parent`; `is_bold` is the weight that it inherits."""
        for element in parent:
            tag = element.tag
            if tag in _SKIPPED or not isinstance(tag, str):
                continue
            if tag == W + "r":
                self._run(element, is_bold)
            elif tag in (W + "t", _MATH_TEXT):
                self._add(element.text or "", is_bold)
            elif tag == W + "br":
                self.text += " " if element.get(W + "type") in ("page", "column") else "\n"
            elif tag in _TEXT:
                self.text += _TEXT[tag]
            elif tag == W + "sym":
                self.text += _ARROWS.get(element.get(W + "char", "").upper(), " ")
            elif tag == W + "txbxContent":
                self.boxes.append(element)
            elif tag in (W + "footnoteReference", W + "endnoteReference"):
                self.notes.append((tag.removeprefix(W).removesuffix("Reference"), element.get(W + "id", "")))
            elif tag == _MC + "AlternateContent":
                choice = element.find(_MC + "Choice")
                self.walk(element if choice is None else choice, is_bold=is_bold)
            else:
                self.walk(element, is_bold=is_bold)

    def _run(self, element: etree._Element, is_bold: bool) -> None:
        properties = element.find(W + "rPr")
        if is_on(properties, "vanish"):
            return
        own = is_on(properties, "b")
        inherited = is_bold or self.styles.get(value(properties, "rStyle")).is_bold
        size = value(properties, "sz", "0")
        self.walk(element, is_bold=(inherited if own is None else own) or (size.isdigit() and int(size) >= _LARGE))

    def _add(self, text: str, is_bold: bool) -> None:
        self.text += text
        n_letters = sum(letter.isalpha() for letter in text)
        self.n_strong += n_letters if is_bold else 0
        self.n_plain += 0 if is_bold else n_letters
