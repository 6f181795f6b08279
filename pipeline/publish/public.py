"""The tables that go with a publication: all that the report tells, without a row a person and without who spoke or decided.

The whole tables are for analysts: `ateliers export`.

In:   the tables of the data dictionary, Report, grid
Out:  .xlsx and .csv files
"""

from pathlib import Path

import pandas as pd

from pipeline.grid import Grid
from pipeline.publish.layout.crossings import presence_cells
from pipeline.publish.readable import READABLE
from pipeline.publish.report import Report
from pipeline.publish.report.passages import Tables
from pipeline.publish.tables import write_tables
from pipeline.publish.text import texts
from pipeline.tables import TABLES

# people one by one or in small numbers; what analysts did, under their names; the documents' whole text, which the passages hold
_KEPT_BACK = (
    "attendance",
    "voices",
    "theme_voices",
    "decisions",
    "decision_effects",
    "review_queue",
    "second_tags",
    "agreement",
    "blocks",
)


def write_public_tables(tables: Tables, report: Report, folder: Path, *, grid: Grid) -> list[Path]:
    """Write what may be published as .xlsx and .csv, with who came by type of structure as the report tells it; return the files."""
    public = {"liste_presence": _presence(report), **tables, "units": tables["units"].assign(speaker=None)}
    wanted = [*READABLE, *(name for name in (*public, *TABLES) if name not in _KEPT_BACK)]
    return write_tables(public, folder, formats=("xlsx", "csv"), grid=grid, only=wanted)


def _presence(report: Report) -> pd.DataFrame:
    heads = [texts()["colonnes"]["type"], *(workshop.name for workshop in report.workshops)]
    return pd.DataFrame([[name, *cells] for name, cells in presence_cells(report)], columns=heads)
