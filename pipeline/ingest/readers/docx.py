"""Read Word documents (.docx, .docm, .dotx) by walking their XML in reading order.

In:   the bytes of a .docx
Out:  one part: headings, paragraphs, bullets, cells; insertions in, deletions out, notes, comments and text boxes where they are called

What a Word document keeps beside its text: notes, comments, page headers and footers, and files pasted in whole.

The text of a Word paragraph run by run: insertions in, deletions, fields' code and hidden text out.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import Draft, remark, settle
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.docx_styles import (
    Numbering,
    Style,
    Styles,
    W,
    is_on,
    outline_level,
    value,
)
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.html_page import drafts_of_html
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean, whole

_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Asides:
    """Foot and end notes by kind and id, comments by id, and the HTML pasted in whole by relation."""

    notes: dict[tuple[str, str], etree._Element] = field(default_factory=dict)
    comments: dict[str, RawBlock] = field(default_factory=dict)
    chunks: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, container: Container, main: str) -> "Asides":
        """What stands beside the text of the entry `main`."""
        return cls(
            dict(_notes(container)), dict(_comments(container)), dict(_chunks(container, main))
        )

    def chunk(self, element: etree._Element) -> list[Draft]:
        """The drafts of a file pasted in whole, where it is a web page or an archive of one."""
        content = self.chunks.get(element.get(_RELATION, ""), b"")
        return drafts_of_html(_html_of(content)) if content else []


def _notes(container: Container) -> Iterator[tuple[tuple[str, str], etree._Element]]:
    """Foot and end notes, separators left out."""
    for kind in ("footnote", "endnote"):
        root = container.xml(f"word/{kind}s.xml")
        for note in () if root is None else root.findall(W + kind):
            if note.get(W + "type") not in (
                "separator",
                "continuationSeparator",
                "continuationNotice",
            ):
                yield (kind, note.get(W + "id", "")), note


def _comments(container: Container) -> Iterator[tuple[str, RawBlock]]:
    root = container.xml("word/comments.xml")
    extended = container.xml("word/commentsExtended.xml")
    entries = () if extended is None else extended.iter("{*}commentEx")
    settled = {_own(entry, "paraId") for entry in entries if _own(entry, "done") in ("1", "true")}
    for comment in () if root is None else root.findall(W + "comment"):
        paragraphs = list(comment.iter(W + "p"))
        text = " ".join(
            "".join(text.text or "" for text in paragraph.iter(W + "t")) for paragraph in paragraphs
        )
        is_resolved = any(paragraph.get(_W14 + "paraId") in settled for paragraph in paragraphs)
        yield (
            comment.get(W + "id", ""),
            remark(text, comment.get(W + "author", ""), is_resolved=is_resolved),
        )


def _own(element: etree._Element, name: str) -> str | None:
    """An attribute of the element's own namespace."""
    return element.get(f"{{{etree.QName(element).namespace}}}{name}")


def _chunks(container: Container, main: str) -> Iterator[tuple[str, bytes]]:
    folder, own = posixpath.split(main)
    root = container.xml(f"{folder}/_rels/{own}.rels")
    for relation in () if root is None else root:
        if relation.get("Type", "").endswith("/aFChunk"):
            target = posixpath.normpath(
                posixpath.join("/", folder, relation.get("Target", ""))
            ).lstrip("/")
            yield relation.get("Id", ""), container.read(target)


def _html_of(content: bytes) -> str:
    """The HTML of a web page, or of an archive of one (.mht)."""
    if content[:200].lstrip().lower().startswith((b"mime-version", b"content-type", b"from:")):
        parts = [
            part
            for part in message_from_bytes(content).walk()
            if part.get_content_type() == "text/html"
        ]
        held = parts[0].get_payload(decode=True) if parts else b""
        return decode(
            held if isinstance(held, bytes) else b"",
            parts[0].get_content_charset() if parts else None,
        )
    return "" if content.startswith((b"PK", b"{\\rtf")) else decode(content)


MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
SKIPPED = frozenset(
    W + name
    for name in (
        "del",
        "moveFrom",
        "delText",
        "instrText",
        "pPr",
        "rPr",
        "annotationRef",
        "sdtPr",
        "rt",
    )
)
_TEXT = {W + "tab": "\t", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": "\t"}
_LARGE = 28  # half-points: a title, even where it is not bold
_ARROWS = {"F0E0": "→", "F0E8": "→", "F0E2": "↑", "F0E4": "↗"}


def is_placeholder(element: etree._Element) -> bool:
    """True for a form field that still shows its own prompt, such as « Cliquez ici pour taper du texte »."""
    return element.tag == W + "sdt" and element.find(f"{W}sdtPr/{W}showingPlcHdr") is not None


@dataclass
class Runs:
    """The text of one paragraph, and what is called from it."""

    styles: Styles
    text: str = ""
    n_strong: int = 0
    n_plain: int = 0
    boxes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_strong(self) -> bool:
        """True where all the letters are in bold or underlined."""
        return self.n_strong > 0 and self.n_plain == 0

    def walk(self, parent: etree._Element, *, is_bold: bool) -> None:
        """Add the text below `parent`; `is_bold` is the weight that it inherits."""
        for element in parent:
            tag = element.tag
            if not isinstance(tag, str) or tag in SKIPPED or is_placeholder(element):
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
            elif tag in (W + "footnoteReference", W + "endnoteReference", W + "commentReference"):
                self.notes.append(
                    (tag.removeprefix(W).removesuffix("Reference"), element.get(W + "id", ""))
                )
            elif tag == MC + "AlternateContent":
                choice = element.find(MC + "Choice")
                self.walk(element if choice is None else choice, is_bold=is_bold)
            else:
                self.walk(element, is_bold=is_bold)

    def _run(self, element: etree._Element, is_bold: bool) -> None:
        properties = element.find(W + "rPr")
        if is_on(properties, "vanish"):
            return
        own = True if is_on(properties, "u") else is_on(properties, "b")
        inherited = is_bold or self.styles.get(value(properties, "rStyle")).is_bold
        size = value(properties, "sz", "0")
        self.walk(element, is_bold=(inherited if own is None else own) or whole(size) >= _LARGE)

    def _add(self, text: str, is_bold: bool) -> None:
        self.text += text
        n_letters = sum(letter.isalpha() for letter in text)
        self.n_strong += n_letters if is_bold else 0
        self.n_plain += 0 if is_bold else n_letters


def read_docx(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged, protected or textless document.
    """
    container = Container(source, "document Word")
    name = next(
        (name for name in ("word/document.xml", "word/document2.xml") if name in container.names),
        "word/document.xml",
    )
    root = container.xml(name)
    body = None if root is None else root.find(W + "body")
    if body is None:
        raise ReadError(
            "document Word sans corps de texte",
            "un document enregistré par Word",
            "l'ouvrir dans Word et l'enregistrer de nouveau en .docx",
        )
    styles, numbering = (
        Styles.of(container.xml("word/styles.xml")),
        Numbering.of(container.xml("word/numbering.xml")),
    )
    walk = _Walk(styles, numbering, Asides.of(container, name))
    drafts = [*walk.drafts(body), *walk.rest()]
    blocks = [*_furniture(container, walk), *settle(drafts)]
    if not any(block.text for block in blocks):
        raise no_text("document Word")
    return (RawPart(tuple(blocks), title=walk.title),)


def _furniture(container: Container, walk: "_Walk") -> list[RawBlock]:
    """The page headers and footers as meta blocks, each text once: they often name the table or the workshop."""
    texts: list[str] = []
    for name in sorted(container.names, key=lambda name: ("footer" in name, name)):
        root = (
            container.xml(name) if re.fullmatch(r"word/(?:header|footer)\d*\.xml", name) else None
        )
        texts += [] if root is None else [clean(draft.text) for draft in walk.drafts(root)]
    return [
        RawBlock(text, "meta")
        for text in dict.fromkeys(texts)
        if any(letter.isalpha() for letter in text)
    ]


@dataclass
class _Walk:
    """One pass over a document, counting its lists as it goes."""

    styles: Styles
    numbering: Numbering
    asides: Asides
    title: str | None = None
    _pending: str = field(
        default=""
    )  # text before a paragraph mark that was deleted under revision
    _n_tables: int = 0  # tables around the place of the walk
    _remarks: list[Draft] = field(
        default_factory=list
    )  # comments on the cells of a table, which follow it
    _noted: set[tuple[str, str]] = field(
        default_factory=set
    )  # notes already read: they may call one another

    def drafts(self, parent: etree._Element) -> Iterator[Draft]:
        """Yield the drafts of the paragraphs and tables inside `parent`, in order."""
        for element in parent:
            if element.tag == W + "p":
                yield from self._paragraph(element)
            elif element.tag == W + "tbl":
                yield from self._table(element)
            elif element.tag == W + "altChunk":
                yield from self.asides.chunk(element)
            elif element.tag == MC + "AlternateContent":
                choice = element.find(MC + "Choice")
                yield from self.drafts(element if choice is None else choice)
            elif (
                isinstance(element.tag, str)
                and element.tag not in SKIPPED
                and not is_placeholder(element)
            ):
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
        runs = Runs(self.styles)
        runs.walk(element, is_bold=style.is_bold)
        text, self._pending = self._pending + runs.text, ""
        if properties is not None and any(
            properties.find(f"{W}rPr/{W}{mark}") is not None for mark in ("del", "moveFrom")
        ):
            self._pending = text
            return
        if style.is_title and self.title is None and clean(text):
            self.title = clean(text)
        yield from self._laid_out(text, style, properties, is_strong=runs.is_strong)
        for box in runs.boxes:
            yield from self.drafts(box)
        for key in runs.notes:
            if key in self.asides.notes and key not in self._noted:
                self._noted.add(key)
                yield from self.drafts(self.asides.notes[key])
        said = [
            self.asides.comments[number]
            for kind, number in runs.notes
            if kind == "comment" and number in self.asides.comments
        ]
        self._remarks += [Draft(block.text, block) for block in said if block.text]
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

    def _laid_out(
        self, text: str, style: Style, properties: etree._Element | None, *, is_strong: bool
    ) -> Iterator[Draft]:
        list_id = value(properties, "numPr/numId") or style.list_id
        level = value(properties, "numPr/ilvl")
        depth = whole(level, style.list_level)
        outline = value(properties, "outlineLvl")
        heading = style.heading or outline_level(outline)
        number = (
            self.numbering.count(list_id, depth)
            if list_id not in ("", "0", "style") and clean(text)
            else ""
        )
        if heading:
            title = clean(f"{number} {text}")
            yield Draft(title, RawBlock(title, "heading", heading))
        elif list_id not in ("", "0"):
            for line in text.split("\n"):
                yield Draft(
                    line, RawBlock(clean(line), "bullet", depth), number=number, is_strong=is_strong
                )
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
                is_continued = (
                    merged is not None and merged.get(W + "val", "continue") == "continue"
                )
                above = rows[-1][len(cells)] if rows and len(cells) < len(rows[-1]) else []
                content = (
                    Covered(above)
                    if is_continued
                    else settle(list(self.drafts(cell)), has_headings=False)
                )
                cells += [
                    content,
                    *(Covered(content) for _ in range(_count(properties, "gridSpan", 1) - 1)),
                ]
            rows.append(cells)
        return rows


def _count(properties: etree._Element | None, name: str, default: int) -> int:
    """Columns that a cell or row spans, 60 at most."""
    return min(whole(value(properties, name, str(default)), default), 60)


def _unwrapped(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The children of that name, also those inside content controls or marked as inserted."""
    for child in parent:
        if child.tag == W + name:
            yield child
        elif child.tag in (W + "sdt", W + "sdtContent", W + "ins", W + "customXml"):
            yield from _unwrapped(child, name)
