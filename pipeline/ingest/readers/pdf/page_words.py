"""The words of a PDF page with their places, sizes and weights, from pdfium.

In:   a pdfium page
Out:  words, in points from the page's upper left corner as it is read

What people add over a PDF page: comments and notes, and what they type into the fields of a form.
"""

import ctypes
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import remark

_BOLD_NAMES = ("bold", "black", "heavy", "semibd", "demi", "-gras")
_BOLD_WEIGHT = 600
_GAP_SHARE = 0.28  # of the height: a wider gap ends a word even where the file has no space
_MIN_HEIGHT, _MAX_EDGE = (
    0.05,
    100_000,
)  # points: letters that nobody sees, and places beyond any page
_HYPHENS = {0x02: "-", 0xFFFE: "-"}  # what pdfium gives for any hyphen at the end of a line


@dataclass(frozen=True)
class Word:
    """A word: `x0`..`x1` and `top`..`bottom` in points; `height` is the font's, the same for all letters of a font and size."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    is_bold: bool = False

    @property
    def height(self) -> float:
        """Height of the font's box, a measure of the size."""
        return self.bottom - self.top

    @property
    def is_placed(self) -> bool:
        """True where the word has a size, and a place that a page can have."""
        return self.height > _MIN_HEIGHT and all(
            abs(edge) < _MAX_EDGE for edge in (self.x0, self.x1, self.top, self.bottom)
        )


@dataclass(frozen=True)
class PageWords:
    """A page: its words and its size in points, as it is read."""

    words: tuple[Word, ...]
    width: float
    height: float
    is_turned: bool = (
        False  # its content is rotated in the file, so that other programs' places differ
    )


@dataclass(frozen=True)
class _Letter:
    code: int
    x0: float
    x1: float
    y0: float  # lower edge, from the bottom of the page
    y1: float
    place: int
    turn: int  # quarter turns of the letter, 0 upright


def words_of_page(page: pdfium.PdfPage) -> PageWords:
    """Return the words of `page`; letters at another angle than most, such as a watermark, are left out."""
    text_page = page.get_textpage()
    letters = [*_letters(text_page)]
    turn = Counter(letter.turn for letter in letters if letter.turn >= 0).most_common(1)
    upright = turn[0][0] if turn else 0
    width, height = _box_size(page)
    shown = [letter for letter in letters if letter.turn in (upright, -1)]
    words = tuple(_words(text_page, shown, upright, width, height))
    return PageWords(
        words, *((height, width) if upright % 2 else (width, height)), is_turned=upright != 0
    )


def _box_size(page: pdfium.PdfPage) -> tuple[float, float]:
    left, bottom, right, top = page.get_mediabox()
    return right - min(0, left), top - min(0, bottom)


def _letters(text_page: pdfium.PdfTextPage) -> Iterator[_Letter]:
    """The characters of a page that show something, and blanks as letters with turn -1."""
    box = raw.FS_RECTF()
    for place in range(raw.FPDFText_CountChars(text_page)):
        code = raw.FPDFText_GetUnicode(text_page, place)
        if (
            code in (0x20, 0x0A, 0x0D, 0x09, 0xA0)
            or raw.FPDFText_IsGenerated(text_page, place) == 1
        ):
            yield _Letter(0x20, 0, 0, 0, 0, place, -1)
        elif (
            raw.FPDFText_GetLooseCharBox(text_page, place, ctypes.byref(box))
            and box.right > box.left
        ):
            angle = raw.FPDFText_GetCharAngle(text_page, place)
            turn = round(angle / (math.pi / 2)) % 4 if math.isfinite(angle) else 0
            yield _Letter(code, box.left, box.right, box.bottom, box.top, place, turn)


def _words(
    text_page: pdfium.PdfTextPage, letters: list[_Letter], turn: int, width: float, height: float
) -> Iterator[Word]:
    held: list[_Letter] = []
    for letter in letters:
        if held and (letter.turn < 0 or _is_apart(held[-1], letter, turn)):
            yield _word(text_page, held, turn, width, height)
            held = []
        if letter.turn >= 0:
            held.append(letter)
    if held:
        yield _word(text_page, held, turn, width, height)


