"""Put the words of a page into lines, in the order one reads them: column after column where there are columns.

In:   the words of a page
Out:  lines, each with the right edge of its column

Join the lines of PDF pages into paragraphs, bullets and headings; page numbers and repeated headers and footers go.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from statistics import median

from pipeline.files import data_path
from pipeline.ingest.readers.blocks import Draft, is_label
from pipeline.ingest.readers.pdf.page_words import Word
from pipeline.ingest.readers.wording import bullet_of, clean, is_finished, runs_on, starts_low

_SEGMENT_GAP = 1.5  # of the height: a wider gap parts what stands on one line
_MIN_COLUMN_LINES = 4
_SMALL = 0.8  # of the height: a sign beside a word that is smaller
_LARGER = 1.12  # times the usual height: a title
_MIN_SPAN = (
    0.6  # of the page between its margins: lines that end before were not wrapped at an edge
)
_N_NEAR = 10  # segments above and below a title that may tell whether it stands alone
_MAX_EDGES = 40  # left edges tried as a column's, those of most lines first
_MAX_COLUMNS = 3  # how often a column may be parted again
_MIN_COLUMN_WORDS = 3.5  # median words of a line, under which two blocks side by side are a table rather than columns


@dataclass(frozen=True)
class Line:
    """A line of a column: `right` is the column's right edge, `first` the width of its first word."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    height: float
    is_bold: bool
    first: float
    right: float = 0.0
    left: float = 0.0
    column: int = 0
    page: int = 0


def lines_of_words(
    words: Sequence[Word], *, bounds: tuple[float, float], page: int = 0
) -> list[Line]:
    """Return the lines of `words` in reading order; `bounds` are the left and right edges of the page or cell."""
    lines: list[Line] = []
    for column, (region, is_column) in enumerate(_regions(segments_of_words(words), depth=0)):
        rows = _rows(region)
        left = min(line.x0 for line in rows)
        right = _right_edge(rows, left, None if is_column else bounds)
        lines += [replace(line, left=left, right=right, column=column, page=page) for line in rows]
    return lines


def _right_edge(rows: Sequence[Line], left: float, bounds: tuple[float, float] | None) -> float:
    """Where lines were wrapped: at the edge that three of them reach, else at a margin as wide as the left one.

    In a column, `bounds` is None; elsewhere an edge in the page's first half only tells that people write short lines. Where a third of
    the lines end flush, as justified text does, a title or page number that ends a little further does not move the edge.
    """
    margin = max(line.x1 for line in rows) if bounds is None else bounds[1] - (left - bounds[0])
    nearest = left if bounds is None else left + _MIN_SPAN * (margin - left)
    edges, slack = (
        sorted((line.x1 for line in rows), reverse=True),
        1.2 * median(line.height for line in rows),
    )
    reached = (
        edge
        for edge in edges
        if edge >= nearest and sum(edge - slack < other <= edge for other in edges) >= 3
    )
    edge = next(reached, margin)
    flush, n_flush = Counter(round(line.x1) for line in rows).most_common(1)[0]
    is_justified = n_flush >= max(3, len(rows) / 3) and edge - slack < flush <= edge
    return max(line.x1 for line in rows if round(line.x1) == flush) if is_justified else edge


