"""What a page is made of, for any format: sections of paragraphs, lists, tables, figures and priorities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.publish.report.content import Priority, Quote


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `note` is small print, `lead` opens a section."""

    text: str
    style: Literal["body", "note", "lead"] = "body"


@dataclass(frozen=True)
class Callout:
    """A boxed warning."""

    title: str
    text: str


@dataclass(frozen=True)
class Terms:
    """Words and what they mean, one a line."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Facts:
    """Key figures: (number, what it counts)."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A captioned table; the first cell of a row is its header, `is_number` right-aligns a column, `widths` are shares of the page."""

    number: int
    caption: str
    columns: tuple[str, ...]
    is_number: tuple[bool, ...]
    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def label(self) -> str:
        """What the caption counts."""
        return "Tableau"


@dataclass(frozen=True)
class Figure:
    """A captioned chart: its Vega-Lite specification, and `alt` that says the same in words."""

    number: int
    caption: str
    alt: str
    spec: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What the caption counts."""
        return "Figure"


@dataclass(frozen=True)
class PriorityCard:
    """A priority in full: `facts` is one line of figures, `profile` draws its postures, `profile_alt` says them."""

    priority: Priority
    facts: str
    profile: Mapping[str, Any] | None
    profile_alt: str
    legend: tuple[tuple[str, str], ...]  # (colour, posture and count)


@dataclass(frozen=True)
class Quotes:
    """Passages in their own words, each with where it was said."""

    quotes: tuple[Quote, ...]


Block = Paragraph | Callout | Terms | Facts | Table | Figure | Quotes | PriorityCard


@dataclass(frozen=True)
class Section:
    """A heading of level 2 or 3 with its blocks; `anchor` is unique in the page. Level-2 sections may hold level-3 ones."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...] = ()
    starts_page: bool = False  # in a brief page; in a whole report every section does


@dataclass(frozen=True)
class Page:
    """A whole report as blocks; `notice` comes before the table of contents. A brief one has neither cover nor contents."""

    title: str
    subtitle: str
    made_at: str
    notice: Callout
    sections: tuple[Section, ...]
    is_brief: bool = False
