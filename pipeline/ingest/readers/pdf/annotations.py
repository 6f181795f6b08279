"""What people add over a PDF page: comments and notes, and what they type into the fields of a form.

In:   a pdfium page and the environment of its forms
Out:  blocks of comments, and the words of filled fields at their places
"""

import ctypes
from collections.abc import Callable, Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.pdf.page_words import Word
from pipeline.ingest.readers.remarks import remark

_COMMENTS = frozenset(
    {raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_UNDERLINE, raw.FPDF_ANNOT_STAMP}
)
_FIELDS = frozenset({raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX})
_MAX_ANNOTATIONS, _MAX_BYTES = 2000, 200_000
_LINE, _LETTER = 12.0, 0.5  # height of a typed line in points, width of a letter in heights


def annotations_of_page(page: pdfium.PdfPage, *, height: float, forms: pdfium.PdfFormEnv | None) -> tuple[list[RawBlock], list[Word]]:
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
        elif kind == raw.FPDF_ANNOT_WIDGET and forms and raw.FPDFAnnot_GetFormFieldType(forms, annotation) in _FIELDS:
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
    text = _read(lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(forms, annotation, buffer, size))
    box = raw.FS_RECTF()
    if not text.strip() or not raw.FPDFAnnot_GetRect(annotation, ctypes.byref(box)):
        return
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
    size = min(_LINE, abs(box.top - box.bottom) / len(lines))
    top = height - max(box.top, box.bottom)
    for order, line in enumerate(lines):
        x0 = box.left
        for word in line.split():
            x1 = x0 + _LETTER * size * len(word)
            yield Word(word, x0, x1, top + order * size * 1.2, top + order * size * 1.2 + size)
            x0 = x1 + _LETTER * size * 0.5
