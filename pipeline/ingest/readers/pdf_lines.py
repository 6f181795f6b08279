"""Read the words of PDF pages with pdfium; put them into lines in reading order and paragraphs.

Positions are in points from the upper left corner as the page is read.
"""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import Draft, comment_blocks, is_label
from pipeline.ingest.words import bullet_of, clean, is_finished, lexicon_words, runs_on, starts_low

_BOLD_NAMES = ("bold", "black", "heavy", "semibd", "demi", "-gras")
_BOLD_WEIGHT = 600
_GAP_SHARE = 0.28  # of the height: a wider gap ends a word, even without a space
_MIN_HEIGHT = 0.05  # points: smaller letters are invisible
_MAX_EDGE = 100_000  # points: beyond any page
_BLANK = -1  # turn of a blank
_BLANKS = frozenset({0x20, 0x0A, 0x0D, 0x09, 0xA0})
_HYPHENS = {0x02: "-", 0xFFFE: "-"}  # at a line end
_COMMENTS = frozenset(
    {
        raw.FPDF_ANNOT_TEXT,
        raw.FPDF_ANNOT_FREETEXT,
        raw.FPDF_ANNOT_HIGHLIGHT,
        raw.FPDF_ANNOT_UNDERLINE,
        raw.FPDF_ANNOT_STAMP,
    }
)
_FIELDS = frozenset({raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX})
_MAX_ANNOTATIONS, _MAX_BYTES = 2000, 200_000
_TYPED_HEIGHT = 12.0  # points, a typed line
_TYPED_WIDTH = 0.5  # heights, a typed letter

