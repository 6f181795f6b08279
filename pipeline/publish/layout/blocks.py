"""What a page is made of, for any format: sections of paragraphs, lists, tables, figures and priorities.

Number the tables and figures of a page in the order they are made, which is the order they are read.

How much of a large study a report tells one by one, so that a study of a hundred workshops is still a document that opens and is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.publish.report.content import Priority, Quote, Report
from pipeline.publish.text import count, sentence, texts, typography


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


class Numbering:
    """Makes captioned tables and figures, each with the next number of its kind."""

    def __init__(self) -> None:
        self._n_tables = self._n_figures = 0

    def table(
        self,
        caption: str,
        columns: Mapping[str, float],
        rows: Sequence[Sequence[str]],
        numbers: Sequence[str] = (),
    ) -> Table:
        """A table whose `columns`, keys of textes.yaml or words, have a share of the width; those in `numbers` are right-aligned."""
        self._n_tables += 1
        heads = texts()["colonnes"]
        return Table(
            number=self._n_tables,
            caption=caption,
            columns=tuple(typography(heads.get(name, name)) for name in columns),
            is_number=tuple(name in numbers for name in columns),
            widths=tuple(width / sum(columns.values()) for width in columns.values()),
            rows=tuple(tuple(row) for row in rows),
        )

    def figure(self, caption: str, alt: str, spec: Mapping[str, Any]) -> Figure:
        """A figure."""
        self._n_figures += 1
        return Figure(self._n_figures, caption, alt, spec)


TREE_LEAVES = 40  # a taller drawing leaves its page


def told_workshops(report: Report) -> tuple[int, ...]:
    """Places in `report.workshops`, in order: all of them, or the `n_told` with most tables, then most passages."""
    places = range(len(report.workshops))
    first = sorted(
        places,
        key=lambda place: (
            -report.workshops[place].n_tables,
            -report.workshops[place].n_units,
            place,
        ),
    )
    return tuple(sorted(first[: report.n_told]))


def told_territories(report: Report) -> tuple[int, ...]:
    """Places in `report.territories`: all of them, or those of the workshops told."""
    if len(report.territories) <= report.n_told:
        return tuple(range(len(report.territories)))
    told = {report.workshops[place].territory for place in told_workshops(report)}
    return tuple(place for place, name in enumerate(report.territories) if name in told)


def extent_note(report: Report, *, where: str) -> tuple[Paragraph, ...]:
    """What is left out here and `where` it is; nothing where all workshops are told."""
    if len(report.workshops) <= report.n_told:
        return ()
    told = sentence(
        "ampleur.note",
        ateliers=count(len(report.workshops), "atelier"),
        n=report.n_told,
        **report.places.words,
    )
    return (Paragraph(f"{told} {sentence(f'ampleur.{where}')}", "note"),)
