"""Define a page's blocks: sections of paragraphs, lists, tables and figures.

Only some workshops of a large study are told in full, so that the document still opens.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.publish.report.content import Report, ReportQuote
from pipeline.publish.text import sentence, texts, typography
from pipeline.text import fold


@dataclass(frozen=True)
class PageParagraph:
    """A paragraph; `note` is small print, `lead` opens a section."""

    text: str
    style: Literal["body", "note", "lead"] = "body"


@dataclass(frozen=True)
class Terms:
    """Words and their meaning, one a line."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PageTable:
    """A captioned table; rows begin with a header cell, `widths` are shares of the page."""

    number: int
    caption: str
    columns: tuple[str, ...]
    is_number: tuple[bool, ...]  # right-aligned columns
    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    label: str = "Tableau"


@dataclass(frozen=True)
class PageFigure:
    """A captioned Vega-Lite chart; `alt` says the same in words."""

    number: int
    caption: str
    alt: str
    spec: Mapping[str, Any]
    label: str = "Figure"


@dataclass(frozen=True)
class Quotes:
    """Verbatim passages, each with its origin, on the same line where `is_compact`."""

    quotes: tuple[ReportQuote, ...]
    is_compact: bool = False


Block = PageParagraph | Terms | PageTable | PageFigure | Quotes
INTRODUCED = (PageFigure, PageTable, Terms, Quotes)  # kept with the paragraph before


@dataclass(frozen=True)
class Section:
    """A heading of level 2 or 3 with its blocks; `anchor` is unique in the page."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...] = ()
    starts_page: bool = False


@dataclass(frozen=True)
class Page:
    """A report as blocks; `notice` comes before the sections.

    Its contents come after the first section, unless it is brief.
    """

    title: str
    subtitle: str
    made_at: str
    notice: str
    sections: tuple[Section, ...]
    is_brief: bool = False


def body(key: str, **values: Any) -> PageParagraph:
    """Return a paragraph of textes.yaml."""
    return PageParagraph(sentence(key, **values))


def lead(key: str, **values: Any) -> PageParagraph:
    """Return a paragraph that opens a section."""
    return PageParagraph(sentence(key, **values), "lead")


def note(key: str, **values: Any) -> PageParagraph:
    """Return a paragraph in small print."""
    return PageParagraph(sentence(key, **values), "note")


def make_section(
    title: str, anchor: str, *blocks: Block, sections: Sequence[Section] = ()
) -> Section:
    """Return a section; `title` is a key of textes.yaml."""
    return Section(sentence(title), anchor, blocks, tuple(sections))


class PageDraft:
    """A page being written: numbers its tables and figures, and quotes no passage twice.

    A caption is a key of textes.yaml, filled with `values`.
    """

    def __init__(self) -> None:
        self._n_tables = self._n_figures = 0
        self._quoted: set[str] = set()

    def quote(self, candidates: Iterable[ReportQuote], n: int) -> tuple[ReportQuote, ...]:
        """Return the first `n` candidates that the page does not quote yet, and remember them."""
        chosen: list[ReportQuote] = []
        for candidate in candidates:
            if len(chosen) < n and fold(candidate.text) not in self._quoted:
                chosen.append(candidate)
                self._quoted.add(fold(candidate.text))
        return tuple(chosen)

    def table(
        self,
        caption: str,
        columns: Mapping[str, float],
        rows: Sequence[Sequence[str]],
        numbers: Sequence[str] = (),
        **values: Any,
    ) -> PageTable:
        """Return a table; `columns` map words or keys of textes.yaml to shares of the width.

        Columns in `numbers` are right-aligned.
        """
        self._n_tables += 1
        heads, total = texts()["colonnes"], sum(columns.values())
        return PageTable(
            number=self._n_tables,
            caption=sentence(caption, **values),
            columns=tuple(typography(heads.get(name, name)) for name in columns),
            is_number=tuple(name in numbers for name in columns),
            widths=tuple(width / total for width in columns.values()),
            rows=tuple(map(tuple, rows)),
        )

    def figure(self, caption: str, alt: str, spec: Mapping[str, Any], **values: Any) -> PageFigure:
        """Return a figure."""
        self._n_figures += 1
        return PageFigure(self._n_figures, sentence(caption, **values), alt, spec)


def told_workshops(report: Report) -> tuple[int, ...]:
    """Return the indices of the `n_told` workshops with most tables, then passages."""
    workshops = report.workshops
    first = sorted(
        range(len(workshops)), key=lambda i: (-workshops[i].n_tables, -workshops[i].n_units, i)
    )
    return tuple(sorted(first[: report.n_told]))


def told_names(report: Report) -> list[str]:
    """Return the names of the workshops told."""
    return [report.workshops[i].name for i in told_workshops(report)]


def told_territories(report: Report) -> tuple[int, ...]:
    """Return the indices of the told workshops' territories; all where `n_told` suffices."""
    territories = {report.workshops[i].territory for i in told_workshops(report)}
    is_short = len(report.territories) <= report.n_told
    return tuple(i for i, name in enumerate(report.territories) if is_short or name in territories)


def extent_note(report: Report, *, where: str) -> tuple[PageParagraph, ...]:
    """Say what is left out and `where` it is."""
    n_workshops = len(report.workshops)
    if n_workshops <= report.n_told:
        return ()
    workshops = report.counted.count_workshops(n_workshops)
    extent = report.counted.sentence("ampleur.note", compte=workshops, n=report.n_told)
    return (PageParagraph(f"{extent} {sentence(f'ampleur.{where}')}", "note"),)
