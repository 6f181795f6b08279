"""Publish a study's results: one report in several formats, and its tables.

In:   the tables of the data dictionary, grid, settings
Out:  rapport.html, rapport.docx, rapport.pdf, carte.html; ateliers/, restitution.pptx; tables as .xlsx, .csv, .parquet, .geojson
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.publish.docx import write_docx, write_workshop_pages
    from pipeline.publish.html import write_html, write_map_page
    from pipeline.publish.pdf import write_pdf
    from pipeline.publish.public import write_public_tables
    from pipeline.publish.report import build_report
    from pipeline.publish.report.content import Report
    from pipeline.publish.slides import write_slides
    from pipeline.publish.tables import write_tables
    from pipeline.publish.territory_charts import comparison_specs, draw_comparison

_WHERE = {
    "Report": "pipeline.publish.report",
    "build_report": "pipeline.publish.report",
    "comparison_specs": "pipeline.publish.territory_charts",
    "draw_comparison": "pipeline.publish.territory_charts",
    "write_docx": "pipeline.publish.docx",
    "write_html": "pipeline.publish.html",
    "write_map_page": "pipeline.publish.html",
    "write_pdf": "pipeline.publish.pdf",
    "write_public_tables": "pipeline.publish.public",
    "write_slides": "pipeline.publish.slides",
    "write_tables": "pipeline.publish.tables",
    "write_workshop_pages": "pipeline.publish.docx",
}  # writers bring their libraries with them: whoever wants words alone loads none

__all__ = [
    "Report",
    "build_report",
    "comparison_specs",
    "draw_comparison",
    "write_docx",
    "write_html",
    "write_map_page",
    "write_pdf",
    "write_public_tables",
    "write_slides",
    "write_tables",
    "write_workshop_pages",
]


def __getattr__(name: str) -> Any:
    """One of the public names, its module imported when it is first asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
