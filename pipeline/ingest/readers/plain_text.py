"""Read plain text (.txt and files without a better format) and Markdown (.md)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.utils import getaddresses

from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import (
    Draft,
    blocks_of_drafts,
    blocks_of_lines,
    drafts_of_blocks,
    drafts_of_text,
    joined_lines,
    paragraphs_of_lines,
    single_part,
)
from pipeline.ingest.readers.chats import read_chat
from pipeline.ingest.readers.grids import Cell, blocks_of_rows
from pipeline.ingest.readers.mail_body import blocks_of_mail, opens_with_headers
from pipeline.ingest.readers.pages import set_furniture_apart
from pipeline.ingest.readers.sheets import looks_delimited, rows_of_text
from pipeline.ingest.readers.source import FileContent
from pipeline.ingest.readers.transcripts import spoken_blocks
from pipeline.ingest.readers.wording import clean, unreadable_signs

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_LEFT_OUT = (("en-tête du fichier (titre, étiquettes, réglages)", "settings"),)
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


def read_plain(file: FileContent) -> tuple[RawPart, ...]:
    """Return a text as one part, as rows if all its lines are cut alike.

    Raises `ReadError` for non-text bytes and for a blank file.
    """
    text = decode(file.content)
    warnings = unreadable_signs(text)
    lines = text.replace("\f", "\n\n").split("\n")
    chat = read_chat(lines)
    if chat is not None:
        return (replace(chat, warnings=warnings),)
    if opens_with_headers(lines):
        blocks, authors = blocks_of_mail(text)
        people = tuple(person for person in getaddresses(authors) if any(person))
        mail = RawPart(
            tuple(blocks), channel="mail", people=people, warnings=warnings, taken_for="courriel"
        )
        return (mail,)
    if looks_delimited(text):
        return (RawPart((), rows=rows_of_text(text)),)
    spoken = spoken_blocks(lines)
    if spoken is not None:
        return (RawPart(tuple(spoken), channel="transcript", warnings=warnings),)
    blocks = list(set_furniture_apart(blocks_of_lines(lines)))
    return single_part(blocks, "fichier texte", warnings=warnings)


def read_markdown(file: FileContent) -> tuple[RawPart, ...]:
    """Return the notes as one part, without emphasis, links, images and front matter.

    Raises `ReadError` for non-text bytes and for a blank file.
    """
    text = decode(file.content)
    front = _FRONT_MATTER.match(text)
    body = _IMAGE.sub("", _without_comments(text[front.end() :] if front else text))
    blocks = blocks_of_drafts(list(_drafts(body.split("\n"))))
    declared = _TITLE.search(front[1]) if front else None
    if declared:
        title: str | None = clean(declared[1])
    else:
        title = next((block.text for block in blocks if _is_main_heading(block)), None)
    (part,) = single_part(
        list(set_furniture_apart(blocks)),
        "fichier Markdown",
        title=title,
        warnings=unreadable_signs(text),
        taken_for="bloc-notes partagé" if front else "notes en Markdown",
    )
    return (replace(part, left_out=_LEFT_OUT if front else ()),)


def _is_main_heading(block: RawBlock) -> bool:
    return block.kind == "heading" and block.level == 1


def _without_comments(text: str) -> str:
    """Remove comments; an unclosed one stays."""
    end = text.rfind("-->") + 3
    return _COMMENT.sub("", text[:end]) + text[end:] if end > 2 else text


def _drafts(lines: list[str]) -> Iterator[Draft]:
    flow: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        heading = _HEADING.match(line)
        title = heading[2].rstrip().rstrip("#").rstrip() if heading else ""
        if heading and title:
            yield from _flow(flow)
            flow = []
            yield from drafts_of_text(_unmarked(title), heading=len(heading[1]))
        elif _opens_table(lines[i : i + 2]):
            yield from _flow(flow)
            flow = []
            end = i + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            yield from drafts_of_blocks(
                blocks_of_rows([_cells(row) for row in (line, *lines[i + 2 : end])])
            )
            i = end - 1
        elif not _FENCE.match(line):
            flow.append(re.sub(r"^(\s*)>\s?", r"\1", line))
        i += 1
    yield from _flow(flow)


def _opens_table(lines: Sequence[str]) -> bool:
    return (
        len(lines) == 2 and all("|" in line for line in lines) and bool(_TABLE_RULE.match(lines[1]))
    )


def _cells(line: str) -> list[Cell]:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return [
        [RawBlock(text) for text in map(clean, _unmarked(cell).split("\n")) if text]
        for cell in cells
    ]


def _flow(lines: list[str]) -> Iterator[Draft]:
    # A star at the start of a line that is no bullet is emphasis.
    shown = [_unmarked(line) if re.match(r"^\s*\*(?![\s*])", line) else line for line in lines]
    for group in paragraphs_of_lines(shown):
        marked, is_underlined = joined_lines(group)
        is_strong = bool(_STRONG.match(marked.strip()))
        for text in _unmarked(marked).split("\n"):
            yield Draft(text, is_underlined=is_underlined, is_strong=is_strong)


def _unmarked(text: str) -> str:
    text = _without_comments(text)
    for pattern, shown in _MARKS:
        text = pattern.sub(shown, text)
    return _ESCAPED.sub(r"\1", text)
