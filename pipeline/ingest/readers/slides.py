"""Read slides (.pptx, .odp): each slide's title as a heading, then its bullets, boxes and tables, then what its notes say.

In:   the bytes of a presentation
Out:  one part in the order of the slides; hidden slides, slide numbers and footers out
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import Draft, settle
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean, whole

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}"
_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
_MAX_SLIDES, _MAX_DEPTH = 2000, 30  # slides; groups within groups


def read_slides(source: Source) -> tuple[RawPart, ...]:
    """Return a .pptx as one part.

    Raises `ReadError` for a damaged, protected or textless presentation.
    """
    container = Container(source, "diaporama")
    slides = list(_slides(container))
    shown = [slide for slide in slides if slide.root.get("show", "1") not in ("0", "false")]
    blocks = [block for slide in shown for block in slide.blocks()]
    title = next((block.text for block in blocks if block.kind == "heading"), None)
    return as_part(blocks, title=title, n_hidden=len(slides) - len(shown))


def as_part(blocks: list[RawBlock], *, title: str | None, n_hidden: int) -> tuple[RawPart, ...]:
    """Return the part of a presentation.

    Raises `ReadError` where no slide shows a word.
    """
    if not blocks:
        raise no_text("diaporama")
    plural = "s" if n_hidden > 1 else ""
    warnings = (
        (f"{n_hidden} diapositive{plural} masquée{plural} non lue{plural}",) if n_hidden else ()
    )
    return (RawPart(tuple(blocks), title=title, warnings=warnings),)


def _slides(container: Container) -> Iterator["_Slide"]:
    """The slides in the order in which they are shown."""
    main = next(
        (
            name
            for name in sorted(container.names)
            if name.startswith("ppt/presentation") and name.endswith(".xml")
        ),
        "",
    )
    root = container.xml(main) if main else None
    if root is None:
        raise ReadError(
            "diaporama sans contenu",
            "un diaporama enregistré par PowerPoint",
            "l'ouvrir et l'enregistrer de nouveau en .pptx ou .pdf",
        )
    relations = _relations(container, main)
    for entry in list(root.iter("{*}sldId"))[:_MAX_SLIDES]:
        target = relations.get(
            entry.get(_RELATION + "id") or entry.get(_STRICT_RELATION + "id") or "", ("", "")
        )[1]
        slide = container.xml(target)
        if slide is not None:
            yield _Slide(container, target, slide, _relations(container, target))


def _relations(container: Container, name: str) -> dict[str, tuple[str, str]]:
    """The (kind, entry) of each relation of entry `name`, by its id."""
    folder, own = posixpath.split(name)
    root = container.xml(f"{folder}/_rels/{own}.rels")
    return {
        relation.get("Id", ""): (
            relation.get("Type", "").rsplit("/", 1)[-1],
            posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/"),
        )
        for relation in (() if root is None else root)
    }


@dataclass(frozen=True)
class _Slide:
    """A slide: its XML and the entries that it refers to, by id."""

    container: Container
    name: str
    root: etree._Element
    relations: dict[str, tuple[str, str]]

    def blocks(self) -> list[RawBlock]:
        """The blocks of the slide: title, content, notes."""
        tree = self.root.find("{*}cSld/{*}spTree")
        shapes = [] if tree is None else list(_shapes(tree, 0))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        heading = clean(" ".join(text for shape in titles for text, *_ in _paragraphs(shape)))
        is_opening = any(_placeholder(shape) == "ctrTitle" for shape in titles)
        blocks = [RawBlock(heading, "heading", 1 if is_opening else 2)] if heading else []
        for shape in shapes:
            if shape not in titles:
                blocks += self._blocks_of(shape, is_opening)
        return blocks + self._notes()

    def _blocks_of(self, shape: etree._Element, is_opening: bool) -> list[RawBlock]:
        """The blocks of one shape; what stands under the title of an opening slide tells the occasion."""
        kind = _placeholder(shape)
        if kind in _FURNITURE:
            return []
        if shape.tag.endswith("}graphicFrame"):
            return [*_table(shape), *self._diagram(shape)]
        if kind == "subTitle" and is_opening:
            return [RawBlock(clean(text), "meta") for text, *_ in _paragraphs(shape) if clean(text)]
        return settle(
            _drafts(shape, is_list=kind in ("body", "obj", "") or kind.isdigit()),
            has_headings=False,
        )

    def _diagram(self, shape: etree._Element) -> list[RawBlock]:
        """The texts of a diagram (SmartArt), as bullets."""
        called = next(shape.iter("{*}relIds"), None)
        ids = (
            ()
            if called is None
            else (called.get(_RELATION + "dm"), called.get(_STRICT_RELATION + "dm"))
        )
        root = next(
            (
                self.container.xml(self.relations[found][1])
                for found in ids
                if found in self.relations
            ),
            None,
        )
        texts = (
            []
            if root is None
            else [text for body in root.iter("{*}t") if len(body) for text, *_ in _paragraphs(body)]
        )
        return [RawBlock(clean(text), "bullet", 0) for text in texts if clean(text)]

    def _notes(self) -> list[RawBlock]:
        """What the presenter noted below the slide."""
        name = next(
            (target for kind, target in self.relations.values() if kind == "notesSlide"), ""
        )
        root = self.container.xml(name) if name else None
        tree = None if root is None else root.find("{*}cSld/{*}spTree")
        bodies = (
            []
            if tree is None
            else [shape for shape in _shapes(tree, 0) if _placeholder(shape) in ("body", "1")]
        )
        return [
            block
            for shape in bodies
            for block in settle(_drafts(shape, is_list=False), has_headings=False)
        ]


def _shapes(parent: etree._Element, depth: int) -> Iterator[etree._Element]:
    """The shapes and tables below `parent`, groups opened, of alternatives the first."""
    for child in parent:
        name = etree.QName(child).localname if isinstance(child.tag, str) else ""
        if name in ("sp", "graphicFrame") and not _is_hidden(child):
            yield child
        elif name in ("grpSp", "Choice") and depth < _MAX_DEPTH:
            yield from _shapes(child, depth + 1)
        elif name == "AlternateContent":
            choice = child.find("{*}Choice")
            yield from _shapes(child if choice is None else choice, depth + 1)


def _is_hidden(shape: etree._Element) -> bool:
    properties = shape.find("./{*}nvSpPr/{*}cNvPr")
    return properties is not None and properties.get("hidden") in ("1", "true")


def _placeholder(shape: etree._Element) -> str:
    """The kind of placeholder: its type, its number where it has no type, "none" for a free shape."""
    found = shape.find("./*/{*}nvPr/{*}ph")
    return "none" if found is None else str(found.get("type") or found.get("idx", ""))


def _paragraphs(shape: etree._Element) -> Iterator[tuple[str, int, bool | None]]:
    """The (text, level, whether it has a bullet or None where its style decides) of each paragraph."""
    for paragraph in shape.iter("{*}p"):
        properties = paragraph.find("{*}pPr")
        level = "0" if properties is None else properties.get("lvl", "0")
        marks = (
            set()
            if properties is None
            else {
                etree.QName(child).localname for child in properties if isinstance(child.tag, str)
            }
        )
        is_bullet = (
            True
            if marks & {"buChar", "buAutoNum", "buBlip"}
            else False
            if "buNone" in marks
            else None
        )
        yield "".join(_texts(paragraph)), whole(level), is_bullet


def _texts(paragraph: etree._Element) -> Iterator[str]:
    for child in paragraph:
        name = etree.QName(child).localname if isinstance(child.tag, str) else ""
        if name == "br":
            yield "\n"
        elif name == "r" or (
            name == "fld" and not child.get("type", "").startswith(("slidenum", "datetime"))
        ):
            yield from (text.text or "" for text in child.iter("{*}t"))


def _drafts(shape: etree._Element, *, is_list: bool) -> list[Draft]:
    """The drafts of a shape; `is_list` says that its style puts a bullet before each of several paragraphs."""
    paragraphs = [paragraph for paragraph in _paragraphs(shape) if clean(paragraph[0])]
    has_bullets = is_list and len(paragraphs) > 1
    drafts: list[Draft] = []
    for text, level, is_bullet in paragraphs:
        for line in text.split("\n"):
            shown = has_bullets if is_bullet is None else is_bullet
            drafts.append(
                Draft(
                    line, RawBlock(clean(line), "bullet", level) if shown and clean(line) else None
                )
            )
    return drafts


def _table(shape: etree._Element) -> list[RawBlock]:
    """The blocks of a table."""
    table = next(shape.iter("{*}tbl"), None)
    rows: list[list[Cell]] = []
    for row in () if table is None else table.findall("{*}tr"):
        cells: list[Cell] = []
        for cell in row.findall("{*}tc"):
            above = rows[-1][len(cells)] if rows and len(cells) < len(rows[-1]) else []
            if cell.get("hMerge") in ("1", "true") and cells:
                cells.append(Covered(cells[-1]))
            elif cell.get("vMerge") in ("1", "true"):
                cells.append(Covered(above))
            else:
                cells.append(settle(_drafts(cell, is_list=False), has_headings=False))
        rows.append(cells)
    return blocks_of_rows(rows)
