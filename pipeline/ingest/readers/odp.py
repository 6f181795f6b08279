"""Read OpenDocument slides (.odp, .fodp) with the walk of OpenDocument texts.

In:   the bytes of a presentation
Out:  one part in the order of the slides: titles as headings, bullets, boxes, tables, notes; hidden slides and footers out
"""

from collections.abc import Iterator

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.odf import DRAW, OFFICE, STYLE, OdfStyles, odf_trees
from pipeline.ingest.readers.odt import OdfWalk
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.slides import as_part
from pipeline.ingest.readers.source import Source
from pipeline.ingest.readers.wording import clean

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
        raise ReadError("diaporama sans contenu", "un diaporama .odp", "l'ouvrir dans LibreOffice et l'enregistrer de nouveau")
    walk = OdfWalk(OdfStyles.of(styles, content))
    pages = body.findall(DRAW + "page")
    shown = [page for page in pages if not _is_hidden(page, walk.styles)]
    blocks = [block for order, page in enumerate(shown) for block in _blocks(page, walk, is_opening=not order)]
    title = next((block.text for block in blocks if block.kind == "heading"), None)
    return as_part(blocks, title=title, n_hidden=len(pages) - len(shown))


def _is_hidden(page: etree._Element, styles: OdfStyles) -> bool:
    """True for a slide that is not shown."""
    chain = styles.chain(page.get(DRAW + "style-name", ""))
    properties = [found for style in chain if (found := style.find(STYLE + "drawing-page-properties")) is not None]
    return any(found.get(_PRESENTATION + "visibility") == "hidden" for found in properties)


def _blocks(page: etree._Element, walk: OdfWalk, *, is_opening: bool) -> list[RawBlock]:
    """The blocks of a slide; what stands under the title of the first one, where no list follows it, tells the occasion."""
    shapes = list(_shapes(page, 0))
    classes = [shape.get(_PRESENTATION + "class", "") for shape in shapes]
    titles = [shape for shape, name in zip(shapes, classes, strict=True) if name == "title"]
    heading = clean(" ".join(draft.text for shape in titles for draft in walk.drafts(shape)))
    blocks = [RawBlock(heading, "heading", 1 if is_opening and "subtitle" in classes else 2)] if heading else []
    for shape, name in zip(shapes, classes, strict=True):
        if name == "title" or name in _FURNITURE:
            continue
        own = settle([*walk.drafts(shape)], has_headings=False)
        blocks += [RawBlock(block.text, "meta") for block in own] if name == "subtitle" and is_opening else own
    return blocks


def _shapes(parent: etree._Element, depth: int) -> Iterator[etree._Element]:
    """The frames and shapes of a slide in order, groups opened, those of its notes last."""
    for child in parent:
        if child.tag == DRAW + "g" and depth < _MAX_DEPTH:
            yield from _shapes(child, depth + 1)
        elif isinstance(child.tag, str) and child.tag.startswith(DRAW):
            yield child
    for notes in parent.findall(_PRESENTATION + "notes"):
        yield from (frame for frame in notes.findall(DRAW + "frame") if frame.get(_PRESENTATION + "class") == "notes")
