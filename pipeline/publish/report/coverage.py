"""Account for every passage and every file: in a theme, coded, set aside; read or refused.

In:   Passages, documents, rejects, tags, grid
Out:  Coverage, SetAside, DocumentRow, RejectRow
"""

from pipeline.grid import RUBRIQUE, Grid
from pipeline.publish.report.content import Capped, Coverage, DocumentRow, RejectRow, SetAside
from pipeline.publish.report.passages import Passages, Tables, rows_of
from pipeline.publish.text import plain_name, printable, typography, word


def coverage(tables: Tables, passages: Passages, grid: Grid) -> Coverage:
    """Every passage once, by theme or not and by whether a code of a telling axis, such as a rubrique or a pilier, is on it."""
    themed = passages.rows["theme_id"].notna()
    coded = passages.rows["unit_id"].isin(passages.tags.loc[passages.tags["axis"].isin(grid.telling), "unit_id"])
    reviewed = (tables["tags"]["source"] == "person") & tables["tags"]["is_assigned"]
    return Coverage(
        n_themed_coded=int((themed & coded).sum()),
        n_themed_uncoded=int((themed & ~coded).sum()),
        n_aside_coded=int((~themed & coded).sum()),
        n_aside_uncoded=int((~themed & ~coded).sum()),
        n_reviewed_tags=int(reviewed.sum()),
    )


def set_aside(passages: Passages, grid: Grid, n_rows: int) -> Capped[SetAside]:
    """Passages in no theme, in reading order; `n_rows` at most are kept."""
    aside = passages.rows[passages.rows["theme_id"].isna()]
    first = aside.head(n_rows)
    shown = (RUBRIQUE, *(axis.axis for axis in grid.own_axes))
    listed = passages.tags[passages.tags["axis"].isin(shown) & passages.tags["unit_id"].isin(first["unit_id"])]
    codes = {unit_id: codes_of.tolist() for unit_id, codes_of in listed.groupby("unit_id")["code"]}
    rows = tuple(
        SetAside(
            text=row.text,
            where=f"{passages.names[row.workshop_id]}, {row.where}",
            codes=" ; ".join(typography(grid.label_of(code)) for code in codes.get(row.unit_id, [])),
        )
        for row in rows_of(first)
    )
    return Capped(rows, len(aside))


def documents(tables: Tables, passages: Passages, n_rows: int) -> Capped[DocumentRow]:
    """Documents by workshop, under their titles: a path may hold a person's name."""
    n_units = passages.rows["document_id"].value_counts()
    listed = tables["documents"].assign(place_in_study=tables["documents"]["workshop_id"].map({w: n for n, w in enumerate(passages.names)}))
    listed = listed.sort_values(["place_in_study", "path", "document_id"])
    rows = tuple(
        DocumentRow(
            workshop=passages.names[row.workshop_id],
            title=plain_name(row.title) if row.title == row.title else word("lieux", row.channel),
            channel=word("lieux", row.channel),
            n_units=int(n_units.get(row.document_id, 0)),
        )
        for row in rows_of(listed.head(n_rows))
    )
    return Capped(rows, len(listed))


def rejects(tables: Tables) -> tuple[RejectRow, ...]:
    """Files that could not be read, by path: whoever made the depot has to find them again."""
    listed = tables["rejects"].sort_values(["path", "reason"])
    return tuple(RejectRow(printable(row.path), typography(row.reason), typography(row.advice)) for row in rows_of(listed))
