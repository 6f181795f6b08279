"""Turn drafts into blocks: titles found, typed list signs stripped, blank paragraphs dropped.

In:   drafts of blocks in reading order, blank ones included
Out:  blocks
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.titles import find_titles
from pipeline.ingest.readers.wording import Bullet, clean

_SIGN_LEVEL = {"o": 1, "▪": 2, "§": 2, "\uf0a7": 2}  # signs that word processors give to deeper levels


def settle(drafts: Sequence[Draft], *, has_headings: bool = True) -> list[RawBlock]:
    """Return the blocks of `drafts`; blank ones go. `has_headings` False finds no titles, as in a mail or a cell."""
    filled = _with_starts(drafts)
    titles = find_titles(filled) if has_headings else [False] * len(filled)
    strips_plus = not any(draft.bullet and draft.bullet.sign not in ("1", "+") for draft in filled)
    blocks: list[RawBlock] = []
    indents: list[int] = []
    for draft, is_title in zip(filled, titles, strict=True):
        if is_title:
            block = RawBlock(clean(f"{draft.number} {draft.text}"), "heading", 3 if blocks else 1)
        elif draft.bullet:
            block = _item(draft.bullet, indents, strips_plus)
        else:
            block = draft.block or RawBlock(clean(draft.text))
        if block.kind != "bullet":
            indents = []
        blocks.append(block)
    return [block for block in blocks if block.text]


def _with_starts(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts that have text, each told whether a blank, a list or a heading lies above it."""
    filled: list[Draft] = []
    is_start = True
    for draft in drafts:
        if not draft.text.strip():
            is_start = True
            continue
        filled.append(replace(draft, is_start=draft.is_start or is_start))
        is_start = draft.block is not None and draft.block.kind != "paragraph"
    return filled


def _item(bullet: Bullet, indents: list[int], strips_plus: bool) -> RawBlock:
    """The block of a typed bullet; a plus among other signs is an author's "for", so it stays."""
    text = f"+ {bullet.text}" if bullet.sign == "+" and not strips_plus else bullet.text
    return RawBlock(clean(text), "bullet", _level(bullet, indents))


def _level(bullet: Bullet, indents: list[int]) -> int:
    """Depth of `bullet` in its list, 0 first; `indents` holds the indents of the bullets around it and is updated."""
    while indents and bullet.indent < indents[-1]:
        indents.pop()
    if not indents or bullet.indent > indents[-1]:
        indents.append(bullet.indent)
    return max(len(indents) - 1, _SIGN_LEVEL.get(bullet.sign, 0))
