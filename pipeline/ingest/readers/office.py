"""Read Word documents and slides (.docx, .pptx) from their XML in reading order.

Insertions are kept; deletions, field codes, hidden text and slides, slide numbers and footers are
not. The styles and lists of Word are those of rich text and of Word 97 too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from functools import partial
from typing import NamedTuple

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import (
    LIST_DASHES,
    Cell,
    CoveredCell,
    Draft,
    StyledText,
    TableWalk,
    blocks_of_drafts,
    blocks_of_rows,
    cell_above,
    comment_blocks,
    drafts_of_blocks,
    drafts_of_text,
    furniture_blocks,
    single_part,
    slides_part,
    spread,
    struck,
    styles_from,
)
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.texts import drafts_of_html
from pipeline.ingest.words import clean, small_number

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LARGE = 28  # half-points: a title, bold or not
_OFF = frozenset({"0", "false", "off", "none"})
_HEADING_NAME = re.compile(r"^(?:heading|titre|title|rubrik)\s*(\d)?$", re.IGNORECASE)
_LIST_NAME = re.compile(
    r"^(?:list (?:bullet|number)|liste à (?:puces|numéros))\s*(\d)?$", re.IGNORECASE
)
_CONTENTS_NAME = re.compile(r"(?:toc|tm|table des matières) ?\d", re.IGNORECASE)
_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
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
_PAGE_FURNITURE = re.compile(r"word/(?:header|footer)\d*\.xml")
_MAX_COLUMNS = 60  # spanned by a cell or row

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}"
_SLIDE_TITLES = ("title", "ctrTitle")
_SLIDE_FURNITURE = ("dt", "ftr", "hdr", "sldNum", "sldImg")
_BULLETS = frozenset({"buChar", "buAutoNum", "buBlip"})
_MAX_SLIDES, _MAX_GROUPS = 2000, 30  # slides; nested groups


def value(element: etree._Element | None, path: str, default: str = "") -> str:
    """Return the `w:val` at `path` (local names joined by `/`), or `default`."""
    if element is None:
        return default
    child = element.find("/".join(W + name for name in path.split("/")))
    return default if child is None else child.get(W + "val", "true")


def is_on(properties: etree._Element | None, name: str) -> bool | None:
    """Return whether a toggle such as bold is on, None where `properties` do not set it."""
    toggle = None if properties is None else properties.find(W + name)
    return None if toggle is None else toggle.get(W + "val", "true").lower() not in _OFF


def outline_level(text: str) -> int:
    """Return heading level 1..6 from a written outline level 0..5, 0 for body text."""
    level = small_number(text, 9)
    return level + 1 if level < 6 else 0


@dataclass(frozen=True)
class WordStyle:
    """A paragraph style with what it inherits; `heading` is 0..6."""

    heading: int = 0
    is_title: bool = False
    list_id: str = ""
    list_level: int = 0
    is_bold: bool = False
    is_contents: bool = False


@dataclass
class WordStyles:
    """The paragraph styles by id."""

    by_id: dict[str, WordStyle] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> "WordStyles":
        """Return the styles of word/styles.xml, none if missing."""
        elements: dict[str, etree._Element] = {}
        if root is not None:
            elements = {style.get(W + "styleId", ""): style for style in root.iter(W + "style")}
        return cls({style_id: _style(style_id, elements) for style_id in elements})

    def get(self, style_id: str) -> WordStyle:
        """Return the style; the id of an undefined one may be a built-in name (« Titre1 »)."""
        return self.by_id.get(style_id) or style_of_name(style_id)


def _style(style_id: str, elements: dict[str, etree._Element]) -> WordStyle:
    chain = styles_from(style_id, elements, lambda style: value(style, "basedOn"))
    named = first_named_style(value(element, "name") for element in chain)
    outlines = (value(element, "pPr/outlineLvl") for element in chain)
    numbered = next(
        (element for element in chain if element.find(f"{W}pPr/{W}numPr") is not None), None
    )
    weights = (is_on(element.find(W + "rPr"), "b") for element in chain)
    return WordStyle(
        heading=named.heading or outline_level(next(filter(None, outlines), "")),
        is_title=named.is_title,
        list_id=value(numbered, "pPr/numPr/numId") or named.list_id,
        list_level=small_number(value(numbered, "pPr/numPr/ilvl"), named.list_level),
        is_bold=next((weight for weight in weights if weight is not None), False),
        is_contents=any(_CONTENTS_NAME.match(value(element, "name")) for element in chain),
    )


def first_named_style(names: Iterable[str]) -> WordStyle:
    """Return the first built-in style of `names`, else a plain style."""
    styles = map(style_of_name, names)
    return next((style for style in styles if style != WordStyle()), WordStyle())


def style_of_name(name: str) -> WordStyle:
    """Return a built-in style by its English or French name, spaced or not."""
    spaced = re.sub(r"(?<=[^\W\d])(\d)$", r" \1", name.strip())
    heading = _HEADING_NAME.match(spaced)
    if heading:
        is_title = not heading[1] and spaced.lower() in ("title", "titre")
        return WordStyle(heading=min(6, max(1, int(heading[1] or 1))), is_title=is_title)
    spaced = re.sub(r"^List(?=[BN])", "List ", spaced)
    spaced = spaced.replace("Listepuces", "Liste à puces")
    list_name = _LIST_NAME.match(spaced.replace("Listenumros", "Liste à numéros"))
    if not list_name:
        return WordStyle()
    return WordStyle(list_id="style", list_level=int(list_name[1]) - 1 if list_name[1] else 0)


class ListLevel(NamedTuple):
    """A list level's number format, the text around it and its start."""

    kind: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass
