"""Read slides (.pptx, .odp): title, then bullets, boxes and tables, then notes.

Hidden slides, slide numbers and footers are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import Draft, blocks_of_drafts, drafts_of_text, single_part
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.grids import Cell, CoveredCell, blocks_of_rows, cell_above
from pipeline.ingest.readers.odf import DRAW, OdfStyles, open_odf
from pipeline.ingest.readers.odt import OdfWalk
from pipeline.ingest.readers.source import FileContent
from pipeline.ingest.readers.wording import clean, plural_warning, small_number

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}"
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "hdr", "sldNum", "sldImg")
_ODF_FURNITURE = ("page-number", "date-time", "footer", "header", "page")
_BULLETS = frozenset({"buChar", "buAutoNum", "buBlip"})
_MAX_SLIDES, _MAX_DEPTH = 2000, 30  # slides; nested groups


def read_slides(file: FileContent) -> tuple[RawPart, ...]:
    """Return a .pptx as one part; raise `ReadError` if damaged, protected or textless."""
    slides = list(_slides(Container(file, "diaporama")))
    shown = [slide for slide in slides if slide.root.get("show", "1") not in ("0", "false")]
    blocks = [block for slide in shown for block in slide.blocks()]
    return _as_part(blocks, n_hidden=len(slides) - len(shown))


def _as_part(blocks: list[RawBlock], *, n_hidden: int) -> tuple[RawPart, ...]:
    title = next((block.text for block in blocks if block.kind == "heading"), None)
    warnings = plural_warning(n_hidden, "diapositive{} masquée{} non lue{}")
    return single_part(blocks, "diaporama", title=title, warnings=warnings)


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
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        heading = clean(" ".join(text for shape in titles for text, *_ in _paragraphs(shape)))
        is_opening = any(_placeholder(shape) == "ctrTitle" for shape in titles)
        blocks = [RawBlock(heading, "heading", 1 if is_opening else 2)] if heading else []
        for shape in shapes:
            if shape not in titles:
                blocks += self._shape_blocks(shape, is_opening)
        return blocks + self._notes()

    def _shape_blocks(self, shape: etree._Element, is_opening: bool) -> list[RawBlock]:
        kind = _placeholder(shape)
        if kind in _FURNITURE:
            return []
        if shape.tag.endswith("}graphicFrame"):
            return [*_table(shape), *self._diagram(shape)]
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
        elif name in ("grpSp", "Choice") and depth < _MAX_DEPTH:
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
            yield from (text.text or "" for text in child.iter("{*}t"))


def _text_blocks(shape: etree._Element, *, is_list: bool) -> list[RawBlock]:
    """`is_list` says that the style puts a bullet before each of several paragraphs."""
    paragraphs = [paragraph for paragraph in _paragraphs(shape) if clean(paragraph[0])]
    has_bullets = is_list and len(paragraphs) > 1
    drafts: list[Draft] = []
    for text, level, has_bullet in paragraphs:
        is_bullet = has_bullets if has_bullet is None else has_bullet
        drafts += drafts_of_text(text, list_level=level if is_bullet else None)
    return blocks_of_drafts(drafts, has_headings=False)


def _table(shape: etree._Element) -> list[RawBlock]:
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


def read_odp(file: FileContent) -> tuple[RawPart, ...]:
    """Return an OpenDocument presentation as one part; raises as `read_slides`."""
    refusal = (
        "diaporama sans contenu",
        "un diaporama .odp",
        "l'ouvrir dans LibreOffice et l'enregistrer de nouveau",
    )
    body, styles, _ = open_odf(file, "diaporama OpenDocument", "presentation", refusal)
    walk = OdfWalk(styles)
    pages = body.findall(DRAW + "page")
    shown = [page for page in pages if not _is_hidden_page(page, styles)]
    blocks = [
        block
        for i, page in enumerate(shown)
        for block in _page_blocks(page, walk, is_opening=i == 0)
    ]
    return _as_part(blocks, n_hidden=len(pages) - len(shown))


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
        if kind == "title" or kind in _ODF_FURNITURE:
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