_SEGMENT_GAP = 1.5  # of the height: a wider gap splits a line
_MIN_COLUMN_LINES = 4
_SMALL = 0.8  # of the height: a smaller sign beside a word
_LARGER = 1.12  # times the usual height: a title
# Of the page between its margins: shorter lines were not wrapped at an edge.
_MIN_SPAN = 0.6
_N_NEAR = 10  # segments around a title that show whether it is alone
_MAX_EDGES = 40  # left edges tried for a column, most lines first
_MAX_COLUMNS = 3  # nested splits of a column
# With fewer median words in a line, blocks side by side are a table.
_MIN_COLUMN_WORDS = 3.5
_MARGIN = 0.11  # of the page's height, for headers and footers
_LOOSE = 1.45  # times the usual line distance: a new paragraph
_INDENT_STEP = 0.4  # of the height: one column of typed indent
_LETTER_WIDTH = 0.45  # of the height: a usual letter
_SOFT_HYPHEN = "\u00ad"
_PAGE_NUMBER = re.compile(
    r"^\W*(?:page|p\.?|folio)?\s*\d{1,4}\s*(?:(?:/|sur|de|of)\s*\d{1,4})?\W*$", re.IGNORECASE
)
_NUMBERED_FOOTER = re.compile(r"\bpage\s*\d{1,4}\s*(?:(?:/|sur|de)\s*\d{1,4})?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class PdfWord:
    """A word and its box in points; its height depends only on font and size."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    is_bold: bool = False

    @property
    def height(self) -> float:
        """Return the height of the font's box."""
        return self.bottom - self.top

    @property
    def is_visible(self) -> bool:
        """Whether the word has a size and a possible position."""
        edges = (self.x0, self.x1, self.top, self.bottom)
        return self.height > _MIN_HEIGHT and all(abs(edge) < _MAX_EDGE for edge in edges)


@dataclass(frozen=True)
class PageWords:
    """The words of a page and its size in points."""

    words: tuple[PdfWord, ...]
    width: float
    height: float
    is_turned: bool = False  # in the file: other programs' positions differ


class _Letter(NamedTuple):
    code: int
    x0: float
    x1: float
    y0: float  # lower edge, from the page's bottom
    y1: float
    position: int  # in the page's text
    turn: int  # quarter turns, 0 upright


def words_of_page(page: pdfium.PdfPage) -> PageWords:
    """Return the words, without letters at an unusual angle (a watermark)."""
    text_page = page.get_textpage()
    letters = list(_letters(text_page))
    turns = Counter(letter.turn for letter in letters if letter.turn != _BLANK).most_common(1)
    turn = turns[0][0] if turns else 0
    left, bottom, right, top = page.get_mediabox()
    width, height = right - min(0, left), top - min(0, bottom)
    shown = [letter for letter in letters if letter.turn in (turn, _BLANK)]
    words = tuple(_word(text_page, run, width, height) for run in _runs(shown, turn))
    if turn % 2:
        width, height = height, width
    return PageWords(words, width, height, is_turned=turn != 0)


def _letters(text_page: pdfium.PdfTextPage) -> Iterator[_Letter]:
    box = raw.FS_RECTF()
    for i in range(raw.FPDFText_CountChars(text_page)):
        code = raw.FPDFText_GetUnicode(text_page, i)
        if code in _BLANKS or raw.FPDFText_IsGenerated(text_page, i) == 1:
            yield _Letter(0x20, 0, 0, 0, 0, i, _BLANK)
        elif raw.FPDFText_GetLooseCharBox(text_page, i, ctypes.byref(box)) and box.right > box.left:
            angle = raw.FPDFText_GetCharAngle(text_page, i)
            turn = round(angle / (math.pi / 2)) % 4 if math.isfinite(angle) else 0
            yield _Letter(code, box.left, box.right, box.bottom, box.top, i, turn)


def _runs(letters: list[_Letter], turn: int) -> Iterator[list[_Letter]]:
    run: list[_Letter] = []
    for letter in letters:
        if run and (letter.turn == _BLANK or _is_another_word(run[-1], letter, turn)):
            yield run
            run = []
        if letter.turn != _BLANK:
            run.append(letter)
    if run:
        yield run


def _is_another_word(before: _Letter, letter: _Letter, turn: int) -> bool:
    offset = abs((before.y0 + before.y1) - (letter.y0 + letter.y1))
    if turn:
        return offset > 2 * abs(before.y1 - before.y0) + abs(before.x1 - before.x0)
    height = max(before.y1 - before.y0, 0.1)
    return (
        offset > height
        or letter.x0 - before.x1 > _GAP_SHARE * height
        or letter.x0 < before.x0 - height
    )


def _word(
    text_page: pdfium.PdfTextPage, run: list[_Letter], width: float, height: float
) -> PdfWord:
    text = "".join(_HYPHENS.get(letter.code) or _sign(letter.code) for letter in run)
    left, right = min(letter.x0 for letter in run), max(letter.x1 for letter in run)
    low, high = min(letter.y0 for letter in run), max(letter.y1 for letter in run)
    x0, x1, top, bottom = (
        (left, right, height - high, height - low),
        (height - high, height - low, width - right, width - left),
        (width - right, width - left, low, high),
        (low, high, left, right),
    )[run[0].turn]
    return PdfWord(text, x0, x1, top, bottom, _is_bold(text_page, run[0].position))


def _sign(code: int) -> str:
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _is_bold(text_page: pdfium.PdfTextPage, index: int) -> bool:
    if raw.FPDFText_GetFontWeight(text_page, index) >= _BOLD_WEIGHT:
        return True
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    raw.FPDFText_GetFontInfo(text_page, index, name, 128, ctypes.byref(flags))
    font = name.value.decode("utf-8", errors="replace").lower()
    return any(mark in font for mark in _BOLD_NAMES)


def annotations_of_page(
    page: pdfium.PdfPage, *, height: float, forms: pdfium.PdfFormEnv | None
) -> tuple[list[RawBlock], list[PdfWord]]:
    """Return a page's comments, and the words of its filled fields."""
    comments: list[RawBlock] = []
    words: list[PdfWord] = []
    for i in range(min(raw.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, i)
        if not annotation:
            continue
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if kind in _COMMENTS:
            comments += comment_blocks(_text(annotation, b"Contents"))
        elif (
            kind == raw.FPDF_ANNOT_WIDGET
            and forms
            and raw.FPDFAnnot_GetFormFieldType(forms, annotation) in _FIELDS
        ):
            words += _field_words(annotation, forms, height)
        raw.FPDFPage_CloseAnnot(annotation)
    return comments, words


def _text(annotation: object, key: bytes) -> str:
    return _read(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _read(fill: Callable[[object, int], int]) -> str:
    """Read UTF-16 text that pdfium writes into a buffer of the size it asks for."""
    size = fill(None, 0)
    if size <= 2 or size > _MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    fill(ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", errors="replace").rstrip("\x00")


def _field_words(
    annotation: object, forms: pdfium.PdfFormEnv, page_height: float
) -> Iterator[PdfWord]:
    text = _read(
        lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(forms, annotation, buffer, size)
    )
    box = raw.FS_RECTF()
    if not text.strip() or not raw.FPDFAnnot_GetRect(annotation, ctypes.byref(box)):
        return
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    height = min(_TYPED_HEIGHT, abs(box.top - box.bottom) / len(lines))
    top = page_height - max(box.top, box.bottom)
    for line in lines:
        x0 = box.left
        for word in line.split():
            x1 = x0 + _TYPED_WIDTH * height * len(word)
            yield PdfWord(word, x0, x1, top, top + height)
            x0 = x1 + _TYPED_WIDTH * height * 0.5
        top += height * 1.2


@dataclass(frozen=True)
class PdfLine:
    """A line in a column from `left` to `right`; `first` is its first word's width."""

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
    words: Sequence[PdfWord], *, bounds: tuple[float, float], page: int = 0
) -> list[PdfLine]:
    """Return lines in reading order; `bounds` are the edges of the page or cell."""
    lines: list[PdfLine] = []
    for column, (region, is_column) in enumerate(_regions(segments_of_words(words), depth=0)):
        rows = _joined_segments(region)
        left = min(line.x0 for line in rows)
        right = _right_edge(rows, left, None if is_column else bounds)
        lines += [replace(line, left=left, right=right, column=column, page=page) for line in rows]
    return lines


def segments_of_words(words: Sequence[PdfWord]) -> list[PdfLine]:
    """Return runs of words split at wide gaps, from top to bottom, left to right."""
    rows: list[list[PdfWord]] = []
    for word in sorted(words, key=lambda word: ((word.top + word.bottom) / 2, word.x0)):
        row = next((row for row in reversed(rows[-3:]) if _is_level(row, word)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    segments: list[PdfLine] = []
    for row in rows:
        run: list[PdfWord] = []
        for word in _without_note_marks(sorted(row, key=lambda word: word.x0)):
            if run and word.x0 - run[-1].x1 > _SEGMENT_GAP * max(word.height, run[-1].height):
                segments.append(_segment(run))
                run = []
            run.append(word)
        segments.append(_segment(run))
    return segments


def _is_level(row: Sequence[PdfWord], word: PdfWord) -> bool:
    """Whether `word` is on the line of `row`: most of the lower of both boxes overlaps."""
    top, bottom = median(other.top for other in row), median(other.bottom for other in row)
    overlap = min(bottom, word.bottom) - max(top, word.top)
    return overlap > 0.5 * min(bottom - top, word.height)


def _without_note_marks(row: Sequence[PdfWord]) -> Iterator[PdfWord]:
    yield from row[:1]
    for before, word in pairwise(row):
        is_raised = (
            word.height < _SMALL * before.height and word.top < before.top + 0.3 * before.height
        )
        if not (is_raised and word.text.isdigit() and len(word.text) <= 2):
            yield word


def _segment(words: Sequence[PdfWord]) -> PdfLine:
    n_letters = sum(len(word.text) for word in words)
    n_bold = sum(len(word.text) for word in words if word.is_bold)
    heights = sorted(word.height for word in words for _ in word.text)
    return PdfLine(
        text=" ".join(word.text for word in words),
        x0=words[0].x0,
        x1=words[-1].x1,
        top=min(word.top for word in words),
        bottom=max(word.bottom for word in words),
        height=heights[len(heights) // 2] if heights else words[0].height,
        is_bold=n_bold >= 0.9 * n_letters,
        first=words[0].x1 - words[0].x0,
    )


def _regions(segments: list[PdfLine], *, depth: int) -> list[tuple[list[PdfLine], bool]]:
    """Return runs of segments in reading order, and whether each is a column."""
    ordered = sorted(segments, key=lambda line: (line.top, line.x0))
    usual = median(line.height for line in segments) if segments else 0.0
    gutter = _gutter(ordered, usual) if depth < _MAX_COLUMNS else None
    if gutter is None:
        return [(segments, depth > 0)] if segments else []
    regions: list[tuple[list[PdfLine], bool]] = []
    flow: list[PdfLine] = []  # between bands of columns
    for band in _bands(ordered, gutter, usual):
        if not _are_columns(band, gutter):
            flow += band
            continue
        regions += [(flow, False)] if flow else []
        regions += _regions([line for line in band if line.x1 <= gutter], depth=depth + 1)
        regions += _regions([line for line in band if line.x0 >= gutter], depth=depth + 1)
        flow = []
    return [*regions, (flow, False)] if flow else regions


def _gutter(segments: Sequence[PdfLine], usual: float) -> float | None:
    """Return the blank strip between two text columns, or None."""
    starts = Counter(round(line.x0) for line in segments)
    n_lines_by_gutter: dict[float, int] = {}
    for start, n_lines in starts.most_common(_MAX_EDGES):
        if n_lines >= _MIN_COLUMN_LINES - 1:
            gutter = start - 1.0
            bands = _bands(segments, gutter, usual)
            n_lines_by_gutter[gutter] = sum(
                len(band) for band in bands if _are_columns(band, gutter)
            )
    best = max(
        sorted(n_lines_by_gutter), key=lambda gutter: n_lines_by_gutter[gutter], default=None
    )
    return best if best is not None and n_lines_by_gutter[best] else None


def _bands(segments: Sequence[PdfLine], gutter: float, usual: float) -> list[list[PdfLine]]:
    """Split the segments at each that crosses `gutter` and at each lone title."""
    bands: list[list[PdfLine]] = [[]]
    for i, segment in enumerate(segments):
        stands_out = segment.is_bold or segment.height > _LARGER * usual
        if (stands_out and _is_lone(segments, i, gutter)) or segment.x0 < gutter < segment.x1:
            bands += [[segment], []]
        else:
            bands[-1].append(segment)
    return [band for band in bands if band]


def _is_lone(segments: Sequence[PdfLine], i: int, gutter: float) -> bool:
    """Whether a segment left of `gutter` separates both columns.

    The right column must end no later than the left one above it, and start no sooner below.
    """
    segment = segments[i]
    if segment.x1 > gutter:
        return False
    above, below = segments[max(0, i - _N_NEAR) : i], segments[i + 1 : i + 1 + _N_NEAR]
    left_end = max((line.bottom for line in above if line.x1 <= gutter), default=0.0)
    right_end = max((line.bottom for line in above if line.x0 >= gutter), default=0.0)
    left_start = min((line.top for line in below if line.x1 <= gutter), default=math.inf)
    right_start = min((line.top for line in below if line.x0 >= gutter), default=math.inf)
    if math.isinf(right_start) and not any(line.x0 < gutter < line.x1 for line in below):
        return False  # the left column continues below the right one's end
    slack = 0.2 * segment.height
    return right_end <= min(left_end + slack, segment.top) and right_start >= left_start - slack


def _are_columns(band: Sequence[PdfLine], gutter: float) -> bool:
    """Whether both sides of `gutter` are running text, side by side."""
    left = [line for line in band if line.x1 <= gutter]
    right = [line for line in band if line.x0 >= gutter]
    if min(len(left), len(right)) < _MIN_COLUMN_LINES:
        return False
    sides = (left, right)
    if any(median(len(line.text.split()) for line in side) < _MIN_COLUMN_WORDS for side in sides):
        return False
    tops = [min(line.top for line in side) for side in sides]
    bottoms = [max(line.bottom for line in side) for side in sides]
    shared = min(bottoms) - max(tops)
    return shared > 0.5 * min(bottoms[0] - tops[0], bottoms[1] - tops[1])


def _joined_segments(segments: Sequence[PdfLine]) -> list[PdfLine]:
    rows: list[PdfLine] = []
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


def _right_edge(rows: Sequence[PdfLine], left: float, bounds: tuple[float, float] | None) -> float:
    """Return the edge that three lines reach, else a margin equal to the left one.

    `bounds` is None in a column; elsewhere an edge in the page's first half only means short lines.
    Where a third of the lines end flush, as in justified text, a title or page number that ends a
    little further does not move the edge.
    """
    ends = sorted((line.x1 for line in rows), reverse=True)
    margin = ends[0] if bounds is None else bounds[1] - (left - bounds[0])
    nearest = left if bounds is None else left + _MIN_SPAN * (margin - left)
    slack = 1.2 * median(line.height for line in rows)
    reached = (
        end
        for end in ends
        if end >= nearest and sum(end - slack < other <= end for other in ends) >= 3
    )
    edge = next(reached, margin)
    flush, n_flush = Counter(round(line.x1) for line in rows).most_common(1)[0]
    is_justified = n_flush >= max(3, len(rows) / 3) and edge - slack < flush <= edge
    return max(line.x1 for line in rows if round(line.x1) == flush) if is_justified else edge


def without_furniture(
    pages: Sequence[Sequence[PdfLine]], heights: Sequence[float]
) -> tuple[list[list[PdfLine]], list[str]]:
    """Return the pages' lines without page furniture, and the furniture once each.

    A margin line is furniture if it is a page number, or if half of the pages repeat it, whatever
    its numbers.
    """
    keys = [
        [_furniture_key(line, height) for line in lines]
        for lines, height in zip(pages, heights, strict=True)
    ]
    n_pages_by_key = Counter(key for page in keys for key in set(page) if key)
    least = max(2, (len(pages) + 1) // 2)
    body: list[list[PdfLine]] = []
    furniture: dict[str, None] = {}
    for lines, page_keys in zip(pages, keys, strict=True):
        body.append([])
        for line, key in zip(lines, page_keys, strict=True):
            is_repeated = n_pages_by_key[key] >= least
            if key and (is_repeated or _is_numbered(line.text)):
                furniture[clean(line.text)] = None
            else:
                body[-1].append(line)
    return body, [text for text in furniture if not _PAGE_NUMBER.match(text)]


def _furniture_key(line: PdfLine, height: float) -> str:
    """Return a margin line with its numbers masked, "" for a body line."""
    in_margin = line.bottom < _MARGIN * height or line.top > (1 - _MARGIN) * height
    return re.sub(r"\d+", "0", clean(line.text).lower()) if in_margin else ""


def _is_numbered(text: str) -> bool:
    return bool(_PAGE_NUMBER.match(text) or _NUMBERED_FOOTER.search(text))


def drafts_of_lines(lines: Sequence[PdfLine], *, body: float | None = None) -> list[Draft]:
    """Return drafts, with the lines of each paragraph joined.

    A draft is strong by weight, or by size over `body` (default: the usual height).
    """
    if not lines:
        return []
    body = usual_height(lines) if body is None else body
    leading = _leading(lines)
    n_by_word = Counter(re.findall(r"[\w'’-]+", " ".join(line.text for line in lines).lower()))
    left = min(line.x0 for line in lines)
    groups: list[list[PdfLine]] = [[lines[0]]]
    for line in lines[1:]:
        if _goes_on(groups[-1], line, leading):
            groups[-1].append(line)
        else:
            groups.append([line])
    drafts: list[Draft] = []
    for i, group in enumerate(groups):
        first = group[0]
        if i and _is_apart(groups[i - 1][-1], first, leading):
            drafts.append(Draft(""))
        step = max(1.0, _INDENT_STEP * first.height)
        indent = " " * round((first.x0 - (first.left or left)) / step)
        is_strong = first.height > _LARGER * body or all(line.is_bold for line in group)
        drafts.append(Draft(indent + _joined_text(group, n_by_word), is_strong=is_strong))
    return drafts


def usual_height(lines: Sequence[PdfLine] | Sequence[PdfWord]) -> float:
    """Return the font height of most letters, 0 for none."""
    n_letters: Counter[float] = Counter()
    for line in lines:
        n_letters[round(line.height * 2) / 2] += len(line.text)
    return n_letters.most_common(1)[0][0] if n_letters else 0.0


def _leading(lines: Sequence[PdfLine]) -> float:
    """Return the usual distance between line tops in a paragraph, in heights."""
    steps = [
        (below.top - above.top) / above.height
        for above, below in pairwise(lines)
        if _is_below(above, below)
    ]
    near = sorted(step for step in steps if 0.5 < step < 3)
    return median(near[: max(1, 2 * len(near) // 3)]) if near else 1.2


def _is_below(above: PdfLine, line: PdfLine) -> bool:
    return above.page == line.page and above.column == line.column and line.top > above.top


def _is_apart(above: PdfLine, line: PdfLine, leading: float) -> bool:
    return _is_below(above, line) and (line.top - above.top) / above.height > _LOOSE * leading


def _goes_on(group: Sequence[PdfLine], line: PdfLine, leading: float) -> bool:
    above = group[-1]
    if (
        bullet_of(line.text)
        or is_label(above.text)
        or is_label(line.text)
        or _is_apart(above, line, leading)
        or _is_set_otherwise(group, line)
    ):
        return False
    is_hyphenated = _is_hyphenated(above.text)
    if not _is_below(above, line):  # next column or page
        runs_over = is_hyphenated or (starts_low(line.text) and _is_full(above, line))
        return runs_over and not is_finished(above.text) and not above.is_bold
    if is_hyphenated or runs_on(above.text, line.text):
        return True
    is_indented = (
        line.x0 - above.x0 > 0.7 * line.height and len(group) > 1 and not bullet_of(group[0].text)
    )
    return _is_full(above, line) and not (is_indented and is_finished(above.text))


def _is_set_otherwise(group: Sequence[PdfLine], line: PdfLine) -> bool:
    above = group[-1]
    if abs(line.height - above.height) > (_LARGER - 1) * above.height:
        return True
    return line.is_bold != above.is_bold and (line.is_bold or all(other.is_bold for other in group))


def _is_full(above: PdfLine, line: PdfLine) -> bool:
    """Whether the first word of `line` had no room at the end of `above`."""
    end = above.x1 + _LETTER_WIDTH * above.height * 0.6 + line.first
    return end > above.right + 0.2 * above.height


def _is_hyphenated(text: str) -> bool:
    return text.endswith(_SOFT_HYPHEN) or bool(re.search(r"[^\W\d_]-$", text))


def _joined_text(group: Sequence[PdfLine], n_by_word: Counter[str]) -> str:
    text = group[0].text
    for line in group[1:]:
        if _is_hyphenated(text):
            text = _unhyphenated(text, line.text, n_by_word)
        else:
            text = f"{text} {line.text}"
    return text


def _unhyphenated(above: str, below: str, n_by_word: Counter[str]) -> str:
    """Join both without the hyphen, unless it is part of the word, as in « peut-être ».

    The rest of the text or the word's parts decide.
    """
    is_soft = above.endswith(_SOFT_HYPHEN)
    first = re.search(r"([\w'’]+)[-\u00ad]$", above)
    second = re.match(r"[\w'’]+", below)
    if not first or not second or not below[0].islower():
        hyphen = "-" if is_soft and not below[:1].islower() else ""
        return above.removesuffix(_SOFT_HYPHEN) + hyphen + below
    start, end = first[1].lower(), second[0].lower()
    is_compound = (
        "'" in end.replace("’", "'")
        or n_by_word[f"{start}-{end}"] > 0
        or f"{start}-" in lexicon_words("traits_union")
        or f"-{end}" in lexicon_words("traits_union")
    )
    keeps = is_compound and not n_by_word[start + end] and not is_soft
    return above[:-1] + ("-" if keeps else "") + below
