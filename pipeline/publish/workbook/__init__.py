"""Write the spreadsheet that people read: French sheets, no identifier, counts as in the report.

In:   the tables of the data dictionary, grid
Out:  tableaux.xlsx, a sheet that explains the others first
"""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.counting import why_no_theme
from pipeline.grid.codes import Grid
from pipeline.publish.report.passages import Tables
from pipeline.publish.spreadsheet import new_book
from pipeline.publish.text import plain_name, provisional, sentence, texts, typography
from pipeline.publish.workbook.people import (
    attendance_sheet,
    document_sheet,
    offer_sheet,
    repeat_sheet,
    workshop_sheet,
)
from pipeline.publish.workbook.rows import StudyRows, head
from pipeline.publish.workbook.themes import (
    contrast_sheet,
    opinion_sheet,
    passage_sheet,
    priority_sheet,
    theme_sheet,
)

NAME = "tableaux.xlsx"


def write_workbook(
    tables: Tables,
    path: Path,
    *,
    grid: Grid,
    title: str,
    least_count: int,
    least_units: int = 0,
) -> Path:
    """Write the workbook to `path`; counts of people under `least_count` are masked.

    A study of fewer than `least_units` passages has no themes, and the first sheet says so.
    """
    study = StudyRows(tables, grid, least_count)
    sheets = {
        name: rows for name, rows in _sheets(study).items() if len(rows) or name == "passages"
    }
    words = texts()["feuilles"]
    contents = pd.DataFrame(
        [
            [words[name]["nom"], words[name]["sujet"], words[name]["ligne"], len(rows)]
            for name, rows in sheets.items()
        ],
        columns=[head(name) for name in ("feuille", "montre", "une_ligne", "lignes")],
    )
    why = why_no_theme(study.tables["units"], study.tables["themes"], least_units=least_units)
    with new_book(path) as book:
        lines = [plain_name(title), *_notes(study, why)]
        book.add_lines(words["lisez_moi"]["nom"], lines, contents.map(_spaced))
        for name, rows in sheets.items():
            book.add_table(words[name]["nom"], rows)
    return path


def _spaced(cell: Any) -> Any:
    return typography(cell) if isinstance(cell, str) else cell


def _sheets(study: StudyRows) -> dict[str, pd.DataFrame]:
    """Return the sheets, by key of textes.yaml, in the order that people want them."""
    return {
        "passages": passage_sheet(study),
        "themes": theme_sheet(study),
        "dits": opinion_sheet(study),
        "priorites": priority_sheet(study),
        "territoires": contrast_sheet(study),
        "offre": offer_sheet(study),
        "presence": attendance_sheet(study),
        "ateliers": workshop_sheet(study),
        "documents": document_sheet(study),
        "revient": repeat_sheet(study),
    }


def _notes(study: StudyRows, why: str | None) -> list[str]:
    """Return what to know before reading a figure."""
    themes, words = len(study.tables["themes"]) > 0, study.passages.words()
    counted = words.sentence("feuilles_notes.comptes") if themes else ""
    tags = study.tables["tags"]
    n_reviewed = int(((tags["source"] == "person") & tags["is_assigned"]).sum())
    masked = sentence("voix.petits_effectifs", n=study.least) if study.least > 1 else ""
    return [
        note
        for note in (
            typography(why or ""),
            provisional(n_reviewed, has_themes=themes),
            counted,
            masked if len(study.tables["attendance"]) else "",
            sentence("feuilles_notes.personnes"),
            sentence("feuilles_notes.techniques"),
        )
        if note
    ]