def segments_of_words(words: Sequence[Word]) -> list[Line]:
    """Return runs of words on one line, parted at wide gaps, from top to bottom and left to right."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: ((word.top + word.bottom) / 2, word.x0)):
        row = next((row for row in reversed(rows[-3:]) if _is_level(row, word)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    segments: list[Line] = []
    for row in rows:
        held: list[Word] = []
        for word in _without_marks(sorted(row, key=lambda word: word.x0)):
            if held and word.x0 - held[-1].x1 > _SEGMENT_GAP * max(word.height, held[-1].height):
                segments.append(_segment(held))
                held = []
            held.append(word)
        segments.append(_segment(held))
    return segments


def _without_marks(row: Sequence[Word]) -> Iterator[Word]:
    """The words of a line without the small raised numbers that call a note."""
    for above, word in pairwise([None, *row]):
        is_small = (
            above is not None
            and word is not None
            and word.height < _SMALL * above.height
            and word.top < above.top + 0.3 * above.height
        )
        if word is not None and not (is_small and word.text.isdigit() and len(word.text) <= 2):
            yield word


def _is_level(row: Sequence[Word], word: Word) -> bool:
    """True where `word` stands on the line of `row`: most of the lower of both boxes overlaps."""
    top, bottom = median(entry.top for entry in row), median(entry.bottom for entry in row)
    overlap = min(bottom, word.bottom) - max(top, word.top)
    return overlap > 0.5 * min(bottom - top, word.height)


def _segment(words: Sequence[Word]) -> Line:
    n_letters = sum(len(word.text) for word in words)
    n_bold = sum(len(word.text) for word in words if word.is_bold)
    heights = sorted(word.height for word in words for _ in word.text)
    return Line(
        " ".join(word.text for word in words),
        words[0].x0,
        words[-1].x1,
        min(word.top for word in words),
        max(word.bottom for word in words),
        heights[len(heights) // 2] if heights else words[0].height,
        n_bold >= 0.9 * n_letters,
        words[0].x1 - words[0].x0,
    )


def _regions(segments: list[Line], *, depth: int) -> list[tuple[list[Line], bool]]:
    """Runs of segments to be read one after the other, and whether each is a column; what lies between bands of columns is none."""
    ordered = sorted(segments, key=lambda line: (line.top, line.x0))
    usual = median(line.height for line in segments) if segments else 0.0
    gutter = _gutter(ordered, usual) if depth < _MAX_COLUMNS else None
    if gutter is None:
        return [(segments, depth > 0)] if segments else []
    regions: list[tuple[list[Line], bool]] = []
    flow: list[Line] = []
    for band in _bands(ordered, gutter, usual):
        if not _are_columns(band, gutter):
            flow += band
            continue
        regions += [(flow, False)] if flow else []
        regions += _regions([line for line in band if line.x1 <= gutter], depth=depth + 1)
        regions += _regions([line for line in band if line.x0 >= gutter], depth=depth + 1)
        flow = []
    return [*regions, (flow, False)] if flow else regions


def _bands(segments: Sequence[Line], gutter: float, usual: float) -> list[list[Line]]:
    """The segments from top to bottom, parted where one crosses `gutter` or a lone title stands, each of which is a band of its own."""
    bands: list[list[Line]] = [[]]
    for place, segment in enumerate(segments):
        is_title = (segment.is_bold or segment.height > _LARGER * usual) and _is_lone(
            segments, place, gutter
        )
        if is_title or segment.x0 < gutter < segment.x1:
            bands += [[segment], []]
        else:
            bands[-1].append(segment)
    return [band for band in bands if band]


def _is_lone(segments: Sequence[Line], place: int, gutter: float) -> bool:
    """True for a segment left of `gutter` that parts both columns: the right one ends no later above it, starts no sooner below."""
    segment = segments[place]
    if segment.x1 > gutter:
        return False
    above, below = (
        segments[max(0, place - _N_NEAR) : place],
        segments[place + 1 : place + 1 + _N_NEAR],
    )
    left_end = max((line.bottom for line in above if line.x1 <= gutter), default=0.0)
    right_end = max((line.bottom for line in above if line.x0 >= gutter), default=0.0)
    left_start = min((line.top for line in below if line.x1 <= gutter), default=math.inf)
    right_start = min((line.top for line in below if line.x0 >= gutter), default=math.inf)
    slack = 0.2 * segment.height
    if math.isinf(right_start) and not any(line.x0 < gutter < line.x1 for line in below):
        return False  # the left column merely goes on below the end of the right one
    return right_end <= min(left_end + slack, segment.top) and right_start >= left_start - slack


def _gutter(segments: Sequence[Line], usual: float) -> float | None:
    """The place of a blank strip between two columns of running text, where most lines stand beside it, or None."""
    starts = Counter(round(line.x0) for line in segments)
    scores: dict[float, int] = {}
    for start, n_lines in starts.most_common(_MAX_EDGES):
        if n_lines >= _MIN_COLUMN_LINES - 1:
            place = start - 1.0
            scores[place] = sum(
                len(band) for band in _bands(segments, place, usual) if _are_columns(band, place)
            )
    best = max(sorted(scores), key=lambda place: scores[place], default=None)
    return best if best is not None and scores[best] else None


def _are_columns(band: Sequence[Line], gutter: float) -> bool:
    """True where `band` is running text on both sides of `gutter`."""
    left = [line for line in band if line.x1 <= gutter]
    right = [line for line in band if line.x0 >= gutter]
    enough = min(len(left), len(right)) >= _MIN_COLUMN_LINES
    return enough and _is_running(left) and _is_running(right) and _stand_side_by_side(left, right)


def _is_running(lines: Sequence[Line]) -> bool:
    return median(len(line.text.split()) for line in lines) >= _MIN_COLUMN_WORDS


def _stand_side_by_side(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """True where the two blocks share half of the height of the lower one."""
    tops, bottoms = (
        [min(line.top for line in side) for side in (left, right)],
        [max(line.bottom for line in side) for side in (left, right)],
    )
    return min(bottoms) - max(tops) > 0.5 * min(bottoms[0] - tops[0], bottoms[1] - tops[1])


def _rows(segments: Sequence[Line]) -> list[Line]:
    """The segments of a region with those of one height joined into one line."""
    rows: list[Line] = []
    for segment in sorted(segments, key=lambda line: ((line.top + line.bottom) / 2, line.x0)):
        above = rows[-1] if rows else None
        if above and min(above.bottom, segment.bottom) - max(above.top, segment.top) > 0.5 * min(
            above.height, segment.height
        ):
            first, second = sorted((above, segment), key=lambda line: line.x0)
            rows[-1] = replace(
                first,
                text=f"{first.text} {second.text}",
                x1=max(first.x1, second.x1),
                top=min(first.top, second.top),
                bottom=max(first.bottom, second.bottom),
                is_bold=first.is_bold and second.is_bold,
            )
        else:
            rows.append(segment)
    return rows


_MARGIN = 0.11  # of the page's height at its top and bottom: where headers and footers stand
_PAGE_NUMBER = re.compile(
    r"^\W*(?:page|p\.?|folio)?\s*\d{1,4}\s*(?:(?:/|sur|de|of)\s*\d{1,4})?\W*$", re.IGNORECASE
)
_NUMBERED = re.compile(r"\bpage\s*\d{1,4}\s*(?:(?:/|sur|de)\s*\d{1,4})?\s*$", re.IGNORECASE)
_LOOSE = 1.45  # times the usual distance of lines: a new paragraph
_INDENT_STEP = 0.4  # of the height: the width that one column of typed indent stands for
_LETTER_WIDTH = 0.45  # of the height: a letter's usual width, to judge whether a word had room


def without_furniture(
    pages: Sequence[Sequence[Line]], heights: Sequence[float]
) -> tuple[list[list[Line]], list[str]]:
    """The pages' lines without page numbers and repeated headers and footers, and the text of each of these once."""
    keys = [
        [_furniture_key(line, height) for line in lines]
        for lines, height in zip(pages, heights, strict=True)
    ]
    counts = Counter(key for page in keys for key in set(page) if key)
    needed = max(2, (len(pages) + 1) // 2)
    repeated = {key for key, n_pages in counts.items() if n_pages >= needed}
    kept: list[list[Line]] = []
    dropped: list[str] = []
    for lines, page in zip(pages, keys, strict=True):
        is_furniture = [
            bool(key) and (key in repeated or _is_numbered(line.text))
            for line, key in zip(lines, page, strict=True)
        ]
        kept.append([line for line, goes in zip(lines, is_furniture, strict=True) if not goes])
        dropped += [
            clean(line.text) for line, goes in zip(lines, is_furniture, strict=True) if goes
        ]
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
        indent = " " * round(
            (group[0].x0 - (group[0].left or left)) / max(1.0, _INDENT_STEP * group[0].height)
        )
        drafts.append(
            Draft(
                indent + _joined(group, heard),
                is_strong=group[0].height > _LARGER * body or all(line.is_bold for line in group),
            )
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
    steps = [
        (below.top - above.top) / above.height
        for above, below in pairwise(lines)
        if _is_below(above, below)
    ]
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
    if (
        bullet_of(line.text)
        or is_label(above.text)
        or is_label(line.text)
        or _is_apart(above, line, leading)
    ):
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
    is_indented = (
        line.x0 - above.x0 > 0.7 * line.height and len(group) > 1 and not bullet_of(group[0].text)
    )
    return _is_full(above, line) and not (is_indented and is_finished(above.text))


def _is_full(above: Line, line: Line) -> bool:
    """True where the first word of `line` had no room at the end of `above`."""
    return (
        above.x1 + _LETTER_WIDTH * above.height * 0.6 + line.first
        > above.right + 0.2 * above.height
    )


def _is_hyphenated(text: str) -> bool:
    return text.endswith("\u00ad") or bool(re.search(r"[^\W\d_]-$", text))


def _joined(group: Sequence[Line], heard: Counter[str]) -> str:
    text = group[0].text
    for line in group[1:]:
        text = (
            _unhyphenated(text, line.text, heard) if _is_hyphenated(text) else f"{text} {line.text}"
        )
    return text


def _unhyphenated(above: str, below: str, heard: Counter[str]) -> str:
    """`above` and `below` as one: the hyphen goes unless it belongs to the word (« peut-être »), which its parts or the text tell."""
    first = re.search(r"([\w'’]+)[-\u00ad]$", above)
    second = re.match(r"[\w'’]+", below)
    if not first or not second or not below[0].islower():
        return f"{above.removesuffix(chr(0xAD))}{'-' if above.endswith(chr(0xAD)) and not below[:1].islower() else ''}{below}"
    start, end = first[1].lower(), second[0].lower()
    is_compound = (
        "'" in end.replace("’", "'")
        or heard[f"{start}-{end}"] > 0
        or start in _compound_starts()
        or end in _compound_ends()
    )
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
