"""Put the words of a page into lines, in the order one reads them: column after column where there are columns.

In:   the words of a page
Out:  lines, each with the right edge of its column
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from pipeline.ingest.readers.pdf.page_words import Word

_SEGMENT_GAP = 1.5  # of the height: a wider gap parts what stands on one line
_MIN_COLUMN_LINES = 4
_SMALL = 0.8  # of the height: a sign beside a word that is smaller
_LARGER = 1.12  # times the usual height: a title
_MIN_SPAN = 0.6  # of the page between its margins: lines that end before were not wrapped at an edge
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


def lines_of_words(words: Sequence[Word], *, bounds: tuple[float, float], page: int = 0) -> list[Line]:
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
    edges, slack = sorted((line.x1 for line in rows), reverse=True), 1.2 * median(line.height for line in rows)
    reached = (edge for edge in edges if edge >= nearest and sum(edge - slack < other <= edge for other in edges) >= 3)
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
            above is not None and word is not None and word.height < _SMALL * above.height and word.top < above.top + 0.3 * above.height
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
        is_title = (segment.is_bold or segment.height > _LARGER * usual) and _is_lone(segments, place, gutter)
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
    above, below = segments[max(0, place - _N_NEAR) : place], segments[place + 1 : place + 1 + _N_NEAR]
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
            scores[place] = sum(len(band) for band in _bands(segments, place, usual) if _are_columns(band, place))
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
        if above and min(above.bottom, segment.bottom) - max(above.top, segment.top) > 0.5 * min(above.height, segment.height):
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
