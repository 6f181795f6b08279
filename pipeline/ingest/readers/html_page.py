"""Read web pages and the HTML of mails with selectolax, in reading order.

In:   the bytes or text of an HTML page
Out:  one part: headings, paragraphs, bullets, cells; scripts, menus and hidden text out
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import Draft, settle
from pipeline.ingest.readers.grids import Cell, blocks_of_rows, text_of, unfolded
from pipeline.ingest.readers.sheets import squared
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean, unreadable_signs

_CHARSET = re.compile(rb"""<meta[^>]+charset=["']?([\w-]+)""", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_SKIPPED = frozenset(
    {
        "script", "style", "noscript", "template", "svg", "math", "head", "nav", "footer", "form", "button", "input", "select",
        "textarea", "iframe", "del", "object", "embed", "audio", "video", "canvas", "map", "dialog",
    }
)  # fmt: skip
_INLINE = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em", "font", "i", "img", "ins", "kbd",
        "label", "mark", "o:p", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    }
)  # fmt: skip
_NOTE_MARK = re.compile(
    r"#(?:_?(?:ftn|edn|ftnt|cmnt|msocom)|sd(?:foot|end)note)", re.IGNORECASE
)  # Word, Google Docs, LibreOffice
_MAX_DEPTH = 150  # elements inside elements; below that, text is taken without its layout


def read_html(source: Source) -> tuple[RawPart, ...]:
    """Return the page as one part.

    Raises `ReadError` for a page without text.
    """
    declared = _CHARSET.search(source.content[:4096])
    text = decode(source.content, declared[1].decode("ascii") if declared else None)
    page = LexborHTMLParser(text)
    title = page.css_first("head title")
    blocks = settle(_drafts_of_page(page))
    if not blocks:
        raise no_text("page web")
    return (
        RawPart(
            tuple(blocks),
            title=(clean(title.text()) or None) if title else None,
            warnings=unreadable_signs(text),
        ),
    )


def read_html_rows(source: Source) -> tuple[RawPart, ...]:
    """Return the largest table of a page as one part of rows: what some programs export as a workbook (.xls)."""
    page = LexborHTMLParser(decode(source.content))
    tables = [_shown_rows(table) for table in page.css("table")]
    largest = max(
        range(len(tables)), key=lambda place: sum(len(row) for row in tables[place]), default=None
    )
    rows = () if largest is None else squared(tables[largest])
    return (RawPart((), rows=rows),) if rows else read_html(source)


def _shown_rows(table: LexborNode) -> list[list[str]]:
    """The texts of a table's cells, merged ones filled."""
    rows = [
        [
            (
                [RawBlock(clean(cell.text(separator=" ")))],
                _span(cell, "rowspan"),
                _span(cell, "colspan"),
            )
            for cell in row.iter()
            if cell.tag in ("td", "th")
        ]
        for row in _rows(table)
    ]
    return [[text_of(cell) for cell in row] for row in unfolded(rows)]


def drafts_of_html(text: str) -> list[Draft]:
    """The drafts of a page; text quoted from another mail has « > » before it."""
    return _drafts_of_page(LexborHTMLParser(text))


def _drafts_of_page(page: LexborHTMLParser) -> list[Draft]:
    walk = _Walk()
    if page.body is not None:
        walk.children(page.body, _Place(), 0)
        walk.close(_Place())
    return walk.done


@dataclass(frozen=True)
class _Place:
    """What the elements around a text say of it."""

    list_depth: int = -1
    is_bold: bool = False
    heading: int = 0
    n_quotes: int = 0
    is_pre: bool = False


