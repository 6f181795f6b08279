"""Publish a study's results: one report in several formats, and its tables.

In:   the tables of the data dictionary, grid, settings
Out:  report.html, report.docx; tables as .xlsx, .csv, .parquet, .geojson
"""

from pipeline.publish.docx import write_docx
from pipeline.publish.html import write_html
from pipeline.publish.report import Report, build_report
from pipeline.publish.tables import write_tables

__all__ = ["Report", "build_report", "write_docx", "write_html", "write_tables"]
