"""Read web pages and HTML mails with selectolax.

Scripts, menus, forms and hidden text are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import (
    Draft,
    StyledText,
    blocks_of_drafts,
    drafts_of_blocks,
    drafts_of_text,
    single_part,
)
from pipeline.ingest.readers.grids import Cell, blocks_of_rows, grid_of_spans, text_of_cell
from pipeline.ingest.readers.sheets import squared
from pipeline.ingest.readers.source import FileContent
from pipeline.ingest.readers.wording import clean, unreadable_signs

_CHARSET = re.compile(rb"""<meta[^>]+charset=["']?([\w-]+)""", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_NOTE_MARK = re.compile(  # Word, Google Docs, LibreOffice
    r"#(?:_?(?:ftn|edn|ftnt|cmnt|msocom)|sd(?:foot|end)note)", re.IGNORECASE
)
_SKIPPED = frozenset(
    {
        "script", "style", "noscript", "template", "svg", "math", "head", "nav", "footer", "form",
        "button", "input", "select", "textarea", "iframe", "del", "object", "embed", "audio",
        "video", "canvas", "map", "dialog",
    }
)  # fmt: skip
_INLINE = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em",
        "font", "i", "img", "ins", "kbd", "label", "mark", "o:p", "q", "s", "samp", "small",
        "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    }
)  # fmt: skip
_MAX_DEPTH = 150  # nested elements; deeper text loses its layout


def read_html(file: FileContent) -> tuple[RawPart, ...]:
    """Return the page as one part; raise `ReadError` for a page without text."""
    declared = _CHARSET.search(file.content[:4096])
    text = decode(file.content, declared[1].decode("ascii") if declared else None)
    page = LexborHTMLParser(text)
    title = page.css_first("head title")
    return single_part(
        blocks_of_drafts(_drafts_of_page(page)),
        "page web",
        title=(clean(title.text()) or None) if title else None,
        warnings=unreadable_signs(text),
    )


def read_html_rows(file: FileContent) -> tuple[RawPart, ...]:
    """Return a page's largest table: some programs export workbooks so."""
    page = LexborHTMLParser(decode(file.content))
    tables = [_text_rows(table) for table in page.css("table")]
    largest = max(tables, key=lambda rows: sum(map(len, rows)), default=[])
    rows = squared(largest)
    return (RawPart((), rows=rows),) if rows else read_html(file)


def _text_rows(table: LexborNode) -> list[list[str]]:
    rows = [
        [([RawBlock(clean(cell.text(separator=" ")))], *_spans(cell)) for cell in _cells(row)]
        for row in _rows(table)
    ]
    return [[text_of_cell(cell) for cell in row] for row in grid_of_spans(rows)]


def drafts_of_html(text: str) -> list[Draft]:
    """Return the drafts of a page, quoted mail after « > »."""
    return _drafts_of_page(LexborHTMLParser(text))


def _drafts_of_page(page: LexborHTMLParser) -> list[Draft]:
    walk = _Walk()
    if page.body is not None:
        walk.children(page.body, _Context(), 0)
        walk.close(_Context())
    return walk.drafts


@dataclass(frozen=True)
class _Context:
    list_depth: int = -1
    is_bold: bool = False
    heading: int = 0
    n_quotes: int = 0
    is_pre: bool = False

    def inside(self, node: LexborNode) -> "_Context":
        tag, attributes = node.tag or "", node.attributes
        if tag in ("ul", "ol", "menu"):
            return replace(self, list_depth=self.list_depth + 1)
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            return replace(self, heading=int(tag[1]), list_depth=-1)
        if tag in ("b", "strong", "u", "th", "summary"):
            return replace(self, is_bold=True)
        if tag == "pre":
            return replace(self, is_pre=True)
        is_cited = tag == "blockquote" and "cite" in (attributes.get("type") or "")
        if is_cited or "gmail_quote" in (attributes.get("class") or ""):
            return replace(self, n_quotes=self.n_quotes + 1)
        is_bold = self.is_bold or bool(_BOLD_STYLE.search(attributes.get("style") or ""))
        return replace(self, is_bold=is_bold)

    def quoted(self, text: str) -> str:
        return "> " * self.n_quotes + text


@dataclass
class _Walk:
    drafts: list[Draft] = field(default_factory=list)
    _gathered: StyledText = field(default_factory=StyledText)

    def children(self, node: LexborNode, context: _Context, depth: int) -> None:
        for child in _children(node):
            if child.is_text_node:
                self._add(child.text_content or "", context)
            elif depth > _MAX_DEPTH:
                self._add(child.text(separator=" "), context)
            elif child.is_element_node and not _is_hidden(child):
                self._element(child, context, depth)

    def _element(self, node: LexborNode, context: _Context, depth: int) -> None:
        tag = node.tag or ""
        inner = context.inside(node)
        if tag == "br":
            self._gathered.text += "\n"
            return
        if tag in _INLINE:
            self.children(node, inner, depth + 1)
            return
        self.close(context)
        if tag == "hr":
            self.drafts.append(Draft(""))
        elif tag == "table":
            self.drafts += self._table(node, inner, depth)
        else:
            self.children(node, inner, depth + 1)
            self.close(inner)
            if tag in ("p", "blockquote", "div") and self.drafts and self.drafts[-1].text:
                self.drafts.append(Draft(""))

    def close(self, context: _Context) -> None:
        gathered, self._gathered = self._gathered, StyledText()
        if not clean(gathered.text):
            return
        lines = gathered.text.split("\n")
        if context.n_quotes and not context.heading:
            self.drafts += [Draft(context.quoted(clean(line))) for line in lines]
            return
        self.drafts += drafts_of_text(
            "\n".join(map(str.strip, lines)),
            heading=context.heading,
            list_level=context.list_depth if context.list_depth >= 0 else None,
            is_strong=gathered.is_strong,
        )

    def _table(self, table: LexborNode, context: _Context, depth: int) -> list[Draft]:
        rows: list[list[tuple[Cell, int, int]]] = []
        for row in _rows(table):
            cells: list[tuple[Cell, int, int]] = []
            for cell in _cells(row):
                if not _is_hidden(cell):
                    walk = _Walk()
                    inner = replace(context, list_depth=-1, is_bold=False)
                    walk.children(cell, inner, depth + 1)
                    walk.close(context)
                    blocks = blocks_of_drafts(walk.drafts, has_headings=False)
                    cells.append((blocks, *_spans(cell)))
            rows.append(cells)
        blocks = blocks_of_rows(grid_of_spans(rows))
        if context.n_quotes:
            return [Draft(context.quoted(block.text)) for block in blocks]
        return drafts_of_blocks(blocks)

    def _add(self, text: str, context: _Context) -> None:
        shown = text if context.is_pre else re.sub(r"[ \t\r\n\f]+", " ", text)
        self._gathered.add(shown, is_strong=context.is_bold)


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return (
        node.tag in _SKIPPED
        or (node.tag == "a" and bool(_NOTE_MARK.match(attributes.get("href") or "")))
        or "hidden" in attributes
        or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
    )


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    for child in _children(table):
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


def _cells(row: LexborNode) -> Iterator[LexborNode]:
    return (cell for cell in _children(row) if cell.tag in ("td", "th"))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _spans(cell: LexborNode) -> tuple[int, int]:
    return _span(cell, "rowspan"), _span(cell, "colspan")


def _span(cell: LexborNode, name: str) -> int:
    text = (cell.attributes.get(name) or "1").strip()
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1