def _is_apart(above: _Letter, letter: _Letter, turn: int) -> bool:
    """True where `letter` starts another word than `above`."""
    if turn:
        return abs((above.y0 + above.y1) - (letter.y0 + letter.y1)) > 2 * abs(
            above.y1 - above.y0
        ) + abs(above.x1 - above.x0)
    height = max(above.y1 - above.y0, 0.1)
    is_lower = abs((above.y0 + above.y1) - (letter.y0 + letter.y1)) > height
    return is_lower or letter.x0 - above.x1 > _GAP_SHARE * height or letter.x0 < above.x0 - height


def _word(
    text_page: pdfium.PdfTextPage, held: list[_Letter], turn: int, width: float, height: float
) -> Word:
    text = "".join(_HYPHENS.get(letter.code) or _sign(letter.code) for letter in held)
    left, right = min(letter.x0 for letter in held), max(letter.x1 for letter in held)
    low, high = min(letter.y0 for letter in held), max(letter.y1 for letter in held)
    x0, x1, top, bottom = {
        0: (left, right, height - high, height - low),
        1: (height - high, height - low, width - right, width - left),
        2: (width - right, width - left, low, high),
        3: (low, high, left, right),
    }[turn]
    return Word(text, x0, x1, top, bottom, _is_bold(text_page, held[0].place))


def _sign(code: int) -> str:
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _is_bold(text_page: pdfium.PdfTextPage, place: int) -> bool:
    if raw.FPDFText_GetFontWeight(text_page, place) >= _BOLD_WEIGHT:
        return True
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    raw.FPDFText_GetFontInfo(text_page, place, name, 128, ctypes.byref(flags))
    shown = name.value.decode("utf-8", errors="replace").lower()
    return any(mark in shown for mark in _BOLD_NAMES)


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
_LINE, _LETTER = 12.0, 0.5  # height of a typed line in points, width of a letter in heights


def annotations_of_page(
    page: pdfium.PdfPage, *, height: float, forms: pdfium.PdfFormEnv | None
) -> tuple[list[RawBlock], list[Word]]:
    """Return the comments on a page, and the words of its filled fields."""
    remarks: list[RawBlock] = []
    words: list[Word] = []
    for place in range(min(raw.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if kind in _COMMENTS:
            said = remark(_text(annotation, b"Contents"), _text(annotation, b"T"))
            remarks += [said] if said.text else []
        elif (
            kind == raw.FPDF_ANNOT_WIDGET
            and forms
            and raw.FPDFAnnot_GetFormFieldType(forms, annotation) in _FIELDS
        ):
            words += _field(annotation, forms, height)
        raw.FPDFPage_CloseAnnot(annotation)
    return remarks, words


def _text(annotation: object, key: bytes) -> str:
    return _read(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _read(fill: Callable[[object, int], int]) -> str:
    """A text that pdfium writes in UTF-16 into a buffer of the size that it asks for."""
    size = fill(None, 0)
    if size <= 2 or size > _MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    fill(ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", errors="replace").rstrip("\x00")


def _field(annotation: object, forms: pdfium.PdfFormEnv, height: float) -> Iterator[Word]:
    """The words of a field, spread over its lines as they are typed."""
    text = _read(
        lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(forms, annotation, buffer, size)
    )
    box = raw.FS_RECTF()
    if not text.strip() or not raw.FPDFAnnot_GetRect(annotation, ctypes.byref(box)):
        return
    lines = [
        line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()
    ]
    size = min(_LINE, abs(box.top - box.bottom) / len(lines))
    top = height - max(box.top, box.bottom)
    for order, line in enumerate(lines):
        x0 = box.left
        for word in line.split():
            x1 = x0 + _LETTER * size * len(word)
            yield Word(word, x0, x1, top + order * size * 1.2, top + order * size * 1.2 + size)
            x0 = x1 + _LETTER * size * 0.5
