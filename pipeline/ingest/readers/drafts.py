"""Tell headings and typed bullets apart in paragraphs whose format does not, by their signs, weight and neighbours.

In:   drafts of blocks in reading order, blank ones included
Out:  blocks
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import Bullet, bullet_of, clean, is_finished

_LABEL = re.compile(r"^\W*(?:[^\W\d_]{1,10}\.?\s*)?(?:n°\s*)?\d{1,2}\W*$")  # « Q1 », « Table 4 : », « Tour n° 2 »
_MAX_WORDS = 14  # of a heading told from its neighbours
_MAX_QUESTION_WORDS = 25  # of a heading that asks
_MAX_STRONG_SHARE = 0.4  # of the words: in a text that is bolder than this, bold says nothing


@dataclass(frozen=True)
class Draft:
    """A paragraph, or a block whose kind its format tells; `is_start` says that nothing, a blank or a rule lies above it."""

    text: str
    block: RawBlock | None = None
    number: str = ""  # the list number that the format shows before the text
    is_start: bool = False
    is_strong: bool = False  # all in bold, or larger than the body
    is_underlined: bool = False

    @cached_property
    def bullet(self) -> Bullet | None:
        """The list sign typed before the text, where the format tells no kind."""
        return None if self.block else bullet_of(self.text)

    @property
    def is_item(self) -> bool:
        """True for an item of a list, typed or real."""
        return bool(self.bullet) or (self.block is not None and self.block.kind == "bullet")

    @property
    def n_words(self) -> int:
        """Words of the text."""
        return len(self.text.split())


def settle(drafts: Sequence[Draft], *, has_headings: bool = True) -> list[RawBlock]:
    """Return the blocks of `drafts`; blank ones go. `has_headings` False leaves every paragraph a paragraph, as in a mail."""
    filled = _with_starts(drafts)
    strips_plus = not any(draft.bullet and draft.bullet.sign not in ("1", "+") for draft in filled)
    told = [draft for draft in filled if not draft.block or draft.block.kind in ("paragraph", "bullet")]
    heeds_strong = sum(draft.n_words for draft in told if draft.is_strong) <= _MAX_STRONG_SHARE * sum(draft.n_words for draft in told)
    blocks: list[RawBlock] = []
    indents: list[int] = []
    for place, draft in enumerate(filled):
        below = filled[place + 1] if place + 1 < len(filled) else None
        if has_headings and ((heeds_strong and _is_strong_heading(draft, below)) or _is_heading(draft, below, is_first=place == 0)):
            blocks.append(RawBlock(clean(f"{draft.number} {draft.text}"), "heading", 1 if place == 0 else 3))
            indents = []
        elif draft.block:
            blocks.append(draft.block)
            indents = []
        elif draft.bullet:
            blocks.append(_item(draft.bullet, indents, strips_plus))
        else:
            blocks.append(RawBlock(clean(draft.text)))
            indents = []
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
    return RawBlock(clean(text), "bullet", level_of(bullet, indents))


def level_of(bullet: Bullet, indents: list[int]) -> int:
    """Depth of `bullet` in its list, 0 first; `indents` holds the indents of the bullets around it and is updated."""
    while indents and bullet.indent < indents[-1]:
        indents.pop()
    if not indents or bullet.indent > indents[-1]:
        indents.append(bullet.indent)
    return len(indents) - 1


def _is_strong_heading(draft: Draft, below: Draft | None) -> bool:
    """True for a short bold paragraph, or a bold numbered item, with something below it."""
    kind = draft.block.kind if draft.block else "bullet" if draft.bullet and draft.bullet.sign != "1" else "paragraph"
    may_be = kind == "paragraph" or bool(draft.number)
    return draft.is_strong and may_be and below is not None and draft.n_words <= _MAX_QUESTION_WORDS and not _ends_sentence(draft.text)


def _is_heading(draft: Draft, below: Draft | None, *, is_first: bool) -> bool:
    """True for a line that names what follows: underlined, a label with a number, in capitals, a first line, or one above bullets."""
    if draft.block and draft.block.kind != "paragraph":
        return False
    if draft.is_underlined or (is_label(draft.text) and not draft.bullet):
        return True
    if below is None or not draft.is_start or draft.n_words > (_MAX_QUESTION_WORDS if draft.text.rstrip().endswith("?") else _MAX_WORDS):
        return False
    if draft.bullet:
        return _leads_list(draft.bullet, below)
    if below.is_item:
        return not _ends_sentence(draft.text)
    return _is_shouted(draft.text) or (is_first and below.is_start and not is_finished(draft.text)) or draft.text.rstrip().endswith(":")


def _leads_list(bullet: Bullet, below: Draft) -> bool:
    """True where a numbered line names the list of signs right below it, as in « 1. Besoins » above « - … »."""
    return bullet.sign == "1" and below.bullet is not None and below.bullet.sign != "1" and below.bullet.indent <= bullet.indent


def _ends_sentence(text: str) -> bool:
    return is_finished(text) and not text.rstrip().endswith((":", "?"))


def is_label(text: str) -> bool:
    """True for a label and a number alone, such as « Q1 » or « Table 4 : »."""
    return bool(_LABEL.match(text.strip()))


def _is_shouted(text: str) -> bool:
    return text.upper() == text and sum(letter.isalpha() for letter in text) >= 4
