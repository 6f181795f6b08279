"""Exchange with the tools that analysts use: a study written for them, and what people did there brought back as decisions.

In:   tables as reviewed, grid, decisions; or a file from elsewhere
Out:  .qdpx, .qdc, a corpus for IRaMuTeQ, a review sheet; or Taken: decisions, and what was left out
"""

from pipeline.exchange.codebook import codebook_file
from pipeline.exchange.codings import gather_codings
from pipeline.exchange.compare_codebook import compare_codebook
from pipeline.exchange.import_project import take_project
from pipeline.exchange.iramuteq import BY, By, corpus_file
from pipeline.exchange.project import project_file
from pipeline.exchange.project_file import read_project
from pipeline.exchange.review_sheet import sheet_file
from pipeline.exchange.review_sheet_file import read_sheet_file, take_sheet
from pipeline.exchange.taken import Taken

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
