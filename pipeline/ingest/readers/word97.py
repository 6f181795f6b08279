"""Read old Word documents (.doc) with office-oxide.

In:   the bytes of a .doc
Out:  one part: headings, paragraphs, bullets, cells
"""

from collections.abc import Iterator
from typing import Any

import office_oxide

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.grids import Cell, blocks_of_rows, unfolded
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.source import Source, corrupt, no_text, protected
from pipeline.ingest.readers.wording import clean

_MAX_DEPTH = 20  # lists inside lists


def read_word97(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged, protected or textless document.
    """
    try:
        document = office_oxide.Document.from_bytes(source.content, "doc")
        tree = document.to_ir()
    except (office_oxide.OfficeOxideError, ValueError) as error:
        raise protected("document Word") if "ncrypt" in str(error) or "assword" in str(error) else corrupt("le document Word") from error
    sections = tree.get("sections", [])
    blocks = settle([draft for section in sections for draft in _drafts(section.get("elements", []), -1)])
    if not blocks:
        raise no_text("document Word")
    return (RawPart((*_furniture(sections), *blocks)),)


def _furniture(sections: list[dict[str, Any]]) -> Iterator[RawBlock]:
    """The page headers and footers as meta blocks, each text once: they often name the table or the workshop."""
    held = [section.get(place) for place in ("header", "footer") for section in sections]
    texts = [clean(_text(paragraph)) for entry in held if isinstance(entry, dict) for paragraph in entry.get("content", [])]
    yield from (RawBlock(text, "meta") for text in dict.fromkeys(texts) if any(letter.isalpha() for letter in text))


def _drafts(elements: list[dict[str, Any]], depth: int) -> Iterator[Draft]:
    """The drafts of a list of elements of office-oxide's tree; `depth` is the list level, -1 outside lists."""
    for element in elements:
        kind = element.get("type")
        if kind == "heading":
            title = clean(_text(element))
            yield Draft(title, RawBlock(title, "heading", min(6, max(1, int(element.get("level") or 1)))))
        elif kind == "list" and depth < _MAX_DEPTH:
            for item in element.get("items", []):
                yield from _drafts(item.get("content", []), depth + 1)
                yield from _drafts([{**item["nested"], "type": "list"}] if isinstance(item.get("nested"), dict) else [], depth + 1)
        elif kind == "table":
            rows = [
                [(_cell(cell), _span(cell, "row_span"), _span(cell, "col_span")) for cell in row.get("cells", [])]
                for row in element.get("rows", [])
            ]
            yield from (Draft(block.text, block) for block in blocks_of_rows(unfolded(rows)))
        else:
            for line in _text(element).split("\n"):
                yield Draft(line, RawBlock(clean(line), "bullet", depth) if depth >= 0 else None, is_strong=_is_strong(element))


def _cell(cell: dict[str, Any]) -> Cell:
    return settle([*_drafts(cell.get("content", []), -1)], has_headings=False)


def _span(cell: dict[str, Any], name: str) -> int:
    """Rows or columns that a cell covers."""
    value = cell.get(name)
    return value if isinstance(value, int) and value > 0 else 1


def _text(element: dict[str, Any]) -> str:
    """The text of an element and of what it holds, line breaks as such."""
    if element.get("type") == "line_break":
        return "\n"
    held = element.get("content", [])
    return str(element.get("text", "")) + "".join(_text(child) for child in held if isinstance(child, dict))


def _is_strong(element: dict[str, Any]) -> bool:
    runs = [run for run in element.get("content", []) if isinstance(run, dict) and clean(str(run.get("text", "")))]
    return bool(runs) and all(run.get("bold") for run in runs)
