"""A paragraph on its way to a block: what its format tells, and what only its signs and weight tell.

In:   text, and what the format says of it
Out:  Draft

Turn drafts into blocks: titles found, typed list signs stripped, blank paragraphs dropped.

Find the titles that no style marks: bold lines, labels, lines above lists, capitals.

Turn lines of plain text into blocks: bullets with their level, headings, wrapped lines joined, one idea a line kept apart.

Comments in the margin of a document: what somebody adds is read with their name, what only helps to edit is kept apart.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise

from pipeline.files import data_path
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import (
    Bullet,
    bullet_of,
    clean,
    is_finished,
    is_rule,
    runs_on,
    sections_of,
    starts_low,
    width,
)

_LABEL = re.compile(
    r"^\W*(?:[^\W\d_]{1,10}\.?\s*)?(?:n°\s*)?\d{1,2}\W*$"
)  # « Q1 », « Table 4 : », « Tour n° 2 »


_OPENING = re.compile(
    r"^\s*(?:\[?(?:table|groupe|question|tour)\s*(?:n\s?°\s*)?(?:\d{1,2}|[a-f]\b)|\[?[tqg]\s?\d{1,2})\s*(?:\]|[:–—|>→]|-\s)\s*(?=\S)",
    re.IGNORECASE,
)


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
    def kind(self) -> str:
        """The kind that the format or the sign tells, "paragraph" where neither does."""
        return self.block.kind if self.block else "bullet" if self.bullet else "paragraph"

    @property
    def is_numbered(self) -> bool:
        """True for an item of a numbered list, typed or real."""
        return bool(self.number) or (self.bullet is not None and self.bullet.sign == "1")

    @property
    def n_words(self) -> int:
        """Words of the text."""
        return len(self.text.split())


def is_label(text: str) -> bool:
    """True for a label and a number alone, such as « Q1 » or « Table 4 : »."""
    return bool(_LABEL.match(text.strip()))


def opens_with_label(line: str) -> bool:
    """True for a line that names its table or question and goes on, such as « Question 2 : on… » or « T4 – on… »."""
    return bool(_OPENING.match(line))


_MAX_WORDS = 14
_MAX_QUESTION_WORDS = 25  # of a title that asks
_MAX_STRONG_SHARE = 0.4  # of the words: in a text that is bolder than this, bold says nothing
_LIST_SIGNS = frozenset("-–—−‐*•●")


def find_titles(drafts: Sequence[Draft]) -> list[bool]:
    """Return whether each draft is a title that its format does not mark.

    Neighbours count only where the author marks no titles himself: a paragraph above a list may be an idea.
    """
    told = [draft for draft in drafts if draft.kind in ("paragraph", "bullet")]
    heeds_weight = sum(
        draft.n_words for draft in told if draft.is_strong
    ) <= _MAX_STRONG_SHARE * sum(draft.n_words for draft in told)
    heeds_place = sum(draft.kind == "heading" for draft in drafts) < 2
    is_spaced = all(
        draft.is_start and not draft.block and not is_finished(draft.text) for draft in drafts
    )
    titles: list[bool] = []
    for place, draft in enumerate(drafts):
        above, below = (
            drafts[place - 1] if place else None,
            drafts[place + 1] if place + 1 < len(drafts) else None,
        )
        is_title = (
            draft.is_underlined or (heeds_weight and _is_strong(draft, below)) or _is_label(draft)
        )
        if not is_title and heeds_place and below is not None:
            is_title = (
                _leads_list(above, draft, below)
                or _names_what_follows(draft, below)
                or _opens(above, draft, below, is_spaced)
            )
            is_title = is_title or (
                draft.kind == "paragraph" and _is_short(draft) and _is_announced(draft.text)
            )
        is_comment = draft.block is not None and draft.block.speaker is not None
        titles.append(is_title and draft.kind in ("paragraph", "bullet") and not is_comment)
    return titles


def _is_strong(draft: Draft, below: Draft | None) -> bool:
    """True for a short bold paragraph, or a bold numbered item, with something below it."""
    return (
        draft.is_strong
        and below is not None
        and (draft.kind == "paragraph" or draft.is_numbered)
        and _is_short(draft, _MAX_QUESTION_WORDS)
    )


def _is_label(draft: Draft) -> bool:
    return draft.kind == "paragraph" and is_label(draft.text)


def _leads_list(above: Draft | None, draft: Draft, below: Draft) -> bool:
    """True where a numbered line, not one of a run, names the list of signs right below it, as in « 1. Besoins » above « - … »."""
    if (
        draft.bullet is None
        or draft.bullet.sign != "1"
        or (above is not None and above.is_numbered)
    ):
        return False
    is_above_list = (
        below.bullet is not None
        and below.bullet.sign in _LIST_SIGNS
        and below.bullet.indent == draft.bullet.indent
    )
    return is_above_list and draft.n_words <= _MAX_WORDS and not is_finished(draft.text)


def _names_what_follows(draft: Draft, below: Draft) -> bool:
    """True for a short paragraph, apart from what is above it, over a list, ending with a colon, numbered or in capitals."""
    if draft.kind != "paragraph" or not draft.is_start or not _is_short(draft):
        return False
    return (
        below.kind == "bullet"
        or draft.text.rstrip().endswith(":")
        or _is_numbered_title(draft.text)
        or _is_shouted(draft.text)
    )


def _opens(above: Draft | None, draft: Draft, below: Draft, is_spaced: bool) -> bool:
    """True for a first line set apart from sentences; where blank lines part all lines (`is_spaced`), one below the first says nothing."""
    is_apart = above is None and below.is_start and not is_spaced
    return (
        is_apart
        and draft.kind == "paragraph"
        and draft.n_words <= _MAX_WORDS
        and not is_finished(draft.text)
    )


def _is_short(draft: Draft, max_words: int = _MAX_WORDS) -> bool:
    """True for a few words that are no sentence, or for a question of a few more."""
    text = draft.text.rstrip()
    if text.endswith("?"):
        return draft.n_words <= _MAX_QUESTION_WORDS
    return draft.n_words <= max_words and (text.endswith(":") or not is_finished(text))


def _is_numbered_title(text: str) -> bool:
    """True for a line such as « Q4 : à améliorer » or « Tour 2, ce qui marche »."""
    found = re.match(r"\W*([^\W\d_]+)\s*(?:n°)?\s*\d{1,2}\b", text)
    return found is not None and found[1].lower() in _title_words()


def _is_announced(text: str) -> bool:
    """True for a numbered title with its own colon or dash, « Question 2 : … », which needs no room above it."""
    return (
        text[:1].isupper()
        and _is_numbered_title(text)
        and bool(re.match(r"\W*[^\W\d_]+\s*(?:n°)?\s*\d{1,2}\s*[:–—.)/-]", text))
    )


def _is_shouted(text: str) -> bool:
    return text.upper() == text and sum(letter.isalpha() for letter in text) >= 4


@cache
def _title_words() -> frozenset[str]:
    return frozenset(data_path("lexicon", "mots_titres.txt").read_text(encoding="utf-8").split())


_SIGN_LEVEL = {
    "o": 1,
    "▪": 2,
    "§": 2,
    "\uf0a7": 2,
}  # signs that word processors give to deeper levels


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


_NARROW, _WIDE = 45, 130  # columns between which people's mail and text programs wrap
_MAIL_COLUMN = (
    62  # a line of a mail that fills this and ends in the middle of a sentence was wrapped
)
_UNDERLINE = re.compile(r"^\s*(={3,}|-{3,}|~{3,})\s*$")


def blocks_of_lines(lines: Sequence[str], *, is_mail: bool = False) -> list[RawBlock]:
    """Return the blocks of `lines`; `is_mail` joins the lines of a paragraph unless one clearly starts another, and sees no headings."""
    return settle(
        [_draft(group) for group in paragraphs_of_lines(lines, is_mail=is_mail)],
        has_headings=not is_mail,
    )


def _draft(group: list[str]) -> Draft:
    is_underlined = len(group) == 2 and bool(_UNDERLINE.match(group[1]))
    kept = group[:1] if is_underlined else group
    return Draft(
        " ".join([kept[0].rstrip() if kept else "", *(line.strip() for line in kept[1:])]),
        is_underlined=is_underlined,
    )


def paragraphs_of_lines(lines: Sequence[str], *, is_mail: bool = False) -> Iterator[list[str]]:
    """Yield the lines of each paragraph or bullet; an empty group for a blank line or a rule, two lines for an underlined title."""
    column = wrap_width(lines)
    group: list[str] = []
    for line in lines:
        if group and _underlines(group, line):
            yield [*group, line]
            group = []
        elif not line.strip() or is_rule(line):
            yield from ([group] if group else [])
            yield []
            group = []
        elif group and _goes_on(group, line, column, is_mail):
            group.append(line)
        else:
            yield from ([group] if group else [])
            group = [line]
    if group:
        yield group


def _underlines(group: list[str], line: str) -> bool:
    """True for a rule about as long as the single line above it."""
    gap = abs(len(line.strip()) - len(group[0].strip()))
    return (
        len(group) == 1
        and bool(_UNDERLINE.match(line))
        and gap <= max(3, len(group[0].strip()) // 2)
        and not bullet_of(group[0])
    )


def _goes_on(group: list[str], line: str, column: int | None, is_mail: bool) -> bool:
    """True where `line` continues the paragraph of `group`."""
    above = group[-1]
    if bullet_of(line) or is_label(above) or is_label(line) or opens_with_label(line):
        return False
    if (
        bullet_of(group[0])
        and _indent(line) > _indent(group[0])
        and (len(group) == 1 or _indent(line) >= _indent(above))
    ):
        return True
    if (column and is_full(above, line, column)) or runs_on(above, line):
        return True
    return (
        is_mail
        and not is_finished(above)
        and (starts_low(line) or is_full(above, line, _MAIL_COLUMN))
    )


def _indent(line: str) -> int:
    return width(line[: len(line) - len(line.lstrip())])


def wrap_width(lines: Sequence[str]) -> int | None:
    """The column at which a program wrapped `lines`, or None where people ended their lines themselves.

    Wrapped text betrays itself: hardly any line could have taken in the first word of the next one, and most break mid-sentence.
    """
    lengths = sorted({len(line.rstrip()) for line in lines if " " in line.strip()}, reverse=True)
    return next(
        (
            column
            for column in lengths[:2]
            if _NARROW <= column <= _WIDE and _is_wrapped_at(column, lines)
        ),
        None,
    )


def _is_wrapped_at(column: int, lines: Sequence[str]) -> bool:
    pairs = [
        (above, below)
        for above, below in pairwise(lines)
        if above.strip() and below.strip() and not (bullet_of(below) or opens_with_label(below))
    ]
    full = [(above, below) for above, below in pairs if is_full(above, below, column)]
    broken = [above for above, _ in full if not is_finished(above)]
    return len(broken) >= 3 and len(full) >= 0.6 * len(pairs) and len(broken) >= 0.5 * len(full)


def is_full(above: str, below: str, column: int) -> bool:
    """True where the first word of `below` had no room at the end of `above`."""
    return len(above.rstrip()) + 1 + len(below.split()[0]) > column


_MIN_WORDS = 5  # fewer are a nod or a question to a colleague


def remark(text: str, author: str, *, is_resolved: bool = False) -> RawBlock:
    """Return the block of a comment: a paragraph said by its author, or a meta block where it is settled or speaks of the document."""
    shown = clean(text)
    is_editing = bool(sections_of("commentaires")["relecture"].search(shown.replace("’", "'")))
    if is_resolved or is_editing or len(shown.split()) < _MIN_WORDS:
        return RawBlock(shown, "meta")
    return RawBlock(shown, speaker=named_author(author))


def named_author(author: str) -> str | None:
    """The author's name, None where a program made it up."""
    name = clean(author)
    return name if name and not sections_of("commentaires")["auteurs"].fullmatch(name) else None
