"""Publish a study's results: one report in several formats, and its tables.

In:   the tables of the data dictionary, grid, settings
Out:  rapport.html, rapport.docx, rapport.pdf, carte.html; ateliers/, restitution.pptx; tables as .xlsx, .csv, .parquet, .geojson
"""

from pipeline.publish.comparison import comparison_specs, draw_comparison
from pipeline.publish.docx import write_docx
from pipeline.publish.html import write_html
from pipeline.publish.map_page import write_map_page
from pipeline.publish.pdf import write_pdf
from pipeline.publish.public import write_public_tables
from pipeline.publish.report import Report, build_report
from pipeline.publish.slides import write_slides
from pipeline.publish.tables import write_tables
from pipeline.publish.workshop_pages import write_workshop_pages

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
