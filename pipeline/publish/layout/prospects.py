"""What could be created, and what support structures ask for.

In:   Report
Out:  Section, with no block where the grid has no such rubrique or nobody spoke of it
"""

from pipeline.publish.layout.blocks import Paragraph, Section
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.content import Prospect, Report
from pipeline.publish.report.places import Places
from pipeline.publish.text import number, quoted, sentence, shown_rows

_MOST = 40  # rows; the least spoken of are left to the exports


def prospect_section(report: Report, numbering: Numbering) -> Section:
    """Opportunities by theme, then support needs by type."""
    parts = (("opportunites", "theme", report.opportunities), ("accompagnement", "appui", report.supports))
    sections = tuple(_part(name, first, rows, report.places, numbering) for name, first, rows in parts if rows)
    return Section(sentence("titres.prospects"), "prospects", (), sections)


def _part(name: str, first: str, rows: tuple[Prospect, ...], places: Places, numbering: Numbering) -> Section:
    columns = {first: 2.4, places.column: 1.2, "passages": 1.15, "exemple": 5.0}
    cells = [(row.name, number(row.n_tables), number(row.n_units), f"{quoted(row.quote.text)}\n{row.quote.where}") for row in rows[:_MOST]]
    table = numbering.table(sentence(f"legendes.{name}"), columns, cells, numbers=(places.column, "passages"))
    cut = sentence("prospects.coupe", montres=shown_rows(_MOST), total=number(len(rows)))
    note = (Paragraph(cut, "note"),) if len(rows) > _MOST else ()
    return Section(sentence(f"prospects.{name}"), name, (Paragraph(sentence(f"prospects.{name}_intro", **places.words)), table, *note))