@dataclass
class _Walk:
    """One pass over a page: text gathers until a block ends."""

    done: list[Draft] = field(default_factory=list)
    _text: str = ""
    _n_strong: int = 0
    _n_plain: int = 0

    def children(self, node: LexborNode, place: _Place, depth: int) -> None:
        """Visit what `node` contains, in order."""
        child = node.child
        while child is not None:
            if child.is_text_node:
                self._add(child.text_content or "", place)
            elif depth > _MAX_DEPTH:
                self._add(child.text(separator=" "), place)
            elif child.is_element_node and not _is_hidden(child):
                self._element(child, place, depth)
            child = child.next

    def _element(self, node: LexborNode, place: _Place, depth: int) -> None:
        tag = node.tag or ""
        inner = _inside(node, tag, place)
        if tag == "br":
            self._text += "\n"
        elif tag == "hr":
            self.close(place)
            self.done.append(Draft(""))
        elif tag in _INLINE:
            self.children(node, inner, depth + 1)
        elif tag == "table":
            self.close(place)
            self.done += self._table(node, inner, depth)
        else:
            self.close(place)
            self.children(node, inner, depth + 1)
            self.close(inner)
            if tag in ("p", "blockquote", "div") and self.done and self.done[-1].text:
                self.done.append(Draft(""))

    def close(self, place: _Place) -> None:
        """End the paragraph being gathered, if any: one draft a line of it."""
        lines, is_strong = self._text.split("\n"), self._n_strong > 0 and self._n_plain == 0
        self._text, self._n_strong, self._n_plain = "", 0, 0
        if not any(map(clean, lines)):
            return
        if place.heading:
            title = clean(" ".join(lines))
            self.done.append(Draft(title, RawBlock(title, "heading", place.heading)))
        else:
            self.done += [_draft(line, place, is_strong) for line in lines]

    def _table(self, node: LexborNode, place: _Place, depth: int) -> list[Draft]:
        rows: list[list[tuple[Cell, int, int]]] = []
        for row in _rows(node):
            cells: list[tuple[Cell, int, int]] = []
            cell = row.child
            while cell is not None:
                if cell.tag in ("td", "th") and not _is_hidden(cell):
                    walk = _Walk()
                    walk.children(cell, replace(place, list_depth=-1, is_bold=False), depth + 1)
                    walk.close(place)
                    cells.append(
                        (
                            settle(walk.done, has_headings=False),
                            _span(cell, "rowspan"),
                            _span(cell, "colspan"),
                        )
                    )
                cell = cell.next
            rows.append(cells)
        return [
            Draft(f"{'> ' * place.n_quotes}{block.text}", None if place.n_quotes else block)
            for block in blocks_of_rows(unfolded(rows))
        ]

    def _add(self, text: str, place: _Place) -> None:
        self._text += text if place.is_pre else re.sub(r"[ \t\r\n\f]+", " ", text)
        n_letters = sum(letter.isalpha() for letter in text)
        self._n_strong += n_letters if place.is_bold else 0
        self._n_plain += 0 if place.is_bold else n_letters


def _draft(line: str, place: _Place, is_strong: bool) -> Draft:
    if place.n_quotes:
        return Draft(f"{'> ' * place.n_quotes}{clean(line)}")
    block = RawBlock(clean(line), "bullet", place.list_depth) if place.list_depth >= 0 else None
    return Draft(line.strip(), block, is_strong=is_strong)


def _inside(node: LexborNode, tag: str, place: _Place) -> _Place:
    """The place of what `node` contains."""
    if tag in ("ul", "ol", "menu"):
        return replace(place, list_depth=place.list_depth + 1)
    if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return replace(place, heading=int(tag[1]), list_depth=-1)
    if tag in ("b", "strong", "u", "th", "summary"):
        return replace(place, is_bold=True)
    if tag == "pre":
        return replace(place, is_pre=True)
    is_cited = tag == "blockquote" and "cite" in (node.attributes.get("type") or "")
    if is_cited or "gmail_quote" in (node.attributes.get("class") or ""):
        return replace(place, n_quotes=place.n_quotes + 1)
    return (
        replace(place, is_bold=True)
        if _BOLD_STYLE.search(node.attributes.get("style") or "")
        else place
    )


def _is_hidden(node: LexborNode) -> bool:
    """True for what a reader of the page does not see, and for menus and forms."""
    attributes = node.attributes
    is_mark = node.tag == "a" and bool(_NOTE_MARK.match(attributes.get("href") or ""))
    return (
        node.tag in _SKIPPED
        or is_mark
        or "hidden" in attributes
        or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
    )


def _span(cell: LexborNode, name: str) -> int:
    """Rows or columns that a cell covers."""
    value = (cell.attributes.get(name) or "1").strip()
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    """The rows of a table itself, not of tables inside it."""
    child = table.child
    while child is not None:
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)
        child = child.next
