"""Read Markdown notes (.md): headings, lists, tables and front matter; marks of emphasis, links and images out.

In:   the bytes of a .md
Out:  one part
"""

import re
from collections.abc import Iterator

from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import Draft, paragraphs_of_lines, settle
from pipeline.ingest.readers.grids import Cell, blocks_of_rows
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean, unreadable_signs

_FRONT = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_TITLE = re.compile(r"^(?:title|titre)\s*:\s*[\"']?(.*?)[\"']?\s*$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s*(.*)$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]{0,500}\](?:\([^)]{0,1000}\)|\[[^\]]{0,500}\])")
_MARKS = (
    (_IMAGE, ""),
    (re.compile(r"\[([^\]]{1,500})\]\((?:[^()]|\([^()]{0,500}\)){0,1000}\)"), r"\1"),
    (re.compile(r"<(https?://[^<>]+|[^\s@<>]+@[^<>]+)>"), r"\1"),
    (re.compile(r"<br\s*/?>", re.IGNORECASE), "\n"),
    (re.compile(r"</?(?:[a-z][a-z0-9]*)(?:\s[^<>]*)?/?>", re.IGNORECASE), ""),
    (re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])(.{1,500}?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])(.{1,500}?)(?<=[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"~~(?=\S)(.{1,500}?)(?<=\S)~~"), r"\1"),
    (re.compile(r"`([^`]{1,500})`"), r"\1"),
)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])")
_STRONG = re.compile(r"^(\*\*|__)(?=\S).+(?<=\S)\1\s*:?$")


def read_markdown(source: Source) -> tuple[RawPart, ...]:
    """Return the notes as one part.

    Raises `ReadError` for bytes that are no text and for a blank file.
    """
    text = decode(source.content)
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    body = _IMAGE.sub("", _without_comments(body))
    blocks = settle(list(_drafts(body.split("\n"))))
    if not blocks:
        raise no_text("fichier Markdown")
    title = _TITLE.search(front[1]) if front else None
    first = next(
        (block.text for block in blocks if block.kind == "heading" and block.level == 1), None
    )
    return (
        RawPart(
            tuple(blocks),
            title=clean(title[1]) if title else first,
            warnings=unreadable_signs(text),
        ),
    )


def _drafts(lines: list[str]) -> Iterator[Draft]:
    """The drafts of the lines: headings and tables where they stand, the lines between as paragraphs and lists."""
    flow: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        heading = _HEADING.match(line)
        held = heading[2].rstrip().rstrip("#").rstrip() if heading else ""
        if heading and held:
            yield from _flow(flow)
            flow = []
            title = clean(unmarked(held))
            yield Draft(title, RawBlock(title, "heading", len(heading[1])))
        elif (
            "|" in line
            and place + 1 < len(lines)
            and "|" in lines[place + 1]
            and _TABLE_RULE.match(lines[place + 1])
        ):
            yield from _flow(flow)
            flow = []
            end = next(
                (row for row in range(place + 2, len(lines)) if "|" not in lines[row]), len(lines)
            )
            yield from _table([line, *lines[place + 2 : end]])
            place = end - 1
        elif not _FENCE.match(line):
            flow.append(re.sub(r"^(\s*)>\s?", r"\1", line))
        place += 1
    yield from _flow(flow)


def _flow(lines: list[str]) -> Iterator[Draft]:
    for group in paragraphs_of_lines([_hidden_emphasis(line) for line in lines]):
        is_underlined = len(group) == 2 and not group[1].strip(" =-~") and bool(group[1].strip())
        kept = group[:1] if is_underlined else group
        whole = " ".join(
            [*(line.rstrip() for line in kept[:1]), *(line.strip() for line in kept[1:])]
        )
        for text in unmarked(whole).split("\n") or [""]:
            yield Draft(
                text, is_underlined=is_underlined, is_strong=bool(_STRONG.match(whole.strip()))
            )


def _hidden_emphasis(line: str) -> str:
    """The line without emphasis where it begins with a star that is no bullet."""
    return unmarked(line) if re.match(r"^\s*\*(?![\s*])", line) else line


def unmarked(text: str) -> str:
    """`text` without marks of emphasis, code, links and images."""
    text = _without_comments(text)
    for pattern, kept in _MARKS:
        text = pattern.sub(kept, text)
    return _ESCAPED.sub(r"\1", text)


def _without_comments(text: str) -> str:
    """`text` without comments; what opens after the last one that is closed stays."""
    end = text.rfind("-->") + 3
    return _COMMENT.sub("", text[:end]) + text[end:] if end > 2 else text


def _table(lines: list[str]) -> Iterator[Draft]:
    rows: list[list[Cell]] = []
    for line in lines:
        cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
        rows.append(
            [
                [RawBlock(text) for text in map(clean, unmarked(cell).split("\n")) if text]
                for cell in cells
            ]
        )
    yield from (Draft(block.text, block) for block in blocks_of_rows(rows))
