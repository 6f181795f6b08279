"""What OpenDocument texts, workbooks and slides share: names, trees, styles.

In:   the bytes of a file
Out:  the trees of its content and styles, and what its styles say
"""

from dataclasses import dataclass, field

from lxml import etree

from pipeline.ingest.readers.container import Container, parse_xml
from pipeline.ingest.readers.source import Source, protected
from pipeline.ingest.readers.wording import whole

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"
FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_MAX_ANCESTORS = 30  # of a style
_LARGE = 14  # points: a title, even where it is not bold


def odf_trees(source: Source, what: str) -> tuple[etree._Element | None, etree._Element | None]:
    """The trees of the content and of the styles; a flat file (.fodt) has both in one."""
    if not source.content.startswith(b"PK"):
        flat = parse_xml(source.content, what)
        return flat, flat
    container = Container(source, what)
    refuse_encrypted(container)
    return container.xml("content.xml"), container.xml("styles.xml")


def refuse_encrypted(container: Container) -> None:
    """Raise `ReadError` where the container's manifest speaks of encryption."""
    if b"encryption-data" in container.read("META-INF/manifest.xml"):
        raise protected("document OpenDocument")


@dataclass
class OdfStyles:
    """The paragraph and character styles of a document: what each sets itself, and its parent."""

    by_name: dict[str, etree._Element] = field(default_factory=dict)
    numbers: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)  # by list style and level: before, after the number

    @classmethod
    def of(cls, *roots: etree._Element | None) -> "OdfStyles":
        """The styles defined below `roots`."""
        known = [root for root in roots if root is not None]
        found = (style for root in known for style in root.iter(STYLE + "style"))
        numbers = {
            (style.get(STYLE + "name", ""), whole(level.get(TEXT + "level", "1")) - 1): (
                level.get(STYLE + "num-prefix", ""),
                level.get(STYLE + "num-suffix", ""),
            )
            for root in known
            for style in root.iter(TEXT + "list-style")
            for level in style.findall(TEXT + "list-level-style-number")
            if level.get(STYLE + "num-format", "") and whole(level.get(TEXT + "level", "1"))
        }
        return cls({style.get(STYLE + "name", ""): style for style in found}, numbers)

    def chain(self, name: str) -> list[etree._Element]:
        """The style and its ancestors, nearest first."""
        found: list[etree._Element] = []
        while name in self.by_name and len(found) < _MAX_ANCESTORS and self.by_name[name] not in found:
            found.append(self.by_name[name])
            name = found[-1].get(STYLE + "parent-style-name", "")
        return found

    def is_bold(self, name: str, inherited: bool = False) -> bool:
        """Whether the style sets bold, underlines or sets a title's size; `inherited` where it does not say."""
        for style in self.chain(name):
            properties = style.find(STYLE + "text-properties")
            if properties is None:
                continue
            if properties.get(STYLE + "text-underline-style", "none") != "none":
                return True
            weight, size = properties.get(FO + "font-weight"), properties.get(FO + "font-size", "")
            if size.endswith("pt") and size[:-2].replace(".", "").isdigit() and float(size[:-2]) >= _LARGE:
                return True
            if weight:
                return weight not in ("normal", "400", "300")
        return inherited

    def is_hidden(self, name: str) -> bool:
        """Whether the style hides its text."""
        properties = [found for style in self.chain(name) if (found := style.find(STYLE + "text-properties")) is not None]
        return next((shown for found in properties if (shown := found.get(TEXT + "display"))), "") == "none"

    def title_level(self, name: str) -> int:
        """1 for the title styles, 1..6 for a style with an outline level or named « Heading 2 », 0 otherwise."""
        for style in self.chain(name):
            shown = style.get(STYLE + "display-name", style.get(STYLE + "name", "")).replace("_20_", " ").lower()
            level = style.get(STYLE + "default-outline-level", "") or (shown[-1] if shown.startswith(("heading ", "titre ")) else "")
            if 1 <= whole(level) <= 6:
                return whole(level)
            if shown in ("title", "titre", "titre principal", "subtitle", "sous-titre"):
                return 1
        return 0


def count_of(element: etree._Element, name: str) -> int:
    """A count of the table format, 1 where there is none."""
    value = element.get(TABLE + name, "1")
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 9 else 1
