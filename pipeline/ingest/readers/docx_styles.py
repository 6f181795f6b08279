"""Read levels, numbers and weights from the styles and lists of Word."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

from pipeline.ingest.readers.wording import small_number

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MAX_STYLE_ANCESTORS = 30  # Word allows ten
LARGE = 28  # half-points: a title, bold or not
_OFF = frozenset({"0", "false", "off", "none"})
_HEADING_NAME = re.compile(r"^(?:heading|titre|title|rubrik)\s*(\d)?$", re.IGNORECASE)
_LIST_NAME = re.compile(
    r"^(?:list (?:bullet|number)|liste à (?:puces|numéros))\s*(\d)?$", re.IGNORECASE
)
_CONTENTS_NAME = re.compile(r"(?:toc|tm|table des matières) ?\d", re.IGNORECASE)
_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def value(element: etree._Element | None, path: str, default: str = "") -> str:
    """Return the `w:val` at `path` (local names joined by `/`), or `default`."""
    if element is None:
        return default
    child = element.find("/".join(W + name for name in path.split("/")))
    return default if child is None else child.get(W + "val", "true")


def is_on(properties: etree._Element | None, name: str) -> bool | None:
    """Return whether a toggle such as bold is on, None where `properties` do not set it."""
    toggle = None if properties is None else properties.find(W + name)
    return None if toggle is None else toggle.get(W + "val", "true").lower() not in _OFF


def outline_level(text: str) -> int:
    """Return heading level 1..6 from a written outline level 0..5, 0 for body text."""
    level = small_number(text, 9)
    return level + 1 if level < 6 else 0


@dataclass(frozen=True)
class WordStyle:
    """A paragraph style with what it inherits; `heading` is 0..6."""

    heading: int = 0
    is_title: bool = False
    list_id: str = ""
    list_level: int = 0
    is_bold: bool = False
    is_contents: bool = False


@dataclass
class WordStyles:
    """The paragraph styles by id."""

    by_id: dict[str, WordStyle] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> "WordStyles":
        """Return the styles of word/styles.xml, none if missing."""
        elements: dict[str, etree._Element] = {}
        if root is not None:
            elements = {style.get(W + "styleId", ""): style for style in root.iter(W + "style")}
        return cls({style_id: _style(style_id, elements) for style_id in elements})

    def get(self, style_id: str) -> WordStyle:
        """Return the style; the id of an undefined one may be a built-in name (« Titre1 »)."""
        return self.by_id.get(style_id) or style_of_name(style_id)


def _style(style_id: str, elements: dict[str, etree._Element]) -> WordStyle:
    chain: list[etree._Element] = []
    while (
        style_id in elements
        and len(chain) < MAX_STYLE_ANCESTORS
        and elements[style_id] not in chain
    ):
        chain.append(elements[style_id])
        style_id = value(chain[-1], "basedOn")
    named = first_named_style(value(element, "name") for element in chain)
    outlines = (value(element, "pPr/outlineLvl") for element in chain)
    numbered = next(
        (element for element in chain if element.find(f"{W}pPr/{W}numPr") is not None), None
    )
    weights = (is_on(element.find(W + "rPr"), "b") for element in chain)
    return WordStyle(
        heading=named.heading or outline_level(next(filter(None, outlines), "")),
        is_title=named.is_title,
        list_id=value(numbered, "pPr/numPr/numId") or named.list_id,
        list_level=small_number(value(numbered, "pPr/numPr/ilvl"), named.list_level),
        is_bold=next((weight for weight in weights if weight is not None), False),
        is_contents=any(_CONTENTS_NAME.match(value(element, "name")) for element in chain),
    )


def first_named_style(names: Iterable[str]) -> WordStyle:
    """Return the first built-in style of `names`, else a plain style."""
    styles = map(style_of_name, names)
    return next((style for style in styles if style != WordStyle()), WordStyle())


def style_of_name(name: str) -> WordStyle:
    """Return a built-in style by its English or French name, spaced or not."""
    spaced = re.sub(r"(?<=[^\W\d])(\d)$", r" \1", name.strip())
    heading = _HEADING_NAME.match(spaced)
    if heading:
        is_title = not heading[1] and spaced.lower() in ("title", "titre")
        return WordStyle(heading=min(6, max(1, int(heading[1] or 1))), is_title=is_title)
    spaced = re.sub(r"^List(?=[BN])", "List ", spaced)
    spaced = spaced.replace("Listepuces", "Liste à puces")
    list_name = _LIST_NAME.match(spaced.replace("Listenumros", "Liste à numéros"))
    if not list_name:
        return WordStyle()
    return WordStyle(list_id="style", list_level=int(list_name[1]) - 1 if list_name[1] else 0)


class ListLevel(NamedTuple):
    """A list level's number format, the text around it and its start."""

    kind: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass
class ListNumbering:
    """List definitions by list and level, and their counts."""

    levels: dict[tuple[str, int], ListLevel] = field(default_factory=dict)
    _counts: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> "ListNumbering":
        """Return the definitions of word/numbering.xml, none if missing."""
        levels: dict[tuple[str, int], ListLevel] = {}
        if root is None:
            return cls(levels)
        abstract = {
            entry.get(W + "abstractNumId", ""): entry for entry in root.iter(W + "abstractNum")
        }
        for entry in root.iter(W + "num"):
            definition = abstract.get(value(entry, "abstractNumId"))
            for level in () if definition is None else definition.iter(W + "lvl"):
                key = entry.get(W + "numId", ""), small_number(level.get(W + "ilvl", "0"))
                start = small_number(value(level, "start", "1"), 1)
                levels[key] = ListLevel(value(level, "numFmt"), value(level, "lvlText"), start)
        return cls(levels)

    def count(self, list_id: str, level: int) -> str:
        """Count an item; return its shown number (« 2. », « Question 3 ») or ""."""
        definition = self.levels.get((list_id, level), ListLevel())
        key = (list_id, level)
        self._counts[key] = self._counts.get(key, definition.start - 1) + 1
        for deeper in [key for key in self._counts if key[0] == list_id and key[1] > level]:
            del self._counts[deeper]
        if definition.kind in ("bullet", "none", ""):
            return ""
        return re.sub(
            r"%(\d)", lambda match: self._shown(list_id, int(match[1]) - 1), definition.text
        )

    def _shown(self, list_id: str, level: int) -> str:
        definition = self.levels.get((list_id, level), ListLevel("decimal"))
        number = self._counts.get((list_id, level), definition.start)
        if definition.kind in ("lowerLetter", "upperLetter"):
            letter = chr(ord("a") + (number - 1) % 26)
            return letter.upper() if definition.kind == "upperLetter" else letter
        if definition.kind in ("upperRoman", "lowerRoman"):
            return _roman(number)
        return str(number)


def _roman(number: int) -> str:
    shown = ""
    for worth, sign in _ROMAN:
        shown, number = shown + sign * (number // worth), number % worth
    return shown
