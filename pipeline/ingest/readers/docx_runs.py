"""The text of a Word paragraph run by run: insertions in, deletions, fields' code and hidden text out.

In:   a paragraph
Out:  Runs
"""

from dataclasses import dataclass, field

from lxml import etree

from pipeline.ingest.readers.docx_styles import Styles, W, is_on, value
from pipeline.ingest.readers.wording import whole

MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
SKIPPED = frozenset(W + name for name in ("del", "moveFrom", "delText", "instrText", "pPr", "rPr", "annotationRef", "sdtPr", "rt"))
_TEXT = {W + "tab": "\t", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": "\t"}
_LARGE = 28  # half-points: a title, even where it is not bold
_ARROWS = {"F0E0": "→", "F0E8": "→", "F0E2": "↑", "F0E4": "↗"}


def is_placeholder(element: etree._Element) -> bool:
    """True for a form field that still shows its own prompt, such as « Cliquez ici pour taper du texte »."""
    return element.tag == W + "sdt" and element.find(f"{W}sdtPr/{W}showingPlcHdr") is not None


@dataclass
class Runs:
    """The text of one paragraph, and what is called from it."""

    styles: Styles
    text: str = ""
    n_strong: int = 0
    n_plain: int = 0
    boxes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_strong(self) -> bool:
        """True where all the letters are in bold or underlined."""
        return self.n_strong > 0 and self.n_plain == 0

    def walk(self, parent: etree._Element, *, is_bold: bool) -> None:
        """Add the text below `parent`; `is_bold` is the weight that it inherits."""
        for element in parent:
            tag = element.tag
            if not isinstance(tag, str) or tag in SKIPPED or is_placeholder(element):
                continue
            if tag == W + "r":
                self._run(element, is_bold)
            elif tag in (W + "t", _MATH_TEXT):
                self._add(element.text or "", is_bold)
            elif tag == W + "br":
                self.text += " " if element.get(W + "type") in ("page", "column") else "\n"
            elif tag in _TEXT:
                self.text += _TEXT[tag]
            elif tag == W + "sym":
                self.text += _ARROWS.get(element.get(W + "char", "").upper(), " ")
            elif tag == W + "txbxContent":
                self.boxes.append(element)
            elif tag in (W + "footnoteReference", W + "endnoteReference", W + "commentReference"):
                self.notes.append((tag.removeprefix(W).removesuffix("Reference"), element.get(W + "id", "")))
            elif tag == MC + "AlternateContent":
                choice = element.find(MC + "Choice")
                self.walk(element if choice is None else choice, is_bold=is_bold)
            else:
                self.walk(element, is_bold=is_bold)

    def _run(self, element: etree._Element, is_bold: bool) -> None:
        properties = element.find(W + "rPr")
        if is_on(properties, "vanish"):
            return
        own = True if is_on(properties, "u") else is_on(properties, "b")
        inherited = is_bold or self.styles.get(value(properties, "rStyle")).is_bold
        size = value(properties, "sz", "0")
        self.walk(element, is_bold=(inherited if own is None else own) or whole(size) >= _LARGE)

    def _add(self, text: str, is_bold: bool) -> None:
        self.text += text
        n_letters = sum(letter.isalpha() for letter in text)
        self.n_strong += n_letters if is_bold else 0
        self.n_plain += 0 if is_bold else n_letters
