"""Exchange with the tools that analysts use: a study written for them, and what people did there brought back as decisions.

In:   tables as reviewed, grid, decisions; or a file from elsewhere
Out:  .qdpx, .qdc, a corpus for IRaMuTeQ, a review sheet; or Taken: decisions, and what was left out
"""

from pipeline.exchange.codebook import codebook_file, compare_codebook
from pipeline.exchange.documents import BY, By, corpus_file, gather_codings
from pipeline.exchange.import_project import Taken, take_project
from pipeline.exchange.project import project_file
from pipeline.exchange.project_file import read_project
from pipeline.exchange.review_sheet import read_sheet_file, sheet_file, take_sheet

__all__ = [
    "BY",
    "By",
    "Taken",
    "codebook_file",
    "compare_codebook",
    "corpus_file",
    "gather_codings",
    "project_file",
    "read_project",
    "read_sheet_file",
    "sheet_file",
    "take_project",
    "take_sheet",
]
