"""Read Word documents (.docx, .docm, .dotx) from their XML in reading order.

Insertions are kept; deletions, field codes and hidden text are not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from functools import partial

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart, decode
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
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.docx_styles import (
    LARGE,
    ListNumbering,
    W,
    WordStyle,
    WordStyles,
    is_on,
    outline_level,
    value,
)
from pipeline.ingest.readers.grids import Cell, CoveredCell, TableWalk, cell_above, spread
from pipeline.ingest.readers.html_page import drafts_of_html
from pipeline.ingest.readers.source import FileContent
from pipeline.ingest.readers.wording import clean, small_number

_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")
_SKIPPED = frozenset(
    W + name
    for name in (
        "del", "moveFrom", "delText", "instrText", "pPr", "rPr", "annotationRef", "sdtPr", "rt",
    )
)  # fmt: skip
_WRAPPERS = frozenset(W + name for name in ("sdt", "sdtContent", "ins", "customXml"))
_CALLS = frozenset(W + f"{kind}Reference" for kind in ("footnote", "endnote", "comment"))
_SIGNS = {W + "tab": "\t", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": "\t"}
_ARROWS = {"F0E0": "→", "F0E8": "→", "F0E2": "↑", "F0E4": "↗"}
_FURNITURE = re.compile(r"word/(?:header|footer)\d*\.xml")
_MAX_COLUMNS = 60  # spanned by a cell or row


def read_docx(file: FileContent) -> tuple[RawPart, ...]:
    """Return the document as one part; raise `ReadError` if damaged, protected or textless."""
    container = Container(file, "document Word")
    main = "word/document.xml"
    if main not in container.names and "word/document2.xml" in container.names:
        main = "word/document2.xml"
    root = container.xml(main)
    body = None if root is None else root.find(W + "body")
    if body is None:
        raise ReadError(
            "document Word sans corps de texte",
            "un document enregistré par Word",
            "l'ouvrir dans Word et l'enregistrer de nouveau en .docx",
        )
    walk = _Walk(
        WordStyles.of(container.xml("word/styles.xml")),
        ListNumbering.of(container.xml("word/numbering.xml")),
        _Asides.of(container, main),
    )
    drafts = [*walk.drafts(body), *walk.rest()]
    names = filter(_FURNITURE.fullmatch, container.names)
    roots = map(container.xml, sorted(names, key=lambda name: ("footer" in name, name)))
    furniture = [
        clean(draft.text) for root in roots if root is not None for draft in walk.drafts(root)
    ]
    blocks = [*furniture_blocks(furniture), *blocks_of_drafts(drafts)]
    return single_part(blocks, "document Word", title=walk.title)


@dataclass(frozen=True)
class _Asides:
    """Notes by kind and id, comments by id, web pages by relation."""

    notes: dict[tuple[str, str], etree._Element]
    comments: dict[str, list[RawBlock]]
    pages: dict[str, bytes]

    @classmethod
    def of(cls, container: Container, main: str) -> "_Asides":
        pages = {
            relation_id: container.read(name)
            for relation_id, (kind, name) in container.relations(main).items()
            if kind == "aFChunk"
        }
        return cls(dict(_notes(container)), dict(_comments(container)), pages)


def _notes(container: Container) -> Iterator[tuple[tuple[str, str], etree._Element]]:
    for kind in ("footnote", "endnote"):
        root = container.xml(f"word/{kind}s.xml")
        for note in () if root is None else root.findall(W + kind):
            if note.get(W + "type") not in _SEPARATORS:
                yield (kind, note.get(W + "id", "")), note


def _comments(container: Container) -> Iterator[tuple[str, list[RawBlock]]]:
    root = container.xml("word/comments.xml")
    extended = container.xml("word/commentsExtended.xml")
    entries = () if extended is None else extended.iter("{*}commentEx")
    resolved = {
        _own_attribute(entry, "paraId")
        for entry in entries
        if _own_attribute(entry, "done") in ("1", "true")
    }
    for comment in () if root is None else root.findall(W + "comment"):
        paragraphs = list(comment.iter(W + "p"))
        text = " ".join(
            "".join(run.text or "" for run in paragraph.iter(W + "t")) for paragraph in paragraphs
        )
        is_resolved = any(paragraph.get(_W14 + "paraId") in resolved for paragraph in paragraphs)
        author = comment.get(W + "author", "")
        yield comment.get(W + "id", ""), comment_blocks(text, author, is_resolved=is_resolved)


def _own_attribute(element: etree._Element, name: str) -> str | None:
    return element.get(f"{{{etree.QName(element).namespace}}}{name}")


def _html_of(content: bytes) -> str:
    if not content[:200].lstrip().lower().startswith((b"mime-version", b"content-type", b"from:")):
        return "" if content.startswith((b"PK", b"{\\rtf")) else decode(content)
    for part in message_from_bytes(content).walk():
        if part.get_content_type() == "text/html":
            payload = part.get_payload(decode=True)
            payload = payload if isinstance(payload, bytes) else b""
            return decode(payload, part.get_content_charset())
    return ""


@dataclass
class _Walk(TableWalk):
    styles: WordStyles
    numbering: ListNumbering
    asides: _Asides
    _pending: str = ""  # text before a mark deleted under revision
    _notes_read: set[tuple[str, str]] = field(default_factory=set)  # notes may call one another

    def drafts(self, parent: etree._Element) -> Iterator[Draft]:
        for element in parent:
            if element.tag == W + "p":
                yield from self._paragraph(element)
            elif element.tag == W + "tbl":
                yield from self.table_drafts(partial(self._rows, element))
            elif element.tag == W + "altChunk":
                content = self.asides.pages.get(element.get(_RELATION, ""), b"")
                yield from drafts_of_html(_html_of(content)) if content else ()
            elif element.tag == _MC + "AlternateContent":
                yield from self.drafts(_choice_of(element))
            elif isinstance(element.tag, str) and not _is_skipped(element):
                yield from self.drafts(element)

    def rest(self) -> list[Draft]:
        """Return what a deleted last paragraph mark left over."""
        text, self._pending = self._pending, ""
        return [Draft(text)]

    def _paragraph(self, element: etree._Element) -> Iterator[Draft]:
        properties = element.find(W + "pPr")
        style = self.styles.get(value(properties, "pStyle"))
        if style.is_contents:
            return
        runs = _Runs(self.styles)
        runs.walk(element, is_bold=style.is_bold)
        text, self._pending = self._pending + runs.styled.text, ""
        if properties is not None and any(
            properties.find(f"{W}rPr/{W}{mark}") is not None for mark in ("del", "moveFrom")
        ):
            self._pending = text
            return
        if style.is_title and self.title is None:
            self.title = clean(text) or None
        yield from self._laid_out(text, style, properties, is_strong=runs.styled.is_strong)
        for box in runs.boxes:
            yield from self.drafts(box)
        for key in runs.calls:
            if key in self.asides.notes and key not in self._notes_read:
                self._notes_read.add(key)
                yield from self.drafts(self.asides.notes[key])
        for kind, comment_id in runs.calls:
            if kind == "comment":
                self.comments += drafts_of_blocks(self.asides.comments.get(comment_id, []))
        yield from self.comments_due()

    def _laid_out(
        self, text: str, style: WordStyle, properties: etree._Element | None, *, is_strong: bool
    ) -> list[Draft]:
        list_id = value(properties, "numPr/numId") or style.list_id
        level = small_number(value(properties, "numPr/ilvl"), style.list_level)
        is_listed = list_id not in ("", "0")
        is_counted = is_listed and list_id != "style" and bool(clean(text))
        return drafts_of_text(
            text,
            heading=style.heading or outline_level(value(properties, "outlineLvl")),
            list_level=level if is_listed else None,
            number=self.numbering.count(list_id, level) if is_counted else "",
            is_strong=is_strong,
        )

    def _rows(self, table: etree._Element) -> list[list[Cell]]:
        rows: list[list[Cell]] = []
        for row in _unwrapped(table, "tr"):
            properties = row.find(W + "trPr")
            if properties is None or properties.find(W + "del") is None:
                cells: list[Cell] = [[] for _ in range(_n_columns(properties, "gridBefore", 0))]
                for cell in _unwrapped(row, "tc"):
                    cells += self._cell(cell, cell_above(rows, len(cells)))
                rows.append(cells)
        return rows

    def _cell(self, cell: etree._Element, above: Cell | None) -> list[Cell]:
        """Return a cell and those it covers; a vertically merged one is covered by `above`."""
        properties = cell.find(W + "tcPr")
        merged = None if properties is None else properties.find(W + "vMerge")
        content: Cell
        if merged is not None and merged.get(W + "val", "continue") == "continue":
            content = CoveredCell(above)
        else:
            content = blocks_of_drafts(list(self.drafts(cell)), has_headings=False)
        return spread(content, _n_columns(properties, "gridSpan", 1))


@dataclass
class _Runs:
    """The text of a paragraph, its boxes, and the (kind, id) of what it calls."""

    styles: WordStyles
    styled: StyledText = field(default_factory=StyledText)
    boxes: list[etree._Element] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def walk(self, parent: etree._Element, *, is_bold: bool) -> None:
        for element in parent:
            tag = element.tag
            if not isinstance(tag, str) or _is_skipped(element):
                continue
            if tag == W + "r":
                self._run(element, is_bold)
            elif tag in (W + "t", _MATH_TEXT):
                self.styled.add(element.text or "", is_strong=is_bold)
            elif tag == W + "txbxContent":
                self.boxes.append(element)
            elif tag in _CALLS:
                kind = tag.removeprefix(W).removesuffix("Reference")
                self.calls.append((kind, element.get(W + "id", "")))
            elif (sign := _sign_of(element)) is not None:
                self.styled.text += sign
            else:
                chosen = _choice_of(element) if tag == _MC + "AlternateContent" else element
                self.walk(chosen, is_bold=is_bold)

    def _run(self, element: etree._Element, is_bold: bool) -> None:
        properties = element.find(W + "rPr")
        if is_on(properties, "vanish"):
            return
        own = True if is_on(properties, "u") else is_on(properties, "b")
        if own is None:
            own = is_bold or self.styles.get(value(properties, "rStyle")).is_bold
        is_large = small_number(value(properties, "sz", "0")) >= LARGE
        self.walk(element, is_bold=own or is_large)


def _sign_of(element: etree._Element) -> str | None:
    if element.tag == W + "br":
        return " " if element.get(W + "type") in ("page", "column") else "\n"
    if element.tag == W + "sym":
        return _ARROWS.get(element.get(W + "char", "").upper(), " ")
    return _SIGNS.get(element.tag)


def _is_skipped(element: etree._Element) -> bool:
    """Whether an element is hidden, or a form field that still shows its prompt."""
    return element.tag in _SKIPPED or (
        element.tag == W + "sdt" and element.find(f"{W}sdtPr/{W}showingPlcHdr") is not None
    )


def _choice_of(element: etree._Element) -> etree._Element:
    choice = element.find(_MC + "Choice")
    return element if choice is None else choice


def _unwrapped(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """Yield the children called `name`, also inside content controls and insertions."""
    for child in parent:
        if child.tag == W + name:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _unwrapped(child, name)


def _n_columns(properties: etree._Element | None, name: str, default: int) -> int:
    return min(small_number(value(properties, name, str(default)), default), _MAX_COLUMNS)
