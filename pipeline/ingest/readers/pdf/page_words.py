"""Read the words, comments and form fields of a PDF page with pdfium.

Positions are in points from the upper left corner as the page is read.
"""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import comment_blocks

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
        if run and (letter.turn == _BLANK or _is_apart(run[-1], letter, turn)):
            yield run
            run = []
        if letter.turn != _BLANK:
            run.append(letter)
    if run:
        yield run


def _is_apart(before: _Letter, letter: _Letter, turn: int) -> bool:
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
            comments += comment_blocks(_text(annotation, b"Contents"), _text(annotation, b"T"))
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
