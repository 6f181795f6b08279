"""Turn lines of plain text into blocks: bullets with their level, headings, wrapped lines joined, one idea a line kept apart.

In:   lines, without their line ends
Out:  blocks in reading order
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.drafts import Draft, is_label, opens_with_label
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.wording import bullet_of, is_finished, is_rule, runs_on, starts_low, width

_NARROW, _WIDE = 45, 130  # columns between which people's mail and text programs wrap
_MAIL_COLUMN = 62  # a line of a mail that fills this and ends in the middle of a sentence was wrapped
_UNDERLINE = re.compile(r"^\s*(={3,}|-{3,}|~{3,})\s*$")


def blocks_of_lines(lines: Sequence[str], *, is_mail: bool = False) -> list[RawBlock]:
    """Return the blocks of `lines`; `is_mail` joins the lines of a paragraph unless one clearly starts another, and sees no headings."""
    return settle([_draft(group) for group in paragraphs_of_lines(lines, is_mail=is_mail)], has_headings=not is_mail)


def _draft(group: list[str]) -> Draft:
    is_underlined = len(group) == 2 and bool(_UNDERLINE.match(group[1]))
    kept = group[:1] if is_underlined else group
    return Draft(" ".join([kept[0].rstrip() if kept else "", *(line.strip() for line in kept[1:])]), is_underlined=is_underlined)


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
    return len(group) == 1 and bool(_UNDERLINE.match(line)) and gap <= max(3, len(group[0].strip()) // 2) and not bullet_of(group[0])


def _goes_on(group: list[str], line: str, column: int | None, is_mail: bool) -> bool:
    """True where `line` continues the paragraph of `group`."""
    above = group[-1]
    if bullet_of(line) or is_label(above) or is_label(line) or opens_with_label(line):
        return False
    if bullet_of(group[0]) and _indent(line) > _indent(group[0]) and (len(group) == 1 or _indent(line) >= _indent(above)):
        return True
    if (column and is_full(above, line, column)) or runs_on(above, line):
        return True
    return is_mail and not is_finished(above) and (starts_low(line) or is_full(above, line, _MAIL_COLUMN))


def _indent(line: str) -> int:
    return width(line[: len(line) - len(line.lstrip())])


def wrap_width(lines: Sequence[str]) -> int | None:
    """The column at which a program wrapped `lines`, or None where people ended their lines themselves.

    Wrapped text betrays itself: hardly any line could have taken in the first word of the next one, and most break mid-sentence.
    """
    lengths = sorted({len(line.rstrip()) for line in lines if " " in line.strip()}, reverse=True)
    return next((column for column in lengths[:2] if _NARROW <= column <= _WIDE and _is_wrapped_at(column, lines)), None)


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