class ListNumbering:
    """List definitions by list and level, and their counts."""

    levels: dict[tuple[str, int], ListLevel] = field(default_factory=dict)
    _counts: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> "ListNumbering":
        """Return the definitions of word/numbering.xml, none if missing."""
        levels: dict[tuple[str, int], ListLevel] = {}
        if root is None:
            return cls(levels)
        abstract = {
            entry.get(W + "abstractNumId", ""): entry for entry in root.iter(W + "abstractNum")
        }
        for entry in root.iter(W + "num"):
            definition = abstract.get(value(entry, "abstractNumId"))
            for level in () if definition is None else definition.iter(W + "lvl"):
                key = entry.get(W + "numId", ""), small_number(level.get(W + "ilvl", "0"))
                start = small_number(value(level, "start", "1"), 1)
                levels[key] = ListLevel(value(level, "numFmt"), value(level, "lvlText"), start)
        return cls(levels)

    def count(self, list_id: str, level: int) -> str:
        """Count an item; return its shown number (« 2. », « Question 3 »), its dash or ""."""
        definition = self.levels.get((list_id, level), ListLevel())
        key = (list_id, level)
        self._counts[key] = self._counts.get(key, definition.start - 1) + 1
        for deeper in [key for key in self._counts if key[0] == list_id and key[1] > level]:
            del self._counts[deeper]
        if definition.kind in ("bullet", "none", ""):
            return definition.text if definition.text in LIST_DASHES else ""
        return re.sub(
            r"%(\d)", lambda match: self._shown(list_id, int(match[1]) - 1), definition.text
        )

    def _shown(self, list_id: str, level: int) -> str:
        definition = self.levels.get((list_id, level), ListLevel("decimal"))
        number = self._counts.get((list_id, level), definition.start)
        if definition.kind in ("lowerLetter", "upperLetter"):
            letter = chr(ord("a") + (number - 1) % 26)
            return letter.upper() if definition.kind == "upperLetter" else letter
        if definition.kind in ("upperRoman", "lowerRoman"):
            return _roman(number)
        return str(number)


