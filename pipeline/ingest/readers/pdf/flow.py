"""Join the lines of PDF pages into paragraphs, bullets and headings; page numbers and repeated headers and footers go.

In:   lines in reading order, page by page
Out:  drafts of blocks
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from statistics import median

from pipeline.ingest.readers.drafts import Draft, is_label
from pipeline.ingest.readers.pdf.page_words import Word
from pipeline.ingest.readers.pdf.reading_order import Line
from pipeline.ingest.readers.wording import bullet_of, clean, is_finished, runs_on, starts_low
from pipeline.resources import data_path

_MARGIN = 0.11  # of the page's height at its top and bottom: where headers and footers stand
_PAGE_NUMBER = re.compile(r"^\W*(?:page|p\.?|folio)?\s*\d{1,4}\s*(?:(?:/|sur|de|of)\s*\d{1,4})?\W*$", re.IGNORECASE)
_NUMBERED = re.compile(r"\bpage\s*\d{1,4}\s*(?:(?:/|sur|de)\s*\d{1,4})?\s*$", re.IGNORECASE)
_LARGER = 1.12  # times the body's height: a heading
_LOOSE = 1.45  # times the usual distance of lines: a new paragraph
_INDENT_STEP = 0.4  # of the height: the width that one column of typed indent stands for
_LETTER_WIDTH = 0.45  # of the height: a letter's usual width, to judge whether a word had room


def without_furniture(pages: Sequence[Sequence[Line]], heights: Sequence[float]) -> tuple[list[list[Line]], list[str]]:
    """The pages' lines without page numbers and repeated headers and footers, and the text of each of these once."""
    keys = [[_furniture_key(line, height) for line in lines] for lines, height in zip(pages, heights, strict=True)]
    counts = Counter(key for page in keys for key in set(page) if key)
    needed = max(2, (len(pages) + 1) // 2)
    repeated = {key for key, n_pages in counts.items() if n_pages >= needed}
    kept: list[list[Line]] = []
    dropped: list[str] = []
    for lines, page in zip(pages, keys, strict=True):
        is_furniture = [bool(key) and (key in repeated or _is_numbered(line.text)) for line, key in zip(lines, page, strict=True)]
        kept.append([line for line, goes in zip(lines, is_furniture, strict=True) if not goes])
        dropped += [clean(line.text) for line, goes in zip(lines, is_furniture, strict=True) if goes]
    return kept, [text for text in dict.fromkeys(dropped) if not _PAGE_NUMBER.match(text)]


def _is_numbered(text: str) -> bool:
    """True for a page number, alone or after a footer's words."""
    return bool(_PAGE_NUMBER.match(text) or _NUMBERED.search(text))


def _furniture_key(line: Line, height: float) -> str:
    """What a line in the margin says, numbers alike; "" for a line of the body."""
    in_margin = line.bottom < _MARGIN * height or line.top > (1 - _MARGIN) * height
    return re.sub(r"\d+", "0", clean(line.text).lower()) if in_margin else ""


def drafts_of_lines(lines: Sequence[Line], *, body: float | None = None) -> list[Draft]:
    """Return the drafts of `lines`: joined while a paragraph goes on, told strong by weight and by size over `body`, theirs by default."""
    if not lines:
        return []
    body = usual_height(lines) if body is None else body
    leading = _leading(lines)
    heard = Counter(re.findall(r"[\w'’-]+", " ".join(line.text for line in lines).lower()))
    left = min(line.x0 for line in lines)
    groups: list[list[Line]] = [[lines[0]]]
    for line in lines[1:]:
        if _goes_on(groups[-1], line, leading):
            groups[-1].append(line)
        else:
            groups.append([line])
    drafts: list[Draft] = []
    for place, group in enumerate(groups):
        if place and _is_apart(groups[place - 1][-1], group[0], leading):
            drafts.append(Draft(""))
        indent = " " * round((group[0].x0 - (group[0].left or left)) / max(1.0, _INDENT_STEP * group[0].height))
        drafts.append(
            Draft(indent + _joined(group, heard), is_strong=group[0].height > _LARGER * body or all(line.is_bold for line in group))
        )
    return drafts


def usual_height(lines: Sequence[Line] | Sequence[Word]) -> float:
    """Height of the font in which most letters stand, 0 where there are none."""
    counts: Counter[float] = Counter()
    for line in lines:
        counts[round(line.height * 2) / 2] += len(line.text)
    return counts.most_common(1)[0][0] if counts else 0.0


def _leading(lines: Sequence[Line]) -> float:
    """Usual distance between the tops of two lines of one paragraph, in heights."""
    steps = [(below.top - above.top) / above.height for above, below in pairwise(lines) if _is_below(above, below)]
    near = sorted(step for step in steps if 0.5 < step < 3)
    return median(near[: max(1, 2 * len(near) // 3)]) if near else 1.2


def _is_below(above: Line, line: Line) -> bool:
    return above.page == line.page and above.column == line.column and line.top > above.top


def _is_apart(above: Line, line: Line, leading: float) -> bool:
    """True where more room than usual lies between two lines of a column."""
    return _is_below(above, line) and (line.top - above.top) / above.height > _LOOSE * leading


def _goes_on(group: Sequence[Line], line: Line, leading: float) -> bool:
    """True where `line` continues the paragraph of `group`."""
    above = group[-1]
    if bullet_of(line.text) or is_label(above.text) or is_label(line.text) or _is_apart(above, line, leading):
        return False
    if abs(line.height - above.height) > (_LARGER - 1) * above.height or (
        line.is_bold != above.is_bold and (line.is_bold or all(entry.is_bold for entry in group))
    ):
        return False
    if not _is_below(above, line):  # the next column or page
        return (
            not is_finished(above.text)
            and not above.is_bold
            and (_is_hyphenated(above.text) or (starts_low(line.text) and _is_full(above, line)))
        )
    if runs_on(above.text, line.text) or _is_hyphenated(above.text):
        return True
    is_indented = line.x0 - above.x0 > 0.7 * line.height and len(group) > 1 and not bullet_of(group[0].text)
    return _is_full(above, line) and not (is_indented and is_finished(above.text))


def _is_full(above: Line, line: Line) -> bool:
    """True where the first word of `line` had no room at the end of `above`."""
    return above.x1 + _LETTER_WIDTH * above.height * 0.6 + line.first > above.right + 0.2 * above.height


def _is_hyphenated(text: str) -> bool:
    return text.endswith("\u00ad") or bool(re.search(r"[^\W\d_]-$", text))


def _joined(group: Sequence[Line], heard: Counter[str]) -> str:
    text = group[0].text
    for line in group[1:]:
        text = _unhyphenated(text, line.text, heard) if _is_hyphenated(text) else f"{text} {line.text}"
    return text


def _unhyphenated(above: str, below: str, heard: Counter[str]) -> str:
    """`above` and `below` as one: the hyphen goes unless it belongs to the word (« peut-être »), which its parts or the text tell."""
    first = re.search(r"([\w'’]+)[-\u00ad]$", above)
    second = re.match(r"[\w'’]+", below)
    if not first or not second or not below[0].islower():
        return f"{above.removesuffix(chr(0xAD))}{'-' if above.endswith(chr(0xAD)) and not below[:1].islower() else ''}{below}"
    start, end = first[1].lower(), second[0].lower()
    is_compound = "'" in end.replace("’", "'") or heard[f"{start}-{end}"] > 0 or start in _compound_starts() or end in _compound_ends()
    keeps = is_compound and not heard[start + end] and not above.endswith("\u00ad")
    return above[:-1] + ("-" if keeps else "") + below


@cache
def _compound_starts() -> frozenset[str]:
    return _hyphen_words(starts=True)


@cache
def _compound_ends() -> frozenset[str]:
    return _hyphen_words(starts=False)


def _hyphen_words(*, starts: bool) -> frozenset[str]:
    words = data_path("lexicon", "traits_union.txt").read_text(encoding="utf-8").split()
    return frozenset(word.strip("-") for word in words if word.endswith("-") == starts)
