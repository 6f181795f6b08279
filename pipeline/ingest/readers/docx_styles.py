"""What the styles and list definitions of a Word document say about a paragraph: heading or list level, number shown, weight.

In:   word/styles.xml and word/numbering.xml
Out:  Styles, Numbering
"""

import re
from dataclasses import dataclass, field

from lxml import etree

from pipeline.ingest.readers.wording import whole

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MAX_ANCESTORS = 30  # of a style: Word allows ten
_OFF = frozenset({"0", "false", "off", "none"})
_HEADING_NAME = re.compile(r"^(?:heading|titre|title|rubrik)\s*(\d)?$", re.IGNORECASE)
_LIST_NAME = re.compile(
    r"^(?:list (?:bullet|number)|liste à (?:puces|numéros))\s*(\d)?$", re.IGNORECASE
)


def value(element: etree._Element | None, path: str, default: str = "") -> str:
    """The `w:val` of the first element at `path` (prefix w: implied by `/`-joined local names), `default` where there is none."""
    found = (
        None if element is None else element.find("/".join(W + name for name in path.split("/")))
    )
    return default if found is None else found.get(W + "val", "true")


def is_on(properties: etree._Element | None, name: str) -> bool | None:
    """Whether a toggle such as bold is set on or off, None where `properties` do not speak of it."""
    found = None if properties is None else properties.find(W + name)
    return None if found is None else found.get(W + "val", "true").lower() not in _OFF


def outline_level(text: str) -> int:
    """The heading level 1..6 of an outline level as written (0..5), 0 for body text."""
    level = whole(text, 9)
    return level + 1 if level < 6 else 0


@dataclass(frozen=True)
class Style:
    """A paragraph style with what it inherits: `heading` 1..6 or 0, `list_id` and `list_level` of its numbering."""

    heading: int = 0
    is_title: bool = False
    list_id: str = ""
    list_level: int = 0
    is_bold: bool = False
    is_contents: bool = False  # a line of the table of contents, which repeats the headings


@dataclass
class Styles:
    """The paragraph styles by id."""

    by_id: dict[str, Style] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> "Styles":
        """The styles of word/styles.xml, none where the file is missing."""
        elements = (
            {}
            if root is None
            else {style.get(W + "styleId", ""): style for style in root.iter(W + "style")}
        )
        return cls({style_id: _style(style_id, elements) for style_id in elements})

    def get(self, style_id: str) -> Style:
        """The style, or a plain one where the document does not define it but its id may speak (« Titre1 »)."""
        return self.by_id.get(style_id) or _named(style_id)


def _style(style_id: str, elements: dict[str, etree._Element]) -> Style:
    """The style with what its ancestors set, nearest first."""
    chain: list[etree._Element] = []
    while style_id in elements and len(chain) < _MAX_ANCESTORS and elements[style_id] not in chain:
        chain.append(elements[style_id])
        style_id = value(chain[-1], "basedOn")
    named = next(
        (
            style
            for style in (_named(value(element, "name")) for element in chain)
            if style != Style()
        ),
        Style(),
    )
    outline = next(
        (value(element, "pPr/outlineLvl") for element in chain if value(element, "pPr/outlineLvl")),
        "",
    )
    heading = named.heading or outline_level(outline)
    numbered = next(
        (element for element in chain if element.find(f"{W}pPr/{W}numPr") is not None), None
    )
    level = value(numbered, "pPr/numPr/ilvl")
    bold = next(
        (
            flag
            for flag in (is_on(element.find(W + "rPr"), "b") for element in chain)
            if flag is not None
        ),
        False,
    )
    list_level = whole(level, named.list_level)
    is_contents = any(
        re.match(r"(?:toc|tm|table des matières) ?\d", value(element, "name"), re.IGNORECASE)
        for element in chain
    )
    return Style(
        heading,
        named.is_title,
        value(numbered, "pPr/numPr/numId") or named.list_id,
        list_level,
        bold,
        is_contents,
    )


def _named(name: str) -> Style:
    """What the name of a built-in style says, in English or French, with or without a space."""
    spaced = re.sub(r"(?<=[^\W\d])(\d)$", r" \1", name.strip())
    heading = _HEADING_NAME.match(spaced)
    if heading:
        is_title = not heading[1] and spaced.lower() in ("title", "titre")
        return Style(heading=min(6, max(1, int(heading[1] or 1))), is_title=is_title)
    listed = _LIST_NAME.match(
        re.sub(r"^List(?=[BN])", "List ", spaced)
        .replace("Listepuces", "Liste à puces")
        .replace("Listenumros", "Liste à numéros")
    )
    return (
        Style(list_id="style", list_level=int(listed[1]) - 1 if listed[1] else 0)
        if listed
        else Style()
    )


@dataclass
class Numbering:
    """The list definitions, and how far each list has counted."""

    formats: dict[tuple[str, int], tuple[str, str, int]] = field(
        default_factory=dict
    )  # (numId, level) → format, text, start
    _counts: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> "Numbering":
        """The definitions of word/numbering.xml, none where the file is missing."""
        if root is None:
            return cls()
        abstract = {
            entry.get(W + "abstractNumId", ""): entry for entry in root.iter(W + "abstractNum")
        }
        formats: dict[tuple[str, int], tuple[str, str, int]] = {}
        for entry in root.iter(W + "num"):
            for level in abstract.get(value(entry, "abstractNumId"), etree.Element("none")).iter(
                W + "lvl"
            ):
                depth, start = level.get(W + "ilvl", "0"), value(level, "start", "1")
                text = value(level, "lvlText")
                formats[entry.get(W + "numId", ""), whole(depth)] = (
                    value(level, "numFmt"),
                    text,
                    whole(start, 1),
                )
        return cls(formats)

    def count(self, list_id: str, level: int) -> str:
        """Count one more item and return the number shown before it (« 2. », « Question 3 »), "" for a bullet."""
        kind, text, start = self.formats.get((list_id, level), ("bullet", "", 1))
        self._counts[list_id, level] = self._counts.get((list_id, level), start - 1) + 1
        for deeper in [key for key in self._counts if key[0] == list_id and key[1] > level]:
            del self._counts[deeper]
        if kind in ("bullet", "none", ""):
            return ""
        return re.sub(r"%(\d)", lambda found: self._shown(list_id, int(found[1]) - 1), text)

    def _shown(self, list_id: str, level: int) -> str:
        kind, _, start = self.formats.get((list_id, level), ("decimal", "", 1))
        number = self._counts.get((list_id, level), start)
        if kind in ("lowerLetter", "upperLetter"):
            letter = chr(ord("a") + (number - 1) % 26)
            return letter.upper() if kind == "upperLetter" else letter
        return _roman(number) if kind in ("upperRoman", "lowerRoman") else str(number)


def _roman(number: int) -> str:
    signs = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    shown = ""
    for worth, sign in signs:
        shown, number = shown + sign * (number // worth), number % worth
    return shown