def _roman(number: int) -> str:
    shown = ""
    for worth, sign in _ROMAN:
        shown, number = shown + sign * (number // worth), number % worth
    return shown


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
    names = filter(_PAGE_FURNITURE.fullmatch, container.names)
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
    for comment in () if root is None else root.findall(W + "comment"):
        paragraphs = comment.iter(W + "p")
        text = " ".join(
            "".join(run.text or "" for run in paragraph.iter(W + "t")) for paragraph in paragraphs
        )
        yield comment.get(W + "id", ""), comment_blocks(text)


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
                content = self.asides.pages.get(element.get(_RELATION + "id", ""), b"")
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
        yield from self._laid_out(text, style, properties, runs.styled)
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
        self,
        text: str,
        style: WordStyle,
        properties: etree._Element | None,
        styled: StyledText,
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
            is_strong=styled.is_strong,
            color=styled.color,
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

    def walk(
        self,
        parent: etree._Element,
        *,
        is_bold: bool,
        color: str = "",
        is_struck: bool = False,
    ) -> None:
        for element in parent:
            tag = element.tag
            if not isinstance(tag, str) or _is_skipped(element):
                continue
            if tag == W + "r":
                self._run(element, is_bold)
            elif tag in (W + "t", _MATH_TEXT):
                text = element.text or ""
                self.styled.add(text, is_strong=is_bold, color=color, is_struck=is_struck)
            elif tag == W + "txbxContent":
                self.boxes.append(element)
            elif tag in _CALLS:
                kind = tag.removeprefix(W).removesuffix("Reference")
                self.calls.append((kind, element.get(W + "id", "")))
            elif (sign := _sign_of(element)) is not None:
                self.styled.text += sign
            else:
                chosen = _choice_of(element) if tag == _MC + "AlternateContent" else element
                self.walk(chosen, is_bold=is_bold, color=color, is_struck=is_struck)

    def _run(self, element: etree._Element, is_bold: bool) -> None:
        properties = element.find(W + "rPr")
        if is_on(properties, "vanish"):
            return
        own = True if is_on(properties, "u") else is_on(properties, "b")
        if own is None:
            own = is_bold or self.styles.get(value(properties, "rStyle")).is_bold
        is_large = small_number(value(properties, "sz", "0")) >= LARGE
        color = value(properties, "color") or value(properties, "highlight")
        is_struck = bool(is_on(properties, "strike") or is_on(properties, "dstrike"))
        self.walk(element, is_bold=own or is_large, color=color, is_struck=is_struck)


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


def read_slides(file: FileContent) -> tuple[RawPart, ...]:
    """Return a .pptx as one part; raise `ReadError` if damaged, protected or textless."""
    slides = list(_slides(Container(file, "diaporama")))
    shown = [slide for slide in slides if slide.root.get("show", "1") not in ("0", "false")]
    blocks = [block for slide in shown for block in slide.blocks()]
    return slides_part(blocks, n_hidden=len(slides) - len(shown))


def _slides(container: Container) -> Iterator["_Slide"]:
    names = (name for name in sorted(container.names) if name.startswith("ppt/presentation"))
    main = next((name for name in names if name.endswith(".xml")), "")
    root = container.xml(main)
    if root is None:
        raise ReadError(
            "diaporama sans contenu",
            "un diaporama enregistré par PowerPoint",
            "l'ouvrir et l'enregistrer de nouveau en .pptx ou .pdf",
        )
    relations = container.relations(main)
    for entry in list(root.iter("{*}sldId"))[:_MAX_SLIDES]:
        _, name = relations.get(_relation_id(entry, "id"), ("", ""))
        slide = container.xml(name)
        if slide is not None:
            yield _Slide(container, slide, container.relations(name))


def _relation_id(element: etree._Element, name: str) -> str:
    return element.get(_RELATION + name) or element.get(_STRICT_RELATION + name) or ""


@dataclass(frozen=True)
class _Slide:
    container: Container
    root: etree._Element
    relations: dict[str, tuple[str, str]]

    def blocks(self) -> list[RawBlock]:
        shapes = _shapes_of(self.root)
        titles = [shape for shape in shapes if _placeholder(shape) in _SLIDE_TITLES]
        heading = clean(" ".join(text for shape in titles for text, *_ in _paragraphs(shape)))
        is_opening = any(_placeholder(shape) == "ctrTitle" for shape in titles)
        blocks = [RawBlock(heading, "heading", 1 if is_opening else 2)] if heading else []
        for shape in shapes:
            if shape not in titles:
                blocks += self._shape_blocks(shape, is_opening)
        return blocks + self._notes()

    def _shape_blocks(self, shape: etree._Element, is_opening: bool) -> list[RawBlock]:
        kind = _placeholder(shape)
        if kind in _SLIDE_FURNITURE:
            return []
        if shape.tag.endswith("}graphicFrame"):
            return [*_slide_table(shape), *self._diagram(shape)]
        if kind == "subTitle" and is_opening:
            texts = (clean(text) for text, *_ in _paragraphs(shape))
            return [RawBlock(text, "meta", reason="circumstance") for text in texts if text]
        return _text_blocks(shape, is_list=kind in ("body", "obj", "") or kind.isdigit())

    def _diagram(self, shape: etree._Element) -> list[RawBlock]:
        ids = next(shape.iter("{*}relIds"), None)
        _, name = self.relations.get("" if ids is None else _relation_id(ids, "dm"), ("", ""))
        root = self.container.xml(name)
        bodies = [] if root is None else [body for body in root.iter("{*}t") if len(body)]
        texts = (clean(text) for body in bodies for text, *_ in _paragraphs(body))
        return [RawBlock(text, "bullet", 0) for text in texts if text]

    def _notes(self) -> list[RawBlock]:
        kinds = self.relations.values()
        root = self.container.xml(next((name for kind, name in kinds if kind == "notesSlide"), ""))
        shapes = [] if root is None else _shapes_of(root)
        bodies = [shape for shape in shapes if _placeholder(shape) in ("body", "1")]
        return [block for shape in bodies for block in _text_blocks(shape, is_list=False)]


def _shapes_of(slide: etree._Element) -> list[etree._Element]:
    tree = slide.find("{*}cSld/{*}spTree")
    return [] if tree is None else list(_shapes(tree, 0))


def _shapes(parent: etree._Element, depth: int) -> Iterator[etree._Element]:
    """Yield shapes and tables, groups opened; of alternatives, the first."""
    for child in parent:
        name = _local_name(child)
        if name in ("sp", "graphicFrame"):
            properties = child.find("./{*}nvSpPr/{*}cNvPr")
            if properties is None or properties.get("hidden") not in ("1", "true"):
                yield child
        elif name in ("grpSp", "Choice") and depth < _MAX_GROUPS:
            yield from _shapes(child, depth + 1)
        elif name == "AlternateContent":
            choice = child.find("{*}Choice")
            yield from _shapes(child if choice is None else choice, depth + 1)


def _local_name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _placeholder(shape: etree._Element) -> str:
    """Return the placeholder's type, else its number; "none" for a free shape."""
    placeholder = shape.find("./*/{*}nvPr/{*}ph")
    if placeholder is None:
        return "none"
    return str(placeholder.get("type") or placeholder.get("idx", ""))


def _paragraphs(shape: etree._Element) -> Iterator[tuple[str, int, bool | None]]:
    """Yield each paragraph's text, level and bullet (None where its style decides)."""
    for paragraph in shape.iter("{*}p"):
        properties = paragraph.find("{*}pPr")
        level, marks = "0", set[str]()
        if properties is not None:
            level, marks = properties.get("lvl", "0"), set(map(_local_name, properties))
        has_bullet: bool | None = None
        if marks & _BULLETS:
            has_bullet = True
        elif "buNone" in marks:
            has_bullet = False
        yield "".join(_texts(paragraph)), small_number(level), has_bullet


def _texts(paragraph: etree._Element) -> Iterator[str]:
    for child in paragraph:
        name = _local_name(child)
        is_filled_in = child.get("type", "").startswith(("slidenum", "datetime"))
        if name == "br":
            yield "\n"
        elif name == "r" or (name == "fld" and not is_filled_in):
            properties = child.find("{*}rPr")
            mark = "noStrike" if properties is None else properties.get("strike", "noStrike")
            texts = (text.text or "" for text in child.iter("{*}t"))
            yield from texts if mark == "noStrike" else map(struck, texts)


def _text_blocks(shape: etree._Element, *, is_list: bool) -> list[RawBlock]:
    """`is_list` says that the style puts a bullet before each of several paragraphs."""
    paragraphs = [paragraph for paragraph in _paragraphs(shape) if clean(paragraph[0])]
    has_bullets = is_list and len(paragraphs) > 1
    drafts: list[Draft] = []
    for text, level, has_bullet in paragraphs:
        is_bullet = has_bullets if has_bullet is None else has_bullet
        drafts += drafts_of_text(text, list_level=level if is_bullet else None)
    return blocks_of_drafts(drafts, has_headings=False)


def _slide_table(shape: etree._Element) -> list[RawBlock]:
    table = next(shape.iter("{*}tbl"), None)
    rows: list[list[Cell]] = []
    for row in () if table is None else table.findall("{*}tr"):
        cells: list[Cell] = []
        for cell in row.findall("{*}tc"):
            if cell.get("hMerge") in ("1", "true") and cells:
                cells.append(CoveredCell(cells[-1]))
            elif cell.get("vMerge") in ("1", "true"):
                cells.append(CoveredCell(cell_above(rows, len(cells))))
            else:
                cells.append(_text_blocks(cell, is_list=False))
        rows.append(cells)
    return blocks_of_rows(rows)
