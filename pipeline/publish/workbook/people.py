"""Make the sheets of the offer, of who came, of workshops and documents, and of what comes back.

In:   StudyRows
Out:  a table a sheet, under French headings
"""

import pandas as pd

from pipeline.publish.report.people import (
    attendance_cells,
    count_attendance,
    workshop_facts,
)
from pipeline.publish.report.without_themes import repeats
from pipeline.publish.text import (
    Tally,
    capitalised,
    one_line,
    plain_name,
    quoted,
    tally,
    word,
)
from pipeline.publish.workbook.rows import StudyRows, head
from pipeline.publish.workbook.themes import title_of
from pipeline.tables.columns import rows_of


def offer_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row an offer, by workshop: what several passages say of one is one row."""
    units = study.passages.rows[["unit_id", "workshop_id", "workshop_rank", "text"]]
    rows = (
        study.tables["offers"]
        .merge(units, on="unit_id", validate="many_to_one")
        .sort_values(["workshop_rank", "structure_name", "activity", "unit_id"])
    )
    rows = rows.assign(
        quantity_low=rows["quantity_low"].fillna(rows["quantity"]),
        quantity_high=rows["quantity_high"].fillna(rows["quantity"]),
    )
    grouped = rows.groupby("offer_id", sort=False)
    offers = grouped.first().assign(
        quantity_low=grouped["quantity_low"].min(),
        quantity_high=grouped["quantity_high"].max(),
        year=grouped["year"].max(),
        n_units=grouped["unit_id"].nunique(),
    )
    for name in ("activity", "public", "sector"):
        offers[name] = offers[name].map(plain_name, "ignore").map(capitalised, "ignore")
    return pd.DataFrame(
        study.where(offers["workshop_id"])
        | {
            head("structure"): offers["structure_name"].map(one_line, "ignore").to_numpy(),
            head("activite"): offers["activity"].to_numpy(),
            head("public"): offers["public"].to_numpy(),
            head("quantite_bas"): offers["quantity_low"].to_numpy(),
            head("quantite_haut"): offers["quantity_high"].to_numpy(),
            head("unite"): offers["quantity_unit"].map(plain_name, "ignore").to_numpy(),
            head("annee"): offers["year"].to_numpy(),
            head("secteur"): offers["sector"].to_numpy(),
            head("passage"): offers["text"].to_numpy(),
            head("passages"): offers["n_units"].to_numpy(),
        }
    )


def attendance_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a type of structure and a column a workshop, small counts masked."""
    if study.tables["attendance"].empty:
        return pd.DataFrame()
    names = study.passages.names
    came = count_attendance(study.tables, names, least=study.least)
    totals = [came.workshops[workshop_id] for workshop_id in names]
    rows = attendance_cells(came.rows, totals, study.least)
    columns = [word("colonnes", "type"), *names.values()]
    return pd.DataFrame([[name, *cells] for name, cells in rows], columns=columns)


def workshop_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a workshop, by date."""
    came = count_attendance(study.tables, study.passages.names, least=study.least)
    facts = workshop_facts(study.tables, study.passages, came)
    return pd.DataFrame(
        study.where(study.passages.names)
        | {
            head("lieu"): [one.place or None for one in facts],
            head("tables"): [one.n_tables or None for one in facts],
            head("structures"): [_tally(study, one.n_structures) for one in facts],
            head("personnes"): [_tally(study, one.n_people) for one in facts],
            head("documents"): [one.n_documents for one in facts],
            head("passages"): [one.n_units for one in facts],
        }
    )


def _tally(study: StudyRows, n: Tally | None) -> int | str:
    return n if isinstance(n, int) else tally(n, least=study.least)


def document_sheet(study: StudyRows) -> pd.DataFrame:
    """List documents by title: a path may hold a person's name."""
    n_units, rows = study.passages.rows["document_id"].value_counts(), study.tables["documents"]
    rank = {workshop_id: i for i, workshop_id in enumerate(study.passages.names)}
    rows = rows.assign(rank=rows["workshop_id"].map(rank)).dropna(subset="rank")
    rows = rows.sort_values(["rank", "path", "document_id"])
    return pd.DataFrame(
        study.where(rows["workshop_id"])
        | {
            head("document"): [
                title_of(row.title) or word("lieux", row.channel) for row in rows_of(rows)
            ],
            head("nature"): [word("lieux", name) for name in rows["channel"]],
            head("table"): rows["table_number"].to_numpy(),
            head("passages"): [int(n_units.get(name, 0)) for name in rows["document_id"]],
        }
    )


def repeat_sheet(study: StudyRows) -> pd.DataFrame:
    """Return the passages said more than once, of a study without themes."""
    if study.theme_names:
        return pd.DataFrame()
    return pd.DataFrame(
        {
            head("passage"): " / ".join(map(quoted, one.texts)),
            word("colonnes", study.passages.words().column): one.n_tables,
            head("passages"): one.n_units,
        }
        for one in repeats(study.passages)
    )
