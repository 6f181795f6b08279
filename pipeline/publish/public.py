"""The tables that go with a publication: all that the report tells, without a row a person and without who spoke or decided.

The whole tables are for analysts: `ateliers export`.

In:   the tables of the data dictionary, grid
Out:  .xlsx and .csv files
"""

from collections import Counter
from pathlib import Path

import pandas as pd

from pipeline.counting import said_after
from pipeline.grid.codes import Grid
from pipeline.publish.layout.crossings import in_words
from pipeline.publish.report.passages import Tables, workshop_names
from pipeline.publish.report.people import attendance_rows, presence
from pipeline.publish.tables import READABLE, write_tables
from pipeline.publish.text import sentence, texts
from pipeline.tables import TABLES

# people one by one or in small numbers; what analysts did, under their names; the documents' whole text, which the passages hold
_KEPT_BACK = (
    "attendance",
    "voices",
    "theme_voices",
    "decisions",
    "decision_effects",
    "decision_grounds",
    "review_queue",
    "second_tags",
    "agreement",
    "blocks",
)
_LATE = "c_late"
_LONGEST_SHEET = 20_000  # rows


def write_public_tables(
    tables: Tables, folder: Path, *, grid: Grid, least_count: int
) -> list[Path]:
    """Write what may be published as .xlsx and .csv, with who came by type of structure as the report tells it; return the files.

    Under `least_count` nobody is counted. A table of more than 20,000 rows is in .csv alone, so that a spreadsheet still opens; lists that
    people read are in both.
    """
    public = {
        "liste_presence": _who_came(tables, least_count),
        **tables,
        "units": tables["units"].assign(speaker=None),
    }
    public |= _without_small_remote(tables, least_count)
    wanted = [*READABLE, *(name for name in (*public, *TABLES) if name not in _KEPT_BACK)]
    return write_tables(
        public,
        folder,
        formats=("csv", "xlsx"),
        grid=grid,
        only=wanted,
        longest_sheet=_LONGEST_SHEET,
    )


def _who_came(tables: Tables, least: int) -> pd.DataFrame:
    """One row a type of structure, then all of them, in the report's words: a column a workshop."""
    names = workshop_names(tables["workshops"])
    came = presence(tables, names, least=least)
    rows = in_words(
        attendance_rows(came), [came.workshops[workshop_id] for workshop_id in names], least
    )
    return pd.DataFrame(
        [[name, *cells] for name, cells in rows],
        columns=[texts()["colonnes"]["type"], *names.values()],
    )


def _without_small_remote(tables: Tables, least: int) -> dict[str, pd.DataFrame]:
    """Priorities and their notes without how many wrote or called about a theme, where fewer than `least` did.

    Scores have two decimals: with more, what the other criteria leave would tell that number.
    """
    counts = _n_remote(tables)
    masked = {}
    for name in ("priorities", "priority_notes"):
        rows = tables[name]
        is_small = pd.Series(
            [
                0 < counts.get(key, 0) < least
                for key in zip(rows["scope"], rows["theme_id"], strict=True)
            ],
            index=rows.index,
            dtype=bool,
        )
        masked[name] = rows, is_small
    rows, is_small = masked["priorities"]
    late = {_LATE: rows[_LATE].mask(is_small)} if _LATE in rows else {}
    priorities = rows.assign(score=rows["score"].round(2), **late) if least > 1 else rows
    rows, is_small = masked["priority_notes"]
    is_small &= rows["subject"] == _LATE
    told = sentence("raisons.note_a_distance", n=least)
    notes = rows.assign(
        value=rows["value"].mask(is_small), sentence=rows["sentence"].mask(is_small, told)
    )
    return {"priorities": priorities, "priority_notes": notes}


def _n_remote(tables: Tables) -> dict[tuple[str, str], int]:
    """How many mails and calls speak of a theme, by scope and theme."""
    units = tables["units"]
    away = units[said_after(units)].merge(
        tables["theme_members"], on="unit_id", validate="one_to_one"
    )
    heard = away[["workshop_id", "theme_id", "document_id"]].drop_duplicates()
    keys = zip(
        [*heard["workshop_id"], *["study"] * len(heard)], [*heard["theme_id"]] * 2, strict=True
    )
    return dict(Counter(keys))
